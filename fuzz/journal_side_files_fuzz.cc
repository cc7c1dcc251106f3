// Claim: a checkpoint or cursor file is believed only if its encoder would write the same bytes,
// and whatever lies in a journal's directory under such names, whoever looks there answers and does
// not fall over: a damaged checkpoint is passed over, a damaged cursor holds retention. The first
// byte chooses; its highest bit asks for fitting checksums. Corpus: corpus/journal_side_files_fuzz
// holds a whole one of each.

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <span>
#include <string>
#include <vector>

#include "base/crc32c.h"
#include "base/error.h"
#include "base/ids.h"
#include "journal/checkpoint.h"
#include "journal/cursor.h"
#include "journal/fake_file_system.h"
#include "journal/file_system.h"
#include "journal/retention.h"
#include "journal/verify.h"

namespace {

using stoa::ErrorCode;
using stoa::Lsn;
using stoa::journal::kCheckpointHeaderBytes;
using stoa::journal::kCursorBytes;
using stoa::journal::OpenMode;
using stoa::journal::test::Bytes;
using stoa::journal::test::MemoryFileSystem;

constexpr std::uint64_t kLsn = 7;

void demand(bool holds) {
  if (!holds) std::abort();
}

void put_word(std::span<std::byte> to, std::size_t at, std::uint32_t word) {
  std::memcpy(to.data() + at, &word, sizeof word);
}

void write_file(MemoryFileSystem& files, const std::string& path, const Bytes& bytes) {
  const auto file = files.open(path, OpenMode::Reset);
  if (!bytes.empty()) demand((*file)->write_at(bytes, 0) == bytes.size());
}

void checkpoint(Bytes bytes, bool fit) {
  if (fit && bytes.size() >= kCheckpointHeaderBytes) {
    put_word(bytes, 56, stoa::crc32c(std::span{bytes}.subspan(kCheckpointHeaderBytes)));
    put_word(bytes, 60, stoa::crc32c(std::span{bytes}.first(60)));
  }
  const auto decoded = stoa::journal::decode_checkpoint(bytes);
  if (decoded) demand(stoa::journal::encode_checkpoint(*decoded) == bytes);
  if (!decoded) demand(!decoded.error().empty());

  MemoryFileSystem files;
  write_file(files, "log/" + stoa::journal::checkpoint_name(Lsn{kLsn}), bytes);
  const bool good = decoded && decoded->lsn == Lsn{kLsn};
  const auto found = stoa::journal::find_checkpoint("log", Lsn{UINT64_MAX}, &files);
  demand(found.has_value());
  demand(found->checkpoint.has_value() == good && found->passed_over.empty() == good);
  demand(stoa::journal::read_checkpoint("log", Lsn{kLsn}, &files).has_value() == good);
  const auto listed = stoa::journal::list_checkpoints("log", &files);
  demand(listed && listed->size() == 1);
  if (good) demand(listed->front().trouble.empty());
  demand(stoa::journal::verify("log", &files).has_value());
  demand(stoa::journal::apply_retention("log", 0, &files).has_value());
}

void cursor(Bytes bytes, bool fit) {
  if (fit && bytes.size() >= kCursorBytes) {
    put_word(bytes, 28, stoa::crc32c(std::span{bytes}.first(28)));
  }
  const auto decoded = stoa::journal::decode_cursor(bytes);
  if (decoded) {
    std::array<std::byte, kCursorBytes> again{};
    stoa::journal::encode_cursor(*decoded, again);
    demand(std::ranges::equal(again, bytes));
  }
  MemoryFileSystem files;
  write_file(files, "log/backup.cursor", bytes);
  const auto listed = stoa::journal::list_cursors("log", &files);
  demand(listed.has_value() == decoded.has_value());
  if (!listed) demand(listed.error().code == ErrorCode::Damaged);
  demand(stoa::journal::apply_retention("log", 0, &files).has_value() == decoded.has_value());
  demand(stoa::journal::verify("log", &files).has_value());
  const auto moved = stoa::journal::set_cursor("log", "backup", Lsn{kLsn}, &files);
  demand(moved.has_value() == (decoded && *decoded <= Lsn{kLsn}));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const auto rest = std::as_bytes(std::span{data, size}.subspan(1));
  const bool fit = (data[0] & 0x80U) != 0;
  const Bytes bytes{rest.begin(), rest.end()};
  if (data[0] % 2 == 0) {
    checkpoint(bytes, fit);
  } else {
    cursor(bytes, fit);
  }
  return 0;
}
