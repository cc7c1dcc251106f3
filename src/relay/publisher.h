#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "base/clock.h"
#include "base/error.h"
#include "base/ids.h"
#include "protocol/native/codec.h"
#include "relay/source.h"

namespace stoa::relay {

/// What became of a message.
enum class Publish : std::uint8_t {
  Ok,            // it is in the outbox
  Full,          // the outbox is: nothing was taken; poll and try again
  NotConnected,  // before the first welcome, which says where the numbers begin
};

/// Sends the messages of one source to a relay and keeps each until it counts there, through
/// reconnects of its own accord. One thread.
///
/// Numbers begin one above the newest that the relay knows of the source. What is sent again is
/// byte for byte what was sent before.
class Publisher {
 public:
  struct Options {
    std::filesystem::path socket;
    native::Domain domain = native::Domain::Execution;
    Source source{};
    std::string name;                      // for the relay's people, at most 32 bytes
    std::size_t outbox_bytes = 8U << 20U;  // not yet acknowledged; rounded up to a power of two
    /// While less than 32 KiB wait, `poll` sends at most so often: what is published one by one
    /// goes together. The first after a pause goes at once. 0: nothing waits for company.
    nanoseconds gather = std::chrono::microseconds{5};
    nanoseconds backoff_min = std::chrono::milliseconds{50};  // doubles …
    nanoseconds backoff_max = std::chrono::seconds{1};        // … up to here
    std::uint64_t seed = 1;                                   // of its jitter
    native::Checksum checksum = native::Checksum::On;
    /// Where the numbers begin if the relay knows nothing of the source. A source on relays that
    /// forget begins at a clock (numbers_begin_at), so that its numbers never fall.
    std::uint64_t first_sequence = 0;  // 0: at 1
  };
  /// Microseconds since 1970: above every number that an earlier process of the source has given,
  /// at less than a million messages a second over its life.
  [[nodiscard]] static constexpr std::uint64_t numbers_begin_at(Timestamp now) noexcept {
    return static_cast<std::uint64_t>(now.ns() / 1'000);
  }

  /// errors  BadInput: the socket's path is too long · Io: no memory
  [[nodiscard]] static Result<Publisher> open(Options options);
  Publisher(Publisher&&) noexcept;
  Publisher& operator=(Publisher&&) noexcept;
  ~Publisher();

  /// Encodes, numbers and stages; `poll` sends. No system call, no allocation.
  template <native::Message M>
  [[nodiscard]] Publish publish(const M& message, Timestamp now, std::uint8_t flags = 0) {
    const Room room = claim(native::detail::message_bytes(sizeof(M)));
    if (room.bytes.empty()) return room.outcome;
    return add(native::encode(room.bytes, stamp(next_sequence(), now, flags), message), true);
  }
  /// What the next message has to be encoded with, for those that need a tail or a trace.
  [[nodiscard]] native::Stamp stamp(Timestamp now, std::uint8_t flags = 0) const noexcept {
    return stamp(next_sequence(), now, flags);
  }
  /// A message that carries `next_sequence` and this source already.
  [[nodiscard]] Publish publish_encoded(std::span<const std::byte> message);

  /// A message outside the log: in order with the others, lost with the connection.
  template <native::Message M>
  [[nodiscard]] Publish transient(const M& message, Timestamp now, std::uint8_t flags = 0) {
    const Room room = claim(native::detail::message_bytes(sizeof(M)));
    if (room.bytes.empty()) return room.outcome;
    const auto all_flags = static_cast<std::uint8_t>(flags | native::kFlagProbe);
    return add(native::encode(room.bytes, stamp(0, now, all_flags), message), false);
  }
  /// The same for one that is encoded and has kFlagProbe.
  [[nodiscard]] Publish transient_encoded(std::span<const std::byte> message);

  /// Connects when it is time to, sends what is staged with one call, reads what the relay says.
  /// `now` is monotonic. Answers how much was done. What waits for company (`gather`) keeps POLLOUT
  /// in `events`, so that a caller that waits comes back and it leaves in time.
  std::size_t poll(nanoseconds now);

  /// -1 while there is no connection.
  [[nodiscard]] int fd() const noexcept;
  /// What to wait for on it: POLLIN, with POLLOUT while something waits to be sent.
  [[nodiscard]] short events() const noexcept;
  /// Monotonic time of the next try to connect.
  [[nodiscard]] std::optional<nanoseconds> next_due() const noexcept;

  /// The relay has welcomed this connection.
  [[nodiscard]] bool connected() const noexcept;
  /// There was a welcome: numbers are known, `publish` takes messages even while disconnected.
  [[nodiscard]] bool ready() const noexcept;
  /// Everything up to it counts.
  [[nodiscard]] std::uint64_t acked_sequence() const noexcept;
  /// Where that one stands; 0: not known.
  [[nodiscard]] Lsn acked_lsn() const noexcept;
  /// Of the next message.
  [[nodiscard]] std::uint64_t next_sequence() const noexcept;
  /// Messages that do not count yet.
  [[nodiscard]] std::uint64_t unacked() const noexcept;
  [[nodiscard]] std::size_t outbox_used() const noexcept;
  [[nodiscard]] std::uint64_t instance() const noexcept;
  [[nodiscard]] std::uint64_t log_id() const noexcept;

  /// The last thing that the relay or the system refused, or null.
  [[nodiscard]] const Error* refusal() const noexcept;
  /// A later instance publishes for this source: this one has ended.
  [[nodiscard]] bool superseded() const noexcept;

  /// What became of a checkpoint.
  struct Upload {
    Lsn lsn;
    std::optional<Error> error;  // nothing: it is on disk
  };
  /// Sends the state after record `lsn` to be kept beside the log, in pieces between messages. One
  /// at a time.
  ///
  /// errors  Unavailable: one is on its way, or there is no connection
  [[nodiscard]] Result<void> upload_checkpoint(Lsn lsn, std::span<const std::byte> state);
  [[nodiscard]] bool uploading() const noexcept;
  /// Once per upload, when the relay has answered or the connection was lost.
  [[nodiscard]] std::optional<Upload> take_upload();

  /// Forgets everything but its memory, as if just opened: the next hello is that of a later
  /// process of the source. What is not acknowledged is not sent any more.
  void renew();

  /// Says good-bye after what is staged; poll until `unacked` is 0 first.
  void close();

 private:
  class State;
  explicit Publisher(std::unique_ptr<State> state) noexcept;

  /// Where the next message of so many bytes is encoded; empty: `outcome` says why not.
  struct Room {
    std::span<std::byte> bytes{};
    Publish outcome = Publish::Ok;
  };
  [[nodiscard]] native::Stamp stamp(std::uint64_t sequence, Timestamp now,
                                    std::uint8_t flags) const noexcept;
  [[nodiscard]] Room claim(std::size_t bytes);
  /// What was claimed holds a message; `record`: one with the next number.
  Publish add(std::size_t bytes, bool record) noexcept;
  [[nodiscard]] Publish stage(std::span<const std::byte> message);

  std::unique_ptr<State> state_;
};

}  // namespace stoa::relay
