#pragma once

#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <charconv>
#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <string>
#include <string_view>

/// Named places at which a test kills the program or lets a call fail:
///
///   STOA_FAILPOINT=NAME:kill       SIGKILL to itself at that place
///   STOA_FAILPOINT=NAME:exit       ends at once with status 99, nothing flushed
///   STOA_FAILPOINT=NAME:eio        the call there answers EIO
///   STOA_FAILPOINT=NAME:slow       the call there takes 200 ms longer
///   STOA_FAILPOINT=NAME:kill:7     not before the seventh time
///
/// Only where STOA_FAIL_POINTS is defined: debug builds (dev, asan, tsan, fuzz). In a release the
/// places are not there and the variable means nothing.
namespace stoa {

#ifdef STOA_FAIL_POINTS

inline constexpr bool kHasFailPoints = true;
inline constexpr int kFailPointExit = 99;

/// The one place that is armed. Any thread passes; arm it before others run.
class FailPoint {
 public:
  /// The form above; empty disarms. What cannot be read ends the program with status 2: a test that
  /// believes it has armed a place proves nothing.
  void arm(std::string_view text) {
    action_ = Action::None;
    passes_.store(0, std::memory_order_relaxed);
    if (text.empty()) return;
    const std::size_t colon = text.find(':');
    name_ = text.substr(0, colon);
    std::string_view action = colon == std::string_view::npos ? "" : text.substr(colon + 1);
    at_pass_ = 1;
    if (const std::size_t second = action.find(':'); second != std::string_view::npos) {
      const std::string_view digits = action.substr(second + 1);
      const auto [stop, error] = std::from_chars(digits.begin(), digits.end(), at_pass_);
      if (error != std::errc{} || stop != digits.end() || at_pass_ == 0) action = "";
      action = action.substr(0, second);
    }
    if (action == "kill") action_ = Action::Kill;
    if (action == "exit") action_ = Action::Exit;
    if (action == "eio") action_ = Action::Eio;
    if (action == "slow") action_ = Action::Slow;
    if (action_ != Action::None) return;
    std::cerr << "STOA_FAILPOINT is NAME:kill, NAME:exit, NAME:eio or NAME:slow, and :N for the "
                 "Nth time; not '"
              << text << "'\n";
    ::_exit(2);
  }

  /// What a call at `name` has to fail with; 0: nothing. May not return.
  int pass(std::string_view name) noexcept {
    if (action_ == Action::None || name != name_) return 0;
    const bool due = passes_.fetch_add(1, std::memory_order_relaxed) + 1 >= at_pass_;
    if (!due) return 0;
    if (action_ == Action::Eio) return EIO;
    if (action_ == Action::Slow) {
      ::usleep(200'000);
      return 0;
    }
    if (action_ == Action::Exit) ::_exit(kFailPointExit);
    ::kill(::getpid(), SIGKILL);
    for (;;) ::pause();
  }

 private:
  enum class Action : std::uint8_t { None, Kill, Exit, Eio, Slow };

  Action action_ = Action::None;
  std::string name_;
  std::uint64_t at_pass_ = 1;
  std::atomic<std::uint64_t> passes_{0};
};

/// Armed from the environment when it is first asked for.
inline FailPoint& armed_fail_point() {
  static FailPoint point;
  static const bool kArmed = [] {
    const char* const text = std::getenv("STOA_FAILPOINT");  // NOLINT(concurrency-mt-unsafe)
    point.arm(text == nullptr ? "" : text);
    return true;
  }();
  static_cast<void>(kArmed);
  return point;
}

inline int fail_point(std::string_view name) { return armed_fail_point().pass(name); }

#else

inline constexpr bool kHasFailPoints = false;
constexpr int fail_point(std::string_view) noexcept { return 0; }

#endif

}  // namespace stoa
