// Claim: whatever a peer writes to the hub's socket, it gets one line of JSON that says whether it
// was done, and what is in the log afterwards can be replayed to the same head.
// Corpus: corpus/hub_request_fuzz holds requests of every kind, one a line.

#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include "base/clock.h"
#include "deploy/hub.h"
#include "deploy/hub_log.h"
#include "deploy/hub_server.h"
#include "deploy/hub_service.h"
#include "protocol/json/value.h"

namespace {

/// One log for the whole run: opening one costs more than a thousand requests.
struct Bench {
  Bench() {
    dir = std::filesystem::temp_directory_path() / ("hub-fuzz-" + std::to_string(::getpid()));
    std::filesystem::remove_all(dir);
    auto opened = stoa::deploy::Hub::open(dir / "config", clock, {.owner = "ann"});
    if (!opened) std::abort();
    hub = std::make_unique<stoa::deploy::Hub>(std::move(*opened));
    verbs = stoa::deploy::config_verbs(*hub, dir / "config");
  }
  Bench(const Bench&) = delete;
  Bench& operator=(const Bench&) = delete;
  ~Bench() {
    const auto head = hub->head();
    const auto report = stoa::deploy::verify_hub_log(dir / "config", head);
    if (!report || report->fault) std::abort();
    std::error_code ignored;
    std::filesystem::remove_all(dir, ignored);
  }
  std::filesystem::path dir;
  stoa::SystemClock clock;
  std::unique_ptr<stoa::deploy::Hub> hub;
  stoa::deploy::HubVerbs verbs;
};

}  // namespace

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer asks for this name
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static Bench bench;
  std::string_view text{reinterpret_cast<const char*>(data), size};
  while (!text.empty()) {
    const auto end = text.find('\n') == std::string_view::npos ? text.size() : text.find('\n');
    const auto answer = stoa::deploy::answer_line(bench.verbs, text.substr(0, end),
                                                  {.uid = ::geteuid(), .pid = ::getpid()});
    text.remove_prefix(end == text.size() ? end : end + 1);
    const auto value = stoa::json::Value::parse(answer);
    if (!value || (*value)["ok"].is_null() || answer.find('\n') != std::string::npos) std::abort();
  }
  return 0;
}
