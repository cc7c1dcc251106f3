// Question: how many messages of 128 bytes (ours: and a header of 34) a second does the relay carry
// from one publishing process to 1, 4 and 16 reading ones, in batches of 64 and one by one, and how
// long does a round trip take, next to a bare relay on Unix sockets that looks at nothing, to
// ZeroMQ's XSUB/XPUB proxy and to NATS core? And what does durability cost: acknowledged records a
// second next to journal::Writer alone? Budget: with sequence, checksum and dedupe on, batched at
// least half of the bare relay; ahead of ZeroMQ and NATS in every row. Every reader checks the
// order of all messages and adds up their numbers; the sums must be equal. Each process waits in
// the kernel when it has nothing to do. Ours, ZeroMQ (its I/O thread) and NATS gather what comes
// close together on their way (ours and NATS within 5 us, 32 KiB at most); the bare relay gives
// each write a send of its own. Contestants take turns, a round each; medians are shown. Peers that
// are not installed are left out and said so. `--smoke` is a tiny run, `--only rate|trip|durable` a
// part, `--row` and `--peer` one of them, `--dir D` the disk of the durable part.

#include <fmt/core.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/poll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <new>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "base/ids.h"
#include "bench/must.h"
#include "bench/relay_peers.h"
#include "journal/writer.h"
#include "model/system.h"
#include "protocol/native/codec.h"
#include "relay/publisher.h"
#include "relay/server.h"
#include "relay/source.h"

namespace stoa::bench {

std::int64_t now_ns() { return SystemClock{}.monotonic().count(); }

void wait_for_go(Board& board) {
  board.ready.fetch_add(1);
  while (!board.go) ::usleep(100);
}

void note(Board::Place& place, std::uint64_t expected, std::uint64_t number) {
  if (expected != number)
    give_up(fmt::format("message {} came where {} was due", number, expected));
  place.sum.store(place.sum.load(std::memory_order_relaxed) + number, std::memory_order_relaxed);
  place.received.store(expected + 1, std::memory_order_relaxed);
}

namespace {

namespace fs = std::filesystem;

constexpr std::int64_t kTripsSeconds = 30;

/// A process that runs `life` and ends.
pid_t start(const char* name, const std::function<void()>& life) {
  std::fflush(nullptr);
  const pid_t pid = ::fork();
  if (pid < 0) give_up("cannot fork");
  if (pid > 0) return pid;
  ::prctl(PR_SET_NAME, name);          // for profilers
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);  // none outlives a bench that is stopped
  life();
  ::_exit(0);
}

/// What a process has used.
struct Used {
  double ns = 0;     // of processor time
  double waits = 0;  // times it gave its processor away to wait
};

Used finish(pid_t pid, bool kill) {
  if (kill) ::kill(pid, SIGKILL);
  int status = 0;
  rusage used{};
  ::wait4(pid, &status, 0, &used);
  if (!kill && (!WIFEXITED(status) || WEXITSTATUS(status) != 0)) give_up("a process failed");
  const auto ns = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) * 1e9 + static_cast<double>(time.tv_usec) * 1e3;
  };
  return {.ns = ns(used.ru_utime) + ns(used.ru_stime), .waits = static_cast<double>(used.ru_nvcsw)};
}

