#include "venues/replay/symbols.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <filesystem>
#include <map>
#include <numeric>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "base/error.h"
#include "base/ids.h"
#include "base/price.h"
#include "base/qty.h"
#include "base/text.h"
#include "model/instrument.h"
#include "model/market.h"
#include "venues/binance/parse.h"
#include "venues/binance/symbols.h"
#include "venues/replay/capture.h"

namespace stoa::venues::replay {
namespace {

using binance::Market;

constexpr std::size_t kFramesMax = 20'000;
constexpr std::size_t kFramesEnough = 2'000;  // when every symbol so far is in the table
constexpr std::uint32_t kFirstFreeId = 1'001;

/// The steps that prices and quantities were seen to take; 0 is none yet.
struct Steps {
  std::int64_t price_e8 = 0;
  std::int64_t qty_e8 = 0;

  void see(Price px, Qty qty) noexcept {
    price_e8 = std::gcd(price_e8, px.e8());
    qty_e8 = std::gcd(qty_e8, qty.e8());
  }
  void see(std::span<const Level> levels) noexcept {
    for (const Level& level : levels) see(level.px, level.qty);
  }
  void see(const Steps& other) noexcept {
    price_e8 = std::gcd(price_e8, other.price_e8);
    qty_e8 = std::gcd(qty_e8, other.qty_e8);
  }
};

using Key = std::pair<Market, std::string>;

struct Seen {
  std::map<Key, Steps> symbols;
  Steps without_symbol;  // snapshots name theirs on COIN-M only

  void see(const binance::Frame& frame) {
    std::visit([this](const auto& one) { see_one(one); }, frame);
  }
  [[nodiscard]] bool all_known() const {
    return std::all_of(symbols.begin(), symbols.end(), [](const auto& entry) {
      return binance::known_instrument(entry.first.first, entry.first.second).has_value();
    });
  }

 private:
  Steps& of(std::string_view symbol, bool futures) {
    return symbols[Key{binance::market_of(symbol, futures), std::string{symbol}}];
  }
  void see_one(const binance::OtherFrame& /*frame*/) noexcept {}
  void see_one(const binance::TradeFrame& frame) {
    of(frame.symbol, frame.futures).see(frame.trade.px, frame.trade.qty);
  }
  void see_one(const binance::QuoteFrame& frame) {
    Steps& steps = of(frame.symbol, frame.futures);
    steps.see(frame.quote.bid_px, frame.quote.bid_qty);
    steps.see(frame.quote.ask_px, frame.quote.ask_qty);
  }
  void see_one(const binance::DepthFrame& frame) {
    Steps& steps = of(frame.symbol, frame.prev_update_id.has_value());
    steps.see(frame.bids);
    steps.see(frame.asks);
  }
  void see_one(const binance::SnapshotFrame& frame) {
    Steps& steps = frame.symbol.empty() ? without_symbol : of(frame.symbol, frame.futures);
    steps.see(frame.bids);
    steps.see(frame.asks);
  }
};

std::uint8_t decimals_of(std::int64_t step_e8) noexcept {
  std::uint8_t decimals = 8;
  for (; decimals > 0 && step_e8 % 10 == 0; step_e8 /= 10) --decimals;
  return decimals;
}

Instrument rules_of(const Key& key, Steps steps, std::uint32_t free_id) {
  Instrument rules = binance::known_instrument(key.first, key.second)
                         .value_or(binance::unknown_instrument(key.first, key.second));
  if (rules.instrument == InstrumentId{}) rules.instrument = InstrumentId{free_id};
  // Displayed quantities hold dust below the lot, prices are always whole ticks: a table's lot
  // stands, its tick may have been coarser than the recording's time.
  if (!rules.lot.is_zero()) steps.qty_e8 = rules.lot.e8();
  steps.price_e8 = std::gcd(steps.price_e8, rules.tick.e8());
  // Nothing but zeros was seen: the finest step there is refuses nothing.
  rules.tick = Price::from_e8(steps.price_e8 == 0 ? 1 : steps.price_e8);
  rules.lot = Qty::from_e8(steps.qty_e8 == 0 ? 1 : steps.qty_e8);
  rules.price_decimals = decimals_of(rules.tick.e8());
  rules.qty_decimals = decimals_of(rules.lot.e8());
  return rules;
}

}  // namespace

Result<std::vector<ReplayInstrument>> find_instruments(
    const std::vector<std::filesystem::path>& files, std::string_view venue) {
  auto reader = CaptureReader::open(files);
  if (!reader) return std::unexpected(std::move(reader).error());
  binance::FrameParser parser;
  Seen seen;
  std::optional<Error> first_fault;
  for (std::size_t frames = 0; frames < kFramesMax; ++frames) {
    if (frames >= kFramesEnough && seen.all_known()) break;
    const auto line = reader->next();
    if (!line) {
      if (!first_fault) first_fault = line.error().error;
      continue;
    }
    const std::optional<CaptureLine>& found = *line;
    if (!found) break;
    const auto frame = parser.parse(found->frame);
    if (frame) {
      seen.see(*frame);
    } else if (!first_fault) {
      first_fault =
          Error{ErrorCode::Damaged, std::string{to_string(frame.error().fault)}, reader->place()};
    }
  }
  if (seen.symbols.empty()) {
    if (first_fault) return std::unexpected(*std::move(first_fault));
    return bad_input("there is no market data in the recording", files.front().string());
  }
  if (seen.symbols.size() == 1) seen.symbols.begin()->second.see(seen.without_symbol);
  std::vector<ReplayInstrument> result;
  std::uint32_t free_id = kFirstFreeId;
  for (const auto& [key, steps] : seen.symbols) {
    ReplayInstrument one{.market = key.first, .rules = rules_of(key, steps, free_id)};
    one.rules.venue = Text<16>::cut(venue);
    if (one.rules.instrument.value() == free_id) ++free_id;
    result.push_back(one);
  }
  std::ranges::sort(result, {}, [](const ReplayInstrument& one) { return one.rules.instrument; });
  return result;
}

}  // namespace stoa::venues::replay
