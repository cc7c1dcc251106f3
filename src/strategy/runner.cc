#include "strategy/runner.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <expected>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "base/ids.h"
#include "base/text.h"
#include "book/books.h"
#include "book/order_book.h"
#include "model/execution.h"
#include "model/instrument.h"
#include "model/market.h"
#include "model/order.h"
#include "model/risk.h"
#include "model/system.h"
#include "model/types.h"
#include "oms/strategy_port.h"
#include "protocol/native/codec.h"
#include "protocol/native/registry.h"
#include "strategy/nearest.h"
#include "strategy/parameter.h"
#include "strategy/registry.h"
#include "strategy/strategy.h"

namespace stoa::strategy {
namespace {

constexpr std::size_t kNameMax = 16;

bool is_name(std::string_view name) noexcept {
  constexpr std::string_view kLetters =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.:";
  return !name.empty() && name.size() <= kNameMax &&
         name.find_first_not_of(kLetters) == std::string_view::npos;
}

/// The multiple of `interval` behind `now`.
Timestamp next_multiple(Timestamp now, nanoseconds interval) noexcept {
  return Timestamp::from_ns((now.ns() / interval.count() + 1) * interval.count());
}

Result<Parameters> parameters_of(const StrategyType& type, const StrategyConfig& config) {
  Parameters parameters{type.parameters};
  for (const auto& [name, text] : config.parameters) {
    const auto value_e8 = parameters.parse(name, text);
    if (!value_e8) return std::unexpected(value_e8.error());
    if (const auto set = parameters.set(name, *value_e8); !set) return std::unexpected(set.error());
  }
  if (type.complaint != nullptr) {
    if (const auto complaint = type.complaint(parameters); !complaint.empty()) {
      return bad_input(std::string{complaint});
    }
  }
  return parameters;
}

}  // namespace

std::string_view to_string(RunState state) noexcept {
  static constexpr std::array<std::string_view, 3> kNames{"stopped", "running", "faulted"};
  return kNames[static_cast<std::size_t>(state)];
}

struct Runner::Market {
  Instrument facts{};  // instrument id 0: not known yet
  book::OrderBook* book = nullptr;
  FeedStatus feed = FeedStatus::Live;
  std::uint64_t last_seq = 0;
  std::vector<Seat*> seats;
};

struct Runner::Seat {
  Seat(StrategyConfig c, const StrategyType& t, const Parameters& parameters, oms::IntentSink& sink)
      : config{std::move(c)}, type{t}, context{config.id, parameters, sink} {}

  /// Only what the log calls running, and has not just thrown, is called.
  [[nodiscard]] bool active() const noexcept { return strategy != nullptr && !quarantined; }

