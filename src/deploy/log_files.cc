#include "deploy/log_files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "base/fd.h"
#include "deploy/layout.h"
#include "ops/zstd.h"

namespace stoa::deploy {
namespace {

namespace fs = std::filesystem;

/// What still arrives in a file that was moved aside a moment ago.
constexpr nanoseconds kQuiet = std::chrono::seconds{2};
constexpr std::string_view kAside = ".log.";
constexpr std::size_t kPieceBytes = 256UL * 1024;

struct Found {
  fs::path path{};
  std::uint64_t bytes = 0;
  Timestamp changed{};
};

/// The regular files of a folder, by name; none when there is no folder.
Result<std::vector<Found>> files_of(const fs::path& folder) {
  std::vector<Found> files;
  std::error_code error;
  fs::directory_iterator entries{folder, error};
  if (error == std::errc::no_such_file_or_directory) return files;
  while (!error && entries != fs::directory_iterator{}) {
    struct stat info{};
    if (::stat(entries->path().c_str(), &info) == 0 && S_ISREG(info.st_mode)) {
      const std::int64_t ns =
          std::int64_t{info.st_mtim.tv_sec} * 1'000'000'000 + info.st_mtim.tv_nsec;
      files.push_back({.path = entries->path(),
                       .bytes = static_cast<std::uint64_t>(info.st_size),
                       .changed = Timestamp::from_ns(ns)});
    }
    entries.increment(error);
  }
  if (error) return io_error("cannot read the folder", error.value(), folder.string());
  std::ranges::sort(files, {}, &Found::path);
  return files;
}

/// "risk.log.20261121T171502.123456789Z": sorts by time, and never names an older one.
fs::path aside_name(const fs::path& log, Timestamp now) {
  auto time = to_rfc3339(now);
  std::erase_if(time, [](char c) { return c == '-' || c == ':'; });
  return log.string() + "." + time;
}

Result<void> write_all(int fd, std::span<const std::byte> bytes, const fs::path& path) {
  while (!bytes.empty()) {
    const auto wrote = ::write(fd, bytes.data(), bytes.size());
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote < 0) return io_error("cannot write", errno, path.string());
    bytes = bytes.subspan(static_cast<std::size_t>(wrote));
  }
  return {};
}

/// Gives a file's bytes piece by piece.
Result<void> read_all(const fs::path& path, const ops::ByteSink& sink) {
  const Fd in{::open(path.c_str(), O_RDONLY | O_CLOEXEC)};
  if (!in) return io_error("cannot open", errno, path.string());
  std::vector<std::byte> piece(kPieceBytes);
  while (true) {
    const auto got = ::read(in.get(), piece.data(), piece.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return io_error("cannot read", errno, path.string());
    if (got == 0) return {};
    if (auto taken = sink({piece.data(), static_cast<std::size_t>(got)}); !taken) return taken;
  }
}

Result<void> compress(const fs::path& from, const fs::path& to) {
  const Fd out{::open(to.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640)};
  if (!out) return io_error("cannot make the archive", errno, to.string());
  const ops::ByteSink sink = [&](std::span<const std::byte> bytes) {
    return write_all(out.get(), bytes, to);
  };
  ops::ZstdCompressor zstd;
  if (auto read = read_all(from, [&](auto bytes) { return zstd.add(bytes, sink); }); !read) {
    return read;
  }
  if (auto done = zstd.finish(sink); !done) return done;
  if (::fsync(out.get()) != 0) return io_error("cannot sync the archive", errno, to.string());
  return {};
}

/// Compares what the archive gives back with the original, byte by byte.
Result<void> compare(const fs::path& original, const fs::path& archive, std::uint64_t bytes) {
  const Fd in{::open(original.c_str(), O_RDONLY | O_CLOEXEC)};
  if (!in) return io_error("cannot open", errno, original.string());
  const auto damaged = [&] {
    return std::unexpected(Error{.code = ErrorCode::Damaged,
                                 .message = "the archive does not read back as the log",
                                 .source = archive.string()});
  };
  ops::ZstdDecompressor zstd{bytes + 1};
  std::uint64_t at = 0;
  std::vector<std::byte> piece;
  const ops::ByteSink same = [&](std::span<const std::byte> unpacked) -> Result<void> {
    piece.resize(unpacked.size());
    const auto got = ::pread(in.get(), piece.data(), piece.size(), static_cast<off_t>(at));
    if (got != static_cast<::ssize_t>(piece.size()) || !std::ranges::equal(piece, unpacked)) {
      return damaged();
    }
    at += unpacked.size();
    return {};
  };
  if (auto read = read_all(archive, [&](auto part) { return zstd.add(part, same); }); !read) {
    return read;
  }
  if (!zstd.finished() || at != bytes) return damaged();
  return {};
}

/// One log into the archive; the original goes last.
Result<LogAction> archive_one(const Found& log, const fs::path& folder) {
  const fs::path into = folder / (log.path.filename().string() + ".zst");
  const fs::path passing = into.string() + ".part";
  if (auto done = compress(log.path, passing); !done) return std::unexpected(done.error());
  if (auto same = compare(log.path, passing, log.bytes); !same) {
    ::unlink(passing.c_str());
    return std::unexpected(same.error());
  }
  std::error_code error;
  fs::rename(passing, into, error);
  if (error) return io_error("cannot name the archive", error.value(), into.string());
  const Fd dir{::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  if (!dir || ::fsync(dir.get()) != 0) {
    return io_error("cannot sync the folder", errno, folder.string());
  }
  fs::remove(log.path, error);
  if (error) return io_error("cannot remove the log", error.value(), log.path.string());
  return LogAction{.what = "archived",
                   .file = log.path,
                   .into = into,
                   .bytes_before = log.bytes,
                   .bytes_after = fs::file_size(into, error)};
}

}  // namespace

Result<fs::path> turn(const fs::path& log, Timestamp now) {
  fs::path aside = aside_name(log, now);
  std::error_code error;
  fs::rename(log, aside, error);
  if (error) return io_error("cannot move the log aside", error.value(), log.string());
  return aside;
}

Result<fs::path> turn_by_copy(const fs::path& log, Timestamp now) {
  fs::path aside = aside_name(log, now);
  const Fd out{::open(aside.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0640)};
  if (!out) return io_error("cannot make the copy", errno, aside.string());
  const auto copied = read_all(log, [&](auto bytes) { return write_all(out.get(), bytes, aside); });
  if (!copied) return std::unexpected(copied.error());
  if (::truncate(log.c_str(), 0) != 0) {
    return io_error("cannot empty the log", errno, log.string());
  }
  return aside;
}

Result<std::vector<LogAction>> archive_logs(const Layout& layout, Timestamp now, bool dry_run) {
  const auto files = files_of(layout.logs());
  if (!files) return std::unexpected(files.error());
  std::vector<LogAction> actions;
  for (const Found& file : *files) {
    if (file.path.filename().string().find(kAside) == std::string::npos) continue;
    if (now - file.changed < kQuiet) continue;
    if (dry_run) {
      actions.push_back({.what = "archived",
                         .file = file.path,
                         .into = layout.archive() / (file.path.filename().string() + ".zst"),
                         .bytes_before = file.bytes});
      continue;
    }
    std::error_code error;
    fs::create_directories(layout.archive(), error);
    if (error) {
      return io_error("cannot make the folder", error.value(), layout.archive().string());
    }
    auto action = archive_one(file, layout.archive());
    if (!action) return std::unexpected(std::move(action.error()));
    actions.push_back(std::move(*action));
  }
  return actions;
}

Result<std::vector<LogAction>> drop_old_logs(const Layout& layout, const LogRules& rules,
                                             Timestamp now, bool dry_run) {
  auto files = files_of(layout.archive());
  if (!files) return std::unexpected(files.error());
  std::ranges::sort(*files, {}, &Found::changed);
  std::uint64_t total = 0;
  for (const Found& file : *files) total += file.bytes;
  std::vector<LogAction> actions;
  for (const Found& file : *files) {
    if (now - file.changed <= rules.keep && total <= rules.archive_bytes) break;
    std::error_code error;
    if (!dry_run) fs::remove(file.path, error);
    if (error) return io_error("cannot drop", error.value(), file.path.string());
    total -= file.bytes;
    actions.push_back({.what = "dropped", .file = file.path, .bytes_before = file.bytes});
  }
  return actions;
}

}  // namespace stoa::deploy
