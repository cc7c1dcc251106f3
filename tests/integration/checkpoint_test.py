#!/usr/bin/env python3
"""A start from a checkpoint is a start from the first record, only sooner."""

from __future__ import annotations

import shutil
import unittest
from pathlib import Path
from typing import Any

from accounting import faults, read_moment
from stoa_process import Case, Client, Engine, dump, run_program, wait_for

OFTEN = ("--set", "wal.checkpoint_every=40")
NEVER = ("--set", "wal.checkpoint_every=0")


class CheckpointTest(Case):
    def verify(self, data: Path, **wanted: Any) -> dict[str, Any]:
        report = self.verify_replay(data)
        self.assertEqual(report["checkpoints_differ"], 0, report["first_checkpoint_fault"])
        for name, value in wanted.items():
            self.assertEqual(report[name], value, report)
        return report

    def killed(self, name: str, *flags: str) -> Path:
        """The data of an engine that traded, with orders open, and was killed."""
        data = self.dir / name
        engine = self.ready(data, "--seed", "7", *flags)
        client = engine.client()
        trade(client, 60)
        engine.kill()
        client.close()
        return data

    def test_after_a_kill_everything_is_as_a_whole_replay_has_it(self) -> None:
        data = self.killed("checkpoints", *OFTEN)
        self.assertEqual(len(checkpoints(data)), 2, "two are kept")
        whole = self.dir / "whole"
        shutil.copytree(data, whole)
        for path in checkpoints(whole):
            path.unlink()
        self.verify(data, from_lsn=1, checkpoints_checked=2)

        # No market moves while nobody plays it, so that both stand still to be compared.
        quiet = ("--seed", "7", "--speed", "0.001", *NEVER)
        first, second = self.ready(data, *quiet), self.ready(whole, *quiet)
        self.assertGreater(start_of(first)["checkpoint_lsn"], "0")
        self.assertLess(start_of(first)["replayed"], start_of(second)["replayed"])
        self.assertEqual(start_of(second)["checkpoint_lsn"], "0")
        seen, wanted = view(first), view(second)
        self.assertGreater(len(wanted["fills"]), 10)
        self.assertGreater(len([o for o in wanted["orders"] if o["client_order_id"] == "c-58"]), 0)
        for name, value in wanted.items():
            self.assertEqual(seen[name], value, name)

        client = first.client()
        self.assertEqual(faults(*read_moment(client)), [])
        stories = [client.order(f"c-{i}").body["story"] for i in (0, 1, 58)]
        self.assertTrue(all(story[0]["event"] == "intent" for story in stories), stories)
        reply = client.place("c-1", symbol="BTCUSDT", side="buy", type="market", quantity="0.001")
        self.assertEqual(reply.code, "duplicate_client_order_id", "what was taken before is known")
        client.close()
        self.assertEqual((first.stop(), second.stop()), (0, 0))
        self.assertEqual(self.verify(data)["mismatches"], 0)

    def test_a_damaged_checkpoint_is_passed_over_loudly(self) -> None:
        data = self.killed("damaged", *OFTEN)
        *superseded, older, newest = checkpoints(data)
        for path in superseded:  # The kill came between the newest and the removal of the oldest.
            path.unlink()
        flip(newest, 200)
        engine = self.ready(data, *NEVER)
        start = start_of(engine)
        self.assertEqual(int(start["checkpoint_lsn"]), int(older.stem))
        self.assertEqual(start["passed_over"], 1)
        wait_for("the log line", lambda: "checkpoint_passed_over" in engine.stderr)
        client = engine.client()
        self.assertEqual(len(client.ok("GET", "/health")["warnings"]), 1)
        self.assertEqual(faults(*read_moment(client)), [])
        client.close()
        self.assertEqual(engine.stop(), 0)

        flip(older, 200)
        engine = self.ready(data, *NEVER)
        self.assertEqual(start_of(engine)["checkpoint_lsn"], "0", "then the whole log it is")
        self.assertEqual(engine.stop(), 0)
        self.verify(data, from_lsn=1, checkpoints_checked=0)

    def test_old_segments_go_and_the_engine_starts_without_them(self) -> None:
        data = self.dir / "retained"
        small = ("--seed", "7", "--speed", "max", "--sync", "none", "--set", "wal.segment_bytes=1048576")
        keep = ("--set", "wal.checkpoint_every=2000", "--set", "wal.keep_bytes=2097152")
        report = self.finish(data, *small, *keep, "--duration", "900")
        names = sorted(path.name for path in (data / "wal").glob("*.seg"))
        self.assertGreater(int(names[0].split(".")[0]), 1, "the first segment is gone")
        replay = self.verify(data)
        self.assertGreater(replay["from_lsn"], 1)
        self.assertEqual(replay["state_hash"], report["state_hash"])
        self.verify_journal(data)
        again = self.finish(data, *small, *keep, "--duration", "5")
        self.assertEqual(self.verify(data)["state_hash"], again["state_hash"])

        for path in checkpoints(data):
            path.unlink()
        engine = self.start(data, *small)
        self.assertEqual(engine.wait(60), 1)
        self.assertIn("there is no checkpoint to begin with", engine.stderr)

    def test_checkpoints_leave_no_trace_in_the_log(self) -> None:
        logs = []
        for name, flags in (("with", OFTEN), ("without", NEVER)):
            data = self.dir / name
            self.finish(data, "--seed", "7", "--speed", "max", "--duration", "60", "--sync", "none", *flags)
            logs.append(list(dump(data)))
        self.assertGreater(len(logs[0]), 1_000)
        self.assertTrue(logs[0] == logs[1], "a checkpoint changed what was logged")

    def test_a_person_asks_for_one(self) -> None:
        data = self.dir / "asked"
        engine = self.ready(data, "--seed", "7", *NEVER)
        client = engine.client()
        trade(client, 4)
        stranger = Client(engine.port, None)
        reply = stranger.call("POST", "/api/v1/journal/checkpoint")
        stranger.close()
        self.assertEqual((reply.status, reply.code), (401, "token_missing"))
        written = client.ok("POST", "/api/v1/journal/checkpoint")
        [file] = checkpoints(data)
        self.assertEqual(int(file.stem), int(written["lsn"]))
        self.assertEqual(file.stat().st_size, written["bytes"])
        self.assertLessEqual(written["copy_ms"], written["ms"])
        done = run_program("journal", "checkpoint", "--data", data, "--port", str(engine.port))
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertRegex(done.stdout, r"checkpoint of record \d+: \d+ bytes")
        figures = client.get("/metrics").body
        self.assertIn("\nstoa_checkpoints_total 2\n", figures)
        self.assertIn("\nstoa_checkpoint_copy_duration_seconds_count 2\n", figures)
        client.close()
        self.assertEqual(engine.stop(), 0)
        self.verify(data, checkpoints_checked=len(checkpoints(data)))

    def test_a_checkpoint_that_fails_is_told_and_trading_goes_on(self) -> None:
        data = self.dir / "failing"
        engine = self.ready(data, "--seed", "7", *NEVER)
        client = engine.client()
        trade(client, 2)
        # Where the file would be written stands a directory.
        (data / "wal" / "checkpoint.tmp").mkdir()
        reply = client.call("POST", "/api/v1/journal/checkpoint")
        self.assertEqual((reply.status, reply.code), (503, "checkpoint_failed"), reply.body)
        self.assertTrue(client.ok("GET", "/status")["log"]["checkpoint"]["failed"])
        self.assertEqual(len(client.ok("GET", "/health")["warnings"]), 1)
        self.assertEqual(client.get("/ready").status, 200)
        trade(client, 2, "after")
        (data / "wal" / "checkpoint.tmp").rmdir()
        client.ok("POST", "/api/v1/journal/checkpoint")
        self.assertEqual(client.ok("GET", "/health")["warnings"], [])
        client.close()
        self.assertEqual(engine.stop(), 0)


