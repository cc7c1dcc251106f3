#include "gateway/ws_frame.h"

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/random.h"
#include "gateway/ws_test_client.h"

namespace stoa::gateway::test {
namespace {

using Kind = WsEvent::Kind;

TEST(WsHandshake, accepts_as_the_rfc_says) {
  // RFC 6455 §1.3; the second is long enough to fill SHA-1's second block.
  EXPECT_EQ(ws_accept_key("dGhlIHNhbXBsZSBub25jZQ=="), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
  EXPECT_EQ(ws_accept_key(""), "Kfh9QIsMVZcl6xEPYxPHzW8SZ8w=");
}

TEST(WsFrame, head_has_the_shortest_length) {
  EXPECT_EQ(WsFrame::make(WsOpcode::Text, "hi")->bytes(), "\x81\x02hi");
  EXPECT_EQ(WsFrame::make(WsOpcode::Text, std::string(125, 'x'))->bytes().size(), 127U);
  EXPECT_EQ(WsFrame::make(WsOpcode::Text, std::string(126, 'x'))->bytes().substr(0, 4),
            (std::string_view{"\x81\x7e\x00\x7e", 4}));
  EXPECT_EQ(WsFrame::make(WsOpcode::Text, std::string(65'535, 'x'))->bytes().size(), 65'539U);
  EXPECT_EQ(WsFrame::make(WsOpcode::Text, std::string(65'536, 'x'))->bytes().substr(0, 10),
            (std::string_view{"\x81\x7f\x00\x00\x00\x00\x00\x01\x00\x00", 10}));
  EXPECT_EQ(WsFrame::close(4008, "x")->bytes(), (std::string_view{"\x88\x03\x0f\xa8x", 5}));
}

WsEvent first_event(std::string_view bytes) {
  static WsReader reader;  // events point into it
  reader = WsReader{};
  reader.feed(bytes);
  return reader.next();
}

TEST(WsReader, refuses_what_the_rfc_forbids) {
  const struct {
    std::string bytes;
    std::uint16_t code;
  } cases[] = {
      {"\x81\x02hi", WsClose::kProtocol},                         // not masked
      {masked(0xC1, "x"), WsClose::kProtocol},                    // reserved bit
      {masked(0x83, "x"), WsClose::kProtocol},                    // reserved opcode
      {masked(0x8B, "x"), WsClose::kProtocol},                    // reserved control opcode
      {masked(0x09, "x"), WsClose::kProtocol},                    // fragmented ping
      {masked(0x89, std::string(126, 'x')), WsClose::kProtocol},  // long ping
      {masked(0x80, "x"), WsClose::kProtocol},                    // continuation of nothing
      {masked(0x01, "x") + masked(0x81, "y"), WsClose::kProtocol},
      {masked(0x88, "x"), WsClose::kProtocol},                              // half a close code
      {masked(0x88, std::string_view{"\x03\xED", 2}), WsClose::kProtocol},  // 1005 may not travel
      {masked(0x88, std::string_view{"\x03\xE7", 2}), WsClose::kProtocol},  // 999
      {masked(0x88, "\x03\xE8\xFF"), WsClose::kBadText},
      {masked(0x81, "\xFF"), WsClose::kBadText},
      {masked(0x81, std::string(65'537, 'x')), WsClose::kTooLarge},
      {masked(0x01, std::string(65'536, 'x')) + masked(0x80, "x"), WsClose::kTooLarge},
  };
  for (const auto& [bytes, code] : cases) {
    SCOPED_TRACE(testing::PrintToString(bytes.substr(0, 8)));
    const WsEvent event = first_event(bytes);
    EXPECT_EQ(event.kind, Kind::Error);
    EXPECT_EQ(event.code, code);
  }
}

TEST(WsReader, takes_messages_fragments_and_control_frames_between_them) {
  WsReader reader;
  reader.feed(masked(0x01, "a") + masked(0x89, "p") + masked(0x00, "b") + masked(0x80, "c") +
              masked(0x81, "") + masked(0x88, std::string_view{"\x03\xE8", 2}) + masked(0x81, "z"));
  WsEvent event = reader.next();
  EXPECT_EQ(event.kind, Kind::Ping);
  EXPECT_EQ(event.payload, "p");
  event = reader.next();
  EXPECT_EQ(event.kind, Kind::Message);
  EXPECT_EQ(event.payload, "abc");
  event = reader.next();
  EXPECT_EQ(event.kind, Kind::Message);
  EXPECT_EQ(event.payload, "");
  event = reader.next();
  EXPECT_EQ(event.kind, Kind::Close);
  EXPECT_EQ(event.code, 1000);
  EXPECT_EQ(reader.next().kind, Kind::NeedMore) << "nothing follows a close";
}

TEST(WsReader, any_cut_of_the_stream_gives_the_same_messages) {
  std::vector<std::string> messages;
  std::string stream;
  Random random{7};
  for (int i = 0; i < 60; ++i) {
    std::string text(static_cast<std::size_t>(random.below(i % 20 == 0 ? 60'000 : 300)), 'm');
    std::size_t at = 0;
    bool first = true;
    while (random.one_in(3) && at < text.size()) {
      const auto part = static_cast<std::size_t>(random.below(text.size() - at + 1));
      stream += masked(first ? 0x01 : 0x00, text.substr(at, part));
      first = false;
      at += part;
    }
    stream += masked(first ? 0x81 : 0x80, text.substr(at));
    messages.push_back(std::move(text));
  }
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    Random cuts{seed};
    WsReader reader;
    std::size_t count = 0;
    for (std::size_t at = 0; at < stream.size();) {
      const auto part = static_cast<std::size_t>(cuts.below(2'000)) + 1;
      reader.feed(std::string_view{stream}.substr(at, part));
      at += part;
      for (WsEvent event = reader.next(); event.kind != Kind::NeedMore; event = reader.next()) {
        ASSERT_EQ(event.kind, Kind::Message);
        ASSERT_LT(count, messages.size());
        EXPECT_EQ(event.payload, messages[count]);
        ++count;
      }
    }
    EXPECT_EQ(count, messages.size());
  }
}

}  // namespace
}  // namespace stoa::gateway::test
