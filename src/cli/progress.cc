#include "cli/progress.h"

#include <fmt/core.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstddef>
#include <expected>
#include <ostream>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "cli/command.h"
#include "cli/exit.h"
#include "cli/json_value.h"
#include "cli/platform.h"
#include "deploy/control.h"
#include "protocol/json/writer.h"

namespace stoa::cli {
namespace {

constexpr std::string_view kClearLine = "\r\x1b[K";

}  // namespace

std::expected<JsonValue, Exit> operate(Context& context, deploy::ControlClient& client,
                                       const deploy::Request& request,
                                       std::chrono::milliseconds silence, Progress& progress) {
  if (const auto sent = client.send(request); !sent) {
    return std::unexpected(context.fail(sent.error()));
  }
  auto done = follow(client, silence, [&](const JsonValue& event) { progress.add(event); });
  progress.end();
  if (!done) return std::unexpected(context.fail(done.error(), Exit::Timeout));
  return std::move(*done);
}

std::string tenths(const std::string& ms) {
  double value = 0;
  const auto [stop, error] = std::from_chars(ms.data(), ms.data() + ms.size(), value);
  return error == std::errc{} ? fmt::format("{:.1f}", value) : ms;
}

void Progress::add(const JsonValue& event) {
  const std::string& kind = event["event"].text();
  const std::string& role = event["role"].text();
  const auto forget = [&] {
    std::erase_if(busy_, [&](const auto& busy) { return busy.first == role; });
  };
  if (kind == "role_started") {
    forget();
    busy_.emplace_back(role, "starts");
    started_.emplace_back(role, event);
  } else if (kind == "role_stopping") {
    forget();
    busy_.emplace_back(role, "stops");
  } else if (kind == "role_handing_over") {
    forget();
    busy_.emplace_back(role, "is handed over");
  } else if (kind == "role_ready" || kind == "role_stopped" || kind == "role_handed_over") {
    forget();
    Step step{.role = role,
              .what = kind == "role_ready"     ? "ready"
                      : kind == "role_stopped" ? "stopped"
                                               : "handed over",
              .at_ms = event["at_ms"].text(),
              .took_ms = event["took_ms"].text(),
              .text = event["text"].text()};
    const auto began = std::find_if(started_.rbegin(), started_.rend(),
                                    [&](const auto& start) { return start.first == role; });
    if (kind == "role_ready" && began != started_.rend()) {
      step.started_ms = began->second["at_ms"].text();
      step.waited_for = began->second["waited_for"].text();
    }
    steps_.push_back(step);
    row(step);
  } else {
    end();
    if (kind == "role_exited" || kind == "role_given_up") forget();
    std::string text = event["text"].text();
    for (std::size_t at = 0; (at = text.find('\n', at)) != std::string::npos; at += 5) {
      text.insert(at + 1, "    ");
    }
    const auto said = kind == "role_exited"     ? "ended"
                      : kind == "role_given_up" ? "failed"
                      : kind == "role_silent"   ? "is silent"
                                                : "is killed";
    context_.terminal.err << fmt::format("  {} {}: {}\n", role, said, text);
  }
  live();
}

void Progress::end() {
  if (context_.terminal.live && !context_.json()) context_.terminal.err << kClearLine << std::flush;
}

void Progress::row(const Step& step) {
  if (context_.json()) return;
  end();
  const bool clean = step.text.empty() || step.text == "exit 0";
  context_.terminal.out << fmt::format("  {:<16} {:<8} {:>9} ms{}\n", step.role, step.what,
                                       tenths(step.took_ms), clean ? "" : "   " + step.text)
                        << std::flush;
}

void Progress::live() {
  if (!context_.terminal.live || context_.json() || busy_.empty()) return;
  std::string line;
  for (const auto& [role, what] : busy_) {
    line += fmt::format("{}{} {}", line.empty() ? "  … " : ", ", role, what);
  }
  context_.terminal.err << kClearLine << line.substr(0, 100) << std::flush;
}

std::string critical_path_text(const JsonValue& done) {
  std::string text;
  for (const JsonValue& step : done["critical_path"].items()) {
    text += fmt::format("{}{} {} ms", text.empty() ? "" : ", ", step["role"].text(),
                        tenths(step["ready_ms"].text()));
  }
  return text;
}

std::string operation_json(const Progress& progress, const JsonValue& done,
                           const std::string& page) {
  std::string text;
  json::Writer json{text};
  json.begin_object();
  json.field("ok", done["ok"].is_true());
  json.field("message", std::string_view{done["message"].text()});
  json.raw_field("took_ms", done["took_ms"].text_or("null"));
  json.key("order");
  json.begin_array();
  for (const Progress::Step& step : progress.steps()) {
    json.begin_object();
    json.field("role", std::string_view{step.role});
    json.field("state", std::string_view{step.what});
    if (!step.started_ms.empty()) json.raw_field("started_ms", step.started_ms);
    json.raw_field(step.what == "stopped" ? "stopped_ms" : "ready_ms", step.at_ms);
    json.raw_field("took_ms", step.took_ms);
    if (!step.waited_for.empty()) json.field("waited_for", std::string_view{step.waited_for});
    json.end_object();
  }
  json.end_array();
  json.key("critical_path");
  json.begin_array();
  for (const JsonValue& step : done["critical_path"].items()) json.raw(step.compact());
  json.end_array();
  if (!page.empty()) json.field("page", std::string_view{page});
  json.end_object();
  return text;
}

}  // namespace stoa::cli
