#include "tests/simulation/audit.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <expected>
#include <filesystem>
#include <istream>
#include <iterator>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "apps/replay.h"
#include "base/error.h"
#include "base/ids.h"
#include "model/execution.h"
#include "model/order.h"
#include "model/risk.h"
#include "model/types.h"
#include "ops/log_messages.h"
#include "protocol/json/flat_value.h"
#include "protocol/json/writer.h"
#include "protocol/native/codec.h"
#include "protocol/native/registry.h"

namespace stoa::simulation {
namespace {

constexpr std::array<std::string_view, kFaults> kNames{
    "lost_order",        "lost_end",         "lost_trade",    "lost_decision",  "doubled_order",
    "doubled_send",      "doubled_at_venue", "doubled_fill",  "doubled_report", "invented_send",
    "invented_at_venue", "invented_trade",   "invented_fill", "invented_order", "sequence_gap",
    "sequence_repeated", "position_wrong",   "output_differs"};

constexpr std::size_t kSources = 256;  // any byte: the decoder lets it through

/// What the log says of one accepted order, by the lsn of its intent.
struct LoggedOrder {
  OrdStatus status = OrdStatus::PendingNew;
  std::int64_t cum_qty_e8 = 0;
};

struct Held {
  std::int64_t bought_e8 = 0;
  std::int64_t sold_e8 = 0;
  std::int64_t fees_e8 = 0;
  friend bool operator==(const Held&, const Held&) = default;
};
/// Instrument, and strategy where it is a strategy's own book; 0 is the account's.
using BookId = std::pair<std::uint32_t, std::uint16_t>;

class Audit {
 public:
  Result<AuditReport> run(const std::filesystem::path& data, std::istream& told) {
    if (auto done = read_log(data / "wal"); !done) return std::unexpected(done.error());
    const auto venue = data / "venue";
    report_.venue_has_log = std::filesystem::is_directory(venue / "reports");
    if (report_.venue_has_log) {
      if (auto done = read_venue_orders(venue / "orders"); !done) {
        return std::unexpected(done.error());
      }
      if (auto done = read_venue_reports(venue / "reports"); !done) {
        return std::unexpected(done.error());
      }
      compare_trades();
    }
    compare_positions();
    compare_told(told);
    if (auto done = derive(data / "wal"); !done) return std::unexpected(done.error());
    return std::move(report_);
  }

 private:
  void found(Fault fault, std::string example) {
    AuditReport::Found& at = report_.found[static_cast<std::size_t>(fault)];
    if (++at.count == 1) at.first = std::move(example);
  }

  // --- the execution log

  Result<void> read_log(const std::filesystem::path& dir) {
    auto done = ops::for_each_message(dir, Lsn{}, [&](Lsn lsn, const native::MessageView& message) {
      if (report_.log_first_lsn == 0) {
        report_.log_first_lsn = lsn.value();
      } else if (lsn.value() != last_lsn_ + 1) {
        found(Fault::SequenceGap, fmt::format("lsn {} behind {}", lsn.value(), last_lsn_));
      }
      last_lsn_ = lsn.value();
      ++report_.records;
      check_sequence(lsn, message.header());
      take(lsn, message);
    });
    if (!done) return done;
    // Decisions come in the order of the intents. A crash may cut off the last of them, and the
    // next start derives those again.
    for (const auto& [lsn, id] : undecided_) {
      if (lsn < last_decided_) found(Fault::LostDecision, fmt::format("record {}, {}", lsn, id));
    }
    return {};
  }

  void check_sequence(Lsn lsn, const native::Header& header) {
    std::uint64_t& last = last_sequence_[header.source];
    if (last == 0 && report_.log_first_lsn > 1) last = header.sequence - 1;  // retention cut it
    if (header.sequence <= last) {
      found(Fault::SequenceRepeated, fmt::format("record {}, source {}: {} behind {}", lsn.value(),
                                                 header.source, header.sequence, last));
      return;
    }
    if (header.sequence != last + 1) {
      found(Fault::SequenceGap, fmt::format("record {}, source {}: {} behind {}", lsn.value(),
                                            header.source, header.sequence, last));
    }
    last = header.sequence;
  }

