#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <expected>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
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
/// Recorded outputs are compared with those derived here, byte for byte. Who leads (`lead`) hands
/// its own in, and another output than that ends it: somebody else decides on this log. Who follows
/// hands in nothing, and keeps the first difference.
///
/// A process beside the one that leads is opened with `beside` and owns no source until `take`;
/// others say hello at once.
///
/// thread  one
class RemoteLog final : public ExecutionLog {
 public:
  struct Options {
    std::filesystem::path socket;
    std::string name;  // for the relay's people
    /// Those of this process; Core among them if it decides. The first is the one that counts when
    /// two processes take them at a time.
    std::vector<Source> sources;
    std::size_t records_per_round = 512;
    bool beside = false;  // until `take`
  };
  /// The first output that the leader recorded and that was derived differently here.
  struct Difference {
    Lsn lsn;
    std::string text;  // both in words
  };
  /// Hears of each record of who leads what when it is read; it is applied with its batch or later.
  using OnLead = std::function<void(const native::MessageView&)>;

  [[nodiscard]] static Result<RemoteLog> open(const Options& options);
  RemoteLog(RemoteLog&&) noexcept = default;
  RemoteLog& operator=(RemoteLog&&) = delete;

  /// The relay has said where the numbers of all sources begin.
  [[nodiscard]] bool numbered() const noexcept;
  /// Connects and sends; also while nothing is read yet. `now` is monotonic.
  std::size_t poll(nanoseconds now);
  /// From here on records are read with this one, which stands behind a recovery: `numbers` are
  /// those of the log so far, `waiting` outputs that were derived and are not recorded yet.
  void follow(Subscriber subscriber, const SourceNumbers& numbers,
              const std::vector<std::vector<std::byte>>& waiting);

  // --- who leads (decision 0014)

  void on_lead(OnLead hear) { on_lead_ = std::move(hear); }
  /// Says hello for the sources: for the first, and for the others once it is welcomed.
  void take();
  /// Gives them back. What was handed in and is not recorded is compared with what another records.
  void drop();
  /// This process has said hello for its sources.
  [[nodiscard]] bool owns() const noexcept { return owns_; }
  /// It was welcomed for all, and has read what the log held of them then.
  [[nodiscard]] bool taken() const noexcept;
  /// Another process has said hello for the first of them.
  [[nodiscard]] bool superseded() const noexcept;
  /// … for another one only.
  [[nodiscard]] bool disturbed() const noexcept;
  /// From here on it decides: outputs that nobody has recorded are handed in.
  ///
  /// errors  as append_output
  [[nodiscard]] Result<void> lead();
  [[nodiscard]] bool leads() const noexcept { return leads_; }
  /// A SwitchOrder for execution ended the batch; what lies behind it is held until `resume`.
  [[nodiscard]] bool held() const noexcept { return held_up_; }
  void resume() noexcept { held_up_ = false; }

  /// Outputs of the leader that were the same as those derived here.
  [[nodiscard]] std::uint64_t compared() const noexcept { return compared_; }
  [[nodiscard]] const Difference* difference() const noexcept {
    return difference_ ? &*difference_ : nullptr;
  }
  /// … and all that it differed in were digests: nobody outside was told anything else.
  [[nodiscard]] bool said_the_same() const noexcept { return !said_another_; }
  /// The newest output in the log.
  [[nodiscard]] Lsn last_output() const noexcept { return last_output_; }
  /// Newest record that has been read, if not applied.
  [[nodiscard]] Lsn newest() const noexcept { return newest_; }
  /// Outputs derived whose records have not come, one at a time, oldest first.
  template <class Visit>
  void for_each_waiting(Visit visit) const {
    for (const auto& output : waiting_) visit(native::MessageView::trusted(output));
  }

  /// The first report of the venue that the log does not hold, or that is not handed in.
  [[nodiscard]] std::uint64_t next_report() const noexcept {
    return leads_ ? next_sequence(Source::Venue)
                  : numbers_.last[static_cast<std::size_t>(Source::Venue)] + 1;
  }

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
  [[nodiscard]] Result<void> recorded(Lsn lsn, const native::MessageView& output) override;
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
  [[nodiscard]] bool has_more() const noexcept {
    return (subscriber_ && subscriber_->has_more()) || (!behind_.empty() && !held_up_);
  }

 private:
  struct Of {
    Source source;
    std::unique_ptr<Publisher> publisher;
  };
  class Reader;

  struct Held {
    Lsn lsn;
    std::vector<std::byte> bytes;
  };

  explicit RemoteLog(const Options& options);
  void read(Lsn lsn, const native::MessageView& message);
  void place(Lsn lsn, const native::MessageView& message);
  [[nodiscard]] bool waits_behind(const native::MessageView& message) const noexcept;
  void differ(Lsn lsn, const native::MessageView& recorded);
  std::unexpected<Error> fail(std::string message);

  Options options_;
  std::vector<Of> publishers_;  // in the order of the sources; polled up to and with the first …
  bool owns_ = false;           // … that is not welcomed
  bool leads_ = false;
  std::unique_ptr<Subscriber> subscriber_;
  Batch batch_;
  SourceNumbers numbers_;
  std::deque<std::vector<std::byte>> waiting_;
  std::size_t to_come_ = 0;  // of those, how many the batch does not show yet
  std::deque<Held> behind_;  // read, and not to be applied before `resume`
  bool held_up_ = false;
  OnLead on_lead_;
  std::uint64_t compared_ = 0;
  std::optional<Difference> difference_;
  bool said_another_ = false;  // an output that others hear differed
  Lsn head_{};
  Lsn newest_{};
  Lsn last_output_{};
  nanoseconds now_{};
  std::optional<Error> failed_;
};

}  // namespace stoa::relay
