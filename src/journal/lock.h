#pragma once

#include <filesystem>
#include <memory>

#include "base/error.h"
#include "journal/file_system.h"

namespace stoa::journal {

/// Takes the lock of the one that may change the journal in `dir`; it goes with the file that is
/// returned. The lock file says who holds it.
///
/// errors  Unavailable: another has it, named in the text · NotFound, Io
[[nodiscard]] Result<std::unique_ptr<File>> lock_directory(FileSystem& files,
                                                           const std::filesystem::path& dir);

}  // namespace stoa::journal
