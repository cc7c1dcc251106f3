#include "strategy/market_maker/market_maker.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <optional>
#include <string_view>

#include "base/clock.h"
#include "base/decimal.h"
#include "base/price.h"
#include "base/qty.h"
#include "model/execution.h"
#include "model/market.h"
#include "model/types.h"
#include "strategy/backoff.h"
#include "strategy/market_maker/quotes.h"
#include "strategy/note.h"
#include "strategy/parameter.h"
#include "strategy/registry.h"
#include "strategy/rounding.h"
#include "strategy/strategy.h"
#include "strategy/touch.h"

namespace stoa::strategy {
namespace {

constexpr std::array kTable{
    ParameterSpec{"half_spread_bps", "Distance of each quote from the fair price", "bps",
                  ParameterKind::Decimal, whole(1), 0, whole(500), hundredths(1)},
    integer_parameter("half_spread_ticks", "Least distance of each quote from the fair price",
                      "ticks", 1, 0, 10'000),
    ParameterSpec{"skew_bps", "How far a full position moves both quotes against itself", "bps",
                  ParameterKind::Decimal, whole(1), 0, whole(500), hundredths(1)},
    ParameterSpec{"order_notional", "Size of each quote", "quote currency", ParameterKind::Decimal,
                  whole(150), whole(1), whole(1'000'000), hundredths(1)},
    ParameterSpec{"order_qty",
                  "Size of each quote in units of the instrument; 0: by order_notional", "units",
                  ParameterKind::Decimal, 0, 0, whole(1'000'000), 1},
    ParameterSpec{"max_position", "Largest position, long or short", "quote currency",
                  ParameterKind::Decimal, whole(1'000), whole(1), whole(10'000'000), hundredths(1)},
    ParameterSpec{"requote_bps", "A quote moves when it is off by this much", "bps",
                  ParameterKind::Decimal, hundredths(20), 0, whole(100), hundredths(1)},
    integer_parameter("requote_ticks", "A quote moves when it is off by at least this much",
                      "ticks", 1, 1, 100'000),
    integer_parameter("requote_interval_ms", "Shortest time between two moves of a quote", "ms",
                      500, 0, 60'000),
    ParameterSpec{"smoothing", "Weight of the past in the fair price; 0: none", "",
                  ParameterKind::Decimal, hundredths(50), 0, hundredths(99), hundredths(1)},
    boolean_parameter("micro_price", "Fair price by the sizes at the touch, not the mid", true),
    boolean_parameter("post_only", "Quotes that would trade at once are refused by the venue",
                      true),
    boolean_parameter("use_replace", "Move quotes by replace, not by cancel and a new order", true),
};

constexpr auto kHalfSpreadBps = handle<ParameterKind::Decimal>(kTable, "half_spread_bps");
constexpr auto kHalfSpreadTicks = handle<ParameterKind::Integer>(kTable, "half_spread_ticks");
constexpr auto kSkewBps = handle<ParameterKind::Decimal>(kTable, "skew_bps");
constexpr auto kOrderNotional = handle<ParameterKind::Decimal>(kTable, "order_notional");
constexpr auto kOrderQty = handle<ParameterKind::Decimal>(kTable, "order_qty");
constexpr auto kMaxPosition = handle<ParameterKind::Decimal>(kTable, "max_position");
constexpr auto kRequoteBps = handle<ParameterKind::Decimal>(kTable, "requote_bps");
constexpr auto kRequoteTicks = handle<ParameterKind::Integer>(kTable, "requote_ticks");
constexpr auto kRequoteIntervalMs = handle<ParameterKind::Integer>(kTable, "requote_interval_ms");
constexpr auto kSmoothing = handle<ParameterKind::Decimal>(kTable, "smoothing");
constexpr auto kMicroPrice = handle<ParameterKind::Boolean>(kTable, "micro_price");
constexpr auto kPostOnly = handle<ParameterKind::Boolean>(kTable, "post_only");
constexpr auto kUseReplace = handle<ParameterKind::Boolean>(kTable, "use_replace");

class MarketMaker final : public Strategy {
 public:
  /// Events move the quotes; the timer repeats what a full inbox or an interval put off.
  [[nodiscard]] nanoseconds timer_interval() const noexcept override {
    return std::chrono::milliseconds{100};
  }

  void on_start(Context& context) override { on_parameters(context); }

  void on_parameters(Context& context) override {
    rules_ = {.half_spread_bps_e8 = context.parameter(kHalfSpreadBps),
              .half_spread_ticks = context.parameter(kHalfSpreadTicks),
              .skew_bps_e8 = context.parameter(kSkewBps),
              .order_notional_e8 = context.parameter(kOrderNotional),
              .order_qty_e8 = context.parameter(kOrderQty),
              .max_position_e8 = context.parameter(kMaxPosition),
              .post_only = context.parameter(kPostOnly)};
    requote_bps_e8_ = context.parameter(kRequoteBps);
    requote_ticks_ = context.parameter(kRequoteTicks);
    interval_ = std::chrono::milliseconds{context.parameter(kRequoteIntervalMs)};
    news_e8_ = kOneE8 - context.parameter(kSmoothing);
    micro_price_ = context.parameter(kMicroPrice);
    use_replace_ = context.parameter(kUseReplace);
  }

  void on_book(const BookEvent& /*event*/, Context& context) override {
    const auto touch = believable_touch(context);
    if (!touch) return pull(context, "no book to quote by");
    const Price now = fair_price(*touch, micro_price_);
    const Price fair = fair_ ? smoothed(*fair_, now) : now;
    fair_ = fair;
    quote(fair, *touch, context);
  }

  void on_feed(const FeedState& /*state*/, Context& context) override {
    if (context.feed() == FeedStatus::Live) return;
    fair_.reset();
    pull(context, "feed not live: quotes pulled");
  }

  void on_timer(Context& context) override {
    const auto touch = believable_touch(context);
    if (!touch || !fair_) return pull(context, "no book to quote by");
    quote(*fair_, *touch, context);
  }

  void on_order(const OrderUpdate& update, Context& context) override {
    if (update.status == OrdStatus::Rejected) backoff_.refused(context.now());
    if (update.status == OrdStatus::New) backoff_.accepted();
  }

 private:
  [[nodiscard]] Price smoothed(Price old, Price now) const noexcept {
    const std::int64_t step = now.e8() - old.e8();
    return old +
           Price::from_e8(static_cast<std::int64_t>(int128{step} * news_e8_ / int128{kOneE8}));
  }

  void quote(Price fair, const Touch& touch, Context& context) {
    const Quotes quotes =
        quotes_around(fair, touch, context.position().qty, rules_, context.instrument());
    keep(Side::Buy, quotes.bid, quotes, context);
    keep(Side::Sell, quotes.ask, quotes, context);
  }

  /// Brings one side to what is wanted there: nothing, a new order, or the one that rests moved.
  void keep(Side side, const std::optional<Quote>& wanted, const Quotes& quotes, Context& context) {
    const WorkingOrder* resting = nullptr;
    for (const WorkingOrder& order : context.working_orders()) {
      if (order.side != side) continue;
      if (resting == nullptr) {
        resting = &order;
      } else if (!context.change_pending(order)) {
        // More than one a side is left from an earlier life with other parameters.
        return give_up(order, context);
      }
    }
    if (resting == nullptr) {
      if (wanted) place(side, *wanted, quotes, context);
      return;
    }
    if (context.change_pending(*resting)) return;
    if (!wanted) return give_up(*resting, context);
    if (must_move(*resting, *wanted, context.instrument().tick)) move(*resting, *wanted, context);
  }

  [[nodiscard]] bool must_move(const WorkingOrder& order, const Quote& wanted,
                               Price tick) const noexcept {
    const std::int64_t off = order.px.e8() - wanted.px.e8();
    // More open than the position has room for is not a matter of taste.
    const std::int64_t tolerance =
        std::max(basis_points(wanted.px, requote_bps_e8_), requote_ticks_ * tick.e8());
    return std::abs(off) >= tolerance || order.leaves_qty() > wanted.room;
  }

  void place(Side side, const Quote& wanted, const Quotes& quotes, Context& context) {
    if (!due(side, context.now())) return;
    const Price tick = context.instrument().tick;
    const std::int64_t edge = std::abs(wanted.px.e8() - quotes.fair.e8()) / tick.e8();
    const auto placed = context.place(
        {.side = side,
         .type = OrderType::Limit,
         .time_in_force = rules_.post_only ? TimeInForce::Gtx : TimeInForce::Gtc,
         .px = wanted.px,
         .qty = wanted.qty,
         .signal = quotes.fair,
         .note = note("edge {} ticks, skew {} ticks", edge, -quotes.skew_e8 / tick.e8())});
    if (placed) asked(side, context.now());
  }

  void move(const WorkingOrder& order, const Quote& wanted, Context& context) {
    if (!due(order.side, context.now())) return;
    // Only what the venue has acknowledged can be moved.
    const bool acknowledged =
        order.status == OrdStatus::New || order.status == OrdStatus::PartiallyFilled;
    if (!acknowledged) return;
    const auto moved =
        use_replace_ ? context.replace(order.client_order_id, wanted.px, order.cum_qty + wanted.qty)
                     : context.cancel(order.client_order_id);
    // A cancel is half of a move: the new order may follow at once.
    if (moved && use_replace_) asked(order.side, context.now());
  }

  // What the inbox has no room for is asked for again on the next event.
  static void give_up(const WorkingOrder& order, Context& context) {
    [[maybe_unused]] const auto asked = context.cancel(order.client_order_id);
  }
  static void pull(Context& context, std::string_view why) {
    const auto orders = context.working_orders();
    const bool all_asked = std::ranges::all_of(
        orders, [&context](const WorkingOrder& order) { return context.change_pending(order); });
    if (all_asked) return;
    if (context.cancel_all()) context.explain(why);
  }

  [[nodiscard]] bool due(Side side, Timestamp now) const noexcept {
    const Timestamp last = ts_asked_[static_cast<std::size_t>(side)];
    return (last == Timestamp{} || now - last >= interval_) && backoff_.ready(now);
  }
  void asked(Side side, Timestamp now) noexcept { ts_asked_[static_cast<std::size_t>(side)] = now; }

  QuoteRules rules_;
  std::int64_t requote_bps_e8_ = 0;
  std::int64_t requote_ticks_ = 1;
  std::int64_t news_e8_ = kOneE8;  // weight of the newest fair price
  nanoseconds interval_{0};
  bool micro_price_ = true;
  bool use_replace_ = true;
  std::optional<Price> fair_;
  std::array<Timestamp, 2> ts_asked_{};  // by side: when an order was last placed or moved
  Backoff backoff_;
};

}  // namespace

StrategyType market_maker_type() {
  return {.name = "market_maker",
          .description = "Quotes both sides around a fair price and leans against its position",
          .parameters = kTable,
          .make = []() -> std::unique_ptr<Strategy> { return std::make_unique<MarketMaker>(); },
          .complaint = [](const Parameters& parameters) -> std::string_view {
            if (parameters.get(kOrderNotional) > parameters.get(kMaxPosition)) {
              return "order_notional must not be above max_position";
            }
            return {};
          }};
}

}  // namespace stoa::strategy
