#include "ops/metrics.h"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <sstream>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "base/check.h"
#include "base/clock.h"
#include "base/counter.h"
#include "base/histogram.h"
#include "ops/role_status.h"
#include "protocol/json/writer.h"

namespace stoa::ops {
namespace {

constexpr std::size_t kWindowTicks = 11;  // ten steps between them

template <class Number>
std::string number(Number value) {
  char text[48];
  const auto end = std::to_chars(text, text + sizeof text, value).ptr;
  return {text, end};
}

/// Nanoseconds as seconds.
template <class Integer>
std::string seconds(Integer ns) {
  return number(static_cast<double>(ns) / 1e9);
}

bool is_name(std::string_view text) noexcept {
  return !text.empty() && (text[0] < '0' || text[0] > '9') && std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
  });
}

/// `domain="market"`, with what the format wants escaped.
std::string rendered(Labels labels) {
  std::string text;
  for (const auto& [name, value] : labels) {
    check(is_name(name), "the name of a label is [a-z_][a-z0-9_]*");
    if (!text.empty()) text += ',';
    (text += name) += "=\"";
    for (const char c : value) {
      if (c == '\n') {
        text += "\\n";
        continue;
      }
      if (c == '"' || c == '\\') text += '\\';
      text += c;
    }
    text += '"';
  }
  return text;
}

std::string_view type_of(Metrics::Kind kind) noexcept {
  switch (kind) {
    case Metrics::Kind::Counter:
      return "counter";
    case Metrics::Kind::Gauge:
      return "gauge";
    case Metrics::Kind::Histogram:
      return "histogram";
  }
  return "untyped";
}

/// The fields of /proc/self/stat behind the name of the program, which may hold blanks; [0] is the
/// third of proc(5).
std::vector<std::string> stat_fields() {
  std::ifstream file{"/proc/self/stat"};
  std::string line;
  std::getline(file, line);
  std::istringstream rest{line.substr(std::min(line.size(), line.rfind(')') + 1))};
  return {std::istream_iterator<std::string>{rest}, {}};
}

/// When the process was started, in seconds since 1970.
double start_time_s(double ticks_since_boot) {
  std::ifstream file{"/proc/stat"};
  for (std::string word; file >> word;) {
    if (word != "btime") continue;
    double boot_s = 0;
    file >> boot_s;
    return boot_s + ticks_since_boot / static_cast<double>(::sysconf(_SC_CLK_TCK));
  }
  return 0;
}

double as_double(const std::vector<std::string>& fields, std::size_t place) {
  double value = 0;
  if (place < fields.size()) {
    const std::string& text = fields[place];
    std::from_chars(text.data(), text.data() + text.size(), value);
  }
  return value;
}

}  // namespace

void Samples::add(std::uint64_t value, Labels labels) {
  samples_.push_back({rendered(labels), number(value)});
}
void Samples::add(std::int64_t value, Labels labels) {
  samples_.push_back({rendered(labels), number(value)});
}
void Samples::add(double value, Labels labels) {
  samples_.push_back({rendered(labels), number(value)});
}

Metrics::Family& Metrics::family_named(std::string_view name, Kind kind, std::string_view help) {
  const auto found = std::ranges::find(families_, name, &Family::name);
  if (found != families_.end()) {
    check(found->kind == kind && !found->read, "one family has one kind");
    return *found;
  }
  check(is_name(name), "the name of a metric is [a-z_][a-z0-9_]*");
  check((kind == Kind::Counter) == name.ends_with("_total"), "counters end in _total, alone");
  check(!help.empty() && help.find_first_of("\n\\") == std::string_view::npos,
        "a metric is explained in one line");
  Family& added = families_.emplace_back();
  added.name = name;
  added.help = help;
  added.kind = kind;
  return added;
}

Metrics::Series& Metrics::add(std::string_view name, Kind kind, std::string_view help,
                              Labels labels) {
  Family& into = family_named(name, kind, help);
  std::string text = rendered(labels);
  check(into.series.size() < kSeriesMax, "a family has a bounded number of series");
  check(std::ranges::find(into.series, text, &Series::labels) == into.series.end(),
        "a series is added once");
  return into.series.emplace_back(Series{.labels = std::move(text)});
}

void Metrics::counter(std::string_view name, std::string_view help, const Counter& value,
                      Labels labels) {
  add(name, Kind::Counter, help, labels).counter = &value;
}

