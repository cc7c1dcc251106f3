// Claim: whatever bytes stand where a checkpoint has the facts of its log, they are refused or held
// exactly, and can be told and noted on from there without a crash.
// Corpus: corpus/log_facts_fuzz.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <vector>

#include "apps/log_facts.h"
#include "protocol/native/codec.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto input = std::as_bytes(std::span{data, size});
  stoa::apps::LogFacts facts;
  if (!facts.load(input)) return 0;
  std::vector<std::byte> again;
  facts.save(again);
  if (again.size() != input.size() || !std::equal(again.begin(), again.end(), input.begin())) {
    std::abort();
  }
  std::vector<std::byte> told;
  facts.tell_all(told);
  std::span<const std::byte> rest = told;
  while (!rest.empty()) {
    const auto message = stoa::native::MessageView::trusted(rest);
    facts.note(message);
    rest = rest.subspan(message.bytes().size());
  }
  return 0;
}
