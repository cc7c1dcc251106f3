#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "base/ids.h"
#include "deploy/target.h"

namespace stoa::deploy {

/// Tests only: a platform in memory whose roles close, open, follow and fail as a test wants, in
/// the time of a clock that the test owns. It outlives whoever acts upon it, as a platform does.
class FakeTarget final : public Target {
 public:
  /// How one instance goes about it; changed by a test at any time.
  struct Side {
    InstanceView view{};
    Timestamp started{};
    bool never_ready = false;
    bool dies_when_ready = false;
    bool never_catches_up = false;
    bool computes_otherwise = false;  // its outputs differ from the first one on
    bool silent = false;              // /status does not answer
    bool never_closes = false;        // paused while it leads
    bool never_opens = false;
    bool wrong_hash = false;
  };
  struct Role {
    TargetRole view{};
    std::map<Colour, Side> sides{};
    Colour placed = Colour::Blue;
    std::uint64_t epoch = 1;
    std::optional<SwitchCommand> ordered{};
    std::optional<Timestamp> ordered_at{};
    std::optional<Timestamp> closed_at{};
    std::string config_revision{};
  };

  explicit FakeTarget(const ManualClock& clock) : clock_{clock} {}

  /// A role that leads, blue, on the platform's own program.
  Role& add(const std::string& name, bool switches = true, std::vector<std::string> after = {}) {
    order_of_roles_.push_back(name);
    Role& role = all_[name];
    role.view = {.name = name, .after = std::move(after), .switches = switches};
    Side& side = role.sides[Colour::Blue];
    side.view = {.name = name,
                 .colour = Colour::Blue,
                 .version = "1.0.0",
                 .running = true,
                 .ready = true,
                 .pid = ++pids_};
    if (switches) {
      side.view.switching = SwitchStatus{.mode = SwitchMode::Leading, .epoch = 1, .hash = "feed"};
    }
    refresh();
    return role;
  }
  [[nodiscard]] Role& role(const std::string& name) { return all_.at(name); }
  [[nodiscard]] Side& side(const std::string& name, Colour colour) {
    return all_.at(name).sides[colour];
  }
  /// Every way of acting upon it, in words: "start risk green 2.0.0", "order risk green 2".
  [[nodiscard]] std::vector<std::string> take_actions() { return std::exchange(actions_, {}); }
  [[nodiscard]] const std::vector<std::string>& actions() const { return actions_; }
  /// A process ends as by SIGKILL.
  void kill(const std::string& name, Colour colour) {
    Side& side = all_.at(name).sides[colour];
    side.view.running = side.view.ready = false;
    side.view.failure = "signal 9 (SIGKILL)";
    side.view.switching.reset();
    refresh();
  }
  /// Who leads opens the next epoch without being asked: it was started anew.
  void open_by_itself(const std::string& name, Colour colour, std::uint64_t epoch) {
    Role& role = all_.at(name);
    role.ordered.reset();
    role.epoch = epoch;
    role.sides[colour].view.switching->epoch = epoch;
    append({.kind = EpochRecord::Kind::Open, .role = name, .epoch = epoch, .leader = colour});
    role.sides[colour].view.switching->lsn = records_.back().lsn;
    refresh();
  }
  void feature_on(std::string feature) {
    append({.kind = EpochRecord::Kind::Feature, .text = std::move(feature)});
  }

  // How the platform is to go on.
  nanoseconds start_takes = std::chrono::milliseconds{200};
  nanoseconds catch_up_takes = std::chrono::milliseconds{500};
  nanoseconds close_takes = std::chrono::milliseconds{2};
  nanoseconds open_takes = std::chrono::milliseconds{3};
  std::uint64_t compared_per_second = 1'000;
  bool log_away = false;              // orders do not reach it
  bool supervisor_away = false;       // every action is refused
  std::string new_version = "2.0.0";  // that a named release says it is

  void poll() override {
    for (auto& [name, role] : all_) step(role);
    refresh();
  }
  [[nodiscard]] std::string trouble() const override {
    return supervisor_away ? "the supervisor cannot be reached" : "";
  }
  [[nodiscard]] std::span<const TargetRole> roles() const override { return views_; }
  [[nodiscard]] std::span<const EpochRecord> epochs() const override { return records_; }
  [[nodiscard]] bool log_read() const override { return !log_away; }

