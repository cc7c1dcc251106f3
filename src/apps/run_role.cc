#include "apps/run_role.h"

#include <fmt/core.h>
#include <sys/poll.h>

#include <unistd.h>
#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <ctime>
#include <expected>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include "apps/build.h"
#include "apps/role.h"
#include "apps/roles.h"
#include "apps/standing.h"
#include "apps/stop_signals.h"
#include "apps/token.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "bus/wake.h"
#include "cli/hooks.h"
#include "deploy/layout.h"
#include "ops/config.h"
#include "ops/health_server.h"
#include "ops/metrics.h"
#include "ops/notify.h"
#include "ops/registry.h"
#include "ops/role_status.h"

namespace stoa::apps {
namespace {

using Make = Result<std::unique_ptr<Role>> (*)(const RoleParts&);
struct Kind {
  std::string_view word;
  Make make;
};
constexpr auto kKinds = std::to_array<Kind>({{"relay", make_relay},
                                             {"venue", make_venue_role},
                                             {"market-data", make_market_data},
                                             {"risk", make_risk},
                                             {"execution", make_execution},
                                             {"strategy", make_strategy},
                                             {"gateway", make_gateway},
                                             {"hub", make_hub}});

/// The longest sleep: how late a heartbeat may be, and a signal that came between two looks.
constexpr nanoseconds kSleepMax = std::chrono::milliseconds{100};
/// How often a successor asks for the port and the name that its predecessor still has.
constexpr nanoseconds kPlaceEvery = std::chrono::milliseconds{100};
/// A predecessor is gone by then; who has them now is somebody else.
constexpr nanoseconds kPlaceWait = std::chrono::seconds{10};

std::atomic<bool> g_stop{false};
std::atomic<bus::Wake*> g_wake{nullptr};

/// Only what a signal handler may do: an atomic store and a write to an eventfd.
void ask_to_stop(int /*signal*/) {
  g_stop.store(true, std::memory_order_release);
  if (bus::Wake* wake = g_wake.load(std::memory_order_acquire)) wake->notify();
}

/// The process around a role: what it says of itself, and its loop.
class RoleHost {
 public:
  RoleHost(const ops::Config& config, const cli::RoleOptions& options, const Build& build)
      : config_{config},
        options_{options},
        notify_{ops::Notify::from_environment()},
        status_{{.service = options.name,
                 .instance = options.instance,
                 .colour = options.colour,
                 .environment = config.environment,
                 .version = build.version,
                 .commit = build.commit,
                 .started = clock_.now(),
                 .config_revision = options.config_revision,
                 .config_digest = options.config_digest},
                clock_} {}
  ~RoleHost() { g_wake.store(nullptr, std::memory_order_release); }
  RoleHost(const RoleHost&) = delete;
  RoleHost& operator=(const RoleHost&) = delete;

  [[nodiscard]] Result<void> start(Make make, const Build& build) {
    auto wake = bus::Wake::create();
    if (!wake) return std::unexpected(std::move(wake.error()));
    wake_ = std::make_unique<bus::Wake>(std::move(*wake));
    g_wake.store(wake_.get(), std::memory_order_release);
    on_stop_signals(ask_to_stop);
    if (auto made = make_run_folder(deploy::Layout{config_.data.dir}.run()); !made) return made;

    auto role = make({.config = &config_,
                      .clock = &clock_,
                      .status = &status_,
                      .name = options_.instance,
                      .domain = options_.domain,
                      .port = options_.port,
                      .version = build.version,
                      .commit = build.commit,
                      .take_over = options_.take_over,
                      .beside = options_.beside,
                      .colour = options_.colour,
                      .release = options_.release.empty() ? build.version : options_.release});
    if (!role) return std::unexpected(std::move(role.error()));
    role_ = std::move(*role);
    metrics_.process(status_.identity());
    role_->add_metrics(metrics_);
    // The gateway answers for itself, and registers once its port is open.
    if (options_.name == "gateway") return {};
    auto token = load_or_make_token(config_.data.dir / "token");
    if (!token) return std::unexpected(std::move(token.error()));
    token_ = std::move(*token);
    at_place_ = !options_.beside;
    if (!options_.take_over) {
      auto placed = take_place();
      if (placed || !at_place_ || !role_->leads()) return placed;
      // The one beside has them while it leads; they come with leading again.
      log::info("role_without_its_place", {{"error", placed.error().text()}});
      at_place_ = false;
      return move(false);
    }
    // Its predecessor, if there is one, is about to end, and work does not wait for that.
    place_due_ = clock_.monotonic() + kPlaceEvery;
    place_until_ = clock_.monotonic() + kPlaceWait;
    return {};
  }

