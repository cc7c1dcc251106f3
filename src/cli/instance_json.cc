#include "cli/instance_json.h"

#include <string_view>

#include "ops/registry.h"
#include "ops/role_status.h"
#include "protocol/json/writer.h"

namespace stoa::cli {

void append_instance(json::Writer& json, const ops::Instance& instance) {
  json.begin_object();
  json.field("service", std::string_view{instance.service});
  json.field("instance", std::string_view{instance.instance});
  json.field("colour", std::string_view{instance.colour});
  json.field("epoch", instance.epoch);
  json.field("priority", instance.priority);
  json.field("health", ops::to_string(instance.health));
  json.digits_field("since_ns", instance.since.ns());
  json.field("pid", instance.pid);
  json.key("endpoints");
  json.begin_object();
  for (const auto& [name, address] : instance.endpoints) {
    json.text_key(name);
    json.value(std::string_view{address});
  }
  json.end_object();
  json.end_object();
}

}  // namespace stoa::cli
