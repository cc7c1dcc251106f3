#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "base/ids.h"
#include "deploy/build.h"
#include "deploy/control.h"
#include "deploy/layout.h"
#include "deploy/target.h"
#include "ops/http_client.h"
#include "protocol/json/value.h"
#include "protocol/native/codec.h"
#include "relay/publisher.h"
#include "relay/subscriber.h"

// The roles of one machine as a target: their supervisor at its socket, each process at its health
// port, and the execution log.
namespace stoa::deploy {

class ProcessTarget final : public Target, private relay::SubscriberHandler {
 public:
  struct Options {
    Layout layout{};
    std::chrono::milliseconds patience{500};          // for one answer
    std::chrono::milliseconds counters_every{1'000};  // metrics are longer than a status
  };
  /// `clock` outlives it. Reads the log of the execution domain through its relay.
  ///
  /// errors  BadInput: the data directory's path is too long for sockets
  [[nodiscard]] static Result<std::unique_ptr<ProcessTarget>> open(Options options,
                                                                   const Clock& clock);

  void poll() override;
  [[nodiscard]] std::string trouble() const override { return trouble_; }
  [[nodiscard]] std::span<const TargetRole> roles() const override { return roles_; }
  [[nodiscard]] std::span<const EpochRecord> epochs() const override { return epochs_; }
  [[nodiscard]] bool log_read() const override { return log_->connected() && log_->caught_up(); }

  Result<void> start_beside(std::string_view role, Colour colour,
                            std::string_view release) override;
  Result<void> stop_beside(std::string_view role) override;
  Result<void> promote(std::string_view role, Colour colour) override;
  Result<void> restart(std::string_view role, const RestartHow& how) override;
  Result<std::optional<Lsn>> order(const SwitchCommand& command) override;

 private:
  /// An order that is on its way or stands in the log.
  struct Sent {
    SwitchCommand command{};
    std::uint64_t sequence = 0;
    std::optional<Lsn> lsn{};
  };

  ProcessTarget(Options options, relay::Subscriber log, const Clock& clock);
  void on_message(Lsn lsn, const native::MessageView& message) override;
  /// Of the gateway, which makes it at its first start.
  [[nodiscard]] const std::string& token();
  void look_at_supervisor();
  void look_at_instances();
  void look_at(InstanceView& instance);
  void count(InstanceView& instance, const ops::HttpEndpoint& endpoint);
  [[nodiscard]] TargetRole role_of(const json::Value& told) const;
  [[nodiscard]] Build build_of(Colour colour, std::string_view release) const;
  /// Asks the supervisor for what is done at once, or begun.
  [[nodiscard]] Result<void> ask(const Request& request) const;

  Options options_;
  const Clock& clock_;
  std::unique_ptr<relay::Subscriber> log_;
  std::unique_ptr<relay::Publisher> publisher_;  // from the first order on
  std::vector<TargetRole> roles_;
  std::vector<EpochRecord> epochs_;
  std::vector<Sent> sent_;
  std::map<std::string, std::pair<pid_t, InstanceCounters>, std::less<>> counters_;  // by instance
  std::map<std::string, nanoseconds, std::less<>> counted_at_;
  std::string token_;
  std::string trouble_{"nothing has been looked at yet"};
};

/// What `/status` of a role says of the switch; nothing when it says nothing.
[[nodiscard]] std::optional<SwitchStatus> switch_status(const json::Value& status);
/// What `/metrics` says, as JSON.
[[nodiscard]] InstanceCounters counters_of(const json::Value& metrics);

}  // namespace stoa::deploy
