#pragma once

#include <cstdint>
#include <cstring>
#include <span>
#include <type_traits>

namespace stoa {

/// Order-sensitive 64-bit digest of a state, for comparing two runs; not for adversaries. Types
/// must have no padding, so equal values have equal bytes.
class StateHash {
 public:
  template <class T>
    requires std::has_unique_object_representations_v<T>
  constexpr void add(const T& value) noexcept {
    add_bytes(std::as_bytes(std::span{&value, 1}));
  }
  void add_bytes(std::span<const std::byte> bytes) noexcept {
    while (!bytes.empty()) {
      std::uint64_t word = 0;
      const std::size_t n = bytes.size() < sizeof word ? bytes.size() : sizeof word;
      std::memcpy(&word, bytes.data(), n);
      mix(word ^ (static_cast<std::uint64_t>(n) << 56));
      bytes = bytes.subspan(n);
    }
  }
  [[nodiscard]] constexpr std::uint64_t value() const noexcept { return state_; }
  /// The digest that had come to `value`, to go on from there.
  [[nodiscard]] static constexpr StateHash at(std::uint64_t value) noexcept {
    StateHash hash;
    hash.state_ = value;
    return hash;
  }

 private:
  constexpr void mix(std::uint64_t word) noexcept {
    // One round of the murmur finaliser over the running state: every input bit reaches every
    // output bit.
    std::uint64_t x = (state_ ^ word) * 0xFF51'AFD7'ED55'8CCDULL;
    x = (x ^ (x >> 33)) * 0xC4CE'B9FE'1A85'EC53ULL;
    state_ = x ^ (x >> 33);
  }

  std::uint64_t state_ = 0x5354'4F41'5354'4F41ULL;
};

}  // namespace stoa
