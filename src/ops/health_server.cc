#include "ops/health_server.h"

#include <algorithm>
#include <boost/asio/error.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core/error.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>
#include <boost/beast/version.hpp>
#include <boost/system/error_code.hpp>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <unordered_set>
#include <utility>

#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "ops/health_answer.h"
#include "ops/http_text.h"
#include "ops/metrics.h"
#include "ops/role_status.h"

namespace stoa::ops {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using asio::ip::tcp;
using Parser = http::request_parser<http::string_body>;
using Reply = http::response<http::string_body>;

constexpr std::uint32_t kHeadBytesMax = 8'192;
constexpr std::uint64_t kBodyBytesMax = 4'096;
constexpr std::size_t kReadBytes = 4'096;
constexpr std::size_t kBufferBytesMax = 65'536;
constexpr std::chrono::seconds kTick{1};
constexpr std::chrono::seconds kLeaveTime{2};

std::string_view view_of(beast::string_view text) noexcept { return {text.data(), text.size()}; }
beast::string_view beast_view(std::string_view text) noexcept { return {text.data(), text.size()}; }

HealthReply refusal(const beast::error_code& error) {
  if (error == http::error::body_limit) {
    return health_problem(413, "body_too_large", "a body has at most 4096 bytes",
                          "No call here needs one.");
  }
  if (error == http::error::header_limit || error == http::error::buffer_overflow) {
    return health_problem(431, "headers_too_large", "the head of a request has at most 8192 bytes",
                          "Send fewer or shorter headers.");
  }
  if (error == beast::error::timeout) {
    return health_problem(408, "request_timeout", "the request did not come in time",
                          "Send it in one piece.");
  }
  return health_problem(400, "bad_request", "this is no HTTP/1.1 request: " + error.message(),
                        "The connection is closed.");
}

}  // namespace

/// The server's thread and everything on it.
class HealthServer::Server {
 public:
  Server(RoleStatus& status, Metrics& metrics, HealthOptions options)
      : status_{status},
        metrics_{metrics},
        options_{std::move(options)},
        acceptor_{io_},
        timer_{io_} {}
  // A thread that cannot be joined ends the process anyway.
  // NOLINTNEXTLINE(bugprone-exception-escape)
  ~Server() { stop(); }
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  Result<void> listen();
  void start() {
    tick();
    accept();
    thread_ = std::thread{[this] { run(); }};
  }
  void stop();
  [[nodiscard]] const tcp::endpoint& endpoint() const noexcept { return endpoint_; }

 private:
  class Session;

  void run();
  void accept();
  void tick();
  [[nodiscard]] HealthReply answer(const Parser::value_type& request, std::string_view& allow);
  [[nodiscard]] HealthReply act(RoleRequest request, std::string_view authorization);

  RoleStatus& status_;
  Metrics& metrics_;
  HealthOptions options_;
  tcp::endpoint endpoint_;
  bool accept_paused_ = false;
  std::unordered_set<Session*> sessions_;  // each leaves it at its end, the last with the context
  asio::io_context io_{1};
  tcp::acceptor acceptor_;
  asio::steady_timer timer_;
  std::thread thread_;
};

// NOLINTBEGIN(bugprone-unchecked-optional-access): a session's parser is there from its first
// begin() or refuse().

/// One connection: requests one after the other.
class HealthServer::Server::Session : public std::enable_shared_from_this<Session> {
 public:
  Session(tcp::socket socket, Server& server)
      : socket_{std::move(socket)}, deadline_{socket_.get_executor()}, server_{server} {
    server_.sessions_.insert(this);
  }
  ~Session() { server_.sessions_.erase(this); }
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  void begin() {
    parser_.emplace();
    parser_->header_limit(kHeadBytesMax);
    parser_->body_limit(kBodyBytesMax);
    parser_->eager(true);
    // A request that has begun has less time than the wait for one.
    arm(server_.options_.idle_timeout);
    state_ = State::Idle;
    read();
  }

  /// The server ends: what is under way ends with an error, and with it the session.
  void close() {
    beast::error_code ignored;
    ignored = socket_.close(ignored);
    deadline_.cancel();
  }

  /// No room: says so and closes.
  void refuse() {
    parser_.emplace();
    fail(health_problem(503, "too_many_connections", "too many connections are open",
                        "Close some, or try again in a second."));
  }

 private:
  void read() {
    if (buffer_.size() > 0) {
      if (std::exchange(state_, State::Reading) == State::Idle) {
        arm(server_.options_.request_timeout);
      }
      beast::error_code error;
      buffer_.consume(parser_->put(buffer_.data(), error));
      if (error && error != http::error::need_more) return fail(refusal(error));
      if (parser_->is_done()) return handle();
    }
    socket_.async_read_some(
        buffer_.prepare(kReadBytes),
        [self = this->shared_from_this()](beast::error_code error, std::size_t bytes) {
          self->buffer_.commit(bytes);
          if (self->state_ == State::Late) return self->fail(refusal(beast::error::timeout));
          if (!error) self->read();
        });
  }