  [[nodiscard]] int run() {
    while (true) {
      const Timestamp now = clock_.now();
      const std::size_t work = role_->poll(now);
      const nanoseconds monotonic = clock_.monotonic();
      tell(monotonic, now);
      if (const Error* failed = role_->failed()) {
        log::error("role_failed", {{"error", failed->text()}});
        fmt::print(stderr, "error: {} stopped: {}\n", options_.name, failed->text());
        notify_.status(failed->text());
        return 1;
      }
      if (role_->finished()) {
        log::info("role_handed_over", {{"role", options_.name}});
        return 0;
      }
      if (asked_to_stop() && !draining_) begin_to_drain(monotonic);
      if (draining_ && (role_->drained() || monotonic >= drain_by_)) break;
      if (work == 0) sleep(monotonic);
    }
    if (!role_->drained()) log::warn("drain_cut_short", {{"role", options_.name}});
    role_->close();
    status_.set_state(ops::RoleState::Stopped);
    log::info("role_stopped", {{"role", options_.name}});
    return 0;
  }

 private:
  static Result<void> make_run_folder(const std::filesystem::path& run) {
    std::error_code error;
    std::filesystem::create_directories(run, error);
    if (error) return io_error("cannot make the folder of sockets", error.value(), run.string());
    return {};
  }

  /// Opens the health port and registers; what is done already stays.
  Result<void> take_place() {
    if (!health_) {
      auto health = serve_health(options_.port);
      if (!health) return std::unexpected(std::move(health.error()));
      health_ = std::move(*health);
    }
    return enter(options_.instance, health_->endpoint());
  }
  Result<std::unique_ptr<ops::HealthServer>> serve_health(std::uint16_t port) {
    return ops::HealthServer::start(
        status_, metrics_,
        {.host = config_.health.host, .port = port, .token = token_, .wake = [wake = wake_.get()] {
           wake->notify();
         }});
  }

  /// Port and name of the role go to the process that leads; another one is reached under a name
  /// with its colour.
  Result<void> move(bool to_place) {
    const std::string instance = to_place ? options_.name : options_.name + "." + options_.colour;
    if (options_.name == "gateway") {
      if (role_->own_port() == 0) {
        return std::unexpected(Error{.code = ErrorCode::Unavailable,
                                     .message = "its port is not open yet",
                                     .source = instance});
      }
      return enter(instance, fmt::format("{}:{}", config_.gateway.host, role_->own_port()));
    }
    auto health = serve_health(to_place ? options_.place_port : std::uint16_t{0});
    if (!health) return std::unexpected(std::move(health.error()));
    if (auto entered = enter(instance, (*health)->endpoint()); !entered) return entered;
    health_ = std::move(*health);
    return {};
  }

  /// The one that had them gives them up at its own pace: until then they are asked for now and
  /// then. Work does not wait for that.
  void move_with_leadership(nanoseconds monotonic, Timestamp now) {
    const std::optional<bool> leads = role_->leads();
    if (!leads || *leads == at_place_ || !entry_) {
      move_due_ = {};
      return;
    }
    if (move_due_ == nanoseconds{}) {
      move_due_ = monotonic + kPlaceEvery;
      place_until_ = monotonic + kPlaceWait;
    }
    if (monotonic < move_due_) return;
    move_due_ = monotonic + kPlaceEvery;
    if (const auto moved = move(*leads); !moved) {
      if (monotonic < place_until_) return;
      log::warn("role_without_its_place", {{"error", moved.error().text()}});
      place_until_ = monotonic + kPlaceWait;
      return;
    }
    at_place_ = *leads;
    move_due_ = {};
    log::info("role_moved", {{"instance", entry_->instance().instance}});
    register_health(now);
  }

  void take_place_again(nanoseconds monotonic, Timestamp now) {
    place_due_ = monotonic + kPlaceEvery;
    if (const auto placed = take_place(); !placed) {
      if (monotonic < place_until_) return;
      log::warn("role_without_its_place", {{"error", placed.error().text()}});
      place_until_ = monotonic + kPlaceWait;
      return;
    }
    place_due_ = nanoseconds{};
    register_health(now);
  }

  void register_health(Timestamp now) {
    if (!entry_) return;
    const bool leads = told_.ready() && role_->leads().value_or(true);
    const auto result = leads ? ops::CheckResult::Pass : ops::CheckResult::Fail;
    if (const auto set = entry_->set_health(result, now); !set) {
      log::warn("registry_not_written", {{"error", set.error().text()}});
    }
  }

  Result<void> enter(const std::string& instance, std::string health) {
    const ops::ServiceConfig* service = nullptr;
    for (std::size_t i = 0; i < ops::kServices; ++i) {
      if (to_string(static_cast<ops::Service>(i)) == options_.name) service = &config_.services[i];
    }
    auto entry =
        ops::Registration::open(ops::services_dir(config_.data.dir),
                                {.service = options_.name,
                                 .instance = instance,
                                 .colour = options_.colour,
                                 .endpoints = {{.name = "health", .address = std::move(health)}},
                                 .priority = service == nullptr ? 0 : service->priority,
                                 .pid = ::getpid()});
    if (!entry) return std::unexpected(std::move(entry.error()));
    entry_.emplace(std::move(*entry));
    return {};
  }

