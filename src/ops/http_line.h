#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/fd.h"
#include "ops/socket_address.h"

namespace stoa::ops {

struct HttpAnswer {
  int status = 0;
  std::string body;
  std::string_view head;  // until the next request
};

/// One HTTP/1.1 connection of a client that waits for nothing: a request at a time, kept alive
/// between them. One thread; the owner polls `fd` for `wants` and calls `on_ready`.
class HttpLine {
 public:
  enum class State : std::uint8_t { Closed, Connecting, Idle, Waiting };
  enum class Event : std::uint8_t { None, Connected, Answered, Lost };

  /// Begins to connect; false: refused at once, and still Closed.
  bool connect(const SocketAddress& address);
  /// Idle only: writes the request; what did not fit follows from `on_ready`. Lost when it broke.
  Event send(std::string request);
  /// After poll said something about `fd`. Answered: `answer` holds it, and the line is Idle, or
  /// Closed where the server wanted that.
  Event on_ready();
  void close();

  [[nodiscard]] State state() const noexcept { return state_; }
  [[nodiscard]] int fd() const noexcept { return fd_.get(); }
  [[nodiscard]] short wants() const noexcept;
  [[nodiscard]] const HttpAnswer& answer() const noexcept { return answer_; }

 private:
  Event lose();
  Event write_rest();
  Event read_more();
  /// True when `input_` holds a whole answer, which then is in `answer_`.
  bool take_answer();

  Fd fd_;
  State state_ = State::Closed;
  std::string output_;
  std::size_t written_ = 0;
  std::string input_;
  HttpAnswer answer_;
};

}  // namespace stoa::ops
