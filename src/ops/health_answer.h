#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "ops/role_status.h"

namespace stoa::json {
class Writer;
}

namespace stoa::ops {

class Metrics;

/// What a health endpoint answers, whatever server carries it.
struct HealthReply {
  int status = 200;
  std::string_view content_type{};
  std::string body{};
};

/// A question; borrowed for the call.
struct HealthQuestion {
  std::string_view path{};    // "/readyz"
  std::string_view query{};   // "verbose&exclude=log:writable", or empty
  std::string_view accept{};  // the header, or empty
};

/// How long a role's loop may be silent before it counts as dead.
inline constexpr std::chrono::seconds kSilenceMax{10};

/// Answers `/health /ready /status /metrics /livez /readyz /startupz /health/live|ready|startup`;
/// nothing for any other path. From the snapshot alone: no I/O, no waiting.
///
/// errors  400 with a problem body: a parameter that is not known
/// source  docs/health.md
[[nodiscard]] std::optional<HealthReply> answer_health(const RoleStatus& status,
                                                       const Metrics& metrics,
                                                       const HealthQuestion& question,
                                                       nanoseconds silence_max = kSilenceMax);

/// What POST of `path` (/-/drain, /-/reload, /-/pause, /-/resume) asks for; nothing for any other.
[[nodiscard]] std::optional<RoleRequest> request_at(std::string_view path) noexcept;
/// Takes a request down for a role that obeys the bits of `obeyed`; who asks has shown the token.
/// 202, or 501 when the role does not know the request.
[[nodiscard]] HealthReply take_request(RoleStatus& status, RoleRequest request,
                                       std::uint32_t obeyed);

/// The member "switch" of an object; nothing for a role that is not switched.
void write_switch(json::Writer& json, const SwitchView& place);

/// A problem body (RFC 9457) as the servers of this program write it.
[[nodiscard]] HealthReply health_problem(int status, std::string_view code, std::string_view detail,
                                         std::string_view hint);

}  // namespace stoa::ops
