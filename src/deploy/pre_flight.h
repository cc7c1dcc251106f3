#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "deploy/layout.h"
#include "deploy/plan.h"

namespace stoa::deploy {

/// Something that would stop a platform from starting.
struct Hindrance {
  std::string what{};    // "port 5556 of execution is taken by process 812 (stoa run engine)"
  std::string where{};   // a path, or 127.0.0.1:5556
  std::string remedy{};  // how to mend it

  [[nodiscard]] std::string text() const;
};

struct PreFlightOptions {
  Layout layout{};
  std::string host = "127.0.0.1";
  std::vector<std::size_t> roles{};    // places that are to be started
  std::uint64_t free_bytes_min = 0;    // of the data directory's disk
  std::vector<std::string> running{};  // roles that run already: their ports are theirs
};

/// Looks at everything that a start needs and tells all that is amiss at once. Makes the data
/// directory's folders.
[[nodiscard]] std::vector<Hindrance> pre_flight(const Plan& plan, const PreFlightOptions& options,
                                                const Clock& clock);

/// Who listens at a TCP port: "process 812 (stoa run engine)"; empty when /proc does not tell.
[[nodiscard]] std::string port_holder(std::uint16_t port);

}  // namespace stoa::deploy
