#include "deploy/deploy_record.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <limits>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/error.h"
#include "protocol/json/value.h"
#include "protocol/json/writer.h"

namespace stoa::deploy {
namespace {

constexpr std::array<std::string_view, 7> kKinds{"began", "begun",  "ended", "waits",
                                                 "asked", "failed", "over"};

}  // namespace

std::string_view to_string(RecordKind kind) noexcept {
  return kKinds[static_cast<std::size_t>(kind)];
}

std::string to_json(const DeployRecord& record) {
  std::string text;
  json::Writer json{text};
  json.begin_object();
  json.digits_field("deploy", record.deploy);
  json.field("kind", to_string(record.kind));
  json.digits_field("at_ns", record.at.ns());
  json.field("item", record.item);
  const auto add = [&](std::string_view name, const std::string& value) {
    if (!value.empty()) json.field(name, std::string_view{value});
  };
  add("step", record.step);
  add("verb", record.verb);
  add("actor", record.actor);
  add("text", record.text);
  if (!record.info.empty()) json.raw_field("info", record.info);
  json.end_object();
  return text;
}

Result<DeployRecord> record_from_json(std::string_view text) {
  const auto value = json::Value::parse(text);
  if (!value) return std::unexpected(value.error());
  const json::Value& json = *value;
  const auto* const kind = std::ranges::find(kKinds, json["kind"].text());
  const auto deploy = json["deploy"].integer();
  const auto at = json["at_ns"].integer();
  const auto item = json["item"].integer();
  if (kind == kKinds.end() || !deploy || *deploy <= 0 || !at || !item || *item < 0 ||
      *item > std::numeric_limits<std::uint32_t>::max()) {
    return bad_input("no record of a deployment");
  }
  DeployRecord record{.deploy = static_cast<std::uint64_t>(*deploy),
                      .kind = static_cast<RecordKind>(kind - kKinds.begin()),
                      .at = Timestamp::from_ns(*at),
                      .item = static_cast<std::uint32_t>(*item),
                      .step = json["step"].text(),
                      .verb = json["verb"].text(),
                      .actor = json["actor"].text(),
                      .text = json["text"].text()};
  if (!json["info"].is_null()) record.info = json["info"].compact();
  return record;
}

}  // namespace stoa::deploy
