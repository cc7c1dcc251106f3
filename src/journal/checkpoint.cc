#include "journal/checkpoint.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <filesystem>
#include <memory>
#include <optional>
#include <ranges>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/crc32c.h"
#include "base/error.h"
#include "base/ids.h"
#include "journal/bytes.h"
#include "journal/durable_name.h"
#include "journal/fail_points.h"
#include "journal/file_system.h"
#include "journal/segment.h"

namespace stoa::journal {
namespace {

constexpr std::uint64_t kMagic = 0x5450'4B43'414F'5453;  // "STOACKPT"
constexpr std::uint32_t kVersion = 1;
constexpr std::string_view kSuffix = ".ckpt";
constexpr const char* kTemporaryName = "checkpoint.tmp";

// Places in the header; what lies between them is reserved and zero.
constexpr std::size_t kVersionAt = 8;
constexpr std::size_t kHeaderBytesAt = 12;
constexpr std::size_t kLsnAt = 16;
constexpr std::size_t kEpochAt = 24;
constexpr std::size_t kChainAt = 32;
constexpr std::size_t kFirstReservedAt = 36;
constexpr std::size_t kStateBytesAt = 40;
constexpr std::size_t kSecondReservedAt = 48;
constexpr std::size_t kStateCrcAt = 56;
constexpr std::size_t kHeaderCrcAt = 60;

using HeaderBytes = std::array<std::byte, kCheckpointHeaderBytes>;

struct Header {
  Lsn lsn;
  std::uint64_t epoch = 0;
  std::uint32_t chain = 0;
  std::uint64_t state_bytes = 0;
  std::uint32_t state_crc = 0;
};

HeaderBytes encode_header(const Checkpoint& checkpoint) noexcept {
  HeaderBytes bytes{};
  put(bytes, 0, kMagic);
  put(bytes, kVersionAt, kVersion);
  put(bytes, kHeaderBytesAt, static_cast<std::uint32_t>(kCheckpointHeaderBytes));
  put(bytes, kLsnAt, checkpoint.lsn.value());
  put(bytes, kEpochAt, checkpoint.epoch);
  put(bytes, kChainAt, checkpoint.chain);
  put(bytes, kStateBytesAt, std::uint64_t{checkpoint.state.size()});
  put(bytes, kStateCrcAt, crc32c(checkpoint.state));
  put(bytes, kHeaderCrcAt, crc32c(std::span{bytes}.first<kHeaderCrcAt>()));
  return bytes;
}

std::expected<Header, std::string_view> decode_header(std::span<const std::byte> from) noexcept {
  if (from.size() < kCheckpointHeaderBytes) return std::unexpected("the file ends in its header");
  if (get<std::uint64_t>(from, 0) != kMagic) return std::unexpected("not a checkpoint");
  if (get<std::uint32_t>(from, kHeaderCrcAt) != crc32c(from.first(kHeaderCrcAt))) {
    return std::unexpected("the checksum of the header does not fit");
  }
  if (get<std::uint32_t>(from, kVersionAt) != kVersion ||
      get<std::uint32_t>(from, kHeaderBytesAt) != kCheckpointHeaderBytes) {
    return std::unexpected("the checkpoint has a version that this program does not know");
  }
  if (get<std::uint32_t>(from, kFirstReservedAt) != 0 ||
      get<std::uint64_t>(from, kSecondReservedAt) != 0) {
    return std::unexpected("the header uses a field that this program does not know");
  }
  return Header{.lsn = Lsn{get<std::uint64_t>(from, kLsnAt)},
                .epoch = get<std::uint64_t>(from, kEpochAt),
                .chain = get<std::uint32_t>(from, kChainAt),
                .state_bytes = get<std::uint64_t>(from, kStateBytesAt),
                .state_crc = get<std::uint32_t>(from, kStateCrcAt)};
}

Result<std::unique_ptr<File>> write_file(FileSystem& files, const std::filesystem::path& path,
                                         const Checkpoint& checkpoint) {
  auto file = files.open(path, OpenMode::Reset);
  if (!file) return disk_error("cannot create a checkpoint", file.error(), path);
  const HeaderBytes header = encode_header(checkpoint);
  if (auto wrote = write_all(**file, header, 0); !wrote) {
    return disk_error("cannot write a checkpoint", wrote.error(), path);
  }
  if (auto wrote = write_all(**file, checkpoint.state, header.size()); !wrote) {
    return disk_error("cannot write a checkpoint", wrote.error(), path);
  }
  if (const auto passed = at::pass(at::kCheckpointTmpWritten); !passed) {
    return std::unexpected(passed.error());
  }
  return std::move(*file);
}

Result<std::vector<Lsn>> list_lsns(FileSystem& files, const std::filesystem::path& dir) {
  const auto names = files.list(dir);
  if (!names) return disk_error("cannot list the journal", names.error(), dir);
  std::vector<Lsn> lsns;
  for (const std::string& name : *names) {
    if (const auto lsn = parse_checkpoint_name(name)) lsns.push_back(*lsn);
  }
  std::ranges::sort(lsns);
  return lsns;
}

Result<void> remove_old(FileSystem& files, const std::filesystem::path& dir) {
  const auto lsns = list_lsns(files, dir);
  if (!lsns) return std::unexpected(lsns.error());
  if (lsns->size() <= kCheckpointsKept) return {};
  for (const Lsn lsn : std::span{*lsns}.first(lsns->size() - kCheckpointsKept)) {
    const std::filesystem::path path = dir / checkpoint_name(lsn);
    if (const auto removed = files.remove(path); !removed && removed.error().value != ENOENT) {
      return disk_error("cannot remove an old checkpoint", removed.error(), path);
    }
  }
  return {};
}

}  // namespace

Result<void> write_checkpoint(const std::filesystem::path& dir, const Checkpoint& checkpoint,
                              FileSystem* file_system) {
  FileSystem& files = or_posix(file_system);
  const std::filesystem::path temporary = dir / kTemporaryName;
  const auto file = write_file(files, temporary, checkpoint);
  if (!file) return std::unexpected(file.error());
  static constexpr NamingPoints kPoints{.synced = at::kCheckpointTmpSynced,
                                        .renamed = at::kCheckpointRenamed,
                                        .named = at::kCheckpointNamed};
  auto named = name_durably(files, **file, temporary, dir / checkpoint_name(checkpoint.lsn),
                            "a checkpoint", kPoints);
  if (!named) return named;
  return remove_old(files, dir);
}

Result<std::vector<CheckpointFile>> list_checkpoints(const std::filesystem::path& dir,
                                                     FileSystem* file_system) {
  FileSystem& files = or_posix(file_system);
  const auto lsns = list_lsns(files, dir);
  if (!lsns) return std::unexpected(lsns.error());
  std::vector<CheckpointFile> found;
  for (const Lsn lsn : *lsns) {
    CheckpointFile& each = found.emplace_back();
    each.name = checkpoint_name(lsn);
    each.lsn = lsn;
    const std::filesystem::path path = dir / each.name;
    auto file = files.open(path, OpenMode::Read);
    if (!file && file.error().value == ENOENT) {  // replaced by a newer one this moment
      found.pop_back();
      continue;
    }
    if (!file) return disk_error("cannot open the checkpoint", file.error(), path);
    HeaderBytes bytes{};
    const auto got = (*file)->read_at(bytes, 0);
    const auto size = (*file)->size();
    if (!got || !size) {
      return disk_error("cannot read the checkpoint", got ? size.error() : got.error(), path);
    }
    each.bytes = *size;
    const auto header = decode_header(std::span{bytes}.first(*got));
    if (!header) {
      each.trouble = header.error();
      continue;
    }
    each.epoch = header->epoch;
    each.chain = header->chain;
    if (header->lsn != lsn) {
      each.trouble = "the header names another lsn than the file's name";
    } else if (*size - kCheckpointHeaderBytes != header->state_bytes) {
      each.trouble = "the file does not have the size that its header names";
    }
  }
  return found;
}

Result<Checkpoint> read_checkpoint(const std::filesystem::path& dir, Lsn lsn,
                                   FileSystem* file_system) {
  const std::filesystem::path path = dir / checkpoint_name(lsn);
  auto file = or_posix(file_system).open(path, OpenMode::Read);
  if (!file) return disk_error("cannot open the checkpoint", file.error(), path);
  const auto size = (*file)->size();
  if (!size) return disk_error("cannot read the checkpoint", size.error(), path);
  std::vector<std::byte> bytes(static_cast<std::size_t>(*size));
  const auto got = (*file)->read_at(bytes, 0);
  if (!got) return disk_error("cannot read the checkpoint", got.error(), path);
  bytes.resize(*got);
  auto checkpoint = decode_checkpoint(bytes);
  const bool named = checkpoint && checkpoint->lsn == lsn;
  if (named) return std::move(*checkpoint);
  return std::unexpected(Error{.code = ErrorCode::Damaged,
                               .message = checkpoint
                                              ? "the header names another lsn than the file's name"
                                              : std::string{checkpoint.error()},
                               .source = path.string()});
}

Result<FoundCheckpoint> find_checkpoint(const std::filesystem::path& dir, Lsn head,
                                        FileSystem* file_system) {
  FoundCheckpoint found;
  const auto lsns = list_lsns(or_posix(file_system), dir);
  if (!lsns) return std::unexpected(lsns.error());
  for (const Lsn lsn : *lsns | std::views::reverse) {
    if (lsn > head) {
      found.passed_over.push_back(checkpoint_name(lsn) + " lies behind the end of the log, lsn " +
                                  std::to_string(head.value()));
      continue;
    }
    auto checkpoint = read_checkpoint(dir, lsn, file_system);
    if (checkpoint) {
      found.checkpoint = std::move(*checkpoint);
      return found;
    }
    if (checkpoint.error().code == ErrorCode::NotFound) continue;  // replaced this moment
    if (checkpoint.error().code != ErrorCode::Damaged) return std::unexpected(checkpoint.error());
    found.passed_over.push_back(checkpoint_name(lsn) + ": " + checkpoint.error().message);
  }
  return found;
}

std::string checkpoint_name(Lsn lsn) { return numbered_name(lsn, kSuffix); }

std::optional<Lsn> parse_checkpoint_name(std::string_view name) noexcept {
  return parse_numbered_name(name, kSuffix);
}

std::vector<std::byte> encode_checkpoint(const Checkpoint& checkpoint) {
  const HeaderBytes header = encode_header(checkpoint);
  std::vector<std::byte> bytes(header.size() + checkpoint.state.size());
  std::ranges::copy(header, bytes.begin());
  std::ranges::copy(checkpoint.state, bytes.begin() + kCheckpointHeaderBytes);
  return bytes;
}

std::expected<Checkpoint, std::string_view> decode_checkpoint(std::span<const std::byte> file) {
  const auto header = decode_header(file);
  if (!header) return std::unexpected(header.error());
  const auto state = file.subspan(kCheckpointHeaderBytes);
  if (state.size() != header->state_bytes) {
    return std::unexpected("the file does not have the size that its header names");
  }
  if (crc32c(state) != header->state_crc) {
    return std::unexpected("the checksum of the state does not fit");
  }
  return Checkpoint{.lsn = header->lsn,
                    .chain = header->chain,
                    .epoch = header->epoch,
                    .state = {state.begin(), state.end()}};
}

}  // namespace stoa::journal
