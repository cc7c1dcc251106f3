#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>

#include "protocol/native/registry.h"

namespace stoa::oms {

/// What a wire decoder would let through: every enumerator is one that this build knows. For
/// messages that come as plain bytes out of a saved state.
template <native::Message M>
[[nodiscard]] bool enums_known(const M& message) noexcept {
  const auto bytes = std::as_bytes(std::span{&message, 1});
  return std::ranges::all_of(
      native::find_message(native::Wire<M>::kType)->fields, [&](const native::Field& field) {
        return field.kind != native::FieldKind::Enum ||
               std::to_integer<std::uint8_t>(bytes[field.offset]) < field.enum_count;
      });
}

}  // namespace stoa::oms
