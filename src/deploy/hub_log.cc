#include "deploy/hub_log.h"

#include <fmt/core.h>

#include <cstddef>
#include <cstdint>
#include <expected>
#include <filesystem>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include "base/error.h"
#include "base/ids.h"
#include "deploy/hub_record.h"
#include "deploy/hub_state.h"
#include "journal/file_system.h"
#include "journal/reader.h"
#include "journal/writer.h"

namespace stoa::deploy {
namespace {

constexpr std::uint64_t kSegmentBytes = 4UL * 1024 * 1024;

std::string_view text_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

Error damage(const std::filesystem::path& dir, Lsn lsn, std::string what) {
  return {.code = ErrorCode::Damaged,
          .message = fmt::format("record {}: {}", lsn.value(), what),
          .source = dir.string()};
}

/// Follows the chain over the records that are handed to it.
class Chain {
 public:
  explicit Chain(const std::filesystem::path& dir) : dir_{dir} {}

  /// The record, held against the one before.
  Result<HubRecord> take(std::string_view bytes, Lsn lsn) {
    auto record = decode_hub_record(bytes);
    if (!record) return std::unexpected(damage(dir_, lsn, record.error().message));
    if (record->previous != head_.hash) {
      const auto before = Lsn{lsn.value() - 1};
      return std::unexpected(damage(
          dir_, before,
          fmt::format("{} is not what was written: its SHA-256 is {}, and record {} was written "
                      "behind {}",
                      what_, hash8(head_.hash), lsn.value(), hash8(record->previous))));
    }
    what_ = fmt::format("{} by {}{}{}", to_string(record->verb), record->user,
                        record->space.empty() ? "" : " in ", record->space);
    head_ = {.lsn = lsn, .hash = hash_of(bytes)};
    return record;
  }
  [[nodiscard]] const HubHead& head() const noexcept { return head_; }

 private:
  const std::filesystem::path& dir_;
  HubHead head_{.lsn = Lsn{0}, .hash = no_hash()};
  std::string what_ = "nothing";
};

/// Every record of the log, in order.
Result<HubHead> replay(const std::filesystem::path& dir, journal::FileSystem* file_system,
                       const HubLog::Use& use) {
  auto reader = journal::Reader::open(dir, Lsn{0}, file_system);
  if (!reader) return std::unexpected(std::move(reader.error()));
  Chain chain{dir};
  while (true) {
    const auto next = reader->next();
    if (!next) return std::unexpected(next.error());
    const std::optional<journal::Record>& entry = *next;
    if (!entry) return chain.head();
    const auto record = chain.take(text_of(entry->payload), entry->lsn);
    if (!record) return std::unexpected(record.error());
    if (const auto used = use(*record, entry->lsn); !used) {
      return std::unexpected(damage(dir, entry->lsn, used.error().message));
    }
  }
}

}  // namespace

Result<HubLog> HubLog::open(const std::filesystem::path& dir, journal::FileSystem* file_system,
                            const Use& use) {
  if (file_system == nullptr) {
    std::error_code error;
    std::filesystem::create_directories(dir.parent_path(), error);
    if (error) return io_error("cannot make the hub's folder", error.value(), dir.string());
  }
  auto writer = journal::Writer::open(
      dir, {.segment_bytes = kSegmentBytes, .prepare_ahead = false, .file_system = file_system});
  if (!writer) return std::unexpected(std::move(writer.error()));
  HubLog log{std::move(*writer)};
  auto head = replay(dir, file_system, use);
  if (!head) return std::unexpected(std::move(head.error()));
  log.head_ = std::move(*head);
  return log;
}

Result<Lsn> HubLog::append(HubRecord record) {
  record.previous = head_.hash;
  const std::string text = encode(record);
  if (text.size() > writer_.max_payload_bytes()) {
    return bad_input("one change is at most 1 MiB; change fewer units at once");
  }
  const auto lsn = writer_.append(std::as_bytes(std::span{text}));
  if (!lsn) return std::unexpected(lsn.error());
  if (const auto kept = writer_.commit(); !kept) return std::unexpected(kept.error());
  head_ = {.lsn = *lsn, .hash = hash_of(text)};
  return *lsn;
}

Result<void> read_hub_log(const std::filesystem::path& dir, Lsn from,
                          const std::function<bool(const HubRecord& record, Lsn lsn)>& use) {
  auto reader = journal::Reader::open(dir, from);
  if (!reader) return std::unexpected(std::move(reader.error()));
  while (true) {
    const auto next = reader->next();
    if (!next) return std::unexpected(next.error());
    const std::optional<journal::Record>& entry = *next;
    if (!entry) return {};
    const auto record = decode_hub_record(text_of(entry->payload));
    if (!record) return std::unexpected(damage(dir, entry->lsn, record.error().message));
    if (!use(*record, entry->lsn)) return {};
  }
}

Result<HubLogReport> verify_hub_log(const std::filesystem::path& dir,
                                    const std::optional<HubHead>& expected) {
  HubLogReport report;
  HubState state;
  std::optional<Error> gone;
  bool seen = false;
  const auto head = replay(dir, nullptr, [&](const HubRecord& record, Lsn lsn) -> Result<void> {
    ++report.records;
    // A record's own hash stands in the one behind it.
    if (expected && lsn.value() == expected->lsn.value() + 1) {
      seen = true;
      if (record.previous != expected->hash) {
        gone = damage(dir, expected->lsn,
                      fmt::format("its SHA-256 is {}, and {} was noted", hash8(record.previous),
                                  hash8(expected->hash)));
      }
    }
    return state.apply(record, lsn);
  });
  if (!head) {
    const bool damaged = head.error().code == ErrorCode::Damaged;
    if (!damaged) return std::unexpected(head.error());
    report.fault = head.error();
    return report;
  }
  report.head = *head;
  report.fault = gone;
  if (expected && !seen && !gone) {
    if (head->lsn.value() < expected->lsn.value()) {
      report.fault = damage(dir, expected->lsn,
                            fmt::format("is gone: the log ends at record {}", head->lsn.value()));
    } else if (head->lsn == expected->lsn && head->hash != expected->hash) {
      report.fault = damage(dir, expected->lsn,
                            fmt::format("its SHA-256 is {}, and {} was noted", hash8(head->hash),
                                        hash8(expected->hash)));
    }
  }
  return report;
}

}  // namespace stoa::deploy
