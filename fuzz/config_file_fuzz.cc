// Claim: whatever bytes stand in a configuration file, they are read without harm or refused with a
// place "FILE:line:column"; names and values that come out are as many as the file can hold.
// Corpus: corpus/config_file_fuzz holds the environments' files and what once went wrong: keys
// nested without bound, inside and behind texts of every kind.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "ops/config_file.h"

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer asks for this name
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text{reinterpret_cast<const char*>(data), size};
  const auto content = stoa::ops::read_toml(text, "f.toml");
  if (!content) {
    if (!content.error().source.starts_with("f.toml") || content.error().message.empty()) {
      std::abort();
    }
    return 0;
  }
  if (content->entries.size() > size) std::abort();
  for (const auto& entry : content->entries) {
    if (!entry.value_at.starts_with("f.toml:")) std::abort();
    if (!entry.list && entry.values.size() != 1) std::abort();
  }
  return 0;
}
