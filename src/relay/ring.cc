#include "relay/ring.h"

#include <fmt/core.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <expected>
#include <optional>
#include <span>
#include <utility>

#include "base/check.h"
#include "base/error.h"
#include "base/fd.h"
#include "base/ids.h"
#include "protocol/native/codec.h"
#include "relay/wire.h"

namespace stoa::relay {
namespace {

constexpr std::uint64_t kMagic = 0x474E'4952'414F'5453;  // "STOARING"
constexpr std::uint32_t kVersion = 1;
constexpr std::size_t kPage = 4'096;
constexpr std::size_t kRingBytesMin = 64U << 10U;
/// No record is shorter: lsn, header and a value of no bytes.
constexpr std::size_t kEntryBytesMin = kLsnBytes + sizeof(native::Header) + 2;

Result<Fd> make_memory(const char* name, std::size_t bytes) {
  Fd fd{::memfd_create(name, MFD_CLOEXEC)};
  if (!fd) return io_error("cannot make shared memory", errno, name);
  if (::ftruncate(fd.get(), static_cast<off_t>(bytes)) != 0) {
    return io_error(fmt::format("cannot get {} bytes of shared memory", bytes), errno, name);
  }
  return fd;
}

Result<std::byte*> map_shared(void* where, const Fd& fd, std::uint64_t offset, std::size_t bytes,
                              Mirror::Touch touch) {
  const int flags = MAP_SHARED | (touch == Mirror::Touch::Now ? MAP_POPULATE : 0) |
                    (where != nullptr ? MAP_FIXED : 0);
  void* const at =
      ::mmap(where, bytes, PROT_READ | PROT_WRITE, flags, fd.get(), static_cast<off_t>(offset));
  if (at == MAP_FAILED) {
    return io_error(fmt::format("cannot map {} bytes", bytes), errno, "memfd");
  }
  return static_cast<std::byte*>(at);
}

std::size_t marks_for(std::size_t ring_bytes, std::uint64_t every) {
  return std::bit_ceil(ring_bytes / (kEntryBytesMin * every) + 2);
}

std::size_t to_pages(std::size_t bytes) { return (bytes + kPage - 1) & ~(kPage - 1); }

std::uint64_t load_lsn(const std::byte* entry) noexcept {
  std::uint64_t lsn = 0;
  std::memcpy(&lsn, entry, sizeof lsn);
  return lsn;
}

std::size_t entry_bytes(const std::byte* entry) noexcept {
  std::uint32_t payload_bytes = 0;
  std::memcpy(&payload_bytes, entry + kLsnBytes + offsetof(native::Header, payload_bytes),
              sizeof payload_bytes);
  return kLsnBytes + sizeof(native::Header) + payload_bytes;
}

}  // namespace

Mirror::Mirror(Mirror&& other) noexcept
    : base_{std::exchange(other.base_, nullptr)}, size_{std::exchange(other.size_, 0)} {}

Mirror& Mirror::operator=(Mirror&& other) noexcept {
  std::swap(base_, other.base_);
  std::swap(size_, other.size_);
  return *this;
}

Mirror::~Mirror() {
  if (base_ != nullptr) ::munmap(base_, size_ * 2);
}

Result<Mirror> Mirror::map(const Fd& fd, std::uint64_t offset, std::size_t size, Touch touch) {
  check(std::has_single_bit(size) && size % kPage == 0, "a mirror is whole pages, a power of two");
  // Room for both first, so that nothing else comes to lie where the second goes.
  void* const room = ::mmap(nullptr, size * 2, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (room == MAP_FAILED) return io_error("cannot reserve address space", errno, "memfd");
  Mirror mirror{static_cast<std::byte*>(room), size};
  for (std::size_t half = 0; half < 2; ++half) {
    const auto mapped = map_shared(mirror.base_ + half * size, fd, offset, size, touch);
    if (!mapped) return std::unexpected(mapped.error());
  }
  return mirror;
}

Result<Mirror> Mirror::make(const char* name, std::size_t size) {
  const auto fd = make_memory(name, size);
  if (!fd) return std::unexpected(fd.error());
  return map(*fd, 0, size, Touch::Now);
}

Ring::Ring(Fd fd, std::byte* front, std::size_t front_bytes, Mirror bytes) noexcept
    : fd_{std::move(fd)},
      front_{front},
      front_bytes_{front_bytes},
      state_{reinterpret_cast<State*>(front)},
      marks_{reinterpret_cast<Mark*>(front + kPage)},
      bytes_{std::move(bytes)} {}

Ring::Ring(Ring&& other) noexcept
    : fd_{std::move(other.fd_)},
      front_{std::exchange(other.front_, nullptr)},
      front_bytes_{other.front_bytes_},
      state_{other.state_},
      marks_{other.marks_},
      bytes_{std::move(other.bytes_)} {}

Ring& Ring::operator=(Ring&& other) noexcept {
  std::swap(fd_, other.fd_);
  std::swap(front_, other.front_);
  std::swap(front_bytes_, other.front_bytes_);
  std::swap(state_, other.state_);
  std::swap(marks_, other.marks_);
  std::swap(bytes_, other.bytes_);
  return *this;
}

Ring::~Ring() {
  if (front_ != nullptr) ::munmap(front_, front_bytes_);
}

Result<Ring> Ring::make(std::size_t bytes, Lsn next, std::uint64_t log_id) {
  const std::size_t ring_bytes = std::bit_ceil(std::max(bytes, kRingBytesMin));
  const std::size_t marks_count = marks_for(ring_bytes, kEvery);
  const std::size_t front_bytes = kPage + to_pages(marks_count * sizeof(Mark));
  auto fd = make_memory("stoa-relay-ring", front_bytes + ring_bytes);
  if (!fd) return std::unexpected(std::move(fd.error()));
  const auto front = map_shared(nullptr, *fd, 0, front_bytes, Mirror::Touch::Now);
  if (!front) return std::unexpected(front.error());
  auto mirror = Mirror::map(*fd, front_bytes, ring_bytes, Mirror::Touch::Now);
  if (!mirror) {
    ::munmap(*front, front_bytes);
    return std::unexpected(std::move(mirror.error()));
  }
  Ring ring{std::move(*fd), *front, front_bytes, std::move(*mirror)};
  *ring.state_ = State{.magic = kMagic,
                       .version = kVersion,
                       .marks_count = static_cast<std::uint32_t>(marks_count),
                       .ring_bytes = ring_bytes,
                       .log_id = log_id,
                       .head = 0,
                       .next_lsn = next.value(),
                       .first_lsn = next.value(),
                       .key_position = 0,
                       .key_lsn = 0,
                       .left_next = 0,
                       .left_segment = 0,
                       .left_offset = 0,
                       .left_chain = 0,
                       .left_paused_at = 0};
  return ring;
}

Result<Ring> Ring::adopt(Fd fd) {
  const auto damaged = [] {
    return std::unexpected(
        Error{.code = ErrorCode::Damaged,
              .message = "what the predecessor gave is no ring that this program knows",
              .source = "memfd"});
  };
  struct stat info{};
  if (::fstat(fd.get(), &info) != 0) return io_error("cannot look at the ring", errno, "memfd");
  const auto size = static_cast<std::size_t>(info.st_size);
  State state{};
  if (::pread(fd.get(), &state, sizeof state, 0) != static_cast<ssize_t>(sizeof state)) {
    return damaged();
  }
  if (state.magic != kMagic || state.version != kVersion || state.ring_bytes < kRingBytesMin ||
      !std::has_single_bit(state.ring_bytes) || state.ring_bytes > size ||
      state.marks_count != marks_for(state.ring_bytes, kEvery)) {
    return damaged();
  }
  const std::size_t front_bytes = kPage + to_pages(state.marks_count * sizeof(Mark));
  if (size != front_bytes + state.ring_bytes) return damaged();
  const auto front = map_shared(nullptr, fd, 0, front_bytes, Mirror::Touch::Later);
  if (!front) return std::unexpected(front.error());
  auto mirror = Mirror::map(fd, front_bytes, state.ring_bytes, Mirror::Touch::Later);
  if (!mirror) {
    ::munmap(*front, front_bytes);
    return std::unexpected(std::move(mirror.error()));
  }
  return Ring{std::move(fd), *front, front_bytes, std::move(*mirror)};
}

void Ring::leave(const Leave& words) noexcept {
  state_->left_next = words.journal.next.value();
  state_->left_segment = words.journal.segment.value();
  state_->left_offset = words.journal.end_offset;
  state_->left_chain = words.journal.chain;
  state_->left_paused_at = words.paused_at.count();
}

std::optional<Ring::Leave> Ring::left() const noexcept {
  if (state_->left_next != state_->next_lsn) return std::nullopt;
  return Leave{.journal = {.segment = Lsn{state_->left_segment},
                           .next = Lsn{state_->left_next},
                           .end_offset = state_->left_offset,
                           .chain = static_cast<std::uint32_t>(state_->left_chain)},
               .paused_at = nanoseconds{state_->left_paused_at}};
}

std::optional<Ring::Place> Ring::mark_at_or_after(std::uint64_t lsn) const noexcept {
  // The first record has a mark of its own, in the slot of its sixteen until one of them comes.
  if (lsn <= state_->first_lsn) {
    const Mark& first = mark_of(state_->first_lsn);
    if (first.lsn == state_->first_lsn && first.position >= lost_before()) {
      return Place{.position = first.position, .lsn = first.lsn};
    }
    lsn = state_->first_lsn;
  }
  const std::uint64_t marked = (lsn + kEvery - 1) / kEvery * kEvery;
  if (marked >= state_->next_lsn) return std::nullopt;
  const Mark& mark = mark_of(marked);
  if (mark.lsn != marked || mark.position < lost_before()) return std::nullopt;
  return Place{.position = mark.position, .lsn = mark.lsn};
}

Ring::Place Ring::oldest() const noexcept {
  const Place head{.position = state_->head, .lsn = state_->next_lsn};
  if (state_->next_lsn == state_->first_lsn) return head;
  if (const auto first = mark_at_or_after(state_->first_lsn)) return *first;
  // Positions of marks grow with their lsn, so those that are still there are the newest: find the
  // oldest of them by halving.
  std::uint64_t low = state_->first_lsn / kEvery + 1;  // in marks
  std::uint64_t high = (state_->next_lsn - 1) / kEvery;
  const std::uint64_t newest = high;
  if (high >= state_->marks_count) low = std::max(low, high - state_->marks_count + 1);
  while (low < high) {
    const std::uint64_t middle = low + (high - low) / 2;
    if (mark_at_or_after(middle * kEvery)) {
      high = middle;
    } else {
      low = middle + 1;
    }
  }
  if (low > newest) return head;
  if (const auto mark = mark_at_or_after(low * kEvery)) return *mark;
  return head;
}

std::optional<Ring::Place> Ring::find(std::uint64_t lsn) const noexcept {
  if (lsn == state_->next_lsn) return Place{.position = state_->head, .lsn = lsn};
  if (lsn > state_->next_lsn || lsn < state_->first_lsn) return std::nullopt;
  const std::uint64_t marked = std::max(lsn / kEvery * kEvery, state_->first_lsn);
  const Mark& mark = mark_of(marked);
  if (mark.lsn != marked || mark.position < lost_before()) return std::nullopt;
  Place place{.position = mark.position, .lsn = mark.lsn};
  // To the record itself: transient messages before it belong to those who were there.
  while (true) {
    const std::byte* const entry = bytes_.at(place.position);
    const std::uint64_t here = load_lsn(entry);
    if (here == lsn) return place;
    if (here != 0) ++place.lsn;
    place.position += entry_bytes(entry);
  }
}

std::optional<Ring::Place> Ring::newest_key() const noexcept {
  if (state_->key_lsn == 0 || state_->key_position < lost_before()) return std::nullopt;
  return Place{.position = state_->key_position, .lsn = state_->key_lsn};
}

Ring::Place Ring::entry_at(std::uint64_t position, Place known) const noexcept {
  if (position == state_->head) return {.position = position, .lsn = state_->next_lsn};
  // The newest mark at or before the position saves walking there from `known`.
  std::uint64_t low = known.lsn / kEvery + 1;
  std::uint64_t high = (state_->next_lsn - 1) / kEvery + 1;  // exclusive
  while (low < high) {
    const std::uint64_t middle = low + (high - low) / 2;
    const Mark& mark = mark_of(middle * kEvery);
    if (mark.lsn == middle * kEvery && mark.position <= position) {
      known = {.position = mark.position, .lsn = mark.lsn};
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  while (true) {
    const std::byte* const entry = bytes_.at(known.position);
    const std::uint64_t end = known.position + entry_bytes(entry);
    if (end > position) return known;
    known.position = end;
    if (load_lsn(entry) != 0) ++known.lsn;
  }
}

std::span<const std::byte> Ring::entry(std::uint64_t position) const noexcept {
  const std::byte* const at = bytes_.at(position);
  return {at, entry_bytes(at)};
}

}  // namespace stoa::relay
