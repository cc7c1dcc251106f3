// One flipped bit, at every bit of every file of a journal: it is found, or it changes nothing that
// anybody reads. A wrong record is never believed.

#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <ios>
#include <optional>
#include <string>

#include "base/error.h"
#include "base/ids.h"
#include "journal/checkpoint.h"
#include "journal/cursor.h"
#include "journal/fake_file_system.h"
#include "journal/file_system.h"
#include "journal/format.h"
#include "journal/reader.h"
#include "journal/test_support.h"
#include "journal/verify.h"
#include "journal/writer.h"

namespace stoa::journal {
namespace {

using test::Bytes;

/// A sealed segment, and a newest one with three dozen records in batches.
class BitFlipTest : public ::testing::Test {
 protected:
  BitFlipTest() {
    auto writer = Writer::open("log", options());
    if (!writer) throw std::ios_base::failure{writer.error().text()};
    test::append_records(*writer, 90, 3);
    records_ = 90;
    const auto segments = list("log", &disk_);
    sealed_ = "log/" + segments->at(0).name;
    newest_ = "log/" + segments->at(1).name;
    newest_first_ = segments->at(1).first.value();
  }

  WriterOptions options() {
    return {
        .segment_bytes = 4096, .buffer_bytes = 4096, .prepare_ahead = false, .file_system = &disk_};
  }
  Bytes read(const std::string& path) {
    const auto file = disk_.open(path, OpenMode::Read);
    Bytes bytes(static_cast<std::size_t>(*(*file)->size()));
    EXPECT_EQ((*file)->read_at(bytes, 0), bytes.size());
    return bytes;
  }
  void write(const std::string& path, const Bytes& bytes) {
    const auto file = disk_.open(path, OpenMode::Write);
    EXPECT_EQ((*file)->write_at(bytes, 0), bytes.size());
  }

  /// What a reader gets before it ends or stops at damage; wrong records fail the test.
  struct Seen {
    std::uint64_t last = 0;
    bool damaged = false;
  };
  Seen read_records() {
    Seen seen;
    auto reader = Reader::open("log", Lsn{1}, &disk_);
    if (!reader) return {.last = 0, .damaged = reader.error().code == ErrorCode::Damaged};
    for (;;) {
      const auto result = reader->next();
      if (!result) {
        seen.damaged = result.error().code == ErrorCode::Damaged;
        return seen;
      }
      const std::optional<Record>& record = *result;
      if (!record) return seen;
      if (record->lsn.value() != seen.last + 1 || record->epoch != 0 ||
          !std::ranges::equal(record->payload, test::payload_of(record->lsn))) {
        ADD_FAILURE() << "believed a wrong record after lsn " << seen.last;
        return seen;
      }
      seen.last = record->lsn.value();
    }
  }

  /// Calls `look(at, bit)` with every single bit of the file flipped once; from `uniform` to
  /// `uniform_end`, where all is zero and alike, with one bit of each byte.
  template <class Look>
  void for_each_flip(const std::string& path, Look look, std::size_t uniform = 0,
                     std::size_t uniform_end = 0) {
    const Bytes good = read(path);
    Bytes bad = good;
    for (std::size_t at = 0; at < good.size(); ++at) {
      for (unsigned bit = 0; bit < 8; ++bit) {
        if (at >= uniform && at < uniform_end && bit != at / 8 % 8) continue;
        bad[at] ^= static_cast<std::byte>(1U << bit);
        write(path, bad);
        look(at, bit);
        if (HasFailure()) {
          ADD_FAILURE() << path << ": byte " << at << ", bit " << bit;
          return;
        }
        bad[at] = good[at];
      }
    }
    write(path, good);
  }

