#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

// The relays that relay_bench compares: one process relays what one process publishes to many.
namespace stoa::bench {

inline constexpr std::size_t kMessageBytes = 128;

/// What the processes of a run tell each other; lies in shared memory.
struct Board {
  static constexpr std::size_t kReadersMax = 64;

  std::atomic<bool> stop{false};
  std::atomic<std::uint32_t> ready{0};  // clients that are connected
  std::atomic<bool> go{false};
  struct alignas(64) Place {
    std::atomic<std::uint64_t> received{0};
    std::atomic<std::uint64_t> sum{0};
    std::atomic<std::int64_t> done_ns{0};
  };
  Place readers[kReadersMax];
  std::atomic<std::int64_t> begun_ns{0};
};

struct Job {
  std::filesystem::path dir;  // for sockets
  std::size_t readers = 1;
  std::size_t batch = 1;       // messages per write
  std::uint64_t messages = 0;  // or round trips
  std::uint64_t seed = 1;
  std::uint16_t port = 0;  // of a server that is not ours
};

/// Each call is the whole life of a process (or, `relay`, of nothing where the server is another
/// program). Clients count themselves in at `board.ready`, wait for `board.go`, and return when
/// they are done; a relay returns at `board.stop` or is killed.
class RelayPeer {
 public:
  RelayPeer() = default;
  RelayPeer(const RelayPeer&) = delete;
  RelayPeer& operator=(const RelayPeer&) = delete;
  virtual ~RelayPeer() = default;

  [[nodiscard]] virtual std::string_view name() const = 0;
  virtual void relay(const Job& job, Board& board) = 0;
  /// Publishes messages 0, 1, 2, …: each holds its number in its last eight bytes.
  virtual void publish(const Job& job, Board& board) = 0;
  /// Receives all of them, in order, and adds up their numbers.
  virtual void read(const Job& job, Board& board, std::size_t reader) = 0;
  /// Sends a message and waits for the answer of `echo`, `job.messages` times; nanoseconds each.
  virtual std::vector<std::int64_t> ping(const Job& job, Board& board) = 0;
  virtual void echo(const Job& job, Board& board) = 0;
};

[[nodiscard]] std::int64_t now_ns();
/// A client is ready; returns when all may begin.
void wait_for_go(Board& board);
/// For a reader: notes message `number` as the next; ends the bench when it is another.
void note(Board::Place& place, std::uint64_t expected, std::uint64_t number);

[[nodiscard]] std::unique_ptr<RelayPeer> make_raw();
[[nodiscard]] std::unique_ptr<RelayPeer> make_stoa();
#ifdef STOA_BENCH_ZEROMQ
[[nodiscard]] std::unique_ptr<RelayPeer> make_zeromq();
#endif
[[nodiscard]] std::unique_ptr<RelayPeer> make_nats();

}  // namespace stoa::bench
