#include "apps/gateway_parts.h"

#include <source_location>
#include <string>
#include <utility>
#include <vector>

#include "apps/build.h"
#include "apps/recovery.h"
#include "apps/strategies.h"
#include "base/check.h"
#include "base/clock.h"
#include "base/ids.h"
#include "book/books.h"
#include "book/order_book.h"
#include "bus/topic.h"
#include "gateway/gateway.h"
#include "gateway/market_publisher.h"
#include "model/instrument.h"
#include "model/market.h"
#include "ops/config.h"
#include "protocol/native/codec.h"
#include "strategy/runner.h"

namespace stoa::apps {

bus::Subscription join(bus::Topic& topic) {
  auto subscription = topic.subscribe(bus::Policy::MustHave);
  if (!subscription) {
    fail_check("a new topic takes its first reader", std::source_location::current());
  }
  return std::move(*subscription);
}

gateway::Options gateway_options(const ops::Config& config, const Build& build,
                                 const Recovered& recovered, const strategy::Runner& runner,
                                 std::vector<Instrument> instruments, std::string token,
                                 Timestamp started) {
  gateway::Options options;
  options.host = config.gateway.host;
  options.port = config.gateway.port;
  options.token = std::move(token);
  options.instruments = std::move(instruments);
  options.strategies = strategy_infos(runner, options.instruments);
  count_before(recovered, options);
  options.environment = config.environment;
  options.market_source = std::string{to_string(config.market.source)};
  options.version = build.version;
  options.commit = build.commit;
  options.sync = std::string{to_string(config.wal.sync)};
  options.seed = config.market.seed;
  options.started = started;
  options.journal_dir = config.wal.dir;
  return options;
}

void show_market(gateway::MarketPublisher& views, const book::Books& books,
                 const native::MessageView& message) {
  const Timestamp ts_recv = message.header().timestamp;
  if (message.is<Trade>()) {
    views.on_trade(message.as<Trade>(), ts_recv);
  } else if (message.is_book()) {
    const InstrumentId instrument = message.as<BookUpdate>().instrument;
    if (const book::OrderBook* book = books.find(instrument)) {
      views.on_book(instrument, *book, ts_recv);
    }
  } else if (message.is<FeedState>()) {
    views.on_feed_state(message.as<FeedState>(), ts_recv);
  } else if (message.is<Quote>()) {
    views.on_quote(message.as<Quote>(), ts_recv);
  }
}

}  // namespace stoa::apps
