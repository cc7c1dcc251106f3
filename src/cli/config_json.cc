#include "cli/config_json.h"

#include <array>
#include <cstddef>
#include <string_view>

#include "ops/config.h"
#include "protocol/json/writer.h"

namespace stoa::cli {

void append_setting(json::Writer& json, const ops::Setting& setting) {
  constexpr std::array<std::string_view, 4> kSources{"default", "file", "variable", "flag"};
  const ops::Key& key = *setting.key;
  json.begin_object();
  json.field("key", key.name);
  json.field("value", std::string_view{setting.value});
  json.field("from", std::string_view{setting.winner().where});
  json.field("type", std::string_view{key.type_text()});
  json.field("range", std::string_view{key.range_text()});
  json.field("default", key.default_value);
  json.field("variable", key.variable);
  json.field("doc", key.doc);
  if (!key.awaits.empty()) json.field("awaits", key.awaits);
  json.key("says");
  json.begin_array();
  for (const ops::Say& say : setting.says) {
    json.begin_object();
    json.field("source", kSources.at(static_cast<std::size_t>(say.source)));
    json.field("value", std::string_view{say.value});
    json.field("where", std::string_view{say.where});
    json.end_object();
  }
  json.end_array();
  json.end_object();
}

}  // namespace stoa::cli
