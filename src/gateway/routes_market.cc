#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

#include "gateway/app.h"
#include "gateway/candle_builder.h"
#include "gateway/fields.h"
#include "gateway/http_message.h"
#include "gateway/market_board.h"
#include "gateway/problem.h"
#include "gateway/render.h"
#include "gateway/router.h"
#include "gateway/routes.h"
#include "protocol/json/writer.h"

namespace stoa::gateway {
namespace {

constexpr std::size_t kDepthDefault = 20;
constexpr std::size_t kDepthMax = 50;
constexpr std::size_t kTradesDefault = 100;
constexpr std::size_t kCandlesDefault = 500;
constexpr std::size_t kListMax = 1'000;

const MarketLane* find_or_reply(const App& app, const Call& call, Reply& reply) {
  const MarketLane* lane = app.market.find(call.params.front());
  if (lane == nullptr) reply(respond(unknown_symbol(call.params.front())));
  return lane;
}

}  // namespace

void get_instruments(App& app, const Call& /*call*/, Reply reply) {
  std::string body;
  json::Writer json{body};
  json.begin_object();
  json.key("instruments");
  json.begin_array();
  for (const MarketLane& lane : app.market.lanes()) Renderer::instrument(json, lane.instrument);
  json.end_array();
  json.end_object();
  reply(respond_json(std::move(body)));
}

void get_book(App& app, const Call& call, Reply reply) {
  const MarketLane* lane = find_or_reply(app, call, reply);
  if (lane == nullptr) return;
  const auto depth = read_count(call, "depth", kDepthDefault, kDepthMax);
  if (!depth) return reply(respond(depth.error()));
  std::string body;
  json::Writer json{body};
  json.begin_object();
  json.field("symbol", lane->instrument.symbol.view());
  json.field("seq", lane->book_seq);
  Renderer::book_members(json, *lane, *depth);
  json.end_object();
  reply(respond_json(std::move(body)));
}

void get_trades(App& app, const Call& call, Reply reply) {
  const MarketLane* lane = find_or_reply(app, call, reply);
  if (lane == nullptr) return;
  const auto limit = read_count(call, "limit", kTradesDefault, kListMax);
  if (!limit) return reply(respond(limit.error()));
  std::string body;
  json::Writer json{body};
  json.begin_object();
  json.key("trades");
  json.begin_array();
  const std::size_t size = lane->trades.size();
  for (std::size_t i = 0; i < std::min(*limit, size); ++i) {
    Renderer::trade(json, lane->trades[size - 1 - i]);
  }
  json.end_array();
  json.end_object();
  reply(respond_json(std::move(body)));
}

void get_candles(App& app, const Call& call, Reply reply) {
  const MarketLane* lane = find_or_reply(app, call, reply);
  if (lane == nullptr) return;
  const auto limit = read_count(call, "limit", kCandlesDefault, kListMax);
  if (!limit) return reply(respond(limit.error()));
  const std::string* given = call.query.find("interval");
  const std::string_view interval = given == nullptr ? std::string_view{"1m"} : *given;
  const auto at = std::ranges::find(kCandleIntervalNames, interval);
  if (at == kCandleIntervalNames.end()) {
    return reply(respond(bad_parameter("interval", "must be 1s, 1m, 5m, 15m or 1h")));
  }
  const auto& series = lane->candles[static_cast<std::size_t>(at - kCandleIntervalNames.begin())];
  std::string body;
  json::Writer json{body};
  json.begin_object();
  json.field("symbol", lane->instrument.symbol.view());
  json.field("interval", interval);
  json.key("candles");
  json.begin_array();
  for (std::size_t i = series.size() - std::min(*limit, series.size()); i < series.size(); ++i) {
    Renderer::candle(json, series[i]);
  }
  json.end_array();
  json.end_object();
  reply(respond_json(std::move(body)));
}

}  // namespace stoa::gateway
