#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <list>
#include <map>
#include <optional>
#include <vector>

#include "book/matching/types.h"
#include "model/types.h"

namespace stoa::book::matching {

/// The matching engine once more, written to be read: a map of lists a side, and searching instead
/// of indexes. What `Engine` must agree with event for event; for tests and fuzzing only.
class Reference {
 public:
  Reference(std::uint32_t orders_max, SelfTrade self_trade)
      : orders_max_{orders_max}, self_trade_{self_trade} {}

  template <class Sink>
  Result submit(const NewOrder& order, Sink& sink) {
    const Refusal refusal = refusal_of(order);
    if (refusal != Refusal::None) return {.refusal = refusal};
    const bool rests = order.type == OrderType::Limit && (order.time_in_force == TimeInForce::Gtc ||
                                                          order.time_in_force == TimeInForce::Gtx);
    Resting inbound{.id = order.id,
                    .owner = order.owner,
                    .side = order.side,
                    .post_only = order.time_in_force == TimeInForce::Gtx,
                    .px = order.type == OrderType::Limit ? order.px : 0,
                    .qty = order.qty};
    const bool stopped = match(inbound, limit_of(order), sink);
    Result result{.filled = order.qty - inbound.qty};
    if (inbound.qty == 0) return result;
    if (stopped || !rests) {
      sink.on_cancel(
          cancel_of(inbound, stopped ? CancelCause::SelfTrade : CancelCause::NoLiquidity));
      return result;
    }
    result.resting = inbound.qty;
    add(inbound, sink);
    return result;
  }

  template <class Sink>
  Refusal cancel(std::uint64_t id, Sink& sink) {
    const auto order = find(id);
    if (!order) return Refusal::UnknownOrder;
    sink.on_cancel(cancel_of(*order, CancelCause::Requested));
    remove(*order, sink);
    return Refusal::None;
  }

  template <class Sink>
  Result replace(const Replacement& change, Sink& sink) {
    auto order = find(change.id);
    if (!order) return {.refusal = Refusal::UnknownOrder};
    if (change.qty < 1 || change.qty > kLotsMax) return {.refusal = Refusal::InvalidQty};
    if (change.px < kTicksMin || change.px > kTicksMax) return {.refusal = Refusal::InvalidPrice};
    if (change.px == order->px && change.qty <= order->qty) {
      for (Resting& each : side(order->side)[order->px]) {
        if (each.id == change.id) each.qty = change.qty;
      }
      sink.on_level(level_at(order->side, order->px));
      return {.resting = change.qty};
    }
    if (order->post_only && crosses(order->side, change.px)) {
      return {.refusal = Refusal::PostOnlyWouldTake};
    }
    remove(*order, sink);
    order->px = change.px;
    order->qty = change.qty;
    const bool stopped = match(*order, change.px, sink);
    Result result{.filled = change.qty - order->qty};
    if (order->qty == 0) return result;
    if (stopped) {
      sink.on_cancel(cancel_of(*order, CancelCause::SelfTrade));
      return result;
    }
    result.resting = order->qty;
    add(*order, sink);
    return result;
  }

  /// Every resting order of a side, in the order in which it would trade.
  [[nodiscard]] std::vector<Resting> orders(Side which) const {
    std::vector<Resting> result;
    for (const auto& [px, queue] : sides_[index_of(which)]) {
      if (which == Side::Sell) {
        result.insert(result.end(), queue.begin(), queue.end());
      } else {
        result.insert(result.begin(), queue.begin(), queue.end());
      }
    }
    return result;
  }

 private:
  using Queues = std::map<Ticks, std::list<Resting>>;

  [[nodiscard]] static std::size_t index_of(Side which) { return which == Side::Buy ? 0 : 1; }
  [[nodiscard]] Queues& side(Side which) { return sides_[index_of(which)]; }

  [[nodiscard]] static Ticks limit_of(const NewOrder& order) {
    if (order.type == OrderType::Limit) return order.px;
    return order.side == Side::Buy ? kTicksMax : kTicksMin;
  }
  [[nodiscard]] static Cancel cancel_of(const Resting& order, CancelCause cause) {
    return {.id = order.id,
            .owner = order.owner,
            .side = order.side,
            .cause = cause,
            .px = order.px,
            .qty = order.qty};
  }
  [[nodiscard]] LevelChange level_at(Side which, Ticks px) const {
    LevelChange level{.side = which, .px = px, .qty = 0, .orders_count = 0};
    const auto found = sides_[index_of(which)].find(px);
    if (found == sides_[index_of(which)].end()) return level;
    for (const Resting& order : found->second) {
      level.qty += order.qty;
      ++level.orders_count;
    }
    return level;
  }
  [[nodiscard]] std::optional<Resting> find(std::uint64_t id) const {
    for (const Queues& queues : sides_) {
      for (const auto& [px, queue] : queues) {
        for (const Resting& order : queue) {
          if (order.id == id) return order;
        }
      }
    }
    return std::nullopt;
  }
  [[nodiscard]] std::optional<Ticks> best(Side which) const {
    const Queues& queues = sides_[index_of(which)];
    if (queues.empty()) return std::nullopt;
    return which == Side::Buy ? queues.rbegin()->first : queues.begin()->first;
  }
  [[nodiscard]] bool crosses(Side taker, Ticks limit) const {
    const auto other = best(opposite(taker));
    return other && (taker == Side::Buy ? limit >= *other : limit <= *other);
  }

