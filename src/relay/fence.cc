#include "relay/fence.h"

#include <fmt/core.h>

#include <cstdint>
#include <expected>
#include <string>
#include <utility>

#include "base/error.h"

namespace stoa::relay {
namespace {

std::unexpected<Error> fenced(std::string message) {
  return std::unexpected(
      Error{.code = ErrorCode::Unavailable, .message = std::move(message), .source = {}});
}

}  // namespace

Result<void> Fence::may_open(std::uint64_t epoch) const {
  if (epoch > epoch_) return {};
  return fenced(
      fmt::format("epoch {} cannot be opened: epoch {} has been; read the log to its end "
                  "and follow, or take over with epoch {}",
                  epoch, epoch_, epoch_ + 1));
}

Result<void> Fence::admit(std::uint64_t epoch) const {
  if (!voided(epoch)) return {};
  if (epoch < epoch_) {
    return fenced(
        fmt::format("this leader is of epoch {}, and epoch {} has been opened: another "
                    "leads; read the log to its end and follow",
                    epoch, epoch_));
  }
  if (epoch > epoch_) {
    return fenced(
        fmt::format("this leader is of epoch {}, which it has not opened: the log is in "
                    "epoch {}; append EpochOpen first",
                    epoch, epoch_));
  }
  return fenced(
      fmt::format("epoch {} has been closed: to lead again, open epoch {}", epoch, epoch + 1));
}

}  // namespace stoa::relay
