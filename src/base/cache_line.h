#pragma once

#include <cstddef>

namespace stoa {

/// Distance that keeps two threads' data from sharing a line (x86-64 and most ARM). GCC 12 warns
/// about the std constant.
inline constexpr std::size_t kCacheLineBytes = 64;

}  // namespace stoa
