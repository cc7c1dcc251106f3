#include "cli/engine_client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <fstream>
#include <initializer_list>
#include <optional>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cli/test_support.h"

// Commands against a scripted engine behind a real socket.
namespace stoa::cli {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr std::string_view kOrder =
    R"({"client_order_id":"eth-1","cl_ord_id":"7","order_id":null,"symbol":"ETHUSDT","side":"buy",)"
    R"("type":"limit","time_in_force":"GTC","price":"2500.5","quantity":"2","filled_quantity":"0.5",)"
    R"("remaining_quantity":"1.5","average_price":"2500","fees":"0.1","status":"partially_filled",)"
    R"("source":"api","strategy":null,"code":null,"reason":null,)"
    R"("created_ns":"1723161253937085768","updated_ns":"1723161253937085768","lsn":"7"})";

class ClientTest : public ::testing::Test {
 protected:
  ClientTest() { std::ofstream{dir_.path() / "token"} << "sesame\n"; }

  /// Runs a command against an engine that answers as told.
  Ran run(ScriptedEngine& engine, std::initializer_list<std::string> words) {
    std::vector<std::string> all{words};
    for (const auto& word : {std::string{"--url"}, engine.url(), std::string{"--data"},
                             dir_.path().string(), std::string{"--env"}, std::string{"testing"}}) {
      all.push_back(word);
    }
    return run_words(all);
  }
  static ScriptedEngine::Script always(int status, std::string_view body) {
    return [answer = http(status, body)](const SeenRequest&) { return answer; };
  }

  TempDir dir_;
};

TEST_F(ClientTest, a_list_of_orders_is_a_table_with_numbers_to_the_right) {
  const auto body = R"({"orders":[)" + std::string{kOrder} +
                    R"(,{"client_order_id":"mm-btc-1","symbol":"BTCUSDT","side":"sell",)"
                    R"("type":"market","time_in_force":"IOC","price":null,"quantity":"0.00012",)"
                    R"("filled_quantity":"0","average_price":null,"status":"rejected",)"
                    R"("source":"strategy","strategy":"mm-btc","code":"PriceBand",)"
                    R"("created_ns":"1723161253000000001"}],"next_cursor":"abc"})";
  ScriptedEngine engine{always(200, body)};
  const auto ran = run(engine, {"order", "list", "--status", "all", "--symbol", "A&B"});
  EXPECT_EQ(ran.exit, 0) << ran.err;
  EXPECT_EQ(
      ran.out,
      "TIME (UTC)                  CLIENT ORDER ID  SYMBOL   SIDE  TYPE        QUANTITY   PRICE  "
      "FILLED  AVERAGE  STATUS              FROM\n"
      "2024-08-08 23:54:13.937085  eth-1            ETHUSDT  buy   limit GTC          2  2500.5  "
      "   0.5     2500  partially_filled    api\n"
      "2024-08-08 23:54:13.000000  mm-btc-1         BTCUSDT  sell  market IOC   0.00012  market  "
      "     0        -  rejected PriceBand  mm-btc\n");
  EXPECT_EQ(ran.err, "more: --cursor abc\n");
  EXPECT_EQ(engine.seen().at(0).line,
            "GET /api/v1/orders?status=all&limit=100&symbol=A%26B HTTP/1.1");
}

TEST_F(ClientTest, json_is_the_engines_own_answer_unchanged) {
  const std::string body = R"({"orders":[],"next_cursor":null,"future":{"field":[1.50]}})";
  ScriptedEngine engine{always(200, body)};
  const auto ran = run(engine, {"order", "list", "-o", "json"});
  EXPECT_EQ(ran.out, body + "\n");
  EXPECT_EQ(run(engine, {"order", "list", "--json"}).out, body + "\n");
}

TEST_F(ClientTest, placing_an_order_sends_it_once_with_the_token) {
  ScriptedEngine engine{always(201, kOrder)};
  const auto ran = run(engine, {"order", "place", "ETHUSDT", "buy", "2", "--price", "2500.5",
                                "--client-order-id", "eth-1"});
  EXPECT_EQ(ran.exit, 0) << ran.err;
  EXPECT_EQ(ran.out,
            "eth-1  buy 2 ETHUSDT at 2500.5 (limit GTC)  partially_filled, filled 0.5 at 2500\n");
  const auto seen = engine.seen();
  ASSERT_EQ(seen.size(), 1U);
  EXPECT_EQ(seen[0].line, "POST /api/v1/orders HTTP/1.1");
  EXPECT_THAT(seen[0].head, HasSubstr("Authorization: Bearer sesame"));
  EXPECT_EQ(seen[0].body,
            R"({"symbol":"ETHUSDT","side":"buy","type":"limit","quantity":"2","price":"2500.5",)"
            R"("client_order_id":"eth-1"})");
}

struct RefusalCase {
  int status;
  std::string_view code;
  int exit;
};
constexpr RefusalCase kRefusals[] = {
    {400, "bad_field", 2},      {401, "token_wrong", 1}, {404, "unknown_symbol", 1},
    {409, "too_late", 5},       {422, "PriceBand", 6},   {503, "engine_busy", 1},
    {413, "body_too_large", 1},
};

TEST_F(ClientTest, a_refusal_is_told_with_its_code_and_hint_and_its_own_exit_code) {
  for (const auto& [status, code, exit] : kRefusals) {
    SCOPED_TRACE(code);
    const auto body = R"({"type":"about:blank","title":"No","status":1,"code":")" +
                      std::string{code} + R"(","detail":"why it is so","hint":"do this"})";
    ScriptedEngine engine{always(status, body)};
    const auto ran = run(engine, {"order", "cancel", "eth-1"});
    EXPECT_EQ(ran.exit, exit);
    EXPECT_EQ(ran.out, "");
    EXPECT_EQ(ran.err, "error[" + std::string{code} + "]: why it is so\n  hint: do this\n");
    EXPECT_EQ(run(engine, {"order", "cancel", "eth-1", "--json"}).out, body + "\n");
  }
}

