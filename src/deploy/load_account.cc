#include "deploy/load_account.h"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

#include "base/clock.h"
#include "protocol/json/writer.h"

namespace stoa::deploy {
namespace {

constexpr nanoseconds kHoldMax = std::chrono::seconds{2};

}  // namespace

Verdict verdict_on_order(int status, std::string_view code) noexcept {
  if (status == 201) return Verdict::Taken;
  const bool proven = (status >= 400 && status < 500 && status != 409) || code == "engine_busy" ||
                      code == "not_ready" || code == "held_full";
  return proven ? Verdict::Refused : Verdict::Unclear;
}

Verdict verdict_on_repeat(int status) noexcept {
  if (status == 201 || status == 200 || status == 409) return Verdict::Taken;
  return status == 422 ? Verdict::Refused : Verdict::Unclear;
}

Verdict verdict_on_question(int status) noexcept {
  if (status == 200) return Verdict::Taken;
  return status == 404 ? Verdict::Absent : Verdict::Unclear;
}

std::uint64_t LoadReport::refused_count() const noexcept {
  std::uint64_t sum = 0;
  for (const auto& [code, count] : refused) sum += count;
  return sum;
}

void LoadAccount::begin(nanoseconds now) {
  begin_ = last_ack_ = now;
  flowing_ = true;
}

void LoadAccount::end(nanoseconds now) {
  report_.seconds = std::chrono::duration<double>(now - begin_).count();
  close_silence(now);
  flowing_ = false;
}

std::uint64_t LoadAccount::due() {
  ++report_.due;
  fates_.push_back(Fate::Open);
  asked_.push_back(false);
  return fates_.size() - 1;
}

void LoadAccount::unsent(std::uint64_t order) {
  ++report_.unsent;
  fates_[order] = Fate::Unsent;
}

void LoadAccount::acknowledged(std::uint64_t order, nanoseconds due, nanoseconds now) {
  ++report_.acknowledged;
  fates_[order] = Fate::Taken;
  close_silence(now);
  const nanoseconds took = now - due;
  latency_.record(static_cast<std::uint64_t>(took.count()));
  if (took > kHoldMax) ++report_.slower_than_2s;
  const auto second = static_cast<std::size_t>((now - begin_) / std::chrono::seconds{1});
  while (report_.by_second.size() < second) end_second();
  second_us_.push_back(static_cast<std::uint32_t>(took.count() / 1'000));
}

void LoadAccount::refused(std::uint64_t order, std::string_view code) {
  ++report_.refused[std::string{code}];
  close_question(order);
  fates_[order] = Fate::Refused;
}

void LoadAccount::unknown(std::uint64_t order) {
  ++report_.unknown;
  ++open_questions_;
  asked_[order] = true;
}

void LoadAccount::found(std::uint64_t order, bool placed_now, nanoseconds now) {
  ++(placed_now ? report_.resolved_placed : report_.resolved_present);
  close_question(order);
  fates_[order] = Fate::Taken;
  close_silence(now);
}

void LoadAccount::absent(std::uint64_t order) {
  ++report_.resolved_absent;
  close_question(order);
  fates_[order] = Fate::Absent;
}

void LoadAccount::close_question(std::uint64_t order) {
  if (asked_[order]) --open_questions_;
  asked_[order] = false;
}

void LoadAccount::close_silence(nanoseconds now) {
  if (!flowing_) return;
  const auto silence = static_cast<std::uint64_t>((now - last_ack_) / std::chrono::milliseconds{1});
  if (silence > report_.longest_silence_ms) {
    report_.longest_silence_ms = silence;
    report_.longest_silence_at_s = std::chrono::duration<double>(last_ack_ - begin_).count();
  }
  last_ack_ = now;
}

void LoadAccount::end_second() {
  LoadSecond second{.acknowledged = second_us_.size()};
  if (!second_us_.empty()) {
    std::ranges::sort(second_us_);
    second.p50_us = second_us_[second_us_.size() / 2];
    second.p99_us = second_us_[second_us_.size() * 99 / 100];
    second.max_us = second_us_.back();
  }
  report_.by_second.push_back(second);
  second_us_.clear();
}

LoadReport LoadAccount::report() {
  if (!second_us_.empty()) end_second();
  report_.unresolved = open_questions_;
  report_.p50_us = latency_.percentile(.5) / 1'000;
  report_.p99_us = latency_.percentile(.99) / 1'000;
  report_.p999_us = latency_.percentile(.999) / 1'000;
  report_.max_us = latency_.max() / 1'000;
  return report_;
}

std::string to_json(const LoadReport& report) {
  std::string text;
  json::Writer json{text};
  json.begin_object();
  json.key("seconds");
  json.milli(static_cast<std::int64_t>(report.seconds * 1e3));
  for (const auto& [name, value] :
       std::initializer_list<std::pair<std::string_view, std::uint64_t>>{
           {"due", report.due},
           {"sent", report.sent},
           {"unsent", report.unsent},
           {"acknowledged", report.acknowledged},
           {"unknown", report.unknown},
           {"resolved_present", report.resolved_present},
           {"resolved_absent", report.resolved_absent},
           {"resolved_placed", report.resolved_placed},
           {"unresolved", report.unresolved},
           {"cancels", report.cancels},
           {"replaces", report.replaces},
           {"follow_ups_refused", report.follow_ups_refused},
           {"repeated", report.repeated},
           {"connects_refused", report.connects_refused},
           {"lines_lost", report.lines_lost},
           {"time_outs", report.time_outs},
           {"unavailable", report.unavailable},
           {"slower_than_2s", report.slower_than_2s},
           {"p50_us", report.p50_us},
           {"p99_us", report.p99_us},
           {"p999_us", report.p999_us},
           {"max_us", report.max_us},
           {"longest_silence_ms", report.longest_silence_ms}}) {
    json.field(name, value);
  }
  json.key("longest_silence_at_s");
  json.milli(static_cast<std::int64_t>(report.longest_silence_at_s * 1e3));
  json.key("refused");
  json.begin_object();
  for (const auto& [code, count] : report.refused) {
    json.text_key(code);
    json.value(count);
  }
  json.end_object();
  json.key("by_second");
  json.begin_array();
  for (const LoadSecond& second : report.by_second) {
    json.begin_object();
    json.field("acknowledged", second.acknowledged);
    json.field("p50_us", second.p50_us);
    json.field("p99_us", second.p99_us);
    json.field("max_us", second.max_us);
    json.end_object();
  }
  json.end_array();
  json.end_object();
  return text;
}

}  // namespace stoa::deploy
