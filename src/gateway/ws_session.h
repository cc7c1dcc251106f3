#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include "base/clock.h"
#include "gateway/app.h"
#include "gateway/net.h"
#include "gateway/ws_frame.h"
#include "gateway/ws_hub.h"

namespace stoa::gateway {

class WsSession;

/// Who holds the sessions.
class WsHost {
 public:
  virtual ~WsHost() = default;
  virtual void on_closed(WsSession& session) = 0;
};

/// The socket of one WebSocket client: frames in to the hub, the outbox out in gathered writes.
/// Gateway thread.
class WsSession : public std::enable_shared_from_this<WsSession>, public WsClient {
 public:
  WsSession(net::Socket socket, App& app, WsHub& hub, WsHost& host);

  /// `early` came behind the handshake.
  void start(std::string_view early);
  /// Writes what the outbox holds, as far as the socket takes it; the rest follows when it can.
  void flush();
  /// Closes who has been owed too much or for too long.
  void check(nanoseconds now);
  /// Sends a close frame, then ends the connection once it is out.
  void close(std::uint16_t code, std::string_view reason);
  /// The same behind everything that it is owed.
  void close_after(std::uint16_t code, std::string_view reason);
  /// Ends the connection at once.
  void finish();

 private:
  void read();
  void on_bytes(std::string_view bytes);
  void on_event(const WsEvent& event);

  net::Socket socket_;
  App& app_;
  WsHub& hub_;
  WsHost& host_;
  WsReader reader_;
  nanoseconds progress_{};  // when the socket last took bytes, or owed none
  nanoseconds close_by_{};  // closing: when patience ends
  bool waiting_to_write_ = false;
  bool closing_ = false;
  bool closed_ = false;
};

}  // namespace stoa::gateway
