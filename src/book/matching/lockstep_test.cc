#include "book/matching/lockstep.h"

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <variant>
#include <vector>

#include "base/random.h"
#include "book/matching/types.h"

namespace stoa::book::matching {
namespace {

std::vector<MatchRequest> random_flow(std::uint64_t seed, const FlowShape& shape,
                                      std::size_t requests_count) {
  Random random{seed};
  std::vector<MatchRequest> requests;
  requests.reserve(requests_count);
  for (std::size_t i = 0; i < requests_count; ++i) {
    requests.push_back(random_request(random, shape));
  }
  return requests;
}

struct ShapeCase {
  std::string_view name;
  FlowShape shape;
  std::uint32_t orders_max;
};

constexpr ShapeCase kShapes[] = {
    {"a tight book that trades all the time", {.width = 3}, 64},
    {"a wide book", {.width = 60, .ids = 200}, 256},
    {"a book that is often full", {.width = 40, .ids = 200, .qty_max = 5}, 12},
    {"one owner against himself", {.width = 5, .owners = 2}, 64},
    {"prices across and beyond the window", {.middle = 9'000, .width = 4, .far_width = 8'999}, 64},
    {"prices on both edges of the window", {.middle = 5'000, .width = 2'060, .ids = 80}, 64},
    {"nothing but far prices",
     {.middle = Ticks{1} << 40, .width = 100'000'000, .ids = 30, .owners = 1},
     32},
    {"the lowest prices", {.middle = 3, .width = 4}, 64},
};

TEST(MatchingLockstep, agrees_with_the_reference_event_for_event) {
  for (const ShapeCase& each : kShapes) {
    for (const SelfTrade mode :
         {SelfTrade::ExpireTaker, SelfTrade::ExpireMaker, SelfTrade::ExpireBoth}) {
      for (std::uint64_t seed = 1; seed <= 6; ++seed) {
        SCOPED_TRACE(testing::Message()
                     << each.name << ", mode " << static_cast<int>(mode) << ", seed " << seed);
        const auto flow = random_flow(seed, each.shape, 1'500);
        ASSERT_EQ(lockstep_report(flow, {.orders_max = each.orders_max, .self_trade = mode}), "");
      }
    }
  }
}

TEST(MatchingLockstep, follows_a_touch_that_walks_across_many_windows) {
  Random random{11};
  FlowShape shape{.middle = 100'000, .width = 30, .far_width = 6'000, .ids = 120};
  std::vector<MatchRequest> flow;
  for (int i = 0; i < 8'000; ++i) {
    shape.middle += i < 4'000 ? 7 : -9;
    flow.push_back(random_request(random, shape));
  }
  EXPECT_EQ(lockstep_report(flow, {.orders_max = 128}), "");
}

TEST(MatchingLockstep, a_failure_is_told_by_its_shortest_flow) {
  // Two requests, far apart, stand in for a defect.
  auto flow = random_flow(3, {.ids = 5}, 200);
  flow[20] = CancelRequest{.id = 77};
  flow[150] = CancelRequest{.id = 78};
  const auto failing_count = [](const std::vector<MatchRequest>& requests) -> std::size_t {
    bool first = false;
    for (std::size_t i = 0; i < requests.size(); ++i) {
      const auto* cancel = std::get_if<CancelRequest>(&requests[i]);
      if (cancel == nullptr) continue;
      first = first || cancel->id == 77;
      if (first && cancel->id == 78) return i + 1;
    }
    return 0;
  };
  const auto shortest = shortest_failing(flow, failing_count);
  ASSERT_EQ(shortest.size(), 2U);
  EXPECT_EQ(to_text(shortest[0]), "cancel 77");
  EXPECT_EQ(to_text(shortest[1]), "cancel 78");
  EXPECT_EQ(to_text(NewOrder{.id = 1, .px = 10, .qty = 3}), "buy 1/0 3 @ 10 limit GTC");
  EXPECT_EQ(to_text(Replacement{.id = 4, .px = 9, .qty = 2}), "replace 4 2 @ 9");
}

}  // namespace
}  // namespace stoa::book::matching
