#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

// What happened, for the people who run this: an event name plus fields,
//
//   log::warn("order_rejected", {{"venue", "sim"}, {"reason", "PriceBand"}});
//
// Any thread. A call copies its arguments into a bounded ring and returns: it never formats, waits,
// allocates or enters the kernel; a background thread writes. A full ring drops the entry and
// counts it; the count is told as one line.
namespace stoa::log {

/// Error: someone must act. Warn: degraded, heals itself. Info: rare and always on. Debug: for one
/// hunt.
enum class Level : std::uint8_t { Error, Warn, Info, Debug };
[[nodiscard]] std::string_view to_string(Level level) noexcept;  // "error"
[[nodiscard]] std::optional<Level> level_of(std::string_view name) noexcept;

/// One field's value; borrows its text until the call returns.
class Value {
 public:
  enum class Kind : std::uint8_t { Text, Signed, Unsigned, Real, Bool };

  template <std::convertible_to<std::string_view> T>
  Value(const T& text) noexcept : kind_{Kind::Text}, text_{text} {}
  Value(std::same_as<bool> auto value) noexcept : kind_{Kind::Bool}, bits_{value ? 1U : 0U} {}
  template <std::integral T>
    requires(!std::same_as<T, bool>)
  Value(T value) noexcept
      : kind_{std::signed_integral<T> ? Kind::Signed : Kind::Unsigned},
        bits_{static_cast<std::uint64_t>(value)} {}
  Value(double value) noexcept;

  [[nodiscard]] Kind kind() const noexcept { return kind_; }
  [[nodiscard]] std::string_view text() const noexcept { return text_; }
  [[nodiscard]] std::uint64_t bits() const noexcept { return bits_; }

 private:
  Kind kind_;
  std::string_view text_{};
  std::uint64_t bits_ = 0;
};

/// A name in snake_case and its value. Values of names that sound like a secret (token, secret,
/// password, …) are never written.
struct Field {
  std::string_view name{};
  Value value;
};
using Fields = std::initializer_list<Field>;

/// Drops what lies below the current level. An entry keeps about 460 bytes of names and values:
/// longer texts are cut, and fields that do not fit are left out and `"truncated":true` says so.
void write(Level level, std::string_view event, Fields fields = {}) noexcept;
inline void error(std::string_view event, Fields fields = {}) noexcept {
  write(Level::Error, event, fields);
}
inline void warn(std::string_view event, Fields fields = {}) noexcept {
  write(Level::Warn, event, fields);
}
inline void info(std::string_view event, Fields fields = {}) noexcept {
  write(Level::Info, event, fields);
}
inline void debug(std::string_view event, Fields fields = {}) noexcept {
  write(Level::Debug, event, fields);
}
/// True when `level` is written at all: for callers whose arguments cost something to make.
[[nodiscard]] bool enabled(Level level) noexcept;

enum class Format : std::uint8_t { Auto, Json, Text };  // Auto: Text on a terminal, else Json

struct Options {
  Level level = Level::Info;
  Format format = Format::Auto;
  std::size_t capacity = 4'096;  // entries of 512 bytes; a power of two
  /// Where whole lines go, called by the writer thread alone; nothing is stderr.
  std::function<void(std::string_view lines)> sink{};
  /// Who speaks: written into every JSON line behind the event, when not empty.
  struct {
    std::string service{};   // "relay-market"
    std::string instance{};  // one process of it
    std::string env{};
    std::string version{};
  } origin{};
  /// File that stderr (and stdout, where it is the same) was sent to by whoever started this
  /// process: SIGUSR1 opens it anew, so that it can be moved aside. Empty: SIGUSR1 is left alone.
  std::string file{};
};

/// Counts since the session began.
struct Stats {
  std::uint64_t written = 0;      // lines
  std::uint64_t dropped = 0;      // entries lost to a full ring
  std::uint64_t repetitions = 0;  // entries folded into a line with a count
};

/// While it lives, entries are queued and written by its thread; its end writes what is queued. One
/// at a time, made by main() or a test, before other threads start and ended after they have.
/// Without one, entries from Warn up go to stderr at once, which suits start-up and one-shot
/// commands.
///
/// An error equal to one of the last second is counted, not written; the count follows as one line
/// with `"repeated":N`.
class Session {
 public:
  explicit Session(Options options = {});
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;
  ~Session();

  /// Returns once everything queued before the call is written.
  void flush();
  [[nodiscard]] Stats stats() const noexcept;

 private:
  class Writer;
  std::unique_ptr<Writer> writer_;
};

}  // namespace stoa::log
