#include "deploy/hub_server.h"

#include <pwd.h>
#include <sys/poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "base/fd.h"
#include "deploy/notify.h"
#include "protocol/json/value.h"
#include "protocol/json/writer.h"

namespace stoa::deploy {
namespace {

constexpr std::size_t kClientsMax = 32;
constexpr std::size_t kRequestMax = 2UL * 1024 * 1024;
constexpr std::size_t kUnreadMax = 64UL * 1024 * 1024;
constexpr std::size_t kPartBytes = 65'536;
constexpr int kBacklog = 16;
constexpr mode_t kSocketMode = 0660;

constexpr std::array<std::string_view, 8> kCodes{
    "bad_input", "not_found", "stale", "conflict", "denied", "unapproved", "failed", "unconfirmed"};

Result<sockaddr_un> address_of(const std::filesystem::path& socket) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string& text = socket.native();
  if (text.size() > kSocketPathMax) {
    return bad_input("the socket's name is too long; choose a shorter data directory", text);
  }
  std::ranges::copy(text, &address.sun_path[0]);
  return address;
}

std::unexpected<Error> unavailable(std::string message, const std::filesystem::path& socket) {
  return std::unexpected(Error{
      .code = ErrorCode::Unavailable, .message = std::move(message), .source = socket.string()});
}

}  // namespace

std::string_view to_string(HubCode code) noexcept { return kCodes[static_cast<std::size_t>(code)]; }

std::string hub_refusal(HubCode code, std::string_view message) {
  std::string text;
  json::Writer json{text};
  json.begin_object();
  json.field("ok", false);
  json.field("code", to_string(code));
  json.field("message", message);
  json.end_object();
  return text;
}

std::string answer_line(const HubVerbs& verbs, std::string_view line, const HubPeer& peer) {
  const auto request = json::Value::parse(line);
  if (!request) return hub_refusal(HubCode::BadInput, request.error().message);
  const std::string& verb = (*request)["verb"].text();
  const auto handler = verbs.find(verb);
  if (handler == verbs.end()) {
    return hub_refusal(HubCode::BadInput, verb.empty() ? "a request needs a \"verb\""
                                                       : "the hub knows no verb " + verb);
  }
  HubPeer asking = peer;
  const std::string login = login_name(peer.uid);
  asking.user = (*request)["user"].text_or(login);
  const bool may_name_others = peer.uid == 0 || peer.uid == ::geteuid();
  if (asking.user != login && !may_name_others) {
    return hub_refusal(HubCode::Denied, login + " may not speak as " + asking.user);
  }
  return handler->second(*request, asking);
}

std::string login_name(uid_t uid) {
  constexpr std::size_t kEntryBytes = 16'384;
  std::vector<char> bytes(kEntryBytes);
  passwd entry{};
  passwd* found = nullptr;
  ::getpwuid_r(uid, &entry, bytes.data(), bytes.size(), &found);
  return found != nullptr ? std::string{found->pw_name} : "uid-" + std::to_string(uid);
}

Result<HubServer> HubServer::open(const std::filesystem::path& socket, const HubVerbs& verbs) {
  const auto address = address_of(socket);
  if (!address) return std::unexpected(address.error());
  const std::string& text = socket.native();
  Fd fd{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
  if (!fd) return io_error("cannot make a socket", errno, text);
  ::unlink(text.c_str());
  // Nobody can connect before listen(), so that the mode is right for everyone who does.
  if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&*address), sizeof *address) != 0 ||
      ::chmod(text.c_str(), kSocketMode) != 0 || ::listen(fd.get(), kBacklog) != 0) {
    return io_error("cannot listen at the socket", errno, text);
  }
  return HubServer{std::move(fd), socket, verbs};
}

HubServer::~HubServer() {
  if (listener_) ::unlink(path_.c_str());
}

void HubServer::wait_for(std::vector<pollfd>& fds) const {
  fds.push_back({.fd = listener_.get(), .events = POLLIN, .revents = 0});
  for (const Client& client : clients_) {
    const bool writes = !client.out.empty();
    fds.push_back({.fd = client.fd.get(),
                   .events = static_cast<short>(writes ? POLLIN | POLLOUT : POLLIN),
                   .revents = 0});
  }
}

