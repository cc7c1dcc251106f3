#include "deploy/logged_orders.h"

#include <fmt/core.h>

#include <charconv>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/ids.h"
#include "deploy/load_account.h"
#include "deploy/load_plan.h"
#include "model/execution.h"
#include "model/order.h"
#include "model/risk.h"
#include "model/types.h"
#include "ops/log_messages.h"
#include "protocol/native/codec.h"
#include "protocol/native/registry.h"

namespace stoa::deploy {
namespace {

/// What the logs say of one of them.
struct Seen {
  std::uint32_t accepted = 0;
  std::uint32_t refused = 0;   // of an id that is there already, too
  std::uint32_t sends = 0;     // to the venue, but for those that it has asked for
  std::uint32_t at_venue = 0;  // taken there
  bool answered = false;       // by the venue, in whatever way
  bool ended = false;
};

class Search {
 public:
  Search(std::string_view prefix, std::size_t orders) : prefix_{prefix}, seen_(orders) {}

  Result<void> read(const OrderLogs& logs) {
    const bool venue_in_log = logs.venue.empty();
    auto done = ops::for_each_message(logs.execution, logs.after,
                                      [&](Lsn lsn, const native::MessageView& message) {
                                        ++found_.records;
                                        take(lsn, message);
                                        if (venue_in_log && message.is<ExecutionReport>()) {
                                          take_venue(message.as<ExecutionReport>());
                                        }
                                      });
    if (!done || venue_in_log) return done;
    return ops::for_each_message(logs.venue, Lsn{}, [&](Lsn, const native::MessageView& message) {
      if (message.is<ExecutionReport>()) take_venue(message.as<ExecutionReport>());
    });
  }

  LoggedOrders judge(std::span<const Fate> fates) {
    for (std::size_t i = 0; i < seen_.size(); ++i) {
      const Seen& seen = seen_[i];
      found_.in_log += seen.accepted > 0 ? 1U : 0U;
      found_.refused += seen.accepted == 0 && seen.refused > 0 ? 1U : 0U;
      found_.at_venue += seen.answered ? 1U : 0U;
      if (const auto why = doubled(seen, fates[i])) {
        ++found_.doubled;
        note(i, *why);
      } else if (const auto what = lost(seen, fates[i])) {
        ++found_.lost;
        note(i, *what);
      }
    }
    return std::move(found_);
  }

 private:
  static std::optional<std::string_view> doubled(const Seen& seen, Fate fate) {
    if (seen.accepted > 1) return "accepted twice";
    if (seen.sends > 1) return "sent to the venue twice";
    if (seen.at_venue > 1) return "at the venue twice";
    const bool gone = fate == Fate::Absent || fate == Fate::Refused || fate == Fate::Unsent;
    if (gone && seen.accepted > 0) return "told that it is not there, and accepted";
    return std::nullopt;
  }
  static std::optional<std::string_view> lost(const Seen& seen, Fate fate) {
    if (fate == Fate::Taken && seen.accepted == 0) return "acknowledged, and not in the log";
    if (seen.accepted > 0 && !seen.answered && !seen.ended) {
      return "in the log, and not at the venue";
    }
    return std::nullopt;
  }
  void note(std::size_t order, std::string_view what) {
    if (found_.first.empty()) {
      found_.first = fmt::format("{}: {}", load_order_id(prefix_, order), what);
    }
  }

  /// The place of "PREFIX-17", if it is one of ours.
  [[nodiscard]] std::optional<std::size_t> place_of(std::string_view id) const {
    if (!id.starts_with(prefix_) || id.size() <= prefix_.size() + 1 || id[prefix_.size()] != '-') {
      return std::nullopt;
    }
    const std::string_view digits = id.substr(prefix_.size() + 1);
    std::size_t place = 0;
    const auto [end, error] = std::from_chars(digits.begin(), digits.end(), place);
    if (error != std::errc{} || end != digits.end() || place >= seen_.size()) return std::nullopt;
    return place;
  }
  [[nodiscard]] Seen* of(std::uint64_t cl_ord_id) {
    const auto at = intents_.find(cl_ord_id);
    return at == intents_.end() ? nullptr : &seen_[at->second];
  }

  void take(Lsn lsn, const native::MessageView& message) {
    using native::Wire;
    switch (message.type()) {
      case Wire<OrderIntent>::kType:
        if (const auto place = place_of(message.as<OrderIntent>().client_order_id.view())) {
          intents_.emplace(lsn.value(), *place);
        }
        return;
      case Wire<RiskDecision>::kType: {
        const auto decision = message.as<RiskDecision>();
        Seen* seen = of(decision.intent.value());
        if (seen == nullptr) return;
        ++(decision.accepted != 0 ? seen->accepted : seen->refused);
        return;
      }
      case Wire<OrderSend>::kType: {
        const auto send = message.as<OrderSend>();
        Seen* seen = of(send.cl_ord_id.value());
        if (seen != nullptr && send.resend == 0) ++seen->sends;
        return;
      }
      case Wire<OrderUpdate>::kType: {
        const auto update = message.as<OrderUpdate>();
        Seen* seen = of(update.intent.value());
        if (seen != nullptr && is_terminal(update.status)) seen->ended = true;
        return;
      }
      default:
        return;
    }
  }

  void take_venue(const ExecutionReport& report) {
    Seen* seen = of(report.cl_ord_id.value());
    if (seen == nullptr || report.exec_type == ExecType::NotFound) return;
    seen->answered = true;
    if (report.exec_type == ExecType::New) ++seen->at_venue;
  }

  std::string prefix_;
  std::vector<Seen> seen_;
  std::unordered_map<std::uint64_t, std::size_t> intents_;  // place by lsn, which is the cl_ord_id
  LoggedOrders found_;
};

}  // namespace

Result<LoggedOrders> find_orders(const OrderLogs& logs, std::string_view prefix,
                                 std::span<const Fate> fates) {
  Search search{prefix, fates.size()};
  if (auto done = search.read(logs); !done) return std::unexpected(std::move(done.error()));
  return search.judge(fates);
}

}  // namespace stoa::deploy
