#pragma once

#include <cstdint>
#include <expected>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "deploy/config_text.h"
#include "deploy/config_units.h"
#include "deploy/hub_log.h"
#include "deploy/hub_server.h"
#include "deploy/hub_state.h"
#include "journal/file_system.h"

// The rules of the configuration hub: who may change what, what a change leads to, and that nothing
// counts before it is in the log.
namespace stoa::deploy {

/// Why a request was not done.
struct HubRefusal {
  HubCode code = HubCode::Failed;
  std::string message{};
};
template <class T>
using HubResult = std::expected<T, HubRefusal>;

/// What every request says.
struct HubCall {
  std::string user{};
  std::uint32_t uid = 0;
  std::string space{};
  std::string reason{};
  std::string if_head{};    // "12:ab12cd34": the head that the person looked at; empty: any
  std::string confirmed{};  // the space's name, where it has to be typed
  bool dry_run = false;
};

/// What a change led to.
struct HubChange {
  std::uint64_t revision = 0;  // the new head; 0: nothing had to change
  std::string hash{};
  std::vector<std::string> taken{};     // "UNIT/PATH" with another value than before
  std::vector<std::string> withheld{};  // of a promotion: protected, and upstream differs
  std::vector<MergeConflict> conflicts{};
  std::vector<std::string> settled{};  // conflicts that this ended
};

/// A new space.
struct SpaceSpec {
  std::string upstream{};     // cloned from its head; empty: a space of its own, without units
  std::string environment{};  // of ops::environments(); empty: upstream's, else development
  std::optional<std::uint32_t> approvals{};  // nothing: 1 where it is guarded, else 0
};

/// What an apply is to bring about.
struct ApplyTicket {
  std::uint64_t revision = 0;
  std::string hash{};
  std::string name{};  // "prod-12": of the file, and what roles say they run with
  std::string text{};  // the effective configuration
  std::string environment{};
  bool backwards = false;                        // a rollback: in reverse order
  std::map<std::string, std::string> digests{};  // by role, what it is to say of itself
  bool broke_glass = false;
};

struct HubOptions {
  std::string owner{};  // admin of the spaces of a new log
  std::uint32_t owner_uid = 0;
  CheckStrategy check_strategy{};
  journal::FileSystem* file_system = nullptr;  // null: the system's
};

/// One thread. Every call that changes something returns once it is durable.
class Hub {
 public:
  /// Opens the log, or begins one with base, dev, staging and prod.
  ///
  /// errors  as HubLog::open
  [[nodiscard]] static Result<Hub> open(const std::filesystem::path& dir, const Clock& clock,
                                        HubOptions options);

  [[nodiscard]] const HubState& state() const noexcept { return state_; }
  [[nodiscard]] const HubHead& head() const noexcept { return log_->head(); }
  /// What ended the log, or null: nothing can be changed any more.
  [[nodiscard]] const Error* failed() const noexcept { return log_->failed(); }

  // Each may be refused: NotFound, Denied, Stale, BadInput, and what it says.
  [[nodiscard]] HubResult<const Space*> look(const HubCall& call) const;
  [[nodiscard]] HubResult<HubChange> create_space(const HubCall& call, const SpaceSpec& spec);
  [[nodiscard]] HubResult<void> grant(const HubCall& call, std::string_view user, Right right,
                                      bool take_away);
  /// A path, or all below it, that promotions leave alone.
  [[nodiscard]] HubResult<void> protect(const HubCall& call, std::string_view path, bool no_longer);
  [[nodiscard]] HubResult<HubChange> create_unit(const HubCall& call, std::string_view unit);
  /// A path without a value is taken away; a table takes all below it away.
  [[nodiscard]] HubResult<HubChange> set(const HubCall& call, std::string_view unit,
                                         const Edits& edits);
  [[nodiscard]] HubResult<HubChange> import(const HubCall& call,
                                            const std::vector<UnitText>& units);
  [[nodiscard]] HubResult<void> tag(const HubCall& call, std::string_view name,
                                    std::uint64_t revision);
  /// From `from`, which must be the upstream of call.space.
  /// Conflict: those of the last promotion are open.
  [[nodiscard]] HubResult<HubChange> promote(const HubCall& call, std::string_view from);
  /// "UNIT/PATH", or the path alone, to "ours" or "theirs".
  [[nodiscard]] HubResult<HubChange> resolve(
      const HubCall& call, const std::map<std::string, std::string, std::less<>>& choices);
  /// `what`: "12:ab12cd34", exactly that content. Denied: one's own. Conflict: conflicts are open.
  [[nodiscard]] HubResult<std::uint64_t> approve(const HubCall& call, std::string_view what);
  /// A new head with the content of `what`: a revision, a tag, or empty for the newest other
  /// content that was applied and went well. One unit alone where `unit` is not empty.
  [[nodiscard]] HubResult<HubChange> go_back(const HubCall& call, HubVerb verb,
                                             std::string_view what, std::string_view unit);
  /// Unapproved, Conflict: unless `break_glass`, which is written into the log as such.
  [[nodiscard]] HubResult<ApplyTicket> begin_apply(const HubCall& call, bool break_glass);
  /// `over`: the apply has ended; `text` is "ok" or why not.
  [[nodiscard]] HubResult<void> note_apply(const HubCall& call, std::uint64_t revision,
                                           std::string_view roles, std::string_view text,
                                           bool over);
  /// What the space's revision means for each role.
  [[nodiscard]] HubResult<ApplyTicket> ticket(const Space& space, const Revision& revision) const;
  /// Writes into the log that somebody was turned away.
  void note_refusal(const HubCall& call, std::string_view verb, std::string_view why);

 private:
  Hub(const Clock& clock, HubOptions options) : clock_{&clock}, options_{std::move(options)} {}

  [[nodiscard]] Result<void> found();
  [[nodiscard]] HubResult<const Space*> admit(const HubCall& call,
                                              std::initializer_list<Right> rights) const;
  [[nodiscard]] HubRecord record(const HubCall& call, HubVerb verb) const;
  [[nodiscard]] HubResult<void> keep(const HubCall& call, const HubRecord& record);
  /// Judges the new texts, and writes them where something changes.
  [[nodiscard]] HubResult<HubChange> change(const HubCall& call, const Space& space,
                                            HubRecord record);
  [[nodiscard]] HubResult<void> judge(const Space& space, const std::vector<UnitText>& units) const;

  const Clock* clock_;
  HubOptions options_;
  HubState state_;
  std::unique_ptr<HubLog> log_;  // there once open() is through
};

/// All units of a revision as one document; those of `instead` as they stand there.
[[nodiscard]] Document effective(const Space& space, const Revision& revision,
                                 const std::vector<UnitText>& instead = {});
/// "12:ab12cd34".
[[nodiscard]] std::string head_text(const Revision& revision);
/// "prod-12".
[[nodiscard]] std::string revision_name(const Space& space, const Revision& revision);

}  // namespace stoa::deploy
