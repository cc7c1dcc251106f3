#include "deploy/hub_service.h"

#include <fmt/core.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <expected>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/ids.h"
#include "deploy/config_filter.h"
#include "deploy/config_text.h"
#include "deploy/config_units.h"
#include "deploy/hub.h"
#include "deploy/hub_log.h"
#include "deploy/hub_record.h"
#include "deploy/hub_server.h"
#include "deploy/hub_state.h"
#include "deploy/merge.h"
#include "protocol/json/value.h"
#include "protocol/json/writer.h"

namespace stoa::deploy {
namespace {

constexpr std::uint64_t kListMax = 10'000;
constexpr std::uint64_t kListUsual = 20;

std::unexpected<HubRefusal> refuse(HubCode code, std::string message) {
  return std::unexpected(HubRefusal{.code = code, .message = std::move(message)});
}

HubCall call_of(const json::Value& request, const HubPeer& peer) {
  return {.user = peer.user,
          .uid = peer.uid,
          .space = request["space"].text(),
          .reason = request["reason"].text(),
          .if_head = request["if_head"].text(),
          .confirmed = request["env_name"].text(),
          .dry_run = request["dry_run"].is_true()};
}

std::uint64_t limit_of(const json::Value& request) {
  const auto limit = request["limit"].integer().value_or(kListUsual);
  return std::clamp<std::uint64_t>(static_cast<std::uint64_t>(std::max<std::int64_t>(limit, 1)), 1,
                                   kListMax);
}

void write_list(json::Writer& json, std::string_view name, const auto& texts) {
  json.key(name);
  json.begin_array();
  for (const auto& text : texts) json.value(std::string_view{text});
  json.end_array();
}

void write_conflicts(json::Writer& json, const std::vector<MergeConflict>& conflicts) {
  json.key("conflicts");
  json.begin_array();
  for (const MergeConflict& conflict : conflicts) {
    json.begin_object();
    json.field("path", std::string_view{conflict.path});
    json.field("base", conflict.base);
    json.field("ours", conflict.ours);
    json.field("theirs", conflict.theirs);
    json.end_object();
  }
  json.end_array();
}

void write_revision(json::Writer& json, const Space& space, const Revision& revision) {
  json.begin_object();
  json.field("revision", revision.number);
  json.field("hash", std::string_view{revision.hash});
  json.field("head", std::string_view{head_text(revision)});
  json.field("time", to_rfc3339(revision.time));
  json.field("verb", to_string(revision.verb));
  json.field("user", std::string_view{revision.user});
  json.field("reason", std::string_view{revision.reason});
  json.field("lsn", revision.lsn.value());
  write_list(json, "authors", revision.authors);
  json.key("approved_by");
  json.begin_array();
  for (const Approval* approval : space.approvals_of(revision)) {
    json.value(std::string_view{approval->user});
  }
  json.end_array();
  json.key("tags");
  json.begin_array();
  for (const auto& [tag, number] : space.tags) {
    if (number == revision.number) json.value(std::string_view{tag});
  }
  json.end_array();
  json.field("live", space.live && space.live->revision == revision.number);
  json.end_object();
}

/// Units that a revision changed against the one before it.
std::vector<std::string> changed_units(const Space& space, const Revision& revision) {
  std::vector<std::string> names;
  for (const Unit& unit : space.units) {
    const bool here = std::ranges::any_of(
        unit.revisions, [&](const UnitRevision& each) { return each.revision == revision.number; });
    if (here) names.push_back(unit.name);
  }
  return names;
}

/// {"name":…,"revision":…} of each role's start.
void write_ticket(json::Writer& json, const ApplyTicket& ticket) {
  json.begin_object();
  json.field("revision", ticket.revision);
  json.field("hash", std::string_view{ticket.hash});
  json.field("name", std::string_view{ticket.name});
  json.field("environment", std::string_view{ticket.environment});
  json.field("backwards", ticket.backwards);
  json.field("broke_glass", ticket.broke_glass);
  json.field("text", std::string_view{ticket.text});
  json.key("digests");
  json.begin_object();
  for (const auto& [role, digest] : ticket.digests) {
    json.text_key(role);
    json.value(std::string_view{digest});
  }
  json.end_object();
  json.end_object();
}

/// A space and one of its revisions: "prod", "prod@12", "prod@tag".
struct Point {
  const Space* space = nullptr;
  const Revision* revision = nullptr;
  [[nodiscard]] std::string text() const {
    return fmt::format("{}@{}", space->name, revision->number);
  }
};

/// One path that two points have differently.
struct Differs {
  std::string unit{};
  std::string path{};
  std::optional<std::string> from{};
  std::optional<std::string> to{};
};

std::vector<Differs> differences(const Point& from, const Point& to, std::string_view only) {
  std::vector<Differs> all;
  for (const UnitKind& kind : unit_kinds()) {
    if (!only.empty() && kind.name != only) continue;
    const auto values = [&](const Point& point) -> Values {
      const std::string* text = point.space->text_of(*point.revision, kind.name);
      if (text == nullptr) return {};
      auto document = read_document(*text, kind.name);
      return document ? std::move(document->values) : Values{};
    };
    const Values before = values(from);
    for (const auto& [path, value] : difference(before, values(to))) {
      const auto old = before.find(path);
      all.push_back({.unit = std::string{kind.name},
                     .path = path,
                     .from = old == before.end() ? std::nullopt : std::optional{old->second},
                     .to = value});
    }
  }
  return all;
}

std::vector<std::string> paths_of(const std::vector<Differs>& differs) {
  std::vector<std::string> paths;
  paths.reserve(differs.size());
  for (const Differs& each : differs) paths.push_back(each.path);
  return paths;
}

/// Who has to agree before it is applied.
std::string approvals_in_words(const Space& space, const Revision& revision) {
  if (space.approvals_required == 0) return fmt::format("{} asks for no approval", space.name);
  const auto authors = space.authors_of(revision);
  std::vector<std::string> approvers;
  for (const auto& [user, rights] : space.grants) {
    const bool may = rights.contains(Right::Approver) || rights.contains(Right::Admin);
    if (may && !authors.contains(user)) approvers.push_back(user);
  }
  return fmt::format("{} asks for {} approval{} and has {}; {} may give {}", space.name,
                     space.approvals_required, space.approvals_required == 1 ? "" : "s",
                     space.approvals_of(revision).size(),
                     approvers.empty() ? "nobody who did not write it"
                                       : fmt::format("{}", fmt::join(approvers, " or ")),
                     space.approvals_required == 1 ? "it" : "them");
}

/// What would be left to go back to, once this runs.
std::string rollback_in_words(const Space& space, const Revision& revision) {
  const Revision* back = space.proven_other_than(revision.hash);
  if (back == nullptr) {
    return fmt::format(
        "no rollback to something proven: no other content of {} was applied and went well",
        space.name);
  }
  const bool free = space.approvals_required == 0;
  return fmt::format("rollback is possible, to {}, which was applied and went well{}",
                     head_text(*back), free ? "" : "; it asks for its approval like any other");
}

/// What a person has to know before this becomes what runs.
std::vector<std::string> in_words(const Point& point, const std::vector<Differs>& differs) {
  if (differs.empty()) return {"nothing differs"};
  const auto paths = paths_of(differs);
  const Readers readers = readers_of(paths);
  std::vector<std::string> words;
  if (!readers.roles.empty()) {
    words.push_back(fmt::format("restarts {}", fmt::join(readers.roles, ", ")));
  }
  if (readers.platform) {
    words.emplace_back(
        "some of it counts once the whole platform is started anew: stoa down, then "
        "stoa up");
  }
  const bool limits =
      std::ranges::any_of(paths, [](const auto& path) { return path.starts_with("limits."); });
  if (limits) {
    words.emplace_back(
        "no limit changes before that restart, and one that a person has set with stoa risk set "
        "keeps their value behind it");
  } else {
    words.emplace_back("nothing of it counts without a restart: every key is read at a start");
  }
  words.push_back(approvals_in_words(*point.space, *point.revision));
  words.push_back(rollback_in_words(*point.space, *point.revision));
  return words;
}

/// Answers requests; every method is one verb.
class Service {
 public:
  Service(Hub& hub, std::filesystem::path dir) : hub_{hub}, dir_{std::move(dir)} {}

