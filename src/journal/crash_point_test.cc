// The journal on a simulated disk, stopped at every single call that changes something, and on one
// that forgets what a failed fsync owed. The large campaigns are `./dev sim journal`.

#include <gtest/gtest.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <iostream>
#include <optional>
#include <string>

#include "base/ids.h"
#include "journal/simulated_disk.h"
#include "journal/simulation.h"
#include "journal/test_support.h"
#include "journal/verify.h"
#include "journal/writer.h"

namespace stoa::journal {
namespace {

using test::append_records;
using test::Fault;
using test::Op;
using test::payload_of;
using test::read_back;
using test::Sabotage;
using test::SimulatedDisk;
using test::Survival;
using test::Tally;

constexpr std::array kEnds{Survival::ProcessKilled, Survival::OnlySynced, Survival::AllWritten,
                           Survival::AnyOfIt};

TEST(CrashPoint, a_life_stopped_at_every_change_loses_doubles_and_invents_nothing) {
  Tally tally;
  std::uint64_t points = 0;
  for (std::uint64_t seed = 1; seed <= 2; ++seed) {
    bool within = true;
    for (std::uint64_t stop = 1; within; ++stop) {
      for (const Survival survival : kEnds) {
        std::optional<std::string> violation;
        within = test::run_stopped(
            {.seed = seed, .stop = stop, .survival = survival, .chance = stop}, tally, violation);
        ASSERT_FALSE(violation) << "seed " << seed << ", change " << stop << ", survival "
                                << static_cast<int>(survival) << ": " << *violation;
      }
      ++points;
    }
  }
  EXPECT_GT(points, 300U);
  EXPECT_GT(tally.rotations, points);
  EXPECT_GT(tally.checkpoints, points);
  EXPECT_GT(tally.epochs, points);
  EXPECT_GT(tally.segments_removed, points);
  std::cout << points << " crash points, " << tally.runs << " runs, " << tally.calls
            << " calls to the disk, " << tally.acknowledged << " records acknowledged\n";
}

TEST(CrashPoint, random_campaigns_lose_double_and_invent_nothing) {
  Tally tally;
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    const auto violation = test::run_campaign(seed, tally);
    ASSERT_FALSE(violation) << "seed " << seed << ": " << *violation;
  }
}

// Proof that the two tests above can fail: the same runs on a disk that breaks its word.
TEST(CrashPoint, a_disk_that_breaks_its_word_is_noticed) {
  for (const Sabotage sabotage : {Sabotage::SyncDoesNothing, Sabotage::DirectorySyncDoesNothing,
                                  Sabotage::LosesASyncedSector, Sabotage::MisplacesAWrite}) {
    SCOPED_TRACE(static_cast<int>(sabotage));
    Tally tally;
    std::uint64_t noticed = 0;
    for (std::uint64_t seed = 1; seed <= 20; ++seed) {
      if (test::run_campaign(seed, tally, sabotage)) ++noticed;
    }
    EXPECT_GE(noticed, 5U);
  }
}

// --- what a failed fsync leaves

class ForgottenPagesTest : public ::testing::Test {
 protected:
  WriterOptions options() {
    return {.segment_bytes = 1U << 17U, .prepare_ahead = false, .file_system = &disk_};
  }
  // The `nth` sync from now on fails; the page cache may go on showing what it did not write.
  void fail_sync(int nth) {
    disk_.on_call = [left = nth](Op op, const std::filesystem::path&) mutable {
      return op == Op::Sync && --left == 0 ? Fault{.error = EIO} : Fault{};
    };
  }
  // A start after the failure hands out what it reads; a power cut then must not take it.
  void expect_kept_after_restart() {
    disk_.restart(Survival::ProcessKilled);
    Lsn handed_out;
    {
      auto writer = Writer::open("log", options());
      ASSERT_TRUE(writer) << writer.error().text();
      handed_out = writer->recovery().last;
      append_records(*writer, 2);
    }
    disk_.restart(Survival::OnlySynced);
    const auto report = verify("log", &disk_);
    ASSERT_TRUE(report);
    for (const auto& damage : report->damage) ADD_FAILURE() << damage.text();
    EXPECT_EQ(report->last, Lsn{handed_out.value() + 2});
  }

