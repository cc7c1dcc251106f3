#include "base/log.h"

#include <bits/types/sigset_t.h>
#include <fcntl.h>
#include <fmt/core.h>
#include <fmt/format.h>
#include <signal.h>  // NOLINT(modernize-deprecated-headers): pthread_sigmask is POSIX
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <cerrno>
#include <chrono>
#include <cmath>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <functional>
#include <iterator>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "base/cache_line.h"
#include "base/check.h"
#include "base/clock.h"
#include "base/fd.h"

namespace stoa::log {
namespace {

constexpr std::array<std::string_view, 4> kLevelNames{"error", "warn", "info", "debug"};
constexpr auto kRoundPause = std::chrono::milliseconds{20};
constexpr nanoseconds kFoldWindow = std::chrono::seconds{1};
constexpr std::size_t kFoldedMax = 64;
constexpr std::size_t kLineBytesMax = 65'536;  // handed over before a round ends

// ---- one entry, packed: [len]event, then per field [len]name [kind] and 8 bytes or [len16]text

struct Entry {
  std::int64_t ts_ns = 0;
  std::uint16_t used = 0;
  Level level = Level::Info;
  bool truncated = false;
  std::array<char, 488> bytes{};

  [[nodiscard]] std::string_view packed() const noexcept { return {bytes.data(), used}; }
};

class Packer {
 public:
  explicit Packer(Entry& entry) noexcept : entry_{entry} { entry_.used = 0; }

  void event(std::string_view name) noexcept { short_text(name.substr(0, 64)); }

  void field(const Field& field) noexcept {
    const auto name = field.name.substr(0, 48);
    const bool text = field.value.kind() == Value::Kind::Text;
    const std::size_t head = 1 + name.size() + 1 + (text ? sizeof(std::uint16_t) : 8U);
    if (head > room()) {
      entry_.truncated = true;
      return;
    }
    short_text(name);
    raw(static_cast<std::uint8_t>(field.value.kind()));
    if (!text) return raw(field.value.bits());
    const auto cut = field.value.text().substr(0, room() - sizeof(std::uint16_t));
    entry_.truncated |= cut.size() < field.value.text().size();
    raw(static_cast<std::uint16_t>(cut.size()));
    copy(cut);
  }

 private:
  [[nodiscard]] std::size_t room() const noexcept { return entry_.bytes.size() - entry_.used; }
  void copy(std::string_view text) noexcept {
    std::copy(text.begin(), text.end(), entry_.bytes.begin() + entry_.used);
    entry_.used = static_cast<std::uint16_t>(entry_.used + text.size());
  }
  template <class T>
  void raw(T value) noexcept {
    std::memcpy(entry_.bytes.data() + entry_.used, &value, sizeof(T));
    entry_.used = static_cast<std::uint16_t>(entry_.used + sizeof(T));
  }
  void short_text(std::string_view text) noexcept {
    raw(static_cast<std::uint8_t>(text.size()));
    copy(text);
  }

  Entry& entry_;
};

class Unpacker {
 public:
  explicit Unpacker(std::string_view packed) noexcept : rest_{packed} {}

  [[nodiscard]] bool more() const noexcept { return !rest_.empty(); }
  std::string_view short_text() noexcept { return take(raw<std::uint8_t>()); }
  std::string_view long_text() noexcept { return take(raw<std::uint16_t>()); }
  template <class T>
  T raw() noexcept {
    T value{};
    std::ranges::copy(rest_.substr(0, sizeof(T)), reinterpret_cast<char*>(&value));
    rest_.remove_prefix(sizeof(T));
    return value;
  }

 private:
  std::string_view take(std::size_t size) noexcept {
    const auto text = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return text;
  }