  using Answer = HubResult<std::string>;
  using Method = Answer (Service::*)(const json::Value&, const HubCall&);

  std::string answer(Method method, std::string_view verb, const json::Value& request,
                     const HubPeer& peer) {
    const HubCall call = call_of(request, peer);
    auto done = (this->*method)(request, call);
    if (done) return std::move(*done);
    const HubRefusal& why = done.error();
    if (why.code == HubCode::Denied || why.code == HubCode::Unapproved) {
      hub_.note_refusal(call, verb, why.message);
    }
    return hub_refusal(why.code, why.message);
  }

  Answer space_list(const json::Value& /*request*/, const HubCall& call) {
    return object([&](json::Writer& json) {
      json.key("spaces");
      json.begin_array();
      for (const Space& space : hub_.state().spaces()) {
        json.begin_object();
        json.field("space", std::string_view{space.name});
        json.field("upstream", std::string_view{space.upstream});
        json.field("environment", std::string_view{space.environment});
        json.field("approvals_required", space.approvals_required);
        json.field("head", std::string_view{head_text(space.head())});
        json.field("live", space.live ? space.live->revision : 0);
        json.field("conflicts", space.conflicts.size());
        json.field("broken_glass", space.broken_glass.size());
        json.key("your_roles");
        json.begin_array();
        if (const auto held = space.grants.find(call.user); held != space.grants.end()) {
          for (const Right right : held->second) json.value(to_string(right));
        }
        json.end_array();
        json.end_object();
      }
      json.end_array();
    });
  }

