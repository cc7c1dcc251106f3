#pragma once

#include <array>
#include <cstdint>

#include "base/text.h"
#include "model/system.h"
#include "protocol/native/codec.h"

namespace stoa::apps {

/// Who leads one role, as the log says up to some record. Plain state, part of the facts of a log.
///
/// A log in which nobody has opened an epoch is in epoch 0, which is open and held by blue.
struct RoleLead {
  std::uint32_t epoch = 0;        // newest that was opened
  std::uint32_t order_epoch = 0;  // that an order since then asks for; 0: none is unanswered
  std::uint32_t hold_max_ms = 0;  // of that order
  SwitchRole role = SwitchRole::Execution;
  std::uint8_t closed = 0;   // the epoch has ended, and nobody has opened the next
  std::uint8_t at_once = 0;  // of the order
  std::uint8_t reserved = 0;
  std::uint64_t close_hash = 0;  // that who closed had at the order
  Text<24> holder{Text<24>::cut("blue")};
  Text<24> to{};  // whom the order names

  /// A record stands in the log. What another epoch says, and an order for an epoch that
  /// is not the next, are passed over. False: it changes nothing here.
  bool note(const native::MessageView& message) noexcept;

  friend bool operator==(const RoleLead&, const RoleLead&) noexcept = default;
};

/// One for each SwitchRole.
using RoleLeads = std::array<RoleLead, kSwitchRoles>;
[[nodiscard]] constexpr RoleLeads fresh_leads() noexcept {
  RoleLeads leads;
  for (std::uint8_t i = 0; i < kSwitchRoles; ++i) leads[i].role = static_cast<SwitchRole>(i);
  return leads;
}

}  // namespace stoa::apps
