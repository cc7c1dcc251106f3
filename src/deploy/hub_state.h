#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "base/ids.h"
#include "deploy/config_units.h"
#include "deploy/hub_record.h"
#include "deploy/merge.h"

// What the hub's log leads to. `apply` is all that changes it, and needs nothing but the record.
namespace stoa::deploy {

/// Who may do what in a space; admin may do everything, every other one may look.
enum class Right : std::uint8_t { Viewer, Editor, Approver, Deployer, Admin };
[[nodiscard]] std::string_view to_string(Right right) noexcept;  // "deployer"
[[nodiscard]] std::optional<Right> parse_right(std::string_view text) noexcept;

/// Immutable content of a unit.
struct UnitRevision {
  std::uint64_t revision = 0;  // of the space, with which it came
  std::string hash{};
  std::shared_ptr<const std::string> text{};
};

struct Unit {
  std::string name{};
  Labels labels{};
  std::vector<UnitRevision> revisions{};  // number n stands at n - 1
};

/// A revision of a whole space: which revision of each unit it has.
struct Revision {
  std::uint64_t number = 0;
  std::string hash{};
  Timestamp time{};
  HubVerb verb = HubVerb::Set;
  std::string user{};
  std::vector<std::string> authors{};  // who wrote any of it or brought it here
  std::string reason{};
  Lsn lsn{};
  std::vector<std::uint32_t> units{};  // by place in Space::units: number, 0: not there
};

struct Approval {
  std::uint64_t revision = 0;
  std::string hash{};
  std::string user{};
  Timestamp time{};
};

/// An apply, under way or over.
struct Applied {
  std::uint64_t revision = 0;
  std::string hash{};
  std::string user{};
  Timestamp time{};
  bool over = false;
  bool ok = false;
  std::string result{};
  Lsn lsn{};
};

/// Someone applied what nobody had approved.
struct BrokenGlass {
  std::uint64_t revision = 0;
  std::string hash{};
  std::string user{};
  std::string reason{};
  Timestamp time{};
  Lsn lsn{};
};

struct Space {
  std::string name{};
  std::string upstream{};
  std::string environment{};
  std::uint32_t approvals_required = 0;
  std::map<std::string, std::set<Right>, std::less<>> grants{};
  std::set<std::string, std::less<>> protected_paths{};
  std::vector<Unit> units{};
  std::vector<Revision> revisions{};  // number n stands at n - 1; never empty
  std::map<std::string, std::uint64_t, std::less<>> tags{};
  std::uint64_t merged_revision = 0;         // upstream's, up to which this space has merged
  std::vector<MergeConflict> conflicts{};    // open ones; path with "UNIT/" before it
  std::vector<Approval> approvals{};         // of the head's content and of what was applied
  std::optional<Applied> apply{};            // the newest
  std::optional<Applied> live{};             // the newest that went well
  std::vector<std::uint64_t> live_before{};  // revisions that went well before it, oldest first
  std::vector<BrokenGlass> broken_glass{};   // not yet approved after all, nor replaced

  [[nodiscard]] const Revision& head() const { return revisions.back(); }
  [[nodiscard]] const Revision* find(std::uint64_t number) const noexcept;
  [[nodiscard]] const Unit* find_unit(std::string_view unit) const noexcept;
  /// The text of a unit in a revision; null: it had none.
  [[nodiscard]] const std::string* text_of(const Revision& revision, std::string_view unit) const;
  /// A path, or a table above it, is this space's own.
  [[nodiscard]] bool is_protected(std::string_view path) const;
  /// Who wrote what is in `revision` and was in no revision that was approved and applied.
  [[nodiscard]] std::set<std::string> authors_of(const Revision& revision) const;
  /// Approvals that count for exactly this content.
  [[nodiscard]] std::vector<const Approval*> approvals_of(const Revision& revision) const;
  /// The newest revision of another content that was applied and went well; null: there is none.
  /// What broke the glass is none, unless somebody has approved it since.
  [[nodiscard]] const Revision* proven_other_than(std::string_view hash) const noexcept;
  /// Where a change of this space asks for its name and a reason.
  [[nodiscard]] bool guarded() const noexcept { return environment == "production"; }
};

/// Content of a revision as one hash: of every unit's name and hash.
[[nodiscard]] std::string content_hash(const Space& space, const Revision& revision);

class HubState {
 public:
  /// errors  Damaged: it cannot follow from the records before it; nothing has changed
  [[nodiscard]] Result<void> apply(const HubRecord& record, Lsn lsn);

  [[nodiscard]] const Space* find(std::string_view name) const noexcept;
  [[nodiscard]] const std::vector<Space>& spaces() const noexcept { return spaces_; }
  /// What the record would make of a space: its new revision, without doing it. For the hash that
  /// goes into a record.
  [[nodiscard]] static std::string hash_after(const Space& space,
                                              const std::vector<UnitText>& units);

 private:
  [[nodiscard]] Result<void> create_space(const HubRecord& record, Lsn lsn);
  [[nodiscard]] Result<void> change(Space& space, const HubRecord& record, Lsn lsn);
  /// `hashes` are those of record.units.
  void add_revision(Space& space, const HubRecord& record, Lsn lsn, std::vector<std::string> hashes,
                    std::vector<std::string> authors);
  void note_apply(Space& space, const HubRecord& record, Lsn lsn);

  std::vector<Space> spaces_;
  /// By hash: a content that was there before is the same object, so that a rollback costs nothing.
  std::unordered_map<std::string, std::shared_ptr<const std::string>> texts_;
};

}  // namespace stoa::deploy
