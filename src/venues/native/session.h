#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <unordered_set>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "base/ids.h"
#include "model/execution.h"
#include "model/instrument.h"
#include "model/order.h"
#include "oms/venue_port.h"
#include "protocol/native/codec.h"
#include "relay/publisher.h"
#include "relay/subscriber.h"

namespace stoa::venues::native_session {

/// A venue that speaks our own messages: what it is asked goes into one relay of its own, what it
/// answers comes out of another, and both are logs. So a session outlives the restart of either
/// end: requests are sent until the venue has them, and reports are read from the one that is
/// wanted next.
///
/// The number of a report is its place in the venue's log, and the number of source venue in ours:
/// which one comes next follows from our log alone, and each is taken once.
///
/// thread  one
class NativeVenue final : public oms::OrderPort, public relay::SubscriberHandler {
 public:
  struct Options {
    std::filesystem::path orders;   // socket of what it is asked
    std::filesystem::path reports;  // socket of what it answers
    std::string name;               // ours, for its people
    std::uint64_t next_report = 1;  // the first that our log does not hold
    bool listen = false;            // another process of ours speaks to it, until `take`
  };
  /// The venue says that it is there ten times a second; silent for longer: it is away.
  static constexpr nanoseconds kSilenceMax = std::chrono::seconds{2};

  [[nodiscard]] static Result<std::unique_ptr<NativeVenue>> open(const Options& options);

  /// Connects, sends and reads. `now` is monotonic.
  std::size_t poll(nanoseconds now);
  /// Both ways stand, and the venue has said lately that it is ready.
  [[nodiscard]] bool up() const noexcept;
  /// The same of the way from the venue only.
  [[nodiscard]] bool heard() const noexcept;
  /// From here on this process speaks to it: whoever did so before is out.
  void take() noexcept { speaks_ = true; }
  [[nodiscard]] bool speaks() const noexcept { return speaks_; }
  /// Another one does; reports are read again from `next` on.
  ///
  /// errors  as open
  [[nodiscard]] Result<void> listen(std::uint64_t next);
  /// The venue has all that it was asked.
  [[nodiscard]] bool sent() const noexcept { return orders_.unacked() == 0 && !request_lost_; }
  /// Our log holds the reports before `next`: another process has put them there.
  void pass_over(std::uint64_t next);
  /// What is traded there, as it says; empty before it has said anything.
  [[nodiscard]] std::span<const Instrument> instruments() const noexcept { return instruments_; }
  /// Questions without an answer.
  [[nodiscard]] std::size_t unanswered() const noexcept { return asked_.size(); }
  /// Another venue than the one that our log knows, or its log is gone.
  [[nodiscard]] const Error* failed() const noexcept { return failed_ ? &*failed_ : nullptr; }

  // OrderPort. A request for which there is no room is in doubt: the session counts as down until
  // the venue has been asked.
  void send(const OrderSend& order, Timestamp now) override { request(order, now); }
  void cancel(const CancelSend& cancel, Timestamp now) override { request(cancel, now); }
  void replace(const ReplaceSend& replace, Timestamp now) override { request(replace, now); }
  void query(const OrderQuery& query, Timestamp now) override;
  /// The venue keeps its own orders.
  void restore(const OrderUpdate& /*order*/) override {}
  std::size_t poll_reports(Timestamp now, std::span<ExecutionReport> out) override;
  [[nodiscard]] std::optional<Timestamp> next_report_due() const noexcept override { return {}; }

  // SubscriberHandler
  void on_message(Lsn lsn, const native::MessageView& message) override;
  void on_gap(const relay::Gap& gap) override;

  /// `visit(fd, events)` for each connection.
  template <class Visit>
  void for_each_fd(Visit visit) const {
    if (speaks_) visit(orders_.fd(), orders_.events());
    visit(reports_.fd(), reports_.events());
  }
  [[nodiscard]] std::optional<nanoseconds> next_due() const noexcept;

 private:
  static constexpr std::size_t kPendingMax = 65'536;  // above it the venue's log is not read on

  NativeVenue(const Options& options, relay::Publisher orders, relay::Subscriber reports);

  [[nodiscard]] static Result<relay::Subscriber> subscribe(const Options& options);

  template <class M>
  void request(const M& message, Timestamp now) {
    if (orders_.publish(message, now) != relay::Publish::Ok) request_lost_ = true;
  }

  Options options_;
  relay::Publisher orders_;
  relay::Subscriber reports_;
  std::uint64_t next_report_;
  std::deque<ExecutionReport> pending_;
  std::vector<Instrument> instruments_;
  std::unordered_set<std::uint64_t> asked_;  // cl_ord_ids
  bool speaks_;
  bool request_lost_ = false;
  bool venue_ready_ = false;
  nanoseconds heard_{};
  nanoseconds now_{};
  std::optional<Error> failed_;
};

}  // namespace stoa::venues::native_session
