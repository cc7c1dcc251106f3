#include "apps/checkpoint_state.h"

#include <fmt/core.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <expected>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "apps/log_facts.h"
#include "base/error.h"
#include "base/state_io.h"
#include "oms/execution_core.h"
#include "protocol/native/codec.h"
#include "relay/source_numbers.h"

namespace stoa::apps {
namespace {

constexpr std::uint32_t kMagic = 0x54504B43;  // "CKPT" in memory
constexpr std::uint32_t kVersion = 2;

enum class Section : std::uint8_t { Core = 1, Facts = 2, Numbers = 3, Waiting = 4 };

/// Lets `write` append the section's bytes and says before them how many they are.
template <class Write>
void put_section(std::vector<std::byte>& to, Section kind, Write write) {
  StateWriter out{to};
  out.put(static_cast<std::uint32_t>(kind));
  const std::size_t size_at = to.size();
  out.put(std::uint64_t{0});
  const std::size_t begin = to.size();
  write();
  const std::uint64_t size = to.size() - begin;
  std::memcpy(to.data() + size_at, &size, sizeof size);
}

std::unexpected<Error> refuse(std::string message) {
  return std::unexpected(
      Error{.code = ErrorCode::Damaged, .message = std::move(message), .source = "checkpoint"});
}

/// The bytes of the section that must come next.
std::expected<std::span<const std::byte>, std::string> take_section(StateReader& from,
                                                                    Section wanted) {
  const auto kind = from.take<std::uint32_t>();
  const auto size = from.take<std::uint64_t>();
  const auto bytes = from.take_bytes(size);
  if (!from.ok()) return std::unexpected(fmt::format("ends early, at byte {}", from.offset()));
  if (kind != static_cast<std::uint32_t>(wanted)) {
    return std::unexpected(fmt::format("has section {} where {} is due, before byte {}", kind,
                                       static_cast<std::uint32_t>(wanted), from.offset()));
  }
  return bytes;
}

}  // namespace

void save_state(std::vector<std::byte>& to, const oms::ExecutionCore& core, const LogFacts& facts,
                const relay::SourceNumbers& numbers, std::span<const std::byte> waiting) {
  StateWriter out{to};
  out.put(kMagic);
  out.put(kVersion);
  put_section(to, Section::Core, [&] { core.save(to); });
  put_section(to, Section::Facts, [&] { facts.save(to); });
  put_section(to, Section::Numbers, [&] {
    out.put(numbers.last);
    out.put(numbers.time);
  });
  put_section(to, Section::Waiting, [&] { out.put_bytes(waiting); });
}

Result<LogState> load_state(std::span<const std::byte> from) {
  StateReader in{from};
  if (in.take<std::uint32_t>() != kMagic) return refuse("holds no state of an execution log");
  if (const auto version = in.take<std::uint32_t>(); version != kVersion) {
    return refuse(fmt::format("is of version {}, this build reads {}", version, kVersion));
  }
  LogState state;
  const auto core = take_section(in, Section::Core);
  if (!core) return refuse(core.error());
  if (auto loaded = state.core->load(*core); !loaded) {
    return std::unexpected(std::move(loaded.error()));
  }
  const auto facts = take_section(in, Section::Facts);
  if (!facts) return refuse(facts.error());
  if (auto loaded = state.facts.load(*facts); !loaded) {
    return std::unexpected(std::move(loaded.error()));
  }
  const auto numbers = take_section(in, Section::Numbers);
  if (!numbers) return refuse(numbers.error());
  StateReader last{*numbers};
  last.take(state.numbers.last);
  last.take(state.numbers.time);
  if (!last.ok() || last.left() != 0) return refuse("has numbers of other sources than this build");
  const auto waiting = take_section(in, Section::Waiting);
  if (!waiting) return refuse(waiting.error());
  for (auto rest = *waiting; !rest.empty();) {
    const auto message = native::decode(rest);
    if (!message || !message->is_output()) return refuse("waits for what is no output");
    rest = rest.subspan(message->bytes().size());
  }
  state.waiting.assign(waiting->begin(), waiting->end());
  if (in.left() != 0) return refuse(fmt::format("has {} bytes too many", in.left()));
  return state;
}

}  // namespace stoa::apps
