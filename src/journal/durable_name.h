#pragma once

#include <filesystem>
#include <string_view>

#include "base/error.h"
#include "journal/file_system.h"

namespace stoa::journal {

/// Fail points between the calls of `name_durably`; each is the place behind one of them.
struct NamingPoints {
  std::string_view synced;
  std::string_view renamed;
  std::string_view named;
};

/// Gives a file that has been written under a passing name its own: its bytes are durable before
/// the name, and the name before this returns. A crash at any moment leaves what stood under `to`
/// before, or the whole new file. Both names lie in one directory.
///
/// what    for the error: "a checkpoint"
/// errors  as the file system says
[[nodiscard]] Result<void> name_durably(FileSystem& files, File& file,
                                        const std::filesystem::path& from,
                                        const std::filesystem::path& to, std::string_view what,
                                        const NamingPoints& points);

}  // namespace stoa::journal
