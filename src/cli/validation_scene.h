#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "cli/doctor_checks.h"
#include "cli/platform.h"

// What there is to see of a platform, gathered once, so that every check is a function of it.
namespace stoa::cli {

/// A role as its plan, its supervisor, the kernel and it itself tell of it.
struct RoleScene {
  std::string name{};
  std::vector<std::string> after{};  // roles that must be ready before it
  bool planned = false;
  bool supervised = false;  // its supervisor knows it
  bool runs = false;
  bool ready = false;   // the supervisor says so
  std::string state{};  // the supervisor's word
  std::string last_error{};
  std::int64_t restarts = 0;
  std::uint16_t port = 0;
  pid_t pid = 0;
  // Over its health port; nothing: no answer.
  std::optional<int> ready_status{};
  std::string why{};                         // why it is not ready, or did not answer
  std::optional<nanoseconds> answer_time{};  // the shortest of three
  std::string version{};                     // "0.4.0"
  std::string commit{};
  std::string environment{};
  std::string mode{};
  std::string config_digest{};
  std::string config_revision{};
  // Of the kernel.
  std::optional<std::uint32_t> uid{};
  std::optional<std::uint32_t> umask{};
  std::optional<Timestamp> started{};
  // Of the registry.
  bool registered = false;
  std::int64_t registered_pid = 0;
};

struct FileScene {
  std::filesystem::path path{};
  std::uint32_t mode = 0;  // permission bits
};

struct LimitScene {
  std::string name{};
  std::string value{};  // decimal; "off": none
};

struct JournalScene {
  std::filesystem::path dir{};
  std::uint64_t segments = 0;
  std::uint64_t records = 0;  // of the newest segment, each checked
  std::string damage{};       // first; empty: none
};

struct BackupScene {
  std::filesystem::path dir{};
  std::optional<Timestamp> time{};  // of its manifest
  std::string trouble{};
};

struct CertificateScene {
  std::filesystem::path file{};
  std::optional<Timestamp> ends{};
  std::string trouble{};
};

/// What the processes should run with, by whoever decides it: a file today, a hub where there is
/// one. An empty map says nothing of digests.
struct ConfigTruth {
  std::string trouble{};                         // why nobody can say; empty: somebody does
  std::string source{};                          // "environments/production.toml", "hub"
  std::optional<Timestamp> changed{};            // of a file
  std::map<std::string, std::string> digests{};  // by role
  std::string mend{};                            // what to type where a digest is another
};

struct ValidationScene {
  std::string asked{};        // the environment of the command line
  std::string environment{};  // of the configuration
  std::vector<std::string> config_errors{};
  Timestamp now{};
  // The data directory.
  std::filesystem::path data{};
  bool data_exists = false;
  bool data_writable = false;
  std::uint32_t data_mode = 0;
  // The supervisor.
  bool supervised = false;
  std::string supervisor_environment{};
  std::vector<RoleScene> roles{};
  // The door.
  std::string gateway_host{};
  std::optional<int> page_status{};
  std::optional<int> api_status{};
  std::vector<LimitScene> limits{};
  bool limits_known = false;
  // Files.
  std::uint32_t socket_mode = 0;  // as configured
  std::vector<FileScene> sockets{};
  std::vector<FileScene> secrets{};
  std::vector<JournalScene> journals{};
  std::vector<BackupScene> backups{};
  std::vector<CertificateScene> certificates{};
  std::optional<ConfigTruth> config{};
  std::vector<Finding> machine{};  // doctor's: clock, disk, descriptors
};

struct SceneOptions {
  std::string asked{};
  std::optional<std::filesystem::path> config_file{};  // --config
  /// Asked first, where there is a hub: what it says counts more than a file's age.
  std::function<std::optional<ConfigTruth>()> hub{};
  bool quick = false;                                 // without journals and the machine
  std::vector<std::filesystem::path> backups{};       // --backup
  std::vector<std::filesystem::path> certificates{};  // --certificate
  std::chrono::milliseconds patience{500};            // for one role
};

/// Looks at everything; roles are asked at once, so that one that hangs costs its patience only.
/// Changes nothing but a temporary file of `stoa doctor`.
[[nodiscard]] ValidationScene look_at(const Platform& platform, const SceneOptions& options);

}  // namespace stoa::cli
