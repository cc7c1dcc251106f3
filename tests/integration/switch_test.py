#!/usr/bin/env python3
"""Roles switched to a second process under load, and either process dying at every step of it.

The long form is `./dev sim switches`.
"""

from __future__ import annotations

import signal
import os
import sys
import unittest
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "simulation"))

import switches  # noqa: E402
from running import Load, RolesShape  # noqa: E402
from stoa_process import wait_for  # noqa: E402
from switch_case import SwitchCase  # noqa: E402
from switches import Beside, follows, newest_epoch, order, place  # noqa: E402

ROLE = "execution"


class SwitchTest(SwitchCase):
    role = ROLE

    def _campaign(self, *words: str) -> dict[str, Any]:
        report = switches.campaign(switches.parser().parse_args([*words, "--rate", "100"]))
        print(switches.table(report), flush=True)
        self.assertFalse(report["failures"], "\n".join(report["failures"]))
        self.assertGreater(report["audit"]["acknowledged"], 50)
        return report

    def test_execution_goes_there_and_back_and_no_order_is_lost_doubled_or_refused(self) -> None:
        report = self._campaign("--switches", "10", "--seed", "2")
        for colour in switches.COLOURS:
            self.assertGreater(report["compared"][colour], 100, "a follower that compares nothing proves nothing")

    def test_risk_and_strategy_go_there_and_back(self) -> None:
        for role in ("risk", "strategy"):
            self._campaign("--switches", "4", "--seed", "3", "--role", role)

    def test_whoever_dies_at_a_step_of_the_switch_the_platform_goes_on(self) -> None:
        self.goes_on_whoever_dies(("before_close", "after_close"), seed=4)

    def test_a_leader_that_was_stopped_in_the_middle_follows_when_it_wakes(self) -> None:
        with RolesShape() as running:
            running.start()
            load = Load(running, "load", rate=50, seed=5)
            try:
                with Beside(running, ROLE, "green") as green:
                    wait_for("green follows", lambda: follows(running, ROLE, "green"), 60)
                    self.assertEqual(order(running, ROLE, "green")["holder"], "green")
                    self.settle(running, load, "green")
                    os.kill(green.process.pid, signal.SIGSTOP)
                    epoch = newest_epoch(running, ROLE) + 1
                    done = order(running, ROLE, "blue", at_once=True, epoch=epoch)
                    self.assertEqual((done["holder"], done["close"]), ("blue", 0))
                    self.settle(running, load, "blue")
                    os.kill(green.process.pid, signal.SIGCONT)
                    wait_for("green follows again", lambda: follows(running, ROLE, "green"), 20)
                    before = int(place(running, ROLE, "green")["compared"])
                    wait_for("it compares", lambda: int(place(running, ROLE, "green")["compared"]) > before, 20)
                    self.assertEqual(place(running, ROLE, "green")["difference"], "")
                    self.assertEqual(self.leader(running), "blue")
                    self.assertTrue(green.alive)
                    # And it can lead again.
                    self.assertEqual(order(running, ROLE, "green")["holder"], "green")
                    self.assertEqual(order(running, ROLE, "blue")["holder"], "blue")
                    self.settle(running, load, "blue")
                self.finish(running, load)
            finally:
                load.end()

    def test_one_that_computes_something_else_is_found_out_and_does_not_lead(self) -> None:
        with RolesShape() as running:
            running.start()
            load = Load(running, "load", rate=50, seed=6)
            try:
                with Beside(running, ROLE, "green", fail_point="follower_derives_another:eio:40") as green:
                    wait_for("green follows", lambda: follows(running, ROLE, "green") or not green.alive, 60)
                    wait_for("it is found out", lambda: int(place(running, ROLE, "green")["differs_at"]) > 0, 20)
                    told = place(running, ROLE, "green")
                    self.assertRegex(told["difference"], rf"record {told['differs_at']}, output \d+: recorded \w+ .*, derived \w+ ")
                    done = order(running, ROLE, "green", hold_max_ms=300)
                    self.assertEqual(done["holder"], "blue", "who led before goes on")
                    self.settle(running, load, "blue")
                    self.assertTrue(green.alive)
                self.finish(running, load)
            finally:
                load.end()

    def test_who_leads_and_is_killed_is_started_again_and_leads(self) -> None:
        with RolesShape() as running:
            running.start()
            load = Load(running, "load", rate=50, seed=7)
            try:
                with Beside(running, ROLE, "green"):
                    wait_for("green follows", lambda: follows(running, ROLE, "green"), 60)
                    running.kill(ROLE)
                    self.settle(running, load, "blue")
                    wait_for("green follows on", lambda: follows(running, ROLE, "green"), 20)
                    self.assertEqual(place(running, ROLE, "green")["difference"], "")
                    # Its supervisor starts the one that has the place, whoever led: it takes over in order.
                    self.assertEqual(order(running, ROLE, "green")["holder"], "green")
                    self.settle(running, load, "green")
                    running.kill(ROLE)
                    self.settle(running, load, "blue")
                    wait_for("green follows on", lambda: follows(running, ROLE, "green"), 20)
                self.finish(running, load)
            finally:
                load.end()


if __name__ == "__main__":
    unittest.main()
