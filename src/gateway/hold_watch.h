#pragma once

#include "base/clock.h"
#include "ops/engine_status.h"

namespace stoa::gateway {

/// Judges whether orders may come while the processes behind the gateway come and go. A platform
/// that was ready holds them for `hold_max` from a loss; then, and before it was ready for the
/// first time, the door is closed.
///
/// A loss is noticed as a connection that ends, as execution's word that it is not ready, or as its
/// silence (Pulse, apps/heartbeat.h). It counts from execution's last word of readiness, or from
/// the end of the connection: a silence that is noticed late is held for that much less.
///
/// thread  one; time is a parameter
class HoldWatch {
 public:
  explicit HoldWatch(nanoseconds hold_max) noexcept : hold_max_{hold_max} {}

  struct Seen {
    bool relay = false;             // takes messages, and its log is read
    bool execution = false;         // has said that it is ready, not long ago
    nanoseconds execution_heard{};  // when it last said so; 0: never
  };
  /// What the desk is to know, at monotonic time `now`.
  [[nodiscard]] ops::OrderDoor look(nanoseconds now, const Seen& seen) noexcept {
    using Mode = ops::OrderDoor::Mode;
    const bool ready = seen.relay && seen.execution;
    if (ready) {
      was_ready_ = true;
      lost_ = nanoseconds{};
      return {.mode = Mode::Open, .takes = true};
    }
    if (!was_ready_) return {.mode = Mode::Closed};
    if (lost_ == nanoseconds{}) lost_ = seen.relay ? seen.execution_heard : now;
    const nanoseconds until = lost_ + hold_max_;
    if (now >= until) return {.mode = Mode::Closed};
    return {.mode = Mode::Held, .takes = seen.relay, .until_ns = until.count()};
  }

 private:
  nanoseconds hold_max_;
  nanoseconds lost_{};  // 0: nothing is
  bool was_ready_ = false;
};

}  // namespace stoa::gateway