  Answer space_create(const json::Value& request, const HubCall& call) {
    SpaceSpec spec{.upstream = request["upstream"].text(),
                   .environment = request["environment"].text()};
    if (const auto approvals = request["approvals"].integer()) {
      if (*approvals < 0 || *approvals > 16) {
        return refuse(HubCode::BadInput, "approvals: expected 0 to 16");
      }
      spec.approvals = static_cast<std::uint32_t>(*approvals);
    }
    return changed(hub_.create_space(call, spec), call);
  }

  Answer space_grant(const json::Value& request, const HubCall& call) {
    const auto right = parse_right(request["role"].text());
    if (!right) {
      return refuse(HubCode::BadInput,
                    "role: expected viewer, editor, approver, deployer or admin");
    }
    return plain(hub_.grant(call, request["to"].text(), *right, request["revoke"].is_true()));
  }

  Answer space_protect(const json::Value& request, const HubCall& call) {
    return plain(hub_.protect(call, request["path"].text(), request["remove"].is_true()));
  }

  Answer unit_list(const json::Value& request, const HubCall& call) {
    const auto point = point_of(call, call.space);
    if (!point) return std::unexpected(point.error());
    const auto filter = LabelFilter::parse(request["where"].text());
    if (!filter) return refuse(HubCode::BadInput, filter.error().message);
    return object([&](json::Writer& json) {
      json.key("units");
      json.begin_array();
      for (const UnitKind& kind : unit_kinds()) {
        const Unit* unit = point->space->find_unit(kind.name);
        if (unit == nullptr || unit->revisions.empty() || !filter->fits(unit->labels)) continue;
        const UnitRevision& newest = unit->revisions.back();
        json.begin_object();
        json.field("unit", std::string_view{unit->name});
        json.field("number", unit->revisions.size());
        json.field("hash", std::string_view{newest.hash});
        json.field("revision", newest.revision);
        json.key("labels");
        json.begin_object();
        for (const auto& [name, value] : unit->labels) {
          json.text_key(name);
          json.value(std::string_view{value});
        }
        json.end_object();
        const auto document = read_document(*newest.text, unit->name);
        json.field("keys", document ? document->values.size() : 0);
        json.field("doc", kind.doc);
        json.end_object();
      }
      json.end_array();
    });
  }

