#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "base/fd.h"
#include "ops/discovery.h"

namespace stoa::ops {

/// A connected stream socket (Unix or TCP by the address) to an Endpoint::address, non-blocking,
/// close-on-exec.
///
/// errors  Unavailable: nobody listens, or not in time · BadInput: no address
[[nodiscard]] Result<Fd> connect_to(std::string_view address, std::chrono::milliseconds timeout);

/// Connections that are kept open between uses. One thread.
class ConnectionPool {
 public:
  struct Options {
    std::size_t idle_max = 4;  // per address; what is given back beyond it is closed
    std::chrono::milliseconds idle_for{30'000};
    std::chrono::milliseconds connect_timeout{1'000};
  };
  explicit ConnectionPool(const Clock& clock, Options options);
  explicit ConnectionPool(const Clock& clock) : ConnectionPool{clock, Options{}} {}

  /// An idle connection that is alive, or a new one.
  ///
  /// errors  as connect_to
  [[nodiscard]] Result<Fd> take(std::string_view address);
  /// For the next one who takes; only one on which every answer has been read.
  void give_back(std::string_view address, Fd connection);
  /// Closes what has died or idled too long, and what leads to no instance of `directory`.
  void sweep(const Directory& directory);

  [[nodiscard]] std::size_t idle() const noexcept { return idle_.size(); }
  [[nodiscard]] std::uint64_t made() const noexcept { return made_; }

 private:
  struct Idle {
    std::string address{};
    Fd connection{};
    nanoseconds since{};
  };

  const Clock& clock_;
  Options options_;
  std::vector<Idle> idle_;
  std::uint64_t made_ = 0;
};

}  // namespace stoa::ops
