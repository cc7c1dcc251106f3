#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "base/fd.h"
#include "ops/registry.h"

namespace stoa::ops {

/// Which of several healthy instances: the first by name, each in turn, or the one of the smallest
/// priority (the first by name among equals).
enum class Policy : std::uint8_t { FirstHealthy, RoundRobin, Priority };
[[nodiscard]] std::string_view to_string(Policy policy) noexcept;  // "first-healthy"

/// Who is there, as one moment saw it; never changes.
struct Directory {
  struct Known {
    Instance instance{};
    bool healthy = false;  // damped
  };
  struct Service {
    std::string name{};
    std::vector<Known> instances{};          // by name
    std::vector<const Instance*> healthy{};  // of those, in the same order
    const Instance* preferred = nullptr;     // of the smallest priority among them
  };
  std::vector<Service> services{};  // by name
  std::uint64_t version = 0;

  [[nodiscard]] const Service* find(std::string_view service) const noexcept;
};

/// Watches a registry by inotify, and looks anyway now and then, as not every file system tells. An
/// instance that comes or comes back counts as healthy after three good looks in a row, and as
/// unhealthy after two bad ones; one whose process is gone is out at once. `poll` belongs to one
/// thread; `directory` and Resolver to any.
class Discovery {
 public:
  struct Options {
    std::chrono::milliseconds look_every{200};    // while something is between good and bad
    std::chrono::milliseconds idle_every{2'000};  // else; everything then comes by inotify
    int good_needed = 3;
    int bad_needed = 2;
  };
  /// Looks once: what is there already is taken at its word.
  ///
  /// errors  Io: the directory can be neither made nor read
  [[nodiscard]] static Result<std::unique_ptr<Discovery>> open(const std::filesystem::path& dir,
                                                               const Clock& clock, Options options);
  [[nodiscard]] static Result<std::unique_ptr<Discovery>> open(const std::filesystem::path& dir,
                                                               const Clock& clock);
  Discovery(const Discovery&) = delete;
  Discovery& operator=(const Discovery&) = delete;
  ~Discovery();

  /// Looks when something changed or it is time; never blocks. True when the directory changed.
  bool poll();
  /// Readable when there is a change to look at.
  [[nodiscard]] int fd() const noexcept { return watch_.get(); }
  /// When the next look is due, monotonic.
  [[nodiscard]] nanoseconds next_look() const noexcept { return look_due_; }

  [[nodiscard]] std::shared_ptr<const Directory> directory() const;
  [[nodiscard]] std::uint64_t version() const noexcept {
    return version_.load(std::memory_order_acquire);
  }

 private:
  friend class Resolver;
  struct Seen {
    Instance instance{};
    bool good = false;
    bool healthy = false;
    int in_a_row = 0;          // looks that said `good`
    nanoseconds counted_at{};  // of the last that counted
  };

  Discovery(std::filesystem::path dir, const Clock& clock, Options options);
  Result<bool> look(bool first);
  bool take(const Instance& instance, bool first, nanoseconds now);
  void publish();
  [[nodiscard]] bool changes_came() const noexcept;

  std::filesystem::path dir_;
  const Clock& clock_;
  Options options_;
  Fd watch_;
  nanoseconds look_due_{};
  std::map<std::pair<std::string, std::string>, Seen> seen_;  // by service and instance
  std::atomic<std::uint64_t> version_{0};
  mutable std::mutex mutex_;  // for the pointer below; held for its copy
  std::shared_ptr<const Directory> directory_;
};

/// One thread's view of a Discovery, which outlives it.
class Resolver {
 public:
  explicit Resolver(const Discovery& discovery);

  /// A healthy instance of `service`, or null. Valid until the next call.
  ///
  /// cost    no lock and no allocation, but after the directory has changed: then one copy of a
  ///         pointer under a lock that is only tried
  [[nodiscard]] const Instance* resolve(std::string_view service, Policy policy) noexcept;

 private:
  void refresh() noexcept;

  const Discovery& discovery_;
  std::shared_ptr<const Directory> directory_;
  std::vector<std::size_t> turns_;  // by place of the service
};

}  // namespace stoa::ops
