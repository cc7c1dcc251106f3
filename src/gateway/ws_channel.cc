#include "gateway/ws_channel.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/qty.h"
#include "gateway/app.h"
#include "gateway/candle_builder.h"
#include "gateway/market_board.h"
#include "gateway/order_board.h"
#include "gateway/render.h"
#include "gateway/resume_id.h"
#include "model/market.h"
#include "model/types.h"
#include "protocol/json/writer.h"

namespace stoa::gateway {
namespace {

constexpr std::size_t kBookDepth = 50;
constexpr std::size_t kTradesShown = 100;
constexpr std::size_t kCandlesShown = 500;
constexpr std::size_t kClosedShown = 100;
constexpr std::size_t kFillsShown = 100;

void write_level(json::Writer& json, const Level& level) {
  json.begin_array();
  json.value(level.px);
  json.value(level.qty);
  json.end_array();
}

/// Levels of `now` that `before` has otherwise, and those that are gone with quantity zero. Both
/// sides are sorted best first by `better`.
template <class Better>
void write_side(json::Writer& json, std::string_view name, const std::vector<Level>& before,
                const std::vector<Level>& now, Better better) {
  json.key(name);
  json.begin_array();
  std::size_t i = 0;
  std::size_t j = 0;
  while (i < before.size() || j < now.size()) {
    if (j == now.size() || (i < before.size() && better(before[i].px, now[j].px))) {
      write_level(json, Level{before[i].px, Qty{}});
      ++i;
    } else if (i == before.size() || better(now[j].px, before[i].px)) {
      write_level(json, now[j]);
      ++j;
    } else {
      if (before[i].qty != now[j].qty) write_level(json, now[j]);
      ++i;
      ++j;
    }
  }
  json.end_array();
}

void write_book_delta(json::Writer& json, const WsChannel& channel) {
  const MarketLane& lane = *channel.lane;
  json.begin_object();
  json.digits_field("ts_ns", lane.book_ts.ns());
  json.field("state", to_string(lane.status));
  write_side(json, "bids", channel.bids, lane.bids, std::greater<>{});
  write_side(json, "asks", channel.asks, lane.asks, std::less<>{});
  json.end_object();
}

void write_trades_delta(json::Writer& json, const WsChannel& channel) {
  const MarketLane& lane = *channel.lane;
  const std::uint64_t fresh = lane.trades_seen - channel.told;
  const std::size_t shown =
      static_cast<std::size_t>(std::min<std::uint64_t>(fresh, lane.trades.size()));
  const std::uint64_t missed = lane.missed - channel.told_missed + fresh - shown;
  json.begin_object();
  json.key("trades");
  json.begin_array();
  for (std::size_t i = lane.trades.size() - shown; i < lane.trades.size(); ++i) {
    Renderer::trade(json, lane.trades[i]);
  }
  json.end_array();
  if (missed > 0) json.field("missed", missed);
  json.end_object();
}

void write_trades_snapshot(json::Writer& json, const MarketLane& lane) {
  json.begin_object();
  json.key("trades");
  json.begin_array();
  const std::size_t size = lane.trades.size();
  for (std::size_t i = 0; i < std::min(size, kTradesShown); ++i) {
    Renderer::trade(json, lane.trades[size - 1 - i]);
  }
  json.end_array();
  json.end_object();
}

void write_candles(json::Writer& json, const CandleSeries& series, std::size_t first) {
  json.begin_object();
  json.key("candles");
  json.begin_array();
  for (std::size_t i = first; i < series.size(); ++i) Renderer::candle(json, series[i]);
  json.end_array();
  json.end_object();
}

std::size_t first_shown(const CandleSeries& series) {
  return series.size() - std::min(series.size(), kCandlesShown);
}

void write_orders(json::Writer& json, const App& app, const std::vector<std::uint64_t>& intents) {
  json.begin_object();
  json.key("orders");
  json.begin_array();
  for (const std::uint64_t intent : intents) {
    if (const OrderRecord* order = app.orders.find_intent(intent)) app.render.order(json, *order);
  }
  json.end_array();
  json.end_object();
}

std::vector<std::uint64_t> orders_shown(const App& app) {
  std::vector<std::uint64_t> intents(app.orders.open().begin(), app.orders.open().end());
  const auto& closed = app.orders.closed();
  const std::size_t shown = std::min(closed.size(), kClosedShown);
  intents.insert(intents.end(), closed.rbegin(),
                 closed.rbegin() + static_cast<std::ptrdiff_t>(shown));
  return intents;
}

/// The newest `count` fills, oldest or newest first.
void write_fills(json::Writer& json, const App& app, std::size_t count, bool newest_first) {
  const auto& fills = app.orders.fills();
  count = std::min(count, fills.size());
  json.begin_object();
  json.key("fills");
  json.begin_array();
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t at = newest_first ? fills.size() - 1 - i : fills.size() - count + i;
    app.render.fill(json, fills[at]);
  }
  json.end_array();
  json.end_object();
}

/// The kinds that are sent whole look the same as snapshot and as delta.
void write_whole(json::Writer& json, const WsChannel& channel, const App& app) {
  switch (channel.kind) {
    case ChannelKind::Positions:
      json.begin_object();
      app.render.positions_members(json);
      json.key("account");
      app.render.account(json);
      json.end_object();
      return;
    case ChannelKind::Strategies:
      return app.render.strategies(json);
    case ChannelKind::Risk:
      return app.render.risk(json);
    default:
      return json.raw(render_status(app));
  }
}

}  // namespace