  Result<void> start_beside(std::string_view name, Colour colour,
                            std::string_view release) override {
    Role* role = reach(name);
    if (role == nullptr) return away();
    actions_.push_back("start " + role->view.name + ' ' + std::string{to_string(colour)} + ' ' +
                       std::string{release});
    Side& side = role->sides[colour];
    if (side.view.running) return {};
    side.view = {.name = role->view.name + '.' + std::string{to_string(colour)},
                 .colour = colour,
                 .release = std::string{release},
                 .beside = true,
                 .running = true,
                 .pid = ++pids_};
    side.started = clock_.now();
    refresh();
    return {};
  }
  Result<void> stop_beside(std::string_view name) override {
    Role* role = reach(name);
    if (role == nullptr) return away();
    actions_.push_back("stop " + role->view.name);
    role->sides.erase(other(role->placed));
    refresh();
    return {};
  }
  Result<void> promote(std::string_view name, Colour colour) override {
    Role* role = reach(name);
    if (role == nullptr) return away();
    actions_.push_back("promote " + role->view.name + ' ' + std::string{to_string(colour)});
    role->placed = colour;
    refresh();
    return {};
  }
  Result<void> restart(std::string_view name, const RestartHow& how) override {
    Role* role = reach(name);
    if (role == nullptr) return away();
    actions_.push_back("restart " + role->view.name + (how.release ? ' ' + *how.release : "") +
                       (how.config_revision.empty() ? "" : " config " + how.config_revision));
    Side& side = role->sides[role->placed];
    if (how.release) side.view.release = *how.release;
    if (!how.config_revision.empty()) side.view.config_revision = how.config_revision;
    side.view.running = true;
    side.view.ready = false;
    side.view.failure.clear();
    side.started = clock_.now();
    side.view.pid = ++pids_;
    refresh();
    return {};
  }
  Result<std::optional<Lsn>> order(const SwitchCommand& command) override {
    if (log_away) return std::optional<Lsn>{};
    Role* role = reach(command.role);
    if (role == nullptr) return std::unexpected(away().error());
    for (const EpochRecord& record : records_) {
      if (record.kind == EpochRecord::Kind::Order && record.role == command.role &&
          record.epoch == command.epoch && record.at_once == command.at_once &&
          record.deploy == command.deploy && record.leader == command.leader) {
        return std::optional{record.lsn};
      }
    }
    actions_.push_back("order " + command.role + ' ' + std::string{to_string(command.leader)} +
                       ' ' + std::to_string(command.epoch) + (command.at_once ? " at once" : ""));
    append({.kind = EpochRecord::Kind::Order,
            .role = command.role,
            .epoch = command.epoch,
            .leader = command.leader,
            .release = command.release,
            .deploy = command.deploy,
            .at_once = command.at_once});
    if (command.epoch != role->epoch + 1) return std::optional{records_.back().lsn};
    role->ordered = command;
    role->ordered_at = clock_.now();
    role->closed_at.reset();
    return std::optional{records_.back().lsn};
  }

 private:
  Role* reach(std::string_view name) {
    if (supervisor_away) return nullptr;
    const auto found = all_.find(std::string{name});
    return found == all_.end() ? nullptr : &found->second;
  }
  static Result<void> away() {
    return std::unexpected(Error{.code = ErrorCode::Unavailable,
                                 .message = "the supervisor cannot be reached",
                                 .source = {}});
  }
  void append(EpochRecord record) {
    record.lsn = Lsn{++head_};
    record.time = clock_.now();
    records_.push_back(std::move(record));
  }

