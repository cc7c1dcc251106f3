#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "model/execution.h"
#include "model/instrument.h"
#include "model/order.h"
#include "oms/venue_port.h"
#include "venues/binance/parse.h"
#include "venues/replay/capture.h"
#include "venues/replay/feed.h"
#include "venues/replay/order_desk.h"
#include "venues/replay/symbols.h"
#include "venues/replay/time_map.h"

namespace stoa::venues::replay {

/// What a run over recordings found; final once `ended()`.
struct ReplayStats {
  std::uint64_t frames = 0;           // well formed, of whatever kind
  std::uint64_t other_frames = 0;     // of a kind that is not used
  std::uint64_t bad_lines = 0;        // not read: no time, not JSON, refused values, damaged files
  std::uint64_t unknown_symbols = 0;  // frames of instruments that did not show at the start
  std::uint64_t unowned_snapshots = 0;  // nameless snapshots that fit no instrument
  std::uint64_t orders = 0;             // of ours, accepted
  std::uint64_t fills = 0;              // of ours
  FeedStats feeds{};                    // summed over the instruments
};

/// Recorded Binance sessions as a venue: market data as it came, and orders filled against it by
/// `FillModel`.
///
/// Feed      frames at their own receive times, through the time map; ts_event is mapped alike.
///           FeedState: Recovering at the start and after gaps, Live with every whole book, Ended
///           at the end. Several files are one stream
/// Orders    by OrderDesk. A frame that is due at the moment an order arrives is played first: an
///           order meets only what was recorded after it
/// Time      all of it comes in through `poll(now)`; `poll` the feed before the reports. The same
///           files and calls give the same messages
/// Damage    a line that cannot be read is counted, kept in `faults` and skipped; when it may have
///           been a depth frame the book is in doubt until the next diff clears it
///
/// thread    one owner; poll reads the disk (1 MiB at a time, decompressed as needed)
class ReplayVenue final : public oms::FeedPort, public oms::OrderPort {
 public:
  struct Options {
    std::vector<std::filesystem::path> recordings{};  // played in this order
    std::string venue = "replay";                     // name of the instruments' venue
    /// Platform time of the first frame. Nothing: platform time is recording time.
    std::optional<Timestamp> start{};
    std::int64_t speed_e6 = 1'000'000;  // with `start`: recorded per platform time, x 1e6; > 0
    std::uint64_t run = 1;              // ids of two runs of one log differ by it
    nanoseconds order_latency = std::chrono::milliseconds{2};
    nanoseconds report_latency = std::chrono::milliseconds{1};
  };

  /// Reads ahead far enough to know the instruments.
  ///
  /// errors  a file that is missing or unreadable, nothing readable in them, a speed of zero or
  /// less
  [[nodiscard]] static Result<ReplayVenue> open(const Options& options);

  // FeedPort
  [[nodiscard]] std::span<const Instrument> instruments() const noexcept override {
    return instruments_;
  }
  std::size_t poll(Timestamp now, oms::MarketSink& sink, std::size_t limit) override;
  [[nodiscard]] std::optional<Timestamp> next_due() const noexcept override;
  [[nodiscard]] bool ended() const noexcept override { return ended_; }

  // OrderPort
  void send(const OrderSend& order, Timestamp now) override;
  void cancel(const CancelSend& cancel, Timestamp now) override;
  void replace(const ReplaceSend& replace, Timestamp now) override;
  void query(const OrderQuery& query, Timestamp now) override;
  void restore(const OrderUpdate& order) override;
  std::size_t poll_reports(Timestamp now, std::span<ExecutionReport> out) override;
  [[nodiscard]] std::optional<Timestamp> next_report_due() const noexcept override;

  [[nodiscard]] ReplayStats stats() const noexcept;
  /// What could not be read, each with file, line and byte; the first kFaultsMax.
  [[nodiscard]] std::span<const Error> faults() const noexcept { return faults_; }
  static constexpr std::size_t kFaultsMax = 100;
  /// Recording time of the first frame.
  [[nodiscard]] Timestamp recorded_start() const noexcept { return map_.recorded; }

 private:
  /// The next event: a line, or a place where none could be read.
  struct Next {
    Timestamp due{};
    CaptureLine line{};
    bool damaged = false;
    std::string_view damaged_text{};
  };

  ReplayVenue(const Options& options, CaptureReader reader,
              const std::vector<ReplayInstrument>& instruments);

  void fetch();
  void play(const Next& next, oms::MarketSink& sink);
  void play_frame(const binance::Frame& frame, Timestamp at, oms::MarketSink& sink);
  void play_damage(std::string_view text, Timestamp at, oms::MarketSink& sink);
  void play_one(const binance::OtherFrame& frame, Timestamp at, oms::MarketSink& sink);
  void play_one(const binance::TradeFrame& frame, Timestamp at, oms::MarketSink& sink);
  void play_one(const binance::QuoteFrame& frame, Timestamp at, oms::MarketSink& sink);
  void play_one(const binance::DepthFrame& frame, Timestamp at, oms::MarketSink& sink);
  void play_one(const binance::SnapshotFrame& frame, Timestamp at, oms::MarketSink& sink);
  void finish(Timestamp at, oms::MarketSink& sink);
  void serve(Timestamp now);
  void note(Error fault);
  /// Index of the instrument; kNone when it did not show at the start.
  [[nodiscard]] std::size_t feed_of(std::string_view symbol, bool futures) const noexcept;
  [[nodiscard]] std::size_t owner_of(const binance::SnapshotFrame& frame) const noexcept;
  static constexpr std::size_t kNone = ~std::size_t{0};

  CaptureReader reader_;
  binance::FrameParser parser_;
  TimeMap map_;
  std::vector<Instrument> instruments_;
  std::vector<InstrumentFeed> feeds_;  // in the order of instruments_
  OrderDesk desk_;
  std::optional<Next> next_;
  Timestamp last_due_;
  bool begun_ = false;
  bool ended_ = false;
  ReplayStats stats_;
  std::vector<Error> faults_;
};

}  // namespace stoa::venues::replay
