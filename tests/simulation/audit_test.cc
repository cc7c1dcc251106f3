#include "tests/simulation/audit.h"

#include <gtest/gtest.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <span>
#include <sstream>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/ids.h"
#include "base/price.h"
#include "base/qty.h"
#include "base/temp_dir.h"
#include "base/text.h"
#include "journal/writer.h"
#include "model/execution.h"
#include "model/instrument.h"
#include "model/order.h"
#include "model/risk.h"
#include "model/types.h"
#include "oms/execution_core.h"
#include "protocol/native/codec.h"
#include "protocol/native/registry.h"
#include "relay/source.h"

// An audit that finds nothing proves something only when it finds what is there: a small log, each
// fault planted in it, and the name under which it must come back.
namespace stoa::simulation {
namespace {

namespace fs = std::filesystem;
using Bytes = std::vector<std::byte>;
using relay::Source;

constexpr Timestamp kTime = Timestamp::from_ns(1'723'161'253'000'000'000);

template <class M>
Bytes message(Source source, std::uint64_t sequence, const M& body, bool output = false) {
  Bytes bytes(native::kSmallMessageBytes);
  bytes.resize(native::encode(bytes,
                              {.domain = native::Domain::Execution,
                               .source = static_cast<std::uint8_t>(source),
                               .flags = output ? native::kFlagOutput : std::uint8_t{0},
                               .sequence = sequence,
                               .timestamp = kTime},
                              body));
  return bytes;
}

/// Two orders that trade, one that rests and is cancelled, one that is refused; all by the core.
struct Scene {
  std::vector<Bytes> log;
  std::vector<Bytes> venue_orders;
  std::vector<Bytes> venue_reports;
  std::string told;
  std::array<std::uint64_t, relay::kSources> sequences{};
  oms::ExecutionCore core;

  Scene() {
    put(Source::System, Instrument{.instrument = InstrumentId{1},
                                   .symbol = Symbol::cut("ABC"),
                                   .venue = Text<16>::cut("sim"),
                                   .tick = Price::from_e8(1),
                                   .lot = Qty::from_e8(1)});
    put(Source::System, CashMovement{.amount = px(1'000'000)});
    put(Source::System, LimitSet{.kind = LimitKind::MaxOrderQty, .value_e8 = px(50).e8()});
    put(Source::Market,
        Mark{.instrument = InstrumentId{1}, .bid = px(99), .ask = px(101), .last = px(100)});
    const auto first = order("A", 10);
    const auto second = order("B", 5);
    const auto third = order("C", 7);
    order("D", 51);  // more than the limit
    report({.cl_ord_id = first,
            .exec_id = ExecId{901},
            .exec_type = ExecType::Trade,
            .last_px = px(100),
            .last_qty = qty(4),
            .fee = px(1)});
    report({.cl_ord_id = second,
            .exec_id = ExecId{902},
            .exec_type = ExecType::Trade,
            .last_px = px(100),
            .last_qty = qty(5),
            .fee = px(1)});
    report({.cl_ord_id = first,
            .exec_id = ExecId{903},
            .exec_type = ExecType::Trade,
            .last_px = px(100),
            .last_qty = qty(6),
            .fee = px(1)});
    put(Source::Gateway, CancelIntent{.client_order_id = ClientOrderId::cut("C")});
    report({.cl_ord_id = ClOrdId{log.size()},
            .orig_cl_ord_id = third,
            .exec_type = ExecType::Canceled});
    told += R"({"order":"D","told":"refused","code":"MaxOrderQty"})"
            "\n";
    told += R"({"order":"C","told":"ended","status":"canceled","filled":"0"})"
            "\n";
  }

  static Price px(std::int64_t units) { return Price::from_e8(units * 100'000'000); }
  static Qty qty(std::int64_t units) { return Qty::from_e8(units * 100'000'000); }

  template <class M>
  ClOrdId put(Source source, const M& body) {
    log.push_back(message(source, ++sequences[static_cast<std::size_t>(source)], body));
    const Lsn lsn{log.size()};
    core.apply(lsn, native::MessageView::trusted(log.back()));
    core.outputs().drain([&](std::span<const std::byte> output) {
      log.emplace_back(output.begin(), output.end());
      const auto view = native::MessageView::trusted(log.back());
      if (!view.is<OrderSend>()) return;
      venue_orders.push_back(message(Source::Core, venue_orders.size() + 1, view.as<OrderSend>()));
    });
    return ClOrdId{lsn.value()};
  }
  ClOrdId order(const std::string& id, std::int64_t units) {
    const auto lsn = put(Source::Gateway, OrderIntent{.client_order_id = ClientOrderId::cut(id),
                                                      .instrument = InstrumentId{1},
                                                      .px = px(100),
                                                      .qty = qty(units)});
    if (id == "D") return lsn;
    told += R"({"order":")" + id + R"(","told":"acknowledged","cl_ord_id":"T-)" +
            std::to_string(lsn.value()) + "\"}\n";
    report({.cl_ord_id = lsn, .exec_type = ExecType::New});
    return lsn;
  }
  void report(ExecutionReport report) {
    report.instrument = InstrumentId{1};
    venue_reports.push_back(message(Source::Venue, venue_reports.size() + 1, report));
    put(Source::Venue, report);
  }

