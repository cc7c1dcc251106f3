#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/clock.h"
#include "base/ids.h"
#include "model/execution.h"
#include "model/order.h"
#include "model/risk.h"
#include "model/types.h"
#include "protocol/native/codec.h"

namespace stoa::gateway {

/// One order and where the log speaks of it.
struct OrderRecord {
  OrderUpdate state{};
  std::uint64_t lsn = 0;                 // of the newest record about it
  std::vector<std::uint64_t> lsns{};     // of the records about it, oldest first, bounded
  std::vector<std::uint64_t> aliases{};  // cl_ord_ids of later requests on it
  std::optional<CheckResult> breach{};   // the check that refused it
  bool listed = false;                   // the core has made an order of the intent
  bool closed = false;
  bool changed = false;  // since the last take_changed
};

struct FillRecord {
  Fill fill{};
  std::uint64_t lsn = 0;
};

/// The checks behind a RiskDecision, in the order in which they ran.
[[nodiscard]] std::vector<CheckResult> checks_of(const native::MessageView& decision);
/// The first check that an order did not pass, of a RiskDecision.
[[nodiscard]] std::optional<CheckResult> first_breach(const native::MessageView& decision);

/// What the execution log says of orders and fills, kept for questions. Open orders are never
/// dropped; of closed ones and of fills the newest are kept. Gateway thread.
class OrderBoard {
 public:
  static constexpr std::size_t kStoryRecords = 256;

  OrderBoard(std::size_t orders_kept, std::size_t fills_kept)
      : orders_kept_{orders_kept}, fills_kept_{fills_kept} {}

  /// Takes one record of the log, in log order; an OrderUpdate of lsn 0 says where an order stands
  /// at a start.
  void apply(std::uint64_t lsn, const native::MessageView& message);

  [[nodiscard]] const OrderRecord* find(std::string_view client_order_id) const;
  [[nodiscard]] const OrderRecord* find_intent(std::uint64_t intent) const;
  /// The log has an intent of this id and does not say yet what became of it: it may become an
  /// order.
  [[nodiscard]] bool undecided(std::string_view client_order_id) const;
  /// By intent; newest last. Only those with `listed` are orders.
  [[nodiscard]] const std::map<std::uint64_t, OrderRecord>& orders() const noexcept {
    return orders_;
  }
  [[nodiscard]] const std::set<std::uint64_t>& open() const noexcept { return open_; }
  /// Intents of closed orders in the order in which they closed.
  [[nodiscard]] const std::deque<std::uint64_t>& closed() const noexcept { return closed_; }
  /// Oldest first; lsns ascend.
  [[nodiscard]] const std::deque<FillRecord>& fills() const noexcept { return fills_; }
  /// Fills seen by this board, also those that are not kept any more.
  [[nodiscard]] std::uint64_t fills_seen() const noexcept { return fills_seen_; }

  /// Intents of orders that changed since the last call, each once.
  [[nodiscard]] std::vector<std::uint64_t> take_changed();

 private:
  /// The order that a cl_ord_id stands for, its own or that of a later request.
  [[nodiscard]] OrderRecord* resolve(std::uint64_t cl_ord_id);
  [[nodiscard]] OrderRecord* resolve(ClOrdId cl_ord_id, const ClientOrderId& client_order_id);
  static void note(OrderRecord& order, std::uint64_t lsn);
  void note_request(std::uint64_t lsn, OrderRecord* order);
  void on_intent(std::uint64_t lsn, const OrderIntent& intent, Timestamp timestamp);
  void on_decision(std::uint64_t lsn, const native::MessageView& message);
  void on_update(std::uint64_t lsn, const OrderUpdate& update);
  void forget_id(std::uint64_t intent, const OrderRecord& order);
  void drop_old();

  std::size_t orders_kept_;
  std::size_t fills_kept_;
  std::map<std::uint64_t, OrderRecord> orders_;                  // by intent
  std::unordered_map<std::string, std::uint64_t> by_client_id_;  // to intent, undecided ones too
  std::unordered_map<std::uint64_t, std::uint64_t> alias_;       // cl_ord_id to intent
  std::set<std::uint64_t> open_;
  std::deque<std::uint64_t> closed_;
  std::deque<FillRecord> fills_;
  std::uint64_t fills_seen_ = 0;
  std::vector<std::uint64_t> changed_;
};

}  // namespace stoa::gateway
