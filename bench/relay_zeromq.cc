// ZeroMQ's forwarder: XSUB and XPUB on ipc, zmq_proxy between them. XPUB_NODROP makes senders wait
// where they would drop.

#include <zmq.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bench/must.h"
#include "bench/relay_peers.h"

namespace stoa::bench {
namespace {

constexpr int kHighWater = 100'000;
constexpr std::uint64_t kSync = UINT64_MAX;  // the number of messages before the first

void demand(int result) {
  if (result < 0) give_up(zmq_strerror(zmq_errno()));
}

/// A socket with a context of its own, as each process has one.
class Socket {
 public:
  /// `prefix`: of the messages that a subscriber wants; nothing: it publishes.
  Socket(const Job& job, std::optional<std::string_view> prefix)
      : context_{zmq_ctx_new()}, socket_{zmq_socket(context_, prefix ? ZMQ_SUB : ZMQ_XPUB)} {
    set(ZMQ_SNDHWM, kHighWater);
    set(ZMQ_RCVHWM, kHighWater);
    set(ZMQ_LINGER, 0);
    if (!prefix) set(ZMQ_XPUB_NODROP, 1);
    demand(zmq_connect(socket_, address(job, prefix ? "zmq-out" : "zmq-in").c_str()));
    if (prefix) {
      demand(zmq_setsockopt(socket_, ZMQ_SUBSCRIBE, prefix->data(), prefix->size()));
    } else {
      // The first subscription that the proxy passes on says that messages will be wanted.
      std::array<std::byte, kMessageBytes> subscription{};
      demand(zmq_recv(socket_, subscription.data(), subscription.size(), 0));
    }
  }
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;
  ~Socket() {
    zmq_close(socket_);
    zmq_ctx_term(context_);
  }

  void set(int option, int value) const {
    demand(zmq_setsockopt(socket_, option, &value, sizeof value));
  }
  void send(const std::array<std::byte, kMessageBytes>& message) const {
    demand(zmq_send(socket_, message.data(), message.size(), 0));
  }
  void receive(std::array<std::byte, kMessageBytes>& message) const {
    demand(zmq_recv(socket_, message.data(), message.size(), 0));
  }
  static std::string address(const Job& job, std::string_view end) {
    return "ipc://" + (job.dir / end).string();
  }

 private:
  void* context_;
  void* socket_;
};

class Zeromq final : public RelayPeer {
 public:
  [[nodiscard]] std::string_view name() const override { return "ZeroMQ proxy"; }

  void relay(const Job& job, Board& /*board*/) override {
    void* const context = zmq_ctx_new();
    void* const front = zmq_socket(context, ZMQ_XSUB);
    void* const back = zmq_socket(context, ZMQ_XPUB);
    const int yes = 1;
    for (void* const socket : {front, back}) {
      demand(zmq_setsockopt(socket, ZMQ_SNDHWM, &kHighWater, sizeof kHighWater));
      demand(zmq_setsockopt(socket, ZMQ_RCVHWM, &kHighWater, sizeof kHighWater));
    }
    demand(zmq_setsockopt(back, ZMQ_XPUB_NODROP, &yes, sizeof yes));
    demand(zmq_bind(front, Socket::address(job, "zmq-in").c_str()));
    demand(zmq_bind(back, Socket::address(job, "zmq-out").c_str()));
    zmq_proxy(front, back, nullptr);  // until it is killed
  }

  void publish(const Job& job, Board& board) override {
    const Socket socket{job, std::nullopt};
    std::array<std::byte, kMessageBytes> message{};
    // Until every subscription has come through the proxy.
    std::memcpy(message.data() + kMessageBytes - 8, &kSync, 8);
    while (board.ready < job.readers) {
      socket.send(message);
      zmq_poll(nullptr, 0, 5);
    }
    wait_for_go(board);
    // It batches by itself, in its I/O thread.
    for (std::uint64_t i = 0; i < job.messages; ++i) {
      std::memcpy(message.data() + kMessageBytes - 8, &i, 8);
      socket.send(message);
    }
    // What is in its queue leaves with the last reader.
    while (!board.stop) zmq_poll(nullptr, 0, 10);
  }

  void read(const Job& job, Board& board, std::size_t reader) override {
    const Socket socket{job, ""};
    std::array<std::byte, kMessageBytes> message{};
    socket.receive(message);
    wait_for_go(board);
    Board::Place& place = board.readers[reader];
    for (std::uint64_t next = 0; next < job.messages;) {
      socket.receive(message);
      std::uint64_t number = 0;
      std::memcpy(&number, message.data() + kMessageBytes - 8, 8);
      if (number != kSync) note(place, next++, number);
    }
    place.done_ns = now_ns();
  }

  std::vector<std::int64_t> ping(const Job& job, Board& board) override {
    const Socket in{job, "e"};
    const Socket out{job, std::nullopt};
    wait_for_go(board);
    std::vector<std::int64_t> times;
    std::array<std::byte, kMessageBytes> message{};
    for (std::uint64_t i = 0; i < job.messages; ++i) {
      const std::int64_t begun = now_ns();
      message[0] = std::byte{'p'};
      out.send(message);
      in.receive(message);
      times.push_back(now_ns() - begun);
    }
    return times;
  }

  void echo(const Job& job, Board& board) override {
    const Socket in{job, "p"};
    const Socket out{job, std::nullopt};
    wait_for_go(board);
    std::array<std::byte, kMessageBytes> message{};
    for (std::uint64_t i = 0; i < job.messages; ++i) {
      in.receive(message);
      message[0] = std::byte{'e'};
      out.send(message);
    }
    while (!board.stop) zmq_poll(nullptr, 0, 10);
  }
};

}  // namespace

std::unique_ptr<RelayPeer> make_zeromq() { return std::make_unique<Zeromq>(); }

}  // namespace stoa::bench