  /// Index of the `nth` message of a type.
  template <class M>
  static std::size_t find(const std::vector<Bytes>& in, std::size_t nth = 0) {
    for (std::size_t i = 0; i < in.size(); ++i) {
      if (native::MessageView::trusted(in[i]).is<M>() && nth-- == 0) return i;
    }
    ADD_FAILURE() << "no such message in the scene";
    return 0;
  }
  static void erase(std::vector<Bytes>& from, std::size_t at) {
    from.erase(from.begin() + static_cast<std::ptrdiff_t>(at));
  }
  /// The same message with a changed body, its source and place kept.
  template <class M, class Change>
  static void change(Bytes& bytes, Change change_body) {
    const auto view = native::MessageView::trusted(bytes);
    const native::Header header = view.header();
    M body = view.as<M>();
    change_body(body);
    bytes = message(static_cast<Source>(header.source), header.sequence, body, view.is_output());
  }
};

class AuditTest : public testing::Test {
 protected:
  AuditReport look(const Scene& scene) {
    write(dir_ / "wal", scene.log);
    if (!scene.venue_reports.empty()) {
      fs::create_directory(dir_ / "venue");
      write(dir_ / "venue" / "orders", scene.venue_orders);
      write(dir_ / "venue" / "reports", scene.venue_reports);
    }
    std::istringstream told{scene.told};
    auto report = audit(dir_, told);
    EXPECT_TRUE(report) << report.error().text();
    return report ? *report : AuditReport{};
  }

  static void write(const fs::path& dir, const std::vector<Bytes>& records) {
    auto writer = journal::Writer::open(
        dir,
        {.segment_bytes = 1U << 18U, .sync = journal::SyncPolicy::None, .prepare_ahead = false});
    ASSERT_TRUE(writer) << writer.error().text();
    for (const Bytes& record : records) ASSERT_TRUE(writer->append(record));
    ASSERT_TRUE(writer->close());
  }

