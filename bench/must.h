#pragma once

#include <errno.h>
#include <fmt/core.h>

#include <cstdio>
#include <cstdlib>
#include <string_view>
#include <type_traits>
#include <utility>

#include "base/error.h"

// What a bench does with an error: it says it and ends, as nothing it measures would be true.
namespace stoa::bench {

[[noreturn]] inline void give_up(std::string_view what) {
  fmt::print(stderr, "{}: {}\n", program_invocation_short_name, what);
  std::exit(1);  // NOLINT(concurrency-mt-unsafe): nothing can be tidied up here
}

/// The value of a call that cannot fail here.
template <class T>
T must(Result<T> result) {
  if (!result) give_up(result.error().text());
  if constexpr (!std::is_void_v<T>) return std::move(*result);
}

}  // namespace stoa::bench
