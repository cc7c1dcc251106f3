#!/usr/bin/env python3
"""A dozen kills under load in well under a minute, and what the client of it must be able to say afterwards.

The long form is `./dev sim roles`.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "simulation"))

import relays  # noqa: E402
import roles  # noqa: E402
from running import EngineShape, Load, audit, get, tool  # noqa: E402


class RolesTest(unittest.TestCase):
    def _campaign(self, *words: str) -> dict[str, Any]:
        report = roles.run(roles.parser().parse_args([*words, "--rate", "100", "--pause", "0.6"]))
        print(roles.table(report), flush=True)
        self.assertFalse(report["failures"], "\n".join(report["failures"]))
        return report

    def test_one_process_killed_under_load_loses_nothing(self) -> None:
        report = self._campaign("--engine", "--kills", "4", "--seed", "2")
        self.assertGreater(report["audit"]["acknowledged"], 50)

    def test_every_role_killed_under_load_comes_back_and_nothing_is_lost(self) -> None:
        report = self._campaign("--kills", "10", "--seed", "2")
        self.assertEqual(len(report["roles"]), 10)
        self.assertGreater(report["audit"]["acknowledged"], 50)
        self.assertTrue(report["audit"]["venue_has_log"])

    def test_each_relay_is_handed_over_under_load_and_nobody_notices(self) -> None:
        report = relays.campaign(relays.parser().parse_args(["--hand-overs", "3", "--rate", "100", "--seed", "2"]))
        print(relays.table(report), flush=True)
        self.assertFalse(report["failures"], "\n".join(report["failures"]))
        self.assertEqual([each["relay"] for each in report["each"]], list(relays.RELAYS))
        self.assertGreater(report["audit"]["acknowledged"], 50)

    def test_an_order_that_was_told_and_is_not_in_the_log_is_found(self) -> None:
        with EngineShape() as running:
            running.start()
            load = Load(running, "load", rate=200, seed=3, seconds=1)
            account = load.finish(early=False)
            running.stop()
            self.assertGreater(account["acknowledged"], 100)
            self.assertEqual(audit(running, load.told)["faults"], 0)
            with load.told.open("a") as out:
                out.write('{"t_ms":1,"order":"nobody-1","told":"acknowledged","cl_ord_id":"T-5"}\n')
            found = audit(running, load.told)
            self.assertEqual(found["found"]["lost_order"], {"count": 1, "first": "nobody-1"})

    def test_the_load_accounts_for_every_order_and_for_a_port_where_nobody_is(self) -> None:
        with EngineShape() as running:
            running.start()
            load = Load(running, "load", rate=300, seed=4, seconds=1)
            account = load.finish(early=False)
            refused = sum(account["refused"].values())
            self.assertEqual(account["due"], account["acknowledged"] + refused + account["unknown"] + account["unsent"])
            told = [json.loads(line) for line in load.told.read_text().splitlines()]
            first = [each for each in told if each["told"] in ("acknowledged", "refused", "unsent")]
            self.assertEqual(len({each["order"] for each in first}), account["due"])
            self.assertGreater(account["cancels"], 10)
            self.assertEqual(get(running.port, "/ready")[0], 200)
            # Killed in the flow: what it asked for meanwhile is found out or stays unknown, never counted as done.
            load = Load(running, "late", rate=300, seed=5, settle=1, patience=1)
            while not load.told.exists() or load.told.stat().st_size < 1_000:
                self.assertTrue(load.running)
            running.kill("engine")
            account = load.finish()
            self.assertGreater(account["acknowledged"], 0)
            self.assertEqual(
                account["unknown"], account["unresolved"], "with nobody there, no order can have been found out"
            )

    def test_the_load_says_that_no_gateway_is_there(self) -> None:
        with tempfile.NamedTemporaryFile("w") as token:
            token.write("nobody")
            token.flush()
            command = [tool("stoa_load"), "--port", "9", "--token-file", token.name, "--wait", "0.1"]
            load = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        self.assertIn("named no prices", load.stderr)
        self.assertEqual(load.returncode, 1)


if __name__ == "__main__":
    unittest.main()
