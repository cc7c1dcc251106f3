#include "deploy/hub_server.h"

#include <pwd.h>
#include <sys/types.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstddef>
#include <expected>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"
#include "deploy/line_client.h"
#include "deploy/line_server.h"
#include "protocol/json/value.h"
#include "protocol/json/writer.h"

namespace stoa::deploy {
namespace {

constexpr std::array<std::string_view, 8> kCodes{
    "bad_input", "not_found", "stale", "conflict", "denied", "unapproved", "failed", "unconfirmed"};

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
  auto lines = LineServer::open(socket, {.mode = 0660,
                                         .clients_max = 32,
                                         .request_bytes_max = 2U << 20U,
                                         .unread_bytes_max = 64U << 20U});
  if (!lines) return std::unexpected(std::move(lines.error()));
  return HubServer{std::move(*lines), verbs};
}

std::size_t HubServer::poll() {
  std::size_t answered = 0;
  lines_.poll([&](LineServer::Client& client, std::string_view line) {
    const HubPeer peer{.uid = client.peer.uid, .pid = client.peer.pid};
    LineServer::say(client, answer_line(*verbs_, line, peer));
    ++answered;
  });
  return answered;
}

Result<json::Value> ask_hub(const std::filesystem::path& socket, std::string_view line,
                            std::chrono::milliseconds patience) {
  auto client = LineClient::connect(socket, "the hub", patience);
  if (!client) return std::unexpected(std::move(client.error()));
  if (const auto sent = client->send(line, patience); !sent) return std::unexpected(sent.error());
  const auto answer = client->line(patience);
  if (!answer) return std::unexpected(answer.error());
  const std::optional<std::string>& text = *answer;
  if (!text) {
    return std::unexpected(Error{.code = ErrorCode::Unavailable,
                                 .message = "the hub ended before it answered",
                                 .source = socket.string()});
  }
  auto value = json::Value::parse(*text);
  if (!value) value.error().code = ErrorCode::Damaged;
  return value;
}

}  // namespace stoa::deploy
