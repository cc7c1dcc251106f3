#include "deploy/config_view_service.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <ios>
#include <memory>
#include <string>
#include <utility>

#include "base/clock.h"
#include "deploy/apply.h"
#include "deploy/build.h"
#include "deploy/fake_target.h"
#include "deploy/hub.h"
#include "deploy/hub_server.h"
#include "deploy/hub_state.h"
#include "deploy/layout.h"
#include "deploy/test_support.h"
#include "protocol/json/value.h"

namespace stoa::deploy {
namespace {

using ::testing::HasSubstr;

class ConfigViewTest : public ::testing::Test {
 protected:
  void SetUp() override {
    target.add("execution");
    target.poll();
    auto opened = Hub::open(layout.hub_log(), clock, {.owner = "ann", .owner_uid = ::geteuid()});
    ASSERT_TRUE(opened) << opened.error().text();
    hub = std::make_unique<Hub>(std::move(*opened));
    verbs = config_view_verbs(*hub, target, layout);
  }
  /// Writes and applies one value; answers what each role is to say.
  ApplyTicket apply() {
    const HubCall call{.user = "ann", .space = "dev", .reason = "quiet"};
    EXPECT_TRUE(hub->set(call, "limits", {{"limits.max_order_rate", "500"}}));
    const auto ticket = hub->begin_apply(call, false);
    EXPECT_TRUE(ticket);
    EXPECT_TRUE(write_config(layout, *ticket));
    EXPECT_TRUE(hub->note_apply(call, ticket->revision, "execution", "ok", true));
    return *ticket;
  }
  json::Value ask(const std::string& verb, const std::string& user = "ann") {
    const auto answer = answer_line(
        verbs, R"({"verb":")" + verb + R"(","space":"dev","user":")" + user + "\"}", {});
    return json::Value::parse(answer).value();
  }

  TempDir dir;
  Layout layout{.data = dir.path()};
  ManualClock clock{Timestamp::from_ns(1'800'000'000'000'000'000)};
  FakeTarget target{clock};
  std::unique_ptr<Hub> hub;
  HubVerbs verbs;
};

TEST_F(ConfigViewTest, drift_is_told_of_each_process_and_of_the_file) {
  const auto before = ask("config.drift");
  EXPECT_EQ(before["wanted"].text(), "");
  EXPECT_EQ(before["in_sync"].text(), "false") << "nothing was applied: nothing can be in sync";
  const ApplyTicket ticket = apply();
  auto told = ask("config.drift");
  EXPECT_EQ(told["wanted"].text(), "dev-2");
  ASSERT_EQ(told["instances"].items().size(), 1U);
  EXPECT_EQ(told["instances"].items()[0]["wanted_digest"].text(), ticket.digests.at("execution"));
  EXPECT_THAT(told["instances"].items()[0]["drift"].text(), HasSubstr("does not say"));

  auto& view = target.side("execution", Colour::Blue).view;
  view.config_revision = "dev-1";
  view.config_digest = "0123456789abcdef";
  target.poll();
  told = ask("config.drift");
  EXPECT_EQ(told["in_sync"].text(), "false");
  EXPECT_EQ(told["instances"].items()[0]["runs_revision"].text(), "dev-1");
  EXPECT_THAT(told["findings"].items().at(0)["what"].text(), HasSubstr("runs with 01234567"));

  view.config_revision = "dev-2";
  view.config_digest = ticket.digests.at("execution");
  target.poll();
  told = ask("config.drift");
  EXPECT_EQ(told["in_sync"].text(), "true") << told.compact();

  std::ofstream{layout.current_config(), std::ios::app} << "\n[wal]\nsync = \"never\"\n";
  told = ask("config.drift");
  EXPECT_EQ(told["in_sync"].text(), "false");
  EXPECT_EQ(told["findings"].items().at(0)["where"].text(), "file");
  EXPECT_THAT(told["findings"].items().at(0)["what"].text(), HasSubstr("wal.sync is"));

  target.supervisor_away = true;
  EXPECT_THAT(ask("config.drift")["trouble"].text(), HasSubstr("cannot be reached"));
  EXPECT_EQ(ask("config.drift", "eve")["code"].text(), "denied");
}

TEST_F(ConfigViewTest, the_chain_is_read_anew_and_a_changed_record_is_named) {
  static_cast<void>(apply());
  auto told = ask("config.audit.verify");
  EXPECT_EQ(told["intact"].text(), "true");
  EXPECT_EQ(told["records"].text(), std::to_string(hub->head().lsn.value()));
  EXPECT_EQ(told["head_hash"].text(), hub->head().hash);
  EXPECT_EQ(told["fault"].text(), "");
  for (const auto& entry : std::filesystem::directory_iterator{layout.hub_log()}) {
    std::string text = text_of(entry.path());
    const auto at = text.find("quiet");
    if (at == std::string::npos) continue;
    text[at] = 'Q';
    write_text(entry.path(), text);
  }
  told = ask("config.audit.verify");
  EXPECT_NE(told["intact"].text(), "true") << told.compact();
}

}  // namespace
}  // namespace stoa::deploy
