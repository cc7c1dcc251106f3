#!/usr/bin/env python3
"""What an operator does over the API, and that a restart does not undo it."""

from __future__ import annotations

import unittest
from pathlib import Path
from typing import Any

import accounting
from stoa_process import TERMINAL, Case, Client, Engine, e8, wait_for

# Far enough from the market to rest, near enough for the price band.
RESTING = {"symbol": "BTCUSDT", "side": "buy", "type": "limit", "quantity": "0.001", "price": "57000"}
MARKET = {"symbol": "BTCUSDT", "side": "buy", "type": "market", "quantity": "0.002"}


class OperatorTest(Case):
    def setUp(self) -> None:
        super().setUp()
        self.data: Path = self.dir / "data"
        self.engine: Engine
        self.client: Client
        self.open()

    def open(self) -> None:
        self.engine = self.ready(self.data, "--seed", "11")
        self.client = self.engine.client()
        self.addCleanup(self.client.close)

    def restart(self, *, kill: bool) -> None:
        self.client.close()
        if kill:
            self.engine.kill()
        else:
            self.assertEqual(self.engine.stop(), 0, self.engine.stderr)
        self.open()

    def order(self, client_order_id: str) -> dict[str, Any]:
        return self.client.ok("GET", f"/api/v1/orders/{client_order_id}")

    def await_status(self, client_order_id: str, *statuses: str) -> dict[str, Any]:
        def look() -> dict[str, Any] | None:
            order = self.order(client_order_id)
            return order if order["status"] in statuses else None

        return wait_for(f"{client_order_id} is {' or '.join(statuses)}", look)

    # --- kill switch

    def test_a_tripped_kill_switch_stays_tripped_over_restarts(self) -> None:
        self.assertEqual(self.client.place("rest-1", **RESTING).status, 201)
        self.await_status("rest-1", "new")
        risk = self.client.ok("POST", "/api/v1/risk/kill", {"reason": "drill"})
        self.assertTrue(risk["kill_switch"]["active"])
        self.assertEqual(risk["kill_switch"]["reason"], "drill")
        self.await_status("rest-1", "canceled")
        self.assert_killed("during")

        for kill in (True, False):
            self.restart(kill=kill)
            self.assert_killed(f"after-{kill}")
            self.assertEqual(self.client.ok("GET", "/api/v1/risk")["kill_switch"]["reason"], "drill")

        no_reason = self.client.call("POST", "/api/v1/risk/resume", {"actor": "anna"})
        self.assertEqual((no_reason.status, no_reason.code), (400, "missing_field"))
        self.assert_killed("still")
        risk = self.client.ok("POST", "/api/v1/risk/resume", {"reason": "drill over", "actor": "anna"})
        self.assertFalse(risk["kill_switch"]["active"])
        self.assertEqual(self.client.place("again", **RESTING).status, 201)
        twice = self.client.call("POST", "/api/v1/risk/resume", {"reason": "drill over", "actor": "anna"})
        self.assertEqual((twice.status, twice.code), (409, "state_conflict"))

    def assert_killed(self, name: str) -> None:
        refused = self.client.place(f"killed-{name}", **RESTING)
        self.assertEqual((refused.status, refused.code), (422, "KillSwitch"))
        self.assertTrue(self.client.ok("GET", "/api/v1/risk")["kill_switch"]["active"])
        wait_for(
            "no order is open",
            lambda: not self.client.pages("/api/v1/orders", "orders", status="open"),
        )

    # --- settings

    def test_limits_that_a_person_set_survive_restarts(self) -> None:
        body = {"limits": {"max_order_notional": "50"}, "reason": "small hands"}
        self.assertEqual(self.limits_of(self.client.ok("PUT", "/api/v1/risk/limits", body))["max_order_notional"], "50")
        for round_, kill in enumerate((True, False)):
            refused = self.client.place(f"big-{round_}", **RESTING)
            self.assertEqual((refused.status, refused.code), (422, "MaxOrderNotional"))
            self.assertEqual(refused.body["order"]["status"], "rejected")
            self.assertEqual(refused.body["order"]["code"], "MaxOrderNotional")
            self.restart(kill=kill)
            self.assertEqual(self.limits_of(self.client.ok("GET", "/api/v1/risk"))["max_order_notional"], "50")
        small = {**RESTING, "quantity": "0.0005"}  # 28.5: under the limit
        self.assertEqual(self.client.place("small", **small).status, 201)

    @staticmethod
    def limits_of(risk: dict[str, Any]) -> dict[str, str]:
        return {limit["name"]: limit["limit"] for limit in risk["limits"]}

    def test_a_stopped_strategy_stays_stopped_over_restarts(self) -> None:
        wait_for("mm_btc trades", lambda: self.strategy("mm_btc")["orders"] > 0)
        self.assertEqual(self.client.ok("POST", "/api/v1/strategies/mm_btc:stop")["state"], "stopped")
        wait_for("its orders are gone", lambda: not self.open_orders_of("mm_btc"))
        for kill in (True, False):
            self.restart(kill=kill)
            self.assertEqual(self.strategy("mm_btc")["state"], "stopped")
            self.assertEqual(self.strategy("mm_eth")["state"], "running")
            self.assertEqual(self.open_orders_of("mm_btc"), [])
        self.assertEqual(self.client.ok("POST", "/api/v1/strategies/mm_btc:start")["state"], "running")
        wait_for("it trades again", lambda: self.open_orders_of("mm_btc"))

    def test_a_strategy_parameter_survives_a_restart(self) -> None:
        changed = self.client.ok("PUT", "/api/v1/strategies/mm_btc/params", {"half_spread_bps": "2.5"})
        self.assertEqual(changed["params"]["half_spread_bps"], "2.5")
        self.restart(kill=True)
        self.assertEqual(self.strategy("mm_btc")["params"]["half_spread_bps"], "2.5")
        wild = self.client.call("PUT", "/api/v1/strategies/mm_btc/params", {"half_spread_bps": "9999"})
        self.assertEqual((wild.status, wild.code), (400, "bad_field"))
        self.assertIn("500", wild.body["detail"] + wild.body.get("hint", ""))
        self.assertEqual(self.strategy("mm_btc")["params"]["half_spread_bps"], "2.5")

    def strategy(self, name: str) -> dict[str, Any]:
        strategies = self.client.ok("GET", "/api/v1/strategies")["strategies"]
        return next(each for each in strategies if each["name"] == name)

    def open_orders_of(self, strategy: str) -> list[str]:
        orders = self.client.pages("/api/v1/orders", "orders", status="open")
        return [order["client_order_id"] for order in orders if order["strategy"] == strategy]

    # --- orders

    def test_the_story_of_a_filled_order_is_whole(self) -> None:
        self.assertEqual(self.client.place("story", **MARKET).status, 201)
        order = self.await_status("story", "filled")
        self.assertEqual(order["filled_quantity"], "0.002")
        self.assert_story(order)
        self.restart(kill=True)
        self.maxDiff = None
        again = self.order("story")
        # Steps of one moment may change places: live they come by cause, after a restart by place in the log.
        for each in (order, again):
            each["story"].sort(key=lambda step: int(step["lsn"]))
        self.assertEqual(again, order)

    def assert_story(self, order: dict[str, Any]) -> None:
        events = [step["event"] for step in order["story"]]
        wanted = ["intent", "risk_decision", "send", "acknowledgement", "fill", "status_filled"]
        self.assertEqual([event for event in events if event in wanted and event != "fill"],
                         [event for event in wanted if event != "fill"])  # fmt: skip
        times = [int(step["ts_ns"]) for step in order["story"]]
        self.assertEqual(times, sorted(times))

        details = {step["event"]: step["detail"] for step in order["story"]}
        checks = {check["check"]: check for check in details["risk_decision"]["checks"]}
        self.assertTrue(details["risk_decision"]["accepted"])
        self.assertEqual(len(checks), 16)
        self.assertTrue(all(check["ok"] for check in checks.values()))
        notional = checks["order_notional"]
        self.assertEqual(e8(notional["limit"]) - e8(notional["value"]), e8(notional["headroom"]))

        fills = self.client.pages("/api/v1/fills", "fills", client_order_id="story")
        told = [step["detail"] for step in order["story"] if step["event"] == "fill"]
        self.assertEqual({fill["exec_id"] for fill in fills}, {fill["exec_id"] for fill in told})
        self.assertEqual(sum(e8(fill["quantity"]) for fill in fills), e8("0.002"))
        self.assertEqual(sum(e8(fill["fee"]) for fill in fills), e8(order["fees"]))

    def test_an_order_is_replaced_and_canceled(self) -> None:
        self.assertEqual(self.client.place("change", **RESTING).status, 201)
        first = self.await_status("change", "new")
        body = {"price": "57100.5", "quantity": "0.0015"}
        replaced = self.client.ok("PATCH", "/api/v1/orders/change", body)
        self.assertEqual((replaced["price"], replaced["quantity"], replaced["status"]), ("57100.5", "0.0015", "new"))
        self.assertNotEqual(replaced["cl_ord_id"], first["cl_ord_id"])
        self.restart(kill=True)
        kept = self.await_status("change", "new")
        self.assertEqual((kept["price"], kept["quantity"]), ("57100.5", "0.0015"))

        self.assertEqual(self.client.ok("DELETE", "/api/v1/orders/change")["status"], "canceled")
        late = self.client.call("DELETE", "/api/v1/orders/change")
        self.assertEqual((late.status, late.code, late.body["order"]["status"]), (409, "too_late", "canceled"))
        unknown = self.client.call("DELETE", "/api/v1/orders/never-was")
        self.assertEqual((unknown.status, unknown.code), (404, "unknown_order"))

    def test_a_repeated_request_makes_no_second_order(self) -> None:
        first = self.client.place("once", **RESTING)
        self.assertEqual(first.status, 201)
        for kill in (None, True, False):
            if kill is not None:
                self.restart(kill=kill)
            again = self.client.place("once", **RESTING)
            self.assertEqual((again.status, again.code), (409, "duplicate_client_order_id"))
            self.assertEqual(again.body["order"]["cl_ord_id"], first.body["cl_ord_id"])
        found = [o for o in self.client.pages("/api/v1/orders", "orders") if o["client_order_id"] == "once"]
        self.assertEqual(len(found), 1)

    def test_a_question_sends_nothing(self) -> None:
        verdict = self.client.ok("POST", "/api/v1/orders:check", {**RESTING, "client_order_id": "asked"})
        self.assertTrue(verdict["accepted"])
        refused = self.client.ok("POST", "/api/v1/orders:check", {**RESTING, "price": "30000"})
        self.assertEqual((refused["accepted"], refused["code"]), (False, "PriceBand"))
        self.assertEqual(self.client.order("asked").status, 404)

    def test_every_order_ends_when_all_are_canceled(self) -> None:
        for i in range(5):
            self.assertEqual(self.client.place(f"all-{i}", **RESTING).status, 201)
        self.assertGreaterEqual(self.client.ok("DELETE", "/api/v1/orders?symbol=BTCUSDT")["requested"], 5)
        for i in range(5):
            self.await_status(f"all-{i}", "canceled")

    def test_pages_are_whole_and_do_not_repeat(self) -> None:
        ids = [f"page-{i:03d}" for i in range(60)]
        for i, client_order_id in enumerate(ids):
            order = MARKET if i % 2 else {**RESTING, "time_in_force": "IOC"}
            self.assertIn(self.client.place(client_order_id, **order).status, (201, 422))
        wait_for("they are done", lambda: all(self.order(each)["status"] in TERMINAL for each in ids))

        for limit in (7, 1000):
            orders = self.client.pages("/api/v1/orders", "orders", status="closed", limit=limit)
            shown = [order["client_order_id"] for order in orders]
            self.assertEqual(len(shown), len(set(shown)), f"repeats with limit {limit}")
            self.assertEqual([each for each in reversed(shown) if each.startswith("page-")], ids)
        small = {fill["exec_id"] for fill in self.client.pages("/api/v1/fills", "fills", limit=5)}
        self.assertLessEqual(small, {fill["exec_id"] for fill in self.client.pages("/api/v1/fills", "fills")})
        self.assertGreaterEqual(len(small), 30)

        bad = self.client.get("/api/v1/orders", cursor="x")
        self.assertEqual((bad.status, bad.code), (400, "bad_cursor"))
        self.assertEqual(accounting.faults(*accounting.read_moment(self.client)), [])


if __name__ == "__main__":
    unittest.main()
