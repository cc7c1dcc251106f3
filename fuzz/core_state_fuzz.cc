// Claim: whatever bytes stand in a checkpoint, a core refuses them or holds exactly that state, and
// goes on from it without a crash. The first byte of the input chooses what the rest is:
//   0  the state itself
//   1  edits of a state that a core saved: four bytes each, three of place and one of new value
// Corpus: corpus/core_state_fuzz holds inputs for each mode.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <span>
#include <vector>

#include "oms/execution_core.h"
#include "oms/random_inputs.h"
#include "protocol/native/codec.h"

namespace {

using stoa::oms::ExecutionCore;
using Bytes = std::vector<std::byte>;

constexpr ExecutionCore::Capacity kSmall{.orders = 32};

void demand(bool holds) {
  if (!holds) std::abort();
}

/// A core after a few hundred random inputs, as bytes.
const Bytes& written_state() {
  static const Bytes state = [] {
    ExecutionCore core{kSmall};
    stoa::oms::test::RandomInputs inputs{7};
    for (int i = 0; i < 300; ++i) {
      const auto input = inputs.next();
      core.apply(inputs.lsn(), stoa::native::MessageView::trusted(input));
      inputs.outputs_followed(core.outputs().count());
      core.outputs().clear();
    }
    Bytes bytes;
    core.save(bytes);
    return bytes;
  }();
  return state;
}

Bytes edited(std::span<const std::byte> edits) {
  Bytes state = written_state();
  for (; edits.size() >= 4; edits = edits.subspan(4)) {
    const std::size_t at = std::to_integer<std::size_t>(edits[0]) |
                           std::to_integer<std::size_t>(edits[1]) << 8U |
                           std::to_integer<std::size_t>(edits[2]) << 16U;
    state[at % state.size()] = edits[3];
  }
  return state;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto input = std::as_bytes(std::span{data, size});
  if (input.empty()) return 0;
  const bool as_it_is = (std::to_integer<unsigned>(input[0]) & 1U) == 0;
  const Bytes state = as_it_is ? Bytes(input.begin() + 1, input.end()) : edited(input.subspan(1));

  const auto core = std::make_unique<ExecutionCore>(kSmall);
  if (!core->load(state)) return 0;
  Bytes again;
  core->save(again);
  demand(again == state);
  (void)core->state_hash();
  (void)core->open_orders();
  return 0;
}
