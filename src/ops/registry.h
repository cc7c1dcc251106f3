#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "base/fd.h"
#include "ops/role_status.h"

// Who is alive below one data directory: SERVICE.INSTANCE.json in DATA/run/services, replaced whole
// at each change. Its owner holds a lock on the file .lock beside it, so it dies with its process,
// however that dies.
namespace stoa::ops {

/// Where an instance is reached for one purpose.
struct Endpoint {
  std::string name{};     // "health", "http", "socket"
  std::string address{};  // "127.0.0.1:5556", or "/path/of.sock" (it begins with a slash)
  friend bool operator==(const Endpoint&, const Endpoint&) = default;
};

/// One live instance, as it says of itself.
struct Instance {
  std::string service{};   // [a-z0-9-], at most 32 bytes
  std::string instance{};  // the same, or "execution.green"; one of a name at a time
  std::string colour{};
  std::uint64_t epoch = 0;
  std::vector<Endpoint> endpoints{};  // at most 8
  std::int32_t priority = 10;         // smaller is preferred
  CheckResult health = CheckResult::Fail;
  Timestamp since{};  // when `health` last changed
  std::int64_t pid = 0;

  [[nodiscard]] const Endpoint* endpoint(std::string_view name) const noexcept;
  friend bool operator==(const Instance&, const Instance&) = default;
};

/// DATA/run/services.
[[nodiscard]] std::filesystem::path services_dir(const std::filesystem::path& data);

/// `instance` as a file says it, and back.
///
/// errors  BadInput: not a JSON object of this form, with the field
[[nodiscard]] std::string to_json(const Instance& instance);
[[nodiscard]] Result<Instance> instance_from_json(std::string_view text);

/// An entry of ours while it lives. One thread.
class Registration {
 public:
  /// Makes the directory, takes the lock and writes the entry.
  ///
  /// errors  Unavailable: a live process has this name · BadInput: a name that is none · Io
  [[nodiscard]] static Result<Registration> open(const std::filesystem::path& dir,
                                                 Instance instance);
  Registration(Registration&&) = default;
  Registration& operator=(Registration&&) = default;
  /// Takes the entry away.
  ~Registration();

  /// Writes the entry again when `health` is another than before; cheap to call each round.
  ///
  /// errors  Io: the entry says what it said before
  [[nodiscard]] Result<void> set_health(CheckResult health, Timestamp now);
  [[nodiscard]] Result<void> set_epoch(std::uint64_t epoch);
  [[nodiscard]] const Instance& instance() const noexcept { return instance_; }

 private:
  Registration(std::filesystem::path dir, Instance instance, Fd lock);
  [[nodiscard]] Result<void> write() const;

  std::filesystem::path dir_;
  Instance instance_;
  Fd lock_;
};

/// Who is there.
struct Listing {
  std::vector<Instance> instances{};  // by service and instance
  std::size_t ghosts = 0;             // left behind by a process that is gone
  std::size_t damaged = 0;            // files that are no entry
};
/// Everything that is alive in `dir` now, by service and instance; an absent directory is empty.
/// Entries whose owner is gone are left out, and taken away when `sweep`.
///
/// errors  Io: the directory cannot be read. A file that is no entry is left out and counted.
[[nodiscard]] Result<Listing> list_instances(const std::filesystem::path& dir, bool sweep);

}  // namespace stoa::ops
