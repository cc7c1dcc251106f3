#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>

#include "book/matching/ladder.h"
#include "book/matching/order_pool.h"
#include "book/matching/types.h"
#include "model/types.h"

namespace stoa::book::matching {

/// Price-time matching for one instrument: limit and market; GTC, IOC, FOK, GTX; cancel; replace;
/// self-trade prevention. An inbound order trades with the best price first, and at one price with
/// the oldest order first, at the resting order's price.
///
/// Events go to a `Sink`, during the call and in the order in which they happen:
///   on_fill(const Fill&)            one trade
///   on_cancel(const Cancel&)        an order or a remainder ended without a trade
///   on_level(const LevelChange&)    a level after everything that the request did to it
/// A sink must not call the engine.
///
/// thread   one owner
/// cost     constant per request and per order traded with, no allocation after construction;
///          prices more than 2,048 ticks from the touch cost a map lookup, FOK reads the orders it
///          would trade with
/// replay   the same requests give the same events; nothing depends on hash order, time or chance
/// bounds   `orders_max` resting orders; one more is refused with BookFull unless it can trade
class Engine {
 public:
  struct Options {
    std::uint32_t orders_max = 65'536;  // up to kOrdersMax
    SelfTrade self_trade = SelfTrade::ExpireTaker;
  };

  explicit Engine(const Options& options)
      : self_trade_{options.self_trade}, pool_{options.orders_max}, ladder_{options.orders_max} {}
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  /// Matches an order and rests what is left of a GTC or GTX limit order; what is left of any other
  /// is cancelled with NoLiquidity.
  template <class Sink>
  [[nodiscard]] Result submit(const NewOrder& order, Sink& sink) {
    if (const Refusal refusal = refuse(order); refusal != Refusal::None) [[unlikely]] {
      return {.refusal = refusal};
    }
    return order.side == Side::Buy ? submit_side<Side::Buy>(order, sink)
                                   : submit_side<Side::Sell>(order, sink);
  }

  /// errors  UnknownOrder
  template <class Sink>
  [[nodiscard]] Refusal cancel(std::uint64_t id, Sink& sink) {
    const Slot slot = pool_.find(id);
    if (slot == kNoSlot) return Refusal::UnknownOrder;
    const Order& order = pool_[slot];
    const Cancel gone{.id = id,
                      .owner = order.owner,
                      .side = order.side,
                      .cause = CancelCause::Requested,
                      .px = order.px,
                      .qty = order.qty};
    sink.on_cancel(gone);
    if (order.side == Side::Buy) {
      unlink<Side::Buy>(slot, sink);
    } else {
      unlink<Side::Sell>(slot, sink);
    }
    pool_.release(slot);
    return Refusal::None;
  }

  /// Changes a resting order; see `Replacement`. A post-only order stays post-only.
  ///
  /// errors  UnknownOrder, InvalidQty, InvalidPrice, PostOnlyWouldTake: the order rests unchanged
  template <class Sink>
  [[nodiscard]] Result replace(const Replacement& change, Sink& sink) {
    const Slot slot = pool_.find(change.id);
    if (slot == kNoSlot) return {.refusal = Refusal::UnknownOrder};
    return pool_[slot].side == Side::Buy ? replace_side<Side::Buy>(slot, change, sink)
                                         : replace_side<Side::Sell>(slot, change, sink);
  }

