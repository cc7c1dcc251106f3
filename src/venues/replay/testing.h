#pragma once

#include <gtest/gtest.h>
#include <unistd.h>
#include <zlib.h>

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include "base/clock.h"
#include "base/temp_dir.h"
#include "model/market.h"
#include "oms/venue_port.h"

// What the tests of this folder share.
namespace stoa::venues::replay::testing {

/// A folder of its own with recordings in it.
class Scratch : public TempDir {
 public:
  [[nodiscard]] std::filesystem::path write(std::string_view name, std::string_view bytes) const {
    auto written = path() / name;
    std::ofstream{written, std::ios::binary} << bytes;
    return written;
  }
  [[nodiscard]] std::filesystem::path write_gzip(std::string_view name,
                                                 std::string_view text) const {
    auto written = path() / name;
    const gzFile file = ::gzopen(written.c_str(), "wb");
    EXPECT_EQ(::gzwrite(file, text.data(), static_cast<unsigned>(text.size())),
              static_cast<int>(text.size()));
    EXPECT_EQ(::gzclose(file), Z_OK);
    return written;
  }
};

inline std::string bytes_of(const std::filesystem::path& path) {
  std::ifstream file{path, std::ios::binary};
  return {std::istreambuf_iterator<char>{file}, std::istreambuf_iterator<char>{}};
}

/// The recordings: `STOA_RECORDINGS`, else `shared/data` beside the project's root, which is the
/// directory above this program that holds CMakePresets.json.
inline std::filesystem::path recordings() {
  // NOLINTNEXTLINE(concurrency-mt-unsafe): nothing in a test program sets variables
  if (const char* const named = std::getenv("STOA_RECORDINGS")) return named;
  std::error_code ignored;
  auto root = std::filesystem::read_symlink("/proc/self/exe", ignored).parent_path();
  while (root.has_relative_path() && !std::filesystem::exists(root / "CMakePresets.json")) {
    root = root.parent_path();
  }
  return root.parent_path() / "shared" / "data";
}

/// Keeps everything that a feed says.
class KeepingSink final : public oms::MarketSink {
 public:
  struct Book {
    BookUpdate head{};
    bool snapshot = false;
    std::vector<Level> bids{};
    std::vector<Level> asks{};
    Timestamp ts_recv{};
  };

  void on_trade(const Trade& trade, Timestamp ts_recv) override {
    trades.push_back(trade);
    times.push_back(ts_recv);
  }
  void on_quote(const Quote& quote, Timestamp ts_recv) override {
    quotes.push_back(quote);
    times.push_back(ts_recv);
  }
  void on_book(const BookView& view, Timestamp ts_recv) override {
    books.push_back({.head = view.head,
                     .snapshot = view.snapshot,
                     .bids = {view.bids.begin(), view.bids.end()},
                     .asks = {view.asks.begin(), view.asks.end()},
                     .ts_recv = ts_recv});
    times.push_back(ts_recv);
  }
  void on_feed_state(const FeedState& state, Timestamp ts_recv) override {
    states.push_back(state);
    times.push_back(ts_recv);
  }

  std::vector<Trade> trades;
  std::vector<Quote> quotes;
  std::vector<Book> books;
  std::vector<FeedState> states;
  std::vector<Timestamp> times;
};

}  // namespace stoa::venues::replay::testing
