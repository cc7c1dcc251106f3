#pragma once

#include <string>
#include <utility>
#include <vector>

#include "deploy/hub.h"
#include "deploy/layout.h"

namespace stoa::deploy {

/// A role, or "file", and how it differs.
using DriftFindings = std::vector<std::pair<std::string, std::string>>;

/// What somebody changed by hand in the file that `ticket` was written to.
void find_file_drift(const Layout& layout, const ApplyTicket& ticket, DriftFindings& findings);

}  // namespace stoa::deploy
