#include "deploy/pre_flight.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <netdb.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <set>
#include <sstream>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/fd.h"
#include "deploy/layout.h"
#include "deploy/notify.h"
#include "deploy/plan.h"
#include "deploy/supervise.h"

namespace stoa::deploy {
namespace {

namespace fs = std::filesystem;

/// The longest names of sockets below run/: the roles' own and those that roles speak through.
constexpr std::string_view kLongestSocket = "notify-relay-execution.sock";
constexpr std::uint64_t kFilesMin = 256;

std::string reason(int errno_value) { return std::generic_category().message(errno_value); }

std::string text_of(const fs::path& path) {
  std::ifstream in{path};
  return {std::istreambuf_iterator<char>{in}, {}};
}

std::string bytes_text(std::uint64_t bytes) {
  return fmt::format("{:.1f} MiB", static_cast<double>(bytes) / (1024 * 1024));
}

/// 0 when somebody could listen there, else why not.
int bind_error(const std::string& host, std::uint16_t port) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE;
  addrinfo* found = nullptr;
  if (::getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &found) != 0) {
    return EADDRNOTAVAIL;
  }
  const std::unique_ptr<addrinfo, void (*)(addrinfo*)> owned{found, ::freeaddrinfo};
  const Fd fd{::socket(found->ai_family, found->ai_socktype | SOCK_CLOEXEC, 0)};
  const int yes = 1;
  // NOLINTNEXTLINE(misc-include-cleaner): the names stand in a header of the kernel
  ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  const bool free =
      ::bind(fd.get(), found->ai_addr, found->ai_addrlen) == 0 && ::listen(fd.get(), 1) == 0;
  return free ? 0 : errno;
}

/// Inodes of the sockets that listen at `port`, from /proc/net/tcp and tcp6.
std::set<std::string> listening_inodes(std::uint16_t port) {
  constexpr std::string_view kListen = "0A";
  std::set<std::string> inodes;
  for (const char* table : {"/proc/net/tcp", "/proc/net/tcp6"}) {
    std::ifstream in{table};
    std::string line;
    std::getline(in, line);  // titles
    while (std::getline(in, line)) {
      std::istringstream words{line};
      const std::vector<std::string> fields{std::istream_iterator<std::string>{words}, {}};
      if (fields.size() < 10 || fields[3] != kListen) continue;
      if (fields[1].ends_with(fmt::format(":{:04X}", port))) inodes.insert(fields[9]);
    }
  }
  return inodes;
}

bool has_socket(const fs::path& process, const std::set<std::string>& inodes) {
  std::error_code error;
  for (fs::directory_iterator fds{process / "fd", error}, end; !error && fds != end;
       fds.increment(error)) {
    std::error_code unread;
    const std::string target = fs::read_symlink(fds->path(), unread).string();
    constexpr std::string_view kSocket = "socket:[";
    if (!target.starts_with(kSocket)) continue;
    if (inodes.contains(target.substr(kSocket.size(), target.size() - kSocket.size() - 1))) {
      return true;
    }
  }
  return false;
}

/// "stoa run engine": the first words of a command line.
std::string program_of(const fs::path& process) {
  std::string line = text_of(process / "cmdline");
  std::ranges::replace(line, '\0', ' ');
  constexpr std::size_t kShown = 60;
  if (line.size() > kShown) line = line.substr(0, kShown) + "…";
  while (line.ends_with(' ')) line.pop_back();
  const auto words = line.find(' ');
  const auto slash = line.rfind('/', words);
  return slash == std::string::npos ? line : line.substr(slash + 1);
}

class PreFlight {
 public:
  PreFlight(const Plan& plan, const PreFlightOptions& options, const Clock& clock)
      : plan_{plan}, options_{options}, clock_{clock} {}

  std::vector<Hindrance> look() {
    clock_time();
    if (folders()) {
      disk();
      journal();
      sweep();
    }
    socket_names();
    descriptors();
    ports();
    return std::move(found_);
  }

 private:
  void amiss(std::string what, std::string where, std::string remedy) {
    found_.push_back(
        {.what = std::move(what), .where = std::move(where), .remedy = std::move(remedy)});
  }

  void clock_time() {
    constexpr std::int64_t k2026 = 1'767'225'600;
    constexpr std::int64_t k2100 = 4'102'444'800;
    const auto seconds = clock_.now().ns() / 1'000'000'000;
    if (seconds > k2026 && seconds < k2100) return;
    amiss(fmt::format("the clock says {}", to_rfc3339(clock_.now())), "system clock",
          "set it: timedatectl set-ntp true");
  }

