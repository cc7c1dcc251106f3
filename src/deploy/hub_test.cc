#include "deploy/hub.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "base/ids.h"
#include "deploy/config_text.h"
#include "deploy/config_units.h"
#include "deploy/hub_log.h"
#include "deploy/hub_record.h"
#include "deploy/hub_server.h"
#include "deploy/hub_state.h"
#include "deploy/test_support.h"

namespace stoa::deploy {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

/// A hub whose owner is ann; bob may edit and approve everywhere, cid deploy.
class HubTest : public ::testing::Test {
 protected:
  HubTest() {
    open();
    for (const std::string space : {"base", "dev", "staging", "prod"}) {
      give(space, "bob", Right::Editor);
      give(space, "bob", Right::Approver);
      give(space, "cid", Right::Deployer);
    }
  }

  void open() {
    hub_.reset();
    auto opened = Hub::open(dir_.path() / "config", clock_, {.owner = "ann"});
    ASSERT_TRUE(opened.has_value()) << opened.error().text();
    hub_.emplace(std::move(*opened));
  }
  static HubCall as(std::string user, const std::string& space) {
    return {.user = std::move(user), .space = space, .reason = "a test", .confirmed = space};
  }
  void give(const std::string& space, const std::string& user, Right right) {
    ASSERT_TRUE(hub_->grant(as("ann", space), user, right, false).has_value());
  }
  HubResult<HubChange> set(const std::string& user, const std::string& space,
                           const std::string& unit, const Edits& edits) {
    return hub_->set(as(user, space), unit, edits);
  }
  const Space& space(std::string_view name) { return *hub_->state().find(name); }
  std::string head(std::string_view name) { return head_text(space(name).head()); }
  std::string value(std::string_view name, std::string_view unit, std::string_view path) {
    const Space& of = space(name);
    const auto document = read_document(*of.text_of(of.head(), unit), "unit");
    const auto found = document->values.find(path);
    return found == document->values.end() ? "" : found->second;
  }
  void apply(const std::string& name) {
    const auto ticket = hub_->begin_apply(as("cid", name), false);
    ASSERT_TRUE(ticket.has_value()) << ticket.error().message;
    ASSERT_TRUE(hub_->note_apply(as("cid", name), ticket->revision, "", "ok", true).has_value());
  }

