// Claim: whatever text stands in a backup's manifest, it is read without harm, and what is believed
// is written again as it was read. The digest keeps nearly every input out, so that each input is
// tried a second time with a digest that fits.
// Corpus: corpus/backup_manifest_fuzz holds a manifest as a run wrote it, and its parts.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <string>
#include <string_view>

#include "ops/backup_manifest.h"
#include "ops/sha256.h"

namespace {

void try_text(const std::string& text) {
  const auto manifest = stoa::ops::decode_manifest(text);
  if (!manifest) return;
  const auto again = stoa::ops::decode_manifest(stoa::ops::encode_manifest(*manifest));
  if (!again || stoa::ops::encode_manifest(*again) != stoa::ops::encode_manifest(*manifest)) {
    std::abort();
  }
  for (const auto& entry : manifest->entries) {
    if (entry.stored.find('/') != std::string::npos || entry.stored.front() == '.') std::abort();
    if (entry.name.find('/') != std::string::npos || entry.name.front() == '.') std::abort();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text{reinterpret_cast<const char*>(data), size};
  try_text(text);
  const auto body = text.substr(0, text.rfind(",\"sha256\":\""));
  try_text(body + ",\"sha256\":\"" + stoa::ops::sha256(std::as_bytes(std::span{body})) + "\"}\n");
  return 0;
}
