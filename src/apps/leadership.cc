#include "apps/leadership.h"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <string_view>

#include "apps/role_lead.h"
#include "base/clock.h"
#include "base/fail_point.h"
#include "base/text.h"
#include "model/system.h"
#include "protocol/native/codec.h"

namespace stoa::apps {
namespace {

/// SwitchOrder::at_once
constexpr std::uint8_t kAtOnce = 1;
constexpr std::uint8_t kRegardless = 2;

}  // namespace

Leadership::Leadership(SwitchRole role, std::string_view colour)
    : colour_{Text<24>::cut(colour)}, log_{fresh_leads()[static_cast<std::uint8_t>(role)]} {}

void Leadership::begin(const RoleLead& known, bool beside) noexcept {
  log_ = known;
  order_hash_ = 0;
  hold_max_ = std::chrono::milliseconds{kHoldMaxMs};
  if (!beside) {
    // An order that nobody has answered is answered by the next epoch: it is void.
    const bool goes_on = log_.closed == 0 && log_.holder == colour_ && log_.order_epoch == 0;
    return go(goes_on ? Mode::Leading : Mode::Opening);
  }
  go(Mode::Following);
  named_ = log_.order_epoch != 0 && log_.to == colour_;
  if (log_.closed == 0 && log_.holder == colour_) {
    go(Mode::Opening);
    take_due_ = true;
  }
}

void Leadership::note(const native::MessageView& message) noexcept {
  if (!log_.note(message)) return;
  if (message.is<SwitchOrder>()) return on_order();
  if (message.is<EpochClose>()) return on_close();
  on_open();
}

void Leadership::on_order() noexcept {
  named_ = log_.to == colour_;
  hash_differs_ = false;
  order_hash_ = 0;
  hold_max_ = std::chrono::milliseconds{log_.hold_max_ms == 0 ? kHoldMaxMs : log_.hold_max_ms};
  // Where it opens the next epoch just now, that is the answer.
  if (mode_ != Mode::Leading || open_due_) return;
  if (named_) {
    open_due_ = true;  // it leads, and says so
  } else {
    go(Mode::Closing);
  }
}

void Leadership::on_close() noexcept {
  if (mode_ != Mode::Closing) return;
  fail_point("after_close");  // not at the drop: by then the next may have opened
  go(Mode::Closed);
  orderly_ = true;
  drop_due_ = true;
}

void Leadership::on_open() noexcept {
  const bool own = said_open_ && log_.holder == colour_;
  named_ = false;
  hash_differs_ = false;
  switch (mode_) {
    case Mode::Opening:
      if (own) {
        const bool orderly = orderly_;
        go(Mode::Leading);
        orderly_ = orderly;
        lead_due_ = true;
      } else if (take_due_) {
        go(Mode::Following);
      } else {
        orderly_ = false;  // whoever opened it is out by now: the one behind it is ours
      }
      return;
    case Mode::Leading:
      open_due_ = false;
      said_open_ = false;
      if (own) return;
      [[fallthrough]];
    case Mode::Closing:
      drop_due_ = true;
      [[fallthrough]];
    case Mode::Closed:
      go(Mode::Following);
      return;
    case Mode::Following:
      return;
  }
}

void Leadership::go(Mode mode) noexcept {
  mode_ = mode;
  take_due_ = false;
  open_due_ = false;
  said_open_ = false;
  said_close_ = false;
  lead_due_ = false;
  orderly_ = false;
  waited_ = {};
}

Leadership::Action Leadership::next(nanoseconds now, const Signs& signs) noexcept {
  const nanoseconds passed =
      last_ == nanoseconds{} ? nanoseconds{} : std::min(now - last_, kRoundMax);
  last_ = now;
  if (drop_due_) {
    drop_due_ = false;
    return Action::Drop;
  }
  const bool owns = leads() || (mode_ == Mode::Opening && !take_due_);
  if (owns && signs.superseded) {
    go(Mode::Following);
    return Action::Drop;
  }
  if (owns && signs.disturbed) {
    go(Mode::Opening);
    take_due_ = true;
    return Action::Drop;
  }
  switch (mode_) {
    case Mode::Following:
      return follow(passed, signs);
    case Mode::Opening:
      if (take_due_) {
        take_due_ = false;
        return Action::Take;
      }
      if (said_open_ || !signs.taken) return Action::None;
      said_open_ = true;
      return Action::Open;
    case Mode::Leading:
      if (lead_due_) {
        lead_due_ = false;
        return Action::Lead;
      }
      if (!open_due_ || said_open_) return Action::None;
      said_open_ = true;
      return Action::Open;
    case Mode::Closing:
      return close(passed, signs);
    case Mode::Closed:
      return reopen(passed, signs);
  }
  return Action::None;
}

Leadership::Action Leadership::follow(nanoseconds passed, const Signs& signs) noexcept {
  if (!named_ || (log_.closed == 0 && log_.at_once != kAtOnce)) return reopen(passed, signs);
  const bool in_order = log_.closed != 0;
  const bool differs = !signs.may_open || (in_order && log_.close_hash != 0 && order_hash_ != 0 &&
                                           log_.close_hash != order_hash_);
  if (differs && (log_.at_once != kRegardless || !signs.said_the_same)) {
    hash_differs_ = true;
    named_ = false;
    return Action::None;
  }
  go(Mode::Opening);
  orderly_ = in_order;
  return Action::Take;
}

Leadership::Action Leadership::close(nanoseconds passed, const Signs& signs) noexcept {
  if (said_close_) return Action::None;
  if (signs.drained) {
    said_close_ = true;
    return Action::Close;
  }
  waited_ += passed;
  if (waited_ < hold_max_) return Action::None;
  go(Mode::Leading);
  open_due_ = true;
  return Action::Resume;
}

/// Nobody leads, and nobody does anything about it: first the one that led before, later any.
Leadership::Action Leadership::reopen(nanoseconds passed, const Signs& signs) noexcept {
  const bool ours = log_.holder == colour_;
  if (log_.closed == 0 && !ours) return Action::None;
  if (!ours && !signs.may_open) return Action::None;
  // What has not been read may be the EpochOpen of another.
  if (!signs.up_to_date) return Action::None;
  waited_ += passed;
  if (waited_ < hold_max_ * (ours ? 1 : 2)) return Action::None;
  const bool in_order = log_.closed != 0;
  go(Mode::Opening);
  orderly_ = in_order;
  return Action::Take;
}

nanoseconds Leadership::wait() const noexcept {
  const bool closing = mode_ == Mode::Closing && !said_close_;
  const bool nobody = mode_ == Mode::Closed ||
                      (mode_ == Mode::Following && (log_.closed != 0 || log_.holder == colour_));
  return closing || nobody ? kRoundMax / 2 : nanoseconds{};
}

std::string_view to_string(Leadership::Mode mode) noexcept {
  switch (mode) {
    case Leadership::Mode::Following:
      return "following";
    case Leadership::Mode::Opening:
      return "opening";
    case Leadership::Mode::Leading:
      return "leading";
    case Leadership::Mode::Closing:
      return "closing";
    case Leadership::Mode::Closed:
      return "closed";
  }
  return "unknown";
}

std::string_view to_string(Leadership::Action action) noexcept {
  switch (action) {
    case Leadership::Action::None:
      return "none";
    case Leadership::Action::Take:
      return "take";
    case Leadership::Action::Open:
      return "open";
    case Leadership::Action::Lead:
      return "lead";
    case Leadership::Action::Close:
      return "close";
    case Leadership::Action::Drop:
      return "drop";
    case Leadership::Action::Resume:
      return "resume";
  }
  return "unknown";
}

}  // namespace stoa::apps
