#pragma once

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <future>
#include <memory>

#include "base/error.h"
#include "journal/file_system.h"

namespace stoa::journal {

/// Name under which a segment is made before it is needed; never read as part of the journal.
inline constexpr const char* kPreparedName = "next.prepared";

/// Makes a file of `bytes` zeros that are on the disk, so that later writes into it change no
/// metadata and fdatasync has only data to wait for (a third to four fifths faster than growing).
///
/// errors  Unavailable: no space · NotFound: the directory is gone · Io · Io with ECANCELED when
///         `canceled` became true
[[nodiscard]] Result<std::unique_ptr<File>> make_zeroed_file(
    FileSystem& files, const std::filesystem::path& path, std::uint64_t bytes,
    const std::atomic<bool>* canceled = nullptr);

/// Has the next segment made on a thread of its own while the present one fills. The writer's
/// thread calls.
class SegmentPreparer {
 public:
  SegmentPreparer(FileSystem& files, const std::filesystem::path& dir, std::uint64_t bytes);
  SegmentPreparer(const SegmentPreparer&) = delete;
  SegmentPreparer& operator=(const SegmentPreparer&) = delete;
  /// Stops the thread and removes what nobody took.
  ~SegmentPreparer();

  /// Begins unless it has already begun.
  void start();
  [[nodiscard]] bool ready() const;
  [[nodiscard]] bool busy() const { return pending_.valid() && !ready(); }
  /// The file, named kPreparedName; waits for it, or makes it here and now if it was not begun or
  /// did not succeed (space may have been freed since, and it is a new descriptor).
  [[nodiscard]] Result<std::unique_ptr<File>> take();

 private:
  FileSystem& files_;
  std::filesystem::path path_;
  std::uint64_t bytes_;
  std::atomic<bool> canceled_{false};  // the writer's thread sets, the preparing thread reads
  std::future<Result<std::unique_ptr<File>>> pending_;
};

}  // namespace stoa::journal
