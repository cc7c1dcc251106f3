// Question: how fast is a log of the execution domain read again, and how long does a start take
// from 1 GB of it, with a checkpoint and without?
// Steps add up: reading and checking records, decoding their messages, applying the inputs to a
// core and comparing what it derives with what was recorded. Cold means that the page cache was
// dropped first, which takes root. Every way ends with the same state hash, or the run fails.
// `--bytes N` of log (1 GB unless told), `--dir D` chooses the disk, `--smoke` a tiny run.

#include <fcntl.h>
#include <fmt/core.h>
#include <unistd.h>

#include <array>
#include <charconv>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/fd.h"
#include "base/ids.h"
#include "bench/must.h"
#include "journal/checkpoint.h"
#include "journal/format.h"
#include "journal/reader.h"
#include "journal/writer.h"
#include "oms/execution_core.h"
#include "oms/random_inputs.h"
#include "oms/replay.h"
#include "protocol/native/codec.h"

namespace stoa::bench {
namespace {

using Clock = std::chrono::steady_clock;

struct Log {
  std::filesystem::path dir;
  std::uint64_t bytes = 0;  // of records, headers included
  std::uint64_t records = 0;
  Lsn checkpoint{};  // at about 98 % of it
  std::uint64_t state_hash = 0;
};

/// A log as an engine leaves it: each input, then what the core derived from it.
Log make_log(const std::filesystem::path& dir, std::uint64_t bytes) {
  Log log{.dir = dir};
  auto writer = must(journal::Writer::open(dir, {.sync = journal::SyncPolicy::None}));
  const auto core = std::make_unique<oms::ExecutionCore>();
  oms::test::RandomInputs inputs{42};
  const auto append = [&](std::span<const std::byte> message) {
    must(writer.append(message));
    log.bytes += journal::stored_bytes(message.size());
    ++log.records;
  };
  while (log.bytes < bytes) {
    const auto input = inputs.next();
    append(input);
    core->apply(inputs.lsn(), native::MessageView::trusted(input));
    std::size_t outputs = 0;
    core->outputs().drain([&](std::span<const std::byte> output) {
      append(output);
      ++outputs;
    });
    inputs.outputs_followed(outputs);
    if (log.checkpoint == Lsn{0} && log.bytes >= bytes / 50 * 49) {
      log.checkpoint = must(writer.sync());
      journal::Checkpoint checkpoint{
          .lsn = log.checkpoint, .chain = writer.chain(), .epoch = writer.epoch(), .state = {}};
      core->save(checkpoint.state);
      must(journal::write_checkpoint(dir, checkpoint));
    }
  }
  must(writer.close());
  log.state_hash = core->state_hash();
  return log;
}

/// False where that is not allowed.
bool drop_page_cache() {
  ::sync();
  const Fd fd{::open("/proc/sys/vm/drop_caches", O_WRONLY)};
  return fd.get() >= 0 && ::write(fd.get(), "3", 1) == 1;
}

void for_each_record(const std::filesystem::path& dir, Lsn from,
                     const std::function<void(const journal::Record&)>& visit) {
  auto reader = must(journal::Reader::open(dir, from));
  for (;;) {
    const auto next = must(reader.next());
    if (!next) return;
    visit(*next);
  }
}

native::MessageView decoded(const journal::Record& record) {
  const auto message = native::decode(record.payload);
  if (!message) give_up("a record is no message");
  return *message;
}

std::uint64_t replay(const Log& log, oms::ExecutionCore& core, Lsn from) {
  oms::ReplayCheck check{core};
  for_each_record(log.dir, from,
                  [&](const journal::Record& record) { check.take(record.lsn, decoded(record)); });
  if (check.mismatches() > 0) give_up(check.first_mismatch());
  return core.state_hash();
}

void print_row(std::string_view what, std::string_view cache, const Log& log, double seconds) {
  fmt::print("{:<46} {:<5} {:>8.3f} s {:>8.2f} GB/s {:>12.0f} messages/s\n", what, cache, seconds,
             static_cast<double>(log.bytes) / seconds / 1e9,
             static_cast<double>(log.records) / seconds);
}

double seconds_of(const std::function<void()>& work) {
  const auto begin = Clock::now();
  work();
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

void measure(const Log& log, std::string_view cache, const std::function<bool()>& prepare) {
  const auto row = [&](std::string_view what, const std::function<void()>& work) {
    if (!prepare()) return;
    print_row(what, cache, log, seconds_of(work));
  };
  std::uint64_t seen = 0;
  row("read and check",
      [&] { for_each_record(log.dir, Lsn{1}, [&](const journal::Record&) { ++seen; }); });
  row("read, check, decode", [&] {
    for_each_record(log.dir, Lsn{1},
                    [&](const journal::Record& record) { seen += decoded(record).type() != 0; });
  });
  row("read, check, decode, apply, compare outputs", [&] {
    const auto core = std::make_unique<oms::ExecutionCore>();
    if (replay(log, *core, Lsn{1}) != log.state_hash) give_up("the replay ends in another state");
  });
  if (!prepare()) return;
  const double seconds = seconds_of([&] {
    const auto found = must(journal::find_checkpoint(log.dir));
    if (!found.checkpoint) give_up("no checkpoint");
    const auto core = std::make_unique<oms::ExecutionCore>();
    must(core->load(found.checkpoint->state));
    const Lsn from{found.checkpoint->lsn.value() + 1};
    if (replay(log, *core, from) != log.state_hash) give_up("the start ends in another state");
  });
  fmt::print("{:<46} {:<5} {:>8.3f} s\n", "start from the checkpoint", cache, seconds);
}

}  // namespace
}  // namespace stoa::bench

int main(int argc, char** argv) {
  std::uint64_t bytes = 1'000'000'000;
  std::filesystem::path dir = std::filesystem::current_path();
  const std::span arguments{argv, static_cast<std::size_t>(argc)};
  for (std::size_t i = 1; i < arguments.size(); ++i) {
    const std::string_view argument{arguments[i]};
    const std::string_view value = i + 1 < arguments.size() ? arguments[i + 1] : "";
    if (argument == "--smoke") bytes = 2'000'000;
    if (argument == "--dir") dir = value;
    if (argument == "--bytes") std::from_chars(value.data(), value.data() + value.size(), bytes);
  }
  using namespace stoa::bench;
  dir /= "recovery_bench." + std::to_string(::getpid());
  std::filesystem::create_directories(dir);
  const Log log = make_log(dir / "log", bytes);
  fmt::print("{} records, {} bytes, checkpoint at lsn {}, state {:016x}\n", log.records, log.bytes,
             log.checkpoint.value(), log.state_hash);
  measure(log, "cold", drop_page_cache);
  measure(log, "warm", [] { return true; });
  std::filesystem::remove_all(dir);
  return 0;
}
