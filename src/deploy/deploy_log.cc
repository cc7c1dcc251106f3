#include "deploy/deploy_log.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/types.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <expected>
#include <filesystem>
#include <iterator>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "base/fd.h"
#include "base/ids.h"
#include "deploy/deploy_record.h"
#include "journal/reader.h"
#include "journal/writer.h"
#include "ops/whole_file.h"
#include "protocol/json/value.h"
#include "protocol/json/writer.h"

namespace stoa::deploy {
namespace {

/// Some hundred bytes a record, a few dozen records a deployment.
constexpr std::uint64_t kSegmentBytes = 1U << 20U;

flock whole_file() {
  flock lock{};
  lock.l_type = F_WRLCK;
  lock.l_whence = SEEK_SET;
  return lock;
}

std::string to_json(const DeployHolder& holder) {
  std::string text;
  json::Writer json{text};
  json.begin_object();
  json.field("holder", std::string_view{holder.holder});
  json.field("host", std::string_view{holder.host});
  json.field("pid", holder.pid);
  json.digits_field("since_ns", holder.since.ns());
  json.field("reason", std::string_view{holder.reason});
  json.end_object();
  return text + '\n';
}

}  // namespace

Result<DeployLog> DeployLog::open(const std::filesystem::path& dir) {
  std::error_code error;
  std::filesystem::create_directories(dir.parent_path(), error);
  if (error) return io_error("cannot make the folder", error.value(), dir.parent_path().string());
  auto writer = journal::Writer::open(
      dir, {.segment_bytes = kSegmentBytes, .buffer_bytes = 1U << 18U, .prepare_ahead = false});
  if (!writer) return std::unexpected(writer.error());
  return DeployLog{std::move(*writer)};
}

Result<void> DeployLog::append(const DeployRecord& record) {
  const std::string text = deploy::to_json(record);
  const auto lsn = writer_.append(std::as_bytes(std::span{text}));
  if (!lsn) return std::unexpected(lsn.error());
  const auto durable = writer_.commit();
  if (!durable) return std::unexpected(durable.error());
  return {};
}

Result<std::vector<DeployRecord>> read_deploys(const std::filesystem::path& dir, Lsn from) {
  std::vector<DeployRecord> records;
  std::error_code none;
  if (!std::filesystem::exists(dir, none)) return records;
  auto reader = journal::Reader::open(dir, from);
  if (!reader) return std::unexpected(reader.error());
  while (true) {
    const auto next = reader->next();
    if (!next) return std::unexpected(next.error());
    const std::optional<journal::Record>& entry = *next;
    if (!entry) return records;
    const std::string_view text{reinterpret_cast<const char*>(entry->payload.data()),
                                entry->payload.size()};
    auto record = record_from_json(text);
    if (!record) {
      return std::unexpected(
          Error{.code = ErrorCode::Damaged,
                .message = fmt::format("record {}: {}", entry->lsn.value(), record.error().message),
                .source = dir.string()});
    }
    records.push_back(std::move(*record));
  }
}

std::vector<DeployRecord> records_of(const std::vector<DeployRecord>& all, std::uint64_t deploy) {
  if (deploy == 0 && !all.empty()) deploy = all.back().deploy;
  std::vector<DeployRecord> found;
  std::ranges::copy_if(all, std::back_inserter(found),
                       [&](const DeployRecord& record) { return record.deploy == deploy; });
  return found;
}

std::string DeployHolder::text() const {
  return fmt::format("{} on {} (process {}) since {}{}{}", holder, host, pid, to_rfc3339(since),
                     reason.empty() ? "" : ": ", reason);
}

Result<DeployLock> DeployLock::take(const std::filesystem::path& file, const DeployHolder& holder) {
  std::error_code error;
  std::filesystem::create_directories(file.parent_path(), error);
  Fd fd{::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0640)};
  if (!fd) return io_error("cannot open the lock of deployments", errno, file.string());
  auto lock = whole_file();
  if (::fcntl(fd.get(), F_OFD_SETLK, &lock) != 0) {
    if (errno != EAGAIN && errno != EACCES) {
      return io_error("cannot take the lock of deployments", errno, file.string());
    }
    const auto who = DeployLock::holder(file);
    return std::unexpected(Error{
        .code = ErrorCode::Unavailable,
        .message = "another deployment is under way" + (who ? ": " + who->text() : std::string{}),
        .source = {}});
  }
  const auto text = to_json(holder);
  if (::ftruncate(fd.get(), 0) != 0 ||
      ::pwrite(fd.get(), text.data(), text.size(), 0) != static_cast<::ssize_t>(text.size())) {
    return io_error("cannot write the lock of deployments", errno, file.string());
  }
  return DeployLock{std::move(fd)};
}

std::optional<DeployHolder> DeployLock::holder(const std::filesystem::path& file) {
  const Fd fd{::open(file.c_str(), O_RDWR | O_CLOEXEC)};
  if (!fd) return std::nullopt;
  auto lock = whole_file();
  if (::fcntl(fd.get(), F_OFD_GETLK, &lock) != 0 || lock.l_type == F_UNLCK) return std::nullopt;
  const auto text = ops::read_small_file(file);
  const auto value = json::Value::parse(text ? *text : "{}");
  if (!value) return DeployHolder{};
  return DeployHolder{.holder = (*value)["holder"].text(),
                      .host = (*value)["host"].text(),
                      .pid = (*value)["pid"].integer().value_or(0),
                      .since = Timestamp::from_ns((*value)["since_ns"].integer().value_or(0)),
                      .reason = (*value)["reason"].text()};
}

}  // namespace stoa::deploy
