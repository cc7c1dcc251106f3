// `journal stats`, `bench`, `backup`, `backup verify` and `restore` as a person meets them.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <optional>
#include <span>
#include <string>

#include "base/clock.h"
#include "base/error.h"
#include "base/ids.h"
#include "cli/hooks.h"
#include "cli/json_value.h"
#include "cli/test_support.h"
#include "journal/format.h"
#include "journal/verify.h"
#include "journal/writer.h"
#include "model/risk.h"
#include "protocol/native/codec.h"

namespace stoa::cli {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

class JournalBackupTest : public ::testing::Test {
 protected:
  // Ten settings of source 1, three seconds apart, every second one an output; number 5 is skipped.
  void SetUp() override {
    auto writer = journal::Writer::open(dir(), {.segment_bytes = 65536, .prepare_ahead = false});
    ASSERT_TRUE(writer) << writer.error().text();
    std::array<std::byte, native::kSmallMessageBytes> bytes{};
    for (std::int64_t i = 1; i <= 10; ++i) {
      const native::Stamp stamp{
          .source = 1,
          .sequence = static_cast<std::uint64_t>(i < 5 ? i : i + 1),
          .timestamp = Timestamp::from_ns(1'723'161'253'000'000'000 + i * 3'000'000'000)};
      const auto size = native::encode(
          bytes, stamp, LimitSet{.kind = LimitKind::MaxOpenOrders, .value_e8 = 500'000'000});
      ASSERT_TRUE(writer->append(std::span{bytes}.first(size)));
    }
    ASSERT_TRUE(writer->commit());
  }
  [[nodiscard]] fs::path dir() const { return temp_.path() / "wal"; }
  [[nodiscard]] std::string data() const { return temp_.path().string(); }
  [[nodiscard]] std::string saved() const { return (temp_.path() / "saved").string(); }
  [[nodiscard]] std::string back() const { return (temp_.path() / "back").string(); }

  TempDir temp_;
};

TEST_F(JournalBackupTest, stats_count_types_sources_gaps_and_time) {
  const auto ran = run_words({"journal", "stats", data(), "--json"});
  EXPECT_EQ(ran.exit, 0) << ran.err;
  const auto json = JsonValue::parse(ran.out);
  ASSERT_TRUE(json) << ran.out;
  EXPECT_EQ((*json)["records"].text(), "10");
  EXPECT_EQ((*json)["inputs"].text(), "10");
  EXPECT_EQ((*json)["outputs"].text(), "0");
  const auto& type = (*json)["types"].items().at(0);
  EXPECT_EQ(type["type"].text(), "LimitSet");
  EXPECT_EQ(type["records"].text(), "10");
  const auto& source = (*json)["sources"].items().at(0);
  EXPECT_EQ(source["source"].text(), "system");
  EXPECT_EQ(source["last_sequence"].text(), "11");
  EXPECT_EQ(source["missing"].text(), "1");
  EXPECT_EQ((*json)["busiest_second_records"].text(), "1");
  EXPECT_EQ((*json)["end_ns"].integer().value_or(0) - (*json)["begin_ns"].integer().value_or(0),
            27'000'000'000);
  EXPECT_EQ((*json)["removable"]["segments"].text(), "0");

  const auto text = run_words({"journal", "stats", data()});
  EXPECT_THAT(text.out, HasSubstr("records    10 (lsn 1 to 10): 10 inputs, 0 outputs\n"));
  EXPECT_THAT(text.out, HasSubstr("LimitSet       10  100.0 %"));
  EXPECT_EQ(run_words({"journal", "stats", "/no/such"}).exit, 1);
}

TEST_F(JournalBackupTest, saved_checked_and_restored) {
  const auto dry = run_words({"journal", "backup", data(), saved(), "--dry-run"});
  EXPECT_EQ(dry.exit, 0) << dry.err;
  EXPECT_THAT(dry.out, HasSubstr("would be saved: lsn 1 to 10, 10 new records\n"));
  EXPECT_FALSE(fs::exists(saved()));

  const auto ran = run_words({"journal", "backup", data(), saved()});
  EXPECT_EQ(ran.exit, 0) << ran.err;
  EXPECT_THAT(ran.out, HasSubstr("saved: lsn 1 to 10, 10 new records\n"));
  const auto again =
      JsonValue::parse(run_words({"journal", "backup", data(), saved(), "--json"}).out);
  EXPECT_EQ((*again)["new_records"].text(), "0");

  const auto checked = run_words({"journal", "backup", "verify", saved()});
  EXPECT_EQ(checked.exit, 0) << checked.err;
  EXPECT_THAT(checked.out, HasSubstr("intact: 1 files, lsn 1 to 10, saved 20"));

  Hooks hooks;
  hooks.replay_verify = [](const fs::path&, std::optional<Lsn>) -> Result<ReplayReport> {
    ReplayReport report;
    report.state_hash = 0xABC;
    report.messages = 4;
    return report;
  };
  const auto restored = run_words({"journal", "restore", saved(), back(), "--to", "4"}, hooks);
  EXPECT_EQ(restored.exit, 0) << restored.err;
  EXPECT_THAT(restored.out, HasSubstr("restored and verified: lsn 1 to 4, 1 files"));
  EXPECT_THAT(restored.out, HasSubstr("state hash 0000000000000abc\n"));
  EXPECT_EQ(journal::verify(back())->last, Lsn{4});
  EXPECT_EQ(run_words({"journal", "restore", saved(), back()}).exit, 2) << "it is not empty";
  EXPECT_EQ(run_words({"journal", "restore", saved(), back() + "2", "--to", "11"}).exit, 2);
  EXPECT_EQ(run_words({"journal", "restore", data(), back() + "2"}).exit, 1) << "no backup there";
}

TEST_F(JournalBackupTest, a_restored_log_whose_decisions_differ_is_a_finding) {
  ASSERT_EQ(run_words({"journal", "backup", data(), saved()}).exit, 0);
  Hooks hooks;
  hooks.replay_verify = [](const fs::path&, std::optional<Lsn>) -> Result<ReplayReport> {
    ReplayReport report;
    report.mismatches = 1;
    return report;
  };
  EXPECT_EQ(run_words({"journal", "restore", saved(), back()}, hooks).exit, 3);
}

TEST_F(JournalBackupTest, a_damaged_backup_names_the_file_and_restores_nothing) {
  ASSERT_EQ(run_words({"journal", "backup", data(), saved()}).exit, 0);
  fs::path stored;
  for (const auto& entry : fs::directory_iterator{saved()}) {
    if (entry.path().extension() == ".zst") stored = entry.path();
  }
  std::ofstream{stored, std::ios::binary | std::ios::app} << 'x';
  const auto checked = run_words({"journal", "backup", "verify", saved()});
  EXPECT_EQ(checked.exit, 3);
  EXPECT_THAT(checked.out, HasSubstr("damage: " + stored.filename().string() + ": the file has "));
  const auto restored = run_words({"journal", "restore", saved(), back()});
  EXPECT_EQ(restored.exit, 3);
  EXPECT_THAT(restored.err, HasSubstr(stored.filename().string()));
  EXPECT_FALSE(fs::exists(back()));
}

TEST_F(JournalBackupTest, a_verb_of_two_words_has_help_of_its_own) {
  EXPECT_THAT(run_words({"journal", "backup", "verify", "--help"}).out,
              HasSubstr("stoa journal backup verify TARGET [flags]"));
  EXPECT_THAT(run_words({"help", "journal", "backup", "verify"}).out, HasSubstr("digests"));
  EXPECT_THAT(run_words({"journal", "backup", "--help"}).out,
              HasSubstr("stoa journal backup DIR TARGET [flags]"));
}

TEST_F(JournalBackupTest, bench_ends_by_itself_and_leaves_nothing) {
  const auto ran = run_words({"journal", "bench", "--dir", data(), "--seconds", "1", "--json"});
  EXPECT_EQ(ran.exit, 0) << ran.err;
  const auto json = JsonValue::parse(ran.out);
  ASSERT_TRUE(json) << ran.out;
  ASSERT_EQ((*json)["commits"].items().size(), 4U);
  for (const auto& row : (*json)["commits"].items()) {
    EXPECT_GT(row["disk"]["count"].integer().value_or(0), 0);
    EXPECT_GT(row["journal"]["p50_ns"].integer().value_or(0), 0);
  }
  EXPECT_GE((*json)["read_records"].integer().value_or(0), 512);
  for (const auto& entry : fs::directory_iterator{data()}) {
    EXPECT_EQ(entry.path().filename(), "wal");
  }
  EXPECT_EQ(run_words({"journal", "bench", "--seconds", "0"}).exit, 2);
  EXPECT_EQ(run_words({"journal", "bench", "--dir", data() + "/none", "--seconds", "1"}).exit, 1);
}

}  // namespace
}  // namespace stoa::cli
