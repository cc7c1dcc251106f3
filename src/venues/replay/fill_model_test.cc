#include <gtest/gtest.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/decimal.h"
#include "base/ids.h"
#include "base/price.h"
#include "base/qty.h"
#include "book/order_book.h"
#include "model/execution.h"
#include "model/instrument.h"
#include "model/market.h"
#include "model/order.h"
#include "model/types.h"
#include "venues/replay/order_desk.h"

namespace stoa::venues::replay {
namespace {

constexpr InstrumentId kInstrument{1};

Instrument rules() {
  Instrument result{};
  result.instrument = kInstrument;
  result.tick = Price::from_e8(100'000'000);
  result.lot = Qty::from_e8(10'000'000);
  result.maker_fee_e6 = 100;
  result.taker_fee_e6 = 1'000;
  return result;
}

std::vector<std::string> words(std::string_view text, char at) {
  std::vector<std::string> result;
  std::istringstream stream{std::string{text}};
  for (std::string word; std::getline(stream, word, at);) {
    if (!word.empty()) result.push_back(word);
  }
  return result;
}

std::string text_of(std::int64_t e8) { return std::string{DecimalText{e8}.view()}; }

/// Runs a scene that a trader can read. Steps, divided by `|`:
///
///   book 99x5 98x2 / 101x3     the recording shows a whole book (bids / asks); `nobook` takes it
///   away bid 99x4, ask 101x0        the recording changes a level trade sell 2 @ 99 somebody's
///   trade, named by its taker buy A 3 @ 99 [IOC|FOK|GTX], sell A 3 market cancel A, replace A 5 @
///   98
///
/// `played` answers the reports in order: "new A, fill A 2 @ 99 maker, canceled A NoLiquidity".
class Scene {
 public:
  std::string played(std::string_view text) {
    for (const std::string& step : words(text, '|')) {
      play(words(step, ' '));
      now_ = now_ + nanoseconds{1};
      desk_.serve(now_);
    }
    std::string result;
    std::array<ExecutionReport, 64> reports{};
    const std::size_t count = desk_.poll_reports(now_, reports);
    for (std::size_t i = 0; i < count; ++i) result += (i == 0 ? "" : ", ") + told(reports[i]);
    return result;
  }

 private:
  static Level level(const std::string& text) {
    const std::size_t at = text.find('x');
    return {Price::parse(text.substr(0, at)).value_or(Price{}),
            Qty::parse(text.substr(at + 1)).value_or(Qty{})};
  }
  static Price px(const std::string& text) { return Price::parse(text).value_or(Price{}); }
  static Qty qty(const std::string& text) { return Qty::parse(text).value_or(Qty{}); }

  void play(const std::vector<std::string>& step) {
    const std::string& verb = step.front();
    if (verb == "book" || verb == "bid" || verb == "ask") return book(step);
    if (verb == "nobook") {
      book_.clear();
      return desk_.on_book(0, nullptr, now_);
    }
    if (verb == "trade") {
      Trade trade{};
      trade.taker_side = step[1] == "buy" ? Side::Buy : Side::Sell;
      trade.qty = qty(step[2]);
      trade.px = px(step[4]);
      return desk_.on_trade(0, trade, now_);
    }
    if (verb == "cancel") {
      return desk_.enqueue(
          CancelSend{.cl_ord_id = ClOrdId{++ids_}, .orig_cl_ord_id = names_[step[1]]}, now_);
    }
    if (verb == "replace") {
      const ReplaceSend replace{.cl_ord_id = ClOrdId{++ids_},
                                .orig_cl_ord_id = names_[step[1]],
                                .px = px(step[4]),
                                .qty = qty(step[2])};
      desk_.enqueue(replace, now_);
      replaced_[replace.cl_ord_id] = step[1];
      return;
    }
    order(step);
  }

  void book(const std::vector<std::string>& step) {
    std::vector<Level> bids;
    std::vector<Level> asks;
    bool in_asks = step.front() == "ask";
    for (std::size_t i = 1; i < step.size(); ++i) {
      if (step[i] == "/") {
        in_asks = true;
      } else {
        (in_asks ? asks : bids).push_back(level(step[i]));
      }
    }
    BookView view;
    view.snapshot = step.front() == "book";
    view.bids = bids;
    view.asks = asks;
    book_.apply(view);
    desk_.on_book(0, &book_, now_);
  }

