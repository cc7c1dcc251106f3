#include "deploy/merge.h"

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "deploy/config_text.h"

namespace stoa::deploy {
namespace {

/// Walks one side in step with the others.
class Side {
 public:
  explicit Side(const Values& values) : at_{values.begin()}, end_{values.end()} {}
  /// The smaller of `path` and the next one of this side.
  void lower(const std::string*& path) const {
    if (at_ != end_ && (path == nullptr || at_->first < *path)) path = &at_->first;
  }
  std::optional<std::string> take(const std::string& path) {
    if (at_ == end_ || at_->first != path) return std::nullopt;
    return (at_++)->second;
  }

 private:
  Values::const_iterator at_;
  Values::const_iterator end_;
};

}  // namespace

Merged merge(const Values& base, const Values& ours, const Values& theirs,
             const std::function<bool(std::string_view path)>& is_protected) {
  Merged merged;
  Side from_base{base};
  Side from_ours{ours};
  Side from_theirs{theirs};
  while (true) {
    const std::string* next = nullptr;
    from_base.lower(next);
    from_ours.lower(next);
    from_theirs.lower(next);
    if (next == nullptr) return merged;
    const std::string path = *next;
    auto before = from_base.take(path);
    auto own = from_ours.take(path);
    auto other = from_theirs.take(path);
    std::optional<std::string> result = own;
    if (own != other && is_protected(path)) {
      merged.withheld.push_back(path);
    } else if (own != other && own == before) {
      result = other;
      merged.taken.push_back(path);
    } else if (own != other && other != before) {
      merged.conflicts.push_back({.path = path, .base = before, .ours = own, .theirs = other});
    }
    if (result) merged.values.emplace_hint(merged.values.end(), path, *result);
  }
}

}  // namespace stoa::deploy
