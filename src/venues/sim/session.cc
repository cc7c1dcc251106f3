#include "venues/sim/session.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <type_traits>
#include <variant>
#include <vector>

#include "base/check.h"
#include "base/clock.h"
#include "base/ids.h"
#include "model/execution.h"
#include "model/order.h"
#include "model/types.h"
#include "oms/venue_port.h"
#include "venues/sim/account.h"
#include "venues/sim/agents.h"
#include "venues/sim/market.h"
#include "venues/sim/symbols.h"

namespace stoa::venues::sim {

SimVenue::SimVenue(const Options& options)
    : order_latency_{options.order_latency},
      jitter_max_{options.jitter_max},
      agents_{options.agents},
      random_{options.seed},
      ids_{options.start},
      requests_{options.requests_max},
      now_{options.start},
      last_arrival_{options.start} {
  check(options.reports_max >= kReportsPerEvent, "one event's reports must fit");
  for (const SimInstrument& instrument : options.instruments) add_instrument(instrument, options);
  std::vector<Market*> markets;
  markets.reserve(markets_.size());
  for (const auto& market : markets_) markets.push_back(market.get());
  account_ = std::make_unique<Account>(Account::Options{.orders_max = options.orders_max,
                                                        .reports_max = options.reports_max,
                                                        .event_reports_max = kReportsPerEvent,
                                                        .open_orders_max = kOurOrdersPerBook,
                                                        .report_latency = options.report_latency,
                                                        .jitter_max = options.jitter_max,
                                                        .seed = random_.next()},
                                       markets);
}

void SimVenue::add_instrument(const SimInstrument& instrument, const Options& options) {
  instruments_.push_back(instrument.rules);
  markets_.push_back(
      std::make_unique<Market>(instrument.rules, kOrdersPerBook, options.self_trade, ids_));
  // Seeded by the instrument, not by its place in the list: adding one changes no other's market.
  Random seeds{options.seed ^ (std::uint64_t{instrument.rules.instrument.value()} << 32)};
  Population& population = populations_.emplace_back(instrument, *markets_.back(), seeds.next());
  if (!agents_) return;
  population.fill_book();
  for (std::size_t agent = 0; agent < Population::kAgents; ++agent) {
    const auto who = static_cast<Population::Agent>(agent);
    schedule(markets_.size() - 1, who, options.start + population.pause(who), true);
  }
}

void SimVenue::schedule(std::size_t market, Population::Agent agent, Timestamp due, bool again) {
  schedule_.push_back({.due = due,
                       .order = ++wakes_count_,
                       .market = static_cast<std::uint16_t>(market),
                       .agent = agent,
                       .again = again});
  std::ranges::push_heap(schedule_, std::greater{});
}

std::size_t SimVenue::poll(Timestamp now, oms::MarketSink& sink, std::size_t limit) {
  std::size_t events_count = 0;
  if (!announced_) {
    if (now < now_) return 0;
    announce(now, sink);
    events_count = markets_.size();
  }
  while (events_count < limit && account_->room_for_event()) {
    const std::optional<Timestamp> due = next_due();
    if (!due || *due > now) break;
    // A request that arrives with an agent's action goes first.
    if (!requests_.empty() && requests_.front().due == *due) {
      serve_next(now, sink);
    } else {
      wake_next(now, sink);
    }
    ++events_count;
  }
  return events_count;
}

std::optional<Timestamp> SimVenue::next_due() const noexcept {
  if (!announced_) return now_;
  std::optional<Timestamp> due;
  if (!schedule_.empty()) due = schedule_.front().due;
  if (!requests_.empty() && (!due || requests_.front().due <= *due)) due = requests_.front().due;
  return due;
}

void SimVenue::announce(Timestamp now, oms::MarketSink& sink) {
  announced_ = true;
  for (const auto& market : markets_) {
    sink.on_feed_state({.instrument = market->rules().instrument, .status = FeedStatus::Live}, now);
    market->publish_snapshot(now_, now, sink);
  }
}

void SimVenue::wake_next(Timestamp now, oms::MarketSink& sink) {
  std::ranges::pop_heap(schedule_, std::greater{});
  const Wake wake = schedule_.back();
  schedule_.pop_back();
  now_ = wake.due;
  Population& population = populations_[wake.market];
  population.act(wake.agent, now_);
  for (const auto& [agent, delay] : population.visits()) {
    schedule(wake.market, agent, now_ + delay, false);
  }
  if (wake.again) schedule(wake.market, wake.agent, now_ + population.pause(wake.agent), true);
  finish(wake.market, now, sink);
}

void SimVenue::serve_next(Timestamp now, oms::MarketSink& sink) {
  const Request request = requests_.front();
  requests_.pop();
  now_ = request.due;
  std::visit(
      [&]<class Message>(const Message& message) {
        if constexpr (std::is_same_v<Message, Restore>) {
          account_->restore(message.order, message.cum_qty, now_);
        } else {
          account_->apply(message, now_);
        }
      },
      request.what);
  // At most one market has something to tell; the others have nothing.
  for (std::size_t market = 0; market < markets_.size(); ++market) finish(market, now, sink);
}

void SimVenue::finish(std::size_t market, Timestamp now, oms::MarketSink& sink) {
  account_->collect(*markets_[market], now_);
  populations_[market].observe();
  markets_[market]->publish(now_, now, sink);
}

template <class Message>
void SimVenue::enqueue(const Message& message, Timestamp now) {
  last_arrival_ = std::max({last_arrival_, now_, now + order_latency_ + jitter()});
  requests_.push({.due = last_arrival_, .what = message});
}

void SimVenue::send(const OrderSend& order, Timestamp now) {
  if (requests_.full()) return account_->refuse(order, RejectCode::OrderRate, now);
  enqueue(order, now);
}

void SimVenue::cancel(const CancelSend& cancel, Timestamp now) {
  if (requests_.full()) return account_->refuse(cancel, RejectCode::OrderRate, now);
  enqueue(cancel, now);
}

void SimVenue::replace(const ReplaceSend& replace, Timestamp now) {
  if (requests_.full()) return account_->refuse(replace, RejectCode::OrderRate, now);
  enqueue(replace, now);
}

void SimVenue::query(const OrderQuery& query, Timestamp now) {
  if (!requests_.full()) enqueue(query, now);  // else: no answer, like a request lost on the way
}

void SimVenue::restore(const OrderUpdate& order) {
  if (is_terminal(order.status) || order.type != OrderType::Limit) return;
  check(!requests_.full(), "no more orders are restored than requests_max");
  const OrderSend send{.cl_ord_id = order.cl_ord_id,
                       .instrument = order.instrument,
                       .side = order.side,
                       .type = order.type,
                       .time_in_force = order.time_in_force,
                       .px = order.px,
                       .qty = order.order_qty};
  requests_.push({.due = last_arrival_, .what = Restore{.order = send, .cum_qty = order.cum_qty}});
}

std::size_t SimVenue::poll_reports(Timestamp now, std::span<ExecutionReport> out) {
  return account_->take_reports(now, out);
}

std::optional<Timestamp> SimVenue::next_report_due() const noexcept {
  return account_->next_report_due();
}

nanoseconds SimVenue::jitter() noexcept {
  return nanoseconds{random_.between(0, jitter_max_.count())};
}

}  // namespace stoa::venues::sim
