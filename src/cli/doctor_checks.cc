#include "cli/doctor_checks.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <netdb.h>
#include <stdlib.h>  // NOLINT(modernize-deprecated-headers): mkstemp is POSIX
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/timex.h>
#include <sys/types.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/fd.h"
#include "cli/table.h"
#include "deploy/layout.h"
#include "deploy/plan.h"
#include "deploy/supervise.h"
#include "ops/config.h"
#include "ops/http_client.h"

namespace stoa::cli {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kGiB = 1024ULL * 1024 * 1024;

std::string reason(int errno_value) { return std::generic_category().message(errno_value); }

/// The directory itself, or the nearest one above it that is there.
fs::path existing(const fs::path& dir) {
  std::error_code error;
  fs::path path = fs::absolute(dir, error);
  while (!fs::exists(path, error) && path.has_relative_path()) path = path.parent_path();
  return path;
}

Finding clock_time(const Clock& clock) {
  Finding finding{.id = "clock.time", .found = to_rfc3339(clock.now())};
  constexpr std::int64_t k2026 = 1'767'225'600;
  constexpr std::int64_t k2100 = 4'102'444'800;
  const auto seconds = clock.now().ns() / 1'000'000'000;
  const bool possible = seconds > k2026 && seconds < k2100;
  if (!possible) {
    finding.health = Health::Fail;
    finding.remedy = "set the clock: timedatectl set-ntp true";
  }
  return finding;
}

Finding clock_sync() {
  Finding finding{.id = "clock.sync"};
  timex state{};  // NOLINT(misc-include-cleaner): from a header behind <sys/timex.h>
  const int status = ::adjtimex(&state);
  if (status < 0) {
    finding.health = Health::Skip;
    finding.found = "cannot ask the kernel: " + reason(errno);
  } else if (status == TIME_ERROR) {
    finding.health = Health::Warn;
    finding.found = "not synchronised";
    finding.remedy = "run chrony or systemd-timesyncd; stamps may be off against the venue's";
  } else {
    finding.found = fmt::format("synchronised, error below {}",
                                duration_text(std::int64_t{state.maxerror} * 1'000));
  }
  return finding;
}

Finding data_dir(const fs::path& dir) {
  Finding finding{.id = "data.dir"};
  const auto path = existing(dir);
  if (::access(path.c_str(), W_OK | X_OK) != 0) {
    finding.health = Health::Fail;
    finding.found = fmt::format("{}: {}", path.string(), reason(errno));
    finding.remedy = "make it writable, or choose another with --data or STOA_DATA_DIR";
    return finding;
  }
  std::error_code error;
  if (!fs::exists(dir, error)) {
    finding.found = fmt::format("{} will be made", fs::absolute(dir, error).string());
    return finding;
  }
  struct stat info{};
  const bool seen = ::stat(dir.c_str(), &info) == 0;
  finding.found = fmt::format("{} mode {:04o}", dir.string(), info.st_mode & 07777U);
  if (seen && !S_ISDIR(info.st_mode)) {
    finding.health = Health::Fail;
    finding.remedy = "it is no directory: move it away or choose another";
  } else if (seen && (info.st_mode & 0007U) != 0) {
    finding.health = Health::Warn;
    finding.remedy = fmt::format("others can enter it: chmod o-rwx {}", dir.string());
  }
  return finding;
}

/// Times of a 4 KiB write with fdatasync, which is what an acknowledged order waits for.
Finding disk_fsync(const fs::path& dir, const Clock& clock) {
  constexpr std::size_t kRounds = 32;
  constexpr std::int64_t kSlowNs = 20'000'000;
  Finding finding{.id = "disk.fsync"};
  auto name = (existing(dir) / ".stoa-doctor-XXXXXX").string();
  const Fd file{::mkstemp(name.data())};
  if (!file) {
    finding.health = Health::Fail;
    finding.found = "cannot write a file: " + reason(errno);
    finding.remedy = "make the data directory writable";
    return finding;
  }
  ::unlink(name.c_str());
  const std::array<char, 4'096> block{};
  std::vector<std::int64_t> times;
  for (std::size_t i = 0; i < kRounds; ++i) {
    const auto start = clock.monotonic();
    const bool done =
        ::write(file.get(), block.data(), block.size()) == static_cast<::ssize_t>(block.size()) &&
        ::fdatasync(file.get()) == 0;
    if (!done) {
      finding.health = Health::Fail;
      finding.found = "write or fdatasync failed: " + reason(errno);
      finding.remedy = "look at the disk: dmesg, smartctl";
      return finding;
    }
    times.push_back((clock.monotonic() - start).count());
  }
  std::ranges::sort(times);
  finding.found =
      fmt::format("4 KiB durable in {} p50, {} max of {}", duration_text(times[kRounds / 2]),
                  duration_text(times.back()), kRounds);
  if (times[kRounds / 2] > kSlowNs) {
    finding.health = Health::Warn;
    finding.remedy = "put the data directory on an SSD; every order waits for this";
  }
  return finding;
}

Finding disk_space(const ops::Config& config) {
  Finding finding{.id = "disk.space"};
  struct statvfs info{};
  const auto path = existing(config.data.dir);
  if (::statvfs(path.c_str(), &info) != 0) {
    finding.health = Health::Skip;
    finding.found = reason(errno);
    return finding;
  }
  const std::uint64_t free = std::uint64_t{info.f_bavail} * info.f_frsize;
  finding.found = bytes_text(free) + " free";
  if (free < 4 * config.wal.segment_bytes) {
    finding.health = Health::Fail;
    finding.remedy = "free space for at least four log segments (wal.segment_bytes)";
  } else if (free < kGiB) {
    finding.health = Health::Warn;
    finding.remedy = "free some space: the log only grows";
  }
  return finding;
}

Finding descriptors() {
  Finding finding{.id = "limits.descriptors"};
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) {
    finding.health = Health::Skip;
    finding.found = reason(errno);
    return finding;
  }
  finding.found = fmt::format("{} open files", limit.rlim_cur);
  if (limit.rlim_cur < 256) {
    finding.health = Health::Fail;
    finding.remedy = "ulimit -n 4096";
  } else if (limit.rlim_cur < 1'024) {
    finding.health = Health::Warn;
    finding.remedy = "ulimit -n 4096: each client of the gateway takes one";
  }
  return finding;
}

/// 0 when an engine could listen there, else why not.
int bind_error(const ops::Config& config) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE;
  addrinfo* found = nullptr;
  const auto port = std::to_string(config.gateway.port);
  if (::getaddrinfo(config.gateway.host.c_str(), port.c_str(), &hints, &found) != 0) {
    return EADDRNOTAVAIL;
  }
  const std::unique_ptr<addrinfo, void (*)(addrinfo*)> owned{found, ::freeaddrinfo};
  const Fd fd{::socket(found->ai_family, found->ai_socktype | SOCK_CLOEXEC, 0)};
  const int yes = 1;
  // NOLINTNEXTLINE(misc-include-cleaner): the names stand in a header of the kernel
  ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  return ::bind(fd.get(), found->ai_addr, found->ai_addrlen) == 0 ? 0 : errno;
}

Finding port_free(const ops::Config& config) {
  Finding finding{.id = "gateway.port"};
  const ops::HttpEndpoint endpoint{.host = config.gateway.host, .port = config.gateway.port};
  const int error = bind_error(config);
  if (error == 0) {
    finding.found = config.gateway.port == 0 ? "any free port" : endpoint.text() + " is free";
    return finding;
  }
  const auto health = ops::http_call(endpoint, {.target = "/health"}, std::chrono::seconds{1});
  if (health && health->body.find("\"status\"") != std::string::npos) {
    finding.found = "an engine answers at " + endpoint.text();
    return finding;
  }
  finding.health = Health::Fail;
  finding.found = fmt::format("{}: {}", endpoint.text(), reason(error));
  finding.remedy = "choose another: --port or STOA_PORT; who has it: ss -ltnp";
  return finding;
}

/// What is there of a platform of processes; nothing where none was ever started.
std::optional<Finding> platform_run(const fs::path& data) {
  std::error_code error;
  const deploy::Layout layout{.data = fs::absolute(data, error)};
  if (!fs::exists(layout.lock(), error)) return std::nullopt;
  Finding finding{.id = "platform.run"};
  const auto supervisor = deploy::SupervisorLock::holder(layout);
  const auto running = deploy::running_roles(layout);
  std::size_t left = !supervisor && fs::exists(layout.control(), error) ? 1 : 0;
  for (const deploy::RoleKind& kind : deploy::role_kinds()) {
    const bool lives =
        std::ranges::find(running, kind.name, &deploy::RunningRole::name) != running.end();
    for (const auto& file : {layout.pid(kind.name), layout.notify(kind.name)}) {
      if (!lives && !supervisor && fs::exists(file, error)) ++left;
    }
  }
  if (supervisor) {
    finding.found = fmt::format("supervisor process {}, {} roles run", *supervisor, running.size());
  } else if (!running.empty()) {
    finding.health = Health::Warn;
    finding.found = fmt::format("{} roles run without a supervisor", running.size());
    finding.remedy = "stoa up takes them over, stoa down stops them";
  } else if (left > 0) {
    finding.health = Health::Warn;
    finding.found = fmt::format("{} files of dead processes in {}", left, layout.run().string());
    finding.remedy = "stoa up sweeps them away, so does stoa maintenance clean";
  } else {
    finding.found = "stopped, nothing left behind";
  }
  return finding;
}

Finding cores() {
  Finding finding{.id = "cpu.cores"};
  const auto count = std::thread::hardware_concurrency();
  finding.found = fmt::format("{}", count);
  if (count < 2) {
    finding.health = Health::Warn;
    finding.remedy = "engine and gateway share one core: expect waits";
  }
  return finding;
}

Finding governor() {
  Finding finding{.id = "cpu.governor"};
  std::ifstream in{"/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor"};
  if (!(in >> finding.found)) {
    finding.health = Health::Skip;
    finding.found = "not told by this machine";
  } else if (finding.found != "performance") {
    finding.health = Health::Warn;
    finding.remedy = "cpupower frequency-set -g performance, for steady latency";
  }
  return finding;
}

Finding kernel() {
  Finding finding{.id = "kernel"};
  utsname name{};
  if (::uname(&name) != 0) {
    finding.health = Health::Skip;
    finding.found = reason(errno);
    return finding;
  }
  finding.found = fmt::format("{} {}", &name.sysname[0], &name.release[0]);
  if (std::strtol(&name.release[0], nullptr, 10) < 5) {
    finding.health = Health::Warn;
    finding.remedy = "5.10 or newer is what this is tested on";
  }
  return finding;
}

}  // namespace

std::string_view to_string(Health health) noexcept {
  constexpr std::array<std::string_view, 4> kNames{"ok", "warn", "FAIL", "skip"};
  return kNames.at(static_cast<std::size_t>(health));
}

std::vector<Finding> examine(const ops::Config& config, const Clock& clock) {
  std::vector<Finding> findings{clock_time(clock),
                                clock_sync(),
                                data_dir(config.data.dir),
                                disk_fsync(config.data.dir, clock),
                                disk_space(config),
                                descriptors(),
                                port_free(config),
                                cores(),
                                governor(),
                                kernel()};
  if (auto finding = platform_run(config.data.dir)) findings.push_back(std::move(*finding));
  return findings;
}

}  // namespace stoa::cli
