#pragma once

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdint>
#include <filesystem>
#include <string>
#include <utility>

#include "base/clock.h"
#include "base/temp_dir.h"
#include "ops/registry.h"

// For tests of the registry and of what watches it.
namespace stoa::ops {

inline Instance instance_of(std::string service, std::string name, std::int32_t priority = 10,
                            CheckResult health = CheckResult::Pass) {
  return {.service = std::move(service),
          .instance = std::move(name),
          .colour = "blue",
          .epoch = 3,
          .endpoints = {{.name = "health", .address = "127.0.0.1:5557"},
                        {.name = "socket", .address = "/tmp/risk.sock"}},
          .priority = priority,
          .health = health,
          .since = Timestamp::from_ns(42)};
}

/// A process that registers one instance and then does nothing until it is killed.
class Owner {
 public:
  Owner(const std::filesystem::path& dir, const Instance& instance) {
    int ready[2];
    if (::pipe2(ready, O_CLOEXEC) != 0) return;
    pid_ = ::fork();
    if (pid_ == 0) {
      const auto registration = Registration::open(dir, instance);
      const char byte = registration ? 'y' : 'n';
      [[maybe_unused]] const auto said = ::write(ready[1], &byte, 1);
      for (;;) ::pause();
    }
    char byte = 0;
    registered_ = ::read(ready[0], &byte, 1) == 1 && byte == 'y';
    ::close(ready[0]);
    ::close(ready[1]);
  }
  Owner(const Owner&) = delete;
  Owner& operator=(const Owner&) = delete;
  ~Owner() { kill(); }
  [[nodiscard]] bool registered() const { return registered_; }
  [[nodiscard]] int pid() const { return pid_; }
  /// SIGKILL, and back once the process and with it its lock are gone.
  void kill() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
    pid_ = 0;
  }

 private:
  int pid_ = 0;
  bool registered_ = false;
};

}  // namespace stoa::ops
