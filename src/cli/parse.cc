#include <fmt/core.h>
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <expected>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "base/error.h"
#include "cli/app.h"
#include "cli/command.h"
#include "ops/config.h"

namespace stoa::cli {
namespace {

/// "--output" of "-o,--output": the name under which a value is kept.
std::string_view long_name(std::string_view names) {
  const auto comma = names.rfind(',');
  return comma == std::string_view::npos ? names : names.substr(comma + 1);
}

std::string choice_error(std::string_view name, std::string_view value,
                         std::span<const std::string_view> choices) {
  auto message = fmt::format("{} {}: expected {}", name, value, fmt::join(choices, ", "));
  if (const auto near = ops::nearest(value, choices)) {
    message += fmt::format("; did you mean {}?", *near);
  }
  return message;
}

Result<void> check_value(const Flag& flag, const std::string& value) {
  const auto name = long_name(flag.name);
  if (flag.kind == Flag::Kind::Integer) {
    std::uint64_t number = 0;
    const auto* end = value.data() + value.size();
    const auto [stop, error] = std::from_chars(value.data(), end, number);
    if (error != std::errc{} || stop != end) {
      return bad_input(fmt::format("{} {}: expected a whole number", name, value));
    }
  }
  if (flag.kind == Flag::Kind::Choice &&
      std::ranges::find(flag.choices, value) == flag.choices.end()) {
    return bad_input(choice_error(name, value, flag.choices));
  }
  if (flag.kind != Flag::Kind::Switch && value.empty()) {
    return bad_input(fmt::format("{}: expected a value, not an empty text", name));
  }
  return {};
}

/// One flag while the library fills it.
struct Slot {
  const Flag* flag = nullptr;
  std::vector<std::string> values{};
  bool on = false;
};

/// The library's "not expected" as a sentence with the nearest flag.
std::string extras_error(const Command& command, const std::vector<std::string>& extras) {
  const auto& word = extras.front();
  std::vector<std::string_view> names;
  for (const auto& flags : command.flags) {
    for (const Flag& flag : flags) names.push_back(long_name(flag.name));
  }
  const auto near = ops::nearest(word.substr(0, word.find('=')), names);
  return fmt::format("{}: unknown flag{}", word,
                     near ? fmt::format("; did you mean {}?", *near) : "");
}

/// Gives words their places; the last argument may take what is left.
Result<void> place_words(const Command& command, const std::vector<std::string>& words,
                         Arguments& arguments) {
  std::size_t next = 0;
  for (const Argument& argument : command.arguments) {
    if (argument.required && next == words.size()) {
      return bad_input(fmt::format("{} is missing: {}", argument.name, argument.help));
    }
    const auto end = argument.repeats ? words.size() : std::min(next + 1, words.size());
    for (; next < end; ++next) {
      const auto& word = words[next];
      if (!argument.choices.empty() &&
          std::ranges::find(argument.choices, word) == argument.choices.end()) {
        return bad_input(choice_error(argument.name, word, argument.choices));
      }
      arguments.add(argument.name, word);
    }
  }
  if (next < words.size()) return bad_input(fmt::format("{}: one word too many", words[next]));
  return {};
}

Result<void> place_flag(const Slot& slot, Arguments& arguments) {
  const Flag& flag = *slot.flag;
  const auto name = long_name(flag.name);
  if (slot.on) arguments.add(name, "true");
  if (slot.values.size() > 1 && !flag.repeats) {
    return bad_input(fmt::format("{} is given more than once", name));
  }
  for (const auto& value : slot.values) {
    auto checked = check_value(flag, value);
    if (!checked) return checked;
    arguments.add(name, value);
  }
  if (flag.required && slot.values.empty()) {
    return bad_input(fmt::format("{} {} is needed: {}", name, flag.value, flag.help));
  }
  return {};
}

}  // namespace

Result<Arguments> parse_arguments(const Command& command, std::vector<std::string> words) {
  CLI::App parser;
  parser.set_help_flag();
  std::vector<std::string> places;
  parser.add_option("words", places)->expected(0, 1'000);
  std::deque<Slot> slots;  // stable addresses: the library keeps pointers
  for (const auto& flags : command.flags) {
    for (const Flag& flag : flags) {
      Slot& slot = slots.emplace_back(Slot{.flag = &flag});
      if (flag.kind == Flag::Kind::Switch) {
        parser.add_flag(std::string{flag.name}, slot.on);
      } else {
        parser.add_option(std::string{flag.name}, slot.values)
            ->allow_extra_args(false)
            ->type_name(std::string{flag.value});
      }
    }
  }
  try {
    std::ranges::reverse(words);  // as the library wants them
    parser.allow_extras();
    parser.parse(std::move(words));
  } catch (const CLI::ParseError& error) {
    return bad_input(error.what());
  }
  if (const auto extras = parser.remaining(); !extras.empty()) {
    return bad_input(extras_error(command, extras));
  }
  Arguments arguments;
  auto placed = place_words(command, places, arguments);
  for (auto slot = slots.begin(); placed && slot != slots.end(); ++slot) {
    placed = place_flag(*slot, arguments);
  }
  if (!placed) return std::unexpected(std::move(placed.error()));
  return arguments;
}

}  // namespace stoa::cli
