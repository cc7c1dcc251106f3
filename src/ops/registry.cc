#include "ops/registry.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <simdjson.h>  // NOLINT(misc-include-cleaner): the library's one door
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <expected>
#include <filesystem>
#include <limits>
#include <set>
#include <string>
#include <string_view>
#include <system_error>
#include <thread>
#include <utility>

#include "base/clock.h"
#include "base/error.h"
#include "base/fd.h"
#include "ops/role_status.h"
#include "ops/whole_file.h"
#include "protocol/json/writer.h"

namespace stoa::ops {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kNameBytesMax = 32;
constexpr std::size_t kEndpointsMax = 8;
constexpr std::size_t kEntryBytesMax = 16'384;
constexpr ::mode_t kMode = 0660;

bool is_name(std::string_view text) noexcept {
  return !text.empty() && text.size() <= kNameBytesMax && std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
  });
}

/// "execution", or "execution.green" beside it.
bool is_instance_name(std::string_view text) noexcept {
  if (text.size() > kNameBytesMax) return false;
  const std::size_t dot = text.find('.');
  return is_name(text.substr(0, dot)) &&
         (dot == std::string_view::npos || is_name(text.substr(dot + 1)));
}

/// The names below one directory that belong to one instance. `lock` is never renamed, so the
/// kernel's lock on it stays with the name; `entry` is replaced whole.
struct Files {
  fs::path entry;
  fs::path lock;
};
Files files_of(const fs::path& dir, std::string_view stem) {
  return {.entry = dir / fmt::format("{}.json", stem), .lock = dir / fmt::format("{}.lock", stem)};
}
Files files_of(const fs::path& dir, const Instance& instance) {
  return files_of(dir, instance.service + "." + instance.instance);
}

/// A lock on the whole file that goes with the open file, not with the process.
struct ::flock whole_file() noexcept {
  struct ::flock lock{};
  lock.l_type = F_WRLCK;
  lock.l_whence = SEEK_SET;
  return lock;
}

enum class Taking : std::uint8_t { Taken, Held, Gone, Failed };

/// Takes the lock under this very name. Gone: somebody took the name away meanwhile.
Taking take_lock(const fs::path& path, int flags, Fd& out) {
  Fd fd{::open(path.c_str(), flags | O_RDWR | O_CLOEXEC, kMode)};
  if (!fd) return errno == ENOENT ? Taking::Gone : Taking::Failed;
  struct ::flock lock = whole_file();
  if (::fcntl(fd.get(), F_OFD_SETLK, &lock) != 0) {
    return errno == EAGAIN || errno == EACCES ? Taking::Held : Taking::Failed;
  }
  struct ::stat ours{};
  struct ::stat named{};
  if (::fstat(fd.get(), &ours) != 0 || ::stat(path.c_str(), &named) != 0 ||
      ours.st_ino != named.st_ino || ours.st_dev != named.st_dev) {
    return Taking::Gone;
  }
  out = std::move(fd);
  return Taking::Taken;
}

