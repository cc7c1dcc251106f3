#include "deploy/act.h"

#include <expected>
#include <type_traits>
#include <variant>

#include "base/error.h"
#include "deploy/switch_machine.h"
#include "deploy/target.h"

namespace stoa::deploy {

Result<void> act(Target& target, const Action& action) {
  return std::visit(
      [&](const auto& what) -> Result<void> {
        using What = std::remove_cvref_t<decltype(what)>;
        if constexpr (std::is_same_v<What, StartBeside>) {
          return target.start_beside(what.role, what.colour, what.release);
        } else if constexpr (std::is_same_v<What, StopBeside>) {
          return target.stop_beside(what.role);
        } else if constexpr (std::is_same_v<What, Promote>) {
          return target.promote(what.role, what.colour);
        } else if constexpr (std::is_same_v<What, RestartRole>) {
          return target.restart(what.role, {.release = what.release});
        } else if constexpr (std::is_same_v<What, SwitchCommand>) {
          const auto appended = target.order(what);
          if (!appended) return std::unexpected(appended.error());
          return {};
        } else {
          return {};
        }
      },
      action);
}

}  // namespace stoa::deploy
