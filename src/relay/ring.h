#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>

#include "base/check.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/fd.h"
#include "base/ids.h"
#include "journal/writer.h"

namespace stoa::relay {

/// Memory of a memfd that is mapped twice in a row, so that any `size` bytes from any place lie
/// together.
class Mirror {
 public:
  /// When its pages are looked up: all of them now, or each at its first use, where nobody may wait
  /// now.
  enum class Touch : std::uint8_t { Now, Later };

  Mirror() noexcept = default;
  Mirror(Mirror&& other) noexcept;
  Mirror& operator=(Mirror&& other) noexcept;
  Mirror(const Mirror&) = delete;
  Mirror& operator=(const Mirror&) = delete;
  ~Mirror();

  /// Bytes [offset, offset + size) of `fd`; both are multiples of the page size, `size` a power of
  /// two.
  ///
  /// errors  Io: no memory
  [[nodiscard]] static Result<Mirror> map(const Fd& fd, std::uint64_t offset, std::size_t size,
                                          Touch touch);
  /// Of its own.
  [[nodiscard]] static Result<Mirror> make(const char* name, std::size_t size);

  [[nodiscard]] std::byte* at(std::uint64_t position) const noexcept {
    return base_ + (position & (size_ - 1));
  }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }

 private:
  Mirror(std::byte* base, std::size_t size) noexcept : base_{base}, size_{size} {}

  std::byte* base_ = nullptr;
  std::size_t size_ = 0;
};

/// A relay's memory of its domain: the newest entries (8 bytes of lsn and a message, exactly as
/// they travel to subscribers), and where to find them. All of it lies in one memfd, so that a
/// successor that gets the descriptor has everything.
///
/// Positions count bytes since the log began and never wrap. One thread.
class Ring {
 public:
  /// Where an entry begins and which lsn comes there next.
  struct Place {
    std::uint64_t position = 0;
    std::uint64_t lsn = 0;
  };

  Ring(Ring&& other) noexcept;
  Ring& operator=(Ring&& other) noexcept;
  Ring(const Ring&) = delete;
  Ring& operator=(const Ring&) = delete;
  ~Ring();

  /// `bytes` is rounded up to a power of two, at least 64 KiB. The first record will be `next`.
  ///
  /// errors  Io: no memory
  [[nodiscard]] static Result<Ring> make(std::size_t bytes, Lsn next, std::uint64_t log_id);
  /// The one that a predecessor made.
  ///
  /// errors  Damaged: these bytes are no ring of this version · Io
  [[nodiscard]] static Result<Ring> adopt(Fd fd);

  [[nodiscard]] int fd() const noexcept { return fd_.get(); }
  [[nodiscard]] std::size_t capacity() const noexcept { return bytes_.size(); }
  [[nodiscard]] std::uint64_t log_id() const noexcept { return state_->log_id; }

  /// Appends an entry; lsns follow each other. Lsn{0}: a transient message, which has no place in
  /// the log. The caller has made sure that it fits and that nobody still reads what goes. Answers
  /// the message's bytes in the ring.
  std::span<std::byte> append(Lsn lsn, std::span<const std::byte> message, bool key) noexcept;

  /// Where the next entry will begin.
  [[nodiscard]] std::uint64_t head() const noexcept { return state_->head; }
  [[nodiscard]] std::uint64_t next_lsn() const noexcept { return state_->next_lsn; }
  /// What lies before this position is, or may be, overwritten by an entry of `bytes`.
  [[nodiscard]] std::uint64_t lost_before(std::size_t bytes = 0) const noexcept {
    const std::uint64_t end = state_->head + bytes;
    return end > capacity() ? end - capacity() : 0;
  }

