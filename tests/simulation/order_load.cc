#include "tests/simulation/order_load.h"

#include <fmt/core.h>
#include <poll.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <ctime>
#include <deque>
#include <functional>
#include <initializer_list>
#include <iterator>
#include <optional>
#include <ostream>
#include <queue>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/decimal.h"
#include "base/histogram.h"
#include "base/random.h"
#include "protocol/json/writer.h"
#include "tests/simulation/http_client_line.h"

namespace stoa::simulation {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr nanoseconds kAnswerMax = seconds{7};  // the gateway itself answers 504 after five
constexpr nanoseconds kAgain = milliseconds{200};
constexpr nanoseconds kReconnect = milliseconds{20};
constexpr nanoseconds kBookEvery = seconds{1};
constexpr nanoseconds kHoldMax = seconds{2};
constexpr int kAsksUntilAbsent = 3;
constexpr std::size_t kOpenMax = 500;  // beyond it an order is to end by itself

struct Traded {
  std::string_view symbol;
  std::string_view qty;
};
constexpr std::array<Traded, 3> kTraded{
    {{"BTCUSDT", "0.0005"}, {"ETHUSDT", "0.01"}, {"SOLUSDT", "0.2"}}};

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
  std::int64_t ticks = 0;
  nanoseconds due{};
  std::uint8_t market = 0;
  bool buy = false;
  bool rests = false;
};

class Load {
 public:
  Load(const LoadOptions& options, std::ostream& told, const std::atomic<bool>& stop)
      : options_{options}, told_{told}, stop_{stop}, random_{options.seed}, lines_(options.lines) {
    for (Line& line : lines_) line.reconnect = nanoseconds{0};
  }

  LoadReport run() {
    begin_ = now();
    for (std::uint64_t i = 0; i < kTraded.size(); ++i)
      later({.due = begin_, .what = i, .kind = Kind::Book});
    while (!books_known()) {
      if (std::chrono::duration<double>(now() - begin_).count() > options_.wait_s || stop_.load()) {
        throw std::runtime_error{
            fmt::format("port {} named no prices: is a gateway there, and ready?", options_.port)};
      }
      step();
    }
    begin_ = last_ack_ = now();
    flowing_ = true;
    while (flowing_) {
      create_due();
      step();
    }
    settle();
    return report();
  }

 private:
  struct Line {
    HttpClientLine http;
    std::optional<Request> request;  // awaits its answer
    nanoseconds sent{};
    nanoseconds reconnect{};  // not before
  };

  [[nodiscard]] nanoseconds now() const { return clock_.monotonic(); }
  [[nodiscard]] bool books_known() const {
    return std::ranges::all_of(middles_, [](std::int64_t ticks) { return ticks > 0; });
  }
  [[nodiscard]] std::string id(std::uint64_t order) const {
    return fmt::format("{}-{}", options_.prefix, order);
  }
  void later(const Request& request) { waiting_.push(request); }

  // --- what to send

  /// Every order whose moment has come; the rate does not wait for answers.
  void create_due() {
    const nanoseconds at = now();
    const double elapsed = std::chrono::duration<double>(at - begin_).count();
    if (stop_.load() || (options_.seconds > 0 && elapsed >= options_.seconds)) {
      report_.seconds = elapsed;
      close_silence(at);
      flowing_ = false;
      return;
    }
    while (true) {
      const auto due = begin_ + nanoseconds{static_cast<std::int64_t>(
                                    static_cast<double>(orders_.size()) * 1e9 / options_.rate)};
      if (due > at) {
        next_due_ = due;
        return;
      }
      const bool rests = random_.unit() < options_.rest_ratio && open_ < kOpenMax;
      if (rests) ++open_;
      orders_.push_back({.due = due,
                         .market = static_cast<std::uint8_t>(random_.below(kTraded.size())),
                         .buy = random_.one_in(2),
                         .rests = rests});
      ++report_.due;
      later({.due = due, .what = orders_.size() - 1, .kind = Kind::Place});
    }
  }

