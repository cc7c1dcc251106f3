#pragma once

#include <cstdint>
#include <filesystem>

#include "base/error.h"
#include "base/ids.h"
#include "cli/hooks.h"

namespace stoa::apps {

/// Derives the state of the log in `dir` again, which a live engine may be writing, and compares:
/// each output that it recorded, and each checkpoint with the state reached at its record, byte for
/// byte. Begins at the first record, or, when that is gone, at the oldest checkpoint that can be
/// used. Ends behind the record `to`, or with the log. Changes nothing.
///
/// errors  NotFound: no log, or no beginning · Damaged, Io
[[nodiscard]] Result<cli::ReplayReport> verify_replay(const std::filesystem::path& dir,
                                                      Lsn to = Lsn{UINT64_MAX});

}  // namespace stoa::apps
