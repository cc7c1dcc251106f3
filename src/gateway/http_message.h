#pragma once

#include <concepts>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace stoa::gateway {

enum class Method : std::uint8_t { Get, Head, Post, Put, Patch, Delete, Other };
[[nodiscard]] std::string_view to_string(Method method) noexcept;  // "GET"

/// One request as handlers see it; borrowed from the session for the call.
struct Request {
  Method method = Method::Get;
  std::string_view target{};  // as it came: path and query
  std::string_view body{};
  std::string_view host{};
  std::string_view authorization{};
  std::string_view accept{};
  std::string_view if_none_match{};
  std::string_view request_id{};

  [[nodiscard]] std::string_view path() const noexcept {
    return target.substr(0, target.find('?'));
  }
  [[nodiscard]] std::string_view query() const noexcept {
    const auto at = target.find('?');
    return at == std::string_view::npos ? std::string_view{} : target.substr(at + 1);
  }
};

/// One answer. Either `body` or `asset` is sent; an asset lives as long as the program.
struct Response {
  int status = 200;
  std::string_view content_type = "application/json";
  std::string body{};
  std::span<const std::uint8_t> asset{};
  std::vector<std::pair<std::string_view, std::string>> headers{};  // names are literals
  bool cacheable = false;  // else Cache-Control: no-store, unless a header says more
  bool page = false;       // a document: carries the content security policy
};

/// Where one answer goes: called once, now or later, on the gateway's thread.
class Reply {
 public:
  using Answer = std::move_only_function<void(Response&&)>;
  using Gone = std::move_only_function<bool() const>;

  /// Whoever asked waits for as long as it takes.
  template <class F>
    requires(!std::same_as<std::remove_cvref_t<F>, Reply> && std::invocable<F&, Response &&>)
  Reply(F answer) : answer_{std::move(answer)} {}
  Reply(Answer answer, Gone gone) : answer_{std::move(answer)}, gone_{std::move(gone)} {}

  void operator()(Response&& response) { answer_(std::move(response)); }
  /// Whoever asked has hung up, or sends nothing more, as far as is known here. One system call.
  [[nodiscard]] bool gone() const { return gone_ && gone_(); }

 private:
  Answer answer_;
  Gone gone_{};
};

/// `%41` to `A`; false for a cut or foreign escape. `+` stays: it is a blank only in forms.
[[nodiscard]] bool percent_decode(std::string_view text, std::string& out);

/// A query string's parameters in order.
///
/// errors  nothing when an escape is broken
class Query {
 public:
  [[nodiscard]] static bool parse(std::string_view text, Query& out);
  /// The first value of `name`, or null.
  [[nodiscard]] const std::string* find(std::string_view name) const noexcept;
  [[nodiscard]] std::span<const std::pair<std::string, std::string>> all() const noexcept {
    return values_;
  }

 private:
  std::vector<std::pair<std::string, std::string>> values_;
};

}  // namespace stoa::gateway
