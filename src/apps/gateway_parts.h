#pragma once

#include <string>
#include <vector>

#include "apps/build.h"
#include "apps/recovery.h"
#include "base/clock.h"
#include "book/books.h"
#include "bus/topic.h"
#include "gateway/gateway.h"
#include "gateway/market_publisher.h"
#include "model/instrument.h"
#include "ops/config.h"
#include "protocol/native/codec.h"
#include "strategy/runner.h"

// What stands on the engine's side of a gateway, in one process and in many.
namespace stoa::apps {

/// A reader that the publisher waits for; a new topic has room for it.
[[nodiscard]] bus::Subscription join(bus::Topic& topic);

/// What a gateway tells that does not change while it runs; its port is the configuration's.
[[nodiscard]] gateway::Options gateway_options(const ops::Config& config, const Build& build,
                                               const Recovered& recovered,
                                               const strategy::Runner& runner,
                                               std::vector<Instrument> instruments,
                                               std::string token, Timestamp started);

/// Hands a message of the market to the views of the gateway's clients; `books` have it already.
void show_market(gateway::MarketPublisher& views, const book::Books& books,
                 const native::MessageView& message);

}  // namespace stoa::apps
