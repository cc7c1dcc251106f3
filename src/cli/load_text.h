#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "deploy/load_account.h"
#include "deploy/logged_orders.h"

namespace stoa::cli {

/// "90", "90s", "5m", "2h" in seconds; nothing for what is no time, or longer than a week.
[[nodiscard]] std::optional<double> seconds_of(std::string_view text);

/// What `stoa load` prints.
struct LoadAccountText {
  std::string host{};
  std::vector<std::string> symbols{};
  std::string prefix{};
  double rate = 0;
  deploy::LoadReport report{};
  std::optional<deploy::LoggedOrders> logged{};  // nothing: no log at hand

  /// Every order ended somewhere, once. What no log shows must have been answered.
  [[nodiscard]] bool accounted_for() const noexcept;
};

[[nodiscard]] std::string load_table(const LoadAccountText& account);
[[nodiscard]] std::string load_json(const LoadAccountText& account);

}  // namespace stoa::cli