  /// A resting order lies 1 to 3 % away from the market; the others go to 0.1 % through it or stay
  /// 0.5 % short of it, and what is not filled at once is cancelled by the venue.
  [[nodiscard]] std::int64_t price(const Order& order) {
    const std::int64_t away = order.rests ? random_.between(100, 300) : random_.between(-10, 50);
    return middles_[order.market] * (10'000 + (order.buy ? -away : away)) / 10'000;
  }

  [[nodiscard]] std::string order_json(std::uint64_t number) {
    Order& order = orders_[number];
    if (order.ticks == 0) order.ticks = price(order);
    return fmt::format(
        R"({{"client_order_id":"{}","symbol":"{}","side":"{}","type":"limit","quantity":"{}","price":"{}","time_in_force":"{}"}})",
        id(number), kTraded[order.market].symbol, order.buy ? "buy" : "sell",
        kTraded[order.market].qty, price_text(order.ticks), order.rests ? "GTC" : "IOC");
  }
  [[nodiscard]] static std::string price_text(std::int64_t ticks) {
    return std::string{DecimalText{int128{ticks} * 1'000'000}.view()};
  }

  [[nodiscard]] std::string http(std::string_view method, std::string_view path,
                                 std::string_view body) const {
    return fmt::format(
        "{} {} HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nAuthorization: Bearer {}\r\n"
        "Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{}",
        method, path, options_.port, options_.token, body.size(), body);
  }

  [[nodiscard]] std::string text_of(const Request& request) {
    switch (request.kind) {
      case Kind::Place:
      case Kind::Again:
        return http("POST", "/api/v1/orders", order_json(request.what));
      case Kind::Ask:
        return http("GET", "/api/v1/orders/" + id(request.what), "");
      case Kind::Replace: {
        Order& order = orders_[request.what];
        order.ticks += order.buy ? -100 : 100;
        return http("PATCH", "/api/v1/orders/" + id(request.what),
                    fmt::format(R"({{"price":"{}"}})", price_text(order.ticks)));
      }
      case Kind::Cancel:
        return http("DELETE", "/api/v1/orders/" + id(request.what), "");
      case Kind::Book:
        return http("GET", fmt::format("/api/v1/book/{}?depth=1", kTraded[request.what].symbol),
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
      if (line.http.state() != HttpClientLine::State::Closed || line.reconnect > at) continue;
      if (!line.http.connect(options_.port)) refused(line, at);
    }
  }
  void refused(Line& line, nanoseconds at) {
    if (flowing_) ++report_.connects_refused;
    line.reconnect = at + kReconnect;
  }

  void send_ready() {
    nanoseconds at = now();
    for (Line& line : lines_) {
      if (line.http.state() != HttpClientLine::State::Idle) continue;
      const auto request = take_due(at);
      if (!request) return;
      if (request->kind == Kind::Place) ++report_.sent;
      line.request = request;
      line.sent = at;
      if (line.http.send(text_of(*request)) == HttpClientLine::Event::Lost) on_lost(line);
    }
  }
  std::optional<Request> take_due(nanoseconds at) {
    while (!waiting_.empty() && waiting_.top().due <= at) {
      const Request request = waiting_.top();
      waiting_.pop();
      const auto patience = nanoseconds{static_cast<std::int64_t>(options_.patience_s * 1e9)};
      if (request.kind == Kind::Place && at - request.due > patience) {
        ++report_.unsent;
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
    const bool idle = std::ranges::any_of(
        lines_, [](const Line& l) { return l.http.state() == HttpClientLine::State::Idle; });
    if (idle && !waiting_.empty()) sleep = std::min(sleep, waiting_.top().due - at);
    if (flowing_) sleep = std::min(sleep, next_due_ - at);
    sleep = std::max(sleep, nanoseconds{0});
    const timespec wait{.tv_sec = 0, .tv_nsec = sleep.count()};
    if (::ppoll(polled_.data(), polled_.size(), &wait, nullptr) <= 0) return;
    for (std::size_t i = 0; i < lines_.size(); ++i) {
      if (polled_[i].revents == 0) continue;
      Line& line = lines_[i];
      const bool connecting = line.http.state() == HttpClientLine::State::Connecting;
      switch (line.http.on_ready()) {
        case HttpClientLine::Event::None:
        case HttpClientLine::Event::Connected:
          break;
        case HttpClientLine::Event::Answered:
          on_answer(line);
          break;
        case HttpClientLine::Event::Lost:
          connecting ? refused(line, now()) : on_lost(line);
          break;
      }
    }
  }

  void end_late() {
    const nanoseconds at = now();
    for (Line& line : lines_) {
      if (!line.request || at - line.sent < kAnswerMax) continue;
      ++report_.time_outs;
      line.http.close();
      on_lost(line);
    }
  }

  // --- what came of it

  void on_lost(Line& line) {
    line.reconnect = now() + kReconnect;
    if (!line.request) return;
    const Request request = *std::exchange(line.request, std::nullopt);
    if (request.kind != Kind::Book) ++report_.lines_lost;
    if (request.kind == Kind::Place) return in_doubt(request.what);
    repeat(request);
  }
  /// Every request but the first of an order may simply be made again.
  void repeat(Request request) {
    if (request.kind == Kind::Cancel || request.kind == Kind::Replace) ++report_.repeated;
    request.due = now() + (request.kind == Kind::Book ? kBookEvery : kAgain);
    later(request);
  }
  /// Asked for, or sent again under the same id: a client may do either.
  void in_doubt(std::uint64_t order) {
    ++report_.unknown;
    ++open_questions_;
    tell(order, "unknown", "");
    later({.due = now() + kAgain,
           .what = order,
           .kind = random_.one_in(2) ? Kind::Ask : Kind::Again});
  }

  void on_answer(Line& line) {
    const Request request = *std::exchange(line.request, std::nullopt);
    const HttpAnswer& answer = line.http.answer();
    if (answer.status == 503) ++report_.unavailable;
    if (answer.status == 504) ++report_.time_outs;
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

  void on_placed(const Request& request, const HttpAnswer& answer) {
    const std::string_view code = json_value(answer.body, "code");
    if (answer.status == 201) {
      ++report_.acknowledged;
      acknowledged(request.due);
      tell(request.what, "acknowledged", answer.body);
      return follow(request.what);
    }
    // Proven refusals only. Everything else leaves open whether there is an order.
    const bool proven = (answer.status >= 400 && answer.status < 500 && answer.status != 409) ||
                        code == "engine_busy" || code == "not_ready";
    if (!proven) return in_doubt(request.what);
    ++report_.refused[std::string{code}];
    leave(request.what);
    tell(request.what, "refused", answer.body);
  }

  void on_resolved(Request request, const HttpAnswer& answer) {
    if (request.kind == Kind::Again && answer.status == 201) {
      ++report_.resolved_placed;
      acknowledged(std::nullopt);
      return resolved(request.what, "acknowledged", answer.body);
    }
    if (answer.status == 200 || answer.status == 409) {
      ++report_.resolved_present;
      acknowledged(std::nullopt);
      return resolved(request.what, "present", answer.body);
    }
    if (request.kind == Kind::Again && answer.status == 422) {
      ++report_.refused[std::string{json_value(answer.body, "code")}];
      --open_questions_;
      leave(request.what);
      return tell(request.what, "refused", answer.body);
    }
    if (request.kind == Kind::Ask && answer.status == 404 && ++request.tries >= kAsksUntilAbsent) {
      ++report_.resolved_absent;
      --open_questions_;
      leave(request.what);
      return tell(request.what, "absent", "");
    }
    repeat(request);
  }
  void resolved(std::uint64_t order, std::string_view how, std::string_view body) {
    --open_questions_;
    tell(order, how, body);
    follow(order);
  }

  /// A resting order is changed once, perhaps, and then cancelled.
  void follow(std::uint64_t order) {
    if (!orders_[order].rests) return;
    const nanoseconds at = now();
    if (random_.one_in(4)) {
      later({.due = at + milliseconds{random_.between(50, 300)},
             .what = order,
             .kind = Kind::Replace});
    }
    later({.due = at + milliseconds{random_.between(300, 1'200)},
           .what = order,
           .kind = Kind::Cancel});
  }
  void leave(std::uint64_t order) {
    if (orders_[order].rests && open_ > 0) --open_;
  }

  void on_changed(const Request& request, const HttpAnswer& answer) {
    const bool cancel = request.kind == Kind::Cancel;
    if (answer.status >= 500) return repeat(request);
    if (answer.status == 200) {
      ++(cancel ? report_.cancels : report_.replaces);
    } else {
      ++report_.follow_ups_refused;
    }
    if (!cancel) return;
    leave(request.what);
    if (answer.status != 200 && answer.status != 409) return;
    fmt::format_to(std::back_inserter(line_),
                   R"({{"order":"{}","told":"ended","status":"{}","filled":"{}"}})"
                   "\n",
                   id(request.what), order_status(answer.body),
                   json_value(answer.body, "filled_quantity"));
    flush();
  }
  /// A problem has a number of that name in front of the order's.
  [[nodiscard]] static std::string_view order_status(std::string_view body) {
    const auto at = body.find(R"("filled_quantity":)");
    return at == std::string_view::npos ? std::string_view{}
                                        : json_value(body.substr(at), "status");
  }

  void on_book(const Request& request, const HttpAnswer& answer) {
    later({.due = now() + kBookEvery, .what = request.what, .kind = Kind::Book});
    if (answer.status != 200) return;
    const std::int64_t bid = first_price(answer.body, R"("bids":[[")");
    const std::int64_t ask = first_price(answer.body, R"("asks":[[")");
    if (bid > 0 && ask > 0) middles_[request.what] = (bid + ask) / 2;
  }
  /// In ticks of 0.01; 0: none.
  [[nodiscard]] static std::int64_t first_price(std::string_view body, std::string_view key) {
    const auto at = body.find(key);
    if (at == std::string_view::npos) return 0;
    const std::string_view text = body.substr(at + key.size());
    const auto e8 = parse_e8(text.substr(0, text.find('"')));
    return e8 ? *e8 / 1'000'000 : 0;
  }

  // --- accounting

  void acknowledged(std::optional<nanoseconds> due) {
    const nanoseconds at = now();
    close_silence(at);
    if (!due) return;
    const nanoseconds took = at - *due;
    latency_.record(static_cast<std::uint64_t>(took.count()));
    if (took > kHoldMax) ++report_.slower_than_2s;
    const auto second = static_cast<std::size_t>((at - begin_) / seconds{1});
    while (report_.by_second.size() < second) end_second();
    second_us_.push_back(static_cast<std::uint32_t>(took.count() / 1'000));
  }
  void close_silence(nanoseconds at) {
    if (!flowing_) return;
    const auto silence = static_cast<std::uint64_t>((at - last_ack_) / milliseconds{1});
    if (silence > report_.longest_silence_ms) {
      report_.longest_silence_ms = silence;
      report_.longest_silence_at_s = std::chrono::duration<double>(last_ack_ - begin_).count();
    }
    last_ack_ = at;
  }
  void end_second() {
    LoadSecond second{.acknowledged = second_us_.size()};
    if (!second_us_.empty()) {
      std::ranges::sort(second_us_);
      second.p50_us = second_us_[second_us_.size() / 2];
      second.p99_us = second_us_[second_us_.size() * 99 / 100];
      second.max_us = second_us_.back();
    }
    report_.by_second.push_back(second);
    second_us_.clear();
  }

  void tell(std::uint64_t order, std::string_view how, std::string_view body) {
    fmt::format_to(std::back_inserter(line_), R"({{"t_ms":{},"order":"{}","told":"{}")",
                   clock_.now().ns() / 1'000'000, id(order), how);
    for (const std::string_view name : {"code", "cl_ord_id"}) {
      const std::string_view value = json_value(body, name);
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
      return open_questions_ > 0 || waiting_.size() > kTraded.size() ||
             std::ranges::any_of(lines_, [](const Line& line) {
               return line.request && line.request->kind != Kind::Book;
             });
    };
    while (work_left() && now() < deadline) step();
    report_.unresolved = open_questions_;
    told_.flush();
  }

  LoadReport report() {
    if (!second_us_.empty()) end_second();
    report_.p50_us = latency_.percentile(.5) / 1'000;
    report_.p99_us = latency_.percentile(.99) / 1'000;
    report_.p999_us = latency_.percentile(.999) / 1'000;
    report_.max_us = latency_.max() / 1'000;
    return std::move(report_);
  }

  LoadOptions options_;
  std::ostream& told_;
  const std::atomic<bool>& stop_;
  SystemClock clock_;
  Random random_;
  std::vector<Line> lines_;
  std::vector<pollfd> polled_;
  std::priority_queue<Request, std::vector<Request>, std::greater<>> waiting_;
  std::deque<Order> orders_;
  std::array<std::int64_t, kTraded.size()> middles_{};  // in ticks of 0.01
  nanoseconds begin_{};
  nanoseconds next_due_{};
  nanoseconds last_ack_{};
  bool flowing_ = false;
  std::size_t open_ = 0;
  std::uint64_t open_questions_ = 0;
  std::string line_;
  Histogram latency_;
  std::vector<std::uint32_t> second_us_;
  LoadReport report_;
};

}  // namespace

LoadReport run_order_load(const LoadOptions& options, std::ostream& told,
                          const std::atomic<bool>& stop) {
  return Load{options, told, stop}.run();
}

std::string to_json(const LoadReport& report) {
  std::string text;
  json::Writer json{text};
  json.begin_object();
  json.key("seconds");
  json.milli(static_cast<std::int64_t>(report.seconds * 1e3));
  for (const auto& [name, value] :
       std::initializer_list<std::pair<std::string_view, std::uint64_t>>{
           {"due", report.due},
           {"sent", report.sent},
           {"unsent", report.unsent},
           {"acknowledged", report.acknowledged},
           {"unknown", report.unknown},
           {"resolved_present", report.resolved_present},
           {"resolved_absent", report.resolved_absent},
           {"resolved_placed", report.resolved_placed},
           {"unresolved", report.unresolved},
           {"cancels", report.cancels},
           {"replaces", report.replaces},
           {"follow_ups_refused", report.follow_ups_refused},
           {"repeated", report.repeated},
           {"connects_refused", report.connects_refused},
           {"lines_lost", report.lines_lost},
           {"time_outs", report.time_outs},
           {"unavailable", report.unavailable},
           {"slower_than_2s", report.slower_than_2s},
           {"p50_us", report.p50_us},
           {"p99_us", report.p99_us},
           {"p999_us", report.p999_us},
           {"max_us", report.max_us},
           {"longest_silence_ms", report.longest_silence_ms}}) {
    json.field(name, value);
  }
  json.key("longest_silence_at_s");
  json.milli(static_cast<std::int64_t>(report.longest_silence_at_s * 1e3));
  json.key("refused");
  json.begin_object();
  for (const auto& [code, count] : report.refused) {
    json.text_key(code);
    json.value(count);
  }
  json.end_object();
  json.key("by_second");
  json.begin_array();
  for (const LoadSecond& second : report.by_second) {
    json.begin_object();
    json.field("acknowledged", second.acknowledged);
    json.field("p50_us", second.p50_us);
    json.field("p99_us", second.p99_us);
    json.field("max_us", second.max_us);
    json.end_object();
  }
  json.end_array();
  json.end_object();
  return text;
}

}  // namespace stoa::simulation
