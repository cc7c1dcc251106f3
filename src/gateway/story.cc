#include "gateway/story.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <expected>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "base/ids.h"
#include "gateway/app.h"
#include "gateway/http_message.h"
#include "gateway/market_board.h"
#include "gateway/order_board.h"
#include "gateway/problem.h"
#include "gateway/render.h"
#include "journal/reader.h"
#include "model/execution.h"
#include "model/order.h"
#include "model/risk.h"
#include "model/types.h"
#include "protocol/json/writer.h"
#include "protocol/native/codec.h"
#include "protocol/native/registry.h"

namespace stoa::gateway {
namespace {

/// What happened, in the words of docs/api.md.
std::string event_name(const native::MessageView& message) {
  switch (message.type()) {
    case native::Wire<OrderIntent>::kType:
      return "intent";
    case native::Wire<CancelIntent>::kType:
      return "cancel_requested";
    case native::Wire<ReplaceIntent>::kType:
      return "replace_requested";
    case native::Wire<RiskDecision>::kType:
      return "risk_decision";
    case native::Wire<OrderSend>::kType:
      return "send";
    case native::Wire<CancelSend>::kType:
      return "cancel_sent";
    case native::Wire<ReplaceSend>::kType:
      return "replace_sent";
    case native::Wire<OrderQuery>::kType:
      return "query_sent";
    case native::Wire<Fill>::kType:
      return "fill";
    case native::Wire<OrderUpdate>::kType:
      return "status_" + std::string{to_string(message.as<OrderUpdate>().status)};
    case native::Wire<ExecutionReport>::kType: {
      const ExecType type = message.as<ExecutionReport>().exec_type;
      if (type == ExecType::New) return "acknowledgement";
      return "venue_" + std::string{to_string(type)};
    }
    default:
      return "record";
  }
}

std::uint64_t unsigned_at(std::span<const std::byte> bytes) noexcept {
  std::uint64_t value = 0;
  std::memcpy(&value, bytes.data(), std::min(bytes.size(), sizeof value));
  return value;
}

/// One field by its kind in the registry; 64-bit integers as strings.
void write_field(json::Writer& json, const native::Field& field, std::span<const std::byte> body) {
  const auto bytes = body.subspan(field.offset, field.size);
  const std::uint64_t raw = unsigned_at(bytes);
  if (field.kind == native::FieldKind::Reserved) return;
  json.key(field.name);
  switch (field.kind) {
    case native::FieldKind::Decimal:
      return json.decimal_e8(static_cast<std::int64_t>(raw));
    case native::FieldKind::Time:
      return json.digits(static_cast<std::int64_t>(raw));
    case native::FieldKind::Enum:
      return json.value(field.enum_name(static_cast<std::uint8_t>(raw)));
    case native::FieldKind::Bool:
      return json.value(raw != 0);
    case native::FieldKind::Text: {
      std::string text(field.size, '\0');
      std::memcpy(text.data(), bytes.data(), field.size);
      return json.value(std::string_view{text}.substr(0, text.find('\0')));
    }
    default:
      break;
  }
  if (field.name == "accepted" || field.name == "resend") return json.value(raw != 0);
  if (field.size == sizeof raw) return json.digits(raw);
  json.value(raw);
}

void write_detail(json::Writer& json, const App& app, const native::MessageView& message) {
  json.begin_object();
  const native::MessageInfo* info = native::find_message(message.type());
  for (const native::Field& field : info->fields) {
    if (field.name == "instrument") {
      const InstrumentId id{static_cast<std::uint32_t>(
          unsigned_at(message.body().subspan(field.offset, field.size)))};
      json.field("symbol", app.market.symbol(id));
    } else if (field.name != "check_count") {
      write_field(json, field, message.body());
    }
  }
  if (message.is<RiskDecision>()) {
    std::vector<CheckResult> checks(message.as<RiskDecision>().check_count);
    checks.resize(message.tail<CheckResult>(sizeof(RiskDecision), checks));
    json.key("checks");
    json.begin_array();
    for (const CheckResult& check : checks_of(message)) write_check(json, check);
    json.end_array();
  }
  json.end_object();
}

/// Writes one step; nothing when the record is not in the journal yet.
Result<void> write_step(json::Writer& json, App& app, std::uint64_t lsn,
                        std::optional<Timestamp>& previous) {
  auto record = app.story_reader->read_at(Lsn{lsn});
  // Retention may have dropped the oldest records; the rest of the story is still worth telling.
  if (!record && record.error().code == ErrorCode::NotFound) return {};
  if (!record) return std::unexpected(record.error());
  const std::optional<journal::Record>& entry = *record;
  if (!entry) return {};
  const auto message = native::decode(entry->payload);
  if (!message) return bad_input("record " + std::to_string(lsn) + " is no native message");
  const Timestamp time = message->header().timestamp;
  json.begin_object();
  json.digits_field("lsn", lsn);
  json.digits_field("ts_ns", time.ns());
  json.field("time", std::string_view{to_rfc3339(time)});
  json.digits_field("after_ns", previous ? (time - *previous).count() : 0);
  json.field("event", std::string_view{event_name(*message)});
  json.key("detail");
  write_detail(json, app, *message);
  json.end_object();
  previous = time;
  return {};
}

Result<void> write_story(json::Writer& json, App& app, const OrderRecord& order) {
  if (app.options.journal_dir.empty()) return {};
  if (!app.story_reader) {
    auto reader = journal::Reader::open(app.options.journal_dir, Lsn{0});
    if (!reader) return std::unexpected(reader.error());
    app.story_reader = std::make_unique<journal::Reader>(std::move(*reader));
  }
  std::optional<Timestamp> previous;
  for (const std::uint64_t lsn : order.lsns) {
    const auto written = write_step(json, app, lsn, previous);
    if (!written) return written;
  }
  return {};
}

}  // namespace

Response order_with_story(App& app, const OrderRecord& order) {
  std::string body;
  json::Writer json{body};
  json.begin_object();
  app.render.order_members(json, order);
  json.key("story");
  json.begin_array();
  if (const auto written = write_story(json, app, order); !written) {
    app.story_reader.reset();  // the next question opens it anew
    return respond({.status = 503,
                    .code = "log_failed",
                    .detail = "the journal cannot be read: " + written.error().text(),
                    .hint = "GET /api/v1/orders shows the order without its story.",
                    .order_json = app.render.order_json(order)});
  }
  json.end_array();
  json.end_object();
  return respond_json(std::move(body));
}

}  // namespace stoa::gateway