  SimulatedDisk disk_{1};
};

TEST_F(ForgottenPagesTest, records_of_a_failed_sync_are_written_again_before_they_are_believed) {
  for (int round = 0; round < 20; ++round) {
    SCOPED_TRACE(round);
    {
      auto writer = Writer::open("log", options());
      ASSERT_TRUE(writer) << writer.error().text();
      fail_sync(1);
      // Several sectors, most of which no later record touches.
      ASSERT_TRUE(writer->append(test::Bytes(2000, std::byte{7})));
      ASSERT_FALSE(writer->commit());
    }
    expect_kept_after_restart();
    if (HasFailure()) return;
  }
}

TEST_F(ForgottenPagesTest, the_footer_of_a_failed_sync_is_written_again_before_it_is_believed) {
  for (int round = 0; round < 20; ++round) {
    SCOPED_TRACE(round);
    {
      auto writer = Writer::open("log", options());
      ASSERT_TRUE(writer) << writer.error().text();
      append_records(*writer, 1);
      ASSERT_TRUE(writer->commit());
      fail_sync(1);  // a rotation with nothing left to sync begins with the footer's
      EXPECT_FALSE(writer->begin_epoch(writer->epoch() + 1));
    }
    expect_kept_after_restart();
    if (HasFailure()) return;
  }
}

// The first start cuts a torn tail and cannot sync the cut; the second sees zeros, which the disk
// does not have. What was cut must not come back behind the records of the second.
TEST(CrashPoint, what_was_cut_does_not_come_back_when_the_cut_was_not_synced) {
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    SCOPED_TRACE(seed);
    SimulatedDisk disk{seed};
    const WriterOptions options{
        .segment_bytes = 8192, .prepare_ahead = false, .file_system = &disk};
    {
      auto writer = Writer::open("log", options);
      ASSERT_TRUE(writer);
      append_records(*writer, 2);
      for (int i = 0; i < 12; ++i) ASSERT_TRUE(writer->append(test::Bytes(488, std::byte{7})));
      ASSERT_TRUE(writer->flush());
    }
    disk.restart(Survival::AnyOfIt);  // some of the twelve, a sector each, with gaps
    disk.on_call = [](Op op, const std::filesystem::path&) {
      return op == Op::Sync ? Fault{.error = EIO} : Fault{};
    };
    ASSERT_FALSE(Writer::open("log", options));
    disk.on_call = [](Op, const std::filesystem::path&) { return Fault{}; };
    disk.restart(Survival::ProcessKilled);
    Lsn last;
    {
      auto writer = Writer::open("log", options);
      ASSERT_TRUE(writer) << writer.error().text();
      ASSERT_TRUE(writer->append(test::Bytes(488, std::byte{8})));
      ASSERT_TRUE(writer->commit());
      last = writer->durable_lsn();
    }
    disk.restart(Survival::OnlySynced);
    const auto report = verify("log", &disk);
    ASSERT_TRUE(report && report->intact);
    EXPECT_EQ(report->last, last);
    EXPECT_EQ(report->segments.back().torn_tail_bytes, 0U);
  }
}

TEST(CrashPoint, the_directory_of_a_writer_that_died_making_it_is_made_durable_by_the_next) {
  SimulatedDisk disk{1};
  const WriterOptions options{.segment_bytes = 4096, .prepare_ahead = false, .file_system = &disk};
  disk.stop_at(2);  // the directory is there, its name not yet synced
  ASSERT_FALSE(Writer::open("log", options));
  disk.restart(Survival::ProcessKilled);
  {
    auto writer = Writer::open("log", options);
    ASSERT_TRUE(writer) << writer.error().text();
    append_records(*writer, 3);
  }
  disk.restart(Survival::OnlySynced);
  EXPECT_EQ(read_back("log", Lsn{0}, &disk).last, Lsn{3});
}

}  // namespace
}  // namespace stoa::journal