  TempDir folder_;
  fs::path dir_ = folder_.path();
};

TEST_F(AuditTest, finds_nothing_where_nothing_is_wrong_and_has_looked_at_all_of_it) {
  const AuditReport report = look({});
  EXPECT_EQ(report.faults(), 0U) << to_text(report);
  EXPECT_EQ(report.orders, 3U);
  EXPECT_EQ(report.acknowledged, 3U);
  EXPECT_EQ(report.told, 4U);
  EXPECT_EQ(report.sends, 3U);
  EXPECT_EQ(report.fills, 3U);
  EXPECT_EQ(report.venue_accepted, 3U);
  EXPECT_EQ(report.venue_trades, 3U);
  EXPECT_EQ(report.venue_trades_behind, 0U);
  EXPECT_GT(report.outputs_compared, 20U);
}

TEST_F(AuditTest, takes_trades_behind_the_end_of_the_log_for_no_loss) {
  Scene scene;
  scene.venue_reports.push_back(message(
      Source::Venue, 99, ExecutionReport{.exec_id = ExecId{950}, .exec_type = ExecType::Trade}));
  const AuditReport report = look(scene);
  EXPECT_EQ(report.faults(), 0U) << to_text(report);
  EXPECT_EQ(report.venue_trades_behind, 1U);
}

TEST_F(AuditTest, works_without_the_books_of_a_venue) {
  Scene scene;
  scene.venue_orders.clear();
  scene.venue_reports.clear();
  const AuditReport report = look(scene);
  EXPECT_EQ(report.faults(), 0U) << to_text(report);
  EXPECT_FALSE(report.venue_has_log);
}

struct Planted {
  Fault fault;
  std::function<void(Scene&)> plant;
};

std::vector<Planted> planted() {
  return {
      {Fault::LostOrder,
       [](Scene& s) {
         s.told += R"({"order":"Z","told":"acknowledged","cl_ord_id":"T-5"})"
                   "\n";
       }},
      {Fault::LostOrder,
       [](Scene& s) {
         s.told += R"({"order":"A","told":"acknowledged","cl_ord_id":"T-999"})"
                   "\n";
       }},
      {Fault::LostOrder,
       [](Scene& s) {
         s.told += R"({"order":"Z","told":"present"})"
                   "\n";
       }},
      {Fault::LostEnd,
       [](Scene& s) {
         s.told += R"({"order":"A","told":"ended","status":"canceled"})"
                   "\n";
       }},
      {Fault::InventedOrder,
       [](Scene& s) {
         s.told += R"({"order":"A","told":"absent"})"
                   "\n";
       }},
      {Fault::InventedOrder,
       [](Scene& s) {
         s.told += R"({"order":"A","told":"refused"})"
                   "\n";
       }},
      {Fault::LostTrade,
       [](Scene& s) {
         Scene::change<ExecutionReport>(s.log[Scene::find<ExecutionReport>(s.log, 3)],
                                        [](auto& r) { r.exec_type = ExecType::OrderStatus; });
       }},
      {Fault::LostDecision,
       [](Scene& s) { Scene::erase(s.log, Scene::find<RiskDecision>(s.log)); }},
      {Fault::DoubledOrder,
       [](Scene& s) {
         Scene::change<OrderIntent>(s.log[Scene::find<OrderIntent>(s.log, 1)],
                                    [](auto& o) { o.client_order_id = ClientOrderId::cut("A"); });
       }},
      {Fault::DoubledSend, [](Scene& s) { s.log.push_back(s.log[Scene::find<OrderSend>(s.log)]); }},
      {Fault::DoubledAtVenue, [](Scene& s) { s.venue_reports.push_back(s.venue_reports.front()); }},
      {Fault::DoubledFill, [](Scene& s) { s.log.push_back(s.log[Scene::find<Fill>(s.log)]); }},
      {Fault::DoubledReport,
       [](Scene& s) { s.log.push_back(s.log[Scene::find<ExecutionReport>(s.log, 3)]); }},
      {Fault::DoubledReport, [](Scene& s) { s.venue_reports.push_back(s.venue_reports[3]); }},
      {Fault::InventedSend,
       [](Scene& s) {
         Scene::change<OrderSend>(s.log[Scene::find<OrderSend>(s.log)],
                                  [](auto& o) { o.cl_ord_id = ClOrdId{777}; });
       }},
      {Fault::InventedAtVenue,
       [](Scene& s) {
         s.venue_orders.push_back(message(Source::Core, 99, OrderSend{.cl_ord_id = ClOrdId{777}}));
       }},
      {Fault::InventedAtVenue,
       [](Scene& s) {
         s.venue_reports.push_back(
             message(Source::Venue, 99, ExecutionReport{.cl_ord_id = ClOrdId{777}}));
       }},
      {Fault::InventedTrade,
       [](Scene& s) {
         Scene::erase(s.venue_reports, Scene::find<ExecutionReport>(s.venue_reports, 4));
       }},
      {Fault::InventedFill,
       [](Scene& s) {
         Scene::change<Fill>(s.log[Scene::find<Fill>(s.log)],
                             [](auto& f) { f.exec_id = ExecId{777}; });
       }},
      {Fault::SequenceGap,
       [](Scene& s) {
         Scene::erase(s.log, Scene::find<OrderIntent>(s.log, 3));
         s.log.push_back(message(Source::Gateway, 99, CancelAllIntent{}));
       }},
      {Fault::SequenceRepeated,
       [](Scene& s) { s.log.push_back(s.log[Scene::find<OrderIntent>(s.log)]); }},
      {Fault::PositionWrong,
       [](Scene& s) {
         for (Bytes& each : s.log) {
           if (!native::MessageView::trusted(each).is<PositionUpdate>()) continue;
           Scene::change<PositionUpdate>(each, [](auto& p) { p.bought_qty = Scene::qty(1); });
         }
       }},
      {Fault::PositionWrong,
       [](Scene& s) {
         Scene::change<Fill>(s.log[Scene::find<Fill>(s.log)],
                             [](auto& f) { f.qty = Scene::qty(1); });
       }},
      {Fault::OutputDiffers,
       [](Scene& s) {
         Scene::change<OrderUpdate>(s.log[Scene::find<OrderUpdate>(s.log)],
                                    [](auto& o) { o.fees = Scene::px(1); });
       }},
  };
}

TEST_F(AuditTest, finds_each_fault_that_is_planted_and_shows_an_example) {
  std::array<bool, kFaults> tried{};
  for (const Planted& each : planted()) {
    SCOPED_TRACE(to_string(each.fault));
    tried[static_cast<std::size_t>(each.fault)] = true;
    Scene scene;
    each.plant(scene);
    const AuditReport report = look(scene);
    const auto& found = report.found[static_cast<std::size_t>(each.fault)];
    EXPECT_GT(found.count, 0U) << to_text(report);
    EXPECT_FALSE(found.first.empty());
    for (const auto& entry : fs::directory_iterator{dir_}) fs::remove_all(entry.path());
  }
  for (std::size_t i = 0; i < kFaults; ++i) {
    EXPECT_TRUE(tried[i]) << to_string(static_cast<Fault>(i)) << " is never planted";
  }
}

}  // namespace
}  // namespace stoa::simulation