  void take(Lsn lsn, const native::MessageView& message) {
    using native::Wire;
    switch (message.type()) {
      case Wire<OrderIntent>::kType:
        undecided_.emplace(lsn.value(), message.as<OrderIntent>().client_order_id.view());
        return;
      case Wire<ReplaceIntent>::kType:
        replaces_.insert(lsn.value());
        return;
      case Wire<RiskDecision>::kType:
        return on(lsn, message.as<RiskDecision>());
      case Wire<OrderSend>::kType:
        return on(lsn, message.as<OrderSend>());
      case Wire<ReplaceSend>::kType:
        return on(lsn, message.as<ReplaceSend>());
      case Wire<OrderUpdate>::kType: {
        const auto update = message.as<OrderUpdate>();
        orders_[update.intent.value()] = {.status = update.status,
                                          .cum_qty_e8 = update.cum_qty.e8()};
        return;
      }
      case Wire<ExecutionReport>::kType: {
        const auto report = message.as<ExecutionReport>();
        if (report.exec_type == ExecType::Trade &&
            !reported_.insert(report.exec_id.value()).second) {
          found(Fault::DoubledReport,
                fmt::format("record {}, exec_id {}", lsn.value(), report.exec_id.value()));
        }
        return;
      }
      case Wire<Fill>::kType:
        return on(lsn, message.as<Fill>());
      case Wire<PositionUpdate>::kType: {
        const auto update = message.as<PositionUpdate>();
        const std::uint16_t strategy = update.strategy_book != 0 ? update.strategy.value() : 0;
        positions_[{update.instrument.value(), strategy}] = {.bought_e8 = update.bought_qty.e8(),
                                                             .sold_e8 = update.sold_qty.e8(),
                                                             .fees_e8 = update.fees.e8()};
        return;
      }
      default:
        return;
    }
  }

  void on(Lsn lsn, const RiskDecision& decision) {
    last_decided_ = std::max(last_decided_, decision.intent.value());
    const auto intent = undecided_.find(decision.intent.value());
    if (intent == undecided_.end()) return;  // of a cancel or a replace
    if (decision.accepted != 0) {
      ++report_.orders;
      const auto [at, is_new] = accepted_.emplace(intent->second, intent->first);
      if (!is_new) {
        found(Fault::DoubledOrder,
              fmt::format("{}: records {} and {}", intent->second, at->second, lsn.value()));
      }
      intents_.insert(intent->first);
    }
    undecided_.erase(intent);
  }

  void on(Lsn lsn, const OrderSend& send) {
    ++report_.sends;
    const std::uint64_t id = send.cl_ord_id.value();
    if (!intents_.contains(id) && !replaces_.contains(id)) {
      found(Fault::InventedSend, fmt::format("record {}, cl_ord_id {}", lsn.value(), id));
    }
    if (!sent_.insert(id).second && send.resend == 0) {
      found(Fault::DoubledSend, fmt::format("record {}, cl_ord_id {}", lsn.value(), id));
    }
  }
  void on(Lsn lsn, const ReplaceSend& send) {
    const std::uint64_t id = send.cl_ord_id.value();
    if (!replaces_.contains(id)) {
      found(Fault::InventedSend, fmt::format("record {}, replace {}", lsn.value(), id));
    }
    sent_.insert(id);  // the core may ask the same again of a venue that came back
  }

  void on(Lsn lsn, const Fill& fill) {
    ++report_.fills;
    const std::uint64_t exec_id = fill.exec_id.value();
    if (!filled_.insert(exec_id).second) {
      found(Fault::DoubledFill, fmt::format("record {}, exec_id {}", lsn.value(), exec_id));
    }
    if (!reported_.contains(exec_id) || !intents_.contains(fill.intent.value())) {
      found(Fault::InventedFill, fmt::format("record {}, exec_id {}, order {}", lsn.value(),
                                             exec_id, fill.client_order_id.view()));
    }
    for (const std::uint16_t strategy : {std::uint16_t{0}, fill.strategy.value()}) {
      Held& held = held_[{fill.instrument.value(), strategy}];
      (fill.side == Side::Buy ? held.bought_e8 : held.sold_e8) += fill.qty.e8();
      held.fees_e8 += fill.fee.e8();
      if (fill.strategy.value() == 0) break;
    }
  }

  void compare_positions() {
    if (report_.log_first_lsn > 1) return;  // retention took fills with it
    for (const auto& [book, held] : held_) {
      const auto at = positions_.find(book);
      if (at != positions_.end() && at->second == held) continue;
      const Held told = at == positions_.end() ? Held{} : at->second;
      found(Fault::PositionWrong,
            fmt::format("instrument {}, strategy {}: fills bought {} sold {} fees {}, position {} "
                        "{} {} (e8)",
                        book.first, book.second, held.bought_e8, held.sold_e8, held.fees_e8,
                        told.bought_e8, told.sold_e8, told.fees_e8));
    }
    for (const auto& [book, position] : positions_) {
      if (!held_.contains(book) && position != Held{}) {
        found(Fault::PositionWrong,
              fmt::format("instrument {}, strategy {}: a position without a fill", book.first,
                          book.second));
      }
    }
  }

