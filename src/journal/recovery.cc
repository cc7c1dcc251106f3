#include "journal/recovery.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/ids.h"
#include "journal/bytes.h"
#include "journal/fail_points.h"
#include "journal/file_system.h"
#include "journal/format.h"
#include "journal/segment.h"
#include "journal/verify.h"
#include "journal/writer.h"

namespace stoa::journal {

Checked<SegmentWalk> walk_segment(SegmentFile& segment, Lsn last) {
  SegmentWalk walk{
      .next = segment.header().first_lsn, .chain = segment.header().previous_chain, .stopped = {}};
  RecordView nothing;
  nothing.status = RecordStatus::Empty;
  std::size_t at_least = kRecordHeaderBytes;
  for (;;) {
    const auto window = segment.bytes(walk.end_offset, at_least);
    if (!window) return std::unexpected(window.error());
    // Where the bytes lie in the buffer, one record after the other.
    auto rest = *window;
    RecordView record;
    for (;;) {
      record = walk.next > last ? nothing
                                : decode_record(rest, segment.records_end() - walk.end_offset,
                                                walk.next, walk.next, segment.seed());
      if (record.status != RecordStatus::Whole) break;
      const std::size_t stored = stored_bytes(record.payload.size());
      if (record.sync_point) walk.sync_point_offset = walk.end_offset;
      ++walk.records;
      walk.payload_bytes += record.payload.size();
      walk.end_offset += stored;
      walk.next = Lsn{walk.next.value() + 1};
      walk.chain = extend_chain(walk.chain, record.head_word);
      rest = rest.subspan(stored);
    }
    if (record.status != RecordStatus::Partial) {
      walk.stopped = record;
      return walk;
    }
    at_least = record.needed_bytes;
  }
}

std::optional<Damage> compare_with_footer(const SegmentFile& segment, const SegmentWalk& walk,
                                          const Footer& footer) {
  if (footer.end_offset == walk.end_offset && footer.records == walk.records &&
      footer.chain == walk.chain) {
    return std::nullopt;
  }
  // Fewer records than promised: the trouble is where the walk stopped. Else the footer is wrong.
  const bool fewer = walk.records < footer.records;
  std::string what = "the footer promises records up to lsn " +
                     std::to_string(footer.last_lsn.value()) + " and byte " +
                     std::to_string(footer.end_offset);
  if (fewer && walk.stopped.status == RecordStatus::Bad) {
    what = std::string{walk.stopped.why} + "; " + what;
  }
  return Damage{.segment = segment.name(),
                .offset = fewer ? walk.end_offset : segment.records_end(),
                .lsn = walk.next,
                .what = std::move(what)};
}

namespace {

// The link between a sealed segment and the one after it.
struct Link {
  Lsn next;
  std::uint32_t chain = 0;
};

Result<Link> check_sealed(FileSystem& files, const std::filesystem::path& dir, Lsn first,
                          const std::optional<Link>& before) {
  auto segment = SegmentFile::open(files, dir, first);
  if (!segment) return std::unexpected(segment.error());
  const auto damaged = [&](std::uint64_t offset, Lsn lsn, std::string what) {
    return damage_error(
        {.segment = segment->name(), .offset = offset, .lsn = lsn, .what = std::move(what)}, dir);
  };
  if (before && (before->next != first || before->chain != segment->header().previous_chain)) {
    return damaged(0, before->next, "the segment does not continue the one before it");
  }
  const auto footer = segment->footer();
  if (!footer) return std::unexpected(footer.error());
  const std::optional<Footer>& seal = *footer;
  if (seal) return Link{Lsn{seal->last_lsn.value() + 1}, seal->chain};
  // A later segment exists, so this one was durable to its end: say where it stops being readable.
  const auto walk = walk_segment(*segment);
  if (!walk) return std::unexpected(walk.error());
  return damaged(walk->end_offset, walk->next, "a later segment exists but this one has no footer");
}

// Writes back what is already there. When an fdatasync fails, the kernel forgets which pages it
// owes to the disk and goes on showing them: a later sync would keep nothing of what was read here.
Result<void> write_again(File& file, SegmentFile& segment, std::uint64_t from,
                         std::uint64_t until) {
  while (from < until) {
    const auto bytes = segment.bytes(from, 1);
    if (!bytes) return std::unexpected(bytes.error());
    const auto piece = bytes->first(std::min<std::uint64_t>(until - from, bytes->size()));
    if (const auto wrote = write_all(file, piece, from); !wrote) {
      return disk_error("cannot write the newest segment", wrote.error(), segment.path());
    }
    from += piece.size();
  }
  return {};
}

Result<void> write_footer_again(File& file, const SegmentFile& segment, const Footer& footer) {
  std::array<std::byte, kFooterBytes> bytes{};
  encode_footer(footer, segment.seed(), bytes);
  if (const auto wrote = write_all(file, bytes, segment.records_end()); !wrote) {
    return disk_error("cannot write the newest segment", wrote.error(), segment.path());
  }
  return {};
}

Result<void> write_zeros(File& file, const std::filesystem::path& path, std::uint64_t from,
                         std::uint64_t until) {
  constexpr std::size_t kPieceBytes = 1U << 20U;
  const std::vector<std::byte> zeros(std::min<std::uint64_t>(until - from, kPieceBytes));
  while (from < until) {
    const auto piece = static_cast<std::size_t>(std::min<std::uint64_t>(until - from, kPieceBytes));
    if (const auto wrote = write_all(file, std::span{zeros}.first(piece), from); !wrote) {
      return disk_error("cannot clear the space behind the last record", wrote.error(), path);
    }
    from += piece;
  }
  return {};
}

// Makes durable what the segment shows: a killed writer leaves records that only the page cache
// has, and what recovery hands out is acted upon. All of the space behind the end is made zero, not
// only what is not: if an earlier start failed to sync its cut, the zeros may be the page cache's
// alone, and what was cut would come back.
Result<void> make_durable(File& file, SegmentFile& segment, const SegmentWalk& walk,
                          const std::optional<Footer>& seal) {
  if (seal) {  // its records were durable before the footer was written
    if (auto wrote = write_footer_again(file, segment, *seal); !wrote) return wrote;
  } else {  // as were the records before the last sync point
    auto wrote = write_again(file, segment, walk.sync_point_offset, walk.end_offset);
    if (!wrote) return wrote;
    wrote = write_zeros(file, segment.path(), walk.end_offset, segment.records_end());
    if (!wrote) return wrote;
  }
  if (auto passed = at::pass(at::kRecoveryWritten); !passed) return passed;
  if (const auto synced = file.sync_data(); !synced) {
    return disk_error("cannot sync the newest segment", synced.error(), segment.path());
  }
  return at::pass(at::kRecoverySynced);
}

// Everything about the newest segment: walk, seal or tail, cut.
Result<void> recover_newest(FileSystem& files, const std::filesystem::path& dir,
                            SegmentFile& segment, RecoveredLog& log) {
  const auto walk = walk_segment(segment);
  if (!walk) return std::unexpected(walk.error());
  const auto footer = segment.footer();
  if (!footer) return std::unexpected(footer.error());
  const std::optional<Footer>& seal = *footer;
  log.next = walk->next;
  log.chain = walk->chain;
  if (seal) {
    if (const auto damage = compare_with_footer(segment, *walk, *seal)) {
      return damage_error(*damage, dir);
    }
    log.needs_segment = true;
  }

  auto file = files.open(segment.path(), OpenMode::Write);
  if (!file) return disk_error("cannot write the newest segment", file.error(), segment.path());
  std::uint64_t cut_until = walk->end_offset;
  if (!seal) {
    const auto tail = scan_tail(segment, walk->end_offset, walk->next);
    if (!tail) return std::unexpected(tail.error());
    if (tail->verdict == TailScan::Verdict::Damaged) {
      return damage_error({.segment = segment.name(),
                           .offset = walk->end_offset,
                           .lsn = walk->next,
                           .what = "the record cannot be read, yet " + tail->what},
                          dir);
    }
    cut_until = tail->end;
  }
  if (const auto durable = make_durable(**file, segment, *walk, seal); !durable) {
    return std::unexpected(durable.error());
  }
  if (cut_until > walk->end_offset) {
    log.report.cut_bytes = cut_until - walk->end_offset;
    log.report.cut_at = segment.name() + ": byte " + std::to_string(walk->end_offset);
  }
  log.file = std::move(*file);
  log.header = segment.header();  // of a sealed one too: its epoch goes on
  log.seed = segment.seed();
  log.end_offset = walk->end_offset;
  return {};
}

Result<void> check_epoch(const WriterOptions& options, const SegmentHeader& header,
                         const std::filesystem::path& dir) {
  if (!options.epoch || *options.epoch >= header.epoch) return {};
  return bad_input("the journal belongs to epoch " + std::to_string(header.epoch) +
                       ", this writer to " + std::to_string(*options.epoch) +
                       ": a successor has taken over",
                   dir.string());
}

}  // namespace

Result<RecoveredLog> recover(FileSystem& files, const std::filesystem::path& dir,
                             const WriterOptions& options) {
  const auto firsts = list_segments(files, dir);
  if (!firsts) return std::unexpected(firsts.error());
  RecoveredLog log;
  log.report.segments = firsts->size();
  if (firsts->empty()) {
    log.next = options.first_lsn;
    log.needs_segment = true;
    log.report.first = log.next;
    log.report.last = Lsn{log.next.value() - 1};
    return log;
  }

  std::optional<Link> before;
  for (const Lsn first : std::span{*firsts}.first(firsts->size() - 1)) {
    const auto link = check_sealed(files, dir, first, before);
    if (!link) return std::unexpected(link.error());
    before = *link;
  }
  auto newest = SegmentFile::open(files, dir, firsts->back());
  if (!newest) return std::unexpected(newest.error());
  const SegmentHeader& header = newest->header();
  if (before && (before->next != header.first_lsn || before->chain != header.previous_chain)) {
    return damage_error({.segment = newest->name(),
                         .offset = 0,
                         .lsn = before->next,
                         .what = "the segment does not continue the one before it"},
                        dir);
  }
  if (const auto fits = check_epoch(options, header, dir); !fits) {
    return std::unexpected(fits.error());
  }
  if (const auto done = recover_newest(files, dir, *newest, log); !done) {
    return std::unexpected(done.error());
  }
  // The newest segment's name may not have been durable yet when its writer was killed.
  if (const auto synced = files.sync_directory(dir); !synced) {
    return disk_error("cannot sync the directory", synced.error(), dir);
  }
  log.report.first = firsts->front();
  log.report.last = Lsn{log.next.value() - 1};
  return log;
}

Result<RecoveredLog> go_on_at(FileSystem& files, const std::filesystem::path& dir,
                              const WriterOptions& options, const Place& place) {
  const auto firsts = list_segments(files, dir);
  if (!firsts) return std::unexpected(firsts.error());
  const auto elsewhere = [&](std::string what) {
    return damage_error({.segment = segment_name(place.segment),
                         .offset = place.end_offset,
                         .lsn = place.next,
                         .what = std::move(what)},
                        dir);
  };
  if (firsts->empty() || firsts->back() != place.segment) {
    return elsewhere("the writer before stopped here, and this is not the newest segment");
  }
  auto newest = SegmentFile::open(files, dir, place.segment);
  if (!newest) return std::unexpected(newest.error());
  const SegmentHeader& header = newest->header();
  if (const auto fits = check_epoch(options, header, dir); !fits) {
    return std::unexpected(fits.error());
  }
  if (place.end_offset < kSegmentHeaderBytes || place.end_offset > newest->records_end() ||
      place.next < header.first_lsn) {
    return elsewhere("the writer before stopped here, and the segment has no such place");
  }
  const auto footer = newest->footer();
  if (!footer) return std::unexpected(footer.error());
  if (footer->has_value()) return elsewhere("the writer before stopped here, and it is sealed");
  if (place.end_offset + kRecordHeaderBytes <= newest->records_end()) {
    const auto window = newest->bytes(place.end_offset, kRecordHeaderBytes);
    if (!window) return std::unexpected(window.error());
    const auto behind = decode_record(*window, newest->records_end() - place.end_offset, place.next,
                                      place.next, newest->seed());
    if (behind.status != RecordStatus::Empty) {
      return elsewhere("the writer before stopped here, and something stands behind");
    }
  }
  auto file = files.open(newest->path(), OpenMode::Write);
  if (!file) return disk_error("cannot write the newest segment", file.error(), newest->path());
  RecoveredLog log;
  log.report = {.first = firsts->front(),
                .last = Lsn{place.next.value() - 1},
                .segments = firsts->size(),
                .cut_at = {}};
  log.next = place.next;
  log.chain = place.chain;
  log.header = header;
  log.file = std::move(*file);
  log.seed = newest->seed();
  log.end_offset = place.end_offset;
  return log;
}

}  // namespace stoa::journal
