#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <vector>

#include "base/error.h"
#include "base/fd.h"
#include "relay/source.h"

// How a running relay gives its place to a successor on the same machine, over `SOCKET.next`:
//
//   successor    connects there and asks
//   predecessor  reads its publishers no more, commits, closes its journal; sends its listening
//                socket, its ring's memfd and a state
//   successor    opens the journal and the ring; says Ready
//   predecessor  says Go, tells its clients that the relay has moved, and is done
//   successor    polls: clients come back to the same path, which was never closed
//
// A successor that dies or is late before Ready changes nothing: the predecessor opens its journal
// again and goes on. One that hears nothing more from its predecessor, not even Stop, goes on: the
// predecessor is gone.
namespace stoa::relay {

/// One source's numbers.
struct SourceState {
  std::uint64_t sequence = 0;  // newest that counts
  std::uint64_t lsn = 0;       // where it stands
  std::uint64_t instance = 0;  // of its publisher
};
inline constexpr std::size_t kSourcesMax = kSources;

/// What is not in the ring's own memory.
struct HandOverState {
  std::uint8_t domain = 0;
  std::uint8_t journalled = 0;
  std::uint8_t reserved[6]{};
  std::int64_t time = 0;  // of the newest record, ns
  std::array<SourceState, kSourcesMax> sources{};
};

/// "run/market.sock" -> "run/market.sock.next".
[[nodiscard]] std::filesystem::path next_path(const std::filesystem::path& socket);

/// What a predecessor gave.
struct Inheritance {
  Fd link;  // to the predecessor
  Fd listener;
  Fd ring;
  HandOverState state;
};

/// The successor's side. Blocks at most `timeout_ms` per step.
///
/// returns nothing when no relay runs there
/// errors  Unavailable: it would not · Damaged: what it sent · Io
[[nodiscard]] Result<std::optional<Inheritance>> ask_predecessor(
    const std::filesystem::path& socket, int timeout_ms);
/// Says Ready and waits for Go.
///
/// errors  Unavailable: the predecessor goes on instead
[[nodiscard]] Result<void> confirm_to_predecessor(const Inheritance& inheritance, int timeout_ms);

// --- the predecessor's side, in the steps of its rounds

/// errors  Unavailable, Io: the successor is gone
[[nodiscard]] Result<void> give(const Fd& link, const Fd& listener, int ring_fd,
                                const HandOverState& state);

enum class Word : std::uint8_t { Ask = 1, Given = 2, Ready = 3, Go = 4, Stop = 5 };
/// One byte, now. False: the other end is gone.
bool say(const Fd& link, Word word) noexcept;
/// Nothing yet, the word, or an error when the other end is gone.
[[nodiscard]] Result<std::optional<Word>> hear(const Fd& link);

}  // namespace stoa::relay
