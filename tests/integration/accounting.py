"""Positions and cash against the fills that they are made of, in integers."""

from __future__ import annotations

from collections import Counter
from typing import Any

from stoa_process import Client, e8, wait_for

INITIAL_CASH_E16 = 1_000_000 * 10**16


def read_moment(client: Client) -> tuple[list[dict[str, Any]], list[dict[str, Any]], dict[str, Any]]:
    """Every fill, every position and the account as of one moment, while trading goes on."""

    def moment() -> tuple[list[dict[str, Any]], list[dict[str, Any]], dict[str, Any]] | None:
        before = client.ok("GET", "/api/v1/account")["fees"]  # each fill changes them
        fills = client.pages("/api/v1/fills", "fills")
        positions = client.ok("GET", "/api/v1/positions")["positions"]
        account = client.ok("GET", "/api/v1/account")
        return (fills, positions, account) if account["fees"] == before else None

    return wait_for("a moment without a fill", moment)


def faults(fills: list[dict[str, Any]], positions: list[dict[str, Any]], account: dict[str, Any]) -> list[str]:
    """Where positions, fees, realised gains or cash are not what the fills say."""
    found: list[str] = []
    bought: Counter[str] = Counter()
    sold: Counter[str] = Counter()
    fees: Counter[str] = Counter()
    realized: Counter[str] = Counter()
    count: Counter[str] = Counter()
    cash_e16 = INITIAL_CASH_E16
    for fill in fills:
        symbol, quantity, price = fill["symbol"], e8(fill["quantity"]), e8(fill["price"])
        (bought if fill["side"] == "buy" else sold)[symbol] += quantity
        fees[symbol] += e8(fill["fee"])
        realized[symbol] += e8(fill["realized_pnl"])
        count[symbol] += 1
        cash_e16 += (-1 if fill["side"] == "buy" else 1) * price * quantity - e8(fill["fee"]) * 10**8
    held = {position["symbol"]: position for position in positions}
    names = ("quantity", "bought_quantity", "sold_quantity", "fees")
    for symbol in sorted(count.keys() | held.keys()):
        wanted = (bought[symbol] - sold[symbol], bought[symbol], sold[symbol], fees[symbol])
        position = held.get(symbol, {})
        shown = tuple(e8(position.get(name, "0")) for name in names)
        if wanted != shown:
            found.append(f"{symbol}: fills say {wanted}, the position {shown}")
        # Each fill shows its gain rounded to 1e-8; the position rounds their exact sum once.
        if abs(realized[symbol] - e8(position.get("realized_pnl", "0"))) > count[symbol]:
            found.append(f"{symbol}: fills realised {realized[symbol]}e-8, the position {position}")
    if abs(e8(account["cash"]) * 10**8 - cash_e16) > 5 * 10**7:
        found.append(f"cash: fills say {cash_e16}e-16, the account {account['cash']}")
    return found
