// stoa_switch: tells the log of a platform that another process of a role is to lead, as the deploy
// plane does, and watches until the one that leads then has decided something. Prints what it saw.
//
//   {"epoch":2,"order":120,"close":122,"open":125,"holder":"green","decided":127,
//    "order_to_close_us":310,"close_to_open_us":900,"close_to_decided_us":1400}
//
// Times are those at which the records came here, which is when anybody knows of them. Exit 3:
// nobody had opened and decided in time.

#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>

#include "base/clock.h"
#include "base/ids.h"
#include "base/text.h"
#include "model/system.h"
#include "protocol/native/codec.h"
#include "relay/publisher.h"
#include "relay/source.h"
#include "relay/subscriber.h"
#include "relay/wire.h"

namespace {

using namespace stoa;

struct Options {
  std::filesystem::path socket;
  SwitchRole role = SwitchRole::Execution;
  std::uint32_t epoch = 1;
  std::string to;
  bool at_once = false;
  std::uint32_t hold_max_ms = 2'000;
  double wait_s = 10;
};

/// The records of one switch, as they come.
class Watch final : public relay::SubscriberHandler {
 public:
  Watch(const Options& options, const Clock& clock) : options_{options}, clock_{clock} {}

  struct Seen {
    Lsn lsn{};
    nanoseconds time{};
  };
  Seen order, close, open, decided;
  std::string holder;
  std::uint32_t opened = 0;

  void on_message(Lsn lsn, const native::MessageView& message) override {
    if (lsn == Lsn{}) return;
    const Seen seen{.lsn = lsn, .time = clock_.monotonic()};
    if (message.is<SwitchOrder>() && message.as<SwitchOrder>().role == options_.role) order = seen;
    if (order.lsn == Lsn{}) return;
    if (message.is<EpochClose>() && message.as<EpochClose>().role == options_.role) close = seen;
    if (message.is<EpochOpen>() && message.as<EpochOpen>().role == options_.role &&
        open.lsn == Lsn{}) {
      open = seen;
      holder = message.as<EpochOpen>().holder.view();
      opened = message.as<EpochOpen>().epoch;
    }
    // Of other roles there is no word that comes for sure: the open epoch is the end.
    const bool decides = options_.role != SwitchRole::Execution ||
                         message.header().source == static_cast<std::uint8_t>(relay::Source::Core);
    if (open.lsn != Lsn{} && decided.lsn == Lsn{} && decides) decided = seen;
  }

 private:
  const Options& options_;
  const Clock& clock_;
};

std::int64_t us(const Watch::Seen& from, const Watch::Seen& to) {
  return from.lsn == Lsn{} || to.lsn == Lsn{} ? -1 : (to.time - from.time).count() / 1'000;
}

template <class T>
T whole(Result<T> result) {
  if (!result) throw std::runtime_error(result.error().text());
  return std::move(*result);
}

int run(const Options& options) {
  const SystemClock clock;
  auto publisher = whole(relay::Publisher::open(
      {.socket = options.socket, .source = relay::Source::Deploy, .name = "stoa_switch"}));
  auto subscriber =
      whole(relay::Subscriber::open({.socket = options.socket, .name = "stoa_switch"}));
  Watch watch{options, clock};
  const nanoseconds until =
      clock.monotonic() + std::chrono::nanoseconds{static_cast<std::int64_t>(options.wait_s * 1e9)};
  bool said = false;
  while (clock.monotonic() < until && watch.decided.lsn == Lsn{}) {
    std::size_t work = publisher.poll(clock.monotonic());
    work += subscriber.poll(clock.monotonic(), watch);
    if (!said && publisher.ready() && subscriber.connected()) {
      SwitchOrder order{.epoch = options.epoch,
                        .hold_max_ms = options.hold_max_ms,
                        .role = options.role,
                        .at_once = static_cast<std::uint8_t>(options.at_once ? 1 : 0)};
      order.to = Text<24>::cut(options.to);
      order.actor = Note::cut("stoa_switch");
      order.reason = Note::cut("a test");
      said = publisher.publish(order, clock.now()) == relay::Publish::Ok;
    }
    if (work == 0) std::this_thread::sleep_for(std::chrono::microseconds{50});
  }
  fmt::print(
      R"({{"epoch":{},"order":{},"close":{},"open":{},"holder":"{}","decided":{},)"
      R"("order_to_close_us":{},"close_to_open_us":{},"close_to_decided_us":{},"order_to_open_us":{}}})"
      "\n",
      watch.opened, watch.order.lsn.value(), watch.close.lsn.value(), watch.open.lsn.value(),
      watch.holder, watch.decided.lsn.value(), us(watch.order, watch.close),
      us(watch.close, watch.open), us(watch.close, watch.decided), us(watch.order, watch.open));
  return watch.decided.lsn == Lsn{} ? 3 : 0;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{"An order to switch, and what became of it", "stoa_switch"};
  Options options;
  std::filesystem::path data;
  std::string role = "execution";
  app.add_option("data", data, "Data directory of a platform that runs")->required();
  app.add_option("--role", role)
      ->check(CLI::IsMember({"execution", "risk", "strategy", "gateway"}));
  app.add_option("--to", options.to, "Colour of who is to lead")->required();
  app.add_option("--epoch", options.epoch, "That it opens")->required();
  app.add_flag("--at-once", options.at_once);
  app.add_option("--hold-max-ms", options.hold_max_ms)->capture_default_str();
  app.add_option("--wait", options.wait_s, "Seconds")->capture_default_str();
  try {
    app.parse(argc, argv);
    options.socket = data / "run" / "execution.sock";
    for (std::uint8_t i = 0; i < kSwitchRoles; ++i) {
      if (to_string(static_cast<SwitchRole>(i)) == role) options.role = static_cast<SwitchRole>(i);
    }
    return run(options);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  } catch (const std::exception& error) {
    fmt::print(stderr, "stoa_switch: {}\n", error.what());
    return 1;
  }
}
