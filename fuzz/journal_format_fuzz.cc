// Claim: the decoders of a segment's header, footer and records believe exactly what their encoders
// write: whatever is accepted is encoded to the same bytes again, and nothing is read behind the
// input. The first byte of the input chooses the decoder; its highest bit asks for a fitting
// checksum, so that the fields behind it are reached.
// Corpus: corpus/journal_format_fuzz holds a whole one of each.

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/crc32c.h"
#include "base/ids.h"
#include "journal/checkpoint.h"
#include "journal/format.h"

namespace {

using stoa::Lsn;
using stoa::journal::Footer;
using stoa::journal::kFooterBytes;
using stoa::journal::kRecordHeaderBytes;
using stoa::journal::kSegmentHeaderBytes;
using stoa::journal::RecordStatus;

void demand(bool holds) {
  if (!holds) std::abort();
}

// A copy of its own size, so that a read behind the end is seen.
std::vector<std::byte> copy_of(std::span<const std::byte> bytes) {
  return {bytes.begin(), bytes.end()};
}

void put_word(std::span<std::byte> to, std::size_t at, std::uint32_t word) {
  std::memcpy(to.data() + at, &word, sizeof word);
}

void header(std::span<const std::byte> input, bool fit) {
  std::array<std::byte, kSegmentHeaderBytes> bytes{};
  std::copy_n(input.begin(), std::min(input.size(), bytes.size()), bytes.begin());
  constexpr std::size_t kCrcAt = kSegmentHeaderBytes - 4;
  if (fit) put_word(bytes, kCrcAt, stoa::crc32c(std::span{bytes}.first<kCrcAt>()));
  const auto decoded = stoa::journal::decode_header(bytes);
  if (!decoded) {
    demand(!decoded.error().empty());
    return;
  }
  std::array<std::byte, kSegmentHeaderBytes> again{};
  demand(stoa::journal::encode_header(decoded->header, again) == decoded->seed);
  demand(again == bytes);
}

void footer(std::span<const std::byte> input, bool fit, std::uint32_t seed) {
  std::array<std::byte, kFooterBytes> bytes{};
  std::copy_n(input.begin(), std::min(input.size(), bytes.size()), bytes.begin());
  constexpr std::size_t kCrcAt = kFooterBytes - 4;
  if (fit) put_word(bytes, kCrcAt, stoa::crc32c(seed, std::span{bytes}.first<kCrcAt>()));
  const auto decoded = stoa::journal::decode_footer(bytes, seed);
  if (!decoded) {
    demand(!decoded.error().empty());
    return;
  }
  const std::optional<Footer>& seal = *decoded;
  std::array<std::byte, kFooterBytes> again{};
  if (seal) stoa::journal::encode_footer(*seal, seed, again);
  demand(again == bytes);
}

void record(std::span<const std::byte> input, bool fit, std::uint32_t seed) {
  std::vector<std::byte> bytes = copy_of(input);
  if (fit && bytes.size() >= kRecordHeaderBytes) {
    std::array<std::byte, kRecordHeaderBytes> head{};
    std::copy_n(bytes.begin(), head.size(), head.begin());
    std::uint32_t word = 0;
    std::memcpy(&word, head.data(), sizeof word);
    put_word(head, 4, 0);
    const std::size_t size = std::min<std::size_t>(word & 0xFF'FFFFU, bytes.size() - head.size());
    const auto payload = std::span{bytes}.subspan(head.size(), size);
    put_word(bytes, 4, stoa::crc32c(stoa::crc32c(seed, head), payload));
  }
  const auto view =
      stoa::journal::decode_record(bytes, bytes.size() + 64, Lsn{1}, Lsn{UINT64_MAX}, seed);
  if (view.status == RecordStatus::Partial) {
    demand(view.needed_bytes > bytes.size() && view.needed_bytes <= bytes.size() + 64);
  }
  if (view.status == RecordStatus::Bad) demand(!view.why.empty());
  if (view.status != RecordStatus::Whole) return;
  const std::size_t stored = stoa::journal::stored_bytes(view.payload.size());
  demand(stored <= bytes.size());
  std::vector<std::byte> again(stored);
  const std::uint64_t head_word =
      stoa::journal::encode_record(again.data(), view.lsn, view.sync_point, view.payload, {}, seed);
  demand(head_word == view.head_word);
  demand(std::equal(again.begin(), again.end(), bytes.begin()));
}

void names(std::span<const std::byte> input) {
  std::string text(input.size(), '\0');
  if (!input.empty()) std::memcpy(text.data(), input.data(), input.size());
  if (const auto lsn = stoa::journal::parse_segment_name(text)) {
    demand(stoa::journal::segment_name(*lsn) == text);
  }
  if (const auto lsn = stoa::journal::parse_checkpoint_name(text)) {
    demand(stoa::journal::checkpoint_name(*lsn) == text);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  constexpr std::uint32_t kSeed = 0x5EED;
  const bool fit = (data[0] & 0x80U) != 0;
  const auto rest = std::as_bytes(std::span{data, size}.subspan(1));
  switch (data[0] % 4) {
    case 0:
      header(rest, fit);
      break;
    case 1:
      footer(rest, fit, kSeed);
      break;
    case 2:
      record(rest, fit, kSeed);
      break;
    default:
      names(rest);
      break;
  }
  return 0;
}