  [[nodiscard]] std::uint32_t orders_count() const noexcept { return pool_.count(); }
  [[nodiscard]] std::optional<Resting> find(std::uint64_t id) const noexcept {
    const Slot slot = pool_.find(id);
    if (slot == kNoSlot) return std::nullopt;
    return resting(pool_[slot]);
  }
  /// Best price of a side; nothing when it has no orders.
  [[nodiscard]] std::optional<Ticks> best(Side side) const noexcept {
    const Ticks px = side == Side::Buy ? ladder_.best<Side::Buy>() : ladder_.best<Side::Sell>();
    if (px == Ladder::kNoBid || px == Ladder::kNoAsk) return std::nullopt;
    return px;
  }
  /// Open quantity at a price; 0 when there is none.
  [[nodiscard]] Lots qty_at(Side side, Ticks px) const noexcept {
    const PriceLevel* level = ladder_.find(side, px);
    return level == nullptr ? 0 : level->qty;
  }
  /// Distinct prices on a side.
  [[nodiscard]] std::size_t levels_count(Side side) const noexcept { return ladder_.count(side); }
  /// Calls `visit(const LevelChange&)` best first until it answers false.
  template <class Visit>
  void for_each_level(Side side, Visit&& visit) const {
    ladder_.for_each(side, [&](Ticks px, const PriceLevel& level) {
      return visit(LevelChange{
          .side = side, .px = px, .qty = level.qty, .orders_count = level.orders_count});
    });
  }
  /// Calls `visit(const Resting&)` in the order in which a side would trade, until it answers
  /// false.
  template <class Visit>
  void for_each_order(Side side, Visit&& visit) const {
    ladder_.for_each(side, [&](Ticks, const PriceLevel& level) {
      for (Slot slot = level.head; slot != kNoSlot; slot = pool_[slot].next) {
        if (!visit(resting(pool_[slot]))) return false;
      }
      return true;
    });
  }

 private:
  /// An order on its way through the other side.
  struct Inbound {
    std::uint64_t id;
    Owner owner;
    Lots leaves;
    bool stopped = false;  // by self-trade prevention
  };

  [[nodiscard]] static Resting resting(const Order& order) noexcept {
    return {.id = order.id,
            .owner = order.owner,
            .side = order.side,
            .post_only = order.post_only,
            .px = order.px,
            .qty = order.qty};
  }
  [[nodiscard]] static bool valid_qty(Lots qty) noexcept { return qty >= 1 && qty <= kLotsMax; }
  [[nodiscard]] static bool valid_px(Ticks px) noexcept {
    return px >= kTicksMin && px <= kTicksMax;
  }
  template <Side S>
  [[nodiscard]] bool reaches(Ticks px) const noexcept {
    return S == Side::Buy ? px >= ladder_.best<Side::Sell>() : px <= ladder_.best<Side::Buy>();
  }
  /// A market order is a limit order at the end of the scale.
  template <Side S>
  [[nodiscard]] static Ticks limit_of(const NewOrder& order) noexcept {
    if (order.type == OrderType::Limit) return order.px;
    return S == Side::Buy ? kTicksMax : kTicksMin;
  }

  /// The checks that need no side.
  [[nodiscard]] Refusal refuse(const NewOrder& order) const noexcept {
    if (!valid_qty(order.qty)) return Refusal::InvalidQty;
    if (order.type == OrderType::Limit) {
      if (!valid_px(order.px)) return Refusal::InvalidPrice;
    } else if (order.time_in_force == TimeInForce::Gtx) {
      return Refusal::InvalidType;
    }
    return pool_.find(order.id) == kNoSlot ? Refusal::None : Refusal::DuplicateId;
  }

