#include "gateway/app.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include "base/clock.h"
#include "bus/topic.h"
#include "gateway/auth.h"
#include "gateway/gateway.h"
#include "gateway/http_message.h"
#include "gateway/metrics.h"
#include "gateway/page.h"
#include "gateway/problem.h"
#include "gateway/router.h"
#include "gateway/routes.h"
#include "journal/format.h"
#include "ops/engine_status.h"
#include "ops/role_status.h"
#include "protocol/native/codec.h"

namespace stoa::gateway {
namespace {

bool knows_parameter(std::string_view known, std::string_view name) {
  while (!known.empty()) {
    const std::string_view word = known.substr(0, known.find(' '));
    if (word == name) return true;
    known.remove_prefix(std::min(known.size(), word.size() + 1));
  }
  return false;
}

Problem not_found(std::string_view path) {
  return Problem{.status = 404,
                 .code = "not_found",
                 .detail = "nothing is at " + std::string{path.substr(0, 200)},
                 .hint = "docs/api.md lists every path."};
}

ops::Identity identity_of(const Options& options) {
  return {.service = options.service,
          .instance = options.instance,
          .colour = options.colour,
          .environment = options.environment,
          .version = options.version,
          .commit = options.commit,
          .mode = options.mode,
          .started = options.started};
}

}  // namespace

App::App(Options options_in, const Link& link_in)
    : options{std::move(options_in)},
      owner{.name = options.owner, .role = TokenRole::Deployer, .token = options.token},
      link{link_in},
      own_role{identity_of(options), *link.clock},
      role{link.role == nullptr ? own_role : *link.role},
      orders{options.orders_kept, options.fills_kept},
      account{options.strategies, options.rejects},
      market{options.instruments},
      render{options, orders, account, market},
      desk{link, orders, {.answer_timeout = options.answer_timeout, .held_max = options.held_max}},
      id_salt{static_cast<std::uint64_t>(link.clock->now().ns())} {
  desk.set_renderer(render);
  log_check_ = own_role.add_check("log:writable", ops::Probe::Both, "seq");
  checkpoint_check_ = own_role.add_check("checkpoint:written", ops::Probe::Ready, "seq");
  start_check_ = own_role.add_check("start:checkpoints", ops::Probe::Ready, "checkpoints");
  add_metrics(*this);
  if (link.add_metrics) link.add_metrics(metrics);
  refresh_figures();
}

void App::reflect_status() {
  using ops::CheckResult;
  if (&role != &own_role) return;  // its own thread tells
  const ops::EngineStatus& status = *link.status;
  own_role.beat(nanoseconds{status.heartbeat_ns.value()});
  const bool ready = status.ready.value() != 0;
  if (ready != (own_role.state() == ops::RoleState::Ready)) {
    own_role.set_state(ready ? ops::RoleState::Ready : ops::RoleState::Recovering,
                       ready ? "" : "the log is being read");
  }
  const bool failed = status.log_failed.value() != 0;
  own_role.set(log_check_, failed ? CheckResult::Fail : CheckResult::Pass,
               status.durable_lsn.value(), failed ? "the log can no longer be written" : "");
  const std::string error = checkpoint_error(*this);
  own_role.set(checkpoint_check_, error.empty() ? CheckResult::Pass : CheckResult::Warn,
               status.checkpoint_lsn.value(), error);
  const std::int64_t passed_over = status.checkpoints_passed_over.value();
  own_role.set(start_check_, passed_over > 0 ? CheckResult::Warn : CheckResult::Pass, passed_over,
               passed_over > 0 ? "the start passed over checkpoints that could not be used" : "");
}

void App::handle(const Request& request, Reply reply) {
  if (!host_accepted(request.host, options.names)) {
    return reply(
        respond({.status = 421,
                 .code = "misdirected",
                 .detail = "this server is not called " + std::string{request.host.substr(0, 100)},
                 .hint = "Use 127.0.0.1 or localhost, or configure the name."}));
  }
  Call call{.request = request};
  RouteMatch match = find_route(routes(), request.method, request.path());
  const bool reads = request.method == Method::Get || request.method == Method::Head;
  if (match.bad_escape || !Query::parse(request.query(), call.query)) {
    return reply(respond(bad_parameter("target", "a % is not followed by two hex digits")));
  }
  if (match.route == nullptr) {
    if (!match.allow.empty()) {
      return reply(respond({.status = 405,
                            .code = "method_not_allowed",
                            .detail = "this path does not know the method",
                            .hint = "Allow says which it knows.",
                            .allow = match.allow}));
    }
    if (reads) {
      if (auto page = find_page(request)) return reply(std::move(*page));
    }
    return reply(respond(not_found(request.path())));
  }
  const Needs needs = match.route->needs;
  if (!reads || needs != Needs::ByMethod) {
    const Bearer bearer = bearer_of(request.authorization, owner, options.holders);
    if (const auto problem =
            check_needs(needs, reads, bearer, request.authorization, options.token)) {
      return reply(respond(*problem));
    }
    call.holder = bearer.holder;
  }
  for (const auto& [name, value] : call.query.all()) {
    if (!knows_parameter(match.route->query, name)) {
      return reply(respond(bad_parameter(name, "not a parameter of this call")));
    }
  }
  call.params = std::move(match.params);
  match.route->handler(*this, call, std::move(reply));
}

std::size_t App::poll(std::size_t limit) {
  const std::size_t records = link.execution->poll(
      [this](const bus::Message& message) {
        std::uint64_t lsn = 0;
        if (message.payload.size() < sizeof lsn) return;
        std::memcpy(&lsn, message.payload.data(), sizeof lsn);
        const auto view = native::decode(message.payload.subspan(sizeof lsn));
        if (!view) {
          ++undecodable;
          return;
        }
        if (lsn != 0) {
          last_lsn = lsn;
          if (first_lsn == 0) first_lsn = lsn;
        }
        if ((view->header().flags & native::kFlagProbe) == 0) {
          orders.apply(lsn, *view);
          account.apply(lsn, *view);
        }
        desk.observe(lsn, *view);
      },
      limit);
  if (records > 0) desk.settle();
  desk.release();
  settle_checkpoint(*this);
  const std::size_t views = link.views->poll(
      [this](const bus::Message& message) {
        if (const auto view = native::decode(message.payload)) {
          market.apply(*view);
        } else {
          ++undecodable;
        }
      },
      limit);
  return records + views;
}

void App::refresh_figures() {
  metrics.tick(link.clock->monotonic());
  if (options.journal_dir.empty()) return;
  std::uint64_t bytes = 0;
  std::uint64_t segments = 0;
  std::error_code error;  // a segment may go while we look; the next look is right again
  for (std::filesystem::directory_iterator at{options.journal_dir, error}, end; !error && at != end;
       at.increment(error)) {
    if (!journal::parse_segment_name(at->path().filename().native())) continue;
    std::error_code gone;
    const std::uintmax_t size = at->file_size(gone);
    if (gone) continue;
    bytes += size;
    ++segments;
  }
  log_bytes = bytes;
  log_segments = segments;
}

Timestamp App::platform_now() const noexcept {
  const std::int64_t engine_ns = link.status->now_ns.value();
  if (engine_ns == 0) return link.clock->now();
  const std::int64_t since_ns = link.clock->monotonic().count() - link.status->heartbeat_ns.value();
  // Bounded: a loop that has stopped must not seem to tell the time.
  return Timestamp::from_ns(engine_ns + std::clamp<std::int64_t>(since_ns, 0, 1'000'000'000));
}

bool App::engine_alive() const noexcept {
  const nanoseconds since{link.clock->monotonic().count() - link.status->heartbeat_ns.value()};
  return since < options.engine_silence_max;
}

}  // namespace stoa::gateway
