// Both Binance decoders on any bytes: neither reads outside the frame, and whenever the quick one
// takes a frame, the general one gives the same message.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/check.h"
#include "venues/binance/frame_digest.h"
#include "venues/binance/parse.h"

// NOLINTNEXTLINE(readability-identifier-naming): the name is libFuzzer's
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace stoa::venues::binance;
  static GeneralParser general;
  static LevelBuffers quick_levels;
  static LevelBuffers general_levels;
  // A copy of exactly this size, so that a byte too far is a byte outside.
  const std::string json(data, data + size);
  const auto quick = parse_fast(json, quick_levels);
  const auto checked = general.parse(json, general_levels);
  if (!checked) stoa::check(checked.error().offset <= size, "errors point into the frame");
  if (quick) {
    stoa::check(checked.has_value(), "the quick decoder takes only what the general one does");
    stoa::check(digest(*quick) == digest(*checked), "both decoders give the same message");
  }
  return 0;
}
