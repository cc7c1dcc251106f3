#pragma once

#include <cstddef>
#include <deque>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/fd.h"
#include "gateway/neighbour_wire.h"

namespace stoa::gateway {

/// A connection that goes from one process to the other, between two answers.
struct GivenConnection {
  Fd socket;
  std::string early{};  // read from it and not answered yet
};

/// The link to the other gateway of a platform (decision 0014): listening socket and connections
/// travel over it as descriptors. Which of the two leads is no matter of the link.
///
/// A frame that was sent is the other's: if that one dies, the connections in it end with it.
/// Nothing blocks; gateway thread.
class Neighbour {
 public:
  explicit Neighbour(Fd socket) noexcept : socket_{std::move(socket)} {}

  void say_hello(bool has_listener);
  /// Shares it: this process keeps its own descriptor.
  ///
  /// errors  Io: out of descriptors
  [[nodiscard]] Result<void> share_listener(const Fd& listener);
  void give(std::vector<GivenConnection> connections);

  /// What came, each once.
  struct Came {
    bool hello = false;
    bool has_listener = false;  // with hello: whether the other has it
    Fd listener;
    std::vector<GivenConnection> connections{};
  };
  /// errors  Unavailable: the other process is gone · Damaged: it speaks otherwise
  [[nodiscard]] Result<Came> read();
  /// Sends what waits, as far as it goes now.
  ///
  /// errors  Unavailable: the other process is gone
  [[nodiscard]] Result<void> flush();

  [[nodiscard]] int fd() const noexcept { return socket_.get(); }
  [[nodiscard]] bool wants_to_write() const noexcept { return !frames_.empty(); }
  /// Connections of frames of which nothing was sent: they are still ours.
  [[nodiscard]] std::vector<GivenConnection> take_unsent();

 private:
  struct Frame {
    std::string bytes{};
    std::size_t sent = 0;
    std::vector<Fd> fds{};
    std::vector<std::string> early{};
  };
  void push(const NeighbourFrame& frame, std::vector<Fd> fds);

  Fd socket_;
  std::deque<Frame> frames_;
  NeighbourReader reader_;
  std::deque<Fd> came_;  // descriptors whose frames are not whole yet
};

}  // namespace stoa::gateway
