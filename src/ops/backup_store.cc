#include "ops/backup_store.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"
#include "journal/bytes.h"
#include "journal/file_system.h"
#include "journal/segment.h"
#include "ops/backup_manifest.h"
#include "ops/sha256.h"
#include "ops/zstd.h"

namespace stoa::ops {
namespace {

using journal::File;
using journal::FileSystem;
using journal::OpenMode;

constexpr std::size_t kPieceBytes = 1U << 20U;
// A backup of a thousand terabytes in the smallest segments would not reach it.
constexpr std::uint64_t kManifestBytesMax = 1U << 30U;
constexpr std::string_view kTemporarySuffix = ".tmp";

std::filesystem::path temporary(const std::filesystem::path& path) {
  return path.string() + std::string{kTemporarySuffix};
}

Result<void> name_file(FileSystem& files, File& file, const std::filesystem::path& path) {
  if (const auto synced = file.sync_data(); !synced) {
    return file_error("cannot sync", synced.error(), path);
  }
  if (const auto named = files.rename(temporary(path), path); !named) {
    return file_error("cannot name", named.error(), path);
  }
  return {};
}

std::unexpected<Error> damaged(const std::filesystem::path& path, std::string what) {
  return std::unexpected(
      Error{.code = ErrorCode::Damaged, .message = std::move(what), .source = path.string()});
}

}  // namespace

std::unexpected<Error> file_error(std::string_view what, journal::Errno error,
                                  const std::filesystem::path& path) {
  return journal::disk_error(what, error, path);
}

Result<void> sync_folder(FileSystem& files, const std::filesystem::path& folder) {
  const auto synced = files.sync_directory(folder);
  if (!synced) return file_error("cannot sync the directory", synced.error(), folder);
  return {};
}

Result<void> read_pieces(File& file, const std::filesystem::path& path, std::uint64_t bytes,
                         const ByteSink& sink) {
  std::vector<std::byte> piece(
      static_cast<std::size_t>(std::min<std::uint64_t>(bytes, kPieceBytes)));
  for (std::uint64_t at = 0; at < bytes;) {
    const auto want = static_cast<std::size_t>(std::min<std::uint64_t>(bytes - at, piece.size()));
    const auto got = file.read_at(std::span{piece}.first(want), at);
    if (!got) return file_error("cannot read", got.error(), path);
    if (*got == 0) return damaged(path, "the file is shorter than it should be");
    if (auto taken = sink(std::span{piece}.first(*got)); !taken) return taken;
    at += *got;
  }
  return {};
}

Result<void> store(FileSystem& files, const std::filesystem::path& target, const ByteSource& source,
                   int zstd_level, BackupEntry& entry) {
  const std::filesystem::path path = target / entry.stored;
  auto file = files.open(temporary(path), OpenMode::Reset);
  if (!file) return file_error("cannot create", file.error(), path);
  Sha256 content;
  Sha256 stored;
  entry.content_bytes = entry.stored_bytes = 0;
  const ByteSink write = [&](std::span<const std::byte> bytes) -> Result<void> {
    stored.add(bytes);
    if (const auto wrote = journal::write_all(**file, bytes, entry.stored_bytes); !wrote) {
      return file_error("cannot write", wrote.error(), path);
    }
    entry.stored_bytes += bytes.size();
    return {};
  };
  ZstdCompressor zstd{zstd_level};
  auto done = source([&](std::span<const std::byte> bytes) {
    content.add(bytes);
    entry.content_bytes += bytes.size();
    return zstd.add(bytes, write);
  });
  if (done) done = zstd.finish(write);
  if (!done) return done;
  entry.content_sha256 = content.finish();
  entry.stored_sha256 = stored.finish();
  return name_file(files, **file, path);
}

Result<void> unpack(FileSystem& files, const std::filesystem::path& target,
                    const BackupEntry& entry, const ByteSink& sink) {
  const std::filesystem::path path = target / entry.stored;
  auto file = files.open(path, OpenMode::Read);
  if (!file) {
    const auto error = file_error("cannot open", file.error(), path);
    if (error.error().code == ErrorCode::NotFound) return damaged(path, "the file is missing");
    return error;
  }
  const auto size = (*file)->size();
  if (!size) return file_error("cannot read the size", size.error(), path);
  if (*size != entry.stored_bytes) {
    return damaged(path, "the file has " + std::to_string(*size) + " bytes, the manifest says " +
                             std::to_string(entry.stored_bytes));
  }
  Sha256 stored;
  Sha256 content;
  std::uint64_t content_bytes = 0;
  ZstdDecompressor zstd{entry.content_bytes};
  auto read = read_pieces(**file, path, *size, [&](std::span<const std::byte> bytes) {
    stored.add(bytes);
    return zstd.add(bytes, [&](std::span<const std::byte> out) {
      content.add(out);
      content_bytes += out.size();
      return sink(out);
    });
  });
  if (!read) {
    if (read.error().source.empty()) read.error().source = path.string();
    return read;
  }
  if (stored.finish() != entry.stored_sha256) {
    return damaged(path, "the SHA-256 of the file is not the one in the manifest");
  }
  if (!zstd.finished() || content_bytes != entry.content_bytes ||
      content.finish() != entry.content_sha256) {
    return damaged(path, "what comes out of the file is not what was put in");
  }
  return {};
}

Result<BackupManifest> read_manifest(FileSystem& files, const std::filesystem::path& target) {
  const std::filesystem::path path = target / kManifestName;
  auto file = files.open(path, OpenMode::Read);
  if (!file) return file_error("cannot open the manifest", file.error(), path);
  const auto size = (*file)->size();
  if (!size) return file_error("cannot read the size", size.error(), path);
  if (*size > kManifestBytesMax) return damaged(path, "the manifest is impossibly long");
  std::string text;
  auto read = read_pieces(**file, path, *size, [&text](std::span<const std::byte> bytes) {
    for (const std::byte b : bytes) text += static_cast<char>(b);
    return Result<void>{};
  });
  if (!read) return std::unexpected(read.error());
  auto manifest = decode_manifest(text);
  if (!manifest) manifest.error().source = path.string();
  return manifest;
}

Result<void> write_manifest(FileSystem& files, const std::filesystem::path& target,
                            const BackupManifest& manifest) {
  const std::filesystem::path path = target / kManifestName;
  auto file = files.open(temporary(path), OpenMode::Reset);
  if (!file) return file_error("cannot create the manifest", file.error(), path);
  const std::string text = encode_manifest(manifest);
  if (const auto wrote = journal::write_all(**file, std::as_bytes(std::span{text}), 0); !wrote) {
    return file_error("cannot write the manifest", wrote.error(), path);
  }
  // All that it names is durable before it is.
  if (auto synced = sync_folder(files, target); !synced) return synced;
  if (auto named = name_file(files, **file, path); !named) return named;
  return sync_folder(files, target);
}

}  // namespace stoa::ops