void Metrics::gauge(std::string_view name, std::string_view help, const Gauge& value, Labels labels,
                    Scale scale) {
  add(name, Kind::Gauge, help, labels).gauge = &value;
  family_named(name, Kind::Gauge, help).scale = scale;
}

void Metrics::histogram(std::string_view name, std::string_view help, const Histogram& value_ns,
                        Labels labels) {
  add(name, Kind::Histogram, help, labels).histogram = &value_ns;
}

void Metrics::computed(std::string_view name, Kind kind, std::string_view help,
                       std::function<void(Samples&)> read) {
  check(kind != Kind::Histogram, "a histogram is given as one");
  Family& added = family_named(name, kind, help);
  check(added.series.empty(), "a family is computed or has series");
  added.read = std::move(read);
}

void Metrics::process(const Identity& identity) {
  computed("stoa_build_info", Kind::Gauge, "What is running; always 1.", [identity](Samples& out) {
    out.add(std::uint64_t{1}, {{"version", identity.version},
                               {"commit", identity.commit},
                               {"environment", identity.environment},
                               {"mode", identity.mode},
                               {"service", identity.service},
                               {"instance", identity.instance},
                               {"colour", identity.colour}});
  });
  computed("stoa_up_since_timestamp_seconds", Kind::Gauge, "When it was started.",
           [ns = identity.started.ns()](Samples& out) { out.add(static_cast<double>(ns) / 1e9); });
  const auto figure = [this](std::string_view name, Kind kind, std::string_view help,
                             auto Process::* member) {
    computed(name, kind, help, [this, member](Samples& out) { out.add(process_.*member); });
  };
  figure("process_cpu_seconds_total", Kind::Counter, "User and system CPU time spent.",
         &Process::cpu_s);
  figure("process_resident_memory_bytes", Kind::Gauge, "Resident memory.",
         &Process::resident_bytes);
  figure("process_virtual_memory_bytes", Kind::Gauge, "Virtual memory.", &Process::virtual_bytes);
  figure("process_open_fds", Kind::Gauge, "Open file descriptors.", &Process::open_fds);
  figure("process_max_fds", Kind::Gauge, "Most file descriptors that may be open.",
         &Process::max_fds);
  figure("process_start_time_seconds", Kind::Gauge, "When the process was started.",
         &Process::start_s);
  figure("process_threads", Kind::Gauge, "Threads.", &Process::threads);
}

