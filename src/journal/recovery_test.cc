// What a writer does with a journal that is not as it left it: cut what was never acknowledged,
// refuse everything else.

#include "journal/recovery.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/ids.h"
#include "base/random.h"
#include "journal/format.h"
#include "journal/reader.h"
#include "journal/test_support.h"
#include "journal/verify.h"
#include "journal/writer.h"

namespace stoa::journal {
namespace {

using test::append_records;
using test::Bytes;
using test::payload_of;
using test::read_back;
using test::read_file;
using test::record_offsets;
using test::write_file;

class RecoveryTest : public test::JournalTest {
 protected:
  // Twelve records in one unsealed segment, kept in memory so that each case starts from it.
  void make_one_segment(std::uint64_t per_commit = 1) {
    make_journal(12, per_commit);
    bytes_ = read_file(segment(1));
    offsets_ = record_offsets(bytes_);
    ASSERT_EQ(offsets_.size(), 13U);
  }
  // Opens the segment with these bytes.
  Result<Writer> open_with(const Bytes& bytes) {
    write_file(segment(1), bytes);
    return Writer::open(dir(), small());
  }
  // Cut: `last` is the last record, the rest of the file is zero, and the journal goes on.
  void expect_cut_after(const Bytes& damaged, Lsn last) {
    {
      auto writer = open_with(damaged);
      ASSERT_TRUE(writer) << writer.error().text();
      EXPECT_EQ(writer->next_lsn(), Lsn{last.value() + 1});
      const std::size_t end = offsets_[last.value()];
      const Bytes after = read_file(segment(1));
      EXPECT_TRUE(std::ranges::equal(std::span{after}.first(end), std::span{bytes_}.first(end)));
      EXPECT_TRUE(std::ranges::all_of(std::span{after}.subspan(end),
                                      [](std::byte b) { return b == std::byte{0}; }));
      const bool cut = !std::ranges::equal(after, damaged);
      EXPECT_EQ(writer->metrics().cut_tails.value(), cut ? 1U : 0U);
      EXPECT_EQ(writer->recovery().cut_bytes > 0, cut);
      EXPECT_EQ(writer->recovery().cut_at,
                cut ? segment_name(Lsn{1}) + ": byte " + std::to_string(end) : "");
      append_records(*writer, 2);
    }
    EXPECT_EQ(read_back(dir()).last, Lsn{last.value() + 2});
  }
  // Refused: writer, reader and verify agree on the place, and the file is as it was.
  void expect_refused_at(const Bytes& damaged, std::size_t offset, Lsn lsn) {
    const auto writer = open_with(damaged);
    ASSERT_FALSE(writer);
    EXPECT_EQ(writer.error().code, ErrorCode::Damaged);
    const std::string place = segment_name(Lsn{1}) + ": byte " + std::to_string(offset) + ", lsn " +
                              std::to_string(lsn.value()) + ": ";
    EXPECT_TRUE(writer.error().message.starts_with(place)) << writer.error().message;
    EXPECT_EQ(read_file(segment(1)), damaged) << "a refused journal is left for repair";

    const auto back = read_back(dir());
    ASSERT_TRUE(back.error);
    EXPECT_EQ(back.error->code, ErrorCode::Damaged);
    EXPECT_TRUE(back.error->message.starts_with(place)) << back.error->message;
    EXPECT_EQ(back.last, Lsn{lsn == Lsn{0} ? 12U : lsn.value() - 1});

    const auto report = verify(dir());
    ASSERT_TRUE(report);
    EXPECT_FALSE(report->intact);
    ASSERT_EQ(report->damage.size(), 1U);
    EXPECT_EQ(report->damage[0].segment, segment_name(Lsn{1}));
    EXPECT_EQ(report->damage[0].offset, offset);
    EXPECT_EQ(report->damage[0].lsn, lsn);
  }

