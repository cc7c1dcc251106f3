#include "deploy/hub_record.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "base/clock.h"
#include "base/error.h"
#include "deploy/merge.h"
#include "ops/sha256.h"
#include "protocol/json/value.h"
#include "protocol/json/writer.h"

namespace stoa::deploy {
namespace {

constexpr std::int64_t kVersion = 1;

constexpr auto kVerbs = std::to_array<std::string_view>(
    {"space", "grant", "revoke", "protect", "unprotect", "unit", "set", "promote", "resolve",
     "rollback", "restore", "import", "tag", "approve", "break_glass", "apply_begin", "apply_wave",
     "apply_end", "refused"});

void write_if(json::Writer& json, std::string_view name, std::string_view text) {
  if (!text.empty()) json.field(name, text);
}
void write_if(json::Writer& json, std::string_view name, const std::optional<std::string>& text) {
  if (text) json.field(name, std::string_view{*text});
}
void write_if(json::Writer& json, std::string_view name, std::uint64_t number) {
  if (number != 0) json.field(name, number);
}

std::unexpected<Error> damaged(std::string what) {
  return std::unexpected(
      Error{.code = ErrorCode::Damaged, .message = std::move(what), .source = {}});
}

std::optional<std::string> text_if(const json::Value& value) {
  if (value.kind() != json::Value::Kind::Text) return std::nullopt;
  return value.text();
}

bool is_hash(std::string_view text) {
  return text.size() == kHashDigits &&
         text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

/// Nothing: not a number, or not in range.
std::optional<std::uint64_t> number_of(const json::Value& value, std::uint64_t max) {
  if (value.is_null()) return 0;
  const auto number = value.integer();
  if (!number || *number < 0 || static_cast<std::uint64_t>(*number) > max) return std::nullopt;
  return static_cast<std::uint64_t>(*number);
}

}  // namespace

std::string_view to_string(HubVerb verb) noexcept { return kVerbs[static_cast<std::size_t>(verb)]; }

std::string no_hash() { return std::string(kHashDigits, '0'); }
std::string hash_of(std::string_view text) { return ops::sha256(std::as_bytes(std::span{text})); }
std::string_view hash8(std::string_view hash) noexcept { return hash.substr(0, 8); }

std::string encode(const HubRecord& record) {
  std::string text;
  json::Writer json{text};
  json.begin_object();
  json.field("v", kVersion);
  json.field("prev", std::string_view{record.previous});
  json.digits_field("time", record.time.ns());
  json.field("verb", to_string(record.verb));
  json.field("user", std::string_view{record.user});
  json.field("uid", record.uid);
  write_if(json, "space", std::string_view{record.space});
  write_if(json, "reason", std::string_view{record.reason});
  write_if(json, "object", std::string_view{record.object});
  write_if(json, "value", std::string_view{record.value});
  write_if(json, "revision", record.revision);
  write_if(json, "hash", std::string_view{record.hash});
  write_if(json, "upstream", std::string_view{record.upstream});
  write_if(json, "environment", std::string_view{record.environment});
  write_if(json, "approvals", std::uint64_t{record.approvals});
  write_if(json, "from", record.from_revision);
  if (!record.units.empty()) {
    json.key("units");
    json.begin_array();
    for (const UnitText& unit : record.units) {
      json.begin_object();
      json.field("unit", std::string_view{unit.unit});
      json.field("text", std::string_view{unit.text});
      json.end_object();
    }
    json.end_array();
  }
  if (!record.conflicts.empty()) {
    json.key("conflicts");
    json.begin_array();
    for (const MergeConflict& conflict : record.conflicts) {
      json.begin_object();
      json.field("path", std::string_view{conflict.path});
      write_if(json, "base", conflict.base);
      write_if(json, "ours", conflict.ours);
      write_if(json, "theirs", conflict.theirs);
      json.end_object();
    }
    json.end_array();
  }
  if (!record.paths.empty()) {
    json.key("paths");
    json.begin_array();
    for (const auto& path : record.paths) json.value(std::string_view{path});
    json.end_array();
  }
  json.end_object();
  return text;
}

Result<HubRecord> decode_hub_record(std::string_view text) {
  const auto parsed = json::Value::parse(text);
  if (!parsed) return damaged(parsed.error().message);
  const json::Value& value = *parsed;
  if (value["v"].integer() != kVersion) return damaged("a version that this build does not read");
  const auto* const verb = std::ranges::find(kVerbs, value["verb"].text());
  if (verb == kVerbs.end()) return damaged("an unknown verb");
  constexpr std::uint64_t kMax = std::numeric_limits<std::int64_t>::max();
  constexpr std::uint64_t kMaxShort = std::numeric_limits<std::uint32_t>::max();
  const auto time = value["time"].integer();
  const auto uid = number_of(value["uid"], kMaxShort);
  const auto revision = number_of(value["revision"], kMax);
  const auto approvals = number_of(value["approvals"], kMaxShort);
  const auto from = number_of(value["from"], kMax);
  if (!time || !uid || !revision || !approvals || !from) {
    return damaged("a number is missing or out of range");
  }
  if (!is_hash(value["prev"].text())) return damaged("prev is no SHA-256");
  HubRecord record{.previous = value["prev"].text(),
                   .time = Timestamp::from_ns(*time),
                   .verb = static_cast<HubVerb>(verb - kVerbs.begin()),
                   .user = value["user"].text(),
                   .uid = static_cast<std::uint32_t>(*uid),
                   .space = value["space"].text(),
                   .reason = value["reason"].text(),
                   .object = value["object"].text(),
                   .value = value["value"].text(),
                   .revision = *revision,
                   .hash = value["hash"].text(),
                   .upstream = value["upstream"].text(),
                   .environment = value["environment"].text(),
                   .approvals = static_cast<std::uint32_t>(*approvals),
                   .from_revision = *from};
  if (!record.hash.empty() && !is_hash(record.hash)) return damaged("hash is no SHA-256");
  for (const json::Value& unit : value["units"].items()) {
    record.units.push_back({.unit = unit["unit"].text(), .text = unit["text"].text()});
  }
  for (const json::Value& conflict : value["conflicts"].items()) {
    record.conflicts.push_back({.path = conflict["path"].text(),
                                .base = text_if(conflict["base"]),
                                .ours = text_if(conflict["ours"]),
                                .theirs = text_if(conflict["theirs"])});
  }
  for (const json::Value& path : value["paths"].items()) record.paths.push_back(path.text());
  return record;
}

}  // namespace stoa::deploy
