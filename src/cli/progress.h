#pragma once

#include <chrono>
#include <expected>
#include <string>
#include <utility>
#include <vector>

#include "cli/command.h"
#include "cli/exit.h"
#include "cli/json_value.h"
#include "deploy/control.h"

namespace stoa::cli {

/// Shows a start or a stop while it happens: a row on stdout per role that became ready or ended,
/// and on a terminal one line below that says what is waited for. With -o json it only remembers.
class Progress {
 public:
  explicit Progress(Context& context) : context_{context} {}

  /// A line of the supervisor.
  void add(const JsonValue& event);
  /// Takes the live line away.
  void end();

  struct Step {
    std::string role{};
    std::string what{};  // "ready", "stopped"
    std::string started_ms{};
    std::string at_ms{};
    std::string took_ms{};
    std::string text{};
    std::string waited_for{};
  };
  [[nodiscard]] const std::vector<Step>& steps() const noexcept { return steps_; }

 private:
  void row(const Step& step);
  void live();

  Context& context_;
  std::vector<Step> steps_;
  std::vector<std::pair<std::string, std::string>> busy_;  // role, what it is waited for
  std::vector<std::pair<std::string, JsonValue>> started_;
};

/// Asks the supervisor for an operation and shows it until it is over; its last line. What keeps it
/// from being over is told.
[[nodiscard]] std::expected<JsonValue, Exit> operate(Context& context,
                                                     deploy::ControlClient& client,
                                                     const deploy::Request& request,
                                                     std::chrono::milliseconds silence,
                                                     Progress& progress);

/// "7.4" of "7.355": milliseconds as a person reads them.
[[nodiscard]] std::string tenths(const std::string& ms);
/// "relay-execution 12 ms, risk 40 ms, execution 95 ms": what a start waited for.
[[nodiscard]] std::string critical_path_text(const JsonValue& done);
/// The steps and the last line of an operation as one JSON object; `page` may be empty.
[[nodiscard]] std::string operation_json(const Progress& progress, const JsonValue& done,
                                         const std::string& page);

}  // namespace stoa::cli
