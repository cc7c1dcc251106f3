#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "deploy/build.h"
#include "deploy/deploy_plan.h"
#include "deploy/deploy_record.h"
#include "deploy/soak.h"
#include "deploy/target.h"
#include "protocol/json/value.h"

// A deployment as a state machine: records and observations in, records and actions out. No I/O and
// no clock. Its whole state follows from its records, so a process that is killed anywhere is
// followed by one that goes on; every action is looked up in the target before it is asked for
// again.
namespace stoa::deploy {

enum class Step : std::uint8_t {
  Hook,      // an executable of the operator's says whether to go on
  MakeRoom,  // what an earlier deployment left beside the roles goes
  Start,     // the new build beside each role
  CatchUp,   // it has read the log and follows
  Shadow,    // it computes what the leader computes
  Gate,      // approvals
  Switch,    // one role: order, close, open, promote
  Settle,    // a pause before the next role
  Soak,      // the new build under watch
  Warm,      // committed; the old build still follows, for a rollback without a pause
  Stop,      // the old build goes
  Recreate,  // one role: stop and start
  Back,      // one role returns to the build before
  Again,     // one role is stopped and started from the build before
  Clear,     // the new build goes
};

struct Item {
  Step step = Step::Hook;
  std::vector<std::string> roles{};
  std::string hook{};

  [[nodiscard]] std::string name() const;  // "switch execution"
  friend bool operator==(const Item&, const Item&) = default;
};
/// The steps of a plan that goes well.
[[nodiscard]] std::vector<Item> items_of(const DeployPlan& plan);

enum class Outcome : std::uint8_t {
  Running,
  Committed,
  RolledBack,      // what ran before runs again; or nothing was switched yet
  RollbackFailed,  // somebody has to act
  Abandoned,       // `abort --force`: left as it stood
};
[[nodiscard]] std::string_view to_string(Outcome outcome) noexcept;  // "rolled_back"

/// What a machine wants done now. Each may be asked for again until it is seen to be done.
struct StartBeside {
  std::string role{};
  Colour colour = Colour::Green;
  std::string release{};
};
struct StopBeside {
  std::string role{};
};
struct Promote {
  std::string role{};
  Colour colour = Colour::Green;
};
struct RestartRole {
  std::string role{};
  std::string release{};
};
struct RunHook {
  std::string name{};
};
using Action = std::variant<StartBeside, StopBeside, Promote, RestartRole, RunHook, SwitchCommand>;

/// How a hook that was run stands.
struct HookView {
  bool ended = false;
  int exit = 0;          // 0: go on
  std::string output{};  // the end of it
};

/// What a machine looks at.
struct Seen {
  const Target* target = nullptr;
  Timestamp now{};
  std::optional<HookView> hook{};  // of the item's hook, once it was run by this process
};

/// What follows: at most one of the two; neither: wait.
struct Next {
  std::optional<DeployRecord> record{};  // append it durably, hand it to `take`, ask again
  std::optional<Action> action{};
  std::string waits_for{};
};

class SwitchMachine {
 public:
  explicit SwitchMachine(DeployPlan plan);

  /// A record of this deployment, after it is durable; in order.
  void take(const DeployRecord& record);
  [[nodiscard]] Next next(const Seen& seen);
  /// An action was refused for good: what follows from that.
  [[nodiscard]] DeployRecord refused(const std::string& why, Timestamp now) const;
  /// Someone asks: pause, resume, promote, approve, abort, rollback. `force` with abort: leave
  /// everything as it stands.
  ///
  /// errors  BadInput: no such verb · Unavailable: not now, and why
  [[nodiscard]] Result<DeployRecord> ask(std::string_view verb, const std::string& actor,
                                         const std::string& reason, bool force, const Seen& seen);

  [[nodiscard]] const DeployPlan& plan() const noexcept { return plan_; }
  [[nodiscard]] Outcome outcome() const noexcept { return outcome_; }
  [[nodiscard]] bool going_back() const noexcept { return going_back_; }
  [[nodiscard]] bool paused() const noexcept { return paused_; }
  /// The step under way or next; empty when it is over.
  [[nodiscard]] std::string step() const;
  [[nodiscard]] std::size_t place() const noexcept { return at_; }
  [[nodiscard]] const std::vector<Item>& items() const noexcept { return items_; }
  /// Why it went back; empty while all is well.
  [[nodiscard]] const std::string& failure() const noexcept { return failure_; }
  /// What it waits for a person for; empty: it does not.
  [[nodiscard]] const std::string& question() const noexcept { return question_; }
  [[nodiscard]] bool unapproved() const noexcept;
  [[nodiscard]] const std::set<std::string>& approvers() const noexcept { return approvers_; }
  /// Who was switched, and how long nobody led, from the records' own times.
  struct Switched {
    std::string role{};
    bool back = false;
    nanoseconds hold{0};   // close to open
    nanoseconds whole{0};  // order to open
  };
  [[nodiscard]] const std::vector<Switched>& switched() const noexcept { return switched_; }

