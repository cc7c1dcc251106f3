#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "base/decimal.h"
#include "base/price.h"
#include "base/qty.h"
#include "model/types.h"

namespace stoa::book::matching {

// Order flow as a text that a trader can read, one runner for book, order management and simulated
// venue; for tests only.
//
//   buy A 100 @ 10.00 | buy B 100 @ 10.00 | replace A 150 | sell C 120 @ 10.00
//     => fill B 100 @ 10.00, fill A 20 @ 10.00
//
// Steps, separated by `|`:
//   buy|sell NAME[/OWNER] QTY @ PX [ioc|fok|post]   a limit order; OWNER names whose it is
//   buy|sell NAME[/OWNER] QTY market [fok]
//   cancel NAME
//   replace NAME QTY [@ PX]                         QTY is the new total, filled part included
// Events, separated by `,`, in the order in which they happen:
//   fill NAME QTY @ PX     a resting order traded
//   cancel NAME QTY        what was left of an order ended without being asked to
//   reject NAME CODE       a step was refused
// After `;` the book as it must stand at the end, each side in the order in which it would trade:
//   bid NAME QTY @ PX, ask NAME QTY @ PX

struct ScenarioStep {
  enum class Kind : std::uint8_t { Order, Cancel, Replace };
  Kind kind = Kind::Order;
  std::string name;
  std::string owner;
  Side side = Side::Buy;
  OrderType type = OrderType::Limit;
  TimeInForce time_in_force = TimeInForce::Gtc;
  Price px;  // of a replace: zero leaves it
  Qty qty;
};

struct Scenario {
  std::vector<ScenarioStep> steps;
  std::string want_events;  // as scenario events are written, one space between words
  std::string want_book;    // empty: not looked at
  bool book_told = false;
};

/// Events and orders as scenarios write them.
[[nodiscard]] inline std::string fill_text(std::string_view name, Qty qty, Price px) {
  return fmt::format("fill {} {} @ {}", name, DecimalText{qty.e8()}.view(),
                     DecimalText{px.e8()}.view());
}
[[nodiscard]] inline std::string cancel_text(std::string_view name, Qty qty) {
  return fmt::format("cancel {} {}", name, DecimalText{qty.e8()}.view());
}
[[nodiscard]] inline std::string reject_text(std::string_view name, std::string_view code) {
  return fmt::format("reject {} {}", name, code);
}
[[nodiscard]] inline std::string resting_text(Side side, std::string_view name, Qty qty, Price px) {
  return fmt::format("{} {} {} @ {}", side == Side::Buy ? "bid" : "ask", name,
                     DecimalText{qty.e8()}.view(), DecimalText{px.e8()}.view());
}
[[nodiscard]] inline std::string joined(const std::vector<std::string>& items) {
  return fmt::format("{}", fmt::join(items, ", "));
}

namespace detail {

[[nodiscard]] inline std::vector<std::string_view> split(std::string_view text, char at) {
  std::vector<std::string_view> parts;
  for (std::size_t end = text.find(at); end != std::string_view::npos; end = text.find(at)) {
    parts.push_back(text.substr(0, end));
    text.remove_prefix(end + 1);
  }
  parts.push_back(text);
  return parts;
}

[[nodiscard]] inline std::vector<std::string_view> words_of(std::string_view text) {
  std::vector<std::string_view> words = split(text, ' ');
  std::erase(words, std::string_view{});
  return words;
}

/// Numbers in their shortest form, so that 10.00 and 10 are the same text.
[[nodiscard]] inline std::string normal_item(std::string_view item) {
  std::string result;
  for (const std::string_view word : words_of(item)) {
    if (!result.empty()) result += ' ';
    const auto number = parse_e8(word);
    result += number ? DecimalText{*number}.view() : word;
  }
  return result;
}

[[nodiscard]] inline std::string normal_list(std::string_view text) {
  std::vector<std::string> items;
  for (const std::string_view item : split(text, ',')) {
    if (!words_of(item).empty()) items.push_back(normal_item(item));
  }
  return joined(items);
}

[[nodiscard]] inline bool read_order(const std::vector<std::string_view>& words,
                                     ScenarioStep& step) {
  std::size_t next = 3;
  if (words.size() < 4) return false;
  if (words[next] == "market") {
    step.type = OrderType::Market;
    ++next;
  } else {
    if (words[next] != "@" || words.size() < 5) return false;
    const auto px = Price::parse(words[next + 1]);
    if (!px) return false;
    step.px = *px;
    next += 2;
  }
  if (next == words.size()) return true;
  if (next + 1 != words.size()) return false;
  if (words[next] == "ioc") {
    step.time_in_force = TimeInForce::Ioc;
  } else if (words[next] == "fok") {
    step.time_in_force = TimeInForce::Fok;
  } else if (words[next] == "post") {
    step.time_in_force = TimeInForce::Gtx;
  } else {
    return false;
  }
  return true;
}

[[nodiscard]] inline bool read_replace(const std::vector<std::string_view>& words,
                                       ScenarioStep& step) {
  if (words.size() == 3) return true;
  if (words.size() != 5 || words[3] != "@") return false;
  const auto px = Price::parse(words[4]);
  if (px) step.px = *px;
  return px.has_value();
}

[[nodiscard]] inline bool read_step(std::string_view text, ScenarioStep& step) {
  const std::vector<std::string_view> words = words_of(text);
  if (words.size() < 2) return false;
  const std::size_t slash = words[1].find('/');
  step.name = words[1].substr(0, slash);
  if (slash != std::string_view::npos) step.owner = words[1].substr(slash + 1);
  if (words[0] == "cancel") {
    step.kind = ScenarioStep::Kind::Cancel;
    return words.size() == 2;
  }
  if (words.size() < 3) return false;
  const auto qty = Qty::parse(words[2]);
  if (!qty) return false;
  step.qty = *qty;
  if (words[0] == "replace") {
    step.kind = ScenarioStep::Kind::Replace;
    return read_replace(words, step);
  }
  step.side = words[0] == "buy" ? Side::Buy : Side::Sell;
  return (words[0] == "buy" || words[0] == "sell") && read_order(words, step);
}

}  // namespace detail

/// Reads a scenario; the error names the part that is none.
[[nodiscard]] inline std::expected<Scenario, std::string> parse_scenario(std::string_view text) {
  const std::size_t arrow = text.find("=>");
  if (arrow == std::string_view::npos) return std::unexpected("no => in: " + std::string{text});
  Scenario scenario;
  for (const std::string_view part : detail::split(text.substr(0, arrow), '|')) {
    ScenarioStep step;
    if (!detail::read_step(part, step)) {
      return std::unexpected("not a step: " + std::string{part});
    }
    scenario.steps.push_back(step);
  }
  const std::string_view wanted = text.substr(arrow + 2);
  const std::size_t book = wanted.find(';');
  scenario.want_events = detail::normal_list(wanted.substr(0, book));
  scenario.book_told = book != std::string_view::npos;
  if (scenario.book_told) scenario.want_book = detail::normal_list(wanted.substr(book + 1));
  return scenario;
}

/// Runs a scenario on a driver, which has `apply(const ScenarioStep&)`, `events()` and `book()`,
/// the latter two as texts built by the functions above. Answers what differs, or an empty text.
template <class Driver>
[[nodiscard]] std::string run_scenario(std::string_view text, Driver& driver) {
  const auto scenario = parse_scenario(text);
  if (!scenario) return scenario.error();
  for (const ScenarioStep& step : scenario->steps) driver.apply(step);
  if (const std::string got = joined(driver.events()); got != scenario->want_events) {
    return fmt::format("events are `{}`, not `{}`", got, scenario->want_events);
  }
  if (!scenario->book_told) return {};
  if (const std::string got = joined(driver.book()); got != scenario->want_book) {
    return fmt::format("book is `{}`, not `{}`", got, scenario->want_book);
  }
  return {};
}

}  // namespace stoa::book::matching