  Answer unit_show(const json::Value& request, const HubCall& call) {
    const auto point = point_of(call, at(call.space, request["revision"].text()));
    if (!point) return std::unexpected(point.error());
    const auto& name = request["unit"].text();
    const std::string* text = point->space->text_of(*point->revision, name);
    if (text == nullptr) {
      return refuse(HubCode::NotFound,
                    fmt::format("{} has no unit {}{}", point->text(), name, nearest_unit(name)));
    }
    return object([&](json::Writer& json) {
      json.field("unit", std::string_view{name});
      json.field("revision", point->revision->number);
      json.field("hash", std::string_view{hash_of(*text)});
      json.field("text", std::string_view{*text});
    });
  }

  Answer unit_create(const json::Value& request, const HubCall& call) {
    return changed(hub_.create_unit(call, request["unit"].text()), call);
  }

  Answer rev_list(const json::Value& request, const HubCall& call) {
    const auto point = point_of(call, call.space);
    if (!point) return std::unexpected(point.error());
    return object([&](json::Writer& json) {
      json.key("revisions");
      json.begin_array();
      const auto& all = point->space->revisions;
      const auto count = std::min<std::uint64_t>(limit_of(request), all.size());
      for (std::uint64_t i = 0; i < count; ++i) {
        write_revision(json, *point->space, all[all.size() - 1 - i]);
      }
      json.end_array();
    });
  }

  Answer rev_show(const json::Value& request, const HubCall& call) {
    const auto point = point_of(call, at(call.space, request["revision"].text()));
    if (!point) return std::unexpected(point.error());
    const Revision* before = point->space->find(point->revision->number - 1);
    return object([&](json::Writer& json) {
      json.key("revision");
      write_revision(json, *point->space, *point->revision);
      write_list(json, "units", changed_units(*point->space, *point->revision));
      const Point from{.space = point->space, .revision = before};
      write_differs(json,
                    before == nullptr ? std::vector<Differs>{} : differences(from, *point, {}));
    });
  }

  Answer rev_tag(const json::Value& request, const HubCall& call) {
    const auto point = point_of(call, at(call.space, request["revision"].text()));
    if (!point) return std::unexpected(point.error());
    return plain(hub_.tag(call, request["tag"].text(), point->revision->number));
  }

  Answer set(const json::Value& request, const HubCall& call) {
    Edits edits;
    for (const auto& [path, value] : request["edits"].members()) {
      edits.insert_or_assign(
          path, value.is_null() ? std::nullopt : std::optional{literal_of(path, value.text())});
    }
    if (edits.empty()) return refuse(HubCode::BadInput, "nothing to set");
    return changed(hub_.set(call, request["unit"].text(), edits), call);
  }

  Answer diff(const json::Value& request, const HubCall& call) {
    const auto to = point_of(call, request["to"].text());
    if (!to) return std::unexpected(to.error());
    HubResult<Point> from = Point{};
    if (request["from"].text().empty()) {  // what runs, or how it began
      const std::optional<Applied>& applied = to->space->live;
      const std::uint64_t live = applied ? applied->revision : 1;
      from = Point{.space = to->space, .revision = to->space->find(live)};
    } else {
      from = point_of(call, request["from"].text());
    }
    if (!from) return std::unexpected(from.error());
    const auto differs = differences(*from, *to, request["unit"].text());
    return object([&](json::Writer& json) {
      json.field("from", std::string_view{from->text()});
      json.field("to", std::string_view{to->text()});
      write_differs(json, differs);
      write_list(json, "restarts", readers_of(paths_of(differs)).roles);
      write_list(json, "words", in_words(*to, differs));
    });
  }

