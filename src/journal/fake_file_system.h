#pragma once

// File systems that fail or forget on demand, and records that can be told apart: for tests,
// fuzzing and simulation. Not part of the library.

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/ids.h"
#include "base/random.h"
#include "journal/file_system.h"
#include "journal/format.h"

namespace stoa::journal::test {

using Bytes = std::vector<std::byte>;

/// The payload of record `lsn`: its length and every byte follow from the lsn, so that a record in
/// the wrong place is noticed. 0 to 96 bytes, never ending in zero.
inline Bytes payload_of(Lsn lsn) {
  Random random{lsn.value()};
  Bytes bytes(random.below(97));
  for (auto& b : bytes) b = static_cast<std::byte>(random.below(256));
  if (!bytes.empty()) bytes.back() |= std::byte{1};
  return bytes;
}

enum class Op : std::uint8_t {
  Open,
  List,
  Make,
  Rename,
  Remove,
  SyncDirectory,
  Read,
  Write,
  Sync,
  Allocate,
  Lock,
};

/// Answers a call with an error, or a write with less than was asked.
struct Fault {
  int error = 0;
  std::optional<std::size_t> write_at_most = std::nullopt;
};

/// Passes calls on unless `on_call` says otherwise.
class FaultyFileSystem final : public FileSystem {
 public:
  using Hook = std::function<Fault(Op, const std::filesystem::path&)>;

  explicit FaultyFileSystem(FileSystem& below = posix_file_system()) : below_{below} {}

  Hook on_call = [](Op, const std::filesystem::path&) { return Fault{}; };

  /// The `nth` call of this kind from now on (1: the next) answers `fault`, calls after it succeed.
  void fail_nth(Op op, int nth, Fault fault) {
    on_call = [op, left = nth, fault](Op called, const std::filesystem::path&) mutable {
      return called == op && --left == 0 ? fault : Fault{};
    };
  }

  IoResult<std::unique_ptr<File>> open(const std::filesystem::path& path, OpenMode mode) override {
    if (const Fault fault = on_call(Op::Open, path); fault.error != 0) return error(fault);
    auto file = below_.open(path, mode);
    if (!file) return file;
    return std::make_unique<FaultyFile>(*this, path, std::move(*file));
  }
  IoResult<std::vector<std::string>> list(const std::filesystem::path& dir) override {
    if (const Fault fault = on_call(Op::List, dir); fault.error != 0) return error(fault);
    return below_.list(dir);
  }
  IoResult<bool> make_directory(const std::filesystem::path& dir) override {
    if (const Fault fault = on_call(Op::Make, dir); fault.error != 0) return error(fault);
    return below_.make_directory(dir);
  }
  IoResult<void> rename(const std::filesystem::path& from,
                        const std::filesystem::path& to) override {
    if (const Fault fault = on_call(Op::Rename, to); fault.error != 0) return error(fault);
    return below_.rename(from, to);
  }
  IoResult<void> remove(const std::filesystem::path& path) override {
    if (const Fault fault = on_call(Op::Remove, path); fault.error != 0) return error(fault);
    return below_.remove(path);
  }
  IoResult<void> sync_directory(const std::filesystem::path& dir) override {
    if (const Fault fault = on_call(Op::SyncDirectory, dir); fault.error != 0) return error(fault);
    return below_.sync_directory(dir);
  }

 private:
  static std::unexpected<Errno> error(const Fault& fault) {
    return std::unexpected(Errno{fault.error});
  }

  class FaultyFile final : public File {
   public:
    FaultyFile(FaultyFileSystem& system, std::filesystem::path path, std::unique_ptr<File> below)
        : system_{system}, path_{std::move(path)}, below_{std::move(below)} {}

    IoResult<std::size_t> read_at(std::span<std::byte> into, std::uint64_t offset) override {
      if (const Fault fault = ask(Op::Read); fault.error != 0) return error(fault);
      return below_->read_at(into, offset);
    }
    IoResult<std::size_t> write_at(std::span<const std::byte> bytes,
                                   std::uint64_t offset) override {
      const Fault fault = ask(Op::Write);
      if (fault.error != 0) return error(fault);
      const std::size_t most = fault.write_at_most.value_or(bytes.size());
      if (most == 0) return std::size_t{0};
      return below_->write_at(bytes.first(std::min(most, bytes.size())), offset);
    }
    IoResult<void> sync_data() override {
      if (const Fault fault = ask(Op::Sync); fault.error != 0) return error(fault);
      return below_->sync_data();
    }
    IoResult<void> allocate(std::uint64_t bytes) override {
      if (const Fault fault = ask(Op::Allocate); fault.error != 0) return error(fault);
      return below_->allocate(bytes);
    }
    IoResult<std::uint64_t> size() override { return below_->size(); }
    IoResult<void> try_lock() override {
      if (const Fault fault = ask(Op::Lock); fault.error != 0) return error(fault);
      return below_->try_lock();
    }

