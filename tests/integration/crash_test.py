#!/usr/bin/env python3
"""kill -9 under order flow: after each restart nothing that was acknowledged is lost, doubled or changed.

    crash_test.py                       as a test: a few kills
    crash_test.py --kills 500 --seed 7  a campaign; `./dev sim crash` does the same
"""

from __future__ import annotations

import argparse
import http.client
import json
import random
import sys
import threading
import time
import unittest
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import accounting
from stoa_process import TERMINAL, UNSETTLED, Case, Client, Engine, dump, e8, wait_for

KILLS_IN_TEST = 8
KILLS_PER_FOLDER = 10  # then a fresh log, so that the lists to compare stay short
THREADS = 8
SETTLE_SECONDS = 5.0
QUANTITY = {"BTCUSDT": "0.001", "ETHUSDT": "0.01", "SOLUSDT": "0.5"}
# What an order is; the rest of it changes with its life.
CONTENT = ("client_order_id", "symbol", "side", "type", "time_in_force", "created_ns", "source")
REPLACEABLE = ("cl_ord_id", "price", "quantity")  # strategies do, the clients here do not

LOST_REPLY = (OSError, http.client.HTTPException, json.JSONDecodeError)


@dataclass
class Findings:
    """What a campaign counted; everything but the first three must end empty."""

    kills: int = 0
    acknowledged: int = 0
    retried: Counter[int] = field(default_factory=Counter)  # by status of the answer
    lost: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    positions_wrong: list[str] = field(default_factory=list)
    unsettled: list[str] = field(default_factory=list)
    unexpected: list[str] = field(default_factory=list)

    def faults(self) -> list[str]:
        named = ("lost", "changed", "doubled", "positions_wrong", "unsettled", "unexpected")
        return [f"{name}: {each}" for name in named for each in getattr(self, name)]

    def summary(self) -> str:
        again = ", ".join(f"{count} x {status}" for status, count in sorted(self.retried.items()))
        return (
            f"kills {self.kills}, orders acknowledged {self.acknowledged}, lost {len(self.lost)}, "
            f"changed {len(self.changed)}, doubled {len(self.doubled)}, positions wrong {len(self.positions_wrong)}, "
            f"unsettled {len(self.unsettled)}, unexpected {len(self.unexpected)}, retries {again or 'none'}"
        )


@dataclass
class Memory:
    """What clients were told, over all engines on one log."""

    orders: dict[str, dict[str, Any]] = field(default_factory=dict)  # last order seen, by client_order_id
    unanswered: dict[str, dict[str, str]] = field(default_factory=dict)  # requests whose reply was lost
    fills: dict[str, dict[str, Any]] = field(default_factory=dict)  # by exec_id
    lock: threading.Lock = field(default_factory=threading.Lock)

    def told(self, order: dict[str, Any]) -> None:
        """A terminal state is final: a later answer may not take it back, so it is kept."""
        known = self.orders.get(order["client_order_id"])
        if known is None or known["status"] not in TERMINAL:
            self.orders[order["client_order_id"]] = order


