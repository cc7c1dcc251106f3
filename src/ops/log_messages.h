#pragma once

#include <fmt/core.h>

#include <expected>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>

#include "base/error.h"
#include "base/ids.h"
#include "journal/reader.h"
#include "protocol/native/codec.h"

namespace stoa::ops {

/// Calls `visit(lsn, message)` for each record of the log in `dir` behind `after`, to its end of
/// this moment; a writer may be at work.
///
/// errors  NotFound: no such log, or `after` is no longer in it · Damaged: a record that cannot be
///         read or is no message, with its lsn · Io
template <class Visit>
[[nodiscard]] Result<void> for_each_message(const std::filesystem::path& dir, Lsn after,
                                            Visit visit) {
  auto reader = journal::Reader::open(dir, after == Lsn{} ? Lsn{} : Lsn{after.value() + 1});
  if (!reader) return std::unexpected(std::move(reader.error()));
  while (true) {
    const auto next = reader->next();
    if (!next) return std::unexpected(next.error());
    const std::optional<journal::Record>& record = *next;
    if (!record) return {};
    const auto message = native::decode(record->payload);
    if (!message) {
      return std::unexpected(
          Error{.code = ErrorCode::Damaged,
                .message = fmt::format("record {} is no message: {}", record->lsn.value(),
                                       native::to_string(message.error().error)),
                .source = dir.string()});
    }
    visit(record->lsn, *message);
  }
}

}  // namespace stoa::ops
