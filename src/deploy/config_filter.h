#pragma once

#include <memory>
#include <string_view>

#include "base/error.h"
#include "deploy/config_units.h"

namespace stoa::deploy {

/// A question about labels: `service=execution and order<3`, `layer!=relay or (order>=2 and not
/// service=hub)`. Comparisons are = != < <= > >=; numbers where both sides are, else texts. A label
/// that is not there is an empty text.
class LabelFilter {
 public:
  /// An empty text fits everything.
  ///
  /// errors  BadInput with the place in the text
  [[nodiscard]] static Result<LabelFilter> parse(std::string_view text);
  [[nodiscard]] bool fits(const Labels& labels) const;

 private:
  friend class FilterParser;
  struct Node;
  std::shared_ptr<const Node> root_;
};

}  // namespace stoa::deploy
