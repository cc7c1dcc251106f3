#pragma once

#include <gtest/gtest.h>

#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/ids.h"
#include "model/execution.h"
#include "model/instrument.h"
#include "model/market.h"
#include "model/types.h"
#include "strategy/parameter.h"
#include "strategy/registry.h"
#include "strategy/strategy.h"
#include "strategy/test_desk.h"

// For tests only: a strategy that does what the test says.
namespace stoa::strategy {

using Told = std::vector<std::string>;

/// What the strategy under test does next, and what it was told. Tests reach it through this
/// global, because the runner makes strategies itself.
struct Puppet {
  std::function<void(Context&)> on_book, on_start, on_stop, on_order;
  std::vector<std::string> told;
};
inline Puppet puppet;

class PuppetStrategy final : public Strategy {
 public:
  [[nodiscard]] nanoseconds timer_interval() const noexcept override {
    return std::chrono::milliseconds{250};
  }
  void on_start(Context& context) override { tell("start", puppet.on_start, context); }
  void on_stop(Context& context) override { tell("stop", puppet.on_stop, context); }
  void on_book(const BookEvent& /*event*/, Context& context) override {
    const auto bid = context.book().best_bid();
    tell("book " + (bid ? text_of(bid->px) : std::string{"void"}), puppet.on_book, context);
  }
  void on_trade(const TradeEvent& event, Context& context) override {
    tell("trade " + text_of(event.px), {}, context);
  }
  void on_feed(const FeedState& state, Context& context) override {
    tell("feed " + std::string{to_string(state.status)}, {}, context);
  }
  void on_timer(Context& context) override { tell("timer", {}, context); }
  void on_order(const OrderUpdate& update, Context& context) override {
    tell("order " + std::string{to_string(update.status)}, puppet.on_order, context);
  }
  void on_fill(const Fill& fill, Context& context) override {
    tell("fill " + text_of(fill.qty), {}, context);
  }
  void on_parameters(Context& context) override { tell("parameters", {}, context); }

 private:
  static void tell(std::string what, const std::function<void(Context&)>& act, Context& context) {
    puppet.told.push_back(std::move(what));
    if (act) act(context);
  }
};

inline constexpr std::array kPuppetTable{integer_parameter("level", "A number", "", 1, 0, 9)};

inline Registry puppets() {
  Registry registry;
  EXPECT_TRUE(registry.add(
      {.name = "puppet", .parameters = kPuppetTable, .make = []() -> std::unique_ptr<Strategy> {
         return std::make_unique<PuppetStrategy>();
       }}));
  return registry;
}

inline Instrument ethusdt() {
  Instrument instrument = btcusdt();
  instrument.instrument = InstrumentId{2};
  instrument.symbol = Symbol::cut("ETHUSDT");
  return instrument;
}

inline StrategyConfig config(std::uint16_t id, std::string name, std::uint32_t instrument = 1) {
  return {.id = StrategyId{id},
          .name = std::move(name),
          .type = "puppet",
          .instrument = InstrumentId{instrument}};
}

class PuppetTest : public testing::Test {
 protected:
  PuppetTest() { puppet = {}; }
  ~PuppetTest() override { puppet = {}; }

  static TestDesk desk_of(const std::vector<StrategyConfig>& configs) {
    return TestDesk{puppets(), configs, std::array{btcusdt(), ethusdt()}};
  }
  static std::vector<std::string> told() { return std::exchange(puppet.told, {}); }
};

inline OrderRequest a_bid() {
  return {.side = Side::Buy, .px = px("60000"), .qty = qty("0.001"), .note = Note::cut("why not")};
}

}  // namespace stoa::strategy
