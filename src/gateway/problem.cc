#include "gateway/problem.h"

#include <array>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

#include "gateway/http_message.h"
#include "model/types.h"
#include "ops/http_text.h"
#include "protocol/json/writer.h"

namespace stoa::gateway {

Response respond(const Problem& problem) {
  Response response{.status = problem.status, .content_type = "application/problem+json"};
  json::Writer json{response.body};
  json.begin_object();
  json.field("type", "about:blank");
  json.field("title", ops::status_text(problem.status));
  json.field("status", problem.status);
  json.field("code", problem.code);
  json.field("detail", std::string_view{problem.detail});
  json.field("hint", std::string_view{problem.hint});
  if (!problem.field.empty()) json.field("field", std::string_view{problem.field});
  if (!problem.client_order_id.empty()) {
    json.field("client_order_id", std::string_view{problem.client_order_id});
  }
  if (!problem.order_json.empty()) json.raw_field("order", problem.order_json);
  json.end_object();

  if (problem.status == 401) response.headers.emplace_back("WWW-Authenticate", "Bearer");
  if (problem.status == 503) response.headers.emplace_back("Retry-After", "1");
  if (!problem.allow.empty()) response.headers.emplace_back("Allow", problem.allow);
  return response;
}

Response respond_json(std::string body, int status) {
  Response response{.status = status};
  response.body = std::move(body);
  return response;
}

Problem bad_field(std::string field, std::string detail) {
  return Problem{.status = 400,
                 .code = "bad_field",
                 .detail = std::move(detail),
                 .hint = "Send the field in the form that docs/api.md gives for it.",
                 .field = std::move(field)};
}

Problem bad_parameter(std::string_view name, std::string detail) {
  return Problem{.status = 400,
                 .code = "bad_parameter",
                 .detail = std::string{name} + ": " + std::move(detail),
                 .hint = "Correct or leave out this query parameter."};
}

Problem unknown_symbol(std::string_view symbol) {
  return Problem{.status = 404,
                 .code = "unknown_symbol",
                 .detail = "no instrument is called " + std::string{symbol.substr(0, 64)},
                 .hint = "GET /api/v1/instruments lists them."};
}

std::string_view reason_of(RejectCode code) noexcept {
  static constexpr std::array<std::string_view, kRejectCodes> kReasons{
      "",
      "no such instrument",
      "the instrument is halted",
      "the kill switch is active",
      "the quantity is not a multiple of the lot size",
      "the price is not a multiple of the tick size",
      "the order is worth less than the least notional of the instrument",
      "the quantity is above the limit for one order",
      "the order is worth more than the limit for one order",
      "the price is too far from the market",
      "there is no market price to check against",
      "the position with all open orders would pass its limit",
      "the exposure of the account would pass its limit",
      "too many orders are open",
      "too many orders in one second",
      "not enough funds",
      "the loss of the day has reached its limit",
      "an order with this client_order_id exists",
      "no such order",
      "the order is already terminal",
      "the strategy is stopped",
      "the order table is full",
      "a post-only order would have taken",
      "the order could not be filled whole at once",
      "nothing to trade with",
      "it would have traded with an order of our own",
      "the venue refused it"};
  const auto index = static_cast<std::size_t>(code);
  return index < kReasons.size() ? kReasons[index] : std::string_view{"refused"};
}

}  // namespace stoa::gateway
