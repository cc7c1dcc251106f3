#include "ops/http_text.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <ctime>
#include <string_view>

#include "base/clock.h"

namespace stoa::ops {

std::string_view status_text(int status) noexcept {
  switch (status) {
    case 100:
      return "Continue";
    case 101:
      return "Switching Protocols";
    case 200:
      return "OK";
    case 201:
      return "Created";
    case 202:
      return "Accepted";
    case 304:
      return "Not Modified";
    case 400:
      return "Bad Request";
    case 401:
      return "Unauthorized";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 408:
      return "Request Timeout";
    case 409:
      return "Conflict";
    case 413:
      return "Content Too Large";
    case 414:
      return "URI Too Long";
    case 421:
      return "Misdirected Request";
    case 422:
      return "Unprocessable Content";
    case 426:
      return "Upgrade Required";
    case 431:
      return "Request Header Fields Too Large";
    case 503:
      return "Service Unavailable";
    case 501:
      return "Not Implemented";
    case 504:
      return "Gateway Timeout";
    default:
      return "Internal Server Error";
  }
}

bool equal_in_constant_time(std::string_view given, std::string_view secret) noexcept {
  unsigned difference = given.size() == secret.size() ? 0 : 1;
  for (std::size_t i = 0; i < given.size(); ++i) {
    const char other = secret.empty() ? '\0' : secret[i % secret.size()];
    difference |= static_cast<unsigned char>(given[i]) ^ static_cast<unsigned char>(other);
  }
  return difference == 0 && !secret.empty();
}

std::string_view http_date(Timestamp now) noexcept {
  static thread_local std::int64_t made_s = -1;
  static thread_local std::array<char, 40> text{};
  static thread_local std::size_t size = 0;
  const std::int64_t now_s = now.ns() / 1'000'000'000;
  if (now_s != made_s) {
    const std::time_t time = now_s;
    std::tm parts{};
    ::gmtime_r(&time, &parts);
    size = std::strftime(text.data(), text.size(), "%a, %d %b %Y %H:%M:%S GMT", &parts);
    made_s = now_s;
  }
  return {text.data(), size};
}

}  // namespace stoa::ops
