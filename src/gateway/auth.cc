#include "gateway/auth.h"

#include <algorithm>
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "gateway/gateway.h"
#include "gateway/problem.h"
#include "gateway/router.h"
#include "ops/http_text.h"

namespace stoa::gateway {
namespace {

std::string lower(std::string_view text) {
  std::string out{text};
  std::ranges::transform(out, out.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return out;
}

}  // namespace

std::optional<Problem> check_token(std::string_view authorization, std::string_view token) {
  constexpr std::string_view kScheme = "bearer ";
  constexpr std::string_view kHint =
      "Send Authorization: Bearer TOKEN; the token is in the file `token` of the data directory.";
  const std::size_t scheme_bytes = std::min(authorization.size(), kScheme.size());
  if (lower(authorization.substr(0, scheme_bytes)) != kScheme) {
    return Problem{.status = 401,
                   .code = "token_missing",
                   .detail = "this call changes something and needs the token",
                   .hint = std::string{kHint}};
  }
  if (ops::equal_in_constant_time(authorization.substr(kScheme.size()), token)) return std::nullopt;
  return Problem{.status = 401,
                 .code = "token_wrong",
                 .detail = "this is not the token of this engine",
                 .hint = std::string{kHint}};
}

Bearer bearer_of(std::string_view authorization, const TokenHolder& owner,
                 std::span<const TokenHolder> holders) {
  if (!check_token(authorization, owner.token)) return {.holder = &owner, .is_owner = true};
  for (const TokenHolder& holder : holders) {
    if (!check_token(authorization, holder.token)) return {.holder = &holder};
  }
  return {};
}

std::optional<Problem> check_needs(Needs needs, bool reads, const Bearer& bearer,
                                   std::string_view authorization, std::string_view token) {
  if (needs == Needs::ByMethod && reads) return std::nullopt;
  if (bearer.is_owner) return std::nullopt;
  if (bearer.holder == nullptr) {
    auto problem = check_token(authorization, token);
    if (problem && needs != Needs::ByMethod && reads && problem->code == "token_missing") {
      problem->detail = "deployments and revisions are shown to those who have a token";
    }
    return problem;
  }
  if (needs == Needs::Viewer) return std::nullopt;
  if (needs == Needs::Deployer && bearer.holder->role == TokenRole::Deployer) return std::nullopt;
  return Problem{.status = 403,
                 .code = "not_permitted",
                 .detail = bearer.holder->name + (needs == Needs::Deployer
                                                      ? " may look at deployments and not act"
                                                      : " has a token for deployments alone"),
                 .hint = "The file `tokens` of the data directory says who may do what."};
}

std::string host_name(std::string_view host) {
  // "[::1]:8080" has colons in its name; everything else ends at the first one.
  const std::size_t bracket = host.starts_with('[') ? host.find(']') : std::string_view::npos;
  const std::size_t end = bracket == std::string_view::npos ? host.find(':') : bracket + 1;
  return lower(host.substr(0, end));
}

bool host_accepted(std::string_view host, std::span<const std::string> names) {
  const std::string name = host_name(host);
  if (name == "localhost" || name == "127.0.0.1" || name == "[::1]") return true;
  return std::ranges::any_of(names, [&](const std::string& own) { return lower(own) == name; });
}

bool origin_accepted(std::string_view origin, std::string_view host) {
  if (origin.empty()) return true;
  const auto scheme = origin.find("://");
  return scheme != std::string_view::npos && lower(origin.substr(scheme + 3)) == lower(host);
}

}  // namespace stoa::gateway
