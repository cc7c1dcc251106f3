#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

namespace stoa::cli {

/// Rows of text in columns as wide as their widest cell, two spaces apart, numbers to the right.
class Table {
 public:
  enum class Align : std::uint8_t { Left, Right };
  struct Column {
    std::string_view title{};
    Align align = Align::Left;
  };

  Table(std::initializer_list<Column> columns) : columns_{columns} {}

  /// As many cells as columns; missing ones are empty.
  void row(std::vector<std::string> cells) { rows_.push_back(std::move(cells)); }
  [[nodiscard]] std::size_t rows() const noexcept { return rows_.size(); }
  /// Titles and rows, one line each, without spaces at their ends.
  [[nodiscard]] std::string text() const;

 private:
  std::vector<Column> columns_;
  std::vector<std::vector<std::string>> rows_;
};

inline constexpr auto kLeft = Table::Align::Left;
inline constexpr auto kRight = Table::Align::Right;

/// "2026-11-20 19:50:57.123456" from nanoseconds in digits; "-" when there are none. UTC.
[[nodiscard]] std::string time_cell(std::string_view ns_digits);
/// "850 ns", "12.3 µs", "4.56 ms", "1.23 s", "5 min 3 s".
[[nodiscard]] std::string duration_text(std::int64_t ns);
/// "1.5 GiB".
[[nodiscard]] std::string bytes_text(std::uint64_t bytes);

}  // namespace stoa::cli
