#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "base/clock.h"
#include "base/ids.h"
#include "base/price.h"
#include "base/qty.h"
#include "book/order_book.h"
#include "model/market.h"
#include "model/order.h"
#include "model/types.h"

namespace stoa::venues::replay {

/// One of our orders as the replayed venue knows it. Its address is its identity.
struct PaperOrder {
  ClOrdId cl_ord_id{};
  ClOrdId previous_cl_ord_id{};  // before the last replace; 0: none
  OrderId order_id{};
  InstrumentId instrument{};
  Side side = Side::Buy;
  OrderType type = OrderType::Limit;
  TimeInForce time_in_force = TimeInForce::Gtc;
  bool open = true;
  Price px{};
  Qty order_qty{};
  Qty cum_qty{};
  std::optional<Qty> ahead{};  // queue in front at our price; nothing: no book has shown it yet

  [[nodiscard]] Qty leaves_qty() const noexcept { return open ? order_qty - cum_qty : Qty{}; }
};

/// A trade of one of our orders with the recording.
struct PaperFill {
  PaperOrder* order = nullptr;
  Price px{};
  Qty qty{};
  Liquidity liquidity = Liquidity::None;
};

/// What the recorded market would have done to our orders in one instrument. Our fills never change
/// the recording, and our orders never meet each other. Where the recording leaves a choice, the
/// model takes the one that fills us less:
///
/// taker   walks the displayed levels at arrival, at their prices; what it takes of a level stays
///         taken until the recording shows another quantity there
/// queue   a resting order stands behind all that is displayed at its price when it arrives (or
/// when
///         a book first shows it). Recorded trades at the price by takers of the other side eat
///         the queue, then fill us, in order of arrival; a trade's quantity is given out once
///         The queue also shrinks to the level's quantity when that falls below it: cancels in
///         front of us count only when they must have been in front of us
/// through a trade beyond our price fills us at our price, up to the trade's own quantity
/// crossed when the recorded opposite side reaches our price it fills us at our price, up to what
/// is
///         displayed there and not yet taken
///
/// thread  one owner, with the orders it borrows
class FillModel {
 public:
  /// Fills are whole lots: displayed quantities can hold dust that no order could trade with.
  explicit FillModel(Qty lot) noexcept : lot_{lot} {}

  /// Why a venue would refuse the order on arrival, `None` when it would not. `book` is null while
  /// the recording has none: then only orders that may rest are taken.
  [[nodiscard]] RejectCode refusal(const PaperOrder& order, const book::OrderBook* book) const;

  /// An order arrives: it takes what it may. What is left is the caller's to `rest` or to end.
  void take(PaperOrder& order, const book::OrderBook* book, std::vector<PaperFill>& fills);
  /// Puts a limit order behind everything displayed at its price. It must stay where it is in
  /// memory until `remove`.
  void rest(PaperOrder& order, const book::OrderBook* book);
  void remove(const PaperOrder& order) noexcept;

  /// Orders that this fills are taken out.
  void on_trade(const Trade& trade, std::vector<PaperFill>& fills);
  /// After any change of the book; null when it went.
  void on_book(const book::OrderBook* book, std::vector<PaperFill>& fills);

 private:
  struct Taken {
    Price px{};
    Qty qty{};
    Qty displayed{};  // another quantity in the recording makes it a new level
  };
  using Resting = std::vector<PaperOrder*>;  // best price first, then order of arrival

  [[nodiscard]] Qty available(Side side, const Level& level) const noexcept;
  void mark_taken(Side side, const Level& level, Qty qty);
  void forget_changed(const book::OrderBook& book);
  void walk(PaperOrder& order, const book::OrderBook& book, std::optional<Price> at,
            std::vector<PaperFill>& fills);
  void drop_filled(Resting& resting) noexcept;
  [[nodiscard]] Resting& resting(Side side) noexcept { return side == Side::Buy ? bids_ : asks_; }
  [[nodiscard]] std::vector<Taken>& taken(Side side) noexcept {
    return side == Side::Buy ? taken_bids_ : taken_asks_;
  }
  [[nodiscard]] const std::vector<Taken>& taken(Side side) const noexcept {
    return side == Side::Buy ? taken_bids_ : taken_asks_;
  }

  /// The whole lots in a quantity.
  [[nodiscard]] Qty whole(Qty qty) const noexcept {
    return Qty::from_e8(qty.e8() - qty.e8() % lot_.e8());
  }

  Qty lot_;
  Resting bids_;
  Resting asks_;
  std::vector<Taken> taken_bids_;  // of the recorded bids
  std::vector<Taken> taken_asks_;
};

}  // namespace stoa::venues::replay
