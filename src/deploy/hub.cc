#include "deploy/hub.h"

#include <fmt/core.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <filesystem>
#include <functional>
#include <initializer_list>
#include <iterator>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "base/check.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/ids.h"
#include "base/log.h"
#include "deploy/config_text.h"
#include "deploy/config_units.h"
#include "deploy/hub_log.h"
#include "deploy/hub_record.h"
#include "deploy/hub_server.h"
#include "deploy/hub_state.h"
#include "deploy/merge.h"
#include "ops/config.h"

namespace stoa::deploy {
namespace {

constexpr std::size_t kNameBytesMax = 32;
constexpr std::size_t kReasonBytesMax = 1'024;
constexpr std::size_t kUnitBytesMax = 128UL * 1024;

std::unexpected<HubRefusal> refuse(HubCode code, std::string message) {
  return std::unexpected(HubRefusal{.code = code, .message = std::move(message)});
}
std::unexpected<HubRefusal> refuse(const std::vector<Error>& problems) {
  std::string text;
  for (const Error& problem : problems) {
    if (!text.empty()) text += '\n';
    text += problem.text();
  }
  return refuse(HubCode::BadInput, std::move(text));
}
std::unexpected<HubRefusal> refuse(const Error& error) { return refuse(std::vector{error}); }

bool is_name(std::string_view text) {
  return !text.empty() && text.size() <= kNameBytesMax && std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
  });
}

std::optional<std::uint64_t> number_of(std::string_view text) {
  std::uint64_t value = 0;
  const auto* end = text.end();
  const auto [stop, error] = std::from_chars(text.begin(), end, value);
  if (error != std::errc{} || stop != end) return std::nullopt;
  return value;
}

/// "12:ab12cd34", or "12".
bool names(std::string_view text, const Revision& revision) {
  const auto colon = std::min(text.find(':'), text.size());
  if (number_of(text.substr(0, colon)) != revision.number) return false;
  return colon == text.size() ||
         (text.size() - colon - 1 >= 8 && revision.hash.starts_with(text.substr(colon + 1)));
}

Values values_of(const std::string* text) {
  if (text == nullptr) return {};
  auto document = read_document(*text, "unit");
  return document ? std::move(document->values) : Values{};  // what is in the log was judged
}

std::vector<std::string> with_unit(std::string_view unit, std::vector<std::string> paths) {
  for (auto& path : paths) path = fmt::format("{}/{}", unit, path);
  return paths;
}

void append(std::vector<std::string>& to, std::vector<std::string> more) {
  to.insert(to.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
}

/// What one unit becomes by a promotion; nothing in `text`: it stays.
struct UnitMerge {
  std::optional<std::string> text{};
  Merged merged{};
};

Result<UnitMerge> merge_unit(const Space& space, const std::string* base, const std::string* ours,
                             const std::string& theirs) {
  const Values before = values_of(base);
  const Values own = values_of(ours);
  const Values other = values_of(&theirs);
  UnitMerge result{.text = {}, .merged = merge(before, own, other, [&](std::string_view path) {
                                 return space.is_protected(path);
                               })};
  const Values& merged = result.merged.values;
  const bool as_upstream = merged == other && (ours == nullptr || (base && *ours == *base));
  if (as_upstream) {
    if (ours == nullptr || *ours != theirs) result.text = theirs;  // its comments too
  } else if (merged != own) {
    auto text = edit_text(*ours, difference(own, merged));
    if (!text) return std::unexpected(std::move(text.error()));
    result.text = std::move(*text);
  }
  return result;
}

/// A path of a unit, or every path below it.
Edits expanded(const Edits& edits, const Values& values) {
  Edits all;
  for (const auto& [path, value] : edits) {
    all.emplace(path, value);
    if (value || values.contains(path)) continue;
    const std::string table = path + '.';
    for (auto at = values.lower_bound(table); at != values.end() && at->first.starts_with(table);
         ++at) {
      all.emplace(at->first, std::nullopt);
    }
  }
  return all;
}

}  // namespace

