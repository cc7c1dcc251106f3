// Claim: whatever stands in a file of the registry, it is read without harm; what is believed has
// names that are no paths and is written again as it was read.
// Corpus: corpus/registry_entry_fuzz holds an entry as a role wrote it, and its parts.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "ops/registry.h"

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer asks for this name
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text{reinterpret_cast<const char*>(data), size};
  const auto instance = stoa::ops::instance_from_json(text);
  if (!instance) return 0;
  for (const std::string& name : {instance->service, instance->instance}) {
    if (name.empty() || name.find_first_of("./") != std::string::npos) std::abort();
  }
  const auto again = stoa::ops::instance_from_json(stoa::ops::to_json(*instance));
  if (!again || *again != *instance) std::abort();
  return 0;
}
