#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <filesystem>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "relay/hand_over.h"

namespace stoa::relay {

/// What a journalled relay knows of its log without reading all of it, kept beside the segments as
/// `relay.numbers`. A start reads the file and then the records behind `lsn`; without one it reads
/// every record that is kept.
struct Numbers {
  std::uint64_t log_id = 0;
  std::uint64_t lsn = 0;  // last record that the numbers have seen; durable before this is written
  std::int64_t time = 0;  // of that record, ns
  std::array<SourceState, kSourcesMax> sources{};
};

/// Replaces the file; durable when this returns.
///
/// errors  Io, Unavailable, NotFound
[[nodiscard]] Result<void> write_numbers(const std::filesystem::path& dir, const Numbers& numbers);
/// Nothing when there is none, or none that can be believed.
///
/// errors  Io
[[nodiscard]] Result<std::optional<Numbers>> read_numbers(const std::filesystem::path& dir);

// --- the bytes (docs/formats/relay.md)

[[nodiscard]] std::vector<std::byte> encode_numbers(const Numbers& numbers);
/// errors  one sentence: what cannot be believed
[[nodiscard]] std::expected<Numbers, std::string_view> decode_numbers(
    std::span<const std::byte> file) noexcept;

}  // namespace stoa::relay
