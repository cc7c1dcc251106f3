#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace stoa::journal {

/// An `errno` value; never 0.
struct Errno {
  int value;
};
template <class T>
using IoResult = std::expected<T, Errno>;

/// One open file. Offsets and sizes are bytes. One thread at a time.
class File {
 public:
  File() = default;
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  virtual ~File() = default;

  /// Reads at most `into.size()` bytes; fewer only at the end of the file.
  [[nodiscard]] virtual IoResult<std::size_t> read_at(std::span<std::byte> into,
                                                      std::uint64_t offset) = 0;
  /// Says that these bytes will be read soon, so that the system may fetch them meanwhile. A hint:
  /// nothing depends on it and nothing fails.
  virtual void will_read(std::uint64_t offset, std::uint64_t bytes) noexcept {
    static_cast<void>(offset);
    static_cast<void>(bytes);
  }
  /// May write less than asked, as pwrite does; the caller continues or gives up.
  [[nodiscard]] virtual IoResult<std::size_t> write_at(std::span<const std::byte> bytes,
                                                       std::uint64_t offset) = 0;
  /// Everything written so far survives a power cut once this has succeeded. After a failure
  /// nothing is known about unsynced writes, and a second call proves nothing.
  [[nodiscard]] virtual IoResult<void> sync_data() = 0;
  /// Reserves space for the first `bytes` and makes the file that long, so that writes into it
  /// cannot run out of space; new bytes read as zero.
  [[nodiscard]] virtual IoResult<void> allocate(std::uint64_t bytes) = 0;
  [[nodiscard]] virtual IoResult<std::uint64_t> size() = 0;
  /// Takes the lock that one open file at a time can hold, in any process; it goes with the file.
  /// EWOULDBLOCK: another has it.
  [[nodiscard]] virtual IoResult<void> try_lock() = 0;
};

enum class OpenMode : std::uint8_t {
  Read,    // must exist
  Write,   // must exist; read and write
  Create,  // made if missing, kept as it is if not; read and write
  Reset,   // made if missing, emptied if not; read and write
};

/// The journal's only door to disks: POSIX in life; in tests one that fails on demand or forgets
/// what was not synced. Any thread.
class FileSystem {
 public:
  FileSystem() = default;
  FileSystem(const FileSystem&) = delete;
  FileSystem& operator=(const FileSystem&) = delete;
  virtual ~FileSystem() = default;

  [[nodiscard]] virtual IoResult<std::unique_ptr<File>> open(const std::filesystem::path& path,
                                                             OpenMode mode) = 0;
  /// Plain names in the directory, in no order.
  [[nodiscard]] virtual IoResult<std::vector<std::string>> list(
      const std::filesystem::path& dir) = 0;
  /// True when it was made, false when it was there already; parents are not made.
  [[nodiscard]] virtual IoResult<bool> make_directory(const std::filesystem::path& dir) = 0;
  [[nodiscard]] virtual IoResult<void> rename(const std::filesystem::path& from,
                                              const std::filesystem::path& to) = 0;
  [[nodiscard]] virtual IoResult<void> remove(const std::filesystem::path& path) = 0;
  /// Names made, renamed or removed in `dir` survive a power cut once this has succeeded.
  [[nodiscard]] virtual IoResult<void> sync_directory(const std::filesystem::path& dir) = 0;
};

/// The operating system's files.
[[nodiscard]] FileSystem& posix_file_system() noexcept;

/// `file_system`, or the operating system's where none is given.
[[nodiscard]] inline FileSystem& or_posix(FileSystem* file_system) noexcept {
  return file_system != nullptr ? *file_system : posix_file_system();
}

}  // namespace stoa::journal
