#include "deploy/merge.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "base/random.h"
#include "deploy/config_text.h"

namespace stoa::deploy {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

bool nothing_protected(std::string_view /*path*/) { return false; }

std::optional<std::string> at(const Values& values, const std::string& path) {
  const auto found = values.find(path);
  return found == values.end() ? std::nullopt : std::optional{found->second};
}

/// The merge as one would do it by hand: every path on its own, looked up three times.
Merged slow_merge(const Values& base, const Values& ours, const Values& theirs,
                  const std::set<std::string>& kept) {
  std::set<std::string> paths;
  for (const Values* side : {&base, &ours, &theirs}) {
    for (const auto& [path, value] : *side) paths.insert(path);
  }
  Merged merged;
  for (const auto& path : paths) {
    const auto b = at(base, path);
    const auto o = at(ours, path);
    const auto t = at(theirs, path);
    auto result = o;
    if (kept.contains(path)) {
      if (o != t) merged.withheld.push_back(path);
    } else if (b == o && b != t) {  // only they changed it
      result = t;
      merged.taken.push_back(path);
    } else if (b != o && b != t && o != t) {  // both did
      merged.conflicts.push_back({.path = path, .base = b, .ours = o, .theirs = t});
    }
    if (result) merged.values[path] = *result;
  }
  return merged;
}

TEST(Merge, what_one_side_changed_is_taken_and_what_both_changed_is_a_conflict) {
  const auto merged = merge({{"a", "1"}, {"b", "1"}, {"c", "1"}, {"gone", "1"}},
                            {{"a", "2"}, {"b", "1"}, {"c", "2"}, {"gone", "1"}, {"mine", "1"}},
                            {{"a", "1"}, {"b", "3"}, {"c", "3"}, {"new", "1"}}, nothing_protected);
  EXPECT_EQ(merged.values,
            (Values{{"a", "2"}, {"b", "3"}, {"c", "2"}, {"mine", "1"}, {"new", "1"}}));
  EXPECT_THAT(merged.taken, ElementsAre("b", "gone", "new"));
  EXPECT_THAT(merged.conflicts,
              ElementsAre(MergeConflict{.path = "c", .base = "1", .ours = "2", .theirs = "3"}));
}

TEST(Merge, a_change_against_a_removal_is_a_conflict_and_two_removals_are_not) {
  const auto merged = merge({{"a", "1"}, {"b", "1"}}, {{"a", "2"}}, {}, nothing_protected);
  ASSERT_EQ(merged.conflicts.size(), 1U);
  EXPECT_EQ(merged.conflicts[0].theirs, std::nullopt);
  EXPECT_EQ(merged.values, (Values{{"a", "2"}}));
}

TEST(Merge, a_protected_path_keeps_ours_and_is_told) {
  const auto merged = merge({{"a", "1"}}, {{"a", "1"}}, {{"a", "2"}},
                            [](std::string_view path) { return path == "a"; });
  EXPECT_EQ(merged.values, (Values{{"a", "1"}}));
  EXPECT_THAT(merged.withheld, ElementsAre("a"));
  EXPECT_THAT(merged.conflicts, IsEmpty());
}

TEST(Merge, agrees_with_the_slow_one_on_random_documents) {
  Random random{17};
  for (int round = 0; round < 5'000; ++round) {
    const auto side = [&] {
      Values values;
      for (int path = 0; path < 8; ++path) {
        const auto value = random.below(4);  // 0: not there
        if (value != 0) values.emplace("p" + std::to_string(path), std::to_string(value));
      }
      return values;
    };
    std::set<std::string> kept;
    for (int path = 0; path < 8; ++path) {
      if (random.below(8) == 0) kept.insert("p" + std::to_string(path));
    }
    const auto base = side();
    const auto ours = side();
    const auto theirs = side();
    const auto fast = merge(base, ours, theirs, [&](std::string_view path) {
      return kept.contains(std::string{path});
    });
    const auto slow = slow_merge(base, ours, theirs, kept);
    ASSERT_EQ(fast.values, slow.values) << "round " << round;
    ASSERT_EQ(fast.taken, slow.taken) << "round " << round;
    ASSERT_EQ(fast.withheld, slow.withheld) << "round " << round;
    ASSERT_EQ(fast.conflicts, slow.conflicts) << "round " << round;
  }
}

}  // namespace
}  // namespace stoa::deploy