bool has_news(const WsChannel& channel, const App& app) {
  switch (channel.kind) {
    case ChannelKind::Book:
      return channel.told != channel.lane->book_seq;
    case ChannelKind::Trades:
      return channel.told != channel.lane->trades_seen ||
             channel.told_missed != channel.lane->missed;
    case ChannelKind::Candles:
      return channel.lane->candles_from[channel.interval] != MarketLane::kNoCandle;
    case ChannelKind::Orders:
      return !channel.changed.empty();
    case ChannelKind::Fills:
      return channel.told != app.orders.fills_seen();
    case ChannelKind::Health:
      return true;
    default:
      return channel.dirty;
  }
}

void write_delta(json::Writer& json, const WsChannel& channel, const App& app) {
  switch (channel.kind) {
    case ChannelKind::Book:
      return write_book_delta(json, channel);
    case ChannelKind::Trades:
      return write_trades_delta(json, channel);
    case ChannelKind::Candles: {
      const CandleSeries& series = channel.lane->candles[channel.interval];
      const std::size_t first = series.place_of(channel.lane->candles_from[channel.interval]);
      return write_candles(json, series, std::max(first, first_shown(series)));
    }
    case ChannelKind::Orders:
      return write_orders(json, app, channel.changed);
    case ChannelKind::Fills:
      return write_fills(json, app,
                         static_cast<std::size_t>(app.orders.fills_seen() - channel.told), false);
    default:
      return write_whole(json, channel, app);
  }
}

void write_snapshot(json::Writer& json, const WsChannel& channel, const App& app) {
  switch (channel.kind) {
    case ChannelKind::Book:
      json.begin_object();
      Renderer::book_members(json, *channel.lane, kBookDepth);
      json.end_object();
      return;
    case ChannelKind::Trades:
      return write_trades_snapshot(json, *channel.lane);
    case ChannelKind::Candles: {
      const CandleSeries& series = channel.lane->candles[channel.interval];
      return write_candles(json, series, first_shown(series));
    }
    case ChannelKind::Orders:
      return write_orders(json, app, orders_shown(app));
    case ChannelKind::Fills:
      return write_fills(json, app, kFillsShown, true);
    default:
      return write_whole(json, channel, app);
  }
}

bool holds_all_since(const WsChannel& channel, const App& app, const ResumeId& told) {
  const bool log_known = app.first_lsn != 0 && app.first_lsn <= told.lsn + 1;
  switch (channel.kind) {
    case ChannelKind::Trades: {
      const MarketLane& lane = *channel.lane;
      if (lane.known_since == Timestamp{} || lane.known_since > told.traded) return false;
      if (lane.missed_at > told.traded) return false;
      return lane.trades.size() <= kTradesShown ||
             lane.trades[lane.trades.size() - kTradesShown].ts_event <= told.traded;
    }
    case ChannelKind::Orders: {
      const auto& closed = app.orders.closed();
      if (closed.size() <= kClosedShown) return log_known;
      const OrderRecord* left_out =
          app.orders.find_intent(closed[closed.size() - kClosedShown - 1]);
      return log_known && left_out != nullptr && left_out->lsn <= told.lsn;
    }
    case ChannelKind::Fills: {
      const auto& fills = app.orders.fills();
      return log_known &&
             (fills.size() <= kFillsShown || fills[fills.size() - kFillsShown - 1].lsn <= told.lsn);
    }
    default:
      return true;  // a snapshot of these is all that there is
  }
}

void mark_told(WsChannel& channel, App& app) {
  channel.dirty = false;
  channel.changed.clear();
  switch (channel.kind) {
    case ChannelKind::Book:
      channel.bids = channel.lane->bids;
      channel.asks = channel.lane->asks;
      channel.told = channel.lane->book_seq;
      return;
    case ChannelKind::Trades:
      channel.told = channel.lane->trades_seen;
      channel.told_missed = channel.lane->missed;
      return;
    case ChannelKind::Candles:
      app.market.candles_told(channel.lane->instrument.instrument, channel.interval);
      return;
    case ChannelKind::Fills:
      channel.told = app.orders.fills_seen();
      return;
    default:
      return;
  }
}

}  // namespace stoa::gateway
