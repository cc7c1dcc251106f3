#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/check.h"
#include "base/error.h"
#include "base/ids.h"
#include "base/state_hash.h"
#include "base/state_io.h"
#include "model/instrument.h"
#include "model/risk.h"
#include "model/types.h"
#include "oms/enums_known.h"
#include "oms/execution_core.h"
#include "oms/order_table.h"
#include "oms/position.h"
#include "risk/order_rate.h"

// The core's state as bytes, for checkpoints. One state has one form, whatever way led to it: lists
// in their order, indices and slots left out, so that two cores are equal when their bytes are.
namespace stoa::oms {
namespace {

constexpr std::uint32_t kStateMagic = 0x45524F43;  // "CORE" in memory
constexpr std::uint32_t kStateVersion = 1;

std::unexpected<Error> refuse(std::string message) {
  return std::unexpected(
      Error{.code = ErrorCode::Damaged, .message = std::move(message), .source = "core state"});
}

void put(StateWriter& to, const Position& position) {
  to.put(position.qty);
  to.put(position.cost_e16);
  to.put(position.realized_e16);
  to.put(position.fees_e16);
  to.put(position.bought);
  to.put(position.sold);
}

Position take_position(StateReader& from) noexcept {
  Position position;
  from.take(position.qty);
  from.take(position.cost_e16);
  from.take(position.realized_e16);
  from.take(position.fees_e16);
  from.take(position.bought);
  from.take(position.sold);
  return position;
}

bool is_untouched(const Position& position) noexcept {
  return position.bought.is_zero() && position.sold.is_zero() && position.fees_e16 == 0 &&
         position.realized_e16 == 0 && position.cost_e16 == 0 && position.qty.is_zero();
}

void put(StateWriter& to, const Order& order) {
  to.put(order.state);
  to.put(order.request);
  to.put(order.replace_px);
  to.put(order.replace_qty);
  to.put(order.reserved);
  to.put(static_cast<std::uint8_t>(order.before_request));
  to.put(static_cast<std::uint8_t>(order.cl_ord_id_count));
  for (std::uint32_t i = 0; i < order.cl_ord_id_count; ++i) to.put(order.cl_ord_ids[i]);
}

/// The order, or why it is none.
std::expected<Order, std::string_view> take_order(StateReader& from) noexcept {
  Order order;
  from.take(order.state);
  from.take(order.request);
  from.take(order.replace_px);
  from.take(order.replace_qty);
  from.take(order.reserved);
  const auto before = from.take<std::uint8_t>();
  order.cl_ord_id_count = from.take<std::uint8_t>();
  if (!from.ok()) return std::unexpected("it ends early");
  if (before >= kOrdStatuses || !enums_known(order.state)) {
    return std::unexpected("an enumerator is not known to this build");
  }
  order.before_request = static_cast<OrdStatus>(before);
  if (order.cl_ord_id_count == 0 || order.cl_ord_id_count > order.cl_ord_ids.size()) {
    return std::unexpected("it has an impossible number of ids");
  }
  for (std::uint32_t i = 0; i < order.cl_ord_id_count; ++i) from.take(order.cl_ord_ids[i]);
  return order;
}

}  // namespace

void ExecutionCore::save(std::vector<std::byte>& to) const {
  check(outputs_.count() == 0, "a state is saved between inputs, when every output is recorded");
  StateWriter out{to};
  out.put(kStateMagic);
  out.put(kStateVersion);
  out.put(std::uint64_t{orders_.capacity()});
  out.put(std::uint64_t{kInstrumentsMax});
  out.put(std::uint64_t{kStrategiesMax});
  out.put(std::uint64_t{ExecIds::kRemembered});

  out.put(now_);
  out.put(inputs_);
  out.put(outputs_.sequence());
  out.put(outputs_.rolling().value());
  out.put(run_);
  out.put(unknown_reports_);
  out.put(cash_e16_);
  out.put(deposits_e16_);
  out.put(day_start_equity_e16_);
  out.put(day_);
  out.put(static_cast<std::uint8_t>(kill_active_ ? 1 : 0));
  for (std::uint8_t i = 0; i < kLimitKinds; ++i) out.put(limits_.e8(static_cast<LimitKind>(i)));
  for (const risk::OrderRate& rate : rates_) out.put(rate.full_until_ns());
  out.put(strategy_runs_);

  out.put(std::uint32_t(instruments_.size()));
  for (const InstrumentState& at : instruments_) {
    out.put(at.rules);
    out.put(at.mark);
    put(out, at.position);
    out.put(at.open_buy);
    out.put(at.open_sell);
    out.put(at.told);
  }
  out.put(std::uint32_t(std::ranges::count_if(
      strategy_books_, [](const Position& book) { return !is_untouched(book); })));
  for (std::size_t place = 0; place < strategy_books_.size(); ++place) {
    if (is_untouched(strategy_books_[place])) continue;
    out.put(std::uint32_t(place));
    put(out, strategy_books_[place]);
  }
  exec_ids_.save(out);
  out.put(std::uint64_t{orders_.open_count()});
  out.put(std::uint64_t{orders_.closed_count()});
  orders_.for_each_open([&](const Order& order) { put(out, order); });
  orders_.for_each_closed([&](const Order& order) { put(out, order); });
}

Result<void> ExecutionCore::load(std::span<const std::byte> from) {
  check(inputs_ == 0, "a state is loaded into a fresh core");
  StateReader in{from};
  if (in.take<std::uint32_t>() != kStateMagic) return refuse("these bytes are no state of a core");
  if (const auto version = in.take<std::uint32_t>(); version != kStateVersion) {
    return refuse(fmt::format("the state is of version {}, this build reads {}; replay the log",
                              version, kStateVersion));
  }
  const std::array<std::uint64_t, 4> wanted{orders_.capacity(), kInstrumentsMax, kStrategiesMax,
                                            ExecIds::kRemembered};
  const auto capacity = in.take<std::array<std::uint64_t, 4>>();
  if (in.ok() && capacity != wanted) {
    return refuse(
        fmt::format("the state is of a core for {} orders, {} instruments, {} strategies and {} "
                    "execution ids, this one is for {}, {}, {} and {}; replay the log",
                    capacity[0], capacity[1], capacity[2], capacity[3], wanted[0], wanted[1],
                    wanted[2], wanted[3]));
  }
  for (const auto part : {&ExecutionCore::load_figures, &ExecutionCore::load_instruments,
                          &ExecutionCore::load_books, &ExecutionCore::load_orders}) {
    const std::string_view trouble = (this->*part)(in);
    if (!in.ok()) return refuse(fmt::format("the state ends early, at byte {}", in.offset()));
    if (!trouble.empty()) return refuse(fmt::format("{}, before byte {}", trouble, in.offset()));
  }
  if (in.left() != 0) {
    return refuse(fmt::format("{} bytes follow the state, at byte {}", in.left(), in.offset()));
  }
  return {};
}

std::string_view ExecutionCore::load_figures(StateReader& in) {
  in.take(now_);
  in.take(inputs_);
  const auto sequence = in.take<std::uint64_t>();
  outputs_.restore(sequence, StateHash::at(in.take<std::uint64_t>()));
  in.take(run_);
  in.take(unknown_reports_);
  in.take(cash_e16_);
  in.take(deposits_e16_);
  in.take(day_start_equity_e16_);
  in.take(day_);
  const auto kill = in.take<std::uint8_t>();
  kill_active_ = kill != 0;
  for (std::uint8_t i = 0; i < kLimitKinds; ++i) {
    limits_.set(static_cast<LimitKind>(i), in.take<std::int64_t>());
  }
  for (risk::OrderRate& rate : rates_) rate = risk::OrderRate::at(in.take<std::int64_t>());
  in.take(strategy_runs_);
  const bool flags =
      kill <= 1 && std::ranges::all_of(strategy_runs_, [](auto r) { return r <= 1; });
  return flags ? "" : "a flag is neither 0 nor 1";
}

std::string_view ExecutionCore::load_instruments(StateReader& in) {
  const auto count = in.take<std::uint32_t>();
  if (count > kInstrumentsMax) return "it has too many instruments";
  for (std::uint32_t i = 0; i < count && in.ok(); ++i) {
    InstrumentState at{.rules = in.take<Instrument>()};
    in.take(at.mark);
    at.position = take_position(in);
    in.take(at.open_buy);
    in.take(at.open_sell);
    in.take(at.told);
    if (!in.ok()) break;
    if (state_of(at.rules.instrument) != nullptr) return "an instrument comes twice";
    instruments_.push_back(at);
  }
  return {};
}

std::string_view ExecutionCore::load_books(StateReader& in) {
  const auto count = in.take<std::uint32_t>();
  std::size_t next = 0;
  for (std::uint32_t i = 0; i < count && in.ok(); ++i) {
    const auto place = in.take<std::uint32_t>();
    const Position book = take_position(in);
    if (!in.ok()) break;
    if (place < next || place >= strategy_books_.size() ||
        place % kInstrumentsMax >= instruments_.size() || is_untouched(book)) {
      return "a strategy's position is out of place";
    }
    strategy_books_[place] = book;
    next = place + 1;
  }
  return {};
}

std::string_view ExecutionCore::load_orders(StateReader& in) {
  if (!exec_ids_.load(in)) return "its execution ids are not those of any core";
  const auto open = in.take<std::uint64_t>();
  const auto closed = in.take<std::uint64_t>();
  if (open > orders_.capacity() || closed > orders_.capacity() - open) {
    return "it has too many orders";
  }
  for (std::uint64_t i = 0; i < open + closed; ++i) {
    const auto order = take_order(in);
    if (!order) return order.error();
    if (!in.ok()) break;
    if (order->is_open() != (i < open)) return "an order is in the wrong list";
    if (!orders_.restore(*order)) return "an order comes twice";
  }
  return {};
}

void ExecutionCore::ExecIds::save(StateWriter& to) const {
  to.put(count_);
  const std::uint64_t kept = std::min<std::uint64_t>(count_, kRemembered);
  for (std::uint64_t i = count_ - kept; i < count_; ++i) to.put(ids_[i % kRemembered]);
}

bool ExecutionCore::ExecIds::load(StateReader& from) {
  const auto count = from.take<std::uint64_t>();
  const std::uint64_t kept = std::min<std::uint64_t>(count, kRemembered);
  if (from.left() / sizeof(std::uint64_t) < kept) {
    from.take_bytes(from.left() + 1);  // it ends early
    return true;
  }
  count_ = count - kept;
  for (std::uint64_t i = 0; i < kept; ++i) {
    if (!insert(ExecId{from.take<std::uint64_t>()})) return false;
  }
  return true;
}

}  // namespace stoa::oms
