#!/usr/bin/env python3
"""Releases that compute the same and serve worse: the soak finds them out, and they go back by themselves."""

from __future__ import annotations

import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "simulation"))

from deploy_case import DeployCase  # noqa: E402


class DeploySoakTest(DeployCase):
    def test_errors_refusals_and_latency_that_grew_take_a_release_back(self) -> None:
        status = self.goes_back("execution", "leader_decides:slow", may=("slower_than_2s",), latency_floor_us=5_000, latency_percent=20)
        self.assertRegex(status["failure"], r"^soak execution: p99 \d+\.\d\d ms, before \d+\.\d\d ms")
        status = self.goes_back("gateway", "gateway_refuses_commands:eio", may=("refused", "unavailable"))
        self.assertRegex(status["failure"], r"^soak gateway: errors \d+ of \d+ requests \(\d+\.\d\d %\), before 0\.00 %")
        status = self.goes_back("gateway", "gateway_asks_for_too_much:eio", may=("refused",))
        self.assertRegex(status["failure"], r"^soak gateway: refusals \d+ of \d+ requests \(\d+\.\d\d %\), before 0\.00 %")
        self.assertEqual(self.steps(status)[-3:], ["soak", "back", "clear"])
        self.whole()


if __name__ == "__main__":
    unittest.main()
