#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "base/check.h"
#include "base/clock.h"
#include "base/state_hash.h"
#include "protocol/native/codec.h"
#include "relay/source.h"

namespace stoa::oms {

/// What a core says while it applies one input: encoded messages, in order. The caller takes them
/// and clears. Numbers them with the core's own counter and folds them into the core's rolling
/// hash, but only when they are drained or someone asks: no order waits for the hash.
class OutputBuffer {
 public:
  OutputBuffer() { bytes_.reserve(kReservedBytes); }

  /// Stamps of the outputs that follow.
  void begin(Timestamp now) noexcept { now_ = now; }

  template <native::Message M>
  void emit(const M& message) {
    std::byte* at = grow(native::kSmallMessageBytes);
    seal(native::encode({at, native::kSmallMessageBytes}, next_stamp(), message));
  }
  template <native::Message M, class Item>
  void emit_with_tail(const M& message, std::span<const Item> items) {
    std::byte* at = grow(native::kSmallMessageBytes);
    seal(native::encode_with_tail<M, Item>({at, native::kSmallMessageBytes}, next_stamp(), message,
                                           items));
  }

  /// Messages that wait.
  [[nodiscard]] std::size_t count() const noexcept { return ends_.size(); }
  /// Calls `visit(span of one encoded message)` for those from place `first` to before `last`,
  /// oldest first.
  template <class Visit>
  void for_each(std::size_t first, std::size_t last, Visit visit) const {
    std::size_t from = first == 0 ? 0 : ends_[first - 1];
    for (std::size_t i = first; i < last; ++i) {
      visit(std::span<const std::byte>{bytes_.data() + from, ends_[i] - from});
      from = ends_[i];
    }
  }
  /// Forgets them all.
  void clear() noexcept {
    rolling_ = rolling();
    folded_ = 0;
    ends_.clear();
    bytes_.clear();
  }
  /// Visits all, then forgets them.
  template <class Visit>
  void drain(Visit visit) {
    for_each(0, count(), visit);
    clear();
  }

  /// An input comes before the outputs that it causes.
  void fold_input(std::span<const std::byte> input) noexcept {
    rolling_ = rolling();
    folded_ = ends_.size();
    rolling_.add_bytes(input);
  }
  /// Inputs and outputs so far, in order.
  [[nodiscard]] StateHash rolling() const noexcept {
    StateHash hash = rolling_;
    for_each(folded_, count(), [&](std::span<const std::byte> bytes) { hash.add_bytes(bytes); });
    return hash;
  }

  /// Outputs since the log began; the next one is this plus one.
  [[nodiscard]] std::uint64_t sequence() const noexcept { return sequence_; }
  /// Goes on behind `sequence` outputs whose hash had come to `rolling`. Nothing may wait.
  void restore(std::uint64_t sequence, StateHash rolling) noexcept {
    check(ends_.empty(), "a state is loaded into a fresh core");
    sequence_ = sequence;
    rolling_ = rolling;
  }

 private:
  // A cancel-all of a thousand orders fits; more grows once, on an occasion where that is bearable.
  static constexpr std::size_t kReservedBytes = 1U << 20U;

  std::byte* grow(std::size_t room) {
    const std::size_t used = bytes_.size();
    bytes_.resize(used + room);
    return bytes_.data() + used;
  }
  void seal(std::size_t used) {
    bytes_.resize(bytes_.size() - native::kSmallMessageBytes + used);
    ends_.push_back(bytes_.size());
  }
  [[nodiscard]] native::Stamp next_stamp() noexcept {
    return {.domain = native::Domain::Execution,
            .source = static_cast<std::uint8_t>(relay::Source::Core),
            .flags = native::kFlagOutput,
            .sequence = ++sequence_,
            .timestamp = now_};
  }

  std::vector<std::byte> bytes_;
  std::vector<std::size_t> ends_;
  std::uint64_t sequence_ = 0;
  Timestamp now_{};
  StateHash rolling_;       // without the outputs from `folded_` on
  std::size_t folded_ = 0;  // outputs in `ends_` that are in the hash already
};

}  // namespace stoa::oms