  Answer promote(const json::Value& request, const HubCall& call) {
    std::map<std::string, std::string, std::less<>> choices;
    for (const auto& [path, side] : request["resolve"].members()) {
      choices.insert_or_assign(path, side.text());
    }
    return changed(
        choices.empty() ? hub_.promote(call, request["from"].text()) : hub_.resolve(call, choices),
        call);
  }

  Answer approve(const json::Value& request, const HubCall& call) {
    return plain(hub_.approve(call, request["what"].text()));
  }

  Answer rollback(const json::Value& request, const HubCall& call) {
    return changed(
        hub_.go_back(call, HubVerb::Rollback, request["what"].text(), request["unit"].text()),
        call);
  }
  Answer restore(const json::Value& request, const HubCall& call) {
    if (request["what"].text().empty()) {
      return refuse(HubCode::BadInput, "restore what? a revision or a tag");
    }
    return changed(
        hub_.go_back(call, HubVerb::Restore, request["what"].text(), request["unit"].text()), call);
  }

  Answer apply_begin(const json::Value& request, const HubCall& call) {
    const auto ticket = hub_.begin_apply(call, request["break_glass"].is_true());
    if (!ticket) return std::unexpected(ticket.error());
    return object([&](json::Writer& json) {
      json.key("ticket");
      write_ticket(json, *ticket);
    });
  }

  Answer apply_note(const json::Value& request, const HubCall& call) {
    const auto revision = request["revision"].integer().value_or(0);
    return plain(hub_.note_apply(
        call, static_cast<std::uint64_t>(std::max<std::int64_t>(revision, 0)),
        request["roles"].text(), request["text"].text(), request["over"].is_true()));
  }

  /// Where a space stands: head, what is to run, what hinders.
  Answer status(const json::Value& /*request*/, const HubCall& call) {
    const auto point = point_of(call, call.space);
    if (!point) return std::unexpected(point.error());
    const Space& space = *point->space;
    HubResult<ApplyTicket> live = ApplyTicket{};
    if (space.live) live = hub_.ticket(space, *space.find(space.live->revision));
    if (!live) return std::unexpected(live.error());
    return object([&](json::Writer& json) {
      json.field("space", std::string_view{space.name});
      json.field("environment", std::string_view{space.environment});
      json.field("upstream", std::string_view{space.upstream});
      json.field("merged_revision", space.merged_revision);
      json.field("approvals_required", space.approvals_required);
      json.key("head");
      write_revision(json, space, space.head());
      write_conflicts(json, space.conflicts);
      write_list(json, "protected", space.protected_paths);
      write_glass(json, space);
      json.key("grants");
      json.begin_object();
      for (const auto& [user, rights] : space.grants) {
        json.text_key(user);
        json.begin_array();
        for (const Right right : rights) json.value(to_string(right));
        json.end_array();
      }
      json.end_object();
      if (space.apply) {
        json.key("apply");
        json.begin_object();
        json.field("revision", space.apply->revision);
        json.field("user", std::string_view{space.apply->user});
        json.field("time", to_rfc3339(space.apply->time));
        json.field("over", space.apply->over);
        json.field("ok", space.apply->ok);
        json.field("result", std::string_view{space.apply->result});
        json.end_object();
      }
      if (space.live) {
        json.key("live");
        write_ticket(json, *live);
      }
    });
  }