class Trader(threading.Thread):
    """One client: places, cancels, and remembers what it was told, until its connection dies."""

    def __init__(self, name: str, engine: Engine, memory: Memory, findings: Findings, seed: str) -> None:
        super().__init__(name=name, daemon=True)
        self._client: Client = engine.client()
        self._memory = memory
        self._findings = findings
        self._random = random.Random(seed)
        self._mids: dict[str, int] = {}  # in ticks of 0.01
        self._open: list[str] = []
        self._count = 0
        self.answers = 0
        self.stopping = False

    def run(self) -> None:
        try:
            for symbol in QUANTITY:
                # The engine takes orders a moment before the page's view of the book is there.
                book = f"/api/v1/book/{symbol}"
                bids = wait_for(book, lambda path=book: self._client.ok("GET", path)["bids"])
                self._mids[symbol] = e8(bids[0][0]) // 10**6
            while not self.stopping:
                self._step()
                self.answers += 1
        except LOST_REPLY:
            pass  # the kill; what was on its way stands in `unanswered`
        except Exception as error:  # a fault of the test must not pass for a kill
            self._note(f"{self.name}: {error!r}")
        finally:
            self._client.close()

    def _step(self) -> None:
        if self._open and (self._random.random() < 0.35 or len(self._open) > 40):
            self._cancel(self._open.pop(self._random.randrange(len(self._open))))
        else:
            self._place()

    def _place(self) -> None:
        self._count += 1
        order = self._any_order(f"{self.name}-{self._count}")
        client_order_id = order["client_order_id"]
        with self._memory.lock:
            self._memory.unanswered[client_order_id] = order
        reply = self._client.call("POST", "/api/v1/orders", order)
        with self._memory.lock:
            del self._memory.unanswered[client_order_id]
            if reply.status == 201:
                self._findings.acknowledged += 1
            if reply.status in (201, 422) and "order" in (reply.body | {"order": 0}):
                self._memory.told(reply.body["order"] if reply.status == 422 else reply.body)
        if reply.status == 201 and order["type"] == "limit" and order["time_in_force"] == "GTC":
            self._open.append(client_order_id)
        if reply.status not in (201, 422, 503):
            self._note(f"POST {client_order_id}: {reply.status} {reply.code}")

    def _cancel(self, client_order_id: str) -> None:
        reply = self._client.call("DELETE", f"/api/v1/orders/{client_order_id}")
        with self._memory.lock:
            if reply.status == 200:
                self._memory.told(reply.body)
            elif reply.status == 409:
                self._memory.told(reply.body["order"])
            elif reply.status != 503:
                self._note(f"DELETE {client_order_id}: {reply.status} {reply.code}")

    def _any_order(self, client_order_id: str) -> dict[str, str]:
        symbol = self._random.choice(list(QUANTITY))
        side = self._random.choice(("buy", "sell"))
        order = {"client_order_id": client_order_id, "symbol": symbol, "side": side, "quantity": QUANTITY[symbol]}
        if self._random.random() < 0.2:
            return order | {"type": "market", "time_in_force": "IOC"}
        # From 2 % away from the market, which rests, to 0.2 % through it, which trades.
        away = self._random.randint(-20, 200)
        ticks = self._mids[symbol] * (10_000 + (-away if side == "buy" else away)) // 10_000
        kind = self._random.choice(("GTC", "GTC", "GTC", "IOC"))
        return order | {"type": "limit", "time_in_force": kind, "price": f"{ticks // 100}.{ticks % 100:02d}"}

    def _note(self, what: str) -> None:
        self._findings.unexpected.append(what)


class Audit:
    """Compares an engine with what clients were told."""

    def __init__(self, engine: Engine, memory: Memory, findings: Findings) -> None:
        self._client = engine.client()
        self._memory = memory
        self._findings = findings

    def run(self) -> None:
        self._await_settled()
        self._retry_unanswered()
        self._check_money()
        self._check_orders()
        self._client.close()

    def _await_settled(self) -> None:
        """Orders of before the restart find their fate; strategies go on making new ones."""
        started = int(self._client.ok("GET", "/status")["started_ns"])
        left: list[str] = []

        def settled() -> bool:
            orders = self._client.pages("/api/v1/orders", "orders", status="open")
            left[:] = [
                f"{order['client_order_id']} {order['status']}"
                for order in orders
                if order["status"] in UNSETTLED and int(order["created_ns"]) < started
            ]
            return not left

        try:
            wait_for("no order of before the restart is in doubt", settled, SETTLE_SECONDS)
        except AssertionError:
            self._findings.unsettled += left

    def _retry_unanswered(self) -> None:
        """The same request again has one of two answers: the first order, or a new one."""
        for client_order_id, order in self._memory.unanswered.items():
            reply = self._client.call("POST", "/api/v1/orders", order)
            self._findings.retried[reply.status] += 1
            if reply.status == 409:
                self._memory.told(reply.body["order"])
                if any(reply.body["order"][key] != order[key] for key in order if key not in ("price", "quantity")):
                    self._findings.changed.append(f"{client_order_id}: retried {order}, found {reply.body['order']}")
            elif reply.status == 201:
                self._memory.told(reply.body)
            elif reply.status != 422:
                self._findings.unexpected.append(f"retry of {client_order_id}: {reply.status} {reply.body}")
        self._memory.unanswered.clear()

    def _check_orders(self) -> None:
        orders = self._client.pages("/api/v1/orders", "orders", status="all")
        for key in ("client_order_id", "cl_ord_id"):
            seen = Counter(order[key] for order in orders)
            self._findings.doubled += [f"{key} {name}: {count} orders" for name, count in seen.items() if count > 1]
        by_id = {order["client_order_id"]: order for order in orders}
        for client_order_id, told in self._memory.orders.items():
            found = by_id.get(client_order_id)
            if found is None:
                self._findings.lost.append(client_order_id)
                continue
            keys = CONTENT if told["source"] == "strategy" else CONTENT + REPLACEABLE
            if told["status"] in TERMINAL:
                keys = (*CONTENT, *REPLACEABLE, "status", "filled_quantity")
            differ = [f"{key}: {told[key]} then {found[key]}" for key in keys if told[key] != found[key]]
            if differ:
                self._findings.changed.append(f"{client_order_id}: {', '.join(differ)}")
        for order in orders:
            self._memory.told(order)

    def _check_money(self) -> None:
        fills, positions, account = accounting.read_moment(self._client)
        seen = Counter(fill["exec_id"] for fill in fills)
        self._findings.doubled += [f"exec_id {name}: {count} fills" for name, count in seen.items() if count > 1]
        now = {fill["exec_id"]: fill for fill in fills}
        for exec_id, told in self._memory.fills.items():
            if now.get(exec_id) != told:
                self._findings.lost.append(f"fill {exec_id}: {told} then {now.get(exec_id)}")
        self._memory.fills = now
        self._findings.positions_wrong += accounting.faults(fills, positions, account)


