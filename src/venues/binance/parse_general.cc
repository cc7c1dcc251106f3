#include <simdjson.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <expected>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/decimal.h"
#include "base/ids.h"
#include "base/price.h"
#include "base/qty.h"
#include "model/market.h"
#include "model/types.h"
#include "venues/binance/parse.h"
#include "venues/binance/symbols.h"

namespace stoa::venues::binance {
namespace {

namespace od = simdjson::ondemand;

constexpr std::size_t kLevelsMax = 65'535;  // What a BookUpdate can count.
constexpr int kDepthMax = 64;               // Frames nest five deep; the stack is not the peer's.

using Fault = std::optional<FrameError>;

/// Fields that some kind of frame reads; the order is that of `Field`.
constexpr std::array<std::string_view, 20> kNames = {
    "e", "E", "T", "s", "U", "u", "pu",           "b",    "B",   "a", "A",
    "t", "p", "q", "X", "m", "M", "lastUpdateId", "bids", "asks"};
enum class Field : std::uint8_t {
  Event,
  EventTime,
  Time,
  Symbol,
  FirstId,
  LastId,
  PrevId,
  Bid,
  BidQty,
  Ask,
  AskQty,
  TradeId,
  Price,
  Qty,
  OrderKind,
  BuyerIsMaker,
  Ignored,
  SnapshotId,
  SnapshotBids,
  SnapshotAsks,
};

enum class Kind : std::uint8_t { Absent, Text, Number, Bool, Levels, Else };

struct Slot {
  Kind kind = Kind::Absent;
  std::string_view text{};
  std::uint64_t number = 0;
  bool flag = false;
  std::size_t offset = 0;
  Fault fault{};  // why an array is not levels
};

struct Fields {
  std::array<Slot, kNames.size()> slots{};
  std::string_view symbol{};  // "symbol" of a COIN-M snapshot
  Fault duplicate{};
  std::size_t end = 0;  // where a missing field is missing

  [[nodiscard]] const Slot& operator[](Field field) const noexcept {
    return slots[static_cast<std::size_t>(field)];
  }
  [[nodiscard]] bool has(Field field) const noexcept { return (*this)[field].kind != Kind::Absent; }
};

FrameFault fault_of(DecimalError error) noexcept {
  switch (error) {
    case DecimalError::TooPrecise:
      return FrameFault::TooPrecise;
    case DecimalError::OutOfRange:
      return FrameFault::OutOfRange;
    case DecimalError::Empty:
    case DecimalError::NotDecimal:
      break;
  }
  return FrameFault::NotDecimal;
}

std::expected<std::int64_t, FrameFault> decimal(std::string_view text) noexcept {
  const auto e8 = parse_e8(text);
  if (!e8) return std::unexpected(fault_of(e8.error()));
  if (*e8 < 0) return std::unexpected(FrameFault::Negative);
  return *e8;
}

/// One frame under simdjson: turns positions into offsets. Simdjson checks lazily, so `check` walks
/// everything once before anything is read.
class Reader {
 public:
  Reader(od::document& document, std::string_view text) noexcept
      : document_{document}, text_{text} {}

  Fault check_all(bool& has_data) {
    od::object top;
    if (document_.get_object().get(top) != simdjson::SUCCESS) return here();
    if (auto fault = check_members(top, 1, &has_data)) return fault;
    const char* behind = nullptr;
    if (document_.current_location().get(behind) == simdjson::SUCCESS) return at(behind);
    return std::nullopt;
  }