  bool folders() {
    const Layout& layout = options_.layout;
    for (const fs::path& folder : {layout.data, layout.run(), layout.logs()}) {
      std::error_code error;
      const bool made = fs::create_directories(folder, error);
      if (made) fs::permissions(folder, fs::perms::others_all, fs::perm_options::remove, error);
      if (error || ::access(folder.c_str(), R_OK | W_OK | X_OK) != 0) {
        amiss(
            fmt::format("cannot write the directory: {}", error ? error.message() : reason(errno)),
            folder.string(), "make it writable, or choose another with --data or STOA_DATA_DIR");
        return false;
      }
    }
    return true;
  }

  void disk() {
    struct statvfs info{};
    if (::statvfs(options_.layout.data.c_str(), &info) != 0) return;
    const std::uint64_t free = std::uint64_t{info.f_bavail} * info.f_frsize;
    if (free >= options_.free_bytes_min) return;
    amiss(fmt::format("{} free, a start needs {}", bytes_text(free),
                      bytes_text(options_.free_bytes_min)),
          options_.layout.data.string(), "free some space, or choose another disk with --data");
  }

  /// The control socket of a supervisor that is gone: whoever waits for a new one would find it.
  void sweep() {
    std::error_code ignored;
    if (!SupervisorLock::holder(options_.layout)) fs::remove(options_.layout.control(), ignored);
  }

  [[nodiscard]] bool running(std::string_view role) const {
    return std::ranges::find(options_.running, role) != options_.running.end();
  }

  /// One writer per journal: an engine on the same data would be refused later and less clearly.
  void journal() {
    if (running("relay-execution")) return;
    const fs::path lock = options_.layout.wal() / "writer.lock";
    const Fd file{::open(lock.c_str(), O_RDWR | O_CLOEXEC)};
    if (!file || ::flock(file.get(), LOCK_EX | LOCK_NB) == 0) return;
    auto holder = text_of(lock);
    holder = holder.substr(0, holder.find_first_of(std::string_view{"\n\0", 2}));
    amiss(fmt::format("the journal is in use by {}", holder.empty() ? "another writer" : holder),
          options_.layout.wal().string(),
          "stop it (stoa run engine on the same data?), or choose another --data");
  }

  void socket_names() {
    const fs::path longest = options_.layout.run() / kLongestSocket;
    const auto size = longest.native().size();
    if (size <= kSocketPathMax) return;
    amiss(fmt::format("names of sockets would have {} bytes, the system takes {}", size,
                      kSocketPathMax),
          options_.layout.run().string(), "choose a shorter data directory with --data");
  }

  void descriptors() {
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= kFilesMin) return;
    amiss(fmt::format("{} open files are allowed, a role may need {}", limit.rlim_cur, kFilesMin),
          "limits", "ulimit -n 4096");
  }

  void ports() {
    for (const std::size_t place : options_.roles) {
      const Role& role = plan_.roles[place];
      if (role.port == 0 || running(role.name)) continue;
      const int error = bind_error(options_.host, role.port);
      if (error == 0) continue;
      const auto holder = error == EADDRINUSE ? port_holder(role.port) : std::string{};
      const auto where = fmt::format("{}:{}", options_.host, role.port);
      amiss(fmt::format("port {} of {} {}", role.port, role.name,
                        !holder.empty()       ? "is taken by " + holder
                        : error == EADDRINUSE ? std::string{"is taken by another program"}
                                              : "cannot be had: " + reason(error)),
            where, "stop it, or move all ports with --base-port N (any: the system chooses)");
    }
  }

  const Plan& plan_;
  const PreFlightOptions& options_;
  const Clock& clock_;
  std::vector<Hindrance> found_;
};

}  // namespace

std::string Hindrance::text() const { return fmt::format("{}: {}; {}", where, what, remedy); }

std::vector<Hindrance> pre_flight(const Plan& plan, const PreFlightOptions& options,
                                  const Clock& clock) {
  return PreFlight{plan, options, clock}.look();
}

std::string port_holder(std::uint16_t port) {
  const auto inodes = listening_inodes(port);
  if (inodes.empty()) return {};
  std::error_code error;
  for (fs::directory_iterator processes{"/proc", error}, end; !error && processes != end;
       processes.increment(error)) {
    const std::string pid = processes->path().filename().string();
    if (pid.find_first_not_of("0123456789") != std::string::npos) continue;
    if (has_socket(processes->path(), inodes)) {
      return fmt::format("process {} ({})", pid, program_of(processes->path()));
    }
  }
  return {};
}

}  // namespace stoa::deploy