class CrashTest(Case):
    kills = KILLS_IN_TEST
    seed = 1
    keep: Path | None = None

    def test_nothing_acknowledged_is_lost_or_doubled_by_kill_9(self) -> None:
        findings = Findings()
        choice = random.Random(self.seed)
        folder = 0
        while findings.kills < self.kills:
            folder += 1
            data = (self.keep or self.dir) / f"data-{folder}"
            self._campaign(data, min(KILLS_PER_FOLDER, self.kills - findings.kills), choice, findings)
            if findings.faults():
                break  # The log of the first fault is worth more than a count of the rest
        print(f"crash: seed {self.seed}, {findings.summary()}", flush=True)
        faults = findings.faults()
        self.assertFalse(faults, "\n".join(["", *faults[:40]]))
        self.assertGreater(findings.acknowledged, 10 * self.kills, "too little flow to prove anything")

    def _campaign(self, data: Path, kills: int, choice: random.Random, findings: Findings) -> None:
        memory = Memory()
        engine = self.ready(data, "--seed", str(choice.randrange(1000)))
        for kill in range(kills):
            self._trade_and_kill(engine, f"{data.name}-{kill}", memory, choice, findings)
            findings.kills += 1
            self.verify_journal(data)
            self.verify_replay(data)
            if choice.random() < 0.3:  # and again, while it recovers
                reborn = self.start(data)
                time.sleep(choice.uniform(0, 0.4))  # a random moment; no check rests on it
                reborn.kill()
                findings.kills += 1
            engine = self.ready(data, "--seed", str(choice.randrange(1000)))
            Audit(engine, memory, findings).run()
        self.assertEqual(engine.stop(), 0, engine.stderr)
        self._check_sends(data, findings)
        self.verify_journal(data)
        self.verify_replay(data)

    def _trade_and_kill(
        self, engine: Engine, name: str, memory: Memory, choice: random.Random, findings: Findings
    ) -> None:
        wanted = choice.randint(1, 400)
        traders = [
            Trader(f"{name}-{i}", engine, memory, findings, f"{self.seed}-{name}-{i}") for i in range(THREADS)
        ]
        for trader in traders:
            trader.start()
        wait_for(
            f"{wanted} answers",
            lambda: sum(trader.answers for trader in traders) >= wanted
            or not any(trader.is_alive() for trader in traders),
            60,
        )
        time.sleep(choice.uniform(0, 0.02))  # a random moment inside a round; no check rests on it
        engine.kill()
        for trader in traders:
            trader.stopping = True
            trader.join(30)

    def _check_sends(self, data: Path, findings: Findings) -> None:
        """No order left twice: a second send only where the venue said that it never had the first."""
        sends = Counter(
            record["message"]["body"]["cl_ord_id"]
            for record in dump(data, "OrderSend")
            if not record["message"]["body"].get("resend")
        )
        findings.doubled += [f"sent {count} times: {name}" for name, count in sends.items() if count > 1]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=KILLS_IN_TEST, help=f"how many (default {KILLS_IN_TEST})")
    parser.add_argument("--seed", type=int, default=1, help="of the flow and of the moments (default 1)")
    parser.add_argument("--keep", type=Path, help="folder to leave the logs in (default: none are left)")
    arguments, rest = parser.parse_known_args()
    CrashTest.kills, CrashTest.seed, CrashTest.keep = arguments.kills, arguments.seed, arguments.keep
    if arguments.keep:
        arguments.keep.mkdir(parents=True, exist_ok=True)
    unittest.main(argv=[sys.argv[0], *rest])


if __name__ == "__main__":
    main()
