#include "apps/seat.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <memory>
#include <utility>

#include "apps/holder.h"
#include "apps/leadership.h"
#include "apps/role.h"
#include "apps/role_lead.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/fail_point.h"
#include "base/ids.h"
#include "base/log.h"
#include "ops/role_status.h"
#include "protocol/native/codec.h"
#include "protocol/native/registry.h"
#include "relay/publisher.h"
#include "relay/source_numbers.h"

namespace stoa::apps {

Seat::Seat(const Options& options, relay::Publisher publisher)
    : source_{options.source},
      beside_{options.beside},
      holder_{options.role, options.colour, options.release},
      place_{options.role, options.colour},
      publisher_{std::make_unique<relay::Publisher>(std::move(publisher))},
      owns_{!options.beside} {}

Result<Seat> Seat::open(const Options& options) {
  auto publisher = relay::Publisher::open({.socket = options.socket,
                                           .domain = native::Domain::Execution,
                                           .source = options.source,
                                           .name = options.name,
                                           .outbox_bytes = options.outbox_bytes});
  if (!publisher) return std::unexpected(std::move(publisher.error()));
  return Seat{options, std::move(*publisher)};
}

void Seat::begin(const RoleLead& known, const relay::SourceNumbers& numbers) {
  begun_ = true;
  last_read_ = numbers.last[static_cast<std::size_t>(source_)];
  place_.begin(known, beside_);
  leads_ = place_.mode() == Leadership::Mode::Leading;
}

void Seat::note(const native::MessageView& message) {
  if (message.header().source == static_cast<std::uint8_t>(source_)) {
    last_read_ = std::max(last_read_, message.header().sequence);
  }
  place_.note(message);
}

std::size_t Seat::poll(nanoseconds monotonic, Timestamp now, const Reading& reading) {
  std::size_t work = owns_ ? publisher_->poll(monotonic) : 0;
  if (!begun_) return work;
  for (int i = 0; i < 4; ++i, ++work) {
    const Leadership::Signs signs{
        .taken = publisher_->ready() && last_read_ + 1 >= publisher_->next_sequence(),
        .superseded = owns_ && publisher_->superseded(),
        .drained = reading.drained && publisher_->unacked() == 0,
        .up_to_date = reading.up_to_date};
    const auto action = place_.next(monotonic, signs);
    if (action == Leadership::Action::None) break;
    log::info("switch", {{"does", to_string(action)},
                         {"epoch", place_.log().epoch},
                         {"lsn", reading.head.value()}});
    act(action, monotonic, now, reading);
  }
  return work;
}

void Seat::act(Leadership::Action action, nanoseconds monotonic, Timestamp now,
               const Reading& reading) {
  using Action = Leadership::Action;
  switch (action) {
    case Action::Take:
      fail_point("before_open");
      publisher_->renew();
      owns_ = true;
      publisher_->poll(monotonic);
      return;
    case Action::Open:
      fail_point("after_hello");
      if (publisher_->publish(holder_.open(place_, reading.head), now) != relay::Publish::Ok) {
        return publish_failed();
      }
      publisher_->poll(monotonic);
      fail_point("after_open");
      return;
    case Action::Lead:
      leads_ = true;
      fail_point("after_lead");
      return;
    case Action::Close:
      fail_point("before_close");
      if (publisher_->publish(holder_.close(place_, publisher_->acked_lsn()), now) !=
          relay::Publish::Ok) {
        return publish_failed();
      }
      publisher_->poll(monotonic);
      return;
    case Action::Drop:
      leads_ = false;
      owns_ = false;
      publisher_->renew();
      return;
    case Action::Resume:
    case Action::None:
      return;
  }
}

void Seat::publish_failed() {
  failed_ = Error{.code = ErrorCode::Unavailable,
                  .message = "there is no room to say who leads",
                  .source = "execution relay"};
}

ops::SwitchView Seat::view(Lsn head) const noexcept {
  ops::SwitchView view = holder_.view(place_);
  if (!begun_) view.mode = beside_ ? ops::SwitchMode::Following : ops::SwitchMode::Leading;
  view.lsn = head.value();
  return view;
}

const Error* Seat::failed() const noexcept {
  if (failed_) return &*failed_;
  return !begun_ && owns_ && publisher_->superseded() ? publisher_->refusal() : nullptr;
}

void Seat::watch(Waiting& waiting, nanoseconds monotonic) const {
  if (owns_) {
    waiting.add(publisher_->fd(), publisher_->events());
    waiting.add_due(publisher_->next_due());
  }
  if (const nanoseconds wait = place_.wait(); begun_ && wait > nanoseconds{}) {
    waiting.add_due(monotonic + wait);
  }
}

}  // namespace stoa::apps
