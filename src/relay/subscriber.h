#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "base/ids.h"
#include "protocol/native/codec.h"
#include "relay/wire.h"

namespace stoa::relay {

/// Records that do not come. Unknown: the relay has another log than before (it kept none on disk
/// and was started anew), and nobody can say.
struct Gap {
  Lsn first;
  Lsn last;

  [[nodiscard]] bool unknown() const noexcept { return last == Lsn{}; }
};

/// What a subscriber hands out, in the order of the log.
class SubscriberHandler {
 public:
  SubscriberHandler() = default;
  SubscriberHandler(const SubscriberHandler&) = delete;
  SubscriberHandler& operator=(const SubscriberHandler&) = delete;
  virtual ~SubscriberHandler() = default;

  /// The bytes live until it returns. Lsn{0}: a transient message, no part of the log.
  virtual void on_message(Lsn lsn, const native::MessageView& message) = 0;
  virtual void on_gap(const Gap& gap) { static_cast<void>(gap); }
  /// The state after record `lsn`, whole; records behind it follow (or, with `history`, earlier
  /// ones).
  virtual void on_checkpoint(Lsn lsn, std::span<const std::byte> state) {
    static_cast<void>(lsn), static_cast<void>(state);
  }
  virtual void on_connected() {}
  virtual void on_disconnected(const Error& why) { static_cast<void>(why); }
};

/// Reads a relay's domain at its own pace, with a cursor of its own: through reconnects it hands
/// out each record once and in order, and says so where one is missing. One thread.
class Subscriber {
 public:
  struct Options {
    std::filesystem::path socket;
    native::Domain domain = native::Domain::Execution;
    std::string name;  // for the relay's people, at most 32 bytes
    StartAt start = StartAt::Newest;
    Lsn from{};                 // StartAt::Lsn: the record wanted first; Lsn{0}: the oldest kept
    std::uint64_t log_id = 0;   // of the log that `from` belongs to; 0: whichever
    std::uint64_t history = 0;  // StartAt::Checkpoint: at least so many records before the head
    std::vector<std::string> filters{};  // `Trade.7`, `Trade.*`, `*`; none is all
    ReaderPolicy policy = ReaderPolicy::MustHave;
    std::size_t receive_bytes = 1U << 20U;
    native::Checksum checksum = native::Checksum::On;
    nanoseconds backoff_min = std::chrono::milliseconds{50};
    nanoseconds backoff_max = std::chrono::seconds{1};
    std::uint64_t seed = 1;
  };

  /// errors  BadInput: the socket's path, or a filter
  [[nodiscard]] static Result<Subscriber> open(Options options);
  Subscriber(Subscriber&&) noexcept;
  Subscriber& operator=(Subscriber&&) noexcept;
  ~Subscriber();

  /// Connects when it is time to, reads, and hands out at most `limit` messages; what is left comes
  /// next time. `now` is monotonic. Answers how many.
  std::size_t poll(nanoseconds now, SubscriberHandler& handler, std::size_t limit = SIZE_MAX);
  /// Whole messages were received and not handed out: call `poll` again without waiting for `fd`.
  [[nodiscard]] bool has_more() const noexcept;

  /// -1 while there is no connection.
  [[nodiscard]] int fd() const noexcept;
  [[nodiscard]] short events() const noexcept;
  /// Monotonic time of the next try to connect.
  [[nodiscard]] std::optional<nanoseconds> next_due() const noexcept;

  [[nodiscard]] bool connected() const noexcept;
  /// The record that comes next: the cursor. 0 before the first welcome unless a start was given.
  [[nodiscard]] Lsn next_lsn() const noexcept;
  /// Newest record of the log when this connection was made.
  [[nodiscard]] Lsn head_at_join() const noexcept;
  /// That record has been reached since.
  [[nodiscard]] bool caught_up() const noexcept;
  /// Which log the cursor belongs to; 0 before the first welcome.
  [[nodiscard]] std::uint64_t log_id() const noexcept;
  [[nodiscard]] const Error* last_error() const noexcept;

 private:
  class State;
  explicit Subscriber(std::unique_ptr<State> state) noexcept;

  std::unique_ptr<State> state_;
};

}  // namespace stoa::relay
