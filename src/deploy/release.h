#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

// Builds that were added to a platform: DATA/releases/NAME with `stoa` and `manifest.json`.
namespace stoa::deploy {

struct Release {
  std::string name{};     // [A-Za-z0-9._+-], at most 24 bytes: it stands in the log
  std::string version{};  // as the program says it
  std::string commit{};
  std::uint32_t reads_from = 0;  // versions of the wire format
  std::uint32_t reads_to = 0;
  std::uint32_t writes = 0;
  std::string built{};                         // RFC 3339
  std::map<std::string, std::string> files{};  // name to SHA-256
  std::string digest{};                        // of the manifest itself: what is approved
};

/// errors  NotFound: no such folder or manifest · BadInput: no manifest, with the field
[[nodiscard]] Result<Release> read_release(const std::filesystem::path& folder);
/// errors  Damaged: a file is missing or not what the manifest says, named · Io
[[nodiscard]] Result<void> verify_release(const std::filesystem::path& folder,
                                          const Release& release);
/// errors  BadInput: it cannot read what this build's logs hold
[[nodiscard]] Result<void> fits_here(const Release& release);
/// Copies a folder to `releases`/NAME: verified before and behind, durable, whole or not at all.
///
/// errors  Unavailable: a release of that name is there · as `read_release`, `verify_release`
[[nodiscard]] Result<Release> add_release(const std::filesystem::path& folder,
                                          const std::filesystem::path& releases);
/// By name; what is no release is left out.
[[nodiscard]] std::vector<Release> list_releases(const std::filesystem::path& releases);
/// errors  NotFound · Io
[[nodiscard]] Result<void> remove_release(const std::filesystem::path& releases,
                                          const std::string& name);

}  // namespace stoa::deploy