void Metrics::tick(nanoseconds monotonic_now) {
  rusage usage{};  // NOLINT(misc-include-cleaner): glibc keeps it in a private header
  ::getrusage(RUSAGE_SELF, &usage);
  const auto cpu_s = [](const auto& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  process_.cpu_s = cpu_s(usage.ru_utime) + cpu_s(usage.ru_stime);

  // proc(5): field 20 threads, 22 start, 23 virtual bytes, 24 resident pages
  const auto fields = stat_fields();
  process_.threads = static_cast<std::uint64_t>(as_double(fields, 17));
  process_.virtual_bytes = static_cast<std::uint64_t>(as_double(fields, 20));
  process_.resident_bytes = static_cast<std::uint64_t>(as_double(fields, 21)) *
                            static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  if (process_.start_s == 0) process_.start_s = start_time_s(as_double(fields, 19));

  std::error_code error;
  const std::filesystem::directory_iterator open_files{"/proc/self/fd", error};
  const auto open = error ? 0 : std::distance(open_files, std::filesystem::directory_iterator{});
  process_.open_fds = static_cast<std::uint64_t>(open);
  rlimit limit{};  // NOLINT(misc-include-cleaner): as above
  ::getrlimit(RLIMIT_NOFILE, &limit);
  process_.max_fds = limit.rlim_cur;

  if (summary_.messages == nullptr) return;
  if (window_.size() == kWindowTicks) window_.erase(window_.begin());
  window_.push_back({.at = monotonic_now, .messages = summary_.messages->value()});
}

double Metrics::messages_per_second() const noexcept {
  if (window_.size() < 2) return 0;
  const Point& first = window_.front();
  const Point& last = window_.back();
  const auto span_ns = static_cast<double>((last.at - first.at).count());
  return span_ns <= 0 ? 0 : static_cast<double>(last.messages - first.messages) * 1e9 / span_ns;
}

namespace {

constexpr std::array<std::pair<std::uint64_t, std::string_view>, 19> kBounds{{
    {1'000, "1e-06"},     {2'000, "2e-06"},     {5'000, "5e-06"},     {10'000, "1e-05"},
    {20'000, "2e-05"},    {50'000, "5e-05"},    {100'000, "0.0001"},  {200'000, "0.0002"},
    {500'000, "0.0005"},  {1'000'000, "0.001"}, {2'000'000, "0.002"}, {5'000'000, "0.005"},
    {10'000'000, "0.01"}, {20'000'000, "0.02"}, {50'000'000, "0.05"}, {100'000'000, "0.1"},
    {200'000'000, "0.2"}, {500'000'000, "0.5"}, {1'000'000'000, "1"},
}};

}  // namespace

std::vector<Metrics::Row> Metrics::rows(const Family& family) {
  std::vector<Row> rows;
  if (family.read) {
    Samples samples;
    family.read(samples);
    for (auto& sample : samples.samples_) {
      rows.push_back({{}, std::move(sample.labels), std::move(sample.value)});
    }
    return rows;
  }
  for (const Series& series : family.series) {
    if (series.counter != nullptr) {
      rows.push_back({{}, series.labels, number(series.counter->value())});
    } else if (series.gauge != nullptr) {
      const std::int64_t value = series.gauge->value();
      rows.push_back(
          {{}, series.labels, family.scale == Scale::One ? number(value) : seconds(value)});
    } else {
      const Histogram& values = *series.histogram;
      // The recording thread goes on meanwhile: each figure is read once and none may pass the
      // count.
      std::array<std::uint64_t, kBounds.size()> counts{};
      for (std::size_t i = 0; i < kBounds.size(); ++i) {
        counts[i] = values.count_up_to(kBounds[i].first);
      }
      const std::uint64_t sum_ns = values.sum();
      const std::uint64_t total = std::max(values.count(), counts.back());
      const std::string prefix = series.labels.empty() ? "" : series.labels + ',';
      std::uint64_t below = 0;
      for (std::size_t i = 0; i < kBounds.size(); ++i) {
        below = std::max(below, counts[i]);
        rows.push_back(
            {"_bucket", prefix + "le=\"" + std::string{kBounds[i].second} + '"', number(below)});
      }
      rows.push_back({"_bucket", prefix + "le=\"+Inf\"", number(total)});
      rows.push_back({"_sum", series.labels, seconds(sum_ns)});
      rows.push_back({"_count", series.labels, number(total)});
    }
  }
  return rows;
}

std::string Metrics::text() const {
  std::string text;
  for (const Family& family : families_) {
    ((text += "# HELP ") += family.name) += ' ';
    (text += family.help) += '\n';
    ((text += "# TYPE ") += family.name) += ' ';
    (text += type_of(family.kind)) += '\n';
    for (const Row& row : rows(family)) {
      (text += family.name) += row.suffix;
      if (!row.labels.empty()) ((text += '{') += row.labels) += '}';
      ((text += ' ') += row.value) += '\n';
    }
  }
  return text;
}

std::string Metrics::json() const {
  std::string body;
  json::Writer json{body};
  json.begin_object();
  const Histogram* const latency = summary_.latency_ns;
  const std::uint64_t count = latency == nullptr ? 0 : latency->count();
  json.key("messages_per_second");
  json.milli(static_cast<std::int64_t>(messages_per_second() * 1e3));
  json.field("active_connections",
             summary_.connections == nullptr ? 0 : summary_.connections->value());
  json.key("avg_latency_us");
  json.milli(count == 0 ? 0 : static_cast<std::int64_t>(latency->sum() / count));
  json.key("p99_latency_us");
  json.milli(count == 0 ? 0 : static_cast<std::int64_t>(latency->percentile(0.99)));
  json.field("total_messages", summary_.messages == nullptr ? 0 : summary_.messages->value());
  json.field("memory_usage_bytes", process_.resident_bytes);
  for (const Family& family : families_) {
    json.key(family.name);
    json.begin_object();
    json.field("type", type_of(family.kind));
    json.field("help", std::string_view{family.help});
    json.key("samples");
    json.begin_array();
    for (const Row& row : rows(family)) {
      json.begin_object();
      json.field("name", family.name + std::string{row.suffix});
      json.field("labels", std::string_view{row.labels});
      json.raw_field("value", row.value);
      json.end_object();
    }
    json.end_array();
    json.end_object();
  }
  json.end_object();
  return body;
}

}  // namespace stoa::ops
