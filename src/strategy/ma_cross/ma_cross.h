#pragma once

#include "strategy/registry.h"

namespace stoa::strategy {

/// Follows the trend of one instrument: long while a fast average of the mid stands above a slow
/// one, short (or flat) while it stands below.
///
/// averages  of one mid a second, as exact integer sums; a feed that is not live empties them
/// orders    IOC limit orders a little through the touch, one at a time, towards the target
/// position; what is not
///           filled is asked for again a second later
[[nodiscard]] StrategyType ma_cross_type();

}  // namespace stoa::strategy
