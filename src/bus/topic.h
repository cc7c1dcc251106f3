#pragma once

#include <array>
#include <atomic>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

#include "base/cache_line.h"
#include "base/check.h"
#include "bus/copy.h"

namespace stoa::bus {

class Publication;
class Subscription;

struct TopicOptions {
  /// Rounded up to a power of two, at least 1 KiB. A message takes 8 bytes and its payload rounded
  /// up to 8.
  std::size_t capacity_bytes = 1U << 20U;
  /// Without it every subscription is MustHave, and publishing may copy with full-width moves and
  /// encode in place.
  bool allow_lossy = false;
};

/// What happens to a subscription that does not keep up.
enum class Policy : std::uint8_t {
  MustHave,  // the publisher is told to wait rather than overwrite what it has not read
  Lossy,     // overwritten messages are skipped and counted; the publisher never waits for it
};

enum class PublishResult : std::uint8_t {
  Ok,
  BackPressure,  // a MustHave subscription is a whole ring behind; nothing was written, try later
  TooLarge,      // over max_message_bytes(); will never fit
};

/// A message as a subscription sees it.
struct Message {
  std::uint64_t seq;                   // from 1, without gap in the topic
  std::span<const std::byte> payload;  // 8-byte aligned; lives until the handler returns
};

/// Carries opaque messages of any length from one publisher thread to many subscriber threads
/// inside a process: a bounded ring of bytes, touched when it is made, where each subscription
/// keeps its own cursor and a stated policy. A ring for commands is a topic with one MustHave
/// subscription.
///
/// Full: the policy decides, see `Policy`. Nothing allocates after construction and subscribing.
/// Lifetime: outlives its publication and its subscriptions. It does not wake sleepers: see wake.h.
class Topic {
 public:
  static constexpr std::size_t kMaxMustHave = 32;

  explicit Topic(const TopicOptions& options);
  Topic(const Topic&) = delete;
  Topic& operator=(const Topic&) = delete;
  ~Topic();

  /// The one door for publishing; taking it twice at a time is a bug and stops the process. The
  /// thread that publishes may change if the hand-over is synchronised.
  [[nodiscard]] Publication publication();

  /// Joins at the present end: the first message is the one published next. Any thread, any time.
  ///
  /// returns nothing when kMaxMustHave are taken, or for Lossy when the topic does not allow it
  [[nodiscard]] std::optional<Subscription> subscribe(Policy policy);

  /// Largest payload: a quarter of the ring, less the header.
  [[nodiscard]] std::size_t max_message_bytes() const noexcept { return max_message_bytes_; }
  [[nodiscard]] std::size_t capacity_bytes() const noexcept { return mask_ + 1; }
  /// Sequence number of the newest message published, 0 before the first. Any thread.
  [[nodiscard]] std::uint64_t published() const noexcept {
    return shared_.seq_after.load(std::memory_order_relaxed);
  }

 private:
  friend class Publication;
  friend class Subscription;

  // A header word is the payload's size in the low 24 bits and the low 40 bits of the sequence
  // number above; the size kPadding says that the ring is empty from here to its end.
  static constexpr unsigned kSizeBits = 24;
  static constexpr std::uint64_t kSizeMask = (1U << kSizeBits) - 1;
  static constexpr std::uint64_t kSeqMask = (std::uint64_t{1} << (64 - kSizeBits)) - 1;
  static constexpr std::uint64_t kPadding = kSizeMask;
  static constexpr std::size_t kHeaderBytes = 8;
  static constexpr std::uint64_t kFree = UINT64_MAX;  // of a cursor slot

