#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

// The same records made durable by different stores on the same disk: ours, a bare loop, and what
// Debian packages. Not part of the library.
namespace stoa::bench {

inline constexpr std::size_t kRecordBytes = 200;

/// Record `i`: they differ, so that nothing can be compressed away.
[[nodiscard]] std::span<const std::byte> record(std::uint64_t i);

/// One store in an empty directory.
class Store {
 public:
  Store() = default;
  Store(const Store&) = delete;
  Store& operator=(const Store&) = delete;
  virtual ~Store() = default;

  /// Appends records `first` to `first + count - 1` and returns when they are durable (or only
  /// written, without sync). Called by thread `thread` alone, several threads at a time.
  virtual void append(std::size_t thread, std::uint64_t first, std::uint64_t count) = 0;
  /// A checksum over all records in the order of their contents, read back from the store, which is
  /// not used any more.
  [[nodiscard]] virtual std::uint64_t read_back() = 0;
};

struct StoreOptions {
  std::filesystem::path dir;
  std::size_t threads = 1;
  std::uint64_t bytes = 0;  // that the run will append, headers included
  bool sync = true;
};

/// One writer with batches of its own, or many threads that each wait for a record.
enum class Use : std::uint8_t { Alone, Threads, Both };

struct StoreKind {
  std::string_view name;
  std::unique_ptr<Store> (*open)(const StoreOptions&);
  Use use;
  bool unsynced;  // can run without sync
};

/// Every store that was built in and can run here; the first is ours, the second the bare loop, the
/// third ours with the segments of every day.
[[nodiscard]] std::vector<StoreKind> store_kinds();

/// Order-independent: the sum over records of their checksums.
[[nodiscard]] std::uint64_t checksum(std::span<const std::byte> record);

}  // namespace stoa::bench
