// A role that does nothing but behave: it is called as `stoa run ROLE` is, speaks sd_notify, and
// misbehaves as the variable ROLE_STUB says: "risk=slow:300,hang venue=die:3".
//
//   slow:MS        is ready that much later        never          is never ready
//   die[:CODE]     ends before it is ready         crash:MS       ends with 1 that long after it
//   was ready once:MS        the same, on its first start    silent:MS      says WATCHDOG=1 no
//   longer than that hang           takes no SIGTERM                child          leaves a process
//   of its own that takes none either deaf           has no handler for SIGUSR1      http answers
//   GET at its port                                heir:CODE      ends at once when it is to take
//   over
//
// With --beside --colour green it is "risk.green", also in what it is told to do.
//
// What it does is written to DATA/stub.log: "start venue 812", "ready venue", "stop venue".

#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>  // NOLINT(modernize-deprecated-headers): sigaction is POSIX
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <optional>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

volatile sig_atomic_t g_stop = 0;
volatile sig_atomic_t g_reopen = 0;

struct Stub {
  std::string name;
  std::string data;
  std::uint16_t port = 0;
  std::map<std::string, long, std::less<>> behaviour;

  [[nodiscard]] bool does(std::string_view what) const { return behaviour.contains(what); }
  [[nodiscard]] milliseconds time(std::string_view what, long otherwise) const {
    const auto found = behaviour.find(what);
    return milliseconds{found == behaviour.end() ? otherwise : found->second};
  }
};

std::string variable(const char* name) {
  const char* value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): one thread
  return value == nullptr ? std::string{} : std::string{value};
}

void append(const std::string& file, const std::string& line) {
  const int fd = ::open(file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  [[maybe_unused]] const auto wrote = ::write(fd, line.data(), line.size());
  ::close(fd);
}

void note(const Stub& stub, std::string_view what) {
  append(stub.data + "/stub.log",
         std::string{what} + ' ' + stub.name + ' ' + std::to_string(::getpid()) + '\n');
}

void log(const Stub& stub, std::string_view event) {
  const std::string line = R"({"ts":"2026-11-21T10:00:00.000000000Z","level":"info","event":")" +
                           std::string{event} + R"(","service":")" + stub.name + "\"}\n";
  [[maybe_unused]] const auto wrote = ::write(STDERR_FILENO, line.data(), line.size());
}

void notify(std::string_view text) {
  const auto path = variable("NOTIFY_SOCKET");
  if (path.empty()) return;
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::copy_n(path.data(), std::min(path.size(), sizeof address.sun_path - 1),
              &address.sun_path[0]);
  const int fd = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  ::sendto(fd, text.data(), text.size(), MSG_NOSIGNAL, reinterpret_cast<const sockaddr*>(&address),
           sizeof address);
  ::close(fd);
}

/// "risk=slow:300,hang venue=die:3"
std::map<std::string, long, std::less<>> behaviour_of(const std::string& name) {
  std::map<std::string, long, std::less<>> found;
  std::istringstream roles{variable("ROLE_STUB")};
  for (std::string role; roles >> role;) {
    const auto equals = role.find('=');
    if (role.substr(0, equals) != name && role.substr(0, equals) != "all") continue;
    std::istringstream words{role.substr(equals + 1)};
    for (std::string word; std::getline(words, word, ',');) {
      const auto colon = word.find(':');
      found[word.substr(0, colon)] =
          colon == std::string::npos ? 1 : std::stol(word.substr(colon + 1));
    }
  }
  return found;
}

Stub stub_of(const std::vector<std::string>& words) {
  static const std::map<std::string, std::uint16_t> kPorts{
      {"relay-market", 8001}, {"relay-signal", 8002}, {"relay-execution", 8003},
      {"venue", 9100},        {"market-data", 5555},  {"risk", 5557},
      {"execution", 5556},    {"strategy", 5558},     {"gateway", 8080}};
  Stub stub;
  stub.name = words.size() > 1 ? words[1] : "?";
  for (std::size_t i = 2; i + 1 < words.size(); ++i) {
    if (words[i] == "--domain") stub.name += "-" + words[i + 1];
    if (words[i] == "--data") stub.data = words[i + 1];
    if (words[i] == "--base-port" && words[i + 1] != "any") {
      const auto base = kPorts.find(stub.name);
      if (base == kPorts.end()) continue;
      stub.port = static_cast<std::uint16_t>(base->second + std::stoi(words[i + 1]));
    }
  }
  for (std::size_t i = 2; i + 1 < words.size(); ++i) {
    const bool beside = std::ranges::find(words, "--beside") != words.end();
    if (words[i] == "--colour" && beside) stub.name += "." + words[i + 1];
    if (words[i] == "--port") stub.port = static_cast<std::uint16_t>(std::stoi(words[i + 1]));
  }
  stub.behaviour = behaviour_of(stub.name);
  return stub;
}

