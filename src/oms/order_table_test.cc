#include "oms/order_table.h"

#include <fmt/core.h>
#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <map>
#include <vector>

#include "base/random.h"
#include "model/execution.h"
#include "oms/flat_index.h"

namespace stoa::oms {
namespace {

OrderUpdate order(std::uint64_t id) {
  OrderUpdate state;
  state.client_order_id = ClientOrderId::cut(fmt::format("c{}", id));
  state.intent = ClOrdId{id};
  state.cl_ord_id = ClOrdId{id};
  return state;
}

TEST(FlatIndex, agrees_with_a_map_under_inserts_and_erases) {
  constexpr std::size_t kEntries = 200;
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    Random random{seed};
    FlatIndex index{kEntries};
    std::map<std::uint32_t, std::uint64_t>
        model;  // slot -> hash; few hashes, so that chains are long
    for (int i = 0; i < 20'000; ++i) {
      const auto slot = static_cast<std::uint32_t>(random.below(kEntries));
      if (const auto at = model.find(slot); at != model.end()) {
        index.erase(at->second, slot);
        model.erase(at);
      } else {
        const std::uint64_t hash = random.below(60);
        index.insert(hash, slot);
        model.emplace(slot, hash);
      }
      for (std::uint32_t probe = 0; probe < kEntries; probe += 7) {
        const auto at = model.find(probe);
        const std::uint64_t hash = at == model.end() ? random.below(60) : at->second;
        const auto found =
            index.find(hash, [&](std::uint32_t candidate) { return candidate == probe; });
        ASSERT_EQ(found != FlatIndex::kNone, at != model.end() && at->second == hash)
            << "seed " << seed;
      }
    }
  }
}

TEST(OrderTable, finds_an_order_by_each_of_its_names) {
  OrderTable table{4};
  Order* added = table.add(order(7));
  ASSERT_NE(added, nullptr);
  table.add_cl_ord_id(*added, ClOrdId{8});
  EXPECT_EQ(table.find(ClOrdId{7}), added);
  EXPECT_EQ(table.find(ClOrdId{8}), added);
  EXPECT_EQ(table.find(ClientOrderId::cut("c7")), added);
  EXPECT_EQ(table.find(ClOrdId{9}), nullptr);
}

TEST(OrderTable, keeps_the_first_and_the_last_three_names) {
  OrderTable table{4};
  Order* added = table.add(order(1));
  for (std::uint64_t id = 2; id <= 6; ++id) table.add_cl_ord_id(*added, ClOrdId{id});
  EXPECT_EQ(table.find(ClOrdId{1}), added);
  EXPECT_EQ(table.find(ClOrdId{3}), nullptr);
  for (std::uint64_t id = 4; id <= 6; ++id) EXPECT_EQ(table.find(ClOrdId{id}), added) << id;
}

TEST(OrderTable, forgets_the_order_that_closed_first_when_it_needs_room) {
  OrderTable table{3};
  Order* first = table.add(order(1));
  Order* second = table.add(order(2));
  table.add(order(3));
  table.close(*second);
  table.close(*first);
  EXPECT_NE(table.add(order(4)), nullptr);
  EXPECT_EQ(table.find(ClOrdId{2}), nullptr);
  EXPECT_NE(table.find(ClOrdId{1}), nullptr);
  EXPECT_NE(table.add(order(5)), nullptr);
  EXPECT_EQ(table.find(ClOrdId{1}), nullptr);
  EXPECT_EQ(table.add(order(6)), nullptr) << "three open orders fill it";
  EXPECT_EQ(table.open_count(), 3U);
}

TEST(OrderTable, walks_open_orders_in_the_order_of_creation_while_they_close) {
  OrderTable table{8};
  for (std::uint64_t id = 1; id <= 5; ++id) table.add(order(id));
  table.close(*table.find(ClOrdId{3}));
  std::vector<std::uint64_t> seen;
  table.for_each_open([&](Order& open) {
    seen.push_back(open.state.intent.value());
    table.close(open);
  });
  EXPECT_EQ(seen, (std::vector<std::uint64_t>{1, 2, 4, 5}));
  EXPECT_EQ(table.open_count(), 0U);
}

}  // namespace
}  // namespace stoa::oms
