#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace stoa::cli {

/// A role to look at; what is 0 is not asked.
struct ProbeTarget {
  std::string host = "127.0.0.1";
  std::uint16_t port = 0;
  pid_t pid = 0;
};

/// What a role and the kernel say of it. Nothing where neither did in time.
struct RoleProbe {
  std::optional<int> ready_status{};  // of /ready: 200 or 503
  std::string output{};               // why it is not ready, or why it did not answer
  std::optional<double> messages_per_second{};
  std::optional<std::int64_t> lag{};     // records that its slowest reader is behind
  std::optional<std::int64_t> head{};    // newest record of the log that it keeps
  std::optional<std::int64_t> cursor{};  // newest record that it has read
  std::optional<std::uint64_t> rss_bytes{};
  std::optional<double> cpu_percent{};  // of one core, over the time of the look
};

/// Asks all of them at once and returns after `patience`, plus what the system takes, at the
/// latest. A role that does not answer costs the others nothing.
[[nodiscard]] std::vector<RoleProbe> probe(const std::vector<ProbeTarget>& targets,
                                           std::chrono::milliseconds patience);

}  // namespace stoa::cli