  /// Collects what frames read; the text has been checked.
  Fault read(bool has_data, Fields& fields, std::string_view& stream, LevelBuffers& levels) {
    fields.end = text_.empty() ? 0 : text_.size() - 1;
    document_.rewind();
    od::object top;
    if (document_.get_object().get(top) != simdjson::SUCCESS) return here();
    if (!has_data) return read_members(top, fields, levels);
    bool data_seen = false;
    for (auto member : top) {
      std::string_view key;
      od::value value;
      if (member.unescaped_key().get(key) != simdjson::SUCCESS) return here();
      if (member.value().get(value) != simdjson::SUCCESS) return here();
      if (key == "stream" && value.get_string().get(stream) != simdjson::SUCCESS) {
        return FrameError{FrameFault::WrongType, offset_of(value)};
      }
      if (key != "data") continue;
      od::object data;
      if (data_seen) return FrameError{FrameFault::DuplicateField, offset_of(value)};
      data_seen = true;
      if (value.get_object().get(data) != simdjson::SUCCESS) {
        return FrameError{FrameFault::WrongType, offset_of(value)};
      }
      if (auto fault = read_members(data, fields, levels)) return fault;
    }
    return std::nullopt;
  }

 private:
  [[nodiscard]] Fault at(const char* place) const noexcept {
    return FrameError{FrameFault::NotJson, static_cast<std::size_t>(place - text_.data())};
  }
  [[nodiscard]] Fault here() noexcept {
    const char* place = nullptr;
    if (document_.current_location().get(place) != simdjson::SUCCESS) {
      return FrameError{FrameFault::NotJson, text_.size()};
    }
    return at(std::min(place, text_.data() + text_.size()));
  }
  [[nodiscard]] std::size_t offset_of(od::value& value) const noexcept {
    return static_cast<std::size_t>(value.raw_json_token().data() - text_.data());
  }

  Fault check_members(od::object& object, int depth, bool* has_data) {
    for (auto member : object) {
      std::string_view key;
      od::value value;
      if (member.unescaped_key().get(key) != simdjson::SUCCESS) return here();
      if (member.value().get(value) != simdjson::SUCCESS) return here();
      if (has_data != nullptr && key == "data") {
        od::json_type type{};
        *has_data = value.type().get(type) == simdjson::SUCCESS && type == od::json_type::object;
      }
      if (auto fault = check(value, depth)) return fault;
    }
    return std::nullopt;
  }

  Fault check(od::value& value, int depth) {
    if (depth == kDepthMax) return FrameError{FrameFault::OutOfRange, offset_of(value)};
    od::json_type type{};
    if (value.type().get(type) != simdjson::SUCCESS) return here();
    if (type == od::json_type::object) {
      od::object object;
      if (value.get_object().get(object) != simdjson::SUCCESS) return here();
      return check_members(object, depth + 1, nullptr);
    }
    if (type == od::json_type::array) {
      od::array array;
      if (value.get_array().get(array) != simdjson::SUCCESS) return here();
      for (auto element : array) {
        od::value inner;
        if (element.get(inner) != simdjson::SUCCESS) return here();
        if (auto fault = check(inner, depth + 1)) return fault;
      }
      return std::nullopt;
    }
    return check_scalar(value, type);
  }

  Fault check_scalar(od::value& value, od::json_type type) {
    const std::size_t offset = offset_of(value);
    bool good = false;
    if (type == od::json_type::string) {
      good = value.get_string().error() == simdjson::SUCCESS;
    } else if (type == od::json_type::number) {
      good = value.get_number().error() == simdjson::SUCCESS;
    } else if (type == od::json_type::boolean) {
      good = value.get_bool().error() == simdjson::SUCCESS;
    } else {
      bool null = false;
      good = value.is_null().get(null) == simdjson::SUCCESS && null;
    }
    if (good) return std::nullopt;
    return FrameError{FrameFault::NotJson, offset};
  }

