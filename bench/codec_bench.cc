// Question: what does it cost to encode and to decode each message, header included, with and
// without the checksum; and a book top and a trade beside a raw struct copy (the lower bound),
// FlatBuffers (with its verifier), Cap'n Proto and Protobuf, in the same run on the same machine?
// Budget: docs/performance.md#codecs. Judged here: with the checksum, encoding and decoding
// together take at most a third of the fastest peer's time, and nothing is allocated. Decoding
// checks everything (checksum, sizes, enumerators; the peers look at no byte of the values); "known
// type" is a reader that says what it expects, "trusted" one that reads what it has checked before.
// `--smoke` takes few rounds, checks the results and judges no speed.
//
// Every codec reads every field back; the checksum over them must be the same for all.
#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <memory>
#include <new>
#include <span>
#include <string_view>
#include <type_traits>
#include <utility>
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
#ifdef STOA_BENCH_PROTOBUF
#include "bench/schemas/market.pb.h"
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

constexpr std::size_t kMessages = 32;  // all of them, and what they become, fit a first-level cache
constexpr std::size_t kHalfBytes = 512;

/// A message and its bytes. Messages lie in the first half of every kilobyte and bytes in the
/// second, for all codecs: a load from an address that ends in the same twelve bits as a store just
/// before it waits for the store, and by chance of layout that made a copy ten times slower.
template <class M>
struct alignas(2 * kHalfBytes) Slot {
  M message{};
  alignas(kHalfBytes) std::array<std::byte, kHalfBytes - sizeof(std::size_t)> bytes{};
  std::size_t used = 0;

  [[nodiscard]] std::span<const std::byte> encoded() const noexcept {
    return std::span{bytes}.first(used);
  }
};

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

enum class Reader : std::uint8_t { AnyType, KnownType, Trusted };

template <native::Checksum kChecksum, Reader kReader>
struct Native {
  template <class M>
  static std::size_t encode(const M& message, std::span<std::byte> slot) noexcept {
    return native::encode(slot,
                          {.domain = native::Domain::Market,
                           .source = 5,
                           .sequence = 1,
                           .timestamp = message.ts_event,
                           .checksum = kChecksum},
                          message);
  }
  template <class M>
  static std::uint64_t sum(std::span<const std::byte> bytes) noexcept {
    if constexpr (kReader == Reader::Trusted) {
      return sum_of(native::MessageView::trusted(bytes).as<M>());
    } else {
      const auto view = kReader == Reader::AnyType
                            ? native::decode(bytes, {.checksum = kChecksum})
                            : native::decode_likely<M>(bytes, {.checksum = kChecksum});
      if (!view || !view->template is<M>()) return 0;
      return sum_of(view->template as<M>());
    }
  }
};
template <Reader kReader>
struct Checked : Native<native::Checksum::On, kReader> {
  static constexpr std::string_view kName = kReader == Reader::AnyType ? "stoa, crc32c"
                                            : kReader == Reader::KnownType
                                                ? "stoa, crc32c, known type"
                                                : "stoa, crc32c, trusted";
};
struct Unchecked : Native<native::Checksum::Off, Reader::KnownType> {
  static constexpr std::string_view kName = "stoa, no checksum, known type";
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

#ifdef STOA_BENCH_PROTOBUF
struct Protobuf {
  static constexpr std::string_view kName = "Protobuf, fixed64";

