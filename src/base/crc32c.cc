#include "base/crc32c.h"

#include <nmmintrin.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

namespace stoa {
namespace {

constexpr std::uint32_t kPolynomial = 0x82F6'3B78;  // reflected

constexpr std::array<std::uint32_t, 256> make_table() noexcept {
  std::array<std::uint32_t, 256> table{};
  for (std::uint32_t i = 0; i < 256; ++i) {
    std::uint32_t crc = i;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) != 0 ? kPolynomial : 0);
    table[i] = crc;
  }
  return table;
}
constexpr auto kTable = make_table();

// `shift` gives the CRC register after a lane of zero bytes: it lets three lanes run side by side
// and be joined. Long lanes join rarely, short ones serve messages of a few hundred bytes.
constexpr std::size_t kLongLane = 256;
constexpr std::size_t kShortLane = 64;
using ShiftTable = std::array<std::array<std::uint32_t, 256>, 4>;

constexpr ShiftTable make_shift(std::size_t lane) noexcept {
  ShiftTable table{};
  for (std::size_t byte = 0; byte < 4; ++byte) {
    for (std::uint32_t value = 0; value < 256; ++value) {
      std::uint32_t crc = value << (8 * byte);
      for (std::size_t i = 0; i < lane; ++i) crc = (crc >> 8) ^ kTable[crc & 0xFF];
      table[byte][value] = crc;
    }
  }
  return table;
}
const ShiftTable kLongShift = make_shift(kLongLane);
const ShiftTable kShortShift = make_shift(kShortLane);

std::uint32_t shift(const ShiftTable& table, std::uint64_t crc) noexcept {
  return table[0][crc & 0xFF] ^ table[1][(crc >> 8) & 0xFF] ^ table[2][(crc >> 16) & 0xFF] ^
         table[3][(crc >> 24) & 0xFF];
}

std::uint64_t load64(const std::byte* at) noexcept {
  std::uint64_t word = 0;
  std::memcpy(&word, at, sizeof word);
  return word;
}

/// Takes three lanes off `bytes` as often as they hold them.
template <std::size_t kLane>
std::uint64_t add_lanes(std::uint64_t state, std::span<const std::byte>& bytes,
                        const ShiftTable& table) noexcept {
  for (; bytes.size() >= 3 * kLane; bytes = bytes.subspan(3 * kLane)) {
    const std::byte* const at = bytes.data();
    std::uint64_t second = 0;
    std::uint64_t third = 0;
    for (std::size_t i = 0; i < kLane; i += 8) {
      state = _mm_crc32_u64(state, load64(at + i));
      second = _mm_crc32_u64(second, load64(at + kLane + i));
      third = _mm_crc32_u64(third, load64(at + 2 * kLane + i));
    }
    state = shift(table, state) ^ second;
    state = shift(table, state) ^ third;
  }
  return state;
}

}  // namespace

std::uint32_t crc32c_by_table(std::uint32_t crc, std::span<const std::byte> bytes) noexcept {
  crc = ~crc;
  for (const std::byte b : bytes)
    crc = (crc >> 8) ^ kTable[(crc ^ std::to_integer<std::uint32_t>(b)) & 0xFF];
  return ~crc;
}

std::uint32_t crc32c(std::uint32_t crc, std::span<const std::byte> bytes) noexcept {
  std::uint64_t state = ~crc;
  state = add_lanes<kLongLane>(state, bytes, kLongShift);
  state = add_lanes<kShortLane>(state, bytes, kShortShift);
  const std::byte* at = bytes.data();
  std::size_t left = bytes.size();
  for (; left >= 8; left -= 8, at += 8) state = _mm_crc32_u64(state, load64(at));
  auto narrow = static_cast<std::uint32_t>(state);
  for (; left > 0; --left, ++at) narrow = _mm_crc32_u8(narrow, std::to_integer<std::uint8_t>(*at));
  return ~narrow;
}

}  // namespace stoa
