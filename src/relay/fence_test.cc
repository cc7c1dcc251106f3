#include "relay/fence.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <vector>

#include "base/error.h"
#include "base/random.h"

namespace stoa::relay {
namespace {

TEST(Fence, a_log_without_epochs_lets_everything_of_epoch_0_through) {
  const Fence fence;
  EXPECT_EQ(fence.epoch(), 0U);
  EXPECT_FALSE(fence.voided(0));
  EXPECT_TRUE(fence.admit(0));
}

TEST(Fence, a_leader_of_an_older_epoch_is_refused_and_told_both) {
  Fence fence;
  ASSERT_TRUE(fence.on_open(4));
  EXPECT_TRUE(fence.admit(4));
  const auto refused = fence.admit(3);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::Unavailable);
  EXPECT_EQ(refused.error().message,
            "this leader is of epoch 3, and epoch 4 has been opened: another leads; read the log "
            "to its end and follow");
  EXPECT_EQ(fence.admit(5).error().message,
            "this leader is of epoch 5, which it has not opened: the log is in epoch 4; append "
            "EpochOpen first");
}

TEST(Fence, of_two_that_open_one_epoch_the_first_in_the_log_leads) {
  Fence fence;
  ASSERT_TRUE(fence.may_open(1));
  ASSERT_TRUE(fence.on_open(1));
  EXPECT_FALSE(fence.on_open(1)) << "the second changes nothing";
  EXPECT_FALSE(fence.on_open(0));
  EXPECT_EQ(fence.epoch(), 1U);
  EXPECT_EQ(fence.may_open(1).error().message,
            "epoch 1 cannot be opened: epoch 1 has been; read the log to its end and follow, or "
            "take over with epoch 2");
  EXPECT_TRUE(fence.may_open(7)) << "epochs may be left out";
}

TEST(Fence, after_its_close_an_epoch_has_no_more_records) {
  Fence fence;
  ASSERT_TRUE(fence.on_open(2));
  EXPECT_FALSE(fence.on_close(1)) << "the close of another epoch closes nothing";
  EXPECT_FALSE(fence.voided(2));
  ASSERT_TRUE(fence.on_close(2));
  EXPECT_TRUE(fence.closed());
  EXPECT_TRUE(fence.voided(2));
  EXPECT_FALSE(fence.on_close(2));
  EXPECT_EQ(fence.admit(2).error().message, "epoch 2 has been closed: to lead again, open epoch 3");
  ASSERT_TRUE(fence.on_open(3));
  EXPECT_FALSE(fence.closed());
  EXPECT_FALSE(fence.voided(3));
}

TEST(Fence, goes_on_from_where_it_was_saved) {
  Fence fence;
  fence.on_open(6);
  fence.on_close(6);
  EXPECT_EQ(Fence(fence.epoch(), fence.closed()), fence);
}

/// Leaders that are paused, come late and race, in any order: the fence against the rule itself,
/// looked up in the whole log each time.
TEST(Fence, agrees_with_a_search_through_the_log) {
  struct Entry {
    enum Kind : std::uint8_t { Open, Close, Record } kind;
    std::uint64_t epoch;
  };
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    SCOPED_TRACE(seed);
    Random random{seed};
    std::vector<Entry> log;
    Fence fence;
    for (int i = 0; i < 200; ++i) {
      const auto kind = static_cast<Entry::Kind>(random.below(8) > 1 ? 2 : random.below(2));
      const std::uint64_t epoch = random.below(fence.epoch() + 3);
      // The rule: the highest epoch opened leads, until it is closed.
      std::uint64_t leads = 0;
      bool closed = false;
      for (const Entry& entry : log) {
        if (entry.kind == Entry::Open && entry.epoch > leads) {
          leads = entry.epoch;
          closed = false;
        } else if (entry.kind == Entry::Close && entry.epoch == leads) {
          closed = true;
        }
      }
      const bool counts = epoch == leads && !closed;
      ASSERT_EQ(fence.voided(epoch), !counts);
      ASSERT_EQ(fence.admit(epoch).has_value(), counts);
      ASSERT_EQ(fence.may_open(epoch).has_value(), epoch > leads);
      if (kind == Entry::Open) {
        ASSERT_EQ(fence.on_open(epoch), epoch > leads);
      } else if (kind == Entry::Close) {
        ASSERT_EQ(fence.on_close(epoch), counts);
      }
      log.push_back({kind, epoch});
    }
  }
}

}  // namespace
}  // namespace stoa::relay
