#include "gateway/metrics.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/counter.h"
#include "base/histogram.h"
#include "gateway/app.h"
#include "journal/writer.h"
#include "model/types.h"
#include "ops/engine_status.h"
#include "ops/metrics.h"

namespace stoa::gateway {
namespace {

using ops::Metrics;
using ops::Samples;
using ops::Scale;
using Kind = Metrics::Kind;

// What shows where there is no journal.
const Counter kNoCount;
const Histogram kNoTimes;

void add_engine(Metrics& out, const ops::EngineStatus& status) {
  out.gauge("stoa_ready", "1 when orders may come.", status.ready);
  out.counter("stoa_engine_loops_total", "Rounds of the engine's loop.", status.loops);
  out.counter("stoa_engine_inputs_total", "Inputs applied by the execution core.", status.inputs);
  out.counter("stoa_market_messages_total", "Market messages taken.", status.market_messages);
}

void add_log(App& app) {
  Metrics& out = app.metrics;
  const ops::EngineStatus& status = *app.link.status;
  const journal::WriterMetrics* journal = app.link.journal;
  out.gauge("stoa_log_head_seq", "Last record appended to the execution log.", status.head_lsn);
  out.gauge("stoa_log_durable_seq", "Last record known to survive a power cut.",
            status.durable_lsn);
  out.counter("stoa_log_appended_records_total", "Records appended since the start.",
              journal == nullptr ? kNoCount : journal->records, {{"domain", "execution"}});
  out.counter("stoa_log_written_bytes_total", "Bytes handed to the file system.",
              journal == nullptr ? kNoCount : journal->bytes_written);
  out.computed("stoa_log_segments", Kind::Gauge, "Segment files of the execution log.",
               [&app](Samples& samples) { samples.add(app.log_segments); });
  out.gauge("stoa_log_failed", "1 when the log can no longer be written.", status.log_failed);
  out.histogram("stoa_log_fsync_duration_seconds", "Time of one fdatasync of the log.",
                journal == nullptr ? kNoTimes : journal->sync_ns);
}

void add_checkpoints(Metrics& out, const ops::EngineStatus& status) {
  out.gauge("stoa_checkpoint_seq", "Record of the newest checkpoint, 0: none.",
            status.checkpoint_lsn);
  out.gauge("stoa_checkpoint_bytes", "Size of the newest checkpoint.", status.checkpoint_bytes);
  out.counter("stoa_checkpoints_total", "Checkpoints written since the start.", status.checkpoints);
  out.counter("stoa_checkpoint_failures_total", "Checkpoints that could not be written.",
              status.checkpoint_failures);
  out.gauge("stoa_checkpoint_failed", "1 when the last checkpoint could not be written.",
            status.checkpoint_failed);
  out.histogram("stoa_checkpoint_copy_duration_seconds",
                "Time for which the engine stood still to copy its state.",
                status.checkpoint_copy_ns);
  out.histogram("stoa_checkpoint_write_duration_seconds",
                "From the copy of the state to the durable file.", status.checkpoint_write_ns);
  out.counter("stoa_log_removed_segments_total", "Segments removed by retention.",
              status.removed_segments);
  out.counter("stoa_log_removed_bytes_total", "Bytes of those.", status.removed_bytes);
  out.counter("stoa_log_retention_failures_total", "Times retention could not do its work.",
              status.retention_failures);
  out.gauge("stoa_log_held", "1 when a checkpoint or cursor keeps the log above wal.keep_bytes.",
            status.log_held);
  out.gauge("stoa_start_checkpoint_seq",
            "Record of the checkpoint that this start began with, 0: the first record.",
            status.start_checkpoint_lsn);
  out.gauge("stoa_start_replayed_records", "Records applied by this start.", status.start_replayed);
  out.gauge("stoa_start_duration_seconds", "Time to bring the state to the log's end.",
            status.start_ns, {}, Scale::Nanoseconds);
  out.gauge("stoa_start_checkpoints_passed_over",
            "Newer checkpoints that this start could not use.", status.checkpoints_passed_over);
}

void add_trading(Metrics& out, const ops::EngineStatus& status) {
  out.counter("stoa_orders_total", "Orders sent to the venue.", status.orders);
  out.gauge("stoa_open_orders", "Orders that are not terminal.", status.open_orders);
  out.counter("stoa_fills_total", "Fills of our orders.", status.fills);
  out.gauge("stoa_kill_switch_active", "1 while every new order is refused.", status.kill_active);
  for (std::size_t i = 1; i < kRejectCodes; ++i) {
    out.counter("stoa_risk_rejects_total", "Refused requests by rule.", status.rejects[i],
                {{"rule", to_string(static_cast<RejectCode>(i))}});
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

void add_feeds(App& app) {
  const auto& instruments = app.options.instruments;
  const auto& feeds = app.link.status->feeds;
  const std::size_t count = std::min(instruments.size(), feeds.size());
  for (std::size_t i = 0; i < count; ++i) {
    const std::string_view symbol = instruments[i].symbol.view();
    app.metrics.gauge("stoa_feed_last_message_timestamp_seconds",
                      "Platform time of the last message of a feed.", feeds[i].last_message_ns,
                      {{"symbol", symbol}}, Scale::Nanoseconds);
    app.metrics.counter("stoa_feed_messages_total", "Market messages taken from a feed.",
                        feeds[i].messages, {{"symbol", symbol}});
    app.metrics.counter("stoa_feed_gaps_total", "Gaps found in a feed.", feeds[i].gaps,
                        {{"symbol", symbol}});
  }
}

void add_gateway(App& app) {
  Metrics& out = app.metrics;
  out.computed("stoa_http_requests_total", Kind::Counter, "HTTP requests answered, by status.",
               [&app](Samples& samples) {
                 static constexpr std::array<int, 15> kKnown{200, 201, 304, 400, 401, 403, 404, 405,
                                                             409, 413, 414, 421, 422, 503, 504};
                 auto counts = app.requests_by_status;
                 for (const int status : kKnown) counts.try_emplace(status, 0);
                 for (const auto& [status, count] : counts) {
                   samples.add(count, {{"code", std::to_string(status)}});
                 }
               });
  out.computed("stoa_commands_total", Kind::Counter,
               "HTTP requests answered that were to change something, by status.",
               [&app](Samples& samples) {
                 static constexpr std::array<int, 7> kKnown{200, 201, 400, 409, 422, 503, 504};
                 auto counts = app.commands_by_status;
                 for (const int status : kKnown) counts.try_emplace(status, 0);
                 for (const auto& [status, count] : counts) {
                   samples.add(count, {{"code", std::to_string(status)}});
                 }
               });
  out.histogram("stoa_command_duration_seconds", "From the coming of such a request to its answer.",
                app.command_ns);
  const auto figure = [&](std::string_view name, Kind kind, std::string_view help, auto read) {
    out.computed(name, kind, help,
                 [&app, read](Samples& samples) { samples.add(std::uint64_t{read(app)}); });
  };
  figure("stoa_http_connections", Kind::Gauge, "Open HTTP connections.",
         [](const App& a) { return a.connections; });
  figure("stoa_websocket_clients", Kind::Gauge, "Open WebSocket connections.",
         [](const App& a) { return a.clients; });
  figure("stoa_websocket_closed_slow_total", Kind::Counter,
         "Clients closed because they did not read.", [](const App& a) { return a.closed_slow; });
  out.gauge("stoa_held_orders",
            "Commands that came while part of the platform was away, unanswered.",
            app.desk.held_orders());
  out.histogram("stoa_hold_duration_seconds", "From the coming of such a command to its answer.",
                app.desk.hold_ns());
  out.counter("stoa_gateway_hung_up_requests_total",
              "Commands not carried out because their sender had hung up.", app.desk.hung_up());
  figure("stoa_gateway_failures_total", Kind::Counter, "Exceptions in the work of one connection.",
         [](const App& a) { return a.failures; });
  figure("stoa_gateway_undecodable_messages_total", Kind::Counter,
         "Messages of the engine that could not be read.",
         [](const App& a) { return a.undecodable; });
}

}  // namespace

void add_metrics(App& app) {
  const ops::EngineStatus& status = *app.link.status;
  app.metrics.process(app.role.identity());
  add_engine(app.metrics, status);
  add_log(app);
  add_checkpoints(app.metrics, status);
  add_trading(app.metrics, status);
  add_feeds(app);
  add_gateway(app);
  app.metrics.summary({.messages = &status.market_messages,
                       .connections = &app.open_connections,
                       .latency_ns = &status.tick_to_send_ns});
}

}  // namespace stoa::gateway
