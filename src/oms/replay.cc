#include "oms/replay.h"

#include <fmt/core.h>

#include <algorithm>
#include <cstddef>
#include <expected>
#include <filesystem>
#include <iterator>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/ids.h"
#include "journal/reader.h"
#include "protocol/native/codec.h"
#include "protocol/native/registry.h"

namespace stoa::oms {

void ReplayCheck::take(Lsn lsn, const native::MessageView& message) {
  if (!message.is_output()) {
    ++inputs_;
    core_.apply(lsn, message);
    core_.outputs().drain([&](std::span<const std::byte> bytes) {
      derived_.emplace_back(bytes.begin(), bytes.end());
    });
    return;
  }
  ++compared_;
  if (derived_.empty()) return differ(lsn, message, "was not derived again");
  const std::vector<std::byte> expected = std::move(derived_.front());
  derived_.pop_front();
  if (std::ranges::equal(expected, message.bytes())) return;
  const auto at = std::ranges::mismatch(expected, message.bytes()).in1 - expected.begin();
  differ(lsn, message, fmt::format("differs at byte {}", at));
}

std::vector<std::vector<std::byte>> ReplayCheck::take_unrecorded() {
  std::vector<std::vector<std::byte>> rest(std::make_move_iterator(derived_.begin()),
                                           std::make_move_iterator(derived_.end()));
  derived_.clear();
  return rest;
}

void ReplayCheck::differ(Lsn lsn, const native::MessageView& recorded, const std::string& how) {
  if (++mismatches_ > 1) return;
  const native::MessageInfo* info = native::find_message(recorded.type());
  first_mismatch_ =
      fmt::format("record {}: {}, output {}, {}", lsn.value(),
                  info == nullptr ? "unknown type" : info->name, recorded.header().sequence, how);
}

Result<ReplaySummary> replay_log(const std::filesystem::path& dir, std::optional<Lsn> to) {
  auto reader = journal::Reader::open(dir);
  if (!reader) return std::unexpected(std::move(reader.error()));
  const auto core = std::make_unique<ExecutionCore>();
  ReplayCheck check{*core};
  ReplaySummary summary;
  while (true) {
    const auto record = reader->next(to.value_or(Lsn{UINT64_MAX}));
    if (!record) return std::unexpected(record.error());
    const std::optional<journal::Record>& entry = *record;
    if (!entry) break;
    const auto message = native::decode(entry->payload);
    if (!message) {
      return std::unexpected(Error{
          .code = ErrorCode::Damaged,
          .message = fmt::format("record {} is no message: {} at byte {}", entry->lsn.value(),
                                 native::to_string(message.error().error), message.error().offset),
          .source = dir.string()});
    }
    ++summary.messages;
    check.take(entry->lsn, *message);
  }
  summary.state_hash = core->state_hash();
  summary.inputs = check.inputs();
  summary.outputs_compared = check.compared();
  summary.mismatches = check.mismatches();
  summary.first_mismatch = check.first_mismatch();
  return summary;
}

}  // namespace stoa::oms