  // Positions count bytes since the topic was made and never wrap; `position & mask_` is the place.
  struct alignas(kCacheLineBytes) PublisherSide {  // only the publisher touches it
    std::uint64_t position = 0;                    // behind the last staged message
    std::uint64_t limit = 0;                       // staged messages must end at or before this
    std::uint64_t seq = 0;                         // of the last staged message
    std::uint64_t last_start = 0;                  // where that message begins
  };
  struct alignas(kCacheLineBytes) SharedSide {  // the publisher writes, subscribers read
    std::atomic<std::uint64_t> seq_before{0};   // newest sequence number, stored before `tail`
    std::atomic<std::uint64_t> tail{0};         // everything before it may be read
    std::atomic<std::uint64_t> seq_after{0};    // the same number, stored after `tail`
    std::atomic<std::uint64_t> latest{0};       // where the newest message begins
    std::atomic<std::uint64_t> intent{0};       // bytes below may be being overwritten a lap on
  };
  struct alignas(kCacheLineBytes) Slot {
    std::atomic<std::uint64_t> cursor{kFree};  // a MustHave subscription has read up to here
  };
  struct Joint {
    std::uint64_t position;
    std::uint64_t seq;
  };
  struct FreeBytes {
    void operator()(std::byte* bytes) const noexcept;
  };

  [[nodiscard]] std::byte* at(std::uint64_t position) const noexcept {
    return bytes_.get() + (position & mask_);
  }
  [[nodiscard]] bool refresh_limit(std::uint64_t needed) noexcept;
  [[nodiscard]] Joint tail_with_seq() const noexcept;
  [[nodiscard]] Slot* claim_slot() noexcept;

  // Set once, read by everyone.
  std::unique_ptr<std::byte, FreeBytes> bytes_;
  std::unique_ptr<std::byte, FreeBytes> scratch_;  // of claim(), where lossy readers look on
  std::uint64_t mask_ = 0;
  std::size_t max_message_bytes_ = 0;
  bool allow_lossy_ = false;

  PublisherSide publisher_;
  SharedSide shared_;
  alignas(kCacheLineBytes) std::atomic<std::uint64_t> joins_{0};
  std::atomic<bool> has_publisher_{false};
  std::array<Slot, kMaxMustHave> slots_;
};

/// Writes messages into a topic. One thread.
///
/// Single messages go through try_publish. A batch is staged message by message and made visible by
/// one flush, which costs subscribers one cache miss for all of them:
///
///   while (more()) if (publication.try_stage(bytes()) != PublishResult::Ok) break;
///   publication.flush();
class Publication {
 public:
  Publication(Publication&& other) noexcept : topic_{std::exchange(other.topic_, nullptr)} {}
  Publication& operator=(Publication&&) = delete;
  Publication(const Publication&) = delete;
  Publication& operator=(const Publication&) = delete;
  /// Flushes what is staged.
  ~Publication();

  /// Copies one message in and makes it visible, with everything staged before it.
  PublishResult try_publish(std::span<const std::byte> payload) noexcept {
    return try_publish(payload, {});
  }
  /// One message gathered from two parts that lie apart.
  PublishResult try_publish(std::span<const std::byte> first,
                            std::span<const std::byte> second) noexcept {
    const PublishResult result = try_stage(first, second);
    if (result == PublishResult::Ok) flush();
    return result;
  }

  /// Copies one message in; subscribers see it at the next flush. A batch is at most a ring long:
  /// after BackPressure flush what is staged before trying again.
  PublishResult try_stage(std::span<const std::byte> payload) noexcept {
    return try_stage(payload, {});
  }
  PublishResult try_stage(std::span<const std::byte> first,
                          std::span<const std::byte> second) noexcept;
  /// Makes everything staged visible.
  void flush() noexcept;

  /// Room for a message of up to `size` bytes, to be encoded in place; empty when try_publish would
  /// answer BackPressure or TooLarge (`size` 0 is not allowed). One claim at a time: a new one, or
  /// any other call here, drops it. On a topic with lossy subscriptions the room is a side buffer
  /// and `commit` copies.
  [[nodiscard]] std::span<std::byte> claim(std::size_t size) noexcept;
  /// Stages the first `used` bytes of the claim, at most its size; `flush` makes them visible.
  void stage_claim(std::size_t used) noexcept;
  /// Stages and flushes.
  void commit(std::size_t used) noexcept {
    stage_claim(used);
    flush();
  }