  Bytes bytes_;
  std::vector<std::size_t> offsets_;  // [i] begins record i + 1
};

// Byte by byte: what a flip may do is exactly this.
//   header                     refused at byte 0
//   any record but the last    refused at that record: the record behind it is a sync point
//   the last record            cut: a record that was being written looks the same
//   behind the last record     zeroed: it is no record and nothing was there
//   footer's place             refused: neither zero nor a footer
TEST_F(RecoveryTest, a_flipped_bit_at_every_byte_is_refused_or_harmless) {
  make_one_segment();
  for (std::size_t at = 0; at < bytes_.size(); ++at) {
    // The space behind the records is uniform: its ends and some of its middle stand for it.
    const std::size_t end = offsets_.back();
    if (at > end + 64 && at < bytes_.size() - kFooterBytes - 64 && at % 509 != 0) continue;
    SCOPED_TRACE("byte " + std::to_string(at));
    Bytes damaged = bytes_;
    damaged[at] ^= static_cast<std::byte>(1U << at % 8);
    if (at < kSegmentHeaderBytes) {
      const auto writer = open_with(damaged);
      ASSERT_FALSE(writer);
      EXPECT_EQ(writer.error().code, ErrorCode::Damaged);
      EXPECT_EQ(read_back(dir()).records, 0U);
      EXPECT_FALSE(verify(dir())->intact);
    } else if (at < offsets_[11]) {
      const auto behind = std::ranges::upper_bound(offsets_, at);
      const auto index = static_cast<std::size_t>(behind - offsets_.begin()) - 1;
      expect_refused_at(damaged, offsets_[index], Lsn{index + 1});
    } else if (at < end) {
      expect_cut_after(damaged, Lsn{11});
    } else if (at < bytes_.size() - kFooterBytes) {
      expect_cut_after(damaged, Lsn{12});
    } else {
      expect_refused_at(damaged, bytes_.size() - kFooterBytes, Lsn{0});
    }
    if (HasFatalFailure() || HasNonfatalFailure()) return;
  }
}

TEST_F(RecoveryTest, a_tail_torn_at_every_byte_of_the_last_record_is_cut) {
  make_one_segment();
  for (std::size_t written = offsets_[11]; written < offsets_[12]; ++written) {
    SCOPED_TRACE("written up to byte " + std::to_string(written));
    Bytes torn = bytes_;
    std::ranges::fill(std::span{torn}.subspan(written), std::byte{0});
    // The payload never ends in zero, but its padding does: from there on the record is whole.
    const bool whole = torn == bytes_;
    expect_cut_after(torn, Lsn{whole ? 12U : 11U});
    if (HasFatalFailure() || HasNonfatalFailure()) return;
  }
}

TEST_F(RecoveryTest, a_batch_torn_at_every_byte_is_cut_at_its_last_whole_record) {
  make_one_segment(/*per_commit=*/12);
  for (std::size_t written = kSegmentHeaderBytes; written < offsets_[12]; written += 3) {
    SCOPED_TRACE("written up to byte " + std::to_string(written));
    Bytes torn = bytes_;
    std::ranges::fill(std::span{torn}.subspan(written), std::byte{0});
    std::size_t whole = 0;
    while (std::ranges::equal(std::span{torn}.first(offsets_[whole + 1]),
                              std::span{bytes_}.first(offsets_[whole + 1]))) {
      if (++whole == 12) break;
    }
    expect_cut_after(torn, Lsn{whole});
    if (HasFatalFailure() || HasNonfatalFailure()) return;
  }
}

// A power cut keeps any sectors of what was not synced: later ones without earlier ones too.
TEST_F(RecoveryTest, a_batch_that_lost_a_sector_is_cut_though_records_follow) {
  make_one_segment(/*per_commit=*/12);
  for (std::size_t sector = 0; sector * kSectorBytes < offsets_.back(); ++sector) {
    SCOPED_TRACE("sector " + std::to_string(sector));
    Bytes torn = bytes_;
    const std::size_t from = std::max(sector * kSectorBytes, kSegmentHeaderBytes);
    const std::size_t until = (sector + 1) * kSectorBytes;
    std::ranges::fill(std::span{torn}.subspan(from, until - from), std::byte{0});
    const auto behind = std::ranges::upper_bound(offsets_, from);
    const auto whole = static_cast<std::uint64_t>(behind - offsets_.begin()) - 1;
    expect_cut_after(torn, Lsn{whole});
    if (HasFatalFailure() || HasNonfatalFailure()) return;
  }
}

TEST_F(RecoveryTest, the_same_hole_before_a_sync_point_is_damage) {
  // The last record proves that all before it were durable; without it the hole would be cut.
  for (const bool sync_point : {true, false}) {
    SCOPED_TRACE(sync_point);
    std::filesystem::remove_all(dir());
    make_journal(40, sync_point ? 39 : 40);
    bytes_ = read_file(segment(1));
    offsets_ = record_offsets(bytes_);
    ASSERT_GT(offsets_[39], 3 * kSectorBytes);
    Bytes damaged = bytes_;
    std::ranges::fill(std::span{damaged}.subspan(kSectorBytes, kSectorBytes), std::byte{0});
    const auto behind = std::ranges::upper_bound(offsets_, kSectorBytes);
    const auto index = static_cast<std::size_t>(behind - offsets_.begin()) - 1;
    if (sync_point) {
      expect_refused_at(damaged, offsets_[index], Lsn{index + 1});
    } else {
      expect_cut_after(damaged, Lsn{index});
    }
  }
}

TEST_F(RecoveryTest, rot_inside_the_last_batch_is_damage_and_not_a_torn_tail) {
  make_one_segment(/*per_commit=*/12);
  for (std::size_t index = 0; index < 11; ++index) {
    Bytes damaged = bytes_;
    damaged[offsets_[index] + 9] ^= std::byte{0x40};  // in its lsn: nothing became zero
    expect_refused_at(damaged, offsets_[index], Lsn{index + 1});
  }
}

TEST_F(RecoveryTest, records_that_changed_places_are_damage) {
  make_one_segment();
  // Records 5 and 6 are swapped, their bytes unchanged.
  Bytes damaged = bytes_;
  const auto fifth = damaged.begin() + static_cast<std::ptrdiff_t>(offsets_[4]);
  const auto sixth = damaged.begin() + static_cast<std::ptrdiff_t>(offsets_[5]);
  const auto seventh = damaged.begin() + static_cast<std::ptrdiff_t>(offsets_[6]);
  std::rotate(fifth, sixth, seventh);
  expect_refused_at(damaged, offsets_[4], Lsn{5});
}

TEST_F(RecoveryTest, a_missing_record_is_damage) {
  make_one_segment();
  Bytes damaged = bytes_;
  // Everything behind record 5 moves up over it.
  const auto begin = damaged.begin();
  std::copy(begin + static_cast<std::ptrdiff_t>(offsets_[5]),
            begin + static_cast<std::ptrdiff_t>(offsets_[12]),
            begin + static_cast<std::ptrdiff_t>(offsets_[4]));
  expect_refused_at(damaged, offsets_[4], Lsn{5});
}

TEST_F(RecoveryTest, a_record_of_another_segment_is_not_believed) {
  make_one_segment();
  // The same lsn and payload, written by a journal whose segment began elsewhere.
  test::Bytes stranger(stored_bytes(payload_of(Lsn{13}).size()));
  encode_record(stranger.data(), Lsn{13}, true, payload_of(Lsn{13}), {}, /*seed=*/0x12345678);
  Bytes damaged = bytes_;
  std::ranges::copy(stranger, damaged.begin() + static_cast<std::ptrdiff_t>(offsets_[12]));
  expect_cut_after(damaged, Lsn{12});
}

TEST_F(RecoveryTest, an_old_copy_of_a_record_behind_the_tail_is_cut) {
  make_one_segment();
  Bytes damaged = bytes_;
  const auto third = std::span{bytes_}.subspan(offsets_[2], offsets_[3] - offsets_[2]);
  std::ranges::copy(third, damaged.begin() + static_cast<std::ptrdiff_t>(offsets_[12]));
  expect_cut_after(damaged, Lsn{12});
}

TEST_F(RecoveryTest, a_file_that_became_shorter_or_longer_is_damage) {
  make_one_segment();
  for (const std::size_t size : {std::size_t{0}, std::size_t{100}, kSegmentHeaderBytes, offsets_[6],
                                 offsets_[12], bytes_.size() - 1}) {
    Bytes cut = bytes_;
    cut.resize(size);
    const auto writer = open_with(cut);
    ASSERT_FALSE(writer) << size;
    EXPECT_EQ(writer.error().code, ErrorCode::Damaged);
    EXPECT_NE(writer.error().message.find("byte " + std::to_string(size)), std::string::npos)
        << writer.error().message;
    EXPECT_FALSE(verify(dir())->intact);
  }
  Bytes longer = bytes_;
  longer.resize(longer.size() + 1);
  EXPECT_EQ(open_with(longer).error().code, ErrorCode::Damaged);
}

// --- several segments

class RecoveryOfSegmentsTest : public RecoveryTest {
 protected:
  void SetUp() override {
    make_journal(200);
    const auto segments = list(dir());
    ASSERT_TRUE(segments && segments->size() >= 4);
    for (const auto& info : *segments) firsts_.push_back(info.first.value());
  }
  // Damage in an old segment: the start looks at its header, footer and links only.
  void change(std::uint64_t first, std::size_t at) const {
    Bytes bytes = read_file(segment(first));
    bytes[at] ^= std::byte{1};
    write_file(segment(first), bytes);
  }
  [[nodiscard]] std::string refusal() const {
    const auto writer = Writer::open(dir(), small());
    if (writer) return "opened";
    EXPECT_EQ(writer.error().code, ErrorCode::Damaged);
    return writer.error().message;
  }

