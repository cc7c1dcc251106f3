// Disks that are full or read-only, for real: a small tmpfs in a mount namespace of the test's own.
// Skipped where the machine does not let us mount. And what needs no mount: another process's lock,
// and clocks that jump.

#include <gtest/gtest.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <string>

#include "base/clock.h"
#include "base/error.h"
#include "base/fd.h"
#include "base/ids.h"
#include "journal/simulated_disk.h"
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

constexpr std::uint64_t kSegment = std::uint64_t{64} << 10U;

/// A tmpfs of 512 KiB: seven segments of 64 KiB and little more.
class SmallDiskTest : public test::JournalTest {
 protected:
  void SetUp() override {
    // The mount is this process's alone and goes with it.
    if (::unshare(CLONE_NEWNS) != 0 ||
        ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
        ::mount("tmpfs", temporary_.path().c_str(), "tmpfs", 0, "size=512k") != 0) {
      GTEST_SKIP() << "skipped: this machine does not let us mount a disk (" << std::strerror(errno)
                   << ")";
    }
    mounted_ = true;
  }
  void TearDown() override {
    if (mounted_) ::umount2(temporary_.path().c_str(), MNT_DETACH);
  }
  void remount(unsigned long flags) {
    ASSERT_EQ(::mount("tmpfs", temporary_.path().c_str(), "tmpfs", MS_REMOUNT | flags, "size=512k"),
              0)
        << std::strerror(errno);
  }
  /// Leaves less than a segment of space.
  void fill() const { test::write_file(filler(), test::Bytes(std::size_t{420} << 10U)); }
  [[nodiscard]] std::filesystem::path filler() const { return temporary_.path() / "filler"; }
  static WriterOptions options(bool prepare_ahead) {
    return {.segment_bytes = kSegment, .prepare_ahead = prepare_ahead};
  }

 private:
  bool mounted_ = false;
};

TEST_F(SmallDiskTest, a_full_disk_ends_the_writer_at_the_next_segment_and_freed_space_goes_on) {
  Lsn durable;
  {
    Writer writer = open_writer(options(false));
    Result<Lsn> last = Lsn{0};
    while ((last = writer.append(payload_of(writer.next_lsn())))) {
      ASSERT_TRUE(writer.commit());
    }
    EXPECT_EQ(last.error().code, ErrorCode::Unavailable) << last.error().text();
    EXPECT_NE(last.error().text().find("No space left on device"), std::string::npos);
    durable = writer.durable_lsn();
    EXPECT_EQ(durable.value() + 1, writer.next_lsn().value());
  }
  // Nothing acknowledged is lost, and a start says again what is missing.
  EXPECT_TRUE(verify(dir())->intact);
  EXPECT_EQ(read_back(dir()).last, durable);
  const auto still_full = Writer::open(dir(), options(false));
  ASSERT_FALSE(still_full);
  EXPECT_EQ(still_full.error().code, ErrorCode::Unavailable);

  ASSERT_EQ(::mount("tmpfs", temporary_.path().c_str(), "tmpfs", MS_REMOUNT, "size=1m"), 0);
  Writer writer = open_writer(options(false));
  EXPECT_EQ(writer.next_lsn(), Lsn{durable.value() + 1});
  append_records(writer, 100);
  EXPECT_TRUE(verify(dir())->intact);
}

TEST_F(SmallDiskTest, a_next_segment_without_space_does_not_disturb_the_present_one) {
  Writer writer = open_writer(options(true));
  fill();  // from a quarter of the segment on, preparing the next one fails
  const Lsn first = writer.next_lsn();
  while (writer.metrics().bytes_written.value() < kSegment * 3 / 4) append_records(writer, 1);
  EXPECT_EQ(writer.error(), nullptr);
  EXPECT_EQ(writer.metrics().rotations.value(), 0U);
  std::filesystem::remove(filler());  // in time
  append_records(writer, 2000);
  EXPECT_GE(writer.metrics().rotations.value(), 1U);
  EXPECT_EQ(read_back(dir()).last.value(), writer.next_lsn().value() - 1);
  EXPECT_EQ(first, Lsn{1});
}

TEST_F(SmallDiskTest, a_disk_mounted_read_only_is_read_and_not_written) {
  {
    Writer writer = open_writer(options(false));
    append_records(writer, 50);
  }
  remount(MS_RDONLY);
  const auto writer = Writer::open(dir(), options(false));
  ASSERT_FALSE(writer);
  EXPECT_EQ(writer.error().code, ErrorCode::Io);
  EXPECT_NE(writer.error().text().find("Read-only file system"), std::string::npos);
  EXPECT_EQ(read_back(dir()).last, Lsn{50});
  EXPECT_TRUE(verify(dir())->intact);
  remount(0);
  EXPECT_EQ(open_writer(options(false)).next_lsn(), Lsn{51});
}

// --- the same on the simulated disk, with the writer alive