  Fault read_members(od::object& object, Fields& fields, LevelBuffers& levels) {
    for (auto member : object) {
      std::string_view key;
      od::value value;
      if (member.unescaped_key().get(key) != simdjson::SUCCESS) return here();
      if (member.value().get(value) != simdjson::SUCCESS) return here();
      if (key == "symbol") {
        if (value.get_string().get(fields.symbol) != simdjson::SUCCESS) fields.symbol = {};
        continue;
      }
      const auto name = std::find(kNames.begin(), kNames.end(), key);
      if (name == kNames.end()) continue;
      const auto field = static_cast<Field>(name - kNames.begin());
      Slot& slot = fields.slots[static_cast<std::size_t>(field)];
      const std::size_t offset = offset_of(value);
      if (slot.kind != Kind::Absent && !fields.duplicate) {
        fields.duplicate = FrameError{FrameFault::DuplicateField, offset};
      }
      slot.offset = offset;
      if (auto fault = read_value(value, field, slot, levels)) return fault;
    }
    return std::nullopt;
  }

  Fault read_value(od::value& value, Field field, Slot& slot, LevelBuffers& levels) {
    od::json_type type{};
    if (value.type().get(type) != simdjson::SUCCESS) return here();
    slot.kind = Kind::Else;
    if (type == od::json_type::string) {
      if (value.get_string().get(slot.text) == simdjson::SUCCESS) slot.kind = Kind::Text;
    } else if (type == od::json_type::number) {
      if (value.get_uint64().get(slot.number) == simdjson::SUCCESS) slot.kind = Kind::Number;
    } else if (type == od::json_type::boolean) {
      if (value.get_bool().get(slot.flag) == simdjson::SUCCESS) slot.kind = Kind::Bool;
    } else if (type == od::json_type::array) {
      const bool bids = field == Field::Bid || field == Field::SnapshotBids;
      const bool asks = field == Field::Ask || field == Field::SnapshotAsks;
      if (!bids && !asks) return std::nullopt;
      slot.kind = Kind::Levels;
      slot.fault = read_levels(value, bids ? levels.bids : levels.asks);
    }
    return std::nullopt;
  }

  Fault read_levels(od::value& value, std::vector<Level>& levels) {
    levels.clear();
    od::array array;
    if (value.get_array().get(array) != simdjson::SUCCESS) return here();
    for (auto element : array) {
      od::value pair;
      od::array parts;
      if (element.get(pair) != simdjson::SUCCESS) return here();
      const std::size_t offset = offset_of(pair);
      if (pair.get_array().get(parts) != simdjson::SUCCESS) {
        return FrameError{FrameFault::WrongType, offset};
      }
      if (levels.size() == kLevelsMax) return FrameError{FrameFault::OutOfRange, offset};
      if (auto fault = read_level(parts, offset, levels.emplace_back())) return fault;
    }
    return std::nullopt;
  }

  /// Price and quantity; the empty list that spot put third until 2018 is let pass.
  Fault read_level(od::array& parts, std::size_t level_offset, Level& level) {
    std::size_t index = 0;
    for (auto part : parts) {
      od::value value;
      if (part.get(value) != simdjson::SUCCESS) return here();
      if (index < 2) {
        const std::size_t offset = offset_of(value);
        std::string_view text;
        if (value.get_string().get(text) != simdjson::SUCCESS) {
          return FrameError{FrameFault::WrongType, offset};
        }
        const auto e8 = decimal(text);
        if (!e8) return FrameError{e8.error(), offset};
        if (index == 0) {
          level.px = Price::from_e8(*e8);
        } else {
          level.qty = Qty::from_e8(*e8);
        }
      }
      ++index;
    }
    if (index < 2) return FrameError{FrameFault::WrongType, level_offset};
    return std::nullopt;
  }

  od::document& document_;
  std::string_view text_;
};

/// Takes typed values out of the collected fields and remembers the first fault.
class Taker {
 public:
  explicit Taker(const Fields& fields) noexcept : fields_{fields}, fault_{fields.duplicate} {}