  std::string_view rest_;
};

void fill(Entry& entry, Level level, std::string_view event, Fields fields) noexcept {
  entry.ts_ns = SystemClock{}.now().ns();
  entry.level = level;
  entry.truncated = false;
  Packer packer{entry};
  packer.event(event);
  for (const Field& field : fields) packer.field(field);
}

// ---- from entries to lines

/// Bytes of the UTF-8 sequence at the front of `text`, 0 when it is none.
std::size_t utf8_length(std::string_view text) noexcept {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned lead = byte(0);
  if (lead < 0x80) return 1;
  const std::size_t size = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
  if (lead < 0xC2 || lead > 0xF4 || text.size() < size) return 0;
  for (std::size_t i = 1; i < size; ++i) {
    if ((byte(i) & 0xC0U) != 0x80) return 0;
  }
  const unsigned second = byte(1);
  // Overlong forms, surrogates and what lies past U+10FFFF.
  if (lead == 0xE0 && second < 0xA0) return 0;
  if (lead == 0xED && second > 0x9F) return 0;
  if (lead == 0xF0 && second < 0x90) return 0;
  if (lead == 0xF4 && second > 0x8F) return 0;
  return size;
}

void append_json_text(std::string& out, std::string_view text) {
  out += '"';
  while (!text.empty()) {
    const std::size_t size = utf8_length(text);
    const char c = text.front();
    if (size == 0) {
      out += "\\ufffd";
    } else if (c == '"' || c == '\\') {
      (out += '\\') += c;
    } else if (static_cast<unsigned char>(c) < 0x20) {
      fmt::format_to(std::back_inserter(out), "\\u{:04x}", static_cast<unsigned>(c));
    } else {
      out += text.substr(0, size);
    }
    text.remove_prefix(std::max<std::size_t>(size, 1));
  }
  out += '"';
}

/// Names whose values stay out of every log.
bool is_secret(std::string_view name) noexcept {
  constexpr std::array<std::string_view, 6> kWords{"token",   "secret",        "password",
                                                   "api_key", "authorization", "signature"};
  return std::ranges::any_of(
      kWords, [&](std::string_view word) { return name.find(word) != std::string_view::npos; });
}

/// A field's value unpacked to text; `quoted` is true where JSON wants quotes.
struct Rendered {
  std::string text;
  bool quoted = false;
};

Rendered unpack_value(Unpacker& in, std::string_view name) {
  Rendered value;
  const auto kind = static_cast<Value::Kind>(in.raw<std::uint8_t>());
  if (kind == Value::Kind::Text) {
    value = {std::string{in.long_text()}, true};
    // A page address carries its token behind '#': keep the address, lose the rest.
    const auto at = value.text.find("token=");
    if (at != std::string::npos) value.text.replace(at + 6, std::string::npos, "[hidden]");
  } else {
    const auto bits = in.raw<std::uint64_t>();
    switch (kind) {
      case Value::Kind::Signed:
        value.text = fmt::to_string(static_cast<std::int64_t>(bits));
        break;
      case Value::Kind::Unsigned:
        value.text = fmt::to_string(bits);
        break;
      case Value::Kind::Real:
        value.text = fmt::to_string(std::bit_cast<double>(bits));
        value.quoted = !std::isfinite(std::bit_cast<double>(bits));
        break;
      case Value::Kind::Bool:
      case Value::Kind::Text:
        value.text = bits != 0 ? "true" : "false";
        break;
    }
  }
  if (is_secret(name)) value = {"[hidden]", true};
  return value;
}

/// `origin`: fields of whoever speaks, each with the comma before it.
void append_json_line(std::string& out, const Entry& entry, std::uint64_t repeated,
                      std::string_view origin) {
  Unpacker in{entry.packed()};
  fmt::format_to(std::back_inserter(out), R"({{"ts":"{}","level":"{}","event":)",
                 to_rfc3339(Timestamp::from_ns(entry.ts_ns)), to_string(entry.level));
  append_json_text(out, in.short_text());
  out += origin;
  while (in.more()) {
    const auto name = in.short_text();
    const auto value = unpack_value(in, name);
    out += ',';
    append_json_text(out, name);
    out += ':';
    if (value.quoted) {
      append_json_text(out, value.text);
    } else {
      out += value.text;
    }
  }
  if (entry.truncated) out += R"(,"truncated":true)";
  if (repeated > 0) fmt::format_to(std::back_inserter(out), R"(,"repeated":{})", repeated);
  out += "}\n";
}

/// "19:50:57.123 warn  order_rejected venue=sim": one glance, local to a terminal.
void append_text_line(std::string& out, const Entry& entry, std::uint64_t repeated, bool colour) {
  constexpr std::array<std::string_view, 4> kColours{"\x1b[31m", "\x1b[33m", "", "\x1b[2m"};
  const auto paint = colour ? kColours.at(static_cast<std::size_t>(entry.level)) : "";
  Unpacker in{entry.packed()};
  const auto time = to_rfc3339(Timestamp::from_ns(entry.ts_ns));
  fmt::format_to(std::back_inserter(out), "{} {}{:<5}{} {}", std::string_view{time}.substr(11, 12),
                 paint, to_string(entry.level), paint.empty() ? "" : "\x1b[0m", in.short_text());
  while (in.more()) {
    const auto name = in.short_text();
    const auto value = unpack_value(in, name);
    fmt::format_to(std::back_inserter(out), " {}=", name);
    const bool plain = !value.text.empty() && std::ranges::none_of(value.text, [](char c) {
      return c == ' ' || c == '"' || c == '\\' || static_cast<unsigned char>(c) < 0x20;
    });
    if (plain) {
      out += value.text;
    } else {
      append_json_text(out, value.text);
    }
  }
  if (entry.truncated) out += " truncated=true";
  if (repeated > 0) fmt::format_to(std::back_inserter(out), " repeated={}", repeated);
  out += '\n';
}

void write_to_stderr(std::string_view lines) {
  while (!lines.empty()) {
    const auto written = ::write(STDERR_FILENO, lines.data(), lines.size());
    if (written < 0 && errno != EINTR) return;  // nobody is left to tell
    if (written > 0) lines.remove_prefix(static_cast<std::size_t>(written));
  }
}

/// Set by SIGUSR1, taken by the writer thread: the file is to be opened anew.
std::atomic<bool> reopen_asked{false};
static_assert(std::atomic<bool>::is_always_lock_free, "a signal handler stores it");

void ask_to_reopen(int /*signal*/) { reopen_asked.store(true, std::memory_order_relaxed); }

bool same_file(int one, int other) noexcept {
  struct stat first{};
  struct stat second{};
  return ::fstat(one, &first) == 0 && ::fstat(other, &second) == 0 &&
         first.st_dev == second.st_dev && first.st_ino == second.st_ino;
}

/// Sends stderr, and stdout where it is the same, to the file that has the name now.
void reopen(const std::string& file) noexcept {
  const Fd fd{::open(file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640)};
  if (!fd) return;  // the old one is better than none
  const bool both = same_file(STDOUT_FILENO, STDERR_FILENO);
  ::dup2(fd.get(), STDERR_FILENO);
  if (both) ::dup2(fd.get(), STDOUT_FILENO);
}

template <class Origin>
std::string origin_fields(const Origin& origin) {
  std::string fields;
  const auto add = [&](std::string_view name, std::string_view value) {
    if (value.empty()) return;
    fmt::format_to(std::back_inserter(fields), R"(,"{}":)", name);
    append_json_text(fields, value);
  };
  add("service", origin.service);
  add("instance", origin.instance);
  add("env", origin.env);
  add("version", origin.version);
  return fields;
}

bool terminal() noexcept { return ::isatty(STDERR_FILENO) == 1; }
bool colours() noexcept {
  // NOLINTNEXTLINE(concurrency-mt-unsafe): the environment is not changed while threads run.
  const char* no_color = std::getenv("NO_COLOR");
  return terminal() && (no_color == nullptr || *no_color == '\0');
}

// ---- the ring (after Vyukov's bounded queue): many producers, one consumer

class Ring {
 public:
  explicit Ring(std::size_t capacity) : slots_(capacity), mask_{capacity - 1} {
    check(std::has_single_bit(capacity), "a ring's capacity is a power of two");
    for (std::size_t i = 0; i < capacity; ++i) {
      slots_[i].turn.store(i, std::memory_order_relaxed);
    }
  }

