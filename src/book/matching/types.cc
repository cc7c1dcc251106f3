#include "book/matching/types.h"

#include <array>
#include <cstddef>
#include <string_view>

namespace stoa::book::matching {

std::string_view to_string(Refusal value) noexcept {
  constexpr std::array<std::string_view, 9> kNames = {
      "None",         "InvalidQty",        "InvalidPrice",   "InvalidType", "DuplicateId",
      "UnknownOrder", "PostOnlyWouldTake", "FokNotFillable", "BookFull"};
  const auto index = static_cast<std::size_t>(value);
  return index < kNames.size() ? kNames.at(index) : "?";
}

std::string_view to_string(CancelCause value) noexcept {
  constexpr std::array<std::string_view, 3> kNames = {"Requested", "NoLiquidity", "SelfTrade"};
  const auto index = static_cast<std::size_t>(value);
  return index < kNames.size() ? kNames.at(index) : "?";
}

}  // namespace stoa::book::matching
