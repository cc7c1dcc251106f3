#pragma once

#include <sys/types.h>

#include <string>

#include "base/clock.h"
#include "base/error.h"
#include "deploy/plan.h"
#include "deploy/supervisor.h"

// What a supervisor tells as JSON: run/supervisor.json and the lines of the control socket.
namespace stoa::deploy {

/// Who supervises.
struct SupervisorIdentity {
  pid_t pid = 0;  // 0: it has ended
  Timestamp started{};
  std::string environment{};
};

/// The whole of it: {"supervisor":{…},"roles":[…]}.
[[nodiscard]] std::string state_json(const SupervisorIdentity& who, const Plan& plan,
                                     const Supervisor& supervisor);
/// One line without its end: {"event":"role_ready","role":"venue","at_ms":12.3,"took_ms":4.5}.
/// The last of an operation carries "ok", "message" and the critical path.
[[nodiscard]] std::string event_json(const Event& event, const Plan& plan,
                                     const Supervisor& supervisor);
/// {"event":"done","ok":false,"message":…} for what never began.
[[nodiscard]] std::string refusal_json(const Error& error);

}  // namespace stoa::deploy
