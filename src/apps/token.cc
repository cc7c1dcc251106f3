#include "apps/token.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <filesystem>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/fd.h"
#include "deploy/hub_server.h"
#include "gateway/gateway.h"
#include "ops/config.h"

namespace stoa::apps {
namespace {

constexpr std::size_t kTokenBytes = 32;
constexpr std::size_t kTokenCharsMin = 16;
constexpr std::size_t kTokenCharsMax = 256;
constexpr std::size_t kTokensBytesMax = 65'536;

Result<void> check_private(int fd, const std::filesystem::path& file) {
  struct stat status{};
  if (::fstat(fd, &status) != 0) return io_error("cannot read the token", errno, file.string());
  if ((status.st_mode & 077U) == 0) return {};
  return bad_input(fmt::format("others can read the token (mode {:o}): chmod 600 {}",
                               status.st_mode & 0777U, file.string()),
                   file.string());
}

/// The next word of `line`, which begins behind it from then on.
std::string_view take_word(std::string_view& line) {
  line.remove_prefix(std::min(line.find_first_not_of(" \t\r"), line.size()));
  const auto word = line.substr(0, line.find_first_of(" \t\r"));
  line.remove_prefix(word.size());
  return word;
}

Result<gateway::TokenHolder> read_holder(std::string_view line, const std::string& where) {
  const auto name = take_word(line);
  const auto role = take_word(line);
  const auto token = take_word(line);
  if (token.empty() || !take_word(line).empty()) {
    return bad_input("expected NAME viewer|deployer TOKEN", where);
  }
  if (role != "viewer" && role != "deployer") {
    return bad_input(fmt::format("{} is no role: expected viewer or deployer", role), where);
  }
  if (token.size() < kTokenCharsMin || token.size() > kTokenCharsMax) {
    return bad_input(fmt::format("a token has {} to {} characters, this has {}", kTokenCharsMin,
                                 kTokenCharsMax, token.size()),
                     where);
  }
  return gateway::TokenHolder{
      .name = std::string{name},
      .role = role == "viewer" ? gateway::TokenRole::Viewer : gateway::TokenRole::Deployer,
      .token = std::string{token}};
}

Result<std::string> read_token(const std::filesystem::path& file) {
  const Fd fd{::open(file.c_str(), O_RDONLY | O_CLOEXEC)};
  if (!fd) return io_error("cannot read the token", errno, file.string());
  if (auto checked = check_private(fd.get(), file); !checked) {
    return std::unexpected(std::move(checked.error()));
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

std::string own_name() {
  const auto surroundings = ops::Surroundings::of_process();
  const auto told = surroundings.variables.find("STOA_USER");
  const bool said = told != surroundings.variables.end() && !told->second.empty();
  return said ? told->second : deploy::login_name(::geteuid());
}

Result<std::vector<gateway::TokenHolder>> load_tokens(const std::filesystem::path& file) {
  std::vector<gateway::TokenHolder> holders;
  const Fd fd{::open(file.c_str(), O_RDONLY | O_CLOEXEC)};
  if (!fd && errno == ENOENT) return holders;
  if (!fd) return io_error("cannot read the tokens", errno, file.string());
  if (auto checked = check_private(fd.get(), file); !checked) {
    return std::unexpected(std::move(checked.error()));
  }
  std::string text(kTokensBytesMax + 1, '\0');
  const ssize_t size = ::read(fd.get(), text.data(), text.size());
  if (size < 0) return io_error("cannot read the tokens", errno, file.string());
  text.resize(static_cast<std::size_t>(size));
  if (text.size() > kTokensBytesMax) return bad_input("has at most 65536 bytes", file.string());
  std::string_view rest{text};
  for (std::size_t number = 1; !rest.empty(); ++number) {
    const std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(rest.size(), line.size() + 1));
    std::string_view look = line;
    const auto first = take_word(look);
    if (first.empty() || first.starts_with('#')) continue;
    auto holder = read_holder(line, fmt::format("{}:{}", file.string(), number));
    if (!holder) return std::unexpected(std::move(holder.error()));
    holders.push_back(std::move(*holder));
  }
  return holders;
}

}  // namespace stoa::apps
