// Claim: whatever bytes stand in a segment file, reading, verifying and recovering it never crash
// and never believe damage. The first byte of the input chooses how the rest becomes a file:
//   0  the rest is the file as it is
//   1  a journal that we wrote is edited: every record that is handed out must be as it was written
//   2  well-formed records with any lsn are put at any place: whoever reads them sees one sequence
// Corpus: corpus/journal_segment_fuzz holds inputs for each mode; mode 1 makes its journal itself.

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/ids.h"
#include "journal/fake_file_system.h"
#include "journal/file_system.h"
#include "journal/format.h"
#include "journal/reader.h"
#include "journal/verify.h"
#include "journal/writer.h"

namespace {

using stoa::Lsn;
using stoa::journal::File;
using stoa::journal::FileSystem;
using stoa::journal::OpenMode;
using stoa::journal::Reader;
using stoa::journal::SyncPolicy;
using stoa::journal::Writer;
using stoa::journal::test::Bytes;
using stoa::journal::test::MemoryFileSystem;
using stoa::journal::test::payload_of;

constexpr std::uint64_t kSegmentBytes = 4096;

void demand(bool holds) {
  if (!holds) std::abort();
}

stoa::journal::WriterOptions options(FileSystem& files) {
  return {.segment_bytes = kSegmentBytes,
          .sync = SyncPolicy::Always,
          .buffer_bytes = kSegmentBytes,
          .prepare_ahead = false,
          .file_system = &files};
}

std::string path_of(Lsn first) { return "log/" + stoa::journal::segment_name(first); }

Bytes read_all(FileSystem& files, const std::string& path) {
  const auto file = files.open(path, OpenMode::Read);
  Bytes bytes(*(*file)->size());
  demand((*file)->read_at(bytes, 0) == bytes.size());
  return bytes;
}

void write_all(FileSystem& files, const std::string& path, std::span<const std::byte> bytes) {
  const auto file = files.open(path, OpenMode::Reset);
  demand((*file)->allocate(bytes.size()).has_value());
  if (!bytes.empty()) demand((*file)->write_at(bytes, 0) == bytes.size());
}

// Reads to the end: one sequence, and our payloads where they are ours.
std::uint64_t read_records(FileSystem& files, bool ours) {
  auto reader = Reader::open("log", Lsn{0}, &files);
  if (!reader) return 0;
  std::uint64_t records = 0;
  std::optional<Lsn> last;
  for (;;) {
    const auto record = reader->next();
    if (!record || !*record) return records;
    const Lsn lsn = (*record)->lsn;
    demand(!last || lsn.value() == last->value() + 1);
    if (ours) demand(std::ranges::equal((*record)->payload, payload_of(lsn)));
    last = lsn;
    ++records;
  }
}

// What every reader of these files must agree on.
void examine(FileSystem& files, bool ours) {
  const std::uint64_t read = read_records(files, ours);
  demand(stoa::journal::list("log", &files).has_value());
  const auto report = stoa::journal::verify("log", &files);
  demand(report.has_value());
  if (report->intact) demand(read == report->records);
  {
    auto writer = Writer::open("log", options(files));
    if (!writer) return;  // refused: nothing was changed
    if (report->intact) demand(writer->next_lsn().value() == report->last.value() + 1 || read == 0);
    demand(writer->append(payload_of(writer->next_lsn())).has_value());
    demand(writer->commit().has_value());
  }
  if (report->intact) {
    demand(stoa::journal::verify("log", &files)->intact);
    demand(read_records(files, ours) == read + 1);
  }
}

// A journal of two segments in batches of one to four.
void make_journal(FileSystem& files) {
  auto writer = Writer::open("log", options(files));
  demand(writer.has_value());
  for (std::uint64_t i = 0; i < 90; ++i) {
    demand(writer->append(payload_of(writer->next_lsn())).has_value());
    if (i % 4 < 2) demand(writer->commit().has_value());
  }
  demand(writer->close().has_value());
}

struct Input {
  std::span<const std::uint8_t> rest;
  std::uint64_t take(std::size_t bytes) {
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < bytes && !rest.empty(); ++i) {
      value = value << 8U | rest.front();
      rest = rest.subspan(1);
    }
    return value;
  }
};

// Flips, zeroes and copies; five bytes an edit. A copy of whole bytes can put back what was there,
// never invent a record.
void edit(Bytes& bytes, Input& input) {
  while (input.rest.size() >= 6 && !bytes.empty()) {
    const std::uint64_t kind = input.take(1) % 4;
    const std::size_t at = input.take(2) % bytes.size();
    const std::size_t size = std::min<std::size_t>(input.take(1) * 4, bytes.size() - at);
    const std::uint64_t value = input.take(2);
    const auto range = std::span{bytes}.subspan(at, size);
    if (kind == 0) bytes[at] ^= static_cast<std::byte>(value);
    if (kind == 1) std::ranges::fill(range, std::byte{0});
    if (kind == 2) {
      const std::size_t from = value % bytes.size();
      const Bytes copy(
          bytes.begin() + static_cast<std::ptrdiff_t>(from),
          bytes.begin() + static_cast<std::ptrdiff_t>(std::min(from + size, bytes.size())));
      std::copy_n(copy.begin(), std::min(copy.size(), bytes.size() - at),
                  bytes.begin() + static_cast<std::ptrdiff_t>(at));
    }
    if (kind == 3 && value % 8 == 0) bytes.resize(at);
  }
}

void edited_journal(Input input) {
  MemoryFileSystem files;
  make_journal(files);
  const auto segments = stoa::journal::list("log", &files);
  demand(segments && segments->size() >= 2);
  const std::string path = "log/" + (*segments)[input.take(1) % segments->size()].name;
  Bytes bytes = read_all(files, path);
  edit(bytes, input);
  write_all(files, path, bytes);
  examine(files, /*ours=*/true);
}

void placed_records(Input input) {
  Bytes bytes(kSegmentBytes);
  const std::uint32_t seed = stoa::journal::encode_header(
      {.segment_bytes = kSegmentBytes, .first_lsn = Lsn{1}, .epoch = 0, .previous_chain = 0},
      std::span{bytes}.first<stoa::journal::kSegmentHeaderBytes>());
  std::size_t next = stoa::journal::kSegmentHeaderBytes;
  while (!input.rest.empty()) {
    const std::uint64_t flags = input.take(1);
    const Lsn lsn{1 + input.take(1)};
    const Bytes payload = payload_of(lsn);
    const std::size_t size = stoa::journal::stored_bytes(payload.size());
    const std::size_t at = (flags & 2U) != 0 ? input.take(2) * 8 : next;
    if (at < stoa::journal::kSegmentHeaderBytes || at + size > bytes.size()) continue;
    stoa::journal::encode_record(bytes.data() + at, lsn, (flags & 1U) != 0, payload, {}, seed);
    next = at + size;
  }
  MemoryFileSystem files;
  write_all(files, path_of(Lsn{1}), bytes);
  examine(files, /*ours=*/false);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Input input{{data, size}};
  const std::uint64_t mode = input.take(1) % 3;
  if (mode == 0) {
    MemoryFileSystem files;
    write_all(files, path_of(Lsn{1}), std::as_bytes(input.rest));
    examine(files, /*ours=*/false);
  }
  if (mode == 1) edited_journal(input);
  if (mode == 2) placed_records(input);
  return 0;
}