  /// Where record `lsn` begins; the head for the next one. Nothing when it is not there any more.
  [[nodiscard]] std::optional<Place> find(std::uint64_t lsn) const noexcept;
  /// The oldest record that `find` finds; the head when there is none.
  [[nodiscard]] Place oldest() const noexcept;
  /// The newest key message that is still there.
  [[nodiscard]] std::optional<Place> newest_key() const noexcept;
  /// The entry in which byte `position` lies, or which begins there. `known` is the place of an
  /// entry at or before it.
  [[nodiscard]] Place entry_at(std::uint64_t position, Place known) const noexcept;

  /// The bytes [from, to): they lie together.
  [[nodiscard]] std::span<const std::byte> bytes(std::uint64_t from,
                                                 std::uint64_t to) const noexcept {
    return {bytes_.at(from), static_cast<std::size_t>(to - from)};
  }
  /// What a relay that gives the ring to a successor says beside it.
  struct Leave {
    journal::Place journal{};  // where its journal ends
    nanoseconds paused_at{};   // monotonic: it took nothing more from then on
  };
  void leave(const Leave& words) noexcept;
  /// Nothing where the last owner said nothing, or something was appended since.
  [[nodiscard]] std::optional<Leave> left() const noexcept;

  /// The whole entry at this place.
  [[nodiscard]] std::span<const std::byte> entry(std::uint64_t position) const noexcept;

 private:
  static constexpr std::uint64_t kEvery = 16;  // records per mark

  /// Lies at the front of the memfd.
  struct State {
    std::uint64_t magic;
    std::uint32_t version;
    std::uint32_t marks_count;  // a power of two
    std::uint64_t ring_bytes;
    std::uint64_t log_id;
    std::uint64_t head;
    std::uint64_t next_lsn;
    std::uint64_t first_lsn;  // of the ring's first record ever
    std::uint64_t key_position;
    std::uint64_t key_lsn;  // 0: none yet
    // Leave; what an owner that knows nothing of it leaves as it was.
    std::uint64_t left_next;  // lsn; 0: nothing was left
    std::uint64_t left_segment;
    std::uint64_t left_offset;
    std::uint64_t left_chain;
    std::int64_t left_paused_at;
  };
  /// Of every kEvery-th record.
  struct Mark {
    std::uint64_t lsn;
    std::uint64_t position;
  };

  Ring(Fd fd, std::byte* front, std::size_t front_bytes, Mirror bytes) noexcept;

  [[nodiscard]] Mark& mark_of(std::uint64_t lsn) const noexcept {
    return marks_[(lsn / kEvery) & (state_->marks_count - 1)];
  }
  [[nodiscard]] std::optional<Place> mark_at_or_after(std::uint64_t lsn) const noexcept;

  Fd fd_;
  std::byte* front_ = nullptr;  // State, then marks
  std::size_t front_bytes_ = 0;
  State* state_ = nullptr;
  Mark* marks_ = nullptr;
  Mirror bytes_;
};

inline std::span<std::byte> Ring::append(Lsn lsn, std::span<const std::byte> message,
                                         bool key) noexcept {
  State& state = *state_;
  // One by one: a load of both, which the compiler would make, waits until the stores of the
  // message before have left the processor, and with them its checksum.
  const std::uint64_t at = std::atomic_ref{state.head}.load(std::memory_order_relaxed);
  const std::uint64_t value = lsn.value();
  if (value != 0) {
    check(value == std::atomic_ref{state.next_lsn}.load(std::memory_order_relaxed),
          "records follow each other");
    if (value % kEvery == 0 || value == state.first_lsn) {
      mark_of(value) = {.lsn = value, .position = at};
    }
    if (key) {
      state.key_position = at;
      state.key_lsn = value;
    }
    state.next_lsn = value + 1;
  }
  std::byte* const to = bytes_.at(at);
  std::memcpy(to, &value, sizeof value);
  std::memcpy(to + sizeof value, message.data(), message.size());
  state.head = at + sizeof value + message.size();
  return {to + sizeof value, message.size()};
}

}  // namespace stoa::relay
