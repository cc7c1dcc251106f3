#include "gateway/http_session.h"

#include <sys/poll.h>

#include <algorithm>
#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/field.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/verb.hpp>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/clock.h"
#include "base/fd.h"
#include "gateway/app.h"
#include "gateway/auth.h"
#include "gateway/http_message.h"
#include "gateway/neighbour_wire.h"
#include "gateway/net.h"
#include "gateway/problem.h"
#include "gateway/ws_frame.h"
#include "ops/http_text.h"

namespace stoa::gateway {
namespace {

namespace asio = boost::asio;
namespace http = boost::beast::http;

constexpr std::size_t kReadBytes = 8'192;
constexpr std::chrono::seconds kDrainTime{2};
constexpr std::size_t kRequestIdBytesMax = 128;
constexpr std::string_view kWebSocketPath = "/ws/v1";

// On every answer. Nothing here is meant to be framed, sniffed or read by another site's page.
constexpr std::string_view kSecurityHeaders =
    "X-Content-Type-Options: nosniff\r\n"
    "X-Frame-Options: DENY\r\n"
    "Referrer-Policy: no-referrer\r\n"
    "Cross-Origin-Resource-Policy: same-origin\r\n";
constexpr std::string_view kPagePolicy =
    "Content-Security-Policy: default-src 'self'; script-src 'self'; style-src 'self'; "
    "img-src 'self' data:; connect-src 'self'; font-src 'self'; object-src 'none'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'\r\n"
    "Cross-Origin-Opener-Policy: same-origin\r\n";
constexpr std::string_view kDataPolicy =
    "Content-Security-Policy: default-src 'none'; frame-ancestors 'none'\r\n";

std::string_view view_of(boost::beast::string_view text) noexcept {
  return {text.data(), text.size()};
}

Method method_of(http::verb verb) noexcept {
  switch (verb) {
    case http::verb::get:
      return Method::Get;
    case http::verb::head:
      return Method::Head;
    case http::verb::post:
      return Method::Post;
    case http::verb::put:
      return Method::Put;
    case http::verb::patch:
      return Method::Patch;
    case http::verb::delete_:
      return Method::Delete;
    default:
      return Method::Other;
  }
}

Problem problem_of(net::Error error) {
  if (error == http::error::body_limit) {
    return {.status = 413,
            .code = "body_too_large",
            .detail = "a body has at most 65536 bytes",
            .hint = "No call of this API needs more."};
  }
  if (error == http::error::header_limit || error == http::error::buffer_overflow) {
    return {.status = 431,
            .code = "headers_too_large",
            .detail = "the head of a request has at most 16384 bytes",
            .hint = "Send fewer or shorter headers."};
  }
  return {.status = 400,
          .code = "bad_request",
          .detail = "this is no HTTP/1.1 request: " + error.message(),
          .hint = "The connection is closed."};
}

bool has_token(std::string_view list, std::string_view token) {
  // Short lists of words with commas between: Connection, Upgrade.
  std::string lowered{list};
  std::ranges::transform(lowered, lowered.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  std::string_view rest{lowered};
  while (!rest.empty()) {
    std::string_view word = rest.substr(0, rest.find(','));
    rest.remove_prefix(std::min(rest.size(), word.size() + 1));
    while (word.starts_with(' ') || word.starts_with('\t')) word.remove_prefix(1);
    while (word.ends_with(' ') || word.ends_with('\t')) word.remove_suffix(1);
    if (word == token) return true;
  }
  return false;
}

bool visible(std::string_view text) noexcept {
  return std::ranges::all_of(text, [](char c) { return c > 0x20 && c < 0x7F; });
}

}  // namespace

// NOLINTBEGIN(bugprone-unchecked-optional-access): there is a parser from the first begin() on,
// which the session's constructor calls.
/// Beast's parser with the bytes it has not taken yet.
class HttpSession::Reader {
 public:
  using Parser = http::request_parser<http::string_body>;