TEST_F(ClientTest, an_order_whose_outcome_is_unknown_is_asked_for_and_never_sent_again) {
  for (const bool lost : {false, true}) {
    SCOPED_TRACE(lost);
    ScriptedEngine engine{[&](const SeenRequest& request) -> std::optional<std::string> {
      if (request.line.starts_with("GET")) return http(200, kOrder);
      return lost ? std::string{} : http(504, R"({"code":"outcome_unknown","detail":"late"})");
    }};
    const auto ran = run(engine, {"order", "place", "ETHUSDT", "buy", "2", "--price", "2500.5",
                                  "--client-order-id", "eth-1"});
    EXPECT_EQ(ran.exit, 0);
    EXPECT_THAT(ran.err, HasSubstr("the outcome is unknown: the order eth-1 may exist"));
    EXPECT_THAT(ran.out, HasSubstr("partially_filled"));
    const auto seen = engine.seen();
    ASSERT_EQ(seen.size(), 2U);
    EXPECT_EQ(seen[1].line, "GET /api/v1/orders/eth-1 HTTP/1.1");
  }
}

TEST_F(ClientTest, an_order_that_stays_unknown_ends_with_7) {
  ScriptedEngine engine{[](const SeenRequest& request) -> std::optional<std::string> {
    return request.line.starts_with("GET") ? http(404, R"({"code":"unknown_order"})")
                                           : http(504, R"({"code":"outcome_unknown"})");
  }};
  const auto ran = run(engine, {"order", "place", "ETHUSDT", "buy", "2", "--price", "2500.5",
                                "--client-order-id", "eth-1"});
  EXPECT_EQ(ran.exit, 7);
  EXPECT_EQ(ran.out, "");
  EXPECT_THAT(ran.err, HasSubstr("ask again: stoa order show eth-1"));
  EXPECT_EQ(engine.seen().size(), 2U);
}

TEST_F(ClientTest, a_change_whose_answer_is_lost_ends_with_7_and_is_not_repeated) {
  ScriptedEngine engine{[](const SeenRequest&) { return std::string{}; }};
  const auto ran = run(engine, {"risk", "kill", "--reason", "x"});
  EXPECT_EQ(ran.exit, 7);
  EXPECT_THAT(ran.err, HasSubstr("the outcome is not known"));
  EXPECT_EQ(engine.seen().size(), 1U);
}

