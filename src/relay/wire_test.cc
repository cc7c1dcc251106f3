#include "relay/wire.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "base/ids.h"
#include "model/market.h"
#include "protocol/native/codec.h"
#include "relay/filter.h"

namespace stoa::relay {
namespace {

using Bytes = std::vector<std::byte>;

std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span{text});
}

Bytes trade(std::uint64_t sequence) {
  Bytes bytes(native::kSmallMessageBytes);
  bytes.resize(native::encode(
      bytes, {.domain = native::Domain::Market, .source = 5, .sequence = sequence}, Trade{}));
  return bytes;
}

/// One of everything that a client may send.
Bytes to_relay() {
  Bytes out;
  PublisherHello publisher{.domain = 1, .source = 5, .instance = 7, .first = 9};
  put_name(publisher.name, "market-data");
  put_to_relay(out, publisher);
  SubscriberHello subscriber{.domain = 1, .start = StartAt::Key, .policy = ReaderPolicy::Drop};
  const std::vector<Filter> filters{parse_filter("Trade.7").value(),
                                    parse_filter("Quote.*").value()};
  put_to_relay(out, subscriber, std::as_bytes(std::span{filters}));
  const Bytes message = trade(1);
  out.insert(out.end(), message.begin(), message.end());
  put_to_relay(out, CheckpointPiece{.lsn = 3, .total_bytes = 5, .offset = 0}, bytes_of("state"));
  put_to_relay(out, Bye{});
  return out;
}

/// One of everything that a relay may send.
Bytes from_relay() {
  Bytes out;
  put_from_relay(out, Welcome{.log_id = 1, .head = 2, .next_lsn = 3});
  put_entry(out, Lsn{3}, trade(1));
  put_entry(out, Lsn{0}, trade(2));
  put_from_relay(out, Ack{.sequence = 4, .lsn = 5});
  put_from_relay(out, Rewind{.sequence = 4});
  put_from_relay(out, GapFrame{.first = 4, .last = 9});
  put_from_relay(out, Position{.lsn = 9, .caught_up = 1});
  put_from_relay(out, CheckpointPiece{.lsn = 3, .total_bytes = 5, .offset = 2}, bytes_of("ate"));
  put_from_relay(out, CheckpointDone{.lsn = 3}, bytes_of("why not"));
  put_from_relay(out, Refused{.code = Refusal::Full}, bytes_of("full"));
  put_from_relay(out, Moved{});
  return out;
}

/// What a frame says, as bytes.
Bytes image(const Frame& frame) {
  Bytes bytes;
  if (frame.message) {
    put_entry(bytes, frame.lsn, frame.message->bytes());
  } else {
    bytes.push_back(static_cast<std::byte>(frame.control.kind));
    bytes.insert(bytes.end(), frame.control.body.begin(), frame.control.body.end());
  }
  return bytes;
}

using Decode = std::expected<Frame, WireFailure> (*)(std::span<const std::byte>, native::Accept);

std::vector<Bytes> decode_all(const Bytes& stream, Decode decode) {
  std::vector<Bytes> frames;
  std::size_t at = 0;
  while (at < stream.size()) {
    const auto frame = decode(std::span{stream}.subspan(at), {});
    if (!frame) break;
    frames.push_back(image(*frame));
    at += frame->bytes;
  }
  EXPECT_EQ(at, stream.size());
  return frames;
}

TEST(RelayWire, AnySplitOfTheInputGivesTheSameFrames) {
  for (const auto& [stream, decode, count] :
       {std::tuple{to_relay(), Decode{decode_to_relay}, 5U},
        std::tuple{from_relay(), Decode{decode_from_relay}, 11U}}) {
    const std::vector<Bytes> whole = decode_all(stream, decode);
    ASSERT_EQ(whole.size(), count);
    for (std::size_t step = 1; step <= 97; step += 3) {
      std::vector<Bytes> frames;
      Bytes held;
      for (std::size_t at = 0; at < stream.size(); at += step) {
        const auto part = std::span{stream}.subspan(at, std::min(step, stream.size() - at));
        held.insert(held.end(), part.begin(), part.end());
        while (true) {
          const auto frame = decode(held, {});
          if (!frame) {
            ASSERT_EQ(frame.error().error, WireError::NeedMore);
            break;
          }
          frames.push_back(image(*frame));
          held.erase(held.begin(), held.begin() + static_cast<std::ptrdiff_t>(frame->bytes));
        }
      }
      EXPECT_EQ(frames, whole) << "in steps of " << step;
    }
  }
}

TEST(RelayWire, EveryFlippedBitIsFound) {
  for (const auto& [stream, decode] : {std::pair{to_relay(), Decode{decode_to_relay}},
                                       std::pair{from_relay(), Decode{decode_from_relay}}}) {
    const std::vector<Bytes> whole = decode_all(stream, decode);
    for (std::size_t bit = 0; bit < stream.size() * 8; ++bit) {
      Bytes damaged = stream;
      damaged[bit / 8] ^= static_cast<std::byte>(1U << (bit % 8));
      std::size_t at = 0;
      std::vector<Bytes> frames;
      while (at < damaged.size()) {
        const auto frame = decode(std::span{damaged}.subspan(at), {});
        if (!frame) break;
        frames.push_back(image(*frame));
        at += frame->bytes;
      }
      // An lsn stands outside its message's checksum: a reader finds it by its order.
      EXPECT_NE(frames, whole) << "bit " << bit;
    }
  }
}