  void begin() {
    parser_.emplace();
    parser_->header_limit(kHeadBytesMax);
    parser_->body_limit(kBodyBytesMax);
    parser_->eager(true);
    continue_sent_ = false;
    begun_.clear();
  }
  [[nodiscard]] net::Error put() {
    net::Error error;
    const std::size_t used = parser_->put(buffer_.data(), error);
    if (!parser_->is_done()) begun_.append(rest(), 0, used);
    buffer_.consume(used);
    return error;
  }
  /// Gives the bytes of a request that is not whole, and those behind it, as they came.
  [[nodiscard]] std::string unanswered() const { return begun_ + rest(); }
  [[nodiscard]] std::size_t unanswered_bytes() const { return begun_.size() + buffer_.size(); }
  void came(std::string_view bytes) {
    auto room = buffer_.prepare(bytes.size());
    std::memcpy(room.data(), bytes.data(), bytes.size());
    buffer_.commit(bytes.size());
  }
  /// The client waits for leave to send its body.
  [[nodiscard]] bool wants_continue() {
    if (continue_sent_ || !parser_->is_header_done() || parser_->is_done()) return false;
    continue_sent_ = true;
    return has_token(view_of(parser_->get()[http::field::expect]), "100-continue");
  }
  [[nodiscard]] bool done() const { return parser_->is_done(); }
  [[nodiscard]] bool empty() const { return buffer_.size() == 0; }
  [[nodiscard]] const Parser::value_type& request() const { return parser_->get(); }
  [[nodiscard]] bool keep_alive() const { return parser_->keep_alive(); }
  [[nodiscard]] auto room() { return buffer_.prepare(kReadBytes); }
  void came(std::size_t bytes) { buffer_.commit(bytes); }
  [[nodiscard]] std::string rest() const {
    return {static_cast<const char*>(buffer_.data().data()), buffer_.size()};
  }
  void drop() { buffer_.consume(buffer_.size()); }
  [[nodiscard]] std::string_view field(http::field name) const {
    return view_of(parser_->get()[name]);
  }
  [[nodiscard]] std::string_view field(std::string_view name) const {
    return view_of(parser_->get()[boost::beast::string_view{name.data(), name.size()}]);
  }