/// False: it still runs after so long.
bool ends_within(pid_t pid, std::int64_t seconds) {
  const std::int64_t until = now_ns() + seconds * 1'000'000'000;
  while (now_ns() < until) {
    siginfo_t info{};
    if (::waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
        info.si_pid == pid) {
      return true;
    }
    ::usleep(1'000);
  }
  return false;
}

/// Of a kind that forked processes share.
template <class T>
class Shared {
 public:
  explicit Shared(std::size_t count = 1)
      : count_{count},
        at_{static_cast<T*>(::mmap(nullptr, sizeof(T) * count, PROT_READ | PROT_WRITE,
                                   MAP_SHARED | MAP_ANONYMOUS, -1, 0))} {
    for (std::size_t i = 0; i < count; ++i) new (at_ + i) T{};
  }
  Shared(const Shared&) = delete;
  Shared& operator=(const Shared&) = delete;
  ~Shared() { ::munmap(at_, sizeof(T) * count_); }

  T& operator*() { return *at_; }
  T* operator->() { return at_; }
  T& operator[](std::size_t i) { return at_[i]; }

 private:
  std::size_t count_;
  T* at_;
};

void let_go(Board& board, std::size_t clients) {
  while (board.ready < clients) ::usleep(200);
  board.go = true;
}

struct Rate {
  double per_second = 0;  // published messages, until the last reader has the last one
  Used publisher;         // a message
  Used relay;
  Used reader;  // one of them

  friend bool operator<(const Rate& a, const Rate& b) { return a.per_second < b.per_second; }
};

Rate rate(RelayPeer& peer, const Job& job) {
  Shared<Board> board;
  const pid_t relay = start("relay", [&] { peer.relay(job, *board); });
  std::vector<pid_t> readers;
  for (std::size_t i = 0; i < job.readers; ++i) {
    readers.push_back(start("reader", [&] { peer.read(job, *board, i); }));
  }
  const pid_t publisher = start("publisher", [&] { peer.publish(job, *board); });
  while (board->ready < job.readers + 1) ::usleep(200);
  const std::int64_t begun = now_ns();
  board->go = true;
  Rate rate;
  const auto messages = static_cast<double>(job.messages);
  const auto a_message = [&](const Used& used) {
    return Used{.ns = used.ns / messages, .waits = used.waits / messages};
  };
  for (const pid_t pid : readers) {
    const Used used = a_message(finish(pid, false));
    rate.reader.ns += used.ns / static_cast<double>(job.readers);
    rate.reader.waits += used.waits / static_cast<double>(job.readers);
  }
  board->stop = true;
  rate.publisher = a_message(finish(publisher, false));
  rate.relay = a_message(finish(relay, true));
  std::int64_t done = begun;
  const std::uint64_t sum = job.messages * (job.messages - 1) / 2;
  for (std::size_t i = 0; i < job.readers; ++i) {
    done = std::max(done, board->readers[i].done_ns.load());
    if (board->readers[i].sum != sum) give_up("a reader has another sum");
  }
  rate.per_second = messages * 1e9 / static_cast<double>(done - begun);
  return rate;
}

/// Nanoseconds of each round trip, sorted; nothing where one got lost and is waited for.
std::vector<std::int64_t> trips(RelayPeer& peer, const Job& job) {
  Shared<Board> board;
  Shared<std::int64_t> times{job.messages};
  const pid_t relay = start("relay", [&] { peer.relay(job, *board); });
  const pid_t echo = start("echo", [&] { peer.echo(job, *board); });
  const pid_t ping = start("ping", [&] {
    const auto mine = peer.ping(job, *board);
    std::ranges::copy(mine, &times[0]);
  });
  let_go(*board, 2);
  const bool ended = ends_within(ping, kTripsSeconds);
  finish(ping, !ended);
  if (!ended) {
    finish(echo, true);
    finish(relay, true);
    return {};
  }
  board->stop = true;
  finish(echo, false);
  finish(relay, true);
  std::vector<std::int64_t> sorted(&times[0], &times[0] + job.messages);
  std::ranges::sort(sorted);
  return sorted;
}

template <class T>
T median(std::vector<T> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

/// nats-server while it lives.
class NatsServer {
 public:
  explicit NatsServer(const fs::path& dir) : dir_{dir / "nats"} {
    fs::create_directories(dir_);
    const std::string ports = dir_.string();
    std::array<const char*, 8> arguments{"nats-server",      "-a",          "127.0.0.1", "-p", "-1",
                                         "--ports_file_dir", ports.c_str(), nullptr};
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 1, (ports + "/log").c_str(), 0x241, 0600);
    posix_spawn_file_actions_adddup2(&actions, 1, 2);
    const int failed = ::posix_spawnp(&pid_, arguments[0], &actions, nullptr,
                                      const_cast<char* const*>(arguments.data()), environ);
    posix_spawn_file_actions_destroy(&actions);
    if (failed != 0) {
      pid_ = -1;
      return;
    }
    for (int i = 0; i < 5'000 && port_ == 0; ++i) {
      ::usleep(1'000);
      port_ = read_port();
    }
  }
  NatsServer(const NatsServer&) = delete;
  NatsServer& operator=(const NatsServer&) = delete;
  ~NatsServer() {
    if (pid_ < 0) return;
    ::kill(pid_, SIGTERM);
    ::waitpid(pid_, nullptr, 0);
  }

  /// 0: it does not run.
  [[nodiscard]] std::uint16_t port() const { return port_; }

 private:
  [[nodiscard]] std::uint16_t read_port() const {
    for (const auto& entry : fs::directory_iterator{dir_}) {
      if (entry.path().extension() != ".ports") continue;
      std::ifstream file{entry.path()};
      const std::string text{std::istreambuf_iterator<char>{file}, {}};
      const std::size_t at = text.find("127.0.0.1:");
      if (at != std::string::npos)
        return static_cast<std::uint16_t>(std::atoi(text.c_str() + at + 10));
    }
    return 0;
  }

  fs::path dir_;
  pid_t pid_ = -1;
  std::uint16_t port_ = 0;
};

struct Plan {
  fs::path dir;
  bool smoke = false;
  int rounds = 15;  // some are those in which processes wake each other; a few could be most
  std::string_view only;
  std::string_view row;   // "64x1": batches and readers
  std::string_view peer;  // one contestant only
  [[nodiscard]] bool wants(std::string_view part) const { return only.empty() || only == part; }
};

std::string millions(double per_second) { return fmt::format("{:.2f}M", per_second / 1e6); }

void compare_rates(std::vector<std::unique_ptr<RelayPeer>>& peers, const Plan& plan, Job job) {
  fmt::print("\npublished messages/s, median of {} (min-max)\n", plan.rounds);
  for (const std::size_t batch : {std::size_t{64}, std::size_t{1}}) {
    for (const std::size_t readers : {1U, 4U, 16U}) {
      if (!plan.row.empty() && plan.row != fmt::format("{}x{}", batch, readers)) continue;
      job.readers = readers;
      job.batch = batch;
      job.messages = plan.smoke ? 2'000 : (batch == 64 ? 4'000'000U : 800'000U) / readers;
      std::vector<std::vector<Rate>> rates(peers.size());
      for (int round = 0; round < plan.rounds; ++round) {
        for (std::size_t i = 0; i < peers.size(); ++i) {
          // The slow ones get fewer, so that each takes about as long.
          Job mine = job;
          if (peers[i]->name() != "raw AF_UNIX" && peers[i]->name() != "stoa" && !plan.smoke)
            mine.messages /= 4;
          rates[i].push_back(rate(*peers[i], mine));
        }
      }
      fmt::print("  batches of {:2}, {:2} reader{}\n", batch, readers, readers == 1 ? "" : "s");
      const double floor = median(rates[0]).per_second;
      for (std::size_t i = 0; i < peers.size(); ++i) {
        const Rate mine = median(rates[i]);
        const auto low = std::min_element(rates[i].begin(), rates[i].end());
        const auto high = std::max_element(rates[i].begin(), rates[i].end());
        fmt::print(
            "    {:14} {:>8} ({}-{})  {:.2f} of the bare relay; publisher, relay, reader: "
            "{:.0f}, {:.0f}, {:.0f} ns of processor a message, {:.1f}, {:.1f}, {:.1f} waits a "
            "thousand\n",
            peers[i]->name(), millions(mine.per_second), millions(low->per_second),
            millions(high->per_second), mine.per_second / floor, mine.publisher.ns, mine.relay.ns,
            mine.reader.ns, mine.publisher.waits * 1e3, mine.relay.waits * 1e3,
            mine.reader.waits * 1e3);
      }
    }
  }
}

void compare_trips(std::vector<std::unique_ptr<RelayPeer>>& peers, const Plan& plan, Job job) {
  job.messages = plan.smoke ? 200 : 20'000;
  fmt::print("\nround trip of {} through the relay and back, us\n", job.messages);
  for (const auto& peer : peers) {
    // A proxy of ZeroMQ's drops what comes before a subscription has reached it, and a lost ping
    // waits for ever: not where a test waits too.
    if (plan.smoke && peer->name().starts_with("ZeroMQ")) continue;
    const auto times = trips(*peer, job);
    if (times.empty()) {
      fmt::print("    {:14} a message got lost: not all came back in {} s\n", peer->name(),
                 kTripsSeconds);
      continue;
    }
    const auto at = [&](double share) {
      return static_cast<double>(
                 times[static_cast<std::size_t>(share * static_cast<double>(times.size() - 1))]) /
             1e3;
    };
    fmt::print("    {:14} p50 {:7.1f}  p99 {:7.1f}  p99.9 {:7.1f}  max {:8.1f}\n", peer->name(),
               at(0.5), at(0.99), at(0.999), at(1));
  }
}

// --- durability

RunStarted record_of(std::uint64_t number) { return {.run = number}; }

double writer_alone(const Plan& plan, std::uint64_t records, std::uint64_t batch) {
  fs::remove_all(plan.dir / "log");
  auto writer = must(journal::Writer::open(plan.dir / "log"));
  std::array<std::byte, native::kSmallMessageBytes> bytes;
  const std::int64_t begun = now_ns();
  for (std::uint64_t i = 0; i < records; ++i) {
    const std::size_t size = native::encode(bytes, {.source = 1, .sequence = i + 1}, record_of(i));
    must(writer.append(std::span{bytes}.first(size)));
    if ((i + 1) % batch == 0) must(writer.commit());
  }
  must(writer.sync());
  return static_cast<double>(records) * 1e9 / static_cast<double>(now_ns() - begun);
}

/// A relay with a journal in one process and a publisher in another that has at most `in_flight`
/// records unacknowledged.
double relay_durable(const Plan& plan, std::uint64_t records, std::uint64_t in_flight) {
  fs::remove_all(plan.dir / "log");
  const auto socket = plan.dir / "durable.sock";
  Shared<Board> board;
  const pid_t relay = start("relay", [&] {
    const SystemClock clock;
    const auto server =
        must(relay::Server::open({.domain = native::Domain::Execution,
                                  .socket = socket,
                                  .journal = relay::ServerOptions::Journal{.dir = plan.dir / "log"},
                                  .restamp = true},
                                 clock));
    while (!board->stop) {
      if (server->poll(clock.now()) > 0) continue;
      pollfd waiting{.fd = server->fd(), .events = POLLIN, .revents = 0};
      ::poll(&waiting, 1, 100);
    }
  });
  const SystemClock clock;
  auto publisher = must(relay::Publisher::open({.socket = socket,
                                                .domain = native::Domain::Execution,
                                                .source = relay::Source::System,
                                                .name = "bench",
                                                .backoff_min = std::chrono::milliseconds{1}}));
  while (!publisher.connected()) {
    publisher.poll(clock.monotonic());
    ::usleep(1'000);
  }
  const std::int64_t begun = now_ns();
  for (std::uint64_t i = 0; i < records || publisher.unacked() > 0;) {
    while (i < records && publisher.unacked() < in_flight &&
           publisher.publish(record_of(i), Timestamp{}) == relay::Publish::Ok) {
      ++i;
    }
    if (publisher.poll(clock.monotonic()) > 0) continue;
    pollfd waiting{.fd = publisher.fd(), .events = publisher.events(), .revents = 0};
    ::poll(&waiting, 1, 100);
  }
  const std::int64_t took = now_ns() - begun;
  if (publisher.acked_lsn() != Lsn{records}) give_up("not every record has its place");
  board->stop = true;
  finish(relay, false);
  return static_cast<double>(records) * 1e9 / static_cast<double>(took);
}

void compare_durable(const Plan& plan) {
  fmt::print("\ndurable records/s (fdatasync before the acknowledgement), median of {}\n",
             plan.rounds);
  for (const std::uint64_t batch : {1U, 64U, 512U}) {
    const std::uint64_t records = plan.smoke ? batch * 4 : batch * 2'000;
    std::vector<double> alone;
    std::vector<double> relayed;
    for (int round = 0; round < plan.rounds; ++round) {
      alone.push_back(writer_alone(plan, records, batch));
      relayed.push_back(relay_durable(plan, records, batch));
    }
    fmt::print(
        "    {:3} at a time   journal::Writer {:>10.0f}   through the relay {:>10.0f}  {:.2f}\n",
        batch, median(alone), median(relayed), median(relayed) / median(alone));
  }
}

int run(Plan plan) {
  std::vector<std::unique_ptr<RelayPeer>> peers;
  peers.push_back(make_raw());
  peers.push_back(make_stoa());
#ifdef STOA_BENCH_ZEROMQ
  peers.push_back(make_zeromq());
#else
  fmt::print("ZeroMQ is left out: libzmq3-dev was not installed when this was configured\n");
#endif
  Job job{.dir = plan.dir};
  std::optional<NatsServer> nats;
  if (plan.wants("rate") || plan.wants("trip")) {
    nats.emplace(plan.dir);
    job.port = nats->port();
    if (job.port == 0) {
      fmt::print("NATS is left out: nats-server is not installed\n");
    } else {
      peers.push_back(make_nats());
    }
  }
  if (!plan.peer.empty()) {
    std::erase_if(peers, [&](const auto& peer) { return !peer->name().starts_with(plan.peer); });
    if (peers.empty()) give_up(fmt::format("{} is no contestant", plan.peer));
  }
  if (plan.wants("rate")) compare_rates(peers, plan, job);
  if (plan.wants("trip")) compare_trips(peers, plan, job);
  if (plan.wants("durable")) compare_durable(plan);
  fmt::print("\nall sums agree\n");
  return 0;
}

}  // namespace
}  // namespace stoa::bench