Document effective(const Space& space, const Revision& revision,
                   const std::vector<UnitText>& instead) {
  Document all;
  for (const UnitKind& kind : unit_kinds()) {
    const auto given = std::ranges::find(instead, kind.name, &UnitText::unit);
    const std::string* text =
        given != instead.end() ? &given->text : space.text_of(revision, kind.name);
    if (text == nullptr) continue;
    auto document = read_document(*text, kind.name);
    if (!document) continue;  // what is in the log was judged
    all.values.merge(document->values);
    append(all.strategies, std::move(document->strategies));
  }
  return all;
}

std::string head_text(const Revision& revision) {
  return fmt::format("{}:{}", revision.number, hash8(revision.hash));
}

std::string revision_name(const Space& space, const Revision& revision) {
  return fmt::format("{}-{}", space.name, revision.number);
}

Result<Hub> Hub::open(const std::filesystem::path& dir, const Clock& clock, HubOptions options) {
  Hub hub{clock, std::move(options)};
  auto log = HubLog::open(dir, hub.options_.file_system, [&](const HubRecord& record, Lsn lsn) {
    return hub.state_.apply(record, lsn);
  });
  if (!log) return std::unexpected(std::move(log.error()));
  hub.log_ = std::make_unique<HubLog>(std::move(*log));
  if (auto found = hub.found(); !found) return std::unexpected(std::move(found.error()));
  return hub;
}

/// The spaces that every log begins with; goes on where a crash stopped it.
Result<void> Hub::found() {
  struct First {
    std::string_view space;
    std::string_view upstream;
    std::string_view environment;
  };
  constexpr auto kFirst = std::to_array<First>({{"base", "", "development"},
                                                {"dev", "base", "development"},
                                                {"staging", "dev", "staging"},
                                                {"prod", "staging", "production"}});
  const bool begun = state_.spaces().size() < kFirst.size();
  for (const First& first : kFirst) {
    if (!begun || state_.find(first.space) != nullptr) continue;
    const HubCall call{.user = options_.owner,
                       .uid = options_.owner_uid,
                       .space = std::string{first.space},
                       .reason = "the spaces that every hub begins with"};
    const auto made = create_space(call, {.upstream = std::string{first.upstream},
                                          .environment = std::string{first.environment}});
    if (!made) {
      return std::unexpected(
          Error{.code = ErrorCode::Io, .message = made.error().message, .source = {}});
    }
  }
  return {};
}

HubResult<const Space*> Hub::look(const HubCall& call) const {
  const Space* space = state_.find(call.space);
  if (space == nullptr) {
    std::vector<std::string_view> known;
    for (const Space& each : state_.spaces()) known.push_back(each.name);
    const auto near = ops::nearest(call.space, known);
    return refuse(
        HubCode::NotFound,
        fmt::format("{} is no space{}; there are {}", call.space,
                    near ? fmt::format("; did you mean {}?", *near) : "", fmt::join(known, ", ")));
  }
  if (!space->grants.contains(call.user)) {
    return refuse(
        HubCode::Denied,
        fmt::format("{} has no role in {}; an admin gives one: stoa config space grant {} "
                    "{} viewer",
                    call.user, space->name, space->name, call.user));
  }
  return space;
}

