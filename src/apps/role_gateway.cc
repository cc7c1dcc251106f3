#include <fmt/core.h>

#include <algorithm>
#include <bit>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "apps/build.h"
#include "apps/gateway_parts.h"
#include "apps/heartbeat.h"
#include "apps/holder.h"
#include "apps/leadership.h"
#include "apps/log_facts.h"
#include "apps/log_follower.h"
#include "apps/market_follower.h"
#include "apps/recovery.h"
#include "apps/role.h"
#include "apps/roles.h"
#include "apps/standing.h"
#include "apps/strategies.h"
#include "apps/token.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/fail_point.h"
#include "base/ids.h"
#include "base/log.h"
#include "book/books.h"
#include "bus/topic.h"
#include "bus/wake.h"
#include "deploy/layout.h"
#include "gateway/gateway.h"
#include "gateway/hold_watch.h"
#include "gateway/market_publisher.h"
#include "model/instrument.h"
#include "model/market.h"
#include "model/order.h"
#include "model/risk.h"
#include "model/system.h"
#include "model/types.h"
#include "oms/count_output.h"
#include "oms/strategy_port.h"
#include "ops/config.h"
#include "ops/engine_status.h"
#include "ops/role_status.h"
#include "protocol/native/codec.h"
#include "protocol/native/registry.h"
#include "relay/filter.h"
#include "relay/publisher.h"
#include "relay/source.h"

// `stoa run gateway`: the door for people and programs over the relays. The gateway itself is the
// engine's: this stands where the engine does, on the other side of its rings.
namespace stoa::apps {
namespace {

constexpr std::size_t kExecutionTopicBytes = 64U << 20U;
constexpr std::size_t kViewsTopicBytes = 8U << 20U;
constexpr std::size_t kCommandsTopicBytes = 1U << 20U;
/// One that follows brings the public port to one that starts within a second.
constexpr nanoseconds kListenerWait = std::chrono::seconds{3};
constexpr nanoseconds kTellEvery = std::chrono::milliseconds{20};

/// Strategies run elsewhere: this runner only says what they are.
class Nobody final : public oms::IntentSink {
 public:
  bool submit(const OrderIntent& /*intent*/) override { return false; }
  bool submit(const CancelIntent& /*intent*/) override { return false; }
  bool submit(const ReplaceIntent& /*intent*/) override { return false; }
  bool submit(const CancelAllIntent& /*intent*/) override { return false; }
  bool submit(const StrategyCommand& /*command*/) override { return false; }
};

class GatewayRole final : public Role {
 public:
  static Result<std::unique_ptr<Role>> make(const RoleParts& parts) {
    const deploy::Layout layout{parts.config->data.dir};
    auto token = load_or_make_token(parts.config->data.dir / "token");
    if (!token) return std::unexpected(std::move(token.error()));
    auto holders = load_tokens(parts.config->data.dir / "tokens");
    if (!holders) return std::unexpected(std::move(holders.error()));
    auto log = LogFollower::open({.socket = layout.relay("execution"),
                                  .name = parts.name,
                                  .history = parts.config->wal.history});
    if (!log) return std::unexpected(std::move(log.error()));
    auto market = MarketFollower::open({.socket = layout.relay("market"), .name = parts.name});
    if (!market) return std::unexpected(std::move(market.error()));
    // Made before it is needed: its memory takes longer to come than a switch may take.
    auto commands = relay::Publisher::open({.socket = layout.relay("execution"),
                                            .domain = native::Domain::Execution,
                                            .source = relay::Source::Gateway,
                                            .name = parts.name});
    if (!commands) return std::unexpected(std::move(commands.error()));
    std::unique_ptr<GatewayRole> role{new GatewayRole{parts, std::move(*token), std::move(*log),
                                                      std::move(*market), std::move(*commands)}};
    role->holders_ = std::move(*holders);
    for (auto* wake : {&own_wake(*role), &gateway_wake(*role)}) {
      auto made = bus::Wake::create();
      if (!made) return std::unexpected(std::move(made.error()));
      *wake = std::make_unique<bus::Wake>(std::move(*made));
    }
    return role;
  }
  ~GatewayRole() override {
    if (gateway_) gateway_->stop();
  }