TEST(RelayWire, SaysAtWhichByteItStopsBelieving) {
  struct Case {
    const char* name;
    std::size_t at;
    std::byte value;
    WireError error;
    std::size_t offset;
  };
  Bytes good;
  put_to_relay(good, PublisherHello{.domain = 1, .source = 5});
  for (const Case& bad : {Case{"magic", 0, std::byte{'X'}, WireError::BadMagic, 0},
                          Case{"kind", 4, std::byte{17}, WireError::BadKind, 4},
                          Case{"version", 5, std::byte{9}, WireError::BadVersion, 5},
                          Case{"length", 8, std::byte{1}, WireError::BadLength, 8},
                          Case{"a huge length", 11, std::byte{1}, WireError::BadLength, 8},
                          Case{"crc", 12, std::byte{0}, WireError::BadChecksum, 12},
                          Case{"body", 30, std::byte{1}, WireError::BadChecksum, 12}}) {
    Bytes bytes = good;
    bytes[bad.at] = bytes[bad.at] == bad.value ? std::byte{0x55} : bad.value;
    const auto frame = decode_to_relay(bytes);
    ASSERT_FALSE(frame) << bad.name;
    EXPECT_EQ(frame.error().error, bad.error) << bad.name;
    EXPECT_EQ(frame.error().offset, bad.offset) << bad.name;
    EXPECT_TRUE(frame.error().text(1'000).ends_with(std::to_string(1'000 + bad.offset)));
  }
  Bytes bad_message = trade(1);
  bad_message[4] = std::byte{9};
  const auto frame = decode_to_relay(bad_message);
  ASSERT_FALSE(frame);
  EXPECT_EQ(frame.error().error, WireError::BadMessage);
  EXPECT_EQ(frame.error().message, native::DecodeError::BadDomain);
  Bytes entry;
  put_entry(entry, Lsn{UINT64_MAX - 1}, trade(1));
  EXPECT_EQ(decode_from_relay(entry).error().error, WireError::BadLsn);
}

TEST(RelayWire, RefusesValuesThatAreNone) {
  const auto refuses = [](const auto& body, std::size_t offset) {
    Bytes bytes;
    put_to_relay(bytes, body);
    const auto frame = decode_to_relay(bytes);
    ASSERT_FALSE(frame);
    EXPECT_EQ(frame.error().error, WireError::BadValue);
    EXPECT_EQ(frame.error().offset, sizeof(ControlHeader) + offset);
  };
  refuses(PublisherHello{.domain = 0, .source = 1}, 0);
  refuses(PublisherHello{.domain = 5, .source = 1}, 0);
  refuses(PublisherHello{.domain = 1, .source = 1, .reserved = {0, 0, 1}}, 4);
  refuses(SubscriberHello{.domain = 1, .start = StartAt{4}}, 1);
  refuses(SubscriberHello{.domain = 1, .policy = ReaderPolicy{3}}, 2);
  refuses(CheckpointPiece{.lsn = 1, .total_bytes = 5, .offset = 6}, 16);
  refuses(Bye{.reserved = 1}, 0);
}

TEST(RelayWire, AFrameOfTheOtherDirectionIsNone) {
  Bytes ack;
  put_to_relay(ack, Ack{});
  EXPECT_EQ(decode_to_relay(ack).error().error, WireError::BadKind);
  Bytes hello;
  put_from_relay(hello, PublisherHello{.domain = 1, .source = 1});
  EXPECT_EQ(decode_from_relay(hello).error().error, WireError::BadKind);
}

TEST(RelayWire, FiltersReadAndMatch) {
  const auto trade_7 = parse_filter("Trade.7").value();
  EXPECT_EQ(trade_7, (Filter{.type = 1, .every_instrument = 0, .instrument = 7}));
  EXPECT_EQ(parse_filter("200.*").value().type, 200);
  EXPECT_EQ(parse_filter("*").value(), Filter{});
  EXPECT_TRUE(parse_filters(std::vector<std::string>{"Trade.1", "*"}).value().empty());
  Bytes bytes(native::kSmallMessageBytes);
  bytes.resize(native::encode(bytes, {.domain = native::Domain::Market, .source = 5, .sequence = 1},
                              Trade{.instrument = InstrumentId{7}}));
  const auto message = native::MessageView::trusted(bytes);
  EXPECT_EQ(instrument_of(message), 7U);
  EXPECT_TRUE(matches(std::vector{trade_7}, message));
  EXPECT_TRUE(matches(std::vector{parse_filter("Trade.*").value()}, message));
  EXPECT_FALSE(matches(std::vector{parse_filter("Trade.8").value()}, message));
  EXPECT_FALSE(matches(std::vector{parse_filter("Quote.*").value()}, message));
}

}  // namespace
}  // namespace stoa::relay
