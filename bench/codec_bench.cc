// Question: what does it cost to encode and to decode a book top and a trade, header and checksum
// included, beside a raw struct copy (the lower bound), FlatBuffers (with its verifier) and Cap'n
// Proto, in the same run on the same machine?
// Budget: docs/performance.md#codecs. Judged here: encoding with the checksum is faster than either
// peer without one, and nothing is allocated. Decoding is shown with every check (checksum, sizes,
// enumerators; the peers look at no byte of the values) and as the engine reads what it has checked
// before. `--smoke` takes few rounds, checks the results and judges no speed.
//
// Every codec reads every field back; the checksum over them must be the same for all.
#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <new>
#include <span>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/ids.h"
#include "base/price.h"
#include "base/qty.h"
#include "base/random.h"
#include "model/market.h"
#include "model/types.h"
#include "protocol/native/codec.h"
#include "protocol/native/registry.h"

#ifdef STOA_BENCH_FLATBUFFERS
#include "bench/schemas/market_generated.h"
#endif
#ifdef STOA_BENCH_CAPNP
#include <capnp/message.h>
#include <capnp/serialize.h>

#include "bench/schemas/market.capnp.h"
#endif

namespace {

// Counted, so that "allocates nothing" is a result and not a claim.
std::uint64_t g_allocations_count = 0;

}  // namespace

void* operator new(std::size_t bytes) {
  ++g_allocations_count;
  if (void* memory = std::malloc(bytes)) return memory;
  throw std::bad_alloc{};
}
// The analyzer takes a call of this operator for a release of its own.
// NOLINTBEGIN(clang-analyzer-cplusplus.NewDelete)
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t /*bytes*/) noexcept { std::free(memory); }
// NOLINTEND(clang-analyzer-cplusplus.NewDelete)