  // One message for all, which is kinder than an arena: nothing is allocated after the first.
  template <class Message>
  static Message& reused() {
    static Message instance;
    return instance;
  }
  template <class Message>
  static std::size_t put(const Message& message, std::span<std::byte> slot) {
    const auto bytes = message.ByteSizeLong();
    return message.SerializeToArray(slot.data(), static_cast<int>(slot.size())) ? bytes : 0;
  }
  static std::size_t encode(const Quote& q, std::span<std::byte> slot) {
    auto& to = reused<pb::Quote>();
    to.set_instrument(q.instrument.value());
    to.set_update_id(q.update_id);
    to.set_bid_px(q.bid_px.e8());
    to.set_bid_qty(q.bid_qty.e8());
    to.set_ask_px(q.ask_px.e8());
    to.set_ask_qty(q.ask_qty.e8());
    to.set_ts_event(q.ts_event.ns());
    return put(to, slot);
  }
  static std::size_t encode(const Trade& t, std::span<std::byte> slot) {
    auto& to = reused<pb::Trade>();
    to.set_instrument(t.instrument.value());
    to.set_taker_side(static_cast<std::uint32_t>(t.taker_side));
    to.set_trade_id(t.trade_id.value());
    to.set_px(t.px.e8());
    to.set_qty(t.qty.e8());
    to.set_ts_event(t.ts_event.ns());
    return put(to, slot);
  }
  template <class M>
  static std::uint64_t sum(std::span<const std::byte> bytes) {
    const int size = static_cast<int>(bytes.size());
    if constexpr (std::is_same_v<M, Quote>) {
      auto& q = reused<pb::Quote>();
      if (!q.ParseFromArray(bytes.data(), size)) return 0;
      return sum_of(Quote{.instrument = InstrumentId{q.instrument()},
                          .update_id = q.update_id(),
                          .bid_px = Price::from_e8(q.bid_px()),
                          .bid_qty = Qty::from_e8(q.bid_qty()),
                          .ask_px = Price::from_e8(q.ask_px()),
                          .ask_qty = Qty::from_e8(q.ask_qty()),
                          .ts_event = Timestamp::from_ns(q.ts_event())});
    } else {
      auto& t = reused<pb::Trade>();
      if (!t.ParseFromArray(bytes.data(), size)) return 0;
      return sum_of(Trade{.instrument = InstrumentId{t.instrument()},
                          .taker_side = static_cast<Side>(t.taker_side()),
                          .trade_id = TradeId{t.trade_id()},
                          .px = Price::from_e8(t.px()),
                          .qty = Qty::from_e8(t.qty()),
                          .ts_event = Timestamp::from_ns(t.ts_event())});
    }
  }
};
#endif

// ---- measuring

struct Effort {
  std::size_t rounds = 0;   // turns of all codecs, so that all meet the same neighbours
  std::size_t batches = 0;  // timed in a turn
  std::size_t passes = 0;  // over all messages, in a batch: the clock costs as much as ten messages
};
constexpr Effort kFull{.rounds = 9, .batches = 400, .passes = 32};
constexpr Effort kSmoke{.rounds = 1, .batches = 3, .passes = 1};

/// Tells the compiler that memory may have changed: no pass can be taken for the one before it.
void forget() noexcept { asm volatile("" ::: "memory"); }

double median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::ranges::nth_element(values, middle);
  return *middle;
}

/// Nanoseconds per message: the median of the batches.
template <class Pass>
double batch_ns(const Effort& effort, Pass pass) {
  const SystemClock clock;
  std::vector<double> took(effort.batches);
  for (double& each : took) {
    const nanoseconds begin = clock.monotonic();
    for (std::size_t i = 0; i < effort.passes; ++i) {
      pass();
      forget();
    }
    const nanoseconds took_ns = clock.monotonic() - begin;
    each = static_cast<double>(took_ns.count()) / static_cast<double>(kMessages * effort.passes);
  }
  return median(std::move(took));
}

/// One codec at work on its own copy of the messages.
struct Contender {
  std::string_view name;
  bool peer = false;
  std::function<void()> encode{};           // one pass over all messages
  std::function<std::uint64_t()> decode{};  // the same; returns the sum of what it read
  std::size_t bytes = 0;
  std::vector<double> encode_ns{};  // one per round
  std::vector<double> decode_ns{};
  std::uint64_t allocations = 0;
};

template <class Codec, class M>
Contender contender(const std::vector<M>& messages, bool peer = false) {
  auto slots = std::make_shared<std::vector<Slot<M>>>(messages.size());
  for (std::size_t i = 0; i < messages.size(); ++i) (*slots)[i].message = messages[i];
  Contender result{.name = Codec::kName, .peer = peer};
  result.encode = [slots] {
    for (Slot<M>& slot : *slots) slot.used = Codec::encode(slot.message, slot.bytes);
  };
  result.decode = [slots] {
    std::uint64_t sum = 0;
    for (const Slot<M>& slot : *slots) sum += Codec::template sum<M>(slot.encoded());
    return sum;
  };
  result.encode();  // builders take their memory here
  result.bytes = slots->front().used;
  return result;
}

/// Runs one turn; false when it read something else than was written.
bool run(Contender& codec, const Effort& effort, std::uint64_t wanted) {
  std::uint64_t sum = codec.decode();
  bool good = sum == wanted;
  codec.encode_ns.reserve(effort.rounds);
  codec.decode_ns.reserve(effort.rounds);
  const std::uint64_t before = g_allocations_count;
  codec.encode_ns.push_back(batch_ns(effort, [&] { codec.encode(); }));
  codec.decode_ns.push_back(batch_ns(effort, [&] { sum += codec.decode(); }));
  // Two lists of times are taken around the codec's own.
  codec.allocations = std::max(codec.allocations, g_allocations_count - before - 2);
  good = good && sum == wanted * (effort.batches * effort.passes + 1);
  if (!good) fmt::print("{} read something else than was written\n", codec.name);
  return good;
}

