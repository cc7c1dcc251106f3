#include "journal/reader.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <filesystem>
#include <iterator>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/ids.h"
#include "journal/file_system.h"
#include "journal/format.h"
#include "journal/segment.h"

namespace stoa::journal {
namespace {

// Where some records of a segment begin, as far as it has been walked from its start.
struct SegmentIndex {
  static constexpr std::uint64_t kSpacingBytes = 64U << 10U;
  struct Mark {
    Lsn lsn;
    std::uint64_t offset = 0;
  };
  std::vector<Mark> marks;
  Mark walked;  // behind the last record seen

  // A record at the end of what was walked.
  void extend(std::size_t stored) {
    if (marks.empty() || walked.offset - marks.back().offset >= kSpacingBytes) {
      marks.push_back(walked);
    }
    walked = {.lsn = Lsn{walked.lsn.value() + 1}, .offset = walked.offset + stored};
  }
  // The last known place at or before `lsn`.
  [[nodiscard]] Mark before(Lsn lsn) const {
    if (lsn >= walked.lsn) return walked;
    const auto after =
        std::upper_bound(marks.begin(), marks.end(), lsn,
                         [](Lsn wanted, const Mark& mark) { return wanted < mark.lsn; });
    return after == marks.begin() ? walked : *std::prev(after);
  }
};

constexpr std::size_t kIndexesMax = 64;  // about 1 MiB of marks for segments of 64 MiB

}  // namespace

class Reader::State {
 public:
  State(std::filesystem::path directory, FileSystem& file_system)
      : dir_{std::move(directory)}, files_{file_system} {}

  Result<std::optional<Record>> next(Lsn limit);
  Result<void> seek(Lsn lsn);
  [[nodiscard]] Lsn next_lsn() const noexcept { return std::max(lsn_, wanted_); }

 private:
  enum class Step : std::uint8_t { Again, Tail };

  Result<Step> at_gap(const RecordView& seen);
  Result<Step> at_unsealed_gap(const RecordView& seen);
  Result<Step> leave_sealed(const Footer& footer);
  Result<Step> enter_first();
  Result<void> enter(Lsn first, std::optional<std::uint32_t> chain = std::nullopt);
  void stand_at(SegmentIndex::Mark mark) noexcept;
  Result<bool> whole_after_all();
  [[nodiscard]] std::unexpected<Failure> damaged(std::string what) const;

