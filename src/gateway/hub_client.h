#pragma once

#include <boost/asio/io_context.hpp>
#include <chrono>
#include <cstddef>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>

#include "gateway/hub_port.h"

namespace stoa::gateway {

/// The hub at its socket (run/hub.sock), a connection for each question. Gateway thread.
///
/// bounds  16 questions under way, then Busy; an answer of 1 MiB; `patience` for each
class HubClient final : public HubPort {
 public:
  /// `io` outlives it.
  HubClient(boost::asio::io_context& io, const std::filesystem::path& socket,
            std::chrono::milliseconds patience);
  HubClient(const HubClient&) = delete;
  HubClient& operator=(const HubClient&) = delete;
  ~HubClient() override;

  void ask(std::string line, std::move_only_function<void(HubAnswer)> answered) override;

 private:
  class Exchange;

  boost::asio::io_context& io_;
  std::string socket_;
  std::chrono::milliseconds patience_;
  std::shared_ptr<std::size_t> under_way_;  // shared with exchanges, which may outlive this
};

}  // namespace stoa::gateway
