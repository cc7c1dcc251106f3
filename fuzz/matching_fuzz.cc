// The matching engine against its reference: any bytes are a flow of requests, and both must come
// to the same events and books, conserving quantity.
#include <fmt/core.h>

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "book/matching/lockstep.h"
#include "book/matching/types.h"
#include "model/types.h"

namespace {

namespace matching = stoa::book::matching;

/// Takes bytes from the front; zeros once they have run out.
class Bytes {
 public:
  Bytes(const std::uint8_t* data, std::size_t size) : at_{data}, left_{size} {}

  [[nodiscard]] bool empty() const { return left_ == 0; }
  std::uint8_t next() {
    if (left_ == 0) return 0;
    --left_;
    return *at_++;
  }

 private:
  const std::uint8_t* at_;
  std::size_t left_;
};

matching::Ticks read_px(Bytes& bytes) {
  // Mostly a few ticks around 5,000; the high bit takes two more bytes, up to far outside the
  // window.
  const std::uint8_t low = bytes.next();
  matching::Ticks px = 5'000 + (low & 0x3F) - 32;
  if ((low & 0x80) != 0) px += bytes.next() * 256 + bytes.next() - 5'000;
  if (low == 0x7F) px = matching::kTicksMax + 1;
  return px;
}

matching::MatchRequest read_request(Bytes& bytes) {
  const std::uint8_t head = bytes.next();
  const std::uint64_t id = bytes.next() % 24;
  if ((head & 7) == 0) return matching::CancelRequest{.id = id};
  const matching::Ticks px = read_px(bytes);
  const matching::Lots qty = bytes.next() % 32;
  if ((head & 7) == 1) return matching::Replacement{.id = id, .px = px, .qty = qty};
  return matching::NewOrder{
      .id = id,
      .owner = static_cast<matching::Owner>((head >> 3) & 1),
      .side = (head & 0x10) != 0 ? stoa::Side::Buy : stoa::Side::Sell,
      .type = (head & 7) == 2 ? stoa::OrderType::Market : stoa::OrderType::Limit,
      .time_in_force = static_cast<stoa::TimeInForce>((head >> 5) & 3),
      .px = px,
      .qty = qty};
}

}  // namespace

// NOLINTBEGIN(readability-identifier-naming): the name is libFuzzer's.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Bytes bytes{data, size};
  const matching::LockstepOptions options{
      .orders_max = 1U + bytes.next() % 20U,
      .self_trade = static_cast<matching::SelfTrade>(bytes.next() % 3)};
  std::vector<matching::MatchRequest> requests;
  while (!bytes.empty()) requests.push_back(read_request(bytes));
  const std::string report = matching::lockstep_report(requests, options);
  if (!report.empty()) {
    fmt::print(stderr, "{}\n", report);
    std::abort();
  }
  return 0;
}
// NOLINTEND(readability-identifier-naming)
