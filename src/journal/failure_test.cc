// What a writer and a reader do when the system refuses: the first error ends the writer, and no
// record is acknowledged that the disk did not confirm.

#include <gtest/gtest.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/ids.h"
#include "journal/format.h"
#include "journal/reader.h"
#include "journal/test_support.h"
#include "journal/verify.h"
#include "journal/writer.h"

namespace stoa::journal {
namespace {

using test::append_records;
using test::Fault;
using test::Op;
using test::payload_of;
using test::read_back;

class FailureTest : public test::JournalTest {
 protected:
  WriterOptions faulty() {
    WriterOptions options = small();
    options.file_system = &disk_;
    return options;
  }
  // Counts calls of one kind from now on and lets them through.
  void count(Op op, int& calls) {
    disk_.on_call = [op, &calls](Op called, const std::filesystem::path&) {
      if (called == op) ++calls;
      return Fault{};
    };
  }
  // The writer answers everything with its first error and calls the system no more.
  void expect_dead(Writer& writer, const Error& first) {
    int calls = 0;
    disk_.on_call = [&calls](Op, const std::filesystem::path&) {
      ++calls;
      return Fault{};
    };
    EXPECT_EQ(writer.append(payload_of(Lsn{1})).error().text(), first.text());
    EXPECT_EQ(writer.commit().error().text(), first.text());
    EXPECT_EQ(writer.flush().error().text(), first.text());
    EXPECT_EQ(writer.sync().error().text(), first.text());
    ASSERT_NE(writer.error(), nullptr);
    EXPECT_EQ(writer.error()->text(), first.text());
    EXPECT_EQ(calls, 0);
  }

