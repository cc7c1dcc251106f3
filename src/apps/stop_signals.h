#pragma once

#include <signal.h>

#include <csignal>

namespace stoa::apps {

/// Calls `stop` on SIGINT and SIGTERM, which may do only what a signal handler may: atomic stores
/// and a write to an eventfd. A peer that is gone is an error of the call, not a signal.
inline void on_stop_signals(void (*stop)(int)) {
  struct sigaction action{};
  action.sa_handler = stop;
  sigemptyset(&action.sa_mask);
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
}

}  // namespace stoa::apps
