#include "relay/remote_log.h"

#include <fmt/core.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <source_location>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/check.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/fail_point.h"
#include "base/ids.h"
#include "model/system.h"
#include "protocol/native/codec.h"
#include "protocol/native/describe.h"
#include "protocol/native/registry.h"
#include "relay/execution_log.h"
#include "relay/publisher.h"
#include "relay/source.h"
#include "relay/source_numbers.h"
#include "relay/subscriber.h"

namespace stoa::relay {
namespace {

/// Of the core: room for what a cancel-all of every order that there can be makes of itself.
constexpr std::size_t kOutputBytes = 64U << 20U;
constexpr std::size_t kInputBytes = 4U << 20U;
/// Outputs derived here that nobody records: the follower of a leader that is gone for so long
/// ends.
constexpr std::size_t kWaitingMax = 262'144;
/// Records kept behind an order until the leader has closed: seconds of them.
constexpr std::size_t kBehindMax = 262'144;

constexpr std::size_t outbox_bytes(Source source) {
  return source == Source::Core ? kOutputBytes : kInputBytes;
}

void change_one_bit(std::vector<std::byte>& message) {
  const auto body = native::MessageView::trusted(message).body();
  message[static_cast<std::size_t>(body.data() - message.data())] ^= std::byte{1};
}

}  // namespace

/// Takes what the subscriber hands out into the batch.
class RemoteLog::Reader final : public SubscriberHandler {
 public:
  explicit Reader(RemoteLog& log) noexcept : log_{log} {}
  void on_message(Lsn lsn, const native::MessageView& message) override { log_.read(lsn, message); }
  void on_gap(const Gap& gap) override {
    log_.fail(gap.unknown()
                  ? "the relay has another log than before"
                  : fmt::format("records {} to {} are gone", gap.first.value(), gap.last.value()));
  }

