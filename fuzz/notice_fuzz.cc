#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/check.h"
#include "deploy/control.h"
#include "deploy/notify.h"

// What a role or a command says to the supervisor: any bytes give a notice within its bounds and a
// request that survives being written again, or an error.
// NOLINTNEXTLINE(readability-identifier-naming): the name is libFuzzer's
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes{reinterpret_cast<const char*>(data), size};
  const auto notice = stoa::deploy::parse_notice(bytes);
  if (notice.status) {
    stoa::check(notice.status->size() <= 256, "a status has its bound");
    stoa::check(notice.status->find('\n') == std::string::npos, "a status is one line");
  }
  if (notice.extend) {
    stoa::check(*notice.extend <= std::chrono::hours{1}, "nobody gets more than an hour");
  }
  const auto request = stoa::deploy::parse_request(bytes.substr(0, bytes.find('\n')));
  if (!request) return 0;
  auto line = stoa::deploy::to_line(*request);
  line.pop_back();
  const auto again = stoa::deploy::parse_request(line);
  stoa::check(again && again->roles == request->roles && again->force == request->force &&
                  again->timeout == request->timeout,
              "a request survives its line");
  return 0;
}
