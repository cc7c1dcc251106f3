#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/http_message.h"

namespace stoa::gateway {

struct App;
struct TokenHolder;

/// A request that has found its route.
struct Call {
  const Request& request;
  Query query{};
  std::vector<std::string> params{};    // of the pattern's {…}, decoded, in order
  const TokenHolder* holder = nullptr;  // who asks; null where no token is needed
};

using Handler = void (*)(App& app, const Call& call, Reply reply);

/// Whose token a route asks for.
enum class Needs : std::uint8_t {
  ByMethod,  // nobody's to read, the owner's for every other method
  Viewer,
  Deployer,
};

/// One line of the table. GET routes answer HEAD too.
struct Route {
  Method method = Method::Get;
  std::string_view pattern{};  // "/api/v1/strategies/{name}:start"
  Handler handler = nullptr;
  std::string_view query{};  // parameters it knows, with blanks between
  Needs needs = Needs::ByMethod;
};

/// Every route of docs/api.md.
[[nodiscard]] std::span<const Route> routes() noexcept;

/// What a path and method lead to.
struct RouteMatch {
  const Route* route = nullptr;       // null: see `allow`
  std::vector<std::string> params{};  // of the route
  std::string allow{};                // methods of the path when this one is not among them
  bool bad_escape = false;            // a % that is none
};
[[nodiscard]] RouteMatch find_route(std::span<const Route> table, Method method,
                                    std::string_view path);

}  // namespace stoa::gateway
