#include <gtest/gtest.h>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/ids.h"
#include "base/qty.h"
#include "base/text.h"
#include "gateway/gateway.h"
#include "gateway/market_publisher.h"
#include "gateway/test_support.h"
#include "gateway/ws_test_client.h"
#include "model/execution.h"
#include "model/market.h"
#include "model/risk.h"
#include "model/types.h"
#include "protocol/native/codec.h"
#include "protocol/native/registry.h"

namespace stoa::gateway::test {
namespace {

class Ws : public GatewayTest {
 protected:
  [[nodiscard]] std::unique_ptr<WsTestClient> connect(int receive_buffer = 0) const {
    auto client = std::make_unique<WsTestClient>(gateway->port(), receive_buffer);
    EXPECT_EQ(client->upgrade(), 101);
    return client;
  }
  template <class M>
  void view(const M& message) {
    std::array<std::byte, native::kSmallMessageBytes> bytes{};
    const std::size_t used =
        native::encode(bytes, {.domain = native::Domain::Market, .sequence = 1}, message);
    engine.publish_view(std::span{bytes}.first(used));
  }
  void book(const std::vector<Level>& bids, const std::vector<Level>& asks) {
    std::array<std::byte, 4'096> bytes{};
    const BookView book{
        .head = {.instrument = InstrumentId{1}, .ts_event = Timestamp::from_ns(kStartNs)},
        .snapshot = true,
        .bids = bids,
        .asks = asks};
    const std::size_t used =
        native::encode_book(bytes, {.domain = native::Domain::Market, .sequence = 1}, book);
    engine.publish_view(std::span{bytes}.first(used));
  }
  static Level level(std::string_view price, std::string_view quantity) {
    return {px(price), qty(quantity)};
  }
};

TEST_F(Ws, the_handshake_is_checked) {
  Options options = test_options();
  options.clients_max = 2;
  start(std::move(options));
  const auto status_of = [&](std::string_view headers, std::string_view host = "127.0.0.1") {
    WsTestClient client{gateway->port()};
    return client.upgrade(headers, host);
  };
  EXPECT_EQ(status_of("Origin: http://127.0.0.1\r\n"), 101);
  EXPECT_EQ(status_of("Origin: http://evil.example\r\n"), 403);
  EXPECT_EQ(status_of("Origin: null\r\n"), 403);
  EXPECT_EQ(status_of("", "evil.example"), 421);
  const auto first = connect();
  const auto second = connect();
  // Clients that have just left may still count for a moment; two that stay fill the bound.
  EXPECT_EQ(status_of(""), 503);
}

TEST_F(Ws, answers_ping_and_names_what_it_does_not_understand) {
  start();
  const auto client = connect();
  client->say(R"({"op":"ping"})");
  EXPECT_EQ(at(client->frame().payload, "op"), "pong");
  const auto error_of = [&](std::string_view text) {
    client->say(text);
    return at(client->frame().payload, "code");
  };
  EXPECT_EQ(error_of("nope"), "malformed_json");
  EXPECT_EQ(error_of("[]"), "missing_field");
  EXPECT_EQ(error_of(R"({"op":"fly"})"), "unknown_op");
  EXPECT_EQ(error_of(R"({"op":"subscribe"})"), "bad_field");
  EXPECT_EQ(error_of(R"({"op":"subscribe","channels":["book.NOPE"]})"), "unknown_channel");
  EXPECT_EQ(error_of(R"({"op":"subscribe","channels":[1]})"), "unknown_channel");
  client->send(masked(0x89, "beat"));
  const auto pong = client->frame();
  EXPECT_EQ(pong.opcode, 10);
  EXPECT_EQ(pong.payload, "beat");
  client->say(R"({"op":"ping"})");
  EXPECT_EQ(at(client->frame().payload, "op"), "pong") << "the connection lives";
}

TEST_F(Ws, orders_come_as_snapshot_then_as_deltas_without_gap) {
  start();
  OrderUpdate order = engine.resting("a-1");
  get_until("/api/v1/orders/a-1",
            [](const HttpAnswer& a) { return at(a.body, "status") == "new"; });
  const auto client = connect();
  client->say(R"({"op":"subscribe","channels":["orders"]})");
  const std::string snapshot = client->frame().payload;
  EXPECT_EQ(at(snapshot, "type"), "snapshot");
  EXPECT_EQ(at(snapshot, "data.orders.0.client_order_id"), "a-1");
  std::string seq = at(snapshot, "seq");
  for (int i = 1; i <= 5; ++i) {
    order.cum_qty = Qty::from_e8(i);
    order.status = OrdStatus::PartiallyFilled;
    engine.output(order);
    const std::string delta = client->frame().payload;
    EXPECT_EQ(at(delta, "type"), "delta");
    EXPECT_EQ(at(delta, "prev_seq"), seq);
    seq = at(delta, "seq");
    EXPECT_EQ(at(delta, "data.orders.0.filled_quantity"), "0.0000000" + std::to_string(i));
  }
  client->say(R"({"op":"unsubscribe","channels":["orders"]})");
  client->say(R"({"op":"ping"})");
  EXPECT_EQ(at(client->frame().payload, "op"), "pong");
  engine.output(order);
  get_until("/api/v1/orders/a-1", [](const HttpAnswer& a) { return a.status == 200; });
  client->say(R"({"op":"ping"})");
  EXPECT_EQ(at(client->frame().payload, "op"), "pong") << "no delta after leaving";
}

TEST_F(Ws, fills_come_oldest_first_in_deltas) {
  start();
  const auto client = connect();
  client->say(R"({"op":"subscribe","channels":["fills"]})");
  EXPECT_EQ(at(client->frame().payload, "data.fills"), "[0]");
  std::uint64_t expected = 1;
  for (std::uint64_t i = 1; i <= 20; ++i) {
    engine.output(Fill{.instrument = InstrumentId{1}, .exec_id = ExecId{i}});
  }
  while (expected <= 20) {
    const std::string delta = client->frame().payload;
    ASSERT_EQ(at(delta, "type"), "delta");
    for (std::size_t i = 0; at(delta, "data.fills." + std::to_string(i)) != "missing"; ++i) {
      EXPECT_EQ(at(delta, "data.fills." + std::to_string(i) + ".exec_id"),
                std::to_string(expected++));
    }
  }
}

TEST_F(Ws, book_deltas_applied_to_the_snapshot_give_the_book) {
  start();
  book({level("100", "1"), level("99", "2")}, {level("101", "1")});
  get_until("/api/v1/book/BTCUSDT",
            [](const HttpAnswer& a) { return at(a.body, "bids") == "[2]"; });
  const auto client = connect();
  client->say(R"({"op":"subscribe","channels":["book.BTCUSDT"]})");
  std::map<std::string, std::string> bids;
  const auto apply = [&](const std::string& frame) {
    for (std::size_t i = 0; at(frame, "data.bids." + std::to_string(i)) != "missing"; ++i) {
      const std::string path = "data.bids." + std::to_string(i);
      const std::string quantity = at(frame, path + ".1");
      if (quantity == "0") {
        bids.erase(at(frame, path + ".0"));
      } else {
        bids[at(frame, path + ".0")] = quantity;
      }
    }
  };
  apply(client->frame().payload);
  EXPECT_EQ(bids, (std::map<std::string, std::string>{{"100", "1"}, {"99", "2"}}));
  book({level("100", "3"), level("98", "1")}, {level("101", "1")});
  const std::string delta = client->frame().payload;
  EXPECT_EQ(at(delta, "data.bids"), "[3]");
  EXPECT_EQ(at(delta, "data.asks"), "[0]");
  apply(delta);
  EXPECT_EQ(bids, (std::map<std::string, std::string>{{"100", "3"}, {"98", "1"}}));
  view(FeedState{.instrument = InstrumentId{1}, .status = FeedStatus::Stale});
  EXPECT_EQ(at(client->frame().payload, "data.state"), "stale");
}

TEST_F(Ws, trades_and_candles_follow_the_market) {
  start();
  const auto client = connect();
  client->say(R"({"op":"subscribe","channels":["trades.BTCUSDT","candles.BTCUSDT.1m"]})");
  EXPECT_EQ(at(client->next_of("trades.BTCUSDT"), "data.trades"), "[0]");
  EXPECT_EQ(at(client->next_of("candles.BTCUSDT.1m"), "data.candles"), "[0]");
  view(Trade{.instrument = InstrumentId{1}, .trade_id = TradeId{1}, .px = px("5")});
  EXPECT_EQ(at(client->next_of("trades.BTCUSDT"), "data.trades.0.price"), "5");
  view(FeedState{.instrument = InstrumentId{1}, .missed = 3});
  EXPECT_EQ(at(client->next_of("trades.BTCUSDT"), "data.missed"), "3");
  Candle candle{.instrument = InstrumentId{1},
                .interval_s = 60,
                .open_s = 120,
                .close = px("5"),
                .trades = 1};
  view(candle);
  EXPECT_EQ(at(client->next_of("candles.BTCUSDT.1m"), "data.candles.0.close"), "5");
  candle.close = px("6");
  view(candle);
  EXPECT_EQ(at(client->next_of("candles.BTCUSDT.1m"), "data.candles.0.close"), "6");
  EXPECT_EQ(at(get("/api/v1/candles/BTCUSDT?interval=1m").body, "candles"), "[1]");
  EXPECT_EQ(at(get("/api/v1/candles/BTCUSDT?interval=1h").body, "candles"), "[0]");
  EXPECT_EQ(get("/api/v1/candles/BTCUSDT?interval=2m").code(), "bad_parameter");
  EXPECT_EQ(at(get("/api/v1/trades/BTCUSDT?limit=1").body, "trades.0.trade_id"), "1");
}

TEST_F(Ws, the_other_channels_send_the_whole_when_it_changes) {
  start();
  const auto client = connect();
  client->say(R"({"op":"subscribe","channels":["positions","strategies","risk","health"]})");
  EXPECT_EQ(at(client->next_of("positions"), "data.account.mode"), "PAPER");
  EXPECT_EQ(at(client->next_of("strategies"), "data.strategies.0.name"), "maker");
  EXPECT_EQ(at(client->next_of("risk"), "data.kill_switch.active"), "false");
  EXPECT_EQ(at(client->next_of("health"), "data.version"), "1.2.3");
  engine.input(KillSwitch{.active = 1, .reason = Text<120>::cut("x")});
  EXPECT_EQ(at(client->next_of("risk"), "data.kill_switch.active"), "true");
  engine.output(AccountUpdate{.equity = px("5")});
  EXPECT_EQ(at(client->next_of("positions"), "data.account.equity"), "5");
  EXPECT_EQ(at(client->next_of("health"), "type"), "delta") << "health needs no change";
}

TEST_F(Ws, a_slow_reader_gets_no_deltas_and_then_a_snapshot) {
  Options options = test_options();
  options.backlog_soft_bytes = 64U << 10U;
  start(std::move(options));
  OrderUpdate order = engine.resting("a-1");
  get_until("/api/v1/orders/a-1",
            [](const HttpAnswer& a) { return at(a.body, "status") == "new"; });
  const auto slow = connect(4'096);
  const auto quick = connect();
  slow->say(R"({"op":"subscribe","channels":["orders"]})");
  quick->say(R"({"op":"subscribe","channels":["orders"]})");
  EXPECT_EQ(at(quick->frame().payload, "type"), "snapshot");
  // Each delta is some 600 bytes. The quick one reads all; far more comes than the slow one's
  // buffers in the kernel and the soft limit hold.
  constexpr int kDeltas = 20'000;
  std::string last_seq;
  for (int i = 1; i <= kDeltas; ++i) {
    order.cum_qty = Qty::from_e8(i);
    engine.output(order);
    const std::string delta = quick->frame().payload;
    ASSERT_EQ(at(delta, "type"), "delta");
    if (i == kDeltas) last_seq = at(delta, "seq");
  }
  std::string seq;
  std::size_t snapshots = 0;
  std::size_t deltas = 0;
  while (seq != last_seq) {
    const std::string frame = slow->frame().payload;
    ASSERT_FALSE(frame.empty());
    if (at(frame, "type") == "snapshot") {
      ++snapshots;
    } else {
      ++deltas;
      EXPECT_EQ(at(frame, "prev_seq"), seq) << "what is sent has no gap";
    }
    seq = at(frame, "seq");
  }
  EXPECT_GE(snapshots, 2U) << "the first one, and one after the jump";
  EXPECT_LT(deltas, static_cast<std::size_t>(kDeltas));
}

TEST_F(Ws, who_does_not_read_is_closed_with_4008) {
  Options options = test_options();
  options.client_silence_max = std::chrono::milliseconds{50};
  start(std::move(options));
  OrderUpdate order = engine.resting("a-1");
  const auto client = connect(4'096);
  client->say(R"({"op":"subscribe","channels":["orders"]})");
  // Deltas until the gateway lets go of the client, who reads nothing meanwhile.
  const std::string closed = "stoa_websocket_closed_slow_total 1";
  HttpClient http = this->client();
  for (int i = 0; http.call("GET", "/metrics").body.find(closed) == std::string::npos; ++i) {
    for (int j = 0; j < 200; ++j) {
      order.cum_qty = Qty::from_e8(i * 200 + j + 1);
      engine.output(order);
    }
  }
  WsTestClient::Frame frame;
  do {
    frame = client->frame();
  } while (frame.opcode == 1);
  EXPECT_EQ(frame.close_code(), 4008);
}

TEST_F(Ws, bad_frames_close_with_their_code) {
  start();
  const std::pair<std::string, std::uint16_t> cases[] = {
      {std::string{"\x81\x02hi"}, 1002},
      {masked(0x82, "binary"), 1003},
      {masked(0x81, "\xFF"), 1007},
      {masked(0x81, std::string(65'537, 'x')), 1009},
      {masked(0x88, std::string_view{"\x03\xE9", 2}), 1001},
      {masked(0x88, ""), 1000},
  };
  for (const auto& [bytes, code] : cases) {
    SCOPED_TRACE(code);
    const auto client = connect();
    client->send(bytes);
    EXPECT_EQ(client->frame().close_code(), code);
    EXPECT_EQ(client->frame().opcode, 0xFF) << "the stream ends behind the close";
  }
}

TEST_F(Ws, a_stopping_gateway_says_goodbye) {
  start();
  const auto client = connect();
  client->say(R"({"op":"ping"})");
  EXPECT_EQ(at(client->frame().payload, "op"), "pong");
  std::thread stopper{[this] { gateway->stop(); }};
  EXPECT_EQ(client->frame().close_code(), 1001);
  client->send(masked(0x88, std::string_view{"\x03\xE9", 2}));
  stopper.join();
  WsTestClient late{gateway->port()};
  EXPECT_FALSE(late.connected());
}

TEST_F(Ws, frames_behind_the_handshake_are_not_lost) {
  start();
  WsTestClient client{gateway->port()};
  const std::string ping = masked(0x81, R"({"op":"ping"})");
  client.send(
      "GET /ws/v1 HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
      "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n" +
      ping);
  EXPECT_EQ(client.read().status, 101);
  EXPECT_EQ(at(client.frame().payload, "op"), "pong");
}

}  // namespace
}  // namespace stoa::gateway::test
