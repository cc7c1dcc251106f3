#!/usr/bin/env python3
"""A configuration's way through the hub to processes that run with it, by commands alone."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import subprocess
import unittest
from pathlib import Path

from stoa_process import Case, environment, run_program, wait_for


class HubCase(Case):
    def setUp(self) -> None:
        super().setUp()
        self.data = self.dir / "data"

    def stoa(self, *words: str | Path, user: str = "ann", expect: int = 0) -> subprocess.CompletedProcess[str]:
        done = run_program(
            *words, "--data", self.data, "--env", "development", env=environment() | {"STOA_USER": user}, seconds=180
        )
        self.assertEqual(done.returncode, expect, f"{words}: {done.stdout}{done.stderr}")
        return done

    def config(self, *words: str | Path, user: str = "ann", expect: int = 0) -> str:
        done = self.stoa("config", *words, user=user, expect=expect)
        return done.stdout + done.stderr

    def head(self, space: str) -> str:
        return json.loads(self.config("status", space, "-o", "json"))["head"]["head"]


class WithoutHub(HubCase):
    """No hub runs: each command opens the log for itself."""

    PROD = ("--yes", "--env-name", "prod", "--reason", "a test")

    def test_the_way_of_a_change_from_dev_to_prod(self) -> None:
        for user, role in (("bob", "editor"), ("cid", "approver"), ("dan", "deployer")):
            self.config("space", "grant", "prod", user, role, *self.PROD)
            self.config("space", "grant", "staging", user, role)
        self.config("set", "dev", "limits", "limits.max_order_rate=500", "limits.max_daily_loss=900")
        self.config("promote", "dev", "staging")
        self.config("set", "prod", "limits", "limits.max_daily_loss=100", *self.PROD)
        self.config("space", "protect", "prod", "limits.max_daily_loss", *self.PROD)
        told = self.config("promote", "staging", "prod", *self.PROD)
        self.assertIn("limits/limits.max_order_rate", told)
        self.assertIn("limits/limits.max_daily_loss: protected, prod keeps its own", told)
        self.assertIn("needs its name", self.config("apply", "prod", "--reason", "x", expect=2))
        self.assertIn("has 0 of 1 approvals", self.config("apply", "prod", *self.PROD, expect=6))
        head = self.head("prod")
        self.assertIn("somebody else has to approve it", self.config("approve", "prod", head, *self.PROD, expect=6))
        altered = f"{head[:-1]}{'0' if head[-1] != '0' else '1'}"
        self.assertIn("is", self.config("approve", "prod", altered, *self.PROD, user="cid", expect=5))
        self.config("approve", "prod", head, *self.PROD, user="cid")
        stale = self.config("set", "prod", "limits", "limits.max_order_rate=1", "--if-head", "1", *self.PROD, expect=5)
        self.assertIn(f"the head of prod is {head}", stale)
        self.config("apply", "prod", "--no-start", *self.PROD, user="dan")
        text = (self.data / "config" / "current").read_text()
        self.assertIn("max_order_rate = 500", text)
        self.assertIn("max_daily_loss = 100", text)
        self.assertIn("is not deployer in prod", self.config("apply", "prod", *self.PROD, user="bob", expect=6))
        self.assertIn("refused", self.config("audit", "prod"))
        self.assertIn("each behind the one before", self.config("audit", "verify"))

    def test_break_glass_is_loud_until_somebody_approves(self) -> None:
        self.config("space", "grant", "prod", "cid", "approver", *self.PROD)
        self.config("set", "prod", "limits", "limits.max_order_rate=5", *self.PROD)
        self.assertIn("BREAK-GLASS", self.config("apply", "prod", "--break-glass", "--no-start", *self.PROD))
        self.assertIn("BREAK-GLASS", self.config("status", "prod"))
        self.assertIn("BREAK-GLASS", self.config("set", "prod", "limits", "limits.max_order_rate=6", *self.PROD))
        self.config("rollback", "prod", "2", *self.PROD)
        self.config("approve", "prod", "2:" + self.head("prod").split(":")[1], *self.PROD, user="cid")
        self.assertNotIn("BREAK-GLASS", self.config("status", "prod"))

    def test_a_rollback_of_all_or_of_one_document_and_a_log_that_was_tampered_with(self) -> None:
        apply = ("apply", "prod", "--no-start", *self.PROD)
        self.config("space", "grant", "prod", "cid", "approver", *self.PROD)

        def set_and_apply(rate: int) -> str:
            self.config("set", "prod", "limits", f"limits.max_order_rate={rate}", *self.PROD)
            self.config("approve", "prod", self.head("prod"), *self.PROD, user="cid")
            self.config(*apply)
            return self.head("prod").split(":")[1]

        first = set_and_apply(5)
        set_and_apply(6)
        self.assertIn("rollback is possible", self.config("diff", "prod@1..prod"))
        self.config("rollback", "prod", *self.PROD)
        self.assertEqual(self.head("prod"), f"4:{first}")
        self.config("set", "prod", "gateway", "gateway.hold_max_ms=1500", *self.PROD)
        self.config("set", "prod", "limits", "limits.max_order_rate=7", *self.PROD)
        self.config("rollback", "prod", "2", "--unit", "limits", *self.PROD)
        self.assertIn("= 5", self.config("unit", "show", "prod", "limits"))
        self.assertIn("= 1500", self.config("unit", "show", "prod", "gateway"))
        self.assertIn("each behind the one before", self.config("audit", "verify"))
        (segment,) = (self.data / "hub" / "config").glob("*.seg")
        segment.write_bytes(segment.read_bytes().replace(b"max_order_rate = 5", b"max_order_rate = 9", 1))
        self.assertRegex(self.config("audit", "verify", expect=3), r"NOT WHOLE: .*(lsn|record) \d+")
        self.assertRegex(self.config("status", "prod", expect=3), r"(lsn|record) \d+")

    def test_what_was_exported_can_be_imported(self) -> None:
        self.config("set", "dev", "gateway", "gateway.port=9000")
        file = self.dir / "dev.json"
        file.write_text(self.config("export", "dev"))
        self.config("set", "dev", "gateway", "--unset", "gateway.port")
        self.config("import", "dev", file)
        self.assertIn("port = 9000", self.config("unit", "show", "dev", "gateway"))


class WithPlatform(HubCase):
    def tearDown(self) -> None:
        run_program("down", "--force", "--data", self.data, "--env", "development", env=environment(), seconds=120)
        super().tearDown()

    def row(self, role: str) -> dict:
        words = ("ps", "-o", "json", "--data", self.data, "--env", "development")
        rows = json.loads(run_program(*words, env=environment()).stdout)  # ends with 3 while some role is down
        return next(row for row in rows if row["role"] == role)

    def of_role(self, role: str) -> dict:
        with contextlib.closing(http.client.HTTPConnection("127.0.0.1", self.row(role)["port"], timeout=10)) as http_:
            http_.request("GET", "/health/live")
            return json.loads(http_.getresponse().read()) | {"pid": self.row(role)["pid"]}

    def test_an_apply_restarts_what_reads_the_change_and_reads_it_back(self) -> None:
        self.stoa("up", "--base-port", "any")
        self.assertTrue((self.data / "run" / "hub.sock").is_socket())
        before = {role: self.of_role(role) for role in ("execution", "risk", "gateway")}
        self.config("set", "dev", "limits", "limits.max_open_orders=77", "--reason", "a test")
        self.assertIn("would restart in wave 1: execution", self.config("apply", "dev", "--dry-run"))
        told = self.config("apply", "dev")
        self.assertIn("execution: healthy, runs with dev-2", told)
        after = {role: self.of_role(role) for role in before}
        self.assertEqual(after["execution"]["config_revision"], "dev-2")
        self.assertNotEqual(after["execution"]["pid"], before["execution"]["pid"])
        self.assertNotEqual(after["execution"]["config_digest"], before["execution"]["config_digest"])
        for role in ("risk", "gateway"):
            self.assertEqual(after[role]["pid"], before[role]["pid"], role)
        self.assertIn("everything runs with it", self.config("drift", "dev"))
        self.assertIn("nothing to restart", self.config("apply", "dev"))
        self.assertTrue(list((self.data / "log").glob("apply-*.log")))
        # A hand edit is found by the path that it changed.
        file = (self.data / "config" / "current").resolve()
        file.write_text(file.read_text().replace("= 77", "= 78"))
        self.assertIn("limits.max_open_orders is 78, wanted is 77", self.config("drift", "dev", expect=3))
        self.assertIn("config.drift  relay-market and 9 more  passed", self.stoa("validate", "dev", "--only", "config.drift").stdout)
        self.stoa("restart", "execution")
        found = self.stoa("validate", "dev", "--only", "config.drift", expect=3).stdout
        self.assertRegex(found, "config.drift +execution +failed .*stoa config apply dev")
        self.config("rollback", "dev", "1", "--reason", "a test")
        self.assertIn("the last ones first", self.config("apply", "dev"))
        self.assertEqual(self.of_role("execution")["config_digest"], before["execution"]["config_digest"])

    def test_an_apply_onto_nothing_brings_all_up_and_a_failed_wave_takes_nothing_back(self) -> None:
        self.assertIn("would start one, wave by wave", self.config("apply", "dev", "--dry-run"))
        self.assertFalse((self.data / "run" / "supervisor.sock").exists())
        told = self.config("apply", "dev", "--base-port", "any")
        self.assertIn("no platform runs here; one is started", told)
        self.assertIn("gateway: healthy, runs with dev-1", told)
        before = {role: self.row(role)["pid"] for role in ("relay-market", "execution", "strategy")}
        # Nobody has this address (RFC 5737): the gateway cannot listen there.
        self.config("set", "dev", "gateway", "gateway.host=203.0.113.9")
        told = self.config("apply", "dev", "--pauses", "1", "--health-wait", "3", expect=3)
        self.assertIn("gateway did not become healthy in 2 tries", told)
        self.assertFalse(self.row("gateway")["ready"])
        self.assertIn("gateway", self.config("drift", "dev", expect=3))
        self.config("rollback", "dev", "1")
        told = self.config("apply", "dev", "--pauses", "2,2,2,2,5,5,5,10,10")
        self.assertIn("gateway: healthy, runs with dev-3", told)
        self.assertNotIn("execution: ", told)
        self.assertEqual({role: self.row(role)["pid"] for role in before}, before)
        self.assertIn("everything runs with it", self.config("drift", "dev"))

    def test_a_space_of_another_environment_is_refused_before_anything_restarts(self) -> None:
        self.stoa("up", "--base-port", "any", "--only", "hub")
        self.config("set", "staging", "limits", "limits.max_open_orders=77", "--reason", "a test")
        told = self.config("apply", "staging", expect=1)
        self.assertIn("the platform runs as development, and staging is of staging", told)
        self.assertFalse((self.data / "config" / "current").exists())

    def test_a_hub_that_is_killed_comes_back_with_what_it_acknowledged(self) -> None:
        self.stoa("up", "--base-port", "any", "--only", "hub")
        pid = self.of_role("hub")["pid"]
        self.config("set", "dev", "limits", "limits.max_open_orders=77")
        os.kill(pid, signal.SIGKILL)
        wait_for("another hub", lambda: self.answers(pid), 60)
        self.assertIn("max_open_orders = 77", self.config("unit", "show", "dev", "limits"))

    def answers(self, but: int) -> bool:
        row = self.row("hub")
        return row["ready"] and row["pid"] != but


if __name__ == "__main__":
    unittest.main()
