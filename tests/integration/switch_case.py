"""What the tests of switched roles share: who leads, orders that go on, and a process that dies at each step."""

from __future__ import annotations

import signal
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "simulation"))

from running import Load, RolesShape, audit  # noqa: E402
from stoa_process import wait_for  # noqa: E402
from switches import Beside, follows, order, places  # noqa: E402

OPENING = ("before_open", "after_hello", "after_open", "after_lead")


class SwitchCase(unittest.TestCase):
    """A test of one role; not a test by itself."""

    role = ""

    def leader(self, running: RolesShape) -> str:
        """The colour that leads, when it is one and /status is up to date."""
        leads = [colour for colour, place in places(running, self.role).items() if place["mode"] == "leading"]
        return leads[0] if len(leads) == 1 else ""

    def take_over(self, running: RolesShape, colour: str) -> None:
        """It leads, by an order at once if need be; one for an epoch that another opened meanwhile is void."""
        def leads() -> bool:
            if self.leader(running) != colour:
                order(running, self.role, colour, at_once=True, wait=5)
            return self.leader(running) == colour

        wait_for(f"{colour} leads", leads, 60)

    def settle(self, running: RolesShape, load: Load, expected: str) -> None:
        """`expected` leads, and orders go through it."""
        wait_for(f"{expected} leads", lambda: self.leader(running) == expected, 20)
        before = len(load.acknowledged_ms())
        wait_for("orders go on", lambda: len(load.acknowledged_ms()) > before + 5, 20)

    def finish(self, running: RolesShape, load: Load) -> dict[str, object]:
        account = load.finish()
        running.stop()
        found = audit(running, load.told)
        self.assertEqual({name: each for name, each in found["found"].items() if each["count"]}, {})
        self.assertEqual(account["unresolved"], 0)
        self.assertGreater(found["acknowledged"], 50)
        return account

    def goes_on_whoever_dies(self, closing: tuple[str, ...], seed: int) -> None:
        """Green is killed at each fail point of opening, and at those of `closing`, under load."""
        with RolesShape() as running:
            running.start()
            load = Load(running, "load", rate=50, seed=seed)
            try:
                for point in (*OPENING, *closing):
                    with self.subTest(point), Beside(running, self.role, "green", fail_point=f"{point}:kill") as green:
                        wait_for("green follows", lambda: follows(running, self.role, "green") or not green.alive, 60)
                        if point in closing:
                            done = order(running, self.role, "green")
                            self.assertEqual(done["holder"], "green", f"{done} {places(running, self.role)}")
                            self.settle(running, load, "green")
                            order(running, self.role, "blue", hold_max_ms=500, wait=1)
                        else:
                            order(running, self.role, "green", hold_max_ms=500, wait=2)
                        wait_for("green has died", lambda: not green.alive, 10)
                        self.assertEqual(green.process.returncode, -signal.SIGKILL)
                        # It was named and had opened, or had not closed: nobody waits for the dead.
                        self.take_over(running, "blue")
                        self.settle(running, load, "blue")
                self.finish(running, load)
            finally:
                load.end()