  /// Claims a slot, fills it in place and hands it over; false when full.
  template <class Fill>
  bool push(Fill&& fill) noexcept {
    std::size_t at = tail_.load(std::memory_order_relaxed);
    while (true) {
      Slot& slot = slots_[at & mask_];
      const std::size_t turn =
          slot.turn.load(std::memory_order_acquire);  // pairs with pop's release
      if (turn == at) {
        if (tail_.compare_exchange_weak(at, at + 1, std::memory_order_relaxed)) {
          fill(slot.entry);
          slot.turn.store(at + 1, std::memory_order_release);  // pairs with pop's acquire
          return true;
        }
      } else if (turn < at) {
        return false;
      } else {
        at = tail_.load(std::memory_order_relaxed);
      }
    }
  }

  template <class Use>
  bool pop(Use&& use) {
    Slot& slot = slots_[head_ & mask_];
    if (slot.turn.load(std::memory_order_acquire) != head_ + 1) return false;  // pairs with push
    use(slot.entry);
    slot.turn.store(head_ + slots_.size(), std::memory_order_release);  // pairs with push's acquire
    ++head_;
    return true;
  }

 private:
  struct Slot {
    std::atomic<std::size_t> turn{0};
    Entry entry{};
  };

  std::vector<Slot> slots_;
  std::size_t mask_;
  alignas(kCacheLineBytes) std::atomic<std::size_t> tail_{0};
  alignas(kCacheLineBytes) std::size_t head_ = 0;  // the consumer's own
};

}  // namespace

// ---- the writer

class Session::Writer {
 public:
  explicit Writer(Options options)
      : level{options.level},
        ring_{options.capacity},
        sink_{options.sink ? std::move(options.sink) : write_to_stderr},
        json_{options.format == Format::Json || (options.format == Format::Auto && !terminal())},
        colour_{colours()},
        origin_{origin_fields(options.origin)},
        file_{std::move(options.file)} {
    if (!file_.empty()) take_reopen_signal(ask_to_reopen);
    // The thread takes no signals: those are for whoever waits for them.
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    thread_ = std::thread{[this] { loop(); }};
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
  }
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;
  ~Writer() {
    {
      const std::lock_guard lock{mutex_};
      stopping_ = true;
    }
    wake_.notify_all();
    thread_.join();
    // One that comes late must not end a process that is on its way out.
    if (!file_.empty()) take_reopen_signal(SIG_IGN);
  }

