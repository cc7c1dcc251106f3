#include "apps/leadership.h"

#include <gtest/gtest.h>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "apps/role_lead.h"
#include "base/clock.h"
#include "base/random.h"
#include "base/text.h"
#include "model/system.h"
#include "protocol/native/codec.h"

namespace stoa::apps {
namespace {

using Action = Leadership::Action;
using Mode = Leadership::Mode;
using Signs = Leadership::Signs;
using std::chrono::milliseconds;

constexpr SwitchRole kRole = SwitchRole::Execution;

template <native::Message M>
class Encoded {
 public:
  explicit Encoded(const M& message)
      : size_{native::encode(bytes_, {.domain = native::Domain::Execution}, message)} {}
  [[nodiscard]] native::MessageView view() const {
    return native::MessageView::trusted(std::span{bytes_}.first(size_));
  }

 private:
  std::array<std::byte, native::kSmallMessageBytes> bytes_{};
  std::size_t size_;
};

EpochOpen open_of(std::uint32_t epoch, std::string_view holder) {
  return {.epoch = epoch, .role = kRole, .holder = Text<24>::cut(holder)};
}
EpochClose close_of(std::uint32_t epoch, std::uint64_t hash = 0) {
  return {.epoch = epoch, .role = kRole, .hash = hash};
}
SwitchOrder order_of(std::uint32_t epoch, std::string_view to, bool at_once = false) {
  return {.epoch = epoch,
          .hold_max_ms = 1'000,
          .role = kRole,
          .at_once = static_cast<std::uint8_t>(at_once ? 1 : 0),
          .to = Text<24>::cut(to)};
}

/// One machine, the records that it reads and a clock.
class Place {
 public:
  Place(std::string_view colour, bool beside, const RoleLead& known = {}) : machine{kRole, colour} {
    machine.begin(known, beside);
    static_cast<void>(machine.next(now, signs));
  }
  template <native::Message M>
  void reads(const M& message) {
    machine.note(Encoded{message}.view());
    if constexpr (std::is_same_v<M, SwitchOrder>) machine.applied_order(hash);
  }
  Action next(nanoseconds passed = {}) {
    now += passed;
    return machine.next(now, signs);
  }
  /// Waits so long, looking all the while, for something to do.
  Action waits(nanoseconds time) {
    for (nanoseconds left = time; left > nanoseconds{}; left -= milliseconds{50}) {
      if (const Action action = next(milliseconds{50}); action != Action::None) return action;
    }
    return Action::None;
  }

