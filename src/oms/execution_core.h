#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "base/ids.h"
#include "base/money.h"
#include "base/state_io.h"
#include "model/execution.h"
#include "model/instrument.h"
#include "model/order.h"
#include "model/risk.h"
#include "model/system.h"
#include "oms/order_table.h"
#include "oms/output_buffer.h"
#include "oms/position.h"
#include "protocol/native/codec.h"
#include "risk/limits.h"
#include "risk/order_rate.h"
#include "risk/pre_trade.h"

namespace stoa::oms {

/// Risk gate, order states, positions and cash as one state machine: inputs of the execution log
/// in, outputs out. No clock, no I/O, no thread: time is the timestamp of the input being applied.
/// Applying the same log gives the same outputs and the same hash, bit for bit; that is recovery,
/// audit and "why?" in one.
///
/// Outputs of each input, in this order:
///   OrderIntent      RiskDecision (its checks behind it); accepted: OrderUpdate(pending_new),
///   OrderSend;
///                    refused: OrderUpdate(rejected), or nothing more for a duplicate
///                    client_order_id
///   CancelIntent     RiskDecision; accepted: OrderUpdate(pending_cancel), CancelSend
///   ReplaceIntent    RiskDecision; accepted: OrderUpdate(pending_replace), ReplaceSend
///   CancelAllIntent  OrderUpdate and CancelSend per order
///   ExecutionReport  Trade: Fill, OrderUpdate, PositionUpdate (account; then strategy's),
///   AccountUpdate;
///                    others: OrderUpdate and what follows from it
///   VenueSession     up: OrderQuery per open order; orders without an answer become in_doubt
///   Mark             PositionUpdate and AccountUpdate, at most once a second and instrument
///   KillSwitch       active: OrderUpdate and CancelSend per open order; AccountUpdate
/// and a StateDigest after each 4,096th input.
///
/// One owner. No allocation once constructed, but for a cancel-all of thousands of orders.
class ExecutionCore {
 public:
  struct Capacity {
    std::size_t orders = 131'072;  // open and remembered closed ones
  };

  static constexpr std::size_t kInstrumentsMax = 64;
  static constexpr std::size_t kStrategiesMax = 64;
  static constexpr std::uint64_t kInputsPerDigest = 4'096;

  ExecutionCore() : ExecutionCore(Capacity{}) {}
  explicit ExecutionCore(Capacity capacity);

  /// Applies one durable input; what follows from it waits in `outputs()`. Types that are no inputs
  /// (outputs of an earlier run, unknown ones) change nothing. `lsn` is the input's place.
  void apply(Lsn lsn, const native::MessageView& input);

  [[nodiscard]] OutputBuffer& outputs() noexcept { return outputs_; }

  /// What the gate would say to `intent` at `now` with the market at `mark`; changes nothing.
  [[nodiscard]] risk::Verdict what_if(const OrderIntent& intent, const Mark& mark, Timestamp now);

  /// Appends the whole state to `to`: what `load` needs to go on as if it had applied every input
  /// itself. Only between inputs, with every output taken. Equal states give equal bytes.
  ///
  /// cost    250 bytes per order, 8 per execution id; one pass over them
  void save(std::vector<std::byte>& to) const;
  /// Takes over a saved state. Only on a core that has applied nothing; after an error it is of no
  /// use any more.
  ///
  /// errors  Damaged: cut short, of another version or capacity, or no state of a core; the text
  ///         says which and at which byte
  [[nodiscard]] Result<void> load(std::span<const std::byte> from);

  /// Appends the state to `to` as encoded messages, one behind the other, as if everything had been
  /// said just now: instruments, open orders (oldest first), positions that were ever traded, the
  /// account. For readers that join here; neither counted nor hashed.
  void tell_all(std::vector<std::byte>& to) const;

  // What others may know of the state; valid until the next apply.
  [[nodiscard]] std::uint64_t state_hash() const noexcept;
  [[nodiscard]] std::uint64_t inputs() const noexcept { return inputs_; }
  [[nodiscard]] std::uint64_t run() const noexcept { return run_; }
  [[nodiscard]] bool kill_active() const noexcept { return kill_active_; }
  [[nodiscard]] std::size_t open_orders() const noexcept { return orders_.open_count(); }
  [[nodiscard]] std::uint64_t unknown_reports() const noexcept { return unknown_reports_; }
  [[nodiscard]] const risk::Limits& limits() const noexcept { return limits_; }
  [[nodiscard]] const Instrument* instrument(InstrumentId id) const noexcept;
  /// Last mark applied for the instrument; all zero when none.
  [[nodiscard]] Mark mark(InstrumentId id) const noexcept;
  [[nodiscard]] Position position(InstrumentId id) const noexcept;
  [[nodiscard]] Position strategy_position(StrategyId strategy, InstrumentId id) const noexcept;
  [[nodiscard]] AccountUpdate account() const noexcept;
  [[nodiscard]] const Order* find(const ClientOrderId& id) noexcept { return orders_.find(id); }
  [[nodiscard]] const Order* find(ClOrdId id) noexcept { return orders_.find(id); }
  template <class Visit>
  void for_each_instrument(Visit visit) const {
    for (const InstrumentState& at : instruments_) visit(at.rules);
  }
  template <class Visit>
  void for_each_open(Visit visit) {
    orders_.for_each_open([&](const Order& order) { visit(order); });
  }

