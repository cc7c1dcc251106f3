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
#include "base/ids.h"
#include "protocol/native/codec.h"
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

constexpr std::size_t outbox_bytes(Source source) {
  return source == Source::Core ? kOutputBytes : kInputBytes;
}

}  // namespace

/// Takes what the subscriber hands out into the batch.
class RemoteLog::Reader final : public SubscriberHandler {
 public:
  explicit Reader(RemoteLog& log) noexcept : log_{log} {}
  void on_message(Lsn lsn, const native::MessageView& message) override { log_.take(lsn, message); }
  void on_gap(const Gap& gap) override {
    log_.fail(gap.unknown()
                  ? "the relay has another log than before"
                  : fmt::format("records {} to {} are gone", gap.first.value(), gap.last.value()));
  }

 private:
  RemoteLog& log_;
};

RemoteLog::RemoteLog(const Options& options) : records_per_round_{options.records_per_round} {}

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
  return log;
}

bool RemoteLog::numbered() const noexcept {
  return std::ranges::all_of(publishers_, [](const Of& each) { return each.publisher->ready(); });
}

bool RemoteLog::connected() const noexcept {
  return std::ranges::all_of(publishers_,
                             [](const Of& each) { return each.publisher->connected(); }) &&
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
  std::size_t work = 0;
  for (const Of& each : publishers_) {
    work += each.publisher->poll(now);
    if (each.publisher->superseded()) {
      fail(fmt::format("another process has taken over: {}", each.publisher->refusal()->text()));
    }
  }
  return work;
}

Result<void> RemoteLog::follow(Subscriber subscriber, const SourceNumbers& numbers,
                               const std::vector<std::vector<std::byte>>& waiting) {
  subscriber_ = std::make_unique<Subscriber>(std::move(subscriber));
  head_ = Lsn{subscriber_->next_lsn().value() - 1};
  numbers_ = numbers;
  for (const auto& output : waiting) {
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
  if (!failed_ && subscriber_ && room() > records_per_round_) {
    Reader reader{*this};
    subscriber_->poll(now_, reader, records_per_round_);
  }
  if (failed_) return std::unexpected(*failed_);
  return head_;
}

void RemoteLog::take(Lsn lsn, const native::MessageView& message) {
  if (lsn == Lsn{}) return batch_.add(lsn, message.bytes());
  head_ = lsn;
  numbers_.note(message.header());
  batch_.add(lsn, message.bytes());
  if (!message.is_output()) return;
  if (waiting_.empty() || !std::ranges::equal(waiting_.front(), message.bytes())) {
    return fail(
        fmt::format("record {} is an output that this process did not derive", lsn.value()));
  }
  waiting_.pop_front();
}

Result<std::optional<Lsn>> RemoteLog::append_output(std::span<const std::byte> message) {
  const auto offered = offer(message, Timestamp{});
  if (!offered) return std::unexpected(offered.error());
  if (*offered != Offer::Taken) {
    fail(fmt::format("output {} cannot be handed in: the relay wants {}",
                     native::MessageView::trusted(message).header().sequence,
                     next_sequence(Source::Core)));
    return std::unexpected(*failed_);
  }
  waiting_.emplace_back(message.begin(), message.end());
  return std::optional<Lsn>{};
}

void RemoteLog::tell(std::span<const std::byte> message) {
  // Of the moment: what cannot go now is of no use later.
  static_cast<void>(publishers_.front().publisher->transient_encoded(message));
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
  for (const Of& each : publishers_) consider(each.publisher->next_due());
  if (subscriber_) consider(subscriber_->next_due());
  return next;
}

void RemoteLog::fail(std::string message) {
  if (failed_) return;
  failed_ = Error{
      .code = ErrorCode::Unavailable, .message = std::move(message), .source = "execution relay"};
}

}  // namespace stoa::relay