 private:
  struct Wait {
    std::string what{};
  };
  struct Done {
    std::string info{};
  };
  struct Fail {
    std::string why{};
  };
  struct Person {
    std::string question{};
  };
  using Found = std::variant<Wait, Done, Fail, Person, Action>;

  [[nodiscard]] DeployRecord record(RecordKind kind, Timestamp now) const;
  [[nodiscard]] std::string begin_info(const Item& item, const Seen& seen) const;
  [[nodiscard]] Found look(const Item& item, const Seen& seen);
  [[nodiscard]] Found look_hook(const Item& item, const Seen& seen) const;
  [[nodiscard]] Found look_room(const Item& item, const Seen& seen) const;
  [[nodiscard]] Found look_start(const Item& item, const Seen& seen) const;
  [[nodiscard]] Found look_catch_up(const Item& item, const Seen& seen);
  [[nodiscard]] Found look_shadow(const Item& item, const Seen& seen) const;
  [[nodiscard]] Found look_gate() const;
  [[nodiscard]] Found look_switch(const Item& item, const Seen& seen, bool back) const;
  [[nodiscard]] Found look_order(const TargetRole& role, Colour to, const Seen& seen,
                                 bool back) const;
  [[nodiscard]] Found look_opened(const TargetRole& role, Colour to, const EpochRecord& open,
                                  const Seen& seen) const;
  [[nodiscard]] Found look_back(const Item& item, const Seen& seen) const;
  [[nodiscard]] Found look_soak(const Item& item, const Seen& seen);
  [[nodiscard]] Found look_recreate(const Item& item, const Seen& seen, bool back) const;
  [[nodiscard]] std::optional<std::string> broken(const Seen& seen) const;
  [[nodiscard]] const DeployRole& planned(std::string_view role) const;
  [[nodiscard]] std::vector<Item> way_back() const;
  [[nodiscard]] bool late(const Seen& seen, std::int64_t seconds) const;
  [[nodiscard]] SwitchCommand command(const DeployRole& role, Colour to, std::uint64_t epoch,
                                      bool at_once) const;
  void note_switched(const DeployRecord& record);

  DeployPlan plan_;
  std::vector<Item> items_;
  std::size_t at_ = 0;
  bool begun_ = false;
  Timestamp began_at_{};  // the deployment
  Timestamp begun_at_{};  // the step
  json::Value begun_with_{};
  bool going_back_ = false;
  bool back_failed_ = false;
  bool paused_ = false;
  bool waved_on_ = false;  // a person said: promote, of the step under way
  std::string failure_;
  std::string question_;
  std::set<std::string> approvers_;
  std::vector<std::string> touched_;  // roles whose switch or restart was begun
  Outcome outcome_ = Outcome::Running;
  std::vector<Switched> switched_;
  json::Value sample_start_{};  // of the old build, at its two ends
  json::Value sample_switch_{};
  // Not in the log: a successor measures these anew.
  std::optional<Timestamp> steady_since_;
  std::optional<Timestamp> bad_since_;
};

/// The newest record of a kind that tells of a role, at an epoch of at least `epoch`; or null.
[[nodiscard]] const EpochRecord* newest(const Target& target, EpochRecord::Kind kind,
                                        std::string_view role, std::uint64_t epoch);
/// The epoch of a role that is open: an order names the next one.
[[nodiscard]] std::uint64_t open_epoch(const Target& target, const DeployRole& role);
/// Who leads a role as the log says; `from` while nobody has opened since.
[[nodiscard]] Colour leader_of(const Target& target, const DeployRole& role);
/// A feature that was turned on in the log after `since`: a release of before must not lead again.
[[nodiscard]] const EpochRecord* feature_since(const Target& target, Timestamp since);

}  // namespace stoa::deploy
