#pragma once

#include <string>

namespace stoa::apps {

/// Which program this is.
struct Build {
  std::string version;
  std::string commit;
};

}  // namespace stoa::apps
