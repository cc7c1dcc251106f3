#include "relay/subscriber.h"

#include <fmt/core.h>
#include <sys/poll.h>

#include <algorithm>
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

#include "base/clock.h"
#include "base/error.h"
#include "base/fd.h"
#include "base/ids.h"
#include "protocol/native/codec.h"
#include "relay/connection.h"
#include "relay/filter.h"
#include "relay/unix_socket.h"
#include "relay/wire.h"

namespace stoa::relay {
namespace {

/// Twice the largest frame, so that a whole one always fits behind half a buffer.
constexpr std::size_t kReceiveBytesMin = 2 * (kPieceBytesMax + 64);
constexpr std::size_t kStateBytesMax = std::size_t{1} << 32U;

}  // namespace

class Subscriber::State {
 public:
  State(Options given, std::vector<Filter> given_filters)
      : options{std::move(given)},
        filters{std::move(given_filters)},
        incoming{std::max(options.receive_bytes, kReceiveBytesMin)},
        retry{options.backoff_min, options.backoff_max, options.seed},
        next{options.start == StartAt::Lsn ? options.from.value() : 0},
        log_id{options.log_id} {}

  std::size_t poll(nanoseconds time, SubscriberHandler& to, std::size_t limit) {
    now = time;
    handler = &to;
    if (!socket) {
      if (!retry.due(now)) return 0;
      connect();
      if (!socket) return 0;
    }
    flush();
    std::size_t count = hand_out(limit);
    // One read per poll, unless frames of before fill the buffer.
    if (socket && count < limit && !whole_frame) {
      const Transferred got = incoming.fill(socket);
      if (got.how == Transfer::Done) count += hand_out(limit - count);
      if (got.how == Transfer::Closed && socket) {
        lose("the relay has closed the connection", ErrorCode::Unavailable);
      }
    }
    return count;
  }

  void connect() {
    auto connected = connect_unix(options.socket);
    if (!connected) {
      error = std::move(connected.error());
      retry.failed(now);
      return;
    }
    socket = std::move(*connected);
    set_buffers(socket, options.receive_bytes);
    incoming.clear();
    whole_frame = false;
    // A cursor, once there is one, replaces the start that was asked for.
    const bool resumes = log_id != 0 && next != 0 && joined;
    SubscriberHello hello{.domain = static_cast<std::uint8_t>(options.domain),
                          .start = resumes ? StartAt::Lsn : options.start,
                          .policy = options.policy,
                          .lsn = next,
                          .log_id = log_id,
                          .history = options.history};
    put_name(hello.name, options.name);
    outgoing.clear();
    put_to_relay(outgoing, hello, std::as_bytes(std::span{filters}));
    cursor_given = hello.start == StartAt::Lsn && hello.lsn != 0;
  }

  void flush() {
    if (outgoing.empty()) return;
    const Transferred sent = send(socket, outgoing);
    outgoing.erase(outgoing.begin(), outgoing.begin() + static_cast<std::ptrdiff_t>(sent.bytes));
  }

  std::size_t hand_out(std::size_t limit) {
    const native::Accept accept{.checksum = options.checksum};
    std::size_t count = 0;
    whole_frame = false;
    while (socket && count < limit) {
      const auto input = incoming.rest();
      // Nearly everything is the next record: handed out without a detour.
      std::uint64_t lsn = 0;
      if (input.size() > kLsnBytes) std::memcpy(&lsn, input.data(), sizeof lsn);
      if (lsn == next && lsn != 0 && welcomed) {
        if (const auto message = native::decode(input.subspan(kLsnBytes), accept)) {
          next = lsn + 1;
          if (next > head) caught_up = caught_up || filters.empty();
          handler->on_message(Lsn{lsn}, *message);
          ++count;
          incoming.take(kLsnBytes + message->bytes().size());
          continue;
        }
      }
      const auto frame = decode_from_relay(input, accept);
      if (!frame) {
        if (frame.error().error != WireError::NeedMore) {
          lose(frame.error().text(), ErrorCode::Damaged);
        }
        return count;
      }
      const std::size_t bytes = frame->bytes;
      const std::optional<native::MessageView>& message = frame->message;
      if (message) {
        if (!take_record(frame->lsn.value(), *message)) return count;
        ++count;
      } else {
        take_control(frame->control);
      }
      if (socket) incoming.take(bytes);
    }
    whole_frame = socket && !incoming.rest().empty();
    return count;
  }

  /// False: it breaks the order, and the connection is given up.
  bool take_record(std::uint64_t lsn, const native::MessageView& message) {
    if (!welcomed) {
      lose("a record came before the welcome", ErrorCode::Damaged);
      return false;
    }
    if (lsn == 0) {
      handler->on_message(Lsn{0}, message);
      return true;
    }
    const bool in_order = lsn >= next && (lsn == next || may_skip());
    if (!in_order) {
      lose(fmt::format("record {} came where {} was due", lsn, next), ErrorCode::Damaged);
      return false;
    }
    next = lsn + 1;
    if (filters.empty() && next > head) caught_up = true;
    handler->on_message(Lsn{lsn}, message);
    return true;
  }
  /// A filter leaves records out, and a conflated reader hears of its gap after what it kept.
  [[nodiscard]] bool may_skip() const noexcept {
    return !filters.empty() || options.policy == ReaderPolicy::Conflate;
  }