HubResult<const Space*> Hub::admit(const HubCall& call, std::initializer_list<Right> rights) const {
  const auto seen = look(call);
  if (!seen) return seen;
  const Space& space = **seen;
  const auto& held = space.grants.find(call.user)->second;
  const bool may = held.contains(Right::Admin) ||
                   std::ranges::any_of(rights, [&](Right right) { return held.contains(right); });
  if (!may) {
    std::string needed;
    for (const Right right : rights) {
      (needed += needed.empty() ? "" : " or ") += to_string(right);
    }
    return refuse(HubCode::Denied, fmt::format("{} is not {} in {}", call.user,
                                               needed.empty() ? "admin" : needed, space.name));
  }
  if (call.reason.size() > kReasonBytesMax) return refuse(HubCode::BadInput, "--reason: too long");
  if (!call.if_head.empty() && !names(call.if_head, space.head())) {
    return refuse(HubCode::Stale,
                  fmt::format("the head of {} is {} by {}, not {}", space.name,
                              head_text(space.head()), space.head().user, call.if_head));
  }
  if (!space.guarded() || call.dry_run) return seen;
  if (call.reason.empty()) {
    return refuse(HubCode::BadInput, fmt::format("a change of {} needs a --reason", space.name));
  }
  if (call.confirmed != space.name) {
    return refuse(HubCode::Unconfirmed,
                  fmt::format("a change of {} needs its name: type it, or add --yes --env-name {}",
                              space.name, space.name));
  }
  return seen;
}

HubRecord Hub::record(const HubCall& call, HubVerb verb) const {
  return {.time = clock_->now(),
          .verb = verb,
          .user = call.user,
          .uid = call.uid,
          .space = call.space,
          .reason = call.reason};
}

HubResult<void> Hub::keep(const HubCall& call, const HubRecord& record) {
  if (call.dry_run) return {};
  const auto lsn = log_->append(record);
  if (!lsn) {
    const bool ours = lsn.error().code == ErrorCode::BadInput;
    return refuse(ours ? HubCode::BadInput : HubCode::Failed, lsn.error().text());
  }
  const auto applied = state_.apply(record, *lsn);
  check(applied.has_value(), "what the rules let through follows from the state");
  return {};
}

HubResult<void> Hub::judge(const Space& space, const std::vector<UnitText>& units) const {
  static const Revision kNone;
  for (const UnitText& given : units) {
    const UnitKind* kind = find_unit_kind(given.unit);
    if (kind == nullptr) {
      return refuse(HubCode::NotFound,
                    fmt::format("{} is no unit{}", given.unit, nearest_unit(given.unit)));
    }
    if (given.text.size() > kUnitBytesMax) {
      return refuse(HubCode::BadInput, fmt::format("{}: longer than 128 KiB", given.unit));
    }
    const auto problems = check_unit(*kind, given.text, options_.check_strategy);
    if (!problems.empty()) return refuse(problems);
  }
  // What no single unit can know: two services at one port, a replay without recordings.
  const Revision& head = space.revisions.empty() ? kNone : space.head();
  const auto loaded =
      ops::load({.environment = space.environment,
                 .text = ops::FileText{.name = space.name,
                                       .text = render_document(effective(space, head, units))},
                 .resolve_secrets = false,
                 .check_strategy = options_.check_strategy});
  if (!loaded) return refuse(loaded.error());
  return {};
}

HubResult<HubChange> Hub::change(const HubCall& call, const Space& space, HubRecord record) {
  HubChange done{.settled = record.paths};
  std::erase_if(record.units, [&](const UnitText& unit) {
    const std::string* now =
        space.revisions.empty() ? nullptr : space.text_of(space.head(), unit.unit);
    return now != nullptr && *now == unit.text;
  });
  if (auto judged = judge(space, record.units); !judged) return std::unexpected(judged.error());
  for (const UnitText& unit : record.units) {
    const auto edits =
        difference(values_of(space.text_of(space.head(), unit.unit)), values_of(&unit.text));
    for (const auto& [path, value] : edits) done.taken.push_back(unit.unit + '/' + path);
  }
  if (!record.units.empty()) {
    done.revision = record.revision = space.revisions.size() + 1;
    done.hash = record.hash = HubState::hash_after(space, record.units);
  }
  const bool nothing = record.units.empty() && record.paths.empty() && record.conflicts.empty() &&
                       record.from_revision == 0;
  if (nothing) return done;
  if (auto kept = keep(call, record); !kept) return std::unexpected(kept.error());
  return done;
}

