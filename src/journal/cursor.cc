#include "journal/cursor.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/crc32c.h"
#include "base/error.h"
#include "base/ids.h"
#include "journal/bytes.h"
#include "journal/durable_name.h"
#include "journal/fail_points.h"
#include "journal/file_system.h"
#include "journal/segment.h"

namespace stoa::journal {
namespace {

constexpr std::uint64_t kMagic = 0x5352'5543'414F'5453;  // "STOACURS"
constexpr std::uint32_t kVersion = 1;
constexpr std::size_t kVersionAt = 8;
constexpr std::size_t kFirstReservedAt = 12;
constexpr std::size_t kLsnAt = 16;
constexpr std::size_t kSecondReservedAt = 24;
constexpr std::size_t kCrcAt = 28;
constexpr std::size_t kNameMax = 64;

Result<void> check_name(std::string_view name) {
  const bool good =
      !name.empty() && name.size() <= kNameMax && std::ranges::all_of(name, [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
      });
  if (good) return {};
  return bad_input("a cursor's name has 1 to 64 of a-z, 0-9, _ and -, not '" + std::string{name} +
                   "'");
}

std::string file_name(std::string_view name) { return std::string{name}.append(kCursorSuffix); }

/// Nothing when there is no such file.
Result<std::optional<Lsn>> read_cursor(FileSystem& files, const std::filesystem::path& path) {
  auto file = files.open(path, OpenMode::Read);
  if (!file && file.error().value == ENOENT) return std::nullopt;
  if (!file) return disk_error("cannot open the cursor", file.error(), path);
  std::array<std::byte, kCursorBytes + 1> bytes{};  // one more, to see a longer file
  const auto got = (*file)->read_at(bytes, 0);
  if (!got) return disk_error("cannot read the cursor", got.error(), path);
  const auto lsn = decode_cursor(std::span{bytes}.first(*got));
  if (lsn) return *lsn;
  return std::unexpected(
      Error{.code = ErrorCode::Damaged,
            .message = std::string{lsn.error()} + "; if its reader is gone, remove the file",
            .source = path.string()});
}

}  // namespace

void encode_cursor(Lsn lsn, std::span<std::byte, kCursorBytes> to) noexcept {
  std::ranges::fill(to, std::byte{0});
  put(to, 0, kMagic);
  put(to, kVersionAt, kVersion);
  put(to, kLsnAt, lsn.value());
  put(to, kCrcAt, crc32c(to.first<kCrcAt>()));
}

std::expected<Lsn, std::string_view> decode_cursor(std::span<const std::byte> file) noexcept {
  if (file.size() != kCursorBytes) return std::unexpected("not the size of a cursor");
  if (get<std::uint64_t>(file, 0) != kMagic) return std::unexpected("not a cursor");
  if (get<std::uint32_t>(file, kCrcAt) != crc32c(file.first(kCrcAt))) {
    return std::unexpected("the checksum of the cursor does not fit");
  }
  if (get<std::uint32_t>(file, kVersionAt) != kVersion) {
    return std::unexpected("the cursor has a version that this program does not know");
  }
  if (get<std::uint32_t>(file, kFirstReservedAt) != 0 ||
      get<std::uint32_t>(file, kSecondReservedAt) != 0) {
    return std::unexpected("the cursor uses a field that this program does not know");
  }
  return Lsn{get<std::uint64_t>(file, kLsnAt)};
}

Result<void> set_cursor(const std::filesystem::path& dir, std::string_view name, Lsn lsn,
                        FileSystem* file_system) {
  if (auto good = check_name(name); !good) return good;
  FileSystem& files = or_posix(file_system);
  const std::filesystem::path path = dir / file_name(name);
  const auto present = read_cursor(files, path);
  if (!present) return std::unexpected(present.error());
  const std::optional<Lsn>& before = *present;
  if (before && *before > lsn) {
    return bad_input("cursor '" + std::string{name} + "' stands at lsn " +
                         std::to_string(before->value()) + " and cannot go back to " +
                         std::to_string(lsn.value()) + "; remove it to begin anew",
                     path.string());
  }
  std::array<std::byte, kCursorBytes> bytes{};
  encode_cursor(lsn, bytes);
  std::filesystem::path temporary = path;
  temporary += ".tmp";
  auto file = files.open(temporary, OpenMode::Reset);
  if (!file) return disk_error("cannot write the cursor", file.error(), temporary);
  if (const auto wrote = write_all(**file, bytes, 0); !wrote) {
    return disk_error("cannot write the cursor", wrote.error(), temporary);
  }
  if (auto passed = at::pass(at::kCursorTmpWritten); !passed) return passed;
  static constexpr NamingPoints kPoints{
      .synced = at::kCursorTmpSynced, .renamed = at::kCursorRenamed, .named = at::kCursorNamed};
  return name_durably(files, **file, temporary, path, "the cursor", kPoints);
}

Result<std::vector<Cursor>> list_cursors(const std::filesystem::path& dir,
                                         FileSystem* file_system) {
  FileSystem& files = or_posix(file_system);
  auto names = files.list(dir);
  if (!names) return disk_error("cannot list the journal", names.error(), dir);
  std::ranges::sort(*names);
  std::vector<Cursor> cursors;
  for (const std::string& name : *names) {
    if (!name.ends_with(kCursorSuffix)) continue;
    const auto found = read_cursor(files, dir / name);
    if (!found) return std::unexpected(found.error());
    const std::optional<Lsn>& lsn = *found;
    if (lsn) {
      cursors.push_back({.name = name.substr(0, name.size() - kCursorSuffix.size()), .lsn = *lsn});
    }
  }
  return cursors;
}

Result<void> remove_cursor(const std::filesystem::path& dir, std::string_view name,
                           FileSystem* file_system) {
  if (auto good = check_name(name); !good) return good;
  FileSystem& files = or_posix(file_system);
  const std::filesystem::path path = dir / file_name(name);
  if (const auto removed = files.remove(path); !removed && removed.error().value != ENOENT) {
    return disk_error("cannot remove the cursor", removed.error(), path);
  }
  if (const auto synced = files.sync_directory(dir); !synced) {
    return disk_error("cannot sync the directory", synced.error(), dir);
  }
  return {};
}

}  // namespace stoa::journal
