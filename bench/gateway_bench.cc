// Question: what does the gateway cost over a plain Beast server, and how many WebSocket messages a
// second does it fan out? Budget: docs/performance.md#gateway: GET /health within 30 % of plain
// Beast in the same run; bursts of 16 to 1,000 clients at least 5 times one write per message.
// Server and load generator share the machine. `--smoke` runs a few requests and judges no speed.
#include <arpa/inet.h>
#include <fmt/core.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/check.h"
#include "base/clock.h"
#include "base/fd.h"
#include "base/histogram.h"
#include "base/ids.h"
#include "base/price.h"
#include "base/qty.h"
#include "book/order_book.h"
#include "bus/topic.h"
#include "bus/wake.h"
#include "gateway/gateway.h"
#include "gateway/market_publisher.h"
#include "gateway/net.h"
#include "gateway/ws_frame.h"
#include "gateway/ws_hub.h"
#include "gateway/ws_session.h"
#include "model/instrument.h"
#include "model/market.h"
#include "model/risk.h"
#include "model/types.h"
#include "ops/engine_status.h"
#include "protocol/native/codec.h"
#include "protocol/native/registry.h"

namespace stoa::bench {
namespace {

namespace asio = boost::asio;
namespace http = boost::beast::http;
namespace net = gateway::net;

constexpr std::string_view kHealth = "GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n";

/// The least server that Beast's examples show: one read, one write, a fixed body.
class PlainServer {
 public:
  PlainServer() : acceptor_{io_, {asio::ip::address_v4::loopback(), 0}} {
    accept();
    thread_ = std::thread{[this] { io_.run(); }};
  }
  ~PlainServer() {
    io_.stop();
    thread_.join();
  }
  [[nodiscard]] std::uint16_t port() const { return acceptor_.local_endpoint().port(); }

 private:
  struct Session : std::enable_shared_from_this<Session> {
    explicit Session(net::Socket accepted) : socket{std::move(accepted)} {
      socket.set_option(net::Tcp::no_delay{true});
    }
    void read() {
      request = {};
      http::async_read(socket, buffer, request,
                       [self = shared_from_this()](net::Error error, std::size_t /*bytes*/) {
                         if (!error) self->write();
                       });
    }
    void write() {
      response = {};
      response.version(11);
      response.result(http::status::ok);
      response.set(http::field::content_type, "application/json");
      response.body() = R"({"status":"healthy","mode":"PAPER","version":"1.2.3","uptime_s":1})";
      response.prepare_payload();
      http::async_write(socket, response,
                        [self = shared_from_this()](net::Error error, std::size_t /*bytes*/) {
                          if (!error) self->read();
                        });
    }
    net::Socket socket;
    boost::beast::flat_buffer buffer;
    http::request<http::string_body> request;
    http::response<http::string_body> response;
  };
  void accept() {
    acceptor_.async_accept([this](net::Error error, net::Socket socket) {
      if (error) return;
      std::make_shared<Session>(std::move(socket))->read();
      accept();
    });
  }

  asio::io_context io_{1};
  asio::basic_socket_acceptor<net::Tcp, net::Executor> acceptor_;
  std::thread thread_;
};

/// The gateway with an engine that passes every what-if.
class Rig {
 public:
  Rig() {
    status_->ready.set(1);
    status_->heartbeat_ns.set(clock_.monotonic().count());
    gateway::Options options;
    options.port = 0;
    options.token = "secret-token";
    options.version = "1.2.3";
    options.started = clock_.now();
    options.engine_silence_max = std::chrono::hours{1};
    options.instruments = {
        Instrument{.instrument = InstrumentId{1}, .symbol = Symbol::cut("BTCUSDT")}};
    auto started = gateway::Gateway::start(std::move(options), link());
    check(started.has_value(), "a free port is to be had");
    gateway_ = std::move(*started);
    engine_ = std::thread{[this] { run_engine(); }};
  }
  ~Rig() {
    stop_.store(true);
    engine_wake_.notify();
    engine_.join();
    gateway_->stop();
  }
  [[nodiscard]] std::uint16_t port() const { return gateway_->port(); }
  [[nodiscard]] gateway::Link link() {
    return {.commands = &commands_,
            .execution = &gateway_execution_,
            .views = &gateway_views_,
            .engine_wake = &engine_wake_,
            .gateway_wake = &gateway_wake_,
            .status = status_.get(),
            .clock = &clock_};
  }

