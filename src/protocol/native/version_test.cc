#include "protocol/native/version.h"

#include <gtest/gtest.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "model/market.h"
#include "model/system.h"
#include "protocol/native/codec.h"

// The rule with a release that does not exist yet: 7 reads 6 and 7.
namespace stoa::native {
namespace {

constexpr VersionRange kRelease5 = readable_by(5);
constexpr VersionRange kRelease6 = readable_by(6);
constexpr VersionRange kRelease7 = readable_by(7);
constexpr VersionRange kRelease8 = readable_by(8);

TEST(Version, a_release_reads_its_own_and_the_one_before) {
  EXPECT_EQ(kRelease7, (VersionRange{.oldest = 6, .newest = 7}));
  EXPECT_EQ(readable_by(1), (VersionRange{.oldest = 1, .newest = 1}));
  EXPECT_TRUE(kReadableVersions.contains(kVersion));
}

TEST(Version, decode_lets_in_what_the_release_reads_and_nothing_else) {
  for (const std::uint8_t version :
       {std::uint8_t{5}, std::uint8_t{6}, std::uint8_t{7}, std::uint8_t{8}}) {
    SCOPED_TRACE(int{version});
    std::array<std::byte, kSmallMessageBytes> space{};
    const std::size_t bytes =
        encode(space, {.domain = Domain::Market, .version = version}, Trade{});
    const auto message = std::span{space}.first(bytes);
    EXPECT_EQ(std::to_integer<std::uint8_t>(message[5]), version);
    const bool readable = version == 6 || version == 7;
    for (const auto& view : {decode(message, {.versions = kRelease7}),
                             decode_likely<Trade>(message, {.versions = kRelease7})}) {
      ASSERT_EQ(view.has_value(), readable);
      if (readable) {
        EXPECT_EQ(view->header().version, version);
        continue;
      }
      EXPECT_EQ(view.error().error, DecodeError::BadVersion);
      EXPECT_EQ(view.error().offset, 5U);
    }
  }
}

TEST(Version, writes_the_old_one_until_the_log_says_otherwise) {
  WriteVersion writes{kRelease7};
  EXPECT_EQ(writes.version(), 6);
  EXPECT_TRUE(writes.apply({.version = 0}));  // a feature that changes no byte
  EXPECT_TRUE(writes.apply({.version = 6}));
  EXPECT_EQ(writes.version(), 6);
  EXPECT_TRUE(writes.apply({.version = 7}));
  EXPECT_EQ(writes.version(), 7);
  EXPECT_TRUE(writes.apply({.version = 6}));  // never back
  EXPECT_EQ(writes.version(), 7);
}

TEST(Version, the_release_before_can_take_the_log_back_until_the_feature_is_on) {
  WriteVersion writes{kRelease7};
  EXPECT_TRUE(writes.can_hand_over_to(kRelease6));
  EXPECT_FALSE(writes.can_hand_over_to(kRelease5));
  EXPECT_FALSE(writes.can_hand_over_to(kRelease8));  // which no longer reads 6
  ASSERT_TRUE(writes.apply({.version = 7}));
  EXPECT_FALSE(writes.can_hand_over_to(kRelease6));
  EXPECT_TRUE(writes.can_hand_over_to(kRelease7));
  EXPECT_TRUE(writes.can_hand_over_to(kRelease8));
}

TEST(Version, only_the_next_version_that_the_release_reads_may_be_turned_on) {
  WriteVersion writes{kRelease7};
  EXPECT_FALSE(writes.may_turn_on(6));
  EXPECT_TRUE(writes.may_turn_on(7));
  EXPECT_FALSE(writes.may_turn_on(8));
  ASSERT_TRUE(writes.apply({.version = 7}));
  EXPECT_FALSE(writes.may_turn_on(7));
  EXPECT_FALSE(writes.may_turn_on(8));
}

TEST(Version, a_release_refuses_a_log_that_is_ahead_of_it) {
  WriteVersion writes{kRelease7};
  const auto answer = writes.apply({.version = 8});
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error(), VersionError::TooNew);
  EXPECT_EQ(writes.version(), 6);
}

}  // namespace
}  // namespace stoa::native