  Result<void> derive(const std::filesystem::path& dir) {
    const auto replay = apps::verify_replay(dir);
    if (!replay) return std::unexpected(replay.error());
    report_.outputs_compared = replay->outputs_compared;
    auto& at = report_.found[static_cast<std::size_t>(Fault::OutputDiffers)];
    at.count = replay->mismatches + replay->checkpoints_differ;
    at.first = replay->mismatches > 0 ? replay->first_mismatch : replay->first_checkpoint_fault;
    return {};
  }

  // --- the venue

  Result<void> read_venue_orders(const std::filesystem::path& dir) {
    return ops::for_each_message(dir, Lsn{}, [&](Lsn lsn, const native::MessageView& message) {
      if (!message.is<OrderSend>()) return;
      const std::uint64_t id = message.as<OrderSend>().cl_ord_id.value();
      if (!sent_.contains(id)) {
        found(Fault::InventedAtVenue,
              fmt::format("venue orders {}, cl_ord_id {} asked for", lsn.value(), id));
      }
    });
  }

  Result<void> read_venue_reports(const std::filesystem::path& dir) {
    return ops::for_each_message(dir, Lsn{}, [&](Lsn lsn, const native::MessageView& message) {
      if (!message.is<ExecutionReport>()) return;
      const auto report = message.as<ExecutionReport>();
      const std::uint64_t id = report.cl_ord_id.value();
      if (report.exec_type == ExecType::New) {
        ++report_.venue_accepted;
        if (!at_venue_.insert(id).second) {
          found(Fault::DoubledAtVenue,
                fmt::format("venue reports {}, cl_ord_id {}", lsn.value(), id));
        }
        if (!sent_.contains(id)) {
          found(Fault::InventedAtVenue,
                fmt::format("venue reports {}, cl_ord_id {} accepted", lsn.value(), id));
        }
      }
      if (report.exec_type == ExecType::Trade) {
        ++report_.venue_trades;
        if (!traded_.emplace(report.exec_id.value(), lsn.value()).second) {
          found(Fault::DoubledReport,
                fmt::format("venue reports {}, exec_id {}", lsn.value(), report.exec_id.value()));
        }
      }
    });
  }

  void compare_trades() {
    std::uint64_t newest = 0;  // place at the venue of the newest trade that the log holds
    for (const std::uint64_t exec_id : reported_) {
      const auto at = traded_.find(exec_id);
      if (at == traded_.end()) {
        found(Fault::InventedTrade, fmt::format("exec_id {}", exec_id));
      } else {
        newest = std::max(newest, at->second);
      }
    }
    for (const auto& [exec_id, place] : traded_) {
      if (reported_.contains(exec_id)) continue;
      if (place > newest) {
        ++report_.venue_trades_behind;
      } else {
        found(Fault::LostTrade, fmt::format("venue reports {}, exec_id {}", place, exec_id));
      }
    }
  }

  // --- the client

  void compare_told(std::istream& lines) {
    for (std::string line; std::getline(lines, line);) {
      const std::string id{json::flat_value(line, "order")};
      const std::string_view told = json::flat_value(line, "told");
      const auto at = accepted_.find(id);
      if (told == "acknowledged" || told == "present") {
        ++report_.told;
        const std::string_view code = json::flat_value(line, "code");
        // "Present" may also be a refused order, which is there too.
        if (told == "present" && !code.empty() && code != "duplicate_client_order_id") continue;
        ++report_.acknowledged;
        const std::string_view cl_ord_id = json::flat_value(line, "cl_ord_id");
        if (at == accepted_.end()) {
          found(Fault::LostOrder, id);
        } else if (told == "acknowledged" && number_of(cl_ord_id) != at->second) {
          found(Fault::LostOrder,
                fmt::format("{}: told {}, the log has {}", id, cl_ord_id, at->second));
        }
      } else if (told == "absent" || told == "refused") {
        ++report_.told;
        if (at != accepted_.end()) {
          found(Fault::InventedOrder,
                fmt::format("{} was {} and is record {}", id, told, at->second));
        }
      } else if (told == "ended") {
        compare_end(id, at == accepted_.end() ? 0 : at->second, json::flat_value(line, "status"),
                    json::flat_value(line, "filled"));
      }
    }
  }

