#include "relay/ring.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <deque>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "base/fd.h"
#include "base/ids.h"
#include "base/random.h"
#include "protocol/native/codec.h"
#include "relay/wire.h"

namespace stoa::relay {
namespace {

using Bytes = std::vector<std::byte>;

Bytes message(std::uint64_t sequence, std::size_t body_bytes) {
  Bytes bytes(sizeof(native::Header) + 5 + body_bytes);
  const Bytes body(body_bytes, static_cast<std::byte>(sequence));
  bytes.resize(native::encode_user(
      bytes, {.domain = native::Domain::Market, .source = 5, .sequence = sequence}, 200, body));
  return bytes;
}

struct Slow {
  std::uint64_t position = 0;
  std::uint64_t lsn = 0;  // 0: transient
  Bytes bytes;
};

/// Compares every answer with a list of all entries ever.
void compare(const Ring& ring, const std::deque<Slow>& all, std::uint64_t key_lsn) {
  const std::uint64_t lost = ring.lost_before();
  std::optional<std::uint64_t> oldest;
  for (const Slow& entry : all) {
    if (entry.position < lost) {
      EXPECT_TRUE(entry.lsn == 0 || !ring.find(entry.lsn)) << entry.lsn;
      continue;
    }
    const auto bytes = ring.entry(entry.position);
    ASSERT_TRUE(std::ranges::equal(bytes.subspan(kLsnBytes), entry.bytes));
    if (entry.lsn == 0) continue;
    const auto found = ring.find(entry.lsn);
    // Marks stand at every sixteenth record: up to fifteen whole records may not be found.
    if (!found) {
      EXPECT_FALSE(oldest) << "once one is found, all behind it are";
      continue;
    }
    if (!oldest) oldest = entry.lsn;
    EXPECT_EQ(found->position, entry.position);
    EXPECT_EQ(found->lsn, entry.lsn);
  }
  EXPECT_EQ(ring.oldest().lsn, oldest.value_or(ring.next_lsn()));
  const auto key = ring.newest_key();
  const auto slow_key = std::ranges::find(all, key_lsn, &Slow::lsn);
  if (key_lsn != 0 && slow_key != all.end() && slow_key->position >= lost) {
    ASSERT_TRUE(key);
    EXPECT_EQ(key->position, slow_key->position);
  } else {
    EXPECT_FALSE(key);
  }
}

TEST(Ring, FindsWhatAListFinds) {
  for (const std::uint64_t seed : {1U, 2U, 3U, 4U}) {
    Random random{seed};
    const std::uint64_t first = 1 + random.below(100);
    Ring ring = Ring::make(64U << 10U, Lsn{first}, 7).value();
    std::deque<Slow> all;
    std::uint64_t lsn = first;
    std::uint64_t key = 0;
    for (int i = 0; i < 3'000; ++i) {
      const bool transient = random.one_in(5);
      const Bytes bytes = message(lsn, random.one_in(20) ? 4'000 : random.below(300));
      const bool is_key = !transient && random.one_in(50);
      all.push_back({.position = ring.head(), .lsn = transient ? 0 : lsn, .bytes = bytes});
      ring.append(transient ? Lsn{0} : Lsn{lsn}, bytes, is_key);
      if (is_key) key = lsn;
      if (!transient) ++lsn;
      if (random.one_in(100)) compare(ring, all, key);
      while (all.front().position + 3 * ring.capacity() < ring.head()) all.pop_front();
    }
    compare(ring, all, key);
    // Any byte leads to its entry.
    const Ring::Place oldest = ring.oldest();
    std::uint64_t next = oldest.lsn;
    for (const Slow& entry : all) {
      if (entry.position < oldest.position) continue;
      for (const std::uint64_t byte : {std::uint64_t{0}, entry.bytes.size() + kLsnBytes - 1}) {
        const Ring::Place place = ring.entry_at(entry.position + byte, oldest);
        EXPECT_EQ(place.position, entry.position);
        EXPECT_EQ(place.lsn, next);
      }
      if (entry.lsn != 0) ++next;
    }
  }
}

TEST(Ring, IsWholeInItsDescriptor) {
  Ring ring = Ring::make(64U << 10U, Lsn{5}, 7).value();
  for (std::uint64_t lsn = 5; lsn < 1'000; ++lsn)
    ring.append(Lsn{lsn}, message(lsn, 50), lsn == 990);
  const Ring heir = Ring::adopt(Fd{::dup(ring.fd())}).value();
  EXPECT_EQ(heir.log_id(), 7U);
  EXPECT_EQ(heir.next_lsn(), 1'000U);
  EXPECT_EQ(heir.head(), ring.head());
  EXPECT_EQ(heir.oldest().lsn, ring.oldest().lsn);
  EXPECT_EQ(heir.newest_key()->lsn, 990U);
  const auto place = heir.find(995);
  ASSERT_TRUE(place);
  EXPECT_TRUE(std::ranges::equal(heir.entry(place->position), ring.entry(place->position)));
}

TEST(Ring, BytesOverTheEdgeLieTogether) {
  const Mirror mirror = Mirror::make("test", 1U << 16U).value();
  const Bytes bytes(1'000, std::byte{7});
  std::memcpy(mirror.at((1U << 16U) - 500), bytes.data(), bytes.size());
  EXPECT_EQ(*mirror.at(499), std::byte{7});
  EXPECT_EQ(*mirror.at(500), std::byte{0});
}

TEST(Ring, RefusesMemoryThatIsNoRing) {
  Ring ring = Ring::make(64U << 10U, Lsn{1}, 7).value();
  ASSERT_EQ(::ftruncate(ring.fd(), 1U << 16U), 0);
  EXPECT_FALSE(Ring::adopt(Fd{::dup(ring.fd())}));
}

}  // namespace
}  // namespace stoa::relay
