// `journal verify`, `repair` and `cut` as a person meets them.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <ios>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/ids.h"
#include "cli/json_value.h"
#include "cli/test_support.h"
#include "journal/checkpoint.h"
#include "journal/format.h"
#include "journal/verify.h"
#include "journal/writer.h"

namespace stoa::cli {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

class JournalChangeTest : public ::testing::Test {
 protected:
  // 200 records of 40 bytes (56 stored) in segments of 4 KiB, each acknowledged: 69 a segment.
  void SetUp() override {
    auto writer = journal::Writer::open(dir(), {.segment_bytes = 4096, .prepare_ahead = false});
    ASSERT_TRUE(writer) << writer.error().text();
    std::array<std::byte, 40> payload{};
    for (int i = 0; i < 200; ++i) {
      payload[0] = static_cast<std::byte>(i);
      ASSERT_TRUE(writer->append(payload));
      ASSERT_TRUE(writer->commit());
    }
  }
  [[nodiscard]] fs::path dir() const { return temp_.path() / "wal"; }
  [[nodiscard]] std::string data() const { return temp_.path().string(); }
  void flip(std::uint64_t first, std::streamoff at) const {
    std::fstream file{dir() / journal::segment_name(Lsn{first}),
                      std::ios::binary | std::ios::in | std::ios::out};
    file.seekg(at);
    const auto byte = static_cast<char>(file.get());
    file.seekp(at);
    file.put(static_cast<char>(byte ^ 1));
  }
  [[nodiscard]] std::uint64_t last() const { return journal::verify(dir())->last.value(); }

