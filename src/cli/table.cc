#include "cli/table.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include "base/clock.h"

namespace stoa::cli {
namespace {

/// Code points, which is what a terminal shows of the texts that come here.
std::size_t width(std::string_view text) {
  return static_cast<std::size_t>(std::ranges::count_if(
      text, [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; }));
}

}  // namespace

std::string Table::text() const {
  std::vector<std::size_t> widths;
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    std::size_t widest = width(columns_[i].title);
    for (const auto& row : rows_) {
      if (i < row.size()) widest = std::max(widest, width(row[i]));
    }
    widths.push_back(widest);
  }
  std::string out;
  const auto line = [&](const auto& cell_of) {
    for (std::size_t i = 0; i < columns_.size(); ++i) {
      const std::string_view cell = cell_of(i);
      const std::size_t pad = widths[i] - width(cell);
      if (i > 0) out += "  ";
      if (columns_[i].align == Align::Right) out.append(pad, ' ');
      out += cell;
      if (columns_[i].align == Align::Left) out.append(pad, ' ');
    }
    out.erase(out.find_last_not_of(' ') + 1);
    out += '\n';
  };
  line([&](std::size_t i) { return columns_[i].title; });
  for (const auto& row : rows_) {
    line([&](std::size_t i) { return i < row.size() ? std::string_view{row[i]} : ""; });
  }
  return out;
}

std::string time_cell(std::string_view ns_digits) {
  std::int64_t ns = 0;
  const auto* end = ns_digits.end();
  const auto [stop, error] = std::from_chars(ns_digits.begin(), end, ns);
  if (error != std::errc{} || stop != end) return "-";
  auto text = to_rfc3339(Timestamp::from_ns(ns)).substr(0, 26);
  if (text.size() > 10) text[10] = ' ';
  return text;
}

std::string duration_text(std::int64_t ns) {
  if (ns < 0) return "-" + duration_text(-ns);
  if (ns < 1'000) return fmt::format("{} ns", ns);
  const auto value = static_cast<double>(ns);
  if (ns < 1'000'000) return fmt::format("{:.3g} µs", value / 1e3);
  if (ns < 1'000'000'000) return fmt::format("{:.3g} ms", value / 1e6);
  const auto seconds = ns / 1'000'000'000;
  if (seconds < 60) return fmt::format("{:.3g} s", value / 1e9);
  if (seconds < 3'600) return fmt::format("{} min {} s", seconds / 60, seconds % 60);
  if (seconds < 86'400) return fmt::format("{} h {} min", seconds / 3'600, seconds % 3'600 / 60);
  return fmt::format("{} d {} h", seconds / 86'400, seconds % 86'400 / 3'600);
}

std::string bytes_text(std::uint64_t bytes) {
  constexpr std::array<std::string_view, 5> kUnits{"B", "KiB", "MiB", "GiB", "TiB"};
  auto value = static_cast<double>(bytes);
  std::size_t unit = 0;
  while (value >= 1024 && unit + 1 < kUnits.size()) {
    value /= 1024;
    ++unit;
  }
  return unit == 0 ? fmt::format("{} B", bytes) : fmt::format("{:.1f} {}", value, kUnits.at(unit));
}

}  // namespace stoa::cli
