#pragma once

#include <sys/types.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <source_location>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/check.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/fd.h"
#include "base/ids.h"
#include "journal/checkpoint.h"
#include "journal/reader.h"
#include "journal/writer.h"
#include "protocol/native/codec.h"
#include "relay/admission.h"
#include "relay/checkpoint_desk.h"
#include "relay/filter.h"
#include "relay/hand_over.h"
#include "relay/ring.h"
#include "relay/server.h"
#include "relay/unix_socket.h"
#include "relay/wire.h"

// The inside of Server, shared by its files: server.cc (life, rounds, connections),
// server_intake.cc (publishers), server_fan_out.cc (subscribers), server_hand_over.cc.
namespace stoa::relay {

/// Bytes that wait for a socket to take them.
class Outgoing {
 public:
  [[nodiscard]] std::vector<std::byte>& bytes() noexcept { return bytes_; }
  [[nodiscard]] std::span<const std::byte> rest() const noexcept {
    return std::span{bytes_}.subspan(sent_);
  }
  [[nodiscard]] bool empty() const noexcept { return sent_ == bytes_.size(); }
  [[nodiscard]] std::size_t size() const noexcept { return bytes_.size() - sent_; }
  void sent(std::size_t count) noexcept {
    sent_ += count;
    if (empty()) {
      bytes_.clear();
      sent_ = 0;
    }
  }

 private:
  std::vector<std::byte> bytes_;
  std::size_t sent_ = 0;
};

/// A publisher's connection.
struct PublisherSide {
  std::uint8_t source = 0;
  std::uint64_t instance = 0;
  bool ack_due = false;
  std::size_t unacked_bytes = 0;  // placed since the last acknowledgement
  bool rewinding = false;         // told where to go on; what comes before that is passed over
  bool reply_due = false;         // a checkpoint of this connection is being written
  CheckpointPiece upload{};       // of the checkpoint that is coming in
  std::vector<std::byte> state{};
};

/// A subscriber's connection.
struct ReaderSide {
  enum class Mode : std::uint8_t {
    Loading,     // the checkpoint is being read
    Checkpoint,  // and sent
    Memory,
    Disk,
  };
  using KindKey = std::pair<std::uint8_t, std::uint32_t>;  // type, instrument
  struct Kept {
    std::uint64_t lsn = 0;
    std::vector<std::byte> message;
  };

  ReaderPolicy policy{};
  Mode mode = Mode::Memory;
  bool caught_up_told = false;
  std::vector<Filter> filters{};  // none: everything
  std::uint64_t join_head = 0;
  std::uint64_t history = 0;
  // The entry that is sent next or has been sent in part. In Disk mode only the lsn counts.
  Ring::Place at{};
  std::uint64_t sent_to = 0;       // unfiltered, in memory: position behind the last byte sent
  std::uint64_t told_lsn = 0;      // filtered: the last record that it can know of
  GapFrame gap{};                  // to be told before what stands at `at`; last 0: none
  std::map<KindKey, Kept> kept{};  // Conflate: to be sent before the gap
  std::unique_ptr<journal::Reader> disk{};
  std::shared_ptr<const journal::Checkpoint> checkpoint{};
  std::size_t checkpoint_sent = 0;

  [[nodiscard]] bool whole() const noexcept { return filters.empty(); }
};

struct Connection {
  std::uint64_t id = 0;
  Fd socket;
  Peer peer{};
  std::string name;
  std::vector<std::byte> left;   // received and not yet a whole frame, or not yet placed
  std::uint64_t bytes_read = 0;  // of the stream, before `left`
  Outgoing out;
  bool blocked = false;   // the socket takes no more for now
  bool paused = false;    // is not read for now
  bool waiting = false;   // `left` may hold whole frames
  bool was_read = false;  // in this round
  bool closing = false;   // once `out` is out
  bool dead = false;      // to be removed at the end of the round
  nanoseconds close_by{};
  nanoseconds blocked_since{};
  // One of them, once it has said hello.
  std::unique_ptr<PublisherSide> publisher;
  std::unique_ptr<ReaderSide> reader;

  [[nodiscard]] bool open() const noexcept { return !closing && !dead; }
};

/// Where the last owner of the ring says that the log ends, it goes on there; else, or if that
/// cannot be believed, the log is read. `ring`: null when it is new.
[[nodiscard]] Result<journal::Writer> open_journal(const ServerOptions::Journal& journal,
                                                   const Ring* ring);

class Server::State final : private Insert {
 public:
  State(ServerOptions given, const Clock& given_clock, Ring given_ring) noexcept;
  ~State() override;

  // --- server.cc
  [[nodiscard]] Result<void> begin(Inheritance* inheritance);
  std::size_t poll(Timestamp time);
  [[nodiscard]] std::optional<nanoseconds> next_due() const noexcept;
  void drain();
  [[nodiscard]] bool drained() const noexcept;
  [[nodiscard]] Numbers numbers() const noexcept;

