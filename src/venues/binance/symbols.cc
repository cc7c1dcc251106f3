#include "venues/binance/symbols.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "base/ids.h"
#include "base/price.h"
#include "base/qty.h"
#include "base/text.h"
#include "model/instrument.h"
#include "model/types.h"

namespace stoa::venues::binance {
namespace {

struct Known {
  std::uint32_t id;  // For ever: logs carry it.
  Market market;
  std::string_view symbol;
  std::string_view base;
  std::string_view quote;
  std::string_view tick;
  std::string_view lot;
  std::string_view min_notional;
};

constexpr std::array kKnown = {
    Known{1, Market::Spot, "BTCUSDT", "BTC", "USDT", "0.01", "0.00001", "5"},
    Known{2, Market::Spot, "ETHUSDT", "ETH", "USDT", "0.01", "0.0001", "5"},
    Known{3, Market::Spot, "BNBUSDT", "BNB", "USDT", "0.1", "0.001", "5"},
    Known{4, Market::Spot, "SOLUSDT", "SOL", "USDT", "0.01", "0.001", "5"},
    Known{21, Market::UsdM, "BTCUSDT", "BTC", "USDT", "0.1", "0.001", "100"},
    Known{22, Market::UsdM, "ETHUSDT", "ETH", "USDT", "0.01", "0.001", "20"},
    Known{41, Market::CoinM, "BTCUSD_PERP", "BTC", "USD", "0.1", "1", "0"},
    Known{42, Market::CoinM, "ETHUSD_PERP", "ETH", "USD", "0.01", "1", "0"},
};

constexpr std::array<std::string_view, 9> kQuotes = {"USDT", "FDUSD", "USDC", "TUSD", "USD",
                                                     "BTC",  "ETH",   "BNB",  "EUR"};

struct Fees {
  std::int32_t maker_e6;
  std::int32_t taker_e6;
};
constexpr Fees fees_of(Market market) noexcept {
  return market == Market::Spot ? Fees{1'000, 1'000} : Fees{200, 500};
}

std::uint8_t decimals_of(std::string_view step) noexcept {
  const std::size_t point = step.find('.');
  return point == std::string_view::npos ? std::uint8_t{0}
                                         : static_cast<std::uint8_t>(step.size() - point - 1);
}

}  // namespace

std::string_view to_string(Market market) noexcept {
  switch (market) {
    case Market::Spot:
      return "spot";
    case Market::UsdM:
      return "usdm";
    case Market::CoinM:
      return "cm";
  }
  return "unknown";
}

Market market_of(std::string_view symbol, bool futures) noexcept {
  if (!futures) return Market::Spot;
  const std::size_t underscore = symbol.find('_');
  const bool coin =
      underscore != std::string_view::npos && symbol.substr(0, underscore).ends_with("USD");
  return coin ? Market::CoinM : Market::UsdM;
}

std::optional<Instrument> known_instrument(Market market, std::string_view symbol) noexcept {
  for (const Known& known : kKnown) {
    if (known.market != market || known.symbol != symbol) continue;
    Instrument result = unknown_instrument(market, symbol);
    result.instrument = InstrumentId{known.id};
    result.price_decimals = decimals_of(known.tick);
    result.qty_decimals = decimals_of(known.lot);
    result.base = Text<8>::cut(known.base);
    result.quote = Text<8>::cut(known.quote);
    result.tick = Price::parse(known.tick).value_or(Price{});
    result.lot = Qty::parse(known.lot).value_or(Qty{});
    result.min_notional = Price::parse(known.min_notional).value_or(Price{});
    return result;
  }
  return std::nullopt;
}

Instrument unknown_instrument(Market market, std::string_view symbol) noexcept {
  Instrument result{};
  result.tradable = market == Market::CoinM ? 0 : 1;
  result.symbol = Symbol::cut(symbol);
  result.maker_fee_e6 = fees_of(market).maker_e6;
  result.taker_fee_e6 = fees_of(market).taker_e6;
  const std::string_view pair = symbol.substr(0, symbol.find('_'));
  for (const std::string_view quote : kQuotes) {
    if (pair.size() <= quote.size() || !pair.ends_with(quote)) continue;
    result.base = Text<8>::cut(pair.substr(0, pair.size() - quote.size()));
    result.quote = Text<8>::cut(quote);
    break;
  }
  return result;
}

bool is_partial_depth(std::string_view stream) noexcept {
  constexpr std::string_view kDepth = "@depth";
  const std::size_t at = stream.find(kDepth);
  const std::size_t behind = at + kDepth.size();
  return at != std::string_view::npos && behind < stream.size() && stream[behind] >= '0' &&
         stream[behind] <= '9';
}

}  // namespace stoa::venues::binance