  void order(const std::vector<std::string>& step) {
    OrderSend send{};
    send.cl_ord_id = ClOrdId{++ids_};
    send.instrument = kInstrument;
    send.side = step[0] == "buy" ? Side::Buy : Side::Sell;
    send.qty = qty(step[2]);
    if (step[3] == "market") {
      send.type = OrderType::Market;
    } else {
      send.px = px(step[4]);
    }
    for (const auto tif : {TimeInForce::Ioc, TimeInForce::Fok, TimeInForce::Gtx}) {
      if (step.back() == to_string(tif)) send.time_in_force = tif;
    }
    names_[step[1]] = send.cl_ord_id;
    desk_.enqueue(send, now_);
  }

  std::string name(ClOrdId id) {
    for (const auto& [name, known] : names_) {
      if (known == id) return name;
    }
    return "?";
  }

  std::string told(const ExecutionReport& report) {
    if (report.exec_type == ExecType::Replaced)
      names_[replaced_[report.cl_ord_id]] = report.cl_ord_id;
    const bool on_other =
        report.orig_cl_ord_id != ClOrdId{} && report.exec_type != ExecType::Replaced;
    const std::string who = name(on_other ? report.orig_cl_ord_id : report.cl_ord_id);
    if (report.exec_type == ExecType::Trade) {
      return "fill " + who + " " + text_of(report.last_qty.e8()) + " @ " +
             text_of(report.last_px.e8()) + " " + std::string{to_string(report.liquidity)};
    }
    std::string result = std::string{to_string(report.exec_type)} + " " + who;
    if (report.code != RejectCode::None) result += " " + std::string{to_string(report.code)};
    return result;
  }

