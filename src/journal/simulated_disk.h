#pragma once

// A disk in memory that does what disks and their file systems do at their worst, repeatably: for
// tests and simulation. Not part of the library.

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/random.h"
#include "journal/fake_file_system.h"
#include "journal/file_system.h"
#include "journal/format.h"

namespace stoa::journal::test {

/// What is left after the program has stopped.
enum class Survival : std::uint8_t {
  ProcessKilled,  // the page cache: all that was written, durable or not
  OnlySynced,     // a power cut, and nothing that was not synced had reached the disk
  AllWritten,     // a power cut, and everything had
  AnyOfIt,        // a power cut, and any sectors, sizes and names had, each by chance
};
inline constexpr std::size_t kSurvivals = 4;

/// Ways in which a disk breaks its word. A journal on it loses what it acknowledged, so a test that
/// does not notice proves nothing.
enum class Sabotage : std::uint8_t {
  None,
  SyncDoesNothing,           // as if the writer acknowledged before fdatasync
  DirectorySyncDoesNothing,  // as if the writer did not sync names
  LosesASyncedSector,        // as if recovery cut too much
  MisplacesAWrite,           // a write lands a second time, one sector further on
};

/// What the disk keeps apart: what programs see (the page cache) and what survives a power cut.
///
///   bytes   a write stops at a page, a short one at a sector; every sector written since the last
///           fdatasync survives in any of the states that it had, by itself; a file's size too.
///           Space that was cut off and reserved again may hold its old bytes until it is written
///   names   made, renamed and removed names survive a power cut when their directory was synced;
///           else the first few changes, or any of them, a rename as a whole
///   fsync   that fails has written some sectors; the rest is forgotten, though the page cache may
///           still show it, and the next fsync succeeds without writing it
///
/// Every call that changes something is numbered, so that a run can be stopped at any of them: the
/// call then happens in part and nothing after it does. One thread.
class SimulatedDisk final : public FileSystem {
 public:
  using Hook = std::function<Fault(Op, const std::filesystem::path&)>;

  explicit SimulatedDisk(std::uint64_t seed, Sabotage sabotage = Sabotage::None)
      : random_{seed}, sabotage_{sabotage} {}

  /// Asked before each call; a write that fails may have happened in part.
  Hook on_call = [](Op, const std::filesystem::path&) { return Fault{}; };

  // --- the end of a program

  /// The call that is change number `change` (from 1, since the disk was made) is the last one.
  void stop_at(std::uint64_t change) noexcept { stop_at_ = change; }
  [[nodiscard]] bool stopped() const noexcept { return stopped_; }
  /// Calls that changed something so far, and all calls.
  [[nodiscard]] std::uint64_t changes() const noexcept { return changes_; }
  [[nodiscard]] std::uint64_t calls() const noexcept { return calls_; }

  /// The machine or the process starts anew: open files are dead, locks free.
  void restart(Survival survival) {
    ++boot_;
    stopped_ = false;
    stop_at_ = UINT64_MAX;
    if (survival != Survival::ProcessKilled) cut_power(survival);
    for (auto& [path, inode] : names_) inode->locked = nullptr;
  }

  // --- the state of the disk

  /// Space for all files together; reserving more answers ENOSPC.
  std::uint64_t capacity_bytes = UINT64_MAX;
  /// Mounted read-only: whatever changes something answers EROFS.
  bool read_only = false;
  /// The directory and all in it are gone, for good.
  void vanish(const std::filesystem::path& dir) {
    for (Names* names : {&names_, &durable_names_}) {
      std::erase_if(*names, [&](const auto& name) {
        return std::filesystem::path{name.first}.parent_path() == dir;
      });
    }
    directories_.erase(dir.string());
    durable_directories_.erase(dir.string());
    std::erase_if(pending_, [&](const Change& change) { return change.directory == dir; });
  }
  /// One bit of a file changes, in the page cache and on the disk.
  void flip_bit(const std::filesystem::path& path, std::uint64_t bit) {
    Inode& inode = *names_.at(path.string());
    const auto mask = static_cast<std::byte>(1U << bit % 8);
    inode.now.at(bit / 8) ^= mask;
    if (inode.disk.size() > bit / 8) inode.disk[bit / 8] ^= mask;
  }