  bool asked_to_stop() {
    const auto requests = status_.take_requests();
    return g_stop.load(std::memory_order_acquire) ||
           (requests & static_cast<std::uint32_t>(ops::RoleRequest::Drain)) != 0;
  }
  void begin_to_drain(nanoseconds now) {
    draining_ = true;
    drain_by_ =
        now + std::chrono::seconds{config_.roles.stop_timeout_s} - std::chrono::milliseconds{500};
    notify_.stopping();
    log::info("role_draining", {{"role", options_.name}});
    role_->drain();
  }

  /// What the supervisor, the registry and health are told.
  void tell(nanoseconds monotonic, Timestamp now) {
    status_.beat(monotonic);
    notify_.beat(monotonic);
    if (place_due_ > nanoseconds{} && monotonic >= place_due_) take_place_again(monotonic, now);
    move_with_leadership(monotonic, now);
    if (monotonic < tell_due_) return;
    const ops::RoleState before = told_.last().state;
    const bool changed = told_.take(role_->standing(), draining_);
    tell_due_ = monotonic + std::chrono::milliseconds{told_.last().state == before ? 20 : 0};
    if (!entry_ && role_->own_port() != 0) {
      at_place_ = !options_.beside;
      if (auto entered = enter(options_.instance,
                               fmt::format("{}:{}", config_.gateway.host, role_->own_port()));
          !entered) {
        log::warn("registry_not_written", {{"error", entered.error().text()}});
      }
    }
    // A datagram may get lost: a supervisor that waits hears it again.
    if (!changed && told_.ready() && monotonic >= say_again_) {
      say_again_ = monotonic + std::chrono::seconds{1};
      notify_.ready("ready");
    }
    if (!changed) return;
    const Standing& standing = told_.last();
    status_.set_state(standing.state, standing.reason);
    if (told_.ready()) {
      notify_.ready("ready");
    } else {
      notify_.status(standing.reason);
    }
    log::info("role_state", {{"role", options_.name},
                             {"state", to_string(standing.state)},
                             {"reason", standing.reason}});
    register_health(now);
  }

  void sleep(nanoseconds now) {
    waiting_.fds.clear();
    waiting_.due.reset();
    waiting_.add(wake_->fd());
    role_->watch(waiting_);
    nanoseconds sleep = kSleepMax;
    if (notify_.beat_every() > nanoseconds{}) sleep = std::min(sleep, notify_.beat_every());
    if (waiting_.due) sleep = std::clamp(*waiting_.due - now, nanoseconds{}, sleep);
    wake_->prepare();
    if (g_stop.load(std::memory_order_acquire) && !draining_) return wake_->cancel();
    const timespec time{.tv_sec = sleep.count() / 1'000'000'000,
                        .tv_nsec = sleep.count() % 1'000'000'000};
    ::ppoll(waiting_.fds.data(), waiting_.fds.size(), &time, nullptr);
    wake_->cancel();
  }

  const ops::Config& config_;
  const cli::RoleOptions& options_;
  SystemClock clock_;
  ops::Notify notify_;
  ops::RoleStatus status_;
  ops::Metrics metrics_;
  std::unique_ptr<bus::Wake> wake_;
  std::unique_ptr<Role> role_;
  std::unique_ptr<ops::HealthServer> health_;
  std::optional<ops::Registration> entry_;
  std::string token_;
  nanoseconds place_due_{};  // 0: it has its port and its name
  nanoseconds place_until_{};
  bool at_place_ = true;    // under the role's own name and port
  nanoseconds move_due_{};  // 0: it is where it belongs
  Waiting waiting_;
  ToldStanding told_;
  nanoseconds tell_due_{};
  nanoseconds say_again_{};
  bool draining_ = false;
  nanoseconds drain_by_{};
};

}  // namespace

std::optional<int> run_role(std::string_view role, const ops::Config& config,
                            const cli::RoleOptions& options, const Build& build) {
  const auto* const kind = std::ranges::find(kKinds, role, &Kind::word);
  if (kind == kKinds.end()) return std::nullopt;
  RoleHost host{config, options, build};
  if (auto started = host.start(kind->make, build); !started) {
    fmt::print(stderr, "error: {} cannot start: {}\n", options.name, started.error().text());
    log::error("role_cannot_start", {{"role", options.name}, {"error", started.error().text()}});
    return 1;
  }
  log::info("role_started", {{"role", options.name}, {"environment", config.environment}});
  return host.run();
}

}  // namespace stoa::apps
