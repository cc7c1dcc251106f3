#pragma once

#include <chrono>
#include <cstdint>
#include <string_view>

#include "apps/role_lead.h"
#include "base/clock.h"
#include "base/text.h"
#include "model/system.h"
#include "protocol/native/codec.h"

namespace stoa::apps {

/// The place of one process in the switch of its role (decision 0014), without I/O: records of the
/// log, time and what the relay says go in, what to do next comes out.
///
///   begin            once, when the log has been read to its end
///   note             each record behind that, in the order of the log
///   next, until None each round
///
/// The relay is the fence: a process owns its sources from its hello on until another says hello,
/// and a role of several sources takes them in one order, so that of two who try the last wins. The
/// epoch is the next one behind all that the log holds of those sources: whoever is welcomed later
/// has read what an earlier one opened.
///
/// thread  one
class Leadership {
 public:
  enum class Mode : std::uint8_t {
    Following,  // another leads, or nobody
    Opening,    // takes the sources, then opens an epoch
    Leading,
    Closing,  // was told to let go: applies nothing behind the order, finishes what was before it
    Closed,   // has let go, and takes it up again when nobody else does
  };
  /// What the role does next; each is said once, where it is due.
  enum class Action : std::uint8_t {
    None,
    Take,   // say hello for the sources, one behind the other, the first decides; read what the
            // log holds of them
    Open,   // append EpochOpen of `next_epoch`
    Lead,   // it stands in the log: decide, publish, speak to the outside
    Close,  // append EpochClose, with `order_hash`
    Drop,   // give the sources back and follow; inputs that were held are applied
    Resume  // the switch is called off before the close: inputs that were held are applied
  };
  /// How the role stands at this moment.
  struct Signs {
    bool taken = false;       // all sources are ours, and what the log holds of them has been read
    bool superseded = false;  // another has said hello for the first of them
    bool disturbed = false;   // … for a later one only: it gives up, and they have to be taken anew
    bool drained = false;     // what follows from the inputs applied is recorded and sent
    bool may_open = true;     // it has derived what the leader recorded
    bool said_the_same = true;  // … but for digests of its state
    bool up_to_date = true;     // nothing that the log holds is known to be unread
  };

  Leadership(SwitchRole role, std::string_view colour);

  /// `beside`: it leads only if its colour was leading and died. Otherwise it is the one that its
  /// supervisor starts to lead; it has said hello before it read the log, and goes on or opens.
  void begin(const RoleLead& known, bool beside) noexcept;
  /// When the record has been read; it may be applied later.
  void note(const native::MessageView& message) noexcept;
  /// The newest order has been applied, before `next` is asked: the hash of the state after it.
  void applied_order(std::uint64_t own_hash) noexcept { order_hash_ = own_hash; }
  [[nodiscard]] Action next(nanoseconds now, const Signs& signs) noexcept;

  [[nodiscard]] Mode mode() const noexcept { return mode_; }
  /// It decides: what it derives is the role's word.
  [[nodiscard]] bool leads() const noexcept {
    return mode_ == Mode::Leading || mode_ == Mode::Closing;
  }
  [[nodiscard]] const RoleLead& log() const noexcept { return log_; }
  [[nodiscard]] std::uint32_t next_epoch() const noexcept { return log_.epoch + 1; }
  [[nodiscard]] std::uint64_t order_hash() const noexcept { return order_hash_; }
  /// Nobody has led since the one before had finished in order: nothing of its work is in doubt.
  [[nodiscard]] bool orderly() const noexcept { return orderly_; }
  /// It was named and did not open: its state at the order was another.
  [[nodiscard]] bool hash_differs() const noexcept { return hash_differs_; }
  /// How soon to look again although nothing comes; 0: it makes no difference.
  [[nodiscard]] nanoseconds wait() const noexcept;

  /// A longer time between two looks is no waiting: this process was not there.
  static constexpr nanoseconds kRoundMax = std::chrono::milliseconds{250};
  /// An order that says nothing holds others for so long.
  static constexpr std::uint32_t kHoldMaxMs = 2'000;

 private:
  void on_order() noexcept;
  void on_close() noexcept;
  void on_open() noexcept;
  void go(Mode mode) noexcept;
  Action follow(nanoseconds passed, const Signs& signs) noexcept;
  Action close(nanoseconds passed, const Signs& signs) noexcept;
  Action reopen(nanoseconds passed, const Signs& signs) noexcept;

  Text<24> colour_;
  RoleLead log_;
  Mode mode_ = Mode::Following;
  bool take_due_ = false;
  bool open_due_ = false;   // an epoch is to be opened
  bool said_open_ = false;  // and EpochOpen is on its way
  bool said_close_ = false;
  bool lead_due_ = false;
  bool drop_due_ = false;
  bool named_ = false;  // the unanswered order names this one
  bool orderly_ = false;
  bool hash_differs_ = false;
  std::uint64_t order_hash_ = 0;
  nanoseconds hold_max_{};
  nanoseconds waited_{};
  nanoseconds last_{};  // look
};

[[nodiscard]] std::string_view to_string(Leadership::Mode mode) noexcept;      // "closing"
[[nodiscard]] std::string_view to_string(Leadership::Action action) noexcept;  // "take"

}  // namespace stoa::apps
