#include "deploy/durable_file.h"

#include <fcntl.h>
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

namespace stoa::deploy {

Result<void> replace_durably(const std::filesystem::path& file, std::string_view text) {
  const auto passing = file.string() + ".new";
  {
    const Fd fd{::open(passing.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640)};
    if (!fd) return io_error("cannot create", errno, passing);
    for (std::size_t done = 0; done < text.size();) {
      const auto wrote = ::write(fd.get(), text.data() + done, text.size() - done);
      if (wrote < 0 && errno == EINTR) continue;
      if (wrote <= 0) return io_error("cannot write", wrote == 0 ? ENOSPC : errno, passing);
      done += static_cast<std::size_t>(wrote);
    }
    if (::fdatasync(fd.get()) != 0) return io_error("cannot sync", errno, passing);
  }
  if (::rename(passing.c_str(), file.c_str()) != 0) {
    return io_error("cannot name the file", errno, file.string());
  }
  return sync_directory(file.parent_path());
}

Result<std::string> read_small_file(const std::filesystem::path& file) {
  std::ifstream in{file, std::ios::binary};
  if (!in) {
    if (errno != ENOENT) return io_error("cannot open", errno, file.string());
    return std::unexpected(
        Error{.code = ErrorCode::NotFound, .message = "no such file", .source = file.string()});
  }
  std::string text{std::istreambuf_iterator<char>{in}, {}};
  if (in.bad()) return io_error("cannot read", EIO, file.string());
  return text;
}

Result<void> sync_directory(const std::filesystem::path& folder) {
  const Fd fd{::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  if (!fd) return io_error("cannot open", errno, folder.string());
  if (::fsync(fd.get()) != 0) return io_error("cannot sync", errno, folder.string());
  return {};
}

}  // namespace stoa::deploy
