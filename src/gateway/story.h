#pragma once

#include "gateway/http_message.h"
#include "gateway/order_board.h"

namespace stoa::gateway {

struct App;

/// The order with every record of the log about it, read from the journal: what was asked, each
/// check with its headroom, what was sent, what the venue said, and the time between.
///
/// errors  log_failed when the journal cannot be read
/// cost    a few disk reads; the gateway waits for them
[[nodiscard]] Response order_with_story(App& app, const OrderRecord& order);

}  // namespace stoa::gateway
