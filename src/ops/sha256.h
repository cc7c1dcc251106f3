#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>

// SHA-256 (FIPS 180-4), the only place in ops/ that knows OpenSSL.
namespace stoa::ops {

/// The digest of bytes that come in pieces. One thread.
class Sha256 {
 public:
  Sha256();
  Sha256(const Sha256&) = delete;
  Sha256& operator=(const Sha256&) = delete;
  ~Sha256();

  void add(std::span<const std::byte> bytes);
  /// 64 lower-case hexadecimal digits of everything added; call nothing afterwards.
  [[nodiscard]] std::string finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

[[nodiscard]] std::string sha256(std::span<const std::byte> bytes);

}  // namespace stoa::ops
