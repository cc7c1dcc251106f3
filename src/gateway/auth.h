#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "gateway/gateway.h"
#include "gateway/problem.h"
#include "gateway/router.h"

namespace stoa::gateway {

/// Looks at an Authorization header; nothing when it carries the token.
///
/// errors  token_missing, token_wrong
[[nodiscard]] std::optional<Problem> check_token(std::string_view authorization,
                                                 std::string_view token);

/// Whose token an Authorization header carries: the owner's or one of `holders`; null: nobody's.
/// `owner` may do everything.
struct Bearer {
  const TokenHolder* holder = nullptr;
  bool is_owner = false;
};
[[nodiscard]] Bearer bearer_of(std::string_view authorization, const TokenHolder& owner,
                               std::span<const TokenHolder> holders);

/// Why this bearer may not ask for a route of that kind; nothing: they may.
///
/// errors  token_missing, token_wrong; not_permitted: the token is for something else
[[nodiscard]] std::optional<Problem> check_needs(Needs needs, bool reads, const Bearer& bearer,
                                                 std::string_view authorization,
                                                 std::string_view token);

/// The name of a Host header or an Origin: lower case, without port; brackets of IPv6 stay.
[[nodiscard]] std::string host_name(std::string_view host);

/// Whether we are called what the Host header says. A page of another site that had its name point
/// to this machine (DNS rebinding) is not let in this way.
[[nodiscard]] bool host_accepted(std::string_view host, std::span<const std::string> names);

/// Whether a browser page of this Origin may open our WebSocket: none was sent, or it is our own.
[[nodiscard]] bool origin_accepted(std::string_view origin, std::string_view host);

}  // namespace stoa::gateway
