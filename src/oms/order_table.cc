#include "oms/order_table.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>

#include "base/state_hash.h"
#include "model/execution.h"
#include "model/types.h"

namespace stoa::oms {

OrderTable::OrderTable(std::size_t capacity)
    : pool_(capacity), by_cl_ord_id_{capacity * 4}, by_client_order_id_{capacity} {
  free_.reserve(capacity);
  for (std::size_t i = capacity; i > 0; --i) {
    pool_[i - 1].slot = static_cast<std::uint32_t>(i - 1);
    free_.push_back(static_cast<std::uint32_t>(i - 1));
  }
}

Order* OrderTable::add(const OrderUpdate& state) {
  if (free_.empty()) {
    if (closed_.count == 0) return nullptr;
    forget_oldest_closed();
  }
  Order& order = pool_[free_.back()];
  free_.pop_back();
  const std::uint32_t slot = order.slot;
  order = Order{.state = state, .slot = slot};
  append(open_, order);
  add_cl_ord_id(order, state.cl_ord_id);
  by_client_order_id_.insert(hash_of(state.client_order_id), slot);
  return &order;
}

bool OrderTable::restore(const Order& saved) {
  if (free_.empty() || find(saved.state.client_order_id) != nullptr) return false;
  const std::span ids = std::span{saved.cl_ord_ids}.first(saved.cl_ord_id_count);
  for (std::size_t i = 0; i < ids.size(); ++i) {
    if (find(ids[i]) != nullptr ||
        std::ranges::find(ids.first(i), ids[i]) != ids.begin() + static_cast<std::ptrdiff_t>(i))
      return false;
  }
  Order& order = pool_[free_.back()];
  free_.pop_back();
  const std::uint32_t slot = order.slot;
  order = saved;
  order.slot = slot;
  append(order.is_open() ? open_ : closed_, order);
  for (const ClOrdId id : ids) by_cl_ord_id_.insert(hash_of(id), slot);
  by_client_order_id_.insert(hash_of(order.state.client_order_id), slot);
  return true;
}

void OrderTable::add_cl_ord_id(Order& order, ClOrdId id) noexcept {
  if (order.cl_ord_id_count == order.cl_ord_ids.size()) {
    by_cl_ord_id_.erase(hash_of(order.cl_ord_ids[1]),
                        order.slot);  // [0] is the intent: it stays for life
    std::ranges::copy(order.cl_ord_ids.begin() + 2, order.cl_ord_ids.end(),
                      order.cl_ord_ids.begin() + 1);
    --order.cl_ord_id_count;
  }
  order.cl_ord_ids[order.cl_ord_id_count++] = id;
  by_cl_ord_id_.insert(hash_of(id), order.slot);
}

void OrderTable::close(Order& order) noexcept {
  unlink(open_, order);
  append(closed_, order);
}

Order* OrderTable::find(ClOrdId id) noexcept {
  const std::uint32_t slot = by_cl_ord_id_.find(hash_of(id), [&](std::uint32_t candidate) {
    const Order& order = pool_[candidate];
    return std::find(order.cl_ord_ids.begin(), order.cl_ord_ids.begin() + order.cl_ord_id_count,
                     id) != order.cl_ord_ids.begin() + order.cl_ord_id_count;
  });
  return slot == FlatIndex::kNone ? nullptr : &pool_[slot];
}

Order* OrderTable::find(const ClientOrderId& id) noexcept {
  const std::uint32_t slot = by_client_order_id_.find(hash_of(id), [&](std::uint32_t candidate) {
    return pool_[candidate].state.client_order_id == id;
  });
  return slot == FlatIndex::kNone ? nullptr : &pool_[slot];
}

void OrderTable::append(List& list, Order& order) noexcept {
  order.previous = list.last;
  order.next = FlatIndex::kNone;
  (list.last == FlatIndex::kNone ? list.first : pool_[list.last].next) = order.slot;
  list.last = order.slot;
  ++list.count;
}

void OrderTable::unlink(List& list, Order& order) noexcept {
  (order.previous == FlatIndex::kNone ? list.first : pool_[order.previous].next) = order.next;
  (order.next == FlatIndex::kNone ? list.last : pool_[order.next].previous) = order.previous;
  --list.count;
}

void OrderTable::forget_oldest_closed() noexcept {
  Order& order = pool_[closed_.first];
  unlink(closed_, order);
  for (std::uint32_t i = 0; i < order.cl_ord_id_count; ++i) {
    by_cl_ord_id_.erase(hash_of(order.cl_ord_ids[i]), order.slot);
  }
  by_client_order_id_.erase(hash_of(order.state.client_order_id), order.slot);
  free_.push_back(order.slot);
}

std::uint64_t OrderTable::hash_of(ClOrdId id) noexcept {
  StateHash hash;
  hash.add(id.value());
  return hash.value();
}

std::uint64_t OrderTable::hash_of(const ClientOrderId& id) noexcept {
  StateHash hash;
  hash.add(id);
  return hash.value();
}

}  // namespace stoa::oms
