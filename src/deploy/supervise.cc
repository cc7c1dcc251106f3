#include "deploy/supervise.h"

#include <bits/types/sigset_t.h>
#include <fcntl.h>
#include <fmt/core.h>
#include <linux/stat.h>
#include <signal.h>  // NOLINT(modernize-deprecated-headers): sigset_t is POSIX
#include <sys/poll.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <expected>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "base/fd.h"
#include "base/log.h"
#include "deploy/build.h"
#include "deploy/children.h"
#include "deploy/control.h"
#include "deploy/control_server.h"
#include "deploy/layout.h"
#include "deploy/log_files.h"
#include "deploy/plan.h"
#include "deploy/process.h"
#include "deploy/report.h"
#include "deploy/supervisor.h"
#include "ops/whole_file.h"

namespace stoa::deploy {
namespace {

namespace fs = std::filesystem;

constexpr nanoseconds kHousekeeping = std::chrono::seconds{5};
constexpr int kSleepMaxMs = 1'000;
constexpr ::mode_t kStateMode = 0640;

/// Signals that end the platform, as a descriptor; blocked for the thread while it lives.
class Signals {
 public:
  Signals() {
    sigset_t set;
    sigemptyset(&set);
    for (const int number : {SIGTERM, SIGINT, SIGQUIT, SIGHUP}) sigaddset(&set, number);
    ::pthread_sigmask(SIG_BLOCK, &set, &before_);
    fd_ = Fd{::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK)};
  }
  Signals(const Signals&) = delete;
  Signals& operator=(const Signals&) = delete;
  ~Signals() {
    while (next()) {
    }
    ::pthread_sigmask(SIG_SETMASK, &before_, nullptr);
  }

  [[nodiscard]] int fd() const noexcept { return fd_.get(); }
  [[nodiscard]] std::optional<int> next() {
    signalfd_siginfo info{};
    if (::read(fd_.get(), &info, sizeof info) != sizeof info) return std::nullopt;
    return static_cast<int>(info.ssi_signo);
  }