  void push(Level entry_level, std::string_view event, Fields fields) noexcept {
    const bool queued = ring_.push([&](Entry& entry) { fill(entry, entry_level, event, fields); });
    if (!queued) dropped_.fetch_add(1, std::memory_order_relaxed);
  }

  void flush() {
    std::unique_lock lock{mutex_};
    const std::uint64_t mine = ++flush_asked_;
    wake_.notify_all();
    done_.wait(lock, [&] { return flush_done_ >= mine; });
  }

  [[nodiscard]] Stats stats() const noexcept {
    return {.written = written_.load(std::memory_order_relaxed),
            .dropped = dropped_.load(std::memory_order_relaxed),
            .repetitions = repetitions_.load(std::memory_order_relaxed)};
  }

  const Level level;

 private:
  /// An error of the last second and how often it came again.
  struct Folded {
    Entry first;
    std::uint64_t again = 0;
  };

  void loop() {
    std::unique_lock lock{mutex_};
    while (true) {
      // Polling, so that a caller never has to enter the kernel to wake this thread.
      wake_.wait_for(lock, kRoundPause, [&] { return stopping_ || flush_asked_ > flush_done_; });
      const bool last = stopping_;
      const std::uint64_t asked = flush_asked_;
      lock.unlock();
      round(last || asked > flush_done_seen_);
      flush_done_seen_ = asked;
      lock.lock();
      flush_done_ = asked;
      done_.notify_all();
      if (last) return;
    }
  }

  static void take_reopen_signal(void (*handler)(int)) {
    struct sigaction action{};
    action.sa_handler = handler;
    action.sa_flags = SA_RESTART;
    sigemptyset(&action.sa_mask);
    ::sigaction(SIGUSR1, &action, nullptr);
  }

  void round(bool tell_all) {
    if (reopen_asked.exchange(false, std::memory_order_relaxed) && !file_.empty()) reopen(file_);
    while (ring_.pop([this](const Entry& entry) { take(entry); })) {
      if (lines_.size() > kLineBytesMax) hand_over();
    }
    const auto now_ns = SystemClock{}.now().ns();
    std::erase_if(folded_, [&](const Folded& folded) {
      if (!tell_all && now_ns - folded.first.ts_ns < kFoldWindow.count()) return false;
      tell(folded);
      return true;
    });
    tell_dropped(now_ns);
    hand_over();
  }

  void take(const Entry& entry) {
    if (entry.level == Level::Error && fold(entry)) return;
    line(entry, 0);
  }

  /// True when the entry was counted to an earlier one.
  bool fold(const Entry& entry) {
    const auto same = std::ranges::find_if(
        folded_, [&](const Folded& folded) { return folded.first.packed() == entry.packed(); });
    if (same != folded_.end()) {
      if (entry.ts_ns - same->first.ts_ns < kFoldWindow.count()) {
        ++same->again;
        repetitions_.fetch_add(1, std::memory_order_relaxed);
        return true;
      }
      tell(*same);
      folded_.erase(same);
    }
    if (folded_.size() == kFoldedMax) {
      tell(folded_.front());
      folded_.erase(folded_.begin());
    }
    folded_.push_back({.first = entry});
    return false;
  }

