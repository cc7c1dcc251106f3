#pragma once

#include <filesystem>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "model/instrument.h"
#include "venues/binance/symbols.h"

namespace stoa::venues::replay {

/// One instrument of a recording: its rules, and which frames are its.
struct ReplayInstrument {
  binance::Market market = binance::Market::Spot;
  Instrument rules{};
};

/// Looks at the first frames (up to 20,000) for what is recorded. Known symbols have the rules and
/// the id of the table; the tick becomes finer where the recording shows finer prices. Other
/// symbols get the greatest common divisors of all prices and quantities seen, their market's
/// usual fees, and ids from 1001 in the order of market and symbol. Ordered by id.
///
/// errors  no readable frame at all, with the first fault found
[[nodiscard]] Result<std::vector<ReplayInstrument>> find_instruments(
    const std::vector<std::filesystem::path>& files, std::string_view venue);

}  // namespace stoa::venues::replay
