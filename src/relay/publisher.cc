#include "relay/publisher.h"

#include <fmt/core.h>
#include <sys/poll.h>

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <expected>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/check.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/fd.h"
#include "base/ids.h"
#include "protocol/native/codec.h"
#include "relay/connection.h"
#include "relay/ring.h"
#include "relay/unix_socket.h"
#include "relay/wire.h"

namespace stoa::relay {
namespace {

constexpr std::size_t kReceiveBytes = 64U << 10U;
constexpr std::size_t kOutboxBytesMin = 256U << 10U;
constexpr std::size_t kSentAtOnce = 1U << 20U;
/// What is on its way stays in the processor's cache; one that wants more waits a little.
constexpr std::size_t kSocketBytes = 256U << 10U;
/// The outbox that is used while it is enough: it stays in the cache, too.
constexpr std::size_t kHotBytes = 1U << 20U;
/// A few batches: what the kernel does for each piece, here, in the relay and for waking it, is
/// half of what 10 KB cost.
constexpr std::size_t kGatherBytes = 32U << 10U;
constexpr std::uint64_t kMarkEvery = 64;  // records
constexpr unsigned kReadEvery = 8;        // polls

/// A message in the outbox.
struct Staged {
  std::size_t bytes = 0;
  std::uint64_t sequence = 0;
  bool transient = false;
};

Staged staged_at(const std::byte* at) noexcept {
  native::Header header;
  std::memcpy(&header, at, sizeof header);
  return {.bytes = sizeof header + header.payload_bytes,
          .sequence = header.sequence,
          .transient = (header.flags & native::kFlagProbe) != 0};
}

}  // namespace

/// Positions count bytes of the outbox since the beginning:
///
///   acked <= sent <= head        [acked, head) is kept, [sent, head) waits to be sent
class Publisher::State {
 public:
  State(Options given, Mirror given_hot, Mirror given_whole)
      : options{std::move(given)},
        hot{std::move(given_hot)},
        whole{std::move(given_whole)},
        marks(std::bit_ceil(
            std::max(hot.size(), whole.size()) / (sizeof(native::Header) * kMarkEvery) + 2)),
        incoming{kReceiveBytes},
        retry{options.backoff_min, options.backoff_max, options.seed} {}

  std::size_t poll(nanoseconds time) {
    if (ended || closed) return 0;
    now = time;
    if (gathers()) return 0;
    std::size_t work = 0;
    if (!socket) {
      if (!retry.due(now)) return 0;
      connect();
      if (!socket) return 0;
      ++work;
    }
    // One that has much to send looks for answers only now and then.
    if (!welcomed || sent == head || outbox_full || ++unread_polls >= kReadEvery) {
      unread_polls = 0;
      outbox_full = false;
      work += read();
    }
    if (socket) work += send_staged();
    return work;
  }

  /// Something small waits, and little time has passed since the send before: more may come. Where
  /// time stands still nothing waits a second time.
  [[nodiscard]] bool gathers() noexcept {
    const bool early = welcomed && sent != head && head - sent < kGatherBytes && !blocked &&
                       now >= sent_at && now < sent_at + options.gather;
    return early && std::exchange(held_at, now) != now;
  }

  void connect() {
    auto connected = connect_unix(options.socket);
    if (!connected) {
      error = std::move(connected.error());
      retry.failed(now);
      return;
    }
    socket = std::move(*connected);
    set_buffers(socket, kSocketBytes);
    incoming.clear();
    PublisherHello hello{.domain = static_cast<std::uint8_t>(options.domain),
                         .source = static_cast<std::uint8_t>(options.source),
                         .instance = instance,
                         .first = ready ? acked_sequence + 1 : options.first_sequence};
    put_name(hello.name, options.name);
    control.clear();
    control_sent = 0;
    put_to_relay(control, hello);
  }

  void disconnect(Error why) {
    socket.reset();
    if (std::exchange(welcomed, false)) {
      retry.lost(welcomed_at, now);
    } else {
      retry.failed(now);
    }
    blocked = false;
    error = std::move(why);
    // Transient messages that were on their way are gone with it; the others go again.
    resend_until = std::max(resend_until, sent);
    sent = acked;
    if (upload)
      finish_upload(Error{.code = ErrorCode::Unavailable,
                          .message = "the connection to the relay was lost",
                          .source = options.socket.string()});
  }

