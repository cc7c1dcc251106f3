#pragma once

#include <atomic>
#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/basic_stream_descriptor.hpp>
#include <boost/asio/wait_traits.hpp>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <thread>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "base/fd.h"
#include "base/seq_cell.h"
#include "gateway/app.h"
#include "gateway/gateway.h"
#include "gateway/http_session.h"
#include "gateway/hub_client.h"
#include "gateway/neighbour.h"
#include "gateway/net.h"
#include "gateway/ws_hub.h"
#include "gateway/ws_session.h"

// The gateway's thread, in two files: gateway.cc serves, gateway_pair.cc stands beside another.
namespace stoa::gateway {

namespace asio = boost::asio;

/// The sessions of a table, held: they leave it when they end, so no walk is over the table itself.
template <class Session>
[[nodiscard]] std::vector<std::shared_ptr<Session>> held(
    const std::unordered_map<Session*, std::shared_ptr<Session>>& table) {
  std::vector<std::shared_ptr<Session>> sessions;
  sessions.reserve(table.size());
  for (const auto& [key, session] : table) sessions.push_back(session);
  return sessions;
}

/// The gateway's thread and everything on it.
class Gateway::Server final : public HttpHost, public WsHost {
 public:
  Server(Options options, const Link& link)
      : app_{std::move(options), link},
        hub_{app_},
        acceptor_{io_},
        own_acceptor_{io_},
        timer_{io_},
        wake_{io_},
        next_wait_{io_},
        neighbour_wait_{io_},
        role_{app_.options.follows ? Role::Follows : Role::Leads} {
    if (app_.options.hub.empty()) return;
    hub_client_ = std::make_unique<HubClient>(io_, app_.options.hub, app_.options.hub_timeout);
    app_.hub = hub_client_.get();
  }
  // A thread that cannot be joined ends the process anyway.
  // NOLINTNEXTLINE(bugprone-exception-escape)
  ~Server() override { stop(); }
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  Result<void> listen();
  void start() {
    thread_ = std::thread{[this] { run(); }};
  }
  void stop();
  [[nodiscard]] std::uint16_t port() const noexcept { return port_.load(); }
  [[nodiscard]] std::uint16_t own_port() const noexcept { return own_port_.load(); }
  [[nodiscard]] GatewayPlace place() const noexcept { return place_cell_.load(); }

  void on_closed(HttpSession& session) override;
  void on_upgraded(net::Socket socket, std::string early) override;
  void on_rested(HttpSession& session) override;
  void on_closed(WsSession& session) override;

  // gateway_pair.cc: one of two at a port. Posted to the gateway's thread.
  void post_lead(std::uint64_t next_sequence);
  void post_pause();
  void post_follow();

 private:
  using Acceptor = asio::basic_socket_acceptor<net::Tcp, net::Executor>;
  using Timer =
      asio::basic_waitable_timer<std::chrono::steady_clock,
                                 asio::wait_traits<std::chrono::steady_clock>, net::Executor>;
  using Descriptor = asio::posix::basic_stream_descriptor<net::Executor>;
  enum class Role : std::uint8_t { Leads, Pauses, Follows };

  void run();
  void accept(Acceptor& acceptor);
  void on_accept(Acceptor& acceptor, net::Error error, net::Socket socket);
  void turn();
  void sleep();
  void publish();
  void tick();
  void arm_timer();
  void shut_down();

  Result<Fd> bind_public(const net::Tcp::endpoint& endpoint);

  // gateway_pair.cc
  void use_listener(Fd listener);
  Result<void> open_own_port();
  void begin_to_accept();
  void lead(std::uint64_t next_sequence);
  void pause();
  void follow();
  [[nodiscard]] bool is_public(const HttpSession& session) const {
    return !own_.contains(&session);
  }
  [[nodiscard]] std::uint32_t kept() const;
  void pair_tick(nanoseconds now);
  void meet();
  void watch_next();
  void greet(Fd socket);
  void watch_neighbour();
  void neighbour_moved();
  void take_in(Neighbour::Came came);
  void adopt(GivenConnection connection);
  void lose_neighbour(const Error& why);
  void give_rested();
  void flush_neighbour();
  void tell_place();

  App app_;
  WsHub hub_;
  asio::io_context io_{1};
  std::unique_ptr<HubClient> hub_client_;
  Acceptor acceptor_;      // accepts on a duplicate of listener_, while this one leads
  Acceptor own_acceptor_;  // of a gateway that followed once
  Timer timer_;
  Descriptor wake_;
  std::atomic<std::uint16_t> port_{0};
  std::atomic<std::uint16_t> own_port_{0};
  std::unordered_map<HttpSession*, std::shared_ptr<HttpSession>> http_;
  std::unordered_map<WsSession*, std::shared_ptr<WsSession>> ws_;
  nanoseconds log_figures_due_{};
  nanoseconds stop_by_{};
  std::vector<Acceptor*> accept_again_;  // failed, and are tried again at the next tick
  bool stopping_ = false;

  // Of a pair.
  Fd listener_;  // the public one; shared with the neighbour and never closed before the end
  Fd next_;      // where a neighbour comes to, while this one leads
  Descriptor next_wait_;
  std::unique_ptr<Neighbour> neighbour_;
  Descriptor neighbour_wait_;
  bool writes_neighbour_ = false;   // waits until the link takes more
  bool neighbour_listens_ = false;  // it has the listener
  Role role_;
  std::unordered_set<const HttpSession*> own_;  // came through the port of its own
  std::unordered_set<HttpSession*> leaving_;    // are to be given away
  nanoseconds leave_by_{};                      // 0: nobody is
  SeqCell<GatewayPlace> place_cell_;
  GatewayPlace told_;
  std::thread thread_;
};

}  // namespace stoa::gateway
