#pragma once

#include <sys/poll.h>
#include <sys/types.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"
#include "deploy/line_server.h"
#include "protocol/json/value.h"

// run/hub.sock: one line of JSON asks, {"verb":"config.apply","user":"alice",…}, one line of JSON
// answers, {"ok":true,…} or {"ok":false,"code":"stale","message":…}. A connection may ask again.
namespace stoa::deploy {

/// Who asks, as the kernel says (SO_PEERCRED), and who they say they are.
struct HubPeer {
  uid_t uid = 0;
  pid_t pid = 0;
  std::string user{};  // "user" of the request, else the login name of `uid`
};

/// Why a request was not done; decides the exit code of the command.
enum class HubCode : std::uint8_t {
  BadInput,    // exit 2
  NotFound,    // exit 1
  Stale,       // exit 5: the head is another one than the request named
  Conflict,    // exit 5: conflicts of a promotion are open, or a lock is held
  Denied,      // exit 6: this user may not
  Unapproved,  // exit 6: approvals are missing
  Failed,      // exit 1
  Unconfirmed  // exit 2: the space's name has to be typed ("env_name")
};
[[nodiscard]] std::string_view to_string(HubCode code) noexcept;  // "stale"

/// {"ok":false,"code":"denied","message":…}.
[[nodiscard]] std::string hub_refusal(HubCode code, std::string_view message);

/// Answers one request with one JSON object, without the end of the line. Runs on the hub's thread;
/// it may sync the log, and does nothing else that blocks.
using HubHandler = std::function<std::string(const json::Value& request, const HubPeer& peer)>;
/// By the whole verb, "deploy.start". Each plane adds its own before the server is opened.
using HubVerbs = std::map<std::string, HubHandler, std::less<>>;

/// Reads one line and lets its handler answer; every line is answered, whatever stands in it. Only
/// root and the hub's own login may speak as another user than themselves.
[[nodiscard]] std::string answer_line(const HubVerbs& verbs, std::string_view line,
                                      const HubPeer& peer);

/// The login name of a uid, or "uid-N".
[[nodiscard]] std::string login_name(uid_t uid);

/// The hub's end: non-blocking, at most 32 clients, requests of at most 2 MiB, answers of at most
/// 64 MiB that a client leaves unread before it is dropped. One thread.
class HubServer {
 public:
  /// Binds the socket anew with mode 0660. `verbs` outlives the server.
  ///
  /// errors  BadInput: its name is too long · Io
  [[nodiscard]] static Result<HubServer> open(const std::filesystem::path& socket,
                                              const HubVerbs& verbs);

  /// What to wait for, appended.
  void wait_for(std::vector<pollfd>& fds) const { lines_.wait_for(fds); }
  /// Accepts, reads, answers and writes what can be without waiting; how many were answered.
  std::size_t poll();
  /// No client waits for the rest of an answer.
  [[nodiscard]] bool quiet() const { return lines_.quiet(); }

 private:
  HubServer(LineServer lines, const HubVerbs& verbs) : lines_{std::move(lines)}, verbs_{&verbs} {}

  LineServer lines_;
  const HubVerbs* verbs_;
};

/// Asks the hub that listens at `socket` once; blocks. `line` has no end of line.
///
/// errors  NotFound: nobody listens · Unavailable: no answer within `patience` · Io · Damaged: the
///         answer is no JSON
[[nodiscard]] Result<json::Value> ask_hub(const std::filesystem::path& socket,
                                          std::string_view line,
                                          std::chrono::milliseconds patience);

}  // namespace stoa::deploy
