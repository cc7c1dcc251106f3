#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/decimal.h"
#include "cli/doctor_checks.h"
#include "cli/table.h"
#include "cli/validation.h"
#include "cli/validation_scene.h"

// The checks of `stoa validate`, one function each.
namespace stoa::cli {
namespace {

constexpr std::uint32_t kOthers = 0007;
constexpr std::uint32_t kGroupAndOthers = 0077;
constexpr nanoseconds kAnswerMax = std::chrono::milliseconds{10};
constexpr nanoseconds kBackupAgeMax = std::chrono::hours{26};  // a night's, and two hours for it
constexpr nanoseconds kCertificateSoon = std::chrono::hours{24 * 14};
constexpr int kOk = 200;

bool production(const ValidationScene& scene) { return scene.environment == "production"; }

std::string port_text(const RoleScene& role) {
  return role.port == 0 ? std::string{"no port"} : fmt::format("port {}", role.port);
}

const RoleScene* find(const ValidationScene& scene, std::string_view name) {
  const auto at = std::ranges::find(scene.roles, name, &RoleScene::name);
  return at == scene.roles.end() ? nullptr : &*at;
}

bool serves(const RoleScene& role) { return role.runs && role.ready && role.ready_status == kOk; }

// ---- the environment and its directory

void environment_known(const ValidationScene& scene, Validations& found) {
  for (const std::string& error : scene.config_errors) {
    found.fault(scene.asked, error, "stoa config check --env " + scene.asked);
  }
  if (scene.config_errors.empty()) found.pass(scene.environment, "its configuration is valid");
}

void environment_matches(const ValidationScene& scene, Validations& found) {
  if (!scene.supervised) return found.skip("", "no supervisor to ask");
  found.expect(scene.supervisor_environment == scene.environment, "supervisor",
               "runs " + scene.supervisor_environment,
               fmt::format("name the data directory of {} with --data, or stoa down and stoa up "
                           "--env {}",
                           scene.environment, scene.environment));
  for (const RoleScene& role : scene.roles) {
    if (role.environment.empty()) continue;
    found.expect(role.environment == scene.environment, role.name, "runs " + role.environment,
                 "stoa restart " + role.name);
  }
}

void data_directory(const ValidationScene& scene, Validations& found) {
  const std::string path = scene.data.string();
  if (!scene.data_exists) return found.fault(path, "is not there", "stoa up makes it");
  if (!scene.data_writable)
    return found.fault(path, "cannot be written", "chown it to the user of stoa");
  found.expect((scene.data_mode & kOthers) == 0, path, fmt::format("mode {:04o}", scene.data_mode),
               "others can enter it: chmod o-rwx " + path);
}

// ---- roles

void roles_planned(const ValidationScene& scene, Validations& found) {
  if (!scene.supervised) found.fault("supervisor", "does not run", "stoa up");
  for (const RoleScene& role : scene.roles) {
    if (role.planned) {
      found.expect(role.supervised, role.name, role.supervised ? "is there" : "is not there",
                   "stoa up");
    } else {
      found.warn(role.name, "runs, and the configuration does not have it",
                 "stoa down and stoa up, or switch it on again");
    }
  }
}

void roles_running(const ValidationScene& scene, Validations& found) {
  for (const RoleScene& role : scene.roles) {
    found.expect(
        role.runs, role.name,
        role.runs ? fmt::format("process {}", role.pid)
                  : fmt::format("{} {}", role.state.empty() ? "down" : role.state, role.last_error),
        "stoa up; why it ended: stoa logs " + role.name);
  }
}

void roles_ready(const ValidationScene& scene, Validations& found) {
  for (const RoleScene& role : scene.roles) {
    found.expect(serves(role), role.name,
                 serves(role) ? "ready" : fmt::format("not ready {}", role.why),
                 "stoa logs " + role.name);
  }
}

void dependencies_ready(const ValidationScene& scene, Validations& found) {
  for (const RoleScene& role : scene.roles) {
    std::string missing;
    for (const std::string& before : role.after) {
      const RoleScene* other = find(scene, before);
      if (other == nullptr || !serves(*other)) missing += (missing.empty() ? "" : ", ") + before;
    }
    if (role.after.empty()) continue;
    found.expect(missing.empty(), role.name,
                 missing.empty() ? fmt::format("its {} are ready", role.after.size())
                                 : "waits for " + missing,
                 "stoa logs " + missing.substr(0, missing.find(',')));
  }
}

void roles_restarts(const ValidationScene& scene, Validations& found) {
  for (const RoleScene& role : scene.roles) {
    if (role.state == "failed" || role.state == "backoff") {
      found.fault(role.name, fmt::format("{}: {}", role.state, role.last_error),
                  "stoa logs " + role.name);
    } else if (role.restarts > 0) {
      found.warn(role.name, fmt::format("restarted {} times; {}", role.restarts, role.last_error),
                 "why it ended: stoa logs " + role.name);
    } else {
      found.pass(role.name, "never restarted");
    }
  }
}

void endpoints_answer(const ValidationScene& scene, Validations& found) {
  for (const RoleScene& role : scene.roles) {
    found.expect(
        role.ready_status.has_value(), role.name,
        fmt::format("{} {}", port_text(role),
                    role.ready_status ? fmt::format("answers {}", *role.ready_status) : role.why),
        "stoa restart " + role.name);
  }
}

void endpoints_fast(const ValidationScene& scene, Validations& found) {
  for (const RoleScene& role : scene.roles) {
    if (!role.answer_time) {
      found.skip(role.name, "does not answer");
      continue;
    }
    found.expect(*role.answer_time < kAnswerMax, role.name,
                 duration_text(role.answer_time->count()),
                 "over 10 ms: is the machine overloaded? stoa ps; stoa doctor");
  }
}

void registry_entries(const ValidationScene& scene, Validations& found) {
  for (const RoleScene& role : scene.roles) {
    if (!role.runs) continue;
    const bool right = role.registered && role.registered_pid == role.pid;
    found.expect(right, role.name,
                 right             ? "is registered"
                 : role.registered ? fmt::format("is registered as process {}", role.registered_pid)
                                   : "is not registered",
                 "others cannot find it: stoa restart " + role.name);
  }
}

void versions_equal(const ValidationScene& scene, Validations& found) {
  const RoleScene* first = nullptr;
  for (const RoleScene& role : scene.roles) {
    if (role.version.empty()) continue;
    if (first == nullptr) first = &role;
    const auto build = [](const RoleScene& of) { return of.version + " " + of.commit; };
    found.expect(build(role) == build(*first), role.name, build(role),
                 fmt::format("{} runs {}; stoa restart {}", first->name, build(*first), role.name));
  }
}

// ---- the door and its limits

void gateway_reachable(const ValidationScene& scene, Validations& found) {
  const auto answer = [](const std::optional<int>& status) {
    return status ? fmt::format("answers {}", *status) : std::string{"does not answer"};
  };
  found.expect(scene.page_status == kOk, "page", answer(scene.page_status),
               "stoa logs gateway; stoa restart gateway");
  found.expect(scene.api_status == kOk, "API", answer(scene.api_status),
               "stoa logs gateway; stoa restart gateway");
}

std::int64_t limit_e8(const ValidationScene& scene, std::string_view name) {
  const auto at = std::ranges::find(scene.limits, name, &LimitScene::name);
  if (at == scene.limits.end() || at->value == "off") return INT64_MAX;
  return parse_e8(at->value).value_or(0);
}

void limits_set(const ValidationScene& scene, Validations& found) {
  if (!scene.limits_known)
    return found.fault("", "the gateway does not tell them", "stoa risk show");
  for (const LimitScene& limit : scene.limits) {
    const std::string remedy = "stoa risk set " + limit.name + " VALUE";
    // In units of each instrument: who trades several bounds an order by its notional.
    if (limit.value == "off" && limit.name == "max_order_qty") {
      found.skip(limit.name, "is not set; max_order_notional bounds an order");
    } else if (limit.value == "off") {
      found.fault(limit.name, "is not set", remedy);
    } else {
      found.expect(limit_e8(scene, limit.name) > 0, limit.name, limit.value,
                   "nothing can be traded; " + remedy);
    }
  }
  // What bounds the part must not be wider than what bounds the whole.
  constexpr std::array<std::string_view, 3> kWider{"max_order_notional", "max_position_notional",
                                                   "max_gross_exposure"};
  for (std::size_t i = 0; i + 1 < kWider.size(); ++i) {
    const auto inner = kWider.at(i);
    const auto outer = kWider.at(i + 1);
    if (limit_e8(scene, inner) > limit_e8(scene, outer)) {
      found.warn(std::string{inner}, fmt::format("is wider than {}", outer),
                 fmt::format("stoa risk set {} VALUE", inner));
    }
  }
}

// ---- configuration

void config_drift(const ValidationScene& scene, Validations& found) {
  if (!scene.config) return found.skip("", "nobody says what should run");
  const ConfigTruth& truth = *scene.config;
  if (!truth.trouble.empty()) return found.fault(truth.source, truth.trouble, "stoa config status");
  for (const RoleScene& role : scene.roles) {
    const auto wanted = truth.digests.find(role.name);
    if (wanted != truth.digests.end()) {
      const bool same = wanted->second == role.config_digest;
      found.expect(
          same, role.name,
          same ? fmt::format("as {} says", truth.source)
               : fmt::format("runs {} {}, not what {} says",
                             role.config_revision.empty() ? "no revision" : role.config_revision,
                             role.config_digest.substr(0, 12), truth.source),
          truth.mend);
    } else if (truth.changed && role.started) {
      const bool older = *truth.changed <= *role.started;
      found.expect(older, role.name,
                   older ? fmt::format("began after {} was changed", truth.source)
                         : fmt::format("{} was changed after it began", truth.source),
                   "stoa restart " + role.name);
    }
  }
}

// ---- files

void sockets_mode(const ValidationScene& scene, Validations& found) {
  for (const FileScene& socket : scene.sockets) {
    found.expect((socket.mode & ~scene.socket_mode) == 0, socket.path.filename().string(),
                 fmt::format("mode {:04o}", socket.mode),
                 fmt::format("at most {:04o} (relay.socket_mode): chmod {:04o} {}",
                             scene.socket_mode, scene.socket_mode, socket.path.string()));
  }
}

void secrets_mode(const ValidationScene& scene, Validations& found) {
  if (scene.secrets.empty()) found.fault("token", "is not there", "stoa up makes one");
  for (const FileScene& secret : scene.secrets) {
    found.expect((secret.mode & kGroupAndOthers) == 0, secret.path.filename().string(),
                 fmt::format("mode {:04o}", secret.mode), "chmod 600 " + secret.path.string());
  }
}

void journals_intact(const ValidationScene& scene, Validations& found) {
  if (scene.journals.empty()) found.fault("", "there is no journal", "stoa up makes one");
  for (const JournalScene& journal : scene.journals) {
    found.expect(journal.damage.empty(), journal.dir.string(),
                 journal.damage.empty()
                     ? fmt::format("{} segments, {} records of the newest checked",
                                   journal.segments, journal.records)
                     : journal.damage,
                 "stoa journal verify " + journal.dir.string());
  }
}

void backups_fresh(const ValidationScene& scene, Validations& found) {
  if (scene.backups.empty()) {
    if (!production(scene)) return found.skip("", "none named: --backup DIR");
    return found.fault("", "no backup is named",
                       "name it: --backup DIR; make one: stoa journal backup");
  }
  for (const BackupScene& backup : scene.backups) {
    const std::string path = backup.dir.string();
    if (!backup.time) {
      found.fault(path, backup.trouble, "stoa journal backup verify " + path);
      continue;
    }
    const nanoseconds age = scene.now - *backup.time;
    found.expect(age <= kBackupAgeMax, path, duration_text(age.count()) + " old",
                 "older than 26 h: stoa journal backup; is its timer on?");
  }
}

// ---- security

void security_user(const ValidationScene& scene, Validations& found) {
  for (const RoleScene& role : scene.roles) {
    if (!role.uid) continue;
    const bool root = *role.uid == 0;
    if (!root) {
      found.pass(role.name, fmt::format("user {}", *role.uid));
    } else if (production(scene)) {
      found.fault(role.name, "runs as root", "give it a user of its own: docs/operating.md");
    } else {
      found.warn(role.name, "runs as root", "only where nothing else is on the machine");
    }
  }
}

void security_umask(const ValidationScene& scene, Validations& found) {
  for (const RoleScene& role : scene.roles) {
    if (!role.umask) continue;
    found.expect((*role.umask & kOthers) == kOthers, role.name,
                 fmt::format("umask {:04o}", *role.umask),
                 "others may read what it writes: umask 0027 before stoa up");
  }
}

void certificates_valid(const ValidationScene& scene, Validations& found) {
  const bool loopback = scene.gateway_host == "127.0.0.1" || scene.gateway_host == "::1" ||
                        scene.gateway_host == "localhost";
  if (loopback) {
    found.pass("gateway", "plain HTTP on this machine only");
  } else if (production(scene) && scene.certificates.empty()) {
    found.fault("gateway", "plain HTTP at " + scene.gateway_host,
                "put TLS before it and name its file: --certificate FILE");
  } else if (scene.certificates.empty()) {
    found.warn("gateway", "plain HTTP at " + scene.gateway_host,
               "gateway.host = 127.0.0.1, or TLS before it");
  }
  for (const CertificateScene& each : scene.certificates) {
    const std::string path = each.file.string();
    if (!each.ends) {
      found.fault(path, each.trouble, "is it a PEM file that stoa may read?");
    } else if (*each.ends <= scene.now) {
      found.fault(path, "has ended " + to_rfc3339(*each.ends), "renew it");
    } else if (*each.ends - scene.now < kCertificateSoon) {
      found.warn(path, "ends " + to_rfc3339(*each.ends), "renew it");
    } else {
      found.pass(path, "ends " + to_rfc3339(*each.ends));
    }
  }
}

// ---- the machine

void machine(const ValidationScene& scene, Validations& found, std::string_view prefix) {
  for (const Finding& finding : scene.machine) {
    if (!finding.id.starts_with(prefix)) continue;
    switch (finding.health) {
      case Health::Ok:
        found.pass(std::string{finding.id}, finding.found);
        break;
      case Health::Warn:
        found.warn(std::string{finding.id}, finding.found, finding.remedy);
        break;
      case Health::Fail:
        found.fault(std::string{finding.id}, finding.found, finding.remedy);
        break;
      case Health::Skip:
        found.skip(std::string{finding.id}, finding.found);
        break;
    }
  }
}
void machine_disk(const ValidationScene& scene, Validations& found) {
  machine(scene, found, "disk.");
}
void machine_clock(const ValidationScene& scene, Validations& found) {
  machine(scene, found, "clock.");
}
void machine_limits(const ValidationScene& scene, Validations& found) {
  machine(scene, found, "limits.");
}

constexpr auto kFail = Outcome::Failed;
constexpr auto kWarn = Outcome::Warned;
constexpr std::array kChecks{
    ValidationCheck{"environment.known", kFail, "The environment is known, its file valid", true,
                    environment_known},
    ValidationCheck{"environment.matches", kFail, "What runs here is this environment", true,
                    environment_matches},
    ValidationCheck{"data.directory", kFail, "The data directory is there, and ours", true,
                    data_directory},
    ValidationCheck{"roles.planned", kFail, "Every role of the plan is there", true, roles_planned},
    ValidationCheck{"roles.running", kFail, "Every role runs", true, roles_running},
    ValidationCheck{"roles.ready", kFail, "Every role is ready", true, roles_ready},
    ValidationCheck{"roles.dependencies", kFail, "What each role waits for is ready", true,
                    dependencies_ready},
    ValidationCheck{"roles.restarts", kFail, "No role has failed", true, roles_restarts},
    ValidationCheck{"endpoints.answer", kFail, "Every health port answers", true, endpoints_answer},
    ValidationCheck{"endpoints.fast", kWarn, "Health answers within 10 ms", false, endpoints_fast},
    ValidationCheck{"registry.entries", kFail, "Every process is found by its name", false,
                    registry_entries},
    ValidationCheck{"gateway.reachable", kFail, "Page and API answer", true, gateway_reachable},
    ValidationCheck{"limits.set", kFail, "Limits are set, and fit each other", false, limits_set},
    ValidationCheck{"config.drift", kFail, "What runs is what is configured", true, config_drift},
    ValidationCheck{"versions.equal", kFail, "All roles are of one build", true, versions_equal},
    ValidationCheck{"sockets.mode", kFail, "Sockets are for their group only", false, sockets_mode},
    ValidationCheck{"secrets.mode", kFail, "Secrets are for their owner only", false, secrets_mode},
    ValidationCheck{"security.user", kFail, "Nothing runs as root in production", false,
                    security_user},
    ValidationCheck{"security.umask", kWarn, "Others read nothing", false, security_umask},
    ValidationCheck{"certificates.valid", kFail, "What leaves the machine is encrypted", false,
                    certificates_valid},
    ValidationCheck{"journals.intact", kFail, "Journals can be read", false, journals_intact},
    ValidationCheck{"backups.fresh", kFail, "There is a backup of the last day", false,
                    backups_fresh},
    ValidationCheck{"machine.disk", kFail, "The disk has room and is fast", false, machine_disk},
    ValidationCheck{"machine.clock", kFail, "The clock is right", false, machine_clock},
    ValidationCheck{"machine.limits", kFail, "There are descriptors enough", false, machine_limits},
};

}  // namespace

std::span<const ValidationCheck> validation_checks() noexcept { return kChecks; }

}  // namespace stoa::cli
