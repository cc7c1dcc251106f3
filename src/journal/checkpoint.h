#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/ids.h"
#include "journal/file_system.h"

namespace stoa::journal {

/// The state of whatever applies the log, after one of its records: a start loads it and reads on
/// behind `lsn`. The journal keeps the bytes and does not look into them.
struct Checkpoint {
  Lsn lsn{};                // last record that `state` has seen; durable before this is written
  std::uint32_t chain = 0;  // of the log after that record: whose log it is (Writer::chain)
  std::uint64_t epoch = 0;  // of the writer at that time
  std::vector<std::byte> state{};
};

/// Generations kept: a start that cannot believe the newest takes the one before.
inline constexpr std::size_t kCheckpointsKept = 2;

/// Puts the checkpoint beside the segments: written under another name, synced, renamed, the
/// directory synced; then all but the two newest are removed. A crash at any moment leaves the
/// older ones as they were. Any thread; one at a time per journal.
///
/// errors  Unavailable: no space · NotFound: the directory is gone · Io
[[nodiscard]] Result<void> write_checkpoint(const std::filesystem::path& dir,
                                            const Checkpoint& checkpoint,
                                            FileSystem* file_system = nullptr);

/// A checkpoint's file as its header describes it; the state is not read.
struct CheckpointFile {
  std::string name;  // "00000000000000318447.ckpt"
  Lsn lsn;           // from the name
  std::uint64_t epoch = 0;
  std::uint32_t chain = 0;
  std::uint64_t bytes = 0;  // of the file
  std::string trouble;      // why its header cannot be believed; empty when it can
};

/// Every checkpoint in `dir`, by ascending lsn.
///
/// errors  NotFound: no such directory · Io
[[nodiscard]] Result<std::vector<CheckpointFile>> list_checkpoints(
    const std::filesystem::path& dir, FileSystem* file_system = nullptr);

/// Reads one checkpoint, every byte checked.
///
/// errors  Damaged: file, byte and what · NotFound, Io
[[nodiscard]] Result<Checkpoint> read_checkpoint(const std::filesystem::path& dir, Lsn lsn,
                                                 FileSystem* file_system = nullptr);

/// What a start begins with.
struct FoundCheckpoint {
  std::optional<Checkpoint> checkpoint;  // nothing: read the log from its first record
  std::vector<std::string> passed_over;  // why newer ones were not taken, a sentence each
};

/// The newest checkpoint that can be believed and does not name a record behind `head`. Damage is
/// not an error here: it is told in `passed_over`, and the one before is taken.
///
/// errors  NotFound: no such directory · Io
[[nodiscard]] Result<FoundCheckpoint> find_checkpoint(const std::filesystem::path& dir,
                                                      Lsn head = Lsn{UINT64_MAX},
                                                      FileSystem* file_system = nullptr);

// --- the bytes (docs/formats/journal.md), for tests and tools

inline constexpr std::size_t kCheckpointHeaderBytes = 64;

/// "00000000000000318447.ckpt".
[[nodiscard]] std::string checkpoint_name(Lsn lsn);
/// Nothing when it is not the name of a checkpoint.
[[nodiscard]] std::optional<Lsn> parse_checkpoint_name(std::string_view name) noexcept;

[[nodiscard]] std::vector<std::byte> encode_checkpoint(const Checkpoint& checkpoint);
/// errors  one sentence: what cannot be believed
[[nodiscard]] std::expected<Checkpoint, std::string_view> decode_checkpoint(
    std::span<const std::byte> file);

}  // namespace stoa::journal
