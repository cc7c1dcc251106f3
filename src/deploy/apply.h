#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "deploy/hub.h"
#include "deploy/layout.h"
#include "deploy/target.h"

// Brings a platform to a revision: writes what it is to run with, then restarts, wave by wave, the
// roles whose values changed. What it did is read back from each role.
namespace stoa::deploy {

/// Writes DATA/config/NAME.toml and points the link `current` at it, each in one step.
///
/// errors  Io
[[nodiscard]] Result<void> write_config(const Layout& layout, const ApplyTicket& ticket);
/// "prod-12" of a file that write_config wrote; empty for any other.
[[nodiscard]] std::string revision_of_file(const std::filesystem::path& file);

struct ApplyOptions {
  /// Before the second try of a role, the third and so on; one more try than pauses.
  std::vector<std::chrono::seconds> pauses{std::chrono::seconds{5}, std::chrono::seconds{10},
                                           std::chrono::seconds{20}};
  std::chrono::seconds health_wait{120};
  std::chrono::seconds away_max{10};  // that the platform cannot be looked at before it is over
};

/// What has to be restarted, in order; roles that are ready with the right values are left out.
[[nodiscard]] std::vector<std::vector<std::string>> waves_to_restart(const ApplyTicket& ticket,
                                                                     const Target& target);

/// How an instance differs from what a ticket wants; empty: it does not.
[[nodiscard]] std::string drift_of(const ApplyTicket& ticket, const TargetRole& role);

/// One apply under way. Call `poll` each 50 to 500 ms until it says that it is over. A second one
/// for the same ticket goes on where the first stopped, as what runs says how far that was.
///
/// thread  one; it never blocks longer than the target does
class Apply {
 public:
  /// What happened: a line for people, in the order in which it did.
  using Say = std::function<void(std::string_view line)>;
  /// A wave is over: its roles, and "ok" or why not.
  using WaveDone = std::function<void(std::string_view roles, std::string_view result)>;

  /// All of them outlive it.
  Apply(const ApplyTicket& ticket, Target& target, const Clock& clock, ApplyOptions options,
        Say say, WaveDone wave_done);

  /// True when it is over.
  bool poll();
  [[nodiscard]] bool over() const noexcept { return over_; }
  /// "ok", or the wave that did not become healthy and why.
  [[nodiscard]] const std::string& result() const noexcept { return result_; }

 private:
  enum class Step : std::uint8_t { Restart, Wait, Pause };

  void restart();
  void wait();
  [[nodiscard]] bool gone_for_good();
  void fail_try(const std::string& why);
  void next_role();
  void finish(std::string result);
  [[nodiscard]] const std::string& role() const { return waves_[wave_][role_]; }

  const ApplyTicket& ticket_;
  Target& target_;
  const Clock& clock_;
  ApplyOptions options_;
  Say say_;
  WaveDone wave_done_;
  std::vector<std::vector<std::string>> waves_;
  std::size_t wave_ = 0;
  std::size_t role_ = 0;
  std::size_t tries_ = 0;
  Step step_ = Step::Restart;
  std::optional<pid_t> before_{};  // its process before the restart
  nanoseconds asked_at_{0};
  std::optional<nanoseconds> away_since_{};
  nanoseconds due_{0};
  bool over_ = false;
  std::string result_;
};

}  // namespace stoa::deploy