  std::filesystem::path dir_;
  FileSystem& files_;
  std::unique_ptr<SegmentFile> segment_;
  std::map<Lsn, SegmentIndex> indexes_;  // by first lsn
  SegmentIndex* index_ = nullptr;        // of segment_
  std::uint64_t offset_ = 0;             // in segment_, of the record lsn_
  Lsn lsn_;                              // 0: no segment yet
  Lsn wanted_;                           // records before it are skipped
  bool fresh_ = false;                   // the buffer was filled during this call
  std::uint64_t scanned_offset_ = 0;     // a tail scan has been made from here; 0: none in segment_
};

std::unexpected<Failure> Reader::State::damaged(std::string what) const {
  return damage_error(
      {.segment = segment_->name(), .offset = offset_, .lsn = lsn_, .what = std::move(what)}, dir_);
}

void Reader::State::stand_at(SegmentIndex::Mark mark) noexcept {
  lsn_ = mark.lsn;
  offset_ = mark.offset;
}

// `chain`: what the segment before ended with, if it is known. The cursor moves only on success.
Result<void> Reader::State::enter(Lsn first, std::optional<std::uint32_t> chain) {
  auto segment = SegmentFile::open(files_, dir_, first);
  if (!segment) return std::unexpected(segment.error());
  if (chain && segment->header().previous_chain != *chain) {
    return damage_error({.segment = segment->name(),
                         .offset = 0,
                         .lsn = first,
                         .what = "the segment does not continue the one before it"},
                        dir_);
  }
  segment_ = std::make_unique<SegmentFile>(std::move(*segment));
  if (indexes_.size() >= kIndexesMax && !indexes_.contains(first)) indexes_.clear();
  index_ = &indexes_[first];
  if (index_->walked.offset == 0) index_->walked = {.lsn = first, .offset = kSegmentHeaderBytes};
  stand_at(index_->before(first));
  scanned_offset_ = 0;
  return {};
}

Result<void> Reader::State::seek(Lsn lsn) {
  if (segment_ && index_ != nullptr && lsn >= segment_->header().first_lsn &&
      lsn < index_->walked.lsn) {
    wanted_ = lsn;
    if (lsn < lsn_ || index_->before(lsn).lsn > lsn_) {
      stand_at(index_->before(lsn));
      segment_->forget();
    }
    return {};
  }
  const auto firsts = list_segments(files_, dir_);
  if (!firsts) return std::unexpected(firsts.error());
  wanted_ = lsn;
  if (firsts->empty()) return {};  // next() begins when there is one
  if (lsn == Lsn{0}) return enter(firsts->front());
  const auto after = std::upper_bound(firsts->begin(), firsts->end(), lsn);
  if (after == firsts->begin()) {
    return std::unexpected(Error{.code = ErrorCode::NotFound,
                                 .message = "lsn " + std::to_string(lsn.value()) +
                                            " lies before the oldest record kept, " +
                                            std::to_string(firsts->front().value()),
                                 .source = dir_.string()});
  }
  segment_.reset();  // if the segment cannot be entered, next() tries again and says the same
  if (const auto entered = enter(*std::prev(after)); !entered) return entered;
  stand_at(index_->before(lsn));
  return {};
}

Result<std::optional<Record>> Reader::State::next(Lsn limit) {
  fresh_ = false;
  for (;;) {
    if (next_lsn() > limit) return std::nullopt;
    if (!segment_) {
      const auto step = enter_first();
      if (!step) return std::unexpected(step.error());
      if (*step == Step::Tail) return std::nullopt;
    }
    const auto view = segment_->record(offset_, lsn_, lsn_);
    if (!view) return std::unexpected(view.error());
    if (view->status != RecordStatus::Whole) {
      const auto step = at_gap(*view);
      if (!step) return std::unexpected(step.error());
      if (*step == Step::Tail) return std::nullopt;
      continue;
    }
    const std::size_t stored = stored_bytes(view->payload.size());
    if (offset_ == index_->walked.offset) index_->extend(stored);
    offset_ += stored;
    lsn_ = Lsn{lsn_.value() + 1};
    if (view->lsn >= wanted_) {
      return Record{.lsn = view->lsn, .epoch = segment_->header().epoch, .payload = view->payload};
    }
  }
}

Result<Reader::State::Step> Reader::State::enter_first() {
  if (const auto found = seek(wanted_); !found) return std::unexpected(found.error());
  return segment_ ? Step::Again : Step::Tail;
}

// No record stands here: the end of a sealed segment, the tail of the log, or damage.
Result<Reader::State::Step> Reader::State::at_gap(const RecordView& seen) {
  if (!fresh_) {  // what we saw may be older than what the file holds by now
    fresh_ = true;
    segment_->forget();
    return Step::Again;
  }
  auto footer = segment_->footer();
  // A footer being written this moment can look torn; it takes nanoseconds.
  for (int tries = 0; !footer && tries < 3; ++tries) footer = segment_->footer();
  if (!footer) return std::unexpected(footer.error());
  const std::optional<Footer>& seal = *footer;
  if (!seal) return at_unsealed_gap(seen);
  if (seal->end_offset == offset_ && seal->last_lsn.value() + 1 == lsn_.value()) {
    return leave_sealed(*seal);
  }
  // The footer is written after all its records, so they are there or they are damaged.
  const auto whole = whole_after_all();
  if (!whole) return std::unexpected(whole.error());
  if (*whole) return Step::Again;
  return damaged((seen.status == RecordStatus::Bad ? std::string{seen.why}
                                                   : std::string{"nothing is written here"}) +
                 "; the footer promises records up to lsn " +
                 std::to_string(seal->last_lsn.value()));
}

Result<bool> Reader::State::whole_after_all() {
  segment_->forget();
  const auto view = segment_->record(offset_, lsn_, lsn_);
  if (!view) return std::unexpected(view.error());
  return view->status == RecordStatus::Whole;
}

Result<Reader::State::Step> Reader::State::leave_sealed(const Footer& footer) {
  const auto firsts = list_segments(files_, dir_);
  if (!firsts) return std::unexpected(firsts.error());
  const auto next = std::lower_bound(firsts->begin(), firsts->end(), lsn_);
  if (next == firsts->end()) return Step::Tail;  // rotation is under way, or the writer is gone
  if (*next != lsn_) {
    return damaged("the segment that should follow is missing; the next one begins with lsn " +
                   std::to_string(next->value()));
  }
  const auto entered = enter(lsn_, footer.chain);
  if (!entered) return std::unexpected(entered.error());
  return Step::Again;
}

Result<Reader::State::Step> Reader::State::at_unsealed_gap(const RecordView& seen) {
  // A segment without records may be given to a new epoch in place, and its checksums with it.
  if (lsn_ == segment_->header().first_lsn) {
    const std::uint32_t seed = segment_->seed();
    const std::uint64_t scanned_before = scanned_offset_;
    if (const auto entered = enter(lsn_); !entered) return std::unexpected(entered.error());
    if (segment_->seed() != seed) return Step::Again;
    scanned_offset_ = scanned_before;
  }
  // The scan for proof of damage reads the rest of the segment: once per segment for a plain tail,
  // once per place for bytes that are no record.
  const bool scanned =
      seen.status == RecordStatus::Bad ? scanned_offset_ == offset_ : scanned_offset_ != 0;
  if (scanned) return Step::Tail;
  scanned_offset_ = offset_;
  const auto firsts = list_segments(files_, dir_);
  if (!firsts) return std::unexpected(firsts.error());
  auto tail = scan_tail(*segment_, offset_, lsn_);
  if (!tail) return std::unexpected(tail.error());
  const bool later_segment = !firsts->empty() && firsts->back() > segment_->header().first_lsn;
  if (tail->verdict != TailScan::Verdict::Damaged && !later_segment) return Step::Tail;
  // Proof of damage, unless the writer has just been here: look once more.
  const auto whole = whole_after_all();
  if (!whole) return std::unexpected(whole.error());
  const auto footer = segment_->footer();
  if (!footer) return std::unexpected(footer.error());
  scanned_offset_ = 0;
  if (*whole || *footer) return Step::Again;
  return damaged("the record cannot be read, yet " +
                 (later_segment ? "a later segment exists" : tail->what));
}

// --- the public face

Result<Reader> Reader::open(const std::filesystem::path& dir, Lsn from, FileSystem* file_system) {
  auto state = std::make_unique<State>(dir, or_posix(file_system));
  if (const auto found = state->seek(from); !found) return std::unexpected(found.error());
  return Reader{std::move(state)};
}

Reader::Reader(std::unique_ptr<State> state) noexcept : state_{std::move(state)} {}
Reader::Reader(Reader&& other) noexcept = default;
Reader& Reader::operator=(Reader&& other) noexcept = default;
Reader::~Reader() = default;

Result<std::optional<Record>> Reader::next(Lsn limit) { return state_->next(limit); }

Result<void> Reader::seek(Lsn lsn) { return state_->seek(lsn); }

Result<std::optional<Record>> Reader::read_at(Lsn lsn) {
  if (const auto found = state_->seek(lsn); !found) return std::unexpected(found.error());
  return state_->next(lsn);
}

Lsn Reader::next_lsn() const noexcept { return state_->next_lsn(); }

}  // namespace stoa::journal
