#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/uint256.h"
#include "model/token_amount.h"
#include "protocol/native/codec.h"
#include "protocol/native/registry.h"

// For tests only: one message of every type, filled by rule, and files of the source tree.
namespace stoa::native {

using Bytes = std::vector<std::byte>;

/// Of more than two limbs.
inline Uint256 wide_at(std::int64_t place) {
  return Uint256{{0xFEDC'BA98'7654'3210, 0x0123'4567'89AB'CDEF, static_cast<std::uint64_t>(place)}};
}

/// Fills fields by their place and kind, so that each shows a value of its own: integers count up,
/// every second decimal is negative, texts are the field's name, reserved bytes stay zero.
inline void fill_fields(std::span<const Field> fields, std::span<std::byte> body) {
  std::int64_t place = 0;
  for (const Field& field : fields) {
    ++place;
    std::int64_t value = place;
    switch (field.kind) {
      case FieldKind::Reserved:
        continue;
      case FieldKind::Text:
        std::memcpy(&body[field.offset], field.name.data(),
                    std::min<std::size_t>(field.name.size(), field.size));
        continue;
      case FieldKind::Enum:
        value = place % field.enum_count;
        break;
      case FieldKind::Decimal:
        value = (place % 2 == 0 ? -1 : 1) * place * 6'183'763'000'001;
        break;
      case FieldKind::Time:
        value = 1'723'161'253'937'085'768 + place;
        break;
      case FieldKind::Hex:
        for (std::size_t i = 0; i < field.size; ++i) {
          body[field.offset + i] = static_cast<std::byte>(16 * place + static_cast<int>(i));
        }
        continue;
      case FieldKind::Wide: {
        const Uint256 wide = wide_at(place);
        std::memcpy(&body[field.offset], &wide, sizeof wide);
        continue;
      }
      case FieldKind::Amount: {
        const TokenAmount amount{.magnitude = wide_at(place),
                                 .decimals = static_cast<std::uint8_t>(place % 2 == 0 ? 18 : 6),
                                 .negative = static_cast<std::uint8_t>(place % 2)};
        std::memcpy(&body[field.offset], &amount, sizeof amount);
        continue;
      }
      case FieldKind::Unsigned:
      case FieldKind::Signed:
      case FieldKind::Bool:
      case FieldKind::Count:
        break;
    }
    std::memcpy(&body[field.offset], &value, field.size);
  }
}

/// A message of the type with two items in its tail, where it has one.
inline Bytes sample_message(const MessageInfo& info) {
  constexpr std::size_t kItems = 2;
  Bytes body(info.size + kItems * info.item_size);
  fill_fields(info.fields, body);
  for (std::size_t i = 0; info.item_size > 0 && i < kItems; ++i) {
    fill_fields(info.item_fields, std::span{body}.subspan(info.size + i * info.item_size));
  }
  std::vector<std::size_t> counts_at;
  for (const Field& field : info.fields) {
    if (field.kind == FieldKind::Count) counts_at.push_back(field.offset);
  }
  for (const std::size_t at : counts_at) {
    const auto share = static_cast<std::uint16_t>(kItems / counts_at.size());
    std::memcpy(&body[at], &share, sizeof share);
  }
  // System records are shown in the log that they concern.
  const Domain domain = info.type >= 100 ? Domain::Execution : domain_of(info.type);
  const Stamp stamp{.domain = domain,
                    .source = 3,
                    .sequence = info.type,
                    .timestamp = Timestamp::from_ns(1'723'161'253'937'085'768)};
  Bytes message(detail::message_bytes(body.size()));
  std::memcpy(detail::begin(message, stamp, info.type, body.size()), body.data(), body.size());
  detail::finish(message.data(), message.size());
  return message;
}

inline std::string hex_of(std::span<const std::byte> bytes) {
  static constexpr std::string_view kDigits = "0123456789abcdef";
  std::string hex;
  for (const std::byte byte : bytes) {
    hex += kDigits[std::to_integer<unsigned>(byte) >> 4U];
    hex += kDigits[std::to_integer<unsigned>(byte) & 15U];
  }
  return hex;
}

inline Bytes bytes_of(std::string_view hex) {
  const auto digit = [](char c) {
    return static_cast<unsigned>(c <= '9' ? c - '0' : c - 'a' + 10);
  };
  Bytes bytes;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2) {
    bytes.push_back(static_cast<std::byte>(digit(hex[i]) << 4U | digit(hex[i + 1])));
  }
  return bytes;
}

/// A file of the source tree, which is a folder above wherever tests run.
inline std::filesystem::path in_source_tree(const std::filesystem::path& file) {
  for (auto folder = std::filesystem::current_path();; folder = folder.parent_path()) {
    if (std::filesystem::exists(folder / "CMakePresets.json")) return folder / file;
    if (folder == folder.parent_path()) return file;
  }
}

inline std::string text_of_file(const std::filesystem::path& file) {
  std::ifstream in{file, std::ios::binary};
  return {std::istreambuf_iterator<char>{in}, {}};
}

/// True when the tester asked for stale files to be written anew: GOLDEN_UPDATE=1.
inline bool update_golden() {
  return std::getenv("GOLDEN_UPDATE") != nullptr;  // NOLINT(concurrency-mt-unsafe): one thread
}

}  // namespace stoa::native