int main(int argc, char** argv) {
  stoa::bench::Plan plan;
  std::filesystem::path parent = std::filesystem::temp_directory_path();
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument = argv[i];
    if (argument == "--smoke") {
      plan.smoke = true;
      plan.rounds = 1;
    } else if (argument == "--only" && i + 1 < argc) {
      plan.only = argv[++i];
    } else if (argument == "--row" && i + 1 < argc) {
      plan.row = argv[++i];
    } else if (argument == "--peer" && i + 1 < argc) {
      plan.peer = argv[++i];
    } else if (argument == "--rounds" && i + 1 < argc) {
      plan.rounds = std::max(1, std::atoi(argv[++i]));
    } else if (argument == "--dir" && i + 1 < argc) {
      parent = argv[++i];
    } else {
      fmt::print(
          stderr,
          "usage: relay_bench [--smoke] [--only rate|trip|durable] [--row 64x1] [--peer stoa] "
          "[--rounds N] [--dir DIR]\n");
      return 2;
    }
  }
  std::string name = (parent / "relay-bench-XXXXXX").string();
  if (::mkdtemp(name.data()) == nullptr) stoa::bench::give_up("cannot make a directory");
  plan.dir = name;
  const int status = stoa::bench::run(plan);
  std::filesystem::remove_all(plan.dir);
  return status;
}