HubResult<HubChange> Hub::create_space(const HubCall& call, const SpaceSpec& spec) {
  if (!is_name(call.space)) {
    return refuse(HubCode::BadInput, fmt::format("{}: a space's name is 1 to {} of [a-z0-9_-]",
                                                 call.space, kNameBytesMax));
  }
  if (state_.find(call.space) != nullptr) {
    return refuse(HubCode::Conflict, call.space + " is there already");
  }
  HubRecord made = record(call, HubVerb::Space);
  made.upstream = spec.upstream;
  made.environment = spec.environment.empty() ? "development" : spec.environment;
  if (!spec.upstream.empty()) {
    HubCall above = call;
    above.space = spec.upstream;
    const auto upstream = look(above);
    if (!upstream) return std::unexpected(upstream.error());
    const Space& from = **upstream;
    if (!from.grants.find(call.user)->second.contains(Right::Admin)) {
      return refuse(HubCode::Denied, fmt::format("{} is not admin in {}", call.user, from.name));
    }
    if (spec.environment.empty()) made.environment = from.environment;
    made.from_revision = from.head().number;
    for (const Unit& unit : from.units) {
      if (const std::string* text = from.text_of(from.head(), unit.name)) {
        made.units.push_back({.unit = unit.name, .text = *text});
      }
    }
  } else if (state_.spaces().empty()) {
    for (const UnitKind& kind : unit_kinds()) {
      made.units.push_back(
          {.unit = std::string{kind.name}, .text = fmt::format("# {}\n", kind.doc)});
    }
  } else if (std::ranges::none_of(state_.spaces(), [&](const Space& each) {
               const auto held = each.grants.find(call.user);
               return held != each.grants.end() && held->second.contains(Right::Admin);
             })) {
    return refuse(HubCode::Denied, fmt::format("{} is admin of no space", call.user));
  }
  const auto known = ops::environments();
  if (std::ranges::find(known, made.environment) == known.end()) {
    return refuse(HubCode::BadInput, fmt::format("{} is no environment; there are {}",
                                                 made.environment, fmt::join(known, ", ")));
  }
  made.approvals = spec.approvals.value_or(made.environment == "production" ? 1 : 0);
  made.revision = 1;
  const Space empty{.name = call.space, .environment = made.environment};
  if (auto judged = judge(empty, made.units); !judged) return std::unexpected(judged.error());
  HubChange done{.revision = 1, .hash = HubState::hash_after(empty, made.units)};
  made.hash = done.hash;
  if (auto kept = keep(call, made); !kept) return std::unexpected(kept.error());
  return done;
}

HubResult<void> Hub::grant(const HubCall& call, std::string_view user, Right right,
                           bool take_away) {
  const auto space = admit(call, {});
  if (!space) return std::unexpected(space.error());
  if (user.empty() || user.size() > kNameBytesMax) {
    return refuse(HubCode::BadInput, "a user's name has 1 to 32 bytes");
  }
  if (take_away && right == Right::Admin) {
    const auto admins = std::ranges::count_if(
        (*space)->grants, [](const auto& entry) { return entry.second.contains(Right::Admin); });
    if (admins <= 1) return refuse(HubCode::Conflict, "a space keeps at least one admin");
  }
  HubRecord made = record(call, take_away ? HubVerb::Revoke : HubVerb::Grant);
  made.object = user;
  made.value = to_string(right);
  return keep(call, made);
}

