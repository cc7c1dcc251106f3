#include "gateway/ws_session.h"

#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/asio/error.hpp>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <utility>

#include "base/clock.h"
#include "gateway/app.h"
#include "gateway/net.h"
#include "gateway/ws_frame.h"
#include "gateway/ws_hub.h"

namespace stoa::gateway {
namespace {

namespace asio = boost::asio;

constexpr std::size_t kReadBytes = 65'536;
constexpr std::size_t kGatherMax = 64;  // frames per system call
constexpr std::chrono::seconds kCloseTime{5};

}  // namespace

WsSession::WsSession(net::Socket socket, App& app, WsHub& hub, WsHost& host)
    : socket_{std::move(socket)},
      app_{app},
      hub_{hub},
      host_{host},
      progress_{app.link.clock->monotonic()} {}

void WsSession::start(std::string_view early) {
  net::Error ignored;
  net::ignore(socket_.non_blocking(true, ignored));
  if (!early.empty()) on_bytes(early);
  if (!closed_) read();
}

/// Waits without a buffer: a thousand silent clients hold no memory for reading.
void WsSession::read() {
  socket_.async_wait(net::Socket::wait_read, [self = shared_from_this()](net::Error error) {
    if (self->closed_) return;
    if (error) return self->finish();
    static thread_local std::array<char, kReadBytes> bytes;
    const std::size_t count = self->socket_.read_some(asio::buffer(bytes), error);
    if (error == asio::error::would_block) return self->read();
    if (error) return self->finish();
    self->on_bytes({bytes.data(), count});
    if (!self->closed_) self->read();
  });
}

void WsSession::on_bytes(std::string_view bytes) {
  reader_.feed(bytes);
  for (WsEvent event = reader_.next(); event.kind != WsEvent::Kind::NeedMore && !closed_;
       event = reader_.next()) {
    on_event(event);
  }
  flush();
}

void WsSession::on_event(const WsEvent& event) {
  if (closing_ && event.kind != WsEvent::Kind::Close) return;
  switch (event.kind) {
    case WsEvent::Kind::Message:
      if (event.opcode == WsOpcode::Binary) {
        return close(WsClose::kUnsupported, "text frames only");
      }
      return hub_.on_message(*this, event.payload);
    case WsEvent::Kind::Ping:
      return out.push(WsFrame::make(WsOpcode::Pong, event.payload));
    case WsEvent::Kind::Close:
      // Either the answer to ours, which ends it, or theirs, which is answered and then ends it.
      if (closing_) return finish();
      return close(event.code == WsClose::kNoStatus ? WsClose::kNormal : event.code, {});
    case WsEvent::Kind::Error:
      return close(event.code, event.payload);
    case WsEvent::Kind::Pong:
    case WsEvent::Kind::NeedMore:
      return;
  }
}

void WsSession::flush() {
  if (closed_ || waiting_to_write_) return;
  const nanoseconds now = app_.link.clock->monotonic();
  for (;;) {
    if (out.empty()) {
      progress_ = now;
      hub_.on_drained(*this);
      if (!out.empty()) continue;
      break;
    }
    std::array<std::string_view, kGatherMax> pieces;
    std::array<asio::const_buffer, kGatherMax> buffers;
    const std::size_t count = out.pieces(pieces);
    for (std::size_t i = 0; i < count; ++i) {
      buffers[i] = asio::const_buffer{pieces[i].data(), pieces[i].size()};
    }
    net::Error error;
    const std::size_t taken = socket_.write_some(std::span{buffers}.first(count), error);
    if (error && error != asio::error::would_block) return finish();
    if (taken > 0) {
      out.consumed(taken);
      progress_ = now;
      continue;
    }
    waiting_to_write_ = true;
    socket_.async_wait(net::Socket::wait_write, [self = shared_from_this()](net::Error failed) {
      self->waiting_to_write_ = false;
      if (self->closed_) return;
      if (failed) return self->finish();
      self->flush();
    });
    return;
  }
  if (closing_) {
    net::Error ignored;
    net::ignore(socket_.shutdown(net::Socket::shutdown_send, ignored));
  }
}

void WsSession::check(nanoseconds now) {
  if (closed_) return;
  if (closing_) {
    if (now >= close_by_) finish();
    return;
  }
  const bool silent = !out.empty() && now - progress_ > app_.options.client_silence_max;
  if (silent || out.bytes() > app_.options.backlog_hard_bytes) {
    ++app_.closed_slow;
    close(WsClose::kTooSlow, "reads too slowly");
  }
}

void WsSession::close(std::uint16_t code, std::string_view reason) {
  if (closed_ || closing_) return;
  closing_ = true;
  close_by_ = app_.link.clock->monotonic() + kCloseTime;
  hub_.remove(*this);
  behind = false;
  out.drop_unsent();
  out.push(WsFrame::close(code, reason));
  flush();
}

void WsSession::close_after(std::uint16_t code, std::string_view reason) {
  if (closed_ || closing_) return;
  // Whoever missed deltas has not been told everything, and begins anew.
  if (behind) return close(code, {});
  closing_ = true;
  close_by_ = app_.link.clock->monotonic() + kCloseTime;
  hub_.remove(*this);
  out.push(WsFrame::close(code, reason));
  flush();
}

void WsSession::finish() {
  if (std::exchange(closed_, true)) return;
  hub_.remove(*this);
  net::Error ignored;
  net::ignore(socket_.close(ignored));
  host_.on_closed(*this);
}

}  // namespace stoa::gateway
