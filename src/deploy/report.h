#pragma once

#include <sys/types.h>

#include <filesystem>
#include <functional>
#include <map>
#include <string>

#include "base/clock.h"
#include "base/error.h"
#include "deploy/build.h"
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
/// Which build each role is started from, by its name, of what `state_json` wrote to `file`. A
/// build whose program is gone is left out, and so is everything when there is no such file.
[[nodiscard]] std::map<std::string, Build, std::less<>> read_builds(
    const std::filesystem::path& file);
/// {"event":"done","ok":true} for what is done at once.
[[nodiscard]] std::string done_json();
/// {"event":"done","ok":false,"message":…} for what never began.
[[nodiscard]] std::string refusal_json(const Error& error);

}  // namespace stoa::deploy