  void handle() {
    const auto& request = parser_->get();
    keep_alive_ = request.keep_alive();
    std::string_view allow;
    const HealthReply reply = server_.answer(request, allow);
    write(reply, allow);
  }

  void fail(const HealthReply& reply) {
    keep_alive_ = false;
    write(reply, {});
  }

  void arm(nanoseconds time) {
    deadline_.expires_after(time);
    deadline_.async_wait([weak = this->weak_from_this()](beast::error_code error) {
      const auto self = weak.lock();
      if (!error && self) self->on_deadline();
    });
  }
  void on_deadline() {
    if (deadline_.expiry() > std::chrono::steady_clock::now()) return;  // armed again meanwhile
    beast::error_code ignored;
    if (state_ == State::Reading) {
      state_ = State::Late;
      ignored = socket_.cancel(ignored);  // the read then says so
    } else {
      ignored = socket_.close(ignored);
    }
  }

  void write(const HealthReply& reply, std::string_view allow) {
    const bool head = parser_->is_header_done() && parser_->get().method() == http::verb::head;
    const unsigned version = parser_->is_header_done() ? parser_->get().version() : 11;
    reply_ = Reply{};
    reply_.version(version);
    reply_.result(static_cast<unsigned>(reply.status));
    reply_.reason(beast_view(status_text(reply.status)));
    reply_.set(http::field::date, beast_view(http_date(server_.status_.clock().now())));
    reply_.set(http::field::content_type, beast_view(reply.content_type));
    reply_.set(http::field::cache_control, "no-store");
    reply_.set("X-Content-Type-Options", "nosniff");
    if (!allow.empty()) reply_.set(http::field::allow, beast_view(allow));
    if (reply.status == 401) reply_.set(http::field::www_authenticate, "Bearer");
    if (reply.status == 503) reply_.set(http::field::retry_after, "1");
    reply_.content_length(reply.body.size());
    reply_.keep_alive(keep_alive_);
    if (!head) reply_.body() = reply.body;
    state_ = State::Writing;
    arm(server_.options_.request_timeout);
    http::async_write(socket_, reply_,
                      [self = this->shared_from_this()](beast::error_code error, std::size_t) {
                        if (error) return;
                        if (self->keep_alive_) return self->begin();
                        self->leave();
                      });
  }

  /// Says that nothing more comes and reads what is still on its way: closing with unread bytes
  /// would reset the connection and take the answer with it.
  void leave() {
    beast::error_code ignored;
    ignored = socket_.shutdown(tcp::socket::shutdown_send, ignored);
    arm(kLeaveTime);
    drain();
  }
  void drain() {
    buffer_.consume(buffer_.size());
    socket_.async_read_some(buffer_.prepare(kReadBytes), [self = this->shared_from_this()](
                                                             beast::error_code error, std::size_t) {
      if (!error) self->drain();
    });
  }

  enum class State : std::uint8_t { Idle, Reading, Late, Writing };

  tcp::socket socket_;
  asio::steady_timer deadline_;
  Server& server_;
  beast::flat_buffer buffer_{kBufferBytesMax};
  std::optional<Parser> parser_;
  Reply reply_;
  bool keep_alive_ = true;
  State state_ = State::Idle;
};
// NOLINTEND(bugprone-unchecked-optional-access)

Result<void> HealthServer::Server::listen() {
  const std::string host = options_.host == "localhost" ? "127.0.0.1" : options_.host;
  beast::error_code error;
  const auto address = asio::ip::make_address(host, error);
  if (error) {
    return bad_input("the host \"" + options_.host +
                     "\" is no address; use 127.0.0.1, or 0.0.0.0 for every interface");
  }
  const tcp::endpoint wanted{address, options_.port};
  error = acceptor_.open(wanted.protocol(), error);
  if (!error) error = acceptor_.set_option(asio::socket_base::reuse_address{true}, error);
  if (!error) error = acceptor_.bind(wanted, error);
  if (!error) error = acceptor_.listen(asio::socket_base::max_listen_connections, error);
  const std::string where = options_.host + ":" + std::to_string(options_.port);
  if (error == asio::error::address_in_use) {
    return std::unexpected(Error{.code = ErrorCode::Unavailable,
                                 .message = "port " + std::to_string(options_.port) +
                                            " is taken; stop what listens there, or let the "
                                            "system choose with port 0",
                                 .source = where});
  }
  if (error) return io_error("cannot listen", error.value(), where);
  endpoint_ = acceptor_.local_endpoint(error);
  return {};
}

