#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>

#include "base/clock.h"
#include "base/counter.h"
#include "base/error.h"
#include "base/ids.h"
#include "bus/topic.h"
#include "bus/wake.h"
#include "journal/writer.h"
#include "protocol/native/codec.h"
#include "relay/execution_log.h"
#include "relay/source.h"
#include "relay/source_numbers.h"

namespace stoa::relay {

/// The in-process relay of the execution domain: gives each message its place, drops what a source
/// sends twice, makes a batch durable with one sync, and fans records out in log order. One thread
/// calls everything.
///
/// On the topic a record is 8 bytes of lsn (little-endian) and the message.
class Sequencer final : public ExecutionLog {
 public:
  struct Options {
    std::filesystem::path dir;
    journal::WriterOptions journal{};
    std::size_t topic_bytes =
        64U << 20U;              // readers may lag this far; then publishing waits for them
    bool lossy_readers = false;  // LogReader may join; publishing costs a little more
    bus::Wake* wake = nullptr;   // of who reads the topic: rung while publishing waits for room
  };

  /// Opens and recovers the journal. `replay` must come next.
  [[nodiscard]] static Result<Sequencer> open(const Options& options);

  /// Takes the sources' numbers from a checkpoint; the records behind it are then replayed.
  void resume(const SourceNumbers& numbers) noexcept { numbers_ = numbers; }
  /// Reads every record of the log from `from` on (Lsn{0}: the oldest kept) into
  /// `visit(lsn, message)`, and learns the sources' numbers from them.
  ///
  /// errors  NotFound: `from` is not kept any more; Damaged: a record is no message or of another
  ///         domain; Io
  [[nodiscard]] Result<void> replay(
      const std::function<void(Lsn, const native::MessageView&)>& visit, Lsn from = Lsn{0});

  /// The number that the next message of `source` carries.
  [[nodiscard]] std::uint64_t next_sequence(Source source) const noexcept override {
    return numbers_.last[static_cast<std::size_t>(source)] + 1;
  }

  /// Appends a message of a source in this process; it is durable after the next commit.
  template <native::Message M>
  [[nodiscard]] Result<Lsn> append(Source source, Timestamp now, const M& message) {
    std::array<std::byte, native::kSmallMessageBytes> bytes;
    const std::size_t size = native::encode(bytes,
                                            {.domain = native::Domain::Execution,
                                             .source = static_cast<std::uint8_t>(source),
                                             .sequence = next_sequence(source),
                                             .timestamp = stamp(now)},
                                            message);
    ++numbers_.last[static_cast<std::size_t>(source)];
    return take(std::span{bytes}.first(size), source != Source::Market);
  }
  [[nodiscard]] std::size_t room() const noexcept override { return SIZE_MAX; }
  [[nodiscard]] bool has_work() const noexcept override { return !batch_.empty(); }
  [[nodiscard]] Result<Offer> offer(std::span<const std::byte> message, Timestamp now) override;
  /// Part of the log at once, but no batch waits for it.
  [[nodiscard]] Result<std::optional<Lsn>> append_output(
      std::span<const std::byte> message) override;

  /// Makes everything appended durable, as the journal's policy says. A batch of nothing but marks
  /// is only written: nobody waits for it, and whatever follows from it in the log is durable only
  /// together with it.
  [[nodiscard]] Result<Lsn> commit() override;
  /// Hands outputs to the operating system, so that a killed process leaves them; no sync. Says
  /// that every record has been published.
  [[nodiscard]] Result<void> end_round() override {
    all_published();
    return flush();
  }
  [[nodiscard]] Result<void> flush() { return writer_.flush(); }

  /// Makes everything written so far durable, whatever the policy: before a checkpoint names it.
  [[nodiscard]] Result<Lsn> sync() { return writer_.sync(); }
  /// What a checkpoint of the last record says of the log.
  [[nodiscard]] const SourceNumbers& numbers() const noexcept { return numbers_; }
  [[nodiscard]] std::uint32_t chain() const noexcept { return writer_.chain(); }
  [[nodiscard]] std::uint64_t epoch() const noexcept { return writer_.epoch(); }

  /// Inputs appended since the last `clear_batch`; only after commit.
  [[nodiscard]] const Batch& batch() const noexcept override { return batch_; }
  void clear_batch() noexcept override { batch_.clear(); }

  /// Shows a record to the topic's subscribers. When one of them is a whole ring behind, it waits
  /// for it: the log's readers never miss a record. What belongs to no log has lsn 0.
  void publish(Lsn lsn, std::span<const std::byte> message) override;
  void tell(std::span<const std::byte> message) override { publish(Lsn{}, message); }

  /// Every record of the log has been published: to be called at the end of a round, when each
  /// input and its outputs have been.
  void all_published() noexcept { published_->set(static_cast<std::int64_t>(head().value())); }
  /// The last record that `all_published` has spoken of; for LogReader. Stays where it is when the
  /// sequencer is moved.
  [[nodiscard]] const Gauge& published() const noexcept { return *published_; }

  [[nodiscard]] bus::Topic& topic() noexcept { return *topic_; }
  [[nodiscard]] const journal::WriterMetrics& metrics() const noexcept { return writer_.metrics(); }
  [[nodiscard]] const journal::Recovery& recovery() const noexcept { return writer_.recovery(); }
  [[nodiscard]] Lsn head() const noexcept override { return Lsn{writer_.next_lsn().value() - 1}; }
  [[nodiscard]] Lsn durable() const noexcept override { return writer_.durable_lsn(); }
  /// Writes and syncs everything and lets go of the directory.
  [[nodiscard]] Result<Lsn> close() { return writer_.close(); }

 private:
  Sequencer(Options options, journal::Writer writer);

  /// Time in the log never goes back, whatever the clock does.
  [[nodiscard]] Timestamp stamp(Timestamp now) noexcept {
    if (now > numbers_.time) numbers_.time = now;
    return numbers_.time;
  }
  [[nodiscard]] Result<Lsn> take(std::span<const std::byte> message, bool awaited);

  std::filesystem::path dir_;
  bus::Wake* wake_;
  journal::Writer writer_;
  std::unique_ptr<bus::Topic> topic_;
  bus::Publication publication_;
  std::unique_ptr<Gauge> published_ = std::make_unique<Gauge>();
  SourceNumbers numbers_;
  bool sync_awaited_ = false;  // the batch holds more than marks
  Batch batch_;
};

}  // namespace stoa::relay
