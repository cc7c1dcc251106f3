#!/usr/bin/env python3
"""One process and many write the same log: one flow of orders through both, then record against record."""

from __future__ import annotations

import sys
import unittest
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "simulation"))

from running import EngineShape, RolesShape, Running  # noqa: E402
from stoa_process import TERMINAL, Client, dump, e8, wait_for  # noqa: E402

# Bookkeeping of runs, and what follows from the market's moves and the moment at which they were seen.
LEFT_OUT = frozenset(
    {
        "Mark", "RunStarted", "Instrument", "CashMovement", "LimitSet", "VenueSession", "StrategyCommand", "StateDigest",
        "PositionUpdate", "AccountUpdate", "Heartbeat", "Portfolio", "Exposure", "RiskAlert", "Breaker", "Balance",
    }
)  # fmt: skip
# Compared by their first appearance: the n-th name in one log is the n-th in the other.
NAMES = {
    "intent": "request", "cl_ord_id": "request", "orig_cl_ord_id": "request", "order_id": "order", "exec_id": "execution",
}  # fmt: skip
MARKET = frozenset({"last_px", "avg_px", "fee", "fees", "realized_pnl"})
MARKET_CHECKS = frozenset(
    {"market_price", "price_band", "min_notional", "order_notional", "position", "gross_exposure", "order_rate", "daily_loss", "funds"}
)
SYMBOLS = {"BTCUSDT": ("0.0002", "0.0004"), "ETHUSDT": ("0.004", "0.006"), "SOLUSDT": ("0.05", "0.07")}


class Flow:
    """One order at a time, each followed to an answer that stands; far from the market, but for two at it."""

    def __init__(self, client: Client, prices: dict[str, int]) -> None:
        self._client = client
        self._prices = prices  # in ticks of 0.01
        self._count = 0

    def run(self, rounds: int) -> None:
        for number in range(rounds):
            for symbol, (small, large) in SYMBOLS.items():
                for side in ("buy", "sell"):
                    self._round(symbol, side, small, large, number)

    def _round(self, symbol: str, side: str, small: str, large: str, number: int) -> None:
        order = self._place(symbol, side, small, self._far(symbol, side, 4 + number))
        self._status(order, "new")
        self._ok("PATCH", order, {"price": self._far(symbol, side, 5 + number), "quantity": large})
        self._ok("DELETE", order)
        self._status(order, "canceled")
        self._refused("DELETE", order, 409)
        self._refused("DELETE", f"{order}-never", 404)
        near = self._far(symbol, side, 4)
        for quantity, price in ((small, self._far(symbol, side, 30)), (small, f"{near}1"), ("0.0000001", near)):
            self._place(symbol, side, quantity, price, status=422)
        taken = self._place(symbol, side, small, None, type="market", time_in_force="IOC")
        self._status(taken, "filled")
        # The venue's refusal may come before the answer or behind it.
        gone = self._place(symbol, side, small, near, status=None, time_in_force="FOK")
        self._status(gone, "rejected")

    def _far(self, symbol: str, side: str, percent: int) -> str:
        ticks = self._prices[symbol] * (100 + (-percent if side == "buy" else percent)) // 100
        return f"{ticks // 100}.{ticks % 100:02d}"

    def _place(self, symbol: str, side: str, quantity: str, price: str | None, status: int | None = 201, **more: str) -> str:
        self._count += 1
        name = f"same-{self._count}"
        order = {"symbol": symbol, "side": side, "type": "limit", "quantity": quantity, "time_in_force": "GTC"}
        if price is not None:
            order["price"] = price
        reply = self._client.place(name, **order | more)
        if reply.status != status and (status is not None or reply.status not in (201, 422)):
            raise AssertionError(f"{order | more}: {reply.status} {reply.body}")
        return name

    def _ok(self, method: str, order: str, body: Any = None) -> None:
        self._client.ok(method, f"/api/v1/orders/{order}", body)

    def _refused(self, method: str, order: str, status: int) -> None:
        reply = self._client.call(method, f"/api/v1/orders/{order}")
        if reply.status != status:
            raise AssertionError(f"{method} {order}: {reply.status} {reply.body}")

    def _status(self, order: str, wanted: str) -> None:
        def seen() -> bool:
            status = self._client.order(order).body["status"]
            if status in TERMINAL and status != wanted:
                raise AssertionError(f"{order} is {status}, not {wanted}")
            return status == wanted

        wait_for(f"{order} {wanted}", seen)


