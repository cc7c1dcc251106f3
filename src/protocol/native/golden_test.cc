// Bytes on the wire never change: tests/golden/native_messages.txt holds one message of every type,
// tests/golden/native_refused.txt what a decoder must refuse and where.
//
// A new message: GOLDEN_UPDATE=1 build/dev/protocol_test --gtest_filter='NativeGolden.*', then
// read the diff. A changed line of an old message is a broken format.
#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <ios>
#include <set>
#include <span>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/crc32c.h"
#include "model/market.h"
#include "model/onchain.h"
#include "model/risk.h"
#include "model/system.h"
#include "model/token_amount.h"
#include "protocol/native/codec.h"
#include "protocol/native/describe.h"
#include "protocol/native/registry.h"
#include "protocol/native/sample_messages.h"

namespace stoa::native {
namespace {

constexpr std::string_view kMessagesFile = "tests/golden/native_messages.txt";
constexpr std::string_view kRefusedFile = "tests/golden/native_refused.txt";

/// Hex in lines of 32 bytes: the header is the first.
std::string hex_lines(std::span<const std::byte> bytes) {
  std::string text;
  for (; !bytes.empty(); bytes = bytes.subspan(bytes.size() < 32 ? bytes.size() : 32)) {
    text += "  " + hex_of(bytes.first(bytes.size() < 32 ? bytes.size() : 32)) + "\n";
  }
  return text;
}

struct Sample {
  std::string what;
  Bytes bytes;
};

/// What the registry alone does not show: other values, other forms, no checksum.
std::vector<Sample> special_messages() {
  const Bytes trade = sample_message(*find_message(Wire<Trade>::kType));
  const auto with = [](const Bytes& message, std::uint8_t type, const Bytes& value) {
    Bytes bytes = message;
    bytes.resize(message.size() + detail::value_bytes(value.size()));
    add_value(bytes, message.size(), type, value);
    return bytes;
  };
  const auto user = [](std::uint8_t type, std::size_t size) {
    const Stamp stamp{.domain = Domain::Signal, .source = 3, .sequence = 1};
    Bytes bytes(detail::message_bytes(size));
    encode_user(bytes, stamp, type, Bytes(size, std::byte{0xAB}));
    return bytes;
  };
  const Bytes trace_body = sample_message(*find_message(Wire<TraceContext>::kType));
  const Bytes trace{trace_body.begin() + 34, trace_body.end()};
  const Bytes unknown{std::byte{1}, std::byte{2}, std::byte{3}};

  Bytes unchecked = trade;
  unchecked[7] = std::byte{kFlagUnchecked};
  detail::finish(unchecked.data(), unchecked.size());
  Bytes unknown_first(trade.begin(), trade.begin() + 32);
  unknown_first = with(unknown_first, 150, unknown);
  const Bytes body{trade.begin() + 34, trade.end()};
  unknown_first = with(unknown_first, Wire<Trade>::kType, body);
  return {
      {"Trade with a trace", with(trade, Wire<TraceContext>::kType, trace)},
      {"Trade with a trace, a value of an unknown type and one of a user",
       with(with(with(trade, Wire<TraceContext>::kType, trace), 150, unknown), 200, {})},
      {"Trade behind a value of an unknown type", unknown_first},
      {"a user's message", user(200, 4)},
      {"a user's message in the extended form", user(254, 256)},
      {"Trade without a checksum", unchecked},
  };
}

std::vector<Sample> good_messages() {
  std::vector<Sample> samples;
  for (const MessageInfo& info : messages()) {
    samples.push_back({std::string{info.name}, sample_message(info)});
  }
  for (Sample& each : special_messages()) samples.push_back(std::move(each));
  return samples;
}

std::string messages_text() {
  std::string text =
      "# One message of every type, then some of special form: its name, its bytes in hex (the "
      "header is the first line), and what they mean.\n";
  for (const auto& [what, bytes] : good_messages()) {
    std::string json;
    append_json(json, MessageView::trusted(bytes));
    text += "\n" + what + "\n" + hex_lines(bytes) + json + "\n";
  }
  return text;
}

Bytes with_checksum(Bytes bytes) {
  const std::span<const std::byte> all{bytes};
  const std::uint32_t crc = crc32c(crc32c(all.first(28)), all.subspan(32));
  std::memcpy(&bytes[28], &crc, sizeof crc);
  return bytes;
}

/// Each breaks one rule of the page docs/formats/native.md.
std::vector<Sample> refused_messages() {
  const Bytes good = sample_message(*find_message(Wire<Trade>::kType));
  const auto changed = [&good](std::size_t at, unsigned value) {
    Bytes bytes = good;
    bytes[at] = static_cast<std::byte>(value);
    return with_checksum(bytes);
  };
  Bytes flipped = good;
  flipped[40] ^= std::byte{1};
  Bytes extended_mark = changed(32, 0xFF);
  Bytes no_value(good.begin(), good.begin() + 32);
  no_value[24] = std::byte{0};
  Bytes unchecked = good;
  unchecked[7] = std::byte{kFlagUnchecked};
  detail::finish(unchecked.data(), unchecked.size());
  const auto of = [](std::uint8_t type, std::size_t at, unsigned value) {
    Bytes bytes = sample_message(*find_message(type));
    bytes[34 + at] = static_cast<std::byte>(value);
    return with_checksum(bytes);
  };
  const auto behind = [&good](std::uint8_t type, std::size_t bytes) {
    Bytes message = good;
    message.resize(good.size() + detail::value_bytes(bytes));
    add_value(message, good.size(), type, Bytes(bytes));
    return message;
  };
  return {
      {"header cut short", Bytes(good.begin(), good.begin() + 31)},
      {"payload cut short", Bytes(good.begin(), good.end() - 1)},
      {"another magic", changed(0, 'X')},
      {"domain 0", changed(4, 0)},
      {"domain 5", changed(4, 5)},
      {"version 0", changed(5, 0)},
      {"version 2", changed(5, 2)},
      {"payload longer than any message", changed(26, 2)},
      {"a flipped bit", flipped},
      {"a market type in the execution domain", changed(4, 3)},
      {"a value longer than the payload", changed(33, 41)},
      {"a value shorter than its type", changed(33, 39)},
      {"an extended value whose second byte is not zero", extended_mark},
      {"side 2", changed(34 + 4, 2)},
      {"a token amount whose sign is 2",
       of(Wire<GasPrice>::kType, offsetof(GasPrice, base_fee) + offsetof(TokenAmount, negative),
          2)},
      {"a book with fewer levels than it counts",
       of(kBookDeltaType, offsetof(BookUpdate, bid_count), 2)},
      {"an enumerator out of range in the second check of a decision",
       of(Wire<RiskDecision>::kType,
          sizeof(RiskDecision) + sizeof(CheckResult) + offsetof(CheckResult, check), kRiskChecks)},
      {"a trace that is a byte short", behind(Wire<TraceContext>::kType, 31)},
      {"an execution type behind a market body", behind(Wire<Mark>::kType, sizeof(Mark))},
      {"no checksum where one is wanted", unchecked},
      {"no value", with_checksum(no_value)},
      {"no known type", changed(32, 199)},
  };
}

std::string refused_text() {
  std::string text =
      "# What a decoder refuses: why, its answer and the byte where it saw it, and the bytes in "
      "hex.\n";
  for (const Sample& each : refused_messages()) {
    const auto view = decode(each.bytes);
    text += "\n" + each.what + "\n";
    text += view ? "  accepted\n"
                 : "  " + std::string{to_string(view.error().error)} + " at " +
                       std::to_string(view.error().offset) + "\n";
    text += hex_lines(each.bytes);
  }
  return text;
}

void compare(std::string_view file, const std::string& now) {
  const auto path = in_source_tree(file);
  if (update_golden()) std::ofstream{path, std::ios::binary} << now;
  EXPECT_EQ(text_of_file(path), now) << "see the top of golden_test.cc";
}

TEST(NativeGolden, every_message_has_the_bytes_that_it_always_had) {
  compare(kMessagesFile, messages_text());
}

TEST(NativeGolden, what_is_refused_is_refused_where_it_always_was) {
  compare(kRefusedFile, refused_text());
}

// The files themselves, read by nothing but hex digits: what an implementation in another language
// would do.
TEST(NativeGolden, the_bytes_of_the_file_decode_to_the_meaning_beside_them) {
  std::istringstream lines{text_of_file(in_source_tree(kMessagesFile))};
  std::string hex;
  std::size_t messages_count = 0;
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("  ")) hex += line.substr(2);
    if (!line.starts_with("{")) continue;
    const Bytes bytes = bytes_of(hex);
    hex.clear();
    const auto view = decode(bytes, {.checksum = Checksum::Off});
    ASSERT_TRUE(view) << line;
    std::string json;
    append_json(json, *view);
    EXPECT_EQ(json, line);
    ++messages_count;
  }
  EXPECT_EQ(messages_count, good_messages().size());
}

TEST(NativeGolden, the_refused_meet_every_error_there_is) {
  std::set<DecodeError> met;
  for (const Sample& each : refused_messages()) {
    const auto view = decode(each.bytes);
    ASSERT_FALSE(view) << each.what;
    met.insert(view.error().error);
  }
  EXPECT_EQ(met.size(), kDecodeErrors);
}

// A reserved byte of FeedState became its reason: what was written before still says what it said.
TEST(NativeGolden, a_feed_state_from_before_it_had_a_reason_has_none) {
  const Bytes bytes = bytes_of(
      "53544f41010103000c0000000000000048fda2df07e6e91712000000a1742dd5"
      "0c1001000000020000000400000000000000");
  const auto view = decode(bytes);
  ASSERT_TRUE(view);
  std::string json;
  append_body_json(json, *view);
  EXPECT_EQ(json, R"({"instrument":1,"status":"stale","reason":"none","missed":"4"})");
}

}  // namespace
}  // namespace stoa::native
