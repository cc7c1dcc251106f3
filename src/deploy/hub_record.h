#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "base/ids.h"
#include "deploy/merge.h"

// One record of the hub's log: what was done, by whom and why. What follows from a record is
// written into it, so that a replay decides nothing anew.
namespace stoa::deploy {

enum class HubVerb : std::uint8_t {
  Space,       // created: units, upstream, environment, approvals
  Grant,       // object: user, value: role
  Revoke,      // object: user, value: role
  Protect,     // object: path
  Unprotect,   // object: path
  Unit,        // created: units
  Set,         // of a person: units
  Promote,     // from upstream: units, from, conflicts
  Resolve,     // of conflicts: units, paths
  Rollback,    // value: the revision whose content is the new head's
  Restore,     // value: the revision or tag
  Import,      // units
  Tag,         // object: name, revision
  Approve,     // revision, hash
  BreakGlass,  // applied without approval: revision, hash
  ApplyBegin,  // revision, hash
  ApplyWave,   // object: roles, value: how it went
  ApplyEnd,    // value: ok, or why not
  Refused      // object: what was asked for, value: why not
};
[[nodiscard]] std::string_view to_string(HubVerb verb) noexcept;  // "break_glass"

struct UnitText {
  std::string unit{};
  std::string text{};
  friend bool operator==(const UnitText&, const UnitText&) = default;
};

struct HubRecord {
  std::string previous{};  // SHA-256 of the record before, 64 zeros for the first
  Timestamp time{};
  HubVerb verb = HubVerb::Set;
  std::string user{};
  std::uint32_t uid = 0;  // as the kernel says
  std::string space{};
  std::string reason{};
  std::string object{};
  std::string value{};
  std::uint64_t revision = 0;  // that it makes or is about; 0: none
  std::string hash{};          // of that revision's content
  std::vector<UnitText> units{};

  // Space
  std::string upstream{};
  std::string environment{};
  std::uint32_t approvals = 0;
  // Promote
  std::uint64_t from_revision = 0;  // upstream's, up to which this space has merged
  std::vector<MergeConflict> conflicts{};
  // Resolve, Set: paths whose conflicts are over, "limits/limits.max_order_rate"
  std::vector<std::string> paths{};

  friend bool operator==(const HubRecord&, const HubRecord&) = default;
};

inline constexpr std::size_t kHashDigits = 64;
[[nodiscard]] std::string no_hash();  // 64 zeros
[[nodiscard]] std::string hash_of(std::string_view text);
/// The first eight digits, as people name a content.
[[nodiscard]] std::string_view hash8(std::string_view hash) noexcept;

/// One JSON document; the same record gives the same bytes.
///
/// source  docs/formats/hub.md
[[nodiscard]] std::string encode(const HubRecord& record);
/// Bytes of a disk.
///
/// errors  Damaged: what is wrong
[[nodiscard]] Result<HubRecord> decode_hub_record(std::string_view text);

}  // namespace stoa::deploy