  template <Side S, class Sink>
  Result submit_side(const NewOrder& order, Sink& sink) {
    const Ticks limit = limit_of<S>(order);
    const bool may_rest =
        order.type == OrderType::Limit &&
        (order.time_in_force == TimeInForce::Gtc || order.time_in_force == TimeInForce::Gtx);
    if (!reaches<S>(limit)) {
      if (may_rest) {
        if (pool_.full()) return {.refusal = Refusal::BookFull};
        rest<S>(pool_.acquire(order.id), order, order.qty, sink);
        return {.resting = order.qty};
      }
      if (order.time_in_force == TimeInForce::Fok) return {.refusal = Refusal::FokNotFillable};
    } else if (order.time_in_force == TimeInForce::Gtx) {
      return {.refusal = Refusal::PostOnlyWouldTake};
    } else if (order.time_in_force == TimeInForce::Fok && !can_fill<S>(order, limit)) {
      return {.refusal = Refusal::FokNotFillable};
    }
    Inbound inbound{.id = order.id, .owner = order.owner, .leaves = order.qty};
    take<S>(inbound, limit, sink);
    const Lots filled = order.qty - inbound.leaves;
    if (inbound.leaves == 0) return {.filled = filled};
    if (inbound.stopped || !may_rest) {
      sink.on_cancel(
          Cancel{.id = order.id,
                 .owner = order.owner,
                 .side = S,
                 .cause = inbound.stopped ? CancelCause::SelfTrade : CancelCause::NoLiquidity,
                 .px = order.type == OrderType::Limit ? order.px : 0,
                 .qty = inbound.leaves});
      return {.filled = filled};
    }
    // It reached the other side and is not filled: at least one order left, so a slot is free.
    rest<S>(pool_.acquire(order.id), order, inbound.leaves, sink);
    return {.filled = filled, .resting = inbound.leaves};
  }

  template <Side S, class Sink>
  Result replace_side(Slot slot, const Replacement& change, Sink& sink) {
    Order& order = pool_[slot];
    if (!valid_qty(change.qty)) return {.refusal = Refusal::InvalidQty};
    if (!valid_px(change.px)) return {.refusal = Refusal::InvalidPrice};
    if (change.px == order.px && change.qty <= order.qty) {
      PriceLevel& level = ladder_.level(S, order.px);
      level.qty -= order.qty - change.qty;
      order.qty = change.qty;
      tell<S>(order.px, level, sink);
      return {.resting = change.qty};
    }
    if (order.post_only && reaches<S>(change.px)) return {.refusal = Refusal::PostOnlyWouldTake};
    unlink<S>(slot, sink);
    Inbound inbound{.id = order.id, .owner = order.owner, .leaves = change.qty};
    take<S>(inbound, change.px, sink);
    const Result result{.filled = change.qty - inbound.leaves,
                        .resting = inbound.stopped ? 0 : inbound.leaves};
    order.px = change.px;
    if (result.resting > 0) {
      order.qty = result.resting;
      link<S>(slot, sink);
      return result;
    }
    if (inbound.leaves > 0) {
      sink.on_cancel(Cancel{.id = order.id,
                            .owner = order.owner,
                            .side = S,
                            .cause = CancelCause::SelfTrade,
                            .px = order.px,
                            .qty = inbound.leaves});
    }
    pool_.release(slot);
    return result;
  }

  /// Trades with every order that the limit reaches, best level first.
  template <Side S, class Sink>
  void take(Inbound& inbound, Ticks limit, Sink& sink) {
    constexpr Side kMakers = opposite(S);
    while (inbound.leaves > 0 && !inbound.stopped && reaches<S>(limit)) {
      const Ticks px = ladder_.best<kMakers>();
      PriceLevel& level = ladder_.level(kMakers, px);
      take_level<S>(inbound, px, level, sink);
      tell<kMakers>(px, level, sink);
      if (level.orders_count == 0) ladder_.close<kMakers>(px);
    }
  }

