#include "cli/validation_scene.h"

#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "cli/doctor_checks.h"
#include "cli/json_value.h"
#include "cli/platform.h"
#include "deploy/layout.h"
#include "deploy/plan.h"
#include "deploy/supervise.h"
#include "journal/file_system.h"
#include "journal/reader.h"
#include "journal/verify.h"
#include "ops/backup_manifest.h"
#include "ops/backup_store.h"
#include "ops/certificate.h"
#include "ops/config.h"
#include "ops/http_client.h"
#include "ops/registry.h"

namespace stoa::cli {
namespace {

namespace fs = std::filesystem;
using std::chrono::milliseconds;

constexpr int kAsks = 3;
constexpr std::int64_t kNsPerS = 1'000'000'000;
constexpr std::string_view kNoLimit = "92233720368.54775807";  // as the gate keeps it

std::optional<std::uint32_t> mode_of(const fs::path& path) {
  struct stat info{};
  if (::stat(path.c_str(), &info) != 0) return std::nullopt;
  return info.st_mode & 07777U;
}

template <class Integer>
std::optional<Integer> number(std::string_view text, int base = 10) {
  Integer value{};
  const auto [end, error] = std::from_chars(text.begin(), text.end(), value, base);
  if (error != std::errc{} || end != text.end()) return std::nullopt;
  return value;
}

// ---- roles

/// "Umask:\t0027" of /proc/PID/status.
std::optional<std::string> of_process(pid_t pid, std::string_view name) {
  std::ifstream in{"/proc/" + std::to_string(pid) + "/status"};
  for (std::string line; std::getline(in, line);) {
    if (!line.starts_with(name) || line[name.size()] != ':') continue;
    const auto from = line.find_first_not_of("\t ", name.size() + 1);
    if (from == std::string::npos) return std::nullopt;
    return line.substr(from, line.find_first_of("\t ", from) - from);
  }
  return std::nullopt;
}

void ask_kernel(RoleScene& role) {
  if (const auto uid = of_process(role.pid, "Uid")) role.uid = number<std::uint32_t>(*uid);
  if (const auto mask = of_process(role.pid, "Umask")) role.umask = number<std::uint32_t>(*mask, 8);
}

/// What it says of itself; each answer over a connection of its own, as a prober's is.
void ask_role(const std::string& host, milliseconds patience, RoleScene& role) {
  const ops::HttpEndpoint endpoint{.host = host, .port = role.port};
  const SystemClock clock;
  const nanoseconds deadline = clock.monotonic() + patience;
  const auto left = [&] {
    const auto rest = std::chrono::duration_cast<milliseconds>(deadline - clock.monotonic());
    return std::max(rest, milliseconds{1});
  };
  for (int i = 0; i < kAsks; ++i) {
    const nanoseconds before = clock.monotonic();
    const auto ready = ops::http_call(endpoint, {.target = "/ready"}, left());
    if (!ready) {
      if (!role.ready_status) role.why = "no answer: " + ready.error().message;
      return;
    }
    const nanoseconds took = clock.monotonic() - before;
    role.answer_time = std::min(role.answer_time.value_or(took), took);
    role.ready_status = ready->status;
    const auto body = JsonValue::parse(ready->body);
    role.why = body ? (*body)["output"].text_or((*body)["reason"].text()) : "";
  }
  const auto status = ops::http_call(endpoint, {.target = "/status"}, left());
  if (!status || status->status != 200) return;
  const auto body = JsonValue::parse(status->body);
  if (!body) return;
  const JsonValue& told = *body;
  role.version = told["version"].text();
  role.commit = told["commit"].text_or(told["releaseId"].text());
  role.environment = told["environment"].text();
  role.mode = told["mode"].text();
  role.config_digest = told["config_digest"].text();
  role.config_revision = told["config_revision"].text();
}

void add_planned(const Platform& platform, ValidationScene& scene) {
  const auto& roles = platform.plan.roles;
  for (const deploy::Role& each : roles) {
    RoleScene role{.name = each.name, .planned = true};
    for (const std::size_t place : each.after) role.after.push_back(roles[place].name);
    scene.roles.push_back(std::move(role));
  }
}

void add_supervised(const Platform& platform, ValidationScene& scene) {
  const auto state = platform_state(platform.layout);
  if (!state) return;
  scene.supervised = state->supervised;
  scene.supervisor_environment = state->value["supervisor"]["environment"].text();
  const auto alive = deploy::running_roles(platform.layout);
  for (const JsonValue& told : state->value["roles"].items()) {
    auto at = std::ranges::find(scene.roles, told["role"].text(), &RoleScene::name);
    if (at == scene.roles.end()) {
      scene.roles.push_back({.name = told["role"].text()});
      at = std::prev(scene.roles.end());
    }
    RoleScene& role = *at;
    role.supervised = state->supervised;
    role.state = told["state"].text();
    role.ready = told["ready"].is_true();
    role.last_error = told["last_error"].text();
    role.restarts = told["restarts"].integer().value_or(0);
    role.port = static_cast<std::uint16_t>(told["port"].integer().value_or(0));
    if (role.port == 0) role.port = registered_port(platform.layout, role.name);
    if (const auto since = told["since_ns"].integer()) role.started = Timestamp::from_ns(*since);
    const auto process = std::ranges::find(alive, role.name, &deploy::RunningRole::name);
    role.runs = process != alive.end();
    if (role.runs) role.pid = process->process.pid;
  }
}

void add_registered(const Platform& platform, ValidationScene& scene) {
  const auto listing = ops::list_instances(ops::services_dir(platform.layout.data), false);
  if (!listing) return;
  for (const ops::Instance& instance : listing->instances) {
    const auto role = std::ranges::find(scene.roles, instance.instance, &RoleScene::name);
    if (role == scene.roles.end()) continue;
    role->registered = true;
    role->registered_pid = instance.pid;
  }
}

void ask_roles(const Platform& platform, milliseconds patience, ValidationScene& scene) {
  const std::string& configured = platform.config.health.host;
  const std::string host = configured.empty() || configured == "0.0.0.0" ? "127.0.0.1" : configured;
  std::vector<std::jthread> threads;  // one each: a role that hangs is the case to look at
  for (RoleScene& role : scene.roles) {
    if (!role.runs) continue;
    ask_kernel(role);
    if (role.port == 0) continue;
    threads.emplace_back([&host, &role, patience] { ask_role(host, patience, role); });
  }
}

// ---- the door

void ask_gateway(milliseconds patience, ValidationScene& scene) {
  const auto gateway = std::ranges::find(scene.roles, "gateway", &RoleScene::name);
  if (gateway == scene.roles.end() || !gateway->runs || gateway->port == 0) return;
  const bool anywhere = scene.gateway_host == "0.0.0.0";
  const ops::HttpEndpoint endpoint{.host = anywhere ? "127.0.0.1" : scene.gateway_host,
                                   .port = gateway->port};
  if (const auto page = ops::http_call(endpoint, {.target = "/"}, patience)) {
    scene.page_status = page->status;
  }
  const auto risk = ops::http_call(endpoint, {.target = "/api/v1/risk"}, patience);
  if (!risk) return;
  scene.api_status = risk->status;
  const auto body = JsonValue::parse(risk->body);
  if (!body) return;
  for (const JsonValue& limit : (*body)["limits"].items()) {
    const bool off = limit["limit"].is_null() || limit["limit"].text() == kNoLimit;
    scene.limits.push_back(
        {.name = limit["name"].text(), .value = off ? "off" : limit["limit"].text()});
  }
  scene.limits_known = !scene.limits.empty();
}

// ---- files

void add_files(const deploy::Layout& layout, ValidationScene& scene) {
  std::error_code error;
  const auto mode = mode_of(layout.data);
  scene.data_exists = fs::is_directory(layout.data, error);
  scene.data_mode = mode.value_or(0);
  scene.data_writable = ::access(layout.data.c_str(), W_OK | X_OK) == 0;
  for (fs::directory_iterator each{layout.run(), error}, end; !error && each != end;
       each.increment(error)) {
    if (!each->is_socket()) continue;
    if (const auto bits = mode_of(each->path())) {
      scene.sockets.push_back({.path = each->path(), .mode = *bits});
    }
  }
  std::ranges::sort(scene.sockets, {}, &FileScene::path);
  const auto secret = [&](const fs::path& path) {
    if (const auto bits = mode_of(path)) scene.secrets.push_back({.path = path, .mode = *bits});
  };
  secret(layout.token());
  error.clear();
  for (fs::directory_iterator each{layout.data / "secrets", error}, end; !error && each != end;
       each.increment(error)) {
    secret(each->path());
  }
}

/// Every segment's header, and each record of the newest: what is older was checked when it was
/// sealed and is checked again by `stoa journal verify`.
JournalScene journal_at(const fs::path& dir) {
  JournalScene scene{.dir = dir};
  const auto segments = journal::list(dir);
  if (!segments) {
    scene.damage = segments.error().text();
    return scene;
  }
  scene.segments = segments->size();
  for (const journal::SegmentInfo& segment : *segments) {
    if (!segment.trouble.empty()) scene.damage = segment.name + ": " + segment.trouble;
  }
  if (segments->empty() || !scene.damage.empty()) return scene;
  auto reader = journal::Reader::open(dir, segments->back().first);
  while (reader) {
    const auto record = reader->next();
    if (!record) {
      scene.damage = record.error().text();
      return scene;
    }
    const std::optional<journal::Record>& entry = *record;
    if (!entry) return scene;
    ++scene.records;
  }
  scene.damage = reader.error().text();
  return scene;
}

void add_journals(const Platform& platform, ValidationScene& scene) {
  const deploy::Layout& layout = platform.layout;
  std::error_code error;
  for (const auto& dir :
       {platform.config.wal.dir, layout.venue_journal("orders"), layout.venue_journal("reports")}) {
    if (fs::is_directory(dir, error)) scene.journals.push_back(journal_at(dir));
  }
}

void add_backups(std::span<const fs::path> dirs, ValidationScene& scene) {
  for (const fs::path& dir : dirs) {
    BackupScene backup{.dir = dir};
    const auto manifest = ops::read_manifest(journal::posix_file_system(), dir);
    if (manifest) {
      backup.time = manifest->time;
    } else {
      backup.trouble = manifest.error().text();
    }
    scene.backups.push_back(std::move(backup));
  }
}

void add_certificates(std::span<const fs::path> files, ValidationScene& scene) {
  for (const fs::path& file : files) {
    CertificateScene certificate{.file = file};
    const auto end = ops::certificate_end(file);
    if (end) {
      certificate.ends = *end;
    } else {
      certificate.trouble = end.error().text();
    }
    scene.certificates.push_back(std::move(certificate));
  }
}

/// A file says nothing of digests, only when it was changed.
std::optional<ConfigTruth> truth_of(const SceneOptions& options) {
  if (options.hub) {
    if (auto truth = options.hub()) return truth;
  }
  struct stat info{};
  if (!options.config_file || ::stat(options.config_file->c_str(), &info) != 0) {
    return std::nullopt;
  }
  const std::int64_t changed = info.st_mtim.tv_sec * kNsPerS + info.st_mtim.tv_nsec;
  return ConfigTruth{.source = options.config_file->string(),
                     .changed = Timestamp::from_ns(changed)};
}

}  // namespace

ValidationScene look_at(const Platform& platform, const SceneOptions& options) {
  const SystemClock clock;
  ValidationScene scene{.asked = options.asked,
                        .environment = platform.config.environment,
                        .now = clock.now(),
                        .data = platform.layout.data,
                        .gateway_host = platform.config.gateway.host,
                        .socket_mode = platform.config.relay.socket_mode};
  add_planned(platform, scene);
  add_supervised(platform, scene);
  add_registered(platform, scene);
  ask_roles(platform, options.patience, scene);
  ask_gateway(options.patience, scene);
  add_files(platform.layout, scene);
  scene.config = truth_of(options);
  if (options.quick) return scene;
  add_journals(platform, scene);
  add_backups(options.backups, scene);
  add_certificates(options.certificates, scene);
  scene.machine = examine(platform.config, clock);
  return scene;
}

}  // namespace stoa::cli
