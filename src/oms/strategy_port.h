#pragma once

#include "model/order.h"
#include "model/system.h"

namespace stoa::oms {

/// Where strategies hand in what they want. Engine thread; the intent is only queued here: it
/// counts once it is durable. Each call answers false when the execution inbox is full; the
/// strategy then has asked for nothing.
class IntentSink {
 public:
  virtual ~IntentSink() = default;
  [[nodiscard]] virtual bool submit(const OrderIntent& intent) = 0;
  [[nodiscard]] virtual bool submit(const CancelIntent& intent) = 0;
  [[nodiscard]] virtual bool submit(const ReplaceIntent& intent) = 0;
  [[nodiscard]] virtual bool submit(const CancelAllIntent& intent) = 0;
  [[nodiscard]] virtual bool submit(const StrategyCommand& command) = 0;
};

}  // namespace stoa::oms
