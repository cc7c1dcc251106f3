#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "apps/holder.h"
#include "apps/leadership.h"
#include "apps/role.h"
#include "apps/role_lead.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/ids.h"
#include "model/system.h"
#include "ops/role_status.h"
#include "protocol/native/codec.h"
#include "relay/publisher.h"
#include "relay/source.h"
#include "relay/source_numbers.h"

namespace stoa::apps {

/// The place of a role that has one source in the execution log: its publisher, and who may use it
/// (decision 0014).
///
///   poll    each round, also while the log is read for the first time
///   begin   once the log has been read to its end
///   note    each record behind that
///
/// One that is started to lead says hello at once, as its predecessor's last words have to be in
/// the log before it reads the end of it; one beside says nothing until it is to lead.
///
/// thread  one
class Seat {
 public:
  struct Options {
    std::filesystem::path socket;
    relay::Source source{};
    SwitchRole role{};
    std::string name;  // for the relay's people
    std::string colour;
    std::string release;
    bool beside = false;
    std::size_t outbox_bytes = 8U << 20U;
  };
  /// What the role knows that the seat does not.
  struct Reading {
    Lsn head{};              // newest record read
    bool up_to_date = true;  // nothing that the log holds is known to be unread
    bool drained = true;     // nothing is under way that this process still has to publish
  };

  [[nodiscard]] static Result<Seat> open(const Options& options);

  void begin(const RoleLead& known, const relay::SourceNumbers& numbers);
  void note(const native::MessageView& message);
  /// Connects and sends; takes, opens, closes and gives back when it is time to.
  std::size_t poll(nanoseconds monotonic, Timestamp now, const Reading& reading);

  /// It is this process that speaks for the role, and it may begin something new.
  [[nodiscard]] bool works() const noexcept {
    return leads_ && place_.mode() == Leadership::Mode::Leading;
  }
  /// The same, or it finishes what it has begun.
  [[nodiscard]] bool leads() const noexcept { return leads_; }
  /// Port and name of the role are its own.
  [[nodiscard]] bool has_place() const noexcept {
    return begun_ ? place_.mode() != Leadership::Mode::Following : !beside_;
  }
  /// It has said hello, be it while it starts.
  [[nodiscard]] bool owns() const noexcept { return owns_; }
  [[nodiscard]] relay::Publisher& publisher() noexcept { return *publisher_; }
  [[nodiscard]] const relay::Publisher& publisher() const noexcept { return *publisher_; }
  /// For /status; how far the log has been read is added.
  [[nodiscard]] ops::SwitchView view(Lsn head) const noexcept;
  /// Another process has taken over before this one had read the log, or the log refuses.
  [[nodiscard]] const Error* failed() const noexcept;
  void watch(Waiting& waiting, nanoseconds monotonic) const;

 private:
  explicit Seat(const Options& options, relay::Publisher publisher);
  void act(Leadership::Action action, nanoseconds monotonic, Timestamp now, const Reading& reading);
  void publish_failed();

  relay::Source source_;
  bool beside_;
  Holder holder_;
  Leadership place_;
  std::unique_ptr<relay::Publisher> publisher_;  // stays where it is: others hold on to it
  bool owns_;
  bool begun_ = false;
  bool leads_ = false;
  std::uint64_t last_read_ = 0;  // of our source, in the log
  std::optional<Error> failed_;
};

}  // namespace stoa::apps
