#pragma once

#include <chrono>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/clock.h"
#include "base/error.h"
#include "base/fd.h"

namespace stoa::deploy {

/// The asking end of a Unix socket over which lines are spoken; blocks, never longer than it is
/// told. One thread.
class LineClient {
 public:
  /// `whom` is named in errors: "the supervisor".
  ///
  /// errors  NotFound: nobody listens · Unavailable: too busy to take us within `patience` · Io
  [[nodiscard]] static Result<LineClient> connect(const std::filesystem::path& socket,
                                                  std::string whom,
                                                  std::chrono::milliseconds patience);

  /// `line` has no end of line.
  ///
  /// errors  Unavailable: not taken within `patience` · Io: it has left
  [[nodiscard]] Result<void> send(std::string_view line, std::chrono::milliseconds patience);
  /// The next line without its end; nothing when the other end has closed.
  ///
  /// errors  Unavailable: none came within `patience` · Io
  [[nodiscard]] Result<std::optional<std::string>> line(std::chrono::milliseconds patience);

 private:
  LineClient(Fd fd, std::string whom) : fd_{std::move(fd)}, whom_{std::move(whom)} {}
  /// False: the time is over.
  [[nodiscard]] Result<bool> wait(short events, nanoseconds deadline) const;

  Fd fd_;
  std::string whom_;
  std::string bytes_;
};

}  // namespace stoa::deploy
