#pragma once

// Helpers of the journal's tests: a directory, a journal in it, and ways to damage a file. Not part
// of the library.

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <ios>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/ids.h"
#include "journal/fake_file_system.h"
#include "journal/file_system.h"
#include "journal/format.h"
#include "journal/reader.h"
#include "journal/writer.h"

namespace stoa::journal::test {

/// A directory that goes with the test; in memory where the system offers it, as no test here loses
/// the power of a real disk and each syncs hundreds of times.
class TemporaryDirectory {
 public:
  TemporaryDirectory() {
    const std::filesystem::path memory = "/dev/shm";
    const auto parent =
        ::access(memory.c_str(), W_OK) == 0 ? memory : std::filesystem::temp_directory_path();
    std::string name = (parent / "journal_test.XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) throw std::ios_base::failure{"mkdtemp"};
    path_ = name;
  }
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
  ~TemporaryDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

/// Appends the records that come next, `per_commit` to a commit.
inline void append_records(Writer& writer, std::uint64_t count, std::uint64_t per_commit = 1) {
  for (std::uint64_t i = 1; i <= count; ++i) {
    const Lsn expected = writer.next_lsn();
    const auto lsn = writer.append(payload_of(expected));
    ASSERT_TRUE(lsn) << lsn.error().text();
    ASSERT_EQ(*lsn, expected);
    if (i % per_commit == 0 || i == count) {
      const auto durable = writer.commit();
      ASSERT_TRUE(durable) << durable.error().text();
    }
  }
}

/// What a reader finds: how many records in a row are right, and the error that ended it.
struct ReadBack {
  Lsn last;
  std::uint64_t records = 0;
  std::optional<Error> error;
};
inline ReadBack read_back(const std::filesystem::path& dir, Lsn from = Lsn{0},
                          FileSystem* files = nullptr) {
  ReadBack result;
  auto reader = Reader::open(dir, from, files);
  if (!reader) return {.last = {}, .error = reader.error()};
  for (;;) {
    const auto record = reader->next();
    if (!record) {
      result.error = record.error();
      return result;
    }
    if (!*record) return result;
    EXPECT_TRUE(std::ranges::equal((*record)->payload, payload_of((*record)->lsn)))
        << "lsn " << (*record)->lsn.value();
    EXPECT_TRUE(result.records == 0 || (*record)->lsn.value() == result.last.value() + 1);
    result.last = (*record)->lsn;
    ++result.records;
  }
}

inline Bytes read_file(const std::filesystem::path& path) {
  std::ifstream in{path, std::ios::binary};
  const std::vector<char> chars{std::istreambuf_iterator<char>{in}, {}};
  const auto bytes = std::as_bytes(std::span{chars});
  return {bytes.begin(), bytes.end()};
}
inline void write_file(const std::filesystem::path& path, const Bytes& bytes) {
  std::ofstream out{path, std::ios::binary | std::ios::trunc};
  for (const std::byte b : bytes) out.put(static_cast<char>(b));
}

/// Where each record of an undamaged segment begins, and behind the last one its end.
inline std::vector<std::size_t> record_offsets(const Bytes& segment) {
  const auto header = decode_header(std::span{segment}.first<kSegmentHeaderBytes>());
  std::vector<std::size_t> offsets{kSegmentHeaderBytes};
  const std::size_t end = segment.size() - kFooterBytes;
  for (Lsn lsn = header->header.first_lsn;; lsn = Lsn{lsn.value() + 1}) {
    const std::size_t at = offsets.back();
    const auto view =
        decode_record(std::span{segment}.subspan(at, end - at), end - at, lsn, lsn, header->seed);
    if (view.status != RecordStatus::Whole) return offsets;
    offsets.push_back(at + stored_bytes(view.payload.size()));
  }
}

/// A fixture with a directory for one journal.
class JournalTest : public ::testing::Test {
 protected:
  [[nodiscard]] std::filesystem::path dir() const { return temporary_.path() / "log"; }
  [[nodiscard]] std::filesystem::path segment(std::uint64_t first) const {
    return dir() / segment_name(Lsn{first});
  }
  static WriterOptions small() { return {.segment_bytes = 4096, .prepare_ahead = false}; }
  [[nodiscard]] Writer open_writer(const WriterOptions& options = small()) const {
    auto writer = Writer::open(dir(), options);
    if (!writer) throw std::ios_base::failure{writer.error().text()};
    return std::move(*writer);
  }
  /// A journal of `count` records in segments of 4 KiB, `per_commit` to a commit, closed.
  void make_journal(std::uint64_t count, std::uint64_t per_commit = 1) const {
    Writer writer = open_writer();
    append_records(writer, count, per_commit);
  }

  TemporaryDirectory temporary_;
};

}  // namespace stoa::journal::test