/// Every codec over the same messages. False when one of them read something else than was
/// written, ours allocated, or ours is not as fast as it must be.
template <class M>
bool compare(std::string_view what, const std::vector<M>& messages, const Effort& effort,
             bool smoke) {
  std::uint64_t wanted = 0;
  for (const M& message : messages) wanted += sum_of(message);
  std::vector<Contender> codecs;
  codecs.push_back(contender<Checked<Reader::AnyType>>(messages));
  codecs.push_back(contender<Checked<Reader::KnownType>>(messages));
  codecs.push_back(contender<Checked<Reader::Trusted>>(messages));
  codecs.push_back(contender<Unchecked>(messages));
  codecs.push_back(contender<RawCopy>(messages));
#ifdef STOA_BENCH_FLATBUFFERS
  codecs.push_back(contender<FlatBuffers>(messages, /*peer=*/true));
#else
  fmt::print("FlatBuffers skipped: flatc or libflatbuffers-dev is not installed\n");
#endif
#ifdef STOA_BENCH_CAPNP
  codecs.push_back(contender<CapnProto>(messages, /*peer=*/true));
#else
  fmt::print("Cap'n Proto skipped: capnp or libcapnp-dev is not installed\n");
#endif
#ifdef STOA_BENCH_PROTOBUF
  codecs.push_back(contender<Protobuf>(messages, /*peer=*/true));
#else
  fmt::print("Protobuf skipped: protoc or libprotobuf-dev is not installed\n");
#endif
  bool good = true;
  for (std::size_t round = 0; round < effort.rounds; ++round) {
    for (Contender& codec : codecs) good = run(codec, effort, wanted) && good;
  }

  fmt::print("\n{:<32} {:>8} {:>8} {:>6} {:>6} {:>6} {:>6} {:>6}\n", what, "encode", "decode",
             "x enc", "x dec", "x both", "bytes", "allocs");
  const double ours_encode = median(codecs.front().encode_ns);
  const double ours_decode = median(codecs.front().decode_ns);
  for (const Contender& codec : codecs) {
    const double encode = median(codec.encode_ns);
    const double decode = median(codec.decode_ns);
    const double both = (encode + decode) / (ours_encode + ours_decode);
    fmt::print("{:<32} {:8.1f} {:8.1f} {:6.1f} {:6.1f} {:6.1f} {:6} {:6}\n", codec.name, encode,
               decode, encode / ours_encode, decode / ours_decode, both, codec.bytes,
               codec.allocations);
    if (codec.peer && !smoke && both < 3) {
      fmt::print("we are not three times as fast as this one\n");
      good = false;
    }
    if (!codec.peer && codec.allocations > 0) {
      fmt::print("we allocated\n");
      good = false;
    }
  }
  return good;
}

// ---- every message

/// Every field's first bytes, each once; as many as one load takes.
template <class M>
std::uint64_t sum_of_fields(const std::byte* body) noexcept {
  std::uint64_t sum = 0;
  const auto add = [&]<std::size_t kPlace>() {
    constexpr native::Field kField = native::Wire<M>::kFields[kPlace];
    std::uint64_t part = 0;
    constexpr std::size_t kBytes = std::bit_floor(std::min<std::size_t>(kField.size, sizeof part));
    std::memcpy(&part, body + kField.offset, kBytes);
    sum = 3 * sum + part;
  };
  [&]<std::size_t... kPlaces>(std::index_sequence<kPlaces...>) {
    (add.template operator()<kPlaces>(), ...);
  }(std::make_index_sequence<native::Wire<M>::kFields.size()>{});
  return sum;
}

template <native::Checksum kChecksum, bool kKnownType>
struct AnyMessage {
  static constexpr std::string_view kName = "stoa";
  template <class M>
  static std::size_t encode(const M& message, std::span<std::byte> slot) noexcept {
    constexpr native::Domain kDomain = native::domain_of(native::Wire<M>::kType);
    return native::encode(
        slot, {.domain = kDomain, .source = 5, .sequence = 1, .checksum = kChecksum}, message);
  }
  template <class M>
  static std::uint64_t sum(std::span<const std::byte> bytes) noexcept {
    const auto view = kKnownType ? native::decode_likely<M>(bytes, {.checksum = kChecksum})
                                 : native::decode(bytes, {.checksum = kChecksum});
    if (!view || !view->template is<M>()) return 0;
    return sum_of_fields<M>(view->body().data());
  }
};

/// Any message whose enumerators are in range: ids, prices and texts of random bytes.
template <class M>
M any_message(Random& random) {
  M message{};
  auto* const bytes = reinterpret_cast<std::byte*>(&message);
  for (const native::Field& field : native::Wire<M>::kFields) {
    if (field.name.ends_with("_count") || !native::may_hold_any_bytes(field.kind)) continue;
    for (std::size_t i = 0; i < field.size; ++i) {
      bytes[field.offset + i] = static_cast<std::byte>(random.next());
    }
  }
  return message;
}