 private:
  boost::beast::flat_buffer buffer_{kHeadBytesMax + kBodyBytesMax + 2 * kReadBytes};
  std::optional<Parser> parser_;
  std::string begun_;  // the part of the request that the parser has taken, while it is not whole
  bool continue_sent_ = false;
};
// NOLINTEND(bugprone-unchecked-optional-access)

HttpSession::HttpSession(net::Socket socket, App& app, HttpHost& host)
    : socket_{std::move(socket)}, app_{app}, host_{host}, reader_{std::make_unique<Reader>()} {
  reader_->begin();
}

HttpSession::~HttpSession() = default;

void HttpSession::start(std::string_view early) {
  net::Error ignored;
  net::ignore(socket_.non_blocking(true, ignored));
  net::ignore(socket_.set_option(net::Tcp::no_delay{true}, ignored));
  deadline_ = app_.link.clock->monotonic() + app_.options.idle_timeout;
  if (!early.empty()) reader_->came(early);
  run();
}

void HttpSession::pause() {
  if (std::exchange(paused_, true) || !reading_) return;
  net::Error ignored;  // the read ends with what has come, or with nothing
  net::ignore(socket_.cancel(ignored));
}

void HttpSession::resume() {
  if (!std::exchange(paused_, false)) return;
  deadline_ = app_.link.clock->monotonic() + app_.options.idle_timeout;
  run();
}

bool HttpSession::rests() const {
  return paused_ && state_ == State::Reading && !reading_ &&
         reader_->unanswered_bytes() <= kEarlyBytesMax;
}

Fd HttpSession::take(std::string& early) {
  early = reader_->unanswered();
  state_ = State::Closed;
  net::Error error;
  Fd socket{socket_.release(error)};
  return error ? Fd{} : std::move(socket);
}

void HttpSession::refuse() {
  net::Error ignored;
  net::ignore(socket_.non_blocking(true, ignored));
  fail({.status = 503,
        .code = "not_ready",
        .detail = "too many connections are open",
        .hint = "Close some, or try again in a second."});
}

void HttpSession::run() {
  if (running_) return;
  running_ = true;
  while (!paused_ && state_ == State::Reading && parse()) handle();
  running_ = false;
}

/// True when a whole request is there; else a read is under way or the session ends.
bool HttpSession::parse() {
  if (!reader_->empty()) {
    if (!std::exchange(request_begun_, true)) {
      deadline_ = app_.link.clock->monotonic() + app_.options.header_timeout;
    }
    const net::Error error = reader_->put();
    if (error && error != http::error::need_more) {
      fail(problem_of(error));
      return false;
    }
    if (reader_->done()) return true;
    if (reader_->wants_continue()) {
      static constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
      net::Error ignored;  // 25 bytes on a socket that has answered everything before
      socket_.write_some(asio::buffer(kContinue.data(), kContinue.size()), ignored);
    }
  }
  read();
  return false;
}

void HttpSession::read() {
  if (reading_) return;
  reading_ = true;
  socket_.async_read_some(reader_->room(),
                          [self = shared_from_this()](net::Error error, std::size_t bytes) {
                            self->on_read(error, bytes);
                          });
}

void HttpSession::on_read(net::Error error, std::size_t bytes) {
  reading_ = false;
  if (state_ == State::Closed) return;
  if (error == asio::error::operation_aborted) {
    // Paused, and perhaps resumed already.
    return paused_ && state_ == State::Reading ? host_.on_rested(*this) : run();
  }
  if (error) return finish();
  reader_->came(bytes);
  if (state_ == State::Draining) {
    reader_->drop();
    return read();
  }
  if (paused_) return host_.on_rested(*this);
  run();
}

void HttpSession::handle() {
  const auto& message = reader_->request();
  const Request request{.method = method_of(message.method()),
                        .target = view_of(message.target()),
                        .body = message.body(),
                        .host = reader_->field(http::field::host),
                        .authorization = reader_->field(http::field::authorization),
                        .accept = reader_->field(http::field::accept),
                        .if_none_match = reader_->field(http::field::if_none_match)};
  ++app_.requests;
  state_ = State::Answering;
  keep_alive_ = reader_->keep_alive() && !last_;
  head_only_ = request.method == Method::Head;
  const bool asks = head_only_ || request.method == Method::Get;
  command_since_ = asks ? nanoseconds{} : app_.link.clock->monotonic();
  request_id_.clear();
  const std::string_view id = reader_->field("X-Request-Id");
  if (id.size() <= kRequestIdBytesMax && visible(id)) request_id_ = id;
  if (request.target.size() > kTargetBytesMax) {
    return fail({.status = 414,
                 .code = "target_too_long",
                 .detail = "a target has at most 4096 bytes",
                 .hint = "Shorten the path or the query."});
  }
  if (request.path() == kWebSocketPath) return handle_upgrade();
  const auto answer = [weak = weak_from_this()](Response&& response) {
    if (const auto self = weak.lock()) self->answer(std::move(response));
  };
  const auto gone = [weak = weak_from_this()] {
    const auto self = weak.lock();
    return !self || self->hung_up();
  };
  app_.handle(request, Reply{answer, gone});
}

/// Seen past the bytes that are not read yet: behind them may stand the end.
bool HttpSession::hung_up() {
  if (state_ == State::Closed) return true;
  pollfd end{.fd = socket_.native_handle(), .events = POLLRDHUP, .revents = 0};
  return ::poll(&end, 1, 0) > 0;
}

void HttpSession::handle_upgrade() {
  const std::string_view host = reader_->field(http::field::host);
  const std::string_view key = reader_->field(http::field::sec_websocket_key);
  if (!host_accepted(host, app_.options.names)) {
    return answer(respond({.status = 421,
                           .code = "misdirected",
                           .detail = "this server has another name",
                           .hint = "Use 127.0.0.1 or localhost, or configure the name."}));
  }
  if (!origin_accepted(reader_->field(http::field::origin), host)) {
    return answer(respond({.status = 403,
                           .code = "origin_refused",
                           .detail = "a page of another origin may not listen here",
                           .hint = "Open the page from this server."}));
  }
  const bool asks = reader_->request().method() == http::verb::get &&
                    has_token(reader_->field(http::field::connection), "upgrade") &&
                    has_token(reader_->field(http::field::upgrade), "websocket");
  constexpr std::size_t kKeyBytes = 24;
  if (!asks || reader_->field(http::field::sec_websocket_version) != "13" ||
      key.size() != kKeyBytes) {
    Response response = respond({.status = 426,
                                 .code = "upgrade_required",
                                 .detail = "this path speaks WebSocket, version 13",
                                 .hint = "Connect with a WebSocket client."});
    response.headers.emplace_back("Upgrade", "websocket");
    response.headers.emplace_back("Sec-WebSocket-Version", "13");
    return answer(std::move(response));
  }
  if (app_.clients >= app_.options.clients_max) {
    return answer(respond({.status = 503,
                           .code = "not_ready",
                           .detail = "too many WebSocket clients are connected",
                           .hint = "Close some, or try again in a second."}));
  }
  head_ =
      "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
      "Sec-WebSocket-Accept: " +
      ws_accept_key(key) + "\r\n\r\n";
  ++app_.requests_by_status[101];
  state_ = State::Writing;
  asio::async_write(socket_, asio::buffer(head_),
                    [self = shared_from_this()](net::Error error, std::size_t /*bytes*/) {
                      if (self->state_ == State::Closed) return;
                      if (error) return self->finish();
                      self->state_ = State::Closed;
                      self->host_.on_upgraded(std::move(self->socket_), self->reader_->rest());
                      self->host_.on_closed(*self);
                    });
}

std::string HttpSession::head_of(const Response& response, bool with_body) const {
  const std::size_t length = response.asset.empty() ? response.body.size() : response.asset.size();
  std::string head = "HTTP/1.1 " + std::to_string(response.status) + ' ';
  head += ops::status_text(response.status);
  head += "\r\n";
  ((head += "Date: ") += ops::http_date(app_.link.clock->now())) += "\r\n";
  if (with_body) {
    head += "Content-Type: ";
    head += response.content_type;
    head += "\r\nContent-Length: " + std::to_string(length) + "\r\n";
  }
  for (const auto& [name, value] : response.headers) {
    head += name;
    head += ": ";
    head += value;
    head += "\r\n";
  }
  if (!response.cacheable) head += "Cache-Control: no-store\r\n";
  head += kSecurityHeaders;
  head += response.page ? kPagePolicy : kDataPolicy;
  if (!request_id_.empty()) head += "X-Request-Id: " + request_id_ + "\r\n";
  if (!keep_alive_) head += "Connection: close\r\n";
  return head += "\r\n";
}

void HttpSession::answer(Response&& response) {
  if (state_ == State::Closed) return;
  if (last_) keep_alive_ = false;
  ++app_.requests_by_status[response.status];
  if (command_since_ != nanoseconds{}) {
    ++app_.commands_by_status[response.status];
    const nanoseconds took = app_.link.clock->monotonic() - std::exchange(command_since_, {});
    app_.command_ns.record(static_cast<std::uint64_t>(took.count()));
  }
  const bool with_body = response.status != 304;
  head_ = head_of(response, with_body);
  body_ = std::move(response.body);
  asset_ = {};
  if (!response.asset.empty()) {
    const void* const bytes = response.asset.data();
    asset_ = {static_cast<const char*>(bytes), response.asset.size()};
  }
  if (head_only_ || !with_body) {
    body_.clear();
    asset_ = {};
  }
  written_ = 0;
  state_ = State::Writing;
  deadline_ = app_.link.clock->monotonic() + app_.options.idle_timeout;
  write();
}

void HttpSession::fail(const Problem& problem) {
  keep_alive_ = false;
  drain_after_ = true;
  answer(respond(problem));
}

/// Most answers fit the socket's buffer: they are written at once, without a round through the
/// loop.
void HttpSession::write() {
  const std::array<std::string_view, 3> parts{head_, body_, asset_};
  std::array<asio::const_buffer, 3> rest;
  std::size_t skip = written_;
  std::size_t left = 0;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const std::size_t gone = std::min(skip, parts[i].size());
    skip -= gone;
    rest[i] = asio::const_buffer{parts[i].data() + gone, parts[i].size() - gone};
    left += rest[i].size();
  }
  net::Error error;
  const std::size_t taken = socket_.write_some(rest, error);
  if (error && error != asio::error::would_block) return finish();
  written_ += taken;
  if (taken == left) return on_written();
  socket_.async_wait(net::Socket::wait_write, [self = shared_from_this()](net::Error failed) {
    if (self->state_ == State::Closed) return;
    if (failed) return self->finish();
    self->write();
  });
}

void HttpSession::on_written() {
  if (!keep_alive_) return drain_after_ ? drain() : finish();
  reader_->begin();
  request_begun_ = false;
  state_ = State::Reading;
  deadline_ = app_.link.clock->monotonic() + app_.options.idle_timeout;
  if (paused_) return host_.on_rested(*this);
  run();
}

/// Says that nothing more comes and reads what is still on its way: closing with unread bytes would
/// reset the connection and take the answer with it.
void HttpSession::drain() {
  state_ = State::Draining;
  deadline_ = app_.link.clock->monotonic() + kDrainTime;
  net::Error ignored;
  net::ignore(socket_.shutdown(net::Socket::shutdown_send, ignored));
  reader_->drop();
  read();
}

void HttpSession::check_deadline(nanoseconds now) {
  // Who is paused waits for us, not we for them.
  const bool theirs = state_ != State::Answering && !(paused_ && state_ == State::Reading);
  if (now < deadline_ || state_ == State::Closed || !theirs) return;
  if (state_ == State::Reading && request_begun_) {
    return fail({.status = 408,
                 .code = "request_timeout",
                 .detail = "the request did not come in time",
                 .hint = "Send it in one piece."});
  }
  finish();
}

void HttpSession::close() {
  if (state_ != State::Closed) finish();
}

void HttpSession::finish() {
  if (state_ == State::Closed) return;
  state_ = State::Closed;
  net::Error ignored;
  net::ignore(socket_.shutdown(net::Socket::shutdown_both, ignored));
  net::ignore(socket_.close(ignored));
  host_.on_closed(*this);
}

}  // namespace stoa::gateway
