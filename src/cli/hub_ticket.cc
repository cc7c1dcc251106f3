#include "cli/hub_ticket.h"

#include <sys/poll.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <expected>
#include <memory>
#include <utility>

#include "base/clock.h"
#include "base/error.h"
#include "cli/json_value.h"
#include "deploy/hub.h"
#include "deploy/layout.h"
#include "deploy/process_target.h"
#include "deploy/supervise.h"

namespace stoa::cli {
namespace {

constexpr std::chrono::seconds kFirstLook{10};
constexpr int kLookAgainMs = 50;

}  // namespace

deploy::ApplyTicket ticket_of(const JsonValue& value) {
  deploy::ApplyTicket ticket{.revision = static_cast<std::uint64_t>(std::max<std::int64_t>(
                                 value["revision"].integer().value_or(0), 0)),
                             .hash = value["hash"].text(),
                             .name = value["name"].text(),
                             .text = value["text"].text(),
                             .environment = value["environment"].text(),
                             .backwards = value["backwards"].is_true(),
                             .digests = {},
                             .broke_glass = value["broke_glass"].is_true()};
  for (const auto& [role, digest] : value["digests"].members()) {
    ticket.digests.emplace(role, digest.text());
  }
  return ticket;
}

Result<std::unique_ptr<deploy::ProcessTarget>> platform_target(const deploy::Layout& layout,
                                                               const Clock& clock) {
  auto target = deploy::ProcessTarget::open({.layout = layout}, clock);
  if (!target) return target;
  const nanoseconds deadline = clock.monotonic() + kFirstLook;
  while (true) {
    (*target)->poll();
    if ((*target)->trouble().empty() || clock.monotonic() >= deadline) return target;
    // Nobody is there, or somebody who does not listen yet.
    if (!deploy::SupervisorLock::holder(layout)) return target;
    ::poll(nullptr, 0, kLookAgainMs);
  }
}

}  // namespace stoa::cli
