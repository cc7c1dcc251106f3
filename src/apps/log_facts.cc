#include "apps/log_facts.h"

#include <algorithm>
#include <cstdint>
#include <expected>
#include <filesystem>
#include <optional>
#include <utility>
#include <vector>

#include "base/error.h"
#include "journal/reader.h"
#include "model/risk.h"
#include "model/system.h"
#include "protocol/native/codec.h"
#include "relay/source.h"

namespace stoa::apps {
namespace {

/// Puts `item` in the place of the one with the same key, or behind the others.
template <class T, class Key>
void keep_last(std::vector<T>& items, const T& item, Key key) {
  const auto at = std::ranges::find(items, std::invoke(key, item), key);
  if (at == items.end()) {
    items.push_back(item);
  } else {
    *at = item;
  }
}

void note(LogFacts& facts, const native::MessageView& message) {
  if (message.header().source == static_cast<std::uint8_t>(relay::Source::Gateway)) {
    facts.gateway_sequence = std::max(facts.gateway_sequence, message.header().sequence);
  }
  facts.last_time = std::max(facts.last_time, message.header().timestamp);
  if (message.is<RunStarted>()) {
    facts.runs = message.as<RunStarted>().run;
  } else if (message.is<Mark>()) {
    keep_last(facts.marks, message.as<Mark>(), &Mark::instrument);
  } else if (message.is<LimitSet>()) {
    keep_last(facts.limits, message.as<LimitSet>(), &LimitSet::kind);
  } else if (message.is<StrategyCommand>()) {
    const auto command = message.as<StrategyCommand>();
    if (command.action != StrategyAction::SetParameter)
      keep_last(facts.strategies, command, &StrategyCommand::name);
  }
}

}  // namespace

Result<LogFacts> read_log_facts(const std::filesystem::path& dir) {
  auto reader = journal::Reader::open(dir);
  if (!reader) return std::unexpected(std::move(reader.error()));
  LogFacts facts;
  while (true) {
    const auto record = reader->next();
    if (!record) return std::unexpected(record.error());
    const std::optional<journal::Record>& entry = *record;
    if (!entry) return facts;
    // What cannot be decoded is told with its place by the replay that follows.
    if (const auto message = native::decode(entry->payload)) note(facts, *message);
  }
}

}  // namespace stoa::apps
