#include "cli/engine_client.h"

#include <fmt/core.h>

#include <array>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <expected>
#include <filesystem>
#include <fstream>
#include <optional>
#include <ostream>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include "base/error.h"
#include "cli/command.h"
#include "cli/exit.h"
#include "cli/json_value.h"
#include "ops/config.h"
#include "ops/http_client.h"
#include "protocol/json/writer.h"

namespace stoa::cli {
namespace {

constexpr auto kEngineFlags = std::to_array<Flag>({
    {.name = "--url", .value = "URL", .help = "engine to ask, as http://HOST:PORT"},
    {.name = "--port",
     .value = "N",
     .help = "its port on this machine (gateway.port)",
     .kind = Flag::Kind::Integer},
    {.name = "--timeout",
     .value = "SECONDS",
     .help = "longest wait for an answer, 10 unless told",
     .kind = Flag::Kind::Integer},
    {.name = "--token-file",
     .value = "FILE",
     .help = "token for changes; else DATA/token",
     .kind = Flag::Kind::Path},
});
constexpr auto kChangeFlags = std::to_array<Flag>({
    {.name = "--dry-run",
     .help = "show what would be asked of the engine; change nothing",
     .kind = Flag::Kind::Switch},
});

template <class Integer>
std::optional<Integer> number(std::string_view text) {
  Integer value{};
  const auto* end = text.end();
  const auto [stop, error] = std::from_chars(text.begin(), end, value);
  if (error != std::errc{} || stop != end) return std::nullopt;
  return value;
}

/// "http://HOST:PORT", with or without a slash at its end.
std::optional<ops::HttpEndpoint> endpoint_of(std::string_view url) {
  constexpr std::string_view kScheme = "http://";
  if (!url.starts_with(kScheme)) return std::nullopt;
  url.remove_prefix(kScheme.size());
  if (url.ends_with('/')) url.remove_suffix(1);
  const auto colon = url.rfind(':');
  const bool bracket = url.starts_with('[');
  if (colon == std::string_view::npos) return std::nullopt;
  const auto port = number<std::uint16_t>(url.substr(colon + 1));
  auto host = url.substr(0, colon);
  if (bracket && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  if (!port || *port == 0 || host.empty() || host.find('/') != std::string_view::npos) {
    return std::nullopt;
  }
  return ops::HttpEndpoint{.host = std::string{host}, .port = *port};
}

Result<std::string> read_token(const std::string& file) {
  std::ifstream in{file};
  std::string token;
  if (!in || !(in >> token)) {
    return std::unexpected(Error{.code = ErrorCode::NotFound,
                                 .message = "cannot read the token for changes",
                                 .source = file});
  }
  return token;
}

/// What the status of a refusal means for whoever called the command.
Exit exit_of(int status) {
  switch (status) {
    case 400:
    case 414:
      return Exit::Usage;
    case 409:
      return Exit::Conflict;
    case 422:
      return Exit::Refused;
    case 504:
      return Exit::Timeout;
    default:
      return Exit::Failed;
  }
}

/// The engine listens everywhere as 0.0.0.0; a client must say which address it means.
std::string reachable(const std::string& host) {
  if (host == "0.0.0.0") return "127.0.0.1";
  if (host == "::") return "::1";
  return host;
}

}  // namespace

std::span<const Flag> engine_flags() noexcept { return kEngineFlags; }
std::span<const Flag> change_flags() noexcept { return kChangeFlags; }

std::expected<EngineClient, Exit> EngineClient::of(const Context& context) {
  const Arguments& given = context.arguments;
  auto options = load_options(context);
  options.check_strategy = nullptr;  // the engine has judged its own
  if (const auto port = given.value("--port")) {
    options.overrides.push_back({.key = "gateway.port", .values = {*port}, .flag = "--port"});
  }
  const auto loaded = load_config(context, options);
  if (!loaded) return std::unexpected(Exit::Usage);
  const auto& config = loaded->config;

  ops::HttpEndpoint endpoint{.host = reachable(config.gateway.host), .port = config.gateway.port};
  if (const auto url = given.value("--url")) {
    const auto parsed = endpoint_of(*url);
    if (!parsed) {
      return std::unexpected(
          context.usage(fmt::format("--url {}: expected http://HOST:PORT", *url)));
    }
    endpoint = *parsed;
  } else if (endpoint.port == 0) {
    return std::unexpected(context.usage(
        fmt::format("the environment {} leaves the port to the system; say --port or --url",
                    config.environment)));
  }
  const auto seconds = number<std::int64_t>(given.value_or("--timeout", "10"));
  if (!seconds || *seconds < 1 || *seconds > 3'600) {
    return std::unexpected(context.usage("--timeout: expected 1 to 3600 seconds"));
  }
  return EngineClient{context, std::move(endpoint), std::chrono::seconds{*seconds},
                      given.value_or("--token-file", (config.data.dir / "token").string()),
                      config.market.symbol};
}

std::expected<ops::HttpReply, ops::HttpFailure> EngineClient::call(
    const ops::HttpRequest& request) const {
  return ops::http_call(endpoint_, request, timeout_);
}

std::expected<Reply, Exit> EngineClient::get(const std::string& target) const {
  const auto reply = call({.target = target});
  if (!reply) return std::unexpected(tell(reply.error()));
  return judge(*reply);
}

std::expected<ops::HttpRequest, Exit> EngineClient::signed_request(std::string_view method,
                                                                   const std::string& target,
                                                                   const std::string& body) const {
  if (context_->arguments.has("--dry-run")) {
    if (context_->json()) {
      std::string text;
      json::Writer json{text};
      json.begin_object();
      json.field("dry_run", true);
      json.field("method", method);
      json.field("target", std::string_view{target});
      json.raw_field("body", body.empty() ? "null" : body);
      json.end_object();
      context_->terminal.out << text << '\n';
    } else {
      context_->terminal.out << "would send " << method << ' ' << target << ' ' << body << '\n';
    }
    return std::unexpected(Exit::Ok);
  }
  auto token = read_token(token_file_);
  if (!token) {
    const Exit exit = context_->fail(token.error());
    context_->terminal.err << "  the engine keeps it in its data directory: say --data or "
                              "--token-file\n";
    return std::unexpected(exit);
  }
  return ops::HttpRequest{
      .method = method, .target = target, .body = body, .token = std::move(*token)};
}

std::expected<Reply, Exit> EngineClient::change(std::string_view method, const std::string& target,
                                                const std::string& body) const {
  const auto request = signed_request(method, target, body);
  if (!request) return std::unexpected(request.error());
  const auto reply = call(*request);
  if (reply) return judge(*reply);
  const Exit exit = tell(reply.error());
  if (!reply.error().sent) return std::unexpected(exit);
  context_->terminal.err << "  the outcome is not known: look before you repeat it\n";
  return std::unexpected(Exit::Timeout);
}

std::expected<Reply, Exit> EngineClient::judge(const ops::HttpReply& reply) const {
  auto value = JsonValue::parse(reply.body);
  auto& err = context_->terminal.err;
  if (!value) {
    err << fmt::format("stoa {}: {} answered {} with what is {}; is it an engine?\n",
                       context_->command.name(), endpoint_.text(), reply.status,
                       value.error().message);
    return std::unexpected(Exit::Failed);
  }
  if (reply.status >= 200 && reply.status < 300) {
    return Reply{.status = reply.status, .text = reply.body, .value = std::move(*value)};
  }
  if (context_->json()) context_->terminal.out << reply.body << '\n';
  const auto& problem = *value;
  err << fmt::format("error[{}]: {}\n", problem["code"].text_or(std::to_string(reply.status)),
                     problem["detail"].text_or(problem["title"].text_or("no reason given")));
  if (!problem["field"].text().empty()) err << "  field: " << problem["field"].text() << '\n';
  if (!problem["hint"].text().empty()) err << "  hint: " << problem["hint"].text() << '\n';
  return std::unexpected(exit_of(reply.status));
}

Exit EngineClient::tell(const ops::HttpFailure& failure) const {
  auto& err = context_->terminal.err;
  switch (failure.kind) {
    case ops::HttpFailure::Kind::NobodyThere:
      err << fmt::format(
          "no engine answers at {} ({})\n  start one: stoa run engine\n"
          "  or name another: --url http://HOST:PORT\n",
          endpoint_.text(), failure.message);
      return Exit::Failed;
    case ops::HttpFailure::Kind::Timeout:
      err << fmt::format("{} did not answer in time ({})\n", endpoint_.text(), failure.message);
      return Exit::Timeout;
    case ops::HttpFailure::Kind::Broken:
      err << fmt::format("{}: {}\n", endpoint_.text(), failure.message);
      return Exit::Failed;
  }
  return Exit::Failed;
}

}  // namespace stoa::cli
