#include "base/check.h"

#include <cstdio>
#include <cstdlib>
#include <source_location>
#include <string_view>

namespace stoa {

void fail_check(std::string_view why, std::source_location where) noexcept {
  std::fprintf(stderr, "check failed: %.*s\n  at %s:%u in %s\n", static_cast<int>(why.size()),
               why.data(), where.file_name(), where.line(), where.function_name());
  std::abort();
}

}  // namespace stoa