TEST(DiskFaults, a_disk_that_turns_read_only_ends_the_writer_and_keeps_what_was_acknowledged) {
  test::SimulatedDisk disk{1};
  const WriterOptions options{.segment_bytes = 8192, .prepare_ahead = false, .file_system = &disk};
  {
    auto writer = Writer::open("log", options);
    ASSERT_TRUE(writer);
    append_records(*writer, 20);
    disk.read_only = true;
    ASSERT_TRUE(writer->append(payload_of(Lsn{21})));
    const auto durable = writer->commit();
    ASSERT_FALSE(durable);
    EXPECT_NE(durable.error().text().find("Read-only file system"), std::string::npos);
    EXPECT_EQ(writer->sync().error().text(), durable.error().text());
    EXPECT_EQ(writer->durable_lsn(), Lsn{20});
  }
  EXPECT_EQ(Writer::open("log", options).error().code, ErrorCode::Io);
  EXPECT_EQ(read_back("log", Lsn{0}, &disk).last, Lsn{20});
  disk.read_only = false;
  disk.restart(test::Survival::OnlySynced);
  auto writer = Writer::open("log", options);
  ASSERT_TRUE(writer) << writer.error().text();
  EXPECT_EQ(writer->next_lsn(), Lsn{21});
}

TEST(DiskFaults, a_directory_that_vanishes_is_not_found_by_anybody) {
  test::SimulatedDisk disk{1};
  const WriterOptions options{.segment_bytes = 4096, .prepare_ahead = false, .file_system = &disk};
  auto writer = Writer::open("home/log", options);
  ASSERT_FALSE(writer) << "parents are not made";
  EXPECT_EQ(writer.error().code, ErrorCode::NotFound);
  writer = Writer::open("log", options);
  ASSERT_TRUE(writer);
  append_records(*writer, 5);
  disk.vanish("log");
  Result<Lsn> last = Lsn{0};
  while ((last = writer->append(payload_of(writer->next_lsn())))) {
  }
  EXPECT_EQ(last.error().code, ErrorCode::NotFound) << last.error().text();
  EXPECT_FALSE(writer->commit());
  EXPECT_EQ(verify("log", &disk).error().code, ErrorCode::NotFound);
  EXPECT_EQ(Reader::open("log", Lsn{0}, &disk).error().code, ErrorCode::NotFound);
}

TEST(DiskFaults, a_start_that_cannot_read_says_so_and_does_not_call_it_damage) {
  test::SimulatedDisk disk{1};
  const WriterOptions options{.segment_bytes = 4096, .prepare_ahead = false, .file_system = &disk};
  {
    auto writer = Writer::open("log", options);
    ASSERT_TRUE(writer);
    append_records(*writer, 100);
  }
  int failed = 0;
  for (int nth = 1;; ++nth) {
    int reads = 0;
    disk.on_call = [&reads, nth](Op op, const std::filesystem::path& path) {
      const bool here = op == Op::Read && path.extension() == ".seg" && ++reads == nth;
      return here ? Fault{.error = EIO} : Fault{};
    };
    const auto writer = Writer::open("log", options);
    if (reads < nth) {
      EXPECT_TRUE(writer);
      break;
    }
    ASSERT_FALSE(writer);
    EXPECT_EQ(writer.error().code, ErrorCode::Io) << writer.error().text();
    ++failed;
  }
  EXPECT_GE(failed, 5);
}

// --- locks and clocks

class OtherProcessTest : public test::JournalTest {};

TEST_F(OtherProcessTest, a_lock_held_by_another_process_names_it_and_goes_with_it) {
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe(ends.data()), 0);
  Fd listen{ends[0]};
  Fd speak{ends[1]};
  const pid_t child = ::fork();
  if (child == 0) {
    const auto writer = Writer::open(dir(), small());
    const char said = writer ? 'y' : 'n';
    if (::write(speak.get(), &said, 1) != 1) ::_exit(1);
    for (;;) ::pause();
  }
  char said = 0;
  ASSERT_EQ(::read(listen.get(), &said, 1), 1);
  EXPECT_EQ(said, 'y');
  const auto writer = Writer::open(dir(), small());
  EXPECT_FALSE(writer);
  if (!writer) {
    EXPECT_EQ(writer.error().code, ErrorCode::Unavailable);
    EXPECT_EQ(writer.error().message, "the journal is in use by process " + std::to_string(child));
  }
  ::kill(child, SIGKILL);
  ASSERT_EQ(::waitpid(child, nullptr, 0), child);
  EXPECT_EQ(open_writer().next_lsn(), Lsn{1});
}

/// Its wall clock is not to be asked.
class MonotonicOnly final : public Clock {
 public:
  [[nodiscard]] Timestamp now() const noexcept override {
    ++asked_for_wall_time;
    return Timestamp::from_ns(-1);
  }
  [[nodiscard]] nanoseconds monotonic() const noexcept override { return time; }

  nanoseconds time{0};
  mutable int asked_for_wall_time = 0;
};

TEST_F(OtherProcessTest, the_interval_follows_the_monotonic_clock_alone) {
  MonotonicOnly clock;
  WriterOptions options = small();
  options.sync = SyncPolicy::Interval;
  options.sync_interval = std::chrono::milliseconds{10};
  options.clock = &clock;
  Writer writer = open_writer(options);
  append_records(writer, 3);
  EXPECT_EQ(writer.durable_lsn(), Lsn{0}) << "the interval has not passed";
  append_records(writer, 3);
  EXPECT_EQ(writer.durable_lsn(), Lsn{0}) << "a clock that stands makes nobody wait";
  clock.time = std::chrono::hours{24 * 365};
  append_records(writer, 1);
  EXPECT_EQ(writer.durable_lsn(), Lsn{7});
  EXPECT_EQ(clock.asked_for_wall_time, 0) << "it may go back or jump: nobody looks";
}

}  // namespace
}  // namespace stoa::journal
