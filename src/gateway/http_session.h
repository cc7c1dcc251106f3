#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/fd.h"
#include "gateway/app.h"
#include "gateway/http_message.h"
#include "gateway/net.h"
#include "gateway/problem.h"

namespace stoa::gateway {

class HttpSession;

/// Who holds the sessions.
class HttpHost {
 public:
  virtual ~HttpHost() = default;
  /// The session has ended; the host lets go of it.
  virtual void on_closed(HttpSession& session) = 0;
  /// A WebSocket was asked for and allowed: the answer is written, `early` was read already.
  virtual void on_upgraded(net::Socket socket, std::string early) = 0;
  /// A paused session has come to rest: `take` may be called.
  virtual void on_rested(HttpSession& session) = 0;
};

/// One HTTP/1.1 connection: requests are answered one after the other in the order of their coming,
/// pipelined ones too. Gateway thread.
///
/// bounds  head 16 KiB (431), target 4 KiB (414), body 64 KiB (413); a request that is not whole
///         after Options::header_timeout is 408; no request for Options::idle_timeout ends it
class HttpSession : public std::enable_shared_from_this<HttpSession> {
 public:
  static constexpr std::size_t kHeadBytesMax = 16U << 10U;
  static constexpr std::size_t kTargetBytesMax = 4U << 10U;
  static constexpr std::size_t kBodyBytesMax = 64U << 10U;

  HttpSession(net::Socket socket, App& app, HttpHost& host);
  ~HttpSession();
  HttpSession(const HttpSession&) = delete;
  HttpSession& operator=(const HttpSession&) = delete;

  /// `early` came before: read by the process that had the connection.
  void start(std::string_view early = {});
  /// Begins no further request; one that is under way is answered.
  void pause();
  void resume();
  /// Paused, and neither a request nor a read is under way: it can be given away.
  [[nodiscard]] bool rests() const;
  /// A request may come of it at any moment.
  [[nodiscard]] bool reads() const noexcept {
    return state_ == State::Reading && (reading_ || !paused_);
  }
  /// The connection of a session that rests, for another process, with what was read and not
  /// answered. The session is over.
  [[nodiscard]] Fd take(std::string& early);
  /// The answer under way, or the next one, is the last.
  void last_answer() noexcept { last_ = true; }
  /// Answers 503 and closes: no room for another connection.
  void refuse();
  /// Ends what has taken too long.
  void check_deadline(nanoseconds now);
  void close();

 private:
  class Reader;  // wraps Beast's parser
  enum class State : std::uint8_t { Reading, Answering, Writing, Draining, Closed };

  void run();
  bool parse();
  void read();
  void on_read(net::Error error, std::size_t bytes);
  void handle();
  void handle_upgrade();
  [[nodiscard]] bool hung_up();
  void answer(Response&& response);
  void fail(const Problem& problem);
  void write();
  void on_written();
  void drain();
  void finish();
  [[nodiscard]] std::string head_of(const Response& response, bool with_body) const;

  net::Socket socket_;
  App& app_;
  HttpHost& host_;
  std::unique_ptr<Reader> reader_;
  State state_ = State::Reading;
  nanoseconds deadline_{};
  bool running_ = false;  // inside run(): answers that come at once do not nest
  bool reading_ = false;  // a read is under way
  bool paused_ = false;
  bool last_ = false;           // the connection ends with this answer
  bool request_begun_ = false;  // bytes of the next request have come
  bool keep_alive_ = true;
  bool drain_after_ = false;  // unread bytes are left: a plain close would tear the answer away
  std::string request_id_;
  bool head_only_ = false;
  nanoseconds command_since_{};  // the request under way is to change something; 0: it is not
  std::string head_;             // of the answer being written
  std::string body_;
  std::string_view asset_;
  std::size_t written_ = 0;
};

}  // namespace stoa::gateway
