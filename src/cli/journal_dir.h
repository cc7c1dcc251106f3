#pragma once

#include <filesystem>

#include "base/error.h"

namespace stoa::cli {

/// The journal that a person means by `given`: itself when it holds segments, else `wal` in it, as
/// in a data directory.
///
/// errors  NotFound: neither is a directory
[[nodiscard]] Result<std::filesystem::path> journal_dir(const std::filesystem::path& given);

}  // namespace stoa::cli
