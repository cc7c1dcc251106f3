#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "apps/recovery.h"
#include "apps/role.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/ids.h"
#include "protocol/native/codec.h"
#include "relay/subscriber.h"
#include "relay/wire.h"

namespace stoa::apps {

/// Follows the execution log through its relay: first what stands (newest checkpoint and the
/// records behind it, as a start of the engine does it), then each record as it counts.
///
///   poll … until `recovered`; take what was recovered; then poll with a visitor
///
/// thread  one
class LogFollower final : public relay::SubscriberHandler {
 public:
  struct Options {
    std::filesystem::path socket;
    std::string name;
    std::uint64_t history = 0;  // of the last records, how many to show again
    /// A log that this build reads differently is followed all the same; `difference` says how.
    bool keep_difference = false;
  };
  /// lsn 0: a word of the moment (a heartbeat, a question).
  using Visit = std::function<void(Lsn, const native::MessageView&)>;

  [[nodiscard]] static Result<std::unique_ptr<LogFollower>> open(const Options& options);

  /// While recovering it takes records in itself; afterwards `visit` gets them.
  std::size_t poll(nanoseconds now, const Visit& visit, std::size_t limit = 4'096);

  /// What stood when the end of the log was reached for the first time; once.
  [[nodiscard]] bool recovered() const noexcept { return pass_done_; }
  [[nodiscard]] Recovered take_recovered();
  /// The same for whoever decides on this log: outputs that no record has shown are taken off, and
  /// the rest of the log is read by `subscriber`.
  [[nodiscard]] std::vector<std::vector<std::byte>> take_unrecorded();
  [[nodiscard]] relay::Subscriber take_subscriber() { return std::move(subscriber_); }

  [[nodiscard]] bool connected() const noexcept { return subscriber_.connected(); }
  [[nodiscard]] Lsn head() const noexcept { return Lsn{subscriber_.next_lsn().value() - 1}; }
  /// Records were lost, or cannot be read: the process starts anew.
  [[nodiscard]] const Error* failed() const noexcept { return failed_ ? &*failed_ : nullptr; }
  /// Where this build derived another output than the log holds, in words; empty: nowhere.
  [[nodiscard]] const std::string& difference() const noexcept { return difference_; }
  [[nodiscard]] Lsn differs_at() const noexcept { return differs_at_; }
  void watch(Waiting& waiting) const;
  [[nodiscard]] bool has_more() const noexcept { return subscriber_.has_more(); }
  /// "recovering: record 17 of 200", for people.
  [[nodiscard]] std::string progress() const;

  void on_message(Lsn lsn, const native::MessageView& message) override;
  void on_gap(const relay::Gap& gap) override;
  void on_checkpoint(Lsn lsn, std::span<const std::byte> state) override;

 private:
  LogFollower(relay::Subscriber subscriber, Options options);
  [[nodiscard]] static Result<relay::Subscriber> subscribe(const Options& options,
                                                           relay::StartAt start);
  void begin_at_first_record();
  void finish();

  relay::Subscriber subscriber_;
  Options options_;
  bool unusable_ = false;  // the checkpoint that came
  std::unique_ptr<Recovered> found_ = std::make_unique<Recovered>();
  std::unique_ptr<RecoveryPass> pass_;
  bool pass_done_ = false;
  const Visit* visit_ = nullptr;
  std::string difference_;
  Lsn differs_at_{};
  std::optional<Error> failed_;
};

}  // namespace stoa::apps
