#pragma once

#include <cstddef>
#include <vector>

#include "base/check.h"

namespace stoa::venues::sim {

/// First in, first out, of a fixed capacity; one owner. The owner asks `full()` before it pushes.
template <class T>
class Fifo {
 public:
  explicit Fifo(std::size_t capacity) : cells_(capacity) {}

  [[nodiscard]] bool empty() const noexcept { return count_ == 0; }
  [[nodiscard]] bool full() const noexcept { return count_ == cells_.size(); }
  [[nodiscard]] std::size_t room() const noexcept { return cells_.size() - count_; }
  [[nodiscard]] const T& front() const noexcept { return cells_[first_]; }

  void push(const T& item) noexcept {
    check(!full(), "the owner looks before it pushes");
    cells_[wrapped(first_ + count_)] = item;
    ++count_;
  }
  void pop() noexcept {
    first_ = wrapped(first_ + 1);
    --count_;
  }

 private:
  [[nodiscard]] std::size_t wrapped(std::size_t at) const noexcept {
    return at < cells_.size() ? at : at - cells_.size();
  }

  std::vector<T> cells_;
  std::size_t first_ = 0;
  std::size_t count_ = 0;
};

}  // namespace stoa::venues::sim
