#include "journal/writer.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <new>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "base/ids.h"
#include "journal/format.h"
#include "journal/reader.h"
#include "journal/test_support.h"
#include "journal/verify.h"

namespace {
// Counts what the hot path may not do. Sanitizers bring allocators of their own; the count works
// with them, as these only stand in front.
std::atomic<std::uint64_t> allocations{0};
}  // namespace

// Out of line, or GCC sees free() meet a pointer from new and takes it for a mistake.
[[gnu::noinline]] void* operator new(std::size_t size) {
  allocations.fetch_add(1, std::memory_order_relaxed);
  if (void* const bytes = std::malloc(size == 0 ? 1 : size)) return bytes;
  throw std::bad_alloc{};
}
[[gnu::noinline]] void operator delete(void* bytes) noexcept { std::free(bytes); }
[[gnu::noinline]] void operator delete(void* bytes, std::size_t) noexcept { std::free(bytes); }

namespace stoa::journal {
namespace {

using test::append_records;
using test::payload_of;
using test::read_back;
using test::read_file;

class WriterTest : public test::JournalTest {};

TEST_F(WriterTest, lsns_begin_at_one_and_follow_each_other_across_restarts) {
  for (std::uint64_t start = 0; start < 5; ++start) {
    Writer writer = open_writer();
    EXPECT_EQ(writer.next_lsn(), Lsn{start * 30 + 1});
    EXPECT_EQ(writer.durable_lsn(), Lsn{start * 30});
    EXPECT_EQ(writer.recovery().last, Lsn{start * 30});
    EXPECT_EQ(writer.recovery().first, Lsn{1});
    EXPECT_EQ(writer.recovery().cut_bytes, 0U);
    append_records(writer, 30, 7);
    EXPECT_EQ(writer.durable_lsn(), Lsn{start * 30 + 30});
  }
  const auto back = read_back(dir());
  EXPECT_FALSE(back.error);
  EXPECT_EQ(back.records, 150U);
  EXPECT_EQ(back.last, Lsn{150});
}

TEST_F(WriterTest, a_start_without_appends_changes_no_byte) {
  make_journal(10);
  const auto before = read_file(segment(1));
  for (int i = 0; i < 3; ++i) (void)open_writer();
  EXPECT_EQ(read_file(segment(1)), before);
}

TEST_F(WriterTest, the_same_appends_give_the_same_bytes) {
  const auto run = [&](const char* name, bool prepare_ahead) {
    WriterOptions options = small();
    options.prepare_ahead = prepare_ahead;
    auto writer = Writer::open(temporary_.path() / name, options);
    append_records(*writer, 500, 3);
    EXPECT_TRUE(writer->close());
    std::vector<std::pair<std::string, test::Bytes>> files;
    const auto segments = list(temporary_.path() / name);
    for (const auto& info : *segments) {
      files.emplace_back(info.name, read_file(temporary_.path() / name / info.name));
    }
    return files;
  };
  const auto first = run("first", true);
  EXPECT_GT(first.size(), 8U);
  EXPECT_EQ(first, run("second", true));
  EXPECT_EQ(first, run("third", false));
}

TEST_F(WriterTest, a_closed_writer_leaves_only_segments_and_its_lock) {
  WriterOptions options = small();
  options.prepare_ahead = true;
  Writer writer = open_writer(options);
  append_records(writer, 40);
  ASSERT_TRUE(writer.close());
  EXPECT_EQ(writer.append({}).error().code, ErrorCode::Unavailable);
  {
    const Writer gone = std::move(writer);
  }
  for (const auto& entry : std::filesystem::directory_iterator{dir()}) {
    const std::string name = entry.path().filename().string();
    EXPECT_TRUE(name == "writer.lock" || parse_segment_name(name)) << name;
  }
}

TEST_F(WriterTest, a_second_writer_is_told_who_has_the_journal) {
  auto first = std::optional<Writer>{open_writer()};
  const auto second = Writer::open(dir(), small());
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, ErrorCode::Unavailable);
  EXPECT_EQ(second.error().message,
            "the journal is in use by process " + std::to_string(::getpid()));
  EXPECT_EQ(second.error().source, dir().string());
  append_records(*first, 3);  // the first is unharmed
  first.reset();
  EXPECT_EQ(open_writer().next_lsn(), Lsn{4});
}

TEST_F(WriterTest, what_was_appended_and_not_committed_is_gone) {
  {
    Writer writer = open_writer();
    append_records(writer, 3);
    ASSERT_TRUE(writer.append(payload_of(Lsn{4})));
    EXPECT_EQ(writer.durable_lsn(), Lsn{3});
    EXPECT_EQ(writer.metrics().head_lsn.value(), 4);
  }
  EXPECT_EQ(open_writer().next_lsn(), Lsn{4});
}

TEST_F(WriterTest, a_gathered_record_is_the_same_as_a_whole_one) {
  {
    Writer writer = open_writer();
    for (std::uint64_t lsn = 1; lsn <= 40; ++lsn) {
      const auto payload = payload_of(Lsn{lsn});
      const std::size_t split = payload.size() * lsn / 40;
      ASSERT_TRUE(
          writer.append(std::span{payload}.first(split), std::span{payload}.subspan(split)));
    }
    ASSERT_TRUE(writer.commit());
  }
  EXPECT_EQ(read_back(dir()).records, 40U);
}

TEST_F(WriterTest, the_largest_payload_fits_into_the_smallest_segment) {
  Writer writer = open_writer();
  const std::size_t largest = writer.max_payload_bytes();
  EXPECT_EQ(largest, 4096U - 128 - 64 - 16);
  const std::vector<std::byte> payload(largest, std::byte{0x77});
  for (std::uint64_t i = 1; i <= 3; ++i) {
    ASSERT_EQ(*writer.append(payload), Lsn{i});
    ASSERT_TRUE(writer.commit());
  }
  EXPECT_EQ(writer.metrics().rotations.value(), 2U);
  auto reader = Reader::open(dir());
  for (std::uint64_t i = 1; i <= 3; ++i) {
    const auto record = reader->next();
    ASSERT_TRUE(record && *record);
    EXPECT_TRUE(std::ranges::equal((*record)->payload, payload));
  }
}

TEST_F(WriterTest, payloads_are_bounded_by_segment_buffer_and_format) {
  WriterOptions options{.segment_bytes = 4U << 20U};
  EXPECT_EQ(open_writer(options).max_payload_bytes(), kMaxPayloadBytes);
  options.buffer_bytes = 8192;
  EXPECT_EQ(open_writer(options).max_payload_bytes(), 8192U - 16);
}

TEST(WriterDeathTest, a_payload_over_the_bound_is_a_bug) {
  const test::TemporaryDirectory temporary;
  auto writer = Writer::open(temporary.path() / "log", {.segment_bytes = 4096});
  const std::vector<std::byte> payload(writer->max_payload_bytes() + 1);
  EXPECT_DEATH({ [[maybe_unused]] const auto lsn = writer->append(payload); }, "max_payload_bytes");
}

TEST_F(WriterTest, impossible_options_are_refused) {
  const auto refused = [&](const WriterOptions& options) {
    const auto writer = Writer::open(dir(), options);
    return !writer && writer.error().code == ErrorCode::BadInput;
  };
  EXPECT_TRUE(refused({.segment_bytes = 0}));
  EXPECT_TRUE(refused({.segment_bytes = 4095}));
  EXPECT_TRUE(refused({.segment_bytes = 4104}));
  EXPECT_TRUE(refused({.segment_bytes = kMaxSegmentBytes + 4096}));
  EXPECT_TRUE(refused({.segment_bytes = 4096, .buffer_bytes = 4095}));
  EXPECT_TRUE(refused({.segment_bytes = 4096, .first_lsn = Lsn{0}}));
  EXPECT_FALSE(refused({.segment_bytes = 4096, .buffer_bytes = 4096}));
}

TEST_F(WriterTest, a_new_journal_may_begin_behind_a_checkpoint) {
  WriterOptions options = small();
  options.first_lsn = Lsn{1001};
  {
    Writer writer = open_writer(options);
    EXPECT_EQ(writer.next_lsn(), Lsn{1001});
    EXPECT_EQ(writer.durable_lsn(), Lsn{1000});
    append_records(writer, 5);
  }
  EXPECT_EQ(open_writer().next_lsn(), Lsn{1006}) << "only a new journal asks the option";
  EXPECT_EQ(read_back(dir()).last, Lsn{1005});
}

TEST_F(WriterTest, a_writer_of_an_older_epoch_is_refused) {
  WriterOptions options = small();
  options.epoch = 5;
  {
    Writer writer = open_writer(options);
    append_records(writer, 100);
  }
  EXPECT_EQ(list(dir())->back().epoch, 5U);
  options.epoch = 4;
  const auto older = Writer::open(dir(), options);
  ASSERT_FALSE(older);
  EXPECT_EQ(older.error().code, ErrorCode::BadInput);
  options.epoch = 6;
  EXPECT_TRUE(Writer::open(dir(), options));
  options.epoch = std::nullopt;
  EXPECT_EQ(open_writer(options).epoch(), 6U) << "without one it goes on in the journal's";
}

TEST_F(WriterTest, a_higher_epoch_ends_the_segment_and_begins_its_own) {
  make_journal(5);
  WriterOptions options = small();
  options.epoch = 2;
  {
    Writer writer = open_writer(options);
    EXPECT_TRUE(list(dir())->front().sealed);
    append_records(writer, 3);
    const auto same = writer.begin_epoch(2);
    ASSERT_FALSE(same);
    EXPECT_EQ(same.error().code, ErrorCode::BadInput);
    append_records(writer, 1);  // a refused epoch changes nothing
    ASSERT_TRUE(writer.begin_epoch(7));
    append_records(writer, 2);
  }
  std::vector<std::uint64_t> epochs;
  auto reader = Reader::open(dir());
  for (;;) {
    const auto record = reader->next();
    const std::optional<Record>& entry = *record;
    if (!entry) break;
    epochs.push_back(entry->epoch);
  }
  EXPECT_EQ(epochs, (std::vector<std::uint64_t>{0, 0, 0, 0, 0, 2, 2, 2, 2, 7, 7}));
  EXPECT_TRUE(verify(dir())->intact);
  EXPECT_EQ(open_writer().epoch(), 7U);
}

TEST_F(WriterTest, an_epoch_over_an_empty_segment_takes_its_place_under_a_waiting_reader) {
  Writer writer = open_writer();
  auto reader = Reader::open(dir());
  EXPECT_FALSE(*reader->next());
  ASSERT_TRUE(writer.begin_epoch(4));
  EXPECT_EQ(list(dir())->size(), 1U);
  append_records(writer, 3);
  for (std::uint64_t lsn = 1; lsn <= 3; ++lsn) {
    const auto record = reader->next();
    ASSERT_TRUE(record) << record.error().text();
    const std::optional<Record>& entry = *record;
    ASSERT_TRUE(entry.has_value());
    EXPECT_EQ(entry->lsn, Lsn{lsn});
    EXPECT_EQ(entry->epoch, 4U);
  }
}

TEST_F(WriterTest, the_chain_is_that_of_the_footers) {
  Writer writer = open_writer();
  EXPECT_EQ(writer.chain(), 0U);
  append_records(writer, 5);
  const std::uint32_t chain = writer.chain();
  EXPECT_NE(chain, 0U);
  ASSERT_TRUE(writer.begin_epoch(1));
  EXPECT_EQ(writer.chain(), chain);
  const test::Bytes bytes = test::read_file(segment(6));
  const auto header = decode_header(std::span{bytes}.first<kSegmentHeaderBytes>());
  EXPECT_EQ(header->header.previous_chain, chain);
}

TEST_F(WriterTest, a_record_that_does_not_fit_seals_the_segment_and_begins_the_next) {
  Writer writer = open_writer();
  constexpr std::size_t kRoom = 4096 - 128 - 64;
  const std::vector<std::byte> half(kRoom / 2 - 16);
  ASSERT_TRUE(writer.append(half));
  ASSERT_TRUE(writer.append(half));  // fills the segment to its last byte
  ASSERT_TRUE(writer.commit());
  EXPECT_EQ(writer.metrics().rotations.value(), 0U);
  EXPECT_FALSE(list(dir())->front().sealed);
  ASSERT_TRUE(writer.append({}));
  EXPECT_EQ(writer.metrics().rotations.value(), 1U);
  const auto segments = list(dir());
  ASSERT_EQ(segments->size(), 2U);
  EXPECT_TRUE(segments->front().sealed);
  EXPECT_EQ(segments->front().records, 2U);
  EXPECT_EQ(segments->front().last, Lsn{2});
  EXPECT_EQ(segments->back().first, Lsn{3});
}

TEST_F(WriterTest, rotation_makes_everything_before_it_durable_under_any_policy) {
  WriterOptions options = small();
  options.sync = SyncPolicy::None;
  Writer writer = open_writer(options);
  append_records(writer, 20);
  EXPECT_EQ(writer.metrics().rotations.value(), 0U);
  EXPECT_EQ(writer.durable_lsn(), Lsn{0});
  append_records(writer, 100);
  const auto rotations = writer.metrics().rotations.value();
  EXPECT_GE(rotations, 1U);
  EXPECT_EQ(writer.durable_lsn().value() + 1, list(dir())->back().first.value());
  EXPECT_EQ(*writer.sync(), Lsn{120});
}

TEST_F(WriterTest, interval_syncs_when_it_has_passed_and_not_before) {
  ManualClock clock{Timestamp::from_ns(1'000'000)};
  WriterOptions options = small();
  options.sync = SyncPolicy::Interval;
  options.sync_interval = std::chrono::milliseconds{10};
  options.clock = &clock;
  Writer writer = open_writer(options);
  ASSERT_TRUE(writer.append({}));
  EXPECT_EQ(*writer.commit(), Lsn{0});
  clock.advance_to(Timestamp::from_ns(1'000'000 + 9'999'999));
  EXPECT_EQ(*writer.commit(), Lsn{0});
  clock.advance_to(Timestamp::from_ns(1'000'000 + 10'000'000));
  EXPECT_EQ(*writer.commit(), Lsn{1}) << "an idle commit pays what is owed";
  EXPECT_EQ(writer.metrics().sync_ns.count(), 1U);
  EXPECT_EQ(*writer.commit(), Lsn{1});
  EXPECT_EQ(writer.metrics().sync_ns.count(), 1U) << "nothing new, no sync";
}

TEST_F(WriterTest, flush_shows_records_to_readers_before_they_are_durable) {
  Writer writer = open_writer();
  ASSERT_TRUE(writer.append(payload_of(Lsn{1})));
  EXPECT_EQ(read_back(dir()).records, 0U);
  ASSERT_TRUE(writer.flush());
  EXPECT_EQ(read_back(dir()).records, 1U);
  EXPECT_EQ(writer.durable_lsn(), Lsn{0});
  EXPECT_EQ(*writer.commit(), Lsn{1}) << "a commit syncs what a flush has written";
}

TEST_F(WriterTest, a_full_buffer_is_written_and_nothing_is_lost) {
  WriterOptions options{.segment_bytes = 1U << 20U, .buffer_bytes = 4096};
  Writer writer = open_writer(options);
  append_records(writer, 1000, 1000);
  EXPECT_EQ(writer.durable_lsn(), Lsn{1000});
  EXPECT_EQ(writer.metrics().sync_ns.count(), 1U);
  EXPECT_EQ(read_back(dir()).records, 1000U);
}

TEST_F(WriterTest, metrics_say_what_was_done) {
  Writer writer = open_writer(WriterOptions{.segment_bytes = 1U << 20U});
  append_records(writer, 100, 10);
  const WriterMetrics& metrics = writer.metrics();
  std::uint64_t payload_bytes = 0;
  for (std::uint64_t lsn = 1; lsn <= 100; ++lsn) payload_bytes += payload_of(Lsn{lsn}).size();
  EXPECT_EQ(metrics.records.value(), 100U);
  EXPECT_EQ(metrics.payload_bytes.value(), payload_bytes);
  EXPECT_EQ(metrics.commits.value(), 10U);
  EXPECT_EQ(metrics.sync_ns.count(), 10U);
  EXPECT_EQ(metrics.commit_ns.count(), 10U);
  EXPECT_EQ(metrics.head_lsn.value(), 100);
  EXPECT_EQ(metrics.durable_lsn.value(), 100);
  EXPECT_EQ(metrics.cut_tails.value(), 0U);
  const std::size_t end = test::record_offsets(read_file(segment(1))).back();
  EXPECT_EQ(metrics.bytes_written.value(), end);
}

TEST_F(WriterTest, append_and_commit_allocate_nothing) {
  Writer writer = open_writer(WriterOptions{.segment_bytes = 1U << 20U});
  std::array<std::byte, 200> payload{};
  ASSERT_TRUE(writer.append(payload));
  ASSERT_TRUE(writer.commit());
  const std::uint64_t before = allocations.load();
  for (int i = 0; i < 1000; ++i) {
    if (!writer.append(payload)) break;
    if (i % 10 == 0 && !writer.commit()) break;
  }
  EXPECT_EQ(allocations.load() - before, 0U);
  EXPECT_EQ(writer.next_lsn(), Lsn{1002});
}

TEST_F(WriterTest, a_metrics_reference_survives_a_move) {
  Writer writer = open_writer();
  const WriterMetrics& metrics = writer.metrics();
  Writer moved = std::move(writer);
  append_records(moved, 2);
  EXPECT_EQ(metrics.records.value(), 2U);
}

TEST_F(WriterTest, files_with_other_names_are_left_alone) {
  make_journal(3);
  const auto other = dir() / "notes.txt";
  test::write_file(other, {std::byte{'x'}});
  test::write_file(dir() / "next.prepared", {std::byte{'x'}});  // left by a killed writer
  {
    Writer writer = open_writer();
    EXPECT_EQ(writer.next_lsn(), Lsn{4});
    append_records(writer, 200);
  }
  EXPECT_EQ(read_file(other).size(), 1U);
  EXPECT_EQ(read_back(dir()).last, Lsn{203});
}

TEST_F(WriterTest, one_that_resumes_goes_on_where_the_one_before_was_closed) {
  Place place;
  for (std::uint64_t start = 0; start < 6; ++start) {
    auto writer = start == 0 ? Writer::open(dir(), small()) : Writer::resume(dir(), small(), place);
    ASSERT_TRUE(writer) << writer.error().text();
    EXPECT_EQ(writer->next_lsn(), Lsn{start * 25 + 1});
    EXPECT_EQ(writer->durable_lsn(), Lsn{start * 25});
    EXPECT_EQ(writer->recovery().last, Lsn{start * 25});
    append_records(*writer, 25, 7);
    ASSERT_TRUE(writer->close());
    place = writer->place();
    EXPECT_EQ(place.next, Lsn{start * 25 + 26});
  }
  const auto back = read_back(dir());
  EXPECT_FALSE(back.error);
  EXPECT_EQ(back.records, 150U);
  EXPECT_GT(list(dir())->size(), 1U) << "segments were begun by those that resumed";
  const Writer reopened = open_writer();
  EXPECT_EQ(reopened.chain(), place.chain);
  EXPECT_EQ(reopened.next_lsn(), place.next);
}

TEST_F(WriterTest, one_that_resumes_believes_no_place_that_the_journal_does_not_have) {
  Place place;
  {
    Writer writer = open_writer();
    append_records(writer, 30, 7);
    ASSERT_TRUE(writer.close());
    place = writer.place();
  }
  const auto refused = [&](const Place& wrong) {
    const auto resumed = Writer::resume(dir(), small(), wrong);
    return !resumed && resumed.error().code == ErrorCode::Damaged;
  };
  Place other = place;
  other.segment = Lsn{place.segment.value() + 1};
  EXPECT_TRUE(refused(other)) << "another segment";
  other = place;
  other.end_offset = 1U << 30U;
  EXPECT_TRUE(refused(other)) << "behind the segment";
  other = place;
  other.end_offset = 0;
  EXPECT_TRUE(refused(other)) << "in the header";
  other = place;
  other.end_offset = kSegmentHeaderBytes;
  other.next = place.segment;
  EXPECT_TRUE(refused(other)) << "a record stands there";
  other = place;
  other.next = Lsn{place.segment.value() - 1};
  EXPECT_TRUE(refused(other)) << "before the segment";
  {
    const Writer holder = open_writer();
    const auto second = Writer::resume(dir(), small(), place);
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().code, ErrorCode::Unavailable);
  }
  auto resumed = Writer::resume(dir(), small(), place);
  ASSERT_TRUE(resumed) << resumed.error().text();
  // Sealed since: by one that wrote more than the segment holds.
  append_records(*resumed, 200, 7);
  ASSERT_TRUE(resumed->close());
  EXPECT_TRUE(refused(place));
}

}  // namespace
}  // namespace stoa::journal
