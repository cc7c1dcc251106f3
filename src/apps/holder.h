#pragma once

#include <string_view>

#include "apps/leadership.h"
#include "base/ids.h"
#include "base/text.h"
#include "model/system.h"
#include "ops/role_status.h"
#include "protocol/native/version.h"

namespace stoa::apps {

/// Who a process is in the switch of its role, and what it says as that.
struct Holder {
  SwitchRole role = SwitchRole::Execution;
  Text<24> colour{};
  Text<24> release{};

  Holder(SwitchRole of, std::string_view in_colour, std::string_view of_release) noexcept
      : role{of}, colour{Text<24>::cut(in_colour)}, release{Text<24>::cut(of_release)} {}

  /// `after`: the newest record that was read.
  [[nodiscard]] EpochOpen open(const Leadership& place, Lsn after) const noexcept {
    return {.epoch = place.next_epoch(),
            .oldest_version = native::kReadableVersions.oldest,
            .newest_version = native::kReadableVersions.newest,
            .role = role,
            .after = after,
            .holder = colour,
            .release = release};
  }
  /// `last`: of its own records.
  [[nodiscard]] EpochClose close(const Leadership& place, Lsn last) const noexcept {
    return {.epoch = place.log().epoch,
            .role = role,
            .last = last,
            .hash = place.order_hash(),
            .holder = colour,
            .reason = Note::cut("another is to lead")};
  }
  /// What /status says of it; the role adds how far it is and what it has compared.
  [[nodiscard]] ops::SwitchView view(const Leadership& place) const noexcept {
    using Mode = Leadership::Mode;
    const Mode mode = place.mode();
    return {.mode = place.leads()          ? ops::SwitchMode::Leading
                    : mode == Mode::Closed ? ops::SwitchMode::Closed
                                           : ops::SwitchMode::Following,
            .epoch = place.log().epoch,
            .colour = colour,
            .release = release};
  }
};

}  // namespace stoa::apps
