"""What the tests of releases that behave worse share: one platform, a bad release at a time, and who found it out."""

from __future__ import annotations

import json
import sys
import unittest
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "integration"))

from deploy_platform import Platform, faults_of  # noqa: E402
from running import Load, RolesShape, audit  # noqa: E402
from stoa_process import wait_for  # noqa: E402

# Long enough to have something to compare with, and to see enough of the new build.
WATCHED = {"catch_up_steady_s": 2, "soak_s": 60, "soak_requests": 20, "bad_s": 1}


class DeployCase(unittest.TestCase):
    """A platform for each test, without a hub: the command drives."""

    def setUp(self) -> None:
        self.running = RolesShape(only=("gateway", "strategy"))
        self.addCleanup(self.running.remove)
        self.addCleanup(self.running.end)
        self.running.start()
        self.platform = Platform(self.running, [])
        self.told: list[Path] = []

    def goes_back(self, role: str, fail_point: str, *, may: tuple[str, ...] = (), rate: float = 50, **more: int) -> dict[str, Any]:
        """Deploys the program with that fail point armed in its own processes, and sees it taken back with no word from
        anybody while orders go on. `may`: what clients may notice of it. Answers with its status.
        """
        platform, name = self.platform, f"bad-{len(self.told)}"
        platform.roles = [role]
        platform.add_faulty(name, fail_point)
        first = platform.builds()[role]
        load = Load(self.running, name, rate=rate, seed=12)
        try:
            wait_for("orders go", lambda: len(load.acknowledged_ms()) > 20, 60)
            platform.stoa(*platform.words(name, **(WATCHED | more)), expect=(8,))
            told = json.loads(platform.stoa("deploy", "history", "-o", "json"))[-1]
            print(platform.run("deploy", "status").stdout, platform.run("deploy", "history").stdout, sep="\n", flush=True)
            self.assertEqual((told["release"], told["outcome"]), (name, "rolled_back"), told)
            wait_for("one process of each role", platform.stands_alone, 60)
            self.assertEqual(platform.builds()[role], first)
            self.goes_on(load)
            account = load.finish()
        finally:
            load.end()
        self.told.append(load.told)
        nothing: dict[str, Any] = {"found": {}}
        self.assertEqual([fault for fault in faults_of(account, nothing) if not fault.startswith(may or ("-",))], [])
        return platform.status()

    def goes_on(self, load: Load) -> None:
        before = len(load.acknowledged_ms())
        wait_for("orders go on", lambda: len(load.acknowledged_ms()) > before + 5, 60)

    def steps(self, status: dict[str, Any]) -> list[str]:
        return [record["step"].split()[0] for record in status["records"] if record["kind"] == "begun"]

    def whole(self, **known: int) -> None:
        """Nothing was lost, doubled or invented; `known` faults are there so often and no other."""
        self.running.stop()
        found = audit(self.running, *self.told)
        self.assertEqual({name: e["count"] for name, e in found["found"].items() if e["count"]}, known)
        self.assertGreater(found["acknowledged"], 50)