  template <Side S, class Sink>
  void take_level(Inbound& inbound, Ticks px, PriceLevel& level, Sink& sink) {
    Slot slot = level.head;
    while (slot != kNoSlot && inbound.leaves > 0) {
      Order& maker = pool_[slot];
      if (inbound.owner != 0 && maker.owner == inbound.owner) [[unlikely]] {
        inbound.stopped = self_trade_ != SelfTrade::ExpireMaker;
        if (self_trade_ == SelfTrade::ExpireTaker) break;
        sink.on_cancel(Cancel{.id = maker.id,
                              .owner = maker.owner,
                              .side = opposite(S),
                              .cause = CancelCause::SelfTrade,
                              .px = px,
                              .qty = maker.qty});
        slot = drop_front(slot, level);
        if (inbound.stopped) break;
        continue;
      }
      const Lots qty = std::min(inbound.leaves, maker.qty);
      inbound.leaves -= qty;
      maker.qty -= qty;
      level.qty -= qty;
      sink.on_fill(Fill{.maker_id = maker.id,
                        .taker_id = inbound.id,
                        .maker_owner = maker.owner,
                        .taker_owner = inbound.owner,
                        .taker_side = S,
                        .px = px,
                        .qty = qty,
                        .maker_leaves = maker.qty,
                        .taker_leaves = inbound.leaves});
      if (maker.qty > 0) break;
      slot = drop_front(slot, level);
    }
    level.head = slot;
    if (slot == kNoSlot) {
      level.tail = kNoSlot;
    } else {
      pool_[slot].prev = kNoSlot;
    }
  }

  /// Takes the first order off a level; the caller mends the head. Answers the next one.
  [[nodiscard]] Slot drop_front(Slot slot, PriceLevel& level) noexcept {
    const Slot next = pool_[slot].next;
    level.qty -= pool_[slot].qty;
    --level.orders_count;
    pool_.release(slot);
    return next;
  }

  /// Whether all of a FOK order would trade now, given that its owner's orders never trade with it.
  template <Side S>
  [[nodiscard]] bool can_fill(const NewOrder& order, Ticks limit) const {
    Lots missing = order.qty;
    ladder_.for_each(opposite(S), [&](Ticks px, const PriceLevel& level) {
      if (S == Side::Buy ? px > limit : px < limit) return false;
      if (order.owner == 0) {
        missing -= std::min(missing, level.qty);
        return missing > 0;
      }
      for (Slot slot = level.head; slot != kNoSlot && missing > 0; slot = pool_[slot].next) {
        if (pool_[slot].owner != order.owner) {
          missing -= std::min(missing, pool_[slot].qty);
        } else if (self_trade_ != SelfTrade::ExpireMaker) {
          return false;  // would stop here
        }
      }
      return missing > 0;
    });
    return missing == 0;
  }

  template <Side S, class Sink>
  void rest(Slot slot, const NewOrder& order, Lots qty, Sink& sink) {
    Order& resting = pool_[slot];
    resting.px = order.px;
    resting.qty = qty;
    resting.owner = order.owner;
    resting.side = S;
    resting.post_only = order.time_in_force == TimeInForce::Gtx;
    link<S>(slot, sink);
  }

  /// To the end of the queue at its price.
  template <Side S, class Sink>
  void link(Slot slot, Sink& sink) {
    Order& order = pool_[slot];
    PriceLevel& level = ladder_.open<S>(order.px);
    order.prev = level.tail;
    order.next = kNoSlot;
    if (level.tail == kNoSlot) {
      level.head = slot;
    } else {
      pool_[level.tail].next = slot;
    }
    level.tail = slot;
    level.qty += order.qty;
    ++level.orders_count;
    tell<S>(order.px, level, sink);
  }

  /// Out of its queue; the order itself stays as it is.
  template <Side S, class Sink>
  void unlink(Slot slot, Sink& sink) {
    const Order& order = pool_[slot];
    PriceLevel& level = ladder_.level(S, order.px);
    (order.prev == kNoSlot ? level.head : pool_[order.prev].next) = order.next;
    (order.next == kNoSlot ? level.tail : pool_[order.next].prev) = order.prev;
    level.qty -= order.qty;
    --level.orders_count;
    tell<S>(order.px, level, sink);
    if (level.orders_count == 0) ladder_.close<S>(order.px);
  }

  template <Side S, class Sink>
  static void tell(Ticks px, const PriceLevel& level, Sink& sink) {
    sink.on_level(
        LevelChange{.side = S, .px = px, .qty = level.qty, .orders_count = level.orders_count});
  }

  SelfTrade self_trade_;
  OrderPool pool_;
  Ladder ladder_;
};

}  // namespace stoa::book::matching