  /// Sequence number of the newest message staged or published, 0 before the first.
  [[nodiscard]] std::uint64_t seq() const noexcept { return topic_->publisher_.seq; }

 private:
  friend class Topic;
  friend class Subscription;
  explicit Publication(Topic& topic) noexcept : topic_{&topic} {}

  [[nodiscard]] static constexpr std::size_t record_bytes(std::size_t payload_bytes) noexcept {
    return Topic::kHeaderBytes + ((payload_bytes + 7) & ~std::size_t{7});
  }
  static constexpr std::uint64_t kNoRoom = UINT64_MAX;

  /// Where the record will begin, or kNoRoom.
  [[nodiscard]] std::uint64_t reserve(std::size_t payload_bytes) noexcept;
  [[nodiscard]] std::uint64_t reserve_over_the_edge(std::uint64_t needed) noexcept;
  void stage(std::uint64_t start, std::size_t payload_bytes) noexcept;

  Topic* topic_;
  std::size_t claimed_bytes_ = 0;
  std::uint64_t claimed_at_ = 0;
};

/// Reads a topic at its own pace. One thread, except where a call says otherwise. Letting go of it
/// frees the publisher from waiting.
class Subscription {
 public:
  Subscription(Subscription&& other) noexcept;
  Subscription& operator=(Subscription&&) = delete;
  Subscription(const Subscription&) = delete;
  Subscription& operator=(const Subscription&) = delete;
  ~Subscription();

  /// Hands at most `limit` messages to `handler(const Message&)`, oldest first, and answers how
  /// many. A handler that returns bool says with false "not this one": the poll ends and the
  /// message comes again next time. Space is given back to the publisher once per poll. Handlers
  /// must not throw and must not poll the same subscription.
  template <class Handler>
    requires std::invocable<Handler&, const Message&>
  std::size_t poll(Handler&& handler, std::size_t limit = SIZE_MAX) noexcept;

  /// Messages published and not yet handed out or counted as missed.
  [[nodiscard]] std::uint64_t lag() const noexcept {
    const std::uint64_t published = topic_->published();
    return published >= next_seq_ ? published - next_seq_ + 1 : 0;
  }
  /// Messages that were overwritten before they were read, known when the next one is handed out;
  /// always 0 for MustHave. A gap shows in `Message::seq` too.
  [[nodiscard]] std::uint64_t missed() const noexcept { return missed_; }
  /// The sequence number that comes next if nothing is missed.
  [[nodiscard]] std::uint64_t next_seq() const noexcept { return next_seq_; }
  [[nodiscard]] Policy policy() const noexcept {
    return slot_ != nullptr ? Policy::MustHave : Policy::Lossy;
  }

 private:
  friend class Topic;
  friend struct SubscriptionPeer;
  Subscription(Topic& topic, Topic::Slot* slot, Topic::Joint start);

  template <class Handler>
  std::size_t poll_in_place(Handler& handler, std::size_t limit) noexcept;
  template <class Handler>
  std::size_t poll_copies(Handler& handler, std::size_t limit) noexcept;
  /// True when the next message stands whole in `copy_`; false when there is none to be had now.
  /// `before_copy` runs between the look at the header and the copy: a moment for tests.
  template <class Moment>
  [[nodiscard]] bool copy_next(const Moment& before_copy) noexcept;
  [[nodiscard]] bool overwritten(std::uint64_t position) const noexcept;
  /// False: the handler wants this message again.
  template <class Handler>
  [[nodiscard]] static bool hand_out(Handler& handler, const Message& message) noexcept {
    if constexpr (std::is_same_v<std::invoke_result_t<Handler&, const Message&>, bool>) {
      return handler(message);
    } else {
      handler(message);
      return true;
    }
  }

