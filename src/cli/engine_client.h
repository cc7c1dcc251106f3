#pragma once

#include <chrono>
#include <expected>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "cli/command.h"
#include "cli/json_value.h"
#include "ops/http_client.h"

namespace stoa::cli {

/// Flags of every command that asks an engine.
[[nodiscard]] std::span<const Flag> engine_flags() noexcept;
/// `--dry-run`, for commands that change something.
[[nodiscard]] std::span<const Flag> change_flags() noexcept;

/// An answer that the engine gave to a command.
struct Reply {
  int status = 0;
  std::string text{};  // as it came, for -o json
  JsonValue value{};
};

/// The engine that a command talks to. Whatever goes wrong is told on stderr here, with the way to
/// mend it; commands only pass the exit code on.
class EngineClient {
 public:
  /// From --url, or --port, --env, --config and the variables.
  [[nodiscard]] static std::expected<EngineClient, Exit> of(const Context& context);

  [[nodiscard]] const ops::HttpEndpoint& endpoint() const noexcept { return endpoint_; }
  /// What commands about one instrument are about unless told.
  [[nodiscard]] const std::string& default_symbol() const noexcept { return default_symbol_; }

  /// A read.
  [[nodiscard]] std::expected<Reply, Exit> get(const std::string& target) const;
  /// A change, with the token. With --dry-run it is shown instead and the error is Exit::Ok.
  [[nodiscard]] std::expected<Reply, Exit> change(std::string_view method,
                                                  const std::string& target,
                                                  const std::string& body) const;

  /// The parts of `change`, for a command that must know more of a failure.
  [[nodiscard]] std::expected<ops::HttpRequest, Exit> signed_request(std::string_view method,
                                                                     const std::string& target,
                                                                     const std::string& body) const;
  [[nodiscard]] std::expected<ops::HttpReply, ops::HttpFailure> call(
      const ops::HttpRequest& request) const;
  /// A refusal as reply, told, and the exit code that its status means.
  [[nodiscard]] std::expected<Reply, Exit> judge(const ops::HttpReply& reply) const;
  [[nodiscard]] Exit tell(const ops::HttpFailure& failure) const;

 private:
  EngineClient(const Context& context, ops::HttpEndpoint endpoint,
               std::chrono::milliseconds timeout, std::string token_file,
               std::string default_symbol)
      : context_{&context},
        endpoint_{std::move(endpoint)},
        timeout_{timeout},
        token_file_{std::move(token_file)},
        default_symbol_{std::move(default_symbol)} {}

  const Context* context_;
  ops::HttpEndpoint endpoint_;
  std::chrono::milliseconds timeout_;
  std::string token_file_;
  std::string default_symbol_;
};

}  // namespace stoa::cli
