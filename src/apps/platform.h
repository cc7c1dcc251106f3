#pragma once

#include <filesystem>
#include <string_view>

// Where the processes of one platform meet: names below its data directory.
namespace stoa::apps {

class Platform {
 public:
  explicit Platform(std::filesystem::path data) : data_{std::move(data)} {}

  [[nodiscard]] std::filesystem::path run() const { return data_ / "run"; }
  /// "market", "signal" or "execution".
  [[nodiscard]] std::filesystem::path relay(std::string_view domain) const {
    return run() / (std::string{domain} + ".sock");
  }
  // The simulated venue's native session: its market, what it is asked, what it answers.
  [[nodiscard]] std::filesystem::path venue_feed() const { return run() / "venue-feed.sock"; }
  [[nodiscard]] std::filesystem::path venue_orders() const { return run() / "venue-orders.sock"; }
  [[nodiscard]] std::filesystem::path venue_reports() const { return run() / "venue-reports.sock"; }
  [[nodiscard]] std::filesystem::path venue_journal(std::string_view which) const {
    return data_ / "venue" / which;
  }

 private:
  std::filesystem::path data_;
};

}  // namespace stoa::apps