  Topic* topic_;
  Topic::Slot* slot_;  // null: Lossy
  std::uint64_t cursor_;
  std::uint64_t next_seq_;
  std::uint64_t tail_seen_;
  std::uint64_t missed_ = 0;
  std::uint64_t copied_seq_ = 0;
  std::size_t copied_bytes_ = 0;
  std::vector<std::uint64_t> copy_;  // Lossy: a message is validated here before it is handed out
};

// --- the hot paths, in line

inline std::uint64_t Publication::reserve(std::size_t payload_bytes) noexcept {
  Topic& topic = *topic_;
  const Topic::PublisherSide& mine = topic.publisher_;
  const std::uint64_t position = mine.position;
  const std::uint64_t needed = record_bytes(payload_bytes);
  const std::uint64_t end = position + needed;
  if ((position & topic.mask_) + needed > topic.mask_ + 1) [[unlikely]] {
    return reserve_over_the_edge(needed);
  }
  if (end > mine.limit && !topic.refresh_limit(end)) [[unlikely]] {
    return kNoRoom;
  }
  // Announced before any byte is overwritten. Pairs with overwritten(): the ring's words are stored
  // with release below and loaded with acquire there, so who has seen a new word sees this.
  if (topic.allow_lossy_) topic.shared_.intent.store(end, std::memory_order_relaxed);
  return position;
}

inline void Publication::stage(std::uint64_t start, std::size_t payload_bytes) noexcept {
  Topic::PublisherSide& mine = topic_->publisher_;
  const std::uint64_t seq = mine.seq + 1;
  store_word(topic_->at(start), (seq << Topic::kSizeBits) | payload_bytes);
  mine.seq = seq;
  mine.last_start = start;
  mine.position = start + record_bytes(payload_bytes);
}

inline PublishResult Publication::try_stage(std::span<const std::byte> first,
                                            std::span<const std::byte> second) noexcept {
  const std::size_t size = first.size() + second.size();
  if (size > topic_->max_message_bytes_) [[unlikely]] {
    return PublishResult::TooLarge;
  }
  claimed_bytes_ = 0;
  const std::uint64_t start = reserve(size);
  if (start == kNoRoom) return PublishResult::BackPressure;
  std::byte* const to = topic_->at(start) + Topic::kHeaderBytes;
  if (topic_->allow_lossy_) {
    store_words(to, first, second);
  } else {
    copy_parts(to, first, second);
  }
  stage(start, size);
  return PublishResult::Ok;
}

inline std::span<std::byte> Publication::claim(std::size_t size) noexcept {
  check(size > 0, "a claim has a size");
  claimed_bytes_ = 0;
  if (size > topic_->max_message_bytes_) return {};
  claimed_at_ = reserve(size);
  if (claimed_at_ == kNoRoom) return {};
  claimed_bytes_ = size;
  std::byte* const room =
      topic_->allow_lossy_ ? topic_->scratch_.get() : topic_->at(claimed_at_) + Topic::kHeaderBytes;
  return {room, size};
}

inline void Publication::stage_claim(std::size_t used) noexcept {
  check(used <= claimed_bytes_, "no more is committed than was claimed");
  claimed_bytes_ = 0;
  if (topic_->allow_lossy_) {
    store_words(topic_->at(claimed_at_) + Topic::kHeaderBytes, {topic_->scratch_.get(), used}, {});
  }
  stage(claimed_at_, used);
}

inline void Publication::flush() noexcept {
  const Topic::PublisherSide& mine = topic_->publisher_;
  Topic::SharedSide& shared = topic_->shared_;
  // Subscribers load `tail` with acquire and then read every message before it. The two sequence
  // numbers around it let a joining subscription pair a position with its number (tail_with_seq),
  // and `latest` after it lets a lossy one jump there and know that the tail is behind it.
  shared.seq_before.store(mine.seq, std::memory_order_release);
  shared.tail.store(mine.position, std::memory_order_release);
  shared.seq_after.store(mine.seq, std::memory_order_release);
  shared.latest.store(mine.last_start, std::memory_order_release);
}

template <class Handler>
  requires std::invocable<Handler&, const Message&>
std::size_t Subscription::poll(Handler&& handler, std::size_t limit) noexcept {
  return slot_ != nullptr ? poll_in_place(handler, limit) : poll_copies(handler, limit);
}

template <class Handler>
std::size_t Subscription::poll_in_place(Handler& handler, std::size_t limit) noexcept {
  if (cursor_ == tail_seen_) {
    tail_seen_ = topic_->shared_.tail.load(std::memory_order_acquire);  // partner: flush()
    if (cursor_ == tail_seen_) return 0;
  }
  const std::uint64_t mask = topic_->mask_;
  const std::uint64_t tail = tail_seen_;
  std::uint64_t cursor = cursor_;
  std::uint64_t seq = next_seq_;
  std::size_t count = 0;
  while (cursor != tail && count < limit) {
    const std::byte* const record = topic_->at(cursor);
    const std::size_t size = plain_word(record) & Topic::kSizeMask;
    if (size == Topic::kPadding) [[unlikely]] {
      cursor += mask + 1 - (cursor & mask);
      continue;
    }
    if (!hand_out(handler, Message{seq, {record + Topic::kHeaderBytes, size}})) break;
    cursor += Publication::record_bytes(size);
    ++seq;
    ++count;
  }
  cursor_ = cursor;
  next_seq_ = seq;
  // Pairs with the acquire load in refresh_limit(): our reads are over before the publisher
  // overwrites what they read.
  slot_->cursor.store(cursor, std::memory_order_release);
  return count;
}

inline bool Subscription::overwritten(std::uint64_t position) const noexcept {
  // Called after acquire loads of ring words; see Publication::reserve for the partner.
  const std::uint64_t intent = topic_->shared_.intent.load(std::memory_order_relaxed);
  return intent > position + topic_->capacity_bytes();
}

template <class Moment>
bool Subscription::copy_next(const Moment& before_copy) noexcept {
  // Bounded, as a publisher that laps us at every try must not hold us here.
  for (int tries = 0; tries < 8; ++tries) {
    if (cursor_ == tail_seen_) {
      tail_seen_ = topic_->shared_.tail.load(std::memory_order_acquire);  // partner: flush()
      if (cursor_ == tail_seen_) return false;
    }
    const std::uint64_t header = word_at(topic_->at(cursor_)).load(std::memory_order_acquire);
    if (overwritten(cursor_)) {
      // Lapped: go on at the newest message, the only other place known to begin one. `latest` is
      // stored after the tail that ends it, so the tail loaded next lies behind it. A long batch
      // that is staged and not flushed may be overwriting that message too: the flush brings
      // others.
      cursor_ = topic_->shared_.latest.load(std::memory_order_acquire);
      tail_seen_ = topic_->shared_.tail.load(std::memory_order_acquire);
      continue;
    }
    const std::size_t size = header & Topic::kSizeMask;
    if (size == Topic::kPadding) {
      cursor_ += topic_->capacity_bytes() - (cursor_ & topic_->mask_);
      continue;
    }
    before_copy();
    load_words(topic_->at(cursor_) + Topic::kHeaderBytes, std::span{copy_}.first((size + 7) / 8));
    if (overwritten(cursor_)) continue;  // the next round jumps
    copied_seq_ = header >> Topic::kSizeBits;
    copied_bytes_ = size;
    return true;
  }
  return false;
}

template <class Handler>
std::size_t Subscription::poll_copies(Handler& handler, std::size_t limit) noexcept {
  std::size_t count = 0;
  while (count < limit && copy_next([] {})) {
    const std::uint64_t seq = next_seq_ + ((copied_seq_ - next_seq_) & Topic::kSeqMask);
    missed_ += seq - next_seq_;
    next_seq_ = seq;
    const auto bytes = std::as_bytes(std::span{copy_}).first(copied_bytes_);
    if (!hand_out(handler, Message{seq, bytes})) break;
    cursor_ += Publication::record_bytes(copied_bytes_);
    ++next_seq_;
    ++count;
  }
  return count;
}

}  // namespace stoa::bus
