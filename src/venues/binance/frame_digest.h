#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <type_traits>
#include <variant>

#include "base/state_hash.h"
#include "model/market.h"
#include "venues/binance/parse.h"

namespace stoa::venues::binance {

namespace detail {

inline void add_text(StateHash& hash, std::string_view text) noexcept {
  hash.add(static_cast<std::uint64_t>(text.size()));
  hash.add_bytes(std::as_bytes(std::span{text}));
}

inline void add_levels(StateHash& hash, std::span<const Level> levels) noexcept {
  hash.add(static_cast<std::uint64_t>(levels.size()));
  for (const Level& level : levels) {
    hash.add(level.px.e8());
    hash.add(level.qty.e8());
  }
}

}  // namespace detail

/// Digest of everything a frame says, levels included: two decoders agree when their digests do.
/// For tests, fuzzing and benchmark checksums.
[[nodiscard]] inline std::uint64_t digest(const Frame& frame) noexcept {
  StateHash hash;
  hash.add(static_cast<std::uint64_t>(frame.index()));
  std::visit(
      [&hash](const auto& one) {
        using T = std::remove_cvref_t<decltype(one)>;
        if constexpr (std::is_same_v<T, OtherFrame>) {
          detail::add_text(hash, one.event);
        } else {
          detail::add_text(hash, one.symbol);
        }
        if constexpr (std::is_same_v<T, TradeFrame>) {
          hash.add(one.trade);
          hash.add(one.futures);
        } else if constexpr (std::is_same_v<T, QuoteFrame>) {
          hash.add(one.quote);
          hash.add(one.futures);
        } else if constexpr (std::is_same_v<T, DepthFrame>) {
          hash.add(one.first_update_id);
          hash.add(one.last_update_id);
          hash.add(one.prev_update_id.value_or(0));
          hash.add(one.prev_update_id.has_value());
          hash.add(one.ts_event.ns());
        } else if constexpr (std::is_same_v<T, SnapshotFrame>) {
          hash.add(one.last_update_id);
          hash.add(one.ts_event.ns());
          hash.add(one.partial);
          hash.add(one.futures);
        }
        if constexpr (std::is_same_v<T, DepthFrame> || std::is_same_v<T, SnapshotFrame>) {
          detail::add_levels(hash, one.bids);
          detail::add_levels(hash, one.asks);
        }
      },
      frame);
  return hash.value();
}

}  // namespace stoa::venues::binance