  Leadership machine;
  Signs signs;
  std::uint64_t hash = 0;
  nanoseconds now = std::chrono::seconds{1};
};

TEST(Leadership, the_one_that_is_started_to_lead_goes_on_in_its_own_epoch) {
  Place blue{"blue", false};
  EXPECT_EQ(blue.machine.mode(), Mode::Leading);
  EXPECT_EQ(blue.next(), Action::None);
}

TEST(Leadership, the_one_that_is_started_to_lead_opens_where_another_led) {
  RoleLead known;
  known.note(Encoded{open_of(4, "green")}.view());
  Leadership blue{kRole, "blue"};
  blue.begin(known, false);
  EXPECT_EQ(blue.next(milliseconds{1}, {}), Action::None);
  EXPECT_EQ(blue.next(milliseconds{1}, {.taken = true}), Action::Open);
  EXPECT_EQ(blue.next_epoch(), 5U);
  EXPECT_FALSE(blue.leads());
  blue.note(Encoded{open_of(5, "blue")}.view());
  EXPECT_EQ(blue.next(milliseconds{1}, {.taken = true}), Action::Lead);
  EXPECT_FALSE(blue.orderly());
}

TEST(Leadership, the_one_that_is_started_to_lead_answers_an_order_and_a_close_of_its_own) {
  for (const bool closed : {false, true}) {
    RoleLead known;
    known.note(Encoded{order_of(1, "green")}.view());
    if (closed) known.note(Encoded{close_of(0)}.view());
    Leadership blue{kRole, "blue"};
    blue.begin(known, false);
    EXPECT_EQ(blue.next(milliseconds{1}, {.taken = true}), Action::Open) << closed;
    EXPECT_EQ(blue.next_epoch(), 1U);
  }
}

TEST(Leadership, one_beside_takes_up_what_its_own_colour_led) {
  RoleLead known;
  known.note(Encoded{open_of(3, "green")}.view());
  Leadership green{kRole, "green"};
  green.begin(known, true);
  EXPECT_EQ(green.next(milliseconds{1}, {}), Action::Take);
  EXPECT_FALSE(green.orderly());
}

TEST(Leadership, one_beside_answers_an_order_that_it_did_not_see_come) {
  RoleLead known;
  known.note(Encoded{order_of(1, "green")}.view());
  {
    Place green{"green", true, known};  // not yet closed: it waits
    EXPECT_EQ(green.next(), Action::None);
    green.reads(close_of(0, 77));
    EXPECT_EQ(green.next(), Action::Take);
  }
  known.note(Encoded{close_of(0)}.view());
  Leadership green{kRole, "green"};
  green.begin(known, true);
  EXPECT_EQ(green.next(milliseconds{1}, {}), Action::Take);
}

TEST(Leadership, a_switch_goes_from_the_order_over_close_and_open) {
  Place blue{"blue", false};
  Place green{"green", true};
  blue.hash = green.hash = 42;
  blue.reads(order_of(1, "green"));
  green.reads(order_of(1, "green"));
  EXPECT_EQ(blue.machine.mode(), Mode::Closing);
  EXPECT_TRUE(blue.machine.leads());
  EXPECT_EQ(blue.next(), Action::None);  // not drained
  EXPECT_EQ(green.next(), Action::None);
  blue.signs.drained = true;
  EXPECT_EQ(blue.next(), Action::Close);
  EXPECT_EQ(blue.machine.order_hash(), 42U);
  EXPECT_EQ(blue.next(), Action::None);
  blue.reads(close_of(0, 42));
  green.reads(close_of(0, 42));
  EXPECT_EQ(blue.machine.mode(), Mode::Closed);
  EXPECT_EQ(blue.next(), Action::Drop);
  EXPECT_EQ(green.next(), Action::Take);
  EXPECT_EQ(green.next(), Action::None);
  green.signs.taken = true;
  EXPECT_EQ(green.next(), Action::Open);
  EXPECT_EQ(green.machine.next_epoch(), 1U);
  EXPECT_EQ(green.next(), Action::None);
  blue.reads(open_of(1, "green"));
  green.reads(open_of(1, "green"));
  EXPECT_EQ(green.next(), Action::Lead);
  EXPECT_TRUE(green.machine.leads());
  EXPECT_TRUE(green.machine.orderly());
  EXPECT_EQ(blue.machine.mode(), Mode::Following);
  EXPECT_EQ(blue.waits(std::chrono::minutes{1}), Action::None);
  EXPECT_EQ(green.next(), Action::None);
}

TEST(Leadership, who_has_derived_another_state_does_not_open_and_the_old_one_goes_on) {
  Place blue{"blue", false};
  Place green{"green", true};
  blue.hash = 42;
  green.hash = 43;
  blue.signs.drained = true;
  for (Place* each : {&blue, &green}) each->reads(order_of(1, "green"));
  EXPECT_EQ(blue.next(), Action::Close);
  for (Place* each : {&blue, &green}) each->reads(close_of(0, 42));
  EXPECT_EQ(green.next(), Action::None);
  EXPECT_TRUE(green.machine.hash_differs());
  EXPECT_EQ(blue.next(), Action::Drop);
  EXPECT_EQ(blue.waits(milliseconds{950}), Action::None);
  EXPECT_EQ(blue.waits(milliseconds{100}), Action::Take);
  EXPECT_TRUE(blue.machine.orderly());
  blue.signs.taken = true;
  EXPECT_EQ(blue.next(), Action::Open);
  for (Place* each : {&blue, &green}) each->reads(open_of(1, "blue"));
  EXPECT_EQ(blue.next(), Action::Lead);
  EXPECT_EQ(green.next(), Action::None);
  EXPECT_FALSE(green.machine.hash_differs());
}

TEST(Leadership, who_has_seen_a_difference_does_not_open) {
  Place green{"green", true};
  green.signs.may_open = false;
  green.reads(order_of(1, "green", true));
  EXPECT_EQ(green.next(), Action::None);
  EXPECT_TRUE(green.machine.hash_differs());
}

TEST(Leadership, an_order_that_cannot_be_obeyed_in_time_is_called_off) {
  Place blue{"blue", false};
  Place green{"green", true};
  for (Place* each : {&blue, &green}) each->reads(order_of(1, "green"));
  EXPECT_EQ(blue.waits(milliseconds{950}), Action::None);
  EXPECT_EQ(blue.waits(milliseconds{100}), Action::Resume);
  EXPECT_EQ(blue.next(), Action::Open);
  EXPECT_TRUE(blue.machine.leads());
  for (Place* each : {&blue, &green}) each->reads(open_of(1, "blue"));
  EXPECT_EQ(blue.next(), Action::None);
  EXPECT_EQ(green.waits(std::chrono::minutes{1}), Action::None);
}

TEST(Leadership, time_in_which_a_process_was_stopped_is_no_waiting) {
  Place blue{"blue", false};
  blue.signs.drained = true;
  blue.reads(order_of(1, "green"));
  EXPECT_EQ(blue.next(), Action::Close);
  blue.reads(close_of(0));
  EXPECT_EQ(blue.next(), Action::Drop);
  EXPECT_EQ(blue.next(std::chrono::hours{1}), Action::None);
  blue.signs.up_to_date = false;
  EXPECT_EQ(blue.waits(std::chrono::minutes{1}), Action::None);
}

TEST(Leadership, at_once_is_not_waited_for) {
  Place green{"green", true};
  green.reads(order_of(1, "green", true));
  EXPECT_EQ(green.next(), Action::Take);
  EXPECT_FALSE(green.machine.orderly());
}

TEST(Leadership, on_the_way_back_digests_may_differ_and_what_others_heard_may_not) {
  const auto follower = [](std::uint8_t how, bool said_the_same) {
    Place green{"green", true};
    green.hash = 7;
    green.signs.may_open = false;
    green.signs.said_the_same = said_the_same;
    SwitchOrder order = order_of(1, "green");
    order.at_once = how;
    green.reads(order);
    EXPECT_EQ(green.next(), Action::None) << "it is closed in order first";
    green.reads(close_of(0, 8));
    return green.next();
  };
  EXPECT_EQ(follower(0, true), Action::None);
  EXPECT_EQ(follower(2, false), Action::None);
  EXPECT_EQ(follower(2, true), Action::Take);
}

TEST(Leadership, orders_for_another_epoch_role_or_colour_are_passed_over) {
  Place green{"green", true};
  green.reads(order_of(2, "green", true));
  green.reads(order_of(0, "green", true));
  SwitchOrder other = order_of(1, "green", true);
  other.role = SwitchRole::Risk;
  green.reads(other);
  green.reads(order_of(1, "blue", true));
  EXPECT_EQ(green.next(), Action::None);
  EXPECT_EQ(green.machine.mode(), Mode::Following);
}

TEST(Leadership, who_leads_and_is_named_says_so) {
  Place blue{"blue", false};
  blue.reads(order_of(1, "blue"));
  EXPECT_EQ(blue.machine.mode(), Mode::Leading);
  EXPECT_EQ(blue.next(), Action::Open);
  EXPECT_EQ(blue.next(), Action::None);
  blue.reads(open_of(1, "blue"));
  EXPECT_EQ(blue.next(), Action::None);
  EXPECT_EQ(blue.machine.mode(), Mode::Leading);
}

TEST(Leadership, who_is_superseded_follows_in_every_mode_in_which_it_owns) {
  const auto superseded = [](Place& place) {
    place.signs.superseded = true;
    EXPECT_EQ(place.next(), Action::Drop);
    EXPECT_EQ(place.machine.mode(), Mode::Following);
    place.signs.superseded = false;
    EXPECT_FALSE(place.machine.leads());
  };
  Place leading{"blue", false};
  superseded(leading);
  // The other has opened: it follows for good.
  leading.reads(open_of(1, "green"));
  EXPECT_EQ(leading.waits(std::chrono::minutes{1}), Action::None);

  Place closing{"blue", false};
  closing.reads(order_of(1, "green"));
  superseded(closing);

  Place opening{"green", true};
  opening.reads(order_of(1, "green", true));
  EXPECT_EQ(opening.next(), Action::Take);
  superseded(opening);
}

TEST(Leadership, who_was_superseded_by_one_that_died_leads_again) {
  Place blue{"blue", false};
  blue.signs.superseded = true;
  EXPECT_EQ(blue.next(), Action::Drop);
  blue.signs.superseded = false;
  EXPECT_EQ(blue.waits(milliseconds{1'950}), Action::None);
  EXPECT_EQ(blue.waits(milliseconds{100}), Action::Take);
  EXPECT_FALSE(blue.machine.orderly());
}

TEST(Leadership, any_follower_opens_in_the_end_what_nobody_does) {
  Place green{"green", true};
  green.reads(order_of(1, "blue"));
  green.reads(close_of(0));
  EXPECT_EQ(green.waits(milliseconds{1'950}), Action::None);
  EXPECT_EQ(green.waits(milliseconds{100}), Action::Take);
}

TEST(Leadership, takes_its_sources_anew_when_a_late_one_has_taken_one_of_them) {
  Place blue{"blue", false};
  blue.signs.disturbed = true;
  EXPECT_EQ(blue.next(), Action::Drop);
  blue.signs.disturbed = false;
  EXPECT_EQ(blue.machine.mode(), Mode::Opening);
  EXPECT_EQ(blue.next(), Action::Take);
  EXPECT_EQ(blue.next(), Action::None);
  blue.signs.taken = true;
  EXPECT_EQ(blue.next(), Action::Open);
}

TEST(Leadership, opens_behind_what_another_opened_before_it_was_out) {
  Place green{"green", true};
  green.reads(order_of(1, "green"));
  green.reads(close_of(0));
  EXPECT_EQ(green.next(), Action::Take);
  green.reads(open_of(1, "blue"));  // it was first, and is superseded by now
  green.signs.taken = true;
  EXPECT_EQ(green.next(), Action::Open);
  EXPECT_EQ(green.machine.next_epoch(), 2U);
  EXPECT_FALSE(green.machine.orderly());
}

TEST(Leadership, does_not_take_what_another_has_opened_in_the_same_round) {
  Place green{"green", true};
  green.reads(order_of(1, "green"));
  green.reads(close_of(0));
  green.reads(open_of(1, "blue"));
  EXPECT_EQ(green.next(), Action::None);
  EXPECT_EQ(green.machine.mode(), Mode::Following);
}

TEST(RoleLead, remembers_an_order_until_the_next_epoch_is_open) {
  RoleLead lead;
  EXPECT_TRUE(lead.note(Encoded{order_of(1, "green")}.view()));
  EXPECT_EQ(lead.order_epoch, 1U);
  EXPECT_TRUE(lead.note(Encoded{close_of(0, 9)}.view()));
  EXPECT_FALSE(lead.note(Encoded{close_of(0, 10)}.view()));
  EXPECT_EQ(lead.close_hash, 9U);
  EXPECT_TRUE(lead.note(Encoded{open_of(1, "green")}.view()));
  EXPECT_FALSE(lead.note(Encoded{open_of(1, "blue")}.view()));
  EXPECT_FALSE(lead.note(Encoded{close_of(0)}.view()));
  EXPECT_EQ(lead, (RoleLead{.epoch = 1, .role = kRole, .holder = Text<24>::cut("green")}));
}

// --- two processes, a relay and whatever may happen to them, from a seed

/// Two sources, as the execution role has: who says hello for the first decides.
constexpr std::size_t kSources = 2;

struct Entry {
  enum class Kind : std::uint8_t { Order, Close, Open, Output } kind;
  std::uint32_t epoch = 0;
  std::size_t who = 0;
  bool at_once = false;
};

/// One log. What arrives from a publisher that a later one has superseded is refused.
class RelayModel {
 public:
  std::uint64_t hello(std::size_t source) { return owner[source] = ++instances; }
  bool append(std::size_t source, std::uint64_t instance, const Entry& entry) {
    if (owner[source] != instance) return false;
    log.push_back(entry);
    return true;
  }
  std::vector<Entry> log;
  std::array<std::uint64_t, kSources> owner{};
  std::uint64_t instances = 0;
};

constexpr std::array<std::string_view, 2> kColours{"blue", "green"};

/// A process of the role around its machine: its connections take their time, and so does its
/// reading.
class ProcessModel {
 public:
  ProcessModel(RelayModel& relay, std::size_t who) : relay_{relay}, who_{who} {}

  void start(bool beside) {
    kill();
    alive = true;
    starting_ = true;
    beside_ = beside;
    if (!beside) take();
  }
  void kill() {
    forget();
    alive = false;
    deciding = false;
    machine = Leadership{kRole, kColours[who_]};
  }

  /// One of the things that the network does.
  void deliver(Random& random) {
    const std::size_t source = random.below(kSources);
    auto& queue = sent_[source];
    if (queue.empty()) return;
    const Send send = queue.front();
    queue.pop_front();
    if (send.hello) {
      if (send.turn != turn_) return;
      instance_[source] = relay_.hello(source);
      welcomed_[source] = relay_.log.size();
      if (source + 1 < kSources) sent_[source + 1].push_back({.hello = true, .turn = turn_});
    } else if (send.turn == turn_) {
      static_cast<void>(relay_.append(source, instance_[source], send.entry));
    }
  }

  void poll(nanoseconds now, Random& random) {
    if (starting_ && !begin()) return;
    const std::size_t limit = read_ + random.below(4);
    for (; read_ < relay_.log.size() && read_ < limit; ++read_) reads(relay_.log[read_]);
    Signs signs{.up_to_date = read_ == relay_.log.size()};
    signs.taken = taken();
    // It learns of its loss when it looks, and it may look at one connection and not the other.
    signs.superseded = lost(0);
    signs.disturbed = !signs.superseded && lost(1);
    signs.drained = sent_[1].empty();
    for (int i = 0; i < 8; ++i) {
      const Action action = machine.next(now, signs);
      if (action == Action::None) break;
      act(action);
      if (action == Action::Drop || action == Action::Take) break;
    }
    if (deciding && machine.mode() == Mode::Leading && sent_[1].size() < 3 &&
        random.below(2) == 0) {
      send(1, {.kind = Entry::Kind::Output, .who = who_});
    }
  }

  bool alive = false;
  bool paused = false;
  bool deciding = false;
  Leadership machine{kRole, kColours[0]};

 private:
  struct Send {
    bool hello = false;
    std::uint64_t turn = 0;
    Entry entry{};
  };

  /// Gives up what it holds; what is on its way is lost.
  void forget() {
    ++turn_;
    instance_ = {};
    for (auto& each : sent_) each.clear();
  }

  /// The log is read to its end; one that is to lead has said hello before.
  bool begin() {
    if (!beside_ && instance_[kSources - 1] == 0) return false;
    RoleLead known;
    for (read_ = 0; read_ < relay_.log.size(); ++read_) note(known, relay_.log[read_]);
    machine.begin(known, beside_);
    starting_ = false;
    deciding = machine.mode() == Mode::Leading;
    return true;
  }
  template <class To>
  void note(To& to, const Entry& entry) {
    switch (entry.kind) {
      case Entry::Kind::Order:
        to.note(Encoded{order_of(entry.epoch, kColours[entry.who], entry.at_once)}.view());
        break;
      case Entry::Kind::Close:
        to.note(Encoded{close_of(entry.epoch)}.view());
        break;
      case Entry::Kind::Open:
        to.note(Encoded{open_of(entry.epoch, kColours[entry.who])}.view());
        break;
      case Entry::Kind::Output:
        break;
    }
  }
  void reads(const Entry& entry) { note(machine, entry); }
  [[nodiscard]] bool lost(std::size_t source) const {
    return instance_[source] != 0 && relay_.owner[source] != instance_[source];
  }
  [[nodiscard]] bool taken() const {
    for (std::size_t i = 0; i < kSources; ++i) {
      if (instance_[i] == 0 || read_ < welcomed_[i]) return false;
    }
    return true;
  }
  void take() {
    forget();
    sent_[0].push_back({.hello = true, .turn = turn_});
  }
  void send(std::size_t source, const Entry& entry) {
    sent_[source].push_back({.turn = turn_, .entry = entry});
  }
  void act(Action action) {
    switch (action) {
      case Action::Take:
        return take();
      case Action::Open:
        return send(0, {.kind = Entry::Kind::Open, .epoch = machine.next_epoch(), .who = who_});
      case Action::Lead:
        deciding = true;
        return;
      case Action::Close:
        return send(0, {.kind = Entry::Kind::Close, .epoch = machine.log().epoch, .who = who_});
      case Action::Drop:
        deciding = false;
        return forget();
      case Action::Resume:
      case Action::None:
        return;
    }
  }

  RelayModel& relay_;
  std::size_t who_;
  bool beside_ = false;
  bool starting_ = false;
  std::uint64_t turn_ = 0;
  std::array<std::deque<Send>, kSources> sent_;
  std::array<std::uint64_t, kSources> instance_{};
  std::array<std::size_t, kSources> welcomed_{};
  std::size_t read_ = 0;
};

/// Empty: each output stands in an epoch that is open and of its writer's colour.
std::string fault_in(const std::vector<Entry>& log) {
  std::uint32_t epoch = 0;
  std::size_t holder = 0;
  bool closed = false;
  for (std::size_t i = 0; i < log.size(); ++i) {
    const Entry& entry = log[i];
    const std::string at = "record " + std::to_string(i + 1) + ": ";
    switch (entry.kind) {
      case Entry::Kind::Order:
        break;
      case Entry::Kind::Open:
        if (entry.epoch != epoch + 1) return at + "opens an epoch that is not the next";
        epoch = entry.epoch;
        holder = entry.who;
        closed = false;
        break;
      case Entry::Kind::Close:
        if (entry.epoch != epoch || entry.who != holder) return at + "closes what another leads";
        closed = true;
        break;
      case Entry::Kind::Output:
        if (closed) return at + "an output behind the close";
        if (entry.who != holder) return at + "an output of one that does not lead";
        break;
    }
  }
  return {};
}

struct Outcome {
  std::string fault;
  std::size_t opened = 0;
  std::size_t outputs = 0;
};

Outcome simulate(std::uint64_t seed) {
  Random random{seed};
  RelayModel relay;
  std::deque<ProcessModel> processes;
  processes.emplace_back(relay, 0U);
  processes.emplace_back(relay, 1U);
  std::size_t place = 0;  // which of them its supervisor starts to lead
  nanoseconds now = std::chrono::seconds{1};
  const auto newest = [&] {
    for (auto entry = relay.log.rbegin(); entry != relay.log.rend(); ++entry) {
      if (entry->kind == Entry::Kind::Open) return std::pair{entry->epoch, entry->who};
    }
    return std::pair{std::uint32_t{0}, std::size_t{0}};
  };
  const auto turn = [&](std::size_t who) {
    if (processes[who].alive && !processes[who].paused) processes[who].poll(now, random);
    processes[who].deliver(random);
  };
  constexpr int kSteps = 3'000;
  for (int step = 0; step < kSteps; ++step) {
    now += milliseconds{random.below(20)};
    const std::size_t who = random.below(2);
    switch (random.below(120)) {
      case 0:
        relay.log.push_back({.kind = Entry::Kind::Order,
                             .epoch = newest().first + 1,
                             .who = random.below(2),
                             .at_once = random.below(4) == 0});
        break;
      case 1:
        if (random.below(3) == 0) processes[who].kill();
        break;
      case 2:
        processes[who].paused = !processes[who].paused;
        break;
      case 3:
        place = newest().second;
        break;
      case 4:
      case 5:
        if (!processes[who].alive) processes[who].start(who != place);
        break;
      default:
        turn(who);
        break;
    }
  }
  // Nothing happens any more: one of them leads before long.
  for (ProcessModel& each : processes) each.paused = false;
  for (std::size_t who = 0; who < 2; ++who) {
    if (!processes[who].alive) processes[who].start(who != place);
  }
  for (int step = 0; step < 4'000; ++step) {
    now += milliseconds{5};
    turn(random.below(2));
  }
  Outcome outcome{.fault = fault_in(relay.log)};
  for (const Entry& entry : relay.log) {
    outcome.opened += entry.kind == Entry::Kind::Open ? 1U : 0U;
    outcome.outputs += entry.kind == Entry::Kind::Output ? 1U : 0U;
  }
  std::size_t leaders = 0;
  for (std::size_t who = 0; who < 2; ++who) {
    if (processes[who].machine.mode() != Mode::Leading || !processes[who].deciding) continue;
    ++leaders;
    if (newest().second != who) outcome.fault += " the log names another";
  }
  if (leaders != 1) outcome.fault += " in the end " + std::to_string(leaders) + " lead";
  return outcome;
}

TEST(LeadershipSimulation, one_leads_at_every_record_and_in_the_end) {
  std::size_t opened = 0;
  std::size_t outputs = 0;
  for (std::uint64_t seed = 1; seed <= 1'000; ++seed) {
    const Outcome outcome = simulate(seed);
    ASSERT_EQ(outcome.fault, "") << "seed " << seed;
    opened += outcome.opened;
    outputs += outcome.outputs;
  }
  // It would prove little if nothing had happened.
  EXPECT_GT(opened, 2'000U);
  EXPECT_GT(outputs, 100'000U);
}

}  // namespace
}  // namespace stoa::apps
