#include "cli/role_probe.h"

#include <bits/types/clockid_t.h>
#include <fmt/core.h>
#include <sys/poll.h>
#include <sys/types.h>
#include <time.h>  // NOLINT(modernize-deprecated-headers): clock_getcpuclockid is POSIX
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <fstream>
#include <functional>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "cli/json_value.h"
#include "ops/http_client.h"

namespace stoa::cli {
namespace {

/// Time that a process has spent on a processor, exact to the nanosecond.
std::optional<nanoseconds> cpu_time(pid_t pid) {
  clockid_t clock{};
  timespec time{};
  if (::clock_getcpuclockid(pid, &clock) != 0 || ::clock_gettime(clock, &time) != 0) {
    return std::nullopt;
  }
  return std::chrono::seconds{time.tv_sec} + nanoseconds{time.tv_nsec};
}

std::optional<std::uint64_t> resident_bytes(pid_t pid) {
  std::ifstream in{fmt::format("/proc/{}/statm", pid)};
  std::uint64_t all = 0;
  std::uint64_t resident = 0;
  if (!(in >> all >> resident)) return std::nullopt;
  return resident * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

double real(const std::string& text) {
  double value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

/// Smallest or largest sample of a family.
template <class Less>
std::optional<std::int64_t> extreme(const JsonValue& family, Less less) {
  std::optional<std::int64_t> found;
  for (const JsonValue& sample : family["samples"].items()) {
    const auto value = static_cast<std::int64_t>(real(sample["value"].text()));
    if (!found || less(value, *found)) found = value;
  }
  return found;
}

/// What its slowest reader has still to read, where it says so itself.
std::optional<std::int64_t> lag_of(const JsonValue& metrics) {
  std::optional<std::int64_t> lag;
  for (const auto& [name, family] : metrics.members()) {
    if (!name.ends_with("_lag_records")) continue;
    for (const JsonValue& sample : family["samples"].items()) {
      const auto value = static_cast<std::int64_t>(real(sample["value"].text()));
      lag = std::max(lag.value_or(0), value);
    }
  }
  return lag;
}

void ask(const ProbeTarget& target, std::chrono::milliseconds patience, RoleProbe& probe) {
  const ops::HttpEndpoint endpoint{.host = target.host, .port = target.port};
  const SystemClock clock;
  const nanoseconds deadline = clock.monotonic() + patience;
  const auto left = [&] {
    return std::chrono::duration_cast<std::chrono::milliseconds>(deadline - clock.monotonic());
  };
  const auto ready = ops::http_call(endpoint, {.target = "/ready"}, patience);
  if (!ready) {
    const bool late = ready.error().kind == ops::HttpFailure::Kind::Timeout;
    probe.output = late ? fmt::format("no answer within {} ms", patience.count())
                        : "no answer: " + ready.error().message;
    return;
  }
  probe.ready_status = ready->status;
  if (const auto body = JsonValue::parse(ready->body)) {
    probe.output = (*body)["output"].text_or((*body)["reason"].text());
  }
  if (left().count() <= 0) return;
  const auto metrics = ops::http_call(endpoint, {.target = "/metrics?format=json"}, left());
  if (!metrics || metrics->status != 200) return;
  const auto body = JsonValue::parse(metrics->body);
  if (!body) return;
  const JsonValue& rate = (*body)["messages_per_second"];
  if (!rate.is_null()) probe.messages_per_second = real(rate.text());
  probe.lag = lag_of(*body);
  probe.head = extreme((*body)["stoa_log_head_seq"], std::greater{});
  probe.cursor = extreme((*body)["stoa_log_cursor_seq"], std::less{});
}

}  // namespace

std::vector<RoleProbe> probe(const std::vector<ProbeTarget>& targets,
                             std::chrono::milliseconds patience) {
  const SystemClock clock;
  std::vector<RoleProbe> probes(targets.size());
  std::vector<std::optional<nanoseconds>> before;
  before.reserve(targets.size());
  const nanoseconds from = clock.monotonic();
  for (const ProbeTarget& target : targets) {
    before.push_back(target.pid > 0 ? cpu_time(target.pid) : std::nullopt);
  }
  {
    std::vector<std::jthread> threads;  // one each: a role that hangs is the case to look at
    for (std::size_t i = 0; i < targets.size(); ++i) {
      if (targets[i].port == 0) continue;
      threads.emplace_back([&, i] { ask(targets[i], patience, probes[i]); });
    }
  }
  const auto rest =
      std::chrono::duration_cast<std::chrono::milliseconds>(patience - (clock.monotonic() - from));
  if (rest.count() > 0) ::poll(nullptr, 0, static_cast<int>(rest.count()));
  const nanoseconds passed = clock.monotonic() - from;
  for (std::size_t i = 0; i < targets.size(); ++i) {
    if (targets[i].pid <= 0) continue;
    probes[i].rss_bytes = resident_bytes(targets[i].pid);
    const auto now = cpu_time(targets[i].pid);
    const std::optional<nanoseconds>& then = before[i];
    if (!now || !then) continue;
    probes[i].cpu_percent =
        100.0 * static_cast<double>((*now - *then).count()) / static_cast<double>(passed.count());
  }
  return probes;
}

}  // namespace stoa::cli
