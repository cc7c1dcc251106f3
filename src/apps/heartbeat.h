#pragma once

#include <chrono>
#include <cstdint>

#include "base/clock.h"
#include "model/system.h"
#include "protocol/native/codec.h"
#include "relay/publisher.h"
#include "relay/source.h"

namespace stoa::apps {

/// How roles tell each other through a relay that they are ready: a word of the moment, five times
/// a second, and at once when it changes.
inline constexpr nanoseconds kHeartbeatEvery = std::chrono::milliseconds{200};
/// Older than this: the role is away. Ten beats: a process that was only slow is not taken for
/// dead.
inline constexpr nanoseconds kHeartbeatLost = std::chrono::seconds{2};

/// Sends them.
class Heart {
 public:
  void poll(nanoseconds monotonic_now, Timestamp now, bool ready, relay::Publisher& to,
            relay::Source source, Lsn lsn) {
    if (monotonic_now < due_ && ready == ready_) return;
    if (!to.connected()) return;
    due_ = monotonic_now + kHeartbeatEvery;
    ready_ = ready;
    const Heartbeat beat{
        .source = static_cast<std::uint8_t>(source),
        .ready = static_cast<std::uint8_t>(ready ? 1 : 0),
        .interval_ms = static_cast<std::uint32_t>(kHeartbeatEvery / std::chrono::milliseconds{1}),
        .sequence = to.next_sequence() - 1,
        .lsn = lsn,
        .ts_sent = now};
    static_cast<void>(to.transient(beat, now));  // the next one says it again
  }
  [[nodiscard]] nanoseconds due() const noexcept { return due_; }

 private:
  nanoseconds due_{};
  bool ready_ = false;
};

/// Hears those of one source.
class Pulse {
 public:
  explicit Pulse(relay::Source source) noexcept : source_{source} {}
  void hear(const native::MessageView& message, nanoseconds monotonic_now) {
    if (!message.is<Heartbeat>()) return;
    const auto beat = message.as<Heartbeat>();
    if (beat.source != static_cast<std::uint8_t>(source_)) return;
    heard_ = monotonic_now;
    ready_ = beat.ready != 0;
    if (ready_) heard_ready_ = monotonic_now;
  }
  [[nodiscard]] bool there(nanoseconds monotonic_now) const noexcept {
    return heard_ != nanoseconds{} && monotonic_now - heard_ < kHeartbeatLost;
  }
  [[nodiscard]] bool ready(nanoseconds monotonic_now) const noexcept {
    return ready_ && there(monotonic_now);
  }
  /// When it last said that it is ready; 0: never.
  [[nodiscard]] nanoseconds heard_ready() const noexcept { return heard_ready_; }

 private:
  relay::Source source_;
  nanoseconds heard_{};
  nanoseconds heard_ready_{};
  bool ready_ = false;
};

}  // namespace stoa::apps