  void take_control(const Control& control) {
    switch (control.kind) {
      case ControlKind::Welcome:
        on_welcome(control.as<Welcome>());
        return;
      case ControlKind::Gap:
        on_gap(control.as<GapFrame>());
        return;
      case ControlKind::Position: {
        const auto position = control.as<Position>();
        if (!filters.empty()) next = std::max(next, position.lsn + 1);
        caught_up = caught_up || position.caught_up != 0;
        return;
      }
      case ControlKind::CheckpointPiece:
        on_piece(control);
        return;
      case ControlKind::Refused:
        lose(std::string{control.text<Refused>()}, ErrorCode::Unavailable);
        return;
      case ControlKind::Moved:
        lose("the relay has moved to its successor", ErrorCode::Unavailable);
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
    head = welcome.head;
    welcome_next = welcome.next_lsn;
    const bool same_log = log_id == 0 || log_id == welcome.log_id;
    log_id = welcome.log_id;
    // A cursor stays where it is: what lies between it and what comes is told as a gap. Into
    // another log it leads nowhere, and the gap that says so comes next.
    if (!cursor_given || !same_log) next = welcome.next_lsn;
    joined = true;
    caught_up = next > head;
    handler->on_connected();
  }

  void on_gap(const GapFrame& gap) {
    if (gap.last == 0) {
      next = welcome_next;
      handler->on_gap({});
      return;
    }
    if (gap.last < next && gap.first < next) {
      // Of records before the start that was asked for.
      handler->on_gap({.first = Lsn{gap.first}, .last = Lsn{gap.last}});
      return;
    }
    next = gap.last + 1;
    if (next > head) caught_up = true;
    handler->on_gap({.first = Lsn{gap.first}, .last = Lsn{gap.last}});
  }

  void on_piece(const Control& control) {
    const auto piece = control.as<CheckpointPiece>();
    const auto bytes = control.tail<CheckpointPiece>();
    if (piece.offset == 0) {
      state.clear();
      if (piece.total_bytes <= kStateBytesMax) state.reserve(piece.total_bytes);
    }
    if (piece.offset != state.size()) {
      lose("the pieces of a checkpoint do not fit together", ErrorCode::Damaged);
      return;
    }
    state.insert(state.end(), bytes.begin(), bytes.end());
    if (state.size() < piece.total_bytes) return;
    handler->on_checkpoint(Lsn{piece.lsn}, state);
    state = {};
  }

  void lose(std::string why, ErrorCode code) {
    socket.reset();
    incoming.clear();
    whole_frame = false;
    outgoing.clear();
    if (welcomed) {
      retry.lost(welcomed_at, now);
    } else {
      retry.failed(now);
    }
    error = Error{.code = code, .message = std::move(why), .source = options.socket.string()};
    // A state that did not come whole is asked for again.
    if (!state.empty()) joined = false;
    state = {};
    caught_up = false;
    if (std::exchange(welcomed, false)) handler->on_disconnected(*error);
  }

  Options options;
  std::vector<Filter> filters;
  Incoming incoming;
  Retry retry;
  nanoseconds now{};
  SubscriberHandler* handler = nullptr;
  Fd socket;
  std::vector<std::byte> outgoing;
  std::vector<std::byte> state;  // of a checkpoint, as far as it has come
  bool welcomed = false;
  nanoseconds welcomed_at{};
  bool joined = false;        // there was a welcome once: the cursor counts
  bool cursor_given = false;  // to the relay, with this connection's hello
  bool whole_frame = false;
  bool caught_up = false;
  std::uint64_t next;
  std::uint64_t log_id;
  std::uint64_t head = 0;
  std::uint64_t welcome_next = 0;
  std::optional<Error> error;
};

Result<Subscriber> Subscriber::open(Options options) {
  if (options.socket.native().size() > kSocketPathBytesMax) {
    return bad_input(
        fmt::format("the path of a Unix socket has at most {} bytes", kSocketPathBytesMax),
        options.socket.string());
  }
  if (options.filters.size() > kFiltersMax) {
    return bad_input(fmt::format("a subscriber has at most {} filters", kFiltersMax));
  }
  auto filters = parse_filters(options.filters);
  if (!filters) return std::unexpected(std::move(filters.error()));
  return Subscriber{std::make_unique<State>(std::move(options), std::move(*filters))};
}

Subscriber::Subscriber(std::unique_ptr<State> state) noexcept : state_{std::move(state)} {}
Subscriber::Subscriber(Subscriber&&) noexcept = default;
Subscriber& Subscriber::operator=(Subscriber&&) noexcept = default;
Subscriber::~Subscriber() = default;

std::size_t Subscriber::poll(nanoseconds now, SubscriberHandler& handler, std::size_t limit) {
  return state_->poll(now, handler, limit);
}
bool Subscriber::has_more() const noexcept { return state_->whole_frame; }
int Subscriber::fd() const noexcept { return state_->socket.get(); }
short Subscriber::events() const noexcept {
  return static_cast<short>(POLLIN | (state_->outgoing.empty() ? 0 : POLLOUT));
}
std::optional<nanoseconds> Subscriber::next_due() const noexcept {
  if (state_->socket) return std::nullopt;
  return state_->retry.at();
}
bool Subscriber::connected() const noexcept { return state_->welcomed; }
Lsn Subscriber::next_lsn() const noexcept { return Lsn{state_->next}; }
Lsn Subscriber::head_at_join() const noexcept { return Lsn{state_->head}; }
bool Subscriber::caught_up() const noexcept { return state_->welcomed && state_->caught_up; }
std::uint64_t Subscriber::log_id() const noexcept { return state_->log_id; }
const Error* Subscriber::last_error() const noexcept {
  const std::optional<Error>& error = state_->error;
  return error ? &*error : nullptr;
}

}  // namespace stoa::relay
