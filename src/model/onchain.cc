#include "model/onchain.h"

#include <string_view>

namespace stoa {

std::string_view to_string(PoolKind value) noexcept {
  switch (value) {
    case PoolKind::ConstantProduct:
      return "constant_product";
    case PoolKind::Concentrated:
      return "concentrated";
  }
  return "unknown";
}

}  // namespace stoa
