#include "protocol/native/registry.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <type_traits>
#include "model/market.h"
#include "model/portfolio.h"
#include "model/risk.h"
#include "model/signal.h"

namespace stoa::native {
namespace {

constexpr bool is_limited(std::span<const Field> fields) noexcept {
  return std::ranges::any_of(fields, [](const Field& f) { return f.limit() > 0; });
}

constexpr bool is_count(const Field& field) noexcept { return field.kind == FieldKind::Count; }

template <class M>
constexpr auto kCountsAt = [] {
  std::array<std::uint16_t, std::ranges::count_if(Wire<M>::kFields, is_count)> at{};
  std::size_t used = 0;
  for (const Field& field : Wire<M>::kFields) {
    if (is_count(field)) at[used++] = field.offset;
  }
  return at;
}();

template <class M>
constexpr MessageInfo info() noexcept {
  return {.type = Wire<M>::kType,
          .name = Wire<M>::kName,
          .size = sizeof(M),
          .fields = Wire<M>::kFields,
          .item_fields = {},
          .purpose = Wire<M>::kPurpose,
          .counts_at = kCountsAt<M>,
          .limited = is_limited(Wire<M>::kFields)};
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
  result.item_limited = is_limited(item_fields);
  return result;
}

template <class M, class Item>
constexpr MessageInfo with_tail(std::span<const Field> item_fields) noexcept {
  return with_tail<M>(Wire<M>::kType, Wire<M>::kName, item_fields, sizeof(Item), Wire<M>::kPurpose);
}

/// What stands in the registry for one struct; BookUpdate stands there twice.
template <class M>
constexpr auto infos() noexcept {
  if constexpr (std::is_same_v<M, BookUpdate>) {
    return std::array{
        with_tail<M>(kBookSnapshotType, "BookSnapshot", kLevelFields, sizeof(Level),
                     "a whole book or a part of one; bids, then asks follow"),
        with_tail<M>(kBookDeltaType, "BookDelta", kLevelFields, sizeof(Level), Wire<M>::kPurpose)};
  } else if constexpr (std::is_same_v<M, ArbitrageSignal>) {
    return std::array{with_tail<M, ArbitrageLeg>(kLegFields)};
  } else if constexpr (std::is_same_v<M, RiskDecision>) {
    return std::array{with_tail<M, CheckResult>(kCheckFields)};
  } else if constexpr (std::is_same_v<M, Portfolio>) {
    return std::array{with_tail<M, PortfolioPosition>(kPositionFields)};
  } else {
    return std::array{info<M>()};
  }
}

template <class... M>
constexpr auto all_infos(MessageList<M...> /*structs*/) noexcept {
  std::array<MessageInfo, (infos<M>().size() + ...)> all{};
  std::size_t used = 0;
  const auto add = [&](const auto& some) {
    for (const MessageInfo& each : some) all[used++] = each;
  };
  (add(infos<M>()), ...);
  return all;
}
constexpr auto kMessages = all_infos(MessageStructs{});

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
