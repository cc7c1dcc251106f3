#include "ops/backup_manifest.h"

#include <simdjson.h>

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include "base/clock.h"
#include "base/error.h"
#include "base/ids.h"
#include "ops/sha256.h"
#include "protocol/json/writer.h"

namespace stoa::ops {
namespace {

constexpr std::string_view kFormat = "stoa-journal-backup";
constexpr std::uint64_t kVersion = 1;
constexpr std::string_view kDigestKey = ",\"sha256\":\"";
constexpr std::size_t kDigestDigits = 64;

std::unexpected<Error> damaged(std::string what) {
  return std::unexpected(Error{
      .code = ErrorCode::Damaged, .message = "the manifest " + std::move(what), .source = {}});
}

void append_entry(json::Writer& json, const BackupEntry& entry) {
  json.begin_object();
  json.field("kind", entry.kind == BackupEntry::Kind::Segment ? "segment" : "checkpoint");
  json.field("name", std::string_view{entry.name});
  json.field("stored", std::string_view{entry.stored});
  json.digits_field("first_lsn", entry.first.value());
  json.digits_field("last_lsn", entry.last.value());
  json.field("sealed", entry.sealed);
  json.field("chain", entry.chain);
  json.digits_field("epoch", entry.epoch);
  json.field("file_bytes", entry.file_bytes);
  json.field("content_bytes", entry.content_bytes);
  json.field("content_sha256", std::string_view{entry.content_sha256});
  json.field("stored_bytes", entry.stored_bytes);
  json.field("stored_sha256", std::string_view{entry.stored_sha256});
  json.end_object();
}

// Reads fields of one object; the first that is missing or of another type is remembered.
class Fields {
 public:
  explicit Fields(const simdjson::dom::object& object) : object_{object} {}

  std::string text(std::string_view name) {
    std::string_view value;
    if (object_[name].get_string().get(value) != simdjson::SUCCESS) blame(name);
    return std::string{value};
  }
  std::uint64_t number(std::string_view name) {
    std::uint64_t value = 0;
    if (object_[name].get_uint64().get(value) != simdjson::SUCCESS) blame(name);
    return value;
  }
  bool flag(std::string_view name) {
    bool value = false;
    if (object_[name].get_bool().get(value) != simdjson::SUCCESS) blame(name);
    return value;
  }
  std::uint64_t digits(std::string_view name) {
    const std::string value = text(name);
    std::uint64_t number = 0;
    const auto* end = value.data() + value.size();
    const auto [stop, error] = std::from_chars(value.data(), end, number);
    if (error != std::errc{} || stop != end || value.empty()) blame(name);
    return number;
  }
  /// A name of a file, not a way to another folder.
  std::string file_name(std::string_view name) {
    std::string value = text(name);
    const bool plain =
        !value.empty() && value.front() != '.' && std::ranges::all_of(value, [](char c) {
          return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '-';
        });
    if (!plain) blame(name);
    return value;
  }
  void blame(std::string_view name) {
    if (wrong_.empty()) wrong_ = name;
  }
  [[nodiscard]] const std::string& wrong() const noexcept { return wrong_; }