  void end(Error why) {
    socket.reset();
    welcomed = false;
    ended = true;
    error = std::move(why);
    if (upload) finish_upload(error);
  }

  void renew() {
    socket.reset();
    incoming.clear();
    control.clear();
    control_sent = 0;
    retry.succeeded();
    error.reset();
    upload.reset();
    outcome.reset();
    welcomed = ready = ended = was_superseded = closed = blocked = outbox_full = false;
    acked = sent = resend_until = head;
    marks_begin = marks_end;
    next_sequence = 1;
    acked_sequence = acked_lsn = instance = log_id = 0;
    sent_at = nanoseconds::min() / 2;
  }

  std::size_t read() {
    std::size_t work = 0;
    while (socket) {
      const Transferred got = incoming.fill(socket);
      if (got.how == Transfer::Later) break;
      if (got.how == Transfer::Closed) {
        disconnect({.code = ErrorCode::Unavailable,
                    .message = "the relay has closed the connection",
                    .source = options.socket.string()});
        break;
      }
      ++work;
      take_frames();
      // Less than there was room for: there is no more.
      if (got.bytes < kReceiveBytes / 2) break;
    }
    return work;
  }

  void take_frames() {
    while (socket) {
      const auto frame = decode_from_relay(incoming.rest());
      if (!frame) {
        if (frame.error().error == WireError::NeedMore) return;
        disconnect({.code = ErrorCode::Damaged,
                    .message = frame.error().text(),
                    .source = options.socket.string()});
        return;
      }
      const std::size_t bytes = frame->bytes;
      if (!frame->message) take_control(frame->control);
      if (socket) incoming.take(bytes);
    }
  }

  void take_control(const Control& frame) {
    switch (frame.kind) {
      case ControlKind::Welcome:
        on_welcome(frame.as<Welcome>());
        return;
      case ControlKind::Ack: {
        const auto ack = frame.as<Ack>();
        acknowledge(ack.sequence, ack.lsn);
        return;
      }
      case ControlKind::Rewind:
        on_rewind();
        return;
      case ControlKind::Refused:
        on_refused(frame);
        return;
      case ControlKind::CheckpointDone: {
        const auto done = frame.as<CheckpointDone>();
        if (!upload || upload_lsn.value() != done.lsn) return;
        if (done.written != 0) return finish_upload({});
        return finish_upload(Error{.code = ErrorCode::Unavailable,
                                   .message = std::string{frame.text<CheckpointDone>()},
                                   .source = options.socket.string()});
      }
      case ControlKind::Moved:
        disconnect({.code = ErrorCode::Unavailable,
                    .message = "the relay has moved to its successor",
                    .source = options.socket.string()});
        retry.succeeded();
        return;
      default:
        return;
    }
  }

  void on_welcome(const Welcome& welcome) {
    welcomed = true;
    welcomed_at = now;
    retry.succeeded();
    error.reset();
    log_id = welcome.log_id;
    instance = welcome.instance;
    if (!ready) {
      ready = true;
      acked_sequence = welcome.sequence;
      next_sequence = acked_sequence + 1;
      acked_lsn = welcome.lsn;
      return;
    }
    if (welcome.sequence >= next_sequence) {
      end({.code = ErrorCode::Unavailable,
           .message = fmt::format("the log has this source up to {}, and the next here is {}: "
                                  "another process has published as this instance",
                                  welcome.sequence, next_sequence),
           .source = options.socket.string()});
      return;
    }
    acknowledge(welcome.sequence, welcome.lsn);
  }

  void on_rewind() {
    if (!at_boundary()) {
      // Half a message is out: only a new connection begins with a whole one.
      disconnect({.code = ErrorCode::Unavailable,
                  .message = "the relay misses a message",
                  .source = options.socket.string()});
      return;
    }
    resend_until = std::max(resend_until, sent);
    sent = acked;
  }

  void on_refused(const Control& frame) {
    const auto refused = frame.as<Refused>();
    Error why{.code = ErrorCode::Unavailable,
              .message = std::string{frame.text<Refused>()},
              .source = options.socket.string()};
    was_superseded = refused.code == Refusal::Superseded;
    if (was_superseded) return end(std::move(why));
    disconnect(std::move(why));
  }

