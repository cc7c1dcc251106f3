#pragma once

#include <cstddef>

#include "model/execution.h"
#include "model/order.h"
#include "model/risk.h"
#include "ops/engine_status.h"
#include "protocol/native/codec.h"

namespace stoa::oms {

/// What people see counted of the core's outputs: orders sent, fills, refusals by their code.
inline void count_output(ops::EngineStatus& status, const native::MessageView& output) {
  if (output.is<OrderSend>()) status.orders.add();
  if (output.is<Fill>()) status.fills.add();
  if (output.is<RiskDecision>()) {
    const auto decision = output.as<RiskDecision>();
    if (decision.accepted == 0) status.rejects[static_cast<std::size_t>(decision.code)].add();
  }
}

}  // namespace stoa::oms
