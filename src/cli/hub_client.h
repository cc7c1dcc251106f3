#pragma once

#include <cstdint>
#include <expected>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "cli/command.h"
#include "cli/exit.h"
#include "cli/json_value.h"
#include "deploy/layout.h"
#include "protocol/json/writer.h"

// How commands reach the configuration hub: over its socket when one runs, else by opening its log
// for the moment of one request.
namespace stoa::cli {

/// --reason, --if-head, --dry-run, --yes, --env-name, --no-input: of commands that change a space.
[[nodiscard]] std::span<const Flag> hub_change_flags() noexcept;

/// Who asks: STOA_USER, else the login name.
[[nodiscard]] std::string hub_user(const Context& context);

/// DATA of the flags and the configuration, absolute; what is wrong with them is told.
[[nodiscard]] std::expected<deploy::Layout, Exit> hub_layout(const Context& context);

class HubClient {
 public:
  [[nodiscard]] static std::expected<HubClient, Exit> of(Context& context);

  /// May a question be asked a second time, when the hub ended before it answered? Only one that
  /// leads to the same when it was done already.
  enum class Again : std::uint8_t { No, Yes };
  /// Asks; what the common flags say goes with it. Asks the person for the space's name where
  /// the hub wants it. A refusal is told on stderr.
  ///
  /// returns the answer, or what the command ends with
  [[nodiscard]] std::expected<JsonValue, Exit> ask(
      std::string_view verb, std::string_view space,
      const std::function<void(json::Writer&)>& fields = {}, Again again = Again::No);
  [[nodiscard]] const deploy::Layout& layout() const noexcept { return layout_; }

 private:
  HubClient(Context& context, deploy::Layout layout)
      : context_{&context}, layout_{std::move(layout)} {}
  [[nodiscard]] Result<JsonValue> send(const std::string& line, Again again) const;

  Context* context_;
  deploy::Layout layout_;
  std::string confirmed_;  // the name that the person has typed
};

/// The answer as JSON, as it came, where the command is to speak JSON; false: it is not.
[[nodiscard]] bool told_as_json(Context& context, const JsonValue& answer);
/// What a change led to, in a line or a few.
void tell_change(Context& context, std::string_view space, const JsonValue& answer);
/// Loudly, what was applied and is not approved yet.
void tell_broken_glass(Context& context, const JsonValue& answer);
/// "a, b", or "-".
[[nodiscard]] std::string joined(const JsonValue& texts);
/// "2026-11-21 20:50:12" of an RFC 3339 time.
[[nodiscard]] std::string time_text(const std::string& rfc3339);

}  // namespace stoa::cli