  std::size_t poll(Timestamp now) override {
    const nanoseconds monotonic = clock_.monotonic();
    std::size_t work = log_->poll(
        monotonic, [this](Lsn lsn, const native::MessageView& message) { on_log(lsn, message); });
    if (!recovered_ && log_->recovered() && log_->failed() == nullptr) {
      recovered_ = std::make_unique<Recovered>(log_->take_recovered());
      facts_ = recovered_->state.facts;
      place_.begin(facts_.leads[static_cast<std::size_t>(SwitchRole::Gateway)], beside_);
    }
    if (recovered_ && !gateway_ && !failed_) work += open_gateway();
    if (gateway_) {
      work += market_->poll(
          monotonic, now,
          [this](const native::MessageView& message, std::uint64_t) { on_market(message); });
      work += send_commands();
      if (publisher_views_->poll(monotonic) > 0) published_ = true;
      work += switch_over(monotonic, now);
      show_standing(now, monotonic);
      if (std::exchange(published_, false)) gateway_wake_->notify();
    }
    if (owns_) work += publisher_.poll(monotonic);
    tell_place(monotonic);
    wake_->cancel();
    wake_->prepare();
    // A command that came before `prepare` rang nobody.
    const bool more = commands_reader_.lag() > 0 || log_->has_more() || market_->has_more();
    return work + (gateway_ && more ? 1U : 0U);
  }

  void watch(Waiting& waiting) const override {
    waiting.add(wake_->fd());
    log_->watch(waiting);
    market_->watch(waiting);
    if (owns_) {
      waiting.add(publisher_.fd(), publisher_.events());
      waiting.add_due(publisher_.next_due());
    }
    // Market views go out every 50 ms, and its clients are told within half a second who is away.
    waiting.add_due(clock_.monotonic() + std::chrono::milliseconds{20});
  }

  [[nodiscard]] Standing standing() const override {
    if (!recovered_) return {.state = ops::RoleState::Recovering, .reason = log_->progress()};
    if (!gateway_) return waits("for execution to say what is traded");
    if (!log_->connected()) return waits("for the execution relay");
    if (!gateway_->place().listener) return waits("for the listening socket");
    if (!market_->connected()) return waits("for the market relay");
    if (!place_.leads()) return {.state = ops::RoleState::Ready, .reason = "follows"};
    if (!publisher_.connected()) return waits("for the execution relay");
    if (!execution_.ready(clock_.monotonic())) return waits("for execution");
    return {.state = ops::RoleState::Ready};
  }
  void drain() override {
    draining_ = true;
    status_->ready.set(0);
    status_->door.store({.mode = ops::OrderDoor::Mode::Closed});
  }
  [[nodiscard]] bool drained() const override { return draining_ && publisher_.unacked() == 0; }
  void close() override {
    if (gateway_) gateway_->stop();
  }
  [[nodiscard]] std::optional<bool> leads() const override { return leads_now(); }
  [[nodiscard]] std::uint16_t own_port() const override {
    if (!gateway_) return 0;
    return leads_now() ? gateway_->port() : gateway_->own_port();
  }
  [[nodiscard]] const Error* failed() const override {
    if (failed_) return &*failed_;
    // Before it has read the log there is nothing that it could follow with.
    if (!gateway_ && publisher_.superseded()) return publisher_.refusal();
    return log_->failed();
  }

 private:
  GatewayRole(const RoleParts& parts, std::string token, std::unique_ptr<LogFollower> log,
              std::unique_ptr<MarketFollower> market, relay::Publisher publisher)
      : config_{*parts.config},
        clock_{*parts.clock},
        layout_{parts.config->data.dir},
        name_{parts.name},
        beside_{parts.beside},
        holder_{SwitchRole::Gateway, parts.colour, parts.release},
        place_{SwitchRole::Gateway, parts.colour},
        port_{parts.port},
        role_status_{*parts.status},
        build_{.version = parts.version, .commit = parts.commit},
        token_{std::move(token)},
        started_{clock_.now()},
        log_{std::move(log)},
        market_{std::move(market)},
        publisher_{std::move(publisher)},
        owns_{!parts.beside},
        execution_topic_{{.capacity_bytes = kExecutionTopicBytes}},
        execution_publication_{execution_topic_.publication()},
        execution_reader_{join(execution_topic_)},
        views_{{.capacity_bytes = kViewsTopicBytes}},
        views_publication_{views_.publication()},
        views_reader_{join(views_)},
        commands_{{.capacity_bytes = kCommandsTopicBytes}},
        commands_publication_{commands_.publication()},
        commands_reader_{join(commands_)},
        hold_{std::chrono::milliseconds{config_.gateway.hold_max_ms}} {}

