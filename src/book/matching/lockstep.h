#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include <fmt/format.h>

#include "base/random.h"
#include "book/matching/engine.h"
#include "book/matching/reference.h"
#include "book/matching/types.h"
#include "model/types.h"

namespace stoa::book::matching {

// The engine and its reference in step: the same requests must give the same events, results and
// books, and quantity must be conserved. For tests and fuzzing only.

struct CancelRequest {
  std::uint64_t id = 0;
};
using MatchRequest = std::variant<NewOrder, CancelRequest, Replacement>;

struct LockstepOptions {
  std::uint32_t orders_max = 64;
  SelfTrade self_trade = SelfTrade::ExpireTaker;
};

/// Keeps every event, and the sums that conservation needs.
struct Recorder {
  std::vector<std::variant<Fill, Cancel, LevelChange, Result>> events;
  Lots traded = 0;
  Lots canceled = 0;

  void on_fill(const Fill& fill) {
    events.emplace_back(fill);
    traded += fill.qty;
  }
  void on_cancel(const Cancel& cancel) {
    events.emplace_back(cancel);
    canceled += cancel.qty;
  }
  void on_level(const LevelChange& level) { events.emplace_back(level); }
};

template <class Book>
void apply_request(Book& book, const MatchRequest& request, Recorder& recorder) {
  if (const auto* order = std::get_if<NewOrder>(&request)) {
    recorder.events.emplace_back(book.submit(*order, recorder));
  } else if (const auto* change = std::get_if<Replacement>(&request)) {
    recorder.events.emplace_back(book.replace(*change, recorder));
  } else {
    const auto& cancel = std::get<CancelRequest>(request);
    recorder.events.emplace_back(Result{.refusal = book.cancel(cancel.id, recorder)});
  }
}

/// Both engines and what must hold between them after each request.
class Lockstep {
 public:
  explicit Lockstep(const LockstepOptions& options)
      : engine_{{.orders_max = options.orders_max, .self_trade = options.self_trade}},
        reference_{options.orders_max, options.self_trade} {}

  /// Applies a request to both; answers what no longer holds, or nothing.
  [[nodiscard]] std::optional<std::string> step(const MatchRequest& request) {
    count_in(request);
    fast_.events.clear();
    slow_.events.clear();
    apply_request(engine_, request, fast_);
    apply_request(reference_, request, slow_);
    if (fast_.events != slow_.events) return "events differ from the reference";
    if (std::get<Result>(fast_.events.back()).refusal != Refusal::None) {
      if (fast_.events.size() != 1) return "a refused request called the sink";
      in_ = in_before_;
    }
    return broken();
  }

 private:
  /// What enters the book: new quantity, or the change of a replaced one.
  void count_in(const MatchRequest& request) {
    in_before_ = in_;
    if (const auto* fresh = std::get_if<NewOrder>(&request)) {
      in_ += fresh->qty;
    } else if (const auto* change = std::get_if<Replacement>(&request)) {
      const auto order = engine_.find(change->id);
      if (order) in_ += change->qty - order->qty;
    }
  }

  [[nodiscard]] std::optional<std::string> broken() const {
    Lots open = 0;
    std::uint32_t orders_count = 0;
    for (const Side side : {Side::Buy, Side::Sell}) {
      std::vector<Resting> orders;
      engine_.for_each_order(side, [&](const Resting& order) {
        orders.push_back(order);
        open += order.qty;
        return true;
      });
      if (orders != reference_.orders(side)) return "resting orders differ from the reference";
      if (!orders.empty() && engine_.best(side) != orders.front().px) return "best is not the best";
      if (orders.empty() && engine_.best(side)) return "an empty side has a best price";
      orders_count += static_cast<std::uint32_t>(orders.size());
      if (!levels_add_up(side, orders)) return "levels do not add up to their orders";
    }
    if (orders_count != engine_.orders_count()) return "orders are miscounted";
    const auto bid = engine_.best(Side::Buy);
    const auto ask = engine_.best(Side::Sell);
    if (bid && ask && *bid >= *ask) return "the book is crossed or locked";
    // Each trade takes its quantity from two orders.
    if (in_ != 2 * fast_.traded + fast_.canceled + open) return "quantity is not conserved";
    return std::nullopt;
  }

  [[nodiscard]] bool levels_add_up(Side side, const std::vector<Resting>& orders) const {
    std::size_t next = 0;
    std::size_t levels_count = 0;
    bool holds = true;
    engine_.for_each_level(side, [&](const LevelChange& level) {
      ++levels_count;
      Lots qty = 0;
      const std::size_t first = next;
      while (next < orders.size() && orders[next].px == level.px) qty += orders[next++].qty;
      holds = qty == level.qty && next - first == level.orders_count && next > first &&
              engine_.qty_at(side, level.px) == qty;
      return holds;
    });
    return holds && next == orders.size() && levels_count == engine_.levels_count(side);
  }

