#include <unistd.h>

#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>

#include "base/clock.h"
#include "base/error.h"
#include "base/fd.h"
#include "base/ids.h"
#include "base/log.h"
#include "journal/writer.h"
#include "relay/checkpoint_desk.h"
#include "relay/hand_over.h"
#include "relay/server.h"
#include "relay/server_state.h"
#include "relay/unix_socket.h"
#include "relay/wire.h"

// The predecessor's side of a hand-over, a step per round.
namespace stoa::relay {

void Server::State::hear_successor() {
  if (!link) {
    auto accepted = accept_unix(next_listener);
    if (!accepted) return;
    std::optional<Fd>& socket = *accepted;
    if (!socket) return;
    ++round_work;
    const auto peer = peer_of(*socket);
    if (!peer || peer->uid != ::geteuid()) {
      log::warn("relay_successor_refused", {{"uid", peer ? peer->uid : 0U}});
      return;
    }
    link = std::move(*socket);
    watch(link.get(), &link);
  }
  const auto heard = hear(link);
  if (!heard) return take_back(heard.error().text());
  const std::optional<Word>& word = *heard;
  if (!word) {
    if (given && clock.monotonic() >= given_until) take_back("the successor took too long");
    return;
  }
  ++round_work;
  if (!given && *word == Word::Ask) {
    on_asked();
  } else if (given && *word == Word::Ready) {
    leave();
  } else {
    take_back("the successor spoke out of turn");
  }
}

/// The numbers of the sources are kept while everybody is still served, and so is what works on the
/// side: what is left for the pause is a sync of little.
void Server::State::on_asked() {
  if (asked) return take_back("the successor spoke out of turn");
  asked = true;
  asked_until = clock.monotonic() + options.hand_over_max / 2;  // the successor waits as long again
  if (!writer || failure || draining) return;
  commit();
  if (failure) return;
  if (const auto synced = writer->sync(); !synced) return end_log(synced.error());
  desk->note(numbers());
}

void Server::State::on_noted(const CheckpointDesk::Noted& noted) {
  if (noted.error && asked && !given) take_back(noted.error->text());
}

void Server::State::consider_giving() {
  const bool busy = (desk != nullptr && desk->busy()) || (writer && writer->preparing());
  if (busy && !failure && !draining && clock.monotonic() < asked_until) return;
  give_to_successor();
}

void Server::State::give_to_successor() {
  const nanoseconds paused_at = clock.monotonic();
  commit();
  if (failure || draining || (desk != nullptr && desk->busy())) {
    return take_back(failure ? "the log has failed" : "a checkpoint is being written");
  }
  journal::Place place{.segment = {}, .next = Lsn{ring.next_lsn()}};
  if (writer) {
    const auto closed = writer->close();
    if (!closed) {
      end_log(closed.error());
      return take_back("the log has failed");
    }
    place = writer->place();
    writer.reset();
  }
  ring.leave({.journal = place, .paused_at = paused_at});
  given = true;
  given_until = clock.monotonic() + options.hand_over_max;
  const HandOverState state{.domain = static_cast<std::uint8_t>(options.domain),
                            .journalled = options.journal ? std::uint8_t{1} : std::uint8_t{0},
                            .time = newest.ns(),
                            .sources = sources};
  if (const auto done = give(link, listener, ring.fd(), state); !done) {
    take_back(done.error().text());
  }
}

void Server::State::take_back(std::string_view why) {
  log::warn("relay_hand_over_ended", {{"why", why}});
  static_cast<void>(say(link, Word::Stop));
  link.reset();
  asked = false;
  if (!std::exchange(given, false) || !options.journal) return;
  // The successor may hold the journal for a moment more; then the log has ended here, and whoever
  // runs this starts it again.
  auto opened = open_journal(journal_options(), &ring);
  if (!opened) return end_log(std::move(opened.error()));
  writer = std::make_unique<journal::Writer>(std::move(*opened));
  if (writer->next_lsn().value() != ring.next_lsn()) {
    end_log({.code = ErrorCode::Damaged,
             .message = "the journal was changed during a hand-over that did not happen",
             .source = journal_options().dir.string()});
  }
}

void Server::State::leave() {
  // The name is free before the successor asks for it.
  ::unlink(next_path(options.socket).c_str());
  next_listener.reset();
  static_cast<void>(say(link, Word::Go));
  left_to_successor = true;
  metrics.hand_overs.add();
  for (const auto& connection : connections) {
    if (connection->dead) continue;
    if (connection->reader) finish_entry(*connection);
    put_from_relay(connection->out.bytes(), Moved{});
    flush(*connection);
    close(*connection);
  }
  connections.clear();
  link.reset();
  listener.reset();
}

}  // namespace stoa::relay
