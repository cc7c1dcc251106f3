#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/counter.h"
#include "base/histogram.h"

// What a process counts, for Prometheus (text 0.0.4) and for programs (JSON). Filled once at the
// start with pointers to plain counters; the threads that count know nothing of it.
namespace stoa::ops {

struct Identity;

/// `{"domain", "market"}`; names are [a-z_]+, values any text.
struct Label {
  std::string_view name{};
  std::string_view value{};
};
using Labels = std::initializer_list<Label>;

/// How a stored integer becomes the exported base unit.
enum class Scale : std::uint8_t { One, Nanoseconds };  // as it is; / 1e9

/// The samples of one family while it is rendered.
class Samples {
 public:
  void add(std::uint64_t value, Labels labels = {});
  void add(std::int64_t value, Labels labels = {});
  void add(double value, Labels labels = {});

 private:
  friend class Metrics;
  struct Sample {
    std::string labels{};  // `domain="market"`, escaped
    std::string value{};
  };
  std::vector<Sample> samples_;
};

/// Where the six figures of the short JSON form come from; what is null shows as 0.
struct Summary {
  const Counter* messages = nullptr;      // total_messages, messages_per_second
  const Gauge* connections = nullptr;     // active_connections
  const Histogram* latency_ns = nullptr;  // avg_latency_us, p99_latency_us
};

/// The registry. `counter`, `gauge`, `histogram`, `computed` and `summary` are called while the
/// process is wired; what they are given outlives the registry. `tick`, `text` and `json` belong to
/// the one thread that serves them. A misnamed or doubled series ends the process at its start.
///
/// source  docs/health.md; Prometheus text format 0.0.4
class Metrics {
 public:
  Metrics() = default;
  Metrics(const Metrics&) = delete;
  Metrics& operator=(const Metrics&) = delete;

  static constexpr std::size_t kSeriesMax = 512;  // of one family: labels are bounded by design

  /// One series of a family; the first call of a family gives its help. Every label set that can
  /// occur is added at the start, so that rates begin at 0. Names of counters end in `_total`.
  void counter(std::string_view name, std::string_view help, const Counter& value,
               Labels labels = {});
  void gauge(std::string_view name, std::string_view help, const Gauge& value, Labels labels = {},
             Scale scale = Scale::One);
  /// Nanoseconds, exported as seconds; buckets from 1 us to 1 s.
  void histogram(std::string_view name, std::string_view help, const Histogram& value_ns,
                 Labels labels = {});
  /// A family whose samples are read when asked for; called on the thread that serves, so `read`
  /// looks at atomics or at what that thread owns.
  enum class Kind : std::uint8_t { Counter, Gauge, Histogram };
  void computed(std::string_view name, Kind kind, std::string_view help,
                std::function<void(Samples&)> read);
  void summary(const Summary& sources) { summary_ = sources; }

  /// `stoa_build_info`, `stoa_up_since_timestamp_seconds` and `process_*`.
  void process(const Identity& identity);

  /// Reads the figures of the process and moves the window of rates; once a second.
  void tick(nanoseconds monotonic_now);

  [[nodiscard]] std::string text() const;
  /// {"messages_per_second":…, …, "stoa_build_info":{"type","help","samples":[…]}, …}
  [[nodiscard]] std::string json() const;

 private:
  struct Series {
    std::string labels{};
    const Counter* counter = nullptr;
    const Gauge* gauge = nullptr;
    const Histogram* histogram = nullptr;
  };
  struct Family {
    std::string name{};
    std::string help{};
    Kind kind = Kind::Gauge;
    Scale scale = Scale::One;
    std::vector<Series> series{};
    std::function<void(Samples&)> read{};
  };
  /// What /proc said at the last tick.
  struct Process {
    double cpu_s = 0;
    std::uint64_t resident_bytes = 0;
    std::uint64_t virtual_bytes = 0;
    std::uint64_t open_fds = 0;
    std::uint64_t max_fds = 0;
    std::uint64_t threads = 0;
    double start_s = 0;  // UTC
  };
  /// One line of the output.
  struct Row {
    std::string_view suffix{};  // "_bucket", "_sum", "_count" of a histogram
    std::string labels{};
    std::string value{};
  };

  Family& family_named(std::string_view name, Kind kind, std::string_view help);
  Series& add(std::string_view name, Kind kind, std::string_view help, Labels labels);
  [[nodiscard]] static std::vector<Row> rows(const Family& family);
  [[nodiscard]] double messages_per_second() const noexcept;

  std::vector<Family> families_;
  Summary summary_{};
  Process process_{};
  struct Point {
    nanoseconds at{};
    std::uint64_t messages = 0;
  };
  std::vector<Point> window_;  // of the last ten ticks
};

}  // namespace stoa::ops
