#include "ops/zstd.h"

#include <zstd.h>

#include <cstddef>
#include <cstdint>
#include <expected>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/error.h"

namespace stoa::ops {
namespace {

std::unexpected<Error> zstd_error(ErrorCode code, std::size_t result) {
  return std::unexpected(Error{
      .code = code, .message = std::string{"zstd: "} + ZSTD_getErrorName(result), .source = {}});
}

struct FreeCompressor {
  void operator()(ZSTD_CCtx* context) const noexcept { ZSTD_freeCCtx(context); }
};
struct FreeDecompressor {
  void operator()(ZSTD_DCtx* context) const noexcept { ZSTD_freeDCtx(context); }
};

}  // namespace

struct ZstdCompressor::State {
  std::unique_ptr<ZSTD_CCtx, FreeCompressor> context{ZSTD_createCCtx()};
  std::vector<std::byte> out = std::vector<std::byte>(ZSTD_CStreamOutSize());

  Result<void> run(std::span<const std::byte> bytes, ZSTD_EndDirective directive,
                   const ByteSink& sink) {
    ZSTD_inBuffer in{.src = bytes.data(), .size = bytes.size(), .pos = 0};
    for (;;) {
      ZSTD_outBuffer to{.dst = out.data(), .size = out.size(), .pos = 0};
      const std::size_t left = ZSTD_compressStream2(context.get(), &to, &in, directive);
      if (ZSTD_isError(left) != 0) return zstd_error(ErrorCode::Unavailable, left);
      if (to.pos > 0) {
        if (auto taken = sink(std::span{out}.first(to.pos)); !taken) return taken;
      }
      const bool done = directive == ZSTD_e_end ? left == 0 : in.pos == in.size;
      if (done) return {};
    }
  }
};

ZstdCompressor::ZstdCompressor(int level) : state_{std::make_unique<State>()} {
  ZSTD_CCtx_setParameter(state_->context.get(), ZSTD_c_compressionLevel, level);
  ZSTD_CCtx_setParameter(state_->context.get(), ZSTD_c_checksumFlag, 1);
}
ZstdCompressor::~ZstdCompressor() = default;

Result<void> ZstdCompressor::add(std::span<const std::byte> bytes, const ByteSink& sink) {
  return state_->run(bytes, ZSTD_e_continue, sink);
}
Result<void> ZstdCompressor::finish(const ByteSink& sink) {
  return state_->run({}, ZSTD_e_end, sink);
}

struct ZstdDecompressor::State {
  std::unique_ptr<ZSTD_DCtx, FreeDecompressor> context{ZSTD_createDCtx()};
  std::vector<std::byte> out = std::vector<std::byte>(ZSTD_DStreamOutSize());
  std::uint64_t bytes_left = 0;
  bool finished = false;
};

ZstdDecompressor::ZstdDecompressor(std::uint64_t bytes_max) : state_{std::make_unique<State>()} {
  state_->bytes_left = bytes_max;
}
ZstdDecompressor::~ZstdDecompressor() = default;

Result<void> ZstdDecompressor::add(std::span<const std::byte> bytes, const ByteSink& sink) {
  const auto damaged = [](const char* what) {
    return std::unexpected(Error{.code = ErrorCode::Damaged, .message = what, .source = {}});
  };
  State& state = *state_;
  ZSTD_inBuffer in{.src = bytes.data(), .size = bytes.size(), .pos = 0};
  bool full = false;  // the last answer filled the buffer: more may wait inside
  while (in.pos < in.size || full) {
    if (state.finished) return damaged("zstd: bytes behind the end of the frame");
    ZSTD_outBuffer to{.dst = state.out.data(), .size = state.out.size(), .pos = 0};
    const std::size_t left = ZSTD_decompressStream(state.context.get(), &to, &in);
    if (ZSTD_isError(left) != 0) return zstd_error(ErrorCode::Damaged, left);
    if (to.pos > state.bytes_left) return damaged("zstd: more comes out than was put in");
    state.bytes_left -= to.pos;
    if (to.pos > 0) {
      if (auto taken = sink(std::span{state.out}.first(to.pos)); !taken) return taken;
    }
    state.finished = left == 0;
    full = to.pos == to.size && !state.finished;
  }
  return {};
}

bool ZstdDecompressor::finished() const noexcept { return state_->finished; }

}  // namespace stoa::ops
