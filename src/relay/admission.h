#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "base/clock.h"
#include "protocol/native/codec.h"
#include "relay/source.h"

namespace stoa::relay {

/// Puts messages of the relay's own process into the log, at the place where the relay is.
class Insert {
 public:
  Insert() = default;
  Insert(const Insert&) = delete;
  Insert& operator=(const Insert&) = delete;
  virtual ~Insert() = default;

  /// `awaited`: the round's commit syncs for it. One that is not is durable with what follows.
  template <native::Message M>
  void add(Source source, Timestamp now, const M& message, bool awaited = true,
           std::uint8_t flags = 0) {
    std::array<std::byte, native::kSmallMessageBytes> bytes;
    const std::size_t size = native::encode(bytes,
                                            {.domain = domain(),
                                             .source = static_cast<std::uint8_t>(source),
                                             .flags = flags,
                                             .sequence = next_sequence(source),
                                             .timestamp = now},
                                            message);
    place(source, std::span{bytes}.first(size), awaited);
  }

  /// The number that the next message of `source` gets.
  [[nodiscard]] virtual std::uint64_t next_sequence(Source source) const noexcept = 0;

 protected:
  [[nodiscard]] virtual native::Domain domain() const noexcept = 0;
  virtual void place(Source source, std::span<std::byte> message, bool awaited) = 0;
};

/// Asked by a relay before it gives a publisher's message its place. Called on the relay's thread;
/// bounded work, no I/O. Each call inserts at most kInsertsMax messages.
class Admission {
 public:
  static constexpr std::size_t kInsertsMax = 4'096;

  enum class Verdict : std::uint8_t {
    Pass,     // it gets its place, behind what was inserted
    Swallow,  // it counts for its source, and does not stand in the log
  };

  Admission() = default;
  Admission(const Admission&) = delete;
  Admission& operator=(const Admission&) = delete;
  virtual ~Admission() = default;

  /// `message` has passed its checks and is no duplicate. A transient one is asked about too.
  [[nodiscard]] virtual Verdict consider(const native::MessageView& message, Timestamp now,
                                         Insert& insert) = 0;
  /// Once a round, before publishers are read: what is due without a cause.
  virtual void poll(Timestamp now, Insert& insert) = 0;
};

}  // namespace stoa::relay
