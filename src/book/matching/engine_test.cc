#include "book/matching/engine.h"

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/price.h"
#include "base/qty.h"
#include "book/matching/scenario.h"
#include "book/matching/types.h"
#include "model/types.h"

namespace stoa::book::matching {
namespace {

constexpr std::int64_t kTickE8 = 1'000'000;   // 0.01
constexpr std::int64_t kLotE8 = 100'000'000;  // 1

/// Plays scenarios on an engine. Names keep their order for the whole text; an order id is the
/// place at which its name came up first.
class EngineDriver {
 public:
  explicit EngineDriver(const Engine::Options& options)
      : engine_{std::make_unique<Engine>(options)} {}

  void apply(const ScenarioStep& step) {
    const std::uint64_t id = id_of(step.name);
    const Lots qty = step.qty.e8() / kLotE8;
    const Ticks px = step.px.e8() / kTickE8;
    Refusal refusal = Refusal::None;
    switch (step.kind) {
      case ScenarioStep::Kind::Order:
        cum_[id] = 0;
        refusal = engine_
                      ->submit({.id = id,
                                .owner = owner_of(step.owner),
                                .side = step.side,
                                .type = step.type,
                                .time_in_force = step.time_in_force,
                                .px = px,
                                .qty = qty},
                               *this)
                      .refusal;
        break;
      case ScenarioStep::Kind::Cancel:
        refusal = engine_->cancel(id, *this);
        break;
      case ScenarioStep::Kind::Replace:
        refusal = replace(id, px, qty);
        break;
    }
    if (refusal != Refusal::None) events_.push_back(reject_text(step.name, to_string(refusal)));
  }

  [[nodiscard]] const std::vector<std::string>& events() const { return events_; }
  [[nodiscard]] std::vector<std::string> book() const {
    std::vector<std::string> orders;
    for (const Side side : {Side::Buy, Side::Sell}) {
      engine_->for_each_order(side, [&](const Resting& order) {
        orders.push_back(
            resting_text(side, names_.at(order.id - 1), qty_of(order.qty), px_of(order.px)));
        return true;
      });
    }
    return orders;
  }

  void on_fill(const Fill& fill) {
    cum_[fill.maker_id] += fill.qty;
    cum_[fill.taker_id] += fill.qty;
    events_.push_back(fill_text(names_.at(fill.maker_id - 1), qty_of(fill.qty), px_of(fill.px)));
  }
  void on_cancel(const Cancel& cancel) {
    if (cancel.cause == CancelCause::Requested) return;
    events_.push_back(cancel_text(names_.at(cancel.id - 1), qty_of(cancel.qty)));
  }
  void on_level(const LevelChange&) {}

 private:
  Refusal replace(std::uint64_t id, Ticks px, Lots total) {
    const std::optional<Resting> order = engine_->find(id);
    if (order && px == 0) px = order->px;
    return engine_->replace({.id = id, .px = px, .qty = total - cum_[id]}, *this).refusal;
  }
  static Qty qty_of(Lots lots) { return Qty::from_e8(lots * kLotE8); }
  static Price px_of(Ticks ticks) { return Price::from_e8(ticks * kTickE8); }
  std::uint64_t id_of(const std::string& name) { return place_of(names_, name); }
  Owner owner_of(const std::string& owner) {
    return owner.empty() ? 0 : static_cast<Owner>(place_of(owners_, owner));
  }
  static std::size_t place_of(std::vector<std::string>& names, const std::string& name) {
    for (std::size_t i = 0; i < names.size(); ++i) {
      if (names[i] == name) return i + 1;
    }
    names.push_back(name);
    return names.size();
  }