void handle(int number, void (*handler)(int)) {
  struct sigaction action{};
  action.sa_handler = handler;
  sigemptyset(&action.sa_mask);
  ::sigaction(number, &action, nullptr);
}

void reopen(const Stub& stub) {
  const auto file = stub.data + "/log/" + stub.name + ".log";
  const int fd = ::open(file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
  ::dup2(fd, STDOUT_FILENO);
  ::dup2(fd, STDERR_FILENO);
  ::close(fd);
  log(stub, "reopened");
}

int listen_at(std::uint16_t port) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  const int yes = 1;
  ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  if (::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
      ::listen(fd, 8) != 0) {
    ::close(fd);
    return -1;
  }
  return fd;
}

void serve(int listener) {
  const int client = ::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
  if (client < 0) return;
  std::array<char, 2'048> request{};
  const auto got = ::recv(client, request.data(), request.size(), 0);
  const std::string_view asked{request.data(), got > 0 ? static_cast<std::size_t>(got) : 0};
  const std::string body =
      asked.starts_with("GET /metrics")
          ? R"({"messages_per_second":12.5,"stoa_reader_lag_records":{"samples":[{"value":7}]}})"
          : R"({"status":"pass"})";
  const auto answer =
      "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n"
      "Content-Length: " +
      std::to_string(body.size()) + "\r\n\r\n" + body;
  ::send(client, answer.data(), answer.size(), MSG_NOSIGNAL);
  ::close(client);
}

void leave_a_child() {
  if (::fork() != 0) return;
  handle(SIGTERM, SIG_IGN);
  handle(SIGUSR1, SIG_IGN);
  while (true) ::pause();
}

}  // namespace

int main(int argc, char** argv) {
  const Stub stub = stub_of({argv + 1, argv + argc});
  handle(SIGTERM, [](int) { g_stop = 1; });
  handle(SIGPIPE, SIG_IGN);
  if (!stub.does("deaf")) handle(SIGUSR1, [](int) { g_reopen = 1; });
  if (stub.does("hang")) handle(SIGTERM, SIG_IGN);
  note(stub, "start");
  log(stub, "starting");
  if (stub.does("child")) leave_a_child();
  if (stub.does("heir") && std::string_view{argv[argc - 1]} == "--take-over") {
    std::fputs("the stub takes nothing over, as it was told\n", stderr);
    return static_cast<int>(stub.behaviour.at("heir"));
  }
  if (stub.does("die")) {
    std::fputs("the stub dies, as it was told\n", stderr);
    return static_cast<int>(stub.behaviour.at("die"));
  }
  const int listener = stub.does("http") && stub.port != 0 ? listen_at(stub.port) : -1;
  const auto marker = stub.data + "/once-" + stub.name;
  const bool first = ::access(marker.c_str(), F_OK) != 0;
  if (stub.does("once")) append(marker, "x");
  const auto began = Clock::now();
  std::optional<Clock::time_point> ready;
  Clock::time_point spoke{};
  notify("STATUS=starting slowly");
  while (g_stop == 0) {
    const auto now = Clock::now();
    if (!ready && !stub.does("never") && now - began >= stub.time("slow", 0)) {
      ready = now;
      note(stub, "ready");
      log(stub, "ready");
      notify("READY=1\nSTATUS=serving");
    }
    const bool speaks = !stub.does("silent") || !ready || now - *ready < stub.time("silent", 0);
    if (speaks && now - spoke > milliseconds{100}) {
      notify("WATCHDOG=1");
      spoke = now;
    }
    const bool crashes =
        (stub.does("crash") && ready && now - *ready >= stub.time("crash", 0)) ||
        (stub.does("once") && first && ready && now - *ready >= stub.time("once", 0));
    if (crashes) {
      std::fputs("the stub crashes, as it was told\n", stderr);
      return 1;
    }
    if (g_reopen != 0) {
      g_reopen = 0;
      reopen(stub);
    }
    pollfd wait{.fd = listener, .events = POLLIN, .revents = 0};
    ::poll(&wait, listener >= 0 ? 1 : 0, 10);
    if ((wait.revents & POLLIN) != 0) serve(listener);
  }
  notify("STOPPING=1");
  note(stub, "stop");
  return 0;
}
