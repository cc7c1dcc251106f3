#pragma once

namespace stoa::gateway {

struct App;

/// Registers everything that GET /metrics shows with App::metrics, whose samples are read on the
/// gateway's thread. Every known label set is there from the start, so that rates begin at zero.
void add_metrics(App& app);

}  // namespace stoa::gateway