HubResult<void> Hub::protect(const HubCall& call, std::string_view path, bool no_longer) {
  const auto space = admit(call, {Right::Editor});
  if (!space) return std::unexpected(space.error());
  const std::string table = std::string{path} + '.';
  const bool known = std::ranges::any_of(ops::keys(),
                                         [&](const ops::Key& key) {
                                           return key.name == path || key.name.starts_with(table);
                                         }) ||
                     path.starts_with("strategy.");
  if (!known) {
    std::vector<std::string_view> keys;
    for (const ops::Key& key : ops::keys()) keys.push_back(key.name);
    const auto near = ops::nearest(path, keys);
    return refuse(HubCode::BadInput,
                  fmt::format("{}: unknown key{}", path,
                              near ? fmt::format("; did you mean {}?", *near) : ""));
  }
  HubRecord made = record(call, no_longer ? HubVerb::Unprotect : HubVerb::Protect);
  made.object = path;
  return keep(call, made);
}

HubResult<HubChange> Hub::create_unit(const HubCall& call, std::string_view unit) {
  const auto space = admit(call, {Right::Editor});
  if (!space) return std::unexpected(space.error());
  const UnitKind* kind = find_unit_kind(unit);
  if (kind == nullptr) {
    return refuse(HubCode::NotFound, fmt::format("{} is no unit{}", unit, nearest_unit(unit)));
  }
  if ((*space)->text_of((*space)->head(), unit) != nullptr) {
    return refuse(HubCode::Conflict, fmt::format("{} has {} already", call.space, unit));
  }
  HubRecord made = record(call, HubVerb::Unit);
  made.object = unit;
  made.units.push_back({.unit = std::string{unit}, .text = fmt::format("# {}\n", kind->doc)});
  return change(call, **space, std::move(made));
}

HubResult<HubChange> Hub::set(const HubCall& call, std::string_view unit, const Edits& edits) {
  const auto space = admit(call, {Right::Editor});
  if (!space) return std::unexpected(space.error());
  const std::string* text = (*space)->text_of((*space)->head(), unit);
  if (text == nullptr) {
    return refuse(HubCode::NotFound,
                  fmt::format("{} has no unit {}{}", call.space, unit, nearest_unit(unit)));
  }
  const Values values = values_of(text);
  const Edits all = expanded(edits, values);
  for (const auto& [path, value] : edits) {
    const auto below = all.upper_bound(path);
    const bool table = below != all.end() && below->first.starts_with(path + ".");
    if (!value && !values.contains(path) && !table) {
      return refuse(HubCode::BadInput, fmt::format("{}: {} does not set it", path, unit));
    }
  }
  auto edited = edit_text(*text, all);
  if (!edited) return refuse(edited.error());
  HubRecord made = record(call, HubVerb::Set);
  made.object = unit;
  made.units.push_back({.unit = std::string{unit}, .text = std::move(*edited)});
  for (const MergeConflict& conflict : (*space)->conflicts) {
    const auto path = std::string_view{conflict.path};
    const auto slash = path.find('/');
    const bool decided = path.substr(0, slash) == unit && all.contains(path.substr(slash + 1));
    if (decided) made.paths.push_back(conflict.path);
  }
  return change(call, **space, std::move(made));
}

HubResult<HubChange> Hub::import(const HubCall& call, const std::vector<UnitText>& units) {
  const auto space = admit(call, {Right::Editor});
  if (!space) return std::unexpected(space.error());
  HubRecord made = record(call, HubVerb::Import);
  made.units = units;
  return change(call, **space, std::move(made));
}

HubResult<void> Hub::tag(const HubCall& call, std::string_view name, std::uint64_t revision) {
  const auto space = admit(call, {Right::Editor, Right::Deployer});
  if (!space) return std::unexpected(space.error());
  if (!is_name(name) || number_of(name)) {
    return refuse(HubCode::BadInput, fmt::format("{}: a tag is 1 to {} of [a-z0-9_-] and no number",
                                                 name, kNameBytesMax));
  }
  if ((*space)->find(revision) == nullptr) {
    return refuse(HubCode::NotFound, fmt::format("{} has no revision {}", call.space, revision));
  }
  HubRecord made = record(call, HubVerb::Tag);
  made.object = name;
  made.revision = revision;
  return keep(call, made);
}