namespace stoa::bench {
namespace {

constexpr std::size_t kSlotBytes = 256;  // room for any codec's message
constexpr std::size_t kMessages = 64;    // all slots together fit a first-level cache

std::uint64_t bits(std::int64_t value) noexcept { return static_cast<std::uint64_t>(value); }

// What each codec must give back: every field of the message, each with a weight of its own.
std::uint64_t sum_of(const Quote& quote) noexcept {
  return quote.instrument.value() + quote.update_id + bits(quote.bid_px.e8()) +
         3 * bits(quote.bid_qty.e8()) + 5 * bits(quote.ask_px.e8()) + 7 * bits(quote.ask_qty.e8()) +
         11 * bits(quote.ts_event.ns());
}
std::uint64_t sum_of(const Trade& trade) noexcept {
  return trade.instrument.value() + 3 * static_cast<std::uint64_t>(trade.taker_side) +
         trade.trade_id.value() + 5 * bits(trade.px.e8()) + 7 * bits(trade.qty.e8()) +
         11 * bits(trade.ts_event.ns());
}

Quote any_quote(Random& random) {
  const std::int64_t bid = random.between(1, 10'000'000'000'000);
  return {.instrument = InstrumentId{static_cast<std::uint32_t>(random.below(1'000))},
          .update_id = random.below(1ULL << 40),
          .bid_px = Price::from_e8(bid),
          .bid_qty = Qty::from_e8(random.between(1, 1'000'000'000)),
          .ask_px = Price::from_e8(bid + 1'000'000),
          .ask_qty = Qty::from_e8(random.between(1, 1'000'000'000)),
          .ts_event = Timestamp::from_ns(random.between(0, 1LL << 60))};
}
Trade any_trade(Random& random) {
  return {.instrument = InstrumentId{static_cast<std::uint32_t>(random.below(1'000))},
          .taker_side = random.one_in(2) ? Side::Buy : Side::Sell,
          .trade_id = TradeId{random.below(1ULL << 40)},
          .px = Price::from_e8(random.between(1, 10'000'000'000'000)),
          .qty = Qty::from_e8(random.between(1, 1'000'000'000)),
          .ts_event = Timestamp::from_ns(random.between(0, 1LL << 60))};
}

/// A codec is `encode(message, slot) -> bytes used` and `sum(bytes) -> sum_of what was read`.
struct RawCopy {
  static constexpr std::string_view kName = "raw struct copy";
  template <class M>
  static std::size_t encode(const M& message, std::span<std::byte> slot) noexcept {
    std::memcpy(slot.data(), &message, sizeof message);
    return sizeof message;
  }
  template <class M>
  static std::uint64_t sum(std::span<const std::byte> bytes) noexcept {
    M message;
    std::memcpy(&message, bytes.data(), sizeof message);
    return sum_of(message);
  }
};

struct Native {
  static constexpr std::string_view kName = "stoa native, crc32c";
  template <class M>
  static std::size_t encode(const M& message, std::span<std::byte> slot) noexcept {
    return native::encode(slot,
                          {.domain = native::Domain::Market,
                           .source = 5,
                           .sequence = 1,
                           .timestamp = message.ts_event},
                          message);
  }
  template <class M>
  static std::uint64_t sum(std::span<const std::byte> bytes) noexcept {
    const auto view = native::decode(bytes);
    if (!view || !view->template is<M>()) return 0;
    return sum_of(view->template as<M>());
  }
};

struct NativeTrusted {
  static constexpr std::string_view kName = "stoa native, trusted view";
  template <class M>
  static std::size_t encode(const M& message, std::span<std::byte> slot) noexcept {
    return Native::encode(message, slot);
  }
  template <class M>
  static std::uint64_t sum(std::span<const std::byte> bytes) noexcept {
    return sum_of(native::MessageView::trusted(bytes).as<M>());
  }
};

#ifdef STOA_BENCH_FLATBUFFERS
struct FlatBuffers {
  static constexpr std::string_view kName = "FlatBuffers, verifier";

  // One builder for all, as its manual advises: its buffer grows once.
  static flatbuffers::FlatBufferBuilder& builder() {
    static flatbuffers::FlatBufferBuilder instance;
    instance.Clear();
    return instance;
  }
  static std::size_t put(flatbuffers::FlatBufferBuilder& built, std::span<std::byte> slot) {
    std::memcpy(slot.data(), built.GetBufferPointer(), built.GetSize());
    return built.GetSize();
  }
  static std::size_t encode(const Quote& q, std::span<std::byte> slot) {
    auto& to = builder();
    to.Finish(fb::CreateQuote(to, q.instrument.value(), q.update_id, q.bid_px.e8(), q.bid_qty.e8(),
                              q.ask_px.e8(), q.ask_qty.e8(), q.ts_event.ns()));
    return put(to, slot);
  }
  static std::size_t encode(const Trade& t, std::span<std::byte> slot) {
    auto& to = builder();
    to.Finish(fb::CreateTrade(to, t.instrument.value(), static_cast<std::uint8_t>(t.taker_side),
                              t.trade_id.value(), t.px.e8(), t.qty.e8(), t.ts_event.ns()));
    return put(to, slot);
  }
  template <class Table>
  static const Table* verified(std::span<const std::byte> bytes) {
    const auto* begin = reinterpret_cast<const std::uint8_t*>(bytes.data());
    flatbuffers::Verifier verifier{begin, bytes.size()};
    return verifier.VerifyBuffer<Table>(nullptr) ? flatbuffers::GetRoot<Table>(begin) : nullptr;
  }
  template <class M>
  static std::uint64_t sum(std::span<const std::byte> bytes) {
    if constexpr (std::is_same_v<M, Quote>) {
      const auto* q = verified<fb::Quote>(bytes);
      if (q == nullptr) return 0;
      return sum_of(Quote{.instrument = InstrumentId{q->instrument()},
                          .update_id = q->update_id(),
                          .bid_px = Price::from_e8(q->bid_px()),
                          .bid_qty = Qty::from_e8(q->bid_qty()),
                          .ask_px = Price::from_e8(q->ask_px()),
                          .ask_qty = Qty::from_e8(q->ask_qty()),
                          .ts_event = Timestamp::from_ns(q->ts_event())});
    } else {
      const auto* t = verified<fb::Trade>(bytes);
      if (t == nullptr) return 0;
      return sum_of(Trade{.instrument = InstrumentId{t->instrument()},
                          .taker_side = static_cast<Side>(t->taker_side()),
                          .trade_id = TradeId{t->trade_id()},
                          .px = Price::from_e8(t->px()),
                          .qty = Qty::from_e8(t->qty()),
                          .ts_event = Timestamp::from_ns(t->ts_event())});
    }
  }
};
#endif

#ifdef STOA_BENCH_CAPNP
struct CapnProto {
  static constexpr std::string_view kName = "Cap'n Proto";

  template <class Fill>
  static std::size_t put(std::span<std::byte> slot, Fill fill) {
    // First segment from the stack, as its documentation advises for short messages.
    std::array<capnp::word, 64> space{};
    capnp::MallocMessageBuilder builder{kj::ArrayPtr<capnp::word>{space.data(), space.size()}};
    fill(builder);
    kj::ArrayOutputStream out{
        kj::ArrayPtr<kj::byte>{reinterpret_cast<kj::byte*>(slot.data()), slot.size()}};
    capnp::writeMessage(out, builder);
    return out.getArray().size();
  }
  static std::size_t encode(const Quote& q, std::span<std::byte> slot) {
    return put(slot, [&q](capnp::MessageBuilder& builder) {
      auto to = builder.initRoot<cp::Quote>();
      to.setInstrument(q.instrument.value());
      to.setUpdateId(q.update_id);
      to.setBidPx(q.bid_px.e8());
      to.setBidQty(q.bid_qty.e8());
      to.setAskPx(q.ask_px.e8());
      to.setAskQty(q.ask_qty.e8());
      to.setTsEvent(q.ts_event.ns());
    });
  }
  static std::size_t encode(const Trade& t, std::span<std::byte> slot) {
    return put(slot, [&t](capnp::MessageBuilder& builder) {
      auto to = builder.initRoot<cp::Trade>();
      to.setInstrument(t.instrument.value());
      to.setTakerSide(static_cast<std::uint8_t>(t.taker_side));
      to.setTradeId(t.trade_id.value());
      to.setPx(t.px.e8());
      to.setQty(t.qty.e8());
      to.setTsEvent(t.ts_event.ns());
    });
  }
  template <class M>
  static std::uint64_t sum(std::span<const std::byte> bytes) {
    // Slots are aligned to words, and so is every message in them.
    capnp::FlatArrayMessageReader reader{kj::ArrayPtr<const capnp::word>{
        reinterpret_cast<const capnp::word*>(bytes.data()), bytes.size() / sizeof(capnp::word)}};
    if constexpr (std::is_same_v<M, Quote>) {
      const auto q = reader.getRoot<cp::Quote>();
      return sum_of(Quote{.instrument = InstrumentId{q.getInstrument()},
                          .update_id = q.getUpdateId(),
                          .bid_px = Price::from_e8(q.getBidPx()),
                          .bid_qty = Qty::from_e8(q.getBidQty()),
                          .ask_px = Price::from_e8(q.getAskPx()),
                          .ask_qty = Qty::from_e8(q.getAskQty()),
                          .ts_event = Timestamp::from_ns(q.getTsEvent())});
    } else {
      const auto t = reader.getRoot<cp::Trade>();
      return sum_of(Trade{.instrument = InstrumentId{t.getInstrument()},
                          .taker_side = static_cast<Side>(t.getTakerSide()),
                          .trade_id = TradeId{t.getTradeId()},
                          .px = Price::from_e8(t.getPx()),
                          .qty = Qty::from_e8(t.getQty()),
                          .ts_event = Timestamp::from_ns(t.getTsEvent())});
    }
  }
};
#endif

struct Slot {
  alignas(64) std::array<std::byte, kSlotBytes> bytes{};
  std::size_t used = 0;
};

struct Result {
  double encode_ns = 0;
  double decode_ns = 0;
  std::size_t bytes = 0;
  std::uint64_t allocations = 0;
  std::uint64_t checksum = 0;
};

/// Best of `rounds` passes over all messages: what the code costs when nobody else has the core.
template <class Work>
double best_ns(std::size_t rounds, Work work) {
  const SystemClock clock;
  double best = 1e18;
  for (std::size_t round = 0; round < rounds; ++round) {
    const nanoseconds begin = clock.monotonic();
    work();
    const nanoseconds took = clock.monotonic() - begin;
    best = std::min(best, static_cast<double>(took.count()) / static_cast<double>(kMessages));
  }
  return best;
}

template <class Codec, class M>
Result measure(const std::vector<M>& messages, std::size_t rounds) {
  std::vector<Slot> slots(messages.size());
  const auto encode_all = [&] {
    for (std::size_t i = 0; i < messages.size(); ++i) {
      slots[i].used = Codec::encode(messages[i], slots[i].bytes);
    }
  };
  std::uint64_t checksum = 0;
  const auto decode_all = [&] {
    std::uint64_t sum = 0;
    for (const Slot& slot : slots)
      sum += Codec::template sum<M>(std::span{slot.bytes}.first(slot.used));
    checksum = sum;
  };
  encode_all();  // builders take their memory here
  decode_all();
  const std::uint64_t allocations = g_allocations_count;
  Result result;
  result.encode_ns = best_ns(rounds, encode_all);
  result.decode_ns = best_ns(rounds, decode_all);
  result.allocations = g_allocations_count - allocations;
  result.bytes = slots.front().used;
  result.checksum = checksum;
  return result;
}

template <class Codec>
bool report(std::string_view what, const Result& result, std::uint64_t wanted) {
  fmt::print("{:<12} {:<28} {:8.1f} {:8.1f} {:6} {:12} {:016x}\n", what, Codec::kName,
             result.encode_ns, result.decode_ns, result.bytes, result.allocations, result.checksum);
  return result.checksum == wanted;
}

/// Runs every codec over the same messages; false when one of them read something else than was
/// written, ours allocated, or ours is not as fast as it must be.
template <class M>
bool compare(std::string_view what, const std::vector<M>& messages, std::size_t rounds,
             bool smoke) {
  std::uint64_t wanted = 0;
  for (const M& message : messages) wanted += sum_of(message);
  bool good = report<RawCopy>(what, measure<RawCopy>(messages, rounds), wanted);
  const Result ours = measure<Native>(messages, rounds);
  good = report<Native>(what, ours, wanted) && good;
  good = report<NativeTrusted>(what, measure<NativeTrusted>(messages, rounds), wanted) && good;
  [[maybe_unused]] const auto beside = [&](const Result& peer) {
    if (smoke) return;
    if (ours.encode_ns >= peer.encode_ns) {
      fmt::print("our encoder is slower than this one\n");
      good = false;
    }
  };
#ifdef STOA_BENCH_FLATBUFFERS
  const Result flat = measure<FlatBuffers>(messages, rounds);
  good = report<FlatBuffers>(what, flat, wanted) && good;
  beside(flat);
#else
  fmt::print("{:<12} FlatBuffers skipped: flatc or libflatbuffers-dev is not installed\n", what);
#endif
#ifdef STOA_BENCH_CAPNP
  const Result capn = measure<CapnProto>(messages, rounds);
  good = report<CapnProto>(what, capn, wanted) && good;
  beside(capn);
#else
  fmt::print("{:<12} Cap'n Proto skipped: capnp or libcapnp-dev is not installed\n", what);
#endif
  return good && ours.allocations == 0;
}

int run(bool smoke) {
  Random random{42};
  std::vector<Quote> quotes(kMessages);
  std::vector<Trade> trades(kMessages);
  for (Quote& quote : quotes) quote = any_quote(random);
  for (Trade& trade : trades) trade = any_trade(random);
  const std::size_t rounds = smoke ? 3 : 30'000;
  fmt::print("seed 42, {} messages, best of {} rounds; ns per message\n", kMessages, rounds);
  fmt::print("{:<12} {:<28} {:>8} {:>8} {:>6} {:>12} {:>16}\n", "", "", "encode", "decode", "bytes",
             "allocations", "checksum");
  const bool quotes_good = compare("book top", quotes, rounds, smoke);
  const bool trades_good = compare("trade", trades, rounds, smoke);
  return quotes_good && trades_good ? 0 : 1;
}

}  // namespace
}  // namespace stoa::bench

int main(int argc, char** argv) {
  const bool smoke = argc > 1 && std::string_view{argv[1]} == "--smoke";
  return stoa::bench::run(smoke);
}