  std::uint64_t number(Field field) {
    const Slot* slot = take(field, Kind::Number);
    return slot == nullptr ? 0 : slot->number;
  }
  std::string_view text(Field field) {
    const Slot* slot = take(field, Kind::Text);
    return slot == nullptr ? std::string_view{} : slot->text;
  }
  bool flag(Field field) {
    const Slot* slot = take(field, Kind::Bool);
    return slot != nullptr && slot->flag;
  }
  std::int64_t e8(Field field) {
    const Slot* slot = take(field, Kind::Text);
    if (slot == nullptr) return 0;
    const auto value = decimal(slot->text);
    if (!value) refuse(value.error(), slot->offset);
    return value.value_or(0);
  }
  Price price(Field field) { return Price::from_e8(e8(field)); }
  Qty qty(Field field) { return Qty::from_e8(e8(field)); }
  Timestamp time(Field field) {
    const Slot* slot = take(field, Kind::Number);
    if (slot == nullptr) return {};
    const auto found = time_by_magnitude(slot->number);
    if (!found) refuse(FrameFault::OutOfRange, slot->offset);
    return found.value_or(Timestamp{});
  }
  /// The matching engine's time where there is one.
  Timestamp time_or_event_time() {
    return time(fields_.has(Field::Time) ? Field::Time : Field::EventTime);
  }
  void levels(Field field) {
    const Slot* slot = take(field, Kind::Levels);
    if (slot != nullptr && slot->fault && !fault_) fault_ = slot->fault;
  }
  void refuse(FrameFault fault, std::size_t offset) {
    if (!fault_) fault_ = FrameError{fault, offset};
  }
  [[nodiscard]] const Fault& fault() const noexcept { return fault_; }

 private:
  const Slot* take(Field field, Kind kind) {
    const Slot& slot = fields_[field];
    if (slot.kind == kind) return &slot;
    if (slot.kind == Kind::Absent) {
      refuse(FrameFault::MissingField, fields_.end);
    } else {
      refuse(FrameFault::WrongType, slot.offset);
    }
    return nullptr;
  }