HubResult<HubChange> Hub::promote(const HubCall& call, std::string_view from) {
  const auto admitted = admit(call, {Right::Editor});
  if (!admitted) return std::unexpected(admitted.error());
  const Space& space = **admitted;
  if (space.upstream != from) {
    return refuse(HubCode::BadInput, space.upstream.empty()
                                         ? fmt::format("{} has no upstream", space.name)
                                         : fmt::format("{} is promoted from {}, not from {}",
                                                       space.name, space.upstream, from));
  }
  if (!space.conflicts.empty()) {
    return refuse(HubCode::Conflict,
                  fmt::format("{} conflicts of the last promotion are open; the first is {}: stoa "
                              "config promote {} {} --resolve {}=ours|theirs",
                              space.conflicts.size(), space.conflicts.front().path, from,
                              space.name, space.conflicts.front().path));
  }
  const Space* upstream = state_.find(from);
  check(upstream != nullptr, "a space's upstream was there when it was made");
  const Revision* base = upstream->find(space.merged_revision);
  HubRecord made = record(call, HubVerb::Promote);
  made.object = from;
  if (upstream->head().number == space.merged_revision) return HubChange{};
  made.from_revision = upstream->head().number;
  HubChange done;
  for (const Unit& unit : upstream->units) {
    const std::string* theirs = upstream->text_of(upstream->head(), unit.name);
    if (theirs == nullptr) continue;
    auto merged = merge_unit(space, base == nullptr ? nullptr : upstream->text_of(*base, unit.name),
                             space.text_of(space.head(), unit.name), *theirs);
    if (!merged) return refuse(merged.error());
    std::optional<std::string>& text = merged->text;
    if (text) made.units.push_back({.unit = unit.name, .text = std::move(*text)});
    append(done.withheld, with_unit(unit.name, std::move(merged->merged.withheld)));
    for (MergeConflict& conflict : merged->merged.conflicts) {
      conflict.path = fmt::format("{}/{}", unit.name, conflict.path);
      made.conflicts.push_back(std::move(conflict));
    }
  }
  done.conflicts = made.conflicts;
  auto changed = change(call, space, std::move(made));
  if (!changed) return changed;
  changed->withheld = std::move(done.withheld);
  changed->conflicts = std::move(done.conflicts);
  return changed;
}

HubResult<HubChange> Hub::resolve(const HubCall& call,
                                  const std::map<std::string, std::string, std::less<>>& choices) {
  const auto admitted = admit(call, {Right::Editor});
  if (!admitted) return std::unexpected(admitted.error());
  const Space& space = **admitted;
  HubRecord made = record(call, HubVerb::Resolve);
  std::map<std::string, Edits> edits;
  for (const auto& [path, side] : choices) {
    const auto conflict = std::ranges::find_if(space.conflicts, [&](const MergeConflict& each) {
      return each.path == path || each.path.substr(each.path.find('/') + 1) == path;
    });
    if (conflict == space.conflicts.end()) {
      return refuse(HubCode::NotFound,
                    fmt::format("{} has no open conflict at {}", space.name, path));
    }
    if (side != "ours" && side != "theirs") {
      return refuse(HubCode::BadInput, fmt::format("{}={}: expected ours or theirs", path, side));
    }
    made.paths.push_back(conflict->path);
    const auto slash = conflict->path.find('/');
    if (side == "theirs") {
      edits[conflict->path.substr(0, slash)].emplace(conflict->path.substr(slash + 1),
                                                     conflict->theirs);
    }
  }
  for (const auto& [unit, of_unit] : edits) {
    const std::string* text = space.text_of(space.head(), unit);
    auto edited = edit_text(text == nullptr ? std::string_view{} : *text, of_unit);
    if (!edited) return refuse(edited.error());
    made.units.push_back({.unit = unit, .text = std::move(*edited)});
  }
  return change(call, space, std::move(made));
}

