#pragma once

#include <cstddef>
#include <optional>
#include <string>

#include "base/ids.h"
#include "gateway/account_board.h"
#include "gateway/market_board.h"
#include "gateway/order_board.h"
#include "model/instrument.h"
#include "model/market.h"
#include "model/risk.h"
#include "model/types.h"
#include "protocol/json/writer.h"

namespace stoa::gateway {

struct Options;

/// A refusal for people: what it means, and the value and limit of the check that did not pass.
[[nodiscard]] std::string refusal_text(RejectCode code, const std::optional<CheckResult>& breach);
/// `{"check","ok","limit","value","headroom"}`; figures that are no bounds are null.
void write_check(json::Writer& json, const CheckResult& check);

/// The objects of docs/api.md, written from the boards. Every method writes one whole value, or
/// members into an object that is open when its name says so.
class Renderer {
 public:
  Renderer(const Options& options, const OrderBoard& orders, const AccountBoard& account,
           const MarketBoard& market) noexcept
      : options_{options}, orders_{orders}, account_{account}, market_{market} {}

  void order(json::Writer& json, const OrderRecord& order) const;
  void order_members(json::Writer& json, const OrderRecord& order) const;
  [[nodiscard]] std::string order_json(const OrderRecord& order) const;
  void fill(json::Writer& json, const FillRecord& fill) const;
  /// "positions" and "totals".
  void positions_members(json::Writer& json) const;
  void account(json::Writer& json) const;
  void strategy(json::Writer& json, const StrategyCard& strategy) const;
  void strategies(json::Writer& json) const;
  void risk(json::Writer& json) const;
  void kill_switch(json::Writer& json) const;
  static void instrument(json::Writer& json, const Instrument& instrument);
  static void trade(json::Writer& json, const Trade& trade);
  static void candle(json::Writer& json, const Candle& candle);
  /// "ts_ns", "state", "bids", "asks".
  static void book_members(json::Writer& json, const MarketLane& lane, std::size_t depth);

 private:
  void strategy_name(json::Writer& json, StrategyId id) const;

  const Options& options_;
  const OrderBoard& orders_;
  const AccountBoard& account_;
  const MarketBoard& market_;
};

}  // namespace stoa::gateway
