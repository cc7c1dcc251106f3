#pragma once

#include <string>
#include <string_view>

#include "gateway/http_message.h"
#include "model/types.h"

namespace stoa::gateway {

/// An error answer (RFC 9457) in the making. `code` is stable and documented in docs/api.md.
struct Problem {
  int status = 500;
  std::string_view code{};
  std::string detail{};
  std::string hint{};
  std::string field{};            // bad_field, missing_field, unknown_field
  std::string client_order_id{};  // outcome_unknown: what to ask for
  std::string order_json{};       // the order it is about
  std::string_view allow{};       // method_not_allowed
};

[[nodiscard]] Response respond(const Problem& problem);
/// A whole JSON value as 200 or another success.
[[nodiscard]] Response respond_json(std::string body, int status = 200);

[[nodiscard]] Problem bad_field(std::string field, std::string detail);
[[nodiscard]] Problem bad_parameter(std::string_view name, std::string detail);
[[nodiscard]] Problem unknown_symbol(std::string_view symbol);

/// A refusal code as a sentence: "the price is too far from the market".
[[nodiscard]] std::string_view reason_of(RejectCode code) noexcept;

}  // namespace stoa::gateway
