#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "protocol/native/codec.h"

namespace stoa::relay {

/// What a subscriber wants of a domain: one type or all, of one instrument or all.
struct Filter {
  std::uint8_t type = 0;  // 0: every type
  std::uint8_t every_instrument = 1;
  std::uint16_t reserved = 0;
  std::uint32_t instrument = 0;

  friend bool operator==(const Filter&, const Filter&) = default;
};
static_assert(sizeof(Filter) == 8);

/// Reads `Trade.7` (a type's name and an instrument), `Trade.*` or `*`. A type of a user's own is
/// its number: `200.*`.
///
/// errors  BadInput: names what is not known
[[nodiscard]] Result<Filter> parse_filter(std::string_view text);
[[nodiscard]] Result<std::vector<Filter>> parse_filters(std::span<const std::string> texts);

/// The instrument that a message is about: the field of that name in its body; 0 where there is
/// none.
[[nodiscard]] std::uint32_t instrument_of(const native::MessageView& message) noexcept;

/// True when one of them lets the message through. System messages (100 to 119) of an instrument do
/// not exist, so only `*` and their own names let them through.
[[nodiscard]] bool matches(std::span<const Filter> filters,
                           const native::MessageView& message) noexcept;

}  // namespace stoa::relay
