#include <gtest/gtest.h>
#include <poll.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <iterator>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "base/ids.h"
#include "base/text.h"
#include "gateway/gateway.h"
#include "gateway/http_message.h"
#include "gateway/router.h"
#include "gateway/test_support.h"
#include "model/execution.h"
#include "model/instrument.h"
#include "model/order.h"
#include "model/risk.h"
#include "model/system.h"
#include "model/types.h"
#include "ops/role_status.h"
#include "protocol/native/codec.h"
#include "relay/source.h"

namespace stoa::gateway::test {
namespace {

constexpr std::string_view kLimitOrder =
    R"({"symbol":"BTCUSDT","side":"buy","type":"limit","quantity":"0.01","price":"60000.5","client_order_id":"a-1"})";

using Http = GatewayTest;

TEST_F(Http, health_ready_and_status_come_from_the_engine_status) {
  start();
  EXPECT_EQ(get("/health").status, 200);
  EXPECT_EQ(at(get("/health").body, "mode"), "PAPER");
  EXPECT_EQ(at(get("/ready").body, "ready"), "true");
  const HttpAnswer status = get("/status");
  EXPECT_EQ(at(status.body, "version"), "1.2.3");
  EXPECT_EQ(at(status.body, "feed.0.symbol"), "BTCUSDT");
  EXPECT_EQ(at(status.body, "kill_switch.active"), "false");
  EXPECT_EQ(status.headers.at("cache-control"), "no-store");

  engine.status->ready.set(0);
  EXPECT_EQ(get("/ready").status, 503);
  EXPECT_EQ(at(get("/ready").body, "checks.recovered"), "false");
  EXPECT_EQ(at(get("/ready").body, "checks.engine_loop"), "true");
}

TEST_F(Http, status_says_which_configuration_the_process_began_with) {
  ops::RoleStatus role{{.service = "gateway", .config_revision = "prod-12", .config_digest = "ab"},
                       engine.clock};
  engine.role = &role;
  start();
  const HttpAnswer status = get("/status");
  EXPECT_EQ(at(status.body, "config_revision"), "prod-12");
  EXPECT_EQ(at(status.body, "config_digest"), "ab");
}

TEST_F(Http, a_loop_that_stands_still_is_unhealthy) {
  Options options = test_options();
  options.engine_silence_max = std::chrono::milliseconds{1};
  engine.status->heartbeat_ns.set(engine.clock.monotonic().count() - 1'000'000'000);
  start(std::move(options));
  const HttpAnswer health = get("/health");
  EXPECT_EQ(health.status, 503);
  EXPECT_EQ(at(health.body, "status"), "unhealthy");
}

TEST_F(Http, probes_answer_in_the_form_of_every_role) {
  start();
  const HttpAnswer ready = get("/readyz?verbose");
  EXPECT_EQ(ready.status, 200);
  EXPECT_EQ(ready.headers.at("content-type"), "application/health+json");
  EXPECT_EQ(ready.headers.at("cache-control"), "no-store");
  EXPECT_EQ(at(ready.body, "status"), "pass");
  EXPECT_EQ(at(ready.body, "service"), "engine");
  EXPECT_EQ(at(ready.body, "serviceId"), "engine-1");
  EXPECT_EQ(at(ready.body, "checks.log:writable.0.status"), "pass");
  for (const auto* path : {"/livez", "/startupz", "/health/live", "/health/ready",
                           "/health/startup", "/health?verbose", "/ready?verbose"}) {
    EXPECT_EQ(get(path).status, 200) << path;
    EXPECT_EQ(at(get(path).body, "status"), "pass") << path;
  }
  engine.status->log_failed.set(1);
  EXPECT_EQ(get("/readyz").status, 503);
  EXPECT_EQ(at(get("/readyz").body, "output"), "log:writable: the log can no longer be written");
  EXPECT_EQ(get("/readyz?exclude=log:writable").status, 200);
  EXPECT_EQ(get("/health/live").status, 200);
  engine.status->log_failed.set(0);
  engine.status->ready.set(0);
  EXPECT_EQ(get("/health/ready").status, 503);
  EXPECT_EQ(at(get("/health/ready").body, "state"), "recovering");
  EXPECT_EQ(get("/startupz").status, 200);  // it was ready once
  EXPECT_EQ(get("/livez?what").code(), "bad_parameter");
}

TEST_F(Http, a_probe_dies_with_the_loop_of_the_engine_alone) {
  Options options = test_options();
  options.engine_silence_max = std::chrono::milliseconds{1};
  engine.status->heartbeat_ns.set(engine.clock.monotonic().count() - 1'000'000'000);
  start(std::move(options));
  EXPECT_EQ(get("/livez").status, 503);
  EXPECT_EQ(get("/readyz?exclude=loop:heartbeat").status, 200);
}

TEST_F(Http, what_the_process_cannot_do_on_request_is_said) {
  start();
  HttpClient http = client();
  EXPECT_EQ(get("/-/drain").status, 405);
  http.ask("POST", "/-/drain", "{}");
  const HttpAnswer answer = http.read();
  EXPECT_EQ(answer.status, 501);
  EXPECT_EQ(answer.code(), "not_supported");
}

TEST_F(Http, an_order_is_answered_once_it_is_durable_and_decided) {
  start();
  HttpClient http = client();
  http.ask("POST", "/api/v1/orders", kLimitOrder);
  const Command command = engine.next_command();
  const auto intent = command.view().as<OrderIntent>();
  EXPECT_EQ(command.view().header().sequence, 1U);
  EXPECT_EQ(intent.px, px("60000.5"));
  EXPECT_EQ(intent.qty, qty("0.01"));
  EXPECT_EQ(intent.strategy, StrategyId{});
  const std::uint64_t lsn = engine.accept(command);
  const HttpAnswer answer = http.read();
  EXPECT_EQ(answer.status, 201) << answer.body;
  EXPECT_EQ(at(answer.body, "client_order_id"), "a-1");
  EXPECT_EQ(at(answer.body, "cl_ord_id"), "S-" + std::to_string(lsn));
  EXPECT_EQ(at(answer.body, "order_id"), "null");
  EXPECT_EQ(at(answer.body, "price"), "60000.5");
  EXPECT_EQ(at(answer.body, "remaining_quantity"), "0.01");
  EXPECT_EQ(at(answer.body, "average_price"), "null");
  EXPECT_EQ(at(answer.body, "status"), "pending_new");
  EXPECT_EQ(at(answer.body, "source"), "api");
  EXPECT_EQ(at(answer.body, "strategy"), "null");
  EXPECT_EQ(at(answer.body, "time"), "2024-08-08T23:54:15.000000000Z");
}

TEST_F(Http, a_refusal_is_422_with_value_and_limit) {
  start();
  HttpClient http = client();
  http.ask("POST", "/api/v1/orders", kLimitOrder);
  const Command command = engine.next_command();
  const std::uint64_t lsn = engine.echo(command);
  const std::array checks{CheckResult{.check = RiskCheck::Instrument, .ok = 1},
                          CheckResult{.check = RiskCheck::PriceBand,
                                      .ok = 0,
                                      .code = RejectCode::PriceBand,
                                      .limit_e8 = kOne / 10,
                                      .value_e8 = kOne / 4}};
  engine.decide(lsn, RejectCode::PriceBand, checks);
  OrderUpdate order = engine.order_of(command, lsn);
  order.status = OrdStatus::Rejected;
  order.code = RejectCode::PriceBand;
  engine.output(order);
  const HttpAnswer answer = http.read();
  EXPECT_EQ(answer.status, 422);
  EXPECT_EQ(answer.headers.at("content-type"), "application/problem+json");
  EXPECT_EQ(answer.code(), "PriceBand");
  EXPECT_EQ(at(answer.body, "detail"),
            "the price is too far from the market (value 0.25, limit 0.1)");
  EXPECT_EQ(at(answer.body, "order.status"), "rejected");
  EXPECT_EQ(at(answer.body, "order.code"), "PriceBand");
  EXPECT_EQ(at(get("/api/v1/risk").body, "rejects.PriceBand"), "1");
}

TEST_F(Http, a_second_order_of_one_id_is_409_with_the_first) {
  start();
  engine.resting("a-1", "61000");
  HttpClient http = client();
  http.ask("POST", "/api/v1/orders", kLimitOrder);
  const std::uint64_t lsn = engine.echo(engine.next_command());
  engine.decide(lsn, RejectCode::DuplicateClientOrderId);
  const HttpAnswer answer = http.read();
  EXPECT_EQ(answer.status, 409);
  EXPECT_EQ(answer.code(), "duplicate_client_order_id");
  EXPECT_EQ(at(answer.body, "order.price"), "61000");
  EXPECT_EQ(at(get("/api/v1/orders").body, "orders"), "[1]");
}

TEST_F(Http, no_answer_in_time_is_504_and_names_the_order) {
  Options options = test_options();
  options.answer_timeout = std::chrono::milliseconds{30};
  start(std::move(options));
  HttpClient http = client();
  const HttpAnswer answer = http.call("POST", "/api/v1/orders", kLimitOrder);
  EXPECT_EQ(answer.status, 504);
  EXPECT_EQ(answer.code(), "outcome_unknown");
  EXPECT_EQ(at(answer.body, "client_order_id"), "a-1");
  // What comes later still counts: the order is there when it is asked for.
  engine.accept(engine.next_command());
  const HttpAnswer found =
      get_until("/api/v1/orders/a-1", [](const HttpAnswer& a) { return a.status == 200; });
  EXPECT_EQ(at(found.body, "status"), "pending_new");
}

TEST_F(Http, a_full_command_ring_is_503_and_uses_no_sequence) {
  FakeEngine small{1'024};
  auto started = Gateway::start(test_options(), small.link());
  ASSERT_TRUE(started.has_value());
  // A kilobyte holds a handful of intents; nobody takes them.
  std::vector<std::unique_ptr<HttpClient>> waiting;
  HttpAnswer refused;
  for (int i = 0; i < 20 && refused.status == 0; ++i) {
    auto http = std::make_unique<HttpClient>((*started)->port());
    std::string body{kLimitOrder};
    body.replace(body.find("a-1"), 3, "a" + std::to_string(i + 10));
    http->ask("POST", "/api/v1/orders", body);
    // The next answer on another connection proves that the order was taken up before.
    HttpClient other{(*started)->port()};
    const std::string accepted = at(other.call("GET", "/status").body, "gateway.requests");
    pollfd readable{.fd = http->fd(), .events = POLLIN, .revents = 0};
    if (::poll(&readable, 1, 0) == 1) refused = http->read();
    waiting.push_back(std::move(http));
  }
  EXPECT_EQ(refused.status, 503);
  EXPECT_EQ(refused.code(), "engine_busy");
  EXPECT_EQ(refused.headers.at("retry-after"), "1");
  const std::size_t taken = small.waiting_commands();
  std::uint64_t expected = 1;
  for (std::size_t i = 0; i < taken; ++i) {
    EXPECT_EQ(small.next_command().view().header().sequence, expected++);
  }
  HttpClient http{(*started)->port()};
  http.ask("POST", "/api/v1/orders", kLimitOrder);
  const Command next = small.next_command();
  EXPECT_EQ(next.view().header().sequence, expected);
  (*started)->stop();
}

TEST_F(Http, nothing_is_taken_before_recovery_or_after_the_log_failed) {
  start();
  engine.status->ready.set(0);
  HttpClient http = client();
  EXPECT_EQ(http.call("POST", "/api/v1/orders", kLimitOrder).code(), "not_ready");
  engine.status->ready.set(1);
  engine.status->log_failed.set(1);
  EXPECT_EQ(http.call("POST", "/api/v1/orders", kLimitOrder).code(), "log_failed");
  EXPECT_EQ(http.call("POST", "/api/v1/orders:check", kLimitOrder).code(), "log_failed");
  EXPECT_EQ(engine.waiting_commands(), 0U);
}

struct BodyCase {
  std::string_view body;
  int status;
  std::string_view code;
  std::string_view field;
};

TEST_F(Http, a_bad_order_names_its_field) {
  constexpr BodyCase kCases[] = {
      {"", 400, "malformed_json", ""},
      {"[]", 400, "bad_field", ""},
      {R"({"symbol":"BTCUSDT"})", 400, "missing_field", "side"},
      {R"({"side":"buy"})", 400, "missing_field", "symbol"},
      {R"({"symbol":"BTCUSDT","side":"hold","type":"limit","quantity":"1","price":"1"})", 400,
       "bad_field", "side"},
      {R"({"symbol":"BTCUSDT","side":"buy","type":"limit","quantity":1,"price":"1"})", 400,
       "bad_field", "quantity"},
      {R"({"symbol":"BTCUSDT","side":"buy","type":"limit","quantity":"0","price":"1"})", 400,
       "bad_field", "quantity"},
      {R"({"symbol":"BTCUSDT","side":"buy","type":"limit","quantity":"-1","price":"1"})", 400,
       "bad_field", "quantity"},
      {R"({"symbol":"BTCUSDT","side":"buy","type":"limit","quantity":"NaN","price":"1"})", 400,
       "bad_field", "quantity"},
      {R"({"symbol":"BTCUSDT","side":"buy","type":"limit","quantity":"1e3","price":"1"})", 400,
       "bad_field", "quantity"},
      {R"({"symbol":"BTCUSDT","side":"buy","type":"limit","quantity":"0.000000001","price":"1"})",
       400, "bad_field", "quantity"},
      {R"({"symbol":"BTCUSDT","side":"buy","type":"limit","quantity":"99999999999","price":"1"})",
       400, "bad_field", "quantity"},
      {R"({"symbol":"BTCUSDT","side":"buy","type":"limit","quantity":"1"})", 400, "missing_field",
       "price"},
      {R"({"symbol":"BTCUSDT","side":"buy","type":"market","quantity":"1","price":"1"})", 400,
       "bad_field", "price"},
      {R"({"symbol":"BTCUSDT","side":"buy","type":"market","quantity":"1","time_in_force":"GTC"})",
       400, "bad_field", "time_in_force"},
      {R"({"symbol":"BTCUSDT","side":"buy","type":"limit","quantity":"1","price":"1","x":1})", 400,
       "unknown_field", "x"},
      {R"({"symbol":"BTCUSDT","side":"buy","type":"limit","quantity":"1","quantity":"2","price":"1"})",
       400, "malformed_json", ""},
      {R"({"symbol":"BTCUSDT","side":"buy","type":"limit","quantity":"1","price":"1"} x)", 400,
       "malformed_json", ""},
      {R"({"symbol":"BTCUSDT","side":"buy","type":"limit","quantity":"1","price":"1","client_order_id":"a b"})",
       400, "bad_field", "client_order_id"},
      {R"({"symbol":"NOPE","side":"buy","type":"limit","quantity":"1","price":"1"})", 404,
       "unknown_symbol", ""},
  };
  start();
  HttpClient http = client();
  for (const BodyCase& c : kCases) {
    SCOPED_TRACE(c.body);
    const HttpAnswer answer = http.call("POST", "/api/v1/orders", c.body);
    EXPECT_EQ(answer.status, c.status);
    EXPECT_EQ(answer.code(), c.code);
    if (!c.field.empty()) {
      EXPECT_EQ(at(answer.body, "field"), c.field);
    }
    EXPECT_NE(at(answer.body, "hint"), "missing");
  }
  EXPECT_EQ(engine.waiting_commands(), 0U);
}

TEST_F(Http, a_check_sends_nothing_and_shows_every_limit) {
  start();
  HttpClient http = client();
  http.ask("POST", "/api/v1/orders:check", kLimitOrder);
  const Command probe = engine.next_command();
  EXPECT_EQ(probe.view().header().flags, native::kFlagProbe);
  const std::array checks{
      CheckResult{.check = RiskCheck::OrderNotional,
                  .ok = 1,
                  .limit_e8 = 1'000 * kOne,
                  .value_e8 = 600 * kOne},
      CheckResult{
          .check = RiskCheck::MinNotional, .ok = 1, .limit_e8 = 5 * kOne, .value_e8 = 600 * kOne},
      CheckResult{.check = RiskCheck::KillSwitch, .ok = 1}};
  engine.answer_probe(probe, RejectCode::None, checks);
  const HttpAnswer answer = http.read();
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(at(answer.body, "accepted"), "true");
  EXPECT_EQ(at(answer.body, "code"), "null");
  EXPECT_EQ(at(answer.body, "checks.0.headroom"), "400");
  EXPECT_EQ(at(answer.body, "checks.1.headroom"), "595");
  EXPECT_EQ(at(answer.body, "checks.2.limit"), "null");
  EXPECT_EQ(at(answer.body, "notional"), "600.005");
  EXPECT_EQ(at(answer.body, "fee_estimate"), "0.600005");
  EXPECT_EQ(at(get("/api/v1/orders").body, "orders"), "[0]");

  // Probes count by themselves: the first real command is still number one.
  http.ask("POST", "/api/v1/risk/kill", R"({"reason":"test"})");
  EXPECT_EQ(engine.next_command().view().header().sequence, 1U);
}

TEST_F(Http, a_cancel_is_answered_when_the_venue_has) {
  start();
  OrderUpdate order = engine.resting("a-1");
  HttpClient http = client();
  get_until("/api/v1/orders/a-1", [](const HttpAnswer& a) { return a.status == 200; });
  http.ask("DELETE", "/api/v1/orders/a-1");
  const std::uint64_t lsn = engine.echo(engine.next_command());
  engine.decide(lsn);
  order.status = OrdStatus::PendingCancel;
  engine.output(order);
  order.status = OrdStatus::Canceled;
  engine.output(order);
  const HttpAnswer answer = http.read();
  EXPECT_EQ(answer.status, 200) << answer.body;
  EXPECT_EQ(at(answer.body, "status"), "canceled");
  EXPECT_EQ(at(answer.body, "remaining_quantity"), "0");

  const HttpAnswer late = http.call("DELETE", "/api/v1/orders/a-1");
  EXPECT_EQ(late.status, 409);
  EXPECT_EQ(late.code(), "too_late");
  EXPECT_EQ(at(late.body, "order.status"), "canceled");
  EXPECT_EQ(http.call("DELETE", "/api/v1/orders/nope").code(), "unknown_order");
}

TEST_F(Http, a_cancel_that_a_fill_overtakes_is_too_late) {
  start();
  OrderUpdate order = engine.resting("a-1");
  HttpClient http = client();
  get_until("/api/v1/orders/a-1", [](const HttpAnswer& a) { return a.status == 200; });
  http.ask("DELETE", "/api/v1/orders/a-1");
  engine.decide(engine.echo(engine.next_command()));
  order.status = OrdStatus::Filled;
  order.cum_qty = order.order_qty;
  order.avg_px = order.px;
  engine.output(order);
  const HttpAnswer answer = http.read();
  EXPECT_EQ(answer.status, 409);
  EXPECT_EQ(at(answer.body, "order.status"), "filled");

  engine.resting("a-2");
  get_until("/api/v1/orders/a-2", [](const HttpAnswer& a) { return a.status == 200; });
  http.ask("DELETE", "/api/v1/orders/a-2");
  engine.decide(engine.echo(engine.next_command()), RejectCode::TooLate);
  EXPECT_EQ(http.read().code(), "too_late");
}

TEST_F(Http, a_replace_shows_the_new_terms_or_why_not) {
  start();
  OrderUpdate order = engine.resting("a-1");
  HttpClient http = client();
  get_until("/api/v1/orders/a-1", [](const HttpAnswer& a) { return a.status == 200; });
  EXPECT_EQ(http.call("PATCH", "/api/v1/orders/a-1", "{}").code(), "missing_field");
  EXPECT_EQ(http.call("PATCH", "/api/v1/orders/a-1", R"({"price":1})").code(), "bad_field");

  http.ask("PATCH", "/api/v1/orders/a-1", R"({"price":"60001"})");
  const Command command = engine.next_command();
  EXPECT_EQ(command.view().as<ReplaceIntent>().px, px("60001"));
  std::uint64_t lsn = engine.echo(command);
  engine.decide(lsn);
  order.status = OrdStatus::PendingReplace;
  engine.output(order);
  order.status = OrdStatus::New;
  order.px = px("60001");
  order.cl_ord_id = ClOrdId{lsn};
  engine.output(order);
  HttpAnswer answer = http.read();
  EXPECT_EQ(answer.status, 200) << answer.body;
  EXPECT_EQ(at(answer.body, "price"), "60001");
  EXPECT_EQ(at(answer.body, "cl_ord_id"), "S-" + std::to_string(lsn));

  // The venue refuses: the order lives on as it was.
  http.ask("PATCH", "/api/v1/orders/a-1", R"({"quantity":"0.75"})");
  engine.decide(engine.echo(engine.next_command()));
  order.status = OrdStatus::New;
  engine.output(order);
  answer = http.read();
  EXPECT_EQ(answer.status, 422);
  EXPECT_EQ(answer.code(), "VenueRejected");

  // The gate refuses: its code and figures.
  http.ask("PATCH", "/api/v1/orders/a-1", R"({"price":"90000"})");
  const std::array checks{CheckResult{
      .check = RiskCheck::PriceBand, .code = RejectCode::PriceBand, .limit_e8 = 1, .value_e8 = 2}};
  engine.decide(engine.echo(engine.next_command()), RejectCode::PriceBand, checks);
  answer = http.read();
  EXPECT_EQ(answer.status, 422);
  EXPECT_EQ(answer.code(), "PriceBand");
}

TEST_F(Http, cancel_all_says_how_many_it_asked_for) {
  start();
  engine.resting("a-1");
  engine.resting("a-2");
  get_until("/api/v1/orders/a-2", [](const HttpAnswer& a) { return a.status == 200; });
  HttpClient http = client();
  EXPECT_EQ(http.call("DELETE", "/api/v1/orders?symbol=NOPE").code(), "unknown_symbol");
  http.ask("DELETE", "/api/v1/orders?symbol=BTCUSDT");
  const Command command = engine.next_command();
  EXPECT_EQ(command.view().as<CancelAllIntent>().instrument, InstrumentId{1});
  engine.echo(command);
  const HttpAnswer answer = http.read();
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.body, R"({"requested":2})");
}

TEST_F(Http, lists_page_newest_first_and_end) {
  start();
  for (int i = 1; i <= 5; ++i) {
    OrderUpdate order = engine.resting("o-" + std::to_string(i));
    if (i % 2 == 0) continue;
    order.status = OrdStatus::Canceled;
    engine.output(order);
  }
  get_until("/api/v1/orders/o-5",
            [](const HttpAnswer& a) { return at(a.body, "status") == "canceled"; });
  HttpClient http = client();
  HttpAnswer page = http.call("GET", "/api/v1/orders?limit=2");
  EXPECT_EQ(at(page.body, "orders.0.client_order_id"), "o-5");
  EXPECT_EQ(at(page.body, "orders.1.client_order_id"), "o-4");
  page = http.call("GET", "/api/v1/orders?limit=2&cursor=" + at(page.body, "next_cursor"));
  EXPECT_EQ(at(page.body, "orders.0.client_order_id"), "o-3");
  page = http.call("GET", "/api/v1/orders?limit=2&cursor=" + at(page.body, "next_cursor"));
  EXPECT_EQ(at(page.body, "orders"), "[1]");
  EXPECT_EQ(at(page.body, "next_cursor"), "null");
  page = http.call("GET", "/api/v1/orders?status=open");
  EXPECT_EQ(at(page.body, "orders"), "[2]");
  EXPECT_EQ(at(page.body, "orders.0.client_order_id"), "o-4");
  EXPECT_EQ(at(http.call("GET", "/api/v1/orders?status=closed").body, "orders"), "[3]");
  EXPECT_EQ(at(http.call("GET", "/api/orders_state").body, "orders"), "[5]");
  EXPECT_EQ(http.call("GET", "/api/v1/orders?cursor=x").code(), "bad_cursor");
  EXPECT_EQ(http.call("GET", "/api/v1/orders?limit=0").code(), "bad_parameter");
  EXPECT_EQ(http.call("GET", "/api/v1/orders?limit=1001").code(), "bad_parameter");
  EXPECT_EQ(http.call("GET", "/api/v1/orders?status=x").code(), "bad_parameter");
  EXPECT_EQ(http.call("GET", "/api/v1/orders?nope=1").code(), "bad_parameter");
  EXPECT_EQ(http.call("GET", "/api/v1/orders?status=%zz").code(), "bad_parameter");
}

TEST_F(Http, old_closed_orders_are_forgotten_and_open_ones_never) {
  Options options = test_options();
  options.orders_kept = 3;
  start(std::move(options));
  engine.resting("stays");
  for (int i = 0; i < 10; ++i) {
    OrderUpdate order = engine.resting("o-" + std::to_string(i));
    order.status = OrdStatus::Canceled;
    engine.output(order);
  }
  get_until("/api/v1/orders/o-9",
            [](const HttpAnswer& a) { return at(a.body, "status") == "canceled"; });
  EXPECT_EQ(at(get("/api/v1/orders").body, "orders"), "[3]");
  EXPECT_EQ(get("/api/v1/orders/stays").status, 200);
  EXPECT_EQ(get("/api/v1/orders/o-0").code(), "unknown_order");
}

TEST_F(Http, fills_positions_and_account_show_what_the_core_said) {
  start();
  const OrderUpdate order = engine.resting("s-1", "60000", StrategyId{7});
  engine.output(Fill{.client_order_id = order.client_order_id,
                     .instrument = InstrumentId{1},
                     .intent = order.intent,
                     .exec_id = ExecId{42},
                     .px = px("60000"),
                     .qty = qty("0.5"),
                     .fee = px("30"),
                     .strategy = StrategyId{7},
                     .liquidity = Liquidity::Maker,
                     .ts_event = Timestamp::from_ns(kStartNs)});
  PositionUpdate position{.instrument = InstrumentId{1},
                          .strategy = StrategyId{7},
                          .qty = qty("-0.5"),
                          .avg_px = px("60000"),
                          .realized_pnl = px("1.5"),
                          .fees = px("30"),
                          .bought_qty = qty("0.5"),
                          .mark_px = px("60010"),
                          .unrealized_pnl = px("5")};
  engine.output(position);
  position.strategy_book = 1;
  engine.output(position);
  engine.output(AccountUpdate{.cash = px("100"), .equity = px("250.25"), .day_pnl = px("-3")});
  const HttpAnswer account = get_until(
      "/api/v1/account", [](const HttpAnswer& a) { return at(a.body, "equity") == "250.25"; });
  EXPECT_EQ(at(account.body, "open_orders"), "1");
  const HttpAnswer fills = get("/api/v1/fills?client_order_id=s-1&symbol=BTCUSDT");
  EXPECT_EQ(at(fills.body, "fills.0.exec_id"), "42");
  EXPECT_EQ(at(fills.body, "fills.0.fee_asset"), "USDT");
  EXPECT_EQ(at(fills.body, "fills.0.strategy"), "maker");
  EXPECT_EQ(at(fills.body, "next_cursor"), "null");
  EXPECT_EQ(at(get("/api/v1/fills?client_order_id=x").body, "fills"), "[0]");
  const HttpAnswer positions = get("/api/v1/positions");
  EXPECT_EQ(at(positions.body, "positions.0.quantity"), "-0.5");
  EXPECT_EQ(at(positions.body, "positions.0.notional"), "30005");
  EXPECT_EQ(at(positions.body, "totals.unrealized_pnl"), "5");
  const HttpAnswer strategies = get("/api/v1/strategies");
  EXPECT_EQ(at(strategies.body, "strategies.0.orders"), "1");
  EXPECT_EQ(at(strategies.body, "strategies.0.fills"), "1");
  EXPECT_EQ(at(strategies.body, "strategies.0.position"), "-0.5");
  EXPECT_EQ(at(strategies.body, "strategies.0.last_decision"), "because");
}

TEST_F(Http, strategies_start_stop_and_take_parameters) {
  start();
  HttpClient http = client();
  http.ask("POST", "/api/v1/strategies/maker:start");
  engine.echo(engine.next_command());
  HttpAnswer answer = http.read();
  EXPECT_EQ(at(answer.body, "state"), "running") << answer.body;
  EXPECT_NE(at(answer.body, "running_since_ns"), "null");
  EXPECT_EQ(at(answer.body, "params.spread_bps"), "5");
  EXPECT_EQ(at(answer.body, "params.post_only"), "true");

  http.ask("PUT", "/api/v1/strategies/maker/params",
           R"({"spread_bps":"7.5","levels":3,"post_only":false})");
  for (int i = 0; i < 3; ++i) engine.echo(engine.next_command());
  answer = http.read();
  EXPECT_EQ(at(answer.body, "params.spread_bps"), "7.5") << answer.body;
  EXPECT_EQ(at(answer.body, "params.levels"), "3");
  EXPECT_EQ(at(answer.body, "params.post_only"), "false");

  http.ask("POST", "/api/v1/strategies/maker:stop");
  engine.echo(engine.next_command());
  EXPECT_EQ(at(http.read().body, "state"), "stopped");
  engine.input(StrategyCommand{.strategy = StrategyId{7},
                               .action = StrategyAction::Fault,
                               .reason = Text<120>::cut("threw")},
               relay::Source::Strategies);
  const HttpAnswer faulted = get_until("/api/v1/strategies", [](const HttpAnswer& a) {
    return at(a.body, "strategies.0.state") == "faulted";
  });
  EXPECT_EQ(at(faulted.body, "strategies.0.error"), "threw");

  EXPECT_EQ(http.call("POST", "/api/v1/strategies/nope:start").code(), "unknown_strategy");
  const auto put = [&](std::string_view body) {
    return http.call("PUT", "/api/v1/strategies/maker/params", body);
  };
  EXPECT_EQ(put(R"({"nope":"1"})").code(), "unknown_field");
  EXPECT_EQ(put(R"({"spread_bps":"0.5"})").code(), "bad_field");
  EXPECT_NE(put(R"({"spread_bps":"51"})").body.find("from 1 to 50"), std::string::npos);
  EXPECT_EQ(put(R"({"spread_bps":7})").code(), "bad_field");
  EXPECT_EQ(put(R"({"levels":"2.5"})").code(), "bad_field");
  EXPECT_EQ(put(R"({"post_only":1})").code(), "bad_field");
  EXPECT_EQ(put("{}").code(), "bad_field");
  EXPECT_EQ(engine.waiting_commands(), 0U);
}

TEST_F(Http, risk_limits_and_kill_switch_change_by_command) {
  start();
  HttpClient http = client();
  EXPECT_EQ(http.call("POST", "/api/v1/risk/resume", R"({"actor":"a"})").code(), "missing_field");
  EXPECT_EQ(http.call("POST", "/api/v1/risk/resume", R"({"actor":"a","reason":"r"})").code(),
            "state_conflict");
  EXPECT_EQ(http.call("POST", "/api/v1/risk/kill", "{}").code(), "missing_field");
  http.ask("POST", "/api/v1/risk/kill", R"({"reason":"storm"})");
  const Command kill = engine.next_command();
  EXPECT_EQ(kill.view().as<KillSwitch>().active, 1);
  engine.echo(kill);
  HttpAnswer risk = http.read();
  EXPECT_EQ(risk.status, 200);
  EXPECT_EQ(at(risk.body, "kill_switch.active"), "true");
  EXPECT_EQ(at(risk.body, "kill_switch.reason"), "storm");
  http.ask("POST", "/api/v1/risk/resume", R"({"actor":"ada","reason":"over"})");
  engine.echo(engine.next_command());
  risk = http.read();
  EXPECT_EQ(at(risk.body, "kill_switch.active"), "false");
  EXPECT_EQ(at(risk.body, "kill_switch.actor"), "ada");

  http.ask("PUT", "/api/v1/risk/limits",
           R"({"limits":{"max_order_notional":"25000","max_open_orders":"10"},"reason":"more"})");
  engine.echo(engine.next_command());
  engine.echo(engine.next_command());
  risk = http.read();
  EXPECT_EQ(at(risk.body, "limits"), "[2]");
  EXPECT_EQ(at(risk.body, "limits.0.name"), "max_order_notional");
  EXPECT_EQ(at(risk.body, "limits.0.limit"), "25000");
  EXPECT_EQ(at(risk.body, "limits.0.used"), "null");
  EXPECT_EQ(at(risk.body, "limits.1.used"), "0");
  const auto put = [&](std::string_view body) {
    return http.call("PUT", "/api/v1/risk/limits", body);
  };
  EXPECT_EQ(put(R"({"limits":{"nope":"1"},"reason":"r"})").code(), "unknown_field");
  EXPECT_EQ(put(R"({"limits":{"max_order_qty":1},"reason":"r"})").code(), "bad_field");
  EXPECT_EQ(put(R"({"limits":{"max_order_qty":"-1"},"reason":"r"})").code(), "bad_field");
  EXPECT_EQ(put(R"({"limits":{"max_order_qty":"1"}})").code(), "missing_field");
  EXPECT_EQ(put(R"({"limits":{},"reason":"r"})").code(), "bad_field");
}

TEST_F(Http, the_story_is_read_from_the_journal) {
  std::string name = (std::filesystem::temp_directory_path() / "stoa_story_XXXXXX").string();
  ASSERT_NE(::mkdtemp(name.data()), nullptr);
  engine.open_journal(name);
  Options options = test_options();
  options.journal_dir = name;
  start(std::move(options));
  HttpClient http = client();
  http.ask("POST", "/api/v1/orders", kLimitOrder);
  const Command command = engine.next_command();
  const std::uint64_t lsn = engine.echo(command);
  const std::array checks{CheckResult{.check = RiskCheck::OrderNotional,
                                      .ok = 1,
                                      .limit_e8 = 1'000 * kOne,
                                      .value_e8 = 600 * kOne}};
  engine.decide(lsn, RejectCode::None, checks);
  OrderUpdate order = engine.order_of(command, lsn);
  engine.output(order);
  engine.output(OrderSend{.cl_ord_id = ClOrdId{lsn}, .px = order.px, .qty = order.order_qty});
  engine.input(ExecutionReport{.cl_ord_id = ClOrdId{lsn}, .order_id = OrderId{9}},
               relay::Source::Venue);
  order.status = OrdStatus::New;
  engine.output(order);
  EXPECT_EQ(http.read().status, 201);

  const HttpAnswer story = get_until(
      "/api/v1/orders/a-1", [](const HttpAnswer& a) { return at(a.body, "story") == "[6]"; });
  constexpr std::string_view kEvents[] = {"intent", "risk_decision",   "status_pending_new",
                                          "send",   "acknowledgement", "status_new"};
  for (std::size_t i = 0; i < std::size(kEvents); ++i) {
    EXPECT_EQ(at(story.body, "story." + std::to_string(i) + ".event"), kEvents[i]);
  }
  EXPECT_EQ(at(story.body, "story.0.lsn"), std::to_string(lsn));
  EXPECT_EQ(at(story.body, "story.0.detail.symbol"), "BTCUSDT");
  EXPECT_EQ(at(story.body, "story.1.detail.accepted"), "true");
  EXPECT_EQ(at(story.body, "story.1.detail.checks.0.check"), "order_notional");
  EXPECT_EQ(at(story.body, "story.1.detail.checks.0.headroom"), "400");
  EXPECT_EQ(at(story.body, "story.2.after_ns"), "1000");
  EXPECT_EQ(at(story.body, "story.4.detail.order_id"), "9");
  gateway->stop();
  std::filesystem::remove_all(name);
}

TEST_F(Http, every_changing_route_needs_the_token) {
  start();
  HttpClient http = client();
  std::size_t changing = 0;
  for (const Route& route : routes()) {
    if (route.method == Method::Get) continue;
    ++changing;
    std::string path{route.pattern};
    if (const auto open = path.find('{'); open != std::string::npos) {
      path.replace(open, path.find('}') - open + 1, "maker");
    }
    SCOPED_TRACE(path);
    http.ask(to_string(route.method), path, "{}", "");
    EXPECT_EQ(http.read().code(), "token_missing");
    http.ask(to_string(route.method), path, "{}", "Authorization: Bearer secret-tokeN\r\n");
    const HttpAnswer wrong = http.read();
    EXPECT_EQ(wrong.status, 401);
    EXPECT_EQ(wrong.code(), "token_wrong");
    EXPECT_EQ(wrong.headers.at("www-authenticate"), "Bearer");
  }
  EXPECT_GE(changing, 11U);
  EXPECT_EQ(engine.waiting_commands(), 0U);
}

TEST_F(Http, a_checkpoint_is_answered_once_it_has_ended) {
  start();
  HttpClient http = client();
  const auto ask = [&] { http.ask("POST", "/api/v1/journal/checkpoint"); };
  const auto asked = [&] {
    while (!engine.checkpoints.asked()) std::this_thread::yield();
    engine.checkpoints.begin();
  };
  ask();
  asked();
  HttpClient other = client();
  EXPECT_EQ(other.call("POST", "/api/v1/journal/checkpoint").code(), "checkpoint_busy");
  engine.checkpoints.end(
      {.lsn = Lsn{42}, .bytes = 1'000, .copy_ns = 1'500'000, .total_ns = 2'250'000});
  engine.gateway_wake.notify();
  HttpAnswer answer = http.read();
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.body, R"({"lsn":"42","bytes":1000,"copy_ms":1.5,"ms":2.25})");

  ask();
  asked();
  engine.status->checkpoint_failed.set(1);
  engine.checkpoints.end({.error = "no space"});
  engine.gateway_wake.notify();
  answer = http.read();
  EXPECT_EQ(answer.status, 503);
  EXPECT_EQ(answer.code(), "checkpoint_failed");
  EXPECT_EQ(at(get("/status").body, "log.checkpoint.error"), "no space");
  EXPECT_EQ(at(get("/health").body, "warnings.0"), "the last checkpoint was not written: no space");

  engine.status->ready.set(0);
  EXPECT_EQ(http.call("POST", "/api/v1/journal/checkpoint").code(), "not_ready");
}

TEST_F(Http, a_checkpoint_that_takes_too_long_is_answered_all_the_same) {
  Options options = test_options();
  options.checkpoint_timeout = std::chrono::milliseconds{1};
  start(std::move(options));
  HttpClient http = client();
  http.ask("POST", "/api/v1/journal/checkpoint");
  const HttpAnswer answer = http.read();
  EXPECT_EQ(answer.status, 504);
  EXPECT_EQ(answer.code(), "outcome_unknown");
}

TEST_F(Http, an_empty_token_opens_nothing) {
  Options options = test_options();
  options.token.clear();
  start(std::move(options));
  HttpClient http = client();
  http.ask("POST", "/api/v1/orders", kLimitOrder, "Authorization: Bearer \r\n");
  EXPECT_EQ(http.read().status, 401);
}

TEST_F(Http, a_foreign_host_is_misdirected) {
  Options options = test_options();
  options.names = {"Trading.Example"};
  start(std::move(options));
  const auto status_of = [&](std::string_view host) {
    HttpClient http = client();
    http.send("GET /health HTTP/1.1\r\n" + std::string{host} + "\r\n");
    return http.read().status;
  };
  EXPECT_EQ(status_of("Host: 127.0.0.1:8080\r\n"), 200);
  EXPECT_EQ(status_of("Host: LocalHost\r\n"), 200);
  EXPECT_EQ(status_of("Host: [::1]:8080\r\n"), 200);
  EXPECT_EQ(status_of("Host: trading.example:1\r\n"), 200);
  EXPECT_EQ(status_of("Host: evil.example\r\n"), 421);
  EXPECT_EQ(status_of("Host: localhost.evil.example\r\n"), 421);
  EXPECT_EQ(status_of(""), 421);
}

TEST_F(Http, paths_and_methods_answer_404_405_and_head) {
  start();
  HttpClient http = client();
  EXPECT_EQ(http.call("GET", "/api/v1/nope").code(), "not_found");
  HttpAnswer answer = http.call("DELETE", "/api/v1/risk");
  EXPECT_EQ(answer.status, 405);
  EXPECT_EQ(answer.headers.at("allow"), "GET, HEAD");
  EXPECT_EQ(http.call("PUT", "/api/v1/orders").headers.at("allow"), "POST, GET, HEAD, DELETE");
  EXPECT_EQ(http.call("OPTIONS", "/health").status, 405);
  http.ask("HEAD", "/health");
  answer = http.read(true);
  EXPECT_EQ(answer.status, 200);
  EXPECT_NE(answer.headers.at("content-length"), "0");
  EXPECT_EQ(http.call("GET", "/api/v1/book/%42TCUSDT").status, 200);
  EXPECT_EQ(http.call("GET", "/api/v1/book/%4").code(), "bad_parameter");
  EXPECT_EQ(http.call("GET", "/api/v1/book/NOPE").code(), "unknown_symbol");
  EXPECT_EQ(http.call("GET", "/ws/v1").status, 426);
}

TEST_F(Http, the_page_is_served_with_its_policy_and_etag) {
  start();
  HttpClient http = client();
  const HttpAnswer page = http.call("GET", "/");
  EXPECT_EQ(page.status, 200);
  EXPECT_EQ(page.headers.at("content-type"), "text/html; charset=utf-8");
  EXPECT_NE(page.headers.at("content-security-policy").find("default-src 'self'"),
            std::string::npos);
  EXPECT_EQ(http.call("GET", "/orders").body, page.body);
  EXPECT_EQ(http.call("GET", "/nope.js").status, 404);
  EXPECT_EQ(http.call("GET", "/openapi.json").headers.at("content-type"), "application/json");
  http.ask("GET", "/", "", "If-None-Match: " + page.headers.at("etag") + "\r\n");
  const HttpAnswer again = http.read();
  EXPECT_EQ(again.status, 304);
  EXPECT_TRUE(again.body.empty());
  http.ask("GET", "/health", "", "X-Request-Id: r-17\r\n");
  const HttpAnswer health = http.read();
  EXPECT_EQ(health.headers.at("x-request-id"), "r-17");
  EXPECT_EQ(health.headers.at("x-content-type-options"), "nosniff");
}

TEST_F(Http, metrics_have_help_and_type_and_begin_at_zero) {
  start();
  const HttpAnswer text = get("/metrics");
  EXPECT_EQ(text.headers.at("content-type"), "text/plain; version=0.0.4; charset=utf-8");
  for (const std::string_view line :
       {"# TYPE stoa_build_info gauge", "stoa_risk_rejects_total{rule=\"PriceBand\"} 0",
        "stoa_log_appended_records_total{domain=\"execution\"} 0",
        "stoa_log_fsync_duration_seconds_bucket{le=\"+Inf\"} 0",
        "stoa_http_requests_total{code=\"504\"} 0", "stoa_commands_total{code=\"503\"} 0",
        "stoa_command_duration_seconds_bucket{le=\"0.005\"} 0", "# TYPE process_open_fds gauge",
        "stoa_feed_gaps_total{symbol=\"BTCUSDT\"} 0"}) {
    EXPECT_NE(text.body.find(line), std::string::npos) << line;
  }
  const std::string json = get("/metrics?format=json").body;
  EXPECT_EQ(at(json, "stoa_orders_total.type"), "counter");
  EXPECT_EQ(at(json, "active_connections"), "1");
  EXPECT_EQ(at(json, "total_messages"), "0");
  HttpClient http = client();
  http.ask("GET", "/metrics", "", "Accept: application/json\r\n");
  EXPECT_EQ(http.read().headers.at("content-type"), "application/json");
  EXPECT_EQ(get("/metrics?format=xml").code(), "bad_parameter");
}

TEST_F(Http, a_taken_port_is_named_with_the_way_out) {
  start();
  FakeEngine other;
  Options options = test_options();
  options.port = gateway->port();
  const auto second = Gateway::start(std::move(options), other.link());
  ASSERT_FALSE(second.has_value());
  EXPECT_EQ(second.error().code, ErrorCode::Unavailable);
  EXPECT_NE(second.error().message.find(std::to_string(gateway->port())), std::string::npos);
  EXPECT_NE(second.error().message.find("--port 0"), std::string::npos);
  Options nowhere = test_options();
  nowhere.host = "not an address";
  EXPECT_EQ(Gateway::start(std::move(nowhere), other.link()).error().code, ErrorCode::BadInput);
}

}  // namespace
}  // namespace stoa::gateway::test
