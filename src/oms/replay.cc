#include "oms/replay.h"

#include <fmt/core.h>

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/ids.h"
#include "protocol/native/codec.h"
#include "protocol/native/describe.h"
#include "protocol/native/registry.h"

namespace stoa::oms {

void ReplayCheck::expect(std::span<const std::byte> outputs) {
  while (!outputs.empty()) {
    const auto bytes = native::MessageView::trusted(outputs).bytes();
    derived_.emplace_back(bytes.begin(), bytes.end());
    outputs = outputs.subspan(bytes.size());
  }
}

void ReplayCheck::copy_waiting(std::vector<std::byte>& to) const {
  for (const auto& output : derived_) to.insert(to.end(), output.begin(), output.end());
}

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
  std::string words;
  native::append_difference(words, message, native::MessageView::trusted(expected));
  differ(lsn, message, fmt::format("differs at byte {}: {}", at, words));
}

std::vector<std::vector<std::byte>> ReplayCheck::take_unrecorded() {
  std::vector<std::vector<std::byte>> rest(std::make_move_iterator(derived_.begin()),
                                           std::make_move_iterator(derived_.end()));
  derived_.clear();
  return rest;
}

void ReplayCheck::differ(Lsn lsn, const native::MessageView& recorded, const std::string& how) {
  if (++mismatches_ > 1) return;
  first_mismatch_at_ = lsn;
  const native::MessageInfo* info = native::find_message(recorded.type());
  first_mismatch_ =
      fmt::format("record {}: {}, output {}, {}", lsn.value(),
                  info == nullptr ? "unknown type" : info->name, recorded.header().sequence, how);
}

}  // namespace stoa::oms
