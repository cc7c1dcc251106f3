#include "deploy/process_target.h"

#include <sys/types.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "base/ids.h"
#include "base/text.h"
#include "deploy/build.h"
#include "deploy/control.h"
#include "deploy/layout.h"
#include "deploy/plan.h"
#include "deploy/target.h"
#include "model/system.h"
#include "ops/http_client.h"
#include "ops/registry.h"
#include "ops/whole_file.h"
#include "protocol/json/value.h"
#include "protocol/native/codec.h"
#include "protocol/native/registry.h"
#include "relay/publisher.h"
#include "relay/source.h"
#include "relay/subscriber.h"
#include "relay/wire.h"

namespace stoa::deploy {
namespace {

using std::chrono::milliseconds;

/// Records handed out per poll: a long log is read over many.
constexpr std::size_t kRecordsMax = 100'000;
/// A restart that is refused says so at once.
constexpr milliseconds kRefusedWithin{300};

std::uint64_t natural(const json::Value& value) {
  const auto number = value.integer();
  return number && *number > 0 ? static_cast<std::uint64_t>(*number) : 0;
}

std::optional<SwitchRole> switch_role(std::string_view name) {
  for (std::uint8_t i = 0; i < kSwitchRoles; ++i) {
    if (to_string(static_cast<SwitchRole>(i)) == name) return static_cast<SwitchRole>(i);
  }
  return std::nullopt;
}

Colour colour_of(const json::Value& told) {
  return parse_colour(told["colour"].text()).value_or(Colour::Blue);
}

std::optional<ops::HttpEndpoint> endpoint_of(std::string_view address) {
  const auto colon = address.rfind(':');
  if (colon == std::string_view::npos) return std::nullopt;
  ops::HttpEndpoint endpoint{.host = std::string{address.substr(0, colon)}};
  const auto port = address.substr(colon + 1);
  const auto* const end = port.end();
  const auto [stop, error] = std::from_chars(port.begin(), end, endpoint.port);
  if (error != std::errc{} || stop != end) return std::nullopt;
  if (endpoint.host == "0.0.0.0" || endpoint.host.empty()) endpoint.host = "127.0.0.1";
  return endpoint;
}

/// The sum over the samples of a family of those whose labels hold `label`.
std::optional<std::uint64_t> total(const json::Value& metrics, std::string_view family,
                                   std::string_view label = {}) {
  if (metrics[family].is_null()) return std::nullopt;
  std::uint64_t sum = 0;
  for (const json::Value& sample : metrics[family]["samples"].items()) {
    if (sample["labels"].text().find(label) == std::string::npos) continue;
    sum += natural(sample["value"]);
  }
  return sum;
}

/// Of a histogram's bucket, in ns: `le="0.005"`; nothing for the rest of its samples.
std::optional<std::int64_t> bound_of(std::string_view labels) {
  constexpr std::string_view kLe = "le=\"";
  const auto at = labels.find(kLe);
  if (at == std::string_view::npos) return std::nullopt;
  const std::string_view digits = labels.substr(at + kLe.size());
  double seconds = 0;
  const auto [stop, error] = std::from_chars(digits.begin(), digits.end(), seconds);
  if (error != std::errc{} || !std::isfinite(seconds)) return std::nullopt;
  return std::llround(seconds * 1e9);
}

}  // namespace

std::optional<SwitchStatus> switch_status(const json::Value& status) {
  const json::Value& told = status["switch"];
  const auto mode = parse_switch_mode(told["mode"].text());
  if (!mode) return std::nullopt;
  SwitchStatus found{.mode = *mode,
                     .epoch = natural(told["epoch"]),
                     .lsn = Lsn{natural(told["lsn"])},
                     .lag_records = natural(told["lag_records"]),
                     .compared = natural(told["compared"]),
                     .difference = told["difference"].text(),
                     .hash = told["hash"].text()};
  if (const auto lag = told["lag_ms"].integer()) found.lag_time = milliseconds{*lag};
  if (const auto at = natural(told["differs_at"]); at != 0) found.differs_at = at;
  return found;
}

InstanceCounters counters_of(const json::Value& metrics) {
  InstanceCounters counters;
  counters.requests = total(metrics, "stoa_commands_total");
  if (counters.requests) {
    counters.errors = total(metrics, "stoa_commands_total", "code=\"5").value_or(0) +
                      total(metrics, "stoa_gateway_failures_total").value_or(0);
  }
  // Execution tells of the same refusals; these are beside the requests that they are a part of.
  if (counters.requests) counters.rejects = total(metrics, "stoa_risk_rejects_total");
  const auto gaps = total(metrics, "stoa_log_gap_records_total");
  const auto feed = total(metrics, "stoa_feed_gaps_total");
  if (gaps || feed) counters.gaps = gaps.value_or(0) + feed.value_or(0);
  for (const json::Value& sample : metrics["stoa_command_duration_seconds"]["samples"].items()) {
    if (const auto bound = bound_of(sample["labels"].text())) {
      counters.within[*bound] = natural(sample["value"]);
    }
  }
  return counters;
}

Result<std::unique_ptr<ProcessTarget>> ProcessTarget::open(Options options, const Clock& clock) {
  auto log = relay::Subscriber::open(
      {.socket = options.layout.relay("execution"),
       .domain = native::Domain::Execution,
       .name = "deploy",
       .start = relay::StartAt::Lsn,
       .filters = {"SwitchOrder.*", "EpochOpen.*", "EpochClose.*", "FeatureOn.*"}});
  if (!log) return std::unexpected(log.error());
  return std::unique_ptr<ProcessTarget>(
      new ProcessTarget{std::move(options), std::move(*log), clock});
}

ProcessTarget::ProcessTarget(Options options, relay::Subscriber log, const Clock& clock)
    : options_{std::move(options)},
      clock_{clock},
      log_{std::make_unique<relay::Subscriber>(std::move(log))} {}

// ---- looking

void ProcessTarget::poll() {
  const nanoseconds now = clock_.monotonic();
  log_->poll(now, *this, kRecordsMax);
  if (publisher_) {
    publisher_->poll(now);
    for (Sent& sent : sent_) {
      if (!sent.lsn && sent.sequence <= publisher_->acked_sequence()) {
        sent.lsn = publisher_->acked_lsn();
      }
    }
  }
  look_at_supervisor();
  look_at_instances();
}

void ProcessTarget::on_message(Lsn lsn, const native::MessageView& message) {
  if (!epochs_.empty() && lsn <= epochs_.back().lsn) return;
  EpochRecord record{.lsn = lsn, .time = message.header().timestamp};
  if (message.is<SwitchOrder>()) {
    const auto order = message.as<SwitchOrder>();
    record.kind = EpochRecord::Kind::Order;
    record.role = to_string(order.role);
    record.epoch = order.epoch;
    record.leader = parse_colour(order.to.view());
    record.deploy = order.deploy;
    record.at_once = order.at_once == 1;
    record.text = order.reason.view();
  } else if (message.is<EpochClose>()) {
    const auto close = message.as<EpochClose>();
    record.kind = EpochRecord::Kind::Close;
    record.role = to_string(close.role);
    record.epoch = close.epoch;
    record.leader = parse_colour(close.holder.view());
    record.hash = close.hash;
    record.text = close.reason.view();
  } else if (message.is<EpochOpen>()) {
    const auto open = message.as<EpochOpen>();
    record.kind = EpochRecord::Kind::Open;
    record.role = to_string(open.role);
    record.epoch = open.epoch;
    record.leader = parse_colour(open.holder.view());
    record.release = open.release.view();
  } else if (message.is<FeatureOn>()) {
    const auto feature = message.as<FeatureOn>();
    record.kind = EpochRecord::Kind::Feature;
    record.text = feature.feature.view();
  } else {
    return;
  }
  epochs_.push_back(std::move(record));
}

const std::string& ProcessTarget::token() {
  if (token_.empty()) {
    token_ = ops::read_small_file(options_.layout.token()).value_or("");
    while (token_.ends_with('\n')) token_.pop_back();
  }
  return token_;
}

void ProcessTarget::look_at_supervisor() {
  const auto ask_status = [&]() -> Result<json::Value> {
    auto client = ControlClient::connect(options_.layout.control());
    if (!client) return std::unexpected(client.error());
    if (const auto sent = client->send({.verb = Request::Verb::Status}); !sent) {
      return std::unexpected(sent.error());
    }
    auto line = client->line(options_.patience);
    if (!line) return std::unexpected(line.error());
    const std::optional<std::string>& text = *line;
    return json::Value::parse(text.value_or(""));
  };
  const auto state = ask_status();
  if (!state) {
    trouble_ = state.error().code == ErrorCode::NotFound
                   ? "no platform runs here"
                   : "the supervisor cannot be asked: " + state.error().message;
    return;
  }
  trouble_.clear();
  roles_.clear();
  for (const json::Value& told : (*state)["roles"].items()) roles_.push_back(role_of(told));
}

TargetRole ProcessTarget::role_of(const json::Value& told) const {
  const auto instance = [&](const json::Value& from, std::string name, bool beside) {
    const std::string& state = from["state"].text();
    InstanceView view{.name = std::move(name),
                      .colour = colour_of(from),
                      .release = from["release"].text(),
                      .beside = beside,
                      .running = state != "failed" && state != "down",
                      .ready = from["ready"].is_true(),
                      .restarts = natural(from["restarts"])};
    if (!view.running) {
      const std::string& exit = from["last_exit"].text();
      view.failure = exit.empty() ? from["last_error"].text() : exit;
    }
    if (const auto pid = from["pid"].integer()) view.pid = static_cast<pid_t>(*pid);
    return view;
  };
  TargetRole role{.name = told["role"].text()};
  if (const RoleKind* const kind = find_role_kind(role.name)) {
    role.after.assign(kind->after.begin(), kind->after.end());
    role.switches = kind->switches;
  }
  role.instances.push_back(instance(told, role.name, false));
  const json::Value& beside = told["beside"];
  if (!beside.is_null()) {
    role.instances.push_back(instance(beside, beside["instance"].text(), true));
  }
  return role;
}

void ProcessTarget::look_at_instances() {
  const auto listed = ops::list_instances(ops::services_dir(options_.layout.data), false);
  for (TargetRole& role : roles_) {
    for (InstanceView& instance : role.instances) {
      if (!instance.pid || !listed) continue;
      for (const ops::Instance& entry : listed->instances) {
        if (entry.service != role.name || entry.pid != *instance.pid) continue;
        const ops::Endpoint* endpoint = entry.endpoint("health");
        if (endpoint == nullptr) endpoint = entry.endpoint("http");
        if (endpoint != nullptr) instance.endpoint = endpoint->address;
      }
      look_at(instance);
    }
  }
}

void ProcessTarget::look_at(InstanceView& instance) {
  const auto endpoint = endpoint_of(instance.endpoint);
  if (!endpoint) return;
  const auto reply =
      ops::http_call(*endpoint, {.target = "/status", .token = token()}, options_.patience);
  if (reply && reply->status == 401) token_.clear();  // there is another one by now
  if (!reply || reply->status != 200) return;
  const auto status = json::Value::parse(reply->body);
  if (!status) return;
  instance.version = (*status)["version"].text();
  instance.commit = (*status)["releaseId"].text_or((*status)["commit"].text());
  instance.switching = switch_status(*status);
  instance.config_revision = (*status)["config_revision"].text();
  instance.config_digest = (*status)["config_digest"].text();
  instance.config_approval = (*status)["config"]["approval"].text();
  count(instance, *endpoint);
}

void ProcessTarget::count(InstanceView& instance, const ops::HttpEndpoint& endpoint) {
  const pid_t pid = instance.pid.value_or(0);
  nanoseconds& at = counted_at_[instance.name];
  auto& known = counters_[instance.name];
  if (known.first == pid && clock_.monotonic() - at < options_.counters_every) {
    instance.counters = known.second;
    return;
  }
  const auto reply = ops::http_call(endpoint, {.target = "/metrics?format=json", .token = token()},
                                    options_.patience);
  if (!reply || reply->status != 200) return;
  const auto metrics = json::Value::parse(reply->body);
  if (!metrics) return;
  instance.counters = counters_of(*metrics);
  known = {pid, instance.counters};
  at = clock_.monotonic();
}

// ---- acting

Build ProcessTarget::build_of(Colour colour, std::string_view release) const {
  Build build{.colour = colour, .release = std::string{release}};
  if (!release.empty()) build.program = options_.layout.release(release) / "stoa";
  return build;
}

Result<void> ProcessTarget::ask(const Request& request) const {
  auto client = ControlClient::connect(options_.layout.control());
  if (!client) {
    return std::unexpected(Error{.code = ErrorCode::Unavailable,
                                 .message = client.error().message,
                                 .source = client.error().source});
  }
  if (auto sent = client->send(request); !sent) return sent;
  const bool begins =
      request.verb == Request::Verb::Restart || request.verb == Request::Verb::HandOver;
  const auto line = client->line(begins ? kRefusedWithin : milliseconds{5'000});
  if (!line && begins) return {};
  if (!line) return std::unexpected(line.error());
  const std::optional<std::string>& text = *line;
  const auto said = json::Value::parse(text.value_or("{}"));
  if (!said) return std::unexpected(said.error());
  if ((*said)["event"].text() != "done" || (*said)["ok"].is_true()) return {};
  const bool later = (*said)["code"].text() == "unavailable";
  return std::unexpected(Error{.code = later ? ErrorCode::Unavailable : ErrorCode::BadInput,
                               .message = (*said)["message"].text(),
                               .source = {}});
}

Result<void> ProcessTarget::start_beside(std::string_view role, Colour colour,
                                         std::string_view release) {
  const Build build = build_of(colour, release);
  std::error_code none;
  if (!build.program.empty() && !std::filesystem::exists(build.program, none)) {
    return std::unexpected(
        Error{.code = ErrorCode::NotFound,
              .message = "no such release; stoa release list shows those there are",
              .source = build.program.string()});
  }
  return ask({.verb = Request::Verb::BesideStart, .roles = {std::string{role}}, .build = build});
}

Result<void> ProcessTarget::stop_beside(std::string_view role) {
  return ask({.verb = Request::Verb::BesideStop, .roles = {std::string{role}}});
}

Result<void> ProcessTarget::promote(std::string_view role, Colour colour) {
  return ask({.verb = Request::Verb::BesidePromote,
              .roles = {std::string{role}},
              .build = Build{.colour = colour}});
}

/// A relay that is ready hands over: nobody is disconnected.
Result<void> ProcessTarget::restart(std::string_view role, const RestartHow& how) {
  const RoleKind* const kind = find_role_kind(role);
  const TargetRole* const known = find(role);
  const InstanceView* const placed = known == nullptr ? nullptr : known->placed();
  const bool hands_over = kind != nullptr && kind->hands_over && placed != nullptr && placed->ready;
  Request request{.verb = hands_over ? Request::Verb::HandOver : Request::Verb::Restart,
                  .roles = {std::string{role}}};
  const Colour colour = placed == nullptr ? Colour::Blue : placed->colour;
  if (how.release) request.build = build_of(colour, *how.release);
  return ask(request);
}

Result<std::optional<Lsn>> ProcessTarget::order(const SwitchCommand& command) {
  const auto same = [&](const Sent& sent) {
    const SwitchCommand& c = sent.command;
    return c.deploy == command.deploy && c.role == command.role && c.epoch == command.epoch &&
           c.leader == command.leader && c.at_once == command.at_once &&
           c.regardless == command.regardless;
  };
  if (const auto sent = std::ranges::find_if(sent_, same); sent != sent_.end()) return sent->lsn;
  const auto role = switch_role(command.role);
  if (!role) return bad_input(command.role + " is not a role that is switched");
  if (!publisher_ || publisher_->superseded()) {
    auto publisher = relay::Publisher::open({.socket = options_.layout.relay("execution"),
                                             .domain = native::Domain::Execution,
                                             .source = relay::Source::Deploy,
                                             .name = "deploy"});
    if (!publisher) return std::unexpected(publisher.error());
    publisher_ = std::make_unique<relay::Publisher>(std::move(*publisher));
  }
  publisher_->poll(clock_.monotonic());
  const SwitchOrder message{.deploy = command.deploy,
                            .epoch = static_cast<std::uint32_t>(command.epoch),
                            .hold_max_ms = static_cast<std::uint32_t>(command.hold_max.count()),
                            .role = *role,
                            .at_once = static_cast<std::uint8_t>(command.at_once      ? 1
                                                                 : command.regardless ? 2
                                                                                      : 0),
                            .to = Text<24>::cut(to_string(command.leader)),
                            .actor = Note::cut(command.actor),
                            .reason = Note::cut(command.reason)};
  const std::uint64_t sequence = publisher_->next_sequence();
  if (publisher_->publish(message, clock_.now()) != relay::Publish::Ok) {
    return std::optional<Lsn>{};  // not welcomed yet, or full: the next call tries again
  }
  publisher_->poll(clock_.monotonic());
  sent_.push_back({.command = command, .sequence = sequence});
  return std::optional<Lsn>{};
}

}  // namespace stoa::deploy
