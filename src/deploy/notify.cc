#include "deploy/notify.h"

#include <asm-generic/socket.h>
#include <bits/types/struct_iovec.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include "base/error.h"
#include "base/fd.h"

namespace stoa::deploy {
namespace {

constexpr std::size_t kStatusMax = 256;
constexpr std::size_t kDatagramMax = 4'096;
constexpr std::chrono::microseconds kExtendMax = std::chrono::hours{1};

std::string status_line(std::string_view text) {
  std::string line{text.substr(0, kStatusMax)};
  std::ranges::replace_if(line, [](char c) { return static_cast<unsigned char>(c) < 0x20; }, ' ');
  return line;
}

std::optional<std::chrono::microseconds> microseconds_of(std::string_view text) {
  std::uint64_t value = 0;
  const auto* end = text.end();
  const auto [stop, error] = std::from_chars(text.begin(), end, value);
  if (error != std::errc{} || stop != end) return std::nullopt;
  const auto bounded = std::min(value, static_cast<std::uint64_t>(kExtendMax.count()));
  return std::chrono::microseconds{static_cast<std::int64_t>(bounded)};
}

/// Who sent a datagram, as the kernel says.
pid_t sender_of(msghdr& message) {
  for (cmsghdr* part = CMSG_FIRSTHDR(&message); part != nullptr;
       part = CMSG_NXTHDR(&message, part)) {
    if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_CREDENTIALS) continue;
    ucred credentials{};
    std::memcpy(&credentials, CMSG_DATA(part), sizeof credentials);
    return credentials.pid;
  }
  return 0;
}

}  // namespace

Notice parse_notice(std::string_view datagram) {
  Notice notice;
  while (!datagram.empty()) {
    const auto end = std::min(datagram.find('\n'), datagram.size());
    const auto line = datagram.substr(0, end);
    datagram.remove_prefix(std::min(end + 1, datagram.size()));
    const auto equals = line.find('=');
    if (equals == std::string_view::npos) continue;
    const auto name = line.substr(0, equals);
    const auto value = line.substr(equals + 1);
    if (name == "READY") notice.ready |= value == "1";
    if (name == "STOPPING") notice.stopping |= value == "1";
    if (name == "WATCHDOG") notice.watchdog |= value == "1";
    if (name == "WATCHDOG") notice.trouble |= value == "trigger";
    if (name == "STATUS") notice.status = status_line(value);
    if (name == "EXTEND_TIMEOUT_USEC") notice.extend = microseconds_of(value);
  }
  return notice;
}

Result<NoticeSocket> NoticeSocket::bind(const std::filesystem::path& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string& text = path.native();
  if (text.size() > kSocketPathMax) {
    return bad_input("the name of the socket has " + std::to_string(text.size()) +
                         " bytes, the system takes " + std::to_string(kSocketPathMax) +
                         "; choose a shorter data directory",
                     text);
  }
  std::ranges::copy(text, &address.sun_path[0]);
  Fd fd{::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
  if (!fd) return io_error("cannot make a socket", errno, text);
  const int yes = 1;
  if (::setsockopt(fd.get(), SOL_SOCKET, SO_PASSCRED, &yes, sizeof yes) != 0) {
    return io_error("cannot ask for the sender's credentials", errno, text);
  }
  ::unlink(text.c_str());
  const auto* generic = reinterpret_cast<const sockaddr*>(&address);
  if (::bind(fd.get(), generic, sizeof address) != 0) {
    return io_error("cannot bind the socket", errno, text);
  }
  if (::chmod(text.c_str(), 0660) != 0) return io_error("cannot set its mode", errno, text);
  return NoticeSocket{std::move(fd), path};
}

NoticeSocket::~NoticeSocket() {
  if (fd_) ::unlink(path_.c_str());
}

std::optional<Notice> NoticeSocket::receive(pid_t pid, pid_t other) {
  std::array<char, kDatagramMax> bytes{};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(ucred))> control{};
  while (true) {
    iovec part{.iov_base = bytes.data(), .iov_len = bytes.size()};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    const auto got = ::recvmsg(fd_.get(), &message, MSG_CMSG_CLOEXEC);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return std::nullopt;
    const pid_t sender = sender_of(message);
    if (sender <= 0 || (sender != pid && sender != other)) continue;
    Notice notice = parse_notice({bytes.data(), static_cast<std::size_t>(got)});
    notice.sender = sender;
    return notice;
  }
}

}  // namespace stoa::deploy
