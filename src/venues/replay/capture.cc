#include "venues/replay/capture.h"

#include <zlib.h>

#include <cerrno>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <expected>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "base/error.h"
#include "venues/binance/parse.h"

namespace stoa::venues::replay {
namespace {

constexpr std::size_t kChunkBytes = std::size_t{1} << 20;
constexpr std::size_t kNone = ~std::size_t{0};
constexpr std::size_t kLineBytesMax = std::size_t{64} << 20;

std::unexpected<CaptureFault> damaged(std::string message, std::string source,
                                      std::string_view line) {
  return std::unexpected(CaptureFault{
      .error = {ErrorCode::Damaged, std::move(message), std::move(source)}, .line = line});
}

}  // namespace

void CaptureReader::Closer::operator()(gzFile_s* file) const noexcept { gzclose_r(file); }

CaptureReader::CaptureReader(std::vector<std::filesystem::path> files) : files_{std::move(files)} {}

Result<CaptureReader> CaptureReader::open(std::vector<std::filesystem::path> files) {
  if (files.empty()) return bad_input("no recording was named");
  CaptureReader reader{std::move(files)};
  // Each is opened once ahead: a name that is wrong should not show an hour into the first file.
  for (reader.file_ = 0; reader.file_ < reader.files_.size(); ++reader.file_) {
    if (auto error = reader.open_next()) return std::unexpected(*std::move(error));
  }
  reader.file_ = 0;
  if (auto error = reader.open_next()) return std::unexpected(*std::move(error));
  return reader;
}

std::optional<Error> CaptureReader::open_next() {
  const std::filesystem::path& path = files_[file_];
  std::error_code ignored;
  if (std::filesystem::is_directory(path, ignored)) {
    return Error{ErrorCode::BadInput, "a recording must be a file", path.string()};
  }
  errno = 0;
  input_.reset(gzopen(path.c_str(), "rbe"));
  if (!input_) {
    const int why = errno;
    auto error = io_error("cannot open the recording", why, path.string()).error();
    if (why == ENOENT) error.code = ErrorCode::NotFound;
    return error;
  }
  gzbuffer(input_.get(), static_cast<unsigned>(kChunkBytes));
  line_ = 0;
  begin_ = end_ = 0;
  file_done_ = false;
  return std::nullopt;
}

CaptureReader::More CaptureReader::read_more() {
  if (begin_ > 0) {
    std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
  }
  if (buffer_.size() - end_ < kChunkBytes) buffer_.resize(end_ + kChunkBytes);
  const int count = gzread(input_.get(), buffer_.data() + end_, static_cast<unsigned>(kChunkBytes));
  if (count > 0) end_ += static_cast<std::size_t>(count);
  // A cut file gives what it has first and its error with the read that finds nothing more.
  int why = Z_OK;
  gzerror(input_.get(), &why);
  if (count < 0 || (count == 0 && why != Z_OK && why != Z_STREAM_END)) return More::Damaged;
  return count == 0 ? More::End : More::Yes;
}

std::expected<std::optional<CaptureLine>, CaptureFault> CaptureReader::next() {
  std::size_t searched = begin_;
  while (file_ < files_.size()) {
    if (file_done_) {
      if (++file_ == files_.size()) break;
      // A file that was there at the start and cannot be opened now is left out, loudly.
      auto error = open_next();
      file_done_ = error.has_value();
      if (error) return std::unexpected(CaptureFault{.error = *std::move(error)});
      searched = 0;
    }
    const std::size_t size = line_end(searched);
    if (size != kNone) {
      const std::string_view line{buffer_.data() + begin_, size};
      begin_ += size + 1;
      searched = begin_;
      ++line_;
      if (line.empty() || line == "\r") continue;
      return parse(line);
    }
    const std::size_t unfinished = end_ - begin_;
    const More more = unfinished > kLineBytesMax ? More::TooLong : read_more();
    searched = begin_ + unfinished;
    if (more == More::Yes) continue;
    file_done_ = true;
    ++line_;
    if (more != More::End) return file_fault(more);
    if (unfinished > 0) return parse({buffer_.data() + begin_, unfinished});
  }
  return std::nullopt;
}

std::size_t CaptureReader::line_end(std::size_t searched) const noexcept {
  if (searched >= end_) return kNone;
  const char* const from = buffer_.data() + searched;
  const void* const newline = std::memchr(from, '\n', end_ - searched);
  if (newline == nullptr) return kNone;
  return static_cast<std::size_t>(static_cast<const char*>(newline) - (buffer_.data() + begin_));
}

std::unexpected<CaptureFault> CaptureReader::file_fault(More what) const {
  if (what == More::TooLong) {
    return damaged("a line is longer than 64 MiB; the rest of the file is left out", place(), {});
  }
  // zlib keeps the place of what it has consumed, not of the bad bit: near is all it can say.
  const auto byte = static_cast<std::uint64_t>(gzoffset(input_.get()));
  return damaged("the compressed file is cut or damaged before byte " + std::to_string(byte) +
                     "; the rest of it is left out",
                 place(), {});
}

std::expected<std::optional<CaptureLine>, CaptureFault> CaptureReader::parse(
    std::string_view line) const {
  if (line.ends_with('\r')) line.remove_suffix(1);
  std::uint64_t number = 0;
  const auto [behind, error] = std::from_chars(line.data(), line.data() + line.size(), number);
  const auto digits = static_cast<std::size_t>(behind - line.data());
  const auto time = error == std::errc{} ? binance::time_by_magnitude(number) : std::nullopt;
  if (!time || digits == line.size() || line[digits] != ' ') {
    return damaged("the line does not begin with a receive time", place() + ":0", line);
  }
  return CaptureLine{.time = *time, .frame = line.substr(digits + 1), .frame_byte = digits + 1};
}

std::string CaptureReader::place() const {
  const std::size_t file = file_ < files_.size() ? file_ : files_.size() - 1;
  return files_[file].string() + ":" + std::to_string(line_);
}

}  // namespace stoa::venues::replay
