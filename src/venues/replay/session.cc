#include "venues/replay/session.h"

#include <algorithm>
#include <cctype>
#include <cstddef>
#include <expected>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "model/execution.h"
#include "model/instrument.h"
#include "model/order.h"
#include "oms/venue_port.h"
#include "venues/binance/parse.h"
#include "venues/binance/symbols.h"
#include "venues/replay/capture.h"
#include "venues/replay/feed.h"
#include "venues/replay/order_desk.h"
#include "venues/replay/symbols.h"
#include "venues/replay/time_map.h"

namespace stoa::venues::replay {
namespace {

std::vector<Instrument> rules_of(const std::vector<ReplayInstrument>& instruments) {
  std::vector<Instrument> result;
  result.reserve(instruments.size());
  for (const ReplayInstrument& one : instruments) result.push_back(one.rules);
  return result;
}

/// A line that names another stream as its own cannot have been a diff.
bool may_be_depth(std::string_view text) noexcept {
  constexpr std::string_view kOthers[] = {
      "@trade\"", "@bookTicker\"", "@aggTrade\"",     "@markPrice",
      "@kline",   "@miniTicker",   "\"e\":\"trade\"", "\"e\":\"bookTicker\""};
  return std::ranges::none_of(
      kOthers, [&](std::string_view other) { return text.find(other) != std::string_view::npos; });
}

/// True when the text holds the symbol in either case: events write BTCUSDT, streams btcusdt.
bool names(std::string_view text, std::string_view symbol) {
  const auto same = [](char a, char b) {
    return std::toupper(static_cast<unsigned char>(a)) ==
           std::toupper(static_cast<unsigned char>(b));
  };
  return !std::ranges::search(text, symbol, same).empty();
}

}  // namespace

Result<ReplayVenue> ReplayVenue::open(const Options& options) {
  if (options.speed_e6 <= 0) return bad_input("the speed of a replay must be above zero");
  auto instruments = find_instruments(options.recordings, options.venue);
  if (!instruments) return std::unexpected(std::move(instruments).error());
  auto reader = CaptureReader::open(options.recordings);
  if (!reader) return std::unexpected(std::move(reader).error());
  return ReplayVenue{options, *std::move(reader), *instruments};
}

ReplayVenue::ReplayVenue(const Options& options, CaptureReader reader,
                         const std::vector<ReplayInstrument>& instruments)
    : reader_{std::move(reader)},
      instruments_{rules_of(instruments)},
      desk_{{.run = options.run,
             .order_latency = options.order_latency,
             .report_latency = options.report_latency},
            instruments_} {
  fetch();
  // Lines before the first that has a time stand at that time.
  std::optional<Timestamp> first;
  if (next_) first = next_->line.time;
  map_.recorded = first.value_or(Timestamp{});
  map_.platform = options.start.value_or(map_.recorded);
  if (options.start) map_.speed_e6 = options.speed_e6;
  if (next_) next_->due = last_due_ = map_(next_->line.time);
  feeds_.reserve(instruments.size());
  for (const ReplayInstrument& one : instruments) feeds_.emplace_back(one, map_);
}

void ReplayVenue::fetch() {
  next_.reset();
  auto line = reader_.next();
  if (!line) {
    next_ = Next{.due = last_due_, .damaged = true, .damaged_text = line.error().line};
    note(std::move(line).error().error);
    return;
  }
  const std::optional<CaptureLine>& found = *line;
  if (!found) return;
  // Clocks step back now and then; replayed time does not.
  last_due_ = std::max(last_due_, map_(found->time));
  next_ = Next{.due = last_due_, .line = *found};
}

std::size_t ReplayVenue::poll(Timestamp now, oms::MarketSink& sink, std::size_t limit) {
  std::size_t count = 0;
  while (count < limit && next_ && next_->due <= now && !desk_.full()) {
    const Next next = *next_;
    if (!std::exchange(begun_, true)) {
      for (InstrumentFeed& feed : feeds_) feed.begin(next.due, sink);
    }
    desk_.serve(next.due - nanoseconds{1});
    if (desk_.full()) break;
    play(next, sink);
    ++count;
    fetch();
    if (!next_) finish(next.due, sink);
  }
  serve(now);
  return count;
}

/// Requests wait for frames that are due before them.
void ReplayVenue::serve(Timestamp now) {
  desk_.serve(next_ ? std::min(now, next_->due - nanoseconds{1}) : now);
}

void ReplayVenue::play(const Next& next, oms::MarketSink& sink) {
  if (next.damaged) {
    ++stats_.bad_lines;
    return play_damage(next.damaged_text, next.due, sink);
  }
  const auto frame = parser_.parse(next.line.frame);
  if (frame) return play_frame(*frame, next.due, sink);
  ++stats_.bad_lines;
  note({ErrorCode::Damaged, "the frame is refused: " + std::string{to_string(frame.error().fault)},
        reader_.place() + ":" + std::to_string(next.line.frame_byte + frame.error().offset)});
  play_damage(next.line.frame, next.due, sink);
}

void ReplayVenue::play_frame(const binance::Frame& frame, Timestamp at, oms::MarketSink& sink) {
  ++stats_.frames;
  std::visit([&](const auto& one) { play_one(one, at, sink); }, frame);
}

void ReplayVenue::play_damage(std::string_view text, Timestamp at, oms::MarketSink& sink) {
  if (!may_be_depth(text)) return;
  const bool named = std::ranges::any_of(
      feeds_, [&](const InstrumentFeed& feed) { return names(text, feed.rules().symbol.view()); });
  for (std::size_t i = 0; i < feeds_.size(); ++i) {
    if (named && !names(text, feeds_[i].rules().symbol.view())) continue;
    if (feeds_[i].on_damage(at, sink)) desk_.on_book(i, nullptr, at);
  }
}

void ReplayVenue::play_one(const binance::OtherFrame& /*frame*/, Timestamp /*at*/,
                           oms::MarketSink& /*sink*/) {
  ++stats_.other_frames;
}

void ReplayVenue::play_one(const binance::TradeFrame& frame, Timestamp at, oms::MarketSink& sink) {
  const std::size_t feed = feed_of(frame.symbol, frame.futures);
  if (feed == kNone) {
    ++stats_.unknown_symbols;
    return;
  }
  if (const auto trade = feeds_[feed].on_trade(frame, at, sink)) desk_.on_trade(feed, *trade, at);
}

void ReplayVenue::play_one(const binance::QuoteFrame& frame, Timestamp at, oms::MarketSink& sink) {
  const std::size_t feed = feed_of(frame.symbol, frame.futures);
  if (feed == kNone) {
    ++stats_.unknown_symbols;
    return;
  }
  feeds_[feed].on_quote(frame, at, sink);
}

void ReplayVenue::play_one(const binance::DepthFrame& frame, Timestamp at, oms::MarketSink& sink) {
  const std::size_t feed = feed_of(frame.symbol, frame.prev_update_id.has_value());
  if (feed == kNone) {
    ++stats_.unknown_symbols;
    return;
  }
  if (feeds_[feed].on_depth(frame, at, sink)) desk_.on_book(feed, feeds_[feed].book(), at);
}

void ReplayVenue::play_one(const binance::SnapshotFrame& frame, Timestamp at,
                           oms::MarketSink& sink) {
  const std::size_t feed = owner_of(frame);
  if (feed == kNone) {
    ++stats_.unowned_snapshots;
    return;
  }
  if (feeds_[feed].on_snapshot(frame, at, sink)) desk_.on_book(feed, feeds_[feed].book(), at);
}

void ReplayVenue::finish(Timestamp at, oms::MarketSink& sink) {
  ended_ = true;
  desk_.on_end(at);
  for (InstrumentFeed& feed : feeds_) feed.end(at, sink);
}

std::size_t ReplayVenue::feed_of(std::string_view symbol, bool futures) const noexcept {
  const binance::Market market = binance::market_of(symbol, futures);
  for (std::size_t i = 0; i < feeds_.size(); ++i) {
    if (feeds_[i].market() == market && feeds_[i].rules().symbol.view() == symbol) return i;
  }
  return kNone;
}

std::size_t ReplayVenue::owner_of(const binance::SnapshotFrame& frame) const noexcept {
  if (!frame.symbol.empty()) return feed_of(frame.symbol, frame.futures);
  std::size_t found = kNone;
  std::size_t candidates = 0;
  for (std::size_t i = 0; i < feeds_.size(); ++i) {
    if ((feeds_[i].market() != binance::Market::Spot) != frame.futures) continue;
    ++candidates;
    if (found == kNone || feeds_[i].waits_around(frame.last_update_id)) found = i;
  }
  if (candidates > 1 && !feeds_[found].waits_around(frame.last_update_id)) return kNone;
  return found;
}

void ReplayVenue::note(Error fault) {
  if (faults_.size() < kFaultsMax) faults_.push_back(std::move(fault));
}

std::optional<Timestamp> ReplayVenue::next_due() const noexcept {
  if (!next_) return std::nullopt;
  return next_->due;
}

void ReplayVenue::send(const OrderSend& order, Timestamp now) { desk_.enqueue(order, now); }

void ReplayVenue::cancel(const CancelSend& cancel, Timestamp now) { desk_.enqueue(cancel, now); }

void ReplayVenue::replace(const ReplaceSend& replace, Timestamp now) {
  desk_.enqueue(replace, now);
}

void ReplayVenue::query(const OrderQuery& query, Timestamp now) { desk_.enqueue(query, now); }

void ReplayVenue::restore(const OrderUpdate& order) { desk_.restore(order); }

std::size_t ReplayVenue::poll_reports(Timestamp now, std::span<ExecutionReport> out) {
  serve(now);
  return desk_.poll_reports(now, out);
}

std::optional<Timestamp> ReplayVenue::next_report_due() const noexcept {
  return desk_.next_report_due();
}

ReplayStats ReplayVenue::stats() const noexcept {
  ReplayStats result = stats_;
  for (const InstrumentFeed& feed : feeds_) result.feeds += feed.stats();
  result.orders = desk_.orders();
  result.fills = desk_.fills();
  return result;
}

}  // namespace stoa::venues::replay
