#include "ops/metrics.h"

#include <gtest/gtest.h>
#include <simdjson.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/counter.h"
#include "base/histogram.h"
#include "ops/role_status.h"

namespace stoa::ops {
namespace {

using std::chrono::seconds;

/// The value of one line of the text, or nothing.
std::string value_of(const std::string& text, std::string_view series) {
  const std::string wanted = "\n" + std::string{series} + " ";
  const auto at = ("\n" + text).find(wanted);
  if (at == std::string::npos) return "";
  const auto begin = at + wanted.size() - 1;
  return text.substr(begin, text.find('\n', begin) - begin);
}

TEST(Metrics, shows_every_series_from_the_start) {
  std::array<Counter, 2> orders;
  Gauge age_ns;
  Metrics metrics;
  metrics.counter("stoa_orders_total", "Orders sent.", orders[0], {{"result", "sent"}});
  metrics.counter("stoa_orders_total", "Orders sent.", orders[1], {{"result", "refused"}});
  metrics.gauge("stoa_age_seconds", "How old.", age_ns, {}, Scale::Nanoseconds);
  orders[0].add(3);
  age_ns.set(1'500'000'000);
  EXPECT_EQ(metrics.text(),
            "# HELP stoa_orders_total Orders sent.\n"
            "# TYPE stoa_orders_total counter\n"
            "stoa_orders_total{result=\"sent\"} 3\n"
            "stoa_orders_total{result=\"refused\"} 0\n"
            "# HELP stoa_age_seconds How old.\n"
            "# TYPE stoa_age_seconds gauge\n"
            "stoa_age_seconds 1.5\n");
}

TEST(Metrics, escapes_the_values_of_labels) {
  Gauge one;
  Metrics metrics;
  metrics.gauge("stoa_path_info", "A path.", one, {{"path", "a\"b\\c\nd"}});
  EXPECT_NE(metrics.text().find("stoa_path_info{path=\"a\\\"b\\\\c\\nd\"} 0\n"), std::string::npos);
}

TEST(Metrics, counts_a_histogram_up_to_each_bound) {
  Histogram sync_ns;
  Metrics metrics;
  metrics.histogram("stoa_sync_duration_seconds", "Syncs.", sync_ns, {{"domain", "market"}});
  sync_ns.record(900);
  sync_ns.record(150'000);
  sync_ns.record(5'000'000'000);
  const std::string text = metrics.text();
  const auto bucket = [&](std::string_view bound) {
    return value_of(text, "stoa_sync_duration_seconds_bucket{domain=\"market\",le=\"" +
                              std::string{bound} + "\"}");
  };
  EXPECT_EQ(bucket("1e-06"), "1");
  EXPECT_EQ(bucket("0.0001"), "1");
  EXPECT_EQ(bucket("0.0002"), "2");
  EXPECT_EQ(bucket("1"), "2");
  EXPECT_EQ(bucket("+Inf"), "3");
  EXPECT_EQ(value_of(text, "stoa_sync_duration_seconds_count{domain=\"market\"}"), "3");
  EXPECT_EQ(value_of(text, "stoa_sync_duration_seconds_sum{domain=\"market\"}"), "5.0001509");
}

TEST(Metrics, reads_computed_families_when_asked) {
  std::uint64_t answers = 0;
  Metrics metrics;
  metrics.computed("stoa_answers_total", Metrics::Kind::Counter, "Answers.",
                   [&](Samples& out) { out.add(answers, {{"code", "200"}}); });
  answers = 4;
  EXPECT_EQ(value_of(metrics.text(), "stoa_answers_total{code=\"200\"}"), "4");
}

TEST(Metrics, tell_of_the_process) {
  Metrics metrics;
  metrics.process({.service = "risk",
                   .instance = "risk-1",
                   .environment = "testing",
                   .version = "1.2",
                   .commit = "abc",
                   .started = Timestamp::from_ns(1'500'000'000)});
  metrics.tick(seconds{1});
  const std::string text = metrics.text();
  EXPECT_EQ(value_of(text,
                     "stoa_build_info{version=\"1.2\",commit=\"abc\",environment=\"testing\","
                     "mode=\"PAPER\",service=\"risk\",instance=\"risk-1\",colour=\"\"}"),
            "1");
  EXPECT_EQ(value_of(text, "stoa_up_since_timestamp_seconds"), "1.5");
  const auto figure = [&](std::string_view name) { return std::stod(value_of(text, name)); };
  EXPECT_GT(figure("process_resident_memory_bytes"), 1e6);
  EXPECT_GT(figure("process_virtual_memory_bytes"), figure("process_resident_memory_bytes"));
  EXPECT_GE(figure("process_open_fds"), 3);
  EXPECT_GE(figure("process_max_fds"), figure("process_open_fds"));
  EXPECT_GE(figure("process_threads"), 1);
  EXPECT_GE(figure("process_cpu_seconds_total"), 0);
  const auto now_s = static_cast<double>(SystemClock{}.now().ns()) / 1e9;
  EXPECT_LE(figure("process_start_time_seconds"), now_s + 1);
  EXPECT_GT(figure("process_start_time_seconds"), now_s - 3'600);  // this test is younger
}

TEST(Metrics, sum_up_in_six_figures) {
  Counter messages;
  Gauge connections;
  Histogram latency_ns;
  Metrics metrics;
  metrics.summary({.messages = &messages, .connections = &connections, .latency_ns = &latency_ns});
  connections.set(7);
  for (int i = 0; i < 3; ++i) latency_ns.record(20'000);
  for (int second = 0; second <= 20; ++second) {
    metrics.tick(seconds{second});
    messages.add(static_cast<std::uint64_t>(second) * 10);  // faster and faster
  }
  simdjson::dom::parser parser;
  const simdjson::dom::element json = parser.parse(metrics.json());
  // Between the ticks of seconds 10 and 20: 10 + 11 + … + 19, times 10, in ten seconds.
  EXPECT_EQ(double(json["messages_per_second"]), 145.0);
  EXPECT_EQ(std::uint64_t(json["total_messages"]), 2'100U);
  EXPECT_EQ(std::int64_t(json["active_connections"]), 7);
  EXPECT_EQ(double(json["avg_latency_us"]), 20.0);
  EXPECT_EQ(double(json["p99_latency_us"]), 20.0);
  EXPECT_GT(std::uint64_t(json["memory_usage_bytes"]), 1'000'000U);
}

TEST(Metrics, have_the_same_in_json) {
  Counter orders;
  Metrics metrics;
  metrics.counter("stoa_orders_total", "Orders.", orders, {{"venue", "sim"}});
  orders.add(2);
  simdjson::dom::parser parser;
  const simdjson::dom::element json = parser.parse(metrics.json());
  EXPECT_EQ(std::string_view(json["stoa_orders_total"]["type"]), "counter");
  EXPECT_EQ(std::string_view(json["stoa_orders_total"]["help"]), "Orders.");
  const simdjson::dom::element sample = json["stoa_orders_total"]["samples"].at(0);
  EXPECT_EQ(std::string_view(sample["name"]), "stoa_orders_total");
  EXPECT_EQ(std::string_view(sample["labels"]), "venue=\"sim\"");
  EXPECT_EQ(std::uint64_t(sample["value"]), 2U);
  EXPECT_EQ(std::uint64_t(json["total_messages"]), 0U);  // nobody said where they come from
}

TEST(MetricsDeathTest, end_a_process_that_names_them_wrong) {
  Counter counter;
  Gauge gauge;
  Metrics metrics;
  metrics.gauge("stoa_a", "A.", gauge);
  EXPECT_DEATH(metrics.gauge("stoa_a", "A.", gauge), "added once");
  EXPECT_DEATH(metrics.counter("stoa_orders", "B.", counter), "end in _total");
  EXPECT_DEATH(metrics.gauge("stoa_b_total", "B.", gauge), "end in _total");
  EXPECT_DEATH(metrics.gauge("stoa-b", "B.", gauge), "name of a metric");
  EXPECT_DEATH(metrics.gauge("stoa_b", "", gauge), "explained in one line");
  EXPECT_DEATH(metrics.gauge("stoa_b", "B.", gauge, {{"Le", "1"}}), "name of a label");
}

}  // namespace
}  // namespace stoa::ops
