#include "bus/topic.h"

#include <algorithm>
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <new>
#include <optional>
#include <utility>

#include "base/check.h"
#include "bus/copy.h"

namespace stoa::bus {
namespace {

constexpr std::size_t kPageBytes = 4096;
constexpr std::size_t kMinCapacityBytes = 1024;

// Zeroed, so that every page is touched before the first message: a first touch costs 1.2 us.
std::byte* touched_bytes(std::size_t size) {
  void* const bytes = ::operator new(size, std::align_val_t{kPageBytes});
  std::memset(bytes, 0, size);
  return static_cast<std::byte*>(bytes);
}

}  // namespace

void Topic::FreeBytes::operator()(std::byte* bytes) const noexcept {
  ::operator delete(bytes, std::align_val_t{kPageBytes});
}

Topic::Topic(const TopicOptions& options) : allow_lossy_{options.allow_lossy} {
  const std::size_t capacity = std::bit_ceil(std::max(options.capacity_bytes, kMinCapacityBytes));
  bytes_.reset(touched_bytes(capacity));
  mask_ = capacity - 1;
  // A quarter leaves room for the padding at the ring's end plus the message, and for readers to be
  // at least two messages behind; the header's size field is the other bound.
  max_message_bytes_ = std::min<std::size_t>(capacity / 4, kPadding - 8) - kHeaderBytes;
  max_message_bytes_ &= ~std::size_t{7};
  publisher_.limit = capacity;
  if (allow_lossy_) scratch_.reset(touched_bytes(max_message_bytes_ + 8));
}

Topic::~Topic() {
  check(!has_publisher_.load(std::memory_order_relaxed), "a topic outlives its publication");
  for (const Slot& slot : slots_) {
    check(slot.cursor.load(std::memory_order_relaxed) == kFree,
          "a topic outlives its subscriptions");
  }
}

Publication Topic::publication() {
  check(!has_publisher_.exchange(true, std::memory_order_acq_rel), "a topic has one publisher");
  return Publication{*this};
}

std::optional<Subscription> Topic::subscribe(Policy policy) {
  if (policy == Policy::Lossy) {
    if (!allow_lossy_) return std::nullopt;
    return Subscription{*this, nullptr, tail_with_seq()};
  }
  Slot* const slot = claim_slot();
  if (slot == nullptr) return std::nullopt;
  // The slot now holds back the publisher, or it has not looked yet. joins_ orders the two, as both
  // sides change it by read-modify-write (partner: refresh_limit): if we come first it sees the
  // slot; if it does, the tail that we load next is at least the one its limit was counted from.
  joins_.fetch_add(1, std::memory_order_acq_rel);
  const Joint start = tail_with_seq();
  slot->cursor.store(start.position, std::memory_order_release);
  return Subscription{*this, slot, start};
}

Topic::Slot* Topic::claim_slot() noexcept {
  const std::uint64_t tail = shared_.tail.load(std::memory_order_acquire);
  for (Slot& slot : slots_) {
    std::uint64_t expected = kFree;
    if (slot.cursor.compare_exchange_strong(expected, tail, std::memory_order_acq_rel,
                                            std::memory_order_relaxed)) {
      return &slot;
    }
  }
  return nullptr;
}

Topic::Joint Topic::tail_with_seq() const noexcept {
  for (;;) {
    const std::uint64_t after = shared_.seq_after.load(std::memory_order_acquire);
    const std::uint64_t tail = shared_.tail.load(std::memory_order_acquire);
    const std::uint64_t before = shared_.seq_before.load(std::memory_order_acquire);
    // `after` says that the tail is at least the one of that number, `before` that it is at most.
    if (after == before) return Joint{tail, after};
  }
}

bool Topic::refresh_limit(std::uint64_t needed) noexcept {
  joins_.fetch_add(0, std::memory_order_acq_rel);  // partner: subscribe()
  // What is staged but not flushed is ahead of the tail, where new subscriptions start: the limit
  // counts from the tail.
  std::uint64_t slowest = shared_.tail.load(std::memory_order_relaxed);
  for (const Slot& slot : slots_) {
    // Pairs with the release store at the end of a poll.
    slowest = std::min(slowest, slot.cursor.load(std::memory_order_acquire));
  }
  publisher_.limit = slowest + capacity_bytes();
  return needed <= publisher_.limit;
}

Publication::~Publication() {
  if (topic_ == nullptr) return;
  flush();
  topic_->has_publisher_.store(false, std::memory_order_release);
}

// The record does not fit before the ring's end: that is padded, and the record begins at its
// start.
std::uint64_t Publication::reserve_over_the_edge(std::uint64_t needed) noexcept {
  Topic::PublisherSide& mine = topic_->publisher_;
  const std::uint64_t start = (mine.position | topic_->mask_) + 1;
  if (start + needed > mine.limit && !topic_->refresh_limit(start + needed)) return kNoRoom;
  if (topic_->allow_lossy_) {
    topic_->shared_.intent.store(start + needed, std::memory_order_relaxed);  // as in reserve()
  }
  store_word(topic_->at(mine.position), Topic::kPadding);
  mine.position = start;
  return start;
}

Subscription::Subscription(Topic& topic, Topic::Slot* slot, Topic::Joint start)
    : topic_{&topic},
      slot_{slot},
      cursor_{start.position},
      next_seq_{start.seq + 1},
      tail_seen_{start.position},
      copy_(slot == nullptr ? topic.max_message_bytes() / 8 : 0) {}

Subscription::Subscription(Subscription&& other) noexcept
    : topic_{std::exchange(other.topic_, nullptr)},
      slot_{std::exchange(other.slot_, nullptr)},
      cursor_{other.cursor_},
      next_seq_{other.next_seq_},
      tail_seen_{other.tail_seen_},
      missed_{other.missed_},
      copied_seq_{other.copied_seq_},
      copied_bytes_{other.copied_bytes_},
      copy_{std::move(other.copy_)} {}

Subscription::~Subscription() {
  // Release: our last reads are over before the publisher stops minding us.
  if (slot_ != nullptr) slot_->cursor.store(Topic::kFree, std::memory_order_release);
}

}  // namespace stoa::bus
