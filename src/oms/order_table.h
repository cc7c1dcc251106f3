#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/ids.h"
#include "model/execution.h"
#include "model/types.h"
#include "oms/flat_index.h"

namespace stoa::oms {

/// One order and the request on it that the venue has not answered yet.
struct Order {
  OrderUpdate state;
  OrdStatus before_request = OrdStatus::New;  // where a refused cancel or replace goes back to
  ClOrdId request{};                          // cl_ord_id of the pending cancel or replace; 0: none
  Price replace_px{};
  Qty replace_qty{};
  Qty reserved{};  // what it adds to the open quantity of its side
  // Requests that named this order, oldest first: fills that crossed a replace carry an older one.
  std::array<ClOrdId, 4> cl_ord_ids{};
  std::uint32_t cl_ord_id_count = 0;
  std::uint32_t slot = 0;
  std::uint32_t previous = FlatIndex::kNone;  // in the list of open or of closed orders
  std::uint32_t next = FlatIndex::kNone;

  [[nodiscard]] Qty leaves() const noexcept { return state.order_qty - state.cum_qty; }
  [[nodiscard]] bool is_open() const noexcept { return !is_terminal(state.status); }
};

/// Every open order and the last closed ones, found by cl_ord_id and by client_order_id. Fixed
/// capacity, no allocation after construction. When full, the order that closed first makes room;
/// when all are open, `add` refuses. Iteration is in the order of creation, so everything derived
/// from it is deterministic.
class OrderTable {
 public:
  explicit OrderTable(std::size_t capacity);

  /// A new open order with `state`; null when every slot holds an open order. Ids are unique (the
  /// caller has looked).
  Order* add(const OrderUpdate& state);
  /// Makes `id` another name of the order.
  void add_cl_ord_id(Order& order, ClOrdId id) noexcept;
  /// Moves a now terminal order from the open to the closed ones.
  void close(Order& order) noexcept;

  [[nodiscard]] Order* find(ClOrdId id) noexcept;
  [[nodiscard]] Order* find(const ClientOrderId& id) noexcept;

  [[nodiscard]] std::size_t open_count() const noexcept { return open_.count; }
  [[nodiscard]] std::size_t closed_count() const noexcept { return closed_.count; }
  [[nodiscard]] std::size_t capacity() const noexcept { return pool_.size(); }

  /// Calls `visit(Order&)` for each open order, oldest first; `visit` may close the order it is
  /// given.
  template <class Visit>
  void for_each_open(Visit visit) {
    for (std::uint32_t slot = open_.first; slot != FlatIndex::kNone;) {
      const std::uint32_t next = pool_[slot].next;
      visit(pool_[slot]);
      slot = next;
    }
  }
  template <class Visit>
  void for_each_open(Visit visit) const {
    for (std::uint32_t slot = open_.first; slot != FlatIndex::kNone; slot = pool_[slot].next) {
      visit(pool_[slot]);
    }
  }

  /// The same for the closed orders that are remembered, in the order in which they closed.
  template <class Visit>
  void for_each_closed(Visit visit) const {
    for (std::uint32_t slot = closed_.first; slot != FlatIndex::kNone; slot = pool_[slot].next) {
      visit(pool_[slot]);
    }
  }

  /// Takes an order of a saved table as the newest of its list, open or closed by its status; slot
  /// and links are the table's own. False when the table is full or knows one of its ids already:
  /// that is no saved table.
  [[nodiscard]] bool restore(const Order& saved);

 private:
  struct List {
    std::uint32_t first = FlatIndex::kNone;
    std::uint32_t last = FlatIndex::kNone;
    std::size_t count = 0;
  };

  void append(List& list, Order& order) noexcept;
  void unlink(List& list, Order& order) noexcept;
  void forget_oldest_closed() noexcept;
  [[nodiscard]] static std::uint64_t hash_of(ClOrdId id) noexcept;
  [[nodiscard]] static std::uint64_t hash_of(const ClientOrderId& id) noexcept;

  std::vector<Order> pool_;
  std::vector<std::uint32_t> free_;
  List open_;
  List closed_;
  FlatIndex by_cl_ord_id_;
  FlatIndex by_client_order_id_;
};

}  // namespace stoa::oms
