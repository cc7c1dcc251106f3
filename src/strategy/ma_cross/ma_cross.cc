#include "strategy/ma_cross/ma_cross.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include "base/clock.h"
#include "base/decimal.h"
#include "base/price.h"
#include "base/qty.h"
#include "model/execution.h"
#include "model/instrument.h"
#include "model/market.h"
#include "model/types.h"
#include "strategy/backoff.h"
#include "strategy/ma_cross/averages.h"
#include "strategy/note.h"
#include "strategy/parameter.h"
#include "strategy/registry.h"
#include "strategy/rounding.h"
#include "strategy/strategy.h"
#include "strategy/touch.h"

namespace stoa::strategy {
namespace {

constexpr std::array kTable{
    integer_parameter("fast_s", "Length of the fast average", "s", 5, 1, 3'599),
    integer_parameter("slow_s", "Length of the slow average", "s", 20, 2, 3'600),
    ParameterSpec{"hysteresis_bps", "The averages must be this far apart to change sides", "bps",
                  ParameterKind::Decimal, hundredths(20), 0, whole(500), hundredths(1)},
    ParameterSpec{"order_notional", "Position to hold, long or short", "quote currency",
                  ParameterKind::Decimal, whole(200), whole(1), whole(1'000'000), hundredths(1)},
    ParameterSpec{"max_position", "Largest position, long or short", "quote currency",
                  ParameterKind::Decimal, whole(1'000), whole(1), whole(10'000'000), hundredths(1)},
    ParameterSpec{"through_bps", "How far through the touch a limit price may go", "bps",
                  ParameterKind::Decimal, whole(2), 0, whole(100), hundredths(1)},
    boolean_parameter("allow_short", "Sell short below the slow average; else be flat", true),
};

constexpr auto kFastS = handle<ParameterKind::Integer>(kTable, "fast_s");
constexpr auto kSlowS = handle<ParameterKind::Integer>(kTable, "slow_s");
constexpr auto kHysteresisBps = handle<ParameterKind::Decimal>(kTable, "hysteresis_bps");
constexpr auto kOrderNotional = handle<ParameterKind::Decimal>(kTable, "order_notional");
constexpr auto kMaxPosition = handle<ParameterKind::Decimal>(kTable, "max_position");
constexpr auto kThroughBps = handle<ParameterKind::Decimal>(kTable, "through_bps");
constexpr auto kAllowShort = handle<ParameterKind::Boolean>(kTable, "allow_short");

class MaCross final : public Strategy {
 public:
  /// One sample and at most one order a second.
  [[nodiscard]] nanoseconds timer_interval() const noexcept override {
    return std::chrono::seconds{1};
  }

  void on_start(Context& context) override { set_windows(context); }

  void on_parameters(Context& context) override {
    if (context.parameter(kFastS) != fast_s_ || context.parameter(kSlowS) != slow_s_) {
      set_windows(context);
    }
    target_.reset();  // sizes may have changed: decided anew at the next second
  }

  void on_feed(const FeedState& /*state*/, Context& context) override {
    if (context.feed() == FeedStatus::Live || !usable_) return;
    sums_.clear();  // an average over a gap is of nothing
    context.explain("feed not live: averages emptied");
  }

  void on_timer(Context& context) override {
    const auto touch = believable_touch(context);
    if (!usable_ || !touch) return;
    sums_.add(touch->mid());
    if (!sums_.warm()) return;
    if (const int side = sums_.side_of(context.parameter(kHysteresisBps)); side != 0) {
      set_target(side, touch->mid(), context);
    }
    if (target_) trade_towards(*target_, *touch, context);
  }

  void on_order(const OrderUpdate& update, Context& context) override {
    if (update.status == OrdStatus::Rejected) backoff_.refused(context.now());
    if (update.status == OrdStatus::New || update.cum_qty > Qty{}) backoff_.accepted();
  }

 private:
  void set_windows(Context& context) {
    fast_s_ = context.parameter(kFastS);
    slow_s_ = context.parameter(kSlowS);
    // Between two commands of one change the pair may be the wrong way round.
    usable_ = fast_s_ < slow_s_;
    if (usable_) sums_.reset(static_cast<std::size_t>(fast_s_), static_cast<std::size_t>(slow_s_));
    target_.reset();
    side_ = 0;
  }

  /// The target is sized when the side changes and then kept: it does not follow the price about.
  void set_target(int side, Price mid, Context& context) {
    if (side == side_ && target_) return;
    side_ = side;
    const std::int64_t wanted_e8 =
        std::min(context.parameter(kOrderNotional), context.parameter(kMaxPosition));
    const Qty size = lots_for(wanted_e8, mid, context.instrument());
    if (side > 0) {
      target_ = size;
    } else {
      target_ = context.parameter(kAllowShort) ? -size : Qty{};
    }
  }

  void trade_towards(Qty target, const Touch& touch, Context& context) {
    if (!context.working_orders().empty() || !backoff_.ready(context.now())) return;
    const Instrument& instrument = context.instrument();
    const Qty missing = target - context.position().qty;
    const bool buys = missing > Qty{};
    const std::int64_t through =
        basis_points(buys ? touch.ask.px : touch.bid.px, context.parameter(kThroughBps));
    // Rounded back towards the touch: never further through than allowed.
    const Price px = buys ? floor_to_tick(touch.ask.px.e8() + through, instrument.tick)
                          : ceil_to_tick(touch.bid.px.e8() - through, instrument.tick);
    Qty qty = floor_to_lot(abs(missing), instrument.lot);
    if (!instrument.max_order_qty.is_zero()) {
      qty = std::min(qty, floor_to_lot(instrument.max_order_qty, instrument.lot));
    }
    if (!is_orderable(px, qty, instrument)) return;
    const Price apart = sums_.difference();
    // A full inbox refuses it; the next second asks again.
    [[maybe_unused]] const auto placed =
        context.place({.side = buys ? Side::Buy : Side::Sell,
                       .type = OrderType::Limit,
                       .time_in_force = TimeInForce::Ioc,
                       .px = px,
                       .qty = qty,
                       .signal = apart,
                       .note = note("fast - slow = {}", DecimalText{apart.e8()}.view())});
  }

  MovingSums sums_;
  std::int64_t fast_s_ = 0;
  std::int64_t slow_s_ = 0;
  bool usable_ = false;
  int side_ = 0;  // of the target
  std::optional<Qty> target_;
  Backoff backoff_;
};

}  // namespace

StrategyType ma_cross_type() {
  return {.name = "ma_cross",
          .description = "Follows the trend: long above a slow average, short below it",
          .parameters = kTable,
          .make = []() -> std::unique_ptr<Strategy> { return std::make_unique<MaCross>(); },
          .complaint = [](const Parameters& parameters) -> std::string_view {
            if (parameters.get(kFastS) >= parameters.get(kSlowS)) {
              return "fast_s must be below slow_s";
            }
            return {};
          }};
}

}  // namespace stoa::strategy
