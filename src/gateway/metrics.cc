#include "gateway/metrics.h"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "base/histogram.h"
#include "gateway/app.h"
#include "journal/writer.h"
#include "model/types.h"
#include "ops/engine_status.h"
#include "protocol/json/writer.h"

namespace stoa::gateway {
namespace {

struct Sample {
  std::string_view suffix{};  // "_bucket", "_sum", "_count" of a histogram
  std::string labels{};       // `rule="PriceBand"`, values need no escaping
  std::string value{};
};

struct Family {
  std::string_view name{};
  std::string_view type{};
  std::string_view help{};
  std::vector<Sample> samples{};
};

template <class Number>
std::string number(Number value) {
  char text[48];
  const auto end = std::to_chars(text, text + sizeof text, value).ptr;
  return {text, end};
}

/// Nanoseconds as seconds, exact to nine decimals.
std::string seconds(std::uint64_t ns) { return number(static_cast<double>(ns) / 1e9); }

class Collector {
 public:
  void one(std::string_view name, std::string_view type, std::string_view help, std::string value) {
    families_.push_back({name, type, help, {{{}, {}, std::move(value)}}});
  }
  Family& family(std::string_view name, std::string_view type, std::string_view help) {
    return families_.emplace_back(Family{name, type, help, {}});
  }
  void histogram(std::string_view name, std::string_view help, const Histogram& values) {
    static constexpr std::array<std::pair<std::uint64_t, std::string_view>, 19> kBounds{{
        {1'000, "1e-06"},     {2'000, "2e-06"},     {5'000, "5e-06"},     {10'000, "1e-05"},
        {20'000, "2e-05"},    {50'000, "5e-05"},    {100'000, "0.0001"},  {200'000, "0.0002"},
        {500'000, "0.0005"},  {1'000'000, "0.001"}, {2'000'000, "0.002"}, {5'000'000, "0.005"},
        {10'000'000, "0.01"}, {20'000'000, "0.02"}, {50'000'000, "0.05"}, {100'000'000, "0.1"},
        {200'000'000, "0.2"}, {500'000'000, "0.5"}, {1'000'000'000, "1"},
    }};
    Family& out = family(name, "histogram", help);
    // The recording thread goes on meanwhile: each figure is read once and none may pass the count.
    std::uint64_t below = 0;
    std::vector<std::uint64_t> counts;
    counts.reserve(kBounds.size());
    for (const auto& [bound_ns, label] : kBounds) counts.push_back(values.count_up_to(bound_ns));
    const std::uint64_t sum_ns = values.sum();
    const std::uint64_t total = std::max(values.count(), counts.back());
    for (std::size_t i = 0; i < kBounds.size(); ++i) {
      below = std::max(below, counts[i]);
      out.samples.push_back(
          {"_bucket", "le=\"" + std::string{kBounds[i].second} + "\"", number(below)});
    }
    out.samples.push_back({"_bucket", "le=\"+Inf\"", number(total)});
    out.samples.push_back({"_sum", {}, seconds(sum_ns)});
    out.samples.push_back({"_count", {}, number(total)});
  }
  [[nodiscard]] const std::vector<Family>& families() const noexcept { return families_; }

 private:
  std::vector<Family> families_;
};

std::string label(std::string_view name, std::string_view value) {
  std::string text{name};
  text += "=\"";
  for (const char c : value) {
    if (c == '"' || c == '\\') text += '\\';
    text += c;
  }
  return text + "\"";
}

void collect_log(Collector& out, const App& app) {
  const ops::EngineStatus& status = *app.link.status;
  const journal::WriterMetrics* journal = app.link.journal;
  out.one("stoa_log_head_seq", "gauge", "Last record appended to the execution log.",
          number(status.head_lsn.value()));
  out.one("stoa_log_durable_seq", "gauge", "Last record known to survive a power cut.",
          number(status.durable_lsn.value()));
  out.family("stoa_log_appended_records_total", "counter", "Records appended since the start.")
      .samples.push_back({{},
                          label("domain", "execution"),
                          number(journal == nullptr ? 0 : journal->records.value())});
  out.one("stoa_log_written_bytes_total", "counter", "Bytes handed to the file system.",
          number(journal == nullptr ? 0 : journal->bytes_written.value()));
  out.one("stoa_log_segments", "gauge", "Segment files of the execution log.",
          number(app.log_segments));
  out.one("stoa_log_failed", "gauge", "1 when the log can no longer be written.",
          number(status.log_failed.value()));
  static const Histogram kNothing;
  out.histogram("stoa_log_fsync_duration_seconds", "Time of one fdatasync of the log.",
                journal == nullptr ? kNothing : journal->sync_ns);
}

void collect_checkpoints(Collector& out, const App& app) {
  const ops::EngineStatus& status = *app.link.status;
  out.one("stoa_checkpoint_seq", "gauge", "Record of the newest checkpoint, 0: none.",
          number(status.checkpoint_lsn.value()));
  out.one("stoa_checkpoint_bytes", "gauge", "Size of the newest checkpoint.",
          number(status.checkpoint_bytes.value()));
  out.one("stoa_checkpoints_total", "counter", "Checkpoints written since the start.",
          number(status.checkpoints.value()));
  out.one("stoa_checkpoint_failures_total", "counter", "Checkpoints that could not be written.",
          number(status.checkpoint_failures.value()));
  out.one("stoa_checkpoint_failed", "gauge", "1 when the last checkpoint could not be written.",
          number(status.checkpoint_failed.value()));
  out.histogram("stoa_checkpoint_copy_duration_seconds",
                "Time for which the engine stood still to copy its state.",
                status.checkpoint_copy_ns);
  out.histogram("stoa_checkpoint_write_duration_seconds",
                "From the copy of the state to the durable file.", status.checkpoint_write_ns);
  out.one("stoa_log_removed_segments_total", "counter", "Segments removed by retention.",
          number(status.removed_segments.value()));
  out.one("stoa_log_removed_bytes_total", "counter", "Bytes of those.",
          number(status.removed_bytes.value()));
  out.one("stoa_log_retention_failures_total", "counter", "Times retention could not do its work.",
          number(status.retention_failures.value()));
  out.one("stoa_log_held", "gauge",
          "1 when a checkpoint or cursor keeps the log above wal.keep_bytes.",
          number(status.log_held.value()));
  out.one("stoa_start_checkpoint_seq", "gauge",
          "Record of the checkpoint that this start began with, 0: the first record.",
          number(status.start_checkpoint_lsn.value()));
  out.one("stoa_start_replayed_records", "gauge", "Records applied by this start.",
          number(status.start_replayed.value()));
  out.one("stoa_start_duration_seconds", "gauge", "Time to bring the state to the log's end.",
          seconds(static_cast<std::uint64_t>(status.start_ns.value())));
  out.one("stoa_start_checkpoints_passed_over", "gauge",
          "Newer checkpoints that this start could not use.",
          number(status.checkpoints_passed_over.value()));
}

void collect_trading(Collector& out, const App& app) {
  const ops::EngineStatus& status = *app.link.status;
  out.one("stoa_orders_total", "counter", "Orders sent to the venue.",
          number(status.orders.value()));
  out.one("stoa_open_orders", "gauge", "Orders that are not terminal.",
          number(status.open_orders.value()));
  out.one("stoa_fills_total", "counter", "Fills of our orders.", number(status.fills.value()));
  out.one("stoa_kill_switch_active", "gauge", "1 while every new order is refused.",
          number(status.kill_active.value()));
  Family& rejects = out.family("stoa_risk_rejects_total", "counter", "Refused requests by rule.");
  for (std::size_t i = 1; i < kRejectCodes; ++i) {
    rejects.samples.push_back({{},
                               label("rule", to_string(static_cast<RejectCode>(i))),
                               number(status.rejects[i].value())});
  }
  out.histogram("stoa_tick_to_intent_duration_seconds", "Market frame in hand to intent queued.",
                status.tick_to_intent_ns);
  out.histogram("stoa_intent_to_durable_duration_seconds", "Intent queued to fdatasync returned.",
                status.intent_to_durable_ns);
  out.histogram("stoa_durable_to_send_duration_seconds", "Durable to handed to the venue.",
                status.durable_to_send_ns);
  out.histogram("stoa_tick_to_send_duration_seconds", "Market frame in hand to order sent.",
                status.tick_to_send_ns);
}

void collect_feeds(Collector& out, const App& app) {
  const auto& instruments = app.options.instruments;
  const auto& feeds = app.link.status->feeds;
  const std::size_t count = std::min(instruments.size(), feeds.size());
  const auto each = [&](std::string_view name, std::string_view type, std::string_view help,
                        auto value) {
    Family& family = out.family(name, type, help);
    for (std::size_t i = 0; i < count; ++i) {
      family.samples.push_back(
          {{}, label("symbol", instruments[i].symbol.view()), value(feeds[i])});
    }
  };
  each("stoa_feed_last_message_timestamp_seconds", "gauge",
       "Platform time of the last message of a feed.", [](const ops::FeedStatusCell& feed) {
         return seconds(static_cast<std::uint64_t>(feed.last_message_ns.value()));
       });
  each("stoa_feed_messages_total", "counter", "Market messages taken from a feed.",
       [](const ops::FeedStatusCell& feed) { return number(feed.messages.value()); });
  each("stoa_feed_gaps_total", "counter", "Gaps found in a feed.",
       [](const ops::FeedStatusCell& feed) { return number(feed.gaps.value()); });
}

void collect_gateway(Collector& out, const App& app) {
  static constexpr std::array<int, 15> kKnown{200, 201, 304, 400, 401, 403, 404, 405,
                                              409, 413, 414, 421, 422, 503, 504};
  Family& requests =
      out.family("stoa_http_requests_total", "counter", "HTTP requests answered, by status.");
  auto counts = app.requests_by_status;
  for (const int status : kKnown) counts.try_emplace(status, 0);
  for (const auto& [status, count] : counts) {
    requests.samples.push_back({{}, label("code", number(status)), number(count)});
  }
  out.one("stoa_http_connections", "gauge", "Open HTTP connections.", number(app.connections));
  out.one("stoa_websocket_clients", "gauge", "Open WebSocket connections.", number(app.clients));
  out.one("stoa_websocket_closed_slow_total", "counter",
          "Clients closed because they did not read.", number(app.closed_slow));
  out.one("stoa_gateway_failures_total", "counter", "Exceptions in the work of one connection.",
          number(app.failures));
  out.one("stoa_gateway_undecodable_messages_total", "counter",
          "Messages of the engine that could not be read.", number(app.undecodable));
}

std::uint64_t resident_bytes() {
  std::ifstream file{"/proc/self/statm"};
  std::uint64_t total = 0;
  std::uint64_t resident = 0;
  file >> total >> resident;
  return resident * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

void collect_process(Collector& out) {
  rusage usage{};  // NOLINT(misc-include-cleaner): glibc keeps it in a private header
  ::getrusage(RUSAGE_SELF, &usage);
  const auto cpu_s = [](const auto& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  out.one("process_cpu_seconds_total", "counter", "User and system CPU time spent.",
          number(cpu_s(usage.ru_utime) + cpu_s(usage.ru_stime)));
  out.one("process_resident_memory_bytes", "gauge", "Resident memory.", number(resident_bytes()));
  std::error_code error;
  const std::filesystem::directory_iterator open_files{"/proc/self/fd", error};
  out.one("process_open_fds", "gauge", "Open file descriptors.",
          number(error ? 0 : std::distance(open_files, std::filesystem::directory_iterator{})));
}

Collector collect(const App& app) {
  const ops::EngineStatus& status = *app.link.status;
  Collector out;
  out.family("stoa_build_info", "gauge", "What is running; always 1.")
      .samples.push_back({{},
                          label("version", app.options.version) + "," +
                              label("commit", app.options.commit) + "," +
                              label("environment", app.options.environment) + "," +
                              label("mode", app.options.mode),
                          "1"});
  out.one("stoa_up_since_timestamp_seconds", "gauge", "When the engine was started.",
          seconds(static_cast<std::uint64_t>(app.options.started.ns())));
  out.one("stoa_ready", "gauge", "1 when orders may come.", number(status.ready.value()));
  out.one("stoa_engine_loops_total", "counter", "Rounds of the engine's loop.",
          number(status.loops.value()));
  out.one("stoa_engine_inputs_total", "counter", "Inputs applied by the execution core.",
          number(status.inputs.value()));
  out.one("stoa_market_messages_total", "counter", "Market messages taken.",
          number(status.market_messages.value()));
  collect_log(out, app);
  collect_checkpoints(out, app);
  collect_trading(out, app);
  collect_feeds(out, app);
  collect_gateway(out, app);
  collect_process(out);
  return out;
}

}  // namespace

std::string metrics_text(const App& app) {
  const Collector collected = collect(app);
  std::string text;
  for (const Family& family : collected.families()) {
    ((text += "# HELP ") += family.name) += ' ';
    (text += family.help) += '\n';
    ((text += "# TYPE ") += family.name) += ' ';
    (text += family.type) += '\n';
    for (const Sample& sample : family.samples) {
      (text += family.name) += sample.suffix;
      if (!sample.labels.empty()) ((text += '{') += sample.labels) += '}';
      ((text += ' ') += sample.value) += '\n';
    }
  }
  return text;
}

std::string metrics_json(const App& app) {
  const Collector collected = collect(app);
  std::string body;
  json::Writer json{body};
  json.begin_object();
  for (const Family& family : collected.families()) {
    json.key(family.name);
    json.begin_object();
    json.field("type", family.type);
    json.field("help", family.help);
    json.key("samples");
    json.begin_array();
    for (const Sample& sample : family.samples) {
      json.begin_object();
      json.field("name", std::string{family.name} + std::string{sample.suffix});
      json.field("labels", std::string_view{sample.labels});
      json.raw_field("value", sample.value);
      json.end_object();
    }
    json.end_array();
    json.end_object();
  }
  json.end_object();
  return body;
}

}  // namespace stoa::gateway
