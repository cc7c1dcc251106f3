#pragma once

#include <unordered_map>

#include "base/ids.h"
#include "book/order_book.h"
#include "model/market.h"
#include "model/types.h"

namespace stoa::book {

/// The books of every instrument seen on a feed. One owner; a book's address holds for the life of
/// the table.
class Books {
 public:
  /// Takes one book message, or one part of it; a new instrument gets its book here.
  Applied apply(const BookView& view) { return books_[view.head.instrument].apply(view); }
  /// A feed that is not live makes its book void (instrument 0: every book).
  void apply(const FeedState& state) noexcept {
    if (state.status == FeedStatus::Live) return;
    for (auto& [instrument, book] : books_) {
      if (state.instrument == InstrumentId{} || instrument == state.instrument) book.clear();
    }
  }

  /// Makes room ahead of the first message, for callers that must not allocate later.
  OrderBook& add(InstrumentId instrument) { return books_[instrument]; }
  /// Nothing for an instrument without any message yet.
  [[nodiscard]] const OrderBook* find(InstrumentId instrument) const noexcept {
    const auto at = books_.find(instrument);
    return at == books_.end() ? nullptr : &at->second;
  }

 private:
  std::unordered_map<InstrumentId, OrderBook> books_;
};

}  // namespace stoa::book