  test::MemoryFileSystem disk_;
  std::uint64_t records_ = 0;
  std::string sealed_;
  std::string newest_;
  std::uint64_t newest_first_ = 0;
};

TEST_F(BitFlipTest, of_a_sealed_segment_is_found_by_verify_and_never_read) {
  std::uint64_t stopped = 0;
  for_each_flip(sealed_, [&](std::size_t at, unsigned bit) {
    const auto report = verify("log", &disk_);
    ASSERT_TRUE(report);
    ASSERT_FALSE(report->intact);
    ASSERT_EQ("log/" + report->damage.front().segment, sealed_);
    ASSERT_LE(report->damage.front().offset, at);
    const Seen seen = read_records();
    ASSERT_TRUE(seen.damaged ? seen.last < newest_first_ : seen.last == records_);
    if (seen.damaged) ++stopped;
    // A start reads headers and footers of old segments; their records when they are asked for.
    if (bit != at % 8) return;
    const auto writer = Writer::open("log", options());
    ASSERT_TRUE(writer ? writer->next_lsn().value() == records_ + 1
                       : writer.error().code == ErrorCode::Damaged);
  });
  EXPECT_GT(stopped, 8U * 3500U) << "the segment is nearly full";
}

// The last record and what lies behind it look like a write that was under way: cut or zeroed.
TEST_F(BitFlipTest, of_the_newest_segment_is_refused_or_cuts_the_last_record_alone) {
  const Bytes good = read(newest_);
  const auto offsets = test::record_offsets(good);
  const std::size_t end = offsets.back();
  const std::size_t last_record = offsets[offsets.size() - 2];
  const auto look = [&](std::size_t at, unsigned) {
    const bool header = at < kSegmentHeaderBytes;
    const bool footer = at >= good.size() - kFooterBytes;
    const bool tail = !footer && at >= last_record;
    const std::uint64_t kept = tail && at < end ? records_ - 1 : records_;
    const auto report = verify("log", &disk_);
    ASSERT_TRUE(report);
    ASSERT_EQ(report->intact, tail);
    if (tail) {
      ASSERT_GT(report->segments.back().torn_tail_bytes, 0U);
      ASSERT_EQ(report->last.value(), kept);
    }
    const Seen seen = read_records();
    if (tail) {
      ASSERT_EQ(seen.last, kept);
    } else if (header) {
      ASSERT_LT(seen.last, newest_first_);
    } else {
      ASSERT_TRUE(seen.damaged);
    }
    const auto writer = Writer::open("log", options());
    ASSERT_EQ(writer.has_value(), tail);
    if (writer) {
      ASSERT_EQ(writer->next_lsn().value(), kept + 1);
      ASSERT_GT(writer->recovery().cut_bytes, 0U);
    } else {
      ASSERT_EQ(writer.error().code, ErrorCode::Damaged);
    }
  };
  for_each_flip(newest_, look, end + 64, good.size() - kFooterBytes - 64);
}

TEST_F(BitFlipTest, of_a_checkpoint_is_found_and_the_older_one_is_taken) {
  for (const std::uint64_t lsn : {40U, 80U}) {
    ASSERT_TRUE(write_checkpoint(
        "log", {.lsn = Lsn{lsn}, .chain = 1, .epoch = 0, .state = Bytes(300, std::byte{9})},
        &disk_));
  }
  for_each_flip("log/" + checkpoint_name(Lsn{80}), [&](std::size_t, unsigned) {
    const auto found = find_checkpoint("log", Lsn{records_}, &disk_);
    ASSERT_TRUE(found && found->checkpoint);
    ASSERT_EQ(found->checkpoint->lsn, Lsn{40});
    ASSERT_EQ(found->passed_over.size(), 1U);
  });
}

TEST_F(BitFlipTest, of_a_cursor_is_found) {
  ASSERT_TRUE(set_cursor("log", "backup", Lsn{77}, &disk_));
  for_each_flip("log/backup.cursor", [&](std::size_t, unsigned) {
    const auto cursors = list_cursors("log", &disk_);
    ASSERT_FALSE(cursors);
    ASSERT_EQ(cursors.error().code, ErrorCode::Damaged);
  });
}

}  // namespace
}  // namespace stoa::journal
