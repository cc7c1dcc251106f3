#include "deploy/order_load.h"

#include <fmt/core.h>
#include <sys/poll.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <ctime>
#include <deque>
#include <expected>
#include <functional>
#include <iterator>
#include <optional>
#include <ostream>
#include <queue>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/decimal.h"
#include "base/error.h"
#include "base/random.h"
#include "deploy/load_account.h"
#include "deploy/load_plan.h"
#include "ops/http_line.h"
#include "protocol/json/flat_value.h"

namespace stoa::deploy {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr nanoseconds kAnswerMax = seconds{7};  // the gateway itself answers 504 after five
constexpr nanoseconds kAgain = milliseconds{200};
constexpr nanoseconds kReconnect = milliseconds{20};
constexpr nanoseconds kBookEvery = seconds{1};
constexpr int kAsksUntilAbsent = 3;
constexpr std::size_t kOpenMax = 500;  // beyond it an order is to end by itself

enum class Kind : std::uint8_t { Place, Again, Ask, Replace, Cancel, Book };

/// Something to send at a moment; of an order, or of an instrument for Book.
struct Request {
  nanoseconds due{};
  std::uint64_t what = 0;
  Kind kind = Kind::Place;
  std::uint8_t tries = 0;

  friend bool operator>(const Request& a, const Request& b) { return a.due > b.due; }
};

struct Order {
  PlannedOrder plan{};
  std::int64_t px_e8 = 0;  // once it was first sent
};

class Load {
 public:
  Load(const LoadOptions& options, std::ostream& told, const std::atomic<bool>& stop)
      : options_{options},
        told_{told},
        stop_{stop},
        plan_{options.markets, options.rate, options.rest_ratio, options.seed},
        random_{options.seed},
        lines_(options.connections),
        middles_e8_(options.markets.size()) {}

  Result<LoadOutcome> run() {
    begin_ = now();
    for (std::uint64_t i = 0; i < middles_e8_.size(); ++i) {
      later({.due = begin_, .what = i, .kind = Kind::Book});
    }
    while (!books_known()) {
      if (std::chrono::duration<double>(now() - begin_).count() > options_.wait_s || stop_.load()) {
        return std::unexpected(Error{.code = ErrorCode::Unavailable,
                                     .message = "named no prices: is a gateway there, and ready?",
                                     .source = options_.host});
      }
      step();
    }
    begin_ = now();
    account_.begin(begin_);
    flowing_ = true;
    while (flowing_) {
      create_due();
      step();
    }
    settle();
    return LoadOutcome{.report = account_.report(), .fates = account_.fates()};
  }

 private:
  struct Line {
    ops::HttpLine http;
    std::optional<Request> request;  // awaits its answer
    nanoseconds sent{};
    nanoseconds reconnect{};  // not before
  };
  using State = ops::HttpLine::State;
  using Event = ops::HttpLine::Event;

  [[nodiscard]] nanoseconds now() const { return clock_.monotonic(); }
  [[nodiscard]] bool books_known() const {
    return std::ranges::all_of(middles_e8_, [](std::int64_t middle) { return middle > 0; });
  }
  [[nodiscard]] std::string id(std::uint64_t order) const {
    return load_order_id(options_.prefix, order);
  }
  [[nodiscard]] const LoadMarket& market(const Order& order) const {
    return options_.markets[order.plan.market];
  }
  void later(const Request& request) { waiting_.push(request); }

  // --- what to send

  /// Every order whose moment has come; the rate does not wait for answers.
  void create_due() {
    const nanoseconds at = now();
    const double elapsed = std::chrono::duration<double>(at - begin_).count();
    if (stop_.load() || (options_.seconds > 0 && elapsed >= options_.seconds)) {
      account_.end(at);
      flowing_ = false;
      return;
    }
    while (true) {
      const auto due = begin_ + plan_.due(orders_.size());
      if (due > at) {
        next_due_ = due;
        return;
      }
      Order order{.plan = plan_.order(orders_.size())};
      order.plan.rests = order.plan.rests && open_ < kOpenMax;
      if (order.plan.rests) ++open_;
      orders_.push_back(order);
      later({.due = due, .what = account_.due(), .kind = Kind::Place});
    }
  }

