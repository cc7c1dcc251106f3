#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace stoa::cli {

/// What the process ends with. Scripts hold on to these: never renumber (`stoa help exit-codes`).
enum class Exit : std::uint8_t {
  Ok = 0,
  Failed = 1,          // could not: no engine, no file, refused by the system
  Usage = 2,           // asked wrongly: unknown word, missing or impossible value
  Finding = 3,         // looked and found a fault
  Conflict = 5,        // another state than the command needs
  Refused = 6,         // the risk gate or the venue said no
  Timeout = 7,         // no answer in time: the outcome is not known
  RolledBack = 8,      // a deployment failed, and what ran before runs again
  RollbackFailed = 9,  // and it does not: act now
  Inconclusive = 10,   // too little to judge by: a person decides
};

struct ExitCode {
  Exit exit = Exit::Ok;
  std::string_view meaning{};
};
[[nodiscard]] std::span<const ExitCode> exit_codes() noexcept;

}  // namespace stoa::cli