TEST_F(ClientTest, an_engine_that_keeps_silent_ends_with_7) {
  ScriptedEngine engine{[](const SeenRequest&) -> std::optional<std::string> { return {}; }};
  const auto ran = run(engine, {"status", "--timeout", "1"});
  EXPECT_EQ(ran.exit, 7);
  EXPECT_THAT(ran.err, HasSubstr("did not answer in time"));
}

TEST_F(ClientTest, without_an_engine_it_says_how_to_start_one) {
  std::uint16_t port = 0;
  {
    const ScriptedEngine gone{always(200, "{}")};
    port = gone.port();
  }
  const auto ran = run_words({"status", "--port", std::to_string(port), "--env", "testing"});
  EXPECT_EQ(ran.exit, 1);
  EXPECT_THAT(ran.err, HasSubstr("no engine answers at 127.0.0.1:" + std::to_string(port)));
  EXPECT_THAT(ran.err, HasSubstr("stoa run engine"));
}

TEST_F(ClientTest, something_else_on_the_port_is_told_from_an_engine) {
  for (const auto* answer :
       {"SSH-2.0-OpenSSH\r\n", "HTTP/1.1 200 OK\r\n\r\n<html>", "HTTP/1.1 2"}) {
    ScriptedEngine engine{[&](const SeenRequest&) { return std::string{answer}; }};
    const auto ran = run(engine, {"status"});
    EXPECT_EQ(ran.exit, 1) << answer;
    EXPECT_EQ(ran.out, "");
  }
}

TEST_F(ClientTest, chunked_answers_are_put_together) {
  ScriptedEngine engine{[](const SeenRequest&) {
    return std::string{
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        "8\r\n{\"orders\r\n5;x=y\r\n\":[]}\r\n0\r\n\r\n"};
  }};
  EXPECT_EQ(run(engine, {"order", "list", "--json"}).out, "{\"orders\":[]}\n");
}

TEST_F(ClientTest, a_dry_run_shows_the_request_and_sends_nothing) {
  ScriptedEngine engine{always(200, "{}")};
  const auto ran = run(engine, {"risk", "set", "max_open_orders=5", "--reason", "x", "--dry-run"});
  EXPECT_EQ(ran.exit, 0);
  EXPECT_EQ(ran.out,
            "would send PUT /api/v1/risk/limits "
            "{\"limits\":{\"max_open_orders\":\"5\"},\"reason\":\"x\"}\n");
  EXPECT_TRUE(engine.seen().empty());
}

TEST_F(ClientTest, a_change_without_a_token_says_where_it_was_looked_for) {
  ScriptedEngine engine{always(200, "{}")};
  std::filesystem::remove(dir_.path() / "token");
  const auto ran = run(engine, {"order", "cancel", "--all"});
  EXPECT_EQ(ran.exit, 1);
  EXPECT_THAT(ran.err, HasSubstr((dir_.path() / "token").string()));
  EXPECT_TRUE(engine.seen().empty());
}

TEST_F(ClientTest, the_story_of_an_order_is_a_timeline_with_times_between_and_headroom) {
  auto body = std::string{kOrder};
  body.back() = ',';
  body += R"("story":[{"lsn":"7","ts_ns":"1723161253937085768","event":"intent","detail":)"
          R"({"quantity":"2"}},{"lsn":"8","ts_ns":"1723161253937098068","event":"risk","detail":)"
          R"({"accepted":true,"checks":[{"check":"price_band","ok":true,"limit":"250.05",)"
          R"("value":"0.5","headroom":"249.55"},{"check":"lot","ok":false,"limit":null,)"
          R"("value":"2","headroom":null}]}},{"lsn":"12","ts_ns":"1723161253941298068",)"
          R"("event":"fill","detail":{"price":"2500","quantity":"0.5"}}]})";
  ScriptedEngine engine{always(200, body)};
  const auto ran = run(engine, {"order", "show", "eth-1"});
  EXPECT_EQ(ran.exit, 0) << ran.err;
  EXPECT_EQ(ran.out,
            "eth-1  buy 2 ETHUSDT at 2500.5 (limit GTC)  partially_filled, filled 0.5 at 2500\n"
            "\n"
            "LSN  TIME (UTC)                      STEP     TOTAL  EVENT   DETAIL\n"
            "  7  2024-08-08 23:54:13.937085         -         -  intent  quantity=2\n"
            "  8  2024-08-08 23:54:13.937098  +12.3 µs  +12.3 µs  risk    accepted=true "
            "checks=1/2\n"
            " 12  2024-08-08 23:54:13.941298   +4.2 ms  +4.21 ms  fill    price=2500 "
            "quantity=0.5\n"
            "\n"
            "risk checks at lsn 8\n"
            "CHECK       OK   VALUE   LIMIT  HEADROOM\n"
            "price_band  yes    0.5  250.05    249.55\n"
            "lot         NO       2       -         -\n");
}

