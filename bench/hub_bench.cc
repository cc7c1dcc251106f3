// Question: how long does a configuration hub take to open a log of 100,000 revisions, what does it
// keep in memory for them, and what does one more change cost? That decides whether a database is
// needed beside the log (docs/decisions/0015-the-hub-is-replayed.md).
// Budget: open in two seconds, 200 MB, a change in 20 ms. The head's hash is checked after the
// replay. `--smoke` takes a tiny run, `--revisions N` another, `--dir D`
// chooses the disk.

#include <fmt/core.h>
#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <span>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "bench/must.h"
#include "deploy/hub.h"
#include "deploy/hub_record.h"
#include "deploy/hub_state.h"
#include "journal/writer.h"

namespace stoa::bench {
namespace {

using Clock = std::chrono::steady_clock;

double ms_since(Clock::time_point from) {
  return std::chrono::duration<double, std::milli>(Clock::now() - from).count();
}

/// What this process has computed: says on a busy machine what the wall clock does not.
double cpu_ms() {
  timespec spent{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &spent);
  return 1e3 * static_cast<double>(spent.tv_sec) + 1e-6 * static_cast<double>(spent.tv_nsec);
}

std::uint64_t resident_kb() {
  std::ifstream in{"/proc/self/status"};
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with("VmRSS:")) return std::stoull(line.substr(6));
  }
  return 0;
}

/// A unit of thirty keys, of which each revision changes one.
std::string unit_text(std::uint64_t revision) {
  std::string text = "# bounds\n[limits]\n";
  text += fmt::format("max_order_rate = {}\n", revision % 100'000 + 1);
  for (int line = 0; line < 12; ++line) {
    text += fmt::format("# line {} of what people write into such a file\n", line);
  }
  return text;
}

/// Writes the log as a hub would have, without a sync for each.
void write_log(const std::filesystem::path& dir, std::uint64_t revisions) {
  const SystemClock clock;
  deploy::HubRecord record{.verb = deploy::HubVerb::Set,
                           .user = "ann",
                           .space = "dev",
                           .reason = "a reason as people give it"};
  deploy::Space space;
  {
    const auto hub = must(deploy::Hub::open(dir, clock, {.owner = "ann"}));
    record.previous = hub.head().hash;
    space = *hub.state().find("dev");
  }
  auto writer = must(journal::Writer::open(
      dir,
      {.segment_bytes = 4U << 20U, .sync = journal::SyncPolicy::None, .prepare_ahead = false}));
  for (std::uint64_t i = 0; i < revisions; ++i) {
    record.time = clock.now();
    record.revision = i + 2;
    record.units = {{.unit = "limits", .text = unit_text(i)}};
    record.hash = deploy::HubState::hash_after(space, record.units);
    const std::string text = deploy::encode(record);
    must(writer.append(std::as_bytes(std::span{text})));
    record.previous = deploy::hash_of(text);
  }
  must(writer.close());
}

int run(const std::filesystem::path& dir, std::uint64_t revisions) {
  const auto log = dir / "config";
  std::filesystem::remove_all(dir);
  std::filesystem::create_directories(dir);
  write_log(log, revisions);
  const auto before_kb = resident_kb();
  const SystemClock clock;
  const auto begun = Clock::now();
  const double begun_cpu_ms = cpu_ms();
  auto hub = must(deploy::Hub::open(log, clock, {.owner = "ann"}));
  const double open_ms = ms_since(begun);
  const double open_cpu_ms = cpu_ms() - begun_cpu_ms;
  const auto kept_kb = resident_kb() - before_kb;
  const auto& dev = *hub.state().find("dev");
  const bool right = dev.head().number == revisions + 1 &&
                     deploy::content_hash(dev, dev.head()) == dev.head().hash;
  constexpr int kChanges = 20;
  const auto changing = Clock::now();
  for (int i = 0; i < kChanges; ++i) {
    const auto done = hub.set({.user = "ann", .space = "dev"}, "limits",
                              {{"limits.max_open_orders", std::to_string(i + 1)}});
    if (!done) return 1;
  }
  const double change_ms = ms_since(changing) / kChanges;
  std::uintmax_t bytes = 0;
  for (const auto& file : std::filesystem::directory_iterator{log}) bytes += file.file_size();
  fmt::print(
      "revisions {}  log {} MB  open {:.0f} ms (computing {:.0f} ms)  memory {} MB  "
      "change {:.2f} ms  head {}\n",
      revisions, bytes / 1'000'000, open_ms, open_cpu_ms, kept_kb / 1'000, change_ms,
      right ? deploy::hash8(hub.head().hash) : "WRONG");
  std::filesystem::remove_all(dir);
  return right ? 0 : 1;
}

}  // namespace
}  // namespace stoa::bench

int main(int argc, char** argv) {
  std::uint64_t revisions = 100'000;
  std::filesystem::path dir = std::filesystem::temp_directory_path();
  for (int i = 1; i < argc; ++i) {
    const std::string_view word = argv[i];
    if (word == "--smoke") revisions = 200;
    if (word == "--revisions" && i + 1 < argc) revisions = std::stoull(argv[++i]);
    if (word == "--dir" && i + 1 < argc) dir = argv[++i];
  }
  return stoa::bench::run(dir / ("hub-bench-" + std::to_string(::getpid())), revisions);
}