  void step(Role& role) {
    for (auto& [colour, side] : role.sides) step(role, colour, side);
    if (role.ordered) obey(role);
  }
  void step(const Role& role, Colour colour, Side& side) {
    if (!side.view.running) return;
    const nanoseconds age = clock_.now() - side.started;
    if (!side.view.ready && !side.never_ready && age >= start_takes) {
      side.view.ready = true;
      side.view.version = side.view.release.empty() ? "1.0.0" : new_version;
      const bool led = colour == role.placed && !side.view.switching;
      if (role.view.switches) {
        side.view.switching = SwitchStatus{
            .mode = led ? SwitchMode::Leading : SwitchMode::Following, .epoch = role.epoch};
      }
      if (side.dies_when_ready) {
        side.view.running = side.view.ready = false;
        side.view.failure = "exit 1";
        side.view.switching.reset();
        return;
      }
    }
    if (!side.view.switching) return;
    SwitchStatus& status = *side.view.switching;
    status.epoch = role.epoch;
    status.lsn = Lsn{head_};
    status.hash = side.wrong_hash ? "dead" : "feed";
    if (status.mode != SwitchMode::Following) return;
    const bool behind = side.never_catches_up || age < start_takes + catch_up_takes;
    status.lag_records = behind ? 50'000 : 0;
    status.lag_time = behind ? std::chrono::seconds{9} : nanoseconds{0};
    if (behind) return;
    const auto compared = static_cast<std::uint64_t>((age - start_takes - catch_up_takes).count()) *
                          compared_per_second / 1'000'000'000;
    if (side.computes_otherwise) {
      status.differs_at = 1;
      status.difference = "RiskDecision 1: accepted, here refused";
    } else {
      status.compared = compared;
    }
  }
  void obey(Role& role) {
    const SwitchCommand& command = *role.ordered;
    if (command.epoch <= role.epoch) return role.ordered.reset();
    const auto mode = [&](Colour colour) -> SwitchStatus* {
      const auto found = role.sides.find(colour);
      if (found == role.sides.end() || !found->second.view.running) return nullptr;
      return found->second.view.switching ? &*found->second.view.switching : nullptr;
    };
    const Colour old = other(command.leader);
    SwitchStatus* const before = mode(old);
    SwitchStatus* const next = mode(command.leader);
    if (!role.closed_at && !command.at_once) {
      if (next != nullptr && next->mode == SwitchMode::Leading) return role.ordered.reset();
      if (before == nullptr || before->mode != SwitchMode::Leading) return;
      if (role.sides[old].never_closes) return;
      if (clock_.now() - *role.ordered_at < close_takes) return;
      append({.kind = EpochRecord::Kind::Close,
              .role = role.view.name,
              .epoch = role.epoch,
              .hash = 0xFEED});
      before->mode = SwitchMode::Closed;
      role.closed_at = clock_.now();
    }
    const nanoseconds since = clock_.now() - role.closed_at.value_or(*role.ordered_at);
    if (next != nullptr && !role.sides[command.leader].never_opens && since >= open_takes) {
      return open(role, command.leader, before);
    }
    if (before != nullptr && since >= command.hold_max) open(role, old, next);
  }
  void open(Role& role, Colour leader, SwitchStatus* follower) {
    role.epoch = role.ordered->epoch;
    append({.kind = EpochRecord::Kind::Open,
            .role = role.view.name,
            .epoch = role.epoch,
            .leader = leader,
            .release = role.sides[leader].view.release});
    SwitchStatus& status = *role.sides[leader].view.switching;
    status.mode = SwitchMode::Leading;
    status.epoch = role.epoch;
    status.lsn = Lsn{head_};
    if (follower != nullptr) follower->mode = SwitchMode::Following;
    role.ordered.reset();
    role.closed_at.reset();
  }
  void refresh() {
    views_.clear();
    for (const std::string& name : order_of_roles_) {
      Role& role = all_.at(name);
      role.view.instances.clear();
      for (auto& [colour, side] : role.sides) {
        side.view.beside = colour != role.placed;
        InstanceView view = side.view;
        if (side.silent) view.switching.reset();
        role.view.instances.push_back(std::move(view));
      }
      std::ranges::sort(role.view.instances, {}, &InstanceView::beside);
      views_.push_back(role.view);
    }
  }

  const ManualClock& clock_;
  std::map<std::string, Role> all_;
  std::vector<std::string> order_of_roles_;
  std::vector<TargetRole> views_;
  std::vector<EpochRecord> records_;
  std::vector<std::string> actions_;
  std::uint64_t head_ = 100;
  pid_t pids_ = 1'000;
};

}  // namespace stoa::deploy
