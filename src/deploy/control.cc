#include "deploy/control.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include "base/error.h"
#include "deploy/build.h"
#include "deploy/line_client.h"

namespace stoa::deploy {
namespace {

constexpr std::array<std::string_view, 8> kVerbs{"up",          "down",          "restart",
                                                 "hand-over",   "status",        "beside-start",
                                                 "beside-stop", "beside-promote"};
constexpr std::size_t kRolesMax = 32;
constexpr std::int64_t kTimeoutMax = 86'400;
constexpr std::chrono::seconds kPatience{5};

std::optional<std::chrono::seconds> seconds_of(std::string_view text) {
  std::int64_t value = 0;
  const auto* end = text.end();
  const auto [stop, error] = std::from_chars(text.begin(), end, value);
  if (error != std::errc{} || stop != end || value < 0 || value > kTimeoutMax) return std::nullopt;
  return std::chrono::seconds{value};
}

std::string_view next_word(std::string_view& line) {
  const auto end = std::min(line.find(' '), line.size());
  const auto word = line.substr(0, end);
  line.remove_prefix(std::min(end + 1, line.size()));
  return word;
}

/// A value as one word, and back.
std::string packed(std::string_view text) {
  std::string word;
  for (const char c : text) {
    if (c == ' ' || c == '%' || c == '\n') {
      word += fmt::format("%{:02x}", static_cast<unsigned char>(c));
    } else {
      word += c;
    }
  }
  return word;
}

std::string unpacked(std::string_view word) {
  std::string text;
  for (std::size_t i = 0; i < word.size(); ++i) {
    unsigned value = 0;
    const auto* const code = word.begin() + i + 1;
    if (word[i] == '%' && i + 2 < word.size() &&
        std::from_chars(code, code + 2, value, 16).ptr == code + 2) {
      text += static_cast<char>(value);
      i += 2;
    } else {
      text += word[i];
    }
  }
  return text;
}

/// "colour=green" and the like into `build`. False: it is no such word.
Result<bool> take_build(std::string_view word, std::optional<Build>& build) {
  const auto equals = word.find('=');
  if (equals == std::string_view::npos) return false;
  const auto name = word.substr(0, equals);
  const auto value = unpacked(word.substr(equals + 1));
  if (name != "colour" && name != "release" && name != "program") return false;
  if (!build) build.emplace();
  if (name == "colour") {
    const auto colour = parse_colour(value);
    if (!colour) return bad_input("colour: expected blue or green");
    build->colour = *colour;
  } else if (name == "release") {
    build->release = value;
  } else {
    build->program = value;
  }
  return true;
}

}  // namespace

std::string to_line(const Request& request) {
  std::string line{kVerbs.at(static_cast<std::size_t>(request.verb))};
  if (request.force) line += " force";
  if (request.timeout) line += fmt::format(" timeout={}", request.timeout->count());
  for (const std::string& role : request.roles) (line += ' ') += role;
  if (!request.build) return line + '\n';
  line += fmt::format(" colour={}", to_string(request.build->colour));
  if (!request.build->release.empty()) line += " release=" + packed(request.build->release);
  if (!request.build->program.empty())
    line += " program=" + packed(request.build->program.native());
  return line + '\n';
}

Result<Request> parse_request(std::string_view line) {
  const auto verb = next_word(line);
  const auto* const found = std::ranges::find(kVerbs, verb);
  if (found == kVerbs.end())
    return bad_input("expected up, down, restart, hand-over, status or beside-…");
  Request request{.verb = static_cast<Request::Verb>(found - kVerbs.begin())};
  constexpr std::string_view kTimeout = "timeout=";
  while (!line.empty()) {
    const auto word = next_word(line);
    if (word.empty()) continue;
    const auto taken = take_build(word, request.build);
    if (!taken) return std::unexpected(taken.error());
    if (*taken) continue;
    if (word == "force") {
      request.force = true;
    } else if (word.starts_with(kTimeout)) {
      request.timeout = seconds_of(word.substr(kTimeout.size()));
      if (!request.timeout) return bad_input("timeout: expected seconds, 0 to 86400");
    } else if (request.roles.size() < kRolesMax) {
      request.roles.emplace_back(word);
    } else {
      return bad_input("too many roles");
    }
  }
  return request;
}

Result<ControlClient> ControlClient::connect(const std::filesystem::path& socket) {
  auto lines = LineClient::connect(socket, "the supervisor", kPatience);
  if (!lines) return std::unexpected(std::move(lines.error()));
  return ControlClient{std::move(*lines)};
}

Result<void> ControlClient::send(const Request& request) {
  const auto line = to_line(request);
  return lines_.send(std::string_view{line}.substr(0, line.size() - 1), kPatience);
}

}  // namespace stoa::deploy
