// Claim: whatever comes over the link of two gateways, cut in any way, becomes the same frames or
// the same refusal; a frame that is believed is encoded again to the same bytes. The first byte
// says how the rest is cut, its highest bit asks for a fitting checksum of the first frame.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/check.h"
#include "base/crc32c.h"
#include "gateway/neighbour_wire.h"

namespace {

using stoa::check;
using stoa::gateway::NeighbourFrame;
using stoa::gateway::NeighbourReader;

struct Seen {
  std::vector<NeighbourFrame> frames;
  bool refused = false;
  friend bool operator==(const Seen&, const Seen&) = default;
};

Seen read(std::string_view bytes, std::size_t step) {
  NeighbourReader reader;
  Seen seen;
  while (!bytes.empty() && !seen.refused) {
    const std::string_view part = bytes.substr(0, step);
    bytes.remove_prefix(part.size());
    reader.feed(part);
    for (;;) {
      auto next = reader.next();
      if (!next) {
        seen.refused = true;
        break;
      }
      std::optional<NeighbourFrame>& frame = *next;
      if (!frame) break;
      check(frame->fds() <= stoa::gateway::kConnectionsPerFrame, "descriptors fit one message");
      seen.frames.push_back(std::move(*frame));
    }
  }
  return seen;
}

void fit_checksum(std::string& bytes) {
  constexpr std::size_t kHead = 16;
  constexpr std::size_t kCrcAt = 12;
  if (bytes.size() < kHead) return;
  std::uint32_t body = 0;
  std::memcpy(&body, bytes.data() + 8, sizeof body);
  if (body > bytes.size() - kHead) return;
  const auto all = std::as_bytes(std::span{bytes});
  const std::uint32_t crc = stoa::crc32c(stoa::crc32c(all.first(kCrcAt)), all.subspan(kHead, body));
  std::memcpy(bytes.data() + kCrcAt, &crc, sizeof crc);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const void* const behind = data + 1;
  std::string bytes{static_cast<const char*>(behind), size - 1};
  if ((data[0] & 0x80U) != 0) fit_checksum(bytes);
  const Seen whole = read(bytes, bytes.size());
  const Seen cut = read(bytes, std::max<std::size_t>(1, data[0] & 0x7FU));
  check(whole == cut, "a cut changes nothing");
  std::string again;
  for (const NeighbourFrame& frame : whole.frames) again += encode(frame);
  check(std::string_view{bytes}.starts_with(again), "a frame is its bytes");
  return 0;
}
