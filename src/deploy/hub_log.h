#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>

#include "base/error.h"
#include "base/ids.h"
#include "deploy/hub_record.h"
#include "journal/file_system.h"
#include "journal/writer.h"

// The hub's records on disk: a journal in which each record carries the SHA-256 of the one before.
namespace stoa::deploy {

/// Where a log ends: the one number that has to be kept elsewhere to know that nothing was taken
/// from the end.
struct HubHead {
  Lsn lsn{};
  std::string hash{};  // of the newest record
  friend bool operator==(const HubHead&, const HubHead&) = default;
};

/// Appends to the log; the only one who does. One thread.
class HubLog {
 public:
  using Use = std::function<Result<void>(const HubRecord& record, Lsn lsn)>;

  /// Opens or creates the log and hands every record to `use`, whose error ends it.
  ///
  /// errors  Unavailable: another has it · Damaged: which record, and what differs · Io
  [[nodiscard]] static Result<HubLog> open(const std::filesystem::path& dir,
                                           journal::FileSystem* file_system, const Use& use);

  /// Puts `previous` into the record and keeps it: durable once this returns.
  ///
  /// errors  BadInput: longer than 1 MiB, and nothing was done · Io: the log has ended
  [[nodiscard]] Result<Lsn> append(HubRecord record);
  [[nodiscard]] const HubHead& head() const noexcept { return head_; }
  [[nodiscard]] const Error* failed() const noexcept { return writer_.error(); }

 private:
  explicit HubLog(journal::Writer writer) : writer_{std::move(writer)} {}

  journal::Writer writer_;
  HubHead head_{.lsn = Lsn{0}, .hash = no_hash()};
};

/// Hands records from `from` on to `use` until it answers false; changes nothing, takes no lock.
///
/// errors  as open
[[nodiscard]] Result<void> read_hub_log(
    const std::filesystem::path& dir, Lsn from,
    const std::function<bool(const HubRecord& record, Lsn lsn)>& use);

/// What `stoa config audit verify` finds.
struct HubLogReport {
  std::uint64_t records = 0;
  HubHead head{};
  std::optional<Error> fault{};  // which record, and what differs
};
/// Reads every record, and holds the chain and what the records lead to against each other.
/// `expected`: a head that was noted before; the log must hold that record, unchanged.
///
/// errors  NotFound: no log · Io
[[nodiscard]] Result<HubLogReport> verify_hub_log(const std::filesystem::path& dir,
                                                  const std::optional<HubHead>& expected);

}  // namespace stoa::deploy
