#include "ops/discovery.h"

#include <sys/inotify.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "base/fd.h"
#include "base/log.h"
#include "ops/registry.h"
#include "ops/role_status.h"

namespace stoa::ops {

std::string_view to_string(Policy policy) noexcept {
  switch (policy) {
    case Policy::FirstHealthy:
      return "first-healthy";
    case Policy::RoundRobin:
      return "round-robin";
    case Policy::Priority:
      return "priority";
  }
  return "unknown";
}

const Directory::Service* Directory::find(std::string_view service) const noexcept {
  const auto found = std::ranges::find(services, service, &Service::name);  // a dozen at most
  return found != services.end() ? &*found : nullptr;
}

Discovery::Discovery(std::filesystem::path dir, const Clock& clock, Options options)
    : dir_{std::move(dir)},
      clock_{clock},
      options_{options},
      directory_{std::make_shared<const Directory>()} {}

Discovery::~Discovery() = default;

Result<std::unique_ptr<Discovery>> Discovery::open(const std::filesystem::path& dir,
                                                   const Clock& clock) {
  return open(dir, clock, Options{});
}

Result<std::unique_ptr<Discovery>> Discovery::open(const std::filesystem::path& dir,
                                                   const Clock& clock, Options options) {
  std::error_code made;
  std::filesystem::create_directories(dir, made);
  if (made) return io_error("cannot make the registry", made.value(), dir.string());
  std::unique_ptr<Discovery> discovery{new Discovery{dir, clock, options}};
  // A process that ends closes its lock, which it had open for writing: that is an event too.
  Fd watch{::inotify_init1(IN_NONBLOCK | IN_CLOEXEC)};
  constexpr std::uint32_t kEvents = IN_MOVED_TO | IN_CLOSE_WRITE | IN_DELETE | IN_DELETE_SELF;
  if (watch && ::inotify_add_watch(watch.get(), dir.c_str(), kEvents) >= 0) {
    discovery->watch_ = std::move(watch);
  } else {
    log::warn("discovery_without_inotify", {{"dir", dir.string()}});
  }
  if (const auto looked = discovery->look(true); !looked) return std::unexpected(looked.error());
  return discovery;
}

bool Discovery::changes_came() const noexcept {
  if (!watch_) return false;
  bool came = false;
  alignas(inotify_event) std::array<char, 4'096> events{};
  while (::read(watch_.get(), events.data(), events.size()) > 0) came = true;
  return came;
}

bool Discovery::poll() {
  const bool due = clock_.monotonic() >= look_due_;
  if (!changes_came() && !due) return false;
  const auto changed = look(false);
  if (!changed) {
    log::warn("discovery_failed", {{"error", changed.error().text()}});
    return false;
  }
  return *changed;
}

/// One look; true when the directory changed.
Result<bool> Discovery::look(bool first) {
  const nanoseconds now = clock_.monotonic();
  look_due_ = now + options_.look_every;
  const auto listing = list_instances(dir_, true);
  if (!listing) return std::unexpected(listing.error());
  bool changed = first;
  changed |=
      std::erase_if(seen_, [&](const auto& known) {
        return std::ranges::none_of(listing->instances, [&](const Instance& instance) {
          return instance.service == known.first.first && instance.instance == known.first.second;
        });
      }) > 0;
  for (const Instance& instance : listing->instances) changed |= take(instance, first, now);
  const bool settled = std::ranges::all_of(
      seen_, [](const auto& known) { return known.second.good == known.second.healthy; });
  if (settled && watch_) look_due_ = now + options_.idle_every;
  if (changed) publish();
  return changed;
}

/// What one look says of one instance; true when others should know.
bool Discovery::take(const Instance& instance, bool first, nanoseconds now) {
  const bool good = instance.health != CheckResult::Fail;
  const auto [at, is_new] = seen_.try_emplace({instance.service, instance.instance});
  Seen& seen = at->second;
  if (is_new) {
    seen = {.instance = instance,
            .good = good,
            .healthy = first && good,
            .in_a_row = 1,
            .counted_at = now};
    return true;
  }
  bool changed = false;
  // Another process of the same name begins anew.
  if (seen.instance.pid != instance.pid) {
    changed = true;
    seen = {.good = good, .in_a_row = 0, .counted_at = now - options_.look_every};
  }
  changed |= seen.instance != instance;
  seen.instance = instance;
  // The looks that events bring come as fast as they like; only those apart in time count.
  if (good != seen.good) {
    seen.good = good;
    seen.in_a_row = 1;
    seen.counted_at = now;
  } else if (now - seen.counted_at >= options_.look_every) {
    ++seen.in_a_row;
    seen.counted_at = now;
  }
  const int needed = good ? options_.good_needed : options_.bad_needed;
  if (seen.healthy != good && seen.in_a_row >= needed) {
    seen.healthy = good;
    changed = true;
  }
  return changed;
}

void Discovery::publish() {
  auto next = std::make_shared<Directory>();
  for (const auto& [key, seen] : seen_) {
    if (next->services.empty() || next->services.back().name != key.first) {
      next->services.push_back({.name = key.first});
    }
    next->services.back().instances.push_back({.instance = seen.instance, .healthy = seen.healthy});
  }
  for (auto& service : next->services) {
    for (const auto& [instance, healthy] : service.instances) {
      if (!healthy) continue;
      service.healthy.push_back(&instance);
      if (service.preferred == nullptr || instance.priority < service.preferred->priority) {
        service.preferred = &instance;
      }
    }
  }
  next->version = version_.load(std::memory_order_relaxed) + 1;
  const std::uint64_t version = next->version;
  {
    const std::scoped_lock lock{mutex_};
    directory_ = std::move(next);
  }
  version_.store(version, std::memory_order_release);  // pairs with version()
}

std::shared_ptr<const Directory> Discovery::directory() const {
  const std::scoped_lock lock{mutex_};
  return directory_;
}

Resolver::Resolver(const Discovery& discovery)
    : discovery_{discovery}, directory_{discovery.directory()} {
  turns_.resize(directory_->services.size());
}

void Resolver::refresh() noexcept {
  const std::unique_lock lock{discovery_.mutex_, std::try_to_lock};
  if (!lock.owns_lock()) return;  // the one it has is as good for a moment more
  directory_ = discovery_.directory_;
  if (turns_.size() < directory_->services.size()) turns_.resize(directory_->services.size());
}

const Instance* Resolver::resolve(std::string_view service, Policy policy) noexcept {
  if (directory_->version != discovery_.version()) refresh();
  const Directory::Service* const found = directory_->find(service);
  if (found == nullptr || found->healthy.empty()) return nullptr;
  switch (policy) {
    case Policy::FirstHealthy:
      return found->healthy.front();
    case Policy::Priority:
      return found->preferred;
    case Policy::RoundRobin: {
      std::size_t& turn = turns_[static_cast<std::size_t>(found - directory_->services.data())];
      if (turn >= found->healthy.size()) turn = 0;
      return found->healthy[turn++];
    }
  }
  return nullptr;
}

}  // namespace stoa::ops
