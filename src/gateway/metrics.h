#pragma once

#include <string>

namespace stoa::gateway {

struct App;

/// Everything that GET /metrics shows, in the Prometheus text format 0.0.4. Every family has HELP
/// and TYPE, and every known label set is there from the start, so that rates begin at zero.
[[nodiscard]] std::string metrics_text(const App& app);
/// The same as one JSON object: `{"name":{"type","help","samples":[{"labels","value"}]}}`.
[[nodiscard]] std::string metrics_json(const App& app);

}  // namespace stoa::gateway
