#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

#include "base/error.h"
#include "base/fd.h"
#include "base/ids.h"
#include "deploy/deploy_record.h"
#include "journal/writer.h"

#include <optional>
#include <string>

// The log of deployments, DATA/hub/deploys, a journal of JSON records; and the lock that one who
// deploys holds.
namespace stoa::deploy {

class DeployLog {
 public:
  /// errors  Unavailable: another process writes it · Damaged, Io
  [[nodiscard]] static Result<DeployLog> open(const std::filesystem::path& dir);
  /// Returns once it is durable.
  ///
  /// errors  Io: the log has ended; open it anew
  [[nodiscard]] Result<void> append(const DeployRecord& record);
  /// Of the next deployment.
  [[nodiscard]] std::uint64_t next_id() const noexcept { return writer_.next_lsn().value(); }

 private:
  explicit DeployLog(journal::Writer writer) : writer_{std::move(writer)} {}
  journal::Writer writer_;
};

/// Every record from `from` on, in order; also while another process writes. Empty when there is no
/// log.
///
/// errors  Damaged, Io
[[nodiscard]] Result<std::vector<DeployRecord>> read_deploys(const std::filesystem::path& dir,
                                                             Lsn from = Lsn{0});
/// Those of one deployment; of the newest for 0.
[[nodiscard]] std::vector<DeployRecord> records_of(const std::vector<DeployRecord>& all,
                                                   std::uint64_t deploy);

/// Who deploys.
struct DeployHolder {
  std::string holder{};
  std::string host{};
  std::int64_t pid = 0;
  Timestamp since{};
  std::string reason{};

  /// "ann on box (process 812) since 2026-…: new limits"
  [[nodiscard]] std::string text() const;
};

/// Goes with its process, however that ends: an interrupted deployment blocks nobody.
class DeployLock {
 public:
  /// errors  Unavailable: another holds it, named in the text · Io
  [[nodiscard]] static Result<DeployLock> take(const std::filesystem::path& file,
                                               const DeployHolder& holder);
  /// Nothing when nobody does.
  [[nodiscard]] static std::optional<DeployHolder> holder(const std::filesystem::path& file);

 private:
  explicit DeployLock(Fd fd) : fd_{std::move(fd)} {}
  Fd fd_;
};

}  // namespace stoa::deploy
