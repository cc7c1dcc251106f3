#include "ops/whole_file.h"

#include <fcntl.h>
#include <sys/types.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <expected>
#include <filesystem>
#include <fstream>
#include <ios>
#include <iterator>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/fd.h"

namespace stoa::ops {
namespace {

Result<void> write_all(const std::filesystem::path& path, std::string_view text, ::mode_t mode,
                       Sync sync) {
  const Fd fd{::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode)};
  if (!fd) return io_error("cannot create", errno, path.string());
  while (!text.empty()) {
    const ssize_t size = ::write(fd.get(), text.data(), text.size());
    if (size < 0 && errno == EINTR) continue;
    if (size <= 0) return io_error("cannot write", size == 0 ? ENOSPC : errno, path.string());
    text.remove_prefix(static_cast<std::size_t>(size));
  }
  if (sync == Sync::File && ::fdatasync(fd.get()) != 0) {
    return io_error("cannot sync", errno, path.string());
  }
  return {};
}

}  // namespace

std::filesystem::path passing_name(const std::filesystem::path& path) {
  return path.string() + ".new";
}

Result<void> replace_whole(const std::filesystem::path& path, std::string_view text, ::mode_t mode,
                           Sync sync) {
  const auto passing = passing_name(path);
  auto done = write_all(passing, text, mode, sync);
  if (done && ::rename(passing.c_str(), path.c_str()) != 0) {
    done = io_error("cannot replace", errno, path.string());
  }
  if (!done) {
    ::unlink(passing.c_str());
    return done;
  }
  return sync == Sync::File ? sync_directory(path.parent_path()) : done;
}

Result<std::string> read_small_file(const std::filesystem::path& path) {
  std::ifstream in{path, std::ios::binary};
  if (!in) {
    if (errno != ENOENT) return io_error("cannot open", errno, path.string());
    return std::unexpected(
        Error{.code = ErrorCode::NotFound, .message = "no such file", .source = path.string()});
  }
  std::string text{std::istreambuf_iterator<char>{in}, {}};
  if (in.bad()) return io_error("cannot read", EIO, path.string());
  return text;
}

Result<void> sync_directory(const std::filesystem::path& folder) {
  const Fd fd{::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  if (!fd) return io_error("cannot open", errno, folder.string());
  if (::fsync(fd.get()) != 0) return io_error("cannot sync", errno, folder.string());
  return {};
}

}  // namespace stoa::ops
