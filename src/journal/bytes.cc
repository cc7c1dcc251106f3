#include "journal/bytes.h"

#include <charconv>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>

#include "base/ids.h"

namespace stoa::journal {
namespace {
constexpr std::size_t kLsnDigits = 20;
}  // namespace

std::string numbered_name(Lsn lsn, std::string_view suffix) {
  std::string digits = std::to_string(lsn.value());
  digits.insert(0, kLsnDigits - digits.size(), '0');
  return digits.append(suffix);
}

std::optional<Lsn> parse_numbered_name(std::string_view name, std::string_view suffix) noexcept {
  if (name.size() != kLsnDigits + suffix.size() || !name.ends_with(suffix)) return std::nullopt;
  const std::string_view digits = name.substr(0, kLsnDigits);
  std::uint64_t value = 0;
  const auto [stop, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (error != std::errc{} || stop != digits.end()) return std::nullopt;
  return Lsn{value};
}

}  // namespace stoa::journal
