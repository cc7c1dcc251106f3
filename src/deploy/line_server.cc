#include "deploy/line_server.h"

#include <sys/poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <expected>
#include <filesystem>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/fd.h"
#include "relay/unix_socket.h"

namespace stoa::deploy {
namespace {

constexpr std::size_t kPartBytes = 65'536;
constexpr int kDrainRounds = 10;
constexpr int kDrainWaitMs = 100;

}  // namespace

Result<LineServer> LineServer::open(const std::filesystem::path& socket, Options options) {
  ::unlink(socket.c_str());
  auto listener = relay::listen_unix(socket, options.mode);
  if (!listener) return std::unexpected(std::move(listener.error()));
  return LineServer{std::move(*listener), socket, options};
}

LineServer::~LineServer() {
  if (listener_) ::unlink(path_.c_str());
}

void LineServer::wait_for(std::vector<pollfd>& fds) const {
  fds.push_back({.fd = listener_.get(), .events = POLLIN, .revents = 0});
  for (const Client& client : clients_) {
    const bool writes = !client.out.empty();
    fds.push_back({.fd = client.fd.get(),
                   .events = static_cast<short>(writes ? POLLIN | POLLOUT : POLLIN),
                   .revents = 0});
  }
}

void LineServer::poll(const std::function<void(Client&, std::string_view line)>& use) {
  accept();
  std::erase_if(clients_, [&](Client& client) {
    const bool stays = read(client);
    if (client.in.size() > options_.request_bytes_max) return true;
    // One at a time: a client that asks a lot waits for itself, not others for it.
    const auto end = client.in.find('\n');
    const bool may_ask = options_.asks_once ? !client.asked : client.out.empty();
    if (end != std::string::npos && may_ask) {
      client.asked = true;
      use(client, std::string_view{client.in}.substr(0, end));
      client.in.erase(0, end + 1);
    }
    if (options_.asks_once && client.asked) client.in.clear();
    return !write(client) || !stays;
  });
}

void LineServer::accept() {
  while (clients_.size() < options_.clients_max) {
    auto accepted = relay::accept_unix(listener_);
    if (!accepted) return;  // the next poll tries again
    std::optional<Fd>& fd = *accepted;
    if (!fd) return;
    const auto peer = relay::peer_of(*fd);
    if (peer) clients_.push_back({.fd = std::move(*fd), .peer = *peer});
  }
}

/// False when it has left.
bool LineServer::read(Client& client) const {
  std::array<char, kPartBytes> part{};
  while (client.in.size() <= options_.request_bytes_max) {
    const auto got = relay::receive(client.fd, std::as_writable_bytes(std::span{part}));
    if (got.how != relay::Transfer::Done) return got.how == relay::Transfer::Later;
    client.in.append(part.data(), got.bytes);
  }
  return true;
}

/// False when the conversation is over.
bool LineServer::write(Client& client) const {
  while (!client.out.empty()) {
    const auto sent = relay::send(client.fd, std::as_bytes(std::span{client.out}));
    if (sent.how == relay::Transfer::Closed) return false;
    if (sent.how == relay::Transfer::Later) return client.out.size() <= options_.unread_bytes_max;
    client.out.erase(0, sent.bytes);
  }
  return !client.finished;
}

void LineServer::say(Client& client, std::string_view line) {
  client.out += line;
  client.out += '\n';
}

void LineServer::say_to_listeners(std::string_view line) {
  for (Client& client : clients_) {
    if (client.listens) say(client, line);
  }
}

void LineServer::finish_listeners() {
  for (Client& client : clients_) client.finished |= client.listens;
}

bool LineServer::quiet() const {
  return std::ranges::all_of(clients_, [](const Client& client) { return client.out.empty(); });
}

void LineServer::drain() {
  for (int round = 0; round < kDrainRounds && !clients_.empty(); ++round) {
    std::erase_if(clients_,
                  [this](Client& client) { return client.out.empty() || !write(client); });
    std::vector<pollfd> fds;
    for (const Client& client : clients_) {
      fds.push_back({.fd = client.fd.get(), .events = POLLOUT, .revents = 0});
    }
    if (!fds.empty()) ::poll(fds.data(), fds.size(), kDrainWaitMs);
  }
}

}  // namespace stoa::deploy
