#include "cli/journal_dir.h"

#include <expected>
#include <filesystem>
#include <system_error>

#include "base/error.h"

namespace stoa::cli {
namespace {

bool holds_segments(const std::filesystem::path& dir) {
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator{dir, error}) {
    if (entry.path().extension() == ".seg") return true;
  }
  return false;
}

}  // namespace

Result<std::filesystem::path> journal_dir(const std::filesystem::path& given) {
  std::error_code error;
  if (!std::filesystem::is_directory(given, error)) {
    return std::unexpected(Error{
        .code = ErrorCode::NotFound, .message = "no such directory", .source = given.string()});
  }
  if (!holds_segments(given) && std::filesystem::is_directory(given / "wal", error)) {
    return given / "wal";
  }
  return given;
}

}  // namespace stoa::cli
