#!/usr/bin/env python3
"""The same inputs give the same log, byte for byte, and a log gives the same state whoever reads it."""

from __future__ import annotations

import unittest
from pathlib import Path
from typing import Any

from stoa_process import Case, Engine, segments, wait_for

SIMULATED_SECONDS = 60


class DeterminismTest(Case):
    def simulate(self, name: str, seed: int) -> tuple[Path, dict[str, Any]]:
        data = self.dir / name
        flags = ("--speed", "max", "--duration", str(SIMULATED_SECONDS), "--sync", "none")
        report = self.finish(data, "--seed", str(seed), *flags)
        return data, report

    def test_one_seed_leaves_one_log(self) -> None:
        first, first_report = self.simulate("first", 7)
        second, second_report = self.simulate("second", 7)
        other, other_report = self.simulate("other", 8)

        self.assertGreater(first_report["orders"], 0)
        self.assertGreater(first_report["fills"], 0)
        self.assertEqual(segments(first).keys(), segments(second).keys())
        # Not assertEqual: its text of a difference would be as long as the logs.
        self.assertTrue(segments(first) == segments(second), "two runs of one seed differ")
        self.assertFalse(segments(first) == segments(other), "another seed gives the same log")
        self.assertEqual(first_report["state_hash"], second_report["state_hash"])
        self.assertNotEqual(first_report["state_hash"], other_report["state_hash"])

    def test_a_replay_derives_what_the_run_recorded(self) -> None:
        data, report = self.simulate("run", 7)
        replay = self.verify_replay(data)
        self.assertEqual(replay["state_hash"], report["state_hash"])
        self.assertEqual(replay["messages"], report["records"])

    def test_a_live_run_ends_in_the_state_of_its_log(self) -> None:
        data = self.dir / "live"
        engine = self.ready(data, "--seed", "7", "-o", "json")
        trade(engine, 40)
        self.assertEqual(engine.stop(), 0, engine.stderr)
        report = engine.report()
        replay = self.verify_replay(data)
        self.assertEqual(replay["state_hash"], report["state_hash"])
        self.assertEqual(replay["messages"], report["records"])

    def test_a_killed_run_restarts_in_the_state_of_its_log(self) -> None:
        data = self.dir / "killed"
        engine = self.ready(data, "--seed", "7")
        trade(engine, 40)
        engine.kill()
        left = self.verify_replay(data)
        self.assertEqual(self.verify_replay(data), left, "reading a log changes it")

        reborn = self.ready(data, "--seed", "7", "-o", "json")
        self.assertEqual(reborn.stop(), 0, reborn.stderr)
        replay = self.verify_replay(data)
        self.assertEqual(replay["state_hash"], reborn.report()["state_hash"])
        self.assertGreater(replay["inputs"], left["inputs"], "a start is an input")


def trade(engine: Engine, count: int) -> None:
    """Orders of every kind, each answered, and time for the strategies' own."""
    client = engine.client()
    for i in range(count):
        order = {"symbol": "BTCUSDT", "side": ("buy", "sell")[i % 2], "quantity": "0.001"}
        if i % 3 == 0:
            reply = client.place(f"d-{i}", type="market", **order)
        else:
            reply = client.place(f"d-{i}", type="limit", price=("59000", "61000")[i % 2], **order)
        if reply.status != 201:
            raise AssertionError(f"d-{i}: {reply.status} {reply.body}")
        if i % 3 == 1:
            client.ok("DELETE", f"/api/v1/orders/d-{i}")
    wait_for("a strategy's order", lambda: any(s["orders"] for s in strategies(engine)), 20)
    client.close()


def strategies(engine: Engine) -> list[dict[str, Any]]:
    client = engine.client()
    found = client.ok("GET", "/api/v1/strategies")["strategies"]
    client.close()
    return found


if __name__ == "__main__":
    unittest.main()
