#include "journal/side_files.h"
#include <bits/ranges_algo.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <filesystem>
#include <iterator>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/ids.h"
#include "journal/checkpoint.h"
#include "journal/cursor.h"
#include "journal/file_system.h"
#include "journal/recovery.h"
#include "journal/segment.h"
#include "journal/verify.h"

namespace stoa::journal {
namespace {

// Nothing when it was replaced this moment.
Result<std::optional<SideFile>> look_at_checkpoint(FileSystem& files,
                                                   const std::filesystem::path& dir, Lsn lsn) {
  SideFile side{.name = checkpoint_name(lsn), .lsn = lsn, .chain = {}, .trouble = {}};
  const auto checkpoint = read_checkpoint(dir, lsn, &files);
  if (checkpoint) {
    side.chain = checkpoint->chain;
    return side;
  }
  if (checkpoint.error().code == ErrorCode::NotFound) return std::nullopt;
  if (checkpoint.error().code != ErrorCode::Damaged) return std::unexpected(checkpoint.error());
  side.trouble = checkpoint.error().message;
  return side;
}

Result<std::optional<SideFile>> look_at_cursor(FileSystem& files, const std::filesystem::path& dir,
                                               const std::string& name) {
  const std::filesystem::path path = dir / name;
  auto file = files.open(path, OpenMode::Read);
  if (!file && file.error().value == ENOENT) return std::nullopt;
  if (!file) return disk_error("cannot open the cursor", file.error(), path);
  std::array<std::byte, kCursorBytes + 1> bytes{};  // one more: a longer file is none
  const auto got = (*file)->read_at(bytes, 0);
  if (!got) return disk_error("cannot read the cursor", got.error(), path);
  SideFile side{.name = name, .lsn = {}, .chain = {}, .trouble = {}};
  if (const auto lsn = decode_cursor(std::span{bytes}.first(*got))) {
    side.lsn = *lsn;
  } else {
    side.trouble = lsn.error();
  }
  return side;
}

}  // namespace

Result<std::vector<SideFile>> read_side_files(FileSystem& files, const std::filesystem::path& dir) {
  auto names = files.list(dir);
  if (!names) return disk_error("cannot list the journal", names.error(), dir);
  std::ranges::sort(*names);
  std::vector<SideFile> found;
  for (const std::string& name : *names) {
    const auto lsn = parse_checkpoint_name(name);
    if (!lsn && !name.ends_with(kCursorSuffix)) continue;
    auto side = lsn ? look_at_checkpoint(files, dir, *lsn) : look_at_cursor(files, dir, name);
    if (!side) return std::unexpected(side.error());
    std::optional<SideFile>& entry = *side;
    if (entry) found.push_back(std::move(*entry));
  }
  return found;
}

Result<std::optional<Damage>> check_side_file(FileSystem& files, const std::filesystem::path& dir,
                                              const SideFile& file, Lsn first, Lsn last) {
  Damage damage{.segment = file.name, .offset = 0, .lsn = file.lsn, .what = {}};
  const char* const kind = file.is_checkpoint() ? "the checkpoint" : "the cursor";
  if (!file.trouble.empty()) {
    damage.what = std::string{kind} + " cannot be believed: " + file.trouble;
  } else if (file.lsn > last) {
    damage.what =
        std::string{kind} + " lies behind the end of the log, lsn " + std::to_string(last.value());
  } else if (file.chain && file.lsn.value() + 1 >= first.value()) {
    // One further back is of no use and no damage: its removal was not durable when power was cut.
    const auto chain = chain_at(files, dir, file.lsn);
    if (!chain) return std::unexpected(chain.error());
    const std::optional<std::uint32_t>& known = *chain;
    if (known && *known != *file.chain) {
      damage.what = "the checkpoint belongs to another log: its chain does not fit";
    }
  }
  if (damage.what.empty()) return std::nullopt;
  return damage;
}

Result<std::optional<std::uint32_t>> chain_at(FileSystem& files, const std::filesystem::path& dir,
                                              Lsn lsn) {
  const auto firsts = list_segments(files, dir);
  if (!firsts) return std::unexpected(firsts.error());
  auto at = std::ranges::upper_bound(*firsts, lsn);
  const bool before_first = at == firsts->begin();
  if (before_first && (at == firsts->end() || at->value() != lsn.value() + 1)) return std::nullopt;
  auto segment = SegmentFile::open(files, dir, before_first ? *at : *std::prev(at));
  if (!segment) {
    if (segment.error().damage || segment.error().code == ErrorCode::NotFound) return std::nullopt;
    return std::unexpected(segment.error());
  }
  const auto walk = walk_segment(*segment, lsn);
  if (!walk) {
    if (walk.error().damage) return std::nullopt;
    return std::unexpected(walk.error());
  }
  if (walk->next.value() != lsn.value() + 1) return std::nullopt;
  return walk->chain;
}

}  // namespace stoa::journal