 private:
  void run_engine() {
    while (!stop_.load()) {
      if (poll() > 0) continue;
      engine_wake_.prepare();
      if (poll() > 0) {
        engine_wake_.cancel();
      } else {
        engine_wake_.wait(std::chrono::milliseconds{100});
      }
    }
  }
  std::size_t poll() {
    const std::size_t count = inbox_.poll([this](const bus::Message& message) {
      const auto question = native::MessageView::trusted(message.payload);
      const CheckResult passed{.check = RiskCheck::OrderNotional, .ok = 1, .limit_e8 = 1};
      std::array<std::byte, 8 + native::kSmallMessageBytes> bytes{};
      const std::size_t used = native::encode_with_tail<RiskDecision, CheckResult>(
          std::span{bytes}.subspan(8),
          {.domain = native::Domain::Execution,
           .source = question.header().source,
           .flags = native::kFlagProbe,
           .sequence = question.header().sequence},
          RiskDecision{.accepted = 1, .check_count = 1}, std::span{&passed, 1});
      execution_.try_publish(std::span{bytes}.first(8 + used));
    });
    if (count > 0) gateway_wake_.notify();
    return count;
  }

  SystemClock clock_;
  bus::Topic commands_topic_{{}};
  bus::Topic execution_topic_{{}};
  bus::Topic views_topic_{{}};
  bus::Publication commands_ = commands_topic_.publication();
  bus::Subscription inbox_ = commands_topic_.subscribe(bus::Policy::MustHave).value();
  bus::Publication execution_ = execution_topic_.publication();
  bus::Subscription gateway_execution_ = execution_topic_.subscribe(bus::Policy::MustHave).value();
  bus::Subscription gateway_views_ = views_topic_.subscribe(bus::Policy::MustHave).value();
  bus::Wake engine_wake_ = bus::Wake::create().value();
  bus::Wake gateway_wake_ = bus::Wake::create().value();
  std::unique_ptr<ops::EngineStatus> status_ = std::make_unique<ops::EngineStatus>();
  std::unique_ptr<gateway::Gateway> gateway_;
  std::atomic<bool> stop_{false};
  std::thread engine_;
};

Fd connect_to(std::uint16_t port) {
  Fd socket{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  sockaddr generic{};
  std::memcpy(&generic, &address, sizeof address);
  check(::connect(socket.get(), &generic, sizeof generic) == 0, "the server listens");
  return socket;
}

struct Load {
  double requests_per_s = 0;
  std::uint64_t p50_ns = 0;
  std::uint64_t p99_ns = 0;
  std::uint64_t ok = 0;
};

/// Connections that each have one request under way, driven by one thread.
Load run_load(std::uint16_t port, std::string_view request, std::size_t connections,
              std::uint64_t requests) {
  const SystemClock clock;
  struct Client {
    Fd socket;
    std::string answer;
    nanoseconds sent{};
  };
  std::vector<Client> clients(connections);
  const Fd epoll{::epoll_create1(EPOLL_CLOEXEC)};
  const auto ask = [&](Client& client) {
    client.sent = clock.monotonic();
    check(::send(client.socket.get(), request.data(), request.size(), MSG_NOSIGNAL) ==
              static_cast<ssize_t>(request.size()),
          "a request fits the socket's buffer");
  };
  for (std::size_t i = 0; i < connections; ++i) {
    clients[i].socket = connect_to(port);
    epoll_event event{.events = EPOLLIN, .data = {.u64 = i}};
    ::epoll_ctl(epoll.get(), EPOLL_CTL_ADD, clients[i].socket.get(), &event);
  }
  const auto latencies = std::make_unique<Histogram>();
  Load load;
  std::uint64_t done = 0;
  const nanoseconds begin = clock.monotonic();
  for (Client& client : clients) ask(client);
  while (done < requests) {
    std::array<epoll_event, 64> events;
    const int ready = ::epoll_wait(epoll.get(), events.data(), events.size(), 5'000);
    check(ready > 0, "the server answers");
    for (int i = 0; i < ready; ++i) {
      Client& client = clients[events[static_cast<std::size_t>(i)].data.u64];
      std::array<char, 8'192> bytes;
      const ssize_t count = ::recv(client.socket.get(), bytes.data(), bytes.size(), 0);
      check(count > 0, "the server keeps the connection");
      client.answer.append(bytes.data(), static_cast<std::size_t>(count));
      // Every answer here is a JSON object at the end of the message.
      if (client.answer.back() != '}') continue;
      latencies->record(static_cast<std::uint64_t>((clock.monotonic() - client.sent).count()));
      if (client.answer.starts_with("HTTP/1.1 200")) ++load.ok;
      client.answer.clear();
      if (++done + connections <= requests) ask(client);
    }
  }
  const double seconds = static_cast<double>((clock.monotonic() - begin).count()) / 1e9;
  load.requests_per_s = static_cast<double>(done) / seconds;
  load.p50_ns = latencies->percentile(0.5);
  load.p99_ns = latencies->percentile(0.99);
  check(load.ok == done, "every request is answered with 200");
  return load;
}

void print(std::string_view name, const Load& load) {
  fmt::print("{:<34} {:>9.0f} req/s   p50 {:>6.1f} us   p99 {:>7.1f} us   ok {}\n", name,
             load.requests_per_s, static_cast<double>(load.p50_ns) / 1e3,
             static_cast<double>(load.p99_ns) / 1e3, load.ok);
}

/// WebSocket sessions on sockets of this process, without handshakes, and a thread that reads them.
class FanOut final : public gateway::WsHost {
 public:
  explicit FanOut(std::size_t clients)
      : app_{gateway::Options{}, rig_.link()},
        hub_{app_},
        acceptor_{io_, {asio::ip::address_v4::loopback(), 0}} {
    for (std::size_t i = 0; i < clients; ++i) {
      readers_.push_back(connect_to(acceptor_.local_endpoint().port()));
      net::Socket socket = acceptor_.accept();
      socket.set_option(net::Tcp::no_delay{true});
      const auto session =
          std::make_shared<gateway::WsSession>(std::move(socket), app_, hub_, *this);
      sessions_.emplace(session.get(), session);
      session->start({});
      hub_.on_message(*session, R"({"op":"subscribe","channels":["orders"]})");
      session->flush();
    }
    reader_ = std::thread{[this] { drain(); }};
  }
  ~FanOut() override {
    stop_.store(true);
    reader_.join();
  }

  /// Delivered messages a second; a burst is written when it is whole, or message by message.
  double run(std::uint64_t bursts, std::size_t burst, bool gather) {
    const SystemClock clock;
    const auto frame =
        gateway::WsFrame::make(gateway::WsOpcode::Text, std::string(118, 'x'));  // 120 bytes
    const std::uint64_t before = settled_bytes();
    const std::uint64_t per_burst = sessions_.size() * burst * frame->bytes().size();
    const nanoseconds begin = clock.monotonic();
    for (std::uint64_t i = 0; i < bursts; ++i) {
      for (std::size_t j = 0; j < burst; ++j) {
        hub_.broadcast("orders", frame);
        if (!gather || j + 1 == burst) flush();
      }
      io_.poll();
      // The readers stay at most 32 bursts behind, so that nobody becomes a slow client.
      while (received_.load() + 32 * per_burst < before + (i + 1) * per_burst) io_.poll();
    }
    while (received_.load() < before + bursts * per_burst) io_.poll();
    const double seconds = static_cast<double>((clock.monotonic() - begin).count()) / 1e9;
    return static_cast<double>(bursts * burst * sessions_.size()) / seconds;
  }

  void on_closed(gateway::WsSession& session) override { sessions_.erase(&session); }

 private:
  void flush() {
    for (gateway::WsClient* client : hub_.take_touched()) {
      static_cast<gateway::WsSession*>(client)->flush();
    }
  }
  std::uint64_t settled_bytes() {
    std::uint64_t last = received_.load();
    for (;;) {
      io_.poll();
      std::this_thread::sleep_for(std::chrono::milliseconds{50});
      const std::uint64_t now = received_.load();
      if (now == last) return now;
      last = now;
    }
  }
  void drain() {
    const Fd epoll{::epoll_create1(EPOLL_CLOEXEC)};
    for (const Fd& socket : readers_) {
      epoll_event event{.events = EPOLLIN, .data = {.fd = socket.get()}};
      ::epoll_ctl(epoll.get(), EPOLL_CTL_ADD, socket.get(), &event);
    }
    std::vector<char> bytes(1U << 16U);
    while (!stop_.load()) {
      std::array<epoll_event, 256> events;
      const int ready = ::epoll_wait(epoll.get(), events.data(), events.size(), 50);
      std::uint64_t sum = 0;
      for (int i = 0; i < ready; ++i) {
        const ssize_t count = ::recv(events[static_cast<std::size_t>(i)].data.fd, bytes.data(),
                                     bytes.size(), MSG_DONTWAIT);
        if (count > 0) sum += static_cast<std::uint64_t>(count);
      }
      received_.fetch_add(sum);
    }
  }

  Rig rig_;
  gateway::App app_;
  gateway::WsHub hub_;
  asio::io_context io_{1};
  asio::basic_socket_acceptor<net::Tcp, net::Executor> acceptor_;
  std::unordered_map<gateway::WsSession*, std::shared_ptr<gateway::WsSession>> sessions_;
  std::vector<Fd> readers_;
  std::atomic<std::uint64_t> received_{0};
  std::atomic<bool> stop_{false};
  std::thread reader_;
};

/// What the engine thread pays to tell the market.
void run_publisher(std::uint64_t calls) {
  const SystemClock clock;
  bus::Topic topic{{}};
  bus::Publication publication = topic.publication();
  const Instrument instrument{.instrument = InstrumentId{1}};
  gateway::MarketPublisher publisher{publication, std::span{&instrument, 1}};
  Trade trade{.instrument = InstrumentId{1}, .px = Price::from_e8(1), .qty = Qty::from_e8(1)};
  nanoseconds begin = clock.monotonic();
  for (std::uint64_t i = 0; i < calls; ++i) {
    trade.ts_event = Timestamp::from_ns(static_cast<std::int64_t>(i) * 1'000'000);
    publisher.on_trade(trade, trade.ts_event);
  }
  const double trade_ns = static_cast<double>((clock.monotonic() - begin).count());
  const book::OrderBook book;
  begin = clock.monotonic();
  for (std::uint64_t i = 0; i < calls; ++i) {
    publisher.on_book(InstrumentId{1}, book, Timestamp::from_ns(static_cast<std::int64_t>(i)));
  }
  const double book_ns = static_cast<double>((clock.monotonic() - begin).count());
  check(publisher.poll(nanoseconds{1}) > 0, "the market was told");
  fmt::print("market publisher: trade {:.1f} ns, book {:.1f} ns a call\n",
             trade_ns / static_cast<double>(calls), book_ns / static_cast<double>(calls));
}

void run(bool smoke) {
  run_publisher(smoke ? 10'000 : 10'000'000);
  const std::size_t connections = smoke ? 4 : 32;
  const std::uint64_t requests = smoke ? 400 : 200'000;
  const std::string body =
      R"({"symbol":"BTCUSDT","side":"buy","type":"limit","quantity":"0.01","price":"60000"})";
  const std::string check_request =
      "POST /api/v1/orders:check HTTP/1.1\r\nHost: 127.0.0.1\r\n"
      "Authorization: Bearer secret-token\r\nContent-Length: " +
      std::to_string(body.size()) + "\r\n\r\n" + body;
  {
    const PlainServer plain;
    print("plain Beast, fixed body", run_load(plain.port(), kHealth, connections, requests));
  }
  {
    const Rig rig;
    print("gateway, GET /health", run_load(rig.port(), kHealth, connections, requests));
    print("gateway, POST orders:check", run_load(rig.port(), check_request, connections, requests));
  }
  const std::size_t clients = smoke ? 20 : 1'000;
  FanOut fan_out{clients};
  const double one_by_one = fan_out.run(smoke ? 2 : 30, 16, false);
  const double gathered = fan_out.run(smoke ? 2 : 300, 16, true);
  fmt::print(
      "WebSocket 120 B to {} clients, bursts of 16: one write each {:.0f} msg/s, gathered "
      "{:.0f} msg/s ({:.1f} x)\n",
      clients, one_by_one, gathered, gathered / one_by_one);
}

}  // namespace
}  // namespace stoa::bench

int main(int argc, char** argv) {
  // Two descriptors per client; the usual soft limit of 1,024 is too few.
  rlimit files{};
  ::getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &files);
  stoa::bench::run(argc > 1 && std::string_view{argv[1]} == "--smoke");
  return 0;
}
