#include "venues/native/session.h"

#include <fmt/core.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <span>
#include <utility>

#include "base/clock.h"
#include "base/error.h"
#include "base/ids.h"
#include "model/execution.h"
#include "model/instrument.h"
#include "model/order.h"
#include "model/system.h"
#include "protocol/native/codec.h"
#include "protocol/native/registry.h"
#include "relay/publisher.h"
#include "relay/source.h"
#include "relay/subscriber.h"
#include "relay/wire.h"

namespace stoa::venues::native_session {
namespace {

/// Requests of every order that there can be, several times over.
constexpr std::size_t kOutboxBytes = 32U << 20U;

}  // namespace

NativeVenue::NativeVenue(const Options& options, relay::Publisher orders, relay::Subscriber reports)
    : options_{options},
      orders_{std::move(orders)},
      reports_{std::move(reports)},
      next_report_{options.next_report},
      speaks_{!options.listen} {}

Result<std::unique_ptr<NativeVenue>> NativeVenue::open(const Options& options) {
  auto orders = relay::Publisher::open({.socket = options.orders,
                                        .domain = native::Domain::Execution,
                                        .source = relay::Source::Core,
                                        .name = options.name,
                                        .outbox_bytes = kOutboxBytes});
  if (!orders) return std::unexpected(std::move(orders.error()));
  auto reports = subscribe(options);
  if (!reports) return std::unexpected(std::move(reports.error()));
  return std::unique_ptr<NativeVenue>{
      new NativeVenue{options, std::move(*orders), std::move(*reports)}};
}

Result<relay::Subscriber> NativeVenue::subscribe(const Options& options) {
  return relay::Subscriber::open({.socket = options.reports,
                                  .domain = native::Domain::Execution,
                                  .name = options.name,
                                  .start = relay::StartAt::Lsn,
                                  .from = Lsn{options.next_report}});
}

Result<void> NativeVenue::listen(std::uint64_t next) {
  options_.next_report = next;
  auto reports = subscribe(options_);
  if (!reports) return std::unexpected(std::move(reports.error()));
  reports_ = std::move(*reports);
  orders_.renew();
  speaks_ = false;
  next_report_ = next;
  pending_.clear();
  asked_.clear();
  request_lost_ = false;
  return {};
}

std::size_t NativeVenue::poll(nanoseconds now) {
  now_ = now;
  std::size_t work = speaks_ ? orders_.poll(now) : 0;
  if (pending_.size() < kPendingMax) work += reports_.poll(now, *this, 4'096);
  return work;
}

bool NativeVenue::heard() const noexcept {
  return reports_.connected() && venue_ready_ && heard_ != nanoseconds{} &&
         now_ - heard_ < kSilenceMax;
}

bool NativeVenue::up() const noexcept {
  return speaks_ && orders_.connected() && !request_lost_ && heard();
}

void NativeVenue::pass_over(std::uint64_t next) {
  while (!pending_.empty() && next_report_ - pending_.size() < next) pending_.pop_front();
}

void NativeVenue::query(const OrderQuery& query, Timestamp now) {
  request(query, now);
  asked_.insert(query.cl_ord_id.value());
}

void NativeVenue::on_message(Lsn lsn, const native::MessageView& message) {
  if (message.is<Heartbeat>()) {
    heard_ = now_;
    venue_ready_ = message.as<Heartbeat>().ready != 0;
    // The session was down for a moment, and every open order is asked for now.
    request_lost_ = false;
    return;
  }
  if (message.is<Instrument>()) {
    const auto instrument = message.as<Instrument>();
    const auto at = std::ranges::find(instruments_, instrument.instrument, &Instrument::instrument);
    if (at == instruments_.end()) {
      instruments_.push_back(instrument);
    } else {
      *at = instrument;
    }
    return;
  }
  if (lsn == Lsn{} || !message.is<ExecutionReport>()) return;
  if (lsn.value() != next_report_) {
    failed_ = Error{.code = ErrorCode::Damaged,
                    .message = fmt::format("the venue tells report {} where {} is due: it is not "
                                           "the one that this log knows",
                                           lsn.value(), next_report_),
                    .source = "venue"};
    return;
  }
  ++next_report_;
  const auto report = message.as<ExecutionReport>();
  asked_.erase(report.cl_ord_id.value());
  pending_.push_back(report);
}

void NativeVenue::on_gap(const relay::Gap& gap) {
  failed_ = Error{.code = ErrorCode::Damaged,
                  .message = gap.unknown()
                                 ? "the venue has another log than before; begin with a new data "
                                   "directory, or put its log back"
                                 : fmt::format("the venue has dropped its reports {} to {}",
                                               gap.first.value(), gap.last.value()),
                  .source = "venue"};
}

std::size_t NativeVenue::poll_reports(Timestamp /*now*/, std::span<ExecutionReport> out) {
  const std::size_t count = std::min(out.size(), pending_.size());
  std::copy_n(pending_.begin(), count, out.begin());
  pending_.erase(pending_.begin(), pending_.begin() + static_cast<std::ptrdiff_t>(count));
  return count;
}

std::optional<nanoseconds> NativeVenue::next_due() const noexcept {
  const auto other = reports_.next_due();
  if (!speaks_) return other;
  const auto one = orders_.next_due();
  if (!one) return other;
  return other && *other < *one ? other : one;
}

}  // namespace stoa::venues::native_session
