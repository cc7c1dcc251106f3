#include "protocol/native/describe.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>

#include "base/uint256.h"
#include "model/system.h"
#include "model/token_amount.h"
#include "protocol/json/writer.h"
#include "protocol/native/codec.h"
#include "protocol/native/registry.h"

namespace stoa::native {
namespace {

constexpr std::string_view kCountSuffix = "_count";

std::string_view name_of(std::uint8_t domain) noexcept {
  static constexpr std::array<std::string_view, 5> kNames{"none", "market", "signal", "execution",
                                                          "system"};
  return kNames[domain < kNames.size() ? domain : 0];
}

/// A little-endian integer of 1 to 8 bytes; the machine is little-endian too.
std::uint64_t unsigned_of(std::span<const std::byte> bytes) noexcept {
  std::uint64_t value = 0;
  std::memcpy(&value, bytes.data(), bytes.size());
  return value;
}

std::int64_t signed_of(std::span<const std::byte> bytes) noexcept {
  const std::size_t unused_bits = 64 - 8 * bytes.size();
  return static_cast<std::int64_t>(unsigned_of(bytes) << unused_bits) >> unused_bits;
}

std::string_view text_of(std::span<const std::byte> bytes) noexcept {
  const std::string_view all{reinterpret_cast<const char*>(bytes.data()), bytes.size()};
  return all.substr(0, all.find('\0'));
}

/// JavaScript's numbers hold 53 bits: wider fields travel as text, whatever their value.
template <class Integer>
void add_integer(json::Writer& json, Integer value, std::size_t bytes) {
  if (bytes > 4) {
    json.digits(value);
  } else {
    json.value(value);
  }
}

void add_hex(json::Writer& json, std::span<const std::byte> bytes) {
  static constexpr std::string_view kDigits = "0123456789abcdef";
  std::string hex;
  hex.reserve(2 * bytes.size());
  for (const std::byte byte : bytes) {
    const auto value = std::to_integer<unsigned>(byte);
    hex += kDigits[value >> 4U];
    hex += kDigits[value & 15U];
  }
  json.value(std::string_view{hex});
}

template <class T>
T struct_of(std::span<const std::byte> bytes) noexcept {
  T value;
  std::memcpy(&value, bytes.data(), sizeof value);
  return value;
}

void add_field(json::Writer& json, const Field& field, std::span<const std::byte> bytes) {
  switch (field.kind) {
    case FieldKind::Reserved:
      return;
    case FieldKind::Unsigned:
    case FieldKind::Count:
      json.key(field.name);
      return add_integer(json, unsigned_of(bytes), bytes.size());
    case FieldKind::Signed:
      json.key(field.name);
      return add_integer(json, signed_of(bytes), bytes.size());
    case FieldKind::Decimal:
      json.key(field.name);
      return json.decimal_e8(signed_of(bytes));
    case FieldKind::Time:
      json.key(field.name);
      return json.digits(signed_of(bytes));
    case FieldKind::Text:
      return json.field(field.name, text_of(bytes));
    case FieldKind::Enum:
      return json.field(field.name, field.enum_name(std::to_integer<std::uint8_t>(bytes[0])));
    case FieldKind::Bool:
      return json.field(field.name, bytes[0] != std::byte{0});
    case FieldKind::Hex:
      json.key(field.name);
      return add_hex(json, bytes);
    case FieldKind::Wide:
      return json.field(field.name, Uint256Text{struct_of<Uint256>(bytes)}.view());
    case FieldKind::Amount:
      return json.field(field.name, TokenAmountText{struct_of<TokenAmount>(bytes)}.view());
  }
}

void add_fields(json::Writer& json, std::span<const Field> fields,
                std::span<const std::byte> bytes) {
  for (const Field& field : fields) add_field(json, field, bytes.subspan(field.offset, field.size));
}

void add_items(json::Writer& json, std::string_view name, const MessageInfo& info,
               std::span<const std::byte> items) {
  json.text_key(name);
  json.begin_array();
  for (; items.size() >= info.item_size; items = items.subspan(info.item_size)) {
    json.begin_object();
    add_fields(json, info.item_fields, items);
    json.end_object();
  }
  json.end_array();
}

/// One array for each count of the head, named after it: "bid_count" tells of "bids".
void add_tail(json::Writer& json, const MessageInfo& info, std::span<const std::byte> body) {
  if (info.item_size == 0) return;
  auto tail = body.subspan(info.size);
  for (const Field& field : info.fields) {
    if (field.kind != FieldKind::Count) continue;
    const std::size_t said = unsigned_of(body.subspan(field.offset, field.size)) * info.item_size;
    const std::size_t bytes = std::min(said, tail.size());
    const std::string_view item = field.name.substr(0, field.name.size() - kCountSuffix.size());
    add_items(json, std::string{item} + "s", info, tail.first(bytes));
    tail = tail.subspan(bytes);
  }
}

void add_body(json::Writer& json, const MessageInfo& info, std::span<const std::byte> body) {
  json.begin_object();
  add_fields(json, info.fields, body);
  add_tail(json, info, body);
  json.end_object();
}

/// The registry's word on a value, when that is as long as the registry says: a trusted view has
/// not been checked.
const MessageInfo* known(std::uint8_t type, std::span<const std::byte> bytes) noexcept {
  const MessageInfo* info = find_message(type);
  return info != nullptr && bytes.size() >= info->size ? info : nullptr;
}

void add_type(json::Writer& json, const MessageInfo* info, std::uint8_t type) {
  if (info != nullptr) {
    json.field("type", info->name);
  } else {
    json.field("type", type);
  }
}

/// "body" in words, or "body_hex".
void add_value(json::Writer& json, const MessageInfo* info, std::span<const std::byte> bytes) {
  if (info != nullptr) {
    json.key("body");
    add_body(json, *info, bytes);
  } else {
    json.key("body_hex");
    add_hex(json, bytes);
  }
}

/// The values that are not the body. An array is begun at the first and ended at the end.
void add_others(json::Writer& json, const MessageView& message) {
  constexpr std::uint8_t kTrace = Wire<TraceContext>::kType;
  const std::byte* traced = nullptr;
  if (message.trace() && message.type() != kTrace) {
    message.for_each_value([&](const Value& value) {
      if (traced != nullptr || value.type != kTrace || value.bytes.size() != sizeof(TraceContext))
        return;
      traced = value.bytes.data();
      json.key("trace");
      add_body(json, *find_message(kTrace), value.bytes);
    });
  }
  bool begun = false;
  message.for_each_value([&](const Value& value) {
    if (value.bytes.data() == message.body().data() || value.bytes.data() == traced) return;
    if (!begun) {
      json.key("values");
      json.begin_array();
      begun = true;
    }
    const MessageInfo* info = known(value.type, value.bytes);
    json.begin_object();
    add_type(json, info, value.type);
    add_value(json, info, value.bytes);
    json.end_object();
  });
  if (begun) json.end_array();
}

}  // namespace

void append_body_json(std::string& out, const MessageView& message) {
  json::Writer json{out};
  if (const MessageInfo* info = known(message.type(), message.body())) {
    return add_body(json, *info, message.body());
  }
  json.begin_object();
  add_value(json, nullptr, message.body());
  json.end_object();
}

void append_json(std::string& out, const MessageView& message) {
  const Header header = message.header();
  const MessageInfo* info = known(message.type(), message.body());
  json::Writer json{out};
  json.begin_object();
  add_type(json, info, message.type());
  json.field("domain", name_of(header.domain));
  json.field("source", header.source);
  if (message.is_output()) json.field("output", true);
  if ((header.flags & kFlagProbe) != 0) json.field("probe", true);
  if ((header.flags & kFlagUnchecked) != 0) json.field("unchecked", true);
  if ((header.flags & kFlagKey) != 0) json.field("key", true);
  json.digits_field("sequence", header.sequence);
  json.digits_field("timestamp_ns", header.timestamp.ns());
  add_value(json, info, message.body());
  add_others(json, message);
  json.end_object();
}

void append_words(std::string& out, const MessageView& message) {
  const MessageInfo* info = known(message.type(), message.body());
  out += info == nullptr ? "message " + std::to_string(message.type()) : std::string{info->name};
  out += ' ';
  append_body_json(out, message);
}

namespace {

/// Of two whose fixed parts are equal: the first entry of their tails that is not.
void append_tail_difference(std::string& out, std::string_view name, const MessageView& recorded,
                            const MessageView& derived) {
  std::string one;
  std::string other;
  append_body_json(one, recorded);
  append_body_json(other, derived);
  const auto at = static_cast<std::size_t>(std::ranges::mismatch(one, other).in1 - one.begin());
  const auto entry = [at](const std::string& text) {
    const std::size_t begin = std::min(text.rfind('{', at), text.size());
    const std::size_t end = text.find('}', at);
    return text.substr(begin, end == std::string::npos ? end : end + 1 - begin);
  };
  ((out += "recorded ") += name) += " … ";
  ((out += entry(one)) += ", derived ") += name;
  (out += " … ") += entry(other);
}

}  // namespace

void append_difference(std::string& out, const MessageView& recorded, const MessageView& derived) {
  const auto one = recorded.body();
  const auto other = derived.body();
  const MessageInfo* info = known(recorded.type(), one);
  const bool alike = recorded.type() == derived.type() && one.size() == other.size();
  const auto differs = [&](const Field& field) {
    return !std::ranges::equal(one.subspan(field.offset, field.size),
                               other.subspan(field.offset, field.size));
  };
  const bool in_fields = alike && info != nullptr && std::ranges::any_of(info->fields, differs);
  if (alike && info != nullptr && !in_fields && !std::ranges::equal(one, other)) {
    return append_tail_difference(out, info->name, recorded, derived);
  }
  const auto say = [&](std::string_view who, const MessageView& message) {
    out += who;
    if (!in_fields) {
      append_words(out, message);
      const Header header = message.header();
      out += " number " + std::to_string(header.sequence) + " at " +
             std::to_string(header.timestamp.ns());
      return;
    }
    (out += info->name) += ' ';
    json::Writer json{out};
    json.begin_object();
    for (const Field& field : info->fields) {
      if (differs(field)) {
        add_field(json, field, message.body().subspan(field.offset, field.size));
      }
    }
    json.end_object();
  };
  say("recorded ", recorded);
  say(", derived ", derived);
}

}  // namespace stoa::native
