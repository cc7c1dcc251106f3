#pragma once

#include <sys/poll.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <functional>
#include <ios>
#include <iterator>
#include <string>
#include <string_view>
#include <system_error>

#include "base/clock.h"

// Tests only: folders that go with their test, and waiting for what other processes do.
namespace stoa::deploy {

class TempDir {
 public:
  TempDir() {
    static std::atomic<int> count{0};
    path_ = std::filesystem::temp_directory_path() /
            ("stoa-deploy-" + std::to_string(::getpid()) + "-" + std::to_string(++count));
    std::filesystem::create_directories(path_);
  }
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;
  ~TempDir() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

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