   private:
    Fault ask(Op op) { return system_.on_call(op, path_); }

    FaultyFileSystem& system_;
    std::filesystem::path path_;
    std::unique_ptr<File> below_;
  };

  FileSystem& below_;
};

/// A disk in memory that loses power: what was not synced is kept or lost sector by sector, names
/// as a whole. One thread.
class MemoryFileSystem final : public FileSystem {
 public:
  /// Drops unsynced writes by the throw of `random`; files still open must not be used again.
  void power_cut(Random& random) {
    if (random.one_in(2)) names_ = durable_names_;
    for (auto& [path, inode] : names_) {
      inode->locked = false;
      if (inode->disk.size() < inode->now.size()) inode->disk.resize(inode->now.size());
      for (std::size_t at = 0; at < inode->now.size(); at += kSectorBytes) {
        const std::size_t size = std::min<std::size_t>(kSectorBytes, inode->now.size() - at);
        const auto now = std::span{inode->now}.subspan(at, size);
        const auto disk = std::span{inode->disk}.subspan(at, size);
        if (random.one_in(2)) std::ranges::copy(now, disk.begin());
      }
      inode->now = inode->disk;
    }
    durable_names_ = names_;
  }

  IoResult<std::unique_ptr<File>> open(const std::filesystem::path& path, OpenMode mode) override {
    auto found = names_.find(path.string());
    if (found == names_.end()) {
      if (mode == OpenMode::Read || mode == OpenMode::Write) return error(ENOENT);
      found = names_.emplace(path.string(), std::make_shared<Inode>()).first;
    } else if (mode == OpenMode::Reset) {
      found->second = std::make_shared<Inode>();
    }
    return std::make_unique<MemoryFile>(found->second);
  }
  IoResult<std::vector<std::string>> list(const std::filesystem::path& dir) override {
    std::vector<std::string> found;
    for (const auto& [path, inode] : names_) {
      const std::filesystem::path full{path};
      if (full.parent_path() == dir) found.push_back(full.filename().string());
    }
    return found;
  }
  IoResult<bool> make_directory(const std::filesystem::path&) override { return true; }
  IoResult<void> rename(const std::filesystem::path& from,
                        const std::filesystem::path& to) override {
    const auto found = names_.find(from.string());
    if (found == names_.end()) return error(ENOENT);
    names_[to.string()] = found->second;
    names_.erase(from.string());
    return {};
  }
  IoResult<void> remove(const std::filesystem::path& path) override {
    if (names_.erase(path.string()) == 0) return error(ENOENT);
    return {};
  }
  IoResult<void> sync_directory(const std::filesystem::path&) override {
    durable_names_ = names_;
    return {};
  }

 private:
  struct Inode {
    Bytes now;
    Bytes disk;
    bool locked = false;
  };
  static std::unexpected<Errno> error(int value) { return std::unexpected(Errno{value}); }

  class MemoryFile final : public File {
   public:
    explicit MemoryFile(std::shared_ptr<Inode> inode) : inode_{std::move(inode)} {}
    ~MemoryFile() override {
      if (mine_) inode_->locked = false;
    }
    IoResult<std::size_t> read_at(std::span<std::byte> into, std::uint64_t offset) override {
      const std::size_t at = std::min<std::size_t>(offset, inode_->now.size());
      const std::size_t size = std::min(into.size(), inode_->now.size() - at);
      std::ranges::copy(std::span{inode_->now}.subspan(at, size), into.begin());
      return size;
    }
    IoResult<std::size_t> write_at(std::span<const std::byte> bytes,
                                   std::uint64_t offset) override {
      if (inode_->now.size() < offset + bytes.size()) inode_->now.resize(offset + bytes.size());
      std::ranges::copy(bytes, inode_->now.begin() + static_cast<std::ptrdiff_t>(offset));
      return bytes.size();
    }
    IoResult<void> sync_data() override {
      inode_->disk = inode_->now;
      return {};
    }
    IoResult<void> allocate(std::uint64_t bytes) override {
      inode_->now.resize(bytes);
      return {};
    }
    IoResult<std::uint64_t> size() override { return inode_->now.size(); }
    IoResult<void> try_lock() override {
      if (inode_->locked) return error(EWOULDBLOCK);
      inode_->locked = mine_ = true;
      return {};
    }

   private:
    std::shared_ptr<Inode> inode_;
    bool mine_ = false;
  };

  std::map<std::string, std::shared_ptr<Inode>> names_;
  std::map<std::string, std::shared_ptr<Inode>> durable_names_;
};

}  // namespace stoa::journal::test