HubResult<std::uint64_t> Hub::approve(const HubCall& call, std::string_view what) {
  const auto admitted = admit(call, {Right::Approver});
  if (!admitted) return std::unexpected(admitted.error());
  const Space& space = **admitted;
  const auto colon = std::min(what.find(':'), what.size());
  const Revision* revision = space.find(number_of(what.substr(0, colon)).value_or(0));
  if (revision == nullptr || colon == what.size()) {
    return refuse(HubCode::BadInput, fmt::format("{}: expected REV:HASH8 as {} is {}", what,
                                                 space.name, head_text(space.head())));
  }
  if (!names(what, *revision)) {
    return refuse(HubCode::Stale, fmt::format("revision {} of {} is {}, not {}", revision->number,
                                              space.name, head_text(*revision), what));
  }
  const bool broke = std::ranges::find(space.broken_glass, revision->number,
                                       &BrokenGlass::revision) != space.broken_glass.end();
  if (revision != &space.head() && !broke) {
    return refuse(HubCode::Stale,
                  fmt::format("the head of {} is {} by now", space.name, head_text(space.head())));
  }
  if (!space.conflicts.empty()) {
    return refuse(HubCode::Conflict,
                  fmt::format("{} conflicts are open; the first is {}", space.conflicts.size(),
                              space.conflicts.front().path));
  }
  if (space.authors_of(*revision).contains(call.user)) {
    return refuse(HubCode::Denied,
                  fmt::format("{} wrote or promoted some of {}; somebody else has to approve it",
                              call.user, head_text(*revision)));
  }
  const auto given = space.approvals_of(*revision);
  if (std::ranges::any_of(given, [&](const auto* each) { return each->user == call.user; })) {
    return revision->number;
  }
  HubRecord made = record(call, HubVerb::Approve);
  made.revision = revision->number;
  made.hash = revision->hash;
  if (auto kept = keep(call, made); !kept) return std::unexpected(kept.error());
  return revision->number;
}

HubResult<HubChange> Hub::go_back(const HubCall& call, HubVerb verb, std::string_view what,
                                  std::string_view unit) {
  const auto admitted = admit(call, {Right::Editor, Right::Deployer});
  if (!admitted) return std::unexpected(admitted.error());
  const Space& space = **admitted;
  const Revision* target = nullptr;
  if (what.empty()) {
    target = space.proven_other_than(space.head().hash);
    if (target == nullptr) target = space.find(space.head().number - 1);
  } else if (const auto tag = space.tags.find(what); tag != space.tags.end()) {
    target = space.find(tag->second);
  } else {
    target = space.find(number_of(what).value_or(0));
  }
  if (target == nullptr) {
    return refuse(HubCode::NotFound, fmt::format("{} has no revision or tag {}", space.name,
                                                 what.empty() ? "before its head" : what));
  }
  if (!unit.empty() && space.text_of(*target, unit) == nullptr) {
    return refuse(HubCode::NotFound, fmt::format("{} had no unit {} in revision {}{}", space.name,
                                                 unit, target->number, nearest_unit(unit)));
  }
  HubRecord made = record(call, verb);
  made.value = std::to_string(target->number);
  made.object = unit;
  for (const Unit& each : space.units) {
    if (!unit.empty() && each.name != unit) continue;
    if (const std::string* text = space.text_of(*target, each.name)) {
      made.units.push_back({.unit = each.name, .text = *text});
    }
  }
  // Upstream's side of an open conflict is turned down by going back; the answer and the log say
  // so.
  for (const MergeConflict& conflict : space.conflicts) {
    const bool of_unit = conflict.path.starts_with(std::string{unit} + "/");
    if (unit.empty() || of_unit) made.paths.push_back(conflict.path);
  }
  return change(call, space, std::move(made));
}

