#include "protocol/native/registry.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include "model/execution.h"
#include "model/instrument.h"
#include "model/market.h"
#include "model/order.h"
#include "model/risk.h"
#include "model/system.h"

namespace stoa::native {
namespace {

template <class M>
constexpr MessageInfo info() noexcept {
  return {.type = Wire<M>::kType,
          .name = Wire<M>::kName,
          .size = sizeof(M),
          .fields = Wire<M>::kFields,
          .item_fields = {},
          .purpose = Wire<M>::kPurpose};
}

template <class M>
constexpr MessageInfo with_tail(std::uint8_t type, std::string_view name,
                                std::span<const Field> item_fields, std::size_t item_size,
                                std::string_view purpose) noexcept {
  MessageInfo result = info<M>();
  result.type = type;
  result.name = name;
  result.item_fields = item_fields;
  result.item_size = static_cast<std::uint16_t>(item_size);
  result.purpose = purpose;
  return result;
}

constexpr std::array kMessages{
    info<Trade>(),
    info<Quote>(),
    with_tail<BookUpdate>(kBookSnapshotType, "BookSnapshot", kLevelFields, sizeof(Level),
                          "a whole book or a part of one; bids, then asks follow"),
    with_tail<BookUpdate>(kBookDeltaType, "BookDelta", kLevelFields, sizeof(Level),
                          Wire<BookUpdate>::kPurpose),
    info<Candle>(),
    info<FeedState>(),
    info<OrderIntent>(),
    info<CancelIntent>(),
    info<ReplaceIntent>(),
    info<CancelAllIntent>(),
    with_tail<RiskDecision>(Wire<RiskDecision>::kType, Wire<RiskDecision>::kName, kCheckFields,
                            sizeof(CheckResult), Wire<RiskDecision>::kPurpose),
    info<OrderSend>(),
    info<CancelSend>(),
    info<ReplaceSend>(),
    info<ExecutionReport>(),
    info<OrderUpdate>(),
    info<Fill>(),
    info<OrderQuery>(),
    info<VenueSession>(),
    info<Instrument>(),
    info<Mark>(),
    info<LimitSet>(),
    info<KillSwitch>(),
    info<PositionUpdate>(),
    info<AccountUpdate>(),
    info<CashMovement>(),
    info<StrategyCommand>(),
    info<RunStarted>(),
    info<StateDigest>(),
};

constexpr std::array<std::uint8_t, 256> index_by_type() noexcept {
  std::array<std::uint8_t, 256> index{};
  for (std::size_t i = 0; i < kMessages.size(); ++i)
    index[kMessages[i].type] = static_cast<std::uint8_t>(i + 1);
  return index;
}
constexpr auto kIndexByType = index_by_type();  // 0: unknown, else place in kMessages plus one

consteval std::array<detail::Shape, 256> all_shapes() {
  std::array<detail::Shape, 256> shapes{};
  for (const MessageInfo& info : kMessages) {
    if (info.item_size > 0) continue;
    shapes[info.type] = detail::shape_of(info.type, info.size, info.fields);
  }
  return shapes;
}

}  // namespace

constinit const std::array<detail::Shape, 256> detail::kShapes = all_shapes();

std::span<const MessageInfo> messages() noexcept { return kMessages; }

const MessageInfo* find_message(std::uint8_t type) noexcept {
  const std::uint8_t place = kIndexByType[type];
  return place == 0 ? nullptr : &kMessages[place - 1U];
}

}  // namespace stoa::native
