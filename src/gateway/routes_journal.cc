#include <string>
#include <utility>

#include "gateway/app.h"
#include "gateway/desk.h"
#include "gateway/http_message.h"
#include "gateway/problem.h"
#include "gateway/router.h"
#include "gateway/routes.h"
#include "ops/checkpoint_desk.h"
#include "protocol/json/writer.h"

namespace stoa::gateway {
namespace {

Response written(const ops::CheckpointOutcome& outcome) {
  std::string body;
  json::Writer json{body};
  json.begin_object();
  json.digits_field("lsn", outcome.lsn.value());
  json.field("bytes", outcome.bytes);
  json.key("copy_ms");
  json.milli(outcome.copy_ns / 1'000);
  json.key("ms");
  json.milli(outcome.total_ns / 1'000);
  json.end_object();
  return respond_json(std::move(body));
}

}  // namespace

void post_checkpoint(App& app, const Call& /*call*/, Reply reply) {
  if (app.desk.refuse_if_closed(reply)) return;
  if (app.link.checkpoints == nullptr) {
    return reply(respond({.status = 409,
                          .code = "checkpoint_elsewhere",
                          .detail = "the execution role writes checkpoints by itself here",
                          .hint = "wal.checkpoint_every says after how many records."}));
  }
  if (!app.link.checkpoints->ask()) {
    return reply(respond({.status = 409,
                          .code = "checkpoint_busy",
                          .detail = "a checkpoint is being written already",
                          .hint = "GET /status shows it under log.checkpoint once it is done."}));
  }
  app.checkpoint = App::WaitingForCheckpoint{
      .reply = std::move(reply),
      .deadline = app.link.clock->monotonic() + app.options.checkpoint_timeout};
  app.link.engine_wake->notify();
}

void settle_checkpoint(App& app) {
  if (!app.checkpoint) return;
  const auto answer = [&](Response response) {
    Reply reply = std::move(app.checkpoint->reply);
    app.checkpoint.reset();
    reply(std::move(response));
  };
  if (auto outcome = app.link.checkpoints->take_outcome()) {
    if (outcome->error.empty()) return answer(written(*outcome));
    return answer(respond({.status = 503,
                           .code = "checkpoint_failed",
                           .detail = "the checkpoint was not written: " + outcome->error,
                           .hint = "Trading goes on; the next start reads more of the log. Look "
                                   "at the disk and try again."}));
  }
  if (app.link.clock->monotonic() < app.checkpoint->deadline) return;
  answer(respond({.status = 504,
                  .code = "outcome_unknown",
                  .detail = "the checkpoint is still being written",
                  .hint = "GET /status shows it under log.checkpoint once it is done."}));
}

}  // namespace stoa::gateway
