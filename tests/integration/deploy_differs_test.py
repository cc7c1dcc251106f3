#!/usr/bin/env python3
"""Releases that compute something else, or die: found out before the switch or in the soak, and taken back."""

from __future__ import annotations

import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "simulation"))

from deploy_case import DeployCase  # noqa: E402
from running import Load  # noqa: E402
from stoa_process import wait_for  # noqa: E402


class DeployDiffersTest(DeployCase):
    def test_a_mutated_risk_rule_is_caught_by_the_shadow_before_the_switch(self) -> None:
        status = self.goes_back("execution", "risk_counts_open_orders_twice:eio", shadow_outputs=1_000_000)
        self.assertRegex(
            status["failure"],
            r"^shadow execution: execution\.green computes something else from record \d+ on: "
            r"record \d+, output \d+: recorded RiskDecision .*, derived RiskDecision ",
        )
        self.assertEqual(self.steps(status)[-2:], ["shadow", "clear"], "it never led")
        self.whole()

    def test_one_that_dies_leading_and_one_whose_state_is_another_are_taken_back(self) -> None:
        status = self.goes_back("execution", "leader_decides:kill:100")
        self.assertRegex(status["failure"], r"^soak execution: execution (crashed and was started again|has ended: .*)")
        status = self.goes_back("execution", "leader_digests_another:eio", rate=300)
        self.assertRegex(
            status["failure"],
            r"^soak execution: execution\.blue computes something else from record \d+ on: "
            r".*recorded StateDigest .*derived StateDigest ",
        )
        self.assertEqual(self.steps(status)[-3:], ["soak", "back", "clear"])
        # The log holds digests that it does not derive; its checkpoint lies behind them.
        load = Load(self.running, "after", rate=50, seed=13)
        try:
            self.goes_on(load)
            pid = self.running.kill("execution")
            wait_for("it is back", lambda: (r := self.running.roles()["execution"]).ready and r.pid != pid, 60)
            self.goes_on(load)
            load.finish()
        finally:
            load.end()
        self.told.append(load.told)
        self.whole(output_differs=1)


if __name__ == "__main__":
    unittest.main()
