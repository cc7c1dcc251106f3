#include "deploy/release.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <expected>
#include <filesystem>
#include <fstream>
#include <ios>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/fd.h"
#include "ops/sha256.h"
#include "ops/whole_file.h"
#include "protocol/json/value.h"
#include "protocol/native/version.h"

namespace stoa::deploy {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kNameMax = 24;
constexpr std::string_view kProgram = "stoa";
constexpr std::string_view kManifest = "manifest.json";

bool is_name(std::string_view name) {
  return !name.empty() && name.size() <= kNameMax && name != "current" && name.front() != '.' &&
         std::ranges::all_of(name, [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  c == '.' || c == '_' || c == '-' || c == '+';
         });
}

Result<std::string> digest_of(const fs::path& file) {
  std::ifstream in{file, std::ios::binary};
  if (!in) {
    return std::unexpected(Error{
        .code = ErrorCode::Damaged, .message = "the file is missing", .source = file.string()});
  }
  ops::Sha256 sum;
  std::array<char, 65'536> part{};
  while (in.read(part.data(), part.size()) || in.gcount() > 0) {
    sum.add(std::as_bytes(std::span{part}.first(static_cast<std::size_t>(in.gcount()))));
  }
  if (in.bad()) return io_error("cannot read", EIO, file.string());
  return sum.finish();
}

Result<void> sync_file(const fs::path& file) {
  const Fd fd{::open(file.c_str(), O_RDONLY | O_CLOEXEC)};
  if (!fd) return io_error("cannot open", errno, file.string());
  if (::fsync(fd.get()) != 0) return io_error("cannot sync", errno, file.string());
  return {};
}

std::uint32_t small(const json::Value& value) {
  return static_cast<std::uint32_t>(std::clamp<std::int64_t>(value.integer().value_or(0), 0, 255));
}

/// The files of a release under a passing name.
Result<void> copy_files(const fs::path& from, const fs::path& to, const Release& release) {
  std::error_code error;
  fs::create_directories(to, error);
  if (error) return io_error("cannot make the folder", error.value(), to.string());
  std::vector<std::string> names{std::string{kManifest}};
  for (const auto& [name, digest] : release.files) names.push_back(name);
  for (const std::string& name : names) {
    fs::copy_file(from / name, to / name, fs::copy_options::overwrite_existing, error);
    if (error) return io_error("cannot copy", error.value(), (to / name).string());
    if (auto synced = sync_file(to / name); !synced) return synced;
  }
  return ops::sync_directory(to);
}

}  // namespace

Result<Release> read_release(const fs::path& folder) {
  const auto file = folder / kManifest;
  const auto text = ops::read_small_file(file);
  if (!text) {
    return std::unexpected(Error{.code = text.error().code,
                                 .message = "no release here; stoa release list shows those added",
                                 .source = file.string()});
  }
  const auto value = json::Value::parse(*text);
  if (!value) return bad_input(value.error().message, file.string());
  const json::Value& json = *value;
  Release release{.name = json["name"].text(),
                  .version = json["version"].text(),
                  .commit = json["commit"].text(),
                  .reads_from = small(json["wire"]["reads_from"]),
                  .reads_to = small(json["wire"]["reads_to"]),
                  .writes = small(json["wire"]["writes"]),
                  .built = json["built"].text(),
                  .digest = ops::sha256(std::as_bytes(std::span{*text}))};
  for (const auto& [name, digest] : json["files"].members()) {
    if (name.find('/') != std::string::npos || name.starts_with('.')) {
      return bad_input(fmt::format("files: {} is no plain name", name), file.string());
    }
    release.files[name] = digest.text();
  }
  if (!is_name(release.name)) {
    return bad_input("name: expected 1 to 24 of A-Z a-z 0-9 . _ + -, not \"current\"",
                     file.string());
  }
  if (!release.files.contains(std::string{kProgram})) {
    return bad_input("files: expected the program, stoa", file.string());
  }
  if (release.version.empty() || release.reads_to == 0) {
    return bad_input("expected version and wire.reads_from, reads_to, writes", file.string());
  }
  return release;
}

Result<void> verify_release(const fs::path& folder, const Release& release) {
  for (const auto& [name, expected] : release.files) {
    const auto digest = digest_of(folder / name);
    if (!digest) return std::unexpected(digest.error());
    if (*digest == expected) continue;
    return std::unexpected(
        Error{.code = ErrorCode::Damaged,
              .message = fmt::format("its SHA-256 is {}…, the manifest says {}…",
                                     digest->substr(0, 12), expected.substr(0, 12)),
              .source = (folder / name).string()});
  }
  return {};
}

Result<void> fits_here(const Release& release) {
  const std::uint32_t written = native::kVersion;
  if (release.reads_from <= written && written <= release.reads_to) return {};
  return bad_input(fmt::format(
      "release {} reads wire versions {} to {}, and this platform's logs hold version {}",
      release.name, release.reads_from, release.reads_to, written));
}

Result<Release> add_release(const fs::path& folder, const fs::path& releases) {
  auto release = read_release(folder);
  if (!release) return release;
  if (const auto whole = verify_release(folder, *release); !whole) {
    return std::unexpected(whole.error());
  }
  const auto place = releases / release->name;
  std::error_code error;
  if (fs::exists(place, error)) {
    const auto there = read_release(place);
    if (there && there->digest == release->digest) return release;
    return std::unexpected(Error{.code = ErrorCode::Unavailable,
                                 .message = "another release of that name is there",
                                 .source = place.string()});
  }
  const auto passing = releases / ("." + release->name + ".new");
  fs::remove_all(passing, error);
  if (const auto copied = copy_files(folder, passing, *release); !copied) {
    return std::unexpected(copied.error());
  }
  if (const auto whole = verify_release(passing, *release); !whole) {
    return std::unexpected(whole.error());
  }
  if (::rename(passing.c_str(), place.c_str()) != 0) {
    return io_error("cannot name the release", errno, place.string());
  }
  if (const auto synced = ops::sync_directory(releases); !synced) {
    return std::unexpected(synced.error());
  }
  return release;
}

std::vector<Release> list_releases(const fs::path& releases) {
  std::vector<Release> found;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator{releases, error}) {
    auto release = read_release(entry.path());
    if (release && entry.path().filename() == release->name) found.push_back(std::move(*release));
  }
  std::ranges::sort(found, {}, &Release::name);
  return found;
}

Result<void> remove_release(const fs::path& releases, const std::string& name) {
  const auto place = releases / name;
  std::error_code error;
  if (!is_name(name) || !fs::exists(place, error)) {
    return std::unexpected(
        Error{.code = ErrorCode::NotFound, .message = "no such release", .source = place.string()});
  }
  // Out of the way under one name change, so that nobody finds half of it.
  const auto passing = releases / ("." + name + ".old");
  fs::remove_all(passing, error);
  if (::rename(place.c_str(), passing.c_str()) != 0) {
    return io_error("cannot move the release aside", errno, place.string());
  }
  fs::remove_all(passing, error);
  if (error) return io_error("cannot remove", error.value(), passing.string());
  return {};
}

}  // namespace stoa::deploy
