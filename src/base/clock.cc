#include "base/clock.h"

#include <bits/time.h>
#include <bits/types/clockid_t.h>
#include <fmt/core.h>
#include <time.h>

#include <cstdint>
#include <ctime>
#include <string>

namespace stoa {
namespace {

std::int64_t read(clockid_t id) noexcept {
  timespec time{};
  clock_gettime(id, &time);
  return std::int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

}  // namespace

Timestamp SystemClock::now() const noexcept { return Timestamp::from_ns(read(CLOCK_REALTIME)); }

nanoseconds SystemClock::monotonic() const noexcept { return nanoseconds{read(CLOCK_MONOTONIC)}; }

std::string to_rfc3339(Timestamp time) {
  constexpr std::int64_t kSecond = 1'000'000'000;
  std::int64_t fraction = time.ns() % kSecond;
  auto seconds = static_cast<std::time_t>(time.ns() / kSecond);
  if (fraction < 0) {
    fraction += kSecond;
    --seconds;
  }
  std::tm utc{};
  gmtime_r(&seconds, &utc);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:09}Z", utc.tm_year + 1900,
                     utc.tm_mon + 1, utc.tm_mday, utc.tm_hour, utc.tm_min, utc.tm_sec, fraction);
}

}  // namespace stoa
