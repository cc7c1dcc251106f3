#pragma once

// Inputs of every kind for an execution core, sensible and senseless, from a seed: for tests and
// fuzzing. Not part of the library.

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "base/clock.h"
#include "base/ids.h"
#include "base/price.h"
#include "base/qty.h"
#include "base/random.h"
#include "base/text.h"
#include "model/execution.h"
#include "model/instrument.h"
#include "model/order.h"
#include "model/risk.h"
#include "model/system.h"
#include "model/types.h"
#include "protocol/native/codec.h"
#include "relay/source.h"

namespace stoa::oms::test {

/// A log in the making: `next` answers with one encoded input of the execution domain, `lsn` says
/// its place. The caller tells how many outputs followed, as they take places too.
class RandomInputs {
 public:
  explicit RandomInputs(std::uint64_t seed) : random_{seed} {}

  [[nodiscard]] Lsn lsn() const noexcept { return Lsn{lsn_}; }
  void outputs_followed(std::size_t count) noexcept { lsn_ += count; }

  std::span<const std::byte> next() {
    now_ = now_ + nanoseconds{random_.between(0, 400'000'000)};
    if (random_.one_in(400)) now_ = now_ + std::chrono::hours{11};
    ++lsn_;
    ++inputs_;
    if (inputs_ <= 2) {
      Instrument rules{.instrument = InstrumentId{static_cast<std::uint32_t>(inputs_)},
                       .tick = px(1),
                       .lot = qty(1)};
      rules.symbol = Symbol::cut("ABC");
      rules.venue = Text<16>::cut("sim");
      return encode(rules);
    }
    if (inputs_ == 3) return encode(CashMovement{.amount = px(1'000'000)});
    switch (random_.below(20)) {
      case 0:
      case 1:
      case 2:
      case 3:
      case 4:
        return new_order();
      case 5:
        return encode(CancelIntent{.orig_cl_ord_id = some_id()});
      case 6:
        return encode(ReplaceIntent{.orig_cl_ord_id = some_id(),
                                    .px = px(random_.between(0, 105)),
                                    .qty = qty(random_.between(0, 9))});
      case 7:
        return rarely();
      case 8:
      case 9:
      case 10:
        return encode(Mark{.instrument = instrument(),
                           .bid = px(99),
                           .ask = px(random_.between(100, 103)),
                           .last = px(100)});
      default:
        return report();
    }
  }

 private:
  static Price px(std::int64_t units) { return Price::from_e8(units * 100'000'000); }
  static Qty qty(std::int64_t units) { return Qty::from_e8(units * 100'000'000); }

  template <native::Message M>
  std::span<const std::byte> encode(const M& message) {
    const std::size_t size =
        native::encode(bytes_,
                       {.domain = native::Domain::Execution,
                        .source = static_cast<std::uint8_t>(relay::Source::System),
                        .sequence = inputs_,
                        .timestamp = now_},
                       message);
    return std::span{bytes_}.first(size);
  }

  InstrumentId instrument() {
    return InstrumentId{static_cast<std::uint32_t>(random_.between(1, 3))};
  }
  /// Of one of the last requests, mostly; sometimes of nothing.
  ClOrdId some_id() {
    if (ids_.empty() || random_.one_in(50)) return ClOrdId{random_.below(lsn_ + 5)};
    const std::size_t near = std::min<std::size_t>(ids_.size(), 60);
    return ids_[ids_.size() - 1 - random_.below(near)];
  }

  std::span<const std::byte> new_order() {
    ids_.emplace_back(lsn_);
    OrderIntent intent{.instrument = instrument(),
                       .strategy = StrategyId{static_cast<std::uint16_t>(random_.below(4))},
                       .side = random_.one_in(2) ? Side::Buy : Side::Sell,
                       .type = random_.one_in(5) ? OrderType::Market : OrderType::Limit,
                       .px = px(random_.between(95, 105)),
                       .qty = qty(random_.between(1, 9))};
    // One name in thirty has been used before.
    const std::uint64_t name = random_.one_in(30) ? random_.below(inputs_) : inputs_;
    std::array<char, 24> text{};
    for (std::size_t i = 0; i < 16; ++i) text[i] = "0123456789abcdef"[(name >> (4 * i)) & 15U];
    intent.client_order_id = ClientOrderId::cut({text.data(), 16});
    if (intent.type == OrderType::Market) intent.px = Price{};
    return encode(intent);
  }

