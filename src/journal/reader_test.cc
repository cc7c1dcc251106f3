#include "journal/reader.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/ids.h"
#include "base/random.h"
#include "journal/format.h"
#include "journal/test_support.h"
#include "journal/verify.h"
#include "journal/writer.h"

namespace stoa::journal {
namespace {

using test::append_records;
using test::payload_of;
using test::read_back;

class ReaderTest : public test::JournalTest {
 protected:
  static void expect_record(const Result<std::optional<Record>>& record, std::uint64_t lsn) {
    ASSERT_TRUE(record) << record.error().text();
    ASSERT_TRUE(*record) << "at the tail, not lsn " << lsn;
    EXPECT_EQ((*record)->lsn, Lsn{lsn});
    EXPECT_TRUE(std::ranges::equal((*record)->payload, payload_of(Lsn{lsn})));
  }
  static void expect_tail(const Result<std::optional<Record>>& record) {
    ASSERT_TRUE(record) << record.error().text();
    EXPECT_FALSE(record->has_value());
  }
};

TEST_F(ReaderTest, reads_on_while_records_arrive_and_segments_change) {
  Writer writer = open_writer();
  auto reader = Reader::open(dir());
  ASSERT_TRUE(reader);
  for (std::uint64_t lsn = 1; lsn <= 300; ++lsn) {
    expect_tail(reader->next());
    EXPECT_EQ(reader->next_lsn(), Lsn{lsn});
    append_records(writer, 1);
    expect_record(reader->next(), lsn);
  }
  EXPECT_GE(writer.metrics().rotations.value(), 3U);
  expect_tail(reader->next());
}

TEST_F(ReaderTest, waits_for_a_journal_that_has_no_segment_yet) {
  std::filesystem::create_directory(dir());
  auto reader = Reader::open(dir());
  ASSERT_TRUE(reader);
  expect_tail(reader->next());
  EXPECT_EQ(reader->next_lsn(), Lsn{0});
  make_journal(2);
  expect_record(reader->next(), 1);
  expect_record(reader->next(), 2);
  expect_tail(reader->next());
}

TEST_F(ReaderTest, begins_at_any_lsn) {
  make_journal(200);
  for (std::uint64_t from = 1; from <= 200; ++from) {
    auto reader = Reader::open(dir(), Lsn{from});
    ASSERT_TRUE(reader);
    EXPECT_EQ(reader->next_lsn(), Lsn{from});
    expect_record(reader->next(), from);
  }
}

TEST_F(ReaderTest, a_start_behind_the_head_waits_for_that_record) {
  Writer writer = open_writer();
  append_records(writer, 5);
  auto reader = Reader::open(dir(), Lsn{8});
  ASSERT_TRUE(reader);
  for (int i = 0; i < 2; ++i) {
    expect_tail(reader->next());
    append_records(writer, 1);  // 6 and 7
  }
  expect_tail(reader->next());
  append_records(writer, 1);
  expect_record(reader->next(), 8);
}

TEST_F(ReaderTest, a_start_before_the_oldest_record_is_refused) {
  make_journal(200);
  const auto segments = list(dir());
  const std::uint64_t oldest = (*segments)[1].first.value();
  std::filesystem::remove(segment(1));
  EXPECT_TRUE(Reader::open(dir(), Lsn{oldest}));
  const auto reader = Reader::open(dir(), Lsn{oldest - 1});
  ASSERT_FALSE(reader);
  EXPECT_EQ(reader.error().code, ErrorCode::NotFound);
  auto from_oldest = Reader::open(dir(), Lsn{0});
  expect_record(from_oldest->next(), oldest);
}

TEST_F(ReaderTest, a_missing_directory_is_an_error) {
  const auto reader = Reader::open(dir());
  ASSERT_FALSE(reader);
  EXPECT_EQ(reader.error().code, ErrorCode::NotFound);
}

TEST_F(ReaderTest, hands_out_nothing_past_its_limit) {
  Writer writer = open_writer();
  append_records(writer, 3);
  ASSERT_TRUE(writer.append(payload_of(Lsn{4})));
  ASSERT_TRUE(writer.flush());  // written, not durable
  auto reader = Reader::open(dir());
  for (std::uint64_t lsn = 1; lsn <= 3; ++lsn) {
    expect_record(reader->next(writer.durable_lsn()), lsn);
  }
  expect_tail(reader->next(writer.durable_lsn()));
  expect_tail(reader->next(Lsn{0}));
  ASSERT_TRUE(writer.commit());
  expect_record(reader->next(writer.durable_lsn()), 4);
}

TEST_F(ReaderTest, read_at_finds_any_record_in_any_order) {
  WriterOptions options = small();
  options.segment_bytes = 256U << 10U;
  {
    Writer writer = open_writer(options);
    append_records(writer, 20'000, 1000);
    EXPECT_GE(writer.metrics().rotations.value(), 3U);
  }
  auto reader = Reader::open(dir());
  Random random{7};
  for (int i = 0; i < 2000; ++i) {
    const std::uint64_t lsn = 1 + random.below(20'000);
    expect_record(reader->read_at(Lsn{lsn}), lsn);
    if (lsn < 20'000 && random.one_in(3)) expect_record(reader->next(), lsn + 1);
  }
  expect_tail(reader->read_at(Lsn{20'001}));
  expect_record(reader->read_at(Lsn{1}), 1);
  expect_record(reader->read_at(Lsn{20'000}), 20'000);
  expect_tail(reader->next());
}

TEST_F(ReaderTest, seek_goes_back_to_the_oldest) {
  make_journal(100);
  auto reader = Reader::open(dir(), Lsn{90});
  expect_record(reader->next(), 90);
  ASSERT_TRUE(reader->seek(Lsn{0}));
  expect_record(reader->next(), 1);
}

TEST_F(ReaderTest, a_seek_needs_few_reads_once_the_index_is_there) {
  WriterOptions options = small();
  options.segment_bytes = 4U << 20U;
  {
    Writer writer = open_writer(options);
    append_records(writer, 40'000, 1000);
  }
  test::FaultyFileSystem disk;
  std::uint64_t opens = 0;
  std::uint64_t reads = 0;
  disk.on_call = [&](test::Op op, const std::filesystem::path&) {
    opens += op == test::Op::Open ? 1U : 0U;
    reads += op == test::Op::Read ? 1U : 0U;
    return test::Fault{};
  };
  auto reader = Reader::open(dir(), Lsn{40'000}, &disk);
  expect_record(reader->next(), 40'000);
  opens = reads = 0;
  for (std::uint64_t i = 1; i <= 10; ++i) expect_record(reader->read_at(Lsn{i * 3'999}), i * 3'999);
  EXPECT_EQ(opens, 0U);
  EXPECT_LE(reads, 40U) << "at most 64 KiB each, in pieces of 4, 16 and 64 KiB";
}

TEST_F(ReaderTest, damage_comes_again_and_the_records_around_it_can_be_read) {
  make_journal(30);
  auto bytes = test::read_file(segment(1));
  const auto offsets = test::record_offsets(bytes);
  bytes[offsets[9] + 8] ^= std::byte{1};
  test::write_file(segment(1), bytes);
  auto reader = Reader::open(dir(), Lsn{9});
  expect_record(reader->next(), 9);
  const auto first = reader->next();
  ASSERT_FALSE(first);
  EXPECT_EQ(first.error().code, ErrorCode::Damaged);
  EXPECT_EQ(reader->next().error().text(), first.error().text());
  EXPECT_EQ(reader->next_lsn(), Lsn{10});
  expect_record(reader->read_at(Lsn{5}), 5);
}

TEST_F(ReaderTest, a_torn_tail_is_the_tail_until_a_writer_has_cut_it) {
  make_journal(10);
  auto bytes = test::read_file(segment(1));
  const auto offsets = test::record_offsets(bytes);
  std::ranges::fill(std::span{bytes}.subspan(offsets[9] + 9), std::byte{0});
  test::write_file(segment(1), bytes);
  auto reader = Reader::open(dir(), Lsn{9});
  expect_record(reader->next(), 9);
  expect_tail(reader->next());
  expect_tail(reader->next());
  Writer writer = open_writer();
  EXPECT_EQ(writer.next_lsn(), Lsn{10});
  append_records(writer, 2);
  expect_record(reader->next(), 10);
  expect_record(reader->next(), 11);
}

TEST_F(ReaderTest, many_readers_follow_a_writer_at_full_speed) {
  constexpr std::uint64_t kRecords = 30'000;
  WriterOptions options;
  options.segment_bytes = 64U << 10U;
  Writer writer = open_writer(options);
  std::atomic<std::uint64_t> wrong{0};
  const auto follow = [&](Lsn from) {
    auto reader = Reader::open(dir(), from);
    if (!reader) return void(++wrong);
    for (std::uint64_t lsn = std::max<std::uint64_t>(1, from.value()); lsn <= kRecords;) {
      const auto record = reader->next();
      if (!record) {
        ADD_FAILURE() << record.error().text();
        return void(++wrong);
      }
      if (!*record) {
        std::this_thread::yield();
        continue;
      }
      if ((*record)->lsn != Lsn{lsn} ||
          !std::ranges::equal((*record)->payload, payload_of(Lsn{lsn}))) {
        return void(++wrong);
      }
      ++lsn;
    }
  };
  std::jthread first{follow, Lsn{0}};
  std::jthread second{follow, Lsn{kRecords / 2}};
  std::jthread checker{[&](const std::stop_token& stop) {
    while (!stop.stop_requested()) {
      const auto report = verify(dir());
      if (!report || !report->intact) ++wrong;
    }
  }};
  append_records(writer, kRecords, 100);
  first.join();
  second.join();
  checker.request_stop();
  checker.join();
  EXPECT_EQ(wrong.load(), 0U);
}

}  // namespace
}  // namespace stoa::journal