  // --- FileSystem

  IoResult<std::unique_ptr<File>> open(const std::filesystem::path& path, OpenMode mode) override {
    const auto found = names_.find(path.string());
    const bool makes = found == names_.end() && mode != OpenMode::Read && mode != OpenMode::Write;
    const bool changes = makes || mode == OpenMode::Reset;
    const Fault fault = begin(Op::Open, path, changes);
    if (fault.error != 0 && !happens_anyway(changes)) return error(fault.error);
    if (read_only && mode != OpenMode::Read) return error(EROFS);
    if (!directory_exists(path.parent_path())) return error(ENOENT);
    if (found == names_.end() && !makes) return error(ENOENT);
    std::shared_ptr<Inode> inode = makes ? std::make_shared<Inode>() : found->second;
    if (makes) change({folder_of(path), Change::Make, {}, path.string(), inode});
    if (mode == OpenMode::Reset) {
      inode->now.clear();
      inode->unsynced.clear();
    }
    if (fault.error != 0) return error(fault.error);
    return std::make_unique<OpenFile>(*this, path, std::move(inode));
  }

  IoResult<std::vector<std::string>> list(const std::filesystem::path& dir) override {
    if (const Fault fault = begin(Op::List, dir, false); fault.error != 0) {
      return error(fault.error);
    }
    if (!directory_exists(dir)) return error(ENOENT);
    std::vector<std::string> found;
    for (const auto& [path, inode] : names_) {
      const std::filesystem::path full{path};
      if (full.parent_path() == dir) found.push_back(full.filename().string());
    }
    // Directories promise no order.
    for (std::size_t i = found.size(); i > 1; --i) std::swap(found[i - 1], found[random_.below(i)]);
    return found;
  }

  IoResult<bool> make_directory(const std::filesystem::path& dir) override {
    const bool exists = directory_exists(dir);
    const Fault fault = begin(Op::Make, dir, !exists);
    if (fault.error != 0 && !happens_anyway(!exists)) return error(fault.error);
    if (exists) return false;
    if (read_only) return error(EROFS);
    if (!directory_exists(dir.parent_path())) return error(ENOENT);
    change({folder_of(dir), Change::MakeDirectory, {}, dir.string(), nullptr});
    if (fault.error != 0) return error(fault.error);
    return true;
  }

  IoResult<void> rename(const std::filesystem::path& from,
                        const std::filesystem::path& to) override {
    const Fault fault = begin(Op::Rename, to, true);
    if (fault.error != 0 && !happens_anyway(true)) return error(fault.error);
    if (read_only) return error(EROFS);
    const auto found = names_.find(from.string());
    if (found == names_.end()) return error(ENOENT);
    change({folder_of(to), Change::Rename, from.string(), to.string(), found->second});
    if (fault.error != 0) return error(fault.error);
    return {};
  }

  IoResult<void> remove(const std::filesystem::path& path) override {
    const Fault fault = begin(Op::Remove, path, true);
    if (fault.error != 0 && !happens_anyway(true)) return error(fault.error);
    if (read_only) return error(EROFS);
    const auto found = names_.find(path.string());
    if (found == names_.end()) return error(ENOENT);
    change({folder_of(path), Change::Remove, path.string(), {}, found->second});
    if (fault.error != 0) return error(fault.error);
    return {};
  }

  IoResult<void> sync_directory(const std::filesystem::path& dir) override {
    const Fault fault = begin(Op::SyncDirectory, dir, true);
    if (fault.error != 0) return error(fault.error);
    if (!directory_exists(dir)) return error(ENOENT);
    if (sabotage_ == Sabotage::DirectorySyncDoesNothing) return {};
    for (const Change& each : pending_) {
      if (each.directory == dir) apply(each, durable_names_, durable_directories_);
    }
    std::erase_if(pending_, [&](const Change& each) { return each.directory == dir; });
    return {};
  }