 private:
  simdjson::dom::object object_;
  std::string wrong_;
};

Result<BackupEntry> read_entry(const simdjson::dom::object& object) {
  Fields fields{object};
  BackupEntry entry;
  const std::string kind = fields.text("kind");
  if (kind != "segment" && kind != "checkpoint") fields.blame("kind");
  entry.kind = kind == "segment" ? BackupEntry::Kind::Segment : BackupEntry::Kind::Checkpoint;
  entry.name = fields.file_name("name");
  entry.stored = fields.file_name("stored");
  entry.first = Lsn{fields.digits("first_lsn")};
  entry.last = Lsn{fields.digits("last_lsn")};
  entry.sealed = fields.flag("sealed");
  const std::uint64_t chain = fields.number("chain");
  if (chain > UINT32_MAX) fields.blame("chain");
  entry.chain = static_cast<std::uint32_t>(chain);
  entry.epoch = fields.digits("epoch");
  entry.file_bytes = fields.number("file_bytes");
  entry.content_bytes = fields.number("content_bytes");
  entry.content_sha256 = fields.text("content_sha256");
  entry.stored_bytes = fields.number("stored_bytes");
  entry.stored_sha256 = fields.text("stored_sha256");
  if (entry.content_bytes > entry.file_bytes) fields.blame("content_bytes");
  if (!fields.wrong().empty()) return damaged("has an impossible field: " + fields.wrong());
  return entry;
}

Result<void> check_digest(std::string_view text) {
  const auto at = text.rfind(kDigestKey);
  if (at == std::string_view::npos) return damaged("has no digest");
  const auto said = text.substr(at + kDigestKey.size());
  const std::string found = sha256(std::as_bytes(std::span{text.substr(0, at)}));
  if (said.substr(0, kDigestDigits) != found ||
      said.substr(std::min(said.size(), kDigestDigits)) != "\"}\n") {
    return damaged("is not what was written: its digest does not fit");
  }
  return {};
}

}  // namespace

const BackupEntry* BackupManifest::find(std::string_view name) const noexcept {
  const auto found = std::ranges::find(entries, name, &BackupEntry::name);
  return found == entries.end() ? nullptr : &*found;
}

const BackupEntry* BackupManifest::newest() const noexcept {
  const BackupEntry* newest = nullptr;
  for (const BackupEntry& entry : entries) {
    if (entry.kind == BackupEntry::Kind::Segment) newest = &entry;
  }
  return newest;
}

Lsn BackupManifest::first() const noexcept {
  return newest() == nullptr ? Lsn{0} : entries.front().first;
}
Lsn BackupManifest::last() const noexcept { return newest() == nullptr ? Lsn{0} : newest()->last; }

std::string encode_manifest(const BackupManifest& manifest) {
  std::string text;
  json::Writer json{text};
  json.begin_object();
  json.field("format", kFormat);
  json.field("version", kVersion);
  json.digits_field("time_ns", manifest.time.ns());
  json.field("time", std::string_view{to_rfc3339(manifest.time)});
  json.digits_field("first_lsn", manifest.first().value());
  json.digits_field("last_lsn", manifest.last().value());
  json.key("files");
  json.begin_array();
  for (const BackupEntry& entry : manifest.entries) append_entry(json, entry);
  json.end_array();
  const std::string digest = sha256(std::as_bytes(std::span{text}));
  text += kDigestKey;
  text += digest;
  text += "\"}\n";
  return text;
}

Result<BackupManifest> decode_manifest(std::string_view text) {
  if (auto fits = check_digest(text); !fits) return std::unexpected(fits.error());
  const simdjson::padded_string padded{text};
  simdjson::dom::parser parser;
  simdjson::dom::object root;
  if (parser.parse(padded).get_object().get(root) != simdjson::SUCCESS) {
    return damaged("is not a JSON object");
  }
  Fields fields{root};
  if (fields.text("format") != kFormat) fields.blame("format");
  if (fields.number("version") != kVersion) fields.blame("version");
  BackupManifest manifest;
  const std::uint64_t time_ns = fields.digits("time_ns");
  if (time_ns > static_cast<std::uint64_t>(INT64_MAX)) fields.blame("time_ns");
  manifest.time = Timestamp::from_ns(static_cast<std::int64_t>(time_ns));
  simdjson::dom::array files;
  if (root["files"].get_array().get(files) != simdjson::SUCCESS) fields.blame("files");
  if (!fields.wrong().empty()) return damaged("has an impossible field: " + fields.wrong());
  for (const simdjson::dom::element element : files) {
    simdjson::dom::object object;
    if (element.get_object().get(object) != simdjson::SUCCESS) return damaged("lists no object");
    auto entry = read_entry(object);
    if (!entry) return std::unexpected(entry.error());
    manifest.entries.push_back(std::move(*entry));
  }
  return manifest;
}

}  // namespace stoa::ops
