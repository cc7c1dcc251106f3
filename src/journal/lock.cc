#include "journal/lock.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <expected>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "base/error.h"
#include "journal/file_system.h"
#include "journal/segment.h"

namespace stoa::journal {
namespace {

constexpr const char* kLockName = "writer.lock";

}  // namespace

Result<std::unique_ptr<File>> lock_directory(FileSystem& files, const std::filesystem::path& dir) {
  const std::filesystem::path path = dir / kLockName;
  auto file = files.open(path, OpenMode::Create);
  if (!file) return disk_error("cannot open the writer's lock", file.error(), path);
  std::array<char, 32> holder{};
  if (const auto locked = (*file)->try_lock(); !locked) {
    if (locked.error().value != EWOULDBLOCK) {
      return disk_error("cannot lock the journal", locked.error(), path);
    }
    const auto got = (*file)->read_at(std::as_writable_bytes(std::span{holder}), 0);
    std::string_view who{holder.data(), got ? *got : 0};
    who = who.substr(0, who.find('\n'));
    return std::unexpected(Error{.code = ErrorCode::Unavailable,
                                 .message = "the journal is in use by " +
                                            (who.empty() ? "another writer" : std::string{who}),
                                 .source = dir.string()});
  }
  const std::string name = "process " + std::to_string(::getpid()) + '\n';
  std::ranges::copy(name, holder.begin());
  // Only the message above depends on it.
  [[maybe_unused]] const auto wrote = (*file)->write_at(std::as_bytes(std::span{holder}), 0);
  return std::move(*file);
}

}  // namespace stoa::journal
