#pragma once

#include <cstdint>

// Which versions of the wire format a release reads and which it writes.
namespace stoa::native {

/// The version of a message's header that this release knows best.
inline constexpr std::uint8_t kVersion = 1;

/// The versions that a release reads, both ends included.
struct VersionRange {
  std::uint8_t oldest = 0;
  std::uint8_t newest = 0;

  [[nodiscard]] constexpr bool contains(std::uint8_t version) const noexcept {
    return oldest <= version && version <= newest;
  }
  friend constexpr bool operator==(VersionRange, VersionRange) = default;
};

/// Release N reads N-1 and N; there is no version 0.
[[nodiscard]] constexpr VersionRange readable_by(std::uint8_t release_version) noexcept {
  const auto before = static_cast<std::uint8_t>(release_version - 1);
  return {.oldest = release_version > 1 ? before : release_version, .newest = release_version};
}
inline constexpr VersionRange kReadableVersions = readable_by(kVersion);

}  // namespace stoa::native
