#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/clock.h"
#include "bus/topic.h"
#include "oms/venue_port.h"
#include "protocol/native/codec.h"

namespace stoa::apps {

/// The in-process relay of the market domain: numbers what a feed says, encodes it and puts it on
/// the market topic. Engine thread. One feed poll puts at most `kTopicBytes` there, and the engine
/// reads all of it before the next poll.
class MarketRelay final : public oms::MarketSink {
 public:
  MarketRelay();

  void on_trade(const Trade& trade, Timestamp ts_recv) override { publish(trade, ts_recv); }
  void on_quote(const Quote& quote, Timestamp ts_recv) override { publish(quote, ts_recv); }
  void on_feed_state(const FeedState& state, Timestamp ts_recv) override {
    publish(state, ts_recv);
  }
  /// Snapshots of more levels than a message holds are split into parts.
  void on_book(const BookView& book, Timestamp ts_recv) override;

  [[nodiscard]] bus::Topic& topic() noexcept { return topic_; }
  /// Messages published so far.
  [[nodiscard]] std::uint64_t messages() const noexcept { return sequence_; }

 private:
  static constexpr std::size_t kTopicBytes = 32U << 20U;

  template <native::Message M>
  void publish(const M& message, Timestamp ts_recv);
  void publish_book(const BookView& book, Timestamp ts_recv);
  [[nodiscard]] std::span<std::byte> claim(std::size_t bytes);
  [[nodiscard]] native::Stamp stamp(Timestamp ts_recv) noexcept;

  bus::Topic topic_;
  bus::Publication publication_;
  std::uint64_t sequence_ = 0;
};

}  // namespace stoa::apps
