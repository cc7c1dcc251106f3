#include "journal/group_writer.h"

#include <gtest/gtest.h>

#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "base/error.h"
#include "base/ids.h"
#include "journal/fake_file_system.h"
#include "journal/reader.h"
#include "journal/test_support.h"

namespace stoa::journal {
namespace {

class GroupWriterTest : public test::JournalTest {
 protected:
  /// Each of `threads` appends `each` records "thread.number" and notes where they went.
  static std::map<std::uint64_t, std::string> append_from_threads(GroupWriter& writer,
                                                                  std::size_t threads,
                                                                  std::size_t each) {
    std::vector<std::map<std::uint64_t, std::string>> noted(threads);
    {
      std::vector<std::jthread> running;
      for (std::size_t thread = 0; thread < threads; ++thread) {
        running.emplace_back([&, thread] {
          for (std::size_t i = 0; i < each; ++i) {
            const std::string text = std::to_string(thread) + "." + std::to_string(i);
            const auto lsn = writer.append(std::as_bytes(std::span{text}));
            if (lsn) noted[thread].emplace(lsn->value(), text);
          }
        });
      }
    }
    std::map<std::uint64_t, std::string> all;
    for (auto& map : noted) all.merge(map);
    return all;
  }
  [[nodiscard]] std::map<std::uint64_t, std::string> in_log() const {
    std::map<std::uint64_t, std::string> all;
    auto reader = Reader::open(dir());
    for (;;) {
      const auto record = reader->next();
      EXPECT_TRUE(record) << record.error().text();
      const std::optional<Record>& entry = *record;
      if (!entry) return all;
      std::string text(entry->payload.size(), ' ');
      std::ranges::copy(entry->payload, std::as_writable_bytes(std::span{text}).begin());
      all.emplace(entry->lsn.value(), text);
    }
  }
};

TEST_F(GroupWriterTest, every_record_stands_where_its_thread_was_told) {
  auto writer = GroupWriter::open(dir(), {.journal = small()});
  ASSERT_TRUE(writer) << writer.error().text();
  const auto noted = append_from_threads(**writer, 8, 200);
  EXPECT_EQ(noted.size(), 1600U) << "no two records have the same lsn, none is refused";
  EXPECT_EQ(noted, in_log());
}

TEST_F(GroupWriterTest, a_thread_alone_syncs_for_itself) {
  auto writer = GroupWriter::open(dir(), {.journal = small()});
  ASSERT_TRUE(writer);
  EXPECT_EQ(append_from_threads(**writer, 1, 30).size(), 30U);
  EXPECT_EQ((*writer)->metrics().commits.value(), 30U);
}

TEST_F(GroupWriterTest, records_that_come_during_a_sync_share_the_next) {
  test::FaultyFileSystem files;
  std::atomic<int> arrived{0};
  std::atomic<bool> held{false};
  WriterOptions options = small();
  options.segment_bytes = 1U << 20U;
  options.file_system = &files;
  auto writer = GroupWriter::open(dir(), {.journal = options});
  ASSERT_TRUE(writer);
  // The first sync lasts until seven others have their records in the next batch.
  files.on_call = [&](test::Op op, const std::filesystem::path&) {
    if (op == test::Op::Sync && !held.exchange(true)) {
      while (arrived.load() < 7) std::this_thread::yield();
    }
    return test::Fault{};
  };
  {
    const std::string text = "x";
    std::vector<std::jthread> running;
    running.emplace_back([&] { EXPECT_TRUE((*writer)->append(std::as_bytes(std::span{text}))); });
    while (!held.load()) std::this_thread::yield();
    for (int i = 0; i < 7; ++i) {
      running.emplace_back([&] {
        // Counted before it is staged: the sync may end a moment early, which only makes one more.
        arrived.fetch_add(1);
        EXPECT_TRUE((*writer)->append(std::as_bytes(std::span{text})));
      });
    }
  }
  EXPECT_EQ((*writer)->metrics().records.value(), 8U);
  EXPECT_LT((*writer)->metrics().commits.value(), 8U);
  EXPECT_EQ(in_log().size(), 8U);
}

TEST_F(GroupWriterTest, a_failed_sync_is_told_to_everybody_who_waits) {
  test::FaultyFileSystem files;
  WriterOptions options = small();
  options.segment_bytes = 1U << 20U;
  options.file_system = &files;
  auto writer = GroupWriter::open(dir(), {.journal = options});
  ASSERT_TRUE(writer);
  EXPECT_EQ(append_from_threads(**writer, 4, 10).size(), 40U);
  files.on_call = [](test::Op op, const std::filesystem::path&) {
    return op == test::Op::Sync ? test::Fault{.error = EIO} : test::Fault{};
  };
  EXPECT_TRUE(append_from_threads(**writer, 8, 20).empty()) << "nothing is acknowledged";
  files.on_call = [](test::Op, const std::filesystem::path&) { return test::Fault{}; };
  const std::string text = "late";
  const auto late = (*writer)->append(std::as_bytes(std::span{text}));
  ASSERT_FALSE(late) << "an ended writer stays ended";
  EXPECT_EQ(late.error().code, ErrorCode::Io);
}

TEST_F(GroupWriterTest, a_full_batch_makes_the_next_ones_wait_and_loses_none) {
  WriterOptions options = small();
  options.buffer_bytes = 4096;
  auto writer = GroupWriter::open(dir(), {.journal = options, .waiting_bytes = 4096});
  ASSERT_TRUE(writer) << writer.error().text();
  const std::string text(1500, 'x');
  {
    std::vector<std::jthread> running;
    for (int i = 0; i < 12; ++i) {
      running.emplace_back([&] {
        for (int n = 0; n < 20; ++n) {
          EXPECT_TRUE((*writer)->append(std::as_bytes(std::span{text})));
        }
      });
    }
  }
  EXPECT_EQ(in_log().size(), 240U);
}

TEST_F(GroupWriterTest, a_record_that_is_too_long_is_refused_and_the_others_go_on) {
  auto writer = GroupWriter::open(dir(), {.journal = small()});
  const std::vector<std::byte> long_one((*writer)->max_payload_bytes() + 1);
  const auto refused = (*writer)->append(long_one);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::BadInput);
  EXPECT_EQ((*writer)->append(std::span{long_one}.first(10)), Lsn{1});
}

}  // namespace
}  // namespace stoa::journal
