#include "deploy/target.h"

#include <algorithm>
#include <optional>
#include <string_view>

#include "deploy/build.h"
#include "ops/role_status.h"

namespace stoa::deploy {
std::optional<SwitchMode> parse_switch_mode(std::string_view text) noexcept {
  for (const auto mode :
       {SwitchMode::None, SwitchMode::Leading, SwitchMode::Following, SwitchMode::Closed}) {
    if (to_string(mode) == text) return mode;
  }
  return std::nullopt;
}

const InstanceView* TargetRole::placed() const noexcept {
  const auto found = std::ranges::find(instances, false, &InstanceView::beside);
  return found == instances.end() ? nullptr : &*found;
}

const InstanceView* TargetRole::beside() const noexcept {
  const auto found = std::ranges::find(instances, true, &InstanceView::beside);
  return found == instances.end() ? nullptr : &*found;
}

const InstanceView* TargetRole::of(Colour colour) const noexcept {
  const auto found = std::ranges::find(instances, colour, &InstanceView::colour);
  return found == instances.end() ? nullptr : &*found;
}

const InstanceView* TargetRole::leading() const noexcept {
  const InstanceView* leader = nullptr;
  for (const InstanceView& instance : instances) {
    if (!instance.switching || instance.switching->mode != SwitchMode::Leading) continue;
    if (leader != nullptr) return nullptr;
    leader = &instance;
  }
  return leader;
}

const TargetRole* Target::find(std::string_view role) const {
  const auto all = roles();
  const auto found = std::ranges::find(all, role, &TargetRole::name);
  return found == all.end() ? nullptr : &*found;
}

}  // namespace stoa::deploy
