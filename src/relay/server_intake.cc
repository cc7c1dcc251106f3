#include <fmt/core.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "base/clock.h"
#include "base/error.h"
#include "base/ids.h"
#include "base/log.h"
#include "journal/reader.h"
#include "journal/writer.h"
#include "protocol/native/codec.h"
#include "relay/admission.h"
#include "relay/checkpoint_desk.h"
#include "relay/hand_over.h"
#include "relay/numbers_file.h"
#include "relay/server.h"
#include "relay/server_state.h"
#include "relay/source.h"
#include "relay/wire.h"

// What a server does with its publishers: hello, place, commit, acknowledge, checkpoints.
namespace stoa::relay {
namespace {

/// A publisher that goes on sending hears of so much at a time; one that has paused, at once. Each
/// may wake it.
constexpr std::size_t kAckEvery = 128U << 10U;
/// Acknowledgements wait while so much is on its way to a publisher that does not read.
constexpr std::size_t kUnreadMax = 4'096;

}  // namespace

Result<void> Server::State::learn_numbers(bool& fresh) {
  const auto& dir = journal_options().dir;
  const std::uint64_t first = writer->recovery().first.value();
  const std::uint64_t head = writer->next_lsn().value() - 1;
  auto kept = read_numbers(dir);
  if (!kept) return std::unexpected(std::move(kept.error()));
  const std::optional<Numbers>& file = *kept;
  fresh = !file;
  std::uint64_t from = first;
  // One that names a record behind the end was written before that end was lost.
  if (file && file->lsn <= head && file->lsn + 1 >= first) {
    sources = file->sources;
    newest = Timestamp::from_ns(file->time);
    from = file->lsn + 1;
    all_known = true;
  } else {
    all_known = first <= 1;
  }
  if (from > head) return {};
  auto reader = journal::Reader::open(dir, Lsn{from});
  if (!reader) return std::unexpected(std::move(reader.error()));
  while (true) {
    const auto record = reader->next(Lsn{head});
    if (!record) return std::unexpected(record.error());
    const std::optional<journal::Record>& entry = *record;
    if (!entry) return {};
    const auto message =
        native::decode(entry->payload, native::Accept{.checksum = native::Checksum::Off});
    if (!message || message->header().source >= kSourcesMax) {
      return std::unexpected(
          Error{.code = ErrorCode::Damaged,
                .message = fmt::format(
                    "record {} is no message of a relay's log: {} at byte {}", entry->lsn.value(),
                    message ? "unknown source" : native::to_string(message.error().error),
                    message ? 6 : message.error().offset),
                .source = dir.string()});
    }
    const native::Header header = message->header();
    SourceState& source = sources[header.source];
    if (header.sequence > source.sequence) {
      source.sequence = header.sequence;
      source.lsn = entry->lsn.value();
    }
    newest = std::max(newest, header.timestamp);
  }
}

void Server::State::on_publisher_hello(Connection& connection, const PublisherHello& hello) {
  connection.name = name_of(hello.name);
  if (failure) return refuse(connection, Refusal::LogFailed, failure->text());
  if (draining) return refuse(connection, Refusal::Draining, "the relay is stopping");
  if (hello.domain != static_cast<std::uint8_t>(options.domain)) {
    return refuse(connection, Refusal::Protocol, "the relay is of another domain");
  }
  if (hello.source == 0 || hello.source >= kSourcesMax) {
    return refuse(connection, Refusal::WrongSource,
                  fmt::format("{} is no source: 1 to {} are", hello.source, kSourcesMax - 1));
  }
  SourceState& source = sources[hello.source];
  std::uint64_t instance = hello.instance;
  if (instance == 0) {
    // Above every number given before, in this process or one of before: clocks go forward.
    instance = std::max(source.instance + 1,
                        static_cast<std::uint64_t>(std::max<std::int64_t>(clock.now().ns(), 0)));
  } else if (instance < source.instance) {
    return refuse(connection, Refusal::Superseded,
                  fmt::format("superseded: instance {} publishes for this source, and this is {}",
                              source.instance, instance));
  }
  const bool known = source.sequence > 0 || all_known;
  if (!known && hello.first > 0) {
    source.sequence = hello.first - 1;
  } else if (hello.instance != 0 && hello.first > source.sequence + 1) {
    // With an admission, what it swallowed is not in the log; otherwise promises were broken.
    if (options.admission == nullptr) {
      return refuse(connection, Refusal::LogLost,
                    fmt::format("the log has this source up to {} and the publisher was promised "
                                "more, up to {}: start it anew to go on from the log",
                                source.sequence, hello.first - 1));
    }
    source.sequence = hello.first - 1;
  }
  for (const auto& entry : connections) {
    Connection& other = *entry;
    if (!other.publisher || !other.open() || other.publisher->source != hello.source) continue;
    if (other.publisher->instance < instance) {
      refuse(other, Refusal::Superseded,
             fmt::format("superseded: instance {} has taken over from {}", instance,
                         other.publisher->instance));
    } else {
      close(other);  // it has come back before its old connection was seen to end
    }
  }
  if (publishers_count >= options.publishers_max) {
    return refuse(connection, Refusal::Full,
                  fmt::format("the relay takes {} publishers", options.publishers_max));
  }
  source.instance = instance;
  connection.publisher =
      std::make_unique<PublisherSide>(PublisherSide{.source = hello.source, .instance = instance});
  metrics.publishers.set(static_cast<std::int64_t>(++publishers_count));
  // What was placed in this round counts only after the commit, which comes before the flush of the
  // round's end; say so now and the promise would be too early.
  commit();
  if (failure || !connection.open()) return;
  put_from_relay(connection.out.bytes(), Welcome{.log_id = ring.log_id(),
                                                 .head = counted(),
                                                 .instance = instance,
                                                 .sequence = source.sequence,
                                                 .lsn = source.lsn});
  flush(connection);
}

Server::State::Placed Server::State::place_message(Connection& connection,
                                                   const native::MessageView& message,
                                                   std::uint64_t at_byte) {
  if (!connection.publisher) {
    refuse(connection, Refusal::Protocol, "a message before a publisher's hello");
    return Placed::Refused;
  }
  PublisherSide& side = *connection.publisher;
  const native::Header header = message.header();
  const std::size_t bytes = message.bytes().size();
  if (header.domain != static_cast<std::uint8_t>(options.domain)) {
    refuse(connection, Refusal::BadMessage,
           fmt::format("a message of domain {} at byte {}", header.domain, at_byte + 4));
    return Placed::Refused;
  }
  if (header.source != side.source) {
    refuse(connection, Refusal::WrongSource,
           fmt::format("a message of source {} at byte {}, and this is a publisher of {}",
                       header.source, at_byte + 6, side.source));
    return Placed::Refused;
  }
  if (bytes > options.message_bytes_max) {
    refuse(connection, Refusal::TooLarge,
           fmt::format("a message of {} bytes at byte {}; at most {} are allowed", bytes, at_byte,
                       options.message_bytes_max));
    return Placed::Refused;
  }
  SourceState& source = sources[side.source];
  const bool transient = (header.flags & native::kFlagProbe) != 0;
  if (!transient) {
    const std::uint64_t expected = source.sequence + 1;
    if (header.sequence < expected) {
      metrics.duplicates.add();
      side.ack_due = true;
      return Placed::Yes;
    }
    if (header.sequence > expected) {
      if (!side.rewinding) {
        side.rewinding = true;
        metrics.source_gaps.add();
        put_from_relay(connection.out.bytes(), Rewind{.sequence = expected});
        flush(connection);
      }
      return Placed::Yes;
    }
  }
  // A round is committed before it fills the ring: readers are owed only what counts.
  if (ring.head() - visible.position > ring.capacity() / 4) return Placed::Wait;
  if (!has_room(kLsnBytes + bytes, false)) return Placed::Wait;
  side.rewinding = false;
  if (options.admission != nullptr &&
      options.admission->consider(message, now, *this) == Admission::Verdict::Swallow) {
    metrics.swallowed.add();
    if (!transient) {
      ++source.sequence;
      side.ack_due = true;
    }
    return Placed::Yes;
  }
  if (failure) return Placed::Refused;
  if (transient) {
    ring.append(Lsn{0}, message.bytes(), false);
    metrics.transient_in.add();
    return Placed::Yes;
  }
  append(side.source, message, true);
  side.ack_due = true;
  side.unacked_bytes += bytes;
  return failure ? Placed::Refused : Placed::Yes;
}

void Server::State::append(std::uint8_t source_number, const native::MessageView& message,
                           bool awaited) {
  const std::uint64_t lsn = ring.next_lsn();
  const native::Header header = message.header();
  const auto placed =
      ring.append(Lsn{lsn}, message.bytes(), (header.flags & native::kFlagKey) != 0);
  // An output carries the time of the input that it follows from, and is derived again with it.
  if (options.restamp && (header.flags & native::kFlagOutput) == 0) {
    // Time in a log never goes back, whatever the clock does.
    newest = std::max(newest, now);
    native::restamp(placed, newest);
  } else {
    newest = std::max(newest, header.timestamp);
  }
  if (writer) {
    if (const auto appended = writer->append(placed); !appended) {
      end_log(appended.error());
      return;
    }
    chains[lsn & (chains.size() - 1)] = writer->chain();
    const bool lazy = journal_options().lazy_outputs && (header.flags & native::kFlagOutput) != 0;
    round_awaited = round_awaited || (awaited && !lazy);
  }
  SourceState& source = sources[source_number];
  source.sequence = header.sequence;
  source.lsn = lsn;
  metrics.messages_in.add();
  metrics.bytes_in.add(placed.size());
}

void Server::State::place(Source source, std::span<std::byte> message, bool awaited) {
  if (failure) return;
  // What the relay itself has to say waits for nobody.
  if (ring.head() - visible.position > ring.capacity() / 4) commit();
  static_cast<void>(has_room(kLsnBytes + message.size(), true));
  append(static_cast<std::uint8_t>(source), native::MessageView::trusted(message), awaited);
  metrics.inserted.add();
  ++round_work;
}

std::uint64_t Server::State::next_sequence(Source source) const noexcept {
  return sources[static_cast<std::size_t>(source)].sequence + 1;
}

void Server::State::commit() {
  if (failure) return;
  const bool records = ring.next_lsn() != visible.lsn;
  if (writer && records) {
    if (std::exchange(round_awaited, false)) {
      if (const auto done = writer->commit(); !done) return end_log(done.error());
    } else if (const auto done = writer->flush(); !done) {
      return end_log(done.error());
    }
    metrics.commits.add();
  } else if (writer && journal_options().writer.sync == journal::SyncPolicy::Interval) {
    // Syncs what the interval still owes.
    if (const auto done = writer->commit(); !done) return end_log(done.error());
  }
  if (visible.position == ring.head()) return;
  visible = {.position = ring.head(), .lsn = ring.next_lsn()};
  visible_key = ring.newest_key();
  metrics.head_lsn.set(static_cast<std::int64_t>(counted()));
}

void Server::State::acknowledge(Connection& connection) {
  if (failure || connection.out.size() > kUnreadMax) return;
  PublisherSide& side = *connection.publisher;
  if (!writer && connection.was_read && side.unacked_bytes < kAckEvery) return;
  side.ack_due = false;
  side.unacked_bytes = 0;
  const SourceState& source = sources[side.source];
  put_from_relay(connection.out.bytes(), Ack{.sequence = source.sequence, .lsn = source.lsn});
  flush(connection);
}

void Server::State::on_checkpoint_piece(Connection& connection, const Control& control) {
  const auto piece = control.as<CheckpointPiece>();
  const auto bytes = control.tail<CheckpointPiece>();
  PublisherSide& side = *connection.publisher;
  const auto answer = [&](std::string_view why) {
    metrics.checkpoints_failed.add();
    side.upload = {};
    side.state = {};
    put_from_relay(connection.out.bytes(), CheckpointDone{.lsn = piece.lsn},
                   std::as_bytes(std::span{why.substr(0, kTextBytesMax)}));
    flush(connection);
  };
  if (piece.offset == 0) {
    side.upload = {};
    side.state.clear();
    if (desk == nullptr) return answer("this relay keeps no log on disk");
    if (piece.total_bytes > options.checkpoint_bytes_max) {
      return answer(fmt::format("a checkpoint of {} bytes; at most {} are taken", piece.total_bytes,
                                options.checkpoint_bytes_max));
    }
    if (side.reply_due) return answer("the checkpoint before is still being written");
    side.upload = piece;
    side.state.reserve(piece.total_bytes);
  } else if (side.upload.lsn == 0) {
    return;  // of one that was refused at its first piece
  }
  if (piece.lsn != side.upload.lsn || piece.total_bytes != side.upload.total_bytes ||
      piece.offset != side.state.size()) {
    return refuse(connection, Refusal::Protocol, "the pieces of a checkpoint do not fit together");
  }
  side.state.insert(side.state.end(), bytes.begin(), bytes.end());
  if (side.state.size() < piece.total_bytes) return;

  if (failure) return answer(failure->text());
  if (piece.lsn == 0 || piece.lsn > counted()) {
    return answer(
        fmt::format("record {} is not in the log; the newest is {}", piece.lsn, counted()));
  }
  if (piece.lsn < chains_from || ring.next_lsn() - piece.lsn > chains.size()) {
    return answer(fmt::format(
        "record {} is too old: take a checkpoint of a newer one, {} or later", piece.lsn,
        std::max<std::uint64_t>(chains_from,
                                counted() > chains.size() ? counted() - chains.size() + 1 : 1)));
  }
  // A checkpoint names durable records only, and so do the numbers beside it.
  if (writer->durable_lsn().value() + 1 < ring.next_lsn()) {
    if (const auto synced = writer->sync(); !synced) {
      end_log(synced.error());
      return;
    }
  }
  side.reply_due = true;
  desk->write(connection.id,
              {.lsn = Lsn{piece.lsn},
               .chain = chains[piece.lsn & (chains.size() - 1)],
               .epoch = writer->epoch(),
               .state = std::move(side.state)},
              numbers());
  side.upload = {};
  side.state = {};
}

void Server::State::on_written(const CheckpointDesk::Written& written) {
  if (written.error) {
    metrics.checkpoints_failed.add();
    log::error("checkpoint_not_written",
               {{"lsn", written.lsn.value()}, {"error", written.error->text()}});
  } else {
    metrics.checkpoints.add();
  }
  for (const auto& connection : connections) {
    if (connection->id != written.ticket || !connection->open() || !connection->publisher) continue;
    connection->publisher->reply_due = false;
    const std::string why = written.error ? written.error->text() : "";
    put_from_relay(connection->out.bytes(),
                   CheckpointDone{.lsn = written.lsn.value(), .written = written.error ? 0U : 1U},
                   std::as_bytes(std::span{why}.first(std::min(why.size(), kTextBytesMax))));
    flush(*connection);
  }
}

}  // namespace stoa::relay