  Answer audit(const json::Value& request, const HubCall& call) {
    if (!call.space.empty()) {
      if (const auto seen = hub_.look(call); !seen) return std::unexpected(seen.error());
    }
    const std::string& user = request["by"].text();
    const std::uint64_t limit = limit_of(request);
    // Without a filter the newest stand at the end; with one the whole log is read.
    const std::uint64_t head = hub_.head().lsn.value();
    const bool filtered = !call.space.empty() || !user.empty();
    const std::uint64_t from = filtered || head <= limit ? 1 : head - limit + 1;
    std::vector<std::pair<HubRecord, Lsn>> found;
    const auto read = read_hub_log(dir_, Lsn{from}, [&](const HubRecord& record, Lsn lsn) {
      if (!call.space.empty() && record.space != call.space) return true;
      if (!user.empty() && record.user != user) return true;
      const Space* space = hub_.state().find(record.space);
      const bool may = space == nullptr || space->grants.contains(call.user);
      if (may) found.emplace_back(record, lsn);
      if (found.size() > limit) found.erase(found.begin());
      return true;
    });
    if (!read) return refuse(HubCode::Failed, read.error().text());
    return object([&](json::Writer& json) {
      json.key("records");
      json.begin_array();
      for (const auto& [record, lsn] : found) {
        json.begin_object();
        json.field("lsn", lsn.value());
        json.field("time", to_rfc3339(record.time));
        json.field("user", std::string_view{record.user});
        json.field("uid", record.uid);
        json.field("verb", to_string(record.verb));
        json.field("space", std::string_view{record.space});
        json.field("object", std::string_view{record.object});
        json.field("value", std::string_view{record.value});
        json.field("revision", record.revision);
        json.field("hash", std::string_view{record.hash});
        json.field("reason", std::string_view{record.reason});
        json.end_object();
      }
      json.end_array();
    });
  }

  Answer head(const json::Value& /*request*/, const HubCall& /*call*/) {
    return object([&](json::Writer& json) {
      json.field("lsn", hub_.head().lsn.value());
      json.field("hash", std::string_view{hub_.head().hash});
    });
  }

  Answer export_space(const json::Value& request, const HubCall& call) {
    const auto point = point_of(call, at(call.space, request["revision"].text()));
    if (!point) return std::unexpected(point.error());
    return object([&](json::Writer& json) {
      json.field("apiVersion", "stoa/v1");
      json.field("kind", "Space");
      json.field("space", std::string_view{point->space->name});
      json.field("revision", point->revision->number);
      json.field("hash", std::string_view{point->revision->hash});
      json.key("units");
      json.begin_array();
      for (const Unit& unit : point->space->units) {
        const std::string* text = point->space->text_of(*point->revision, unit.name);
        if (text == nullptr) continue;
        json.begin_object();
        json.field("unit", std::string_view{unit.name});
        json.field("text", std::string_view{*text});
        json.end_object();
      }
      json.end_array();
    });
  }

  Answer import_space(const json::Value& request, const HubCall& call) {
    std::vector<UnitText> units;
    for (const json::Value& unit : request["units"].items()) {
      units.push_back({.unit = unit["unit"].text(), .text = unit["text"].text()});
    }
    if (units.empty()) return refuse(HubCode::BadInput, "nothing to import");
    return changed(hub_.import(call, units), call);
  }

 private:
  /// {"ok":true, …}.
  static std::string object(const std::function<void(json::Writer&)>& write) {
    std::string text;
    json::Writer json{text};
    json.begin_object();
    json.field("ok", true);
    write(json);
    json.end_object();
    return text;
  }

  template <class T>
  Answer plain(const HubResult<T>& done) {
    if (!done) return std::unexpected(done.error());
    return object([](json::Writer&) {});
  }

  Answer changed(const HubResult<HubChange>& done, const HubCall& call) {
    if (!done) return std::unexpected(done.error());
    const Space* space = hub_.state().find(call.space);
    return object([&](json::Writer& json) {
      json.field("revision", done->revision);
      json.field("hash", std::string_view{done->hash});
      json.field("head", space == nullptr ? std::string{} : head_text(space->head()));
      json.field("dry_run", call.dry_run);
      write_list(json, "taken", done->taken);
      write_list(json, "withheld", done->withheld);
      write_list(json, "settled", done->settled);
      write_conflicts(json, done->conflicts);
      if (space != nullptr) write_glass(json, *space);
    });
  }

