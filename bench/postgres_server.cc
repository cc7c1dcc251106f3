#include "bench/postgres_server.h"

#include <fmt/core.h>
#include <libpq-fe.h>
#include <pwd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "bench/must.h"

namespace stoa::bench {
namespace {

constexpr const char* kPrograms = "/usr/lib/postgresql/15/bin";

const passwd* account() {
  return ::getpwnam("postgres");  // NOLINT(concurrency-mt-unsafe): before any thread
}

/// Runs one of the server's programs under the account that may, and waits for it.
bool run(const std::vector<std::string>& words) {
  std::fflush(nullptr);  // the child must not print what waits here once more
  const pid_t child = ::fork();
  if (child == 0) {
    if (::getuid() == 0) {
      const passwd* const user = account();
      if (::setgid(user->pw_gid) != 0 || ::setuid(user->pw_uid) != 0) ::_exit(126);
    }
    if (std::freopen("/dev/null", "w", stdout) == nullptr) ::_exit(126);
    std::vector<char*> pointers;
    for (const std::string& word : words) pointers.push_back(const_cast<char*>(word.c_str()));
    pointers.push_back(nullptr);
    ::execv(pointers[0], pointers.data());
    ::_exit(127);
  }
  int status = 0;
  return child > 0 && ::waitpid(child, &status, 0) == child && status == 0;
}

class Postgres final : public Store {
 public:
  explicit Postgres(const StoreOptions& options) : dir_{options.dir / "pg"} {
    std::filesystem::create_directories(dir_);
    if (::getuid() == 0) {
      const passwd* const user = account();
      if (::chown(dir_.c_str(), user->pw_uid, user->pw_gid) != 0) give_up("cannot chown");
    }
    const std::string data = (dir_ / "data").string();
    const std::string programs{kPrograms};
    if (!run({programs + "/initdb", "-D", data, "-A", "trust", "-U", "bench", "--no-sync"})) {
      give_up("initdb failed");
    }
    const std::string settings = fmt::format(
        "-c listen_addresses= -c unix_socket_directories={} -c max_connections=100", dir_.string());
    if (!run({programs + "/pg_ctl", "-D", data, "-w", "-o", settings, "-l", (dir_ / "log").string(),
              "start"})) {
      give_up("pg_ctl start failed");
    }
    for (std::size_t i = 0; i < options.threads; ++i) {
      PGconn* const session =
          PQconnectdb(fmt::format("host={} user=bench dbname=postgres", dir_.string()).c_str());
      if (PQstatus(session) != CONNECTION_OK) give_up(PQerrorMessage(session));
      sessions_.push_back(session);
    }
    execute(0, "CREATE TABLE log(n bigint PRIMARY KEY, payload bytea)");
    for (PGconn* const session : sessions_) {
      PQclear(
          PQprepare(session, "put", "INSERT INTO log VALUES($1::bigint, $2::bytea)", 2, nullptr));
    }
  }
  ~Postgres() override {
    for (PGconn* const session : sessions_) PQfinish(session);
    static_cast<void>(run({std::string{kPrograms} + "/pg_ctl", "-D", (dir_ / "data").string(), "-w",
                           "-m", "immediate", "stop"}));
  }

  // A batch is one transaction, its statements sent in a pipeline.
  void append(std::size_t thread, std::uint64_t first, std::uint64_t count) override {
    PGconn* const session = sessions_.at(thread);
    if (count == 1) {
      put(session, first);
      finish(PQgetResult(session));
      PQclear(PQgetResult(session));
      return;
    }
    if (PQenterPipelineMode(session) != 1) give_up("no pipeline");
    good(PQsendQueryParams(session, "BEGIN", 0, nullptr, nullptr, nullptr, nullptr, 0), session);
    for (std::uint64_t i = first; i < first + count; ++i) put(session, i);
    good(PQsendQueryParams(session, "COMMIT", 0, nullptr, nullptr, nullptr, nullptr, 0), session);
    good(PQpipelineSync(session), session);
    for (std::uint64_t i = 0; i < count + 2; ++i) {
      finish(PQgetResult(session));
      PQclear(PQgetResult(session));
    }
    PQclear(PQgetResult(session));  // of the sync
    if (PQexitPipelineMode(session) != 1) give_up(PQerrorMessage(session));
  }
  std::uint64_t read_back() override {
    PGresult* const rows = PQexecParams(sessions_.front(), "SELECT payload FROM log", 0, nullptr,
                                        nullptr, nullptr, nullptr, 1);
    std::uint64_t sum = 0;
    for (int i = 0; i < PQntuples(rows); ++i) {
      sum += checksum(std::as_bytes(
          std::span{PQgetvalue(rows, i, 0), static_cast<std::size_t>(PQgetlength(rows, i, 0))}));
    }
    PQclear(rows);
    return sum;
  }

 private:
  static void good(int done, PGconn* session) {
    if (done != 1) give_up(PQerrorMessage(session));
  }
  static void finish(PGresult* result) {
    const ExecStatusType status = PQresultStatus(result);
    if (status != PGRES_COMMAND_OK) give_up(PQresultErrorMessage(result));
    PQclear(result);
  }
  static void put(PGconn* session, std::uint64_t i) {
    const std::string number = std::to_string(i);
    const std::array<const char*, 2> values{number.c_str(),
                                            reinterpret_cast<const char*>(record(i).data())};
    static constexpr std::array<int, 2> kLengths{0, static_cast<int>(kRecordBytes)};
    static constexpr std::array<int, 2> kBinary{0, 1};
    good(PQsendQueryPrepared(session, "put", 2, values.data(), kLengths.data(), kBinary.data(), 0),
         session);
  }
  void execute(std::size_t thread, const char* sql) { finish(PQexec(sessions_.at(thread), sql)); }

  std::filesystem::path dir_;
  std::vector<PGconn*> sessions_;
};

}  // namespace

bool postgres_can_run() {
  return ::access((std::string{kPrograms} + "/initdb").c_str(), X_OK) == 0 &&
         (::getuid() != 0 || account() != nullptr);
}

std::unique_ptr<Store> open_postgres(const StoreOptions& options) {
  return std::make_unique<Postgres>(options);
}

}  // namespace stoa::bench
