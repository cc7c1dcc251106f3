#include "relay/sequencer.h"

#include <fmt/core.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <expected>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <thread>
#include <utility>

#include "base/check.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/ids.h"
#include "bus/topic.h"
#include "bus/wake.h"
#include "journal/reader.h"
#include "journal/writer.h"
#include "protocol/native/codec.h"
#include "relay/execution_log.h"
#include "relay/source.h"

namespace stoa::relay {

Sequencer::Sequencer(Options options, journal::Writer writer)
    : dir_{std::move(options.dir)},
      wake_{options.wake},
      writer_{std::move(writer)},
      topic_{std::make_unique<bus::Topic>(bus::TopicOptions{.capacity_bytes = options.topic_bytes,
                                                            .allow_lossy = options.lossy_readers})},
      publication_{topic_->publication()} {}

Result<Sequencer> Sequencer::open(const Options& options) {
  auto writer = journal::Writer::open(options.dir, options.journal);
  if (!writer) return std::unexpected(std::move(writer.error()));
  return Sequencer{options, std::move(*writer)};
}

Result<void> Sequencer::replay(const std::function<void(Lsn, const native::MessageView&)>& visit,
                               Lsn from) {
  auto reader = journal::Reader::open(dir_, from);
  if (!reader) return std::unexpected(std::move(reader.error()));
  const Lsn head = this->head();
  while (true) {
    const auto record = reader->next(head);
    if (!record) return std::unexpected(record.error());
    const std::optional<journal::Record>& entry = *record;
    if (!entry) return {};
    const auto message = native::decode(entry->payload);
    if (!message || message->header().source >= kSources) {
      return std::unexpected(Error{
          .code = ErrorCode::Damaged,
          .message = fmt::format(
              "record {} is no message of the execution log: {} at byte {}", entry->lsn.value(),
              message ? "unknown source" : native::to_string(message.error().error),
              message ? 6 : message.error().offset),
          .source = dir_.string()});
    }
    numbers_.note(message->header());
    visit(entry->lsn, *message);
  }
}

Result<Offer> Sequencer::offer(std::span<const std::byte> message, Timestamp now) {
  const auto view = native::MessageView::trusted(message);
  const std::uint8_t source = view.header().source;
  check(source < kSources, "messages of this process come from known sources");
  const std::uint64_t expected = numbers_.last[source] + 1;
  if (view.header().sequence < expected) return Offer::Duplicate;
  if (view.header().sequence > expected) return Offer::Gap;
  std::array<std::byte, native::kSmallMessageBytes> copy;
  check(message.size() <= copy.size(), "execution messages are small");
  std::memcpy(copy.data(), message.data(), message.size());
  const std::span<std::byte> stamped = std::span{copy}.first(message.size());
  native::restamp(stamped, stamp(now));
  const auto lsn = take(stamped, /*awaited=*/true);
  if (!lsn) return std::unexpected(lsn.error());
  numbers_.last[source] = expected;
  return Offer::Taken;
}

Result<std::optional<Lsn>> Sequencer::append_output(std::span<const std::byte> message) {
  numbers_.last[static_cast<std::size_t>(Source::Core)] =
      native::MessageView::trusted(message).header().sequence;
  const auto lsn = writer_.append(message);
  if (!lsn) return std::unexpected(lsn.error());
  return std::optional{*lsn};
}

Result<Lsn> Sequencer::commit() {
  if (std::exchange(sync_awaited_, false)) return writer_.commit();
  if (const auto flushed = writer_.flush(); !flushed) return std::unexpected(flushed.error());
  return writer_.durable_lsn();
}

Result<Lsn> Sequencer::take(std::span<const std::byte> message, bool awaited) {
  const auto lsn = writer_.append(message);
  if (!lsn) return lsn;
  sync_awaited_ = sync_awaited_ || awaited;
  batch_.add(*lsn, message);
  return lsn;
}

void Sequencer::publish(Lsn lsn, std::span<const std::byte> message) {
  const std::uint64_t value = lsn.value();
  const auto head = std::as_bytes(std::span{&value, 1});
  while (publication_.try_publish(head, message) != bus::PublishResult::Ok) {
    if (wake_ != nullptr) wake_->notify();
    std::this_thread::yield();
  }
}

}  // namespace stoa::relay