  TempDir temp_;
};

TEST_F(JournalChangeTest, verify_says_what_damage_means) {
  flip(70, 128 + 9 * 56 + 20);
  const auto ran = run_words({"journal", "verify", data()});
  EXPECT_EQ(ran.exit, 3);
  EXPECT_THAT(ran.out, HasSubstr("damage: 00000000000000000070.seg: byte 632, lsn 79: "));
  EXPECT_THAT(ran.err, HasSubstr("stays: lsn 1 to 78 (78 records)\n"
                                 "goes:  lsn 79 to 200 (122 records, 121 of them readable)\n"));
  EXPECT_THAT(ran.err, HasSubstr("lsn 79 to 199 of these had been durable"));
}

TEST_F(JournalChangeTest, verify_says_when_nothing_is_lost) {
  flip(70, 4096 - 10);
  const auto ran = run_words({"journal", "verify", data()});
  EXPECT_EQ(ran.exit, 3);
  EXPECT_THAT(ran.err, HasSubstr("no record is lost"));
}

TEST_F(JournalChangeTest, a_torn_tail_is_one_line_and_no_damage) {
  flip(139, 128 + 61 * 56 + 20);
  const auto ran = run_words({"journal", "verify", data()});
  EXPECT_EQ(ran.exit, 0);
  EXPECT_THAT(ran.out,
              HasSubstr("torn tail: 00000000000000000139.seg: byte 3544, lsn 200: 24 bytes "
                        "of a write that was never acknowledged; the next start cuts them"));
}

TEST_F(JournalChangeTest, repair_asks_and_a_script_must_say_yes) {
  flip(70, 128 + 20);
  const std::vector<std::string> words{"journal", "repair", data()};
  const auto nobody = run_words(words);
  EXPECT_EQ(nobody.exit, 2);
  EXPECT_THAT(nobody.err, HasSubstr("add --yes"));
  const auto no = run_words(words, {}, {}, "y\n");
  EXPECT_EQ(no.exit, 1);
  EXPECT_THAT(no.err, HasSubstr("nothing was changed"));
  EXPECT_EQ(run_words({"journal", "repair", data(), "--no-input"}, {}, {}, "yes\n").exit, 2);
  EXPECT_EQ(run_words({"journal", "repair", data(), "--dry-run"}).exit, 3);
  EXPECT_EQ(run_words({"journal", "verify", data()}).exit, 3) << "still untouched";

  const auto yes = run_words(words, {}, {}, "yes\n");
  EXPECT_EQ(yes.exit, 0) << yes.err;
  EXPECT_THAT(yes.out, HasSubstr("done and verified: the log now ends with lsn 69\n"));
  const auto folder = (dir() / "dropped-70").string();
  EXPECT_THAT(yes.out, HasSubstr("mv " + folder + "/* " + dir().string() + "/\n"));
  EXPECT_TRUE(fs::exists(dir() / "dropped-70" / journal::segment_name(Lsn{139})));
  EXPECT_EQ(run_words({"journal", "verify", data()}).exit, 0);
  EXPECT_EQ(run_words(words).out, "intact: nothing to repair\n");
}

TEST_F(JournalChangeTest, repair_speaks_json) {
  flip(70, 128 + 20);
  const auto ran = run_words({"journal", "repair", data(), "--yes", "--json"});
  EXPECT_EQ(ran.exit, 0);
  const auto json = JsonValue::parse(ran.out);
  ASSERT_TRUE(json) << ran.out;
  EXPECT_TRUE((*json)["changed"].is_true());
  EXPECT_TRUE((*json)["intact"].is_true());
  EXPECT_EQ((*json)["keep_last_lsn"].text(), "69");
  EXPECT_EQ((*json)["drop_promised"].text(), "130");
  EXPECT_EQ((*json)["steps"].items().size(), 2U);
}

TEST_F(JournalChangeTest, repair_refuses_while_a_writer_has_the_journal) {
  const auto writer = journal::Writer::open(dir(), {.segment_bytes = 4096});
  ASSERT_TRUE(writer);
  const auto ran = run_words({"journal", "repair", data(), "--yes"});
  EXPECT_EQ(ran.exit, 5);
  EXPECT_THAT(ran.err, HasSubstr("in use by process "));
  EXPECT_EQ(run_words({"journal", "cut", data(), "--after", "3", "--yes"}).exit, 5);
}

TEST_F(JournalChangeTest, repair_does_not_empty_a_log) {
  flip(1, 128 + 20);
  const auto ran = run_words({"journal", "repair", data(), "--yes"});
  EXPECT_EQ(ran.exit, 3);
  EXPECT_THAT(ran.err, HasSubstr("no record would stay"));
  EXPECT_TRUE(fs::exists(dir() / journal::segment_name(Lsn{139})));
}

TEST_F(JournalChangeTest, what_would_stay_must_be_able_to_start) {
  fs::remove(dir() / journal::segment_name(Lsn{1}));
  flip(139, 128 + 20);
  const auto ran = run_words({"journal", "repair", data(), "--yes"});
  EXPECT_EQ(ran.exit, 3);
  EXPECT_THAT(ran.err, HasSubstr("no checkpoint would stay that a start could begin with"));
}

TEST_F(JournalChangeTest, cut_ends_the_log_where_it_is_told) {
  ASSERT_TRUE(journal::write_checkpoint(dir(), {.lsn = Lsn{150}, .state = {}}));
  const auto dry = run_words({"journal", "cut", data(), "--after", "100", "--dry-run"});
  EXPECT_EQ(dry.exit, 0);
  EXPECT_THAT(dry.out, HasSubstr(journal::checkpoint_name(Lsn{150})));
  EXPECT_EQ(last(), 200U);
  const auto ran = run_words({"journal", "cut", data(), "--after", "100", "--yes"});
  EXPECT_EQ(ran.exit, 0) << ran.out << ran.err;
  EXPECT_EQ(last(), 100U);
  EXPECT_TRUE(journal::verify(dir())->intact);
  EXPECT_EQ(run_words({"journal", "cut", data(), "--after", "101", "--yes"}).exit, 2);
  EXPECT_EQ(run_words({"journal", "cut", data(), "--after", "100", "--yes"}).out,
            "nothing stands behind that record\n");
  EXPECT_EQ(run_words({"journal", "cut", data(), "--after", "0", "--yes"}).exit, 0);
  EXPECT_EQ(last(), 0U);
}

}  // namespace
}  // namespace stoa::cli
