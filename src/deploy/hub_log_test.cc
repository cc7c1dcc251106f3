#include "deploy/hub_log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "base/ids.h"
#include "base/random.h"
#include "deploy/hub.h"
#include "deploy/hub_record.h"
#include "deploy/hub_server.h"
#include "deploy/hub_service.h"
#include "deploy/hub_state.h"
#include "deploy/test_support.h"
#include "journal/reader.h"
#include "journal/writer.h"
#include "protocol/json/value.h"

namespace stoa::deploy {
namespace {

using ::testing::HasSubstr;

HubRecord full_record() {
  return {.previous = hash_of("before"),
          .time = Timestamp::from_ns(1'700'000'000'123'456'789),
          .verb = HubVerb::Promote,
          .user = "ann",
          .uid = 1'000,
          .space = "dev",
          .reason = "a \"reason\"\nin two lines",
          .object = "base",
          .value = "v",
          .revision = 7,
          .hash = hash_of("content"),
          .units = {{.unit = "limits", .text = "[limits]\n"}},
          .upstream = "base",
          .environment = "development",
          .approvals = 2,
          .from_revision = 9,
          .conflicts = {{.path = "limits/a", .base = std::nullopt, .ours = "1", .theirs = ""}},
          .paths = {"limits/b"}};
}

TEST(HubRecord, every_field_travels) {
  const auto record = full_record();
  const auto again = decode_hub_record(encode(record));
  ASSERT_TRUE(again.has_value()) << again.error().message;
  EXPECT_EQ(*again, record);
}

TEST(HubRecord, what_is_no_record_is_refused_with_what_is_wrong) {
  const std::string good = encode(full_record());
  const auto with = [&](std::string_view what, std::string_view instead) {
    std::string text = good;
    text.replace(text.find(what), what.size(), instead);
    return decode_hub_record(text);
  };
  EXPECT_FALSE(decode_hub_record("{}").has_value());
  EXPECT_THAT(with("\"v\":1", "\"v\":2").error().message, HasSubstr("version"));
  EXPECT_THAT(with("promote", "demote").error().message, HasSubstr("verb"));
  EXPECT_THAT(with("\"revision\":7", "\"revision\":-7").error().message, HasSubstr("number"));
  EXPECT_THAT(with("\"prev\":\"", "\"prev\":\"x").error().message, HasSubstr("prev"));
}

/// A log with some changes, and ways to damage it that keep every checksum of the journal.
class HubLogTest : public ::testing::Test {
 protected:
  HubLogTest() {
    auto hub = open();
    for (int i = 1; i <= 6; ++i) {
      EXPECT_TRUE(
          hub.set(call(), "limits", {{"limits.max_order_rate", std::to_string(i)}}).has_value());
    }
    head_ = hub.head();
  }
  Hub open() {
    auto hub = Hub::open(log_, clock_, {.owner = "ann"});
    EXPECT_TRUE(hub.has_value()) << hub.error().text();
    return std::move(*hub);
  }
  static HubCall call() { return {.user = "ann", .space = "dev", .reason = "r"}; }

  /// The log written anew with other content, as who has the disk could.
  void rewrite(
      const std::function<std::optional<std::string>(std::uint64_t lsn, std::string)>& how) {
    std::vector<std::string> payloads;
    {
      auto reader = journal::Reader::open(log_);
      ASSERT_TRUE(reader.has_value());
      while (true) {
        const auto next = reader->next();
        ASSERT_TRUE(next.has_value());
        const std::optional<journal::Record>& entry = *next;
        if (!entry) break;
        auto text = how(entry->lsn.value(), {reinterpret_cast<const char*>(entry->payload.data()),
                                             entry->payload.size()});
        if (text) payloads.push_back(std::move(*text));
      }
    }
    std::filesystem::remove_all(log_);
    auto writer = journal::Writer::open(log_, {.segment_bytes = 1U << 20U, .prepare_ahead = false});
    ASSERT_TRUE(writer.has_value());
    for (const auto& payload : payloads) {
      ASSERT_TRUE(writer->append(std::as_bytes(std::span{payload})).has_value());
    }
    ASSERT_TRUE(writer->close().has_value());
  }

