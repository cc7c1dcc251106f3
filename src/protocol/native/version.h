#pragma once

#include <algorithm>
#include <cstdint>
#include <expected>

#include "model/system.h"

// Which versions of the wire format a release reads, and which it writes: release N reads N-1 and
// N, and writes N-1 until a FeatureOn record in the log says N. Until that record the release
// before can take the log back; after it, no longer, and whoever asks is told so beforehand.
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

enum class VersionError : std::uint8_t {
  TooNew,  // the log holds, or will hold, a version that this release does not read
};

/// The version that a release writes to one log: fed with the log's FeatureOn records, in order;
/// the same records give the same answers. One thread.
class WriteVersion {
 public:
  explicit constexpr WriteVersion(VersionRange readable = kReadableVersions) noexcept
      : readable_{readable}, version_{readable.oldest} {}

  /// Never goes back: an older record changes nothing, nor does one of a feature that needs no
  /// version.
  ///
  /// errors  TooNew: this release must not run on this log
  [[nodiscard]] constexpr std::expected<void, VersionError> apply(const FeatureOn& on) noexcept {
    if (on.version > readable_.newest) return std::unexpected(VersionError::TooNew);
    version_ = std::max(version_, on.version);
    return {};
  }

  /// What goes into Stamp::version.
  [[nodiscard]] constexpr std::uint8_t version() const noexcept { return version_; }
  /// Whether a FeatureOn of this version may be appended: the next one, which this release reads.
  [[nodiscard]] constexpr bool may_turn_on(std::uint8_t version) const noexcept {
    return version == version_ + 1 && readable_.contains(version);
  }
  /// Whether a release that reads `other` may take this log over, back to an older one or on to a
  /// newer.
  [[nodiscard]] constexpr bool can_hand_over_to(VersionRange other) const noexcept {
    return other.contains(version_);
  }

 private:
  VersionRange readable_;
  std::uint8_t version_;
};

}  // namespace stoa::native
