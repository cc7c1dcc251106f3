#include "venues/replay/fill_model.h"

#include <algorithm>
#include <optional>
#include <vector>

#include "base/price.h"
#include "base/qty.h"
#include "book/order_book.h"
#include "model/market.h"
#include "model/types.h"

namespace stoa::venues::replay {
namespace {

/// `a` stands before `b` in a queue of `side`.
bool better(Side side, Price a, Price b) noexcept { return side == Side::Buy ? a > b : a < b; }

/// An order of `side` at `limit` may trade at `px`.
bool reaches(Side side, Price limit, Price px) noexcept {
  return side == Side::Buy ? px <= limit : px >= limit;
}

bool reaches(const PaperOrder& order, Price px) noexcept {
  return order.type == OrderType::Market || reaches(order.side, order.px, px);
}

/// Fills and ends the order when nothing is left.
void fill(PaperOrder& order, Price px, Qty qty, Liquidity liquidity,
          std::vector<PaperFill>& fills) {
  order.cum_qty += qty;
  if (order.cum_qty == order.order_qty) order.open = false;
  fills.push_back({.order = &order, .px = px, .qty = qty, .liquidity = liquidity});
}

}  // namespace

Qty FillModel::available(Side side, const Level& level) const noexcept {
  for (const Taken& one : taken(side)) {
    if (one.px == level.px && one.displayed == level.qty) return whole(level.qty - one.qty);
  }
  return whole(level.qty);
}

void FillModel::mark_taken(Side side, const Level& level, Qty qty) {
  for (Taken& one : taken(side)) {
    if (one.px != level.px) continue;
    one.qty += qty;
    return;
  }
  taken(side).push_back({.px = level.px, .qty = qty, .displayed = level.qty});
}

void FillModel::forget_changed(const book::OrderBook& book) {
  for (const Side side : {Side::Buy, Side::Sell}) {
    std::erase_if(taken(side),
                  [&](const Taken& one) { return book.level_qty(side, one.px) != one.displayed; });
  }
}

RejectCode FillModel::refusal(const PaperOrder& order, const book::OrderBook* book) const {
  const bool may_rest =
      order.type == OrderType::Limit &&
      (order.time_in_force == TimeInForce::Gtc || order.time_in_force == TimeInForce::Gtx);
  if (book == nullptr) return may_rest ? RejectCode::None : RejectCode::NoLiquidity;
  const Side from = opposite(order.side);
  Qty reachable{};
  for (const Level& level : book->levels(from)) {
    if (!reaches(order, level.px) || reachable >= order.leaves_qty()) break;
    reachable += available(from, level);
    // Post-only asks whether the level is there, not whether we have taken it already.
    if (order.time_in_force == TimeInForce::Gtx) return RejectCode::PostOnlyWouldTake;
  }
  if (order.time_in_force == TimeInForce::Fok && reachable < order.leaves_qty()) {
    return RejectCode::FokNotFillable;
  }
  if (order.type == OrderType::Market && reachable.is_zero()) return RejectCode::NoLiquidity;
  return RejectCode::None;
}

void FillModel::take(PaperOrder& order, const book::OrderBook* book,
                     std::vector<PaperFill>& fills) {
  if (book != nullptr) walk(order, *book, std::nullopt, fills);
}

/// Through the levels that the order reaches: as taker at their prices, as maker at its own (`at`).
void FillModel::walk(PaperOrder& order, const book::OrderBook& book, std::optional<Price> at,
                     std::vector<PaperFill>& fills) {
  const Side from = opposite(order.side);
  for (const Level& level : book.levels(from)) {
    if (!order.open || !reaches(order, level.px)) break;
    const Qty qty = std::min(order.leaves_qty(), available(from, level));
    if (qty.is_zero()) continue;
    mark_taken(from, level, qty);
    fill(order, at.value_or(level.px), qty, at ? Liquidity::Maker : Liquidity::Taker, fills);
  }
}

void FillModel::rest(PaperOrder& order, const book::OrderBook* book) {
  order.ahead.reset();
  if (book != nullptr) order.ahead = book->level_qty(order.side, order.px);
  Resting& side = resting(order.side);
  const auto at = std::upper_bound(
      side.begin(), side.end(), order.px,
      [&](Price px, const PaperOrder* other) { return better(order.side, px, other->px); });
  side.insert(at, &order);
}

void FillModel::remove(const PaperOrder& order) noexcept {
  std::erase(resting(order.side), &order);
}

void FillModel::drop_filled(Resting& side) noexcept {
  std::erase_if(side, [](const PaperOrder* order) { return !order->open; });
}

void FillModel::on_trade(const Trade& trade, std::vector<PaperFill>& fills) {
  Qty left = trade.qty;  // given out once, whoever of ours it reaches
  bool any_done = false;
  for (const Side side : {Side::Buy, Side::Sell}) {
    for (PaperOrder* order : resting(side)) {
      if (left.is_zero() || !reaches(side, order->px, trade.px)) break;
      const bool through = order->px != trade.px;
      // At our price only takers of the other side come to our queue.
      if (!through && trade.taker_side == side) break;
      if (through) order->ahead = Qty{};
      // A queue that no book has shown is taken as endless.
      if (!order->ahead) continue;
      const Qty past = whole(left - std::min(left, *order->ahead));
      order->ahead = *order->ahead - std::min(left, *order->ahead);
      const Qty qty = std::min(past, order->leaves_qty());
      if (qty.is_zero()) continue;
      fill(*order, order->px, qty, Liquidity::Maker, fills);
      left -= qty;
      any_done = any_done || !order->open;
    }
  }
  if (!any_done) return;
  drop_filled(bids_);
  drop_filled(asks_);
}

void FillModel::on_book(const book::OrderBook* book, std::vector<PaperFill>& fills) {
  if (book == nullptr) {
    // Another book will come: nothing that was taken can be found in it again.
    taken_bids_.clear();
    taken_asks_.clear();
    return;
  }
  forget_changed(*book);
  for (const Side side : {Side::Buy, Side::Sell}) {
    for (PaperOrder* order : resting(side)) {
      const Qty displayed = book->level_qty(side, order->px);
      order->ahead = std::min(order->ahead.value_or(displayed), displayed);
      walk(*order, *book, order->px, fills);
    }
    drop_filled(resting(side));
  }
}

}  // namespace stoa::venues::replay