 private:
  RemoteLog& log_;
};

RemoteLog::RemoteLog(const Options& options) : options_{options} {}

Result<RemoteLog> RemoteLog::open(const Options& options) {
  RemoteLog log{options};
  for (const Source source : options.sources) {
    auto publisher = Publisher::open({.socket = options.socket,
                                      .domain = native::Domain::Execution,
                                      .source = source,
                                      .name = options.name,
                                      .outbox_bytes = outbox_bytes(source)});
    if (!publisher) return std::unexpected(std::move(publisher.error()));
    log.publishers_.push_back(
        {.source = source, .publisher = std::make_unique<Publisher>(std::move(*publisher))});
  }
  log.owns_ = !options.beside;
  return log;
}

bool RemoteLog::numbered() const noexcept {
  return owns_ &&
         std::ranges::all_of(publishers_, [](const Of& each) { return each.publisher->ready(); });
}

bool RemoteLog::connected() const noexcept {
  return (!owns_ || std::ranges::all_of(
                        publishers_, [](const Of& each) { return each.publisher->connected(); })) &&
         subscriber_ && subscriber_->connected();
}

bool RemoteLog::quiet() const noexcept {
  return waiting_.empty() && std::ranges::all_of(publishers_, [](const Of& each) {
           return each.publisher->unacked() == 0;
         });
}

Publisher& RemoteLog::publisher(Source source) noexcept {
  const auto at = std::ranges::find(publishers_, source, &Of::source);
  if (at == publishers_.end()) {
    fail_check("a source is one of this process", std::source_location::current());
  }
  return *at->publisher;
}

const Publisher& RemoteLog::publisher(Source source) const noexcept {
  return const_cast<RemoteLog&>(*this).publisher(source);  // NOLINT(*-const-cast): looked up only
}

std::size_t RemoteLog::poll(nanoseconds now) {
  now_ = now;
  if (!owns_) return 0;
  std::size_t work = 0;
  for (const Of& each : publishers_) {
    work += each.publisher->poll(now);
    // Of two processes that take the sources at a time the one that is out learns it at the first,
    // before it disturbs the other at the next.
    if (&each != publishers_.data()) continue;
    if (!each.publisher->ready() || each.publisher->superseded()) break;
  }
  // Who takes them says hello for the first before the others: of that there is word by now.
  if (disturbed()) publishers_.front().publisher->poll(now);
  return work;
}

void RemoteLog::follow(Subscriber subscriber, const SourceNumbers& numbers,
                       const std::vector<std::vector<std::byte>>& waiting) {
  subscriber_ = std::make_unique<Subscriber>(std::move(subscriber));
  head_ = Lsn{subscriber_->next_lsn().value() - 1};
  newest_ = head_;
  numbers_ = numbers;
  waiting_.assign(waiting.begin(), waiting.end());
}

// --- who leads

void RemoteLog::take() {
  drop();
  owns_ = true;
  poll(now_);
}

void RemoteLog::drop() {
  owns_ = false;
  leads_ = false;
  // The next hello is that of another instance.
  for (const Of& each : publishers_) each.publisher->renew();
}

bool RemoteLog::taken() const noexcept {
  return numbered() && std::ranges::all_of(publishers_, [this](const Of& each) {
           const std::uint64_t read = numbers_.last[static_cast<std::size_t>(each.source)];
           return read + 1 >= each.publisher->next_sequence();
         });
}

bool RemoteLog::superseded() const noexcept {
  return owns_ && publishers_.front().publisher->superseded();
}

bool RemoteLog::disturbed() const noexcept {
  return owns_ && !superseded() && std::ranges::any_of(publishers_, [](const Of& each) {
           return each.publisher->superseded();
         });
}

Result<void> RemoteLog::lead() {
  leads_ = true;
  const auto unrecorded = std::exchange(waiting_, {});
  for (const auto& output : unrecorded) {
    if (auto taken = append_output(output); !taken) {
      return std::unexpected(std::move(taken.error()));
    }
  }
  return {};
}

std::uint64_t RemoteLog::next_sequence(Source source) const noexcept {
  return publisher(source).next_sequence();
}

std::size_t RemoteLog::room() const noexcept {
  if (!leads_) return SIZE_MAX;
  std::size_t room = SIZE_MAX;
  for (const Of& each : publishers_) {
    // Half is kept for what follows from what has been read already.
    const std::size_t hold = outbox_bytes(each.source) / 2;
    const std::size_t used = each.publisher->outbox_used();
    room = std::min(room, used < hold ? (hold - used) / native::kSmallMessageBytes : 0);
  }
  return room;
}

Result<Offer> RemoteLog::offer(std::span<const std::byte> message, Timestamp /*now*/) {
  if (failed_) return std::unexpected(*failed_);
  const native::Header header = native::MessageView::trusted(message).header();
  Publisher& to = publisher(static_cast<Source>(header.source));
  if (header.sequence < to.next_sequence()) return Offer::Duplicate;
  if (header.sequence > to.next_sequence()) return Offer::Gap;
  return to.publish_encoded(message) == Publish::Ok ? Offer::Taken : Offer::Full;
}

Result<Lsn> RemoteLog::commit() {
  poll(now_);
  to_come_ = waiting_.size();
  for (std::size_t n = 0; n < options_.records_per_round && !behind_.empty() && !held_up_; ++n) {
    const Held next = std::move(behind_.front());
    behind_.pop_front();
    place(next.lsn, native::MessageView::trusted(next.bytes));
  }
  if (!failed_ && subscriber_ && room() > options_.records_per_round &&
      behind_.size() < kBehindMax) {
    Reader reader{*this};
    subscriber_->poll(now_, reader, options_.records_per_round);
  }
  if (failed_) return std::unexpected(*failed_);
  return head_;
}

void RemoteLog::read(Lsn lsn, const native::MessageView& message) {
  if (lsn == Lsn{}) return batch_.add(lsn, message.bytes());
  newest_ = lsn;
  if (on_lead_ &&
      (message.is<SwitchOrder>() || message.is<EpochOpen>() || message.is<EpochClose>())) {
    on_lead_(message);
  }
  if (!waits_behind(message)) return place(lsn, message);
  behind_.push_back({.lsn = lsn, .bytes = {message.bytes().begin(), message.bytes().end()}});
}

/// Behind an order nothing is applied until the role says so. The leader's outputs of what lies
/// before it come later than that, and are what it waits for.
bool RemoteLog::waits_behind(const native::MessageView& message) const noexcept {
  if (behind_.empty() && !held_up_) return false;
  return !(leads_ && message.is_output() && to_come_ > 0);
}

void RemoteLog::place(Lsn lsn, const native::MessageView& message) {
  head_ = std::max(head_, lsn);
  numbers_.note(message.header());
  batch_.add(lsn, message.bytes());
  if (message.is_output() && to_come_ > 0) --to_come_;
  if (message.is<SwitchOrder>()) held_up_ = message.as<SwitchOrder>().role == SwitchRole::Execution;
}

Result<void> RemoteLog::recorded(Lsn lsn, const native::MessageView& output) {
  last_output_ = std::max(last_output_, lsn);
  if (!waiting_.empty() && std::ranges::equal(waiting_.front(), output.bytes())) {
    waiting_.pop_front();
    ++compared_;
    return {};
  }
  if (leads_) {
    return fail(
        fmt::format("record {} is an output that this process did not derive", lsn.value()));
  }
  differ(lsn, output);
  return {};
}

/// What was derived under the same number or before it is not looked at again.
void RemoteLog::differ(Lsn lsn, const native::MessageView& recorded) {
  const std::uint64_t number = recorded.header().sequence;
  if (!recorded.is<StateDigest>()) said_another_ = true;
  std::string text;
  if (waiting_.empty() ||
      native::MessageView::trusted(waiting_.front()).header().sequence > number) {
    text = "recorded ";
    native::append_words(text, recorded);
    text += ", derived nothing";
  } else {
    native::append_difference(text, recorded, native::MessageView::trusted(waiting_.front()));
  }
  while (!waiting_.empty() &&
         native::MessageView::trusted(waiting_.front()).header().sequence <= number) {
    waiting_.pop_front();
  }
  if (difference_) return;
  difference_ = {.lsn = lsn,
                 .text = fmt::format("record {}, output {}: {}", lsn.value(), number, text)};
}

Result<std::optional<Lsn>> RemoteLog::append_output(std::span<const std::byte> message) {
  if (!leads_) {
    if (waiting_.size() >= kWaitingMax) {
      return fail(fmt::format("nobody has recorded the last {} outputs", waiting_.size()));
    }
    waiting_.emplace_back(message.begin(), message.end());
    // Where a test wants to know what happens to one that computes something else.
    if (fail_point("follower_derives_another") != 0) change_one_bit(waiting_.back());
    return std::optional<Lsn>{};
  }
  std::vector<std::byte> said{message.begin(), message.end()};
  // … and to one that does so once it leads.
  if (native::MessageView::trusted(message).is<StateDigest>() &&
      fail_point("leader_digests_another") != 0) {
    const auto right = native::MessageView::trusted(message);
    auto digest = right.as<StateDigest>();
    digest.hash ^= 1U;
    said.resize(native::kSmallMessageBytes);
    said.resize(native::encode(said,
                               {.domain = native::Domain::Execution,
                                .source = right.header().source,
                                .flags = right.header().flags,
                                .sequence = right.header().sequence,
                                .timestamp = right.header().timestamp},
                               digest));
  }
  const auto offered = offer(said, Timestamp{});
  if (!offered) return std::unexpected(offered.error());
  if (*offered != Offer::Taken) {
    return fail(fmt::format("output {} cannot be handed in: the relay wants {}",
                            native::MessageView::trusted(message).header().sequence,
                            next_sequence(Source::Core)));
  }
  waiting_.push_back(std::move(said));
  return std::optional<Lsn>{};
}

void RemoteLog::tell(std::span<const std::byte> message) {
  // Of the moment: what cannot go now is of no use later.
  const auto source = static_cast<Source>(native::MessageView::trusted(message).header().source);
  if (leads_) static_cast<void>(publisher(source).transient_encoded(message));
}

Result<void> RemoteLog::end_round() {
  poll(now_);
  if (failed_) return std::unexpected(*failed_);
  return {};
}

void RemoteLog::copy_waiting(std::vector<std::byte>& to) const {
  for (const auto& output : waiting_) to.insert(to.end(), output.begin(), output.end());
}

std::optional<nanoseconds> RemoteLog::next_due() const noexcept {
  std::optional<nanoseconds> next;
  const auto consider = [&](std::optional<nanoseconds> due) {
    if (due && (!next || *due < *next)) next = due;
  };
  if (owns_) {
    for (const Of& each : publishers_) consider(each.publisher->next_due());
  }
  if (subscriber_) consider(subscriber_->next_due());
  return next;
}

std::unexpected<Error> RemoteLog::fail(std::string message) {
  Error error{
      .code = ErrorCode::Unavailable, .message = std::move(message), .source = "execution relay"};
  if (!failed_) failed_ = error;
  return std::unexpected(std::move(error));
}

}  // namespace stoa::relay
