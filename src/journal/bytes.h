#pragma once

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/ids.h"
#include "journal/file_system.h"

// Little helpers of the journal's formats; not for others.
namespace stoa::journal {

template <class T>
void put(std::span<std::byte> to, std::size_t at, T value) noexcept {
  std::memcpy(to.subspan(at).data(), &value, sizeof value);
}

template <class T>
[[nodiscard]] T get(std::span<const std::byte> from, std::size_t at) noexcept {
  T value;
  std::memcpy(&value, from.subspan(at).data(), sizeof value);
  return value;
}

/// Writes all of `bytes`, continuing short writes: the part that follows says why one was short.
[[nodiscard]] inline IoResult<void> write_all(File& file, std::span<const std::byte> bytes,
                                              std::uint64_t offset) {
  while (!bytes.empty()) {
    const auto wrote = file.write_at(bytes, offset);
    if (!wrote) return std::unexpected(wrote.error());
    if (*wrote == 0) return std::unexpected(Errno{EIO});
    bytes = bytes.subspan(*wrote);
    offset += *wrote;
  }
  return {};
}

/// "00000000000000000001" and the suffix.
[[nodiscard]] std::string numbered_name(Lsn lsn, std::string_view suffix);
/// Nothing when it is not such a name.
[[nodiscard]] std::optional<Lsn> parse_numbered_name(std::string_view name,
                                                     std::string_view suffix) noexcept;

}  // namespace stoa::journal