  [[nodiscard]] std::string order_json(std::uint64_t number) {
    Order& order = orders_[number];
    if (order.px_e8 == 0) {
      order.px_e8 = load_price_e8(order.plan, market(order), middles_e8_[order.plan.market]);
    }
    return load_order_json(order.plan, market(order), id(number), order.px_e8);
  }

  [[nodiscard]] std::string http(std::string_view method, std::string_view path,
                                 std::string_view body) const {
    return fmt::format(
        "{} {} HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {}\r\n"
        "Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{}",
        method, path, options_.host, options_.token, body.size(), body);
  }

  [[nodiscard]] std::string text_of(const Request& request) {
    switch (request.kind) {
      case Kind::Place:
      case Kind::Again:
        return http("POST", "/api/v1/orders", order_json(request.what));
      case Kind::Ask:
        return http("GET", "/api/v1/orders/" + id(request.what), "");
      case Kind::Replace: {
        constexpr std::int64_t kTicksFurther = 100;
        Order& order = orders_[request.what];
        const std::int64_t further = kTicksFurther * market(order).tick_e8;
        order.px_e8 += order.plan.buy ? -further : further;
        const DecimalText px{int128{order.px_e8}};
        return http("PATCH", "/api/v1/orders/" + id(request.what),
                    fmt::format(R"({{"price":"{}"}})", px.view()));
      }
      case Kind::Cancel:
        return http("DELETE", "/api/v1/orders/" + id(request.what), "");
      case Kind::Book:
        return http("GET",
                    fmt::format("/api/v1/book/{}?depth=1", options_.markets[request.what].symbol),
                    "");
    }
    return {};
  }

  // --- one round

  void step() {
    connect_lines();
    send_ready();
    poll_lines();
    end_late();
  }

  void connect_lines() {
    const nanoseconds at = now();
    for (Line& line : lines_) {
      if (line.http.state() != State::Closed || line.reconnect > at) continue;
      if (!line.http.connect(options_.address)) refused(line, at);
    }
  }
  void refused(Line& line, nanoseconds at) {
    if (flowing_) ++account_.counts().connects_refused;
    line.reconnect = at + kReconnect;
  }

  void send_ready() {
    const nanoseconds at = now();
    for (Line& line : lines_) {
      if (line.http.state() != State::Idle) continue;
      const auto request = take_due(at);
      if (!request) return;
      if (request->kind == Kind::Place) account_.sent();
      line.request = request;
      line.sent = at;
      if (line.http.send(text_of(*request)) == Event::Lost) on_lost(line);
    }
  }
  std::optional<Request> take_due(nanoseconds at) {
    while (!waiting_.empty() && waiting_.top().due <= at) {
      const Request request = waiting_.top();
      waiting_.pop();
      const auto patience = nanoseconds{static_cast<std::int64_t>(options_.patience_s * 1e9)};
      if (request.kind == Kind::Place && at - request.due > patience) {
        account_.unsent(request.what);
        leave(request.what);
        tell(request.what, "unsent", "");
        continue;
      }
      return request;
    }
    return std::nullopt;
  }

  void poll_lines() {
    polled_.clear();
    for (const Line& line : lines_) {
      polled_.push_back({.fd = line.http.fd(), .events = line.http.wants(), .revents = 0});
    }
    nanoseconds sleep = milliseconds{5};
    const nanoseconds at = now();
    const bool idle =
        std::ranges::any_of(lines_, [](const Line& l) { return l.http.state() == State::Idle; });
    if (idle && !waiting_.empty()) sleep = std::min(sleep, waiting_.top().due - at);
    if (flowing_) sleep = std::min(sleep, next_due_ - at);
    sleep = std::max(sleep, nanoseconds{0});
    const timespec wait{.tv_sec = 0, .tv_nsec = sleep.count()};
    if (::ppoll(polled_.data(), polled_.size(), &wait, nullptr) <= 0) return;
    for (std::size_t i = 0; i < lines_.size(); ++i) {
      if (polled_[i].revents == 0) continue;
      Line& line = lines_[i];
      const bool connecting = line.http.state() == State::Connecting;
      switch (line.http.on_ready()) {
        case Event::None:
        case Event::Connected:
          break;
        case Event::Answered:
          on_answer(line);
          break;
        case Event::Lost:
          connecting ? refused(line, now()) : on_lost(line);
          break;
      }
    }
  }