def checkpoints(data: Path) -> list[Path]:
    return sorted((data / "wal").glob("*.ckpt"))


def flip(path: Path, at: int) -> None:
    content = bytearray(path.read_bytes())
    content[at] ^= 1
    path.write_bytes(content)


def trade(client: Client, count: int, prefix: str = "c") -> None:
    """Orders that fill, rest and are canceled, each answered; the last ones rest."""
    for i in range(count):
        order = {"symbol": "BTCUSDT", "side": ("buy", "sell")[i % 2], "quantity": "0.001"}
        if i % 3 == 0:
            reply = client.place(f"{prefix}-{i}", type="market", **order)
        else:
            reply = client.place(f"{prefix}-{i}", type="limit", price=("58000", "62000")[i % 2], **order)
        if reply.status != 201:
            raise AssertionError(f"{prefix}-{i}: {reply.status} {reply.body}")
        if i % 6 == 1:
            client.ok("DELETE", f"/api/v1/orders/{prefix}-{i}")


def start_of(engine: Engine) -> dict[str, Any]:
    client = engine.client()
    start: dict[str, Any] = client.ok("GET", "/status")["log"]["start"]
    client.close()
    return start


def view(engine: Engine) -> dict[str, Any]:
    """What a person sees, without what the clock or the market moves."""
    client = engine.client()

    def drop(item: dict[str, Any], *names: str) -> dict[str, Any]:
        return {name: value for name, value in item.items() if name not in names}

    moving = ("mark_price", "notional", "unrealized_pnl")
    seen = {
        "orders": [
            drop(order, "lsn", "updated_ns", "time", "status", "cl_ord_id")
            for order in client.pages("/api/v1/orders", "orders", status="all")
            if order["source"] == "api"
        ],
        "fills": client.pages("/api/v1/fills", "fills"),
        "positions": [drop(each, *moving) for each in client.ok("GET", "/api/v1/positions")["positions"]],
        "strategies": [
            {name: each[name] for name in ("name", "state", "params", "fills", "position", "realized_pnl", "fees")}
            for each in client.ok("GET", "/api/v1/strategies")["strategies"]
        ],
        "rejects": client.ok("GET", "/api/v1/risk")["rejects"],
        "limits": [drop(each, "used") for each in client.ok("GET", "/api/v1/risk")["limits"]],
    }
    client.close()
    return seen


if __name__ == "__main__":
    unittest.main()