TEST_F(ClientTest, strategy_parameters_are_sent_as_their_schema_types_them) {
  ScriptedEngine engine{[](const SeenRequest& request) -> std::optional<std::string> {
    if (request.line.starts_with("GET")) {
      return http(200,
                  R"({"strategies":[{"name":"mm","schema":{"properties":{"ticks":)"
                  R"({"type":"integer"},"qty":{"type":"string"},"on":{"type":"boolean"}}}}]})");
    }
    return http(200, R"({"name":"mm","type":"market_maker","symbol":"B","state":"running",)"
                     R"("params":{"ticks":4,"qty":"0.5"}})");
  }};
  const auto ran = run(engine, {"strategy", "set", "mm", "ticks=4", "qty=0.5", "on=true"});
  EXPECT_EQ(ran.exit, 0) << ran.err;
  EXPECT_EQ(engine.seen().at(1).body, R"({"ticks":4,"qty":"0.5","on":true})");
  EXPECT_EQ(ran.out, "mm  market_maker B  running  ticks=4  qty=0.5\n");
}

TEST_F(ClientTest, checking_an_order_shows_every_headroom_and_ends_with_6_when_refused) {
  ScriptedEngine engine{always(
      200, R"({"accepted":false,"code":"MaxOrderNotional","checks":[{"check":"order_notional",)"
           R"("ok":false,"limit":"100000","value":"150000","headroom":"-50000"}],)"
           R"("notional":"150000","fee_estimate":"112.5"})")};
  const auto ran =
      run(engine, {"order", "place", "BTCUSDT", "buy", "2.5", "--price", "60000", "--check"});
  EXPECT_EQ(ran.exit, 6);
  EXPECT_EQ(ran.out,
            "CHECK           OK   VALUE   LIMIT  HEADROOM\n"
            "order_notional  NO  150000  100000    -50000\n"
            "would be refused: MaxOrderNotional  notional 150000  fee about 112.5\n");
}

TEST_F(ClientTest, status_ends_with_3_when_the_log_has_failed) {
  const auto body = [](std::string_view failed) {
    return R"({"version":"0.1.0","commit":"abc","mode":"PAPER","environment":"testing",)"
           R"("uptime_s":3.5,"started_ns":"0","market_source":"sim","seed":1,"feed":[],)"
           R"("state_hash":"ff","kill_switch":{"active":false},"log":{"failed":)" +
           std::string{failed} + "}}";
  };
  ScriptedEngine well{always(200, body("false"))};
  ScriptedEngine ill{always(200, body("true"))};
  EXPECT_EQ(run(well, {"status"}).exit, 0);
  EXPECT_EQ(run(ill, {"status"}).exit, 3);
  EXPECT_THAT(run(ill, {"status"}).out, HasSubstr("FAILED"));
}

TEST_F(ClientTest, a_token_never_shows) {
  ScriptedEngine engine{always(401, R"({"code":"token_wrong","detail":"no"})")};
  const auto ran = run(engine, {"order", "cancel", "x"});
  EXPECT_THAT(ran.out + ran.err, Not(HasSubstr("sesame")));
}

}  // namespace
}  // namespace stoa::cli