/// Whether the owner of an entry still holds it.
bool is_held(const fs::path& path) noexcept {
  const Fd fd{::open(path.c_str(), O_RDONLY | O_CLOEXEC)};
  if (!fd) return false;
  struct ::flock lock = whole_file();
  return ::fcntl(fd.get(), F_OFD_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
}

/// Takes away what a process that is gone has left, under its lock: a successor that comes at this
/// moment waits for it and then begins anew.
void sweep(const Files& files) {
  Fd lock;
  if (take_lock(files.lock, O_CREAT, lock) != Taking::Taken) return;
  ::unlink(files.entry.c_str());
  ::unlink(passing_name(files.entry).c_str());
  ::unlink(files.lock.c_str());
}

Result<std::string> read_entry(const fs::path& path) {
  const Fd fd{::open(path.c_str(), O_RDONLY | O_CLOEXEC)};
  if (!fd) return io_error("cannot open", errno, path.string());
  std::string text(kEntryBytesMax + 1, '\0');
  const ssize_t size = ::read(fd.get(), text.data(), text.size());
  if (size < 0) return io_error("cannot read", errno, path.string());
  if (std::cmp_greater(size, kEntryBytesMax)) {
    return bad_input("longer than an entry may be", path.string());
  }
  text.resize(static_cast<std::size_t>(size));
  return text;
}

// NOLINTBEGIN(misc-include-cleaner): <simdjson.h> as above
using simdjson::dom::element;

Result<std::string_view> text_of(const element& json, const char* field) {
  std::string_view value;
  if (json[field].get(value) != simdjson::SUCCESS) {
    return bad_input(fmt::format("{}: expected a text", field));
  }
  return value;
}

Result<std::int64_t> integer_of(const element& json, const char* field, std::int64_t min,
                                std::int64_t max) {
  std::int64_t value = 0;
  if (json[field].get(value) != simdjson::SUCCESS || value < min || value > max) {
    return bad_input(fmt::format("{}: expected an integer, {} to {}", field, min, max));
  }
  return value;
}

Result<void> read_endpoints(const element& json, Instance& out) {
  simdjson::dom::object endpoints;
  if (json["endpoints"].get(endpoints) != simdjson::SUCCESS || endpoints.size() > kEndpointsMax) {
    return bad_input(fmt::format("endpoints: expected an object of at most {}", kEndpointsMax));
  }
  for (const auto& [name, address] : endpoints) {
    std::string_view text;
    if (address.get(text) != simdjson::SUCCESS || text.empty()) {
      return bad_input("endpoints: expected addresses as texts");
    }
    out.endpoints.push_back({.name = std::string{name}, .address = std::string{text}});
  }
  return {};
}

Result<CheckResult> read_health(const element& json) {
  const auto text = text_of(json, "health");
  if (!text) return std::unexpected(text.error());
  for (const CheckResult result : {CheckResult::Pass, CheckResult::Warn, CheckResult::Fail}) {
    if (to_string(result) == *text) return result;
  }
  return bad_input("health: expected pass, warn or fail");
}
// NOLINTEND(misc-include-cleaner)

}  // namespace

const Endpoint* Instance::endpoint(std::string_view name) const noexcept {
  const auto found = std::ranges::find(endpoints, name, &Endpoint::name);
  return found == endpoints.end() ? nullptr : &*found;
}

fs::path services_dir(const fs::path& data) { return data / "run" / "services"; }

std::string to_json(const Instance& instance) {
  std::string text;
  json::Writer json{text};
  json.begin_object();
  json.field("service", std::string_view{instance.service});
  json.field("instance", std::string_view{instance.instance});
  json.field("colour", std::string_view{instance.colour});
  json.field("epoch", instance.epoch);
  json.key("endpoints");
  json.begin_object();
  for (const auto& [name, address] : instance.endpoints) {
    json.text_key(name);
    json.value(std::string_view{address});
  }
  json.end_object();
  json.field("priority", instance.priority);
  json.field("health", to_string(instance.health));
  json.field("since_ns", instance.since.ns());
  json.field("pid", instance.pid);
  json.end_object();
  return text += '\n';
}

Result<Instance> instance_from_json(std::string_view text) {
  // NOLINTBEGIN(misc-include-cleaner): as above
  constexpr std::int64_t kMax = std::numeric_limits<std::int64_t>::max();
  if (text.size() > kEntryBytesMax) return bad_input("longer than an entry may be");
  simdjson::dom::parser parser;
  element json;
  if (parser.parse(simdjson::padded_string{text}).get(json) != simdjson::SUCCESS ||
      !json.is_object()) {
    return bad_input("this is no JSON object");
  }
  // NOLINTEND(misc-include-cleaner)
  Instance out;
  using Member = std::pair<const char*, std::string*>;
  for (const auto& [field, member] :
       {Member{"service", &out.service}, {"instance", &out.instance}, {"colour", &out.colour}}) {
    const auto value = text_of(json, field);
    if (!value) return std::unexpected(value.error());
    *member = *value;
  }
  if (!is_name(out.service)) return bad_input("service: expected a name of [a-z0-9-]");
  if (!is_instance_name(out.instance)) {
    return bad_input("instance: expected a name of [a-z0-9-], or two with a dot between");
  }
  if (!out.colour.empty() && !is_name(out.colour)) {
    return bad_input("colour: expected a name of [a-z0-9-], or nothing");
  }
  if (auto read = read_endpoints(json, out); !read) return std::unexpected(read.error());
  const auto health = read_health(json);
  if (!health) return std::unexpected(health.error());
  out.health = *health;
  const auto epoch = integer_of(json, "epoch", 0, kMax);
  const auto priority = integer_of(json, "priority", std::numeric_limits<std::int32_t>::min(),
                                   std::numeric_limits<std::int32_t>::max());
  const auto since_ns = integer_of(json, "since_ns", 0, kMax);
  const auto pid = integer_of(json, "pid", 0, kMax);
  for (const auto* number : {&epoch, &priority, &since_ns, &pid}) {
    if (!*number) return std::unexpected(number->error());
  }
  out.epoch = static_cast<std::uint64_t>(*epoch);
  out.priority = static_cast<std::int32_t>(*priority);
  out.since = Timestamp::from_ns(*since_ns);
  out.pid = *pid;
  return out;
}

