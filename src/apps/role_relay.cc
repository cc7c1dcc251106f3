
#include <array>
#include <cstddef>
#include <expected>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include "apps/journal_options.h"
#include "apps/mark_admission.h"
#include "apps/role.h"
#include "apps/roles.h"
#include "apps/standing.h"
#include "base/clock.h"
#include "base/error.h"
#include "deploy/layout.h"
#include "journal/writer.h"
#include "ops/config.h"
#include "ops/metrics.h"
#include "ops/role_status.h"
#include "protocol/native/registry.h"
#include "relay/server.h"
#include "relay/wire.h"

// `stoa run relay --domain D`: owns a domain's log, orders it, makes it durable, fans it out.
namespace stoa::apps {
namespace {

std::optional<native::Domain> domain_of(std::string_view name) {
  if (name == "market") return native::Domain::Market;
  if (name == "signal") return native::Domain::Signal;
  if (name == "execution") return native::Domain::Execution;
  return std::nullopt;
}

bool captured(ops::Capture capture, native::Domain domain) {
  return capture == ops::Capture::All ||
         (capture == ops::Capture::Market && domain == native::Domain::Market) ||
         (capture == ops::Capture::Signal && domain == native::Domain::Signal);
}

class Relay final : public Role {
 public:
  static Result<std::unique_ptr<Role>> make(const RoleParts& parts) {
    const auto domain = domain_of(parts.domain);
    if (!domain) {
      return bad_input("a relay needs --domain market, signal or execution");
    }
    const ops::Config& config = *parts.config;
    const deploy::Layout layout{config.data.dir};
    std::unique_ptr<Relay> relay{new Relay{parts}};
    relay::ServerOptions options{.domain = *domain, .socket = layout.relay(parts.domain)};
    options.ring_bytes = config.relay.ring_bytes;
    options.subscribers_max = config.relay.subscribers_max;
    options.mode = config.relay.socket_mode;
    options.audit = *domain == native::Domain::Execution;
    options.take_over = parts.take_over;
    if (*domain == native::Domain::Execution) {
      options.journal = {.dir = config.wal.dir,
                         .writer = journal_options(config),
                         .keep_bytes = bytes_to_keep(config),
                         .lazy_outputs = true};
      options.restamp = true;
      options.admission = &relay->admission_;
    } else if (captured(config.relay.capture, *domain)) {
      options.journal = {
          .dir = config.data.dir / "capture" / parts.domain,
          .writer = {.segment_bytes = config.wal.segment_bytes, .sync = journal::SyncPolicy::None},
          .keep_bytes = bytes_to_keep(config)};
    }
    if (options.journal) {
      std::error_code error;
      std::filesystem::create_directories(options.journal->dir.parent_path(), error);
      if (error) {
        return io_error("cannot make the folder of the log", error.value(),
                        options.journal->dir.string());
      }
    }
    auto server = relay::Server::open(std::move(options), *parts.clock);
    if (!server) return std::unexpected(std::move(server.error()));
    relay->server_ = std::move(*server);
    return relay;
  }

  std::size_t poll(Timestamp now) override { return server_->poll(now); }
  void watch(Waiting& waiting) const override {
    waiting.add(server_->fd());
    waiting.add_due(server_->next_due());
  }
  [[nodiscard]] Standing standing() const override {
    if (const Error* failed = server_->failed()) {
      return {.state = ops::RoleState::Starting, .reason = failed->text()};
    }
    return {.state = ops::RoleState::Ready};
  }
  void drain() override { server_->drain(); }
  [[nodiscard]] bool drained() const override {
    return server_->drained() || server_->handed_over();
  }
  [[nodiscard]] bool finished() const override { return server_->handed_over(); }
  [[nodiscard]] const Error* failed() const override { return server_->failed(); }

  void add_metrics(ops::Metrics& metrics) override {
    const relay::ServerMetrics& of = server_->metrics();
    const ops::Label domain{"domain", domain_};
    metrics.counter("stoa_log_appended_records_total", "Records that have got their place",
                    of.messages_in, {domain});
    metrics.counter("stoa_log_appended_bytes_total", "Bytes of those records", of.bytes_in,
                    {domain});
    metrics.counter("stoa_relay_sent_messages_total", "Messages sent to subscribers",
                    of.messages_out, {domain});
    metrics.counter("stoa_relay_sent_bytes_total", "Bytes sent to subscribers", of.bytes_out,
                    {domain});
    metrics.counter("stoa_relay_transient_messages_total", "Words of the moment passed on",
                    of.transient_in, {domain});
    metrics.counter("stoa_log_duplicate_records_total", "Messages dropped as taken before",
                    of.duplicates, {domain});
    metrics.counter("stoa_log_gap_records_total", "Times a source was told to rewind",
                    of.source_gaps, {domain});
    for (std::size_t i = 1; i < relay::kRefusals; ++i) {
      metrics.counter("stoa_relay_refused_total", "Connections and messages refused", of.refused[i],
                      {domain, {"reason", to_string(static_cast<relay::Refusal>(i))}});
    }
    metrics.counter("stoa_relay_evictions_total", "Readers closed because they held others up",
                    of.evictions, {domain});
    metrics.counter("stoa_relay_spills_total", "Times a reader went on from disk", of.spills,
                    {domain});
    metrics.counter("stoa_relay_stalls_total", "Times publishers waited for a reader", of.stalls,
                    {domain});
    metrics.counter("stoa_relay_conflated_records_total", "Records folded into newer ones",
                    of.conflated, {domain});
    metrics.counter("stoa_relay_dropped_records_total", "Records a reader was told it missed",
                    of.dropped, {domain});
    metrics.counter("stoa_relay_hand_overs_total", "Hand-overs given and taken", of.hand_overs,
                    {domain});
    metrics.counter("stoa_log_commits_total", "Rounds made to count", of.commits, {domain});
    metrics.gauge("stoa_relay_publishers", "Publishers connected", of.publishers, {domain});
    metrics.gauge("stoa_relay_subscribers", "Subscribers connected", of.subscribers, {domain});
    metrics.gauge("stoa_log_head_seq", "Newest record that counts", of.head_lsn, {domain});
    if (const auto* journal = server_->journal_metrics()) {
      metrics.histogram("stoa_log_fsync_duration_seconds", "One fdatasync of the log",
                        journal->sync_ns, {domain});
      metrics.counter("stoa_log_rotations_total", "Segments sealed", journal->rotations, {domain});
      metrics.counter("stoa_log_written_bytes_total", "Bytes handed to the file system",
                      journal->bytes_written, {domain});
      metrics.summary({.messages = &of.messages_in,
                       .connections = &of.subscribers,
                       .latency_ns = &journal->commit_ns});
    } else {
      metrics.summary({.messages = &of.messages_in, .connections = &of.subscribers});
    }
  }

 private:
  explicit Relay(const RoleParts& parts) : domain_{parts.domain} {}

  std::string domain_;
  MarkAdmission admission_;
  std::unique_ptr<relay::Server> server_;
};

}  // namespace

Result<std::unique_ptr<Role>> make_relay(const RoleParts& parts) { return Relay::make(parts); }

}  // namespace stoa::apps