  // Read on every market message.
  std::unique_ptr<Strategy> strategy;  // while live and running
  bool quarantined = false;            // it threw; its Fault is on the way to the log
  Market* market = nullptr;
  nanoseconds timer_interval{0};
  Timestamp timer_due;
  StrategyConfig config;
  StrategyType type;
  Context context;
  RunState state = RunState::Stopped;
  bool commanded = false;  // the log holds a Start, Stop or Fault
  std::optional<Timestamp> running_since;
  Text<120> error;
  // What the sink has not taken yet.
  bool start_pending = false;
  bool fault_pending = false;
  bool cancel_pending = false;
  CancelReason cancel_reason = CancelReason::StrategyStopped;
};

Runner::Runner(oms::IntentSink& sink) : sink_{&sink}, levels_(native::kLevelsPerMessage) {}
Runner::~Runner() = default;

// --- wiring

Result<std::unique_ptr<Runner>> Runner::create(const Registry& registry,
                                               std::span<const StrategyConfig> configs,
                                               std::span<const Instrument> instruments,
                                               oms::IntentSink& sink) {
  std::unique_ptr<Runner> runner{new Runner{sink}};
  for (const Instrument& instrument : instruments) runner->set_instrument(instrument);
  for (const StrategyConfig& config : configs) {
    if (auto added = runner->add(registry, config); !added) {
      added.error().source = "strategy " + config.name;
      return std::unexpected(std::move(added.error()));
    }
  }
  return runner;
}

Result<void> Runner::add(const Registry& registry, const StrategyConfig& config) {
  if (!is_name(config.name)) return bad_input("a name is 1 to 16 of letters, digits and _.:");
  if (config.id.value() == 0) return bad_input("id 0 is the API's; strategies count from 1");
  for (const auto& seat : seats_) {
    if (seat->config.name == config.name) return bad_input("there are two of this name");
    if (seat->config.id == config.id) {
      return bad_input("has the id of strategy " + seat->config.name);
    }
  }
  const auto type = registry.find(config.type);
  if (!type) return std::unexpected(type.error());
  const auto parameters = parameters_of(*type, config);
  if (!parameters) return std::unexpected(parameters.error());
  const auto known = markets_.find(config.instrument);
  if (known == markets_.end()) {
    return bad_input("there is no instrument " + std::to_string(config.instrument.value()));
  }

  seats_.push_back(std::make_unique<Seat>(config, *type, *parameters, *sink_));
  Seat& seat = *seats_.back();
  Market& at = known->second;
  at.seats.push_back(&seat);
  seat.market = &at;
  seat.context.book_ = at.book;
  seat.context.instrument_ = at.facts;
  return {};
}

Runner::Market& Runner::market(InstrumentId instrument) {
  Market& at = markets_[instrument];
  if (at.book == nullptr) at.book = &books_.add(instrument);
  return at;
}

void Runner::set_instrument(const Instrument& instrument) {
  if (instrument.tick <= Price{} || instrument.lot <= Qty{}) return;  // nothing to trade by
  Market& at = market(instrument.instrument);
  at.facts = instrument;
  for (Seat* seat : at.seats) seat->context.instrument_ = instrument;
}

Runner::Seat* Runner::find(StrategyId id) const noexcept {
  const auto at = std::ranges::find_if(seats_, [id](const auto& s) { return s->config.id == id; });
  return at == seats_.end() ? nullptr : at->get();
}

Result<const Runner::Seat*> Runner::find(std::string_view name) const {
  std::vector<std::string_view> names;
  for (const auto& seat : seats_) {
    if (seat->config.name == name) return seat.get();
    names.emplace_back(seat->config.name);
  }
  return std::unexpected(
      Error{.code = ErrorCode::NotFound,
            .message = "there is no strategy " + std::string{name} + suggestion(name, names),
            .source = {}});
}

// --- calls

template <class Call>
void Runner::call(Seat& seat, Timestamp now, Timestamp ts_trigger, std::uint64_t trigger_seq,
                  Call&& callback) {
  seat.context.begin_callback(now, ts_trigger, trigger_seq);
  if (!seat.active()) return;
  try {
    std::forward<Call>(callback)(*seat.strategy, seat.context);
  } catch (const std::exception& error) {
    fault(seat, error.what());
  } catch (...) {
    fault(seat, "threw something that is no std::exception");
  }
}

template <class Call>
void Runner::call(Seat& seat, Timestamp now, Call&& callback) {
  call(seat, now, now, seat.market->last_seq, std::forward<Call>(callback));
}

/// Called by the log; what follows once the engine is live is `resume`.
void Runner::start(Seat& seat, Timestamp now) {
  if (seat.state == RunState::Running) return;
  seat.state = RunState::Running;
  seat.running_since = now;
  seat.error = {};
  if (live_) resume(seat, now);
}

/// Builds the strategy anew and lets it begin.
void Runner::resume(Seat& seat, Timestamp now) {
  seat.strategy = seat.type.make();
  seat.quarantined = false;
  seat.context.closed_.reset();
  seat.context.feed_ = seat.market->feed;
  seat.timer_interval = seat.strategy->timer_interval();
  if (seat.timer_interval.count() > 0) seat.timer_due = next_multiple(now, seat.timer_interval);
  call(seat, now, [](Strategy& strategy, Context& context) { strategy.on_start(context); });
}

/// Ends a strategy because the log says so (state Stopped or Faulted).
void Runner::stop(Seat& seat, RunState state, Timestamp now) {
  seat.context.closed_ = PlaceError::Stopped;
  if (state == RunState::Stopped) {
    call(seat, now, [](Strategy& strategy, Context& context) { strategy.on_stop(context); });
  }
  seat.strategy.reset();
  seat.quarantined = false;
  seat.state = state;
  seat.running_since.reset();
  if (!live_) {
    seat.context.closed_ = PlaceError::NotLive;
    return;
  }
  // Also when none is known: an intent may be on its way to the log.
  seat.cancel_pending = true;
  hand_in(seat);
}

/// The strategy threw: nothing more of it is believed. The log learns of it, and answers with the
/// state.
void Runner::fault(Seat& seat, std::string_view why) {
  seat.quarantined = true;
  seat.context.closed_ = PlaceError::Stopped;
  seat.error = Text<120>::cut(why.empty() ? "no reason given" : why);
  seat.fault_pending = true;
  seat.cancel_pending = true;
  hand_in(seat);
}

/// Hands in what is owed to the log; true when something was taken.
bool Runner::hand_in(Seat& seat) {
  if (!seat.start_pending && !seat.fault_pending && !seat.cancel_pending) return false;
  StrategyCommand command{.strategy = seat.config.id, .name = Text<24>::cut(seat.config.name)};
  bool taken = false;
  if (seat.start_pending) {
    command.action = StrategyAction::Start;
    command.actor = Note::cut("configuration");
    command.reason = Text<120>::cut("enabled");
    if (sink_->submit(command)) {
      seat.start_pending = false;
      taken = true;
    }
  }
  if (seat.fault_pending) {
    command.action = StrategyAction::Fault;
    command.actor = Note::cut("runner");
    command.reason = seat.error;
    if (sink_->submit(command)) {
      seat.fault_pending = false;
      taken = true;
    }
  }
  if (seat.cancel_pending && seat.context.submit_cancel_all(CancelReason::StrategyStopped)) {
    seat.cancel_pending = false;
    taken = true;
  }
  return taken;
}

/// Orders of strategies that the configuration no longer has: nobody would ever cancel them.
bool Runner::hand_in_orphans() {
  if (!orphans_pending_) return false;
  std::vector<StrategyId> owners;
  owners.reserve(orphans_.size());
  for (const auto& [intent, strategy] : orphans_) owners.push_back(strategy);
  std::ranges::sort(owners);
  const auto repeated = std::ranges::unique(owners);
  owners.erase(repeated.begin(), repeated.end());
  orphans_pending_ = !std::ranges::all_of(owners, [this](StrategyId strategy) {
    return sink_->submit(CancelAllIntent{
        .strategy = strategy, .one_strategy = 1, .reason = CancelReason::StrategyStopped});
  });
  return !owners.empty();
}

void Runner::set_live(bool live, Timestamp now) {
  if (live == live_) return;
  live_ = live;
  for (const auto& seat : seats_) {
    seat->context.closed_ = PlaceError::NotLive;
    seat->strategy.reset();
    if (!live) continue;
    if (seat->state == RunState::Running) {
      resume(*seat, now);
      continue;
    }
    seat->context.begin_callback(now, now, seat->market->last_seq);
    seat->context.closed_ = PlaceError::Stopped;
    seat->start_pending = seat->config.enabled && !seat->commanded;
    seat->cancel_pending = !seat->context.working_.empty();
    hand_in(*seat);
  }
  orphans_pending_ = live && !orphans_.empty();
  if (live) hand_in_orphans();
}

std::size_t Runner::poll(Timestamp now) {
  if (!live_) return 0;
  std::size_t calls = hand_in_orphans() ? 1 : 0;
  for (const auto& seat : seats_) {
    if (hand_in(*seat)) ++calls;
    if (!seat->active() || seat->timer_interval.count() <= 0 || now < seat->timer_due) continue;
    seat->timer_due = next_multiple(now, seat->timer_interval);
    call(*seat, now, [](Strategy& strategy, Context& context) { strategy.on_timer(context); });
    ++calls;
  }
  return calls;
}

std::optional<Timestamp> Runner::next_due() const noexcept {
  std::optional<Timestamp> due;
  if (!live_) return due;
  for (const auto& seat : seats_) {
    if (!seat->active() || seat->timer_interval.count() <= 0) continue;
    if (!due || seat->timer_due < *due) due = seat->timer_due;
  }
  return due;
}

// --- the market

void Runner::on_market(const native::MessageView& message, std::uint64_t topic_seq) {
  if (message.is_book()) return on_book(message, topic_seq);
  if (message.is<Trade>()) return on_trade(message, topic_seq);
  if (message.is<FeedState>()) return on_feed(message, topic_seq);
}

void Runner::on_book(const native::MessageView& message, std::uint64_t topic_seq) {
  const BookView view = native::read_book(message, levels_);
  Market& at = market(view.head.instrument);
  at.last_seq = topic_seq;
  // Half of a message is no book to decide by; a message that does not fit makes the book void,
  // which must be told.
  if (at.book->apply(view) == book::Applied::Partial) return;
  const Timestamp now = message.header().timestamp;
  const BookEvent event{
      .ts_event = view.head.ts_event, .ts_recv = now, .seq = topic_seq, .snapshot = view.snapshot};
  for (Seat* seat : at.seats) {
    call(*seat, now, now, topic_seq,
         [&event](Strategy& strategy, Context& context) { strategy.on_book(event, context); });
  }
}

void Runner::on_trade(const native::MessageView& message, std::uint64_t topic_seq) {
  const Trade trade = message.as<Trade>();
  Market& at = market(trade.instrument);
  at.last_seq = topic_seq;
  const Timestamp now = message.header().timestamp;
  const TradeEvent event{.trade_id = trade.trade_id,
                         .px = trade.px,
                         .qty = trade.qty,
                         .taker_side = trade.taker_side,
                         .ts_event = trade.ts_event,
                         .ts_recv = now,
                         .seq = topic_seq};
  for (Seat* seat : at.seats) {
    call(*seat, now, now, topic_seq,
         [&event](Strategy& strategy, Context& context) { strategy.on_trade(event, context); });
  }
}

void Runner::on_feed(const native::MessageView& message, std::uint64_t topic_seq) {
  const FeedState state = message.as<FeedState>();
  const Timestamp now = message.header().timestamp;
  books_.apply(state);
  for (auto& [instrument, at] : markets_) {
    if (state.instrument != InstrumentId{} && state.instrument != instrument) continue;
    at.feed = state.status;
    at.last_seq = topic_seq;
    for (Seat* seat : at.seats) seat->context.feed_ = state.status;
  }
  // In the order of the configuration, which no hash table decides.
  for (const auto& seat : seats_) {
    if (state.instrument != InstrumentId{} && state.instrument != seat->config.instrument) continue;
    call(*seat, now, now, topic_seq,
         [&state](Strategy& strategy, Context& context) { strategy.on_feed(state, context); });
  }
}

// --- the execution log

void Runner::on_execution(Lsn lsn, const native::MessageView& message) {
  const Timestamp now = message.header().timestamp;
  const auto requested = [&](const auto& intent) {
    Seat* seat = find(intent.strategy);
    if (seat != nullptr) {
      seat->context.request_durable(intent.client_order_id, ClOrdId{lsn.value()});
    }
  };
  switch (message.type()) {
    case native::Wire<OrderUpdate>::kType:
      return apply(message.as<OrderUpdate>(), now);
    case native::Wire<Fill>::kType:
      return apply(message.as<Fill>(), now);
    case native::Wire<PositionUpdate>::kType:
      return apply(message.as<PositionUpdate>());
    case native::Wire<OrderIntent>::kType:
      return requested(message.as<OrderIntent>());
    case native::Wire<CancelIntent>::kType:
      return requested(message.as<CancelIntent>());
    case native::Wire<ReplaceIntent>::kType:
      return requested(message.as<ReplaceIntent>());
    case native::Wire<RiskDecision>::kType:
      for (const auto& seat : seats_) seat->context.decided(message.as<RiskDecision>());
      return;
    case native::Wire<StrategyCommand>::kType:
      return apply(message.as<StrategyCommand>(), now);
    case native::Wire<Instrument>::kType:
      return set_instrument(message.as<Instrument>());
    case native::Wire<RunStarted>::kType:
      for (const auto& seat : seats_) {
        seat->context.begin_run(seat->config.name, message.as<RunStarted>().run);
      }
      return;
    default:
      return;
  }
}

void Runner::restore_counters(StrategyId id, std::uint64_t orders, std::uint64_t fills,
                              std::uint64_t rejects) noexcept {
  Seat* seat = find(id);
  if (seat == nullptr) return;
  StrategyCounters& counters = seat->context.counters_;
  counters.orders = orders;
  counters.fills = fills;
  counters.rejects = rejects;
}

void Runner::apply(const OrderUpdate& update, Timestamp now) {
  if (update.strategy.value() == 0) return;
  Seat* seat = find(update.strategy);
  if (seat == nullptr) {
    if (is_terminal(update.status)) {
      orphans_.erase(update.intent);
    } else {
      orphans_.insert_or_assign(update.intent, update.strategy);
    }
    return;
  }
  seat->context.apply(update);
  call(*seat, now,
       [&update](Strategy& strategy, Context& context) { strategy.on_order(update, context); });
}

void Runner::apply(const Fill& fill, Timestamp now) {
  Seat* seat = find(fill.strategy);
  if (seat == nullptr) return;
  ++seat->context.counters_.fills;
  call(*seat, now,
       [&fill](Strategy& strategy, Context& context) { strategy.on_fill(fill, context); });
}

void Runner::apply(const PositionUpdate& update) {
  if (update.strategy_book == 0) return;
  Seat* seat = find(update.strategy);
  if (seat != nullptr && seat->config.instrument == update.instrument) seat->context.apply(update);
}

void Runner::apply(const StrategyCommand& command, Timestamp now) {
  Seat* seat = find(command.strategy);
  if (seat == nullptr) return;
  seat->commanded = seat->commanded || command.action != StrategyAction::SetParameter;
  switch (command.action) {
    case StrategyAction::Start:
      return start(*seat, now);
    case StrategyAction::Stop:
      return stop(*seat, RunState::Stopped, now);
    case StrategyAction::Fault:
      seat->error = command.reason;
      return stop(*seat, RunState::Faulted, now);
    case StrategyAction::SetParameter:
      break;
  }
  const std::string_view name = command.parameter.view();
  if (const auto set = seat->context.parameters_.set(name, command.value_e8); !set) {
    // Checked when it was asked for; a log of another build may still name what this one lacks.
    seat->context.explain("ignored a parameter of another build");
    return;
  }
  call(*seat, now, [](Strategy& strategy, Context& context) { strategy.on_parameters(context); });
}

// --- people

Result<std::vector<StrategyCommand>> Runner::parameter_commands(
    std::string_view strategy, std::span<const std::pair<std::string, std::string>> changes,
    std::string_view actor) const {
  const auto seat = find(strategy);
  if (!seat) return std::unexpected(seat.error());
  Parameters wanted = (*seat)->context.parameters_;
  std::vector<StrategyCommand> commands;
  for (const auto& [name, text] : changes) {
    const auto value_e8 = wanted.parse(name, text);
    if (!value_e8) return std::unexpected(value_e8.error());
    if (const auto set = wanted.set(name, *value_e8); !set) return std::unexpected(set.error());
    commands.push_back({.strategy = (*seat)->config.id,
                        .action = StrategyAction::SetParameter,
                        .value_e8 = *value_e8,
                        .name = Text<24>::cut(strategy),
                        .parameter = Text<24>::cut(name),
                        .actor = Note::cut(actor)});
  }
  if ((*seat)->type.complaint != nullptr) {
    if (const auto complaint = (*seat)->type.complaint(wanted); !complaint.empty()) {
      return bad_input(std::string{complaint});
    }
  }
  return commands;
}

Result<StrategyCommand> Runner::command(std::string_view strategy, StrategyAction action,
                                        std::string_view actor, std::string_view reason) const {
  const auto seat = find(strategy);
  if (!seat) return std::unexpected(seat.error());
  return StrategyCommand{.strategy = (*seat)->config.id,
                         .action = action,
                         .name = Text<24>::cut(strategy),
                         .actor = Note::cut(actor),
                         .reason = Text<120>::cut(reason)};
}

StrategyStatus Runner::status(std::size_t place) const {
  const Seat& seat = *seats_[place];
  const bool faulted = seat.quarantined || seat.state == RunState::Faulted;
  return {.id = seat.config.id,
          .name = seat.config.name,
          .type = seat.config.type,
          .instrument = seat.config.instrument,
          .state = faulted ? RunState::Faulted : seat.state,
          .running_since = faulted ? std::nullopt : seat.running_since,
          .counters = seat.context.counters_,
          .position = seat.context.position_,
          .working_orders = seat.context.working_,
          .last_decision = seat.context.last_decision_.view(),
          .error = faulted ? seat.error.view() : std::string_view{},
          .parameters = &seat.context.parameters_};
}

}  // namespace stoa::strategy
