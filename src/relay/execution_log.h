#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "base/ids.h"
#include "protocol/native/codec.h"
#include "relay/source.h"

namespace stoa::relay {

/// What became of a message offered for the log.
enum class Offer : std::uint8_t {
  Taken,      // it will count: it waits for the commit, or for the relay
  Duplicate,  // this source's sequence is in the log already
  Gap,        // an earlier one of this source is missing; it has to rewind
  Full,       // the relay is away and no more can be kept; nothing is taken
};

/// Records that count and wait to be looked at, oldest first.
class Batch {
 public:
  Batch() {
    entries_.reserve(4'096);
    bytes_.reserve(1U << 20U);
  }

  void add(Lsn lsn, std::span<const std::byte> message) {
    entries_.push_back({.lsn = lsn, .offset = bytes_.size(), .bytes = message.size()});
    bytes_.insert(bytes_.end(), message.begin(), message.end());
  }
  /// `visit(lsn, message)`; the messages live until `clear`.
  template <class Visit>
  void for_each(Visit visit) const {
    for (const Entry& entry : entries_) {
      visit(entry.lsn, native::MessageView::trusted({bytes_.data() + entry.offset, entry.bytes}));
    }
  }
  void clear() noexcept {
    entries_.clear();
    bytes_.clear();
  }
  [[nodiscard]] bool empty() const noexcept { return entries_.empty(); }

 private:
  struct Entry {
    Lsn lsn;
    std::size_t offset;
    std::size_t bytes;
  };
  std::vector<Entry> entries_;
  std::vector<std::byte> bytes_;
};

/// The execution log as those see it who decide by it: their inputs are handed in, come back in the
/// one order of the log once they count, and what follows from them is recorded behind. Whether the
/// log is in this process (Sequencer) or behind a relay (RemoteLog) makes no difference to them.
///
///   offer, offer, …, commit, then each record of `batch`, its outputs to `append_output`,
///   end_round
///
/// thread  one
class ExecutionLog {
 public:
  virtual ~ExecutionLog() = default;

  /// The number that the next message of `source` carries.
  [[nodiscard]] virtual std::uint64_t next_sequence(Source source) const noexcept = 0;
  /// How many messages may be handed in now; SIZE_MAX where nothing limits them.
  [[nodiscard]] virtual std::size_t room() const noexcept = 0;
  /// False: nothing was handed in, and nothing can have come.
  [[nodiscard]] virtual bool has_work() const noexcept = 0;
  /// Hands in a message that its producer has encoded and numbered; the log's time replaces the
  /// producer's.
  ///
  /// errors  whatever has ended the log
  [[nodiscard]] virtual Result<Offer> offer(std::span<const std::byte> message, Timestamp now) = 0;
  /// Lets count what was handed in, and gathers what counts now. Answers with the newest record
  /// that is durable.
  ///
  /// errors  as `offer`
  [[nodiscard]] virtual Result<Lsn> commit() = 0;
  /// New records: inputs; and of a relay, the outputs that it has recorded meanwhile, and what it
  /// passed on of the moment (lsn 0).
  [[nodiscard]] virtual const Batch& batch() const noexcept = 0;
  virtual void clear_batch() noexcept = 0;
  /// Records an output of the core. Nothing: it will come back in a later batch.
  [[nodiscard]] virtual Result<std::optional<Lsn>> append_output(
      std::span<const std::byte> message) = 0;
  /// An output that a relay has recorded is looked at; those of the records before it have been
  /// handed to `append_output`.
  ///
  /// errors  another one than this process has derived, and it is the one that decides
  [[nodiscard]] virtual Result<void> recorded(Lsn lsn, const native::MessageView& output) {
    static_cast<void>(lsn), static_cast<void>(output);
    return {};
  }
  /// Shows a record to those in this process who follow the log; waits for room.
  virtual void publish(Lsn lsn, std::span<const std::byte> message) = 0;
  /// A word of the moment to all who follow the log (Header flag probe); never logged.
  virtual void tell(std::span<const std::byte> message) = 0;
  /// Each input of the batch and what followed from it have been dealt with.
  [[nodiscard]] virtual Result<void> end_round() = 0;

  [[nodiscard]] virtual Lsn head() const noexcept = 0;
  [[nodiscard]] virtual Lsn durable() const noexcept = 0;

  /// Encodes, numbers and offers one message of a source of this process.
  template <native::Message M>
  [[nodiscard]] Result<Offer> append(Source source, Timestamp now, const M& message) {
    std::array<std::byte, native::kSmallMessageBytes> bytes;
    const std::size_t size = native::encode(bytes,
                                            {.domain = native::Domain::Execution,
                                             .source = static_cast<std::uint8_t>(source),
                                             .sequence = next_sequence(source),
                                             .timestamp = now},
                                            message);
    return offer(std::span{bytes}.first(size), now);
  }
};

}  // namespace stoa::relay
