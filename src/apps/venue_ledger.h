#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <variant>
#include <vector>

#include "base/ids.h"
#include "base/price.h"
#include "base/qty.h"
#include "model/execution.h"
#include "model/order.h"

namespace stoa::apps {

/// What the simulated venue's own log says of our orders there: so that a venue that starts anew
/// knows what it was asked and what it has answered.
///
/// Bounded: of the orders that have ended the newest `kEndedMax` are remembered.
class VenueLedger {
 public:
  using Request = std::variant<OrderSend, CancelSend, ReplaceSend>;
  static constexpr std::size_t kEndedMax = 200'000;

  /// Something was asked. False: a cl_ord_id that was taken before; it must not reach the market
  /// again.
  bool on_request(const OrderSend& order);
  bool on_request(const CancelSend& cancel);
  bool on_request(const ReplaceSend& replace);
  /// Something was answered.
  void on_report(const ExecutionReport& report);

  /// The truth on an order of which the market knows nothing any more; nothing when it never came
  /// here.
  [[nodiscard]] std::optional<ExecutionReport> status_of(const OrderQuery& query) const;

  /// After the log: orders that rest, as `restore` takes them, oldest first.
  [[nodiscard]] std::vector<OrderUpdate> resting() const;
  /// And what was asked and never answered, oldest first.
  [[nodiscard]] std::vector<Request> unanswered() const;
  [[nodiscard]] std::size_t open_orders() const noexcept { return open_; }

 private:
  struct Order {
    OrderSend send{};
    OrderId order_id{};
    ClOrdId newest{};  // of the last accepted request
    Price px{};
    Qty qty{};
    Qty cum{};
    bool accepted = false;
    bool ended = false;
  };

  [[nodiscard]] Order* find(ClOrdId id);
  void end(Order& order);

  std::map<std::uint64_t, Order> orders_;            // by the first cl_ord_id
  std::map<std::uint64_t, std::uint64_t> first_of_;  // a replace's cl_ord_id to that
  std::map<std::uint64_t, Request> waiting_;         // by cl_ord_id: asked, not answered
  std::size_t open_ = 0;
};

}  // namespace stoa::apps