  void end_late() {
    const nanoseconds at = now();
    for (Line& line : lines_) {
      if (!line.request || at - line.sent < kAnswerMax) continue;
      ++account_.counts().time_outs;
      line.http.close();
      on_lost(line);
    }
  }

  // --- what came of it

  void on_lost(Line& line) {
    line.reconnect = now() + kReconnect;
    const auto awaited = std::exchange(line.request, std::nullopt);
    if (!awaited) return;
    const Request request = *awaited;
    if (request.kind != Kind::Book) ++account_.counts().lines_lost;
    if (request.kind == Kind::Place) return in_doubt(request.what);
    repeat(request);
  }
  /// Every request but the first of an order may simply be made again.
  void repeat(Request request) {
    if (request.kind == Kind::Cancel || request.kind == Kind::Replace) ++account_.counts().repeated;
    request.due = now() + (request.kind == Kind::Book ? kBookEvery : kAgain);
    later(request);
  }
  /// Asked for, or sent again under the same id: a client may do either.
  void in_doubt(std::uint64_t order) {
    account_.unknown(order);
    tell(order, "unknown", "");
    later({.due = now() + kAgain,
           .what = order,
           .kind = random_.one_in(2) ? Kind::Ask : Kind::Again});
  }

  void on_answer(Line& line) {
    const auto awaited = std::exchange(line.request, std::nullopt);
    if (!awaited) return;
    const Request request = *awaited;
    const ops::HttpAnswer& answer = line.http.answer();
    if (answer.status == 503) ++account_.counts().unavailable;
    if (answer.status == 504) ++account_.counts().time_outs;
    switch (request.kind) {
      case Kind::Place:
        return on_placed(request, answer);
      case Kind::Again:
      case Kind::Ask:
        return on_resolved(request, answer);
      case Kind::Replace:
      case Kind::Cancel:
        return on_changed(request, answer);
      case Kind::Book:
        return on_book(request, answer);
    }
  }

  void on_placed(const Request& request, const ops::HttpAnswer& answer) {
    const std::string_view code = json::flat_value(answer.body, "code");
    switch (verdict_on_order(answer.status, code)) {
      case Verdict::Taken:
        account_.acknowledged(request.what, request.due, now());
        tell(request.what, "acknowledged", answer.body);
        return follow(request.what);
      case Verdict::Refused:
        return refused(request.what, answer.body);
      case Verdict::Absent:
      case Verdict::Unclear:
        return in_doubt(request.what);
    }
  }
  void refused(std::uint64_t order, std::string_view body) {
    account_.refused(order, json::flat_value(body, "code"));
    leave(order);
    tell(order, "refused", body);
  }

  void on_resolved(Request request, const ops::HttpAnswer& answer) {
    const bool again = request.kind == Kind::Again;
    switch (again ? verdict_on_repeat(answer.status) : verdict_on_question(answer.status)) {
      case Verdict::Taken: {
        const bool placed_now = again && answer.status == 201;
        account_.found(request.what, placed_now, now());
        tell(request.what, placed_now ? "acknowledged" : "present", answer.body);
        return follow(request.what);
      }
      case Verdict::Refused:
        return refused(request.what, answer.body);
      case Verdict::Absent:
        if (++request.tries < kAsksUntilAbsent) break;
        account_.absent(request.what);
        leave(request.what);
        return tell(request.what, "absent", "");
      case Verdict::Unclear:
        break;
    }
    repeat(request);
  }