  std::span<const std::byte> report() {
    const ClOrdId id = some_id();
    ExecutionReport said{.cl_ord_id = id,
                         .order_id = OrderId{id.value() + 1'000},
                         .instrument = instrument(),
                         .ts_event = now_};
    switch (random_.below(10)) {
      case 0:
      case 1:
        said.exec_type = ExecType::New;
        break;
      case 2:
      case 3:
      case 4:
        said.exec_type = ExecType::Trade;
        // One execution in ten comes again.
        said.exec_id = ExecId{random_.one_in(10) ? random_.below(exec_id_ + 1) : ++exec_id_};
        said.last_px = px(random_.between(95, 105));
        said.last_qty = qty(random_.between(1, 4));
        said.fee = Price::from_e8(random_.between(-10, 1'000'000));
        said.liquidity = Liquidity::Maker;
        break;
      case 5:
        said.exec_type = ExecType::OrderStatus;
        said.leaves_qty = qty(random_.between(0, 3));
        said.cum_qty = qty(random_.between(0, 3));
        break;
      case 6:
        said.exec_type = ExecType::NotFound;
        break;
      default:
        said.exec_type = static_cast<ExecType>(random_.below(kExecTypes));
        if (random_.one_in(2)) {
          said.orig_cl_ord_id = id;
          said.cl_ord_id = some_id();
        }
        if (said.exec_type == ExecType::Trade) said.exec_type = ExecType::Canceled;
        said.code = static_cast<RejectCode>(random_.below(kRejectCodes));
    }
    return encode(said);
  }

  std::span<const std::byte> rarely() {
    switch (random_.below(12)) {
      case 0:
        return encode(KillSwitch{.active = static_cast<std::uint8_t>(random_.below(2))});
      case 1: {
        VenueSession session{.up = static_cast<std::uint8_t>(random_.below(2))};
        session.venue = Text<16>::cut("sim");
        return encode(session);
      }
      case 2:
        return encode(CancelAllIntent{.instrument = instrument()});
      case 3:
        return encode(LimitSet{.kind = static_cast<LimitKind>(random_.below(kLimitKinds)),
                               .value_e8 = random_.between(1, 100'000) * 100'000'000});
      case 4:
        return encode(RunStarted{.run = inputs_});
      case 5:
        return encode(CashMovement{.amount = px(random_.between(-100, 100))});
      default:
        return strategy_command();
    }
  }

  /// Of one of three strategies called s1 to s3; parameters are those of the market maker.
  std::span<const std::byte> strategy_command() {
    const auto id = static_cast<std::uint16_t>(random_.between(1, 3));
    const std::array<char, 2> name{'s', static_cast<char>('0' + id)};
    StrategyCommand command{.strategy = StrategyId{id},
                            .action = static_cast<StrategyAction>(random_.below(kStrategyActions))};
    command.name = Text<24>::cut({name.data(), name.size()});
    command.reason = Text<120>::cut("at random");
    if (command.action == StrategyAction::SetParameter) {
      command.parameter = Text<24>::cut(random_.one_in(2) ? "half_spread_bps" : "order_notional");
      command.value_e8 = random_.between(1, 20) * 100'000'000;
    }
    return encode(command);
  }

  Random random_;
  Timestamp now_ = Timestamp::from_ns(1'700'000'000'000'000'000);
  std::uint64_t lsn_ = 0;
  std::uint64_t inputs_ = 0;
  std::uint64_t exec_id_ = 0;
  std::vector<ClOrdId> ids_;
  std::array<std::byte, native::kSmallMessageBytes> bytes_{};
};

}  // namespace stoa::oms::test