  Instrument rules_ = rules();
  OrderDesk desk_{{.run = 1, .order_latency = nanoseconds{0}, .report_latency = nanoseconds{0}},
                  {&rules_, 1}};
  book::OrderBook book_;
  Timestamp now_ = Timestamp::from_ns(1'000);
  std::uint64_t ids_ = 0;
  std::map<std::string, ClOrdId> names_;
  std::map<ClOrdId, std::string> replaced_;
};

struct Case {
  std::string_view what;
  std::string_view scene;
  std::string_view reports;
};

constexpr Case kResting[] = {
    {"the queue is eaten exactly before we are filled",
     "book 99x5 / 101x3|buy A 3 @ 99|trade sell 5 @ 99", "new A"},
    {"and one lot past the queue fills one lot",
     "book 99x5 / 101x3|buy A 3 @ 99|trade sell 5.1 @ 99", "new A, fill A 0.1 @ 99 maker"},
    {"in several trades, and never more than the order",
     "book 99x5 / 101x3|buy A 3 @ 99|trade sell 4 @ 99|trade sell 2 @ 99|trade sell 9 @ 99",
     "new A, fill A 1 @ 99 maker, fill A 2 @ 99 maker"},
    {"takers of our own side do not come to our queue",
     "book 99x5 / 101x3|buy A 3 @ 99|trade buy 50 @ 99", "new A"},
    {"a trade away from our price is not ours", "book 99x5 / 101x3|buy A 3 @ 98|trade sell 50 @ 99",
     "new A"},
    {"a trade through our price fills us at our price",
     "book 99x5 98x9 / 101x3|buy A 3 @ 99|trade sell 20 @ 98", "new A, fill A 3 @ 99 maker"},
    {"up to its own quantity", "book 99x5 98x9 / 101x3|buy A 3 @ 99|trade sell 2 @ 98",
     "new A, fill A 2 @ 99 maker"},
    {"and the queue in front is gone with it",
     "book 99x5 98x9 / 101x3|buy A 3 @ 99|trade sell 2 @ 98|trade sell 1 @ 99",
     "new A, fill A 2 @ 99 maker, fill A 1 @ 99 maker"},
    {"a price that nobody shows has no queue", "book 99x5 / 102x3|buy A 3 @ 100|trade sell 1 @ 100",
     "new A, fill A 1 @ 100 maker"},
    {"cancels help only once the level shows less than our queue",
     "book 99x5 / 101x3|buy A 1 @ 99|bid 99x8|bid 99x5|trade sell 5 @ 99", "new A"},
    {"a level that shrinks below our queue moves us forward",
     "book 99x5 / 101x3|buy A 1 @ 99|bid 99x2|trade sell 2.5 @ 99", "new A, fill A 0.5 @ 99 maker"},
    {"what joins the level later stands behind us",
     "book 99x1 / 101x3|buy A 1 @ 99|bid 99x50|trade sell 2 @ 99", "new A, fill A 1 @ 99 maker"},
    {"the opposite side reaching our price fills us up to what it shows",
     "book 99x5 / 101x3|buy A 3 @ 99|bid 99x0|ask 99x2", "new A, fill A 2 @ 99 maker"},
    {"once, until it shows another quantity",
     "book 99x5 / 101x3|buy A 3 @ 99|bid 99x0|ask 99x2|ask 101x1|ask 99x2|ask 99x7",
     "new A, fill A 2 @ 99 maker, fill A 1 @ 99 maker"},
    {"through our price at our price, over several levels",
     "book 99x5 / 101x3|buy A 3 @ 99|bid 99x0|ask 98x2 97x9", "new A, fill A 3 @ 99 maker"},
    {"one trade is given out once among our orders, best price first",
     "book 99x1 98x1 / 101x3|buy A 1 @ 98|buy B 1 @ 99|trade sell 3 @ 97",
     "new A, new B, fill B 1 @ 99 maker, fill A 1 @ 98 maker"},
    {"and in order of arrival at one price",
     "book 99x1 / 101x3|buy A 1 @ 99|buy B 1 @ 99|trade sell 2.5 @ 99",
     "new A, new B, fill A 1 @ 99 maker, fill B 0.5 @ 99 maker"},
    {"sells are the mirror of buys",
     "book 99x5 / 101x3|sell A 2 @ 101|trade buy 4 @ 101|bid 102x9 101x1",
     "new A, fill A 1 @ 101 maker, fill A 1 @ 101 maker"},
    {"dust below the lot fills nobody", "book 99x5 / 101x3|buy A 3 @ 99|trade sell 5.05 @ 99",
     "new A"},
    {"a canceled order is out of the queue",
     "book 99x1 / 101x3|buy A 1 @ 99|cancel A|trade sell 9 @ 99", "new A, canceled A"},
    {"without a book an order rests behind an endless queue",
     "nobook|buy A 1 @ 99|trade sell 90 @ 99", "new A"},
    {"which only a trade beyond its price passes", "nobook|buy A 1 @ 99|trade sell 1 @ 98",
     "new A, fill A 1 @ 99 maker"},
    {"until a book shows its level", "nobook|buy A 1 @ 99|book 99x2 / 101x1|trade sell 3 @ 99",
     "new A, fill A 1 @ 99 maker"},
};

constexpr Case kTaking[] = {
    {"a taker walks the levels at their prices", "book 99x5 / 101x3 102x4 103x5|buy A 8 market",
     "new A, fill A 3 @ 101 taker, fill A 4 @ 102 taker, fill A 1 @ 103 taker"},
    {"a limit stops at its price and rests there",
     "book 99x5 / 101x3 102x4|buy A 5 @ 101|trade sell 1 @ 101",
     "new A, fill A 3 @ 101 taker, fill A 1 @ 101 maker"},
    {"the same liquidity is not taken twice",
     "book 99x5 / 101x3 102x4|buy A 2 market|buy B 2 market|buy C 9 @ 102 IOC",
     "new A, fill A 2 @ 101 taker, new B, fill B 1 @ 101 taker, fill B 1 @ 102 taker, new C, "
     "fill C 3 @ 102 taker, canceled C NoLiquidity"},
    {"a change elsewhere does not bring it back",
     "book 99x5 / 101x3|buy A 3 market|ask 102x1|buy B 1 @ 101 IOC",
     "new A, fill A 3 @ 101 taker, new B, canceled B NoLiquidity"},
    {"a change of the level does", "book 99x5 / 101x3|buy A 3 market|ask 101x4|buy B 9 @ 101 IOC",
     "new A, fill A 3 @ 101 taker, new B, fill B 4 @ 101 taker, canceled B NoLiquidity"},
    {"IOC that reaches nothing is canceled whole", "book 99x5 / 101x3|buy A 1 @ 100 IOC",
     "new A, canceled A NoLiquidity"},
    {"FOK fills whole", "book 99x5 / 101x3 102x4|buy A 7 @ 102 FOK",
     "new A, fill A 3 @ 101 taker, fill A 4 @ 102 taker"},
    {"or not at all", "book 99x5 / 101x3 102x4|buy A 7.1 @ 102 FOK", "rejected A FokNotFillable"},
    {"FOK counts what is left of a level",
     "book 99x5 / 101x3|buy A 1 market|buy B 3 @ 101 FOK|buy C 2 @ 101 FOK",
     "new A, fill A 1 @ 101 taker, rejected B FokNotFillable, new C, fill C 2 @ 101 taker"},
    {"post-only is refused when it would take", "book 99x5 / 101x3|buy A 1 @ 101 GTX",
     "rejected A PostOnlyWouldTake"},
    {"and rests one tick away", "book 99x5 / 101x3|buy A 1 @ 100 GTX", "new A"},
    {"a market order into an empty side is refused", "book 99x5 /|buy A 1 market",
     "rejected A NoLiquidity"},
    {"what a market order cannot fill is canceled", "book 99x5 / 101x3|buy A 4 market",
     "new A, fill A 3 @ 101 taker, canceled A NoLiquidity"},
    {"without a book nothing can be taken",
     "nobook|buy A 1 market|buy B 1 @ 101 IOC|buy C 1 @ 101 FOK",
     "rejected A NoLiquidity, rejected B NoLiquidity, rejected C NoLiquidity"},
};

constexpr Case kRequests[] = {
    {"a replace loses the queue",
     "book 99x5 / 101x3|buy A 1 @ 99|trade sell 4 @ 99|bid 99x9|replace A 2 @ 99|trade sell 9 @ 99",
     "new A, replaced A"},
    {"even at the same price and less quantity",
     "book 99x5 / 101x3|buy A 2 @ 99|trade sell 5 @ 99|replace A 1 @ 99|trade sell 5 @ 99",
     "new A, replaced A"},
    {"a replace across the book takes", "book 99x5 / 101x3|buy A 1 @ 99|replace A 2 @ 101",
     "new A, replaced A, fill A 2 @ 101 taker"},
    {"a replace of post-only does not, and the order stays",
     "book 99x1 / 101x3|buy A 1 @ 99 GTX|replace A 2 @ 101|trade sell 2 @ 99",
     "new A, replace_reject A PostOnlyWouldTake, fill A 1 @ 99 maker"},
    {"the new total counts what is filled",
     "book 99x1 / 101x3|buy A 3 @ 99|trade sell 3 @ 99|replace A 2 @ 98",
     "new A, fill A 2 @ 99 maker, replace_reject A TooLate"},
    {"cancel and replace after the fill are too late",
     "book 99x1 / 101x3|buy A 1 @ 99|trade sell 2 @ 99|cancel A|replace A 2 @ 99",
     "new A, fill A 1 @ 99 maker, cancel_reject A TooLate, replace_reject A TooLate"},
    {"of what never was", "book 99x1 / 101x3|cancel Z", "cancel_reject ? UnknownOrder"},
    {"off the tick, off the lot", "book 99x1 / 101x3|buy A 1 @ 99.5|buy B 0.15 @ 99",
     "rejected A TickSize, rejected B LotSize"},
};

void expect_all(std::span<const Case> cases) {
  for (const Case& one : cases) {
    SCOPED_TRACE(one.what);
    EXPECT_EQ(Scene{}.played(one.scene), one.reports) << one.scene;
  }
}

TEST(FillModel, resting_orders_fill_as_the_recording_lets_them) { expect_all(kResting); }
TEST(FillModel, takers_walk_what_is_displayed_once) { expect_all(kTaking); }
TEST(FillModel, requests_are_answered_as_a_venue_would) { expect_all(kRequests); }

TEST(OrderDesk, fees_follow_the_liquidity_and_are_rounded_up) {
  const Instrument instrument = rules();
  OrderDesk desk{{.run = 1, .order_latency = nanoseconds{0}, .report_latency = nanoseconds{0}},
                 {&instrument, 1}};
  book::OrderBook book;
  const std::array asks{Level{Price::from_e8(10'100'000'000), Qty::from_e8(10'000'000)}};
  BookView view;
  view.snapshot = true;
  view.asks = asks;
  book.apply(view);
  const Timestamp now = Timestamp::from_ns(1);
  desk.on_book(0, &book, now);
  OrderSend send{};
  send.cl_ord_id = ClOrdId{1};
  send.instrument = kInstrument;
  send.qty = Qty::from_e8(20'000'000);
  send.px = asks[0].px;
  desk.enqueue(send, now);
  desk.serve(now);
  Trade trade{};
  trade.taker_side = Side::Sell;
  trade.px = asks[0].px;
  trade.qty = Qty::from_e8(10'000'000);
  desk.on_trade(0, trade, now);
  std::array<ExecutionReport, 4> reports{};
  ASSERT_EQ(desk.poll_reports(now, reports), 3U);
  EXPECT_EQ(reports[1].fee.e8(), 1'010'000);  // 0.1 % of 10.1
  EXPECT_EQ(reports[2].fee.e8(), 101'000);    // 0.01 %
  EXPECT_EQ(reports[1].cum_qty.e8(), 10'000'000);
  EXPECT_EQ(reports[1].leaves_qty.e8(), 10'000'000);
  EXPECT_EQ(reports[2].leaves_qty.e8(), 0);
  EXPECT_NE(reports[1].exec_id, reports[2].exec_id);
}

}  // namespace
}  // namespace stoa::venues::replay
