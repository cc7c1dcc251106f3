#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "model/instrument.h"

namespace stoa::venues::binance {

/// Which of the exchanges a symbol belongs to: BTCUSDT is traded on two of them.
enum class Market : std::uint8_t { Spot, UsdM, CoinM };
inline constexpr std::uint8_t kMarkets = 3;
/// "spot", "usdm", "cm".
[[nodiscard]] std::string_view to_string(Market market) noexcept;

/// The market of a symbol whose frames show futures fields, or not. COIN-M names end their pair in
/// USD and go on behind an underscore ("BTCUSD_PERP", "ETHUSD_240927"); USD-M's do not.
[[nodiscard]] Market market_of(std::string_view symbol, bool futures) noexcept;

/// Rules of the instruments that this project knows by heart, with the public fee rates without
/// discounts; `venue` is left empty. COIN-M is inverse (a contract is a fixed amount of USD), which
/// the ledger does not model: those are not tradable.
///
/// source  exchangeInfo of each market, as of August 2024
[[nodiscard]] std::optional<Instrument> known_instrument(Market market,
                                                         std::string_view symbol) noexcept;

/// What can be said of a symbol outside the table: its market's fees, and base and quote where the
/// name ends in a currency that is known to quote. No id, no steps.
[[nodiscard]] Instrument unknown_instrument(Market market, std::string_view symbol) noexcept;

/// Partial book streams say so only in their name: `@depth` with a number behind it.
[[nodiscard]] bool is_partial_depth(std::string_view stream) noexcept;

}  // namespace stoa::venues::binance
