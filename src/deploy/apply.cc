#include "deploy/apply.h"

#include <fmt/core.h>
#include <fmt/format.h>
#include <sys/types.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "deploy/hub.h"
#include "deploy/hub_record.h"
#include "deploy/layout.h"
#include "deploy/target.h"
#include "ops/whole_file.h"

namespace stoa::deploy {
namespace {

constexpr ::mode_t kConfigMode = 0640;
constexpr nanoseconds kSettles = std::chrono::seconds{1};

/// "1 wave", "3 waves".
std::string counted(std::size_t count, std::string_view what) {
  return fmt::format("{} {}{}", count, what, count == 1 ? "" : "s");
}

/// Waves of the target's own roles: each behind those that it starts after.
std::vector<std::vector<std::string>> waves_of(const Target& target) {
  std::vector<std::vector<std::string>> waves;
  std::map<std::string, std::size_t, std::less<>> level;
  for (const TargetRole& role : target.roles()) {
    std::size_t at = 0;
    for (const auto& before : role.after) {
      const auto found = level.find(before);
      if (found != level.end()) at = std::max(at, found->second + 1);
    }
    level[role.name] = at;
    if (waves.size() <= at) waves.resize(at + 1);
    waves[at].push_back(role.name);
  }
  return waves;
}

}  // namespace

Result<void> write_config(const Layout& layout, const ApplyTicket& ticket) {
  const auto dir = layout.config();
  const auto file = dir / (ticket.name + ".toml");
  const auto link = dir / "current.new";
  std::error_code error;
  std::filesystem::create_directories(dir, error);
  if (error) return io_error("cannot make the folder", error.value(), dir.string());
  if (auto done = ops::replace_whole(file, ticket.text, kConfigMode, ops::Sync::File); !done) {
    return done;
  }
  std::filesystem::remove(link, error);
  std::filesystem::create_symlink(file.filename(), link, error);
  if (!error) std::filesystem::rename(link, layout.current_config(), error);
  if (error) return io_error("cannot point at it", error.value(), layout.current_config().string());
  return ops::sync_directory(dir);
}

std::string revision_of_file(const std::filesystem::path& file) {
  std::ifstream in{file};
  std::string line;
  if (!std::getline(in, line) || !line.starts_with("# ")) return {};
  const auto space = line.find(' ', 2);
  const bool ours = space != std::string::npos && line.size() - space - 1 == kHashDigits;
  return ours ? line.substr(2, space - 2) : std::string{};
}

std::string drift_of(const ApplyTicket& ticket, const TargetRole& role) {
  const auto wanted = ticket.digests.find(role.name);
  if (wanted == ticket.digests.end()) return {};
  const InstanceView* instance = role.leading() != nullptr ? role.leading() : role.placed();
  if (instance == nullptr || !instance->running) return "does not run";
  if (instance->config_digest.empty()) return "does not say what it runs with";
  if (instance->config_digest == wanted->second) return {};
  const auto& with = instance->config_revision;
  return fmt::format("runs with {} ({}), wanted is {} ({})", hash8(instance->config_digest),
                     with.empty() ? "no revision" : with, hash8(wanted->second), ticket.name);
}

std::vector<std::vector<std::string>> waves_to_restart(const ApplyTicket& ticket,
                                                       const Target& target) {
  auto waves = waves_of(target);
  for (auto& wave : waves) {
    std::erase_if(wave, [&](const std::string& name) {
      const TargetRole* role = target.find(name);
      if (role == nullptr || !ticket.digests.contains(name)) return true;
      const InstanceView* instance = role->placed();
      return drift_of(ticket, *role).empty() && instance != nullptr && instance->ready;
    });
  }
  std::erase_if(waves, [](const auto& wave) { return wave.empty(); });
  if (ticket.backwards) std::ranges::reverse(waves);
  return waves;
}

Apply::Apply(const ApplyTicket& ticket, Target& target, const Clock& clock, ApplyOptions options,
             Say say, WaveDone wave_done)
    : ticket_{ticket},
      target_{target},
      clock_{clock},
      options_{std::move(options)},
      say_{std::move(say)},
      wave_done_{std::move(wave_done)},
      waves_{waves_to_restart(ticket, target)} {
  std::size_t roles = 0;
  for (const auto& wave : waves_) roles += wave.size();
  if (waves_.empty()) {
    say_(fmt::format("{}: every role runs with it already; nothing to restart", ticket_.name));
    finish("ok");
    return;
  }
  say_(fmt::format("{}: {} to bring to it in {}{}", ticket_.name, counted(roles, "role"),
                   counted(waves_.size(), "wave"),
                   ticket_.backwards ? ", the last ones first" : ""));
}

bool Apply::poll() {
  if (over_) return true;
  target_.poll();
  if (gone_for_good()) {
    const auto why = target_.trouble();
    wave_done_(fmt::format("{}", fmt::join(waves_[wave_], ",")), why);
    finish(why);
    return true;
  }
  if (step_ == Step::Pause) {
    if (clock_.monotonic() < due_) return false;
    step_ = Step::Restart;
  }
  if (step_ == Step::Restart) {
    restart();
  } else {
    wait();
  }
  return over_;
}

/// Whoever restarts roles has been away for longer than a moment: nobody would see them come back.
bool Apply::gone_for_good() {
  if (target_.trouble().empty()) {
    away_since_.reset();
    return false;
  }
  if (!away_since_) away_since_ = clock_.monotonic();
  return clock_.monotonic() - *away_since_ >= options_.away_max;
}

void Apply::restart() {
  const TargetRole* now = target_.find(role());
  const InstanceView* instance = now == nullptr ? nullptr : now->placed();
  before_ = instance == nullptr ? std::nullopt : instance->pid;
  ++tries_;
  say_(fmt::format("wave {} of {}: {}: {}, try {}", wave_ + 1, waves_.size(), role(),
                   before_ ? "restart" : "start", tries_));
  if (const auto begun = target_.restart(role(), {.config_revision = ticket_.name}); !begun) {
    return fail_try(begun.error().text());
  }
  step_ = Step::Wait;
  asked_at_ = clock_.monotonic();
  due_ = asked_at_ + options_.health_wait;
}

void Apply::wait() {
  const TargetRole* now = target_.find(role());
  const InstanceView* instance = now == nullptr ? nullptr : now->placed();
  const bool anew = instance != nullptr && instance->pid && instance->pid != before_;
  if (anew && instance->running && instance->ready && !instance->config_digest.empty()) {
    const auto drift = drift_of(ticket_, *now);
    if (drift.empty()) return next_role();
    return fail_try(drift + "; does a variable or a flag say otherwise?");
  }
  // What it said before the restart was asked for is not about this try.
  const bool settled = anew || clock_.monotonic() - asked_at_ >= kSettles;
  const bool given_up = instance != nullptr && !instance->running && !instance->failure.empty();
  if (settled && given_up) return fail_try(instance->failure);
  if (clock_.monotonic() < due_) return;
  fail_try(fmt::format("not healthy within {} s", options_.health_wait.count()));
}

void Apply::fail_try(const std::string& why) {
  say_(fmt::format("wave {} of {}: {}: {}", wave_ + 1, waves_.size(), role(), why));
  if (tries_ > options_.pauses.size()) {
    const auto text = fmt::format("{} did not become healthy in {} tries: {}", role(), tries_, why);
    wave_done_(fmt::format("{}", fmt::join(waves_[wave_], ",")), text);
    return finish(text);
  }
  step_ = Step::Pause;
  due_ = clock_.monotonic() + options_.pauses[tries_ - 1];
  say_(fmt::format("wave {} of {}: {}: next try in {} s", wave_ + 1, waves_.size(), role(),
                   options_.pauses[tries_ - 1].count()));
}

void Apply::next_role() {
  say_(fmt::format("wave {} of {}: {}: healthy, runs with {}", wave_ + 1, waves_.size(), role(),
                   ticket_.name));
  step_ = Step::Restart;
  tries_ = 0;
  if (++role_ < waves_[wave_].size()) return;
  wave_done_(fmt::format("{}", fmt::join(waves_[wave_], ",")), "ok");
  role_ = 0;
  if (++wave_ == waves_.size()) finish("ok");
}

void Apply::finish(std::string result) {
  over_ = true;
  result_ = std::move(result);
  say_(fmt::format("{}: {}", ticket_.name, result_));
}

}  // namespace stoa::deploy
