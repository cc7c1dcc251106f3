#include "ops/whole_file.h"

#include <fcntl.h>
#include <sys/types.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <filesystem>
#include <string_view>

#include "base/error.h"
#include "base/fd.h"

namespace stoa::ops {
namespace {

Result<void> write_all(const std::filesystem::path& path, std::string_view text, ::mode_t mode) {
  const Fd fd{::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode)};
  if (!fd) return io_error("cannot create", errno, path.string());
  while (!text.empty()) {
    const ssize_t size = ::write(fd.get(), text.data(), text.size());
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) return io_error("cannot write", errno, path.string());
    text.remove_prefix(static_cast<std::size_t>(size));
  }
  return {};
}

}  // namespace

std::filesystem::path passing_name(const std::filesystem::path& path) {
  return path.string() + ".new";
}

Result<void> replace_whole(const std::filesystem::path& path, std::string_view text,
                           ::mode_t mode) {
  const auto passing = passing_name(path);
  auto done = write_all(passing, text, mode);
  if (done && ::rename(passing.c_str(), path.c_str()) != 0) {
    done = io_error("cannot replace", errno, path.string());
  }
  if (!done) ::unlink(passing.c_str());
  return done;
}

}  // namespace stoa::ops
