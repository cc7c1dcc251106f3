#include "deploy/control_server.h"

#include <sys/poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/fd.h"
#include "deploy/control.h"
#include "deploy/notify.h"

namespace stoa::deploy {
namespace {

constexpr std::size_t kClientsMax = 16;
constexpr std::size_t kUnreadMax = 1024UL * 1024;
constexpr std::size_t kRequestMax = 8'192;  // a role, and a path in its longest form
constexpr int kDrainRounds = 10;
constexpr int kDrainWaitMs = 100;

}  // namespace

Result<ControlServer> ControlServer::open(const std::filesystem::path& socket) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string& text = socket.native();
  if (text.size() > kSocketPathMax) {
    return bad_input("the socket's name is too long; choose a shorter data directory", text);
  }
  std::ranges::copy(text, &address.sun_path[0]);
  Fd fd{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
  if (!fd) return io_error("cannot make a socket", errno, text);
  ::unlink(text.c_str());
  if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
      ::chmod(text.c_str(), 0600) != 0 || ::listen(fd.get(), 8) != 0) {
    return io_error("cannot listen at the socket", errno, text);
  }
  return ControlServer{std::move(fd), socket};
}

ControlServer::~ControlServer() {
  if (listener_) ::unlink(path_.c_str());
}

void ControlServer::wait_for(std::vector<pollfd>& fds) const {
  fds.push_back({.fd = listener_.get(), .events = POLLIN, .revents = 0});
  for (const Client& client : clients_) {
    const bool writes = !client.out.empty();
    fds.push_back({.fd = client.fd.get(),
                   .events = static_cast<short>(writes ? POLLIN | POLLOUT : POLLIN),
                   .revents = 0});
  }
}

void ControlServer::poll(const std::function<void(Client&, const Result<Request>&)>& use) {
  accept();
  std::erase_if(clients_, [&](Client& client) {
    if (!read(client)) return true;
    const auto end = client.in.find('\n');
    if (!client.asked && end != std::string::npos) {
      client.asked = true;
      use(client, parse_request(std::string_view{client.in}.substr(0, end)));
      client.in.clear();
    }
    return !write(client);
  });
}

void ControlServer::accept() {
  while (clients_.size() < kClientsMax) {
    Fd fd{::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK)};
    if (!fd) return;
    clients_.push_back({.fd = std::move(fd)});
  }
}

/// False when it has left or says too much.
bool ControlServer::read(Client& client) {
  std::array<char, kRequestMax> part{};
  while (true) {
    const auto got = ::recv(client.fd.get(), part.data(), part.size(), 0);
    if (got < 0) return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR;
    if (got == 0) return false;
    client.in.append(part.data(), static_cast<std::size_t>(got));
    if (client.in.size() > kRequestMax) return false;
  }
}

/// False when the conversation is over.
bool ControlServer::write(Client& client) {
  while (!client.out.empty()) {
    const auto sent =
        ::send(client.fd.get(), client.out.data(), client.out.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0) {
      if (errno == EINTR) continue;
      return (errno == EAGAIN || errno == EWOULDBLOCK) && client.out.size() <= kUnreadMax;
    }
    client.out.erase(0, static_cast<std::size_t>(sent));
  }
  return !client.finished;
}

void ControlServer::say(Client& client, std::string_view line) {
  client.out += line;
  client.out += '\n';
}

void ControlServer::say_to_listeners(std::string_view line) {
  for (Client& client : clients_) {
    if (client.listens) say(client, line);
  }
}

void ControlServer::finish_listeners() {
  for (Client& client : clients_) client.finished |= client.listens;
}

void ControlServer::drain() {
  for (int round = 0; round < kDrainRounds && !clients_.empty(); ++round) {
    std::erase_if(clients_, [](Client& client) { return client.out.empty() || !write(client); });
    std::vector<pollfd> fds;
    for (const Client& client : clients_) {
      fds.push_back({.fd = client.fd.get(), .events = POLLOUT, .revents = 0});
    }
    if (!fds.empty()) ::poll(fds.data(), fds.size(), kDrainWaitMs);
  }
}

}  // namespace stoa::deploy
