#!/usr/bin/env python3
"""The gateway switched to a second process under load, and either process dying at every step of it.

The long form is `./dev sim switches --role gateway`.
"""

from __future__ import annotations

import os
import signal
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "simulation"))

import switches  # noqa: E402
from running import Load, RolesShape, audit, get  # noqa: E402
from stoa_process import wait_for  # noqa: E402
from switches import Beside, follows, order, places, services  # noqa: E402

ROLE = "gateway"


def leader(running: RolesShape) -> str:
    """The colour that leads, when it is one and /status is up to date."""
    leads = [colour for colour, place in places(running, ROLE).items() if place["mode"] == "leading"]
    return leads[0] if len(leads) == 1 else ""


class GatewaySwitchTest(unittest.TestCase):
    def _settle(self, running: RolesShape, load: Load, expected: str) -> None:
        """`expected` leads, and orders go through it."""
        wait_for(f"{expected} leads", lambda: leader(running) == expected, 20)
        before = len(load.acknowledged_ms())
        wait_for("orders go on", lambda: len(load.acknowledged_ms()) > before + 5, 20)

    def _finish(self, running: RolesShape, load: Load) -> dict[str, object]:
        account = load.finish()
        running.stop()
        found = audit(running, load.told)
        self.assertEqual({name: each for name, each in found["found"].items() if each["count"]}, {})
        self.assertEqual(account["unresolved"], 0)
        self.assertGreater(found["acknowledged"], 50)
        return account

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
                self.assertEqual(places(running, ROLE)["blue"]["mode"], "following")
                # Neither of them has kept anything of the other's.
                handles = len(os.listdir(f"/proc/{green.process.pid}/fd"))
                for _ in range(3):
                    self.assertEqual(order(running, ROLE, "blue")["holder"], "blue")
                    self.assertEqual(order(running, ROLE, "green")["holder"], "green")
                wait_for("no descriptor is left over", lambda: len(os.listdir(f"/proc/{green.process.pid}/fd")) <= handles + 2, 20)
            running.stop()

    def test_whoever_dies_at_a_step_of_the_switch_the_platform_goes_on(self) -> None:
        opening = ("before_open", "after_hello", "after_open", "after_lead")
        closing = ("before_close", "after_close", "after_follow")
        with RolesShape() as running:
            running.start()
            load = Load(running, "load", rate=50, seed=9)
            try:
                for point in (*opening, *closing):
                    with self.subTest(point), Beside(running, ROLE, "green", fail_point=f"{point}:kill") as green:
                        wait_for("green follows", lambda: follows(running, ROLE, "green") or not green.alive, 60)
                        if point in closing:
                            self.assertEqual(order(running, ROLE, "green")["holder"], "green")
                            self._settle(running, load, "green")
                            order(running, ROLE, "blue", hold_max_ms=500, wait=1)
                        else:
                            order(running, ROLE, "green", hold_max_ms=500, wait=2)
                        wait_for("green has died", lambda: not green.alive, 10)
                        self.assertEqual(green.process.returncode, -signal.SIGKILL)
                        # It was named and had opened, or had not closed: nobody waits for the dead.
                        if leader(running) != "blue":
                            order(running, ROLE, "blue", at_once=True)
                        self._settle(running, load, "blue")
                self._finish(running, load)
            finally:
                load.end()

    def test_who_leads_and_is_killed_is_started_again_and_no_connection_is_refused_meanwhile(self) -> None:
        with RolesShape() as running:
            running.start()
            load = Load(running, "load", rate=50, seed=10)
            try:
                with Beside(running, ROLE, "green"):
                    wait_for("green follows", lambda: follows(running, ROLE, "green"), 60)
                    self._settle(running, load, "blue")
                    running.kill(ROLE)
                    self._settle(running, load, "blue")
                    self.assertEqual(places(running, ROLE)["green"]["mode"], "following")
                    self.assertEqual(order(running, ROLE, "green")["holder"], "green")
                    self._settle(running, load, "green")
                    self.assertEqual(order(running, ROLE, "blue")["holder"], "blue")
                    self._settle(running, load, "blue")
                account = self._finish(running, load)
                # The one that follows holds the public port open.
                self.assertEqual(account["connects_refused"], 0)
            finally:
                load.end()


if __name__ == "__main__":
    unittest.main()