  static void write_glass(json::Writer& json, const Space& space) {
    json.key("broken_glass");
    json.begin_array();
    for (const BrokenGlass& glass : space.broken_glass) {
      json.begin_object();
      json.field("revision", glass.revision);
      json.field("head", fmt::format("{}:{}", glass.revision, hash8(glass.hash)));
      json.field("user", std::string_view{glass.user});
      json.field("reason", std::string_view{glass.reason});
      json.field("time", to_rfc3339(glass.time));
      json.field("lsn", glass.lsn.value());
      json.end_object();
    }
    json.end_array();
  }

  static void write_differs(json::Writer& json, const std::vector<Differs>& differs) {
    json.key("paths");
    json.begin_array();
    for (const Differs& each : differs) {
      json.begin_object();
      json.field("unit", std::string_view{each.unit});
      json.field("path", std::string_view{each.path});
      json.field("from", each.from);
      json.field("to", each.to);
      json.end_object();
    }
    json.end_array();
  }

  static std::string at(const std::string& space, const std::string& revision) {
    return revision.empty() ? space : space + '@' + revision;
  }

  [[nodiscard]] HubResult<Point> point_of(HubCall call, std::string_view text) const {
    const auto sign = std::min(text.find('@'), text.size());
    call.space = text.substr(0, sign);
    const auto seen = hub_.look(call);
    if (!seen) return std::unexpected(seen.error());
    const Space& space = **seen;
    Point point{.space = &space, .revision = &space.head()};
    if (sign == text.size()) return point;
    const std::string what{text.substr(sign + 1)};
    const auto tag = space.tags.find(what);
    const bool number = what.find_first_not_of("0123456789") == std::string::npos &&
                        !what.empty() && what.size() <= 18;
    point.revision = tag != space.tags.end() ? space.find(tag->second)
                     : number                ? space.find(std::stoull(what))
                                             : nullptr;
    if (point.revision == nullptr) {
      return refuse(HubCode::NotFound,
                    fmt::format("{} has no revision or tag {}", space.name, what));
    }
    return point;
  }

  Hub& hub_;
  std::filesystem::path dir_;
};

struct Verb {
  std::string_view name;
  Service::Method method;
};
constexpr auto kVerbs = std::to_array<Verb>({
    {"config.space.list", &Service::space_list},
    {"config.space.create", &Service::space_create},
    {"config.space.grant", &Service::space_grant},
    {"config.space.protect", &Service::space_protect},
    {"config.unit.list", &Service::unit_list},
    {"config.unit.show", &Service::unit_show},
    {"config.unit.create", &Service::unit_create},
    {"config.rev.list", &Service::rev_list},
    {"config.rev.show", &Service::rev_show},
    {"config.rev.tag", &Service::rev_tag},
    {"config.set", &Service::set},
    {"config.diff", &Service::diff},
    {"config.promote", &Service::promote},
    {"config.approve", &Service::approve},
    {"config.rollback", &Service::rollback},
    {"config.restore", &Service::restore},
    {"config.apply.begin", &Service::apply_begin},
    {"config.apply.note", &Service::apply_note},
    {"config.status", &Service::status},
    {"config.audit", &Service::audit},
    {"config.head", &Service::head},
    {"config.export", &Service::export_space},
    {"config.import", &Service::import_space},
});

}  // namespace

HubVerbs config_verbs(Hub& hub, std::filesystem::path dir) {
  const auto service = std::make_shared<Service>(hub, std::move(dir));
  HubVerbs verbs;
  for (const Verb& verb : kVerbs) {
    verbs.emplace(verb.name, [service, verb](const json::Value& request, const HubPeer& peer) {
      return service->answer(verb.method, verb.name, request, peer);
    });
  }
  return verbs;
}

}  // namespace stoa::deploy