  void tell(const Folded& folded) {
    if (folded.again > 0) line(folded.first, folded.again);
  }

  void tell_dropped(std::int64_t now_ns) {
    const auto dropped = dropped_.load(std::memory_order_relaxed);
    if (dropped == dropped_told_) return;
    Entry entry;
    fill(entry, Level::Warn, "log_entries_dropped", {{"count", dropped - dropped_told_}});
    entry.ts_ns = now_ns;
    dropped_told_ = dropped;
    line(entry, 0);
  }

  void line(const Entry& entry, std::uint64_t repeated) {
    if (json_) {
      append_json_line(lines_, entry, repeated, origin_);
    } else {
      append_text_line(lines_, entry, repeated, colour_);
    }
    written_.fetch_add(1, std::memory_order_relaxed);
  }

  void hand_over() {
    if (!lines_.empty()) sink_(lines_);
    lines_.clear();
  }

  Ring ring_;
  std::atomic<std::uint64_t> dropped_{0};
  std::atomic<std::uint64_t> written_{0};
  std::atomic<std::uint64_t> repetitions_{0};

  // The writer thread's own.
  std::function<void(std::string_view)> sink_;
  bool json_;
  bool colour_;
  std::string origin_;
  std::string file_;
  std::string lines_;
  std::vector<Folded> folded_;
  std::uint64_t dropped_told_ = 0;
  std::uint64_t flush_done_seen_ = 0;

  std::mutex mutex_;  // guards the four below; never taken by callers that log
  std::condition_variable wake_;
  std::condition_variable done_;
  bool stopping_ = false;
  std::uint64_t flush_asked_ = 0;
  std::uint64_t flush_done_ = 0;

  std::thread thread_;
};

namespace {

/// The session's door for callers: a plain pointer and a level, so that a dropped debug line costs
/// two loads.
struct Door {
  void* writer = nullptr;
  void (*push)(void*, Level, std::string_view, Fields) noexcept = nullptr;
  Level level = Level::Warn;
};
constexpr Door kNoDoor{};
std::atomic<const Door*> current{&kNoDoor};
Door session_door;

void write_at_once(Level level, std::string_view event, Fields fields) noexcept {
  try {
    Entry entry;
    fill(entry, level, event, fields);
    std::string line;
    if (terminal()) {
      append_text_line(line, entry, 0, colours());
    } else {
      append_json_line(line, entry, 0, {});
    }
    write_to_stderr(line);
  } catch (const std::exception&) {
    // Out of memory: a log line is the last thing to care for.
    write_to_stderr("log line lost\n");
  }
}

}  // namespace

std::string_view to_string(Level level) noexcept {
  const auto index = static_cast<std::size_t>(level);
  return index < kLevelNames.size() ? kLevelNames[index] : "unknown";
}

std::optional<Level> level_of(std::string_view name) noexcept {
  for (std::size_t i = 0; i < kLevelNames.size(); ++i) {
    if (kLevelNames[i] == name) return static_cast<Level>(i);
  }
  return std::nullopt;
}

Value::Value(double value) noexcept
    : kind_{Kind::Real}, bits_{std::bit_cast<std::uint64_t>(value)} {}

bool enabled(Level level) noexcept {
  return level <= current.load(std::memory_order_acquire)->level;
}

void write(Level level, std::string_view event, Fields fields) noexcept {
  const Door* door = current.load(std::memory_order_acquire);  // pairs with Session's release
  if (level > door->level) return;
  if (door->push == nullptr) return write_at_once(level, event, fields);
  door->push(door->writer, level, event, fields);
}

Session::Session(Options options) : writer_{std::make_unique<Writer>(std::move(options))} {
  check(current.load(std::memory_order_acquire) == &kNoDoor, "one log session at a time");
  session_door = {
      .writer = writer_.get(),
      .push =
          [](void* writer, Level level, std::string_view event, Fields fields) noexcept {
            static_cast<Writer*>(writer)->push(level, event, fields);
          },
      .level = writer_->level};
  current.store(&session_door, std::memory_order_release);  // pairs with write's acquire
}

Session::~Session() { current.store(&kNoDoor, std::memory_order_release); }

void Session::flush() { writer_->flush(); }

Stats Session::stats() const noexcept { return writer_->stats(); }

}  // namespace stoa::log
