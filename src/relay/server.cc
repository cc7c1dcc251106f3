#include "relay/server.h"

#include <sys/epoll.h>
#include <sys/random.h>
#include <sys/types.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/check.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/fd.h"
#include "base/ids.h"
#include "base/log.h"
#include "journal/writer.h"
#include "protocol/native/codec.h"
#include "protocol/native/registry.h"
#include "relay/checkpoint_desk.h"
#include "relay/hand_over.h"
#include "relay/numbers_file.h"
#include "relay/ring.h"
#include "relay/server_state.h"
#include "relay/source.h"
#include "relay/unix_socket.h"
#include "relay/wire.h"

namespace stoa::relay {
namespace {

/// One read of a socket; small enough to stay in the cache until it is placed and sent, large
/// enough that readers are not woken too often. With a journal a round is a sync, and more shares
/// it.
constexpr std::size_t kReadBytes = 256U << 10U;
constexpr std::size_t kReadBytesInMemory = 192U << 10U;
/// And what may wait in front of it: the largest frame.
constexpr std::size_t kLeftBytesMax = kPieceBytesMax + native::kMaxMessageBytes;
/// What is on its way to a reader stays in the cache, too.
constexpr std::size_t kSocketBytes = 256U << 10U;
/// Of a relay without a journal: what it writes stays near the processor until it is sent.
constexpr std::size_t kRingBytesInMemory = 4U << 20U;
constexpr std::size_t kRingBytesOfJournal = 64U << 20U;
constexpr std::size_t kChains = std::size_t{1} << 20U;  // records whose chain is remembered
constexpr std::size_t kEventsPerRound = 128;
constexpr std::size_t kAcceptsPerRound = 64;
constexpr std::size_t kOtherConnections = 32;  // that have not said hello yet
constexpr nanoseconds kAskedLooksEvery = std::chrono::milliseconds{2};
constexpr nanoseconds kCloseAfter = std::chrono::seconds{5};

Result<std::uint64_t> random_id() {
  std::uint64_t id = 0;
  while (id == 0) {
    if (::getrandom(&id, sizeof id, 0) != static_cast<ssize_t>(sizeof id) && errno != EINTR) {
      return io_error("cannot draw a random number", errno, "getrandom");
    }
  }
  return id;
}

Result<void> check_options(const ServerOptions& options) {
  if (options.domain == native::Domain::System) {
    return bad_input("a relay owns the market, signal or execution domain");
  }
  if (options.ring_bytes > std::size_t{1} << 40U) {
    return bad_input("the relay's memory is at most a terabyte");
  }
  return {};
}

/// What a server needs whatever it finds; touched.
struct Memory {
  std::vector<std::byte> scratch;
  std::vector<std::uint32_t> chains;
};
Memory memory_for(const ServerOptions& options) {
  return {.scratch = std::vector<std::byte>(kLeftBytesMax + kReadBytes),
          .chains = std::vector<std::uint32_t>(options.journal ? kChains : 0)};
}

}  // namespace

// --- life

Result<journal::Writer> open_journal(const ServerOptions::Journal& journal, const Ring* ring) {
  const auto left = ring != nullptr ? ring->left() : std::nullopt;
  if (left) {
    auto resumed = journal::Writer::resume(journal.dir, journal.writer, left->journal);
    if (resumed) return resumed;
    log::warn("relay_journal_not_resumed", {{"error", resumed.error().text()}});
  }
  return journal::Writer::open(journal.dir, journal.writer);
}

Result<std::unique_ptr<Server>> Server::open(ServerOptions options, const Clock& clock) {
  if (auto fit = check_options(options); !fit) return std::unexpected(std::move(fit.error()));
  const int patience_ms = static_cast<int>(
      std::chrono::duration_cast<std::chrono::milliseconds>(options.hand_over_max).count());
  // What takes long is done before the predecessor is asked: from then on publishers wait.
  Memory memory = memory_for(options);
  std::optional<Inheritance> inheritance;
  if (options.take_over) {
    auto given = ask_predecessor(options.socket, patience_ms);
    if (!given) return std::unexpected(std::move(given.error()));
    inheritance = std::move(*given);
  }
  Fd listener;
  if (inheritance) {
    listener = std::move(inheritance->listener);
  } else {
    auto made = listen_unix(options.socket, options.mode);
    if (!made) return std::unexpected(std::move(made.error()));
    listener = std::move(*made);
  }
  // From here on a failure leaves no socket behind, unless the predecessor still has it.
  const auto give_up = [&](Error error) -> std::unexpected<Error> {
    if (!inheritance) ::unlink(options.socket.c_str());
    return std::unexpected(std::move(error));
  };

  std::optional<Ring> adopted;
  if (inheritance) {
    auto ring = Ring::adopt(std::move(inheritance->ring));
    if (!ring) return give_up(std::move(ring.error()));
    adopted.emplace(std::move(*ring));
  }
  std::unique_ptr<journal::Writer> writer;
  std::optional<Numbers> kept;
  if (options.journal) {
    auto opened = open_journal(*options.journal, adopted ? &*adopted : nullptr);
    if (!opened) return give_up(std::move(opened.error()));
    writer = std::make_unique<journal::Writer>(std::move(*opened));
    options.message_bytes_max = std::min(options.message_bytes_max, writer->max_payload_bytes());
  }
  if (options.journal && !adopted) {
    auto read = read_numbers(options.journal->dir);
    if (!read) return give_up(std::move(read.error()));
    kept = *read;
  }
  auto ring = [&]() -> Result<Ring> {
    if (adopted) return std::move(*adopted);
    const auto id = kept ? Result<std::uint64_t>{kept->log_id} : random_id();
    if (!id) return std::unexpected(id.error());
    const std::size_t usual = writer ? kRingBytesOfJournal : kRingBytesInMemory;
    return Ring::make(options.ring_bytes != 0 ? options.ring_bytes : usual,
                      writer ? writer->next_lsn() : Lsn{1}, *id);
  }();
  if (!ring) return give_up(std::move(ring.error()));

  auto state = std::make_unique<State>(std::move(options), clock, std::move(*ring));
  state->listener = std::move(listener);
  state->writer = std::move(writer);
  state->scratch = std::move(memory.scratch);
  state->chains = std::move(memory.chains);
  if (auto begun = state->begin(inheritance ? &*inheritance : nullptr); !begun) {
    if (inheritance) state->left_to_successor = true;  // the socket is not ours to remove
    return std::unexpected(std::move(begun.error()));
  }
  return std::unique_ptr<Server>{new Server{std::move(state)}};
}

Server::Server(std::unique_ptr<State> state) noexcept : state_{std::move(state)} {}
Server::~Server() = default;

Server::State::State(ServerOptions given_options, const Clock& given_clock,
                     Ring given_ring) noexcept
    : options{std::move(given_options)},
      clock{given_clock},
      ring{std::move(given_ring)},
      visible{.position = ring.head(), .lsn = ring.next_lsn()},
      visible_key{ring.newest_key()},
      limit{UINT64_MAX} {
  options.message_bytes_max = std::min(options.message_bytes_max, ring.capacity() / 8);
}

Result<void> Server::State::begin(Inheritance* inheritance) {
  epoll = Fd{::epoll_create1(EPOLL_CLOEXEC)};
  if (!epoll) return io_error("cannot make an epoll", errno, options.socket.string());
  if (inheritance != nullptr) {
    const HandOverState& state = inheritance->state;
    if (state.domain != static_cast<std::uint8_t>(options.domain) ||
        (state.journalled != 0) != (writer != nullptr)) {
      return bad_input("the relay that runs there is of another kind", options.socket.string());
    }
    if (writer && writer->next_lsn().value() != ring.next_lsn()) {
      return std::unexpected(
          Error{.code = ErrorCode::Damaged,
                .message = "the journal does not end where the relay's memory does",
                .source = journal_options().dir.string()});
    }
    sources = state.sources;
    newest = Timestamp::from_ns(state.time);
    all_known = writer != nullptr;
  } else if (writer) {
    bool fresh = false;
    if (auto learned = learn_numbers(fresh); !learned) return learned;
    if (fresh) {
      if (auto written = write_numbers(journal_options().dir, numbers()); !written) return written;
    }
  }
  if (writer) {
    chains_from = writer->next_lsn().value() - 1;
    chains[chains_from & (chains.size() - 1)] = writer->chain();
    auto made = CheckpointDesk::open(journal_options().dir, journal_options().keep_bytes);
    if (!made) return std::unexpected(std::move(made.error()));
    desk = std::move(*made);
    watch(desk->fd(), desk.get());
  }
  metrics.head_lsn.set(static_cast<std::int64_t>(counted()));
  if (inheritance != nullptr) {
    const int patience_ms = static_cast<int>(
        std::chrono::duration_cast<std::chrono::milliseconds>(options.hand_over_max).count());
    if (auto confirmed = confirm_to_predecessor(*inheritance, patience_ms); !confirmed) {
      return confirmed;
    }
    metrics.hand_overs.add();
    if (const auto words = ring.left()) taken_from = words->paused_at;
  }
  watch(listener.get(), &listener);
  // A successor's door is a convenience: a relay without it runs as well.
  auto door = listen_unix(next_path(options.socket), 0600);
  if (door) {
    next_listener = std::move(*door);
    watch(next_listener.get(), &next_listener);
  } else {
    log::warn("relay_no_successor_door", {{"error", door.error().text()}});
  }
  return {};
}

Server::State::~State() {
  if (writer && !failure) {
    if (const auto synced = writer->sync(); !synced) {
      log::error("relay_journal_failed", {{"error", synced.error().text()}});
    } else if (const auto written = write_numbers(journal_options().dir, numbers()); !written) {
      log::error("relay_numbers_not_written", {{"error", written.error().text()}});
    }
  }
  desk.reset();
  if (left_to_successor) return;
  ::unlink(options.socket.c_str());
  if (next_listener) ::unlink(next_path(options.socket).c_str());
}

Numbers Server::State::numbers() const noexcept {
  return {
      .log_id = ring.log_id(), .lsn = ring.next_lsn() - 1, .time = newest.ns(), .sources = sources};
}

// --- rounds

std::size_t Server::State::poll(Timestamp time) {
  if (left_to_successor) return 0;
  now = time;
  round_work = 0;
  if (taken_from != nanoseconds{}) {
    const nanoseconds paused = clock.monotonic() - std::exchange(taken_from, nanoseconds{});
    log::info("relay_taken_over", {{"head", counted()}, {"paused_us", paused.count() / 1'000}});
  }
  std::array<epoll_event, kEventsPerRound> events;
  const int ready = ::epoll_wait(epoll.get(), events.data(), static_cast<int>(events.size()), 0);
  const auto fired = std::span{events}.first(static_cast<std::size_t>(std::max(ready, 0)));

  if (given) {
    // Between two owners: nobody is read or answered.
    hear_successor();
    return round_work;
  }
  if (options.admission != nullptr && !failure && !draining) options.admission->poll(now, *this);
  // By index: accepting adds connections.
  for (std::size_t i = 0; i < connections.size(); ++i) {
    Connection& connection = *connections[i];
    if (connection.waiting && connection.open()) receive_from(connection);
  }
  if (const bool pace = wants_pace(); pace != paced) {
    paced = pace;
    pause_publishers(pace);
  }
  bool successor_speaks = false;
  for (const epoll_event& event : fired) {
    if (event.data.ptr == &listener) {
      accept_clients();
    } else if (event.data.ptr == &next_listener || event.data.ptr == &link) {
      successor_speaks = true;
    } else if (event.data.ptr == desk.get()) {
      round_work += take_desk_outcomes();
    } else {
      Connection& connection = *static_cast<Connection*>(event.data.ptr);
      if (connection.dead) continue;
      if ((event.events & EPOLLOUT) != 0 && connection.blocked) {
        connection.blocked = false;
        ++round_work;
        rewatch(connection);
        flush(connection);
      }
      if (connection.dead) continue;
      const bool ended = (event.events & (EPOLLHUP | EPOLLERR)) != 0;
      if (ended && connection.paused) {
        close(connection);
      } else if (ended || (event.events & EPOLLIN) != 0) {
        receive_from(connection);
      }
    }
  }
  commit();
  std::uint64_t held = UINT64_MAX;
  for (const auto& entry : connections) {
    Connection& connection = *entry;
    if (connection.dead) continue;
    if (connection.publisher && connection.publisher->ack_due) acknowledge(connection);
    connection.was_read = false;
    if (!connection.reader || connection.closing) continue;
    if (!connection.blocked && has_something(connection)) round_work += serve(connection);
    if (connection.reader->mode != ReaderSide::Mode::Memory) {
      held = std::min(held, std::max<std::uint64_t>(connection.reader->at.lsn, 1));
    }
  }
  if (desk != nullptr) desk->hold_from(held);
  if (successor_speaks) hear_successor();
  if (asked && !given) consider_giving();
  reap();
  return round_work;
}

void Server::State::reap() {
  nanoseconds time{};
  std::erase_if(connections, [&](const std::unique_ptr<Connection>& connection) {
    if (connection->closing && !connection->dead) {
      if (time == nanoseconds{}) time = clock.monotonic();
      if (time >= connection->close_by) close(*connection);
    }
    return connection->dead;
  });
}

std::optional<nanoseconds> Server::State::next_due() const noexcept {
  if (left_to_successor) return std::nullopt;
  if (given) return given_until;
  std::optional<nanoseconds> due;
  if (asked) due = clock.monotonic() + kAskedLooksEvery;
  const auto at = [&due](nanoseconds time) { due = due ? std::min(*due, time) : time; };
  if (stalled) at(stalled_since + options.stall_max);
  if (paced) at(paced_until);
  for (const auto& connection : connections) {
    if (connection->closing) at(connection->close_by);
  }
  if (writer && !failure && journal_options().writer.sync == journal::SyncPolicy::Interval &&
      writer->durable_lsn().value() < counted()) {
    at(clock.monotonic() + journal_options().writer.sync_interval);
  }
  return due;
}

void Server::State::drain() {
  draining = true;
  for (const auto& connection : connections) {
    if (!connection->publisher) continue;
    connection->paused = true;
    rewatch(*connection);
  }
}

bool Server::State::drained() const noexcept {
  return draining && std::ranges::all_of(connections, [this](const auto& connection) {
           if (!connection->out.empty()) return false;
           if (!connection->reader) return true;
           const ReaderSide& reader = *connection->reader;
           return reader.mode == ReaderSide::Mode::Memory && reader.gap.last == 0 &&
                  (reader.whole() ? reader.sent_to : reader.at.position) == visible.position;
         });
}

void Server::State::end_log(Error error) {
  if (failure) return;
  log::error("relay_log_failed", {{"error", error.text()}});
  failure = std::move(error);
  for (const auto& connection : connections) {
    if (connection->publisher && connection->open()) {
      refuse(*connection, Refusal::LogFailed, failure->text());
    }
  }
}

std::size_t Server::State::take_desk_outcomes() {
  const auto outcomes = desk->take();
  for (const CheckpointDesk::Outcome& outcome : outcomes) {
    if (const auto* written = std::get_if<CheckpointDesk::Written>(&outcome)) {
      on_written(*written);
    } else if (const auto* loaded = std::get_if<CheckpointDesk::Loaded>(&outcome)) {
      on_loaded(*loaded);
    } else {
      on_noted(std::get<CheckpointDesk::Noted>(outcome));
    }
  }
  return outcomes.size();
}

// --- connections

void Server::State::watch(int descriptor, void* what) {
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.ptr = what;
  check(::epoll_ctl(epoll.get(), EPOLL_CTL_ADD, descriptor, &event) == 0,
        "an open descriptor can be watched");
}

void Server::State::rewatch(Connection& connection) {
  epoll_event event{};
  event.events = (connection.paused ? 0U : static_cast<std::uint32_t>(EPOLLIN)) |
                 (connection.blocked ? static_cast<std::uint32_t>(EPOLLOUT) : 0U);
  event.data.ptr = &connection;
  check(::epoll_ctl(epoll.get(), EPOLL_CTL_MOD, connection.socket.get(), &event) == 0,
        "a watched descriptor stays so");
}

bool Server::State::allowed(const Peer& peer) const noexcept {
  return peer.uid == ::geteuid() || peer.uid == 0 || peer.gid == ::getegid() ||
         std::ranges::find(options.allowed_uids, peer.uid) != options.allowed_uids.end();
}

void Server::State::accept_clients() {
  for (std::size_t count = 0; count < kAcceptsPerRound; ++count) {
    auto accepted = accept_unix(listener);
    if (!accepted) {
      log::error("relay_cannot_accept", {{"error", accepted.error().text()}});
      return;
    }
    std::optional<Fd>& socket = *accepted;
    if (!socket) return;
    const auto peer = peer_of(*socket);
    if (!peer) continue;
    ++round_work;
    metrics.accepted.add();
    auto connection = std::make_unique<Connection>();
    connection->id = next_id++;
    connection->socket = std::move(*socket);
    connection->peer = *peer;
    set_buffers(connection->socket, kSocketBytes);
    watch(connection->socket.get(), connection.get());
    connections.push_back(std::move(connection));
    Connection& mine = *connections.back();
    if (options.audit) {
      log::info("relay_connected", {{"id", mine.id}, {"pid", peer->pid}, {"uid", peer->uid}});
    }
    if (!allowed(*peer)) {
      refuse(mine, Refusal::NotAllowed, "this user may not use the relay: join the socket's group");
    } else if (connections.size() >
               options.publishers_max + options.subscribers_max + kOtherConnections) {
      refuse(mine, Refusal::Full, "the relay has all the connections that it may have");
    }
  }
}

void Server::State::receive_from(Connection& connection) {
  if (connection.closing) {
    // Nothing that it says matters any more; only that it is gone.
    const Transferred got = receive(connection.socket, std::span{scratch}.first(kReadBytes));
    if (got.how == Transfer::Closed) close(connection);
    return;
  }
  const std::size_t before = connection.left.size();
  std::ranges::copy(connection.left, scratch.begin());
  std::size_t have = before;
  bool ended = false;
  if (!connection.waiting && !connection.paused) {
    const Transferred got =
        receive(connection.socket,
                std::span{scratch}.subspan(have, writer ? kReadBytes : kReadBytesInMemory));
    if (got.how == Transfer::Later) return;
    ended = got.how == Transfer::Closed;
    have += got.bytes;
  }
  connection.waiting = false;
  const std::size_t taken = take_frames(connection, std::span{scratch}.first(have));
  connection.was_read = have > before;
  if (taken > 0 || have > before) ++round_work;
  connection.bytes_read += taken;
  connection.left.assign(scratch.begin() + static_cast<std::ptrdiff_t>(taken),
                         scratch.begin() + static_cast<std::ptrdiff_t>(have));
  if (ended) close(connection);
}

std::size_t Server::State::take_frames(Connection& connection, std::span<const std::byte> bytes) {
  const native::Accept accept{.checksum = options.checksum};
  std::size_t taken = 0;
  while (connection.open()) {
    // Nearly everything is a message: looked at without a detour. What it is not is said below.
    if (const auto message = native::decode(bytes.subspan(taken), accept)) {
      const Placed placed = place_message(connection, *message, connection.bytes_read + taken);
      if (placed == Placed::Yes) {
        taken += message->bytes().size();
        continue;
      }
      connection.waiting = placed == Placed::Wait;
      break;
    }
    const auto frame = decode_to_relay(bytes.subspan(taken), accept);
    if (!frame) {
      if (frame.error().error == WireError::NeedMore) break;
      refuse(connection,
             frame.error().error == WireError::BadMessage ? Refusal::BadMessage : Refusal::Protocol,
             frame.error().text(connection.bytes_read + taken));
      break;
    }
    if (!take_control(connection, frame->control)) break;
    taken += frame->bytes;
  }
  return taken;
}

bool Server::State::take_control(Connection& connection, const Control& control) {
  const bool fresh = !connection.publisher && !connection.reader;
  switch (control.kind) {
    case ControlKind::PublisherHello:
      if (!fresh) break;
      on_publisher_hello(connection, control.as<PublisherHello>());
      return connection.open();
    case ControlKind::SubscriberHello:
      if (!fresh) break;
      on_subscriber_hello(connection, control);
      return connection.open();
    case ControlKind::CheckpointPiece:
      if (!connection.publisher) break;
      on_checkpoint_piece(connection, control);
      return connection.open();
    case ControlKind::Bye:
      close(connection);
      return false;
    default:
      break;
  }
  refuse(connection, Refusal::Protocol, "a control frame that has no place here");
  return false;
}

void Server::State::refuse(Connection& connection, Refusal refusal, std::string_view text) {
  metrics.refused[static_cast<std::size_t>(refusal)].add();
  if (options.audit || refusal == Refusal::BadMessage || refusal == Refusal::LogLost) {
    log::warn("relay_refused", {{"id", connection.id},
                                {"name", connection.name},
                                {"reason", to_string(refusal)},
                                {"text", text}});
  }
  if (connection.reader) finish_entry(connection);
  const Refused body{.code = refusal};
  put_from_relay(connection.out.bytes(), body,
                 std::as_bytes(std::span{text.substr(0, kTextBytesMax)}));
  connection.closing = true;
  connection.close_by = clock.monotonic() + kCloseAfter;
  flush(connection);
}

void Server::State::flush(Connection& connection) {
  if (connection.dead || connection.blocked) return;
  if (!connection.out.empty()) {
    const Transferred sent = send(connection.socket, connection.out.rest());
    if (sent.how == Transfer::Closed) {
      close(connection);
      return;
    }
    metrics.bytes_out.add(sent.bytes);
    connection.out.sent(sent.bytes);
    if (!connection.out.empty()) {
      block(connection);
      return;
    }
  }
  if (connection.closing) close(connection);
}

void Server::State::close(Connection& connection) {
  if (connection.dead) return;
  connection.dead = true;
  // Closed now and not when it is reaped: the other end sees it in this round.
  connection.socket.reset();
  if (connection.publisher) --publishers_count;
  if (connection.reader) --subscribers_count;
  metrics.publishers.set(static_cast<std::int64_t>(publishers_count));
  metrics.subscribers.set(static_cast<std::int64_t>(subscribers_count));
  if (options.audit) {
    log::info("relay_closed", {{"id", connection.id}, {"name", connection.name}});
  }
}

// --- what callers see

std::size_t Server::poll(Timestamp now) { return state_->poll(now); }
int Server::fd() const noexcept { return state_->epoll.get(); }
std::optional<nanoseconds> Server::next_due() const noexcept { return state_->next_due(); }
void Server::drain() { state_->drain(); }
bool Server::drained() const noexcept { return state_->drained(); }
bool Server::handed_over() const noexcept { return state_->left_to_successor; }
const Error* Server::failed() const noexcept {
  const std::optional<Error>& failure = state_->failure;
  return failure ? &*failure : nullptr;
}
const ServerMetrics& Server::metrics() const noexcept { return state_->metrics; }
const journal::WriterMetrics* Server::journal_metrics() const noexcept {
  return state_->writer ? &state_->writer->metrics() : nullptr;
}
const journal::Recovery* Server::recovery() const noexcept {
  return state_->writer ? &state_->writer->recovery() : nullptr;
}
Lsn Server::head() const noexcept { return Lsn{state_->counted()}; }
Lsn Server::durable() const noexcept {
  return state_->writer ? state_->writer->durable_lsn() : Lsn{};
}
std::uint64_t Server::log_id() const noexcept { return state_->ring.log_id(); }
std::uint64_t Server::next_sequence(Source source) const noexcept {
  return state_->next_sequence(source);
}

std::vector<ReaderStatus> Server::readers() const {
  std::vector<ReaderStatus> all;
  for (const auto& connection : state_->connections) {
    if (!connection->reader || connection->dead) continue;
    const ReaderSide& reader = *connection->reader;
    all.push_back({.name = connection->name,
                   .pid = connection->peer.pid,
                   .policy = reader.policy,
                   .next_lsn = reader.at.lsn,
                   .lag = state_->visible.lsn - std::min(reader.at.lsn, state_->visible.lsn),
                   .from_disk = reader.mode != ReaderSide::Mode::Memory});
  }
  return all;
}

std::vector<PublisherStatus> Server::publishers() const {
  std::vector<PublisherStatus> all;
  for (const auto& connection : state_->connections) {
    if (!connection->publisher || connection->dead) continue;
    const PublisherSide& side = *connection->publisher;
    all.push_back({.name = connection->name,
                   .pid = connection->peer.pid,
                   .source = side.source,
                   .instance = side.instance,
                   .sequence = state_->sources[side.source].sequence});
  }
  return all;
}

}  // namespace stoa::relay
