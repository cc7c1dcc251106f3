#pragma once

#include <sys/poll.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <functional>
#include <ios>
#include <iterator>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/temp_dir.h"

// Tests only: files, and waiting for what other processes do.
namespace stoa::deploy {

inline std::string text_of(const std::filesystem::path& file) {
  std::ifstream in{file, std::ios::binary};
  return {std::istreambuf_iterator<char>{in}, {}};
}

inline void write_text(const std::filesystem::path& file, std::string_view text) {
  std::ofstream{file, std::ios::binary | std::ios::trunc} << text;
}

/// True as soon as `holds` does; false when that takes ten seconds.
inline bool wait_until(const std::function<bool()>& holds) {
  const SystemClock clock;
  const nanoseconds deadline = clock.monotonic() + std::chrono::seconds{10};
  while (!holds()) {
    if (clock.monotonic() > deadline) return false;
    ::poll(nullptr, 0, 2);
  }
  return true;
}

}  // namespace stoa::deploy
