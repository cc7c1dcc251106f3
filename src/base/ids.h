#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>

namespace stoa {

/// An integer that names one kind of thing; ids of different kinds do not mix. Zero is "none" only
/// where a field says so.
template <class Tag, class Integer>
class Id {
 public:
  using Value = Integer;

  constexpr Id() noexcept = default;
  explicit constexpr Id(Integer value) noexcept : value_{value} {}

  [[nodiscard]] constexpr Integer value() const noexcept { return value_; }
  friend constexpr auto operator<=>(Id, Id) = default;

 private:
  Integer value_ = 0;
};

/// What is traded at one venue; assigned by reference data, never a hash. 0 means "every
/// instrument" in commands.
using InstrumentId = Id<struct InstrumentTag, std::uint32_t>;
/// A strategy of this platform; 0 is a person or a program at the API.
using StrategyId = Id<struct StrategyTag, std::uint16_t>;
using AccountId = Id<struct AccountTag, std::uint16_t>;
/// A record's position in its domain's log, from 1; 0 is "before the first".
using Lsn = Id<struct LsnTag, std::uint64_t>;
/// Our id for one request to a venue (FIX 11): the lsn of the intent that caused it, so a replay
/// derives the same.
using ClOrdId = Id<struct ClOrdTag, std::uint64_t>;
/// The venue's id of an order (FIX 37); 0 until it is known.
using OrderId = Id<struct OrderTag, std::uint64_t>;
/// The venue's id of one execution (FIX 17), the dedupe key of fills.
using ExecId = Id<struct ExecTag, std::uint64_t>;
/// The venue's id of a public trade.
using TradeId = Id<struct TradeTag, std::uint64_t>;

}  // namespace stoa

template <class Tag, class Integer>
struct std::hash<stoa::Id<Tag, Integer>> {
  [[nodiscard]] std::size_t operator()(stoa::Id<Tag, Integer> id) const noexcept {
    // Fibonacci hashing: consecutive ids spread over the table.
    return static_cast<std::size_t>(static_cast<std::uint64_t>(id.value()) *
                                    0x9E37'79B9'7F4A'7C15ULL);
  }
};
