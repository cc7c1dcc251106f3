#include "deploy/config_filter.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include "base/error.h"
#include "deploy/config_units.h"

namespace stoa::deploy {
namespace {

constexpr int kDepthMax = 64;
constexpr std::size_t kTextMax = 4'096;
// Longer ones first, so that <= is not read as <.
constexpr std::array<std::string_view, 6> kComparisons{"!=", "<=", ">=", "=", "<", ">"};

std::optional<std::int64_t> number_of(std::string_view text) {
  std::int64_t value = 0;
  const auto* end = text.end();
  const auto [stop, error] = std::from_chars(text.begin(), end, value);
  if (error != std::errc{} || stop != end) return std::nullopt;
  return value;
}

int compare(std::string_view left, std::string_view right) {
  const auto a = number_of(left);
  const auto b = number_of(right);
  if (a && b) return *a < *b ? -1 : static_cast<int>(*a > *b);
  const int order = left.compare(right);
  return order < 0 ? -1 : static_cast<int>(order > 0);
}

}  // namespace

struct LabelFilter::Node {
  enum class Kind : std::uint8_t { And, Or, Not, Compare };
  Kind kind = Kind::Compare;
  std::shared_ptr<const Node> left{};
  std::shared_ptr<const Node> right{};
  std::string label{};
  std::string comparison{};
  std::string value{};

  [[nodiscard]] bool fits(const Labels& labels) const {  // NOLINT(misc-no-recursion): kDepthMax
    switch (kind) {
      case Kind::And:
        return left->fits(labels) && right->fits(labels);
      case Kind::Or:
        return left->fits(labels) || right->fits(labels);
      case Kind::Not:
        return !left->fits(labels);
      case Kind::Compare:
        break;
    }
    const auto found = labels.find(label);
    const int order = compare(found == labels.end() ? std::string_view{} : found->second, value);
    if (comparison == "=") return order == 0;
    if (comparison == "!=") return order != 0;
    if (comparison == "<") return order < 0;
    if (comparison == "<=") return order <= 0;
    if (comparison == ">") return order > 0;
    return order >= 0;
  }
};

/// Recursive descent: or < and < not < comparison.
class FilterParser {
 public:
  using Node = LabelFilter::Node;
  using Made = std::shared_ptr<const Node>;

  explicit FilterParser(std::string_view text) : text_{text} {}

  Result<LabelFilter> parse() {
    LabelFilter filter;
    spaces();
    if (at_ == text_.size()) return filter;
    if (text_.size() > kTextMax) return bad_input("--where: too long");
    filter.root_ = any(0);
    spaces();
    if (filter.root_ == nullptr || at_ != text_.size()) {
      return bad_input(fmt::format(
          "--where: cannot be read from column {} on; written as service=execution and order<3",
          at_ + 1));
    }
    return filter;
  }

 private:
  void spaces() {
    while (at_ < text_.size() && text_[at_] == ' ') ++at_;
  }
  bool take(std::string_view sign) {
    spaces();
    if (!text_.substr(at_).starts_with(sign)) return false;
    at_ += sign.size();
    return true;
  }
  /// A word as such: not the front of a longer one.
  bool word(std::string_view name) {
    spaces();
    const auto rest = text_.substr(at_);
    if (!rest.starts_with(name)) return false;
    const auto behind = rest.substr(name.size());
    if (!behind.starts_with(' ') && !behind.starts_with('(')) return false;
    at_ += name.size();
    return true;
  }
  std::string name() {
    spaces();
    const bool in_quotes = take("\"");
    const auto rest = text_.substr(at_);
    const auto end = std::min(rest.find_first_of(in_quotes ? "\"" : " ()=<>!"), rest.size());
    at_ += end;
    if (in_quotes && !take("\"")) return {};
    return std::string{rest.substr(0, end)};
  }

  Made any(int depth) {  // NOLINT(misc-no-recursion): bounded by kDepthMax
    Made left = all(depth);
    while (left != nullptr && word("or")) left = join(Node::Kind::Or, left, all(depth));
    return left;
  }
  Made all(int depth) {  // NOLINT(misc-no-recursion)
    Made left = one(depth);
    while (left != nullptr && word("and")) left = join(Node::Kind::And, left, one(depth));
    return left;
  }
  Made one(int depth) {  // NOLINT(misc-no-recursion)
    if (depth > kDepthMax) return nullptr;
    if (word("not")) {
      Made inner = one(depth + 1);
      if (inner == nullptr) return nullptr;
      return std::make_shared<Node>(Node{.kind = Node::Kind::Not, .left = std::move(inner)});
    }
    if (take("(")) {
      Made const inner = any(depth + 1);
      return take(")") ? inner : nullptr;
    }
    Node node{.label = name()};
    if (node.label.empty()) return nullptr;
    for (const auto sign : kComparisons) {
      if (!take(sign)) continue;
      node.comparison = sign;
      node.value = name();
      return std::make_shared<Node>(std::move(node));
    }
    return nullptr;
  }
  static Made join(Node::Kind kind, Made left, Made right) {
    if (right == nullptr) return nullptr;
    return std::make_shared<Node>(
        Node{.kind = kind, .left = std::move(left), .right = std::move(right)});
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

Result<LabelFilter> LabelFilter::parse(std::string_view text) { return FilterParser{text}.parse(); }

bool LabelFilter::fits(const Labels& labels) const {
  return root_ == nullptr || root_->fits(labels);
}

}  // namespace stoa::deploy