HubResult<ApplyTicket> Hub::ticket(const Space& space, const Revision& revision) const {
  const std::string body = render_document(effective(space, revision));
  ApplyTicket made{.revision = revision.number,
                   .hash = revision.hash,
                   .name = revision_name(space, revision),
                   .environment = space.environment,
                   .backwards = revision.verb == HubVerb::Rollback};
  made.text = fmt::format(
      "# {} {}\n# Written by stoa config apply, which replaces it; change the space instead.\n\n{}",
      made.name, revision.hash, body);
  const auto loaded = ops::load({.environment = space.environment,
                                 .text = ops::FileText{.name = made.name, .text = body},
                                 .resolve_secrets = false});
  if (!loaded) return refuse(loaded.error());
  for (const auto& wave : start_waves()) {
    for (const auto role : wave) made.digests.emplace(role, role_digest(*loaded, role));
  }
  return made;
}

HubResult<ApplyTicket> Hub::begin_apply(const HubCall& call, bool break_glass) {
  const auto admitted = admit(call, {Right::Deployer});
  if (!admitted) return std::unexpected(admitted.error());
  const Space& space = **admitted;
  const Revision revision = space.head();
  const auto given = space.approvals_of(revision).size();
  const bool lacks = given < space.approvals_required;
  if (break_glass && call.reason.empty()) {
    return refuse(HubCode::BadInput, "--break-glass needs a --reason");
  }
  if (!break_glass && !space.conflicts.empty()) {
    return refuse(HubCode::Conflict,
                  fmt::format("{} conflicts are open; the first is {}", space.conflicts.size(),
                              space.conflicts.front().path));
  }
  if (!break_glass && lacks) {
    return refuse(HubCode::Unapproved,
                  fmt::format("{} of {} has {} of {} approvals: stoa config approve {} {}",
                              head_text(revision), space.name, given, space.approvals_required,
                              space.name, head_text(revision)));
  }
  auto made = ticket(space, revision);
  if (!made || call.dry_run) return made;
  const auto about = [&](HubVerb verb) {
    HubRecord entry = record(call, verb);
    entry.revision = revision.number;
    entry.hash = revision.hash;
    return entry;
  };
  if (break_glass && (lacks || !space.conflicts.empty())) {
    made->broke_glass = true;
    log::warn("break_glass", {{"space", space.name},
                              {"revision", made->name},
                              {"user", call.user},
                              {"reason", call.reason}});
    if (auto kept = keep(call, about(HubVerb::BreakGlass)); !kept) {
      return std::unexpected(kept.error());
    }
  }
  if (auto kept = keep(call, about(HubVerb::ApplyBegin)); !kept) {
    return std::unexpected(kept.error());
  }
  return made;
}

HubResult<void> Hub::note_apply(const HubCall& call, std::uint64_t revision, std::string_view roles,
                                std::string_view text, bool over) {
  const auto admitted = admit(call, {Right::Deployer});
  if (!admitted) return std::unexpected(admitted.error());
  const auto& apply = (*admitted)->apply;
  // Told again, as the answer to the first was lost.
  if (over && apply && apply->over && apply->revision == revision && apply->result == text) {
    return {};
  }
  if (!apply || apply->revision != revision || apply->over) {
    return refuse(HubCode::Conflict,
                  fmt::format("no apply of {}-{} is under way", call.space, revision));
  }
  HubRecord made = record(call, over ? HubVerb::ApplyEnd : HubVerb::ApplyWave);
  made.revision = apply->revision;
  made.hash = apply->hash;
  made.object = roles;
  made.value = text;
  return keep(call, made);
}

void Hub::note_refusal(const HubCall& call, std::string_view verb, std::string_view why) {
  if (failed() != nullptr || call.dry_run) return;
  HubRecord made = record(call, HubVerb::Refused);
  made.object = verb;
  made.value = why;
  made.reason = made.reason.substr(0, kReasonBytesMax);
  made.space = made.space.substr(0, kNameBytesMax);
  if (const auto kept = keep(call, made); !kept) {  // failed() tells it to everybody else
    log::error("refusal_not_kept", {{"error", kept.error().message}});
  }
}

}  // namespace stoa::deploy
