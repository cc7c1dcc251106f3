#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include "ops/config.h"

// Inside of the configuration: how a text becomes the value of a key.
namespace stoa::ops {

/// A value that passed; the member that is set depends on the key's shape.
struct Judged {
  // Integer, BasePort (-1: any), Mode; Decimal x 1e8; Choice as its place; Boolean as 0 or 1
  std::int64_t integer = 0;
  std::string_view text{};          // Text, Path, Secret
  std::vector<std::string> list{};  // Paths
  Speed speed{};
};

/// Reads `values` as `key` takes them: one, but for Paths.
///
/// errors  what was expected, as a sentence without the value: "expected an integer, 0 to 65535"
[[nodiscard]] std::expected<Judged, std::string> judge(const Key& key,
                                                       const std::vector<std::string>& values);

/// "expected …" for a value of another type than the key's.
[[nodiscard]] std::string expectation(const Key& key);

}  // namespace stoa::ops