  TempDir dir_;
  std::filesystem::path log_ = dir_.path() / "config";
  ManualClock clock_{Timestamp::from_ns(1'000'000'000)};
  HubHead head_;
};

TEST_F(HubLogTest, a_whole_log_is_proven_with_its_head) {
  const auto report = verify_hub_log(log_, head_);
  ASSERT_TRUE(report.has_value());
  EXPECT_FALSE(report->fault.has_value()) << report->fault->message;
  EXPECT_EQ(report->records, 10U);
  EXPECT_EQ(report->head, head_);
}

TEST_F(HubLogTest, a_record_that_was_changed_is_found_and_named) {
  rewrite([](std::uint64_t lsn, std::string text) {
    if (lsn == 7) text.replace(text.find("\"user\":\"ann\""), 12, "\"user\":\"eve\"");
    return std::optional{std::move(text)};
  });
  const auto report = verify_hub_log(log_, std::nullopt);
  ASSERT_TRUE(report.has_value());
  ASSERT_TRUE(report->fault.has_value());
  EXPECT_THAT(report->fault->message,
              HasSubstr("record 7: set by eve in dev is not what was written"));
  const auto hub = Hub::open(log_, clock_, {.owner = "ann"});
  ASSERT_FALSE(hub.has_value()) << "nobody works on with such a log";
  EXPECT_EQ(hub.error().code, ErrorCode::Damaged);
}

TEST_F(HubLogTest, a_record_that_was_taken_out_is_found) {
  rewrite([](std::uint64_t lsn, std::string text) {
    return lsn == 7 ? std::nullopt : std::optional{std::move(text)};
  });
  const auto report = verify_hub_log(log_, std::nullopt);
  ASSERT_TRUE(report.has_value());
  ASSERT_TRUE(report->fault.has_value());
  EXPECT_THAT(report->fault->message, HasSubstr("record 6"));
}

TEST_F(HubLogTest, a_changed_end_is_found_by_the_head_that_was_noted) {
  rewrite([](std::uint64_t lsn, std::string text) {
    if (lsn == 10) text.replace(text.find("\"user\":\"ann\""), 12, "\"user\":\"eve\"");
    return std::optional{std::move(text)};
  });
  EXPECT_FALSE(verify_hub_log(log_, std::nullopt)->fault.has_value()) << "the chain cannot know";
  const auto report = verify_hub_log(log_, head_);
  ASSERT_TRUE(report->fault.has_value());
  EXPECT_THAT(report->fault->message, HasSubstr("record 10"));
  rewrite([](std::uint64_t lsn, std::string text) {
    return lsn > 8 ? std::nullopt : std::optional{std::move(text)};
  });
  EXPECT_THAT(verify_hub_log(log_, head_)->fault->message, HasSubstr("the log ends at record 8"));
}

/// What a child acknowledged before it was killed; it writes a byte behind each change.
std::uint64_t acknowledged_before_kill(const std::filesystem::path& log, std::uint64_t after) {
  int pipe_ends[2];
  EXPECT_EQ(::pipe(pipe_ends), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    ::close(pipe_ends[0]);
    const SystemClock clock;
    auto hub = Hub::open(log, clock, {.owner = "ann"});
    if (!hub) ::_exit(1);
    while (true) {
      const HubCall call{.user = "ann", .space = "dev", .reason = "r"};
      const auto number = hub->state().find("dev")->head().number;
      const auto done =
          hub->set(call, "limits", {{"limits.max_open_orders", std::to_string(number)}});
      if (!done || ::write(pipe_ends[1], "x", 1) != 1) ::_exit(2);
    }
  }
  ::close(pipe_ends[1]);
  std::uint64_t heard = 0;
  char byte = 0;
  while (heard < after && ::read(pipe_ends[0], &byte, 1) == 1) ++heard;
  ::kill(child, SIGKILL);
  while (::read(pipe_ends[0], &byte, 1) == 1) ++heard;  // said before it died
  ::close(pipe_ends[0]);
  int status = 0;
  ::waitpid(child, &status, 0);
  EXPECT_TRUE(WIFSIGNALED(status)) << status;
  return heard;
}

TEST(HubCrash, what_was_acknowledged_is_there_whenever_the_process_is_killed) {
  const TempDir dir;
  const auto log = dir.path() / "config";
  Random random{23};
  std::uint64_t revisions = 1;
  for (int round = 0; round < 12; ++round) {
    const auto heard = acknowledged_before_kill(log, 1 + random.below(40));
    const SystemClock clock;
    auto hub = Hub::open(log, clock, {.owner = "ann"});
    ASSERT_TRUE(hub.has_value()) << hub.error().text();
    const auto now = hub->state().find("dev")->head().number;
    // The one that it was writing as it died may be there, unsaid.
    ASSERT_GE(now, revisions + heard) << "round " << round;
    ASSERT_LE(now, revisions + heard + 1) << "round " << round;
    revisions = now;
    ASSERT_FALSE(verify_hub_log(log, hub->head())->fault.has_value());
  }
}

std::string asked(const HubVerbs& verbs, std::string_view line) {
  return answer_line(verbs, line, {.uid = ::geteuid(), .pid = ::getpid()});
}

TEST_F(HubLogTest, verbs_answer_one_line_whatever_they_are_asked) {
  auto hub = open();
  const auto verbs = config_verbs(hub, log_);
  EXPECT_THAT(asked(verbs, "nonsense"), HasSubstr("\"code\":\"bad_input\""));
  EXPECT_THAT(asked(verbs, "{}"), HasSubstr("needs a \\\"verb\\\""));
  EXPECT_THAT(asked(verbs, R"({"verb":"config.nope"})"), HasSubstr("no verb config.nope"));
  EXPECT_THAT(asked(verbs, R"({"verb":"config.status","user":"ann","space":"prdo"})"),
              HasSubstr("did you mean prod?"));
  for (const auto& [verb, handler] : verbs) {
    for (const std::string rest : {"", R"(,"space":"dev")", R"(,"space":[1],"edits":7)",
                                   R"(,"space":"dev","units":{"a":1},"limit":"x")"}) {
      const auto answer = asked(verbs, R"({"user":"ann","verb":")" + verb + '"' + rest + "}");
      const auto value = json::Value::parse(answer);
      ASSERT_TRUE(value.has_value()) << verb << ": " << answer;
      EXPECT_FALSE((*value)["ok"].is_null()) << verb;
      EXPECT_EQ(answer.find('\n'), std::string::npos) << verb;
    }
  }
}

TEST_F(HubLogTest, a_stranger_may_not_speak_as_somebody_else) {
  auto hub = open();
  const auto verbs = config_verbs(hub, log_);
  const HubPeer stranger{.uid = 65'534, .pid = 1};
  EXPECT_THAT(answer_line(verbs, R"({"verb":"config.space.list","user":"ann"})", stranger),
              HasSubstr("may not speak as ann"));
  EXPECT_THAT(answer_line(verbs, R"({"verb":"config.space.list"})", stranger),
              HasSubstr("\"ok\":true"));
}

TEST_F(HubLogTest, who_is_denied_is_written_down) {
  auto hub = open();
  const auto verbs = config_verbs(hub, log_);
  EXPECT_THAT(asked(verbs, R"({"verb":"config.set","user":"eve","space":"dev","unit":"limits",)"
                           R"("edits":{"limits.max_order_rate":"9"}})"),
              HasSubstr("\"code\":\"denied\""));
  EXPECT_THAT(asked(verbs, R"({"verb":"config.audit","user":"ann","space":"dev","limit":1})"),
              HasSubstr(R"("verb":"refused","space":"dev","object":"config.set")"));
}

TEST_F(HubLogTest, a_diff_says_in_words_what_it_means) {
  auto hub = open();
  const auto verbs = config_verbs(hub, log_);
  const auto answer =
      asked(verbs, R"({"verb":"config.diff","user":"ann","from":"dev@1","to":"dev"})");
  EXPECT_THAT(answer, HasSubstr(R"("path":"limits.max_order_rate","from":null,"to":"6")"));
  EXPECT_THAT(answer, HasSubstr("restarts execution"));
  EXPECT_THAT(answer, HasSubstr("no limit changes before that restart"));
  EXPECT_THAT(answer, HasSubstr("dev asks for no approval"));
  EXPECT_THAT(answer, HasSubstr("no rollback to something proven"));
}

TEST_F(HubLogTest, a_diff_says_what_a_rollback_would_go_back_to) {
  auto hub = open();
  const auto verbs = config_verbs(hub, log_);
  const HubCall ann{.user = "ann", .space = "dev"};
  const auto ticket = hub.begin_apply(ann, false);
  ASSERT_TRUE(ticket.has_value()) << ticket.error().message;
  ASSERT_TRUE(hub.note_apply(ann, ticket->revision, "", "ok", true).has_value());
  const std::string applied = head_text(hub.state().find("dev")->head());
  ASSERT_TRUE(hub.set(ann, "gateway", {{"gateway.port", "9000"}}).has_value());
  const auto answer = asked(verbs, R"({"verb":"config.diff","user":"ann","from":"","to":"dev"})");
  EXPECT_THAT(answer, HasSubstr("restarts gateway"));
  EXPECT_THAT(answer, HasSubstr("nothing of it counts without a restart"));
  EXPECT_THAT(answer, HasSubstr("rollback is possible, to " + applied));
}

TEST_F(HubLogTest, the_socket_answers_many_clients_line_by_line) {
  auto hub = open();
  const auto verbs = config_verbs(hub, log_);
  const auto socket = dir_.path() / "hub.sock";
  auto server = HubServer::open(socket, verbs);
  ASSERT_TRUE(server.has_value()) << server.error().text();
  const auto mode = std::filesystem::status(socket).permissions();
  EXPECT_EQ(static_cast<unsigned>(mode) & 0777U, 0660U);
  const pid_t child = ::fork();
  if (child == 0) {
    for (int i = 0; i < 20; ++i) {
      const auto answer =
          ask_hub(socket, R"({"verb":"config.head"})", std::chrono::milliseconds{10'000});
      if (!answer || !(*answer)["ok"].is_true()) ::_exit(1);
    }
    ::_exit(0);
  }
  int status = -1;
  EXPECT_TRUE(wait_until([&] {
    server->poll();
    return ::waitpid(child, &status, WNOHANG) == child;
  }));
  EXPECT_EQ(status, 0);
}

TEST(AskHub, nobody_there_is_told_as_such) {
  const TempDir dir;
  const auto answer = ask_hub(dir.path() / "hub.sock", "{}", std::chrono::milliseconds{100});
  ASSERT_FALSE(answer.has_value());
  EXPECT_EQ(answer.error().code, ErrorCode::NotFound);
}

}  // namespace
}  // namespace stoa::deploy
