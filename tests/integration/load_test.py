#!/usr/bin/env python3
"""`stoa load` against a real engine: every order accounted for, also when the engine dies under it."""

from __future__ import annotations

import contextlib
import json
import signal
import subprocess
import sys
import unittest
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "simulation"))

from running import EngineShape, RolesShape  # noqa: E402
from stoa_process import Case, Client, Engine, environment, program, run_program, wait_for  # noqa: E402


class LoadTest(Case):
    def load(self, engine: Engine, *flags: str) -> dict[str, Any]:
        where = ("--port", str(engine.port), "--data", str(engine.data), "--env", "development")
        done = run_program("load", *where, *flags, "-o", "json", cwd=self.dir)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return json.loads(done.stdout)

    def test_every_order_is_in_the_log_and_at_the_venue_once(self) -> None:
        engine = self.ready(self.dir / "data")
        account = self.load(engine, "--rate", "200", "--duration", "2s", "--prefix", "first")
        self.assertGreater(account["planned"], 390)
        self.assertEqual(account["planned"], account["acknowledged"] + account["refused"])
        self.assertEqual(account["acknowledged"], account["in_log"])
        self.assertEqual(account["acknowledged"], account["at_venue"])
        self.assertEqual((account["doubled"], account["lost"]), (0, 0))
        self.assertGreater(account["client"]["cancels"], 20)
        self.assertLess(account["client"]["p50_us"], account["client"]["max_us"] + 1)
        self.wait_for_order(engine.client(), "first-0")
        # An id names one order for good: the same prefix again would ask for those that are there.
        where = ("--port", str(engine.port), "--data", str(engine.data), "--env", "development")
        again = run_program("load", *where, "--prefix", "first", cwd=self.dir)
        self.assertEqual(again.returncode, 5, again.stdout + again.stderr)

    def begin(self, *flags: str) -> subprocess.Popen[str]:
        """A load that runs beside the test."""
        command = [str(program()), "load", *flags, "-o", "json"]
        load = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment(), cwd=self.dir
        )
        self.addCleanup(load.wait, 60)
        self.addCleanup(load.kill)
        return load

    def wait_for_order(self, client: Client, order: str) -> None:
        with contextlib.closing(client):
            wait_for(order, lambda: client.order(order).status == 200)

    def test_ctrl_c_ends_it_with_the_account(self) -> None:
        engine = self.ready(self.dir / "data")
        where = ["--port", str(engine.port), "--data", str(engine.data), "--env", "development"]
        load = self.begin(*where, "--rate", "100", "--duration", "0", "--prefix", "ended")
        self.wait_for_order(engine.client(), "ended-10")
        load.send_signal(signal.SIGINT)
        out, err = load.communicate(timeout=60)
        self.assertEqual(load.returncode, 0, err + out)
        account = json.loads(out)
        self.assertGreater(account["acknowledged"], 10)
        self.assertEqual(account["acknowledged"], account["in_log"])
        self.assertTrue(account["accounted_for"])

    def test_an_engine_that_dies_under_it_is_asked_again_for_every_order(self) -> None:
        with EngineShape() as running:
            running.start()
            where = ["--port", str(running.port), "--data", str(running.data), "--env", "testing"]
            load = self.begin(*where, "--rate", "200", "--duration", "4s", "--prefix", "dies")
            self.wait_for_order(running.client(), "dies-60")
            running.kill("engine")
            running.revive("engine")
            out, err = load.communicate(timeout=120)
            self.assertEqual(load.returncode, 0, err + out)
            account = json.loads(out)
            self.assertEqual((account["doubled"], account["lost"]), (0, 0), account["first_fault"])
            self.assertGreater(account["in_log"], 60)
            self.assertGreater(account["client"]["connects_refused"], 0)
            self.assertEqual(account["client"]["unresolved"], 0)

    def test_a_whole_platform_takes_the_load_and_is_found_sound(self) -> None:
        flags = ("--set", "service.hub.enabled=false")
        with RolesShape(*flags) as running:
            running.start()
            where = ("--data", str(running.data), "--base-port", str(running.shift), *flags)
            load = self.begin("--data", str(running.data), "--env", "testing", *flags, "--rate", "100", "--duration", "2s")
            out, err = load.communicate(timeout=120)
            self.assertEqual(load.returncode, 0, err + out)
            account = json.loads(out)
            self.assertEqual(account["acknowledged"], account["at_venue"])
            self.assertTrue((running.data / "venue" / "reports").is_dir())

            done = run_program("validate", "testing", *where, "-o", "json", cwd=self.dir)
            self.assertIn(done.returncode, (0, 3), done.stderr)
            found = json.loads(done.stdout)
            failed = [each for each in found["checks"] if each["result"] == "failed" and each["id"][:8] != "machine."]
            self.assertEqual(failed, [])
            self.assertGreater(found["total"], 100)
            health = run_program("health-check", "testing", "--data", str(running.data), *flags, cwd=self.dir)
            self.assertEqual(health.returncode, 0, health.stdout)
            self.assertIn("Overall status: HEALTHY ✓", health.stdout)

            # A role that is not ready is found at once, by name.
            running.kill("strategy")
            health = run_program("health", "testing", "--data", str(running.data), *flags, cwd=self.dir)
            self.assertEqual(health.returncode, 3, health.stdout)
            self.assertRegex(health.stdout, r"roles.ready +strategy")

    def test_it_refuses_another_machine_and_a_wrong_token(self) -> None:
        done = run_program("load", "--url", "http://192.0.2.1:8080", "--env", "development", cwd=self.dir)
        self.assertEqual(done.returncode, 2, done.stderr)
        self.assertIn("--allow-remote", done.stderr)
        engine = self.ready(self.dir / "data")
        token = Path(self.dir / "wrong")
        token.write_text("wrong\n")
        account = self.load(engine, "--rate", "50", "--duration", "1s", "--token-file", str(token))
        self.assertEqual(account["acknowledged"], 0)
        self.assertEqual(account["refused"], account["planned"])


if __name__ == "__main__":
    unittest.main()
