#pragma once

#include <string_view>

#include "base/clock.h"

// What the HTTP servers of this program share.
namespace stoa::ops {

/// "Not Found"
[[nodiscard]] std::string_view status_text(int status) noexcept;

/// "Fri, 09 Aug 2024 00:54:13 GMT", made once a second; valid until the thread's next call.
[[nodiscard]] std::string_view http_date(Timestamp now) noexcept;

/// Compares without telling by its duration how much of `given` was right. Nothing equals an empty
/// secret.
[[nodiscard]] bool equal_in_constant_time(std::string_view given, std::string_view secret) noexcept;

}  // namespace stoa::ops
