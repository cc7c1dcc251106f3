#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/error.h"

struct gzFile_s;  // NOLINT(readability-identifier-naming): zlib's own name

namespace stoa::venues::replay {

/// One line of a recording: `<local receive time> <frame>`.
struct CaptureLine {
  Timestamp time{};            // of the recorder
  std::string_view frame{};    // borrowed until the next line is read
  std::size_t frame_byte = 0;  // where the frame begins in its line, from 0
};

/// A place where a recording cannot be read.
struct CaptureFault {
  Error error{};
  std::string_view line{};  // what is there, borrowed; empty when the file itself is damaged
};

/// Reads recordings one after the other as one stream of lines; gzip or plain text, told by their
/// first bytes. Memory is bounded by the longest line (at most 64 MiB) plus 1 MiB.
///
/// thread  one owner; reading blocks on the disk like any read of a file
class CaptureReader {
 public:
  /// Every file must be there and readable; what is in them is found out by reading.
  [[nodiscard]] static Result<CaptureReader> open(std::vector<std::filesystem::path> files);

  /// The next line, or nothing at the end of the last file. Blank lines are passed over. After a
  /// fault reading goes on: with the next line, or with the next file where this one is damaged.
  [[nodiscard]] std::expected<std::optional<CaptureLine>, CaptureFault> next();

  /// "file:line" of the line given last, for errors about what is in it.
  [[nodiscard]] std::string place() const;

 private:
  struct Closer {
    void operator()(gzFile_s* file) const noexcept;
  };
  enum class More : std::uint8_t { Yes, End, Damaged, TooLong };

  explicit CaptureReader(std::vector<std::filesystem::path> files);

  [[nodiscard]] std::optional<Error> open_next();
  [[nodiscard]] More read_more();
  /// Length of the line at begin_; all before `searched` is known to hold no line end.
  [[nodiscard]] std::size_t line_end(std::size_t searched) const noexcept;
  [[nodiscard]] std::unexpected<CaptureFault> file_fault(More what) const;
  [[nodiscard]] std::expected<std::optional<CaptureLine>, CaptureFault> parse(
      std::string_view line) const;

  std::vector<std::filesystem::path> files_;
  std::size_t file_ = 0;    // being read; files_.size() at the end
  std::uint64_t line_ = 0;  // of the line given last, from 1
  std::unique_ptr<gzFile_s, Closer> input_;
  std::vector<char> buffer_;
  std::size_t begin_ = 0;  // of what has not been given
  std::size_t end_ = 0;
  bool file_done_ = false;
};

}  // namespace stoa::venues::replay
