#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "base/ids.h"
#include "protocol/native/codec.h"
#include "relay/execution_log.h"
#include "relay/publisher.h"
#include "relay/source.h"
#include "relay/source_numbers.h"
#include "relay/subscriber.h"

namespace stoa::relay {

/// The execution log behind a relay: inputs and outputs go out through a publisher per source, and
/// what counts comes back through a subscriber, in the order of the log. Outlives losses of the
/// connection; what was handed in meanwhile is sent when it is back.
///
/// Recorded outputs are compared with those handed in, byte for byte: another process that decides
/// on this log ends this one.
///
/// thread  one
class RemoteLog final : public ExecutionLog {
 public:
  struct Options {
    std::filesystem::path socket;
    std::string name;  // for the relay's people
    /// Those of this process; Core among them if it decides.
    std::vector<Source> sources;
    std::size_t records_per_round = 512;
  };

  [[nodiscard]] static Result<RemoteLog> open(const Options& options);
  RemoteLog(RemoteLog&&) noexcept = default;
  RemoteLog& operator=(RemoteLog&&) = delete;

  /// The relay has said where the numbers of all sources begin.
  [[nodiscard]] bool numbered() const noexcept;
  /// Connects and sends; also while nothing is read yet. `now` is monotonic.
  std::size_t poll(nanoseconds now);
  /// From here on records are read with this one, which stands behind a recovery: `numbers` are
  /// those of the log so far, `waiting` outputs that were derived and are not recorded yet.
  ///
  /// errors  as append_output, for what a crash kept from being recorded
  [[nodiscard]] Result<void> follow(Subscriber subscriber, const SourceNumbers& numbers,
                                    const std::vector<std::vector<std::byte>>& waiting);

  // ExecutionLog
  [[nodiscard]] std::uint64_t next_sequence(Source source) const noexcept override;
  [[nodiscard]] std::size_t room() const noexcept override;
  [[nodiscard]] bool has_work() const noexcept override { return true; }
  [[nodiscard]] Result<Offer> offer(std::span<const std::byte> message, Timestamp now) override;
  [[nodiscard]] Result<Lsn> commit() override;
  [[nodiscard]] const Batch& batch() const noexcept override { return batch_; }
  void clear_batch() noexcept override { batch_.clear(); }
  [[nodiscard]] Result<std::optional<Lsn>> append_output(
      std::span<const std::byte> message) override;
  void publish(Lsn /*lsn*/, std::span<const std::byte> /*message*/) override {}
  void tell(std::span<const std::byte> message) override;
  [[nodiscard]] Result<void> end_round() override;
  [[nodiscard]] Lsn head() const noexcept override { return head_; }
  [[nodiscard]] Lsn durable() const noexcept override { return head_; }

  /// All connections stand.
  [[nodiscard]] bool connected() const noexcept;
  /// Everything handed in counts, and all that counts was read.
  [[nodiscard]] bool quiet() const noexcept;
  [[nodiscard]] const SourceNumbers& numbers() const noexcept { return numbers_; }
  /// Outputs handed in whose records have not come back, one behind the other.
  void copy_waiting(std::vector<std::byte>& to) const;
  [[nodiscard]] Publisher& publisher(Source source) noexcept;
  [[nodiscard]] const Publisher& publisher(Source source) const noexcept;

  /// `visit(fd, events)` for each connection.
  template <class Visit>
  void for_each_fd(Visit visit) const {
    for (const auto& each : publishers_) visit(each.publisher->fd(), each.publisher->events());
    if (subscriber_) visit(subscriber_->fd(), subscriber_->events());
  }
  [[nodiscard]] std::optional<nanoseconds> next_due() const noexcept;
  /// Messages were received and wait for the next round.
  [[nodiscard]] bool has_more() const noexcept { return subscriber_ && subscriber_->has_more(); }

 private:
  struct Of {
    Source source;
    std::unique_ptr<Publisher> publisher;
  };
  class Reader;

  explicit RemoteLog(const Options& options);
  void take(Lsn lsn, const native::MessageView& message);
  void fail(std::string message);

  std::size_t records_per_round_;
  std::vector<Of> publishers_;
  std::unique_ptr<Subscriber> subscriber_;
  Batch batch_;
  SourceNumbers numbers_;
  std::deque<std::vector<std::byte>> waiting_;
  Lsn head_{};
  nanoseconds now_{};
  std::optional<Error> failed_;
};

}  // namespace stoa::relay
