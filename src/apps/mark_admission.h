#pragma once

#include "base/clock.h"
#include "model/instrument.h"
#include "model/order.h"
#include "model/risk.h"
#include "protocol/native/codec.h"
#include "relay/admission.h"
#include "relay/mark_keeper.h"
#include "relay/source.h"

namespace stoa::apps {

/// Puts the market into the execution log where orders are judged by it. Market-data tells it as
/// words of the moment, and so does the execution role which instruments there are.
class MarkAdmission final : public relay::Admission {
 public:
  Verdict consider(const native::MessageView& message, Timestamp now,
                   relay::Insert& insert) override {
    const bool of_the_moment = (message.header().flags & native::kFlagProbe) != 0;
    if (message.is<Instrument>()) {
      marks_.on_instrument(message.as<Instrument>().instrument);
      return of_the_moment ? Verdict::Swallow : Verdict::Pass;
    }
    if (of_the_moment && message.is<Mark>()) {
      marks_.on_mark(message.as<Mark>());
      return Verdict::Swallow;
    }
    if (of_the_moment && message.is<OrderIntent>()) {
      // The question is judged by the market of this moment: it goes ahead of it.
      insert.add(relay::Source::Market, now, marks_.latest(message.as<OrderIntent>().instrument),
                 /*awaited=*/false, native::kFlagProbe);
      return Verdict::Pass;
    }
    if (const auto mark = marks_.due_before(message, now)) {
      insert.add(relay::Source::Market, now, *mark, /*awaited=*/false);
    }
    return Verdict::Pass;
  }
  void poll(Timestamp now, relay::Insert& insert) override {
    marks_.take_old(now, [&](const Mark& mark) {
      insert.add(relay::Source::Market, now, mark, /*awaited=*/false);
    });
  }

 private:
  relay::MarkKeeper marks_;
};

}  // namespace stoa::apps