  void acknowledge(std::uint64_t sequence, std::uint64_t lsn) {
    if (sequence < acked_sequence || sequence >= next_sequence) return;
    acked_sequence = sequence;
    acked_lsn = lsn;
    drop_acked();
    if (outbox == &whole && head - acked <= kHotBytes / 4) move_to(hot);
  }

  void drop_acked() {
    while (marks_begin != marks_end) {
      const Mark& mark = marks[marks_begin & (marks.size() - 1)];
      if (mark.sequence > acked_sequence || mark.position > sent) break;
      acked = std::max(acked, mark.position);
      ++marks_begin;
    }
    while (acked < head) {
      const Staged message = staged_at(outbox->at(acked));
      const bool gone =
          message.transient ? acked + message.bytes <= sent : message.sequence <= acked_sequence;
      if (!gone) return;
      acked += message.bytes;
      if (sent < acked) sent = acked;
    }
  }

  std::size_t send_staged() {
    if (blocked) {
      // Level-triggered callers come back only when it can be written; others ask in vain once.
      blocked = false;
    }
    if (control_sent < control.size()) {
      if (!transfer(std::span{control}.subspan(control_sent), control_sent)) return 0;
      if (control_sent < control.size()) return 1;
      control.clear();
      control_sent = 0;
    }
    if (!welcomed) return 0;
    std::size_t work = 0;
    if (upload && at_boundary()) {
      next_piece();
      if (!control.empty()) {
        ++work;
        if (!transfer(control, control_sent)) return work;
        if (control_sent < control.size()) return work;
        control.clear();
        control_sent = 0;
      }
    }
    skip_lost();
    if (sent == head) return work;
    const std::uint64_t end = contiguous_end();
    std::size_t count = 0;
    sent_at = now;
    if (!transfer({outbox->at(sent), static_cast<std::size_t>(end - sent)}, count)) return work;
    sent += count;
    if (count > 0 && acked < head) drop_acked();
    return work + (count > 0 ? 1 : 0);
  }

  /// Where the bytes that can go in one piece end. Behind `resend_until` everything can; before it
  /// transient messages are left out.
  [[nodiscard]] std::uint64_t contiguous_end() const noexcept {
    if (sent >= resend_until) return std::min(head, sent + kSentAtOnce);
    std::uint64_t end = message_begin();
    while (end < head && end < sent + kSentAtOnce) {
      const Staged message = staged_at(outbox->at(end));
      if (message.transient && end < resend_until && end >= sent) break;
      end += message.bytes;
    }
    return end;
  }
  /// Of the message in which `sent` lies. Only where something is sent again.
  [[nodiscard]] std::uint64_t message_begin() const noexcept {
    std::uint64_t at = acked;
    while (at < sent) {
      const std::size_t bytes = staged_at(outbox->at(at)).bytes;
      if (at + bytes > sent) break;
      at += bytes;
    }
    return at;
  }
  void skip_lost() noexcept {
    while (sent < resend_until && sent < head && message_begin() == sent) {
      const Staged message = staged_at(outbox->at(sent));
      if (!message.transient) return;
      sent += message.bytes;
    }
  }
  [[nodiscard]] bool at_boundary() const noexcept {
    return sent == head || message_begin() == sent;
  }

  void next_piece() {
    if (upload_sent > 0 && upload_sent == upload->size()) return;
    const std::size_t bytes = std::min(upload->size() - upload_sent, kPieceBytesMax);
    if (bytes == 0 && upload_begun) return;
    upload_begun = true;
    put_to_relay(
        control,
        CheckpointPiece{
            .lsn = upload_lsn.value(), .total_bytes = upload->size(), .offset = upload_sent},
        std::span{*upload}.subspan(upload_sent, bytes));
    upload_sent += bytes;
  }

  void finish_upload(std::optional<Error> why) {
    outcome = Upload{.lsn = upload_lsn, .error = std::move(why)};
    upload.reset();
  }

  /// False: not now, or the connection is gone.
  bool transfer(std::span<const std::byte> bytes, std::size_t& count) {
    const Transferred done = send(socket, bytes);
    count += done.bytes;
    blocked = done.bytes < bytes.size();
    if (done.how == Transfer::Closed) {
      // What the relay said before it closed tells why.
      read();
      if (socket) {
        disconnect({.code = ErrorCode::Unavailable,
                    .message = "the relay has closed the connection",
                    .source = options.socket.string()});
      }
      return false;
    }
    return done.how == Transfer::Done;
  }

