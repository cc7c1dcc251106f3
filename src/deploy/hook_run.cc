#include "deploy/hook_run.h"

#include <fmt/core.h>
#include <unistd.h>

#include <array>
#include <cstddef>
#include <expected>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "base/error.h"
#include "deploy/children.h"
#include "deploy/deploy_plan.h"
#include "deploy/layout.h"
#include "deploy/process.h"
#include "deploy/switch_machine.h"

namespace stoa::deploy {
namespace {

constexpr std::array<std::string_view, 13> kNames{
    "pre-start",   "post-start",   "pre-shadow",   "post-shadow", "validate",
    "pre-switch",  "post-switch",  "pre-soak",     "post-soak",   "pre-commit",
    "post-commit", "pre-rollback", "post-rollback"};
constexpr std::size_t kLastLines = 3;

}  // namespace

std::vector<std::string> hooks_in(const std::filesystem::path& dir) {
  std::vector<std::string> found;
  for (const std::string_view name : kNames) {
    const auto file = dir / name;
    std::error_code none;
    if (std::filesystem::is_regular_file(file, none) && ::access(file.c_str(), X_OK) == 0) {
      found.emplace_back(name);
    }
  }
  return found;
}

Result<std::unique_ptr<HookRun>> HookRun::start(const Layout& layout, const std::string& name,
                                                const DeployPlan& plan) {
  const auto log = layout.log(fmt::format("deploy-{}", plan.id));
  std::error_code none;
  std::filesystem::create_directories(log.parent_path(), none);
  const auto written = std::filesystem::file_size(log, none);
  const Launch launch{
      .argv = {(layout.hooks() / name).string()},
      .environment = {"PATH=/usr/local/bin:/usr/bin:/bin", "STOA_DATA=" + layout.data.string(),
                      "STOA_HOOK=" + name, fmt::format("STOA_DEPLOY={}", plan.id),
                      "STOA_RELEASE=" + plan.release,
                      fmt::format("STOA_STRATEGY={}", to_string(plan.strategy))},
      .log_file = log};
  auto process = Process::start(launch);
  if (!process) return std::unexpected(process.error());
  return std::unique_ptr<HookRun>{new HookRun{name, std::move(*process), log, none ? 0 : written}};
}

HookRun::~HookRun() {
  if (process_ && !view_.ended) process_->kill_all();
}

const HookView& HookRun::look() {
  if (view_.ended || !process_) return view_;
  const auto status = process_->reap();
  if (!status) return view_;
  view_ = {.ended = true,
           .exit = status->by_signal ? 128 + status->number : status->number,
           .output = tail_of(log_, kLastLines, log_from_)};
  process_.reset();
  return view_;
}

}  // namespace stoa::deploy
