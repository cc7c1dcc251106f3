// Ours: sequence, checksum and dedupe on.

#include <sys/poll.h>
#include <unistd.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/ids.h"
#include "bench/must.h"
#include "bench/relay_peers.h"
#include "model/order.h"
#include "protocol/native/codec.h"
#include "relay/publisher.h"
#include "relay/server.h"
#include "relay/source.h"
#include "relay/subscriber.h"

namespace stoa::bench {
namespace {

using relay::Publish;
using relay::Publisher;
using relay::Subscriber;

static_assert(sizeof(OrderIntent) == kMessageBytes, "all carry as many bytes; ours a header too");
/// What a publisher lets be on its way before it waits.
constexpr std::size_t kWindow = 512U << 10U;
constexpr InstrumentId kPing{1};
constexpr InstrumentId kEcho{2};

void wait_on(int fd, short events) {
  pollfd waiting{.fd = fd, .events = events, .revents = 0};
  static_cast<void>(::poll(&waiting, 1, 100));
}

Publisher publisher_of(const Job& job, relay::Source source) {
  const SystemClock clock;
  Publisher publisher = must(Publisher::open({.socket = job.dir / "stoa.sock",
                                              .domain = native::Domain::Execution,
                                              .source = source,
                                              .name = "bench",
                                              .backoff_min = std::chrono::milliseconds{1}}));
  while (!publisher.connected()) {
    publisher.poll(clock.monotonic());
    ::usleep(1'000);
  }
  return publisher;
}

void send(Publisher& publisher, const OrderIntent& intent) {
  const SystemClock clock;
  while (publisher.publish(intent, Timestamp{}) == Publish::Full) {
    if (publisher.poll(clock.monotonic()) == 0) wait_on(publisher.fd(), publisher.events());
  }
}

/// Until it has left: a caller that waits for events comes back for what waits for company.
void send_now(Publisher& publisher, const OrderIntent& intent) {
  const SystemClock clock;
  send(publisher, intent);
  do publisher.poll(clock.monotonic());
  while ((publisher.events() & POLLOUT) != 0);
}

class Counter final : public relay::SubscriberHandler {
 public:
  explicit Counter(Board::Place& place) : place_{place} {}

  void on_message(Lsn /*lsn*/, const native::MessageView& message) override {
    note(place_, next++, message.as<OrderIntent>().trigger_seq);
  }
  void on_gap(const relay::Gap& /*gap*/) override { give_up("a gap"); }
  void on_disconnected(const Error& why) override { give_up(why.text()); }

  std::uint64_t next = 0;

 private:
  Board::Place& place_;
};

class Last final : public relay::SubscriberHandler {
 public:
  void on_message(Lsn /*lsn*/, const native::MessageView& /*message*/) override { ++count; }

  std::uint64_t count = 0;
};

void join(Subscriber& subscriber, relay::SubscriberHandler& handler) {
  const SystemClock clock;
  while (!subscriber.connected()) {
    subscriber.poll(clock.monotonic(), handler);
    ::usleep(1'000);
  }
}

class Stoa final : public RelayPeer {
 public:
  [[nodiscard]] std::string_view name() const override { return "stoa"; }

  void relay(const Job& job, Board& board) override {
    const SystemClock clock;
    const auto server = must(relay::Server::open(
        {.domain = native::Domain::Execution, .socket = job.dir / "stoa.sock"}, clock));
    while (!board.stop) {
      if (server->poll(clock.now()) == 0) wait_on(server->fd(), POLLIN);
    }
  }

  void publish(const Job& job, Board& board) override {
    const SystemClock clock;
    Publisher publisher = publisher_of(job, relay::Source::Market);
    OrderIntent intent{.instrument = kPing};
    wait_for_go(board);
    for (std::uint64_t i = 0; i < job.messages; ++i) {
      intent.trigger_seq = i;  // all that changes, as in every contestant
      send(publisher, intent);
      if ((i + 1) % job.batch != 0) continue;
      publisher.poll(clock.monotonic());
      // As a blocking send would: what waits in the outbox leaves the cache.
      while (publisher.outbox_used() > kWindow) {
        if (publisher.poll(clock.monotonic()) == 0) wait_on(publisher.fd(), publisher.events());
      }
    }
    // Once every reader has everything the relay may go without a last acknowledgement.
    while (publisher.unacked() > 0 && !board.stop) {
      if (publisher.poll(clock.monotonic()) == 0) wait_on(publisher.fd(), publisher.events());
    }
  }

  void read(const Job& job, Board& board, std::size_t reader) override {
    const SystemClock clock;
    Board::Place& place = board.readers[reader];
    Counter counter{place};
    Subscriber subscriber = must(Subscriber::open({.socket = job.dir / "stoa.sock",
                                                   .domain = native::Domain::Execution,
                                                   .name = "bench",
                                                   .backoff_min = std::chrono::milliseconds{1}}));
    join(subscriber, counter);
    wait_for_go(board);
    while (counter.next < job.messages) {
      if (subscriber.poll(clock.monotonic(), counter) == 0) {
        wait_on(subscriber.fd(), subscriber.events());
      }
    }
    place.done_ns = now_ns();
  }

  std::vector<std::int64_t> ping(const Job& job, Board& board) override {
    return bounce(job, board, relay::Source::Market, kPing, "OrderIntent.2", true);
  }
  void echo(const Job& job, Board& board) override {
    bounce(job, board, relay::Source::System, kEcho, "OrderIntent.1", false);
  }

 private:
  static std::vector<std::int64_t> bounce(const Job& job, Board& board, relay::Source source,
                                          InstrumentId to, const std::string& filter, bool begins) {
    const SystemClock clock;
    Last last;
    Publisher publisher = publisher_of(job, source);
    Subscriber subscriber = must(Subscriber::open({.socket = job.dir / "stoa.sock",
                                                   .domain = native::Domain::Execution,
                                                   .name = "bench",
                                                   .filters = {filter},
                                                   .backoff_min = std::chrono::milliseconds{1}}));
    join(subscriber, last);
    wait_for_go(board);
    std::vector<std::int64_t> times;
    for (std::uint64_t i = 0; i < job.messages; ++i) {
      const std::int64_t begun = now_ns();
      if (begins) send_now(publisher, {.instrument = to, .trigger_seq = i});
      while (last.count <= i) {
        wait_on(subscriber.fd(), subscriber.events());
        subscriber.poll(clock.monotonic(), last);
      }
      if (!begins) send_now(publisher, {.instrument = to, .trigger_seq = i});
      times.push_back(now_ns() - begun);
    }
    return times;
  }
};

}  // namespace

std::unique_ptr<RelayPeer> make_stoa() { return std::make_unique<Stoa>(); }

}  // namespace stoa::bench
