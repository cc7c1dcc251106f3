#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <ios>
#include <iterator>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "cli/doctor_checks.h"
#include "cli/json_value.h"
#include "cli/table.h"
#include "cli/test_support.h"
#include "deploy/layout.h"
#include "deploy/process.h"
#include "deploy/supervise.h"
#include "journal/writer.h"
#include "model/risk.h"
#include "ops/config.h"
#include "protocol/native/codec.h"

namespace stoa::cli {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

TEST(JsonValue, keeps_numbers_as_they_were_written) {
  const auto value = JsonValue::parse(R"({"a":-1.50e3,"b":[1,"x"],"c":null,"d":"é😀\n"})");
  ASSERT_TRUE(value.has_value());
  EXPECT_EQ((*value)["a"].text(), "-1.50e3");
  EXPECT_EQ((*value)["b"].items().size(), 2U);
  EXPECT_TRUE((*value)["c"].is_null());
  EXPECT_TRUE((*value)["missing"]["deeper"].is_null());
  EXPECT_EQ((*value)["d"].text(), "é😀\n");
  EXPECT_EQ(value->compact(), R"({"a":-1.50e3,"b":[1,"x"],"c":null,"d":"é😀\n"})");
}

TEST(JsonValue, accepts_and_refuses_what_the_parsing_suite_says) {
  // NOLINTNEXTLINE(concurrency-mt-unsafe): no thread changes the environment.
  const char* suites = std::getenv("STOA_SUITES");
  auto root = fs::read_symlink("/proc/self/exe").parent_path();
  while (!fs::exists(root / "environments") && root != root.root_path()) root = root.parent_path();
  const auto dir =
      (suites == nullptr ? root / "../shared/suites" : fs::path{suites}) / "json-parsing";
  if (!fs::exists(dir)) GTEST_SKIP() << "no suite at " << dir;
  int read = 0;
  for (const auto& entry : fs::directory_iterator{dir}) {
    const auto name = entry.path().filename().string();
    std::ifstream in{entry.path(), std::ios::binary};
    const std::string text{std::istreambuf_iterator<char>{in}, {}};
    const bool accepted = JsonValue::parse(text).has_value();
    if (name.starts_with("y_")) {
      EXPECT_TRUE(accepted) << name;
    } else if (name.starts_with("n_")) {
      EXPECT_FALSE(accepted) << name;
    }
    ++read;
  }
  EXPECT_GT(read, 300);
}

TEST(Table, columns_are_as_wide_as_their_widest_cell) {
  Table table{{"NAME"}, {"N", kRight}, {"NOTE"}};
  table.row({"µs", "1", "a"});
  table.row({"longer", "1000", ""});
  EXPECT_EQ(table.text(),
            "NAME       N  NOTE\n"
            "µs         1  a\n"
            "longer  1000\n");
}

TEST(Text, durations_sizes_and_times_read_well_at_every_scale) {
  EXPECT_EQ(duration_text(0), "0 ns");
  EXPECT_EQ(duration_text(999), "999 ns");
  EXPECT_EQ(duration_text(1'000), "1 µs");
  EXPECT_EQ(duration_text(12'340), "12.3 µs");
  EXPECT_EQ(duration_text(4'560'000), "4.56 ms");
  EXPECT_EQ(duration_text(59'900'000'000), "59.9 s");
  EXPECT_EQ(duration_text(61'000'000'000), "1 min 1 s");
  EXPECT_EQ(duration_text(7'260'000'000'000), "2 h 1 min");
  EXPECT_EQ(duration_text(-1'500), "-1.5 µs");
  EXPECT_EQ(bytes_text(1'023), "1023 B");
  EXPECT_EQ(bytes_text(1'024), "1.0 KiB");
  EXPECT_EQ(bytes_text(64ULL << 20U), "64.0 MiB");
  EXPECT_EQ(time_cell("1723161253937085768"), "2024-08-08 23:54:13.937085");
  EXPECT_EQ(time_cell(""), "-");
}

// ---- journal commands on a journal that a writer made

class JournalTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto writer = journal::Writer::open(dir(), {.segment_bytes = 64UL * 1024});
    ASSERT_TRUE(writer.has_value()) << writer.error().text();
    std::array<std::byte, native::kSmallMessageBytes> bytes{};
    for (std::uint64_t i = 1; i <= 5; ++i) {
      const native::Stamp stamp{
          .source = 1,
          .flags = static_cast<std::uint8_t>(i % 2 == 0 ? native::kFlagOutput : 0),
          .sequence = i,
          .timestamp = Timestamp::from_ns(1'723'161'253'000'000'000)};
      const auto size =
          i == 3
              ? native::encode(bytes, stamp, KillSwitch{.active = 1})
              : native::encode(bytes, stamp,
                               LimitSet{.kind = LimitKind::MaxOpenOrders, .value_e8 = 500'000'000});
      ASSERT_TRUE(writer->append(std::span{bytes}.first(size)).has_value());
    }
    ASSERT_TRUE(writer->commit().has_value());
    ASSERT_TRUE(writer->close().has_value());
  }
  [[nodiscard]] fs::path dir() const { return temp_.path() / "wal"; }
  [[nodiscard]] std::string data() const { return temp_.path().string(); }
  static std::size_t lines(const std::string& text) {
    return static_cast<std::size_t>(std::ranges::count(text, '\n'));
  }

  TempDir temp_;
};

TEST_F(JournalTest, verify_finds_a_whole_journal_intact_also_by_its_data_directory) {
  for (const auto& path : {dir().string(), data()}) {
    const auto ran = run_words({"journal", "verify", path});
    EXPECT_EQ(ran.exit, 0) << ran.err;
    EXPECT_THAT(ran.out, HasSubstr("intact: 1 segments, 5 records, lsn 1 to 5"));
  }
  const auto json = JsonValue::parse(run_words({"journal", "verify", data(), "--json"}).out);
  ASSERT_TRUE(json.has_value());
  EXPECT_TRUE((*json)["intact"].is_true());
  EXPECT_EQ((*json)["last_lsn"].text(), "5");
}

TEST_F(JournalTest, verify_names_segment_offset_and_lsn_of_damage_and_ends_with_3) {
  fs::path segment;
  for (const auto& entry : fs::directory_iterator{dir()}) {
    if (entry.path().extension() == ".seg") segment = entry.path();
  }
  std::fstream file{segment, std::ios::binary | std::ios::in | std::ios::out};
  std::string bytes{std::istreambuf_iterator<char>{file}, {}};
  const auto at = bytes.find("STOA", 64);  // a message behind the segment's header
  ASSERT_NE(at, std::string::npos);
  file.clear();
  file.seekp(static_cast<std::streamoff>(at) + 40);
  file.put(static_cast<char>(bytes[at + 40] ^ 1));
  file.close();
  const auto ran = run_words({"journal", "verify", data()});
  EXPECT_EQ(ran.exit, 3);
  EXPECT_THAT(ran.out, HasSubstr("DAMAGED"));
  EXPECT_THAT(ran.out, HasSubstr("damage: " + segment.filename().string()));
  EXPECT_THAT(ran.out, HasSubstr("byte "));
  EXPECT_THAT(ran.out, HasSubstr("lsn 1"));
  EXPECT_EQ(run_words({"journal", "dump", data()}).exit, 3);
}

TEST_F(JournalTest, looking_where_there_is_no_journal_ends_with_1) {
  const TempDir empty;
  EXPECT_EQ(run_words({"journal", "verify", empty.path().string()}).exit, 1);
  EXPECT_EQ(run_words({"journal", "verify", "/no/such/dir"}).exit, 1);
  EXPECT_EQ(run_words({"journal", "ls", "/no/such/dir"}).exit, 1);
}

TEST_F(JournalTest, ls_lists_the_segments) {
  const auto ran = run_words({"journal", "ls", data()});
  EXPECT_EQ(ran.exit, 0) << ran.err;
  EXPECT_EQ(lines(ran.out), 2U);
  EXPECT_THAT(ran.out, HasSubstr("64.0 KiB"));
}

TEST_F(JournalTest, dump_filters_by_lsn_type_and_count) {
  const auto dump = [&](std::vector<std::string> more) {
    std::vector<std::string> words{"journal", "dump", data()};
    words.insert(words.end(), more.begin(), more.end());
    return run_words(words);
  };
  EXPECT_EQ(lines(dump({}).out), 5U);
  EXPECT_EQ(lines(dump({"--from", "4"}).out), 2U);
  EXPECT_EQ(lines(dump({"--to", "2"}).out), 2U);
  EXPECT_EQ(lines(dump({"--limit", "1"}).out), 1U);
  EXPECT_EQ(lines(dump({"--type", "LimitSet"}).out), 4U);
  const auto kill = dump({"--type", "KillSwitch", "-o", "json"});
  ASSERT_EQ(lines(kill.out), 1U);
  const auto record = JsonValue::parse(kill.out.substr(0, kill.out.size() - 1));
  ASSERT_TRUE(record.has_value()) << kill.out;
  EXPECT_EQ((*record)["lsn"].text(), "3");
  const auto wrong = dump({"--type", "KilSwitch"});
  EXPECT_EQ(wrong.exit, 2);
  EXPECT_THAT(wrong.err, HasSubstr("did you mean KillSwitch?"));
}

// ---- doctor

TEST(Doctor, a_usable_machine_passes_and_every_check_says_what_it_found) {
  const TempDir dir;
  const auto ran =
      run_words({"doctor", "--env", "testing", "--data", dir.path().string(), "-o", "json"});
  EXPECT_EQ(ran.exit, 0) << ran.out;
  const auto report = JsonValue::parse(ran.out);
  ASSERT_TRUE(report.has_value());
  std::vector<std::string> ids;
  for (const auto& check : (*report)["checks"].items()) {
    ids.push_back(check["id"].text());
    EXPECT_NE(check["found"].text(), "") << ids.back();
  }
  EXPECT_THAT(ids, ::testing::ElementsAre("config", "clock.time", "clock.sync", "data.dir",
                                          "disk.fsync", "disk.space", "limits.descriptors",
                                          "gateway.port", "cpu.cores", "cpu.governor", "kernel"));
  EXPECT_TRUE(fs::is_empty(dir.path())) << "doctor leaves nothing behind";
}

Health health_of(const std::vector<Finding>& findings, std::string_view id) {
  return std::ranges::find(findings, id, &Finding::id)->health;
}

TEST(Doctor, faults_are_found) {
  const TempDir dir;
  auto loaded = ops::load({.environment = "testing"});
  ASSERT_TRUE(loaded.has_value());
  ops::Config config = loaded->config;
  std::ofstream{dir.path() / "file"} << "x";
  config.data.dir = dir.path() / "file";
  config.wal.segment_bytes = 1ULL << 60U;
  const ScriptedEngine taken{[](const SeenRequest&) { return std::string{"no http"}; }};
  config.gateway.port = taken.port();
  const auto findings = examine(config, ManualClock{Timestamp::from_ns(0)});
  for (const auto* id : {"clock.time", "data.dir", "disk.fsync", "disk.space", "gateway.port"}) {
    EXPECT_EQ(health_of(findings, id), Health::Fail) << id;
    EXPECT_FALSE(std::ranges::find(findings, id, &Finding::id)->remedy.empty()) << id;
  }
}

TEST(Doctor, what_a_platform_left_behind_is_found) {
  const TempDir dir;
  const deploy::Layout layout{.data = dir.path()};
  const auto words = std::vector<std::string>{
      "doctor", "--port", "0", "-o", "json", "--env", "testing", "--data", dir.path().string()};
  EXPECT_EQ(run_words(words).out.find("platform.run"), std::string::npos) << "there was none";
  std::filesystem::create_directories(layout.run());
  {
    const auto lock = deploy::SupervisorLock::take(layout);
    ASSERT_TRUE(lock);
    EXPECT_THAT(run_words(words).out,
                HasSubstr("supervisor process " + std::to_string(::getpid()) + ", 0 roles run"));
  }
  EXPECT_THAT(run_words(words).out, HasSubstr("stopped, nothing left behind"));
  std::ofstream{layout.pid("risk")} << "4194304 1 ready\n";
  EXPECT_THAT(run_words(words).out, HasSubstr("1 files of dead processes"));
  const auto self = deploy::running_process(::getpid());
  ASSERT_TRUE(self);
  std::ofstream{layout.pid("venue")} << self->pid << ' ' << self->start_ticks << " ready\n";
  EXPECT_THAT(run_words(words).out, HasSubstr("1 roles run without a supervisor"));
}

TEST(Doctor, a_port_that_an_engine_has_is_fine) {
  auto loaded = ops::load({.environment = "testing"});
  const ScriptedEngine engine{
      [](const SeenRequest&) { return http(200, R"({"status":"healthy"})"); }};
  loaded->config.gateway.port = engine.port();
  const TempDir dir;
  loaded->config.data.dir = dir.path();
  EXPECT_EQ(health_of(examine(loaded->config, SystemClock{}), "gateway.port"), Health::Ok);
}

TEST(Doctor, an_invalid_configuration_ends_with_3) {
  const auto ran = run_words({"doctor", "--env", "nowhere"});
  EXPECT_EQ(ran.exit, 3);
  EXPECT_THAT(ran.out, HasSubstr("nowhere is no environment"));
}

}  // namespace
}  // namespace stoa::cli
