#include "relay/numbers_file.h"

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <expected>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "base/crc32c.h"
#include "base/error.h"
#include "journal/durable_name.h"
#include "journal/file_system.h"
#include "relay/hand_over.h"

namespace stoa::relay {
namespace {

constexpr const char* kName = "relay.numbers";
constexpr const char* kTemporaryName = "relay.numbers.tmp";

/// The file, byte for byte.
struct Image {
  std::uint64_t magic = 0x4D55'4E52'414F'5453;  // "STOARNUM"
  std::uint32_t version = 1;
  std::uint32_t bytes = sizeof(Image);
  Numbers numbers{};
  std::uint32_t reserved = 0;
  std::uint32_t crc = 0;  // of everything before
};
static_assert(sizeof(Image) == 16 + 24 + kSourcesMax * sizeof(SourceState) + 8);
constexpr std::size_t kCrcAt = offsetof(Image, crc);

}  // namespace

std::vector<std::byte> encode_numbers(const Numbers& numbers) {
  Image image{.numbers = numbers};
  const auto bytes = std::as_bytes(std::span{&image, 1});
  image.crc = crc32c(bytes.first(kCrcAt));
  return {bytes.begin(), bytes.end()};
}

std::expected<Numbers, std::string_view> decode_numbers(std::span<const std::byte> file) noexcept {
  if (file.size() != sizeof(Image)) return std::unexpected("the file has another size");
  Image image;
  std::memcpy(&image, file.data(), sizeof image);
  if (image.magic != Image{}.magic) return std::unexpected("not a file of a relay's numbers");
  if (image.crc != crc32c(file.first(kCrcAt))) return std::unexpected("the checksum does not fit");
  if (image.version != 1 || image.bytes != sizeof(Image) || image.reserved != 0) {
    return std::unexpected("a version that this program does not know");
  }
  return image.numbers;
}

Result<void> write_numbers(const std::filesystem::path& dir, const Numbers& numbers) {
  journal::FileSystem& files = journal::posix_file_system();
  const auto temporary = dir / kTemporaryName;
  const auto file = files.open(temporary, journal::OpenMode::Reset);
  if (!file) return io_error("cannot make the file", file.error().value, temporary.string());
  const auto image = encode_numbers(numbers);
  std::span<const std::byte> rest{image};
  while (!rest.empty()) {
    const auto written = (*file)->write_at(rest, image.size() - rest.size());
    if (!written || *written == 0) {
      return io_error("cannot write", written ? EIO : written.error().value, temporary.string());
    }
    rest = rest.subspan(*written);
  }
  return journal::name_durably(files, **file, temporary, dir / kName, "the relay's numbers",
                               {.synced = "relay.numbers_synced",
                                .renamed = "relay.numbers_renamed",
                                .named = "relay.numbers_named"});
}

Result<std::optional<Numbers>> read_numbers(const std::filesystem::path& dir) {
  journal::FileSystem& files = journal::posix_file_system();
  const auto path = dir / kName;
  const auto file = files.open(path, journal::OpenMode::Read);
  if (!file) {
    if (file.error().value == ENOENT) return std::optional<Numbers>{};
    return io_error("cannot read the relay's numbers", file.error().value, path.string());
  }
  std::vector<std::byte> bytes(sizeof(Image) + 1);
  const auto read = (*file)->read_at(bytes, 0);
  if (!read) return io_error("cannot read the relay's numbers", read.error().value, path.string());
  const auto numbers = decode_numbers(std::span{bytes}.first(*read));
  return numbers ? std::optional{*numbers} : std::optional<Numbers>{};
}

}  // namespace stoa::relay