  TempDir dir_;
  ManualClock clock_{Timestamp::from_ns(1'000'000'000)};
  std::optional<Hub> hub_;
};

TEST_F(HubTest, the_end_of_an_apply_may_be_told_again_when_the_answer_was_lost) {
  const auto ticket = hub_->begin_apply(as("cid", "dev"), false);
  ASSERT_TRUE(ticket.has_value()) << ticket.error().message;
  const auto told = [&](std::string_view text) {
    return hub_->note_apply(as("cid", "dev"), ticket->revision, "", text, true);
  };
  ASSERT_TRUE(told("ok").has_value());
  const auto head = hub_->head();
  EXPECT_TRUE(told("ok").has_value());
  EXPECT_EQ(hub_->head(), head) << "nothing is written twice";
  EXPECT_EQ(told("execution did not become healthy").error().code, HubCode::Conflict);
}

TEST_F(HubTest, a_new_log_begins_with_four_spaces_of_which_each_follows_the_one_before) {
  std::vector<std::string> seen;
  for (const Space& each : hub_->state().spaces()) {
    seen.push_back(each.name + "<" + each.upstream + ":" + each.environment + ":" +
                   std::to_string(each.approvals_required));
  }
  EXPECT_THAT(seen, ElementsAre("base<:development:0", "dev<base:development:0",
                                "staging<dev:staging:0", "prod<staging:production:1"));
  EXPECT_EQ(space("prod").units.size(), unit_kinds().size());
}

TEST_F(HubTest, a_change_is_a_revision_with_its_author_reason_and_hash) {
  const auto done = set("bob", "dev", "limits", {{"limits.max_order_rate", "500"}});
  ASSERT_TRUE(done.has_value()) << done.error().message;
  EXPECT_EQ(done->revision, 2U);
  EXPECT_THAT(done->taken, ElementsAre("limits/limits.max_order_rate"));
  const Revision& now = space("dev").head();
  EXPECT_EQ(now.user, "bob");
  EXPECT_EQ(now.reason, "a test");
  EXPECT_EQ(now.hash, content_hash(space("dev"), now));
  EXPECT_EQ(value("dev", "limits", "limits.max_order_rate"), "500");
  const auto same = set("bob", "dev", "limits", {{"limits.max_order_rate", "500"}});
  ASSERT_TRUE(same.has_value());
  EXPECT_EQ(same->revision, 0U) << "nothing had to change";
}

TEST_F(HubTest, what_was_done_is_there_after_it_is_opened_again) {
  ASSERT_TRUE(set("bob", "dev", "limits", {{"limits.max_order_rate", "500"}}).has_value());
  const auto before = head("dev");
  const auto log = hub_->head();
  open();
  EXPECT_EQ(head("dev"), before);
  EXPECT_EQ(hub_->head(), log);
  EXPECT_EQ(value("dev", "limits", "limits.max_order_rate"), "500");
}

TEST_F(HubTest, an_unknown_key_is_refused_with_line_and_nearest_name) {
  const auto done = set("bob", "dev", "limits", {{"limits.max_order_rat", "500"}});
  ASSERT_FALSE(done.has_value());
  EXPECT_EQ(done.error().code, HubCode::BadInput);
  EXPECT_THAT(done.error().message, HasSubstr("limits:4:1"));
  EXPECT_THAT(done.error().message, HasSubstr("did you mean limits.max_order_rate?"));
}

TEST_F(HubTest, a_key_of_another_unit_a_wrong_type_and_a_wrong_value_are_refused) {
  EXPECT_THAT(set("bob", "dev", "limits", {{"gateway.port", "1"}}).error().message,
              HasSubstr("belongs to the unit gateway"));
  EXPECT_THAT(set("bob", "dev", "gateway", {{"gateway.port", "\"1\""}}).error().message,
              HasSubstr("expected an integer"));
  EXPECT_THAT(set("bob", "dev", "gateway", {{"gateway.port", "70000"}}).error().message,
              HasSubstr("0 to 65535"));
  EXPECT_THAT(set("bob", "dev", "limit", {{"limits.max_order_rate", "1"}}).error().message,
              HasSubstr("did you mean limits?"));
}

TEST_F(HubTest, units_that_do_not_fit_together_are_refused) {
  ASSERT_TRUE(set("bob", "dev", "risk", {{"service.risk.port", "7001"}}).has_value());
  const auto done = set("bob", "dev", "execution", {{"service.execution.port", "7001"}});
  ASSERT_FALSE(done.has_value());
  EXPECT_THAT(done.error().message, HasSubstr("has this port"));
}

TEST_F(HubTest, a_secret_is_a_reference_or_refused_by_name) {
  const auto told = set("bob", "dev", "execution", {{"binance.api_key", "\"abc\""}});
  ASSERT_FALSE(told.has_value());
  EXPECT_THAT(told.error().message, HasSubstr("binance.api_key: a secret does not belong"));
  for (const std::string where : {"\"env:KEY\"", "\"file:/run/key\""}) {
    EXPECT_TRUE(set("bob", "dev", "execution", {{"binance.api_key", where}}).has_value()) << where;
  }
}

TEST_F(HubTest, a_stale_head_is_refused_and_says_what_the_head_is) {
  auto call = as("bob", "dev");
  call.if_head = head("dev");
  ASSERT_TRUE(hub_->set(call, "limits", {{"limits.max_order_rate", "1"}}).has_value());
  const auto late = hub_->set(call, "limits", {{"limits.max_order_rate", "2"}});
  ASSERT_FALSE(late.has_value());
  EXPECT_EQ(late.error().code, HubCode::Stale);
  EXPECT_THAT(late.error().message, HasSubstr("the head of dev is " + head("dev")));
  call.if_head = "2:00000000";
  EXPECT_EQ(hub_->set(call, "limits", {}).error().code, HubCode::Stale) << "the hash counts too";
}

TEST_F(HubTest, a_dry_run_says_what_it_would_do_and_does_nothing) {
  auto call = as("bob", "dev");
  call.dry_run = true;
  const auto log = hub_->head();
  const auto done = hub_->set(call, "limits", {{"limits.max_order_rate", "1"}});
  ASSERT_TRUE(done.has_value());
  EXPECT_EQ(done->revision, 2U);
  EXPECT_EQ(hub_->head(), log);
  EXPECT_EQ(space("dev").head().number, 1U);
}

TEST_F(HubTest, each_role_may_what_it_says_and_no_more) {
  give("dev", "vic", Right::Viewer);
  EXPECT_TRUE(hub_->look(as("vic", "dev")).has_value());
  EXPECT_EQ(hub_->look(as("eve", "dev")).error().code, HubCode::Denied);
  const Edits edits{{"limits.max_order_rate", "5"}};
  for (const std::string user : {"vic", "cid", "eve"}) {
    EXPECT_EQ(set(user, "dev", "limits", edits).error().code, HubCode::Denied) << user;
  }
  EXPECT_EQ(hub_->begin_apply(as("bob", "dev"), false).error().code, HubCode::Denied);
  EXPECT_EQ(hub_->approve(as("cid", "dev"), head("dev")).error().code, HubCode::Denied);
  EXPECT_EQ(hub_->grant(as("bob", "dev"), "eve", Right::Admin, false).error().code,
            HubCode::Denied);
  EXPECT_EQ(hub_->create_space(as("bob", "mine"), {.upstream = "dev"}).error().code,
            HubCode::Denied);
  EXPECT_EQ(hub_->grant(as("ann", "dev"), "ann", Right::Admin, true).error().code,
            HubCode::Conflict)
      << "the last admin stays";
}

TEST_F(HubTest, a_guarded_space_asks_for_its_name_and_a_reason) {
  auto call = as("bob", "prod");
  call.confirmed = "";
  EXPECT_THAT(hub_->set(call, "limits", {{"limits.max_order_rate", "5"}}).error().message,
              HasSubstr("--env-name prod"));
  call = as("bob", "prod");
  call.reason = "";
  EXPECT_THAT(hub_->set(call, "limits", {{"limits.max_order_rate", "5"}}).error().message,
              HasSubstr("--reason"));
}

TEST_F(HubTest, a_promotion_takes_what_upstream_changed_and_leaves_the_rest) {
  ASSERT_TRUE(set("bob", "base", "limits", {{"limits.max_order_rate", "100"}}).has_value());
  ASSERT_TRUE(set("bob", "dev", "gateway", {{"gateway.port", "9000"}}).has_value());
  const auto done = hub_->promote(as("bob", "dev"), "base");
  ASSERT_TRUE(done.has_value()) << done.error().message;
  EXPECT_THAT(done->taken, ElementsAre("limits/limits.max_order_rate"));
  EXPECT_THAT(done->conflicts, IsEmpty());
  EXPECT_EQ(value("dev", "limits", "limits.max_order_rate"), "100");
  EXPECT_EQ(value("dev", "gateway", "gateway.port"), "9000");
  EXPECT_EQ(space("dev").merged_revision, 2U);
  const auto again = hub_->promote(as("bob", "dev"), "base");
  ASSERT_TRUE(again.has_value());
  EXPECT_EQ(again->revision, 0U) << "nothing new upstream";
  EXPECT_EQ(hub_->promote(as("bob", "staging"), "base").error().code, HubCode::BadInput)
      << "staging follows dev";
}

TEST_F(HubTest, a_protected_path_is_left_alone_by_promotions) {
  ASSERT_TRUE(set("bob", "dev", "limits", {{"limits.max_daily_loss", "10"}}).has_value());
  ASSERT_TRUE(hub_->protect(as("bob", "dev"), "limits.max_daily_loss", false).has_value());
  ASSERT_TRUE(set("bob", "base", "limits",
                  {{"limits.max_daily_loss", "99"}, {"limits.max_order_rate", "7"}})
                  .has_value());
  const auto done = hub_->promote(as("bob", "dev"), "base");
  ASSERT_TRUE(done.has_value()) << done.error().message;
  EXPECT_THAT(done->withheld, ElementsAre("limits/limits.max_daily_loss"));
  EXPECT_THAT(done->conflicts, IsEmpty());
  EXPECT_EQ(value("dev", "limits", "limits.max_daily_loss"), "10");
  EXPECT_EQ(value("dev", "limits", "limits.max_order_rate"), "7");
}

TEST_F(HubTest, a_conflict_blocks_approval_and_apply_until_it_is_resolved) {
  for (const std::string side : {"ours", "theirs"}) {
    SCOPED_TRACE(side);
    const std::string theirs = side == "ours" ? "200" : "201";
    ASSERT_TRUE(set("bob", "base", "limits", {{"limits.max_order_rate", theirs}}).has_value());
    ASSERT_TRUE(set("bob", "dev", "limits", {{"limits.max_order_rate", "3" + theirs}}).has_value());
    const auto done = hub_->promote(as("bob", "dev"), "base");
    ASSERT_TRUE(done.has_value()) << done.error().message;
    ASSERT_EQ(done->conflicts.size(), 1U);
    EXPECT_EQ(done->conflicts[0].path, "limits/limits.max_order_rate");
    EXPECT_EQ(done->conflicts[0].theirs, theirs);
    EXPECT_EQ(value("dev", "limits", "limits.max_order_rate"), "3" + theirs) << "ours until then";
    EXPECT_EQ(hub_->begin_apply(as("cid", "dev"), false).error().code, HubCode::Conflict);
    give("dev", "dan", Right::Approver);
    EXPECT_EQ(hub_->approve(as("dan", "dev"), head("dev")).error().code, HubCode::Conflict);
    EXPECT_EQ(hub_->promote(as("bob", "dev"), "base").error().code, HubCode::Conflict);
    open();  // conflicts are in the log
    EXPECT_EQ(space("dev").conflicts.size(), 1U);
    const auto over = hub_->resolve(as("bob", "dev"), {{"limits.max_order_rate", side}});
    ASSERT_TRUE(over.has_value()) << over.error().message;
    EXPECT_EQ(value("dev", "limits", "limits.max_order_rate"),
              side == "ours" ? "3" + theirs : theirs);
    EXPECT_THAT(space("dev").conflicts, IsEmpty());
    EXPECT_TRUE(hub_->begin_apply(as("cid", "dev"), false).has_value());
  }
}

TEST_F(HubTest, setting_a_path_by_hand_ends_its_conflict) {
  ASSERT_TRUE(set("bob", "base", "limits", {{"limits.max_order_rate", "200"}}).has_value());
  ASSERT_TRUE(set("bob", "dev", "limits", {{"limits.max_order_rate", "300"}}).has_value());
  ASSERT_TRUE(hub_->promote(as("bob", "dev"), "base").has_value());
  const auto done = set("bob", "dev", "limits", {{"limits.max_order_rate", "250"}});
  ASSERT_TRUE(done.has_value());
  EXPECT_THAT(done->settled, ElementsAre("limits/limits.max_order_rate"));
  EXPECT_THAT(space("dev").conflicts, IsEmpty());
}

TEST_F(HubTest, an_approval_is_of_exact_content_and_never_ones_own) {
  ASSERT_TRUE(set("bob", "prod", "limits", {{"limits.max_order_rate", "5"}}).has_value());
  const auto content = head("prod");
  EXPECT_EQ(hub_->begin_apply(as("cid", "prod"), false).error().code, HubCode::Unapproved);
  EXPECT_EQ(hub_->approve(as("bob", "prod"), content).error().code, HubCode::Denied) << "his own";
  EXPECT_EQ(hub_->approve(as("ann", "prod"), "2:00000000").error().code, HubCode::Stale);
  EXPECT_EQ(hub_->approve(as("ann", "prod"), "2").error().code, HubCode::BadInput)
      << "the hash has to be named";
  ASSERT_TRUE(hub_->approve(as("ann", "prod"), content).has_value());
  EXPECT_TRUE(hub_->begin_apply(as("cid", "prod"), false).has_value());
  // The content changes, and the approval is gone.
  ASSERT_TRUE(set("bob", "prod", "limits", {{"limits.max_order_rate", "6"}}).has_value());
  EXPECT_EQ(hub_->begin_apply(as("cid", "prod"), false).error().code, HubCode::Unapproved);
  EXPECT_EQ(hub_->approve(as("ann", "prod"), content).error().code, HubCode::Stale);
}

TEST_F(HubTest, who_wrote_upstream_cannot_approve_downstream) {
  give("prod", "dan", Right::Editor);
  give("staging", "dan", Right::Viewer);
  ASSERT_TRUE(set("bob", "staging", "limits", {{"limits.max_order_rate", "5"}}).has_value());
  ASSERT_TRUE(hub_->promote(as("dan", "prod"), "staging").has_value());
  EXPECT_EQ(hub_->approve(as("bob", "prod"), head("prod")).error().code, HubCode::Denied);
  EXPECT_TRUE(hub_->approve(as("ann", "prod"), head("prod")).has_value());
}

TEST_F(HubTest, an_earlier_unapproved_change_of_ones_own_counts_too) {
  give("prod", "dan", Right::Editor);
  ASSERT_TRUE(set("bob", "prod", "limits", {{"limits.max_order_rate", "5"}}).has_value());
  ASSERT_TRUE(set("dan", "prod", "limits", {{"limits.max_daily_loss", "5"}}).has_value());
  EXPECT_EQ(hub_->approve(as("bob", "prod"), head("prod")).error().code, HubCode::Denied)
      << "revision 2 is his and nobody has approved it";
  ASSERT_TRUE(hub_->approve(as("ann", "prod"), head("prod")).has_value());
  apply("prod");
  ASSERT_TRUE(set("dan", "prod", "limits", {{"limits.max_daily_loss", "6"}}).has_value());
  EXPECT_TRUE(hub_->approve(as("bob", "prod"), head("prod")).has_value())
      << "what was approved and applied is proven";
}

TEST_F(HubTest, break_glass_works_and_stays_in_sight_until_somebody_else_approves) {
  ASSERT_TRUE(set("bob", "prod", "limits", {{"limits.max_order_rate", "5"}}).has_value());
  auto call = as("cid", "prod");
  call.reason = "";
  EXPECT_EQ(hub_->begin_apply(call, true).error().code, HubCode::BadInput);
  const auto ticket = hub_->begin_apply(as("cid", "prod"), true);
  ASSERT_TRUE(ticket.has_value()) << ticket.error().message;
  EXPECT_TRUE(ticket->broke_glass);
  open();
  ASSERT_EQ(space("prod").broken_glass.size(), 1U);
  EXPECT_EQ(space("prod").broken_glass[0].user, "cid");
  ASSERT_TRUE(hub_->approve(as("ann", "prod"), head("prod")).has_value());
  EXPECT_THAT(space("prod").broken_glass, IsEmpty());
}

TEST_F(HubTest, a_rollback_does_not_go_back_to_what_broke_the_glass) {
  ASSERT_TRUE(set("bob", "prod", "limits", {{"limits.max_order_rate", "5"}}).has_value());
  ASSERT_TRUE(hub_->approve(as("ann", "prod"), head("prod")).has_value());
  apply("prod");
  const auto proven = space("prod").head().hash;
  ASSERT_TRUE(set("bob", "prod", "limits", {{"limits.max_order_rate", "9"}}).has_value());
  const auto broke = hub_->begin_apply(as("cid", "prod"), true);
  ASSERT_TRUE(broke.has_value()) << broke.error().message;
  ASSERT_TRUE(hub_->note_apply(as("cid", "prod"), broke->revision, "", "ok", true).has_value());
  ASSERT_TRUE(set("bob", "prod", "gateway", {{"gateway.port", "9000"}}).has_value());
  ASSERT_TRUE(hub_->go_back(as("cid", "prod"), HubVerb::Rollback, "", "").has_value());
  EXPECT_EQ(space("prod").head().hash, proven);
}

TEST_F(HubTest, a_rollback_is_a_new_head_with_the_old_content) {
  const auto first = space("dev").head().hash;
  ASSERT_TRUE(set("bob", "dev", "limits", {{"limits.max_order_rate", "5"}}).has_value());
  ASSERT_TRUE(set("bob", "dev", "gateway", {{"gateway.port", "9000"}}).has_value());
  const auto done = hub_->go_back(as("cid", "dev"), HubVerb::Rollback, "1", "");
  ASSERT_TRUE(done.has_value()) << done.error().message;
  EXPECT_EQ(done->revision, 4U);
  EXPECT_EQ(space("dev").head().hash, first);
  EXPECT_EQ(space("dev").revisions.size(), 4U) << "the bad ones stay in the history";
  const auto one = hub_->go_back(as("cid", "dev"), HubVerb::Restore, "3", "gateway");
  ASSERT_TRUE(one.has_value());
  EXPECT_EQ(value("dev", "gateway", "gateway.port"), "9000");
  EXPECT_EQ(value("dev", "limits", "limits.max_order_rate"), "") << "one unit alone";
}

TEST_F(HubTest, a_rollback_goes_to_what_ran_well_before_and_promotions_do_not_undo_it) {
  ASSERT_TRUE(set("bob", "base", "limits", {{"limits.max_order_rate", "10"}}).has_value());
  ASSERT_TRUE(hub_->promote(as("bob", "dev"), "base").has_value());
  apply("dev");  // revision 2
  ASSERT_TRUE(set("bob", "base", "limits", {{"limits.max_order_rate", "11"}}).has_value());
  ASSERT_TRUE(hub_->promote(as("bob", "dev"), "base").has_value());
  apply("dev");  // revision 3, bad
  const auto done = hub_->go_back(as("cid", "dev"), HubVerb::Rollback, "", "");
  ASSERT_TRUE(done.has_value());
  EXPECT_EQ(value("dev", "limits", "limits.max_order_rate"), "10");
  const auto ticket = hub_->begin_apply(as("cid", "dev"), false);
  ASSERT_TRUE(ticket.has_value());
  EXPECT_TRUE(ticket->backwards);
  ASSERT_TRUE(set("bob", "base", "gateway", {{"gateway.port", "9001"}}).has_value());
  ASSERT_TRUE(hub_->promote(as("bob", "dev"), "base").has_value());
  EXPECT_EQ(value("dev", "limits", "limits.max_order_rate"), "10") << "the bad one stays away";
  EXPECT_EQ(value("dev", "gateway", "gateway.port"), "9001");
}

TEST_F(HubTest, a_tag_names_a_revision_that_can_be_restored) {
  ASSERT_TRUE(hub_->tag(as("bob", "dev"), "good", 1).has_value());
  ASSERT_TRUE(set("bob", "dev", "limits", {{"limits.max_order_rate", "5"}}).has_value());
  const auto done = hub_->go_back(as("bob", "dev"), HubVerb::Restore, "good", "");
  ASSERT_TRUE(done.has_value()) << done.error().message;
  EXPECT_EQ(space("dev").head().hash, space("dev").revisions[0].hash);
  EXPECT_EQ(hub_->go_back(as("bob", "dev"), HubVerb::Restore, "nope", "").error().code,
            HubCode::NotFound);
}

TEST_F(HubTest, a_ticket_holds_what_every_role_is_to_run_with) {
  const auto before = hub_->ticket(space("dev"), space("dev").head());
  ASSERT_TRUE(set("bob", "dev", "limits", {{"limits.max_order_rate", "5"}}).has_value());
  const auto after = hub_->ticket(space("dev"), space("dev").head());
  ASSERT_TRUE(before.has_value() && after.has_value());
  std::vector<std::string> differ;
  for (const auto& [role, digest] : after->digests) {
    if (before->digests.at(role) != digest) differ.push_back(role);
  }
  EXPECT_THAT(differ, ElementsAre("execution")) << "the one that reads limits";
  EXPECT_THAT(after->text, HasSubstr("# dev-2 " + space("dev").head().hash));
  EXPECT_THAT(after->text, HasSubstr("[limits]\nmax_order_rate = 5\n"));
}

TEST_F(HubTest, a_change_of_a_strategy_is_told_by_its_path) {
  ASSERT_TRUE(set("bob", "dev", "strategies",
                  {{"strategy.mm.type", "\"market_maker\""},
                   {"strategy.mm.symbol", "\"BTCUSDT\""},
                   {"strategy.mm.params.half_spread_ticks", "4"}})
                  .has_value());
  const auto done =
      set("bob", "dev", "strategies", {{"strategy.mm.params.half_spread_ticks", "5"}});
  ASSERT_TRUE(done.has_value()) << done.error().message;
  EXPECT_THAT(done->taken, ElementsAre("strategies/strategy.mm.params.half_spread_ticks"));
  ASSERT_TRUE(set("bob", "dev", "strategies", {{"strategy.mm", std::nullopt}}).has_value());
  EXPECT_EQ(value("dev", "strategies", "strategy.mm.type"), "");
}

TEST_F(HubTest, who_is_turned_away_stands_in_the_log) {
  hub_->note_refusal(as("eve", "prod"), "config.set", "eve has no role in prod");
  std::string last;
  ASSERT_TRUE(
      read_hub_log(dir_.path() / "config", hub_->head().lsn, [&](const HubRecord& record, Lsn) {
        last = record.user + " " + record.object + " " + record.value;
        return true;
      }).has_value());
  EXPECT_EQ(last, "eve config.set eve has no role in prod");
  open();  // and it is passed over by a replay
}

TEST_F(HubTest, a_second_hub_on_one_log_is_refused) {
  const auto second = Hub::open(dir_.path() / "config", clock_, {.owner = "ann"});
  ASSERT_FALSE(second.has_value());
  EXPECT_EQ(second.error().code, ErrorCode::Unavailable);
}

}  // namespace
}  // namespace stoa::deploy
