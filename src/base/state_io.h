#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <type_traits>
#include <vector>

namespace stoa {

static_assert(std::endian::native == std::endian::little, "saved states are little-endian");

/// Values whose bytes are their value: no padding, no pointers.
template <class T>
concept PlainValue = std::is_trivially_copyable_v<T> && std::has_unique_object_representations_v<T>;

/// Appends values to a saved state, one behind the other, without padding or tags: whoever loads
/// it knows the order by its version number.
class StateWriter {
 public:
  explicit StateWriter(std::vector<std::byte>& to) noexcept : to_{to} {}

  template <PlainValue T>
  void put(const T& value) {
    put_bytes(std::as_bytes(std::span{&value, 1}));
  }
  void put_bytes(std::span<const std::byte> bytes) {
    to_.insert(to_.end(), bytes.begin(), bytes.end());
  }

 private:
  std::vector<std::byte>& to_;
};

/// Takes values off a saved state in the order in which they were put. What is missing is never
/// invented: past the end every value is zero and `ok` is false from then on, so that a loader
/// asks once per loop and not per field.
class StateReader {
 public:
  explicit StateReader(std::span<const std::byte> from) noexcept : from_{from} {}

  template <PlainValue T>
  T take() noexcept {
    T value{};
    take(value);
    return value;
  }
  template <PlainValue T>
  void take(T& value) noexcept {
    const std::span<const std::byte> bytes = take_bytes(sizeof(T));
    if (ok_) std::memcpy(&value, bytes.data(), sizeof(T));
  }
  /// Valid while the state's bytes are; empty past the end.
  std::span<const std::byte> take_bytes(std::size_t size) noexcept {
    if (!ok_ || size > from_.size() - at_) {
      ok_ = false;
      return {};
    }
    at_ += size;
    return from_.subspan(at_ - size, size);
  }

  /// Everything asked for so far was there.
  [[nodiscard]] bool ok() const noexcept { return ok_; }
  /// Byte of the state where the next value begins.
  [[nodiscard]] std::size_t offset() const noexcept { return at_; }
  [[nodiscard]] std::size_t left() const noexcept { return ok_ ? from_.size() - at_ : 0; }

 private:
  std::span<const std::byte> from_;
  std::size_t at_ = 0;
  bool ok_ = true;
};

}  // namespace stoa