  /// A terminal state is final; only a fill that was under way may still be counted.
  void compare_end(const std::string& id, std::uint64_t intent, std::string_view status,
                   std::string_view filled) {
    static constexpr auto kTerminal =
        std::to_array<std::pair<std::string_view, OrdStatus>>({{"filled", OrdStatus::Filled},
                                                               {"canceled", OrdStatus::Canceled},
                                                               {"rejected", OrdStatus::Rejected},
                                                               {"expired", OrdStatus::Expired}});
    const auto wanted = std::ranges::find(kTerminal, status, [](const auto& e) { return e.first; });
    if (wanted == kTerminal.end()) return;
    const auto order = orders_.find(intent);
    if (order == orders_.end() || order->second.status != wanted->second) {
      found(Fault::LostEnd,
            fmt::format("{}: told {} (filled {}), the log ends with status {}", id, status, filled,
                        order == orders_.end() ? -1 : static_cast<int>(order->second.status)));
    }
  }

  /// "S-26888": the environment's letter, then the lsn.
  [[nodiscard]] static std::uint64_t number_of(std::string_view cl_ord_id) {
    const auto dash = cl_ord_id.rfind('-');
    return std::strtoull(std::string{cl_ord_id.substr(dash + 1)}.c_str(), nullptr, 10);
  }

  AuditReport report_;
  std::uint64_t last_lsn_ = 0;
  std::uint64_t last_decided_ = 0;
  std::array<std::uint64_t, kSources> last_sequence_{};
  std::unordered_map<std::uint64_t, std::string> undecided_;  // client_order_id by lsn
  std::unordered_map<std::string, std::uint64_t> accepted_;   // lsn by client_order_id
  std::unordered_set<std::uint64_t> intents_;                 // accepted
  std::unordered_set<std::uint64_t> replaces_;
  std::unordered_map<std::uint64_t, LoggedOrder> orders_;
  std::unordered_set<std::uint64_t> sent_;
  std::unordered_set<std::uint64_t> reported_;  // exec_ids of trade reports in the log
  std::unordered_set<std::uint64_t> filled_;
  std::map<BookId, Held> held_;       // sums of fills
  std::map<BookId, Held> positions_;  // as the log tells them last
  std::unordered_set<std::uint64_t> at_venue_;
  std::unordered_map<std::uint64_t, std::uint64_t> traded_;  // place at the venue by exec_id
};

}  // namespace

std::string_view to_string(Fault fault) noexcept { return kNames[static_cast<std::size_t>(fault)]; }

std::uint64_t AuditReport::faults() const noexcept {
  std::uint64_t sum = 0;
  for (const Found& each : found) sum += each.count;
  return sum;
}

Result<AuditReport> audit(const std::filesystem::path& data, std::istream& told) {
  return Audit{}.run(data, told);
}

std::string to_json(const AuditReport& report) {
  std::string text;
  json::Writer json{text};
  json.begin_object();
  json.field("records", report.records);
  json.field("first_lsn", report.log_first_lsn);
  json.field("told", report.told);
  json.field("acknowledged", report.acknowledged);
  json.field("orders", report.orders);
  json.field("sends", report.sends);
  json.field("fills", report.fills);
  json.field("outputs_compared", report.outputs_compared);
  json.field("venue_has_log", report.venue_has_log);
  json.field("venue_accepted", report.venue_accepted);
  json.field("venue_trades", report.venue_trades);
  json.field("venue_trades_behind", report.venue_trades_behind);
  json.field("faults", report.faults());
  json.key("found");
  json.begin_object();
  for (std::size_t i = 0; i < kFaults; ++i) {
    json.key(kNames[i]);
    json.begin_object();
    json.field("count", report.found[i].count);
    json.field("first", std::string_view{report.found[i].first});
    json.end_object();
  }
  json.end_object();
  json.end_object();
  return text;
}

std::string to_text(const AuditReport& report) {
  std::string text = fmt::format(
      "{} records, {} orders accepted, {} told of, {} acknowledged, {} sends, {} fills, {} outputs "
      "derived again\n",
      report.records, report.orders, report.told, report.acknowledged, report.sends, report.fills,
      report.outputs_compared);
  if (report.venue_has_log) {
    text += fmt::format("venue: {} orders accepted, {} trades, {} of them behind the log's end\n",
                        report.venue_accepted, report.venue_trades, report.venue_trades_behind);
  }
  for (std::size_t i = 0; i < kFaults; ++i) {
    if (report.found[i].count == 0) continue;
    text += fmt::format("{:<18} {:>8}  first: {}\n", kNames[i], report.found[i].count,
                        report.found[i].first);
  }
  text += report.faults() == 0 ? "nothing lost, doubled or invented\n" : "";
  return text;
}

}  // namespace stoa::simulation
