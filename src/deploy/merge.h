#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "deploy/config_text.h"

// The three-way merge of a promotion, key path by key path. Pure.
namespace stoa::deploy {

/// Both sides changed a path, and not to the same.
struct MergeConflict {
  std::string path{};
  std::optional<std::string> base{};
  std::optional<std::string> ours{};
  std::optional<std::string> theirs{};
  friend bool operator==(const MergeConflict&, const MergeConflict&) = default;
};

struct Merged {
  Values values{};
  std::vector<std::string> taken{};        // paths that now are as upstream has them
  std::vector<std::string> withheld{};     // upstream differs, and the path is protected
  std::vector<MergeConflict> conflicts{};  // these keep our value until a person decides
};

/// `base`: upstream when it was last merged; `ours`: this space; `theirs`: upstream now. A path
/// that only one side changed has that side's value; one that both changed alike has it too.
/// Protected paths keep ours, whatever upstream says.
///
/// cost    linear in the number of paths
[[nodiscard]] Merged merge(const Values& base, const Values& ours, const Values& theirs,
                           const std::function<bool(std::string_view path)>& is_protected);

}  // namespace stoa::deploy
