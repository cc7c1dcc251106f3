#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/system/error_code.hpp>

// The few names of Boost.Asio that the sockets' files share. Everything runs on one io_context and
// one thread, so the executor is named by its type and nothing is dispatched through a pointer.
namespace stoa::gateway::net {

namespace asio = boost::asio;
using Executor = asio::io_context::executor_type;
using Tcp = asio::ip::tcp;
using Socket = asio::basic_stream_socket<Tcp, Executor>;
using Error = boost::system::error_code;

/// For calls that also return the error that they have put into their argument, and for clean-up
/// whose failure changes nothing.
inline void ignore(const Error& /*unused*/) noexcept {}

}  // namespace stoa::gateway::net
