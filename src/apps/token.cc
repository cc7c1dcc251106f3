#include "apps/token.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include "base/error.h"
#include "base/fd.h"

namespace stoa::apps {
namespace {

constexpr std::size_t kTokenBytes = 32;
constexpr std::size_t kTokenCharsMin = 16;
constexpr std::size_t kTokenCharsMax = 256;

Result<std::string> read_token(const std::filesystem::path& file) {
  const Fd fd{::open(file.c_str(), O_RDONLY | O_CLOEXEC)};
  if (!fd) return io_error("cannot read the token", errno, file.string());
  struct stat status{};
  if (::fstat(fd.get(), &status) != 0)
    return io_error("cannot read the token", errno, file.string());
  if ((status.st_mode & 077U) != 0) {
    return bad_input(fmt::format("others can read the token (mode {:o}): chmod 600 {}",
                                 status.st_mode & 0777U, file.string()),
                     file.string());
  }
  std::array<char, kTokenCharsMax + 2> text{};
  const ssize_t size = ::read(fd.get(), text.data(), text.size());
  if (size < 0) return io_error("cannot read the token", errno, file.string());
  std::string_view token{text.data(), static_cast<std::size_t>(size)};
  while (token.ends_with('\n')) token.remove_suffix(1);
  if (token.size() < kTokenCharsMin || token.size() > kTokenCharsMax) {
    return bad_input(
        fmt::format(
            "a token has {} to {} characters, this has {}: remove the file, a new one is made",
            kTokenCharsMin, kTokenCharsMax, token.size()),
        file.string());
  }
  return Result<std::string>{std::in_place, token};
}

}  // namespace

Result<std::string> load_or_make_token(const std::filesystem::path& file) {
  std::array<std::uint8_t, kTokenBytes> random{};
  if (::getrandom(random.data(), random.size(), 0) != static_cast<ssize_t>(random.size())) {
    return io_error("no random bytes for a token", errno, file.string());
  }
  std::string token;
  for (const std::uint8_t byte : random) token += fmt::format("{:02x}", byte);

  std::error_code unseen;  // what cannot be looked at cannot be made either, and that is told below
  if (std::filesystem::exists(file, unseen)) return read_token(file);
  // Under another name until it is whole: a start that is killed here leaves no half of a token
  // that the next one would stumble over.
  const std::string fresh = fmt::format("{}.{}", file.string(), ::getpid());
  const Fd fd{::open(fresh.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600)};
  if (!fd) return io_error("cannot make the token", errno, file.string());
  const std::string line = token + '\n';
  if (::write(fd.get(), line.data(), line.size()) != static_cast<ssize_t>(line.size()) ||
      ::fsync(fd.get()) != 0) {
    const int error = errno;
    ::unlink(fresh.c_str());
    return io_error("cannot write the token", error, file.string());
  }
  // Unlike a rename, a link never takes the place of what another start has made meanwhile.
  const int error = ::link(fresh.c_str(), file.c_str()) == 0 ? 0 : errno;
  ::unlink(fresh.c_str());
  if (error == EEXIST) return read_token(file);
  if (error != 0) return io_error("cannot make the token", error, file.string());
  return token;
}

}  // namespace stoa::apps
