// stoa_audit DATA --told FILE…: is anything lost, doubled or invented? Exit 3: yes.

#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <vector>

#include "tests/simulation/audit.h"

int main(int argc, char** argv) {
  CLI::App app{"The log, the venue's books and what clients were told, against each other",
               "stoa_audit"};
  std::filesystem::path data;
  std::vector<std::filesystem::path> files;
  bool json = false;
  app.add_option("data", data, "Data directory of a platform that stands still")
      ->required()
      ->check(CLI::ExistingDirectory);
  app.add_option("--told", files, "What stoa_load wrote")->check(CLI::ExistingFile);
  app.add_flag("--json", json);
  try {
    app.parse(argc, argv);
    std::stringstream told;
    for (const auto& file : files) {
      std::ifstream in{file};
      if (in.peek() != std::ifstream::traits_type::eof()) told << in.rdbuf();
    }
    const auto report = stoa::simulation::audit(data, told);
    if (!report) {
      fmt::print(stderr, "stoa_audit: {}\n", report.error().text());
      return 1;
    }
    fmt::print("{}{}", json ? to_json(*report) : to_text(*report), json ? "\n" : "");
    return report->faults() == 0 ? 0 : 3;
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  } catch (const std::exception& error) {
    fmt::print(stderr, "stoa_audit: {}\n", error.what());
    return 1;
  }
}
