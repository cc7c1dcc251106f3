#include "ops/backup.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "base/ids.h"
#include "base/random.h"
#include "journal/checkpoint.h"
#include "journal/cursor.h"
#include "journal/fake_file_system.h"
#include "journal/file_system.h"
#include "journal/repair.h"
#include "journal/retention.h"
#include "journal/side_files.h"
#include "journal/test_support.h"
#include "journal/verify.h"
#include "journal/writer.h"
#include "ops/backup_manifest.h"
#include "ops/sha256.h"
#include "ops/zstd.h"

namespace stoa::ops {
namespace {

namespace fs = std::filesystem;
using journal::test::append_records;
using journal::test::Bytes;
using journal::test::Fault;
using journal::test::Op;
using journal::test::read_back;
using journal::test::read_file;
using journal::test::write_file;
using ::testing::HasSubstr;

class BackupTest : public journal::test::JournalTest {
 protected:
  [[nodiscard]] fs::path target() const { return temporary_.path() / "saved"; }
  [[nodiscard]] fs::path back() const { return temporary_.path() / "back"; }

  [[nodiscard]] Result<BackupReport> try_backup(journal::FileSystem* files = nullptr) const {
    return backup(dir(), target(), {.time = Timestamp::from_ns(1'000), .file_system = files});
  }
  [[nodiscard]] BackupReport saved() const {
    const auto report = try_backup();
    EXPECT_TRUE(report) << report.error().text();
    return report ? *report : BackupReport{};
  }
  void checkpoint(std::uint64_t lsn) const {
    const auto chain = journal::chain_at(journal::posix_file_system(), dir(), Lsn{lsn});
    ASSERT_TRUE(chain && *chain);
    ASSERT_TRUE(journal::write_checkpoint(
        dir(), {.lsn = Lsn{lsn}, .chain = **chain, .state = std::vector<std::byte>(500)}));
  }
  // What is restored reads as it was written, up to `last`, and a writer goes on behind it.
  void expect_restores(Lsn last, std::optional<Lsn> to = std::nullopt) const {
    fs::remove_all(back());
    const auto report = restore(target(), back(), to);
    ASSERT_TRUE(report) << report.error().text();
    EXPECT_EQ(report->last, last);
    const auto read = read_back(back());
    EXPECT_FALSE(read.error);
    EXPECT_EQ(read.last, last);
    EXPECT_FALSE(fs::exists(back().string() + ".restoring"));
    auto writer = journal::Writer::open(back(), small());
    ASSERT_TRUE(writer) << writer.error().text();
    EXPECT_EQ(writer->next_lsn(), Lsn{last.value() + 1});
    EXPECT_EQ(writer->recovery().cut_bytes, 0U);
  }
  [[nodiscard]] std::map<std::string, Bytes> target_files() const {
    std::map<std::string, Bytes> files;
    for (const auto& entry : fs::directory_iterator{target()}) {
      files[entry.path().filename().string()] = read_file(entry.path());
    }
    return files;
  }
};

TEST_F(BackupTest, holds_everything_that_was_written_while_the_writer_goes_on) {
  auto writer = open_writer();
  append_records(writer, 200);
  const auto report = saved();
  EXPECT_EQ(report.first, Lsn{1});
  EXPECT_EQ(report.last, Lsn{200});
  EXPECT_EQ(report.new_records, 200U);
  EXPECT_EQ(report.files, journal::list(dir())->size());
  append_records(writer, 20);
  expect_restores(Lsn{200});
}

TEST_F(BackupTest, restored_segments_are_the_same_bytes) {
  make_journal(300);
  checkpoint(150);
  static_cast<void>(saved());
  ASSERT_TRUE(restore(target(), back()));
  for (const auto& entry : fs::directory_iterator{dir()}) {
    const auto name = entry.path().filename();
    if (name.extension() != ".seg" && name.extension() != ".ckpt") continue;
    EXPECT_EQ(read_file(entry.path()), read_file(back() / name)) << name;
  }
  EXPECT_TRUE(journal::verify(back())->intact);
}

TEST_F(BackupTest, a_second_run_stores_only_what_is_new) {
  auto writer = open_writer();
  append_records(writer, 200);
  const auto first = saved();
  const auto before = target_files();
  const auto again = saved();
  EXPECT_EQ(again.new_files, 0U);
  EXPECT_EQ(again.new_records, 0U);
  append_records(writer, 70);  // the open segment is sealed, and another begun
  const auto third = saved();
  EXPECT_EQ(third.new_records, 70U);
  EXPECT_LE(third.new_files, 3U);
  EXPECT_GT(third.files, first.files);
  const auto after = target_files();
  for (const auto& [name, bytes] : before) {
    if (name.find("upto") == std::string::npos && name != kManifestName) {
      EXPECT_EQ(after.at(name), bytes) << name;
    }
  }
  EXPECT_EQ(
      std::ranges::count_if(
          after, [](const auto& file) { return file.first.find("upto") != std::string::npos; }),
      1)
      << "the older state of the open segment is gone";
  expect_restores(Lsn{270});
}

// A sealed segment that is in the backup is opened for its header and footer, not read.
TEST_F(BackupTest, a_second_run_does_not_read_what_it_has) {
  make_journal(300);
  static_cast<void>(saved());
  journal::test::FaultyFileSystem disk;
  std::map<std::string, int> reads;
  disk.on_call = [&](Op op, const fs::path& path) {
    if (op == Op::Read) ++reads[path.filename().string()];
    return Fault{};
  };
  ASSERT_TRUE(try_backup(&disk));
  const auto segments = *journal::list(dir());
  for (const auto& segment : segments) {
    if (segment.sealed) {
      EXPECT_EQ(reads[segment.name], 2) << "header and footer";
    }
  }
  for (const auto& [name, count] : reads) EXPECT_FALSE(name.ends_with(".zst")) << name;
}

TEST_F(BackupTest, the_cursor_moves_and_holds_retention) {
  make_journal(300);
  static_cast<void>(saved());
  EXPECT_EQ(journal::list_cursors(dir())->at(0).name, "backup");
  EXPECT_EQ(journal::list_cursors(dir())->at(0).lsn, Lsn{300});
  {
    auto writer = open_writer();
    append_records(writer, 300);
  }
  checkpoint(590);
  checkpoint(600);
  const auto report = journal::apply_retention(dir(), 0);
  ASSERT_TRUE(report);
  EXPECT_THAT(report->held_by, HasSubstr("cursor backup"));
  EXPECT_LE(report->first, Lsn{301});
  const auto next = saved();
  EXPECT_EQ(next.first, Lsn{1}) << "what retention took stays in the backup";
  expect_restores(Lsn{600});
}

TEST_F(BackupTest, a_first_run_holds_retention_from_its_beginning) {
  make_journal(30);
  journal::test::FaultyFileSystem disk;
  disk.on_call = [](Op op, const fs::path& path) {
    return op == Op::Rename && path.filename() == kManifestName ? Fault{.error = EIO} : Fault{};
  };
  ASSERT_FALSE(try_backup(&disk));
  ASSERT_EQ(journal::list_cursors(dir())->size(), 1U);
  EXPECT_EQ(journal::list_cursors(dir())->at(0).lsn, Lsn{0});
}

TEST_F(BackupTest, restore_ends_at_any_record) {
  make_journal(200);
  checkpoint(120);
  static_cast<void>(saved());
  for (const std::uint64_t to : {0U, 1U, 50U, 119U, 120U, 121U, 199U, 200U}) {
    SCOPED_TRACE(to);
    expect_restores(Lsn{to}, Lsn{to});
    EXPECT_EQ(fs::exists(back() / journal::checkpoint_name(Lsn{120})), to >= 120);
  }
  fs::remove_all(back());
  const auto beyond = restore(target(), back(), Lsn{201});
  ASSERT_FALSE(beyond);
  EXPECT_EQ(beyond.error().message, "the backup holds lsn 1 to 200, not 201");
}

TEST_F(BackupTest, a_log_without_its_beginning_is_restored_from_a_checkpoint) {
  make_journal(300);
  checkpoint(200);
  checkpoint(250);
  ASSERT_TRUE(journal::apply_retention(dir(), 0));
  const auto report = saved();
  EXPECT_GT(report.first, Lsn{1});
  ASSERT_TRUE(restore(target(), back()));
  EXPECT_TRUE(journal::verify(back())->intact);
  fs::remove_all(back());
  ASSERT_TRUE(restore(target(), back(), Lsn{210}));
  EXPECT_TRUE(journal::verify(back())->intact);
  fs::remove_all(back());
  EXPECT_THAT(restore(target(), back(), Lsn{199}).error().message, HasSubstr("no checkpoint"));
}

TEST_F(BackupTest, a_folder_that_is_not_empty_is_not_restored_into) {
  make_journal(10);
  static_cast<void>(saved());
  const auto report = restore(target(), dir());
  ASSERT_FALSE(report);
  EXPECT_EQ(report.error().code, ErrorCode::BadInput);
  fs::create_directory(back());
  EXPECT_TRUE(restore(target(), back())) << "an empty one is fine";
}

TEST_F(BackupTest, damage_in_the_log_ends_the_run_and_leaves_the_backup_before) {
  make_journal(100);
  static_cast<void>(saved());
  {
    auto writer = open_writer();
    append_records(writer, 200);
  }
  const auto segments = *journal::list(dir());
  const auto path = dir() / segments[segments.size() - 3].name;
  auto bytes = read_file(path);
  bytes[200] ^= std::byte{1};
  write_file(path, bytes);
  const auto report = try_backup();
  ASSERT_FALSE(report);
  EXPECT_EQ(report.error().code, ErrorCode::Damaged);
  EXPECT_THAT(report.error().message, HasSubstr(path.filename().string()));
  expect_restores(Lsn{100});
}

TEST_F(BackupTest, a_log_that_was_cut_needs_a_new_folder) {
  make_journal(200);
  static_cast<void>(saved());
  for (const std::uint64_t last : {190U, 40U}) {
    SCOPED_TRACE(last);
    const auto plan = journal::plan_cut(dir(), Lsn{last});
    ASSERT_TRUE(plan && journal::apply_plan(dir(), *plan));
    EXPECT_EQ(try_backup().error().code, ErrorCode::BadInput) << "shorter";
    {
      // Grown again, with other records.
      auto writer = open_writer();
      const std::vector<std::byte> other(90, std::byte{7});
      while (writer.next_lsn() <= Lsn{260}) ASSERT_TRUE(writer.append(other));
      ASSERT_TRUE(writer.commit());
    }
    const auto report = try_backup();
    ASSERT_FALSE(report);
    EXPECT_EQ(report.error().code, ErrorCode::BadInput);
    EXPECT_THAT(report.error().message, HasSubstr("take a new folder"));
  }
  expect_restores(Lsn{200});
}

TEST_F(BackupTest, a_backup_does_not_go_into_a_journal) {
  make_journal(10);
  EXPECT_EQ(backup(dir(), dir(), {}).error().code, ErrorCode::BadInput);
  EXPECT_EQ(backup(temporary_.path() / "none", target(), {}).error().code, ErrorCode::NotFound);
  EXPECT_EQ(check_backup(temporary_.path()).error().code, ErrorCode::NotFound);
}

TEST_F(BackupTest, a_dry_run_writes_nothing) {
  make_journal(100);
  const auto report = backup(dir(), target(), {.time = {}, .dry_run = true});
  ASSERT_TRUE(report);
  EXPECT_EQ(report->new_records, 100U);
  EXPECT_FALSE(fs::exists(target()));
  EXPECT_TRUE(journal::list_cursors(dir())->empty());
}

TEST_F(BackupTest, two_runs_do_not_meet) {
  make_journal(10);
  static_cast<void>(saved());
  const auto lock =
      journal::posix_file_system().open(target() / "backup.lock", journal::OpenMode::Create);
  ASSERT_TRUE((*lock)->try_lock());
  EXPECT_EQ(try_backup().error().code, ErrorCode::Unavailable);
}

TEST_F(BackupTest, a_change_of_any_byte_is_found_and_named) {
  make_journal(150);
  checkpoint(60);
  static_cast<void>(saved());
  const auto whole = check_backup(target());
  ASSERT_TRUE(whole);
  EXPECT_TRUE(whole->findings.empty());
  Random random{3};
  for (const auto& [name, bytes] : target_files()) {
    if (name == "backup.lock") continue;
    for (int i = 0; i < 20; ++i) {
      auto changed = bytes;
      changed[random.below(changed.size())] ^= static_cast<std::byte>(1U << random.below(8));
      write_file(target() / name, changed);
      const auto check = check_backup(target());
      if (name == kManifestName) {
        ASSERT_FALSE(check);
        EXPECT_EQ(check.error().code, ErrorCode::Damaged);
      } else {
        ASSERT_TRUE(check);
        ASSERT_EQ(check->findings.size(), 1U);
        EXPECT_EQ(check->findings[0].file, name);
      }
      const auto restored = restore(target(), back());
      ASSERT_FALSE(restored);
      EXPECT_EQ(restored.error().code, ErrorCode::Damaged);
      EXPECT_THAT(restored.error().source, HasSubstr(name));
      EXPECT_FALSE(fs::exists(back())) << "nothing gets a name";
    }
    write_file(target() / name, bytes);
  }
  fs::remove(target() / (journal::checkpoint_name(Lsn{60}) + ".zst"));
  EXPECT_EQ(check_backup(target())->findings.at(0).what, "the file is missing");
}

TEST_F(BackupTest, a_file_that_was_lost_is_stored_again) {
  make_journal(150);
  static_cast<void>(saved());
  fs::remove(target() / (journal::list(dir())->front().name + ".zst"));
  EXPECT_EQ(saved().new_files, 1U);
  expect_restores(Lsn{150});
}

// Whatever call fails, and when: the backup restores to what it held before, or to what is new.
TEST_F(BackupTest, every_call_may_fail_and_a_whole_backup_is_there) {
  int failures = 0;
  for (int nth = 1;; ++nth) {
    SCOPED_TRACE(nth);
    fs::remove_all(dir());
    fs::remove_all(target());
    make_journal(100);
    static_cast<void>(saved());
    {
      auto writer = open_writer();
      append_records(writer, 80);
    }
    checkpoint(130);
    journal::test::FaultyFileSystem disk;
    disk.on_call = [left = nth](Op, const fs::path&) mutable {
      return --left <= 0 ? Fault{.error = EIO} : Fault{};  // and all after it: as if killed there
    };
    const bool failed = !try_backup(&disk);
    const auto check = check_backup(target());
    ASSERT_TRUE(check) << check.error().text();
    EXPECT_TRUE(check->findings.empty());
    const Lsn last = check->manifest.last();
    EXPECT_TRUE(last == Lsn{100} || last == Lsn{180}) << last.value();
    EXPECT_TRUE(failed || last == Lsn{180});
    expect_restores(last);
    EXPECT_EQ(saved().last, Lsn{180}) << "the next run finishes the work";
    expect_restores(Lsn{180});
    if (!failed) break;
    ++failures;
  }
  EXPECT_GT(failures, 20);
}

TEST_F(BackupTest, every_call_of_a_restore_may_fail_and_the_folder_is_whole_or_absent) {
  make_journal(120);
  checkpoint(60);
  static_cast<void>(saved());
  int failures = 0;
  for (int nth = 1;; ++nth) {
    SCOPED_TRACE(nth);
    fs::remove_all(back());
    journal::test::FaultyFileSystem disk;
    disk.on_call = [left = nth](Op, const fs::path&) mutable {
      return --left <= 0 ? Fault{.error = EIO} : Fault{};
    };
    const bool failed = !restore(target(), back(), Lsn{110}, &disk);
    if (fs::exists(back())) {
      EXPECT_EQ(read_back(back()).last, Lsn{110});
    } else {
      EXPECT_TRUE(failed);
    }
    if (!failed) break;
    ++failures;
    if (!fs::exists(back())) expect_restores(Lsn{110}, Lsn{110});
  }
  EXPECT_GT(failures, 20);
}

TEST(Sha256, of_known_texts) {
  const auto of = [](std::string_view text) { return sha256(std::as_bytes(std::span{text})); };
  // FIPS 180-4, examples.
  EXPECT_EQ(of("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(of(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

TEST(Zstd, gives_back_what_was_put_in_whatever_the_pieces) {
  Random random{5};
  for (const std::size_t size : {0U, 1U, 1000U, 300'000U, 1'500'000U}) {
    Bytes bytes(size);
    for (std::size_t i = 0; i < size; ++i) {
      bytes[i] = static_cast<std::byte>(i % 7 == 0 ? random.below(256) : i / 100);
    }
    Bytes packed;
    const ByteSink pack = [&](std::span<const std::byte> out) {
      packed.insert(packed.end(), out.begin(), out.end());
      return Result<void>{};
    };
    ZstdCompressor compressor;
    for (std::span<const std::byte> rest{bytes}; !rest.empty();) {
      const auto piece = rest.first(std::min<std::size_t>(rest.size(), 1 + random.below(70'000)));
      ASSERT_TRUE(compressor.add(piece, pack));
      rest = rest.subspan(piece.size());
    }
    ASSERT_TRUE(compressor.finish(pack));
    Bytes unpacked;
    const ByteSink take = [&](std::span<const std::byte> out) {
      unpacked.insert(unpacked.end(), out.begin(), out.end());
      return Result<void>{};
    };
    ZstdDecompressor decompressor{size};
    for (std::span<const std::byte> rest{packed}; !rest.empty();) {
      EXPECT_FALSE(decompressor.finished());
      const auto piece = rest.first(std::min<std::size_t>(rest.size(), 1 + random.below(900)));
      ASSERT_TRUE(decompressor.add(piece, take));
      rest = rest.subspan(piece.size());
    }
    EXPECT_TRUE(decompressor.finished());
    EXPECT_EQ(unpacked, bytes);
    EXPECT_FALSE(decompressor.add(packed, take)) << "nothing follows a frame";
    if (size > 0) {
      ZstdDecompressor narrow{size - 1};
      EXPECT_EQ(narrow.add(packed, take).error().code, ErrorCode::Damaged);
    }
  }
}

TEST(BackupManifest, reads_what_it_wrote) {
  BackupManifest manifest{.time = Timestamp::from_ns(1'723'161'253'937'085'768), .entries = {}};
  manifest.entries.push_back({.kind = BackupEntry::Kind::Segment,
                              .name = "00000000000000000001.seg",
                              .stored = "00000000000000000001.seg.zst",
                              .first = Lsn{1},
                              .last = Lsn{UINT64_MAX},
                              .sealed = true,
                              .chain = UINT32_MAX,
                              .epoch = 3,
                              .file_bytes = 4096,
                              .content_bytes = 4096,
                              .content_sha256 = "a",
                              .stored_bytes = 12,
                              .stored_sha256 = "b"});
  const auto text = encode_manifest(manifest);
  const auto read = decode_manifest(text);
  ASSERT_TRUE(read) << read.error().text();
  EXPECT_EQ(encode_manifest(*read), text);
  EXPECT_EQ(read->last(), Lsn{UINT64_MAX});
  for (std::size_t at = 0; at < text.size(); ++at) {
    auto changed = text;
    changed[at] ^= 1;
    EXPECT_FALSE(decode_manifest(changed)) << at;
    EXPECT_FALSE(decode_manifest(text.substr(0, at))) << at;
  }
}

TEST(BackupManifest, believes_no_name_that_leads_elsewhere) {
  for (const std::string name : {"../x.seg", "/etc/x", "", ".hidden", "a b", "A.seg"}) {
    BackupManifest manifest;
    BackupEntry& entry = manifest.entries.emplace_back();
    entry.name = "x.seg";
    entry.stored = name;
    EXPECT_FALSE(decode_manifest(encode_manifest(manifest))) << name;
    entry.stored = "x.zst";
    entry.name = name;
    EXPECT_FALSE(decode_manifest(encode_manifest(manifest))) << name;
  }
}

}  // namespace
}  // namespace stoa::ops
