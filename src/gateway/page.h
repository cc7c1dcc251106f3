#pragma once

#include <optional>

#include "gateway/http_message.h"

namespace stoa::gateway {

/// A file of the embedded page, or 304 when the client has it. Paths of the page that are no files
/// ("/orders") get the page itself, which knows what to show; nothing below /api does.
[[nodiscard]] std::optional<Response> find_page(const Request& request);

}  // namespace stoa::gateway
