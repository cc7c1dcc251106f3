#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <span>

#include "base/error.h"

// Zstandard (RFC 8878), the only place that knows the library.
namespace stoa::ops {

/// Takes bytes as they come; they live until it returns. Its error ends the work.
using ByteSink = std::function<Result<void>(std::span<const std::byte> bytes)>;

/// Compresses one stream of any length into one frame. One thread.
class ZstdCompressor {
 public:
  /// `level`: 1 (fast) to 19 (small); 3 is the library's own default.
  explicit ZstdCompressor(int level = 3);
  ZstdCompressor(const ZstdCompressor&) = delete;
  ZstdCompressor& operator=(const ZstdCompressor&) = delete;
  ~ZstdCompressor();

  /// errors  the sink's · Unavailable: no memory
  [[nodiscard]] Result<void> add(std::span<const std::byte> bytes, const ByteSink& sink);
  /// Ends the frame; call nothing afterwards.
  [[nodiscard]] Result<void> finish(const ByteSink& sink);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// The way back, for bytes that nobody has to trust: at most `bytes_max` are given out. One thread.
class ZstdDecompressor {
 public:
  explicit ZstdDecompressor(std::uint64_t bytes_max);
  ZstdDecompressor(const ZstdDecompressor&) = delete;
  ZstdDecompressor& operator=(const ZstdDecompressor&) = delete;
  ~ZstdDecompressor();

  /// errors  Damaged: not a frame, or more than bytes_max comes out · the sink's
  [[nodiscard]] Result<void> add(std::span<const std::byte> bytes, const ByteSink& sink);
  /// The frame has come to its end, and nothing followed it.
  [[nodiscard]] bool finished() const noexcept;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace stoa::ops
