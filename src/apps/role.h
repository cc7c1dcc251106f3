#pragma once

#include <poll.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "apps/standing.h"
#include "base/clock.h"
#include "base/error.h"
#include "ops/metrics.h"

namespace stoa::apps {

/// What a role waits for when it has nothing to do.
struct Waiting {
  std::vector<pollfd> fds;
  std::optional<nanoseconds> due;  // monotonic

  void add(int fd, short events = POLLIN) {
    if (fd >= 0) fds.push_back({.fd = fd, .events = events, .revents = 0});
  }
  void add_due(std::optional<nanoseconds> at) {
    if (at && (!due || *at < *due)) due = at;
  }
};

/// One role of the platform in a process of its own, driven by run_role. It never blocks, but for
/// the sync of a log that it owns: what it waits for is a descriptor or a time.
///
/// thread  one, the process's main thread
class Role {
 public:
  Role() = default;
  Role(const Role&) = delete;
  Role& operator=(const Role&) = delete;
  virtual ~Role() = default;

  /// One bounded round; answers how much was done, 0: wait.
  virtual std::size_t poll(Timestamp now) = 0;
  virtual void watch(Waiting& waiting) const = 0;
  [[nodiscard]] virtual Standing standing() const = 0;
  /// Takes no more and finishes what is under way.
  virtual void drain() = 0;
  [[nodiscard]] virtual bool drained() const = 0;
  /// Its work is done by another process from now on: it ends in order, without draining.
  [[nodiscard]] virtual bool finished() const { return false; }
  /// Last words, once drained or when time is up.
  virtual void close() {}
  /// Of a role whose work can go to another process: whether it is this one that does it. Port and
  /// name of the role go with that. Nothing: it is always this one.
  [[nodiscard]] virtual std::optional<bool> leads() const { return {}; }
  /// What ends the process, or null. Its supervisor starts another.
  [[nodiscard]] virtual const Error* failed() const = 0;
  /// Of a role that answers for its own health: where; 0: not yet.
  [[nodiscard]] virtual std::uint16_t own_port() const { return 0; }
  /// Adds its own figures; called once, before the first round.
  virtual void add_metrics(ops::Metrics& /*metrics*/) {}
};

}  // namespace stoa::apps