  const Fields& fields_;
  Fault fault_;
};

using Answer = std::expected<Frame, FrameError>;

template <class T>
Answer answer(const Taker& taker, const T& frame) {
  if (const Fault& fault = taker.fault()) return std::unexpected(*fault);
  return frame;
}

Answer make_trade(const Fields& fields) {
  TradeFrame frame;
  frame.futures = fields.has(Field::OrderKind);
  // Futures also print settlements of the insurance fund and deleveraging: no trade of the market.
  if (frame.futures && fields[Field::OrderKind].text != "MARKET") return OtherFrame{"trade"};
  Taker taker{fields};
  frame.symbol = taker.text(Field::Symbol);
  frame.trade.trade_id = TradeId{taker.number(Field::TradeId)};
  frame.trade.px = taker.price(Field::Price);
  frame.trade.qty = taker.qty(Field::Qty);
  frame.trade.ts_event = taker.time(Field::Time);
  frame.trade.taker_side = taker.flag(Field::BuyerIsMaker) ? Side::Sell : Side::Buy;
  return answer(taker, frame);
}

Answer make_quote(const Fields& fields) {
  Taker taker{fields};
  QuoteFrame frame;
  frame.futures = fields.has(Field::Event);
  frame.symbol = taker.text(Field::Symbol);
  frame.quote.update_id = taker.number(Field::LastId);
  frame.quote.bid_px = taker.price(Field::Bid);
  frame.quote.bid_qty = taker.qty(Field::BidQty);
  frame.quote.ask_px = taker.price(Field::Ask);
  frame.quote.ask_qty = taker.qty(Field::AskQty);
  if (frame.futures) frame.quote.ts_event = taker.time_or_event_time();
  return answer(taker, frame);
}

Answer make_depth(const Fields& fields, std::string_view stream, const LevelBuffers& levels) {
  Taker taker{fields};
  DepthFrame frame;
  frame.symbol = taker.text(Field::Symbol);
  frame.first_update_id = taker.number(Field::FirstId);
  frame.last_update_id = taker.number(Field::LastId);
  if (fields.has(Field::PrevId)) frame.prev_update_id = taker.number(Field::PrevId);
  frame.ts_event = taker.time_or_event_time();
  taker.levels(Field::Bid);
  taker.levels(Field::Ask);
  if (frame.first_update_id > frame.last_update_id) {
    taker.refuse(FrameFault::BadUpdateIds, fields[Field::FirstId].offset);
  }
  frame.bids = levels.bids;
  frame.asks = levels.asks;
  if (!is_partial_depth(stream)) return answer(taker, frame);
  // Futures send the top of the book under the name of a diff.
  return answer(taker, SnapshotFrame{.symbol = frame.symbol,
                                     .last_update_id = frame.last_update_id,
                                     .ts_event = frame.ts_event,
                                     .partial = true,
                                     .futures = true,
                                     .bids = frame.bids,
                                     .asks = frame.asks});
}

Answer make_snapshot(const Fields& fields, std::string_view stream, const LevelBuffers& levels) {
  Taker taker{fields};
  SnapshotFrame frame;
  frame.symbol = fields.symbol;
  frame.last_update_id = taker.number(Field::SnapshotId);
  frame.futures = fields.has(Field::EventTime) || fields.has(Field::Time);
  frame.partial = is_partial_depth(stream);
  if (frame.futures) frame.ts_event = taker.time_or_event_time();
  taker.levels(Field::SnapshotBids);
  taker.levels(Field::SnapshotAsks);
  frame.bids = levels.bids;
  frame.asks = levels.asks;
  return answer(taker, frame);
}

Answer make_frame(const Fields& fields, std::string_view stream, const LevelBuffers& levels) {
  const std::string_view event = fields[Field::Event].text;
  if (event == "trade") return make_trade(fields);
  if (event == "depthUpdate") return make_depth(fields, stream, levels);
  if (event == "bookTicker") return make_quote(fields);
  if (fields.has(Field::Event)) return OtherFrame{event};
  if (fields.has(Field::SnapshotId)) return make_snapshot(fields, stream, levels);
  // Spot's bookTicker is the only stream without a name that carries an update id.
  if (fields.has(Field::LastId)) return make_quote(fields);
  return OtherFrame{};
}

}  // namespace

struct GeneralParser::State {
  od::parser parser;
  std::vector<char> padded;  // simdjson reads past the end
};

GeneralParser::GeneralParser() : state_{std::make_unique<State>()} {}
GeneralParser::GeneralParser(GeneralParser&&) noexcept = default;
GeneralParser& GeneralParser::operator=(GeneralParser&&) noexcept = default;
GeneralParser::~GeneralParser() = default;

std::expected<Frame, FrameError> GeneralParser::parse(std::string_view json, LevelBuffers& levels) {
  levels.bids.clear();
  levels.asks.clear();
  std::vector<char>& padded = state_->padded;
  const std::size_t room = json.size() + simdjson::SIMDJSON_PADDING;
  if (padded.size() < room) padded.resize(room);
  std::memcpy(padded.data(), json.data(), json.size());
  std::memset(padded.data() + json.size(), ' ', simdjson::SIMDJSON_PADDING);
  const std::string_view text{padded.data(), json.size()};

  od::document document;
  const auto error = state_->parser.iterate(simdjson::padded_string_view{text, room}).get(document);
  if (error == simdjson::UTF8_ERROR) {
    const auto high = std::find_if(text.begin(), text.end(), [](char c) { return c < 0; });
    const auto offset = static_cast<std::size_t>(high - text.begin());
    return std::unexpected(FrameError{FrameFault::NotJson, offset});
  }
  if (error != simdjson::SUCCESS) {
    return std::unexpected(FrameError{FrameFault::NotJson, text.size()});
  }
  Reader reader{document, text};
  bool has_data = false;
  if (auto fault = reader.check_all(has_data)) return std::unexpected(*fault);
  Fields fields;
  std::string_view stream;
  if (auto fault = reader.read(has_data, fields, stream, levels)) return std::unexpected(*fault);
  return make_frame(fields, stream, levels);
}

}  // namespace stoa::venues::binance
