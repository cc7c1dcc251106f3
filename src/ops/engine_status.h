#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

#include "base/counter.h"
#include "base/histogram.h"
#include "base/ids.h"
#include "base/seq_cell.h"

namespace stoa::ops {

inline constexpr std::size_t kInstrumentsMax = 64;

/// One instrument's feed, as the engine sees it.
struct FeedStatusCell {
  Counter messages;
  Counter gaps;
  Gauge last_message_ns;  // platform time of the last message, 0: none yet
  Gauge state;            // a stoa::FeedStatus
};

/// Whether commands may come, where that is more than EngineStatus::ready says: of a gateway whose
/// platform is other processes, which may be away for a moment.
struct OrderDoor {
  enum class Mode : std::uint8_t {
    AsReady,  // as `ready` says
    Open,
    Held,    // something is away: they wait, and go on once `takes` says so
    Closed,  // refused
  };
  Mode mode = Mode::AsReady;
  bool takes = false;         // whoever keeps commands takes them
  std::int64_t until_ns = 0;  // Held: monotonic; refused from there on
  friend bool operator==(const OrderDoor&, const OrderDoor&) = default;
};

/// What the engine thread tells about itself; any thread reads, nothing waits. Health answers come
/// from here, so they cost the engine nothing and never block.
struct EngineStatus {
  Gauge now_ns;        // platform time of the last loop
  Gauge heartbeat_ns;  // monotonic clock of the last loop: old means that the loop has stopped
  Gauge ready;         // 1: recovery is done and orders may come
  SeqCell<OrderDoor> door;
  Gauge kill_active;
  Gauge log_failed;   // 1: a write or sync failed; nothing is acknowledged any more
  Gauge market_done;  // 1: the recording has been played
  Gauge open_orders;
  Gauge state_hash;  // the core's, bit-cast to signed
  Gauge head_lsn;
  Gauge durable_lsn;
  // How the start went; set before `ready`.
  Gauge start_checkpoint_lsn;     // it began behind this one; 0: at the first record
  Gauge start_replayed;           // records applied behind it
  Gauge start_ns;                 // from opening the log to its end
  Gauge checkpoints_passed_over;  // newer ones that could not be used
  Gauge checkpoint_lsn;           // newest known to be written; 0: none
  Gauge checkpoint_bytes;         // of that
  Gauge checkpoint_failed;        // 1: the last one could not be written
  Counter checkpoints;
  Counter checkpoint_failures;
  Histogram checkpoint_copy_ns;   // the engine stood still
  Histogram checkpoint_write_ns;  // until the file was durable
  Counter removed_segments;       // by retention
  Counter removed_bytes;
  Counter retention_failures;
  Gauge log_held;  // 1: something keeps the log above wal.keep_bytes
  Counter loops;
  Counter inputs;  // records applied by the core
  Counter market_messages;
  Counter orders;  // OrderSend
  Counter fills;
  std::array<Counter, 32> rejects;                    // by RejectCode
  Histogram tick_to_intent_ns;                        // market frame in hand -> intent queued
  Histogram intent_to_durable_ns;                     // queued -> fdatasync returned
  Histogram durable_to_send_ns;                       // durable -> handed to the venue
  Histogram tick_to_send_ns;                          // the whole way
  std::array<FeedStatusCell, kInstrumentsMax> feeds;  // by place in the list of instruments
};

}  // namespace stoa::ops