  Room claim(std::size_t bytes) {
    if (!ready) return {.outcome = Publish::NotConnected};
    if (head + bytes > acked + outbox->size() && !grow(bytes)) {
      outbox_full = true;
      return {.outcome = Publish::Full};
    }
    return {.bytes = {outbox->at(head), bytes}};
  }
  bool grow(std::size_t bytes) {
    if (head + bytes > acked + whole.size() || outbox == &whole) return false;
    move_to(whole);
    return true;
  }
  /// Positions stay what they are.
  void move_to(Mirror& other) {
    std::memcpy(other.at(acked), outbox->at(acked), static_cast<std::size_t>(head - acked));
    outbox = &other;
  }
  /// A record has been staged: it takes the next number.
  void count() {
    if (++next_sequence % kMarkEvery != 0) return;
    marks[marks_end++ & (marks.size() - 1)] = {.sequence = next_sequence - 1, .position = head};
  }

  /// Where a record ends; of every kMarkEvery-th, so that an acknowledgement walks over few.
  struct Mark {
    std::uint64_t sequence = 0;
    std::uint64_t position = 0;
  };

  Options options;
  Mirror hot;
  Mirror whole;  // outbox_bytes, where that is more
  Mirror* outbox = &hot;
  std::vector<Mark> marks;  // a ring
  std::uint64_t marks_begin = 0;
  std::uint64_t marks_end = 0;
  bool outbox_full = false;
  unsigned unread_polls = 0;
  Incoming incoming;
  Retry retry;
  nanoseconds now{};
  nanoseconds sent_at = nanoseconds::min() / 2;
  nanoseconds held_at = nanoseconds::min();  // the poll that let something wait last
  nanoseconds welcomed_at{};
  Fd socket;
  bool welcomed = false;
  bool ready = false;
  bool ended = false;
  bool was_superseded = false;
  bool closed = false;
  bool blocked = false;
  std::optional<Error> error;

  std::uint64_t acked = 0;
  std::uint64_t sent = 0;
  std::uint64_t head = 0;
  std::uint64_t resend_until = 0;  // what lies before was on its way once
  std::uint64_t next_sequence = 1;
  std::uint64_t acked_sequence = 0;
  std::uint64_t acked_lsn = 0;
  std::uint64_t instance = 0;
  std::uint64_t log_id = 0;
  std::vector<std::byte> control;  // frames that go before messages
  std::size_t control_sent = 0;

