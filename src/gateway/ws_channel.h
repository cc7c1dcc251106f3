#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "base/clock.h"
#include "gateway/app.h"
#include "gateway/market_board.h"
#include "gateway/resume_id.h"
#include "gateway/ws_frame.h"
#include "model/market.h"
#include "protocol/json/writer.h"

namespace stoa::gateway {

struct WsClient;

enum class ChannelKind : std::uint8_t {
  Book,
  Trades,
  Candles,
  Orders,
  Fills,
  Positions,
  Strategies,
  Risk,
  Health
};

/// One channel: who listens, where its stream stands, and what its last delta left clients with.
struct WsChannel {
  std::string name{};
  ChannelKind kind = ChannelKind::Health;
  nanoseconds period{0};             // between deltas; 0: at once
  const MarketLane* lane = nullptr;  // Book, Trades, Candles
  std::size_t interval = 0;          // Candles
  std::vector<WsClient*> clients{};

  std::uint64_t seq = 1;
  nanoseconds next_due{0};
  WsFramePtr snapshot{};           // of `snapshot_seq`, shared by who joins meanwhile
  std::uint64_t snapshot_seq = 0;  // 0: none

  // What clients have been told.
  std::vector<Level> bids{};
  std::vector<Level> asks{};
  std::uint64_t told = 0;                // Book: seq; Trades, Fills: count seen
  std::uint64_t told_missed = 0;         // Trades
  std::vector<std::uint64_t> changed{};  // Orders: intents
  bool dirty = false;                    // the kinds that are sent whole
};

/// Whether the boards know more than the channel has told.
[[nodiscard]] bool has_news(const WsChannel& channel, const App& app);
/// Writes `data` of a delta.
void write_delta(json::Writer& json, const WsChannel& channel, const App& app);
/// Writes `data` of a snapshot; the channel must have told everything.
void write_snapshot(json::Writer& json, const WsChannel& channel, const App& app);
/// Whether a snapshot of now shows everything that has happened since a client was told up to
/// there.
[[nodiscard]] bool holds_all_since(const WsChannel& channel, const App& app, const ResumeId& told);
/// Notes that everything known now has been told.
void mark_told(WsChannel& channel, App& app);

}  // namespace stoa::gateway