  static std::unique_ptr<bus::Wake>& own_wake(GatewayRole& role) { return role.wake_; }
  static std::unique_ptr<bus::Wake>& gateway_wake(GatewayRole& role) { return role.gateway_wake_; }
  void on_log(Lsn lsn, const native::MessageView& message) {
    if (lsn == Lsn{}) {
      if (message.is<Heartbeat>()) {
        const auto beat = message.as<Heartbeat>();
        if (beat.source == static_cast<std::uint8_t>(relay::Source::Core)) newest_ = beat.lsn;
        return execution_.hear(message, clock_.monotonic());
      }
      // The gate's answer to a question of ours.
      if (gateway_ && message.is<RiskDecision>()) show(lsn, message);
      return;
    }
    facts_.note(message);
    place_.note(message);
    if (!gateway_) {
      recovered_->past.add(lsn, message.bytes());
      return;
    }
    note(message);
    show(lsn, message);
    status_->head_lsn.set(static_cast<std::int64_t>(lsn.value()));
    status_->durable_lsn.set(static_cast<std::int64_t>(lsn.value()));
  }
  void note(const native::MessageView& message) {
    if (!message.is_output()) status_->inputs.add();
    oms::count_output(*status_, message);
    if (message.is<AccountUpdate>()) {
      const auto account = message.as<AccountUpdate>();
      status_->open_orders.set(static_cast<std::int64_t>(account.open_orders));
      status_->kill_active.set(account.kill_active);
    }
    if (message.is<StateDigest>()) {
      status_->state_hash.set(std::bit_cast<std::int64_t>(message.as<StateDigest>().hash));
    }
  }

  /// Onto the ring that the gateway's thread reads; waits for room: its lists miss no record.
  void show(Lsn lsn, const native::MessageView& message) {
    const std::uint64_t value = lsn.value();
    const auto head = std::as_bytes(std::span{&value, 1});
    while (execution_publication_.try_publish(head, message.bytes()) != bus::PublishResult::Ok) {
      gateway_wake_->notify();
      std::this_thread::yield();
    }
    published_ = true;
  }

  std::size_t open_gateway() {
    if (owns_ ? !publisher_.ready() : !beside_) return 0;
    if (!execution_.there(clock_.monotonic())) return 0;
    instruments_ = instruments_of(recovered_->past);
    if (instruments_.empty()) return 0;
    auto runner = make_strategies(config_, facts_.strategies, instruments_, nobody_);
    if (!runner) return fail(std::move(runner.error()));
    publisher_views_ = std::make_unique<gateway::MarketPublisher>(views_publication_, instruments_);

    auto options =
        gateway_options(config_, build_, *recovered_, **runner, instruments_, token_, started_);
    options.port = port_;
    options.service = role_status_.identity().service;
    options.instance = role_status_.identity().instance;
    options.colour = role_status_.identity().colour;
    options.next = layout_.gateway_next();
    options.hub = layout_.hub();
    options.owner = own_name();
    options.holders = holders_;
    options.follows = beside_;

    gateway::Link link;
    link.commands = &commands_publication_;
    link.execution = &execution_reader_;
    link.views = &views_reader_;
    link.engine_wake = wake_.get();
    link.gateway_wake = gateway_wake_.get();
    link.status = status_.get();
    link.clock = &clock_;
    link.role = &role_status_;
    link.role_requests = static_cast<std::uint32_t>(ops::RoleRequest::Drain);
    link.wake_role = [wake = wake_.get()] { wake->notify(); };
    link.next_sequence = publisher_.next_sequence();
    auto gateway = gateway::Gateway::start(std::move(options), link);
    if (!gateway) return fail(std::move(gateway.error()));
    gateway_ = std::move(*gateway);
    opened_ = clock_.monotonic();
    following_ = beside_;
    deciding_ = place_.mode() == Leadership::Mode::Leading;
    show_past(*recovered_, [this](Lsn lsn, const native::MessageView& message) {
      show(lsn, message);
      if (lsn != Lsn{}) status_->head_lsn.set(static_cast<std::int64_t>(lsn.value()));
    });
    recovered_->past = RecentPast{};  // shown: its memory is of no more use
    log::info("gateway_open", {{"port", gateway_->port()}, {"instruments", instruments_.size()}});
    return 1;
  }