 private:
  using Sector = std::array<std::byte, kSectorBytes>;
  struct Inode {
    Bytes now;                                            // what programs see
    Bytes disk;                                           // what survives
    std::map<std::size_t, std::vector<Sector>> unsynced;  // by number: the states since the sync
    const void* locked = nullptr;
  };
  using Names = std::map<std::string, std::shared_ptr<Inode>>;
  using Directories = std::set<std::string>;
  struct Change {
    std::filesystem::path directory;
    enum Kind : std::uint8_t { Make, MakeDirectory, Rename, Remove } kind;
    std::string from;
    std::string to;
    std::shared_ptr<Inode> inode;
  };

  static std::unexpected<Errno> error(int value) { return std::unexpected(Errno{value}); }

  // Counts the call and answers with what it has to fail with.
  Fault begin(Op op, const std::filesystem::path& path, bool changes) {
    ++calls_;
    stopping_ = false;
    if (stopped_) return Fault{.error = EIO};
    if (changes && ++changes_ >= stop_at_) {
      stopped_ = stopping_ = true;
      return Fault{.error = EIO};
    }
    return on_call(op, path);
  }
  // The call at which the program stopped may have been carried out before its answer was due.
  bool happens_anyway(bool changes) {
    const bool last = std::exchange(stopping_, false);
    return last && changes && random_.one_in(2);
  }

  static std::filesystem::path folder_of(const std::filesystem::path& path) {
    return path.has_parent_path() ? path.parent_path() : ".";
  }
  [[nodiscard]] bool directory_exists(const std::filesystem::path& dir) const {
    return dir.empty() || dir == "." || directories_.contains(dir.string());
  }

  void change(const Change& made) {
    apply(made, names_, directories_);
    pending_.push_back(made);
  }
  static void apply(const Change& change, Names& names, Directories& directories) {
    switch (change.kind) {
      case Change::MakeDirectory:
        directories.insert(change.to);
        return;
      case Change::Make:
        names[change.to] = change.inode;
        return;
      case Change::Rename:
        names[change.to] = change.inode;
        break;
      case Change::Remove:
        break;
    }
    const auto from = names.find(change.from);
    if (from != names.end() && from->second == change.inode) names.erase(from);
  }

  // --- bytes

  void write(Inode& inode, std::span<const std::byte> bytes, std::uint64_t offset) {
    if (bytes.empty()) return;
    if (inode.now.size() < offset + bytes.size()) inode.now.resize(offset + bytes.size());
    std::ranges::copy(bytes, inode.now.begin() + static_cast<std::ptrdiff_t>(offset));
    const std::uint64_t last = (offset + bytes.size() - 1) / kSectorBytes;
    for (std::uint64_t sector = offset / kSectorBytes; sector <= last; ++sector) {
      auto& states = inode.unsynced[sector];
      // A file being filled with zeros again and again has no use for its history.
      const Sector state = sector_of(inode.now, sector);
      if (states.empty() || states.back() != state) states.push_back(state);
    }
  }
  static Sector sector_of(const Bytes& bytes, std::uint64_t number) {
    Sector sector{};
    const std::size_t at = number * kSectorBytes;
    if (at >= bytes.size()) return sector;
    const std::size_t size = std::min<std::size_t>(kSectorBytes, bytes.size() - at);
    std::copy_n(bytes.begin() + static_cast<std::ptrdiff_t>(at), size, sector.begin());
    return sector;
  }
  static void put_sector(Bytes& bytes, std::uint64_t number, const Sector& sector) {
    const std::size_t at = number * kSectorBytes;
    if (bytes.size() < at + kSectorBytes) bytes.resize(at + kSectorBytes);
    std::ranges::copy(sector, bytes.begin() + static_cast<std::ptrdiff_t>(at));
  }
  void sync(Inode& inode) {
    for (const auto& [number, states] : inode.unsynced) {
      put_sector(inode.disk, number, states.back());
    }
    inode.unsynced.clear();
    inode.disk.resize(inode.now.size());
  }
  // A sync that failed: some sectors were written, the others are forgotten. The page cache shows
  // them as they were written, or as they are on the disk when it has dropped the pages.
  void sync_in_part(Inode& inode) {
    const bool dropped = random_.one_in(2);
    for (const auto& [number, states] : inode.unsynced) {
      if (random_.one_in(2)) {
        put_sector(inode.disk, number, states.back());
      } else if (dropped) {
        const Sector old = sector_of(inode.disk, number);
        const std::size_t at = number * kSectorBytes;
        const std::size_t size = std::min<std::size_t>(kSectorBytes, inode.now.size() - at);
        std::copy_n(old.begin(), size, inode.now.begin() + static_cast<std::ptrdiff_t>(at));
      }
    }
    inode.unsynced.clear();
    if (inode.disk.size() < inode.now.size()) inode.disk.resize(inode.now.size());
  }

