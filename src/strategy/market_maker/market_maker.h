#pragma once

#include "strategy/registry.h"

namespace stoa::strategy {

/// Quotes both sides of one instrument around a fair price and earns the spread, as long as its
/// position stays small.
///
/// fair      micro-price or mid of each book message, smoothed
/// quotes    one order a side, post-only unless told otherwise; both move against the position
/// (skew), and a side
///           without room up to the largest position is not quoted
/// restraint a quote is moved only when it is off by the hysteresis, not more often than the
/// interval, and less often
///           after refusals
/// safety    a void or crossed book, or a feed that is not live, pulls both quotes
[[nodiscard]] StrategyType market_maker_type();

}  // namespace stoa::strategy