 private:
  sigset_t before_{};
  Fd fd_;
};

/// When a file came to be; its last change where the file system does not say.
std::optional<Timestamp> born(const fs::path& file) {
  struct statx info{};
  if (::statx(AT_FDCWD, file.c_str(), 0, STATX_BTIME | STATX_MTIME, &info) != 0) {
    return std::nullopt;
  }
  const auto& time = (info.stx_mask & STATX_BTIME) != 0 ? info.stx_btime : info.stx_mtime;
  return Timestamp::from_ns(time.tv_sec * 1'000'000'000 + time.tv_nsec);
}

void log_event(const Event& event, const Plan& plan) {
  const std::string_view role = event.role ? plan.roles[*event.role].name : std::string_view{};
  const auto took_ms = static_cast<double>(event.took.count()) / 1e6;
  log::Level level = log::Level::Info;
  if (event.kind == Event::Kind::Exited || event.kind == Event::Kind::WatchdogMissed ||
      event.kind == Event::Kind::Killed) {
    level = log::Level::Warn;
  }
  if (event.kind == Event::Kind::GivenUp) level = log::Level::Error;
  const auto name = event.kind == Event::Kind::Done ? "operation_done" : to_string(event.kind);
  log::write(level, name,
             {{"role", role}, {"took_ms", took_ms}, {"text", std::string_view{event.text}}});
}

class Supervise {
 public:
  Supervise(const Plan& plan, const SuperviseOptions& options)
      : plan_{plan},
        options_{options},
        children_{plan,
                  {.layout = options.layout,
                   .environment = options.environment,
                   .watchdog = options.timing.watchdog,
                   .end_with_us = options.foreground}},
        supervisor_{plan, options.timing, children_, clock_},
        who_{.pid = ::getpid(), .started = clock_.now(), .environment = options.environment_name} {}

  Result<void> run() {
    auto control = ControlServer::open(options_.layout.control());
    if (!control) return std::unexpected(control.error());
    const auto builds = read_builds(options_.layout.state());
    for (std::size_t role = 0; role < plan_.roles.size(); ++role) {
      const auto found = builds.find(plan_.roles[role].name);
      if (found != builds.end()) supervisor_.set_build(role, found->second);
    }
    children_.adopt([this](const Children::Found& found) {
      if (found.beside) {
        supervisor_.adopt_beside(found.role, found.process, found.build, found.ready);
      } else {
        supervisor_.adopt(found.role, found.process, found.build, found.ready);
      }
      log::warn("role_adopted", {{"role", plan_.roles[found.role].name},
                                 {"colour", to_string(found.build.colour)},
                                 {"pid", found.process.pid}});
    });
    using First = SuperviseOptions::First;
    if (options_.first == First::Up) {
      const auto first = plan_.with_those_before(options_.only);
      if (!first) return std::unexpected(first.error());
      if (auto begun = supervisor_.up(*first); !begun) return begun;
    } else if (options_.first == First::Down) {
      supervisor_.down(options_.down);
    }
    while (!over()) {
      wait(*control);
      hear();
      control->poll([this](ControlServer::Client& client, const Result<Request>& request) {
        answer(client, request);
      });
      signals();
      supervisor_.poll();
      tell(*control);
      housekeeping();
    }
    tell(*control);
    write_state(true);
    control->drain();
    const Operation& last = supervisor_.operation();
    if (last.kind == Operation::Kind::Up && !last.ok) {
      return std::unexpected(
          Error{.code = ErrorCode::Unavailable, .message = last.message, .source = {}});
    }
    return {};
  }

 private:
  /// Asked to stop and stopped, or a start that was taken back and left nothing.
  [[nodiscard]] bool over() const {
    const Operation& operation = supervisor_.operation();
    if (!operation.over || !supervisor_.at_rest()) return false;
    return operation.kind == Operation::Kind::Down ||
           (operation.kind == Operation::Kind::Up && !operation.ok);
  }

  void wait(const ControlServer& control) {
    std::vector<pollfd> fds;
    const auto add = [&](int fd) {
      if (fd >= 0) fds.push_back({.fd = fd, .events = POLLIN, .revents = 0});
    };
    add(signals_.fd());
    for (std::size_t role = 0; role < plan_.roles.size(); ++role) {
      add(children_.notice_fd(role));
      add(children_.process_fd(role));
      add(children_.beside_fd(role));
    }
    control.wait_for(fds);
    constexpr std::int64_t kNsPerMs = 1'000'000;
    const auto idle_ms = (supervisor_.idle_time().count() + kNsPerMs - 1) / kNsPerMs;
    ::poll(fds.data(), fds.size(), static_cast<int>(std::min<std::int64_t>(idle_ms, kSleepMaxMs)));
  }

  /// What roles said comes before how they ended: READY=1 and then a crash is both.
  void hear() {
    for (std::size_t role = 0; role < plan_.roles.size(); ++role) {
      auto status = children_.ended(role);
      auto beside = children_.ended_beside(role);
      const auto own = supervisor_.view(role).process;
      while (const auto notice = children_.notice(role)) {
        if (children_.is_beside(role, notice->sender)) {
          supervisor_.on_notice_beside(role, *notice);
        } else {
          supervisor_.on_notice(role, *notice);
        }
      }
      // A successor that has just said that it is ready is the role's process, and the ends found
      // before that change places too.
      if (supervisor_.view(role).process != own) std::swap(status, beside);
      if (beside) supervisor_.on_exit_beside(role, *beside);
      if (status) supervisor_.on_exit(role, *status);
    }
  }

  void answer(ControlServer::Client& client, const Result<Request>& request) {
    const auto refuse = [&](const Error& error) {
      ControlServer::say(client, refusal_json(error));
      client.finished = true;
    };
    if (!request) return refuse(request.error());
    Result<void> begun{};
    switch (request->verb) {
      case Request::Verb::Status:
        ControlServer::say(client, state_json(who_, plan_, supervisor_));
        client.finished = true;
        return;
      case Request::Verb::Up: {
        const auto roles = plan_.with_those_before(request->roles);
        if (!roles) return refuse(roles.error());
        begun = supervisor_.up(*roles);
        break;
      }
      case Request::Verb::Restart: {
        const auto roles =
            request->roles.empty() ? plan_.with_those_before({}) : plan_.places(request->roles);
        if (!roles) return refuse(roles.error());
        if (request->build && roles->size() != 1) return refuse(one_at_a_time());
        begun = supervisor_.restart(*roles, request->build);
        break;
      }
      case Request::Verb::HandOver: {
        const auto roles = plan_.places(request->roles);
        if (!roles) return refuse(roles.error());
        if (roles->size() != 1) return refuse(one_at_a_time());
        begun = supervisor_.hand_over(roles->front(), request->build);
        break;
      }
      case Request::Verb::BesideStart:
      case Request::Verb::BesideStop:
      case Request::Verb::BesidePromote: {
        const auto roles = plan_.places(request->roles);
        if (!roles) return refuse(roles.error());
        if (roles->size() != 1) return refuse(one_at_a_time());
        const auto done = beside(*request, roles->front());
        if (!done) return refuse(done.error());
        write_state(false);  // who hears that it is done may count on it
        ControlServer::say(client, done_json());
        client.finished = true;
        return;
      }
      case Request::Verb::Down:
        supervisor_.down({.force = request->force, .timeout = request->timeout});
        break;
    }
    if (!begun) return refuse(begun.error());
    client.listens = true;
    // It joins in the middle: what the operation has told so far comes first.
    for (const std::string& line : told_) ControlServer::say(client, line);
  }

  static Error one_at_a_time() {
    return {.code = ErrorCode::BadInput, .message = "one role at a time", .source = {}};
  }

  Result<void> beside(const Request& request, std::size_t role) {
    const Build build = request.build.value_or(Build{});
    switch (request.verb) {
      case Request::Verb::BesideStart:
        return supervisor_.beside_start(role, build);
      case Request::Verb::BesidePromote:
        return supervisor_.beside_promote(role, build.colour);
      default:
        supervisor_.beside_stop(role);
        return {};
    }
  }

  void signals() {
    while (const auto number = signals_.next()) {
      if (*number == SIGHUP) continue;  // the terminal that started us has gone
      const bool again = supervisor_.operation().kind == Operation::Kind::Down;
      supervisor_.down({.force = again || *number == SIGQUIT});
    }
  }

  void tell(ControlServer& control) {
    for (const Event& event : supervisor_.take_events()) {
      log_event(event, plan_);
      const bool ready = event.kind == Event::Kind::Ready || event.kind == Event::Kind::HandedOver;
      if (ready && event.role) children_.note_ready(*event.role, false);
      if (event.kind == Event::Kind::BesideReady && event.role) {
        children_.note_ready(*event.role, true);
      }
      auto line = event_json(event, plan_, supervisor_);
      control.say_to_listeners(line);
      if (options_.progress) options_.progress(line);
      if (event.kind == Event::Kind::Done) {
        control.finish_listeners();
        told_.clear();
      } else {
        told_.push_back(std::move(line));
        if (told_.size() > kToldMax) told_.erase(told_.begin());
      }
    }
    if (supervisor_.operation().over) told_.clear();
    write_state(false);
  }

  void write_state(bool last) {
    if (!last && supervisor_.changes() == written_) return;
    written_ = supervisor_.changes();
    if (last) who_.pid = 0;
    const auto path = options_.layout.state();
    // Durable: which build leads must not be forgotten with the power.
    const auto written = ops::replace_whole(path, state_json(who_, plan_, supervisor_) + '\n',
                                            kStateMode, ops::Sync::File);
    if (!written) {
      log::warn("state_not_written", {{"why", written.error().text()}});
    }
  }

  // ---- logs

  void housekeeping() {
    if (clock_.monotonic() < housekeeping_at_) return;
    housekeeping_at_ = clock_.monotonic() + kHousekeeping;
    for (std::size_t role = 0; role < plan_.roles.size(); ++role) {
      for (const bool second : {false, true}) {
        const fs::path file = children_.log_file(role, second);
        if (!file.empty() && due(file)) turn_log(role, second, file);
      }
    }
    const fs::path own = options_.layout.log("supervisor");
    if (!options_.foreground && due(own) && turn(own, clock_.now())) ::kill(::getpid(), SIGUSR1);
    const auto archived = archive_logs(options_.layout, clock_.now(), false);
    if (!archived) log::error("log_not_archived", {{"why", archived.error().text()}});
    const auto dropped = drop_old_logs(options_.layout, options_.logs, clock_.now(), false);
    if (!dropped) log::error("log_not_dropped", {{"why", dropped.error().text()}});
    for (const auto* actions : {&archived, &dropped}) {
      if (!*actions) continue;
      for (const LogAction& action : **actions) {
        log::info("log_" + action.what, {{"file", action.file.native()},
                                         {"bytes", action.bytes_before},
                                         {"now", action.bytes_after}});
      }
    }
  }

  [[nodiscard]] bool due(const fs::path& file) const {
    std::error_code error;
    const auto bytes = fs::file_size(file, error);
    if (error || bytes == 0) return false;
    if (bytes >= options_.logs.turn_bytes) return true;
    const auto since = born(file);
    return since && clock_.now() - *since >= options_.logs.turn_age;
  }

  void turn_log(std::size_t role, bool second, const fs::path& file) {
    const bool runs = (second ? children_.beside_fd(role) : children_.process_fd(role)) >= 0;
    const bool reopens = children_.takes_reopen(role, second);
    const auto turned =
        !runs || reopens ? turn(file, clock_.now()) : turn_by_copy(file, clock_.now());
    if (!turned) {
      log::error("log_not_turned", {{"why", turned.error().text()}});
    } else if (runs && reopens && second) {
      children_.signal_beside(role, SIGUSR1);
    } else if (runs && reopens) {
      children_.signal(role, SIGUSR1);
    }
  }

  static constexpr std::size_t kToldMax = 256;

  const Plan& plan_;
  const SuperviseOptions& options_;
  SystemClock clock_;
  Signals signals_;
  Children children_;
  Supervisor supervisor_;
  SupervisorIdentity who_;
  std::vector<std::string> told_;  // of the operation under way, for those who join
  std::uint64_t written_ = 0;
  nanoseconds housekeeping_at_{0};
};

flock whole_file() {
  flock lock{};
  lock.l_type = F_WRLCK;
  lock.l_whence = SEEK_SET;
  return lock;
}

}  // namespace

Result<void> supervise(const Plan& plan, const SuperviseOptions& options) {
  const auto lock = SupervisorLock::take(options.layout);
  if (!lock) return std::unexpected(lock.error());
  sweep_left_behind(options.layout);
  return Supervise{plan, options}.run();
}

Result<SupervisorLock> SupervisorLock::take(const Layout& layout) {
  const std::string path = layout.lock().string();
  Fd fd{::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0640)};
  if (!fd) return io_error("cannot open the supervisor's lock", errno, path);
  auto lock = whole_file();
  if (::fcntl(fd.get(), F_OFD_SETLK, &lock) != 0) {
    if (errno != EAGAIN && errno != EACCES) {
      return io_error("cannot take the supervisor's lock", errno, path);
    }
    const auto pid = holder(layout);
    return std::unexpected(
        Error{.code = ErrorCode::Unavailable,
              .message = fmt::format("another supervisor has this directory{}",
                                     pid ? fmt::format(": process {}", *pid) : ""),
              .source = layout.data.string()});
  }
  const auto text = fmt::format("{}\n", ::getpid());
  if (::ftruncate(fd.get(), 0) != 0 ||
      ::pwrite(fd.get(), text.data(), text.size(), 0) != static_cast<::ssize_t>(text.size())) {
    return io_error("cannot write the supervisor's lock", errno, path);
  }
  return SupervisorLock{std::move(fd)};
}

std::optional<pid_t> SupervisorLock::holder(const Layout& layout) {
  const Fd fd{::open(layout.lock().c_str(), O_RDWR | O_CLOEXEC)};
  if (!fd) return std::nullopt;
  auto lock = whole_file();
  if (::fcntl(fd.get(), F_OFD_GETLK, &lock) != 0 || lock.l_type == F_UNLCK) return std::nullopt;
  pid_t pid = 0;
  std::ifstream in{layout.lock()};
  in >> pid;
  return pid;
}

}  // namespace stoa::deploy
