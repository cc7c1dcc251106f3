#pragma once

#include <cstdint>
#include <expected>
#include <functional>
#include <span>
#include <string>
#include <string_view>

#include "cli/command.h"
#include "cli/exit.h"
#include "cli/json_value.h"
#include "cli/platform.h"
#include "deploy/deploy_record.h"
#include "deploy/switch_machine.h"
#include "protocol/json/writer.h"

// How the commands of deployments get done: by the hub that runs, else by the command itself, in
// the foreground.
namespace stoa::cli {

/// --wait and --timeout.
[[nodiscard]] std::span<const Flag> deploy_wait_flags() noexcept;

/// Asks for a verb, "deploy.start", with the fields that `fields` writes, and sees to what follows:
/// with a hub that runs, at once or until it is over (--wait); without one, until it is over.
/// `told` gets the answer.
[[nodiscard]] Exit deploy_verb(Context& context, const Platform& platform, std::string_view verb,
                               const std::function<void(json::Writer&)>& fields,
                               const std::function<void(const JsonValue&)>& told = {});

/// What a deployment came to, or waits for, as an exit code.
[[nodiscard]] Exit exit_of(const deploy::SwitchMachine& machine);
/// "step      text" of one record.
[[nodiscard]] std::string record_text(const deploy::DeployRecord& record);

}  // namespace stoa::cli
