#pragma once

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/fd.h"
#include "base/ids.h"
#include "base/price.h"
#include "base/qty.h"
#include "base/text.h"
#include "bus/topic.h"
#include "bus/wake.h"
#include "gateway/gateway.h"
#include "gateway/json_body.h"
#include "journal/writer.h"
#include "model/execution.h"
#include "model/instrument.h"
#include "model/order.h"
#include "model/risk.h"
#include "model/types.h"
#include "ops/checkpoint_desk.h"
#include "ops/engine_status.h"
#include "ops/role_status.h"
#include "protocol/native/codec.h"
#include "protocol/native/registry.h"
#include "relay/source.h"

// A scripted engine and blocking clients for the gateway's tests. The engine is played by the
// test's own thread: it takes the commands that the gateway sent and publishes what a core would.
namespace stoa::gateway::test {

inline constexpr std::int64_t kOne = 100'000'000;
inline constexpr std::string_view kToken = "secret-token";
inline constexpr std::int64_t kStartNs = 1'723'161'255'000'000'000;

inline Price px(std::string_view text) { return Price::parse(text).value(); }
inline Qty qty(std::string_view text) { return Qty::parse(text).value(); }

inline Instrument btc() {
  return Instrument{.instrument = InstrumentId{1},
                    .symbol = Symbol::cut("BTCUSDT"),
                    .base = Text<8>::cut("BTC"),
                    .quote = Text<8>::cut("USDT"),
                    .venue = Text<16>::cut("sim"),
                    .tick = px("0.01"),
                    .lot = qty("0.00001"),
                    .min_notional = px("5"),
                    .maker_fee_e6 = 750,
                    .taker_fee_e6 = 1'000};
}

inline Options test_options() {
  Options options;
  options.port = 0;
  options.token = kToken;
  options.instruments = {btc()};
  options.strategies = {StrategyInfo{
      .id = StrategyId{7},
      .name = "maker",
      .type = "market_maker",
      .symbol = "BTCUSDT",
      .schema_json = R"({"type":"object"})",
      .params = {
          {.name = "spread_bps", .default_e8 = 5 * kOne, .min_e8 = kOne, .max_e8 = 50 * kOne},
          {.name = "levels",
           .kind = ParamKind::Integer,
           .default_e8 = 2 * kOne,
           .min_e8 = kOne,
           .max_e8 = 5 * kOne,
           .step_e8 = kOne},
          {.name = "post_only",
           .kind = ParamKind::Boolean,
           .default_e8 = kOne,
           .min_e8 = 0,
           .max_e8 = kOne,
           .step_e8 = kOne}}}};
  options.version = "1.2.3";
  options.commit = "abc";
  options.started = Timestamp::from_ns(kStartNs);
  options.engine_silence_max = std::chrono::hours{1};
  return options;
}

/// One command as the gateway sent it.
struct Command {
  std::vector<std::byte> bytes;
  [[nodiscard]] native::MessageView view() const { return native::decode(bytes).value(); }
};

class FakeEngine {
 public:
  explicit FakeEngine(std::size_t command_bytes = 1U << 20U)
      : commands_topic_{bus::TopicOptions{.capacity_bytes = command_bytes}},
        commands_{commands_topic_.publication()},
        inbox_{commands_topic_.subscribe(bus::Policy::MustHave).value()},
        execution_{execution_topic_.publication()},
        gateway_execution_{execution_topic_.subscribe(bus::Policy::MustHave).value()},
        views{views_topic_.publication()},
        gateway_views_{views_topic_.subscribe(bus::Policy::MustHave).value()},
        engine_wake_{bus::Wake::create().value()},
        gateway_wake{bus::Wake::create().value()} {
    status->ready.set(1);
    status->heartbeat_ns.set(clock.monotonic().count());
  }

  ops::CheckpointDesk checkpoints;
  ops::RoleStatus* role = nullptr;  // null: the gateway makes its own

  [[nodiscard]] Link link() {
    return Link{.commands = &commands_,
                .execution = &gateway_execution_,
                .views = &gateway_views_,
                .engine_wake = &engine_wake_,
                .gateway_wake = &gateway_wake,
                .status = status.get(),
                .clock = &clock,
                .next_sequence = 1,
                .role = role,
                .checkpoints = &checkpoints};
  }

  /// Everything that is recorded also goes to a journal from now on.
  void open_journal(const std::filesystem::path& dir) {
    journal_.emplace(journal::Writer::open(dir, {.segment_bytes = 1U << 20U}).value());
  }

  /// Waits for one command of the gateway.
  Command next_command() {
    while (queue_.empty()) {
      if (poll_commands() > 0) break;
      engine_wake_.prepare();
      if (poll_commands() > 0) {
        engine_wake_.cancel();
        break;
      }
      if (!engine_wake_.wait(std::chrono::seconds{10})) {
        ADD_FAILURE() << "no command came";
        std::abort();
      }
    }
    Command first = std::move(queue_.front());
    queue_.erase(queue_.begin());
    return first;
  }
  [[nodiscard]] std::size_t waiting_commands() {
    poll_commands();
    return queue_.size();
  }

  /// The command as the log takes it; answers its lsn.
  std::uint64_t echo(const Command& command) { return record_bytes(command.bytes); }
  /// An output of the core.
  template <class M>
  std::uint64_t output(const M& message) {
    return record(message, relay::Source::Core, native::kFlagOutput);
  }
  /// An input of somebody else.
  template <class M>
  std::uint64_t input(const M& message, relay::Source source = relay::Source::System) {
    return record(message, source, 0);
  }
  std::uint64_t decide(std::uint64_t intent, RejectCode code = RejectCode::None,
                       std::span<const CheckResult> checks = {}) {
    const RiskDecision decision{
        .intent = ClOrdId{intent},
        .instrument = InstrumentId{1},
        .accepted = code == RejectCode::None ? std::uint8_t{1} : std::uint8_t{0},
        .code = code,
        .check_count = static_cast<std::uint16_t>(checks.size())};
    std::array<std::byte, native::kSmallMessageBytes> bytes{};
    const std::size_t used = native::encode_with_tail<RiskDecision, CheckResult>(
        bytes, stamp(relay::Source::Core, native::kFlagOutput), decision, checks);
    return record_bytes(std::span{bytes}.first(used));
  }
  void answer_probe(const Command& question, RejectCode code, std::span<const CheckResult> checks) {
    const RiskDecision decision{
        .instrument = InstrumentId{1},
        .accepted = code == RejectCode::None ? std::uint8_t{1} : std::uint8_t{0},
        .code = code,
        .check_count = static_cast<std::uint16_t>(checks.size())};
    native::Stamp probe = stamp(relay::Source::Gateway, native::kFlagProbe);
    probe.sequence = question.view().header().sequence;
    std::array<std::byte, native::kSmallMessageBytes> bytes{};
    const std::size_t used =
        native::encode_with_tail<RiskDecision, CheckResult>(bytes, probe, decision, checks);
    publish(0, std::span{bytes}.first(used));
  }
  /// What the core says of an accepted intent: decision, pending_new, send. Answers the lsn.
  std::uint64_t accept(const Command& command) {
    const std::uint64_t lsn = echo(command);
    decide(lsn);
    OrderUpdate order = order_of(command, lsn);
    output(order);
    output(
        OrderSend{.cl_ord_id = ClOrdId{lsn}, .instrument = order.instrument, .side = order.side});
    return lsn;
  }
  [[nodiscard]] OrderUpdate order_of(const Command& command, std::uint64_t lsn) const {
    const auto intent = command.view().as<OrderIntent>();
    return OrderUpdate{.client_order_id = intent.client_order_id,
                       .instrument = intent.instrument,
                       .strategy = intent.strategy,
                       .side = intent.side,
                       .type = intent.type,
                       .time_in_force = intent.time_in_force,
                       .status = OrdStatus::PendingNew,
                       .intent = ClOrdId{lsn},
                       .cl_ord_id = ClOrdId{lsn},
                       .px = intent.px,
                       .order_qty = intent.qty,
                       .ts_created = Timestamp::from_ns(kStartNs),
                       .ts_updated = Timestamp::from_ns(kStartNs)};
  }
  /// An order that rests, from nowhere: intent, decision, updates. Answers its state.
  OrderUpdate resting(std::string_view client_order_id, std::string_view price = "60000",
                      StrategyId strategy = {}) {
    const std::uint64_t lsn =
        input(OrderIntent{.client_order_id = ClientOrderId::cut(client_order_id),
                          .instrument = InstrumentId{1},
                          .strategy = strategy,
                          .px = px(price),
                          .qty = qty("0.5"),
                          .note = Note::cut("because")},
              relay::Source::Strategies);
    decide(lsn);
    OrderUpdate order{.client_order_id = ClientOrderId::cut(client_order_id),
                      .instrument = InstrumentId{1},
                      .strategy = strategy,
                      .status = OrdStatus::PendingNew,
                      .intent = ClOrdId{lsn},
                      .cl_ord_id = ClOrdId{lsn},
                      .px = px(price),
                      .order_qty = qty("0.5"),
                      .ts_created = Timestamp::from_ns(kStartNs),
                      .ts_updated = Timestamp::from_ns(kStartNs)};
    output(order);
    order.status = OrdStatus::New;
    order.order_id = OrderId{1'000 + lsn};
    output(order);
    return order;
  }

  void publish_view(std::span<const std::byte> bytes) {
    ASSERT_EQ(views.try_publish(bytes), bus::PublishResult::Ok);
    gateway_wake.notify();
  }

 private:
  [[nodiscard]] native::Stamp stamp(relay::Source source, std::uint8_t flags) {
    return native::Stamp{.domain = native::Domain::Execution,
                         .source = static_cast<std::uint8_t>(source),
                         .flags = flags,
                         .sequence = ++sequences_[static_cast<std::size_t>(source)],
                         .timestamp = Timestamp::from_ns(kStartNs + now_ns_++ * 1'000)};
  }
  template <class M>
  std::uint64_t record(const M& message, relay::Source source, std::uint8_t flags) {
    std::array<std::byte, native::kSmallMessageBytes> bytes{};
    const std::size_t used = native::encode(bytes, stamp(source, flags), message);
    return record_bytes(std::span{bytes}.first(used));
  }
  std::uint64_t record_bytes(std::span<const std::byte> bytes) {
    const std::uint64_t lsn = ++lsn_;
    if (journal_) {
      EXPECT_EQ(journal_->append(bytes).value(), Lsn{lsn});
      EXPECT_TRUE(journal_->commit().has_value());
    }
    publish(lsn, bytes);
    return lsn;
  }
  void publish(std::uint64_t lsn, std::span<const std::byte> bytes) {
    const auto head = std::as_bytes(std::span{&lsn, 1});
    while (execution_.try_publish(head, bytes) != bus::PublishResult::Ok) {
      gateway_wake.notify();
      std::this_thread::yield();
    }
    gateway_wake.notify();
  }
  std::size_t poll_commands() {
    return inbox_.poll([this](const bus::Message& message) {
      queue_.push_back({{message.payload.begin(), message.payload.end()}});
    });
  }

  bus::Topic commands_topic_;
  bus::Topic execution_topic_{bus::TopicOptions{.capacity_bytes = 1U << 20U}};
  bus::Topic views_topic_{bus::TopicOptions{.capacity_bytes = 1U << 20U}};
  bus::Publication commands_;
  bus::Subscription inbox_;
  bus::Publication execution_;
  bus::Subscription gateway_execution_;

 public:
  bus::Publication views;

 private:
  bus::Subscription gateway_views_;
  bus::Wake engine_wake_;

 public:
  bus::Wake gateway_wake;
  SystemClock clock;
  std::unique_ptr<ops::EngineStatus> status = std::make_unique<ops::EngineStatus>();

 private:
  std::vector<Command> queue_;
  std::optional<journal::Writer> journal_;
  std::uint64_t lsn_ = 0;
  std::int64_t now_ns_ = 0;
  std::array<std::uint64_t, relay::kSources> sequences_{};
};

/// A blocking connection with a patience of ten seconds.
class Connection {
 public:
  explicit Connection(std::uint16_t port, int receive_buffer = 0)
      : socket_{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)} {
    const timeval patience{.tv_sec = 10, .tv_usec = 0};
    ::setsockopt(socket_.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    if (receive_buffer > 0) {
      ::setsockopt(socket_.get(), SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
    }
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    sockaddr generic{};
    std::memcpy(&generic, &address, sizeof address);
    connected_ = ::connect(socket_.get(), &generic, sizeof generic) == 0;
  }
  [[nodiscard]] bool connected() const { return connected_; }
  [[nodiscard]] int fd() const { return socket_.get(); }

  void send(std::string_view bytes) const {
    while (!bytes.empty()) {
      const ssize_t sent = ::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) return;  // the server may close while we still speak
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
  }
  /// Reads until `enough` bytes are buffered; false at the end of the stream.
  bool fill(std::size_t enough) {
    while (buffer_.size() < enough) {
      std::array<char, 16'384> bytes;
      const ssize_t count = ::recv(socket_.get(), bytes.data(), bytes.size(), 0);
      if (count <= 0) return false;
      buffer_.append(bytes.data(), static_cast<std::size_t>(count));
    }
    return true;
  }
  std::string take(std::size_t count) {
    std::string bytes = buffer_.substr(0, count);
    buffer_.erase(0, count);
    return bytes;
  }
  /// Up to and with `end`; empty at the end of the stream.
  std::string take_until(std::string_view end) {
    std::size_t at = 0;
    while ((at = buffer_.find(end)) == std::string::npos) {
      if (!fill(buffer_.size() + 1)) return {};
    }
    return take(at + end.size());
  }
  [[nodiscard]] bool at_end() { return buffer_.empty() && !fill(1); }

 private:
  Fd socket_;
  bool connected_ = false;
  std::string buffer_;
};

struct HttpAnswer {
  int status = 0;
  std::map<std::string, std::string> headers;  // names in lower case
  std::string body;

  [[nodiscard]] JsonValue json() const {
    auto value = parse_json(body);
    EXPECT_TRUE(value.has_value()) << body;
    return value ? std::move(*value) : JsonValue{};
  }
  [[nodiscard]] std::string code() const {
    const JsonValue value = json();
    const JsonValue* code = value.find("code");
    return code == nullptr ? "" : code->text;
  }
};

/// "orders.0.price" of a JSON text; "null", "true", "[3]" for values that are no texts.
inline std::string at(const JsonValue& root, std::string_view path) {
  const JsonValue* value = &root;
  while (!path.empty()) {
    const std::string_view step = path.substr(0, path.find('.'));
    path.remove_prefix(std::min(path.size(), step.size() + 1));
    if (value->kind == JsonKind::Array) {
      const auto index = static_cast<std::size_t>(std::stoul(std::string{step}));
      if (index >= value->items.size()) return "missing";
      value = &value->items[index];
    } else {
      value = value->find(step);
      if (value == nullptr) return "missing";
    }
  }
  switch (value->kind) {
    case JsonKind::Null:
      return "null";
    case JsonKind::Bool:
      return value->flag ? "true" : "false";
    case JsonKind::Array:
    case JsonKind::Object:
      return "[" + std::to_string(value->items.size()) + "]";
    default:
      return value->text;
  }
}
inline std::string at(std::string_view text, std::string_view path) {
  const auto value = parse_json(text);
  if (!value) return "no json: " + std::string{text};
  return at(*value, path);
}

class HttpClient : public Connection {
 public:
  using Connection::Connection;

  void ask(std::string_view method, std::string_view target, std::string_view body = {},
           std::string_view headers = "Authorization: Bearer secret-token\r\n") const {
    std::string request{method};
    request += ' ';
    request += target;
    request += " HTTP/1.1\r\nHost: 127.0.0.1\r\n";
    request += headers;
    if (!body.empty()) request += "Content-Length: " + std::to_string(body.size()) + "\r\n";
    request += "\r\n";
    request += body;
    send(request);
  }
  HttpAnswer read(bool head_only = false) {
    HttpAnswer answer;
    std::string head = take_until("\r\n\r\n");
    if (head.size() < 12) return answer;
    answer.status = std::stoi(head.substr(9, 3));
    std::string_view rest = head;
    rest.remove_prefix(rest.find("\r\n") + 2);
    while (rest.size() > 2) {
      const std::string_view line = rest.substr(0, rest.find("\r\n"));
      rest.remove_prefix(line.size() + 2);
      const auto colon = line.find(": ");
      std::string name{line.substr(0, colon)};
      std::ranges::transform(name, name.begin(), [](char c) {
        return static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
      });
      answer.headers[name] = line.substr(colon + 2);
    }
    const auto length = answer.headers.find("content-length");
    if (!head_only && length != answer.headers.end()) {
      const auto bytes = static_cast<std::size_t>(std::stoul(length->second));
      if (fill(bytes)) answer.body = take(bytes);
    }
    return answer;
  }
  HttpAnswer call(std::string_view method, std::string_view target, std::string_view body = {}) {
    ask(method, target, body);
    return read();
  }
};

/// A gateway on a free port with its scripted engine.
class GatewayTest : public ::testing::Test {
 protected:
  void start(Options options = test_options()) {
    auto started = Gateway::start(std::move(options), engine.link());
    ASSERT_TRUE(started.has_value()) << started.error().text();
    gateway = std::move(*started);
  }
  void TearDown() override {
    if (gateway) gateway->stop();
  }
  [[nodiscard]] HttpClient client() const { return HttpClient{gateway->port()}; }
  HttpAnswer get(std::string_view target) {
    HttpClient http = client();
    return http.call("GET", target);
  }
  /// Asks until `done` says so; every question is a turn of the gateway.
  template <class Done>
  HttpAnswer get_until(std::string_view target, Done done) {
    HttpClient http = client();
    for (;;) {
      HttpAnswer answer = http.call("GET", target);
      if (answer.status == 0 || done(answer)) return answer;
    }
  }

  FakeEngine engine;
  std::unique_ptr<Gateway> gateway;
};

}  // namespace stoa::gateway::test
