#pragma once

#include <cstdint>
#include <expected>
#include <string>

namespace stoa {

/// What kind of trouble the world made; decides exit codes and HTTP statuses.
enum class ErrorCode : std::uint8_t {
  BadInput,     // what was given cannot be used: syntax, range, unknown name
  NotFound,     // a file, directory, order or key that should be there is not
  Unavailable,  // busy, locked, full or not ready: may work later
  Io,           // the operating system refused or failed
  Damaged,      // stored bytes are not what was written
};

/// An error of the world on a cold path: what happened, where, and how to mend it.
struct Error {
  ErrorCode code = ErrorCode::BadInput;
  std::string message;  // one sentence a person can act on
  std::string source;   // file, file:line, or file and byte offset; may be empty

  /// "source: message", or the message alone.
  [[nodiscard]] std::string text() const {
    return source.empty() ? message : source + ": " + message;
  }
};

template <class T>
using Result = std::expected<T, Error>;

/// `message` with the text of `errno_value` behind it: "cannot open: Permission denied".
[[nodiscard]] std::unexpected<Error> io_error(std::string message, int errno_value,
                                              std::string source);
[[nodiscard]] std::unexpected<Error> bad_input(std::string message, std::string source = {});

}  // namespace stoa