  void on_market(const native::MessageView& message) {
    if (message.is_book()) books_.apply(native::read_book(message, levels_));
    if (message.is<FeedState>()) books_.apply(message.as<FeedState>());
    show_market(*publisher_views_, books_, message);
    note_feed(message);
  }
  void note_feed(const native::MessageView& message) {
    status_->market_messages.add();
    const InstrumentId instrument{relay::instrument_of(message)};  // 0: all of them
    for (std::size_t i = 0; i < std::min(instruments_.size(), status_->feeds.size()); ++i) {
      if (instrument != InstrumentId{} && instruments_[i].instrument != instrument) continue;
      auto& cell = status_->feeds[i];
      cell.messages.add();
      cell.last_message_ns.set(message.header().timestamp.ns());
      if (!message.is<FeedState>()) continue;
      const auto state = message.as<FeedState>();
      cell.state.set(static_cast<std::int64_t>(state.status));
      if (state.reason == FeedReason::Gap) cell.gaps.add();
    }
  }

  /// What people ask for, to the relay; what it has no room for stays in the ring.
  std::size_t send_commands() {
    if (!deciding_) {
      // Another has taken the source: who sent these is told that nobody knows.
      return commands_reader_.poll([](const bus::Message&) { return true; });
    }
    return commands_reader_.poll([this](const bus::Message& message) {
      const auto view = native::MessageView::trusted(message.payload);
      const bool question = (view.header().flags & native::kFlagProbe) != 0;
      // A question that cannot go now is answered by its time-out.
      if (question) {
        static_cast<void>(publisher_.transient_encoded(message.payload));
        return true;
      }
      return publisher_.publish_encoded(message.payload) == relay::Publish::Ok;
    });
  }

  void show_standing(Timestamp now, nanoseconds monotonic) {
    const bool relay = log_->connected() && (!deciding_ || publisher_.connected());
    const bool execution = execution_.ready(monotonic);
    status_->ready.set(!draining_ && deciding_ && relay && execution ? 1 : 0);
    ops::OrderDoor door = hold_.look(
        monotonic,
        {.relay = relay, .execution = execution, .execution_heard = execution_.heard_ready()});
    if (draining_ || !deciding_) door = {.mode = ops::OrderDoor::Mode::Closed};
    if (door != door_) {
      door_ = door;
      status_->door.store(door);
      published_ = true;  // who is held hears of it at once
    }
    status_->now_ns.set(now.ns());
    status_->heartbeat_ns.set(monotonic.count());
    status_->loops.add();
  }

  // --- who leads (decision 0014)

  [[nodiscard]] bool leads_now() const {
    return recovered_ ? place_.mode() != Leadership::Mode::Following : !beside_;
  }

  /// What the log and the relay say of who leads is followed, and the sockets with it.
  std::size_t switch_over(nanoseconds monotonic, Timestamp now) {
    using Mode = Leadership::Mode;
    std::size_t work = 0;
    for (int i = 0; i < 4 && !failed_; ++i, ++work) {
      const auto action = place_.next(monotonic, signs());
      if (action == Leadership::Action::None) break;
      log::info("switch", {{"does", to_string(action)},
                           {"epoch", place_.log().epoch},
                           {"lsn", log_->head().value()}});
      act(action, now, monotonic);
    }
    const Mode mode = place_.mode();
    // The number of what it says itself must be no command's.
    const bool aside = mode == Mode::Closing || opens_;
    if (deciding_ && aside && !std::exchange(paused_, true)) gateway_->pause();
    if (opens_ && (!deciding_ || settled())) {
      opens_ = false;
      append(holder_.open(place_, log_->head()), now, monotonic);
      ++work;
    }
    if (deciding_ && mode == Mode::Leading && !opens_ && std::exchange(paused_, false)) {
      gateway_->lead(publisher_.next_sequence());
    }
    if (mode == Mode::Following && !deciding_ && !std::exchange(following_, true)) {
      gateway_->follow();
      fail_point("after_follow");
    }
    if (!gateway_->place().listener && !beside_ && monotonic - opened_ > kListenerWait) {
      fail({.code = ErrorCode::Unavailable,
            .message = fmt::format("port {} is taken; stop what listens there, or use --port 0 for "
                                   "any free one",
                                   port_),
            .source = config_.gateway.host});
    }
    return work;
  }

  /// Nothing of a command is on its way: not at the sockets, not to the relay.
  [[nodiscard]] bool settled() const {
    return paused_ && gateway_->place().quiet && commands_reader_.lag() == 0;
  }
  [[nodiscard]] Leadership::Signs signs() const {
    return {.taken = owns_ && publisher_.ready() &&
                     log_->head().value() >= publisher_.acked_lsn().value(),
            .superseded = owns_ && publisher_.superseded(),
            // Nobody is refused: who is to lead has the listening socket before this one lets go.
            .drained =
                deciding_ && settled() && publisher_.unacked() == 0 && gateway_->place().neighbour,
            .up_to_date = log_->connected() && !log_->has_more()};
  }

