#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/error.h"

// One line of a deployment's log: what it is, has begun, found, was asked or came to. The record is
// durable before anything is done that follows from it.
namespace stoa::deploy {

enum class RecordKind : std::uint8_t {
  Began,   // info: the plan
  Begun,   // a step; info: what it was begun with
  Ended,   // a step; info: what it found
  Waits,   // for a person; text: why
  Asked,   // by a person; verb, actor, text: the reason
  Failed,  // text: why; from here on it goes back
  Over,    // verb: the outcome; text: in words
};
[[nodiscard]] std::string_view to_string(RecordKind kind) noexcept;  // "begun"

struct DeployRecord {
  std::uint64_t deploy = 0;
  RecordKind kind = RecordKind::Began;
  Timestamp at{};
  std::uint32_t item = 0;  // which of the steps, from 0
  std::string step{};      // "switch execution": for people
  std::string verb{};
  std::string actor{};
  std::string text{};
  std::string info{};  // a JSON value; empty: none

  friend bool operator==(const DeployRecord&, const DeployRecord&) = default;
};
[[nodiscard]] std::string to_json(const DeployRecord& record);
/// errors  BadInput: no record
[[nodiscard]] Result<DeployRecord> record_from_json(std::string_view text);

}  // namespace stoa::deploy
