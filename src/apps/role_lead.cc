#include "apps/role_lead.h"

#include "model/system.h"
#include "protocol/native/codec.h"
#include "protocol/native/registry.h"

namespace stoa::apps {

bool RoleLead::note(const native::MessageView& message) noexcept {
  using native::Wire;
  switch (message.type()) {
    case Wire<SwitchOrder>::kType: {
      const auto order = message.as<SwitchOrder>();
      if (order.role != role || order.epoch != epoch + 1) return false;
      order_epoch = order.epoch;
      hold_max_ms = order.hold_max_ms;
      at_once = order.at_once;
      to = order.to;
      return true;
    }
    case Wire<EpochClose>::kType: {
      const auto close = message.as<EpochClose>();
      if (close.role != role || close.epoch != epoch || closed != 0) return false;
      closed = 1;
      close_hash = close.hash;
      return true;
    }
    case Wire<EpochOpen>::kType: {
      const auto open = message.as<EpochOpen>();
      if (open.role != role || open.epoch <= epoch) return false;
      *this = {.epoch = open.epoch, .role = role, .holder = open.holder};
      return true;
    }
    default:
      return false;
  }
}

}  // namespace stoa::apps
