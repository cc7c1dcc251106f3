#include "gateway/gateway.h"

#include <unistd.h>

#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/posix/basic_stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <expected>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/check.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/fd.h"
#include "base/log.h"
#include "bus/wake.h"
#include "gateway/app.h"
#include "gateway/desk.h"
#include "gateway/gateway_server.h"
#include "gateway/http_session.h"
#include "gateway/net.h"
#include "gateway/routes.h"
#include "gateway/ws_frame.h"
#include "gateway/ws_hub.h"
#include "gateway/ws_session.h"

namespace stoa::gateway {
namespace {

using std::chrono::milliseconds;

constexpr std::size_t kMessagesPerTurn = 2'048;
/// While somebody listens or waits, and while nobody does: an idle service hardly wakes.
constexpr milliseconds kBusyTick{20};
constexpr milliseconds kIdleTick{250};
constexpr milliseconds kLogFiguresEvery{1'000};
constexpr milliseconds kStopTime{1'000};

Result<net::Tcp::endpoint> endpoint_of(const Options& options) {
  net::Error error;
  const std::string host = options.host == "localhost" ? "127.0.0.1" : options.host;
  const auto address = asio::ip::make_address(host, error);
  if (error) {
    return bad_input("the host \"" + options.host +
                     "\" is no address; use 127.0.0.1, or 0.0.0.0 for every interface");
  }
  return net::Tcp::endpoint{address, options.port};
}

}  // namespace

/// The public listening socket.
Result<Fd> Gateway::Server::bind_public(const net::Tcp::endpoint& endpoint) {
  Acceptor acceptor{io_};
  net::Error error;
  net::ignore(acceptor.open(endpoint.protocol(), error));
  if (!error) net::ignore(acceptor.set_option(asio::socket_base::reuse_address{true}, error));
  if (!error) net::ignore(acceptor.bind(endpoint, error));
  if (!error) net::ignore(acceptor.listen(asio::socket_base::max_listen_connections, error));
  const std::string where = app_.options.host + ":" + std::to_string(app_.options.port);
  if (error == asio::error::address_in_use) {
    return std::unexpected(
        Error{.code = ErrorCode::Unavailable,
              .message = "port " + std::to_string(app_.options.port) +
                         " is taken; stop what listens there, or use --port 0 for any free one",
              .source = where});
  }
  if (error) return io_error("cannot listen", error.value(), where);
  Fd listener{acceptor.release(error)};
  if (error) return io_error("cannot listen", error.value(), where);
  return listener;
}

Result<void> Gateway::Server::listen() {
  const auto endpoint = endpoint_of(app_.options);
  if (!endpoint) return std::unexpected(endpoint.error());
  const int wake_fd = ::dup(app_.link.gateway_wake->fd());
  if (wake_fd < 0) return io_error("cannot watch the engine's wake", errno, "gateway");
  net::Error error;
  net::ignore(wake_.assign(wake_fd, error));
  if (error) return io_error("cannot watch the engine's wake", error.value(), "gateway");
  if (role_ == Role::Follows) return open_own_port();

  auto listener = bind_public(*endpoint);
  if (listener) {
    use_listener(std::move(*listener));
    if (!app_.options.next.empty()) meet();
    return {};
  }
  // One that follows may have it, and brings it to whoever waits there.
  const bool taken = listener.error().code == ErrorCode::Unavailable;
  if (!taken || app_.options.next.empty()) return std::unexpected(std::move(listener.error()));
  meet();
  if (!next_) return std::unexpected(std::move(listener.error()));
  return {};
}

void Gateway::Server::run() {
  begin_to_accept();
  meet();
  if (own_acceptor_.is_open()) accept(own_acceptor_);
  tell_place();
  arm_timer();
  turn();
  for (;;) {
    try {
      io_.run();
      return;
    } catch (const std::exception& error) {
      // Out of memory, most likely, in the work of one connection. The others go on; the chain that
      // follows the engine is begun again in case it was the one that broke.
      log::error("gateway_handler_failed", {{"what", std::string_view{error.what()}}});
      ++app_.failures;
      asio::post(io_, [this] { turn(); });
    }
  }
}

void Gateway::Server::stop() {
  if (!thread_.joinable()) return;
  asio::post(io_, [this] { shut_down(); });
  thread_.join();
}

void Gateway::Server::accept(Acceptor& acceptor) {
  acceptor.async_accept([this, &acceptor](net::Error error, net::Socket socket) {
    on_accept(acceptor, error, std::move(socket));
  });
}

void Gateway::Server::on_accept(Acceptor& acceptor, net::Error error, net::Socket socket) {
  if (stopping_) return;
  if (!error) {
    const auto session = std::make_shared<HttpSession>(std::move(socket), app_, *this);
    http_.emplace(session.get(), session);
    app_.connections = http_.size();
    if (&acceptor == &own_acceptor_) {
      own_.insert(session.get());
    } else if (role_ != Role::Leads) {
      session->pause();  // accepted just before
      if (role_ == Role::Follows) leaving_.insert(session.get());
    }
    if (http_.size() > app_.options.connections_max) {
      session->refuse();
    } else {
      session->start();
      if (session->rests()) on_rested(*session);
    }
  }
  // Closed, and perhaps opened anew already.
  if (error == asio::error::operation_aborted || !acceptor.is_open()) return;
  if (error && error != asio::error::connection_aborted) {
    // Out of descriptors: the next tick tries again; a loop of failures would take the thread.
    accept_again_.push_back(&acceptor);
  } else {
    accept(acceptor);
  }
}

void Gateway::Server::on_closed(HttpSession& session) {
  own_.erase(&session);
  leaving_.erase(&session);
  http_.erase(&session);
  app_.connections = http_.size();
}

void Gateway::Server::on_upgraded(net::Socket socket, std::string early) {
  const auto session = std::make_shared<WsSession>(std::move(socket), app_, hub_, *this);
  ws_.emplace(session.get(), session);
  app_.clients = ws_.size();
  session->start(early);
  if (role_ == Role::Follows) session->close_after(WsClose::kRestart, {});
  arm_timer();
}

void Gateway::Server::on_closed(WsSession& session) {
  ws_.erase(&session);
  app_.clients = ws_.size();
}

/// One look at what the engine has published. More of it, or the sockets' turn, or sleep.
void Gateway::Server::turn() {
  if (stopping_) return;
  const std::size_t taken = app_.poll(kMessagesPerTurn);
  if (taken > 0) {
    publish();
    asio::post(io_, [this] { turn(); });
    return;
  }
  sleep();
}

void Gateway::Server::sleep() {
  bus::Wake& wake = *app_.link.gateway_wake;
  wake.prepare();
  // The second look closes the race with an engine that published just before.
  if (app_.poll(kMessagesPerTurn) > 0) {
    wake.cancel();
    publish();
    asio::post(io_, [this] { turn(); });
    return;
  }
  wake_.async_wait(Descriptor::wait_read, [this](net::Error error) {
    if (error) return;
    app_.link.gateway_wake->cancel();
    turn();
  });
}

void Gateway::Server::publish() {
  hub_.publish(app_.link.clock->monotonic());
  for (WsClient* client : hub_.take_touched()) static_cast<WsSession*>(client)->flush();
}

void Gateway::Server::tick() {
  const nanoseconds now = app_.link.clock->monotonic();
  if (now >= log_figures_due_) {
    app_.refresh_figures();
    log_figures_due_ = now + kLogFiguresEvery;
  }
  app_.desk.expire(now);
  settle_checkpoint(app_);
  publish();
  for (Acceptor* acceptor : std::exchange(accept_again_, {})) {
    if (!stopping_ && acceptor->is_open()) accept(*acceptor);
  }
  pair_tick(now);
  for (const auto& session : held(http_)) session->check_deadline(now);
  for (const auto& session : held(ws_)) session->check(now);
  if (stopping_ && (ws_.empty() || now >= stop_by_)) {
    io_.stop();
    return;
  }
  arm_timer();
}

void Gateway::Server::arm_timer() {
  const bool busy = !ws_.empty() || !http_.empty() || app_.desk.waiting() > 0 ||
                    app_.checkpoint.has_value() || stopping_;
  timer_.expires_after(busy ? kBusyTick : kIdleTick);
  timer_.async_wait([this](net::Error error) {
    if (!error) tick();
  });
}

void Gateway::Server::shut_down() {
  stopping_ = true;
  stop_by_ = app_.link.clock->monotonic() + kStopTime;
  net::Error ignored;
  net::ignore(acceptor_.close(ignored));
  net::ignore(own_acceptor_.close(ignored));
  net::ignore(wake_.close(ignored));
  net::ignore(next_wait_.close(ignored));
  net::ignore(neighbour_wait_.close(ignored));
  next_.reset();
  neighbour_.reset();
  listener_.reset();
  for (const auto& session : held(http_)) session->close();
  for (const auto& session : held(ws_)) session->close(WsClose::kGoingAway, "the engine stops");
  arm_timer();
}

Result<std::unique_ptr<Gateway>> Gateway::start(Options options, const Link& link) {
  check(link.commands != nullptr && link.execution != nullptr && link.views != nullptr &&
            link.engine_wake != nullptr && link.gateway_wake != nullptr && link.status != nullptr &&
            link.clock != nullptr,
        "the gateway is linked before it starts");
  try {
    auto server = std::make_unique<Server>(std::move(options), link);
    if (const auto listening = server->listen(); !listening) {
      return std::unexpected(listening.error());
    }
    server->start();
    return std::unique_ptr<Gateway>{new Gateway{std::move(server)}};
  } catch (const std::exception& error) {  // Asio at start-up: no descriptors, no memory
    return std::unexpected(
        Error{.code = ErrorCode::Io,
              .message = std::string{"cannot start the gateway: "} + error.what(),
              .source = {}});
  }
}

Gateway::Gateway(std::unique_ptr<Server> server) noexcept : server_{std::move(server)} {}
Gateway::~Gateway() = default;

std::uint16_t Gateway::port() const noexcept { return server_->port(); }
std::uint16_t Gateway::own_port() const noexcept { return server_->own_port(); }
void Gateway::lead(std::uint64_t next_sequence) { server_->post_lead(next_sequence); }
void Gateway::pause() { server_->post_pause(); }
void Gateway::follow() { server_->post_follow(); }
GatewayPlace Gateway::place() const noexcept { return server_->place(); }
void Gateway::stop() { server_->stop(); }

}  // namespace stoa::gateway