  std::unique_ptr<Engine> engine_;
  std::vector<std::string> names_;
  std::vector<std::string> owners_;
  std::vector<std::string> events_;
  std::map<std::uint64_t, Lots> cum_;
};

struct Case {
  std::string_view name;
  std::string_view text;
  SelfTrade self_trade = SelfTrade::ExpireTaker;
};

// The book of six levels that several cases use: bids 30, 20, 10 and asks 40, 50, 60, three orders
// each.
#define SIX_LEVELS                                                                        \
  "buy A 10 @ 10 | buy B 20 @ 10 | buy C 30 @ 10 | buy D 10 @ 20 | buy E 20 @ 20 | "      \
  "buy F 30 @ 20 | buy G 10 @ 30 | buy H 20 @ 30 | buy I 30 @ 30 | sell J 30 @ 60 | "     \
  "sell K 20 @ 60 | sell L 10 @ 60 | sell M 30 @ 50 | sell N 20 @ 50 | sell O 10 @ 50 | " \
  "sell P 30 @ 40 | sell Q 20 @ 40 | sell R 10 @ 40 | "
#define THREE_BIDS "buy A 10 @ 10 | buy B 20 @ 20 | buy C 30 @ 30 | "

constexpr Case kCases[] = {
    {"an order alone rests", "buy A 100 @ 10.00 => ; bid A 100 @ 10.00"},
    {"equal prices match fully", "buy A 10 @ 10 | sell B 10 @ 10 => fill A 10 @ 10;"},
    {"the maker's price is the price", "buy A 10 @ 10.05 | sell B 10 @ 10 => fill A 10 @ 10.05;"},
    {"a tick short does not match",
     "buy A 10 @ 9.99 | sell B 10 @ 10 => ; bid A 10 @ 9.99, ask B 10 @ 10"},
    {"what the taker does not get rests",
     "buy A 10 @ 10 | sell B 25 @ 10 => fill A 10 @ 10; ask B 15 @ 10"},
    {"what the maker does not give rests",
     "buy A 25 @ 10 | sell B 10 @ 10 => fill A 10 @ 10; bid A 15 @ 10"},
    {"first in, first out",
     "buy A 100 @ 10 | buy B 100 @ 10 | sell C 120 @ 10 => fill A 100 @ 10, fill B 20 @ 10; "
     "bid B 80 @ 10"},
    {"a better price goes before an older order",
     "buy A 10 @ 10 | buy B 10 @ 11 | sell C 15 @ 10 => fill B 10 @ 11, fill A 5 @ 10; bid A 5 @ "
     "10"},
    {"a partly filled maker keeps its place",
     "buy A 10 @ 10 | buy B 10 @ 10 | sell C 4 @ 10 | sell D 10 @ 10 => fill A 4 @ 10, "
     "fill A 6 @ 10, fill B 4 @ 10; bid B 6 @ 10"},
    {"a limit takes half of the asks and stops at its price",
     SIX_LEVELS "buy S 100 @ 50 => fill P 30 @ 40, fill Q 20 @ 40, fill R 10 @ 40, fill M 30 @ 50, "
                "fill N 10 @ 50"},
    {"a limit takes all it reaches and rests on the other side",
     THREE_BIDS "sell D 100 @ 15 => fill C 30 @ 30, fill B 20 @ 20; bid A 10 @ 10, ask D 50 @ 15"},
    {"what rests after a sweep is the new best ask",
     "buy A 10 @ 10 | sell B 30 @ 10 | buy C 5 @ 10 => fill A 10 @ 10, fill B 5 @ 10; ask B 15 @ "
     "10"},

    {"market takes the best first",
     THREE_BIDS "sell D 40 market => fill C 30 @ 30, fill B 10 @ 20; bid B 10 @ 20, bid A 10 @ 10"},
    {"market matches one order fully", "buy A 10 @ 10 | sell B 10 market => fill A 10 @ 10;"},
    {"market cancels what it cannot get",
     "sell A 10 @ 10 | buy B 30 market => fill A 10 @ 10, cancel B 20;"},
    {"market on an empty side is cancelled",
     "buy A 5 @ 10 | buy B 30 market => cancel B 30; bid A 5 @ 10"},
    {"market takes any price",
     "sell A 1 @ 10 | sell B 1 @ 90000 | buy C 2 market => fill A 1 @ 10, fill B 1 @ 90000;"},
    {"market fok takes all or nothing",
     "sell A 10 @ 10 | buy B 11 market fok | buy C 10 market fok => reject B FokNotFillable, fill "
     "A 10 @ 10;"},
    {"market post-only is refused",
     "sell A 1 @ 10 | buy B 1 market post => reject B InvalidType; ask A 1 @ 10"},

    {"ioc takes what it reaches and cancels the rest", THREE_BIDS
     "sell D 100 @ 10 ioc => fill C 30 @ 30, fill B 20 @ 20, fill A 10 @ 10, cancel D 40;"},
    {"ioc stops at its price", THREE_BIDS
     "sell D 100 @ 20 ioc => fill C 30 @ 30, fill B 20 @ 20, cancel D 50; bid A 10 @ 10"},
    {"ioc that reaches nothing is cancelled whole",
     "buy A 10 @ 10 | sell B 5 @ 11 ioc => cancel B 5; bid A 10 @ 10"},
    {"ioc that fills has nothing to cancel",
     "buy A 10 @ 10 | sell B 10 @ 10 ioc => fill A 10 @ 10;"},

    {"fok too large is killed without a trade", THREE_BIDS
     "sell D 100 @ 10 fok => reject D FokNotFillable; bid C 30 @ 30, bid B 20 @ 20, bid A 10 @ 10"},
    {"fok that fits is filled", THREE_BIDS
     "sell D 40 @ 10 fok => fill C 30 @ 30, fill B 10 @ 20; bid B 10 @ 20, bid A 10 @ 10"},
    {"fok of exactly everything is filled",
     THREE_BIDS "sell D 60 @ 10 fok => fill C 30 @ 30, fill B 20 @ 20, fill A 10 @ 10;"},
    {"fok counts only what its price reaches",
     THREE_BIDS "sell D 51 @ 20 fok | sell E 50 @ 20 fok => reject D FokNotFillable, fill C 30 @ "
                "30, fill B 20 @ 20; "
                "bid A 10 @ 10"},
    {"fok on an empty book is killed", "buy A 1 @ 10 fok => reject A FokNotFillable;"},

    {"post-only rests when it takes nothing",
     "buy A 10 @ 10 | sell B 5 @ 10.01 post => ; bid A 10 @ 10, ask B 5 @ 10.01"},
    {"post-only is refused when it would take",
     "buy A 10 @ 10 | sell B 5 @ 10 post => reject B PostOnlyWouldTake; bid A 10 @ 10"},
    {"post-only gives like any other",
     "sell A 10 @ 10 post | buy B 4 @ 10 => fill A 4 @ 10; ask A 6 @ 10"},
    {"a refused order leaves its name free",
     "buy A 10 @ 10 | sell B 5 @ 10 post | sell B 5 @ 10 => reject B PostOnlyWouldTake, fill A 5 @ "
     "10; bid A 5 @ 10"},

    {"cancel takes an order out of the middle of its queue",
     "buy A 1 @ 10 | buy B 2 @ 10 | buy C 3 @ 10 | cancel B | sell D 4 @ 10 => fill A 1 @ 10, fill "
     "C 3 @ 10;"},
    {"cancel of the first gives way to the second",
     "buy A 1 @ 10 | buy B 2 @ 10 | cancel A | sell C 1 @ 10 => fill B 1 @ 10; bid B 1 @ 10"},
    {"cancel of the last keeps the queue open at its end",
     "buy A 1 @ 10 | buy B 2 @ 10 | cancel B | buy C 3 @ 10 | sell D 4 @ 10 => fill A 1 @ 10, fill "
     "C 3 @ 10;"},
    {"cancel of the best price uncovers the next",
     "buy A 1 @ 10 | buy B 1 @ 11 | cancel B | sell C 1 market => fill A 1 @ 10;"},
    {"cancel of a partly filled order takes the rest",
     "buy A 10 @ 10 | sell B 4 @ 10 | cancel A | sell C 1 @ 10 => fill A 4 @ 10; ask C 1 @ 10"},
    {"cancel twice is refused once",
     "buy A 1 @ 10 | cancel A | cancel A => reject A UnknownOrder;"},
    {"cancel after a fill is too late",
     "buy A 1 @ 10 | sell B 1 @ 10 | cancel A => fill A 1 @ 10, reject A UnknownOrder;"},
    {"a name may be used again once its order is gone",
     "buy A 1 @ 10 | cancel A | sell A 2 @ 11 => ; ask A 2 @ 11"},
    {"a name at rest may not be used again",
     "buy A 1 @ 10 | buy A 2 @ 11 => reject A DuplicateId; bid A 1 @ 10"},

    {"a larger quantity loses the place",
     "buy A 100 @ 10.00 | buy B 100 @ 10.00 | replace A 150 | sell C 120 @ 10.00 => fill B 100 @ "
     "10.00, fill A 20 @ 10.00; bid A 130 @ 10"},
    {"a smaller quantity keeps the place",
     "buy A 100 @ 10 | buy B 100 @ 10 | replace A 50 | sell C 120 @ 10 => fill A 50 @ 10, fill B "
     "70 @ 10; "
     "bid B 30 @ 10"},
    {"the same quantity keeps the place",
     "buy A 10 @ 10 | buy B 10 @ 10 | replace A 10 @ 10 | sell C 5 @ 10 => fill A 5 @ 10; "
     "bid A 5 @ 10, bid B 10 @ 10"},
    {"another price loses the place, even on the way back",
     "buy A 10 @ 10 | buy B 10 @ 10 | replace A 10 @ 9 | replace A 10 @ 10 | sell C 5 @ 10 => fill "
     "B 5 @ 10; "
     "bid B 5 @ 10, bid A 10 @ 10"},
    {"a replace onto the other side takes",
     "sell A 10 @ 12 | buy B 15 @ 10 | replace B 15 @ 12 => fill A 10 @ 12; bid B 5 @ 12"},
    {"a replace that fills is gone",
     "sell A 10 @ 12 | buy B 10 @ 10 | replace B 10 @ 12 | cancel B => fill A 10 @ 12, reject B "
     "UnknownOrder;"},
    {"a replace of a post-only order may not take",
     "sell A 10 @ 12 | buy B 5 @ 10 post | replace B 5 @ 12 | replace B 5 @ 11.99 => reject B "
     "PostOnlyWouldTake; "
     "bid B 5 @ 11.99, ask A 10 @ 12"},
    {"a replace counts what is filled",
     "buy A 10 @ 10 | sell B 4 @ 10 | replace A 8 | sell C 10 @ 10 => fill A 4 @ 10, fill A 4 @ "
     "10; ask C 6 @ 10"},
    {"a replace down to what is filled is refused",
     "buy A 10 @ 10 | sell B 4 @ 10 | replace A 4 => fill A 4 @ 10, reject A InvalidQty; bid A 6 @ "
     "10"},
    {"a replace of nobody is refused", "replace A 4 @ 10 => reject A UnknownOrder;"},
    {"shrinking step by step, as a mitigated order does",
     "buy A 100 @ 10 | sell B 20 market | replace A 150 | replace A 50 | sell C 100 market => fill "
     "A 20 @ 10, "
     "fill A 30 @ 10, cancel C 70;"},

    {"own orders do not trade: the taker goes",
     "buy A/x 10 @ 10 | sell B/x 5 @ 10 => cancel B 5; bid A 10 @ 10"},
    {"own orders do not trade: the maker goes",
     "buy A/x 10 @ 10 | sell B/x 5 @ 10 => cancel A 10; ask B 5 @ 10", SelfTrade::ExpireMaker},
    {"own orders do not trade: both go",
     "buy A/x 10 @ 10 | sell B/x 5 @ 10 => cancel A 10, cancel B 5;", SelfTrade::ExpireBoth},
    {"others before one's own are traded with",
     "buy A/y 4 @ 10 | buy B/x 10 @ 10 | sell C/x 9 @ 10 => fill A 4 @ 10, cancel C 5; bid B 10 @ "
     "10"},
    {"others behind one's own are reached when the maker goes",
     "buy A/x 4 @ 10 | buy B/y 10 @ 10 | sell C/x 9 @ 10 => cancel A 4, fill B 9 @ 10; bid B 1 @ "
     "10",
     SelfTrade::ExpireMaker},
    {"others behind one's own are not reached when both go",
     "buy A/x 4 @ 10 | buy B/y 10 @ 10 | sell C/x 9 @ 10 => cancel A 4, cancel C 9; bid B 10 @ 10",
     SelfTrade::ExpireBoth},
    {"nobody's orders trade with each other", "buy A 4 @ 10 | sell B 4 @ 10 => fill A 4 @ 10;"},
    {"fok does not count one's own and leaves it alone",
     "buy A/x 5 @ 10 | buy B/y 5 @ 10 | sell C/x 6 @ 10 fok => reject C FokNotFillable; bid A 5 @ "
     "10, bid B 5 @ 10",
     SelfTrade::ExpireMaker},
    {"fok passes one's own when the maker goes",
     "buy A/x 5 @ 10 | buy B/y 5 @ 10 | sell C/x 5 @ 10 fok => cancel A 5, fill B 5 @ 10;",
     SelfTrade::ExpireMaker},
    {"fok does not pass one's own when the taker goes",
     "buy A/x 5 @ 10 | buy B/y 5 @ 10 | sell C/x 5 @ 10 fok => reject C FokNotFillable; bid A 5 @ "
     "10, bid B 5 @ 10"},
    {"fok that ends before one's own is filled",
     "buy A/y 5 @ 11 | buy B/x 5 @ 10 | sell C/x 5 @ 10 fok => fill A 5 @ 11; bid B 5 @ 10"},
    {"a replace into one's own ends by the same rule",
     "sell A/x 5 @ 12 | buy B/x 5 @ 10 | replace B 5 @ 12 => cancel B 5; ask A 5 @ 12"},
    {"a replace into one's own takes the maker out",
     "sell A/x 5 @ 12 | buy B/x 5 @ 10 | replace B 5 @ 12 => cancel A 5; bid B 5 @ 12",
     SelfTrade::ExpireMaker},
    {"post-only does not see whose order it would take",
     "sell A/x 5 @ 12 | buy B/x 5 @ 12 post => reject B PostOnlyWouldTake; ask A 5 @ 12",
     SelfTrade::ExpireMaker},

    {"no quantity is refused", "buy A 0 @ 10 => reject A InvalidQty;"},
    {"no price is refused", "buy A 1 @ 0 => reject A InvalidPrice;"},
    {"prices far outside the window rest and trade in order",
     "sell A 1 @ 10 | sell B 1 @ 500 | sell C 1 @ 90000 | sell D 1 @ 500 | buy E 4 @ 90000 => fill "
     "A 1 @ 10, "
     "fill B 1 @ 500, fill D 1 @ 500, fill C 1 @ 90000;"},
    {"far bids are reached when the near ones are gone",
     "buy A 1 @ 900 | buy B 1 @ 10 | buy C 1 @ 500 | sell D 3 @ 1 => fill A 1 @ 900, fill C 1 @ "
     "500, fill B 1 @ 10;"},
    {"far orders can be cancelled and replaced",
     "buy A 1 @ 900 | buy B 1 @ 10 | buy C 2 @ 10 | cancel B | replace C 1 | replace A 1 @ 9 => ; "
     "bid C 1 @ 10, bid A 1 @ 9"},
};

TEST(Matching, scenarios_come_out_as_written) {
  for (const Case& each : kCases) {
    SCOPED_TRACE(each.name);
    EngineDriver driver{{.orders_max = 32, .self_trade = each.self_trade}};
    EXPECT_EQ(run_scenario(each.text, driver), "") << each.text;
  }
}

TEST(Matching, a_full_book_refuses_what_would_rest_and_nothing_else) {
  EngineDriver driver{{.orders_max = 2}};
  EXPECT_EQ(
      run_scenario("buy A 1 @ 10 | sell B 1 @ 12 | buy C 1 @ 11 | buy D 1 @ 9 ioc | buy E 2 @ 12 | "
                   "sell F 1 @ 13 | cancel A | sell F 1 @ 13 => reject C BookFull, cancel D 1, "
                   "fill B 1 @ 12, reject F BookFull; bid E 1 @ 12, ask F 1 @ 13",
                   driver),
      "");
}

TEST(Matching, limits_of_quantity_and_price_are_inclusive) {
  struct Sink {
    void on_fill(const Fill&) {}
    void on_cancel(const Cancel&) {}
    void on_level(const LevelChange&) {}
  } sink;
  Engine engine{{.orders_max = 8}};
  const auto submit = [&](std::uint64_t id, Side side, Ticks px, Lots qty) {
    return engine.submit({.id = id, .side = side, .px = px, .qty = qty}, sink).refusal;
  };
  EXPECT_EQ(submit(1, Side::Sell, kTicksMax, kLotsMax), Refusal::None);
  EXPECT_EQ(submit(2, Side::Sell, kTicksMax + 1, 1), Refusal::InvalidPrice);
  EXPECT_EQ(submit(3, Side::Buy, kTicksMin, kLotsMax + 1), Refusal::InvalidQty);
  EXPECT_EQ(submit(~std::uint64_t{0}, Side::Buy, kTicksMin, kLotsMax), Refusal::None);
  EXPECT_EQ(engine.best(Side::Buy), kTicksMin);
  EXPECT_EQ(engine.best(Side::Sell), kTicksMax);
  EXPECT_EQ(engine.cancel(~std::uint64_t{0}, sink), Refusal::None);
  EXPECT_EQ(engine.best(Side::Buy), std::nullopt);
}

TEST(Matching, ids_that_share_a_home_are_told_apart) {
  struct Sink {
    void on_fill(const Fill&) {}
    void on_cancel(const Cancel&) {}
    void on_level(const LevelChange&) {}
  } sink;
  Engine engine{{.orders_max = 64}};
  // Strides of powers of two, as counters with a run in their high bits give them.
  for (const int shift : {0, 3, 8, 31, 32, 33, 58}) {
    SCOPED_TRACE(shift);
    for (std::uint64_t i = 0; i < 64; ++i) {
      const Result result =
          engine.submit({.id = i << shift, .px = 10 + static_cast<Ticks>(i), .qty = 1}, sink);
      ASSERT_EQ(result.refusal, Refusal::None);
    }
    for (std::uint64_t i = 0; i < 64; i += 2) {
      ASSERT_EQ(engine.cancel(i << shift, sink), Refusal::None);
    }
    for (std::uint64_t i = 0; i < 64; ++i) {
      const auto order = engine.find(i << shift);
      ASSERT_EQ(order.has_value(), i % 2 == 1);
      if (!order) continue;
      ASSERT_EQ(order->px, 10 + static_cast<Ticks>(i));
      ASSERT_EQ(engine.cancel(i << shift, sink), Refusal::None);
    }
    ASSERT_EQ(engine.orders_count(), 0U);
  }
}

TEST(Scenario, what_is_no_scenario_is_refused_by_name) {
  EngineDriver driver{{.orders_max = 8}};
  EXPECT_EQ(run_scenario("buy A 1 @ 10", driver), "no => in: buy A 1 @ 10");
  for (const std::string_view step :
       {"buy", "buy A", "buy A x @ 10", "buy A 1", "buy A 1 @", "buy A 1 @ x", "buy A 1 @ 10 day",
        "buy A 1 @ 10 ioc fok", "cancel A 1", "replace A", "replace A 1 @", "hold A 1 @ 10"}) {
    SCOPED_TRACE(step);
    EXPECT_EQ(run_scenario(std::string{step} + "=>", driver), "not a step: " + std::string{step});
  }
  EXPECT_EQ(run_scenario("buy A 1 @ 10 => fill A 1 @ 10", driver),
            "events are ``, not `fill A 1 @ 10`");
}

}  // namespace
}  // namespace stoa::book::matching