  std::vector<std::uint64_t> firsts_;
};

TEST_F(RecoveryOfSegmentsTest, a_flipped_bit_in_every_footer_byte_of_an_old_segment_is_refused) {
  const Bytes bytes = read_file(segment(firsts_[1]));
  for (std::size_t at = bytes.size() - kFooterBytes; at < bytes.size(); ++at) {
    change(firsts_[1], at);
    EXPECT_TRUE(refusal().starts_with(segment_name(Lsn{firsts_[1]}) + ": byte 4032")) << refusal();
    EXPECT_FALSE(verify(dir())->intact);
    EXPECT_TRUE(read_back(dir()).error);
    write_file(segment(firsts_[1]), bytes);
  }
  EXPECT_EQ(refusal(), "opened");
}

TEST_F(RecoveryOfSegmentsTest, an_old_segment_without_footer_is_refused_where_it_ends) {
  Bytes bytes = read_file(segment(firsts_[1]));
  const std::size_t end = record_offsets(bytes).back();
  std::ranges::fill(std::span{bytes}.last(kFooterBytes), std::byte{0});
  write_file(segment(firsts_[1]), bytes);
  EXPECT_EQ(refusal(), segment_name(Lsn{firsts_[1]}) + ": byte " + std::to_string(end) + ", lsn " +
                           std::to_string(firsts_[2]) +
                           ": a later segment exists but this one has no footer");
  EXPECT_TRUE(read_back(dir()).error);
}

TEST_F(RecoveryOfSegmentsTest, a_missing_segment_is_refused) {
  std::filesystem::remove(segment(firsts_[2]));
  EXPECT_TRUE(refusal().starts_with(segment_name(Lsn{firsts_[3]}) + ": byte 0, lsn " +
                                    std::to_string(firsts_[2])));
  const auto back = read_back(dir());
  EXPECT_EQ(back.last.value() + 1, firsts_[2]);
  ASSERT_TRUE(back.error);
  EXPECT_NE(back.error->message.find("missing"), std::string::npos) << back.error->message;
  const auto report = verify(dir());
  ASSERT_EQ(report->damage.size(), 1U);
  EXPECT_EQ(report->damage[0].lsn, Lsn{firsts_[2]});
}

TEST_F(RecoveryOfSegmentsTest, the_oldest_segments_may_be_gone) {
  std::filesystem::remove(segment(firsts_[0]));
  std::filesystem::remove(segment(firsts_[1]));
  EXPECT_EQ(open_writer().recovery().first, Lsn{firsts_[2]});
  EXPECT_TRUE(verify(dir())->intact);
  EXPECT_EQ(read_back(dir()).records, 200 - firsts_[2] + 1);
}

TEST_F(RecoveryOfSegmentsTest, a_segment_of_another_journal_is_refused) {
  // Same name, same sizes, other records before it: only the chain knows.
  const auto other = temporary_.path() / "other";
  {
    auto writer = Writer::open(other, small());
    for (std::uint64_t lsn = 1; lsn <= 200; ++lsn) {
      Bytes payload = payload_of(Lsn{lsn});
      if (lsn == 1) payload.at(0) ^= std::byte{1};
      ASSERT_TRUE(writer->append(payload));
      ASSERT_TRUE(writer->commit());
    }
  }
  for (std::size_t i = 1; i < firsts_.size(); ++i) {
    const auto ours = read_file(segment(firsts_[i]));
    write_file(segment(firsts_[i]), read_file(other / segment_name(Lsn{firsts_[i]})));
    const std::string place = segment_name(Lsn{firsts_[i]}) + ": byte 0, lsn " +
                              std::to_string(firsts_[i]) +
                              ": the segment does not continue the one before it";
    EXPECT_EQ(refusal(), place);
    EXPECT_EQ(verify(dir())->damage.at(0).text(), place);
    const auto back = read_back(dir());
    ASSERT_TRUE(back.error);
    EXPECT_EQ(back.error->message, place);
    EXPECT_EQ(back.last.value() + 1, firsts_[i]);
    write_file(segment(firsts_[i]), ours);
  }
}

TEST_F(RecoveryOfSegmentsTest, a_rewritten_record_breaks_the_chain_though_its_checksum_fits) {
  std::filesystem::remove(segment(firsts_.back()));
  const std::uint64_t newest = firsts_[firsts_.size() - 2];
  Bytes bytes = read_file(segment(newest));
  const std::size_t at = record_offsets(bytes)[2];
  const auto header = decode_header(std::span{bytes}.first<kSegmentHeaderBytes>());
  Bytes payload = payload_of(Lsn{newest + 2});
  ASSERT_FALSE(payload.empty());
  payload[0] ^= std::byte{1};
  encode_record(bytes.data() + at, Lsn{newest + 2}, true, payload, {}, header->seed);
  write_file(segment(newest), bytes);
  EXPECT_NE(refusal().find("the footer promises"), std::string::npos) << refusal();
  EXPECT_FALSE(verify(dir())->intact);
}

TEST_F(RecoveryOfSegmentsTest, damage_in_an_old_segment_is_found_by_reader_and_verify) {
  const std::size_t offset = record_offsets(read_file(segment(firsts_[1])))[3];
  change(firsts_[1], offset + 8);
  EXPECT_EQ(refusal(), "opened") << "the start does not read old records";
  const Lsn lsn{firsts_[1] + 3};
  const auto back = read_back(dir());
  EXPECT_EQ(back.last.value() + 1, lsn.value());
  ASSERT_TRUE(back.error);
  EXPECT_TRUE(back.error->message.starts_with(segment_name(Lsn{firsts_[1]}) + ": byte " +
                                              std::to_string(offset) + ", lsn " +
                                              std::to_string(lsn.value())))
      << back.error->message;
  const auto report = verify(dir());
  ASSERT_EQ(report->damage.size(), 1U);
  EXPECT_EQ(report->damage[0].offset, offset);
  EXPECT_EQ(report->damage[0].lsn, lsn);
}

TEST_F(RecoveryOfSegmentsTest, a_writer_killed_between_seal_and_next_segment_goes_on) {
  std::filesystem::remove(segment(firsts_.back()));
  {
    Writer writer = open_writer();
    EXPECT_EQ(writer.next_lsn(), Lsn{firsts_.back()});
    append_records(writer, 3);
  }
  EXPECT_TRUE(verify(dir())->intact);
  EXPECT_EQ(read_back(dir()).last, Lsn{firsts_.back() + 2});
}

TEST_F(RecoveryOfSegmentsTest, a_sealed_newest_segment_that_breaks_its_promise_is_refused) {
  std::filesystem::remove(segment(firsts_.back()));
  const std::uint64_t newest = firsts_[firsts_.size() - 2];
  const std::size_t last = record_offsets(read_file(segment(newest))).end()[-2];
  change(newest, last);
  EXPECT_TRUE(refusal().starts_with(segment_name(Lsn{newest}) + ": byte " + std::to_string(last)))
      << refusal();
}

// --- power cuts

// A disk that keeps or loses every unsynced sector by chance, cut after a random number of writes:
// everything acknowledged is there, nothing is invented, and no cut is mistaken for damage.
TEST(PowerCut, keeps_everything_acknowledged_and_never_looks_like_damage) {
  for (std::uint64_t seed = 1; seed <= 100; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Random random{seed};
    test::MemoryFileSystem disk;
    Lsn acknowledged;
    Lsn appended;
    for (int life = 0; life < 6; ++life) {
      {
        test::FaultyFileSystem cut{disk};  // from some call on, nothing reaches the disk
        std::uint64_t calls_left = random.below(120);
        cut.on_call = [&calls_left](test::Op op, const std::filesystem::path&) {
          if (op == test::Op::Read || op == test::Op::List || op == test::Op::Open) {
            return test::Fault{};
          }
          if (calls_left == 0) return test::Fault{.error = EIO};
          --calls_left;
          return test::Fault{};
        };
        auto writer =
            Writer::open("log", {.segment_bytes = 4096 * (1 + random.below(3)),
                                 .sync = random.one_in(3) ? SyncPolicy::None : SyncPolicy::Always,
                                 .prepare_ahead = false,
                                 .file_system = &cut});
        if (!writer) {
          ASSERT_NE(writer.error().code, ErrorCode::Damaged) << writer.error().text();
        } else {
          ASSERT_GE(writer->recovery().last, acknowledged);
          ASSERT_LE(writer->recovery().last, appended);
          acknowledged = writer->recovery().last;  // handed out, so acted upon
          for (;;) {
            const auto lsn = writer->append(payload_of(writer->next_lsn()));
            if (!lsn) break;
            appended = *lsn;
            if (!random.one_in(5)) continue;
            const auto durable = writer->commit();
            if (!durable) break;
            acknowledged = *durable;
          }
          appended = Lsn{writer->next_lsn().value() - 1};
        }
      }
      // A killed process leaves what it wrote in the page cache, for the next life to believe.
      if (!random.one_in(3)) disk.power_cut(random);
      const auto report = verify("log", &disk);
      ASSERT_TRUE(report) << report.error().text();
      for (const auto& damage : report->damage) ADD_FAILURE() << damage.text();
      ASSERT_TRUE(report->intact);
      const auto back = read_back("log", Lsn{0}, &disk);
      ASSERT_FALSE(back.error) << back.error->text();
      ASSERT_GE(back.last, acknowledged);
      ASSERT_LE(back.last, appended);
    }
  }
}

// A writer dies between naming a segment and syncing the name. The next finds the name, writes into
// the segment and acknowledges: from then on the name must survive as well.
TEST(PowerCut, keeps_the_name_of_a_segment_that_a_killed_writer_left_unsynced) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Random random{seed};
    test::MemoryFileSystem disk;
    test::FaultyFileSystem faulty{disk};
    const WriterOptions options{
        .segment_bytes = 4096, .prepare_ahead = false, .file_system = &faulty};
    {
      auto writer = Writer::open("log", options);
      ASSERT_TRUE(writer);
      faulty.fail_nth(test::Op::SyncDirectory, 1, {.error = EIO});
      while (writer->append(payload_of(writer->next_lsn()))) {
      }
    }
    Lsn acknowledged;
    {
      auto writer = Writer::open("log", options);
      ASSERT_TRUE(writer) << writer.error().text();
      append_records(*writer, 3);
      acknowledged = writer->durable_lsn();
    }
    disk.power_cut(random);
    EXPECT_EQ(read_back("log", Lsn{0}, &disk).last, acknowledged);
  }
}

}  // namespace
}  // namespace stoa::journal
