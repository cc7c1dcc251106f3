// NATS core: its own protocol over TCP on loopback. The server drops what a slow consumer leaves in
// its buffer, so the publisher stays within a window of what all readers have received.

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/fd.h"
#include "bench/must.h"
#include "bench/relay_peers.h"

namespace stoa::bench {
namespace {

constexpr std::uint64_t kWindow = 65'536;
constexpr std::size_t kGatherBytes = 32U << 10U;
constexpr std::int64_t kGatherNs = 5'000;

/// A connection to the server, blocking.
class Connection {
 public:
  explicit Connection(const Job& job) : socket_{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)} {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(job.port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::connect(socket_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) !=
        0) {
      give_up("cannot connect to nats-server");
    }
    const int yes = 1;
    static_cast<void>(::setsockopt(socket_.get(), IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes));
    send("CONNECT {\"verbose\":false,\"pedantic\":false}\r\n");
  }

  void send(std::string_view text) const {
    while (!text.empty()) {
      const auto sent = ::send(socket_.get(), text.data(), text.size(), MSG_NOSIGNAL);
      if (sent < 0) give_up("nats-server has closed the connection");
      text.remove_prefix(static_cast<std::size_t>(sent));
    }
  }
  void subscribe(std::string_view subject) const { send("SUB " + std::string{subject} + " 1\r\n"); }
  /// Waits until everything before is with the server.
  void round_trip() {
    send("PING\r\n");
    while (line() != "PONG") {
    }
  }

  /// The payload of the next message; lives until the next call.
  std::string_view message() {
    while (true) {
      const std::string_view head = line();
      if (head.starts_with("PING")) send("PONG\r\n");
      if (!head.starts_with("MSG")) continue;
      const std::string_view size_text = head.substr(head.rfind(' ') + 1);
      std::size_t size = 0;
      std::from_chars(size_text.data(), size_text.data() + size_text.size(), size);
      while (end_ - begin_ < size + 2) fill();
      const std::string_view payload{buffer_.data() + begin_, size};
      begin_ += size + 2;
      return payload;
    }
  }

 private:
  std::string_view line() {
    while (true) {
      const std::string_view rest{buffer_.data() + begin_, end_ - begin_};
      if (const std::size_t at = rest.find("\r\n"); at != std::string_view::npos) {
        begin_ += at + 2;
        return rest.substr(0, at);
      }
      fill();
    }
  }
  void fill() {
    // Views into the buffer are used before the next line or message is asked for.
    if (begin_ > 0) {
      std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
      end_ -= begin_;
      begin_ = 0;
    }
    const auto got = ::recv(socket_.get(), buffer_.data() + end_, buffer_.size() - end_, 0);
    if (got <= 0) give_up("nats-server has closed the connection");
    end_ += static_cast<std::size_t>(got);
  }

  Fd socket_;
  std::vector<char> buffer_ = std::vector<char>(1U << 20U);
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
};

void put(std::string& to, std::string_view subject, std::uint64_t number) {
  to += "PUB ";
  to += subject;
  to += " 128\r\n";
  to.append(kMessageBytes - 8, 'x');
  to.append(reinterpret_cast<const char*>(&number), 8);
  to += "\r\n";
}

class Nats final : public RelayPeer {
 public:
  [[nodiscard]] std::string_view name() const override { return "NATS core"; }

  void relay(const Job& /*job*/, Board& /*board*/) override {}  // nats-server is its own program

  void publish(const Job& job, Board& board) override {
    Connection connection{job};
    connection.round_trip();
    wait_for_go(board);
    std::string batch;
    std::int64_t last_ns = 0;
    std::uint64_t quarters = 0;  // of the window, when readers were last looked at
    for (std::uint64_t sent = 0; sent < job.messages;) {
      const std::uint64_t end = std::min(sent + job.batch, job.messages);
      for (; sent < end; ++sent) put(batch, "a", sent);
      // Its own clients buffer, too: the same rule as ours.
      const bool alone = batch.size() < kGatherBytes && now_ns() - last_ns < kGatherNs;
      if (alone && sent < job.messages) continue;
      connection.send(batch);
      batch.clear();
      last_ns = now_ns();
      if (sent / (kWindow / 4) == quarters) continue;
      quarters = sent / (kWindow / 4);
      for (std::size_t i = 0; i < job.readers; ++i) {
        while (board.readers[i].received + kWindow < sent) ::usleep(50);
      }
    }
    connection.round_trip();
  }

  void read(const Job& job, Board& board, std::size_t reader) override {
    Connection connection{job};
    connection.subscribe("a");
    connection.round_trip();
    wait_for_go(board);
    Board::Place& place = board.readers[reader];
    for (std::uint64_t i = 0; i < job.messages; ++i) {
      const std::string_view payload = connection.message();
      std::uint64_t number = 0;
      std::memcpy(&number, payload.data() + kMessageBytes - 8, 8);
      note(place, i, number);
    }
    place.done_ns = now_ns();
  }

  std::vector<std::int64_t> ping(const Job& job, Board& board) override {
    return bounce(job, board, "p", "e", true);
  }
  void echo(const Job& job, Board& board) override { bounce(job, board, "e", "p", false); }

 private:
  static std::vector<std::int64_t> bounce(const Job& job, Board& board, std::string_view to,
                                          std::string_view from, bool begins) {
    Connection connection{job};
    connection.subscribe(from);
    connection.round_trip();
    wait_for_go(board);
    std::vector<std::int64_t> times;
    std::string text;
    for (std::uint64_t i = 0; i < job.messages; ++i) {
      text.clear();
      put(text, to, i);
      const std::int64_t begun = now_ns();
      if (begins) connection.send(text);
      connection.message();
      if (!begins) connection.send(text);
      times.push_back(now_ns() - begun);
    }
    return times;
  }
};

}  // namespace

std::unique_ptr<RelayPeer> make_nats() { return std::make_unique<Nats>(); }

}  // namespace stoa::bench
