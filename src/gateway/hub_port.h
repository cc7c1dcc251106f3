#pragma once

#include <cstdint>
#include <expected>
#include <functional>
#include <string>

// Where the gateway asks the platform's hub. It never waits: an answer comes when it comes.
namespace stoa::gateway {

/// Why a question has no answer.
enum class HubFault : std::uint8_t {
  Away,   // nobody listens: nothing was asked
  Busy,   // too many questions are under way: nothing was asked
  Silent  // asked, and no whole answer came in time: it may have been done
};

using HubAnswer = std::expected<std::string, HubFault>;

class HubPort {
 public:
  virtual ~HubPort() = default;
  /// Asks with one line of JSON, without its end; `answered` gets the line that comes back, once,
  /// later, on the gateway's thread.
  virtual void ask(std::string line, std::move_only_function<void(HubAnswer)> answered) = 0;
};

}  // namespace stoa::gateway