std::size_t HubServer::poll() {
  accept();
  std::size_t answered = 0;
  std::erase_if(clients_, [&](Client& client) {
    const bool stays = read(client);
    // One at a time: a client that asks a lot waits for itself, not others for it.
    const auto end = client.in.find('\n');
    if (end != std::string::npos && client.out.empty()) {
      client.out = answer_line(*verbs_, std::string_view{client.in}.substr(0, end), client.peer);
      client.out += '\n';
      client.in.erase(0, end + 1);
      ++answered;
    }
    return !write(client) || !stays;
  });
  return answered;
}

bool HubServer::quiet() const {
  return std::ranges::all_of(clients_, [](const Client& client) { return client.out.empty(); });
}

void HubServer::accept() {
  while (clients_.size() < kClientsMax) {
    Fd fd{::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK)};
    if (!fd) return;
    ucred who{};
    socklen_t size = sizeof who;
    // NOLINTNEXTLINE(misc-include-cleaner): <sys/socket.h> is where POSIX has them
    if (::getsockopt(fd.get(), SOL_SOCKET, SO_PEERCRED, &who, &size) != 0) continue;
    clients_.push_back({.fd = std::move(fd), .peer = {.uid = who.uid, .pid = who.pid}});
  }
}

/// False when it has left or says too much.
bool HubServer::read(Client& client) {
  std::array<char, kPartBytes> part{};
  while (client.in.size() <= kRequestMax) {
    const auto got = ::recv(client.fd.get(), part.data(), part.size(), 0);
    if (got < 0) return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR;
    if (got == 0) return false;
    client.in.append(part.data(), static_cast<std::size_t>(got));
  }
  return false;
}

/// False when nobody reads any more.
bool HubServer::write(Client& client) {
  while (!client.out.empty()) {
    const auto sent =
        ::send(client.fd.get(), client.out.data(), client.out.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0) {
      if (errno == EINTR) continue;
      return (errno == EAGAIN || errno == EWOULDBLOCK) && client.out.size() <= kUnreadMax;
    }
    client.out.erase(0, static_cast<std::size_t>(sent));
  }
  return true;
}

Result<json::Value> ask_hub(const std::filesystem::path& socket, std::string_view line,
                            std::chrono::milliseconds patience) {
  const auto address = address_of(socket);
  if (!address) return std::unexpected(address.error());
  const Fd fd{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  if (!fd) return io_error("cannot make a socket", errno, socket.string());
  if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&*address), sizeof *address) != 0) {
    if (errno != ENOENT && errno != ECONNREFUSED) {
      return io_error("cannot reach the hub", errno, socket.string());
    }
    return std::unexpected(
        Error{.code = ErrorCode::NotFound, .message = "no hub listens", .source = socket.string()});
  }
  std::string out{line};
  out += '\n';
  for (std::string_view rest = out; !rest.empty();) {
    const auto sent = ::send(fd.get(), rest.data(), rest.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0) return io_error("cannot speak to the hub", errno, socket.string());
    rest.remove_prefix(static_cast<std::size_t>(sent));
  }
  const SystemClock clock;
  const nanoseconds deadline = clock.monotonic() + patience;
  std::string in;
  std::vector<char> part(kPartBytes);
  while (!in.ends_with('\n')) {
    constexpr nanoseconds kAlmostOne{999'999};
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
        deadline - clock.monotonic() + kAlmostOne);
    pollfd wait{.fd = fd.get(), .events = POLLIN, .revents = 0};
    const int ready = ::poll(&wait, 1, static_cast<int>(std::max<std::int64_t>(left.count(), 0)));
    if (ready < 0 && errno == EINTR) continue;
    if (ready < 0) return io_error("cannot wait for the hub", errno, socket.string());
    if (ready == 0) return unavailable("the hub did not answer in time", socket);
    const auto got = ::recv(fd.get(), part.data(), part.size(), 0);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return unavailable("the hub ended before it answered", socket);
    in.append(part.data(), static_cast<std::size_t>(got));
  }
  in.pop_back();
  auto value = json::Value::parse(in);
  if (!value) value.error().code = ErrorCode::Damaged;
  return value;
}

}  // namespace stoa::deploy