  test::FaultyFileSystem disk_;
};

TEST_F(FailureTest, a_failed_sync_ends_the_writer_and_acknowledges_nothing) {
  Writer writer = open_writer(faulty());
  append_records(writer, 3);
  EXPECT_EQ(writer.error(), nullptr);
  disk_.fail_nth(Op::Sync, 1, {.error = EIO});
  ASSERT_TRUE(writer.append(payload_of(Lsn{4})));
  const auto durable = writer.commit();
  ASSERT_FALSE(durable);
  EXPECT_EQ(durable.error().code, ErrorCode::Io);
  EXPECT_EQ(durable.error().message, "cannot sync the journal: Input/output error");
  EXPECT_EQ(durable.error().source, segment(1).string());
  EXPECT_EQ(writer.durable_lsn(), Lsn{3});
  EXPECT_EQ(writer.metrics().durable_lsn.value(), 3);
  expect_dead(writer, durable.error());
}

TEST_F(FailureTest, a_failed_write_ends_the_writer) {
  for (const int error : {EIO, ENOSPC, EROFS, EDQUOT}) {
    SCOPED_TRACE(error);
    std::filesystem::remove_all(dir());
    disk_.on_call = [](Op, const std::filesystem::path&) { return Fault{}; };
    Writer writer = open_writer(faulty());
    append_records(writer, 3);
    disk_.fail_nth(Op::Write, 1, {.error = error});
    ASSERT_TRUE(writer.append(payload_of(Lsn{4})));
    const auto durable = writer.commit();
    ASSERT_FALSE(durable);
    const bool full = error == ENOSPC || error == EDQUOT;
    EXPECT_EQ(durable.error().code, full ? ErrorCode::Unavailable : ErrorCode::Io);
    EXPECT_TRUE(durable.error().message.starts_with("cannot write the journal: "));
    EXPECT_EQ(writer.durable_lsn(), Lsn{3});
    expect_dead(writer, durable.error());
    EXPECT_EQ(read_back(dir()).last, Lsn{3});
  }
}

TEST_F(FailureTest, a_short_write_is_continued) {
  Writer writer = open_writer(faulty());
  for (std::uint64_t lsn = 1; lsn <= 40; ++lsn) {
    disk_.fail_nth(Op::Write, 1, {.write_at_most = static_cast<std::size_t>(lsn)});
    append_records(writer, 1);
  }
  disk_.on_call = [](Op op, const std::filesystem::path&) {  // never more than 7 bytes at a time
    return op == Op::Write ? Fault{.write_at_most = 7} : Fault{};
  };
  append_records(writer, 10, 10);
  const auto back = read_back(dir());
  EXPECT_FALSE(back.error);
  EXPECT_EQ(back.last, Lsn{50});
}

TEST_F(FailureTest, a_disk_that_fills_in_the_middle_of_a_batch_leaves_a_tail_to_cut) {
  {
    Writer writer = open_writer(faulty());
    append_records(writer, 3);
    disk_.on_call = [writes = 0](Op op, const std::filesystem::path&) mutable {
      if (op != Op::Write) return Fault{};
      return ++writes == 1 ? Fault{.write_at_most = 50} : Fault{.error = ENOSPC};
    };
    for (std::uint64_t lsn = 4; lsn <= 10; ++lsn) ASSERT_TRUE(writer.append(payload_of(Lsn{lsn})));
    ASSERT_FALSE(writer.commit());
    EXPECT_EQ(writer.durable_lsn(), Lsn{3});
  }
  disk_.on_call = [](Op, const std::filesystem::path&) { return Fault{}; };
  Writer writer = open_writer(faulty());
  EXPECT_GE(writer.next_lsn(), Lsn{4});
  EXPECT_LT(writer.next_lsn(), Lsn{10});
  append_records(writer, 5);
  EXPECT_TRUE(verify(dir())->intact);
}

TEST_F(FailureTest, a_write_that_writes_nothing_is_an_error_and_not_a_loop) {
  Writer writer = open_writer(faulty());
  disk_.fail_nth(Op::Write, 1, {.write_at_most = 0});
  ASSERT_TRUE(writer.append(payload_of(Lsn{1})));
  EXPECT_FALSE(writer.commit());
}

// Whatever call fails in a rotation, and however: dead, and everything acknowledged is found again.
TEST_F(FailureTest, every_call_of_a_rotation_may_fail_and_nothing_acknowledged_is_lost) {
  int failures = 0;
  for (int nth = 1;; ++nth) {
    SCOPED_TRACE("call " + std::to_string(nth));
    std::filesystem::remove_all(dir());
    disk_.on_call = [](Op, const std::filesystem::path&) { return Fault{}; };
    Lsn acknowledged;
    bool failed = false;
    {
      Writer writer = open_writer(faulty());
      append_records(writer, 20);
      disk_.on_call = [left = nth](Op, const std::filesystem::path&) mutable {
        return --left == 0 ? Fault{.error = EIO} : Fault{};
      };
      // One batch that crosses into the next segment.
      for (int i = 0; i < 80 && writer.append(payload_of(writer.next_lsn())); ++i) {
      }
      failed = !writer.commit();
      acknowledged = writer.durable_lsn();
      EXPECT_TRUE(failed || acknowledged == Lsn{100});
    }
    disk_.on_call = [](Op, const std::filesystem::path&) { return Fault{}; };
    {
      Writer writer = open_writer(faulty());
      EXPECT_GE(writer.recovery().last, acknowledged);
      EXPECT_GE(acknowledged, Lsn{20});
      append_records(writer, 100);
    }
    EXPECT_TRUE(verify(dir())->intact);
    EXPECT_FALSE(read_back(dir()).error);
    if (!failed) break;
    ++failures;
  }
  EXPECT_GT(failures, 10);
}

TEST_F(FailureTest, every_call_of_an_open_may_fail_and_the_next_open_succeeds) {
  make_journal(100);
  int failures = 0;
  for (int nth = 1;; ++nth) {
    disk_.on_call = [left = nth](Op, const std::filesystem::path&) mutable {
      return --left == 0 ? Fault{.error = EIO} : Fault{};
    };
    const bool opened = Writer::open(dir(), faulty()).has_value();
    disk_.on_call = [](Op, const std::filesystem::path&) { return Fault{}; };
    EXPECT_EQ(open_writer(faulty()).next_lsn(), Lsn{101});
    // The one call that may fail unnoticed writes the holder's name into the lock file.
    if (opened && ++failures > 1) break;
  }
}

TEST_F(FailureTest, a_vanished_directory_is_an_error_at_the_next_rotation) {
  WriterOptions options = small();
  options.prepare_ahead = true;
  Writer writer = open_writer(options);
  append_records(writer, 3);
  std::filesystem::remove_all(dir());
  Result<Lsn> last = Lsn{0};
  for (int i = 0; i < 1000 && last; ++i) last = writer.append(payload_of(writer.next_lsn()));
  ASSERT_FALSE(last);
  EXPECT_EQ(last.error().code, ErrorCode::NotFound) << last.error().text();
  EXPECT_FALSE(writer.commit());
}

TEST_F(FailureTest, a_directory_without_parent_is_not_made) {
  const auto writer = Writer::open(dir() / "missing" / "log");
  ASSERT_FALSE(writer);
  EXPECT_EQ(writer.error().code, ErrorCode::NotFound);
  EXPECT_FALSE(std::filesystem::exists(dir()));
}

TEST_F(FailureTest, a_file_in_the_place_of_the_directory_is_an_error) {
  test::write_file(dir(), {});
  EXPECT_EQ(Writer::open(dir()).error().code, ErrorCode::NotFound);
  EXPECT_EQ(Reader::open(dir()).error().code, ErrorCode::NotFound);
  EXPECT_EQ(verify(dir()).error().code, ErrorCode::NotFound);
}

TEST_F(FailureTest, a_read_only_directory_is_an_error_for_the_writer_and_none_for_readers) {
  make_journal(30);
  // As the file system answers on a read-only mount; a chmod would not stop root.
  disk_.on_call = [](Op op, const std::filesystem::path& path) {
    const bool changes = op == Op::Write || op == Op::Rename || op == Op::Allocate ||
                         (op == Op::Open && path.extension() == ".lock");
    return changes ? Fault{.error = EROFS} : Fault{};
  };
  const auto writer = Writer::open(dir(), faulty());
  ASSERT_FALSE(writer);
  EXPECT_EQ(writer.error().code, ErrorCode::Io);
  EXPECT_EQ(writer.error().message, "cannot open the writer's lock: Read-only file system");
  EXPECT_EQ(read_back(dir(), Lsn{0}, &disk_).records, 30U);
  EXPECT_TRUE(verify(dir(), &disk_)->intact);
}

TEST_F(FailureTest, a_next_segment_that_could_not_be_prepared_is_tried_once_more_in_line) {
  WriterOptions options = faulty();
  options.prepare_ahead = true;
  Writer writer = open_writer(options);
  disk_.fail_nth(Op::Allocate, 1, {.error = ENOSPC});
  append_records(writer, 200);
  EXPECT_GE(writer.metrics().rotations.value(), 1U);
  EXPECT_EQ(read_back(dir()).last, Lsn{200});
}

TEST_F(FailureTest, no_space_for_the_next_segment_ends_the_writer_with_everything_before_durable) {
  Writer writer = open_writer(faulty());
  disk_.on_call = [](Op op, const std::filesystem::path&) {
    return op == Op::Allocate ? Fault{.error = ENOSPC} : Fault{};
  };
  Result<Lsn> last = Lsn{0};
  std::uint64_t appended = 0;
  while ((last = writer.append(payload_of(writer.next_lsn())))) ++appended;
  EXPECT_EQ(last.error().code, ErrorCode::Unavailable);
  EXPECT_EQ(last.error().message,
            "cannot reserve space for a new segment: No space left on device");
  EXPECT_EQ(writer.durable_lsn(), Lsn{appended});
  EXPECT_EQ(read_back(dir()).last, Lsn{appended});
}

TEST_F(FailureTest, a_failed_read_is_an_error_and_not_the_tail) {
  make_journal(30);
  auto reader = Reader::open(dir(), Lsn{0}, &disk_);
  ASSERT_TRUE(reader);
  disk_.on_call = [](Op op, const std::filesystem::path&) {
    return op == Op::Read ? Fault{.error = EIO} : Fault{};
  };
  const auto record = reader->next();
  ASSERT_FALSE(record);
  EXPECT_EQ(record.error().code, ErrorCode::Io);
  disk_.on_call = [](Op, const std::filesystem::path&) { return Fault{}; };
  const auto again = reader->next();
  ASSERT_TRUE(again && *again);
  EXPECT_EQ((*again)->lsn, Lsn{1});
}

TEST_F(FailureTest, a_write_appends_only_what_is_new) {
  Writer writer = open_writer(faulty());
  int writes = 0;
  count(Op::Write, writes);
  append_records(writer, 12, 4);
  EXPECT_EQ(writes, 3);
  int syncs = 0;
  count(Op::Sync, syncs);
  append_records(writer, 12, 4);
  EXPECT_EQ(syncs, 3);
}

}  // namespace
}  // namespace stoa::journal
