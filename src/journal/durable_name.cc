#include "journal/durable_name.h"

#include <filesystem>
#include <string>
#include <string_view>

#include "base/error.h"
#include "journal/fail_points.h"
#include "journal/file_system.h"
#include "journal/segment.h"

namespace stoa::journal {

Result<void> name_durably(FileSystem& files, File& file, const std::filesystem::path& from,
                          const std::filesystem::path& to, std::string_view what,
                          const NamingPoints& points) {
  if (const auto synced = file.sync_data(); !synced) {
    return disk_error(std::string{"cannot sync "}.append(what), synced.error(), from);
  }
  if (auto passed = at::pass(points.synced); !passed) return passed;
  if (const auto renamed = files.rename(from, to); !renamed) {
    return disk_error(std::string{"cannot name "}.append(what), renamed.error(), to);
  }
  if (auto passed = at::pass(points.renamed); !passed) return passed;
  const std::filesystem::path dir = to.parent_path();
  if (const auto synced = files.sync_directory(dir); !synced) {
    return disk_error("cannot sync the directory", synced.error(), dir);
  }
  return at::pass(points.named);
}

}  // namespace stoa::journal