template <class M>
bool show_message(Random& random, const Effort& effort) {
  std::vector<M> messages(kMessages);
  std::uint64_t wanted = 0;
  for (M& message : messages) {
    message = any_message<M>(random);
    wanted += sum_of_fields<M>(reinterpret_cast<const std::byte*>(&message));
  }
  using native::Checksum;
  std::array<Contender, 4> codecs{contender<AnyMessage<Checksum::On, false>>(messages),
                                  contender<AnyMessage<Checksum::On, true>>(messages),
                                  contender<AnyMessage<Checksum::Off, false>>(messages),
                                  contender<AnyMessage<Checksum::Off, true>>(messages)};
  bool good = true;
  std::uint64_t allocations = 0;
  for (std::size_t round = 0; round < effort.rounds; ++round) {
    for (Contender& codec : codecs) {
      good = run(codec, effort, wanted) && good;
      allocations = std::max(allocations, codec.allocations);
    }
  }
  fmt::print("{:<4}{:<20} {:6} {:8.1f} {:8.1f} {:8.1f} {:8.1f} {:8.1f} {:8.1f} {:6}\n",
             native::Wire<M>::kType, native::Wire<M>::kName, codecs[0].bytes,
             median(codecs[0].encode_ns), median(codecs[0].decode_ns), median(codecs[1].decode_ns),
             median(codecs[2].encode_ns), median(codecs[2].decode_ns), median(codecs[3].decode_ns),
             allocations);
  if (allocations > 0) fmt::print("we allocated\n");
  return good && allocations == 0;
}

template <class... M>
bool show_messages(native::MessageList<M...> /*all*/, Random& random, const Effort& effort) {
  fmt::print("\n{:<24} {:>6} {:>26} {:>26}\n", "", "", "with crc32c", "without");
  fmt::print("{:<24} {:>6} {:>8} {:>8} {:>8} {:>8} {:>8} {:>8} {:>6}\n", "every message", "bytes",
             "encode", "decode", "known", "encode", "decode", "known", "allocs");
  bool good = true;
  ((good = show_message<M>(random, effort) && good), ...);
  return good;
}

/// Ten levels a side changed: what a busy feed sends most.
bool show_book(Random& random, const Effort& effort) {
  std::array<Level, 20> levels{};
  for (Level& level : levels) {
    level = {.px = Price::from_e8(random.between(1, 10'000'000'000'000)),
             .qty = Qty::from_e8(random.between(0, 1'000'000'000))};
  }
  const BookView book{.head = {.instrument = InstrumentId{1}},
                      .snapshot = false,
                      .bids = std::span{levels}.first(10),
                      .asks = std::span{levels}.subspan(10)};
  std::array<std::byte, kHalfBytes> bytes{};
  std::size_t used = 0;
  std::uint64_t levels_count = 0;
  const std::uint64_t before = g_allocations_count;
  const double encode_ns = batch_ns(effort, [&] {
    for (std::size_t i = 0; i < kMessages; ++i) {
      used = native::encode_book(bytes, {.domain = native::Domain::Market}, book);
      forget();
    }
  });
  const double decode_ns = batch_ns(effort, [&] {
    for (std::size_t i = 0; i < kMessages; ++i) {
      std::array<Level, 20> space;
      const auto view = native::decode(std::span{bytes}.first(used));
      if (view) levels_count += native::read_book(*view, space).asks.size();
      forget();
    }
  });
  fmt::print("{:<24} {:6} {:8.1f} {:8.1f}\n", "4   BookDelta, 10 + 10", used, encode_ns, decode_ns);
  return g_allocations_count - before == 2 &&
         levels_count == 10 * kMessages * effort.batches * effort.passes;
}

int run(bool smoke) {
  Random random{42};
  std::vector<Quote> quotes(kMessages);
  std::vector<Trade> trades(kMessages);
  for (Quote& quote : quotes) quote = any_quote(random);
  for (Trade& trade : trades) trade = any_trade(random);
  const Effort effort = smoke ? kSmoke : kFull;
  fmt::print("seed 42; ns per message, medians of {} rounds of {} batches of {} messages\n",
             effort.rounds, effort.batches, effort.passes * kMessages);
  bool good = compare("book top", quotes, effort, smoke);
  good = compare("trade", trades, effort, smoke) && good;
  Effort less = effort;
  less.rounds = std::min<std::size_t>(effort.rounds, 3);
  good = show_messages(native::MessageStructs{}, random, less) && good;
  good = show_book(random, less) && good;
  return good ? 0 : 1;
}

}  // namespace
}  // namespace stoa::bench

int main(int argc, char** argv) {
  const bool smoke = argc > 1 && std::string_view{argv[1]} == "--smoke";
  return stoa::bench::run(smoke);
}
