#include "base/error.h"

#include <expected>
#include <string>
#include <system_error>
#include <utility>

namespace stoa {

std::unexpected<Error> io_error(std::string message, int errno_value, std::string source) {
  return std::unexpected(
      Error{.code = ErrorCode::Io,
            .message = std::move(message) + ": " + std::generic_category().message(errno_value),
            .source = std::move(source)});
}

std::unexpected<Error> bad_input(std::string message, std::string source) {
  return std::unexpected(Error{
      .code = ErrorCode::BadInput, .message = std::move(message), .source = std::move(source)});
}

}  // namespace stoa
