#include "deploy/hub_state.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/ids.h"
#include "deploy/config_units.h"
#include "deploy/hub_record.h"
#include "deploy/merge.h"

namespace stoa::deploy {
namespace {

constexpr std::array<std::string_view, 5> kRights{"viewer", "editor", "approver", "deployer",
                                                  "admin"};

std::unexpected<Error> damaged(std::string what) {
  return std::unexpected(
      Error{.code = ErrorCode::Damaged, .message = std::move(what), .source = {}});
}

/// Unit name to hash of its content.
using Hashes = std::map<std::string_view, std::string_view>;

std::string hash_of_all(const Hashes& hashes) {
  std::string text;
  for (const auto& [unit, hash] : hashes) {
    text.append(unit).append(1, ' ').append(hash).append(1, '\n');
  }
  return hash_of(text);
}

/// Of each text, in their order.
std::vector<std::string> hashes_of(const std::vector<UnitText>& units) {
  std::vector<std::string> hashes;
  hashes.reserve(units.size());
  for (const UnitText& unit : units) hashes.push_back(hash_of(unit.text));
  return hashes;
}

Hashes hashes_of(const Space& space, const Revision& revision) {
  Hashes hashes;
  for (std::size_t i = 0; i < revision.units.size(); ++i) {
    const auto number = revision.units[i];
    if (number != 0) hashes.emplace(space.units[i].name, space.units[i].revisions[number - 1].hash);
  }
  return hashes;
}

/// Content of a space's head with these units instead.
std::string hash_with(const Space& space, const std::vector<UnitText>& units,
                      const std::vector<std::string>& with) {
  auto hashes = space.revisions.empty() ? Hashes{} : hashes_of(space, space.head());
  for (std::size_t i = 0; i < units.size(); ++i) hashes.insert_or_assign(units[i].unit, with[i]);
  return hash_of_all(hashes);
}

}  // namespace

std::string_view to_string(Right right) noexcept {
  return kRights[static_cast<std::size_t>(right)];
}

std::optional<Right> parse_right(std::string_view text) noexcept {
  const auto* const found = std::ranges::find(kRights, text);
  if (found == kRights.end()) return std::nullopt;
  return static_cast<Right>(found - kRights.begin());
}

const Revision* Space::find(std::uint64_t number) const noexcept {
  return number == 0 || number > revisions.size() ? nullptr : &revisions[number - 1];
}

const Revision* Space::proven_other_than(std::string_view hash) const noexcept {
  const auto other = [&](std::uint64_t number) {
    const Revision* revision = find(number);
    const bool fits =
        revision != nullptr && revision->hash != hash &&
        std::ranges::find(broken_glass, number, &BrokenGlass::revision) == broken_glass.end();
    return fits ? revision : nullptr;
  };
  if (live) {
    if (const Revision* revision = other(live->revision)) return revision;
  }
  for (auto at = live_before.rbegin(); at != live_before.rend(); ++at) {
    if (const Revision* revision = other(*at)) return revision;
  }
  return nullptr;
}

const Unit* Space::find_unit(std::string_view unit) const noexcept {
  const auto found = std::ranges::find(units, unit, &Unit::name);
  return found == units.end() ? nullptr : &*found;
}

const std::string* Space::text_of(const Revision& revision, std::string_view unit) const {
  const auto found = std::ranges::find(units, unit, &Unit::name);
  const auto place = static_cast<std::size_t>(found - units.begin());
  if (place >= revision.units.size() || revision.units[place] == 0) return nullptr;
  return found->revisions[revision.units[place] - 1].text.get();
}

bool Space::is_protected(std::string_view path) const {
  while (true) {
    if (protected_paths.contains(path)) return true;
    const auto dot = path.rfind('.');
    if (dot == std::string_view::npos) return false;
    path = path.substr(0, dot);
  }
}

std::set<std::string> Space::authors_of(const Revision& revision) const {
  std::set<std::string> authors;
  for (auto number = revision.number; number > 0; --number) {
    const Revision& each = revisions[number - 1];
    const bool proven = number != revision.number && live && live->revision == number &&
                        approvals_of(each).size() >= approvals_required;
    if (proven) break;
    authors.insert(each.authors.begin(), each.authors.end());
  }
  return authors;
}

std::vector<const Approval*> Space::approvals_of(const Revision& revision) const {
  std::vector<const Approval*> count;
  for (const Approval& approval : approvals) {
    if (approval.revision == revision.number && approval.hash == revision.hash) {
      count.push_back(&approval);
    }
  }
  return count;
}

std::string content_hash(const Space& space, const Revision& revision) {
  return hash_of_all(hashes_of(space, revision));
}

std::string HubState::hash_after(const Space& space, const std::vector<UnitText>& units) {
  return hash_with(space, units, hashes_of(units));
}

const Space* HubState::find(std::string_view name) const noexcept {
  const auto found = std::ranges::find(spaces_, name, &Space::name);
  return found == spaces_.end() ? nullptr : &*found;
}

Result<void> HubState::apply(const HubRecord& record, Lsn lsn) {
  if (record.verb == HubVerb::Refused) return {};
  if (record.verb == HubVerb::Space) return create_space(record, lsn);
  const auto found = std::ranges::find(spaces_, record.space, &Space::name);
  if (found == spaces_.end()) return damaged("a space that there is not: " + record.space);
  Space& space = *found;
  switch (record.verb) {
    case HubVerb::Grant:
    case HubVerb::Revoke: {
      const auto right = parse_right(record.value);
      if (!right) return damaged("no role: " + record.value);
      auto& held = space.grants[record.object];
      if (record.verb == HubVerb::Grant) {
        held.insert(*right);
      } else {
        held.erase(*right);
      }
      if (held.empty()) space.grants.erase(record.object);
      return {};
    }
    case HubVerb::Protect:
      space.protected_paths.insert(record.object);
      return {};
    case HubVerb::Unprotect:
      space.protected_paths.erase(record.object);
      return {};
    case HubVerb::Unit:
    case HubVerb::Set:
    case HubVerb::Promote:
    case HubVerb::Resolve:
    case HubVerb::Rollback:
    case HubVerb::Restore:
    case HubVerb::Import:
      return change(space, record, lsn);
    case HubVerb::Tag:
      if (space.find(record.revision) == nullptr) return damaged("a tag of no revision");
      space.tags.insert_or_assign(record.object, record.revision);
      return {};
    case HubVerb::Approve:
    case HubVerb::BreakGlass:
    case HubVerb::ApplyBegin:
    case HubVerb::ApplyWave:
    case HubVerb::ApplyEnd: {
      const Revision* revision = space.find(record.revision);
      if (revision == nullptr || revision->hash != record.hash) {
        return damaged("about a revision that there is not");
      }
      note_apply(space, record, lsn);
      return {};
    }
    case HubVerb::Space:
    case HubVerb::Refused:
      break;
  }
  return {};
}

Result<void> HubState::create_space(const HubRecord& record, Lsn lsn) {
  if (record.space.empty() || find(record.space) != nullptr) {
    return damaged("a space that is there already: " + record.space);
  }
  if (!record.upstream.empty()) {
    const Space* upstream = find(record.upstream);
    if (upstream == nullptr || upstream->find(record.from_revision) == nullptr) {
      return damaged("an upstream that there is not: " + record.upstream);
    }
  }
  Space space{.name = record.space,
              .upstream = record.upstream,
              .environment = record.environment,
              .approvals_required = record.approvals,
              .merged_revision = record.from_revision};
  auto hashes = hashes_of(record.units);
  if (record.revision != 1 || record.hash != hash_with(space, record.units, hashes)) {
    return damaged("the hash is not that of the content");
  }
  space.grants[record.user].insert(Right::Admin);
  add_revision(space, record, lsn, std::move(hashes),
               {});  // what a space begins with is nobody's own
  spaces_.push_back(std::move(space));
  return {};
}

Result<void> HubState::change(Space& space, const HubRecord& record, Lsn lsn) {
  auto hashes = hashes_of(record.units);
  if (record.revision != 0) {
    if (record.revision != space.revisions.size() + 1) return damaged("a revision out of turn");
    if (record.hash != hash_with(space, record.units, hashes)) {
      return damaged("the hash is not that of the content");
    }
  } else if (!record.units.empty()) {
    return damaged("content without a revision");
  }
  std::set<std::string> authors{record.user};
  if (record.verb == HubVerb::Promote) {
    const Space* upstream = find(space.upstream);
    if (upstream == nullptr || upstream->find(record.from_revision) == nullptr) {
      return damaged("a promotion from nowhere");
    }
    for (auto number = space.merged_revision + 1; number <= record.from_revision; ++number) {
      const auto& more = upstream->revisions[number - 1].authors;
      authors.insert(more.begin(), more.end());
    }
    space.merged_revision = record.from_revision;
    space.conflicts.insert(space.conflicts.end(), record.conflicts.begin(), record.conflicts.end());
  }
  std::erase_if(space.conflicts, [&](const MergeConflict& conflict) {
    return std::ranges::find(record.paths, conflict.path) != record.paths.end();
  });
  if (record.revision != 0) {
    add_revision(space, record, lsn, std::move(hashes), {authors.begin(), authors.end()});
  }
  return {};
}

void HubState::add_revision(Space& space, const HubRecord& record, Lsn lsn,
                            std::vector<std::string> hashes, std::vector<std::string> authors) {
  Revision next{.number = space.revisions.size() + 1,
                .hash = record.hash,
                .time = record.time,
                .verb = record.verb,
                .user = record.user,
                .authors = std::move(authors),
                .reason = record.reason,
                .lsn = lsn};
  if (!space.revisions.empty()) next.units = space.revisions.back().units;
  for (std::size_t i = 0; i < record.units.size(); ++i) {
    const UnitText& given = record.units[i];
    auto unit = std::ranges::find(space.units, given.unit, &Unit::name);
    if (unit == space.units.end()) {
      const UnitKind* kind = find_unit_kind(given.unit);
      space.units.push_back({.name = given.unit,
                             .labels = kind == nullptr ? Labels{} : labels_of(*kind, space.name)});
      unit = space.units.end() - 1;
    }
    const auto place = static_cast<std::size_t>(unit - space.units.begin());
    next.units.resize(std::max(next.units.size(), place + 1));
    auto& text = texts_[hashes[i]];
    if (text == nullptr) text = std::make_shared<const std::string>(given.text);
    unit->revisions.push_back(
        {.revision = next.number, .hash = std::move(hashes[i]), .text = text});
    next.units[place] = static_cast<std::uint32_t>(unit->revisions.size());
  }
  space.revisions.push_back(std::move(next));
}

void HubState::note_apply(Space& space, const HubRecord& record, Lsn lsn) {
  const auto close_glass = [&] {
    std::erase_if(space.broken_glass, [&](const BrokenGlass& glass) {
      const Revision* revision = space.find(glass.revision);
      return revision != nullptr &&
             space.approvals_of(*revision).size() >= space.approvals_required;
    });
  };
  switch (record.verb) {
    case HubVerb::Approve:
      space.approvals.push_back({.revision = record.revision,
                                 .hash = record.hash,
                                 .user = record.user,
                                 .time = record.time});
      return close_glass();
    case HubVerb::BreakGlass:
      space.broken_glass.push_back({.revision = record.revision,
                                    .hash = record.hash,
                                    .user = record.user,
                                    .reason = record.reason,
                                    .time = record.time,
                                    .lsn = lsn});
      return;
    case HubVerb::ApplyBegin:
      space.apply = Applied{.revision = record.revision,
                            .hash = record.hash,
                            .user = record.user,
                            .time = record.time,
                            .lsn = lsn};
      return;
    case HubVerb::ApplyWave:
      if (space.apply) space.apply->result = record.object + ": " + record.value;
      return;
    case HubVerb::ApplyEnd: {
      if (!space.apply) return;
      space.apply->over = true;
      space.apply->ok = record.value == "ok";
      space.apply->result = record.value;
      if (!space.apply->ok) return;
      if (space.live && space.live->revision != space.apply->revision) {
        space.live_before.push_back(space.live->revision);
      }
      space.live = space.apply;
      // What was applied unapproved is gone once an approved revision has taken its place.
      const Revision* revision = space.find(record.revision);
      if (revision != nullptr && space.approvals_of(*revision).size() >= space.approvals_required) {
        space.broken_glass.clear();
      }
      return;
    }
    default:
      return;
  }
}

}  // namespace stoa::deploy
