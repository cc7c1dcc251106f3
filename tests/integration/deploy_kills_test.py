#!/usr/bin/env python3
"""Whoever drives a deployment dies at every step of it, on its way there and on its way back, while orders flow.

The long form is `./dev sim deploys --kills all`.
"""

from __future__ import annotations

import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "simulation"))

import deploy_kills as kills  # noqa: E402
from deploy_platform import Platform, faults_of  # noqa: E402
from running import Load, RolesShape, audit  # noqa: E402


class DeployKillsTest(unittest.TestCase):
    def test_each_is_resumed_or_taken_back_and_no_order_notices(self) -> None:
        with RolesShape(only=kills.ONLY) as running:
            running.start()
            load = Load(running, "load", rate=100, seed=11)
            hub = None
            try:
                platform = Platform(running, ["execution"])
                forth = kills.pattern_of(platform, "two")
                back = kills.pattern_back(platform, "one")
                command = kills.CommandDrives(platform)
                self.assertGreater(kills.die_everywhere(command, "one", forth), 30)
                self.assertGreater(kills.die_everywhere_back(command, "two", back), 8)
                kills.interrupted(platform, "two", back=False)
                kills.two_at_once(platform, "one")
                # The hub passes the same places: one of each step.
                hub = kills.HubDrives(platform)
                kills.die_everywhere(hub, "one", [place for place in forth if place.startswith("written begun")])
                account = load.finish()
            finally:
                load.end()
                if hub is not None:
                    hub.end()
            running.stop()
            found = audit(running, load.told)
        self.assertEqual(faults_of(account, found), [])


if __name__ == "__main__":
    unittest.main()
