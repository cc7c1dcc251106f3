#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/clock.h"
#include "base/ids.h"
#include "base/uint256.h"
#include "model/token_amount.h"

namespace stoa {

// What pools of automated market makers say, in the chain's own integers. `block`, `tx_hash` and
// `log_index` are an event's place on the chain and its dedupe key; `ts_event` is the block's time.

/// An account or a contract.
using ChainAddress = std::array<std::byte, 20>;
using TxHash = std::array<std::byte, 32>;

/// A swap in a pool. Amounts are seen from the pool: positive came in, negative went out.
struct PoolSwap {
  InstrumentId instrument{};
  std::uint32_t chain_id = 0;  // EIP-155: 1 Ethereum, 137 Polygon
  ChainAddress pool{};
  std::uint32_t log_index = 0;  // place of the event in its block
  std::uint64_t block = 0;
  TxHash tx_hash{};
  TokenAmount amount0{};
  TokenAmount amount1{};
  Uint256 sqrt_price_x96{};  // after the swap: sqrt(token1 / token0) x 2^96; 0 for constant product
  Uint256 liquidity{};       // in range after the swap; 0 for constant product
  std::int32_t tick = 0;     // after the swap
  std::uint32_t reserved = 0;
  Timestamp ts_event{};
};

/// Liquidity came into a pool.
struct PoolMint {
  InstrumentId instrument{};
  std::uint32_t chain_id = 0;
  ChainAddress pool{};
  std::uint32_t log_index = 0;
  std::uint64_t block = 0;
  TxHash tx_hash{};
  ChainAddress owner{};
  std::int32_t tick_lower = 0;  // both 0 for constant product: the whole range
  std::int32_t tick_upper = 0;
  std::uint32_t reserved = 0;
  Uint256 liquidity{};  // added
  TokenAmount amount0{};
  TokenAmount amount1{};
  Timestamp ts_event{};
};

/// Liquidity was taken out of a pool; fields as in PoolMint.
struct PoolBurn {
  InstrumentId instrument{};
  std::uint32_t chain_id = 0;
  ChainAddress pool{};
  std::uint32_t log_index = 0;
  std::uint64_t block = 0;
  TxHash tx_hash{};
  ChainAddress owner{};
  std::int32_t tick_lower = 0;
  std::int32_t tick_upper = 0;
  std::uint32_t reserved = 0;
  Uint256 liquidity{};  // taken out
  TokenAmount amount0{};
  TokenAmount amount1{};
  Timestamp ts_event{};
};

/// One initialised tick of a concentrated pool, whole: what crossing it does to the liquidity.
struct PoolTick {
  InstrumentId instrument{};
  std::uint32_t chain_id = 0;
  ChainAddress pool{};
  std::int32_t tick = 0;
  std::uint64_t block = 0;
  Uint256 liquidity_gross{};    // 0: the tick is no longer initialised
  TokenAmount liquidity_net{};  // added when the price crosses upwards; no decimals
  Timestamp ts_event{};
};

/// The reserves of a constant-product pool after a change, whole.
struct PoolSync {
  InstrumentId instrument{};
  std::uint32_t chain_id = 0;
  ChainAddress pool{};
  std::uint32_t log_index = 0;
  std::uint64_t block = 0;
  TxHash tx_hash{};
  TokenAmount reserve0{};
  TokenAmount reserve1{};
  Timestamp ts_event{};
};

enum class PoolKind : std::uint8_t { ConstantProduct, Concentrated };
inline constexpr std::uint8_t kPoolKinds = 2;
[[nodiscard]] std::string_view to_string(PoolKind value) noexcept;  // "constant_product"

/// A pool as it stands at the end of `block`, whole: what a reader begins with.
struct PoolState {
  InstrumentId instrument{};
  std::uint32_t chain_id = 0;
  ChainAddress pool{};
  std::int32_t tick = 0;
  std::uint64_t block = 0;
  ChainAddress token0{};
  ChainAddress token1{};
  std::uint32_t fee_e6 = 0;       // of the amount that goes in, x 1e6: 0.3 % is 3000
  std::int32_t tick_spacing = 0;  // 0 for constant product
  PoolKind kind = PoolKind::ConstantProduct;
  std::array<std::uint8_t, 7> reserved{};
  Uint256 sqrt_price_x96{};  // 0 for constant product
  Uint256 liquidity{};       // 0 for constant product
  TokenAmount reserve0{};    // what the pool holds, with the token's decimals
  TokenAmount reserve1{};
  Timestamp ts_event{};
};

/// What gas costs on a chain, whole, per unit of gas in the chain's coin.
struct GasPrice {
  std::uint32_t chain_id = 0;
  std::uint32_t reserved = 0;
  std::uint64_t block = 0;
  TokenAmount base_fee{};      // of the next block
  TokenAmount priority_fee{};  // that got transactions in lately
  std::uint64_t gas_used = 0;  // of this block, units of gas
  std::uint64_t gas_limit = 0;
  Timestamp ts_event{};
};

}  // namespace stoa
