#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <variant>
#include <vector>

#include "base/clock.h"
#include "model/market.h"

namespace stoa::venues::binance {

// Binance market frames: bytes in, messages of the model out. No I/O, no clock, no state between
// frames. Spot, USD-M and COIN-M; raw (`/ws`) and combined (`/stream`) frames; REST depth replies.
//
// times   milliseconds; microseconds (`timeUnit=MICROSECOND`) are told from them by magnitude
// source  Binance "WebSocket Streams" (spot) and "Diff. Book Depth Streams" (USD-M, COIN-M)

/// Levels of the frame parsed last. The caller owns them so that their memory is reused.
struct LevelBuffers {
  std::vector<Level> bids{};
  std::vector<Level> asks{};
};

/// `@trade`. `trade.ts_event` is the trade's own time (T). The instrument is the caller's to set.
struct TradeFrame {
  std::string_view symbol{};
  Trade trade{};
  bool futures = false;
};

/// `@bookTicker`. Spot gives no time: `quote.ts_event` is then zero.
struct QuoteFrame {
  std::string_view symbol{};
  Quote quote{};
  bool futures = false;
};

/// `@depth`: absolute quantities per level, in the venue's order (futures send bids ascending).
struct DepthFrame {
  std::string_view symbol{};
  std::uint64_t first_update_id = 0;
  std::uint64_t last_update_id = 0;
  std::optional<std::uint64_t> prev_update_id{};  // futures (pu): last id of the diff before
  Timestamp ts_event{};                           // T where given (futures), else E
  std::span<const Level> bids{};
  std::span<const Level> asks{};
};

/// A REST depth reply, or a partial book stream (`@depth5`, `@depth10`, `@depth20`), which is only
/// the top of the book and must not start one.
struct SnapshotFrame {
  std::string_view symbol{};  // empty on spot: the request knew it
  std::uint64_t last_update_id = 0;
  Timestamp ts_event{};  // zero on spot
  bool partial = false;
  bool futures = false;
  std::span<const Level> bids{};  // best first
  std::span<const Level> asks{};  // best first
};

/// Well-formed JSON that is none of the above: replies to SUBSCRIBE, other streams, and so on.
struct OtherFrame {
  std::string_view event{};  // `e` where there is one
};

/// Texts and levels are borrowed until the next frame is parsed or the input goes away.
using Frame = std::variant<OtherFrame, TradeFrame, QuoteFrame, DepthFrame, SnapshotFrame>;

enum class FrameFault : std::uint8_t {
  NotJson,         // the text ends early, goes on too long, or breaks JSON's grammar or UTF-8
  MissingField,    // a field that this kind of frame must have
  WrongType,       // a field of another JSON type, a level that is not a pair
  DuplicateField,  // the same key twice in one object
  NotDecimal,      // empty, sign, exponent, NaN, stray characters in a price or quantity
  TooPrecise,      // a non-zero ninth decimal
  OutOfRange,      // past 92 billion, a time outside 1970 to 2262, more levels than 65,535
  Negative,        // a price or quantity below zero
  BadUpdateIds,    // first id above the last
};
/// "not JSON", "missing field", … for messages.
[[nodiscard]] std::string_view to_string(FrameFault fault) noexcept;

struct FrameError {
  FrameFault fault = FrameFault::NotJson;
  std::size_t offset = 0;  // byte of the frame where it was noticed
};

/// A venue's or a recorder's time as text gives it, told by magnitude: milliseconds below 9.2e12,
/// microseconds from 1e14, nanoseconds from 1e17. Nothing for values between.
[[nodiscard]] std::optional<Timestamp> time_by_magnitude(std::uint64_t value) noexcept;

/// The quick decoder: accepts frames in the field order that Binance sends, without escapes or
/// spaces, and answers nothing for everything else, right or wrong. What it accepts,
/// `parse_general` decodes to the same message.
///
/// cost  see docs/performance.md#decode; allocates only while `levels` grows
[[nodiscard]] std::optional<Frame> parse_fast(std::string_view json, LevelBuffers& levels);

/// Decodes any JSON spelling of a frame; wraps simdjson. One owner.
class GeneralParser {
 public:
  GeneralParser();
  GeneralParser(GeneralParser&&) noexcept;
  GeneralParser& operator=(GeneralParser&&) noexcept;
  ~GeneralParser();

  /// errors  every FrameFault; the whole text is checked, fields that nobody reads included
  [[nodiscard]] std::expected<Frame, FrameError> parse(std::string_view json, LevelBuffers& levels);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// What sessions use: the quick decoder, and the general one for what that leaves. One owner.
class FrameParser {
 public:
  [[nodiscard]] std::expected<Frame, FrameError> parse(std::string_view json) {
    if (auto frame = parse_fast(json, levels_)) return *frame;
    return general_.parse(json, levels_);
  }

 private:
  LevelBuffers levels_;
  GeneralParser general_;
};

}  // namespace stoa::venues::binance
