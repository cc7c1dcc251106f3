#include "deploy/control_server.h"

#include <expected>
#include <filesystem>
#include <functional>
#include <string_view>
#include <utility>

#include "base/error.h"
#include "deploy/control.h"
#include "deploy/line_server.h"

namespace stoa::deploy {

Result<ControlServer> ControlServer::open(const std::filesystem::path& socket) {
  auto lines = LineServer::open(socket, {.mode = 0600,
                                         .clients_max = 16,
                                         .request_bytes_max = 8'192,  // a path in its longest form
                                         .unread_bytes_max = 1U << 20U,
                                         .asks_once = true});
  if (!lines) return std::unexpected(std::move(lines.error()));
  return ControlServer{std::move(*lines)};
}

void ControlServer::poll(const std::function<void(Client&, const Result<Request>&)>& use) {
  lines_.poll([&](Client& client, std::string_view line) { use(client, parse_request(line)); });
}

}  // namespace stoa::deploy