  void cut_power(Survival survival) {
    const bool in_order = random_.one_in(2);
    bool reached = true;
    for (const Change& each : pending_) {
      if (survival == Survival::AnyOfIt) {
        const bool thrown = random_.one_in(2);
        reached = in_order ? reached && thrown : thrown;
      }
      if (survival == Survival::OnlySynced) reached = false;
      if (reached) apply(each, durable_names_, durable_directories_);
    }
    pending_.clear();
    names_ = durable_names_;
    directories_ = durable_directories_;
    std::erase_if(names_, [this](const auto& name) {
      return !directory_exists(std::filesystem::path{name.first}.parent_path());
    });
    durable_names_ = names_;
    std::set<Inode*> done;
    for (auto& [path, inode] : names_) {
      if (done.insert(inode.get()).second) cut_file(*inode, survival);
    }
  }
  void cut_file(Inode& inode, Survival survival) {
    std::size_t size = inode.disk.size();
    if (survival == Survival::AllWritten || (survival == Survival::AnyOfIt && random_.one_in(2))) {
      size = inode.now.size();
    }
    for (const auto& [number, states] : inode.unsynced) {
      if (survival == Survival::OnlySynced) break;
      if (survival == Survival::AllWritten) {
        put_sector(inode.disk, number, states.back());
      } else if (const auto thrown = random_.below(states.size() + 1); thrown > 0) {
        put_sector(inode.disk, number, states[thrown - 1]);
      }
    }
    inode.unsynced.clear();
    inode.disk.resize(size);
    if (sabotage_ == Sabotage::LosesASyncedSector && size > kSectorBytes && random_.one_in(4)) {
      put_sector(inode.disk, random_.below(size / kSectorBytes), Sector{});
    }
    inode.now = inode.disk;
  }

  [[nodiscard]] std::uint64_t used_bytes() const {
    std::uint64_t used = 0;
    for (const auto& [path, inode] : names_) used += inode->now.size();
    return used;
  }

  class OpenFile final : public File {
   public:
    OpenFile(SimulatedDisk& disk, std::filesystem::path path, std::shared_ptr<Inode> inode)
        : disk_{disk}, path_{std::move(path)}, inode_{std::move(inode)}, boot_{disk.boot_} {}
    ~OpenFile() override {
      if (inode_->locked == this) inode_->locked = nullptr;
    }

