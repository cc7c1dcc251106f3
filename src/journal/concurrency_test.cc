// A writer, readers that tail it and move their cursors, retention that follows them, and somebody
// who verifies, all at once on one journal. For ThreadSanitizer as much as for the claims.

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/ids.h"
#include "journal/checkpoint.h"
#include "journal/cursor.h"
#include "journal/reader.h"
#include "journal/retention.h"
#include "journal/test_support.h"
#include "journal/verify.h"
#include "journal/writer.h"

namespace stoa::journal {
namespace {

using test::payload_of;

constexpr std::uint64_t kRecords = 6000;  // about a hundred segments of 4 KiB
constexpr std::array kReaders{"backup", "store", "screen"};

class ConcurrencyTest : public test::JournalTest {
 protected:
  // Whoever finds a fault says it once and lets the others end.
  void complain(const std::string& what) {
    if (!failed_.exchange(true)) ADD_FAILURE() << what;
  }

  void write() {
    auto writer = Writer::open(dir(), {.segment_bytes = 4096});
    if (!writer) return complain(writer.error().text());
    for (std::uint64_t lsn = 1; lsn <= kRecords && !failed_; ++lsn) {
      if (!writer->append(payload_of(Lsn{lsn}))) return complain("append");
      if (lsn % 7 != 0 && lsn != kRecords) continue;
      const auto durable = writer->commit();
      if (!durable) return complain(durable.error().text());
      durable_.store(durable->value(), std::memory_order_release);  // pairs with follow()
      if (lsn % 210 == 0 && !checkpoint_and_retain(*writer, *durable)) return;
    }
  }
  bool checkpoint_and_retain(const Writer& writer, Lsn durable) {
    const auto written = write_checkpoint(
        dir(), {.lsn = durable, .chain = writer.chain(), .epoch = 0, .state = payload_of(durable)});
    if (!written) complain(written.error().text());
    const auto retained = apply_retention(dir(), std::uint64_t{4} * 4096);
    if (!retained) complain(retained.error().text());
    if (retained) removed_ += retained->segments;
    return written && retained;
  }

  // Reads every record once, in order, none before it is durable, and says how far it is.
  void follow(const std::string& name) {
    auto reader = Reader::open(dir(), Lsn{1});
    if (!reader) return complain(reader.error().text());
    for (std::uint64_t wanted = 1; wanted <= kRecords && !failed_;) {
      const auto result = reader->next(Lsn{durable_.load(std::memory_order_acquire)});
      if (!result) return complain(name + ": " + result.error().text());
      const std::optional<Record>& record = *result;
      if (!record) {
        std::this_thread::yield();
        continue;
      }
      if (record->lsn != Lsn{wanted} ||
          !std::ranges::equal(record->payload, payload_of(record->lsn))) {
        return complain(name + " got another record than " + std::to_string(wanted));
      }
      if (wanted % 100 == 0) {
        const auto moved = set_cursor(dir(), name, Lsn{wanted});
        if (!moved) return complain(moved.error().text());
      }
      ++wanted;
    }
  }

  void check() {
    do {
      const auto report = verify(dir());
      if (!report) return complain(report.error().text());
      if (!report->intact) return complain("verify saw " + report->damage.front().text());
      if (!list(dir()) || !list_checkpoints(dir()) || !list_cursors(dir())) {
        return complain("could not list");
      }
      ++verified_;
    } while (!done_ && !failed_);
  }

  std::atomic<std::uint64_t> durable_{0};
  std::atomic<std::uint64_t> verified_{0};
  std::atomic<bool> done_{false};
  std::atomic<bool> failed_{false};
  std::uint64_t removed_ = 0;  // segments; the writer's thread
};

TEST_F(ConcurrencyTest, writer_readers_retention_and_verify_do_not_disturb_each_other) {
  std::filesystem::create_directory(dir());
  for (const char* const name : kReaders) ASSERT_TRUE(set_cursor(dir(), name, Lsn{0}));
  {
    std::jthread checker{[this] { check(); }};
    {
      std::vector<std::jthread> threads;
      threads.emplace_back([this] { write(); });
      for (const char* const name : kReaders) threads.emplace_back([this, name] { follow(name); });
    }
    done_ = true;
  }
  EXPECT_FALSE(failed_);
  EXPECT_GT(verified_, 0U);
  EXPECT_EQ(verify(dir())->last, Lsn{kRecords});
  // All have passed: the next round of retention lets everything go but what the checkpoints hold.
  for (const char* const name : kReaders) ASSERT_TRUE(set_cursor(dir(), name, Lsn{kRecords}));
  const auto retained = apply_retention(dir(), 0);
  ASSERT_TRUE(retained);
  EXPECT_GT(removed_ + retained->segments, 50U);
  EXPECT_TRUE(verify(dir())->intact);
}

}  // namespace
}  // namespace stoa::journal