  std::unique_ptr<std::vector<std::byte>> upload;  // the state that is on its way
  Lsn upload_lsn;
  std::size_t upload_sent = 0;
  bool upload_begun = false;
  std::optional<Upload> outcome;
};

Result<Publisher> Publisher::open(Options options) {
  if (options.socket.native().size() > kSocketPathBytesMax) {
    return bad_input(
        fmt::format("the path of a Unix socket has at most {} bytes", kSocketPathBytesMax),
        options.socket.string());
  }
  const std::size_t bytes = std::bit_ceil(std::max(options.outbox_bytes, kOutboxBytesMin));
  auto hot = Mirror::make("stoa-outbox", std::min(bytes, kHotBytes));
  if (!hot) return std::unexpected(std::move(hot.error()));
  Mirror whole;
  if (bytes > kHotBytes) {
    auto made = Mirror::make("stoa-outbox", bytes);
    if (!made) return std::unexpected(std::move(made.error()));
    whole = std::move(*made);
  }
  return Publisher{std::make_unique<State>(std::move(options), std::move(*hot), std::move(whole))};
}

Publisher::Publisher(std::unique_ptr<State> state) noexcept : state_{std::move(state)} {}
Publisher::Publisher(Publisher&&) noexcept = default;
Publisher& Publisher::operator=(Publisher&&) noexcept = default;
Publisher::~Publisher() = default;

native::Stamp Publisher::stamp(std::uint64_t sequence, Timestamp now,
                               std::uint8_t flags) const noexcept {
  return {.domain = state_->options.domain,
          .source = static_cast<std::uint8_t>(state_->options.source),
          .flags = flags,
          .sequence = sequence,
          .timestamp = now,
          .checksum = state_->options.checksum};
}

Publisher::Room Publisher::claim(std::size_t bytes) { return state_->claim(bytes); }

Publish Publisher::add(std::size_t bytes, bool record) noexcept {
  state_->head += bytes;
  if (record) state_->count();
  return Publish::Ok;
}

Publish Publisher::stage(std::span<const std::byte> message) {
  const Room room = claim(message.size());
  if (room.bytes.empty()) return room.outcome;
  std::ranges::copy(message, room.bytes.begin());
  return add(message.size(), !staged_at(message.data()).transient);
}

Publish Publisher::publish_encoded(std::span<const std::byte> message) {
  if (!state_->ready) return Publish::NotConnected;
  native::Header header;
  check(message.size() > sizeof header, "an encoded message is whole");
  std::memcpy(&header, message.data(), sizeof header);
  check(header.source == static_cast<std::uint8_t>(state_->options.source) &&
            header.sequence == state_->next_sequence && (header.flags & native::kFlagProbe) == 0,
        "an encoded message carries the next number of its source");
  return stage(message);
}

Publish Publisher::transient_encoded(std::span<const std::byte> message) {
  check(message.size() > sizeof(native::Header) && staged_at(message.data()).transient,
        "a transient message says that it is one");
  return stage(message);
}

std::size_t Publisher::poll(nanoseconds now) { return state_->poll(now); }
int Publisher::fd() const noexcept { return state_->socket.get(); }

short Publisher::events() const noexcept {
  const State& state = *state_;
  const bool waits = state.blocked || state.control_sent < state.control.size() ||
                     (state.welcomed && state.sent < state.head);
  return static_cast<short>(POLLIN | (waits ? POLLOUT : 0));
}

std::optional<nanoseconds> Publisher::next_due() const noexcept {
  if (state_->socket || state_->ended || state_->closed) return std::nullopt;
  return state_->retry.at();
}

bool Publisher::connected() const noexcept { return state_->welcomed; }
bool Publisher::ready() const noexcept { return state_->ready; }
std::uint64_t Publisher::acked_sequence() const noexcept { return state_->acked_sequence; }
Lsn Publisher::acked_lsn() const noexcept { return Lsn{state_->acked_lsn}; }
std::uint64_t Publisher::next_sequence() const noexcept { return state_->next_sequence; }
std::uint64_t Publisher::unacked() const noexcept {
  return state_->next_sequence - 1 - state_->acked_sequence;
}
std::size_t Publisher::outbox_used() const noexcept {
  return static_cast<std::size_t>(state_->head - state_->acked);
}
std::uint64_t Publisher::instance() const noexcept { return state_->instance; }
std::uint64_t Publisher::log_id() const noexcept { return state_->log_id; }
const Error* Publisher::refusal() const noexcept {
  const std::optional<Error>& error = state_->error;
  return error ? &*error : nullptr;
}
bool Publisher::superseded() const noexcept { return state_->was_superseded; }

Result<void> Publisher::upload_checkpoint(Lsn lsn, std::span<const std::byte> state) {
  State& mine = *state_;
  if (mine.upload || !mine.welcomed) {
    return std::unexpected(Error{.code = ErrorCode::Unavailable,
                                 .message = mine.upload ? "a checkpoint is on its way"
                                                        : "there is no connection to the relay",
                                 .source = mine.options.socket.string()});
  }
  mine.upload = std::make_unique<std::vector<std::byte>>(state.begin(), state.end());
  mine.upload_lsn = lsn;
  mine.upload_sent = 0;
  mine.upload_begun = false;
  mine.outcome.reset();
  return {};
}

bool Publisher::uploading() const noexcept { return state_->upload != nullptr; }

std::optional<Publisher::Upload> Publisher::take_upload() {
  return std::exchange(state_->outcome, std::nullopt);
}

void Publisher::renew() { state_->renew(); }

void Publisher::close() {
  State& state = *state_;
  if (state.welcomed) {
    std::vector<std::byte> bye;
    put_to_relay(bye, Bye{});
    // Best effort: the end of the connection says the same.
    if (state.sent == state.head) static_cast<void>(send(state.socket, bye));
  }
  state.socket.reset();
  state.welcomed = false;
  state.closed = true;
}

}  // namespace stoa::relay
