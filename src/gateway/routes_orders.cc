#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/ids.h"
#include "base/money.h"
#include "base/price.h"
#include "base/qty.h"
#include "gateway/app.h"
#include "gateway/desk.h"
#include "gateway/fields.h"
#include "gateway/http_message.h"
#include "gateway/json_body.h"
#include "gateway/market_board.h"
#include "gateway/order_board.h"
#include "gateway/problem.h"
#include "gateway/render.h"
#include "gateway/router.h"
#include "gateway/routes.h"
#include "gateway/story.h"
#include "model/order.h"
#include "model/risk.h"
#include "model/types.h"
#include "protocol/json/writer.h"

namespace stoa::gateway {
namespace {

constexpr std::size_t kPageDefault = 100;
constexpr std::size_t kPageMax = 1'000;
constexpr std::size_t kStateClosed = 1'000;  // closed orders of /api/orders_state

bool is_client_order_id(std::string_view text) noexcept {
  static constexpr std::string_view kPunctuation = "._:-";
  return !text.empty() && text.size() <= ClientOrderId::kCapacity &&
         std::ranges::all_of(text, [](char c) {
           return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
                  kPunctuation.find(c) != std::string_view::npos;
         });
}

/// The enumerator whose name the field has.
template <class E>
std::expected<E, Problem> read_enum(const JsonValue& value, std::string_view name,
                                    std::uint8_t count) {
  std::string names;
  for (std::uint8_t i = 0; i < count; ++i) {
    const auto candidate = static_cast<E>(i);
    if (value.kind == JsonKind::String && value.text == to_string(candidate)) return candidate;
    if (i > 0) names += ", ";
    names += to_string(candidate);
  }
  return std::unexpected(bad_field(std::string{name}, "must be one of " + names));
}

template <class E>
std::expected<E, Problem> require_enum(const JsonValue& body, std::string_view name,
                                       std::uint8_t count) {
  const auto member = require(body, name);
  if (!member) return std::unexpected(member.error());
  return read_enum<E>(**member, name, count);
}

std::expected<std::int64_t, Problem> read_positive(const JsonValue& value, std::string_view name) {
  const auto e8 = read_decimal(value, name);
  if (e8 && *e8 <= 0) return std::unexpected(bad_field(std::string{name}, "must be above zero"));
  return e8;
}

std::expected<void, Problem> read_price(const JsonValue& body, OrderIntent& intent) {
  const JsonValue* price = body.find("price");
  if (price != nullptr && price->kind == JsonKind::Null) price = nullptr;
  if (intent.type == OrderType::Market) {
    if (price == nullptr) return {};
    return std::unexpected(bad_field("price", "a market order has no price"));
  }
  if (price == nullptr) {
    return std::unexpected(Problem{.status = 400,
                                   .code = "missing_field",
                                   .detail = "a limit order needs a price",
                                   .hint = "Add it to the body.",
                                   .field = "price"});
  }
  const auto e8 = read_decimal(*price, "price");
  if (!e8) return std::unexpected(e8.error());
  intent.px = Price::from_e8(*e8);
  return {};
}

std::expected<void, Problem> read_time_in_force(const JsonValue& body, OrderIntent& intent) {
  const bool market = intent.type == OrderType::Market;
  intent.time_in_force = market ? TimeInForce::Ioc : TimeInForce::Gtc;
  const JsonValue* given = body.find("time_in_force");
  if (given == nullptr) return {};
  const auto value = read_enum<TimeInForce>(*given, "time_in_force", kTimesInForce);
  if (!value) return std::unexpected(value.error());
  if (market && (*value == TimeInForce::Gtc || *value == TimeInForce::Gtx)) {
    return std::unexpected(
        bad_field("time_in_force", "a market order cannot rest; IOC or FOK, or leave it out"));
  }
  intent.time_in_force = *value;
  return {};
}

std::expected<void, Problem> read_client_order_id(App& app, const JsonValue& body,
                                                  OrderIntent& intent) {
  const JsonValue* given = body.find("client_order_id");
  if (given == nullptr) {
    // The time of the start keeps the ids of two runs apart; the count those of one run.
    intent.client_order_id = ClientOrderId::cut("api-" + std::to_string(app.id_salt / 1'000'000) +
                                                "-" + std::to_string(app.next_id++));
    return {};
  }
  if (given->kind != JsonKind::String || !is_client_order_id(given->text)) {
    return std::unexpected(bad_field(
        "client_order_id", "must be a string of 1 to 36 characters of A-Z a-z 0-9 . _ : -"));
  }
  intent.client_order_id = ClientOrderId::cut(given->text);
  return {};
}

std::expected<OrderIntent, Problem> read_order(App& app, const Call& call) {
  const auto body = parse_object(call.request.body, {"symbol", "side", "type", "quantity", "price",
                                                     "time_in_force", "client_order_id"});
  if (!body) return std::unexpected(body.error());
  OrderIntent intent;
  const auto symbol = require_text(*body, "symbol", Symbol::kCapacity);
  if (!symbol) return std::unexpected(symbol.error());
  const auto side = require_enum<Side>(*body, "side", kSides);
  if (!side) return std::unexpected(side.error());
  const auto type = require_enum<OrderType>(*body, "type", kOrderTypes);
  if (!type) return std::unexpected(type.error());
  const auto quantity = require(*body, "quantity");
  if (!quantity) return std::unexpected(quantity.error());
  const auto qty = read_positive(**quantity, "quantity");
  if (!qty) return std::unexpected(qty.error());
  intent.side = *side;
  intent.type = *type;
  intent.qty = Qty::from_e8(*qty);
  if (const auto ok = read_price(*body, intent); !ok) return std::unexpected(ok.error());
  if (const auto ok = read_time_in_force(*body, intent); !ok) return std::unexpected(ok.error());
  if (const auto ok = read_client_order_id(app, *body, intent); !ok) {
    return std::unexpected(ok.error());
  }
  const MarketLane* lane = app.market.find(*symbol);
  if (lane == nullptr) return std::unexpected(unknown_symbol(*symbol));
  intent.instrument = lane->instrument.instrument;
  return intent;
}

Response verdict_of(const OrderIntent& intent, const MarketLane& lane, const RiskDecision& decision,
                    const std::vector<CheckResult>& checks) {
  std::optional<Price> px =
      intent.type == OrderType::Limit ? std::optional{intent.px} : lane.mark();
  std::string body;
  json::Writer json{body};
  json.begin_object();
  json.field("accepted", decision.accepted != 0);
  json.field("code",
             decision.accepted != 0 ? std::nullopt : std::optional{to_string(decision.code)});
  json.key("checks");
  json.begin_array();
  for (const CheckResult& check : checks) write_check(json, check);
  json.end_array();
  std::optional<Money> worth;
  std::optional<Money> fee;
  if (px) {
    const bool maker = intent.time_in_force == TimeInForce::Gtx;
    worth = notional(*px, intent.qty, Rounding::HalfEven);
    fee = apply_rate_e6(*worth, maker ? lane.instrument.maker_fee_e6 : lane.instrument.taker_fee_e6,
                        Rounding::Up);
  }
  json.field("notional", worth);
  json.field("fee_estimate", fee);
  json.end_object();
  return respond_json(std::move(body));
}

const OrderRecord* find_or_reply(App& app, const Call& call, Reply& reply) {
  const OrderRecord* order = app.orders.find(call.params.front());
  if (order == nullptr && app.desk.on_its_way(call.params.front())) {
    reply(respond({.status = 504,
                   .code = "outcome_unknown",
                   .detail = "the order was taken and the log does not show yet what became of it",
                   .hint = "Ask for it again in a second; do not send it under another id.",
                   .client_order_id = call.params.front()}));
  } else if (order == nullptr) {
    reply(
        respond({.status = 404,
                 .code = "unknown_order",
                 .detail = "no order has the client_order_id " + call.params.front().substr(0, 64),
                 .hint = "GET /api/v1/orders lists them; very old ones are only in the log."}));
  }
  return order;
}

/// An order that can still change, or the answer is given.
const OrderRecord* find_open_or_reply(App& app, const Call& call, Reply& reply) {
  const OrderRecord* order = find_or_reply(app, call, reply);
  if (order == nullptr || !is_terminal(order->state.status)) return order;
  reply(respond({.status = 409,
                 .code = "too_late",
                 .detail = "the order is already " + std::string{to_string(order->state.status)},
                 .hint = "`order` is its last state.",
                 .order_json = app.render.order_json(*order)}));
  return nullptr;
}

/// The symbol parameter as an instrument; 0 when it was not given.
std::expected<InstrumentId, Problem> read_symbol(const App& app, const Call& call) {
  const std::string* symbol = call.query.find("symbol");
  if (symbol == nullptr) return InstrumentId{};
  const MarketLane* lane = app.market.find(*symbol);
  if (lane == nullptr) return std::unexpected(unknown_symbol(*symbol));
  return lane->instrument.instrument;
}

struct PageOptions {
  InstrumentId instrument{};  // 0: any
  std::size_t limit = kPageDefault;
  std::optional<std::uint64_t> before{};  // lsn
};

std::expected<PageOptions, Problem> read_page(const App& app, const Call& call) {
  const auto instrument = read_symbol(app, call);
  if (!instrument) return std::unexpected(instrument.error());
  const auto limit = read_count(call, "limit", kPageDefault, kPageMax);
  if (!limit) return std::unexpected(limit.error());
  const auto before = read_cursor(call);
  if (!before) return std::unexpected(before.error());
  return PageOptions{*instrument, *limit, *before};
}

/// Closes the list: the cursor is the last place shown, if something lies behind it.
void write_cursor(json::Writer& json, bool more, std::uint64_t last) {
  json.end_array();
  json.key("next_cursor");
  if (more) {
    json.digits(last);
  } else {
    json.null();
  }
  json.end_object();
}

}  // namespace

void post_order(App& app, const Call& call, Reply reply) {
  const auto intent = read_order(app, call);
  if (!intent) return reply(respond(intent.error()));
  app.desk.place(*intent, std::move(reply));
}

void check_order(App& app, const Call& call, Reply reply) {
  const auto intent = read_order(app, call);
  if (!intent) return reply(respond(intent.error()));
  const MarketLane* lane = app.market.find(intent->instrument);
  app.desk.probe(
      *intent,
      [order = *intent, lane](const RiskDecision& decision,
                              const std::vector<CheckResult>& checks) {
        return verdict_of(order, *lane, decision, checks);
      },
      std::move(reply));
}

void get_orders(App& app, const Call& call, Reply reply) {
  const auto page = read_page(app, call);
  if (!page) return reply(respond(page.error()));
  const std::string* status = call.query.find("status");
  const std::string_view wanted = status == nullptr ? std::string_view{"all"} : *status;
  if (wanted != "open" && wanted != "closed" && wanted != "all") {
    return reply(respond(bad_parameter("status", "must be open, closed or all")));
  }
  std::string body;
  json::Writer json{body};
  json.begin_object();
  json.key("orders");
  json.begin_array();
  std::size_t count = 0;
  std::uint64_t last = 0;
  bool more = false;
  const auto visit = [&](std::uint64_t intent, const OrderRecord& order) {
    const bool open = !is_terminal(order.state.status);
    if (!order.listed || (wanted == "open" && !open) || (wanted == "closed" && open)) return true;
    if (page->instrument != InstrumentId{} && order.state.instrument != page->instrument) {
      return true;
    }
    more = count == page->limit;
    if (more) return false;
    app.render.order(json, order);
    last = intent;
    ++count;
    return true;
  };
  const auto& all = app.orders.orders();
  const std::optional<std::uint64_t>& before = page->before;
  if (wanted == "open") {
    // Open orders are few beside the history that a walk over all would pass.
    const auto& open = app.orders.open();
    for (auto at = before ? open.lower_bound(*before) : open.end(); at != open.begin();) {
      const auto found = all.find(*--at);
      if (found != all.end() && !visit(found->first, found->second)) break;
    }
  } else {
    for (auto at = before ? all.lower_bound(*before) : all.end(); at != all.begin();) {
      --at;
      if (!visit(at->first, at->second)) break;
    }
  }
  write_cursor(json, more, last);
  reply(respond_json(std::move(body)));
}

void get_order(App& app, const Call& call, Reply reply) {
  const OrderRecord* order = find_or_reply(app, call, reply);
  if (order == nullptr) return;
  reply(order_with_story(app, *order));
}

void delete_order(App& app, const Call& call, Reply reply) {
  const OrderRecord* order = find_open_or_reply(app, call, reply);
  if (order == nullptr) return;
  app.desk.cancel(CancelIntent{.client_order_id = order->state.client_order_id,
                               .instrument = order->state.instrument,
                               .strategy = order->state.strategy},
                  std::move(reply));
}

void patch_order(App& app, const Call& call, Reply reply) {
  const auto body = parse_object(call.request.body, {"price", "quantity"});
  if (!body) return reply(respond(body.error()));
  ReplaceIntent intent;
  if (const JsonValue* price = body->find("price")) {
    const auto e8 = read_positive(*price, "price");
    if (!e8) return reply(respond(e8.error()));
    intent.px = Price::from_e8(*e8);
  }
  if (const JsonValue* quantity = body->find("quantity")) {
    const auto e8 = read_positive(*quantity, "quantity");
    if (!e8) return reply(respond(e8.error()));
    intent.qty = Qty::from_e8(*e8);
  }
  if (intent.px == Price{} && intent.qty == Qty{}) {
    return reply(respond({.status = 400,
                          .code = "missing_field",
                          .detail = "price, quantity or both must be given",
                          .hint = "quantity is the new total, filled part included.",
                          .field = "price"}));
  }
  const OrderRecord* order = find_open_or_reply(app, call, reply);
  if (order == nullptr) return;
  intent.client_order_id = order->state.client_order_id;
  intent.instrument = order->state.instrument;
  intent.strategy = order->state.strategy;
  app.desk.replace(intent, std::move(reply));
}

void delete_orders(App& app, const Call& call, Reply reply) {
  const auto instrument = read_symbol(app, call);
  if (!instrument) return reply(respond(instrument.error()));
  const auto requested = std::ranges::count_if(app.orders.open(), [&](std::uint64_t intent) {
    const OrderRecord* order = app.orders.find_intent(intent);
    return order != nullptr &&
           (*instrument == InstrumentId{} || order->state.instrument == *instrument);
  });
  app.desk.command(
      std::vector{CancelAllIntent{.instrument = *instrument}},
      [requested] {
        std::string body;
        json::Writer json{body};
        json.begin_object();
        json.field("requested", requested);
        json.end_object();
        return respond_json(std::move(body));
      },
      std::move(reply));
}

void get_fills(App& app, const Call& call, Reply reply) {
  const auto page = read_page(app, call);
  if (!page) return reply(respond(page.error()));
  const std::string* order_id = call.query.find("client_order_id");
  std::string body;
  json::Writer json{body};
  json.begin_object();
  json.key("fills");
  json.begin_array();
  std::size_t count = 0;
  std::uint64_t last = 0;
  bool more = false;
  const auto& fills = app.orders.fills();
  const std::optional<std::uint64_t>& before = page->before;
  const auto older = [](const FillRecord& fill, std::uint64_t lsn) { return fill.lsn < lsn; };
  auto at = before ? std::lower_bound(fills.begin(), fills.end(), *before, older) : fills.end();
  while (at != fills.begin() && !more) {
    --at;
    const bool wanted =
        (page->instrument == InstrumentId{} || at->fill.instrument == page->instrument) &&
        (order_id == nullptr || at->fill.client_order_id.view() == *order_id);
    if (!wanted) continue;
    more = count == page->limit;
    if (more) break;
    app.render.fill(json, *at);
    last = at->lsn;
    ++count;
  }
  write_cursor(json, more, last);
  reply(respond_json(std::move(body)));
}

void get_orders_state(App& app, const Call& /*call*/, Reply reply) {
  std::string body;
  json::Writer json{body};
  json.begin_object();
  json.key("orders");
  json.begin_array();
  const auto write = [&](std::uint64_t intent) {
    if (const OrderRecord* order = app.orders.find_intent(intent)) app.render.order(json, *order);
  };
  for (const std::uint64_t intent : app.orders.open()) write(intent);
  const auto& closed = app.orders.closed();
  const std::size_t skip = closed.size() > kStateClosed ? closed.size() - kStateClosed : 0;
  for (std::size_t i = closed.size(); i > skip; --i) write(closed[i - 1]);
  json.end_array();
  json.end_object();
  reply(respond_json(std::move(body)));
}

}  // namespace stoa::gateway
