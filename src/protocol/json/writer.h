#pragma once

#include <charconv>
#include <concepts>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/decimal.h"
#include "base/money.h"
#include "base/price.h"
#include "base/qty.h"

namespace stoa::json {

/// Appends `text` in quotes with everything escaped that RFC 8259 asks for. The text is taken as
/// UTF-8; bytes that are not become U+FFFD, so that the output is always valid.
void append_string(std::string& out, std::string_view text);

/// Whether every byte belongs to a well-formed UTF-8 sequence.
[[nodiscard]] bool is_utf8(std::string_view text) noexcept;

/// Writes JSON at the end of a buffer that the caller owns and may reuse: nothing is allocated but
/// the buffer's growth. Commas are put by the writer; that keys and ends match is the caller's
/// duty.
///
///   Writer json{out};
///   json.begin_object();
///   json.field("symbol", "BTCUSDT");
///   json.field("price", price);        // "61837.63": decimals are strings
///   json.end_object();
class Writer {
 public:
  explicit Writer(std::string& out) noexcept : out_{out} {}

  void begin_object() { open('{'); }
  void end_object() { close('}'); }
  void begin_array() { open('['); }
  void end_array() { close(']'); }

  /// Names are identifiers of ours and are not escaped; use `text_key` for anything else.
  void key(std::string_view name) {
    separate();
    out_ += '"';
    out_ += name;
    out_ += "\":";
    first_ = true;
  }
  void text_key(std::string_view name) {
    separate();
    append_string(out_, name);
    out_ += ':';
    first_ = true;
  }

  void value(std::string_view text) {
    separate();
    append_string(out_, text);
  }
  void value(const char* text) { value(std::string_view{text}); }
  void value(bool flag) {
    separate();
    out_ += flag ? "true" : "false";
  }
  template <std::integral Integer>
    requires(!std::same_as<Integer, bool>)
  void value(Integer number) {
    separate();
    append_integer(number);
  }
  void value(Price price) { decimal_e8(price.e8()); }
  void value(Qty qty) { decimal_e8(qty.e8()); }
  void value(Money money) { decimal_e8(money.e8()); }
  template <class T>
  void value(const std::optional<T>& maybe) {
    if (maybe) {
      value(*maybe);
    } else {
      null();
    }
  }
  void null() {
    separate();
    out_ += "null";
  }
  /// An exact decimal as a string.
  void decimal_e8(int128 e8) {
    separate();
    out_ += '"';
    out_ += DecimalText{e8}.view();
    out_ += '"';
  }
  /// A 64-bit number as a string, for ids and nanoseconds that JavaScript's numbers cannot carry.
  template <std::integral Integer>
  void digits(Integer number) {
    separate();
    out_ += '"';
    append_integer(number);
    out_ += '"';
  }
  /// A number with at most three decimals, for figures that people read (milliseconds, seconds).
  void milli(std::int64_t thousandths);
  /// JSON text that is already whole.
  void raw(std::string_view json_text) {
    separate();
    out_ += json_text;
  }

  template <class T>
  void field(std::string_view name, const T& v) {
    key(name);
    value(v);
  }
  template <std::integral Integer>
  void digits_field(std::string_view name, Integer number) {
    key(name);
    digits(number);
  }
  void null_field(std::string_view name) {
    key(name);
    null();
  }
  void raw_field(std::string_view name, std::string_view json_text) {
    key(name);
    raw(json_text);
  }

 private:
  void separate() {
    if (!first_) out_ += ',';
    first_ = false;
  }
  void open(char bracket) {
    separate();
    out_ += bracket;
    first_ = true;
  }
  void close(char bracket) {
    out_ += bracket;
    first_ = false;
  }
  template <std::integral Integer>
  void append_integer(Integer number) {
    char text[24];
    const auto end = std::to_chars(text, text + sizeof text, number).ptr;
    out_.append(text, end);
  }

  std::string& out_;
  bool first_ = true;  // nothing stands before in this array or object, or a key does
};

}  // namespace stoa::json
