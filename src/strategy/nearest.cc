#include "strategy/nearest.h"

#include <algorithm>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace stoa::strategy {
namespace {

/// Insertions, deletions and changes of one letter between two names (Levenshtein, one row at a
/// time).
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j < row.size(); ++j) row[j] = j;
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i + 1;
    for (std::size_t j = 0; j < b.size(); ++j) {
      const std::size_t changed = diagonal + (a[i] == b[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({changed, row[j] + 1, row[j + 1] + 1});
    }
  }
  return row.back();
}

}  // namespace

std::string suggestion(std::string_view name, std::span<const std::string_view> known) {
  if (known.empty()) return "; there are none";
  const auto best = std::ranges::min_element(
      known, {}, [name](std::string_view candidate) { return distance(name, candidate); });
  if (distance(name, *best) <= std::max<std::size_t>(2, best->size() / 3)) {
    return "; did you mean " + std::string{*best} + "?";
  }
  std::string text{"; there are "};
  for (const std::string_view each : known) {
    if (each != known.front()) text += ", ";
    text += each;
  }
  return text;
}

}  // namespace stoa::strategy