  /// A resting order is changed once, perhaps, and then cancelled.
  void follow(std::uint64_t order) {
    if (!orders_[order].plan.rests) return;
    const nanoseconds at = now();
    if (orders_[order].plan.changes) {
      later({.due = at + milliseconds{random_.between(50, 300)},
             .what = order,
             .kind = Kind::Replace});
    }
    later({.due = at + milliseconds{random_.between(300, 1'200)},
           .what = order,
           .kind = Kind::Cancel});
  }
  void leave(std::uint64_t order) {
    if (orders_[order].plan.rests && open_ > 0) --open_;
  }

  void on_changed(const Request& request, const ops::HttpAnswer& answer) {
    const bool cancel = request.kind == Kind::Cancel;
    if (answer.status >= 500) return repeat(request);
    LoadReport& counts = account_.counts();
    if (answer.status == 200) {
      ++(cancel ? counts.cancels : counts.replaces);
    } else {
      ++counts.follow_ups_refused;
    }
    if (!cancel) return;
    leave(request.what);
    if (answer.status != 200 && answer.status != 409) return;
    fmt::format_to(std::back_inserter(line_),
                   R"({{"order":"{}","told":"ended","status":"{}","filled":"{}"}})"
                   "\n",
                   id(request.what), order_status(answer.body),
                   json::flat_value(answer.body, "filled_quantity"));
    flush();
  }
  /// A problem has a number of that name in front of the order's.
  [[nodiscard]] static std::string_view order_status(std::string_view body) {
    const auto at = body.find(R"("filled_quantity":)");
    return at == std::string_view::npos ? std::string_view{}
                                        : json::flat_value(body.substr(at), "status");
  }

  void on_book(const Request& request, const ops::HttpAnswer& answer) {
    later({.due = now() + kBookEvery, .what = request.what, .kind = Kind::Book});
    if (answer.status != 200) return;
    const std::int64_t bid = first_price(answer.body, R"("bids":[[")");
    const std::int64_t ask = first_price(answer.body, R"("asks":[[")");
    if (bid > 0 && ask > 0) middles_e8_[request.what] = bid + (ask - bid) / 2;
  }
  /// 0: none.
  [[nodiscard]] static std::int64_t first_price(std::string_view body, std::string_view key) {
    const auto at = body.find(key);
    if (at == std::string_view::npos) return 0;
    const std::string_view text = body.substr(at + key.size());
    return parse_e8(text.substr(0, text.find('"'))).value_or(0);
  }

  void tell(std::uint64_t order, std::string_view how, std::string_view body) {
    fmt::format_to(std::back_inserter(line_), R"({{"t_ms":{},"order":"{}","told":"{}")",
                   clock_.now().ns() / 1'000'000, id(order), how);
    for (const std::string_view name : {"code", "cl_ord_id"}) {
      const std::string_view value = json::flat_value(body, name);
      if (!value.empty() && value != "null") {
        fmt::format_to(std::back_inserter(line_), R"(,"{}":"{}")", name, value);
      }
    }
    line_ += "}\n";
    flush();
  }
  void flush() {
    told_ << line_;
    line_.clear();
  }

  // --- the end

  void settle() {
    const nanoseconds deadline =
        now() + nanoseconds{static_cast<std::int64_t>(options_.settle_s * 1e9)};
    const auto work_left = [&] {
      return account_.open_questions() > 0 || waiting_.size() > middles_e8_.size() ||
             std::ranges::any_of(lines_, [](const Line& line) {
               return line.request && line.request->kind != Kind::Book;
             });
    };
    while (work_left() && now() < deadline) step();
    told_.flush();
  }

  const LoadOptions& options_;
  std::ostream& told_;
  const std::atomic<bool>& stop_;
  LoadPlan plan_;
  SystemClock clock_;
  Random random_;  // of follow-ups, whose moments depend on the answers anyway
  std::vector<Line> lines_;
  std::vector<pollfd> polled_;
  std::priority_queue<Request, std::vector<Request>, std::greater<>> waiting_;
  std::deque<Order> orders_;
  std::vector<std::int64_t> middles_e8_;
  nanoseconds begin_{};
  nanoseconds next_due_{};
  bool flowing_ = false;
  std::size_t open_ = 0;
  std::string line_;
  LoadAccount account_;
};

}  // namespace

Result<LoadOutcome> run_order_load(const LoadOptions& options, std::ostream& told,
                                   const std::atomic<bool>& stop) {
  return Load{options, told, stop}.run();
}

}  // namespace stoa::deploy
