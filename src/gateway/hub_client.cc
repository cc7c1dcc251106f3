#include "gateway/hub_client.h"

#include <array>
#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/wait_traits.hpp>
#include <boost/asio/write.hpp>
#include <chrono>
#include <cstddef>
#include <expected>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "gateway/hub_port.h"
#include "gateway/net.h"

namespace stoa::gateway {
namespace {

namespace asio = boost::asio;
using Local = asio::local::stream_protocol;
using LocalSocket = asio::basic_stream_socket<Local, net::Executor>;
using Timer =
    asio::basic_waitable_timer<std::chrono::steady_clock,
                               asio::wait_traits<std::chrono::steady_clock>, net::Executor>;

constexpr std::size_t kUnderWayMax = 16;
constexpr std::size_t kAnswerBytesMax = 1U << 20U;
constexpr std::size_t kPartBytes = 16'384;

}  // namespace

/// One question and its answer; holds itself alive until it is over.
class HubClient::Exchange : public std::enable_shared_from_this<HubClient::Exchange> {
 public:
  Exchange(asio::io_context& io, std::string line,
           std::move_only_function<void(HubAnswer)> answered,
           std::shared_ptr<std::size_t> under_way)
      : socket_{io},
        timer_{io},
        out_{std::move(line)},
        answered_{std::move(answered)},
        under_way_{std::move(under_way)} {
    out_ += '\n';
    ++*under_way_;
  }
  Exchange(const Exchange&) = delete;
  Exchange& operator=(const Exchange&) = delete;
  ~Exchange() { --*under_way_; }

  void start(const std::string& socket, std::chrono::milliseconds patience) {
    timer_.expires_after(patience);
    timer_.async_wait([self = shared_from_this()](net::Error error) {
      if (!error) self->finish(std::unexpected(HubFault::Silent));
    });
    socket_.async_connect(Local::endpoint{socket}, [self = shared_from_this()](net::Error error) {
      if (self->over_) return;
      if (error) return self->finish(std::unexpected(HubFault::Away));
      self->send();
    });
  }

 private:
  void send() {
    asio::async_write(socket_, asio::buffer(out_),
                      [self = shared_from_this()](net::Error error, std::size_t /*bytes*/) {
                        if (self->over_) return;
                        // The hub reads whole lines alone: a part of one was not done.
                        if (error) return self->finish(std::unexpected(HubFault::Away));
                        self->read();
                      });
  }

  void read() {
    socket_.async_read_some(asio::buffer(part_),
                            [self = shared_from_this()](net::Error error, std::size_t bytes) {
                              if (self->over_) return;
                              if (error) return self->finish(std::unexpected(HubFault::Silent));
                              self->in_.append(self->part_.data(), bytes);
                              if (self->in_.ends_with('\n')) {
                                self->in_.pop_back();
                                return self->finish(std::move(self->in_));
                              }
                              if (self->in_.size() > kAnswerBytesMax) {
                                return self->finish(std::unexpected(HubFault::Silent));
                              }
                              self->read();
                            });
  }

  void finish(HubAnswer answer) {
    if (std::exchange(over_, true)) return;
    net::Error ignored;
    net::ignore(socket_.close(ignored));
    timer_.cancel();
    answered_(std::move(answer));
  }

  LocalSocket socket_;
  Timer timer_;
  std::string out_;
  std::string in_;
  std::array<char, kPartBytes> part_{};
  std::move_only_function<void(HubAnswer)> answered_;
  std::shared_ptr<std::size_t> under_way_;
  bool over_ = false;
};

HubClient::HubClient(asio::io_context& io, const std::filesystem::path& socket,
                     std::chrono::milliseconds patience)
    : io_{io},
      socket_{socket.string()},
      patience_{patience},
      under_way_{std::make_shared<std::size_t>(0)} {}

HubClient::~HubClient() = default;

void HubClient::ask(std::string line, std::move_only_function<void(HubAnswer)> answered) {
  if (*under_way_ >= kUnderWayMax) {
    asio::post(io_, [answered = std::move(answered)]() mutable {
      answered(std::unexpected(HubFault::Busy));
    });
    return;
  }
  const auto exchange =
      std::make_shared<Exchange>(io_, std::move(line), std::move(answered), under_way_);
  exchange->start(socket_, patience_);
}

}  // namespace stoa::gateway
