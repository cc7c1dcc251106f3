#include "venues/sim/market.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <utility>
#include <variant>
#include <vector>

#include "base/clock.h"
#include "base/ids.h"
#include "book/matching/types.h"
#include "model/instrument.h"
#include "model/market.h"
#include "model/types.h"
#include "oms/venue_port.h"

namespace stoa::venues::sim {
namespace {

constexpr std::int64_t kNsPerMs = 1'000'000;
constexpr std::int64_t kYear2000Ms = 946'684'800'000;
constexpr int kIdsPerMsBits = 12;

void sort_best_first(Side side, std::vector<Level>& levels) {
  std::ranges::sort(levels, [side](const Level& a, const Level& b) {
    return side == Side::Buy ? a.px > b.px : a.px < b.px;
  });
}

/// The part of `levels` that belongs into part `part`.
std::span<const Level> slice(const std::vector<Level>& levels, std::size_t part) {
  const std::size_t from = std::min(part * Market::kLevelsPerPart, levels.size());
  return std::span{levels}.subspan(from, std::min(Market::kLevelsPerPart, levels.size() - from));
}

}  // namespace

IdSource::IdSource(Timestamp start) noexcept
    : last_{
          static_cast<std::uint64_t>(std::max<std::int64_t>(start.ns() / kNsPerMs - kYear2000Ms, 0))
          << kIdsPerMsBits} {}

Market::Market(const Instrument& rules, std::uint32_t orders_max, matching::SelfTrade self_trade,
               IdSource& ids)
    : rules_{rules},
      engine_{{.orders_max = orders_max, .self_trade = self_trade}},
      ids_{&ids},
      update_id_{ids.next()} {
  // Reserved for the largest event there can be: one order through a whole side.
  outcomes_.reserve(orders_max + 1);
  for (auto& levels : changed_) levels.reserve(orders_max + 1);
}

void Market::on_fill(const matching::Fill& fill) {
  outcomes_.emplace_back(Traded{.fill = fill, .trade_id = TradeId{ids_->next()}});
}

void Market::on_cancel(const matching::Cancel& cancel) {
  if (cancel.owner == kOurs) outcomes_.emplace_back(cancel);
}

void Market::on_level(const matching::LevelChange& change) {
  auto& levels = changed_[static_cast<std::size_t>(change.side)];
  const Level level{.px = px_of(change.px), .qty = qty_of(change.qty)};
  // The latest changes come up again most often.
  const auto known = std::find_if(levels.rbegin(), levels.rend(),
                                  [&](const Level& other) { return other.px == level.px; });
  if (known != levels.rend()) {
    *known = level;
  } else {
    levels.push_back(level);
  }
}

void Market::forget_event() noexcept {
  outcomes_.clear();
  for (auto& levels : changed_) levels.clear();
}

void Market::publish(Timestamp ts_event, Timestamp ts_recv, oms::MarketSink& sink) {
  publish_trades(ts_event, ts_recv, sink);
  if (!changed_[0].empty() || !changed_[1].empty()) {
    for (const Side side : {Side::Buy, Side::Sell}) {
      sort_best_first(side, changed_[static_cast<std::size_t>(side)]);
    }
    ++update_id_;
    publish_book(false, ts_event, ts_recv, sink);
    publish_quote(ts_event, ts_recv, sink);
  }
  forget_event();
}

void Market::publish_trades(Timestamp ts_event, Timestamp ts_recv, oms::MarketSink& sink) const {
  for (const Outcome& outcome : outcomes_) {
    const auto* traded = std::get_if<Traded>(&outcome);
    if (traded == nullptr) continue;
    sink.on_trade(Trade{.instrument = rules_.instrument,
                        .taker_side = traded->fill.taker_side,
                        .trade_id = traded->trade_id,
                        .px = px_of(traded->fill.px),
                        .qty = qty_of(traded->fill.qty),
                        .ts_event = ts_event},
                  ts_recv);
  }
}

void Market::publish_book(bool snapshot, Timestamp ts_event, Timestamp ts_recv,
                          oms::MarketSink& sink) const {
  const auto& [bids, asks] = changed_;
  const std::size_t longer = std::max(bids.size(), asks.size());
  const std::size_t parts =
      std::max<std::size_t>(1, (longer + kLevelsPerPart - 1) / kLevelsPerPart);
  for (std::size_t part = 0; part < parts; ++part) {
    const auto part_bids = slice(bids, part);
    const auto part_asks = slice(asks, part);
    sink.on_book(BookView{.head = {.instrument = rules_.instrument,
                                   .part = static_cast<std::uint16_t>(part),
                                   .parts = static_cast<std::uint16_t>(parts),
                                   .bid_count = static_cast<std::uint16_t>(part_bids.size()),
                                   .ask_count = static_cast<std::uint16_t>(part_asks.size()),
                                   .first_update_id = update_id_,
                                   .last_update_id = update_id_,
                                   .ts_event = ts_event},
                          .snapshot = snapshot,
                          .bids = part_bids,
                          .asks = part_asks},
                 ts_recv);
  }
}

void Market::publish_snapshot(Timestamp ts_event, Timestamp ts_recv, oms::MarketSink& sink) {
  forget_event();
  for (const Side side : {Side::Buy, Side::Sell}) {
    engine_.for_each_level(side, [&](const matching::LevelChange& level) {
      changed_[static_cast<std::size_t>(side)].push_back(
          {.px = px_of(level.px), .qty = qty_of(level.qty)});
      return true;
    });
  }
  publish_book(true, ts_event, ts_recv, sink);
  quote_ = current_quote(ts_event);
  sink.on_quote(quote_, ts_recv);
  forget_event();
}

Quote Market::current_quote(Timestamp ts_event) const {
  Quote quote{.instrument = rules_.instrument, .update_id = update_id_, .ts_event = ts_event};
  if (const auto bid = engine_.best(Side::Buy)) {
    quote.bid_px = px_of(*bid);
    quote.bid_qty = qty_of(engine_.qty_at(Side::Buy, *bid));
  }
  if (const auto ask = engine_.best(Side::Sell)) {
    quote.ask_px = px_of(*ask);
    quote.ask_qty = qty_of(engine_.qty_at(Side::Sell, *ask));
  }
  return quote;
}

void Market::publish_quote(Timestamp ts_event, Timestamp ts_recv, oms::MarketSink& sink) {
  const Quote quote = current_quote(ts_event);
  if (quote.bid_px == quote_.bid_px && quote.bid_qty == quote_.bid_qty &&
      quote.ask_px == quote_.ask_px && quote.ask_qty == quote_.ask_qty) {
    return;
  }
  quote_ = quote;
  sink.on_quote(quote, ts_recv);
}

}  // namespace stoa::venues::sim
