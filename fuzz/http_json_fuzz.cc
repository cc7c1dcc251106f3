// The bytes that strangers send: WebSocket frames and JSON bodies. The first byte says how the rest
// is cut. What must hold: any cut gives the same events, what is read can be written again and read
// back, and nothing reads outside its bytes.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/check.h"
#include "gateway/json_body.h"
#include "gateway/ws_frame.h"
#include "protocol/json/writer.h"

namespace {

using stoa::check;
using stoa::gateway::JsonKind;
using stoa::gateway::JsonValue;
using stoa::gateway::WsEvent;
using stoa::gateway::WsReader;

struct Seen {
  WsEvent::Kind kind;
  std::string payload;
  std::uint16_t code;
  friend bool operator==(const Seen&, const Seen&) = default;
};

std::vector<Seen> events_of(std::string_view bytes, std::size_t step) {
  WsReader reader;
  std::vector<Seen> seen;
  while (!bytes.empty()) {
    const std::string_view part = bytes.substr(0, step);
    bytes.remove_prefix(part.size());
    reader.feed(part);
    for (WsEvent event = reader.next(); event.kind != WsEvent::Kind::NeedMore;
         event = reader.next()) {
      check(event.payload.size() <= WsReader::kMessageBytesMax, "a message is bounded");
      seen.push_back({event.kind, std::string{event.payload}, event.code});
    }
  }
  return seen;
}

void write(stoa::json::Writer& json, const JsonValue& value) {
  switch (value.kind) {
    case JsonKind::Null:
      return json.null();
    case JsonKind::Bool:
      return json.value(value.flag);
    case JsonKind::Number:
      return json.raw(value.text.empty() ? std::string_view{"0.5"} : value.text);
    case JsonKind::String:
      return json.value(std::string_view{value.text});
    case JsonKind::Array:
      json.begin_array();
      for (const JsonValue& item : value.items) write(json, item);
      return json.end_array();
    case JsonKind::Object:
      json.begin_object();
      for (const JsonValue& item : value.items) {
        json.text_key(item.name);
        write(json, item);
      }
      return json.end_object();
  }
}

void fuzz_json(std::string_view text) {
  const auto value = stoa::gateway::parse_json(text);
  if (!value) return;
  std::string once;
  stoa::json::Writer first{once};
  write(first, *value);
  const auto again = stoa::gateway::parse_json(once);
  check(again.has_value(), "what was read and written is JSON");
  std::string twice;
  stoa::json::Writer second{twice};
  write(second, *again);
  check(once == twice, "writing is stable");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string bytes(data + 1, data + size);
  fuzz_json(bytes);
  check(events_of(bytes, bytes.size()) == events_of(bytes, data[0] % 16U + 1),
        "a stream means the same however it is cut");
  return 0;
}
