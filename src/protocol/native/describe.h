#pragma once

#include <string>

#include "protocol/native/codec.h"

// Messages as JSON for people and tools: `stoa journal dump -o json`, the story of an order. Driven
// by the registry, so a new message needs no line here. Never read back: the bytes are the truth.
namespace stoa::native {

/// Appends one message as a JSON object:
///
///   {"type":"Trade","domain":"market","source":4,"sequence":"7","timestamp_ns":"1723161253937085768",
///    "body":{"instrument":1,"taker_side":"buy","trade_id":"9","px":"61837.63", … }}
///
/// decimals  strings, shortest exact form             times    strings of nanoseconds
/// integers  of 64 bits strings, smaller ones numbers  enums    by name
/// amounts   strings with exactly the token's decimals; integers of 256 bits strings of digits
/// bytes     addresses and hashes in lower-case hex
/// tails     an array of objects for each count of the head: "bid_count" items are "bids"
/// flags     "output":true, "probe":true and "unchecked":true, only when set
/// unknown   a user's type, or one that this build does not know (trusted views only), is
///           {"type":200, … ,"body_hex":"0aff…"}
/// behind    "trace":{"trace_id":"…","span_id":"…","flags":1} when there is one, and
///           "values":[{"type":"Mark","body":{…}},{"type":150,"body_hex":"…"}] for all others
///
/// Reserved bytes are left out; text that is not UTF-8 shows U+FFFD. Allocates only what `out`
/// grows by.
void append_json(std::string& out, const MessageView& message);

/// Appends only what stands at "body" above.
void append_body_json(std::string& out, const MessageView& message);

/// Appends type and body: `OrderUpdate {"client_order_id":"A17", … }`.
void append_words(std::string& out, const MessageView& message);

/// Appends what two messages say differently: `recorded Fill {"last_px":"5"}, derived Fill
/// {"last_px":"6"}`. Of one type and size only the fields that differ are shown, else all; equal
/// bodies differ in their headers, of which the numbers are shown.
void append_difference(std::string& out, const MessageView& recorded, const MessageView& derived);

}  // namespace stoa::native