def comparable(data: Path) -> list[str]:
    """The log without times, places and what the market did: inputs in their order, then outputs in theirs.

    Two reports that come at once lie before the outputs of both or one behind the other's; it is the same log.
    """
    seen: dict[str, dict[str, int]] = {}

    def name(kind: str, value: str) -> int:
        known = seen.setdefault(kind, {"0": 0})
        return known.setdefault(value, len(known))

    def cleaned(kind: str, body: dict[str, Any]) -> dict[str, Any]:
        return {
            key: name(NAMES[key], value) if key in NAMES else value
            for key, value in body.items()
            if key != "checks" and not key.startswith("ts_") and key not in MARKET and not (kind == "Fill" and key == "px")
        }

    lines = []
    records = list(dump(data))
    inputs = [record for record in records if not record["message"].get("output")]
    for record in inputs + [record for record in records if record["message"].get("output")]:
        message = record["message"]
        kind, body = message["type"], message["body"]
        if kind in LEFT_OUT:
            continue
        # The intent is known by its place, so that everything that names it later finds it here first.
        place = name("request", record["lsn"]) if kind.endswith("Intent") else 0
        checks = [
            {key: each[key] for key in each if not key.endswith("_e8") or each["check"] not in MARKET_CHECKS}
            for each in body.get("checks", [])
        ]
        lines.append(f"{kind} {message['source']} {place} {cleaned(kind, body)} {checks}")
    return lines


def positions(client: Client) -> list[tuple[str, ...]]:
    found = client.ok("GET", "/api/v1/positions")["positions"]
    return sorted(tuple(each[key] for key in ("symbol", "quantity", "bought_quantity", "sold_quantity")) for each in found)


class SameLogTest(unittest.TestCase):
    maxDiff = 4_000

    def _drive(self, running: Running, prices: dict[str, int], rounds: int = 2) -> tuple[list[str], list[tuple[str, ...]]]:
        running.start()
        client = running.client()
        self.addCleanup(client.close)
        if not prices:
            for symbol in SYMBOLS:
                book = wait_for(f"book of {symbol}", lambda: client.ok("GET", f"/api/v1/book/{symbol}")["bids"])
                prices[symbol] = e8(book[0][0]) // 10**6
        Flow(client, prices).run(rounds)
        held = positions(client)
        client.close()
        running.stop()
        return comparable(running.data), held

    def _assert_same(self, one: list[str], other: list[str]) -> None:
        for number, (mine, theirs) in enumerate(zip(one, other)):
            self.assertEqual(mine, theirs, f"compared record {number}")
        self.assertEqual(len(one), len(other))

    def test_two_runs_of_one_process_compare_equal_and_another_flow_does_not(self) -> None:
        prices: dict[str, int] = {}
        with EngineShape("--set", "market.seed=7") as first, EngineShape("--set", "market.seed=7") as second, EngineShape("--set", "market.seed=7") as third:
            one = self._drive(first, prices)
            two = self._drive(second, prices)
            other = self._drive(third, prices, rounds=1)
        self.assertEqual(one[1], two[1])
        self._assert_same(one[0], two[0])
        self.assertGreater(len(one[0]), 200)
        self.assertNotEqual(one, other)

    def test_many_processes_write_what_one_writes(self) -> None:
        prices: dict[str, int] = {}
        with EngineShape("--set", "market.seed=7") as engine, RolesShape("--set", "market.seed=7") as roles:
            one = self._drive(engine, prices)
            many = self._drive(roles, prices)
        self.assertEqual(one[1], many[1])
        self._assert_same(one[0], many[0])


if __name__ == "__main__":
    unittest.main()
