#include <asm-generic/socket.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/socket_base.hpp>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "base/fd.h"
#include "base/log.h"
#include "bus/wake.h"
#include "gateway/app.h"
#include "gateway/desk.h"
#include "gateway/gateway.h"
#include "gateway/gateway_server.h"
#include "gateway/http_session.h"
#include "gateway/neighbour.h"
#include "gateway/net.h"
#include "gateway/ws_frame.h"
#include "gateway/ws_hub.h"
#include "relay/unix_socket.h"

// Two gateways at one public port, of which one leads (decision 0014, docs/formats/gateway.md):
//
//   both       have the listening socket, over a link that stands from the follower's start on
//   leads      accepts, and listens at Options::next for the other
//   pauses     accepts nobody and begins no request; can lead again
//   follows    gives its connections away as they come to rest
namespace stoa::gateway {
namespace {

Fd duplicate(int fd) { return Fd{::fcntl(fd, F_DUPFD_CLOEXEC, 0)}; }

net::Tcp protocol_of(const Fd& socket) {
  int domain = AF_INET;
  socklen_t size = sizeof domain;
  ::getsockopt(socket.get(), SOL_SOCKET, SO_DOMAIN, &domain, &size);
  return domain == AF_INET6 ? net::Tcp::v6() : net::Tcp::v4();
}

}  // namespace

void Gateway::Server::post_lead(std::uint64_t next_sequence) {
  asio::post(io_, [this, next_sequence] { lead(next_sequence); });
}
void Gateway::Server::post_pause() {
  asio::post(io_, [this] { pause(); });
}
void Gateway::Server::post_follow() {
  asio::post(io_, [this] { follow(); });
}

void Gateway::Server::use_listener(Fd listener) {
  listener_ = std::move(listener);
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  net::Tcp::endpoint endpoint;
  if (::getsockname(listener_.get(), reinterpret_cast<sockaddr*>(&address), &size) == 0 &&
      size <= endpoint.capacity()) {
    std::memcpy(endpoint.data(), &address, size);
    endpoint.resize(size);
    port_ = endpoint.port();
  }
}

Result<void> Gateway::Server::open_own_port() {
  net::Error error;
  const auto address = asio::ip::make_address(
      app_.options.host == "localhost" ? "127.0.0.1" : app_.options.host, error);
  const net::Tcp::endpoint any{address, 0};
  if (!error) net::ignore(own_acceptor_.open(any.protocol(), error));
  if (!error) net::ignore(own_acceptor_.bind(any, error));
  if (!error) net::ignore(own_acceptor_.listen(asio::socket_base::max_listen_connections, error));
  if (error) return io_error("cannot listen", error.value(), app_.options.host);
  own_port_ = own_acceptor_.local_endpoint(error).port();
  return {};
}

void Gateway::Server::begin_to_accept() {
  if (role_ != Role::Leads || !listener_ || acceptor_.is_open()) return;
  Fd own = duplicate(listener_.get());
  net::Error error;
  if (own) net::ignore(acceptor_.assign(protocol_of(listener_), own.get(), error));
  if (!own || error) {
    log::error("gateway_cannot_accept", {{"errno", own ? error.value() : errno}});
    return;  // the next tick tries again
  }
  static_cast<void>(own.release());
  accept(acceptor_);
}

void Gateway::Server::lead(std::uint64_t next_sequence) {
  if (stopping_) return;
  role_ = Role::Leads;
  leave_by_ = {};
  leaving_.clear();
  app_.desk.begin_at(next_sequence);
  meet();
  begin_to_accept();
  for (const auto& session : held(http_)) session->resume();
  tell_place();
  arm_timer();
}

void Gateway::Server::pause() {
  if (stopping_ || role_ != Role::Leads) return;
  role_ = Role::Pauses;
  net::Error ignored;
  net::ignore(acceptor_.close(ignored));
  std::erase(accept_again_, &acceptor_);
  for (const auto& session : held(http_)) {
    if (is_public(*session)) session->pause();
  }
  tell_place();
}

void Gateway::Server::follow() {
  if (stopping_ || role_ == Role::Follows) return;
  pause();
  role_ = Role::Follows;
  net::Error ignored;
  net::ignore(next_wait_.close(ignored));
  next_.reset();
  if (!own_acceptor_.is_open()) {
    if (const auto opened = open_own_port(); !opened) {
      log::error("gateway_without_port", {{"error", opened.error().text()}});
    } else {
      accept(own_acceptor_);
    }
  }
  leave_by_ = app_.link.clock->monotonic() + app_.options.drain_max;
  for (const auto& session : held(http_)) {
    if (is_public(*session)) leaving_.insert(session.get());
  }
  const std::string resume = hub_.resume_id();
  hub_.publish_all(app_.link.clock->monotonic());
  for (const auto& session : held(ws_)) session->close_after(WsClose::kRestart, resume);
  give_rested();
  arm_timer();
}

std::uint32_t Gateway::Server::kept() const {
  return static_cast<std::uint32_t>(http_.size() - own_.size());
}

void Gateway::Server::on_rested(HttpSession& session) {
  if (leaving_.contains(&session)) {
    // Not from within the session's own work.
    asio::post(io_, [this] { give_rested(); });
    return;
  }
  if (role_ == Role::Pauses) asio::post(io_, [this] { tell_place(); });
}

void Gateway::Server::tell_place() {
  GatewayPlace place{.listener = static_cast<bool>(listener_),
                     .neighbour = neighbour_ != nullptr && neighbour_listens_,
                     .kept = role_ == Role::Follows ? kept() : 0};
  // Whoever is answered stays; what reads could still bring a command.
  place.quiet = role_ != Role::Leads && app_.desk.all_handed_on() &&
                std::ranges::all_of(http_, [this](const auto& entry) {
                  const HttpSession& session = *entry.second;
                  return !is_public(session) || !session.reads();
                });
  if (place == told_) return;
  told_ = place;
  place_cell_.store(place);
  app_.link.engine_wake->notify();
}

void Gateway::Server::pair_tick(nanoseconds now) {
  if (stopping_) return;
  begin_to_accept();
  meet();
  if (leave_by_ != nanoseconds{} && now >= leave_by_) {
    leave_by_ = {};
    // Nobody takes them: they are answered here, for the last time.
    for (HttpSession* session : std::exchange(leaving_, {})) {
      session->last_answer();
      session->resume();
    }
  }
  tell_place();
}

/// Whoever leads waits for the other, and the other comes.
void Gateway::Server::meet() {
  const auto& path = app_.options.next;
  if (path.empty()) return;
  if (role_ == Role::Follows) {
    if (neighbour_) return;
    if (auto link = relay::connect_unix(path)) greet(std::move(*link));
    return;
  }
  if (next_ || role_ != Role::Leads) return;
  auto listening = relay::listen_unix(path, 0600);
  if (!listening) return;  // the one before has not let go yet: the next tick asks again
  next_ = std::move(*listening);
  net::Error error;
  Fd own = duplicate(next_.get());
  if (own) net::ignore(next_wait_.assign(own.get(), error));
  if (!own || error) return next_.reset();
  static_cast<void>(own.release());
  watch_next();
}

void Gateway::Server::watch_next() {
  next_wait_.async_wait(Descriptor::wait_read, [this](net::Error error) {
    if (error || stopping_ || !next_) return;
    auto came = relay::accept_unix(next_);
    if (came) {
      std::optional<Fd>& next = *came;
      if (next) greet(std::move(*next));
    }
    watch_next();
  });
}

/// One neighbour: a further one is turned away. It is a process of the same user, or nobody.
void Gateway::Server::greet(Fd socket) {
  if (neighbour_) return;
  const auto peer = relay::peer_of(socket);
  if (!peer || peer->uid != ::geteuid()) return;
  Fd own = duplicate(socket.get());
  net::Error error;
  if (own) net::ignore(neighbour_wait_.assign(own.get(), error));
  if (!own || error) return;
  static_cast<void>(own.release());
  neighbour_ = std::make_unique<Neighbour>(std::move(socket));
  neighbour_listens_ = false;
  neighbour_->say_hello(static_cast<bool>(listener_));
  flush_neighbour();
  if (neighbour_) watch_neighbour();
}

void Gateway::Server::watch_neighbour() {
  neighbour_wait_.async_wait(Descriptor::wait_read, [this](net::Error error) {
    if (error || stopping_ || !neighbour_) return;
    neighbour_moved();
    if (neighbour_) watch_neighbour();
  });
}

void Gateway::Server::neighbour_moved() {
  auto came = neighbour_->read();
  if (!came) return lose_neighbour(came.error());
  take_in(std::move(*came));
}

void Gateway::Server::take_in(Neighbour::Came came) {
  if (came.listener) {
    if (!listener_) use_listener(std::move(came.listener));
    neighbour_listens_ = true;
    neighbour_->say_hello(true);
    begin_to_accept();
  }
  if (came.hello) {
    neighbour_listens_ = came.has_listener;
    if (!came.has_listener && listener_) {
      if (const auto shared = neighbour_->share_listener(listener_); !shared) {
        return lose_neighbour(shared.error());
      }
    }
  }
  for (GivenConnection& connection : came.connections) adopt(std::move(connection));
  give_rested();
  flush_neighbour();
  tell_place();
}

void Gateway::Server::adopt(GivenConnection connection) {
  net::Socket socket{io_};
  net::Error error;
  net::ignore(socket.assign(protocol_of(connection.socket), connection.socket.get(), error));
  if (error) return;
  static_cast<void>(connection.socket.release());
  const auto session = std::make_shared<HttpSession>(std::move(socket), app_, *this);
  http_.emplace(session.get(), session);
  app_.connections = http_.size();
  if (role_ != Role::Leads) session->pause();  // until this one does
  if (leave_by_ != nanoseconds{}) leaving_.insert(session.get());
  session->start(connection.early);
}

/// What was sent to it is its own; the rest is kept, for whoever comes.
void Gateway::Server::lose_neighbour(const Error& why) {
  log::info("gateway_neighbour_gone", {{"why", why.text()}});
  net::Error ignored;
  net::ignore(neighbour_wait_.close(ignored));
  auto unsent = neighbour_->take_unsent();
  neighbour_.reset();
  neighbour_listens_ = false;
  for (GivenConnection& connection : unsent) adopt(std::move(connection));
  tell_place();
}

void Gateway::Server::give_rested() {
  if (role_ != Role::Follows || !neighbour_ || !neighbour_listens_ || leaving_.empty()) return;
  std::vector<GivenConnection> given;
  for (HttpSession* session : std::vector<HttpSession*>{leaving_.begin(), leaving_.end()}) {
    if (!session->rests()) continue;
    GivenConnection connection;
    connection.socket = session->take(connection.early);
    on_closed(*session);
    if (connection.socket) given.push_back(std::move(connection));
  }
  if (leaving_.empty()) leave_by_ = {};
  if (given.empty()) return;
  neighbour_->give(std::move(given));
  flush_neighbour();
  tell_place();
}

void Gateway::Server::flush_neighbour() {
  if (!neighbour_) return;
  if (const auto sent = neighbour_->flush(); !sent) return lose_neighbour(sent.error());
  if (!neighbour_->wants_to_write() || std::exchange(writes_neighbour_, true)) return;
  neighbour_wait_.async_wait(Descriptor::wait_write, [this](net::Error error) {
    writes_neighbour_ = false;
    if (!error && !stopping_) flush_neighbour();
  });
}

}  // namespace stoa::gateway
