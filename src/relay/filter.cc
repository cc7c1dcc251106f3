#include "relay/filter.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <expected>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include "base/error.h"
#include "protocol/native/codec.h"
#include "protocol/native/registry.h"

namespace stoa::relay {
namespace {

constexpr std::uint16_t kNowhere = UINT16_MAX;

/// Where each type's body has its instrument.
const std::array<std::uint16_t, 256> kInstrumentAt = [] {
  std::array<std::uint16_t, 256> places{};
  places.fill(kNowhere);
  for (const native::MessageInfo& info : native::messages()) {
    for (const native::Field& field : info.fields) {
      if (field.name == "instrument" && field.size == sizeof(std::uint32_t)) {
        places[info.type] = field.offset;
      }
    }
  }
  return places;
}();

template <class Integer>
bool read_number(std::string_view text, Integer& value) {
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc{} && stop == text.data() + text.size();
}

/// 0 when there is none.
std::uint8_t type_named(std::string_view name) {
  for (const native::MessageInfo& info : native::messages()) {
    if (info.name == name) return info.type;
  }
  std::uint8_t number = 0;
  return read_number(name, number) && native::is_user_type(number) ? number : std::uint8_t{0};
}

}  // namespace

Result<Filter> parse_filter(std::string_view text) {
  if (text == "*") return Filter{};
  const std::size_t dot = text.rfind('.');
  if (dot == std::string_view::npos) {
    return bad_input(
        fmt::format("'{}' is no filter: write TYPE.INSTRUMENT as in Trade.7, TYPE.* or *", text));
  }
  Filter filter{.type = type_named(text.substr(0, dot))};
  if (filter.type == 0) {
    return bad_input(
        fmt::format("no message type is named '{}' (in the filter '{}'): docs/formats/native.md "
                    "lists them",
                    text.substr(0, dot), text));
  }
  const std::string_view instrument = text.substr(dot + 1);
  if (instrument == "*") return filter;
  filter.every_instrument = 0;
  if (!read_number(instrument, filter.instrument)) {
    return bad_input(fmt::format(
        "'{}' is no instrument (in the filter '{}'): write its number or *", instrument, text));
  }
  return filter;
}

Result<std::vector<Filter>> parse_filters(std::span<const std::string> texts) {
  std::vector<Filter> filters;
  filters.reserve(texts.size());
  for (const std::string& text : texts) {
    const auto filter = parse_filter(text);
    if (!filter) return std::unexpected(filter.error());
    // One that lets everything through makes the others idle.
    if (*filter == Filter{}) return std::vector<Filter>{};
    filters.push_back(*filter);
  }
  return filters;
}

std::uint32_t instrument_of(const native::MessageView& message) noexcept {
  const std::uint16_t at = kInstrumentAt[message.type()];
  const auto body = message.body();
  std::uint32_t instrument = 0;
  if (at == kNowhere || body.size() < at + sizeof instrument) return 0;
  std::memcpy(&instrument, body.data() + at, sizeof instrument);
  return instrument;
}

bool matches(std::span<const Filter> filters, const native::MessageView& message) noexcept {
  const std::uint8_t type = message.type();
  return std::ranges::any_of(filters, [&](const Filter& filter) {
    return (filter.type == 0 || filter.type == type) &&
           (filter.every_instrument != 0 || filter.instrument == instrument_of(message));
  });
}

}  // namespace stoa::relay
