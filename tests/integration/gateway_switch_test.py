#!/usr/bin/env python3
"""The gateway switched to a second process under load, and either process dying at every step of it.

The long form is `./dev sim switches --role gateway`.
"""

from __future__ import annotations

import os
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "simulation"))

import switches  # noqa: E402
from running import Load, RolesShape, get  # noqa: E402
from stoa_process import wait_for  # noqa: E402
from switch_case import SwitchCase  # noqa: E402
from switches import Beside, follows, order, services  # noqa: E402

ROLE = "gateway"


class GatewaySwitchTest(SwitchCase):
    role = ROLE

    def test_there_and_back_no_connection_is_refused_and_no_answer_lost(self) -> None:
        report = switches.campaign(
            switches.parser().parse_args(["--switches", "10", "--seed", "8", "--rate", "200", "--role", ROLE])
        )
        print(switches.table(report), flush=True)
        self.assertFalse(report["failures"], "\n".join(report["failures"]))
        for name in ("connects_refused", "lines_lost", "unknown", "unavailable", "time_outs"):
            self.assertEqual(report["load"][name], 0, name)
        self.assertGreater(report["audit"]["acknowledged"], 100)

    def test_the_one_beside_has_a_port_of_its_own_and_gets_the_public_one_by_leading(self) -> None:
        with RolesShape() as running:
            running.start()
            with Beside(running, ROLE, "green") as green:
                wait_for("green follows", lambda: follows(running, ROLE, "green"), 60)

                def port(instance: str) -> int:
                    entry = services(running, ROLE).get(instance)
                    return int(entry["endpoints"]["health"].rsplit(":", 1)[1]) if entry else 0

                own = port("gateway.green")
                self.assertNotIn(own, (0, running.port))
                self.assertEqual(get(own, "/livez")[0], 200)
                self.assertEqual(get(own, "/readyz")[0], 503, "one that follows takes no traffic")
                done = order(running, ROLE, "green")
                self.assertEqual(done["holder"], "green")
                wait_for("the names move", lambda: port("gateway") == running.port and port("gateway.blue"), 20)
                self.assertNotEqual(port("gateway.blue"), running.port)
                wait_for("blue follows", lambda: follows(running, ROLE, "blue"), 20)
                # Neither of them has kept anything of the other's.
                handles = len(os.listdir(f"/proc/{green.process.pid}/fd"))
                for _ in range(3):
                    self.assertEqual(order(running, ROLE, "blue")["holder"], "blue")
                    self.assertEqual(order(running, ROLE, "green")["holder"], "green")
                wait_for("no descriptor is left over", lambda: len(os.listdir(f"/proc/{green.process.pid}/fd")) <= handles + 2, 20)
            running.stop()

    def test_whoever_dies_at_a_step_of_the_switch_the_platform_goes_on(self) -> None:
        self.goes_on_whoever_dies(("before_close", "after_close", "after_follow"), seed=9)

    def test_who_leads_and_is_killed_is_started_again_and_no_connection_is_refused_meanwhile(self) -> None:
        with RolesShape() as running:
            running.start()
            load = Load(running, "load", rate=50, seed=10)
            try:
                with Beside(running, ROLE, "green"):
                    wait_for("green follows", lambda: follows(running, ROLE, "green"), 60)
                    self.settle(running, load, "blue")
                    running.kill(ROLE)
                    self.settle(running, load, "blue")
                    wait_for("green follows", lambda: follows(running, ROLE, "green"), 20)
                    self.assertEqual(order(running, ROLE, "green")["holder"], "green")
                    self.settle(running, load, "green")
                    self.assertEqual(order(running, ROLE, "blue")["holder"], "blue")
                    self.settle(running, load, "blue")
                account = self.finish(running, load)
                # The one that follows holds the public port open.
                self.assertEqual(account["connects_refused"], 0)
            finally:
                load.end()


if __name__ == "__main__":
    unittest.main()
