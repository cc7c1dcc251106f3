#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>

namespace stoa {

/// A plain value that one thread writes and any thread reads whole. The writer never waits; a
/// reader that meets a write looks again.
///
/// cost    a write is a copy and two stores; a read is a copy and two loads
template <class T>
  requires(std::is_trivially_copyable_v<T> && std::is_default_constructible_v<T>)
class SeqCell {
 public:
  SeqCell() noexcept { store(T{}); }

  /// The writing thread only.
  void store(const T& value) noexcept {
    Words words{};
    std::memcpy(words.data(), &value, sizeof value);
    const std::uint64_t turn = turn_.load(std::memory_order_relaxed);
    turn_.store(turn + 1, std::memory_order_relaxed);
    // Each release keeps the odd turn before the word; pairs with the acquire of the same word.
    for (std::size_t i = 0; i < kWords; ++i) words_[i].store(words[i], std::memory_order_release);
    turn_.store(turn + 2, std::memory_order_release);
  }

  /// Any thread.
  [[nodiscard]] T load() const noexcept {
    Words words{};
    for (;;) {
      const std::uint64_t before = turn_.load(std::memory_order_acquire);
      // An acquired word of a later write brings that write's odd turn with it.
      for (std::size_t i = 0; i < kWords; ++i) words[i] = words_[i].load(std::memory_order_acquire);
      if (before % 2 == 0 && turn_.load(std::memory_order_relaxed) == before) break;
    }
    T value{};
    std::memcpy(static_cast<void*>(&value), words.data(), sizeof value);
    return value;
  }

 private:
  static constexpr std::size_t kWords = (sizeof(T) + 7) / 8;
  using Words = std::array<std::uint64_t, kWords>;

  std::atomic<std::uint64_t> turn_{0};
  std::array<std::atomic<std::uint64_t>, kWords> words_{};
};

}  // namespace stoa
