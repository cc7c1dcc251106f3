#include "risk/drawdown.h"

#include <fmt/core.h>

#include <cstdint>
#include <optional>

#include "base/price.h"
#include "base/text.h"
#include "model/risk.h"

namespace stoa::risk {
namespace {

__extension__ using Wide = __int128;

constexpr std::int64_t kPercent = 100;
constexpr std::int64_t kOneE8 = 100'000'000;

}  // namespace

std::int64_t Drawdown::percent_e8(Price equity, Price peak) noexcept {
  if (peak.e8() <= 0 || equity >= peak) return 0;
  const Wide lost = Wide{peak.e8()} - equity.e8();
  return static_cast<std::int64_t>(lost * kPercent * kOneE8 / peak.e8());
}

std::optional<KillSwitch> Drawdown::consider(Price equity, Price peak, bool halted) const {
  const std::int64_t lost = percent_e8(equity, peak);
  if (max_percent_e8_ <= 0 || halted || lost < max_percent_e8_) return {};
  KillSwitch trip{.active = 1};
  trip.actor = Note::cut("risk");
  const auto hundredths = [](std::int64_t percent_e8) { return percent_e8 / (kOneE8 / 100); };
  trip.reason = Text<120>::cut(fmt::format("drawdown {}.{:02} % of the peak, limit {}.{:02} %",
                                           hundredths(lost) / 100, hundredths(lost) % 100,
                                           hundredths(max_percent_e8_) / 100,
                                           hundredths(max_percent_e8_) % 100));
  return trip;
}

}  // namespace stoa::risk