void HealthServer::Server::run() {
  for (;;) {
    try {
      io_.run();
      return;
    } catch (const std::exception& error) {  // out of memory, in the work of one connection
      log::error("health_handler_failed", {{"what", std::string_view{error.what()}}});
    }
  }
}

void HealthServer::Server::stop() {
  if (!thread_.joinable()) return;
  asio::post(io_, [this] {
    beast::error_code ignored;
    ignored = acceptor_.close(ignored);
    timer_.cancel();
    for (Session* session : sessions_) session->close();
    io_.stop();
  });
  thread_.join();
}

void HealthServer::Server::accept() {
  acceptor_.async_accept([this](beast::error_code error, tcp::socket socket) {
    if (error == asio::error::operation_aborted) return;
    // Out of descriptors: the next tick tries again; a loop of failing accepts would take the
    // thread.
    accept_paused_ = error && error != asio::error::connection_aborted;
    if (accept_paused_) return;
    if (!error) {
      beast::error_code ignored;
      ignored = socket.set_option(tcp::no_delay{true}, ignored);
      const bool room = sessions_.size() < options_.connections_max;
      // Those that are told so take room too, but not without end.
      if (room || sessions_.size() < 2 * options_.connections_max) {
        const auto session = std::make_shared<Session>(std::move(socket), *this);
        room ? session->begin() : session->refuse();
      }
    }
    accept();
  });
}

void HealthServer::Server::tick() {
  metrics_.tick(status_.clock().monotonic());
  if (std::exchange(accept_paused_, false)) accept();
  timer_.expires_after(kTick);
  timer_.async_wait([this](beast::error_code error) {
    if (!error) tick();
  });
}

HealthReply HealthServer::Server::answer(const Parser::value_type& request,
                                         std::string_view& allow) {
  const std::string_view target = view_of(request.target());
  const std::size_t mark = std::min(target.find('?'), target.size());
  const std::string_view path = target.substr(0, mark);
  const http::verb method = request.method();
  const auto not_allowed = [&](std::string_view methods) {
    allow = methods;
    return health_problem(405, "method_not_allowed",
                          "this path takes " + std::string{methods} + " alone",
                          "Use one of the methods in Allow.");
  };
  if (const auto asked = request_at(path)) {
    if (method != http::verb::post) return not_allowed("POST");
    return act(*asked, view_of(request[http::field::authorization]));
  }
  const HealthQuestion question{.path = path,
                                .query = target.substr(std::min(mark + 1, target.size())),
                                .accept = view_of(request[http::field::accept])};
  auto reply = answer_health(status_, metrics_, question, options_.silence_max);
  if (!reply) {
    return health_problem(404, "no_such_path", "there is nothing at this path",
                          "GET /health, /ready, /status, /metrics, /livez, /readyz or /startupz.");
  }
  if (method != http::verb::get && method != http::verb::head) return not_allowed("GET, HEAD");
  return std::move(*reply);
}

HealthReply HealthServer::Server::act(RoleRequest request, std::string_view authorization) {
  constexpr std::string_view kScheme = "Bearer ";
  const bool shown = authorization.starts_with(kScheme);
  if (!shown || !equal_in_constant_time(authorization.substr(kScheme.size()), options_.token)) {
    return health_problem(401, shown ? "token_wrong" : "token_missing",
                          shown ? "this is not the token of this process"
                                : "this call changes something and needs the token",
                          "Send Authorization: Bearer TOKEN; the token is in the file `token` of "
                          "the data directory.");
  }
  HealthReply reply = take_request(status_, request, options_.requests);
  if (reply.status == 202 && options_.wake) options_.wake();
  return reply;
}

Result<std::unique_ptr<HealthServer>> HealthServer::start(RoleStatus& status, Metrics& metrics,
                                                          HealthOptions options) {
  try {
    auto server = std::make_unique<Server>(status, metrics, std::move(options));
    if (const auto listening = server->listen(); !listening) {
      return std::unexpected(listening.error());
    }
    server->start();
    return std::unique_ptr<HealthServer>{new HealthServer{std::move(server)}};
  } catch (const std::exception& error) {  // Asio at start-up: no descriptors, no memory
    return std::unexpected(
        Error{.code = ErrorCode::Io,
              .message = std::string{"cannot start the health server: "} + error.what(),
              .source = {}});
  }
}

HealthServer::HealthServer(std::unique_ptr<Server> server) noexcept : server_{std::move(server)} {}
HealthServer::~HealthServer() = default;

std::uint16_t HealthServer::port() const noexcept { return server_->endpoint().port(); }

std::string HealthServer::endpoint() const {
  const auto& at = server_->endpoint();
  const std::string host = at.address().to_string();
  return (at.address().is_v6() ? "[" + host + "]" : host) + ":" + std::to_string(at.port());
}

void HealthServer::stop() { server_->stop(); }

}  // namespace stoa::ops
