#pragma once

#include <chrono>
#include <compare>
#include <cstdint>
#include <string>

namespace stoa {

using std::chrono::nanoseconds;

/// A moment: nanoseconds UTC since 1970. Zero is "not set" only where a field says so.
class Timestamp {
 public:
  constexpr Timestamp() noexcept = default;
  static constexpr Timestamp from_ns(std::int64_t ns) noexcept { return Timestamp{ns}; }

  [[nodiscard]] constexpr std::int64_t ns() const noexcept { return ns_; }
  friend constexpr auto operator<=>(Timestamp, Timestamp) = default;
  friend constexpr Timestamp operator+(Timestamp t, nanoseconds d) noexcept {
    return Timestamp{t.ns_ + d.count()};
  }
  friend constexpr Timestamp operator-(Timestamp t, nanoseconds d) noexcept {
    return Timestamp{t.ns_ - d.count()};
  }
  friend constexpr nanoseconds operator-(Timestamp a, Timestamp b) noexcept {
    return nanoseconds{a.ns_ - b.ns_};
  }

 private:
  explicit constexpr Timestamp(std::int64_t ns) noexcept : ns_{ns} {}

  std::int64_t ns_ = 0;
};

/// RFC 3339 in UTC with nine decimals: "2024-08-09T00:54:13.937085768Z".
[[nodiscard]] std::string to_rfc3339(Timestamp time);

/// The only door to time. Everything that asks "when" takes a Clock&, so that a simulation owns
/// time.
class Clock {
 public:
  virtual ~Clock() = default;
  /// Wall time, for stamps.
  [[nodiscard]] virtual Timestamp now() const noexcept = 0;
  /// Never goes back, for intervals; its zero is arbitrary.
  [[nodiscard]] virtual nanoseconds monotonic() const noexcept = 0;
};

/// The operating system's clocks. Any thread.
class SystemClock final : public Clock {
 public:
  [[nodiscard]] Timestamp now() const noexcept override;
  [[nodiscard]] nanoseconds monotonic() const noexcept override;
};

/// A clock that stands until it is told; one thread.
class ManualClock final : public Clock {
 public:
  explicit ManualClock(Timestamp start) noexcept : now_{start} {}

  [[nodiscard]] Timestamp now() const noexcept override { return now_; }
  [[nodiscard]] nanoseconds monotonic() const noexcept override { return nanoseconds{now_.ns()}; }
  /// Moves forward; an earlier time leaves the clock where it is.
  void advance_to(Timestamp time) noexcept {
    if (time > now_) now_ = time;
  }

 private:
  Timestamp now_;
};

}  // namespace stoa
