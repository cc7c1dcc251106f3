// The floor: a relay that copies what it reads to every subscriber and looks at nothing. The same
// process reads and writes with blocking calls on Unix sockets.

#include <sys/poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "base/fd.h"
#include "bench/must.h"
#include "bench/relay_peers.h"
#include "relay/unix_socket.h"

namespace stoa::bench {
namespace {

using Bytes = std::vector<std::byte>;

void wait_until_writable(const Fd& socket) {
  pollfd waiting{.fd = socket.get(), .events = POLLOUT, .revents = 0};
  static_cast<void>(::poll(&waiting, 1, -1));
}

void send_all(const Fd& socket, std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const auto sent = ::send(socket.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno != EAGAIN && errno != EINTR) return;  // the other end is done
    if (sent < 0) {
      wait_until_writable(socket);
      continue;
    }
    bytes = bytes.subspan(static_cast<std::size_t>(sent));
  }
}

/// At least one byte; 0 when the other end is gone.
std::size_t receive_some(const Fd& socket, std::span<std::byte> into) {
  while (true) {
    const auto got = ::recv(socket.get(), into.data(), into.size(), 0);
    if (got >= 0) return static_cast<std::size_t>(got);
    pollfd waiting{.fd = socket.get(), .events = POLLIN, .revents = 0};
    static_cast<void>(::poll(&waiting, 1, -1));
  }
}

Fd connect(const Job& job, char kind) {
  while (true) {
    auto socket = relay::connect_unix(job.dir / "raw.sock");
    if (socket) {
      relay::set_buffers(*socket, 1U << 20U);
      send_all(*socket, std::as_bytes(std::span{&kind, 1}));
      std::byte heard{};
      receive_some(*socket, std::span{&heard, 1});
      return std::move(*socket);
    }
    ::usleep(1'000);
  }
}

class Raw final : public RelayPeer {
 public:
  [[nodiscard]] std::string_view name() const override { return "raw AF_UNIX"; }

  void relay(const Job& job, Board& board) override {
    const Fd listener = must(relay::listen_unix(job.dir / "raw.sock"));
    // The first byte of a connection says whether it sends or reads (or does both).
    std::vector<Fd> readers;
    std::vector<Fd> writers;
    std::vector<pollfd> waiting;
    Bytes buffer(256U << 10U);
    while (!board.stop) {
      waiting.assign(1, {.fd = listener.get(), .events = POLLIN, .revents = 0});
      for (const Fd& writer : writers) {
        waiting.push_back({.fd = writer.get(), .events = POLLIN, .revents = 0});
      }
      if (::poll(waiting.data(), waiting.size(), 100) <= 0) continue;
      if (waiting[0].revents != 0) {
        auto accepted = must(relay::accept_unix(listener));
        if (!accepted) continue;
        relay::set_buffers(*accepted, 1U << 20U);
        std::byte kind{};
        receive_some(*accepted, std::span{&kind, 1});
        // Whoever has heard back is served from here on.
        send_all(*accepted, std::span{&kind, 1});
        (kind == std::byte{'w'} ? writers : readers).push_back(std::move(*accepted));
        continue;
      }
      for (std::size_t i = 0; i < writers.size(); ++i) {
        if (waiting[i + 1].revents == 0) continue;
        const std::size_t got = receive_some(writers[i], buffer);
        if (got == 0) {
          writers.erase(writers.begin() + static_cast<std::ptrdiff_t>(i));
          break;
        }
        for (const Fd& reader : readers) send_all(reader, std::span{buffer}.first(got));
      }
    }
  }

  void publish(const Job& job, Board& board) override {
    const Fd socket = connect(job, 'w');
    Bytes batch(job.batch * kMessageBytes);
    wait_for_go(board);
    for (std::uint64_t sent = 0; sent < job.messages;) {
      const std::size_t count = std::min<std::uint64_t>(job.batch, job.messages - sent);
      for (std::size_t i = 0; i < count; ++i) {
        const std::uint64_t number = sent + i;
        std::memcpy(batch.data() + (i + 1) * kMessageBytes - 8, &number, 8);
      }
      send_all(socket, std::span{batch}.first(count * kMessageBytes));
      sent += count;
    }
  }

  void read(const Job& job, Board& board, std::size_t reader) override {
    const Fd socket = connect(job, 'r');
    Bytes buffer(1U << 20U);
    std::size_t have = 0;
    wait_for_go(board);
    Board::Place& place = board.readers[reader];
    for (std::uint64_t next = 0; next < job.messages;) {
      have += receive_some(socket, std::span{buffer}.subspan(have));
      std::size_t at = 0;
      for (; have - at >= kMessageBytes; at += kMessageBytes) {
        std::uint64_t number = 0;
        std::memcpy(&number, buffer.data() + at + kMessageBytes - 8, 8);
        note(place, next++, number);
      }
      std::memmove(buffer.data(), buffer.data() + at, have - at);
      have -= at;
    }
    place.done_ns = now_ns();
  }

  std::vector<std::int64_t> ping(const Job& job, Board& board) override {
    const Fd out = connect(job, 'w');
    const Fd in = connect(job, 'r');
    wait_for_go(board);
    std::vector<std::int64_t> times;
    std::array<std::byte, kMessageBytes> message{};
    for (std::uint64_t i = 0; i < job.messages; ++i) {
      const std::int64_t begun = now_ns();
      message[0] = std::byte{'p'};
      send_all(out, message);
      do receive_whole(in, message);
      while (message[0] != std::byte{'e'});
      times.push_back(now_ns() - begun);
    }
    return times;
  }

  void echo(const Job& job, Board& board) override {
    const Fd out = connect(job, 'w');
    const Fd in = connect(job, 'r');
    wait_for_go(board);
    std::array<std::byte, kMessageBytes> message{};
    for (std::uint64_t i = 0; i < job.messages; ++i) {
      do receive_whole(in, message);
      while (message[0] != std::byte{'p'});
      message[0] = std::byte{'e'};
      send_all(out, message);
    }
  }

 private:
  static void receive_whole(const Fd& socket, std::span<std::byte> into) {
    while (!into.empty()) into = into.subspan(receive_some(socket, into));
  }
};

}  // namespace

std::unique_ptr<RelayPeer> make_raw() { return std::make_unique<Raw>(); }

}  // namespace stoa::bench
