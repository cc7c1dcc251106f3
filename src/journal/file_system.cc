#include "journal/file_system.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <expected>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/fd.h"

namespace stoa::journal {
namespace {

std::unexpected<Errno> last_errno() { return std::unexpected(Errno{errno}); }

// A call that a signal interrupted before it did anything is made again; fdatasync is not, as its
// outcome would be unknown.
template <class Call>
auto again_on_eintr(Call call) {
  auto result = call();
  while (result < 0 && errno == EINTR) result = call();
  return result;
}

class PosixFile final : public File {
 public:
  explicit PosixFile(Fd fd) noexcept : fd_{std::move(fd)} {}

  IoResult<std::size_t> read_at(std::span<std::byte> into, std::uint64_t offset) override {
    std::size_t done = 0;
    while (done < into.size()) {
      const auto rest = into.subspan(done);
      const auto got = again_on_eintr([&] {
        return ::pread(fd_.get(), rest.data(), rest.size(), static_cast<off_t>(offset + done));
      });
      if (got < 0) return last_errno();
      if (got == 0) break;
      done += static_cast<std::size_t>(got);
    }
    return done;
  }

  void will_read(std::uint64_t offset, std::uint64_t bytes) noexcept override {
    // Begins the reading and does not wait for it.
    static_cast<void>(::posix_fadvise(fd_.get(), static_cast<off_t>(offset),
                                      static_cast<off_t>(bytes), POSIX_FADV_WILLNEED));
  }

  IoResult<std::size_t> write_at(std::span<const std::byte> bytes, std::uint64_t offset) override {
    const auto put = again_on_eintr([&] {
      return ::pwrite(fd_.get(), bytes.data(), bytes.size(), static_cast<off_t>(offset));
    });
    if (put < 0) return last_errno();
    return static_cast<std::size_t>(put);
  }

  IoResult<void> sync_data() override {
    if (::fdatasync(fd_.get()) != 0) return last_errno();
    return {};
  }

  IoResult<void> allocate(std::uint64_t bytes) override {
    const auto size = static_cast<off_t>(bytes);
    if (again_on_eintr([&] { return ::fallocate(fd_.get(), 0, 0, size); }) == 0) return {};
    if (errno != EOPNOTSUPP && errno != ENOSYS) return last_errno();
    // No reservation on this file system: the caller's zeros find out whether there is space.
    if (::ftruncate(fd_.get(), size) != 0) return last_errno();
    return {};
  }

  IoResult<std::uint64_t> size() override {
    struct stat status{};
    if (::fstat(fd_.get(), &status) != 0) return last_errno();
    return static_cast<std::uint64_t>(status.st_size);
  }

  IoResult<void> try_lock() override {
    if (::flock(fd_.get(), LOCK_EX | LOCK_NB) != 0) return last_errno();
    return {};
  }

 private:
  Fd fd_;
};

class PosixFileSystem final : public FileSystem {
 public:
  IoResult<std::unique_ptr<File>> open(const std::filesystem::path& path, OpenMode mode) override {
    int flags = O_CLOEXEC | (mode == OpenMode::Read ? O_RDONLY : O_RDWR);
    if (mode == OpenMode::Create) flags |= O_CREAT;
    if (mode == OpenMode::Reset) flags |= O_CREAT | O_TRUNC;
    constexpr mode_t kOwnerAndGroup = 0640;
    Fd fd{again_on_eintr([&] { return ::open(path.c_str(), flags, kOwnerAndGroup); })};
    if (!fd) return last_errno();
    return std::make_unique<PosixFile>(std::move(fd));
  }

  IoResult<std::vector<std::string>> list(const std::filesystem::path& dir) override {
    DIR* const handle = ::opendir(dir.c_str());
    if (handle == nullptr) return last_errno();
    std::vector<std::string> names;
    errno = 0;
    // The stream is this call's own, which is all that readdir asks for.
    while (const dirent* entry = ::readdir(handle)) {  // NOLINT(concurrency-mt-unsafe)
      names.emplace_back(entry->d_name);
      errno = 0;
    }
    const int failed = errno;
    ::closedir(handle);
    if (failed != 0) return std::unexpected(Errno{failed});
    return names;
  }

  IoResult<bool> make_directory(const std::filesystem::path& dir) override {
    constexpr mode_t kOwnerAndGroup = 0750;
    if (::mkdir(dir.c_str(), kOwnerAndGroup) == 0) return true;
    if (errno != EEXIST) return last_errno();
    return false;
  }

  IoResult<void> rename(const std::filesystem::path& from,
                        const std::filesystem::path& to) override {
    if (::rename(from.c_str(), to.c_str()) != 0) return last_errno();
    return {};
  }

  IoResult<void> remove(const std::filesystem::path& path) override {
    if (::unlink(path.c_str()) != 0) return last_errno();
    return {};
  }

  IoResult<void> sync_directory(const std::filesystem::path& dir) override {
    const Fd fd{::open(dir.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
    if (!fd || ::fsync(fd.get()) != 0) return last_errno();
    return {};
  }
};

}  // namespace

FileSystem& posix_file_system() noexcept {
  static PosixFileSystem instance;
  return instance;
}

}  // namespace stoa::journal