  Engine engine_;
  Reference reference_;
  Recorder fast_;
  Recorder slow_;
  Lots in_ = 0;
  Lots in_before_ = 0;
};

struct Failure {
  std::size_t requests_count;  // up to and including the one that failed
  std::string what;
};

[[nodiscard]] inline std::optional<Failure> first_failure(const std::vector<MatchRequest>& requests,
                                                          const LockstepOptions& options) {
  const auto books = std::make_unique<Lockstep>(options);
  for (std::size_t i = 0; i < requests.size(); ++i) {
    if (const auto what = books->step(requests[i])) return Failure{i + 1, *what};
  }
  return std::nullopt;
}

/// Drops what a failure does not need, until no single request can be dropped. `failing_count`
/// answers up to which request a flow fails, 0 when it does not.
template <class FailingCount>
[[nodiscard]] std::vector<MatchRequest> shortest_failing(std::vector<MatchRequest> requests,
                                                         FailingCount&& failing_count) {
  for (std::size_t chunk = requests.size(); chunk > 0;) {
    bool dropped = false;
    for (std::size_t from = 0; from < requests.size();) {
      std::vector<MatchRequest> fewer = requests;
      const auto first = fewer.begin() + static_cast<std::ptrdiff_t>(from);
      const std::size_t count = std::min(chunk, fewer.size() - from);
      fewer.erase(first, first + static_cast<std::ptrdiff_t>(count));
      if (const std::size_t failing = failing_count(fewer); failing != 0) {
        fewer.resize(failing);
        requests = std::move(fewer);
        dropped = true;
      } else {
        from += chunk;
      }
    }
    if (!dropped || chunk > 1) chunk /= 2;
  }
  return requests;
}

[[nodiscard]] inline std::string to_text(const MatchRequest& request) {
  if (const auto* order = std::get_if<NewOrder>(&request)) {
    return fmt::format("{} {}/{} {} @ {} {} {}", to_string(order->side), order->id, order->owner,
                       order->qty, order->px, to_string(order->type),
                       to_string(order->time_in_force));
  }
  if (const auto* change = std::get_if<Replacement>(&request)) {
    return fmt::format("replace {} {} @ {}", change->id, change->qty, change->px);
  }
  return fmt::format("cancel {}", std::get<CancelRequest>(request).id);
}

/// Runs a flow; answers an empty text, or what broke and the fewest requests that break it.
[[nodiscard]] inline std::string lockstep_report(const std::vector<MatchRequest>& requests,
                                                 const LockstepOptions& options) {
  const auto failure = first_failure(requests, options);
  if (!failure) return {};
  const std::vector<MatchRequest> prefix(
      requests.begin(), requests.begin() + static_cast<std::ptrdiff_t>(failure->requests_count));
  std::string report = fmt::format("{} at request {}:", failure->what, failure->requests_count);
  const auto failing_count = [&](const std::vector<MatchRequest>& flow) {
    const auto again = first_failure(flow, options);
    return again ? again->requests_count : 0;
  };
  for (const MatchRequest& request : shortest_failing(prefix, failing_count)) {
    report += "\n  " + to_text(request);
  }
  return report;
}

/// How a random flow is drawn.
struct FlowShape {
  Ticks middle = 10'000;
  std::uint64_t width = 12;     // prices lie in middle +- width
  std::uint64_t far_width = 0;  // and one in eight in middle +- this, when not 0
  std::uint64_t ids = 40;       // few: they are used again and again
  std::uint64_t owners = 4;     // 0 is nobody
  std::uint64_t qty_max = 20;
};

/// A request of any kind, now and then one that must be refused.
[[nodiscard]] inline MatchRequest random_request(Random& random, const FlowShape& shape) {
  const auto draw_px = [&] {
    const bool far = shape.far_width != 0 && random.one_in(8);
    const auto width = static_cast<Ticks>(far ? shape.far_width : shape.width);
    return shape.middle + random.between(-width, width);
  };
  const auto draw_qty = [&] {
    if (random.one_in(200)) return random.one_in(2) ? Lots{0} : kLotsMax + 1;
    return random.between(1, static_cast<std::int64_t>(shape.qty_max));
  };
  const std::uint64_t id = 1 + random.below(shape.ids);
  const std::uint64_t dice = random.below(100);
  if (dice < 12) return CancelRequest{.id = id};
  if (dice < 32) {
    return Replacement{.id = id, .px = random.one_in(300) ? 0 : draw_px(), .qty = draw_qty()};
  }
  return NewOrder{
      .id = id,
      .owner = static_cast<Owner>(random.below(shape.owners)),
      .side = random.one_in(2) ? Side::Buy : Side::Sell,
      .type = random.one_in(8) ? OrderType::Market : OrderType::Limit,
      .time_in_force = static_cast<TimeInForce>(random.one_in(3) ? random.below(kTimesInForce) : 0),
      .px = random.one_in(300) ? kTicksMax + 1 : draw_px(),
      .qty = draw_qty()};
}

}  // namespace stoa::book::matching
