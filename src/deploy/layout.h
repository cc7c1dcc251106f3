#pragma once

#include <filesystem>
#include <string>
#include <string_view>

// Where things of a running platform lie below its data directory.
namespace stoa::deploy {

struct Layout {
  std::filesystem::path data{};

  [[nodiscard]] std::filesystem::path run() const { return data / "run"; }
  [[nodiscard]] std::filesystem::path logs() const { return data / "log"; }
  [[nodiscard]] std::filesystem::path archive() const { return logs() / "archive"; }
  [[nodiscard]] std::filesystem::path wal() const { return data / "wal"; }
  [[nodiscard]] std::filesystem::path token() const { return data / "token"; }
  /// OFD-locked by the one supervisor; the lock goes with its process.
  [[nodiscard]] std::filesystem::path lock() const { return run() / "supervisor.lock"; }
  [[nodiscard]] std::filesystem::path control() const { return run() / "supervisor.sock"; }
  [[nodiscard]] std::filesystem::path hub() const { return run() / "hub.sock"; }
  [[nodiscard]] std::filesystem::path hub_log() const { return data / "hub" / "config"; }
  /// Effective configurations that were applied; `current` links to the newest.
  [[nodiscard]] std::filesystem::path config() const { return data / "config"; }
  [[nodiscard]] std::filesystem::path current_config() const { return config() / "current"; }
  [[nodiscard]] std::filesystem::path state() const { return run() / "supervisor.json"; }
  /// Builds that were added, a folder each, with `stoa` and `manifest.json`.
  [[nodiscard]] std::filesystem::path releases() const { return data / "releases"; }
  [[nodiscard]] std::filesystem::path release(std::string_view name) const {
    return releases() / name;
  }
  /// The log of deployments, its lock, and what the operator wants asked on the way.
  [[nodiscard]] std::filesystem::path deploys() const { return data / "hub" / "deploys"; }
  [[nodiscard]] std::filesystem::path deploy_lock() const { return data / "hub" / "deploy.lock"; }
  [[nodiscard]] std::filesystem::path hooks() const { return data / "hooks"; }
  [[nodiscard]] std::filesystem::path pid(std::string_view role) const {
    return run() / (std::string{role} + ".pid");
  }
  [[nodiscard]] std::filesystem::path notify(std::string_view role) const {
    return run() / ("notify-" + std::string{role} + ".sock");
  }
  [[nodiscard]] std::filesystem::path log(std::string_view role) const {
    return logs() / (std::string{role} + ".log");
  }
  /// Of the log of a domain: "market", "signal" or "execution".
  [[nodiscard]] std::filesystem::path relay(std::string_view domain) const {
    return run() / (std::string{domain} + ".sock");
  }
  /// Where two gateways of one port meet.
  [[nodiscard]] std::filesystem::path gateway_next() const { return run() / "gateway.next"; }
  // The simulated venue's native session: its market, what it is asked, what it answers.
  [[nodiscard]] std::filesystem::path venue_feed() const { return run() / "venue-feed.sock"; }
  [[nodiscard]] std::filesystem::path venue_orders() const { return run() / "venue-orders.sock"; }
  [[nodiscard]] std::filesystem::path venue_reports() const { return run() / "venue-reports.sock"; }
  /// "orders" or "reports".
  [[nodiscard]] std::filesystem::path venue_journal(std::string_view which) const {
    return data / "venue" / which;
  }
};

}  // namespace stoa::deploy
