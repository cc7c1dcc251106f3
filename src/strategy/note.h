#pragma once

#include <fmt/core.h>

#include <array>
#include <cstddef>
#include <string_view>
#include <utility>

#include "model/types.h"

namespace stoa::strategy {

/// A formatted Note, cut to its size; allocates nothing. The one place where strategies meet fmt.
template <class... Args>
[[nodiscard]] Note note(fmt::format_string<Args...> text, Args&&... args) {
  std::array<char, Note::kCapacity> buffer{};
  const auto result =
      fmt::format_to_n(buffer.data(), buffer.size(), text, std::forward<Args>(args)...);
  return Note::cut({buffer.data(), static_cast<std::size_t>(result.out - buffer.data())});
}

}  // namespace stoa::strategy
