// Question: what does it cost to turn one Binance frame into a message of the model, on the quick
// path and on the simdjson path? Budget: a trade 300 ns, a diff of 20 levels 1.5 us, and a million
// frames a second of the recorded mix on one core (docs/performance.md).
//
//   parse_bench [--smoke] [--recording FILE]...
//
// Frames come from the recordings named (or the spot set under STOA_RECORDINGS), else from a seed.
// Both paths decode the same frames in the same run and must give the same messages.
#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <expected>
#include <filesystem>
#include <optional>
#include <ratio>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/random.h"
#include "venues/binance/frame_digest.h"
#include "venues/binance/parse.h"
#include "venues/replay/capture.h"

namespace stoa::bench {
namespace {

using Clock = std::chrono::steady_clock;
using venues::binance::DepthFrame;
using venues::binance::Frame;
using venues::binance::GeneralParser;
using venues::binance::LevelBuffers;
using venues::binance::QuoteFrame;
using venues::binance::SnapshotFrame;
using venues::binance::TradeFrame;

constexpr std::size_t kDiffLevels = 20;

std::string decimal(Random& random, std::int64_t low, std::int64_t high) {
  return fmt::format("{}.{:08}", random.between(low, high), random.below(100) * 1'000'000);
}

std::string levels(Random& random, std::size_t count) {
  std::string result;
  for (std::size_t i = 0; i < count; ++i) {
    result += fmt::format("{}[\"{}\",\"{}\"]", i == 0 ? "" : ",", decimal(random, 61'000, 62'000),
                          decimal(random, 0, 9));
  }
  return result;
}

std::string diff(Random& random, std::size_t count) {
  return fmt::format(
      R"({{"stream":"btcusdt@depth@100ms","data":{{"e":"depthUpdate","E":1723161255208,"s":"BTCUSDT","U":50093239189,"u":50093239202,"b":[{}],"a":[{}]}}}})",
      levels(random, count / 2), levels(random, count - count / 2));
}

/// As often as the spot recordings have them: 74 % quotes, 20 % trades, 6 % diffs.
std::vector<std::string> generated(std::size_t count) {
  Random random{42};
  std::vector<std::string> result;
  for (std::size_t i = 0; i < count; ++i) {
    const std::uint64_t kind = random.below(100);
    if (kind < 74) {
      result.push_back(fmt::format(
          R"({{"stream":"btcusdt@bookTicker","data":{{"u":{},"s":"BTCUSDT","b":"{}","B":"{}","a":"{}","A":"{}"}}}})",
          50'093'239'212 + i, decimal(random, 61'000, 62'000), decimal(random, 0, 9),
          decimal(random, 61'000, 62'000), decimal(random, 0, 9)));
    } else if (kind < 94) {
      result.push_back(fmt::format(
          R"({{"stream":"btcusdt@trade","data":{{"e":"trade","E":1723161255343,"s":"BTCUSDT","t":{},"p":"{}","q":"{}","T":1723161255342,"m":{},"M":true}}}})",
          3'735'683'259 + i, decimal(random, 61'000, 62'000), decimal(random, 0, 9),
          random.one_in(2)));
    } else {
      result.push_back(diff(random, 10 + random.below(70)));
    }
  }
  return result;
}

std::vector<std::string> recorded(const std::vector<std::filesystem::path>& files) {
  auto reader = venues::replay::CaptureReader::open(files);
  std::vector<std::string> result;
  if (!reader) {
    fmt::print(stderr, "{}\n", reader.error().text());
    return result;
  }
  for (auto line = reader->next(); line && line->has_value(); line = reader->next()) {
    result.emplace_back(line->value_or(venues::replay::CaptureLine{}).frame);
  }
  return result;
}

std::vector<std::filesystem::path> usual_recordings() {
  // NOLINTNEXTLINE(concurrency-mt-unsafe): the program has one thread
  const char* const named = std::getenv("STOA_RECORDINGS");
  if (named == nullptr) return {};
  const auto folder = std::filesystem::path{named} / "binance" / "spot";
  std::vector<std::filesystem::path> files{folder / "btcusdt_20240808.gz",
                                           folder / "btcusdt_20240809.gz"};
  if (!std::ranges::all_of(files, [](const auto& file) { return std::filesystem::exists(file); })) {
    return {};
  }
  return files;
}

struct Measured {
  double ns_per_frame = 0;
  std::uint64_t checksum = 0;  // sum over the frames' update ids, trade ids and last levels
};

/// Cheap, and cannot be had without decoding.
std::uint64_t taste(const Frame& frame) noexcept {
  if (const auto* quote = std::get_if<QuoteFrame>(&frame)) {
    return quote->quote.update_id + static_cast<std::uint64_t>(quote->quote.ask_qty.e8());
  }
  if (const auto* trade = std::get_if<TradeFrame>(&frame)) {
    return trade->trade.trade_id.value() + static_cast<std::uint64_t>(trade->trade.px.e8());
  }
  if (const auto* depth = std::get_if<DepthFrame>(&frame)) {
    return depth->last_update_id +
           (depth->asks.empty() ? 0 : static_cast<std::uint64_t>(depth->asks.back().px.e8()));
  }
  if (const auto* snapshot = std::get_if<SnapshotFrame>(&frame)) return snapshot->last_update_id;
  return 1;
}

/// The best of `rounds`: the machine's other work only ever adds.
template <class Decode>
Measured measure(const std::vector<std::string>& frames, int rounds, Decode decode) {
  Measured result{.ns_per_frame = 1e18};
  for (int round = 0; round < rounds; ++round) {
    std::uint64_t checksum = 0;
    const auto begin = Clock::now();
    for (const std::string& json : frames) checksum += decode(json);
    const auto passed = std::chrono::duration<double, std::nano>(Clock::now() - begin).count();
    result.ns_per_frame =
        std::min(result.ns_per_frame, passed / static_cast<double>(frames.size()));
    result.checksum = checksum;
  }
  return result;
}

bool report(std::string_view what, const std::vector<std::string>& frames, int rounds) {
  if (frames.empty()) return true;
  LevelBuffers buffers;
  GeneralParser general;
  const Measured quick = measure(frames, rounds, [&](std::string_view json) {
    const auto frame = venues::binance::parse_fast(json, buffers);
    return frame ? taste(*frame) : 0;
  });
  const Measured checked = measure(frames, rounds, [&](std::string_view json) {
    const auto frame = general.parse(json, buffers);
    return frame ? taste(*frame) : 0;
  });
  fmt::print(
      "{:<22} {:>7} frames  quick {:>8.1f} ns {:>6.2f} M/s  simdjson {:>8.1f} ns {:>6.2f} M/s"
      "  checksum {:016x} {}\n",
      what, frames.size(), quick.ns_per_frame, 1e3 / quick.ns_per_frame, checked.ns_per_frame,
      1e3 / checked.ns_per_frame, quick.checksum,
      quick.checksum == checked.checksum ? "equal" : "DIFFERENT");
  return quick.checksum == checked.checksum;
}

/// Both paths against each other before anything is timed; frames by kind.
std::optional<std::array<std::vector<std::string>, std::variant_size_v<Frame>>> checked_kinds(
    const std::vector<std::string>& frames) {
  std::array<std::vector<std::string>, std::variant_size_v<Frame>> kinds;
  LevelBuffers quick_buffers;
  LevelBuffers general_buffers;
  GeneralParser general;
  for (const std::string& json : frames) {
    const auto quick = venues::binance::parse_fast(json, quick_buffers);
    const auto checked = general.parse(json, general_buffers);
    if (!quick || !checked || digest(*quick) != digest(*checked)) {
      fmt::print(stderr, "the two paths differ on {}\n", json.substr(0, 200));
      return std::nullopt;
    }
    kinds[quick->index()].push_back(json);
  }
  return kinds;
}

int run(const std::vector<std::filesystem::path>& files, bool smoke) {
  std::vector<std::string> frames;
  if (!files.empty()) frames = recorded(files);
  const bool real = !frames.empty();
  if (!real) frames = generated(smoke ? 1'000 : 100'000);
  const auto kinds = checked_kinds(frames);
  if (!kinds) return EXIT_FAILURE;

  Random random{7};
  std::vector<std::string> diffs;
  diffs.reserve(10'000);
  for (int i = 0; i < (smoke ? 100 : 10'000); ++i) diffs.push_back(diff(random, kDiffLevels));
  const int rounds = smoke ? 1 : 7;
  fmt::print("{} frames, best of {} rounds\n", real ? "recorded" : "generated", rounds);
  bool equal = report("mix", frames, rounds);
  equal = report("trade (<= 300 ns)", (*kinds)[1], rounds) && equal;
  equal = report("quote", (*kinds)[2], rounds) && equal;
  equal = report("diff, as it came", (*kinds)[3], rounds) && equal;
  equal = report("snapshot", (*kinds)[4], rounds) && equal;
  equal = report("diff of 20 (<= 1500)", diffs, rounds) && equal;
  return equal ? EXIT_SUCCESS : EXIT_FAILURE;
}

}  // namespace
}  // namespace stoa::bench

int main(int argc, char** argv) {
  bool smoke = false;
  std::vector<std::filesystem::path> files;
  for (int i = 1; i < argc; ++i) {
    const std::string_view arg{argv[i]};
    if (arg == "--smoke") {
      smoke = true;
    } else if (arg == "--recording" && i + 1 < argc) {
      files.emplace_back(argv[++i]);
    } else {
      fmt::print(stderr, "usage: parse_bench [--smoke] [--recording FILE]...\n");
      return 2;
    }
  }
  // A smoke run says the same everywhere: it does not look for recordings.
  if (files.empty() && !smoke) files = stoa::bench::usual_recordings();
  return stoa::bench::run(files, smoke);
}
