#pragma once

#include <charconv>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>

#include "base/clock.h"

namespace stoa::gateway {

/// Up to where a WebSocket client has been told, in places that every gateway of a platform has:
/// the log's, and the market's own time. "LSN.NS" as a text, which clients hand back as it is.
struct ResumeId {
  std::uint64_t lsn = 0;
  Timestamp traded{};  // every trade up to there, of each instrument

  [[nodiscard]] std::string text() const {
    return std::to_string(lsn) + "." + std::to_string(traded.ns());
  }
  [[nodiscard]] static std::optional<ResumeId> parse(std::string_view text) {
    ResumeId id;
    std::int64_t ns = 0;
    const char* const begin = text.data();
    const char* const end = begin + text.size();
    const auto first = std::from_chars(begin, end, id.lsn);
    if (first.ec != std::errc{} || first.ptr == end || *first.ptr != '.') return std::nullopt;
    const auto second = std::from_chars(first.ptr + 1, end, ns);
    if (second.ec != std::errc{} || second.ptr != end || ns < 0) return std::nullopt;
    id.traded = Timestamp::from_ns(ns);
    return id;
  }
};

}  // namespace stoa::gateway
