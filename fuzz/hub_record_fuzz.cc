// Claim: whatever stands in a record of the hub's log, it is read without harm; what is believed is
// written again as it was read, and following it never breaks the state, whatever it says.
// Corpus: corpus/hub_record_fuzz holds records as a hub wrote them, one a line.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "base/ids.h"
#include "deploy/hub_record.h"
#include "deploy/hub_state.h"

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer asks for this name
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace stoa;
  using namespace stoa::deploy;
  std::string_view text{reinterpret_cast<const char*>(data), size};
  HubState state;
  std::uint64_t lsn = 0;
  while (!text.empty()) {
    const auto end = text.find('\n') == std::string_view::npos ? text.size() : text.find('\n');
    const auto record = decode_hub_record(text.substr(0, end));
    text.remove_prefix(end == text.size() ? end : end + 1);
    if (!record) continue;
    const auto again = decode_hub_record(encode(*record));
    if (!again || *again != *record) std::abort();
    const auto spaces = state.spaces().size();
    if (!state.apply(*record, Lsn{++lsn}) && state.spaces().size() != spaces) std::abort();
    for (const Space& space : state.spaces()) {
      if (content_hash(space, space.head()) != space.head().hash) std::abort();
    }
  }
  return 0;
}
