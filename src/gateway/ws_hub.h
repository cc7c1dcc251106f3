#pragma once

#include <cstddef>
#include <deque>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "gateway/app.h"
#include "gateway/resume_id.h"
#include "gateway/ws_frame.h"
#include "protocol/json/writer.h"

namespace stoa::gateway {

/// Frames that one client is owed, oldest first. The socket takes them from here in one gathered
/// write.
class Outbox {
 public:
  void push(WsFramePtr frame) {
    bytes_ += frame->bytes().size();
    frames_.push_back(std::move(frame));
  }
  [[nodiscard]] bool empty() const noexcept { return frames_.empty(); }
  /// Not yet taken by the socket.
  [[nodiscard]] std::size_t bytes() const noexcept { return bytes_; }
  /// The next pieces to write, at most `out.size()`; returns how many.
  [[nodiscard]] std::size_t pieces(std::span<std::string_view> out) const noexcept;
  /// The socket has taken `count` bytes.
  void consumed(std::size_t count) noexcept;
  /// Drops everything that was not begun, so that a close frame comes next.
  void drop_unsent() noexcept;

 private:
  std::deque<WsFramePtr> frames_;
  std::size_t first_used_ = 0;  // bytes of the first frame that are gone
  std::size_t bytes_ = 0;
};

struct WsChannel;

/// One WebSocket client as the hub sees it; the session owns it and tells the hub when it goes.
struct WsClient {
  struct Subscription {
    WsChannel* channel = nullptr;
    bool behind = false;  // missed deltas: owed a snapshot
  };
  Outbox out{};
  std::vector<Subscription> subscriptions{};
  bool behind = false;   // over the soft limit: no deltas until it has read everything
  bool touched = false;  // stands in the hub's list of clients to write to
};

/// Publishes the boards to WebSocket clients by channel (docs/api.md): one delta per channel and
/// tick, built once and shared. Gateway thread; no I/O.
class WsHub {
 public:
  explicit WsHub(App& app);
  ~WsHub();
  WsHub(const WsHub&) = delete;
  WsHub& operator=(const WsHub&) = delete;

  /// What a client said.
  void on_message(WsClient& client, std::string_view text);
  /// The client's outbox has run empty; who was behind gets its snapshots now.
  void on_drained(WsClient& client);
  void remove(WsClient& client);

  /// Notes what the last poll changed and publishes what is due.
  void publish(nanoseconds now);
  /// The same, due or not: whoever listens knows what the boards know.
  void publish_all(nanoseconds now);
  /// Up to where everything has been told, for a client that goes on at another gateway of the
  /// platform: places in the log and the market, which every gateway has (ResumeId).
  [[nodiscard]] std::string resume_id() const;
  /// Clients that were given something since the last call.
  [[nodiscard]] std::vector<WsClient*> take_touched();
  /// A frame for every subscriber of a channel, by its policy; for measurements.
  void broadcast(std::string_view channel, const WsFramePtr& frame);

 private:
  void add_channel(std::unique_ptr<WsChannel> channel);
  [[nodiscard]] WsChannel* find(std::string_view name);
  void subscribe(WsClient& client, WsChannel& channel, const std::optional<ResumeId>& resume);
  void unsubscribe(WsClient& client, WsChannel& channel);
  void send(WsClient& client, WsFramePtr frame);
  void send_error(WsClient& client, std::string_view code, std::string_view detail);
  void send_snapshot(WsClient& client, WsChannel& channel,
                     const std::optional<ResumeId>& resume = std::nullopt);
  void note_changes();
  /// Tells subscribers what changed; without any it only moves on.
  void advance(WsChannel& channel, nanoseconds now);
  /// Before a snapshot: what is new goes to the listeners first, so that none counts it twice.
  void bring_up_to_date(WsChannel& channel);
  void broadcast(WsChannel& channel, const WsFramePtr& frame);

  App& app_;
  std::vector<std::unique_ptr<WsChannel>> channels_;
  std::unordered_map<std::string_view, WsChannel*> by_name_;
  std::vector<WsClient*> touched_;
};

}  // namespace stoa::gateway
