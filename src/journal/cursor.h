#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/ids.h"
#include "journal/file_system.h"

namespace stoa::journal {

/// How far somebody who must not miss a record has come: retention never passes it. Readers that
/// keep their place inside the state they change still leave one here, so that the log knows.
struct Cursor {
  std::string name;  // 1 to 64 of [a-z0-9_-]: "backup"
  Lsn lsn;           // everything up to it has been dealt with; 0: nothing yet
};

/// Makes or moves a cursor: its file is replaced and durable when this returns. It never goes back,
/// as what lies behind it may be gone. One writer per name; any thread.
///
/// errors  BadInput: the name, or a lower lsn than before · Damaged: the present file ·
/// Unavailable,
///         NotFound, Io
[[nodiscard]] Result<void> set_cursor(const std::filesystem::path& dir, std::string_view name,
                                      Lsn lsn, FileSystem* file_system = nullptr);

/// Every cursor, by name.
///
/// errors  Damaged: a file that is no cursor: who knows what it protects · NotFound, Io
[[nodiscard]] Result<std::vector<Cursor>> list_cursors(const std::filesystem::path& dir,
                                                       FileSystem* file_system = nullptr);

/// Retention no longer waits for it. No error when it is not there.
///
/// errors  BadInput: the name · Io
[[nodiscard]] Result<void> remove_cursor(const std::filesystem::path& dir, std::string_view name,
                                         FileSystem* file_system = nullptr);

// --- the bytes (docs/formats/journal.md)

inline constexpr std::size_t kCursorBytes = 32;
inline constexpr std::string_view kCursorSuffix = ".cursor";

void encode_cursor(Lsn lsn, std::span<std::byte, kCursorBytes> to) noexcept;
/// errors  one sentence: what cannot be believed
[[nodiscard]] std::expected<Lsn, std::string_view> decode_cursor(
    std::span<const std::byte> file) noexcept;

}  // namespace stoa::journal