 private:
  struct InstrumentState {
    Instrument rules;
    Mark mark{};
    Position position{};
    Qty open_buy{};
    Qty open_sell{};
    Timestamp told{};  // when position and account were last emitted for a mark
  };
  /// Remembers the last execution ids, so that a fill that comes twice counts once.
  class ExecIds {
   public:
    /// False when it was there already.
    bool insert(ExecId id);

    void save(StateWriter& to) const;
    /// False when an id comes twice.
    [[nodiscard]] bool load(StateReader& from);

    static constexpr std::size_t kRemembered = 65'536;

   private:
    FlatIndex index_{kRemembered};
    std::vector<std::uint64_t> ids_ = std::vector<std::uint64_t>(kRemembered);
    std::uint64_t count_ = 0;
  };

  void on(Lsn lsn, const OrderIntent& intent);
  void on(Lsn lsn, const CancelIntent& intent);
  void on(Lsn lsn, const ReplaceIntent& intent);
  void on(const CancelAllIntent& intent);
  void on(const ExecutionReport& report);
  void on(const VenueSession& session);
  void on(const Mark& mark);
  void on(const KillSwitch& command);
  void on(const Instrument& rules);
  void on(const LimitSet& limit);
  void on(const CashMovement& movement);
  void on(const StrategyCommand& command);

  void on_trade(Order& order, const ExecutionReport& report);
  void on_order_status(Order& order, const ExecutionReport& report);
  void on_not_found(Order& order);
  void on_replaced(Order& order, const ExecutionReport& report);
  void on_request_refused(Order& order, const ExecutionReport& report);

  [[nodiscard]] risk::Situation situation(const OrderIntent& intent, const Order* replaced);
  [[nodiscard]] Order* order_of(const ClientOrderId& client, ClOrdId id) noexcept;
  void decide(Lsn lsn, InstrumentId instrument, const risk::Verdict& verdict);
  void send_order(const Order& order, bool resend);
  void start_cancel(Order& order, RejectCode why);
  void send_cancel(const Order& order);
  void send_replace(const Order& order);
  void finish(Order& order, OrdStatus status, RejectCode code);
  void tell(Order& order);
  void tell_position(const InstrumentState& at);
  void tell_strategy_position(StrategyId strategy, const InstrumentState& at);
  [[nodiscard]] static PositionUpdate update_of(const Position& position,
                                                const InstrumentState& at) noexcept;
  void update_reserve(Order& order) noexcept;
  void begin_day(Timestamp now) noexcept;

  // Parts of `load`: what is wrong, or nothing.
  [[nodiscard]] std::string_view load_figures(StateReader& in);
  [[nodiscard]] std::string_view load_instruments(StateReader& in);
  [[nodiscard]] std::string_view load_books(StateReader& in);
  [[nodiscard]] std::string_view load_orders(StateReader& in);

  [[nodiscard]] InstrumentState* state_of(InstrumentId id) noexcept;
  [[nodiscard]] const InstrumentState* state_of(InstrumentId id) const noexcept;
  [[nodiscard]] Position& strategy_book(StrategyId strategy, const InstrumentState& at) noexcept;
  [[nodiscard]] int128 equity_e16() const noexcept;
  [[nodiscard]] static Money worst_exposure(const InstrumentState& at) noexcept;

  OutputBuffer outputs_;
  OrderTable orders_;
  ExecIds exec_ids_;
  risk::Limits limits_;
  std::vector<InstrumentState> instruments_;  // by order of arrival
  std::vector<Position> strategy_books_;      // [strategy * kInstrumentsMax + instrument's place]
  std::array<risk::OrderRate, kStrategiesMax> rates_{};       // by strategy; 0 is the API
  std::array<std::uint8_t, kStrategiesMax> strategy_runs_{};  // 1: started
  int128 cash_e16_ = 0;
  int128 deposits_e16_ = 0;
  int128 day_start_equity_e16_ = 0;
  std::int64_t day_ = 0;  // days since 1970, UTC
  bool kill_active_ = false;
  std::uint64_t run_ = 0;
  std::uint64_t inputs_ = 0;
  std::uint64_t unknown_reports_ = 0;
  Timestamp now_{};
};

}  // namespace stoa::oms
