#include "gateway/ws_hub.h"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "gateway/account_board.h"
#include "gateway/app.h"
#include "gateway/candle_builder.h"
#include "gateway/json_body.h"
#include "gateway/market_board.h"
#include "gateway/resume_id.h"
#include "gateway/ws_channel.h"
#include "gateway/ws_frame.h"
#include "protocol/json/writer.h"

namespace stoa::gateway {
namespace {

using std::chrono::milliseconds;

constexpr std::size_t kChannelsPerRequest = 256;

/// The text of a frame with room for its head in front.
std::string frame_buffer() { return std::string(WsFrame::kHeadRoom, '\0'); }

}  // namespace

std::size_t Outbox::pieces(std::span<std::string_view> out) const noexcept {
  const std::size_t count = std::min(out.size(), frames_.size());
  for (std::size_t i = 0; i < count; ++i) out[i] = frames_[i]->bytes();
  if (count > 0) out[0].remove_prefix(first_used_);
  return count;
}

void Outbox::consumed(std::size_t count) noexcept {
  bytes_ -= count;
  count += first_used_;
  while (!frames_.empty() && count >= frames_.front()->bytes().size()) {
    count -= frames_.front()->bytes().size();
    frames_.pop_front();
  }
  first_used_ = count;
}

void Outbox::drop_unsent() noexcept {
  while (frames_.size() > (first_used_ > 0 ? 1U : 0U)) {
    bytes_ -= frames_.back()->bytes().size();
    frames_.pop_back();
  }
}

WsHub::WsHub(App& app) : app_{app} {
  const auto add = [this](std::string name, ChannelKind kind, milliseconds period,
                          const MarketLane* lane = nullptr, std::size_t interval = 0) {
    add_channel(std::make_unique<WsChannel>(WsChannel{.name = std::move(name),
                                                      .kind = kind,
                                                      .period = period,
                                                      .lane = lane,
                                                      .interval = interval}));
  };
  for (const MarketLane& lane : app_.market.lanes()) {
    const std::string symbol{lane.instrument.symbol.view()};
    // The publisher's own pace is 50 ms; a little less here, so that its every tick gets through.
    add("book." + symbol, ChannelKind::Book, milliseconds{40}, &lane);
    add("trades." + symbol, ChannelKind::Trades, milliseconds{40}, &lane);
    for (std::size_t i = 0; i < kCandleIntervalsS.size(); ++i) {
      add("candles." + symbol + "." + std::string{kCandleIntervalNames[i]}, ChannelKind::Candles,
          milliseconds{100}, &lane, i);
    }
  }
  add("orders", ChannelKind::Orders, milliseconds{0});
  add("fills", ChannelKind::Fills, milliseconds{0});
  add("positions", ChannelKind::Positions, milliseconds{200});
  add("strategies", ChannelKind::Strategies, milliseconds{500});
  add("risk", ChannelKind::Risk, milliseconds{500});
  add("health", ChannelKind::Health, milliseconds{1'000});
}

WsHub::~WsHub() = default;

void WsHub::add_channel(std::unique_ptr<WsChannel> channel) {
  by_name_.emplace(channel->name, channel.get());
  channels_.push_back(std::move(channel));
}

WsChannel* WsHub::find(std::string_view name) {
  const auto at = by_name_.find(name);
  return at == by_name_.end() ? nullptr : at->second;
}

void WsHub::on_message(WsClient& client, std::string_view text) {
  const auto value = parse_json(text);
  if (!value) return send_error(client, "malformed_json", value.error());
  const JsonValue* op = value->kind == JsonKind::Object ? value->find("op") : nullptr;
  if (op == nullptr || op->kind != JsonKind::String) {
    return send_error(client, "missing_field", "a frame is an object with \"op\"");
  }
  if (op->text == "ping") {
    std::string buffer = frame_buffer();
    json::Writer json{buffer};
    json.begin_object();
    json.field("op", "pong");
    json.digits_field("now_ns", app_.platform_now().ns());
    json.end_object();
    return send(client, WsFrame::finish(std::move(buffer)));
  }
  const bool joins = op->text == "subscribe";
  if (!joins && op->text != "unsubscribe") {
    return send_error(client, "unknown_op", "op is subscribe, unsubscribe or ping");
  }
  const JsonValue* names = value->find("channels");
  if (names == nullptr || names->kind != JsonKind::Array ||
      names->items.size() > kChannelsPerRequest) {
    return send_error(client, "bad_field", "channels must be an array of at most 256 names");
  }
  std::optional<ResumeId> resume;
  if (const JsonValue* given = joins ? value->find("resume") : nullptr) {
    resume = given->kind == JsonKind::String ? ResumeId::parse(given->text) : std::nullopt;
    if (!resume) return send_error(client, "bad_field", "resume is what a close of 1012 said");
  }
  for (const JsonValue& name : names->items) {
    WsChannel* channel = name.kind == JsonKind::String ? find(name.text) : nullptr;
    if (channel == nullptr) {
      send_error(client, "unknown_channel", "there is no channel " + name.text.substr(0, 100));
    } else if (joins) {
      subscribe(client, *channel, resume);
    } else {
      unsubscribe(client, *channel);
    }
  }
}

void WsHub::subscribe(WsClient& client, WsChannel& channel, const std::optional<ResumeId>& resume) {
  const auto known =
      std::ranges::find(client.subscriptions, &channel, &WsClient::Subscription::channel);
  if (known == client.subscriptions.end()) {
    // What is new goes to the others first, so that the snapshot is of the present seq.
    bring_up_to_date(channel);
    channel.clients.push_back(&client);
    client.subscriptions.push_back({&channel, client.behind});
  }
  if (!client.behind) send_snapshot(client, channel, resume);
}

void WsHub::unsubscribe(WsClient& client, WsChannel& channel) {
  std::erase(channel.clients, &client);
  std::erase_if(client.subscriptions, [&](const auto& s) { return s.channel == &channel; });
}

void WsHub::remove(WsClient& client) {
  for (const WsClient::Subscription& subscription : client.subscriptions) {
    std::erase(subscription.channel->clients, &client);
  }
  client.subscriptions.clear();
  std::erase(touched_, &client);
}

void WsHub::on_drained(WsClient& client) {
  if (!client.behind) return;
  client.behind = false;
  for (WsClient::Subscription& subscription : client.subscriptions) {
    if (!std::exchange(subscription.behind, false)) continue;
    send_snapshot(client, *subscription.channel);
  }
}

void WsHub::send(WsClient& client, WsFramePtr frame) {
  client.out.push(std::move(frame));
  if (!std::exchange(client.touched, true)) touched_.push_back(&client);
}

void WsHub::send_error(WsClient& client, std::string_view code, std::string_view detail) {
  std::string buffer = frame_buffer();
  json::Writer json{buffer};
  json.begin_object();
  json.field("op", "error");
  json.field("code", code);
  json.field("detail", detail);
  json.end_object();
  send(client, WsFrame::finish(std::move(buffer)));
}

void WsHub::send_snapshot(WsClient& client, WsChannel& channel,
                          const std::optional<ResumeId>& resume) {
  // News between two deltas must not be in a snapshot of the older seq: the delta would count
  // twice.
  bring_up_to_date(channel);
  if (resume) {
    std::string buffer = frame_buffer();
    json::Writer json{buffer};
    json.begin_object();
    json.field("channel", std::string_view{channel.name});
    json.field("type", "snapshot");
    json.field("seq", channel.seq);
    json.field("resumed", holds_all_since(channel, app_, *resume));
    json.key("data");
    write_snapshot(json, channel, app_);
    json.end_object();
    return send(client, WsFrame::finish(std::move(buffer)));
  }
  if (channel.snapshot_seq != channel.seq || channel.snapshot == nullptr) {
    std::string buffer = frame_buffer();
    json::Writer json{buffer};
    json.begin_object();
    json.field("channel", std::string_view{channel.name});
    json.field("type", "snapshot");
    json.field("seq", channel.seq);
    json.key("data");
    write_snapshot(json, channel, app_);
    json.end_object();
    channel.snapshot = WsFrame::finish(std::move(buffer));
    channel.snapshot_seq = channel.seq;
  }
  send(client, channel.snapshot);
}

void WsHub::note_changes() {
  const AccountBoard::Changes changes = app_.account.take_changes();
  const std::vector<std::uint64_t> orders = app_.orders.take_changed();
  for (const auto& channel : channels_) {
    switch (channel->kind) {
      case ChannelKind::Orders:
        for (const std::uint64_t intent : orders) {
          if (channel->clients.empty()) {
            channel->changed.assign(1, intent);  // enough to say that there is news
          } else if (std::ranges::find(channel->changed, intent) == channel->changed.end()) {
            channel->changed.push_back(intent);
          }
        }
        break;
      case ChannelKind::Positions:
        channel->dirty |= changes.positions;
        break;
      case ChannelKind::Strategies:
        channel->dirty |= changes.strategies;
        break;
      case ChannelKind::Risk:
        channel->dirty |= changes.risk || changes.control;
        if (changes.control) channel->next_due = nanoseconds{0};
        break;
      default:
        break;
    }
  }
}

void WsHub::bring_up_to_date(WsChannel& channel) {
  // Health changes with every look; a snapshot of the last second's is as good as any.
  if (channel.kind == ChannelKind::Health || !has_news(channel, app_)) return;
  advance(channel, app_.link.clock->monotonic());
}

void WsHub::publish(nanoseconds now) {
  note_changes();
  for (const auto& channel : channels_) {
    if (channel->clients.empty() || now < channel->next_due) continue;
    if (has_news(*channel, app_)) advance(*channel, now);
  }
}

void WsHub::publish_all(nanoseconds now) {
  note_changes();
  for (const auto& channel : channels_) {
    if (channel->clients.empty() || channel->kind == ChannelKind::Health) continue;
    if (has_news(*channel, app_)) advance(*channel, now);
  }
}

std::string WsHub::resume_id() const {
  ResumeId id{.lsn = app_.last_lsn};
  for (const MarketLane& lane : app_.market.lanes()) {
    if (lane.trades.empty()) continue;
    const Timestamp told = lane.trades.back().ts_event;
    if (id.traded == Timestamp{} || told < id.traded) id.traded = told;
  }
  return id.text();
}

void WsHub::advance(WsChannel& channel, nanoseconds now) {
  channel.next_due = now + channel.period;
  const std::uint64_t previous = channel.seq++;
  if (!channel.clients.empty()) {
    std::string buffer = frame_buffer();
    json::Writer json{buffer};
    json.begin_object();
    json.field("channel", std::string_view{channel.name});
    json.field("type", "delta");
    json.field("prev_seq", previous);
    json.field("seq", channel.seq);
    json.key("data");
    write_delta(json, channel, app_);
    json.end_object();
    broadcast(channel, WsFrame::finish(std::move(buffer)));
  }
  mark_told(channel, app_);
}

void WsHub::broadcast(WsChannel& channel, const WsFramePtr& frame) {
  for (WsClient* client : channel.clients) {
    if (client->out.bytes() > app_.options.backlog_soft_bytes) client->behind = true;
    if (!client->behind) {
      send(*client, frame);
      continue;
    }
    const auto at =
        std::ranges::find(client->subscriptions, &channel, &WsClient::Subscription::channel);
    if (at != client->subscriptions.end()) at->behind = true;
  }
}

void WsHub::broadcast(std::string_view channel, const WsFramePtr& frame) {
  if (WsChannel* at = find(channel)) broadcast(*at, frame);
}

std::vector<WsClient*> WsHub::take_touched() {
  for (WsClient* client : touched_) client->touched = false;
  return std::exchange(touched_, {});
}

}  // namespace stoa::gateway
