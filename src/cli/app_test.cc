#include "cli/app.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <set>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/ids.h"
#include "cli/command.h"
#include "cli/help.h"
#include "cli/test_support.h"
#include "ops/config.h"

namespace stoa::cli {
namespace {

using ::testing::HasSubstr;

std::vector<std::string> words_of(std::string_view line) {
  std::istringstream in{std::string{line}};
  return {std::istream_iterator<std::string>{in}, {}};
}

std::vector<std::string> lines_of(const std::string& text) {
  std::istringstream in{text};
  std::vector<std::string> lines;
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

TEST(Cli, alone_it_shows_a_screen_that_leads_with_examples) {
  const auto ran = run_words({});
  EXPECT_EQ(ran.exit, 0);
  EXPECT_EQ(ran.err, "");
  const auto lines = lines_of(ran.out);
  EXPECT_LE(lines.size(), 14U);
  EXPECT_EQ(lines.at(1), "Examples:");
  for (const auto& line : lines) EXPECT_LE(line.size(), 100U) << line;
  for (const auto noun : nouns()) EXPECT_THAT(ran.out, HasSubstr("  " + std::string{noun}));
}

struct UsageCase {
  std::string_view line;
  std::string_view said;
};
constexpr UsageCase kUsageCases[] = {
    {"odrer list", "stoa: unknown command odrer; did you mean order?"},
    {"order lsit", "stoa: order has no lsit; did you mean stoa order list?"},
    {"--verison", "stoa: unknown flag --verison"},
    {"help exit-code", "stoa: unknown topic exit-code; did you mean exit-codes?"},
    {"order list --limti 5", "--limti: unknown flag; did you mean --limit?"},
    {"order list --limit five", "--limit five: expected a whole number"},
    {"order list --limit", "--limit: 1 required N missing"},
    {"order list --limit 1 --limit 2", "--limit is given more than once"},
    {"order list extra", "extra: one word too many"},
    {"order list --status opne", "--status opne: expected open, closed, all; did you mean open?"},
    {"order list -o yaml", "--output yaml: expected table, json"},
    {"order show", "ID is missing: client order id"},
    {"order place BTCUSDT buy 1", "a limit order needs --price"},
    {"order place BTCUSDT buy 1 --type market --price 5", "a market order takes no --price"},
    {"order place BTCUSDT by 1 --price 5", "SIDE by: expected buy, sell; did you mean buy?"},
    {"order cancel", "say either an ID or --all"},
    {"order cancel x --all", "say either an ID or --all"},
    {"order cancel x --symbol BTCUSDT", "--symbol goes with --all"},
    {"order replace x", "say --price, --quantity or both"},
    {"risk kill", "--reason TEXT is needed: why, for the log"},
    {"risk set max_order_notionl=1 --reason x",
     "max_order_notionl: unknown limit; did you mean max_order_notional?"},
    {"risk set max_order_notional --reason x", "max_order_notional: expected LIMIT=VALUE"},
    {"config set dev limits", "say a KEY=VALUE or --unset KEY"},
    {"config set dev limits max_order_rate", "max_order_rate: expected KEY=VALUE"},
    {"config promote dev staging --resolve limits.max_order_rate",
     "--resolve limits.max_order_rate: expected PATH=ours or PATH=theirs"},
    {"config space grant dev bob edtior",
     "ROLE edtior: expected viewer, editor, approver, deployer, admin; did you mean editor?"},
    {"config audit verify --head 12", "--head: expected LSN:SHA256"},
    {"config apply dev --pauses 5,x", "--pauses and --health-wait take seconds, 0 to 86400"},
    {"config prmote dev staging", "stoa: config has no prmote; did you mean stoa config promote?"},
    {"strategy set mm half", "half: expected PARAM=VALUE"},
    {"config explain gateway.prot", "gateway.prot: unknown key; did you mean gateway.port?"},
    {"completion tcsh", "SHELL tcsh: expected bash, zsh, fish"},
    {"status --url https://x:1", "--url https://x:1: expected http://HOST:PORT"},
    {"status --timeout 0", "--timeout: expected 1 to 3600 seconds"},
    {"run engine --speed fast", "--speed: market.speed = \"fast\": expected a number"},
    {"run engine --set gateway.port", "--set: gateway.port = \"\": expected an integer"},
    {"status --env testing", "the environment testing leaves the port to the system"},
};

TEST(Cli, a_command_line_that_cannot_be_meant_ends_with_2_and_says_what_to_write) {
  ops::Surroundings surroundings;
  surroundings.variables["STOA_ENV"] = "development";
  for (const auto& [line, said] : kUsageCases) {
    SCOPED_TRACE(line);
    const auto ran = run_words(words_of(line), {}, surroundings);
    EXPECT_EQ(ran.exit, 2);
    EXPECT_EQ(ran.out, "");
    EXPECT_THAT(ran.err, HasSubstr(said));
  }
}

TEST(Cli, every_command_helps_and_names_its_flags) {
  for (const Command& command : commands()) {
    auto words = words_of(command.name());
    words.emplace_back("--help");
    const auto ran = run_words(words);
    EXPECT_EQ(ran.exit, 0) << command.name();
    EXPECT_THAT(ran.out, HasSubstr("stoa " + command.name()));
    for (const auto& flags : command.flags) {
      for (const Flag& flag : flags) {
        EXPECT_FALSE(flag.help.empty()) << flag.name;
        EXPECT_EQ(flag.value.empty(), flag.kind == Flag::Kind::Switch) << flag.name;
      }
    }
  }
}

TEST(Cli, names_of_commands_are_unique) {
  std::set<std::string> names;
  for (const Command& command : commands()) {
    EXPECT_TRUE(names.insert(command.name()).second) << command.name();
  }
}

TEST(Cli, help_topics_list_every_code_and_every_variable) {
  const auto codes = run_words({"help", "exit-codes"});
  for (const ExitCode& code : exit_codes()) {
    EXPECT_THAT(codes.out, HasSubstr(std::string{code.meaning}));
  }
  const auto environment = run_words({"help", "environment"});
  for (const ops::Key& key : ops::keys()) {
    EXPECT_THAT(environment.out, HasSubstr(std::string{key.variable}));
  }
}

TEST(Cli, run_engine_turns_flags_into_configuration) {
  std::optional<ops::Config> got;
  Output output = Output::Table;
  Hooks hooks;
  hooks.run_engine = [&](const ops::Config& config, Output chosen) {
    got = config;
    output = chosen;
    return 0;
  };
  const auto ran = run_words(
      words_of("run engine --env testing --data /tmp/d --recording a.jsonl --recording b.jsonl "
               "--speed max --seed 42 --port 9001 --sync interval --idle spin --duration 5 "
               "--exit-when-done --log-level error --set limits.max_leverage=2.5 -o json"),
      hooks);
  ASSERT_EQ(ran.exit, 0) << ran.err;
  ASSERT_TRUE(got.has_value());
  EXPECT_EQ(output, Output::Json);
  EXPECT_EQ(got->environment, "testing");
  EXPECT_EQ(got->data.dir, "/tmp/d");
  EXPECT_EQ(got->wal.dir, "/tmp/d/wal");
  EXPECT_EQ(got->market.source, ops::MarketSource::Replay);
  EXPECT_EQ(got->market.recordings.size(), 2U);
  EXPECT_TRUE(got->market.speed.max);
  EXPECT_EQ(got->market.seed, 42U);
  EXPECT_EQ(got->gateway.port, 9001);
  EXPECT_EQ(got->wal.sync, ops::WalSync::Interval);
  EXPECT_EQ(got->engine.idle, ops::Idle::Spin);
  EXPECT_EQ(got->engine.duration_s, 5U);
  EXPECT_TRUE(got->engine.exit_when_done);
  EXPECT_EQ(got->log.level, log::Level::Error);
  EXPECT_EQ(got->limit_e8(LimitKind::MaxLeverage), 250'000'000);
}

TEST(Cli, the_exit_code_of_the_engine_is_the_exit_code_of_the_program) {
  Hooks hooks;
  hooks.run_engine = [](const ops::Config&, Output) { return 1; };
  EXPECT_EQ(run_words(words_of("run engine --env testing"), hooks).exit, 1);
  EXPECT_EQ(run_words(words_of("run engine --env testing")).exit, 1);  // no engine in this build
}

TEST(Cli, replay_verify_ends_with_3_when_a_decision_differs) {
  Hooks hooks;
  ReplayReport report{
      .from_lsn = 1, .state_hash = 0xABC, .messages = 9, .inputs = 5, .outputs_compared = 4};
  Result<ReplayReport> answer = report;
  hooks.replay_verify = [&](const std::filesystem::path&, std::optional<Lsn>) { return answer; };
  const auto line = words_of("replay verify --env testing --data /tmp/d");
  const auto equal = run_words(line, hooks);
  EXPECT_EQ(equal.exit, 0);
  EXPECT_EQ(equal.out,
            "equal: 9 records from 1, 5 inputs applied, 4 outputs compared, 0 differ\n"
            "state hash 0000000000000abc\n");
  report.mismatches = 1;
  report.first_mismatch = "lsn 7: OrderSend.px";
  answer = report;
  const auto differs = run_words(line, hooks);
  EXPECT_EQ(differs.exit, 3);
  EXPECT_THAT(differs.out, HasSubstr("first: lsn 7: OrderSend.px\n"));
  answer = ReplayReport{.checkpoints_checked = 2,
                        .checkpoints_differ = 1,
                        .first_checkpoint_fault = "7.ckpt holds another state"};
  const auto other_state = run_words(line, hooks);
  EXPECT_EQ(other_state.exit, 3);
  EXPECT_THAT(other_state.out, HasSubstr("checkpoints: 2 compared, 1 differ\n"
                                         "first: 7.ckpt holds another state\n"));
  answer = std::unexpected(Error{.code = ErrorCode::Damaged, .message = "crc", .source = "x"});
  EXPECT_EQ(run_words(line, hooks).exit, 3);
  answer = std::unexpected(Error{.code = ErrorCode::NotFound, .message = "gone", .source = "x"});
  EXPECT_EQ(run_words(line, hooks).exit, 1);
}

TEST(Cli, config_explain_shows_who_said_what) {
  ops::Surroundings surroundings;
  surroundings.variables["STOA_PORT"] = "9000";
  const auto ran =
      run_words(words_of("config explain gateway.port --env testing"), {}, surroundings);
  EXPECT_EQ(ran.exit, 0);
  EXPECT_EQ(ran.out,
            "gateway.port = 9000\n\n"
            "Port of the gateway; 0 lets the system pick a free one.\n"
            "integer: 0 to 65535; variable STOA_PORT\n\n"
            "FROM                           VALUE\n"
            "default                        8080\n"
            "environments/testing.toml:5:8  0\n"
            "STOA_PORT                      9000   this one counts\n");
}

TEST(Cli, config_check_ends_with_3_and_names_the_place) {
  const TempDir dir;
  const auto file = dir.path() / "bad.toml";
  std::ofstream{file} << "[gateway]\nport = 70000\n";
  const auto ran = run_words({"config", "check", "--env", "testing", "--config", file.string()});
  EXPECT_EQ(ran.exit, 3);
  EXPECT_EQ(ran.out, "");
  EXPECT_THAT(ran.err, HasSubstr("bad.toml:2:8: gateway.port = \"70000\": expected an integer"));
  EXPECT_EQ(run_words({"config", "check", "--env", "production"}).exit, 0);
}

TEST(Cli, completion_scripts_know_every_command) {
  for (const auto* shell : {"bash", "zsh", "fish"}) {
    const auto script = run_words({"completion", shell}).out;
    for (const Command& command : commands()) {
      EXPECT_THAT(script, HasSubstr(std::string{command.verb})) << shell;
    }
    EXPECT_THAT(script, HasSubstr("client-order-id")) << shell;
  }
}

// ---- the page of commands

std::filesystem::path source_root() {
  auto folder = std::filesystem::read_symlink("/proc/self/exe").parent_path();
  while (!std::filesystem::exists(folder / "environments") && folder != folder.root_path()) {
    folder = folder.parent_path();
  }
  return folder;
}

/// GOLDEN_UPDATE=1 writes the page anew instead of comparing it.
TEST(CliDoc, the_list_of_commands_is_the_table_in_the_code) {
  const auto file = source_root() / "docs/cli.md";
  std::ifstream in{file, std::ios::binary};
  std::string page{std::istreambuf_iterator<char>{in}, {}};
  constexpr std::string_view kBegin = "<!-- generated: commands -->\n";
  constexpr std::string_view kEnd = "\n<!-- end of generated -->";
  const auto begin = page.find(kBegin) + kBegin.size();
  const auto end = page.find(kEnd);
  ASSERT_NE(end, std::string::npos);
  const auto wanted = commands_as_markdown();
  // NOLINTNEXTLINE(concurrency-mt-unsafe): no thread changes the environment.
  if (std::getenv("GOLDEN_UPDATE") != nullptr) {
    std::ofstream{file, std::ios::binary} << page.replace(begin, end - begin, wanted);
    return;
  }
  EXPECT_EQ(page.substr(begin, end - begin), wanted)
      << "docs/cli.md is stale: GOLDEN_UPDATE=1 cli_test writes it anew";
}

}  // namespace
}  // namespace stoa::cli
