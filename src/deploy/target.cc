#include "deploy/target.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <optional>
#include <string_view>

#include "deploy/build.h"

namespace stoa::deploy {
namespace {

constexpr std::array<std::string_view, 4> kModes{"none", "leading", "following", "closed"};

}  // namespace

std::string_view to_string(SwitchMode mode) noexcept {
  return kModes[static_cast<std::size_t>(mode)];
}

std::optional<SwitchMode> parse_switch_mode(std::string_view text) noexcept {
  const auto* const found = std::ranges::find(kModes, text);
  if (found == kModes.end()) return std::nullopt;
  return static_cast<SwitchMode>(found - kModes.begin());
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
