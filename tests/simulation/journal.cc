// Question: is there a schedule of crashes and disk faults after which the journal has lost,
// doubled or invented a record, or takes a crash for damage? One random campaign per seed; what is
// promised stands in docs/formats/journal.md.

#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "journal/simulated_disk.h"
#include "journal/simulation.h"

namespace {

using stoa::journal::test::Sabotage;
using stoa::journal::test::Tally;

constexpr int kFinding = 3;
constexpr std::size_t kViolationsTold = 10;

const std::map<std::string, Sabotage>& sabotages() {
  static const std::map<std::string, Sabotage> kByName{
      {"none", Sabotage::None},
      {"sync-does-nothing", Sabotage::SyncDoesNothing},
      {"directory-sync-does-nothing", Sabotage::DirectorySyncDoesNothing},
      {"loses-a-synced-sector", Sabotage::LosesASyncedSector},
      {"misplaces-a-write", Sabotage::MisplacesAWrite}};
  return kByName;
}

struct Violation {
  std::uint64_t seed = 0;
  std::string what;
};

struct Outcome {
  Tally tally;
  std::uint64_t violated = 0;         // campaigns
  std::vector<Violation> violations;  // the first few
};

// Name and number of everything counted, in the order in which it is told.
using Figures = std::vector<std::pair<std::string, std::uint64_t>>;
Figures figures(const Outcome& outcome) {
  const Tally& t = outcome.tally;
  Figures all{{"runs", t.runs},
              {"lives", t.lives},
              {"disk_calls", t.calls},
              {"ends_process_killed", t.ends[0]},
              {"ends_power_only_synced", t.ends[1]},
              {"ends_power_all_written", t.ends[2]},
              {"ends_power_any_of_it", t.ends[3]}};
  for (std::size_t i = 0; i < t.faults.size(); ++i) {
    all.emplace_back("fault_" + std::string{stoa::journal::test::kFaultNames[i]}, t.faults[i]);
  }
  const Figures rest{{"records_appended", t.appended},
                     {"records_acknowledged", t.acknowledged},
                     {"recoveries", t.recoveries},
                     {"tails_cut", t.tails_cut},
                     {"rotations", t.rotations},
                     {"epochs", t.epochs},
                     {"checkpoints", t.checkpoints},
                     {"cursor_moves", t.cursors},
                     {"segments_removed", t.segments_removed},
                     {"lost", t.lost},
                     {"doubled", t.doubled},
                     {"invented", t.invented},
                     {"other_violations", t.other},
                     {"campaigns_violated", outcome.violated}};
  all.insert(all.end(), rest.begin(), rest.end());
  return all;
}

std::string command(std::uint64_t seed, const std::string& sabotage) {
  std::string text = "./dev sim journal --seeds 1 --seed " + std::to_string(seed);
  if (sabotage != "none") text += " --sabotage " + sabotage;
  return text;
}

std::string quoted(const std::string& text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + '"';
}

void print_json(const Outcome& outcome, const std::string& sabotage) {
  std::string out = "{";
  for (const auto& [name, number] : figures(outcome)) {
    out += fmt::format("\"{}\":{},", name, number);
  }
  out += "\"violations\":[";
  for (std::size_t i = 0; i < outcome.violations.size(); ++i) {
    const Violation& each = outcome.violations[i];
    out += fmt::format("{}{{\"seed\":{},\"what\":{},\"command\":{}}}", i == 0 ? "" : ",", each.seed,
                       quoted(each.what), quoted(command(each.seed, sabotage)));
  }
  fmt::print("{}]}}\n", out);
}

void print_text(const Outcome& outcome, const std::string& sabotage) {
  for (const auto& [name, number] : figures(outcome)) fmt::print("{:<28}{:>14}\n", name, number);
  for (const Violation& each : outcome.violations) {
    fmt::print("\nseed {}: {}\n  again: {}\n", each.seed, each.what, command(each.seed, sabotage));
  }
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{"Random lives of a journal on a disk that crashes and fails; exit 3: a violation",
               "sim_journal"};
  std::uint64_t seeds = 1000;
  std::uint64_t first = 1;
  std::string output = "text";
  std::string sabotage = "none";
  app.add_option("--seeds", seeds, "Campaigns to run")->capture_default_str();
  app.add_option("--seed", first, "Seed of the first; the others count on from it")
      ->capture_default_str();
  app.add_option("-o,--output", output, "text or json")
      ->check(CLI::IsMember({"text", "json"}))
      ->capture_default_str();
  app.add_option("--sabotage", sabotage, "Have the disk break its word: this must be found")
      ->check(CLI::IsMember(sabotages()))
      ->capture_default_str();
  try {
    app.parse(argc, argv);
    Outcome outcome;
    for (std::uint64_t seed = first; seed - first < seeds; ++seed) {
      const auto violation =
          stoa::journal::test::run_campaign(seed, outcome.tally, sabotages().at(sabotage));
      if (!violation) continue;
      ++outcome.violated;
      if (outcome.violations.size() < kViolationsTold) {
        outcome.violations.push_back({.seed = seed, .what = *violation});
      }
    }
    if (output == "json") {
      print_json(outcome, sabotage);
    } else {
      print_text(outcome, sabotage);
    }
    return outcome.violated == 0 ? 0 : kFinding;
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  } catch (const std::exception& error) {
    fmt::print(stderr, "sim_journal: {}\n", error.what());
    return 1;
  }
}
