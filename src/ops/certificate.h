#pragma once

#include <filesystem>

#include "base/clock.h"
#include "base/error.h"

namespace stoa::ops {

/// When the first certificate of a PEM file ends.
///
/// errors  Io, NotFound: the file · BadInput: it holds no certificate
[[nodiscard]] Result<Timestamp> certificate_end(const std::filesystem::path& file);

}  // namespace stoa::ops
