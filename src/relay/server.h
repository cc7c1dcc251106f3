#pragma once

#include <sys/types.h>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/counter.h"
#include "base/error.h"
#include "base/ids.h"
#include "journal/writer.h"
#include "protocol/native/codec.h"
#include "protocol/native/registry.h"
#include "relay/admission.h"
#include "relay/source.h"
#include "relay/wire.h"

namespace stoa::relay {

struct ServerOptions {
  /// A log on disk under the domain. With SyncPolicy::Always a record is durable before it is
  /// acknowledged or shown to anybody; with Interval and None it has been written, and survives the
  /// process but maybe not the power.
  struct Journal {
    std::filesystem::path dir;
    journal::WriterOptions writer{};
    std::uint64_t keep_bytes = 0;  // after a checkpoint retention cuts the log to this; 0: keep all
    /// True: nobody waits for the core's outputs (kFlagOutput); a round of nothing else is written
    /// and not synced. They are derived again from their inputs.
    bool lazy_outputs = false;
  };

  native::Domain domain = native::Domain::Execution;
  std::filesystem::path socket;
  std::optional<Journal> journal{};  // nothing: the ring is all there is
  bool restamp = false;              // the relay's time replaces that of inputs
  /// Memory of the newest records. 0: 64 MiB with a journal, 4 MiB without, so that a record is
  /// still in the processor's cache when it is sent.
  std::size_t ring_bytes = 0;
  std::size_t message_bytes_max = native::kMaxMessageBytes;
  std::size_t checkpoint_bytes_max = 256U << 20U;
  native::Checksum checksum = native::Checksum::On;  // Off: messages without one are let in
  bool audit = false;                                // a log line per connection and refusal
  std::size_t publishers_max = 64;
  std::size_t subscribers_max = 1'024;
  mode_t mode = 0660;
  /// Who may connect besides our own user, root and members of the socket's group.
  std::vector<uid_t> allowed_uids{};
  /// Without a journal: publishers are read no further while a reader that must have everything is
  /// so far behind and still taking (for 10 ms at a time), so that what is sent is still in the
  /// processor's cache. 0: read ahead as far as the ring goes.
  std::size_t pace_bytes = 1U << 20U;
  nanoseconds stall_max = std::chrono::seconds{30};     // publishers wait for a slow reader
  nanoseconds hand_over_max = std::chrono::seconds{5};  // a successor has so long to start
  Admission* admission = nullptr;                       // outlives the server
  /// Take over from the relay that runs at `socket`; where none does, start as usual.
  bool take_over = false;
};

/// What a server counted since it was opened, or since the first of those that it succeeded. The
/// server's thread adds, any thread reads.
struct ServerMetrics {
  Counter messages_in;   // placed in the log
  Counter bytes_in;      // of those
  Counter transient_in;  // passed on without a place
  Counter inserted;      // by the admission
  Counter swallowed;     // by the admission
  Counter messages_out;  // sent to subscribers, each counted
  Counter bytes_out;
  Counter duplicates;
  Counter source_gaps;                     // publishers told to rewind
  Counter accepted;                        // connections
  std::array<Counter, kRefusals> refused;  // by Refusal
  Counter evictions;    // readers closed because publishers waited too long for them
  Counter spills;       // times a reader went to the disk
  Counter stalls;       // times publishers had to wait for a reader
  Counter conflated;    // records folded into a newer one of their kind
  Counter dropped;      // records that a reader was told it missed
  Counter checkpoints;  // written
  Counter checkpoints_failed;
  Counter commits;
  Counter hand_overs;  // given and taken
  Gauge publishers;
  Gauge subscribers;
  Gauge head_lsn;  // newest record that counts
};

/// One subscriber as it stands.
struct ReaderStatus {
  std::string name;
  pid_t pid = 0;
  ReaderPolicy policy{};
  std::uint64_t next_lsn = 0;  // the record that it gets next
  std::uint64_t lag = 0;       // records behind the head
  bool from_disk = false;
};
struct PublisherStatus {
  std::string name;
  pid_t pid = 0;
  std::uint8_t source = 0;
  std::uint64_t instance = 0;
  std::uint64_t sequence = 0;  // newest that counts
};

/// The relay of one domain: gives each message its place, drops what a source sends twice, makes a
/// round durable with one sync, acknowledges, and fans out to any number of readers at their own
/// pace. One thread calls everything but `metrics`.
///
/// Order of a round: accept, read publishers, place, commit, acknowledge, fan out. Nothing is
/// acknowledged or shown before the commit.
///
/// source  docs/formats/relay.md, docs/decisions/0011
class Server {
 public:
  /// Listens and, where there is a journal, recovers it and learns its sources' numbers.
  ///
  /// errors  Unavailable: another relay answers at the socket or has the journal · Damaged: the
  ///         journal · BadInput: options · Io, NotFound
  [[nodiscard]] static Result<std::unique_ptr<Server>> open(ServerOptions options,
                                                            const Clock& clock);
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;
  /// Closes connections, leaves the journal durable, and removes the socket unless a successor has
  /// it.
  ~Server();

  /// One bounded round; `now` is what records are stamped with. Answers how much was done; 0: wait
  /// for `fd`. Never blocks but for the journal's sync.
  std::size_t poll(Timestamp now);

  /// Readable when there is something to do: for a poll of the caller's own.
  [[nodiscard]] int fd() const noexcept;
  /// Monotonic time at which `poll` wants to be called even when `fd` is quiet.
  [[nodiscard]] std::optional<nanoseconds> next_due() const noexcept;

  /// Takes no more from publishers; readers still get what they are owed.
  void drain();
  /// Everything that was taken is committed, acknowledged and with its readers.
  [[nodiscard]] bool drained() const noexcept;
  /// A successor has taken over: nothing is left to do.
  [[nodiscard]] bool handed_over() const noexcept;

  /// Why the log has ended, or null. Publishers are refused from then on; readers keep what they
  /// have.
  [[nodiscard]] const Error* failed() const noexcept;

  [[nodiscard]] const ServerMetrics& metrics() const noexcept;
  /// Null without a journal.
  [[nodiscard]] const journal::WriterMetrics* journal_metrics() const noexcept;
  [[nodiscard]] const journal::Recovery* recovery() const noexcept;
  [[nodiscard]] std::vector<ReaderStatus> readers() const;
  [[nodiscard]] std::vector<PublisherStatus> publishers() const;
  /// Newest record that counts.
  [[nodiscard]] Lsn head() const noexcept;
  [[nodiscard]] Lsn durable() const noexcept;
  /// Which log this is; another one after a relay without a journal was started anew.
  [[nodiscard]] std::uint64_t log_id() const noexcept;
  [[nodiscard]] std::uint64_t next_sequence(Source source) const noexcept;

 private:
  class State;
  explicit Server(std::unique_ptr<State> state) noexcept;

  std::unique_ptr<State> state_;
};

}  // namespace stoa::relay