  [[nodiscard]] Refusal refusal_of(const NewOrder& order) const {
    const bool is_limit = order.type == OrderType::Limit;
    if (order.qty < 1 || order.qty > kLotsMax) return Refusal::InvalidQty;
    if (is_limit && (order.px < kTicksMin || order.px > kTicksMax)) return Refusal::InvalidPrice;
    if (!is_limit && order.time_in_force == TimeInForce::Gtx) return Refusal::InvalidType;
    if (find(order.id)) return Refusal::DuplicateId;
    const bool takes = crosses(order.side, limit_of(order));
    if (order.time_in_force == TimeInForce::Gtx && takes) return Refusal::PostOnlyWouldTake;
    if (order.time_in_force == TimeInForce::Fok && !fillable(order)) return Refusal::FokNotFillable;
    const bool only_rests = is_limit && !takes && order.time_in_force != TimeInForce::Ioc;
    if (only_rests && orders(Side::Buy).size() + orders(Side::Sell).size() >= orders_max_) {
      return Refusal::BookFull;
    }
    return Refusal::None;
  }

  /// Tries a FOK order on a copy of the book.
  [[nodiscard]] bool fillable(const NewOrder& order) const {
    struct Nowhere {
      void on_fill(const Fill&) {}
      void on_cancel(const Cancel&) {}
      void on_level(const LevelChange&) {}
    } nowhere;
    Reference copy{*this};
    Resting inbound{.id = order.id,
                    .owner = order.owner,
                    .side = order.side,
                    .post_only = false,
                    .px = order.px,
                    .qty = order.qty};
    copy.match(inbound, limit_of(order), nowhere);
    return inbound.qty == 0;
  }

  /// Answers whether self-trade prevention stopped it.
  template <class Sink>
  bool match(Resting& inbound, Ticks limit, Sink& sink) {
    const Side makers = opposite(inbound.side);
    bool stopped = false;
    while (inbound.qty > 0 && !stopped && crosses(inbound.side, limit)) {
      const Ticks px = *best(makers);
      std::list<Resting>& queue = side(makers)[px];
      while (inbound.qty > 0 && !stopped && !queue.empty()) {
        Resting& maker = queue.front();
        if (inbound.owner != 0 && maker.owner == inbound.owner) {
          stopped = self_trade_ != SelfTrade::ExpireMaker;
          if (self_trade_ == SelfTrade::ExpireTaker) break;
          sink.on_cancel(cancel_of(maker, CancelCause::SelfTrade));
          queue.pop_front();
          continue;
        }
        const Lots qty = std::min(inbound.qty, maker.qty);
        inbound.qty -= qty;
        maker.qty -= qty;
        sink.on_fill({.maker_id = maker.id,
                      .taker_id = inbound.id,
                      .maker_owner = maker.owner,
                      .taker_owner = inbound.owner,
                      .taker_side = inbound.side,
                      .px = px,
                      .qty = qty,
                      .maker_leaves = maker.qty,
                      .taker_leaves = inbound.qty});
        if (maker.qty == 0) queue.pop_front();
      }
      sink.on_level(level_at(makers, px));
      if (queue.empty()) side(makers).erase(px);
    }
    return stopped;
  }

  template <class Sink>
  void add(const Resting& order, Sink& sink) {
    side(order.side)[order.px].push_back(order);
    sink.on_level(level_at(order.side, order.px));
  }

  template <class Sink>
  void remove(const Resting& order, Sink& sink) {
    std::list<Resting>& queue = side(order.side)[order.px];
    queue.remove_if([&](const Resting& each) { return each.id == order.id; });
    sink.on_level(level_at(order.side, order.px));
    if (queue.empty()) side(order.side).erase(order.px);
  }

  std::uint32_t orders_max_;
  SelfTrade self_trade_;
  std::array<Queues, 2> sides_;
};

}  // namespace stoa::book::matching