    IoResult<std::size_t> read_at(std::span<std::byte> into, std::uint64_t offset) override {
      if (const Fault fault = ask(Op::Read, false); fault.error != 0) return error(fault.error);
      const std::size_t at = std::min<std::size_t>(offset, inode_->now.size());
      const std::size_t size = std::min(into.size(), inode_->now.size() - at);
      std::ranges::copy(std::span{inode_->now}.subspan(at, size), into.begin());
      return size;
    }
    IoResult<std::size_t> write_at(std::span<const std::byte> bytes,
                                   std::uint64_t offset) override {
      const Fault fault = ask(Op::Write, true);
      if (fault.error != 0) {
        if (disk_.happens_anyway(true)) {
          const std::uint64_t pages = (offset + bytes.size()) / kPageBytes - offset / kPageBytes;
          const std::uint64_t page = offset / kPageBytes + 1 + disk_.random_.below(pages + 1);
          disk_.write(*inode_, first_up_to(bytes, offset, page * kPageBytes), offset);
        }
        return error(fault.error);
      }
      if (disk_.read_only) return error(EROFS);
      const std::size_t most = allowed(bytes.size(), offset, fault);
      const std::uint64_t end = offset + most;
      if (end > inode_->now.size() &&
          disk_.used_bytes() + (end - inode_->now.size()) > disk_.capacity_bytes) {
        return error(ENOSPC);
      }
      disk_.write(*inode_, bytes.first(most), offset);
      if (disk_.sabotage_ == Sabotage::MisplacesAWrite && disk_.random_.one_in(16) &&
          end + kSectorBytes <= inode_->now.size()) {
        disk_.write(*inode_, bytes.first(most), offset + kSectorBytes);
      }
      return most;
    }
    IoResult<void> sync_data() override {
      const Fault fault = ask(Op::Sync, true);
      if (fault.error != 0) {
        const bool was_last = std::exchange(disk_.stopping_, false);
        if (!was_last && !disk_.stopped_) disk_.sync_in_part(*inode_);
        return error(fault.error);
      }
      if (disk_.sabotage_ != Sabotage::SyncDoesNothing) disk_.sync(*inode_);
      return {};
    }
    IoResult<void> allocate(std::uint64_t bytes) override {
      const Fault fault = ask(Op::Allocate, true);
      if (fault.error != 0) return error(fault.error);
      if (disk_.read_only) return error(EROFS);
      if (bytes > inode_->now.size() &&
          disk_.used_bytes() + (bytes - inode_->now.size()) > disk_.capacity_bytes) {
        return error(ENOSPC);
      }
      if (bytes > inode_->now.size()) inode_->now.resize(bytes);
      return {};
    }
    IoResult<std::uint64_t> size() override {
      if (boot_ != disk_.boot_ || disk_.stopped_) return error(EIO);
      return inode_->now.size();
    }
    IoResult<void> try_lock() override {
      if (const Fault fault = ask(Op::Lock, false); fault.error != 0) return error(fault.error);
      if (inode_->locked != nullptr) return error(EWOULDBLOCK);
      inode_->locked = this;
      return {};
    }

   private:
    static constexpr std::uint64_t kPageBytes = 4096;

    static std::span<const std::byte> first_up_to(std::span<const std::byte> bytes,
                                                  std::uint64_t offset, std::uint64_t end) {
      return bytes.first(std::min<std::size_t>(bytes.size(), end - offset));
    }
    // A short write ends where a sector does; what lies within one is written or not.
    static std::size_t allowed(std::size_t size, std::uint64_t offset, const Fault& fault) {
      if (!fault.write_at_most || *fault.write_at_most >= size) return size;
      const std::uint64_t end = (offset + *fault.write_at_most) / kSectorBytes * kSectorBytes;
      return end > offset ? static_cast<std::size_t>(end - offset) : size;
    }
    // A file that a dead program held open does nothing.
    Fault ask(Op op, bool changes) {
      if (boot_ != disk_.boot_) return Fault{.error = EIO};
      return disk_.begin(op, path_, changes);
    }

    SimulatedDisk& disk_;
    std::filesystem::path path_;
    std::shared_ptr<Inode> inode_;
    std::uint64_t boot_;
  };

  Random random_;
  Sabotage sabotage_;
  Names names_;
  Names durable_names_;
  Directories directories_;
  Directories durable_directories_;
  std::vector<Change> pending_;  // to names, since their directory was synced
  std::uint64_t boot_ = 0;
  std::uint64_t calls_ = 0;
  std::uint64_t changes_ = 0;
  std::uint64_t stop_at_ = UINT64_MAX;
  bool stopped_ = false;
  bool stopping_ = false;  // the present call is the one at which the program stops
};

}  // namespace stoa::journal::test
