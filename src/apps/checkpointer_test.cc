#include "apps/checkpointer.h"

#include <gtest/gtest.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/ids.h"
#include "base/temp_dir.h"
#include "bus/wake.h"
#include "journal/checkpoint.h"
#include "journal/writer.h"
#include "ops/checkpoint_desk.h"
#include "ops/engine_status.h"

namespace stoa::apps {
namespace {

namespace fs = std::filesystem;

class CheckpointerTest : public testing::Test {
 protected:
  [[nodiscard]] Checkpointer::Options options(std::uint64_t keep_bytes = 0) {
    return {.dir = dir_,
            .keep_bytes = keep_bytes,
            .status = &status_,
            .desk = &desk_,
            .gateway_wake = &wake_,
            .clock = &clock_};
  }
  /// As the engine does it.
  void write(Checkpointer& checkpointer, std::uint64_t lsn) {
    desk_.begin();
    checkpointer.write({.lsn = Lsn{lsn}, .state = {std::byte{1}, std::byte{2}}},
                       clock_.monotonic());
    checkpointer.wait();
  }

  TempDir folder_;
  fs::path dir_ = folder_.path();
  ops::EngineStatus status_;
  ops::CheckpointDesk desk_;
  bus::Wake wake_ = bus::Wake::create().value();
  SystemClock clock_;
};

TEST_F(CheckpointerTest, writes_the_file_and_answers_who_asked) {
  Checkpointer checkpointer{options()};
  ASSERT_TRUE(desk_.ask());
  EXPECT_TRUE(desk_.asked());
  EXPECT_FALSE(desk_.ask()) << "one at a time";
  write(checkpointer, 7);
  const auto outcome = desk_.take_outcome();
  ASSERT_TRUE(outcome);
  EXPECT_EQ(outcome->lsn, Lsn{7});
  EXPECT_EQ(outcome->error, "");
  EXPECT_EQ(outcome->bytes, fs::file_size(dir_ / journal::checkpoint_name(Lsn{7})));
  EXPECT_FALSE(desk_.take_outcome()) << "once";
  EXPECT_TRUE(desk_.ask());
  EXPECT_EQ(status_.checkpoint_lsn.value(), 7);
  EXPECT_EQ(status_.checkpoint_copy_ns.count(), 1U);
}

TEST_F(CheckpointerTest, one_that_nobody_asked_for_answers_nobody) {
  Checkpointer checkpointer{options()};
  write(checkpointer, 7);
  EXPECT_FALSE(desk_.take_outcome());
  EXPECT_EQ(status_.checkpoints.value(), 1U);
}

TEST_F(CheckpointerTest, a_request_is_refused_while_one_is_being_written) {
  desk_.begin();
  EXPECT_FALSE(desk_.ask());
  desk_.end({});
  EXPECT_TRUE(desk_.ask());
}

TEST_F(CheckpointerTest, a_failure_is_told_and_the_next_success_ends_it) {
  Checkpointer checkpointer{options()};
  fs::create_directory(dir_ / "checkpoint.tmp");
  ASSERT_TRUE(desk_.ask());
  write(checkpointer, 7);
  const auto outcome = desk_.take_outcome();
  ASSERT_TRUE(outcome);
  EXPECT_NE(outcome->error, "");
  EXPECT_EQ(desk_.last_error(), outcome->error);
  EXPECT_EQ(status_.checkpoint_failed.value(), 1);
  EXPECT_EQ(status_.checkpoint_failures.value(), 1U);
  EXPECT_EQ(status_.checkpoint_lsn.value(), 0);
  fs::remove(dir_ / "checkpoint.tmp");
  write(checkpointer, 8);
  EXPECT_EQ(status_.checkpoint_failed.value(), 0);
  EXPECT_EQ(desk_.last_error(), "");
}

TEST_F(CheckpointerTest, removes_what_retention_allows_behind_it) {
  constexpr std::uint64_t kSegmentBytes = 4'096;
  {
    auto log = journal::Writer::open(dir_, {.segment_bytes = kSegmentBytes, .prepare_ahead = false})
                   .value();
    const std::array<std::byte, 100> record{};
    for (int i = 0; i < 300; ++i) ASSERT_TRUE(log.append(record));
    ASSERT_TRUE(log.close());
  }
  {
    Checkpointer everything{options()};
    write(everything, 200);
    write(everything, 250);
    EXPECT_EQ(status_.removed_segments.value(), 0U) << "0 keeps everything";
  }
  Checkpointer checkpointer{options(3 * kSegmentBytes)};
  write(checkpointer, 260);
  EXPECT_GT(status_.removed_segments.value(), 2U);
  EXPECT_EQ(status_.removed_bytes.value(), status_.removed_segments.value() * kSegmentBytes);
  EXPECT_FALSE(fs::exists(dir_ / "00000000000000000001.seg"));
}

TEST_F(CheckpointerTest, finishes_the_one_under_way_when_it_ends) {
  {
    Checkpointer checkpointer{options()};
    desk_.begin();
    checkpointer.write({.lsn = Lsn{9}, .state = std::vector<std::byte>(1U << 20U)},
                       clock_.monotonic());
  }
  EXPECT_TRUE(journal::read_checkpoint(dir_, Lsn{9}));
}

}  // namespace
}  // namespace stoa::apps
