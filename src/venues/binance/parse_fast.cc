#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/ids.h"
#include "base/price.h"
#include "base/qty.h"
#include "model/market.h"
#include "model/types.h"
#include "venues/binance/parse.h"
#include "venues/binance/symbols.h"

namespace stoa::venues::binance {
namespace {

static_assert(std::endian::native == std::endian::little, "digits are read eight to a word");

constexpr std::size_t kLevelsMax = 65'535;  // What a BookUpdate can count.

/// Value of eight ASCII digits in memory order; bytes of zero count as the digit 0.
constexpr std::uint64_t value_of_digits(std::uint64_t chars) noexcept {
  chars = (chars & 0x0F0F'0F0F'0F0F'0F0FULL) * 2561 >> 8;
  chars = (chars & 0x00FF'00FF'00FF'00FFULL) * 6'553'601 >> 16;
  return (chars & 0x0000'FFFF'0000'FFFFULL) * 42'949'672'960'001ULL >> 32;
}

/// How many of the eight bytes, from the first, are ASCII digits.
constexpr unsigned digits_count(std::uint64_t chars) noexcept {
  // A digit is 0x30 to 0x39: its high half is 3, and stays 3 when 6 is added. The sum can carry out
  // of a byte only when that byte is no digit, so everything before the first such byte is exact.
  const std::uint64_t high = chars & 0xF0F0'F0F0'F0F0'F0F0ULL;
  const std::uint64_t after = (chars + 0x0606'0606'0606'0606ULL) & 0xF0F0'F0F0'F0F0'F0F0ULL;
  const std::uint64_t bad = (high ^ 0x3030'3030'3030'3030ULL) | (after ^ 0x3030'3030'3030'3030ULL);
  return static_cast<unsigned>(std::countr_zero(bad)) / 8;
}

constexpr std::array<bool, 256> name_characters() {
  std::array<bool, 256> result{};
  for (const char c : std::string_view{"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                       "0123456789_@.-"}) {
    result[static_cast<unsigned char>(c)] = true;
  }
  return result;
}
constexpr std::array<bool, 256> kNameCharacters = name_characters();

/// Reads forward over the frame; every `take` either moves past what it names or leaves the frame
/// to the general decoder.
class Cursor {
 public:
  explicit Cursor(std::string_view text) noexcept
      : at_{text.data()}, end_{text.data() + text.size()} {}

  [[nodiscard]] bool at_end() const noexcept { return at_ == end_; }

  template <std::size_t kSize>
  bool take(const char (&text)[kSize]) noexcept {
    constexpr std::size_t kLength = kSize - 1;
    if (left() < kLength || std::memcmp(at_, text, kLength) != 0) return false;
    at_ += kLength;
    return true;
  }

  /// A name without escapes and the quote behind it.
  bool take_name(std::string_view& name) noexcept {
    const char* const begin = at_;
    while (at_ != end_ && kNameCharacters[static_cast<unsigned char>(*at_)]) ++at_;
    name = {begin, static_cast<std::size_t>(at_ - begin)};
    return take("\"");
  }

  /// An unsigned JSON integer of at most 18 digits.
  bool take_number(std::uint64_t& number) noexcept {
    std::uint64_t chars = load();
    unsigned digits = digits_count(chars);
    if (digits == 0 || (digits > 1 && *at_ == '0')) return false;
    number = value_of_digits(aligned(chars, digits));
    at_ += digits;
    if (digits < 8) return true;
    chars = load();
    digits = digits_count(chars);
    number = number * kPowers[digits] + value_of_digits(aligned(chars, digits));
    at_ += digits;
    if (digits < 8) return true;
    unsigned more = 0;
    for (; at_ != end_ && *at_ >= '0' && *at_ <= '9'; ++at_) {
      if (++more > 2) return false;
      number = number * 10 + static_cast<std::uint64_t>(*at_ - '0');
    }
    return true;
  }

  /// A time in one of the accepted units.
  bool take_time(Timestamp& time) noexcept {
    std::uint64_t number = 0;
    if (!take_number(number)) return false;
    const auto found = time_by_magnitude(number);
    if (found) time = *found;
    return found.has_value();
  }

  /// `digits[.digits]` and the quote behind it: at most eight digits on either side of the point.
  bool take_decimal(std::int64_t& e8) noexcept {
    const std::uint64_t whole = load();
    const unsigned whole_digits = digits_count(whole);
    if (whole_digits == 0) return false;
    std::uint64_t value = value_of_digits(aligned(whole, whole_digits)) * kPowers[8];
    at_ += whole_digits;
    if (at_ != end_ && *at_ == '.') {
      ++at_;
      const std::uint64_t fraction = load();
      const unsigned digits = digits_count(fraction);
      if (digits == 0) return false;
      value += value_of_digits(kept(fraction, digits));
      at_ += digits;
    }
    e8 = static_cast<std::int64_t>(value);
    return take("\"");
  }

  bool take_bool(bool& value) noexcept {
    value = at_ != end_ && *at_ == 't';
    return value ? take("true") : take("false");
  }

  /// `[["price","qty"],…]` from the opening bracket on.
  bool take_levels(std::vector<Level>& levels) {
    levels.clear();
    if (!take("[")) return false;
    if (take("]")) return true;
    do {
      std::int64_t px = 0;
      std::int64_t qty = 0;
      if (!take("[\"") || !take_decimal(px) || !take(",\"") || !take_decimal(qty) || !take("]")) {
        return false;
      }
      levels.push_back({Price::from_e8(px), Qty::from_e8(qty)});
    } while (take(","));
    return take("]") && levels.size() <= kLevelsMax;
  }

 private:
  static constexpr std::array<std::uint64_t, 9> kPowers = {
      1, 10, 100, 1'000, 10'000, 100'000, 1'000'000, 10'000'000, 100'000'000};

  [[nodiscard]] std::size_t left() const noexcept { return static_cast<std::size_t>(end_ - at_); }
  /// The next eight bytes; zeros past the end.
  [[nodiscard]] std::uint64_t load() const noexcept {
    std::uint64_t chars = 0;
    if (left() >= sizeof chars) [[likely]] {
      std::memcpy(&chars, at_, sizeof chars);
    } else {
      std::memcpy(&chars, at_, left());
    }
    return chars;
  }
  /// The first `digits` bytes moved to the low end of the number: leading zeros come in.
  static constexpr std::uint64_t aligned(std::uint64_t chars, unsigned digits) noexcept {
    return digits == 0 ? 0 : chars << (8 * (8 - digits));
  }
  /// The first `digits` bytes where they are: trailing zeros come in.
  static constexpr std::uint64_t kept(std::uint64_t chars, unsigned digits) noexcept {
    return digits == 8 ? chars : chars & ((std::uint64_t{1} << (8 * digits)) - 1);
  }

  const char* at_;
  const char* end_;
};

// Each of the following starts behind the last byte that told its kind and ends behind the object.

bool take_trade(Cursor& in, TradeFrame& frame) noexcept {
  std::uint64_t number = 0;
  std::uint64_t id = 0;
  std::int64_t px = 0;
  std::int64_t qty = 0;
  std::string_view text;
  Trade& trade = frame.trade;
  if (!in.take_number(number)) return false;
  frame.futures = in.take(",\"T\":");
  if (frame.futures && !in.take_time(trade.ts_event)) return false;
  if (!in.take(",\"s\":\"") || !in.take_name(frame.symbol)) return false;
  if (!in.take(",\"t\":") || !in.take_number(id)) return false;
  if (!in.take(",\"p\":\"") || !in.take_decimal(px)) return false;
  if (!in.take(",\"q\":\"") || !in.take_decimal(qty)) return false;
  bool buyer_is_maker = false;
  if (frame.futures) {
    if (!in.take(",\"X\":\"") || !in.take_name(text) || text != "MARKET") return false;
    if (!in.take(",\"m\":") || !in.take_bool(buyer_is_maker)) return false;
  } else {
    // Order ids of both sides were sent until 2023.
    if (in.take(",\"b\":") &&
        (!in.take_number(number) || !in.take(",\"a\":") || !in.take_number(number))) {
      return false;
    }
    bool unused = false;
    if (!in.take(",\"T\":") || !in.take_time(trade.ts_event)) return false;
    if (!in.take(",\"m\":") || !in.take_bool(buyer_is_maker)) return false;
    if (!in.take(",\"M\":") || !in.take_bool(unused)) return false;
  }
  trade.trade_id = TradeId{id};
  trade.px = Price::from_e8(px);
  trade.qty = Qty::from_e8(qty);
  trade.taker_side = buyer_is_maker ? Side::Sell : Side::Buy;
  return in.take("}");
}

bool take_quote_sides(Cursor& in, Quote& quote) noexcept {
  std::int64_t bid_px = 0;
  std::int64_t bid_qty = 0;
  std::int64_t ask_px = 0;
  std::int64_t ask_qty = 0;
  if (!in.take(",\"b\":\"") || !in.take_decimal(bid_px)) return false;
  if (!in.take(",\"B\":\"") || !in.take_decimal(bid_qty)) return false;
  if (!in.take(",\"a\":\"") || !in.take_decimal(ask_px)) return false;
  if (!in.take(",\"A\":\"") || !in.take_decimal(ask_qty)) return false;
  quote.bid_px = Price::from_e8(bid_px);
  quote.bid_qty = Qty::from_e8(bid_qty);
  quote.ask_px = Price::from_e8(ask_px);
  quote.ask_qty = Qty::from_e8(ask_qty);
  return true;
}

/// Starts behind `"u":`; COIN-M puts the event's name behind the id, USD-M before it.
bool take_quote(Cursor& in, QuoteFrame& frame, bool event_seen) noexcept {
  std::string_view pair;
  if (!in.take_number(frame.quote.update_id)) return false;
  frame.futures = event_seen || in.take(",\"e\":\"bookTicker\"");
  if (!in.take(",\"s\":\"") || !in.take_name(frame.symbol)) return false;
  if (frame.futures && in.take(",\"ps\":\"") && !in.take_name(pair)) return false;
  if (!take_quote_sides(in, frame.quote)) return false;
  if (frame.futures) {
    std::uint64_t unused = 0;
    if (!in.take(",\"T\":") || !in.take_time(frame.quote.ts_event)) return false;
    if (!in.take(",\"E\":") || !in.take_number(unused)) return false;
  }
  return in.take("}");
}

bool take_depth(Cursor& in, DepthFrame& frame, LevelBuffers& levels) {
  std::string_view pair;
  if (!in.take_time(frame.ts_event)) return false;
  const bool futures = in.take(",\"T\":");
  if (futures && !in.take_time(frame.ts_event)) return false;
  if (!in.take(",\"s\":\"") || !in.take_name(frame.symbol)) return false;
  if (futures && in.take(",\"ps\":\"") && !in.take_name(pair)) return false;
  if (!in.take(",\"U\":") || !in.take_number(frame.first_update_id)) return false;
  if (!in.take(",\"u\":") || !in.take_number(frame.last_update_id)) return false;
  if (frame.first_update_id > frame.last_update_id) return false;
  if (futures) {
    std::uint64_t prev = 0;
    if (!in.take(",\"pu\":") || !in.take_number(prev)) return false;
    frame.prev_update_id = prev;
  }
  if (!in.take(",\"b\":") || !in.take_levels(levels.bids)) return false;
  if (!in.take(",\"a\":") || !in.take_levels(levels.asks)) return false;
  frame.bids = levels.bids;
  frame.asks = levels.asks;
  return in.take("}");
}

bool take_snapshot(Cursor& in, SnapshotFrame& frame, LevelBuffers& levels) {
  std::string_view pair;
  if (!in.take_number(frame.last_update_id)) return false;
  frame.futures = in.take(",\"E\":");
  if (frame.futures) {
    std::uint64_t unused = 0;
    if (!in.take_number(unused) || !in.take(",\"T\":") || !in.take_time(frame.ts_event)) {
      return false;
    }
    if (in.take(",\"symbol\":\"") &&
        (!in.take_name(frame.symbol) || !in.take(",\"pair\":\"") || !in.take_name(pair))) {
      return false;
    }
  }
  if (!in.take(",\"bids\":") || !in.take_levels(levels.bids)) return false;
  if (!in.take(",\"asks\":") || !in.take_levels(levels.asks)) return false;
  frame.bids = levels.bids;
  frame.asks = levels.asks;
  return in.take("}");
}

std::optional<Frame> take_payload(Cursor& in, LevelBuffers& levels) {
  // Ordered by how often each comes.
  if (in.take("{\"u\":")) {
    QuoteFrame frame;
    if (take_quote(in, frame, false)) return frame;
  } else if (in.take("{\"e\":\"trade\",\"E\":")) {
    TradeFrame frame;
    if (take_trade(in, frame)) return frame;
  } else if (in.take("{\"e\":\"depthUpdate\",\"E\":")) {
    DepthFrame frame;
    if (take_depth(in, frame, levels)) return frame;
  } else if (in.take("{\"e\":\"bookTicker\",\"u\":")) {
    QuoteFrame frame;
    if (take_quote(in, frame, true)) return frame;
  } else if (in.take("{\"lastUpdateId\":")) {
    SnapshotFrame frame;
    if (take_snapshot(in, frame, levels)) return frame;
  }
  return std::nullopt;
}

}  // namespace

std::optional<Frame> parse_fast(std::string_view json, LevelBuffers& levels) {
  Cursor in{json};
  const bool combined = in.take("{\"stream\":\"");
  if (combined) {
    std::string_view stream;
    if (!in.take_name(stream) || !in.take(",\"data\":") || is_partial_depth(stream))
      return std::nullopt;
  }
  auto frame = take_payload(in, levels);
  if (combined && !in.take("}")) return std::nullopt;
  if (!in.at_end()) return std::nullopt;
  return frame;
}

}  // namespace stoa::venues::binance