Registration::Registration(fs::path dir, Instance instance, Fd lock)
    : dir_{std::move(dir)}, instance_{std::move(instance)}, lock_{std::move(lock)} {}

Registration::~Registration() {
  if (!lock_) return;  // moved from
  const Files files = files_of(dir_, instance_);
  ::unlink(files.entry.c_str());
  ::unlink(files.lock.c_str());
}

Result<Registration> Registration::open(const fs::path& dir, Instance instance) {
  if (!is_name(instance.service) || !is_instance_name(instance.instance)) {
    return bad_input(fmt::format("\"{}\" of \"{}\": names in the registry are 1 to {} bytes of "
                                 "[a-z0-9-]",
                                 instance.instance, instance.service, kNameBytesMax),
                     dir.string());
  }
  if (instance.endpoints.size() > kEndpointsMax) {
    return bad_input(fmt::format("an instance has at most {} endpoints", kEndpointsMax),
                     dir.string());
  }
  std::error_code made;
  fs::create_directories(dir, made);
  if (made) return io_error("cannot make the registry", made.value(), dir.string());
  const Files files = files_of(dir, instance);
  // Held, and not by a live owner: whoever sweeps holds it for moments.
  constexpr int kTries = 50;
  for (int i = 0; i < kTries; ++i) {
    Fd lock;
    const Taking taking = take_lock(files.lock, O_CREAT, lock);
    if (taking == Taking::Failed) return io_error("cannot lock", errno, files.lock.string());
    if (taking == Taking::Taken) {
      instance.pid = ::getpid();
      Registration registration{dir, std::move(instance), std::move(lock)};
      if (auto written = registration.write(); !written) return std::unexpected(written.error());
      return registration;
    }
    if (taking == Taking::Held) std::this_thread::sleep_for(std::chrono::milliseconds{2});
  }
  const auto text = read_entry(files.entry);
  const auto holder = text ? instance_from_json(*text) : std::unexpected(text.error());
  return std::unexpected(
      Error{.code = ErrorCode::Unavailable,
            .message = fmt::format(
                "{} of {} is registered by {}", instance.instance, instance.service,
                holder ? fmt::format("process {}", holder->pid) : std::string{"another process"}),
            .source = files.entry.string()});
}

Result<void> Registration::write() const {
  return replace_whole(files_of(dir_, instance_).entry, to_json(instance_), kMode);
}

Result<void> Registration::set_health(CheckResult health, Timestamp now) {
  if (health == instance_.health) return {};
  const Instance before = instance_;
  instance_.health = health;
  instance_.since = now;
  auto written = write();
  if (!written) instance_ = before;  // the next call tries again
  return written;
}

Result<void> Registration::set_epoch(std::uint64_t epoch) {
  if (epoch == instance_.epoch) return {};
  const std::uint64_t before = std::exchange(instance_.epoch, epoch);
  auto written = write();
  if (!written) instance_.epoch = before;
  return written;
}

Result<Listing> list_instances(const fs::path& dir, bool sweep_ghosts) {
  Listing listing;
  std::error_code error;
  std::set<std::string> stems;
  for (fs::directory_iterator file{dir, error}, end; !error && file != end; file.increment(error)) {
    const fs::path name = file->path().filename();
    if (name.extension() == ".json" || name.extension() == ".lock") stems.insert(name.stem());
  }
  if (error && error != std::errc::no_such_file_or_directory) {
    return io_error("cannot read the registry", error.value(), dir.string());
  }
  for (const std::string& stem : stems) {
    const Files files = files_of(dir, stem);
    if (!is_held(files.lock)) {
      ++listing.ghosts;
      if (sweep_ghosts) sweep(files);
      continue;
    }
    const auto text = read_entry(files.entry);
    if (!text) continue;  // held, and not written yet or just taken away
    auto instance = instance_from_json(*text);
    if (!instance || files_of(dir, *instance).entry != files.entry) {
      ++listing.damaged;
      continue;
    }
    listing.instances.push_back(std::move(*instance));
  }
  // By name already: a set is in order, and "." comes before every letter of a name but "-".
  std::ranges::sort(listing.instances, {}, [](const Instance& instance) {
    return std::pair<std::string_view, std::string_view>{instance.service, instance.instance};
  });
  return listing;
}

}  // namespace stoa::ops