  void act(Leadership::Action action, Timestamp now, nanoseconds monotonic) {
    using Action = Leadership::Action;
    switch (action) {
      case Action::Take:
        fail_point("before_open");
        publisher_.renew();
        owns_ = true;
        publisher_.poll(monotonic);
        return;
      case Action::Open:
        fail_point("after_hello");
        opens_ = true;
        return;
      case Action::Lead:
        fail_point("after_open");
        deciding_ = true;
        paused_ = false;
        following_ = false;
        show_standing(now, monotonic);  // the door is open before anybody comes
        gateway_->lead(publisher_.next_sequence());
        fail_point("after_lead");
        return;
      case Action::Close:
        fail_point("before_close");
        append(holder_.close(place_, publisher_.acked_lsn()), now, monotonic);
        return;
      case Action::Drop:
        deciding_ = false;
        opens_ = false;
        owns_ = false;
        publisher_.renew();
        return;
      case Action::Resume:
      case Action::None:
        return;
    }
  }
  template <class M>
  void append(const M& message, Timestamp now, nanoseconds monotonic) {
    if (publisher_.publish(message, now) != relay::Publish::Ok) {
      fail({.code = ErrorCode::Unavailable,
            .message = "the execution relay takes no word on who leads",
            .source = "execution relay"});
      return;
    }
    publisher_.poll(monotonic);
  }

  void tell_place(nanoseconds monotonic) {
    if (place_.mode() == told_mode_ && monotonic < tell_due_) return;
    told_mode_ = place_.mode();
    tell_due_ = monotonic + kTellEvery;
    ops::SwitchView view = holder_.view(place_);
    if (!recovered_) view.mode = beside_ ? ops::SwitchMode::Following : ops::SwitchMode::Leading;
    view.lsn = log_->head().value();
    view.lag_records = newest_ > log_->head() ? newest_.value() - view.lsn : 0;
    role_status_.set_place(view);
  }

  std::size_t fail(Error error) {
    failed_ = std::move(error);
    return 1;
  }

  const ops::Config& config_;
  const Clock& clock_;
  deploy::Layout layout_;
  std::string name_;
  bool beside_;
  Holder holder_;
  Leadership place_;
  bool deciding_ = false;   // commands go to the relay from here
  bool paused_ = false;     // … but the sockets were told to begin none
  bool following_ = false;  // the sockets were told that another leads
  bool opens_ = false;      // an EpochOpen waits to be handed in
  nanoseconds opened_{};
  Lsn newest_{};  // that execution has read
  Leadership::Mode told_mode_ = Leadership::Mode::Following;
  nanoseconds tell_due_{};
  std::uint16_t port_;
  ops::RoleStatus& role_status_;  // how this process stands, which the gateway answers probes with
  Build build_;
  std::string token_;
  std::vector<gateway::TokenHolder> holders_;
  Timestamp started_;
  std::unique_ptr<LogFollower> log_;
  std::unique_ptr<MarketFollower> market_;
  relay::Publisher publisher_;
  bool owns_;  // the source is ours: it speaks
  std::unique_ptr<Recovered> recovered_;
  LogFacts facts_;
  Pulse execution_{relay::Source::Core};
  Nobody nobody_;

  bus::Topic execution_topic_;
  bus::Publication execution_publication_;
  bus::Subscription execution_reader_;
  bus::Topic views_;
  bus::Publication views_publication_;
  bus::Subscription views_reader_;
  bus::Topic commands_;
  bus::Publication commands_publication_;
  bus::Subscription commands_reader_;
  std::unique_ptr<bus::Wake> wake_;
  std::unique_ptr<bus::Wake> gateway_wake_;
  bool published_ = false;

  std::vector<Instrument> instruments_;
  book::Books books_;
  std::vector<Level> levels_ = std::vector<Level>(native::kLevelsPerMessage);
  std::unique_ptr<ops::EngineStatus> status_ = std::make_unique<ops::EngineStatus>();
  std::unique_ptr<gateway::MarketPublisher> publisher_views_;
  gateway::HoldWatch hold_;
  ops::OrderDoor door_;  // as the gateway's thread was told
  bool draining_ = false;
  std::optional<Error> failed_;
  std::unique_ptr<gateway::Gateway> gateway_;  // last: its thread reads what is above
};

}  // namespace

Result<std::unique_ptr<Role>> make_gateway(const RoleParts& parts) {
  return GatewayRole::make(parts);
}

}  // namespace stoa::apps
