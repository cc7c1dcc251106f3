#include <fmt/core.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <expected>
#include <memory>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "base/ids.h"
#include "base/log.h"
#include "journal/reader.h"
#include "model/market.h"
#include "model/risk.h"
#include "protocol/native/codec.h"
#include "protocol/native/registry.h"
#include "relay/checkpoint_desk.h"
#include "relay/filter.h"
#include "relay/ring.h"
#include "relay/server.h"
#include "relay/server_state.h"
#include "relay/unix_socket.h"
#include "relay/wire.h"

// What a server does with its subscribers: where they begin, what they are sent, and what happens
// to those that do not keep up.
namespace stoa::relay {
namespace {

constexpr std::size_t kBufferedBytes = 256U << 10U;  // for one that is not served from the ring
constexpr std::size_t kSentAtOnce = 1U << 20U;
constexpr std::size_t kLookedAtPerRound = 16'384;  // entries, for one reader with a filter
constexpr std::uint64_t kTellEvery = 4'096;        // records that a filter let pass in silence
constexpr std::size_t kKeptMax = 65'536;
constexpr nanoseconds kTakesWithin = std::chrono::milliseconds{10};

std::uint64_t lsn_of(std::span<const std::byte> entry) noexcept {
  std::uint64_t lsn = 0;
  std::memcpy(&lsn, entry.data(), sizeof lsn);
  return lsn;
}

native::MessageView message_of(std::span<const std::byte> entry) noexcept {
  return native::MessageView::trusted(entry.subspan(kLsnBytes));
}

bool is_state(std::uint8_t type) noexcept {
  return type == native::Wire<Quote>::kType || type == native::Wire<FeedState>::kType ||
         type == native::Wire<Mark>::kType;
}

}  // namespace

// --- the beginning

void Server::State::on_subscriber_hello(Connection& connection, const Control& control) {
  const auto hello = control.as<SubscriberHello>();
  connection.name = name_of(hello.name);
  if (hello.domain != static_cast<std::uint8_t>(options.domain)) {
    return refuse(connection, Refusal::Protocol, "the relay is of another domain");
  }
  if (subscribers_count >= options.subscribers_max) {
    return refuse(connection, Refusal::Full,
                  fmt::format("the relay takes {} subscribers", options.subscribers_max));
  }
  metrics.subscribers.set(static_cast<std::int64_t>(++subscribers_count));
  connection.reader = std::make_unique<ReaderSide>();
  ReaderSide& reader = *connection.reader;
  reader.policy = hello.policy;
  reader.filters = filters_of(control);
  if (std::ranges::find(reader.filters, Filter{}) != reader.filters.end()) reader.filters.clear();
  reader.join_head = counted();
  reader.history = hello.history;

  if (hello.start == StartAt::Checkpoint && desk != nullptr) {
    reader.mode = ReaderSide::Mode::Loading;
    desk->load(connection.id, Lsn{counted()});
    return;
  }
  const bool other_log = hello.log_id != 0 && hello.log_id != ring.log_id();
  bool unknown = false;
  StartAt start = hello.start;
  std::uint64_t lsn = hello.lsn;
  if (start == StartAt::Lsn && (other_log || lsn > visible.lsn)) {
    unknown = true;
    start = StartAt::Key;
  }
  if (start == StartAt::Checkpoint) {
    // No state without a log on disk: records from the first on.
    start = StartAt::Lsn;
    lsn = 1;
  }
  if (start == StartAt::Newest) {
    start_at(reader, visible);
  } else if (start == StartAt::Lsn) {
    start_at(connection, lsn);
  } else {
    if (const auto newest_key = shown_key()) {
      start_at(reader, *newest_key);
    } else {
      start_at(connection, 0);
    }
  }
  if (!connection.open()) return;
  reader.told_lsn = reader.at.lsn - 1;
  put_from_relay(
      connection.out.bytes(),
      Welcome{.log_id = ring.log_id(), .head = reader.join_head, .next_lsn = reader.at.lsn});
  if (unknown) {
    reader.gap = {};
    put_from_relay(connection.out.bytes(), GapFrame{});
  }
}

void Server::State::on_loaded(const CheckpointDesk::Loaded& loaded) {
  const auto found = std::ranges::find(connections, loaded.ticket,
                                       [](const auto& connection) { return connection->id; });
  if (found == connections.end() || !(*found)->open() || !(*found)->reader) return;
  Connection& connection = **found;
  ReaderSide& reader = *connection.reader;
  if (loaded.error) return refuse(connection, Refusal::LogFailed, loaded.error->text());
  const std::uint64_t state_lsn = loaded.checkpoint != nullptr ? loaded.checkpoint->lsn.value() : 0;
  const std::uint64_t oldest = oldest_kept().lsn;
  std::uint64_t from = state_lsn + 1;
  if (reader.history > 0) {
    const std::uint64_t head = counted();
    const std::uint64_t wanted = head >= reader.history ? head - reader.history + 1 : 1;
    from = std::max(std::min(from, wanted), std::min(oldest, from));
  }
  start_at(connection, from);
  if (!connection.open()) return;
  reader.told_lsn = reader.at.lsn - 1;
  put_from_relay(
      connection.out.bytes(),
      Welcome{.log_id = ring.log_id(), .head = reader.join_head, .next_lsn = reader.at.lsn});
  if (loaded.checkpoint != nullptr) {
    reader.checkpoint = loaded.checkpoint;
    // Sent from here with the reader standing where it will begin: on disk, so that the ring may go
    // on meanwhile.
    reader.mode = ReaderSide::Mode::Checkpoint;
  }
}

Ring::Place Server::State::oldest_kept() const {
  const Ring::Place in_memory = ring.oldest();
  const Ring::Place memory = in_memory.position <= visible.position ? in_memory : visible;
  if (!writer) return memory;
  const auto reader = journal::Reader::open(journal_options().dir, Lsn{0});
  if (!reader || reader->next_lsn().value() == 0) return memory;
  return {.position = 0, .lsn = std::min(reader->next_lsn().value(), memory.lsn)};
}

void Server::State::start_at(ReaderSide& reader, Ring::Place place) {
  reader.mode = ReaderSide::Mode::Memory;
  reader.disk.reset();
  reader.at = place;
  reader.sent_to = place.position;
  limit = std::min(limit, place.position + ring.capacity());
}

void Server::State::start_at(Connection& connection, std::uint64_t lsn) {
  ReaderSide& reader = *connection.reader;
  if (lsn == 0) lsn = oldest_kept().lsn;
  if (const auto place = ring.find(lsn); place && place->position <= visible.position) {
    return start_at(reader, *place);
  }
  if (!writer) {
    const Ring::Place oldest = oldest_kept();
    reader.gap = {.first = lsn, .last = oldest.lsn - 1};
    metrics.dropped.add(oldest.lsn - lsn);
    return start_at(reader, oldest);
  }
  auto disk = journal::Reader::open(journal_options().dir, Lsn{lsn});
  if (!disk && disk.error().code == ErrorCode::NotFound) {
    const std::uint64_t oldest = oldest_kept().lsn;
    if (oldest > lsn) {
      reader.gap = {.first = lsn, .last = oldest - 1};
      metrics.dropped.add(oldest - lsn);
      return start_at(connection, oldest);
    }
  }
  if (!disk) return refuse(connection, Refusal::LogFailed, disk.error().text());
  reader.mode = ReaderSide::Mode::Disk;
  reader.at = {.position = 0, .lsn = lsn};
  reader.disk = std::make_unique<journal::Reader>(std::move(*disk));
  metrics.spills.add();
}

// --- sending

bool Server::State::has_something(const Connection& connection) const noexcept {
  const ReaderSide& reader = *connection.reader;
  if (!connection.out.empty() || reader.gap.last != 0) return true;
  switch (reader.mode) {
    case ReaderSide::Mode::Loading:
      return false;
    case ReaderSide::Mode::Checkpoint:
      return true;
    case ReaderSide::Mode::Disk:
      return reader.at.lsn < visible.lsn || ring.find(reader.at.lsn).has_value();
    case ReaderSide::Mode::Memory:
      return (reader.whole() ? reader.sent_to : reader.at.position) != visible.position ||
             (!reader.caught_up_told && reader.at.lsn > reader.join_head);
  }
  return false;
}

std::size_t Server::State::serve(Connection& connection) {
  const ReaderSide& reader = *connection.reader;
  if (reader.policy == ReaderPolicy::Conflate && reader.mode == ReaderSide::Mode::Memory &&
      visible.position - reader.at.position > ring.capacity() / 4) {
    jump(connection);
  }
  if (reader.gap.last != 0 && connection.out.empty()) tell_gap(connection);
  if (reader.gap.last == 0) fill(connection);
  if (!connection.open()) return 1;
  if (reader.mode == ReaderSide::Mode::Memory && reader.whole() && reader.gap.last == 0) {
    send_ring(connection);
  } else {
    flush(connection);
  }
  return 1;
}

void Server::State::fill(Connection& connection) {
  const ReaderSide& reader = *connection.reader;
  if (reader.mode == ReaderSide::Mode::Checkpoint) fill_checkpoint(connection);
  if (reader.mode == ReaderSide::Mode::Disk) fill_from_disk(connection);
  if (!connection.open()) return;
  if (reader.mode == ReaderSide::Mode::Memory && !reader.whole()) fill_filtered(connection);
  tell_position(connection);
}

void Server::State::fill_checkpoint(Connection& connection) {
  ReaderSide& reader = *connection.reader;
  if (!connection.out.empty() && reader.checkpoint_sent > 0) return;
  const std::span<const std::byte> state{reader.checkpoint->state};
  const std::size_t bytes = std::min(state.size() - reader.checkpoint_sent, kPieceBytesMax);
  put_from_relay(connection.out.bytes(),
                 CheckpointPiece{.lsn = reader.checkpoint->lsn.value(),
                                 .total_bytes = state.size(),
                                 .offset = reader.checkpoint_sent},
                 state.subspan(reader.checkpoint_sent, bytes));
  reader.checkpoint_sent += bytes;
  if (reader.checkpoint_sent < state.size()) return;
  reader.checkpoint.reset();
  const auto gap = reader.gap;
  start_at(connection, reader.at.lsn);
  if (gap.last != 0) reader.gap = gap;
}

void Server::State::fill_from_disk(Connection& connection) {
  ReaderSide& reader = *connection.reader;
  // Back to memory, unless the ring would soon overtake it there.
  if (const auto place = ring.find(reader.at.lsn);
      place && place->position <= visible.position &&
      (place->lsn == visible.lsn || place->position >= ring.lost_before(ring.capacity() / 8))) {
    return start_at(reader, *place);
  }
  for (std::size_t count = 0; count < kLookedAtPerRound; ++count) {
    if (connection.out.size() >= kBufferedBytes || reader.at.lsn >= visible.lsn) return;
    const auto record = reader.disk->next(Lsn{counted()});
    if (!record) {
      log::error("relay_reader_disk",
                 {{"name", connection.name}, {"error", record.error().text()}});
      return refuse(connection, Refusal::LogFailed, record.error().text());
    }
    const std::optional<journal::Record>& entry = *record;
    if (!entry) return;
    if (entry->lsn.value() > reader.at.lsn) {
      // Retention was faster than this reader.
      const GapFrame gap{.first = reader.at.lsn, .last = entry->lsn.value() - 1};
      metrics.dropped.add(gap.last - gap.first + 1);
      put_from_relay(connection.out.bytes(), gap);
    }
    reader.at.lsn = entry->lsn.value() + 1;
    if (!reader.whole() && !matches(reader.filters, native::MessageView::trusted(entry->payload))) {
      continue;
    }
    put_entry(connection.out.bytes(), entry->lsn, entry->payload);
    metrics.messages_out.add();
    reader.told_lsn = entry->lsn.value();
  }
}

void Server::State::fill_filtered(Connection& connection) {
  ReaderSide& reader = *connection.reader;
  for (std::size_t count = 0; count < kLookedAtPerRound; ++count) {
    if (connection.out.size() >= kBufferedBytes || reader.at.position == visible.position) return;
    const auto entry = ring.entry(reader.at.position);
    const std::uint64_t lsn = lsn_of(entry);
    reader.at.position += entry.size();
    if (lsn != 0) ++reader.at.lsn;
    if (!matches(reader.filters, message_of(entry))) continue;
    connection.out.bytes().insert(connection.out.bytes().end(), entry.begin(), entry.end());
    if (lsn == 0) continue;
    metrics.messages_out.add();
    reader.told_lsn = lsn;
  }
}

void Server::State::tell_position(Connection& connection) {
  ReaderSide& reader = *connection.reader;
  if (reader.mode == ReaderSide::Mode::Loading || reader.mode == ReaderSide::Mode::Checkpoint) {
    return;
  }
  if (reader.mode == ReaderSide::Mode::Memory && reader.whole() &&
      reader.sent_to != reader.at.position) {
    return;  // in the middle of an entry
  }
  const bool caught_up = !reader.caught_up_told && reader.at.lsn > reader.join_head;
  const bool silent = !reader.whole() && reader.at.lsn - 1 >= reader.told_lsn + kTellEvery;
  if (!caught_up && !silent) return;
  reader.caught_up_told = reader.caught_up_told || caught_up;
  reader.told_lsn = reader.at.lsn - 1;
  put_from_relay(connection.out.bytes(),
                 Position{.lsn = reader.at.lsn - 1, .caught_up = reader.caught_up_told ? 1U : 0U});
}

void Server::State::send_ring(Connection& connection) {
  const ReaderSide& reader = *connection.reader;
  const std::uint64_t from = reader.sent_to;
  const std::uint64_t to = std::min(visible.position, from + kSentAtOnce);
  const std::size_t offered = connection.out.size() + static_cast<std::size_t>(to - from);
  if (offered == 0) return;
  const Transferred sent = send(connection.socket, connection.out.rest(), ring.bytes(from, to));
  if (sent.how == Transfer::Closed) return close(connection);
  metrics.bytes_out.add(sent.bytes);
  const std::size_t of_out = std::min(sent.bytes, connection.out.size());
  connection.out.sent(of_out);
  if (sent.bytes > of_out) advance(connection, from + sent.bytes - of_out);
  if (sent.bytes < offered) block(connection);
}

void Server::State::advance(Connection& connection, std::uint64_t position) {
  ReaderSide& reader = *connection.reader;
  const Ring::Place place =
      position == visible.position ? visible : ring.entry_at(position, reader.at);
  metrics.messages_out.add(place.lsn - reader.at.lsn);
  reader.at = place;
  reader.sent_to = position;
}

void Server::State::finish_entry(Connection& connection) {
  ReaderSide& reader = *connection.reader;
  if (reader.mode != ReaderSide::Mode::Memory || !reader.whole() ||
      reader.sent_to == reader.at.position) {
    return;
  }
  const auto entry = ring.entry(reader.at.position);
  const auto rest = entry.subspan(static_cast<std::size_t>(reader.sent_to - reader.at.position));
  connection.out.bytes().insert(connection.out.bytes().end(), rest.begin(), rest.end());
  if (lsn_of(entry) != 0) {
    ++reader.at.lsn;
    metrics.messages_out.add();
  }
  reader.at.position += entry.size();
  reader.sent_to = reader.at.position;
}

// --- those who do not keep up

bool Server::State::make_room(std::size_t bytes, bool force) {
  const std::uint64_t end = ring.head() + bytes;
  if (end <= limit) {
    if (stalled) {
      stalled = false;
      pause_publishers(false);
    }
    return true;
  }
  if (stalled && clock.monotonic() >= stalled_since + options.stall_max) force = true;
  std::uint64_t lowest = UINT64_MAX;
  bool wait = false;
  for (const auto& entry : connections) {
    Connection& connection = *entry;
    if (!connection.reader || !connection.open()) continue;
    const ReaderSide& reader = *connection.reader;
    if (reader.mode != ReaderSide::Mode::Memory) continue;
    if (reader.at.position + ring.capacity() < end) {
      if (reader.policy != ReaderPolicy::MustHave) {
        jump(connection);
      } else if (writer) {
        spill(connection);
        continue;
      } else if (force) {
        evict(connection);
        continue;
      } else {
        wait = true;
      }
    }
    lowest = std::min(lowest, reader.at.position);
  }
  limit = lowest == UINT64_MAX ? UINT64_MAX : lowest + ring.capacity();
  if (!wait) return make_room(bytes, false);
  if (!stalled) {
    stalled = true;
    stalled_since = clock.monotonic();
    metrics.stalls.add();
    pause_publishers(true);
  }
  return false;
}

void Server::State::pause_publishers(bool pause) {
  for (const auto& connection : connections) {
    if (!connection->publisher || !connection->open() || connection->paused == pause) continue;
    if (!pause && (draining || stalled)) continue;
    connection->paused = pause;
    // What it has sent already is looked at again, without reading more.
    connection->waiting = connection->waiting || (pause && stalled);
    rewatch(*connection);
  }
}

bool Server::State::wants_pace() noexcept {
  if (writer || options.pace_bytes == 0) return false;
  for (const auto& entry : connections) {
    const Connection& connection = *entry;
    if (!connection.reader || !connection.blocked || !connection.open()) continue;
    const ReaderSide& reader = *connection.reader;
    if (reader.policy != ReaderPolicy::MustHave || reader.mode != ReaderSide::Mode::Memory)
      continue;
    if (visible.position - reader.at.position <= options.pace_bytes) continue;
    paced_until = connection.blocked_since + kTakesWithin;
    if (clock.monotonic() < paced_until) return true;
  }
  return false;
}

void Server::State::block(Connection& connection) {
  connection.blocked = true;
  connection.blocked_since = clock.monotonic();
  rewatch(connection);
}

std::optional<Ring::Place> Server::State::shown_key() const noexcept {
  const bool kept = visible_key && visible_key->position >= ring.lost_before();
  return kept ? visible_key : std::nullopt;
}

void Server::State::jump(Connection& connection) {
  ReaderSide& reader = *connection.reader;
  finish_entry(connection);
  const auto newest_key = shown_key();
  const Ring::Place target =
      newest_key && newest_key->position > reader.at.position ? *newest_key : visible;
  if (reader.policy == ReaderPolicy::Conflate) keep_newest(reader, target);
  if (target.lsn > reader.at.lsn) {
    if (reader.gap.last == 0) reader.gap.first = reader.at.lsn;
    reader.gap.last = target.lsn - 1;
    metrics.dropped.add(target.lsn - reader.at.lsn);
  }
  reader.at = target;
  reader.sent_to = target.position;
}

void Server::State::keep_newest(ReaderSide& reader, Ring::Place until) {
  for (std::uint64_t position = reader.at.position; position < until.position;) {
    const auto entry = ring.entry(position);
    position += entry.size();
    const std::uint64_t lsn = lsn_of(entry);
    const native::MessageView message = message_of(entry);
    if (lsn == 0 || !is_state(message.type())) continue;
    if (!reader.whole() && !matches(reader.filters, message)) continue;
    const ReaderSide::KindKey key{message.type(), instrument_of(message)};
    const auto place = reader.kept.find(key);
    if (place == reader.kept.end() && reader.kept.size() >= kKeptMax) continue;
    ReaderSide::Kept& kept = place != reader.kept.end() ? place->second : reader.kept[key];
    if (kept.lsn != 0) metrics.conflated.add();
    kept.lsn = lsn;
    kept.message.assign(message.bytes().begin(), message.bytes().end());
  }
}

void Server::State::tell_gap(Connection& connection) {
  ReaderSide& reader = *connection.reader;
  std::vector<const ReaderSide::Kept*> in_order;
  in_order.reserve(reader.kept.size());
  for (const auto& [key, kept] : reader.kept) in_order.push_back(&kept);
  std::ranges::sort(in_order, {}, [](const ReaderSide::Kept* kept) { return kept->lsn; });
  for (const ReaderSide::Kept* kept : in_order) {
    put_entry(connection.out.bytes(), Lsn{kept->lsn}, kept->message);
    metrics.messages_out.add();
  }
  reader.kept.clear();
  put_from_relay(connection.out.bytes(), reader.gap);
  reader.told_lsn = reader.gap.last;
  reader.gap = {};
}

void Server::State::spill(Connection& connection) {
  ReaderSide& reader = *connection.reader;
  finish_entry(connection);
  const std::uint64_t lsn = reader.at.lsn;
  auto disk = journal::Reader::open(journal_options().dir, Lsn{lsn});
  if (!disk) return refuse(connection, Refusal::LogFailed, disk.error().text());
  reader.mode = ReaderSide::Mode::Disk;
  reader.at = {.position = 0, .lsn = lsn};
  reader.disk = std::make_unique<journal::Reader>(std::move(*disk));
  metrics.spills.add();
}

void Server::State::evict(Connection& connection) {
  metrics.evictions.add();
  log::warn("relay_reader_too_slow", {{"name", connection.name}, {"pid", connection.peer.pid}});
  refuse(connection, Refusal::TooSlow,
         fmt::format(
             "publishers waited {} ms for this reader: it has to be faster, or to accept "
             "gaps",
             std::chrono::duration_cast<std::chrono::milliseconds>(options.stall_max).count()));
}

}  // namespace stoa::relay
