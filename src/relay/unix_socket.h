#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <expected>
#include <filesystem>
#include <optional>
#include <span>
#include <vector>

#include "base/error.h"
#include "base/fd.h"

// Unix stream sockets, as the relays use them: non-blocking, closed on exec.
namespace stoa::relay {

/// Longest path that fits a socket's address (unix(7): 108 bytes with the zero behind it).
inline constexpr std::size_t kSocketPathBytesMax = 107;

/// Listens at `path` with the file's mode set to `mode`. A file left by an owner that is gone is
/// replaced; two that start at once are told apart by a lock on `path` + ".lock" while they bind.
///
/// errors  BadInput: the path is too long · Unavailable: somebody answers there · NotFound: no such
///         directory · Io
[[nodiscard]] Result<Fd> listen_unix(const std::filesystem::path& path, mode_t mode = 0660);

/// Connects, or begins to: a Unix socket either connects at once or says why not.
///
/// errors  BadInput: the path is too long · NotFound: nobody listens · Unavailable: the queue of
///         those who wait is full: try again · Io
[[nodiscard]] Result<Fd> connect_unix(const std::filesystem::path& path);

/// The next of those who wait; nothing when nobody does.
///
/// errors  Unavailable: out of descriptors · Io
[[nodiscard]] Result<std::optional<Fd>> accept_unix(const Fd& listener);

/// Who is at the other end, as the kernel saw it when the connection was made.
struct Peer {
  pid_t pid = 0;
  uid_t uid = 0;
  gid_t gid = 0;
};
/// errors  Io
[[nodiscard]] Result<Peer> peer_of(const Fd& socket);

/// Asks for buffers of `bytes` each way; the system's bounds may give less.
void set_buffers(const Fd& socket, std::size_t bytes) noexcept;

/// What a read or write on a non-blocking socket came to.
enum class Transfer : std::uint8_t {
  Done,    // some bytes went; how many is said beside it
  Later,   // not now: wait until the socket is ready
  Closed,  // the other end is gone
};
struct Transferred {
  Transfer how = Transfer::Later;
  std::size_t bytes = 0;
};
[[nodiscard]] Transferred receive(const Fd& socket, std::span<std::byte> into) noexcept;
[[nodiscard]] Transferred send(const Fd& socket, std::span<const std::byte> bytes) noexcept;
/// Both in their order with one call.
[[nodiscard]] Transferred send(const Fd& socket, std::span<const std::byte> first,
                               std::span<const std::byte> second) noexcept;

/// Most descriptors that travel with one message (the system's SCM_MAX_FD).
inline constexpr std::size_t kFdsPerMessageMax = 253;
/// `bytes`, at least one, with open descriptors beside them (SCM_RIGHTS); with none it is a plain
/// send. Once any byte went, all descriptors have.
[[nodiscard]] Transferred send(const Fd& socket, std::span<const std::byte> bytes,
                               std::span<const int> fds) noexcept;
/// Puts the descriptors that came along behind those in `fds`. Closed also when some were lost for
/// want of room in this process.
[[nodiscard]] Transferred receive(const Fd& socket, std::span<std::byte> into,
                                  std::vector<Fd>& fds);

/// Sends `bytes`, at least one, and open descriptors with the first of them (at most
/// kFdsPerMessageMax). Blocks until all is sent or `timeout_ms` is over.
///
/// errors  Unavailable: the time is over, or the other end is gone · Io
[[nodiscard]] Result<void> send_with_fds(const Fd& socket, std::span<const std::byte> bytes,
                                         std::span<const int> fds, int timeout_ms);
/// Fills `into` and takes the descriptors that come with it. Blocks likewise.
[[nodiscard]] Result<std::vector<Fd>> receive_with_fds(const Fd& socket, std::span<std::byte> into,
                                                       int timeout_ms);

}  // namespace stoa::relay