  // --- everything below is shared by the files, not with callers
  void watch(int descriptor, void* what);
  void rewatch(Connection& connection);
  void accept_clients();
  void receive_from(Connection& connection);
  /// Takes whole frames off the front; answers how many bytes.
  std::size_t take_frames(Connection& connection, std::span<const std::byte> bytes);
  /// False: this connection is not to be read any further now.
  bool take_control(Connection& connection, const Control& control);
  void refuse(Connection& connection, Refusal refusal, std::string_view text);
  void close(Connection& connection);
  void flush(Connection& connection);
  void reap();
  void end_log(Error error);
  std::size_t take_desk_outcomes();
  [[nodiscard]] bool allowed(const Peer& peer) const noexcept;

  // --- server_intake.cc
  void on_publisher_hello(Connection& connection, const PublisherHello& hello);
  enum class Placed : std::uint8_t { Yes, Wait, Refused };
  Placed place_message(Connection& connection, const native::MessageView& message,
                       std::uint64_t at_byte);
  void on_checkpoint_piece(Connection& connection, const Control& control);
  void on_written(const CheckpointDesk::Written& written);
  void append(std::uint8_t source, const native::MessageView& message, bool awaited);
  void commit();
  void acknowledge(Connection& connection);
  [[nodiscard]] Result<void> learn_numbers(bool& fresh);
  [[nodiscard]] std::uint64_t next_sequence(Source source) const noexcept override;
  [[nodiscard]] native::Domain domain() const noexcept override { return options.domain; }
  void place(Source source, std::span<std::byte> message, bool awaited) override;

  // --- server_fan_out.cc
  void on_subscriber_hello(Connection& connection, const Control& control);
  void on_loaded(const CheckpointDesk::Loaded& loaded);
  void start_at(Connection& connection, std::uint64_t lsn);
  void start_at(ReaderSide& reader, Ring::Place place);
  [[nodiscard]] bool has_something(const Connection& connection) const noexcept;
  std::size_t serve(Connection& connection);
  void fill(Connection& connection);
  void fill_from_disk(Connection& connection);
  void fill_filtered(Connection& connection);
  void fill_checkpoint(Connection& connection);
  void tell_gap(Connection& connection);
  void tell_position(Connection& connection);
  void send_ring(Connection& connection);
  void finish_entry(Connection& connection);
  void advance(Connection& connection, std::uint64_t position);
  /// Room for an entry of `bytes`: readers that stand in the way are moved, as their policy says.
  /// False: one of them must not be, and publishers wait. `force`: that one is closed.
  [[nodiscard]] bool has_room(std::size_t bytes, bool force) {
    return (ring.head() + bytes <= limit && !stalled) || make_room(bytes, force);
  }
  [[nodiscard]] bool make_room(std::size_t bytes, bool force);
  /// The newest key message that counts, while it is in memory.
  [[nodiscard]] std::optional<Ring::Place> shown_key() const noexcept;
  void jump(Connection& connection);
  void spill(Connection& connection);
  void keep_newest(ReaderSide& reader, Ring::Place until);
  void evict(Connection& connection);
  [[nodiscard]] Ring::Place oldest_kept() const;
  /// Only where there is a journal.
  [[nodiscard]] const ServerOptions::Journal& journal_options() const {
    if (!options.journal)
      fail_check("a journal is asked for its options", std::source_location::current());
    return *options.journal;
  }
  [[nodiscard]] std::uint64_t counted() const noexcept { return visible.lsn - 1; }
  /// Is a reader that publishers should not run away from taking what it is owed right now?
  [[nodiscard]] bool wants_pace() noexcept;
  void pause_publishers(bool pause);
  void block(Connection& connection);

  // --- server_hand_over.cc
  void hear_successor();
  void on_asked();
  void on_noted(const CheckpointDesk::Noted& noted);
  void consider_giving();
  void give_to_successor();
  void take_back(std::string_view why);
  void leave();

  ServerOptions options;
  const Clock& clock;
  ServerMetrics metrics;
  std::optional<Error> failure;
  Ring ring;
  Ring::Place visible;  // everything before counts: it may be shown and acknowledged
  std::optional<Ring::Place> visible_key;   // the newest key message before it
  std::unique_ptr<journal::Writer> writer;  // null: no journal, or it is with a successor
  std::unique_ptr<CheckpointDesk> desk;
  std::vector<std::uint32_t> chains;  // by lsn: the log's chain after that record
  std::uint64_t chains_from = 0;      // the oldest lsn that has one
  std::array<SourceState, kSourcesMax> sources{};
  bool all_known = false;  // a source without a number has never been in the log
  Timestamp now{};
  Timestamp newest{};  // of the records so far

  Fd epoll;
  Fd listener;
  Fd next_listener;  // for a successor
  Fd link;           // to the one that has come
  bool asked = false;
  nanoseconds asked_until{};  // what works on the side is waited for until then
  bool given = false;
  bool left_to_successor = false;
  nanoseconds given_until{};
  nanoseconds taken_from{};  // a predecessor paused then; 0: the first round has told

  std::vector<std::unique_ptr<Connection>> connections;
  std::vector<std::byte> scratch;
  std::uint64_t next_id = 1;
  std::size_t publishers_count = 0;
  std::size_t subscribers_count = 0;
  std::uint64_t limit = 0;  // entries that end at or before it overwrite nothing of a reader
  std::size_t round_work = 0;
  bool round_awaited = false;  // something in the round waits for the sync
  bool draining = false;
  bool stalled = false;
  bool paced = false;
  nanoseconds paced_until{};
  nanoseconds stalled_since{};
};

}  // namespace stoa::relay
