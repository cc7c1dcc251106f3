#include "ops/http_line.h"

#include <asm-generic/socket.h>
#include <netinet/tcp.h>
#include <sys/poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

#include "ops/socket_address.h"

namespace stoa::ops {
namespace {

constexpr std::string_view kHeadEnd = "\r\n\r\n";

/// The value of a header of ours, which writes them as they are asked for here.
std::string_view header(std::string_view head, std::string_view name) {
  const auto at = head.find(name);
  if (at == std::string_view::npos) return {};
  const auto from = at + name.size();
  return head.substr(from, head.find("\r\n", from) - from);
}

template <class Integer>
Integer number(std::string_view text) {
  Integer value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

}  // namespace

bool HttpLine::connect(const SocketAddress& address) {
  close();
  fd_ = Fd{::socket(address.storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
  if (!fd_) return false;
  const int on = 1;
  ::setsockopt(fd_.get(), SOL_TCP, TCP_NODELAY, &on, sizeof on);
  if (::connect(fd_.get(), address.get(), address.size) == 0) {
    state_ = State::Idle;
    return true;
  }
  if (errno != EINPROGRESS) {
    close();
    return false;
  }
  state_ = State::Connecting;
  return true;
}

HttpLine::Event HttpLine::send(std::string request) {
  output_ = std::move(request);
  written_ = 0;
  input_.clear();
  state_ = State::Waiting;
  return write_rest();
}

HttpLine::Event HttpLine::write_rest() {
  while (written_ < output_.size()) {
    const auto done =
        ::send(fd_.get(), output_.data() + written_, output_.size() - written_, MSG_NOSIGNAL);
    if (done < 0) return errno == EAGAIN || errno == EINTR ? Event::None : lose();
    written_ += static_cast<std::size_t>(done);
  }
  return Event::None;
}

HttpLine::Event HttpLine::on_ready() {
  if (state_ == State::Connecting) {
    int error = 0;
    socklen_t size = sizeof error;
    ::getsockopt(fd_.get(), SOL_SOCKET, SO_ERROR, &error, &size);
    if (error != 0) return lose();
    state_ = State::Idle;
    return Event::Connected;
  }
  if (state_ == State::Waiting && written_ < output_.size()) {
    if (write_rest() == Event::Lost) return Event::Lost;
  }
  return read_more();
}

HttpLine::Event HttpLine::read_more() {
  std::array<char, 16'384> bytes{};
  while (true) {
    const auto count = ::recv(fd_.get(), bytes.data(), bytes.size(), 0);
    if (count < 0) return errno == EAGAIN || errno == EINTR ? Event::None : lose();
    // An idle line has nothing to say; whether it ends or speaks, it is of no use any more.
    if (count == 0 || state_ != State::Waiting) return lose();
    input_.append(bytes.data(), static_cast<std::size_t>(count));
    if (take_answer()) return Event::Answered;
  }
}

bool HttpLine::take_answer() {
  const auto head_end = input_.find(kHeadEnd);
  if (head_end == std::string::npos) return false;
  answer_.head = std::string_view{input_}.substr(0, head_end + 2);
  const auto length = number<std::size_t>(header(answer_.head, "Content-Length: "));
  if (input_.size() < head_end + kHeadEnd.size() + length) return false;
  answer_.status = number<int>(answer_.head.substr(std::min<std::size_t>(9, head_end), 3));
  answer_.body = input_.substr(head_end + kHeadEnd.size(), length);
  state_ = State::Idle;
  if (header(answer_.head, "Connection: ") == "close") {
    fd_.reset();
    state_ = State::Closed;
  }
  return true;
}

HttpLine::Event HttpLine::lose() {
  close();
  return Event::Lost;
}

void HttpLine::close() {
  fd_.reset();
  state_ = State::Closed;
}

short HttpLine::wants() const noexcept {
  if (state_ == State::Closed) return 0;
  const bool writes =
      state_ == State::Connecting || (state_ == State::Waiting && written_ < output_.size());
  return static_cast<short>(POLLIN | (writes ? POLLOUT : 0));
}

}  // namespace stoa::ops
