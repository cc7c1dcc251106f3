#include "deploy/deploy_view_service.h"

#include <fmt/core.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "deploy/deploy_log.h"
#include "deploy/deploy_view.h"
#include "deploy/deployer.h"
#include "deploy/hub_server.h"
#include "deploy/layout.h"
#include "deploy/switch_machine.h"
#include "deploy/target.h"
#include "protocol/json/value.h"
#include "protocol/json/writer.h"

namespace stoa::deploy {
namespace {

constexpr std::int64_t kListMax = 200;
constexpr std::int64_t kListUsual = 50;
/// A repeat comes within seconds of the first; who asks later is told where the deployment stands.
constexpr std::size_t kAnswersKept = 256;

HubCode code_of(const Error& error) {
  switch (error.code) {
    case ErrorCode::BadInput:
      return HubCode::BadInput;
    case ErrorCode::NotFound:
      return HubCode::NotFound;
    case ErrorCode::Unavailable:
      return HubCode::Conflict;
    case ErrorCode::Io:
    case ErrorCode::Damaged:
      break;
  }
  return HubCode::Failed;
}

std::string refusal(const Error& error) { return hub_refusal(code_of(error), error.text()); }

std::uint64_t id_of(const json::Value& request) {
  return static_cast<std::uint64_t>(std::max<std::int64_t>(request["id"].integer().value_or(0), 0));
}

std::string done(std::uint64_t id, std::string_view ask) {
  std::string text;
  json::Writer json{text};
  json.begin_object();
  json.field("ok", true);
  json.digits_field("id", id);
  json.field("ask", ask);
  json.end_object();
  return text;
}

class Service {
 public:
  Service(Deployer& deployer, const Target& target, const Clock& clock, const Layout& layout)
      : deployer_{deployer},
        target_{target},
        clock_{clock},
        layout_{layout},
        history_{layout.deploys()} {}

  std::string list(const json::Value& request) {
    if (const auto read = history_.refresh(); !read) return refusal(read.error());
    const auto limit =
        std::clamp<std::int64_t>(request["limit"].integer().value_or(kListUsual), 1, kListMax);
    return deployments_json(history_.records(), static_cast<std::size_t>(limit),
                            static_cast<std::uint64_t>(
                                std::max<std::int64_t>(request["before"].integer().value_or(0), 0)),
                            clock_.now());
  }

  std::string show(const json::Value& request, const HubPeer& peer) {
    if (const auto read = history_.refresh(); !read) return refusal(read.error());
    const std::uint64_t id = id_of(request);
    auto records = records_of(history_.records(), id);
    if (records.empty() && id != 0) return unknown(id);
    const std::uint64_t shown = records.empty() ? 0 : records.front().deploy;
    DeployLook look{.all = history_.records(),
                    .records = std::move(records),
                    .driven = driven(shown),
                    .actor = peer.user,
                    .seen = seen()};
    if (look.driven.here) look.waits_for = deployer_.waits_for();
    const auto text = deployment_json(look);
    return text ? *text : refusal(text.error());
  }

  std::string act(const json::Value& request, const HubPeer& peer) {
    const std::string& request_id = request["request_id"].text();
    const auto before = std::ranges::find(answers_, request_id, &Answer::request_id);
    if (!request_id.empty() && before != answers_.end()) return before->text;
    std::string text = act_once(request, peer);
    const bool taken = text.starts_with(R"({"ok":true)");
    if (taken && !request_id.empty()) {
      answers_.push_back({.request_id = request_id, .text = text});
      if (answers_.size() > kAnswersKept) answers_.pop_front();
    }
    return text;
  }

 private:
  struct Answer {
    std::string request_id{};
    std::string text{};
  };

  std::string act_once(const json::Value& request, const HubPeer& peer) {
    if (const auto read = history_.refresh(); !read) return refusal(read.error());
    const std::uint64_t id = id_of(request);
    const std::string& ask = request["ask"].text();
    const std::string& reason = request["reason"].text();
    if (reason.empty()) return hub_refusal(HubCode::BadInput, "reason: say why");
    const auto records = records_of(history_.records(), id);
    if (id == 0 || records.empty()) return unknown(id);
    const auto machine = machine_of(records);
    if (!machine) return refusal(machine.error());
    // Who repeats a question that was answered at another step means that step.
    const json::Value& step = request["step"];
    if (!step.is_null() && step.text() != machine->step()) {
      return hub_refusal(
          HubCode::Stale,
          fmt::format("deployment {} is {} by now", id,
                      machine->step().empty() ? std::string{to_string(machine->outcome())}
                                              : "at: " + machine->step()));
    }
    const auto why = why_not(ask, peer.user, *machine, driven(id), history_.records(), seen());
    if (!why.empty()) return hub_refusal(HubCode::Conflict, why);
    if (ask == "resume") return resume(id, peer.user, reason);
    if (ask == "rollback" && machine->outcome() != Outcome::Running) {
      return roll_back(id, peer.user, reason);
    }
    const auto asked = deployer_.ask(ask, peer.user, reason, false);
    return asked ? done(id, ask) : refusal(asked.error());
  }

  std::string resume(std::uint64_t id, const std::string& actor, const std::string& reason) {
    if (const auto taken_up = deployer_.resume(actor); !taken_up) return refusal(taken_up.error());
    if (deployer_.active() && deployer_.machine()->paused()) {
      const auto asked = deployer_.ask("resume", actor, reason, false);
      if (!asked) return refusal(asked.error());
    }
    return done(id, "resume");
  }

  std::string roll_back(std::uint64_t id, const std::string& actor, const std::string& reason) {
    auto wish = take_back(history_.records(), id, target_);
    if (!wish) return refusal(wish.error());
    wish->actor = actor;
    wish->reason = reason;
    const auto begun = deployer_.start(*wish);
    return begun ? done(*begun, "rollback") : refusal(begun.error());
  }

  static std::string unknown(std::uint64_t id) {
    return hub_refusal(HubCode::NotFound, fmt::format("no deployment is called {}", id));
  }

  [[nodiscard]] Driven driven(std::uint64_t id) const {
    if (deployer_.active() && deployer_.machine()->plan().id == id) return {.here = true};
    const auto holder = DeployLock::holder(layout_.deploy_lock());
    return {.elsewhere = holder ? holder->text() : std::string{}};
  }

  [[nodiscard]] Seen seen() const { return {.target = &target_, .now = clock_.now()}; }

  Deployer& deployer_;
  const Target& target_;
  const Clock& clock_;
  Layout layout_;
  DeployHistory history_;
  std::deque<Answer> answers_;
};

}  // namespace

HubVerbs deploy_view_verbs(Deployer& deployer, const Target& target, const Clock& clock,
                           const Layout& layout) {
  const auto service = std::make_shared<Service>(deployer, target, clock, layout);
  HubVerbs verbs;
  verbs["deploy.list"] = [service](const json::Value& request, const HubPeer& /*peer*/) {
    return service->list(request);
  };
  verbs["deploy.show"] = [service](const json::Value& request, const HubPeer& peer) {
    return service->show(request, peer);
  };
  verbs["deploy.act"] = [service](const json::Value& request, const HubPeer& peer) {
    return service->act(request, peer);
  };
  return verbs;
}

}  // namespace stoa::deploy
