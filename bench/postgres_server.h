#pragma once

#include <memory>

#include "bench/append_stores.h"

namespace stoa::bench {

/// Whether Debian's server programs are here and, for root, the account that they run under.
[[nodiscard]] bool postgres_can_run();

/// A server of its own in the store's directory, reached through a socket there; it ends with the
/// store. Default settings: fsync and synchronous_commit are on.
[[nodiscard]] std::unique_ptr<Store> open_postgres(const StoreOptions& options);

}  // namespace stoa::bench
