#include "venues/binance/parse.h"

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/clock.h"

namespace stoa::venues::binance {

std::string_view to_string(FrameFault fault) noexcept {
  switch (fault) {
    case FrameFault::NotJson:
      return "not JSON";
    case FrameFault::MissingField:
      return "missing field";
    case FrameFault::WrongType:
      return "value of the wrong type";
    case FrameFault::DuplicateField:
      return "field given twice";
    case FrameFault::NotDecimal:
      return "not a decimal number";
    case FrameFault::TooPrecise:
      return "more than eight decimals";
    case FrameFault::OutOfRange:
      return "out of range";
    case FrameFault::Negative:
      return "negative";
    case FrameFault::BadUpdateIds:
      return "first update id above the last";
  }
  return "unknown";
}

std::optional<Timestamp> time_by_magnitude(std::uint64_t value) noexcept {
  constexpr std::uint64_t kMillisecondsEnd = 9'200'000'000'000;
  constexpr std::uint64_t kMicrosecondsBegin = 100'000'000'000'000;
  constexpr std::uint64_t kNanosecondsBegin = 100'000'000'000'000'000;
  const auto ns = [](std::uint64_t unit_value, std::uint64_t unit_ns) {
    return Timestamp::from_ns(static_cast<std::int64_t>(unit_value * unit_ns));
  };
  if (value < kMillisecondsEnd) return ns(value, 1'000'000);
  if (value >= kMicrosecondsBegin && value < kMillisecondsEnd * 1'000) return ns(value, 1'000);
  if (value >= kNanosecondsBegin && value < kMillisecondsEnd * 1'000'000) return ns(value, 1);
  return std::nullopt;
}

}  // namespace stoa::venues::binance
