#!/usr/bin/env python3
"""`stoa up` and its kin with real processes: stub roles that misbehave on order stand in for the roles."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import unittest
from pathlib import Path
from typing import Any

from stoa_process import Case, environment, program, run_program, wait_for

STUB = Path(os.environ.get("STOA_ROLE_STUB", program().parent / "role_stub"))
ROLES = [
    "relay-market",
    "relay-signal",
    "relay-execution",
    "venue",
    "market-data",
    "risk",
    "execution",
    "strategy",
    "gateway",
    "hub",
]
AFTER = {
    "market-data": {"relay-market", "venue"},
    "risk": {"relay-execution"},
    "execution": {"relay-execution", "risk", "venue"},
    "strategy": {"relay-market", "relay-signal", "relay-execution", "execution"},
    "gateway": set(ROLES) - {"gateway", "hub"},
}


def free_base_port() -> int:
    """A number that leaves every role's port free, for the moment."""
    ports = (8001, 8002, 8003, 9100, 5555, 5557, 5556, 5558, 8080, 8090)
    for base in range(10_000, 56_000, 211):
        with contextlib.ExitStack() as sockets:
            with contextlib.suppress(OSError):
                for port in ports:
                    sockets.enter_context(socket.socket()).bind(("127.0.0.1", base + port))
                return base
    raise AssertionError("no free ports")


def lives(pid: int) -> bool:
    """Whether a process runs; one that has ended and was not collected does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] not in ("Z", "X")
    except OSError:
        return False


class PlatformCase(Case):
    """A platform of stubs in a folder of the test's own; nothing of it outlives the test."""

    def setUp(self) -> None:
        super().setUp()
        if not STUB.is_file():
            self.skipTest(f"{STUB} is not built")
        self.data = self.dir / "data"
        self.base = "any"
        self.addCleanup(self.leave_nothing)

    def leave_nothing(self) -> None:
        """Ends whatever a failed test left, by the ids that the platform itself wrote down."""
        run_program("down", "--force", "--data", self.data, "--env", "testing", env=self.variables(""))
        log = self.data / "stub.log"
        for line in log.read_text().splitlines() if log.is_file() else []:
            pid = int(line.split()[2])
            with contextlib.suppress(OSError):
                if str(STUB) in Path(f"/proc/{pid}/cmdline").read_text():
                    os.kill(pid, signal.SIGKILL)

    def variables(self, stub: str) -> dict[str, str]:
        return environment() | {"STOA_ROLE_PROGRAM": str(STUB), "ROLE_STUB": stub}

    def stoa(
        self, *words: str | Path, stub: str = "", environment_name: str = "testing", **options: Any
    ) -> subprocess.CompletedProcess[str]:
        return run_program(
            *words, "--data", self.data, "--env", environment_name, env=self.variables(stub), **options
        )

    def up(self, *flags: str, stub: str = "", expect: int = 0) -> subprocess.CompletedProcess[str]:
        done = self.stoa("up", "--base-port", self.base, *flags, stub=stub)
        self.assertEqual(done.returncode, expect, done.stdout + done.stderr)
        return done

    def down(self, *flags: str) -> dict[str, Any]:
        done = self.stoa("down", "-o", "json", *flags)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return json.loads(done.stdout)

    def status(self) -> dict[str, dict[str, Any]]:
        return {row["role"]: row for row in json.loads(self.stoa("ps", "-o", "json").stdout)}

    def supervisor(self) -> int | None:
        return json.loads((self.data / "run" / "supervisor.json").read_text())["supervisor"]["pid"]

    def notes(self, what: str) -> list[str]:
        """Roles that did `what`, in order."""
        lines = [line.split() for line in (self.data / "stub.log").read_text().splitlines()]
        return [words[1] for words in lines if words[0] == what]

    def pids(self) -> list[int]:
        return [int(line.split()[2]) for line in (self.data / "stub.log").read_text().splitlines()]


class Start(PlatformCase):
    def test_every_role_starts_behind_those_it_waits_for(self) -> None:
        report = json.loads(self.up("-o", "json", stub="relay-execution=slow:150 risk=slow:100").stdout)
        self.assertTrue(report["ok"])
        self.assertEqual(sorted(step["role"] for step in report["order"]), sorted(ROLES))
        steps = {step["role"]: step for step in report["order"]}
        for role, before in AFTER.items():
            for other in before:
                self.assertLessEqual(steps[other]["ready_ms"], steps[role]["started_ms"], f"{role} before {other}")
        path = [step["role"] for step in report["critical_path"]]
        self.assertEqual(path[:3], ["relay-execution", "risk", "execution"])
        self.assertEqual(path[-1], "gateway")
        self.assertGreaterEqual(steps["risk"]["took_ms"], 100)
        rows = self.status()
        self.assertTrue(all(row["ready"] for row in rows.values()), rows)
        for row in rows.values():
            self.assertTrue(lives(row["pid"]))
            self.assertGreater(row["rss_bytes"], 0)

    def test_a_second_up_says_that_it_runs_and_changes_nothing(self) -> None:
        self.up()
        before = {role: row["pid"] for role, row in self.status().items()}
        again = self.up()
        self.assertIn("runs already", again.stdout)
        self.assertEqual({role: row["pid"] for role, row in self.status().items()}, before)

    def test_one_role_brings_those_before_it_and_up_adds_the_rest(self) -> None:
        report = json.loads(self.up("--only", "risk", "-o", "json").stdout)
        self.assertEqual([step["role"] for step in report["order"]], ["relay-execution", "risk"])
        self.assertEqual(self.status()["gateway"]["state"], "down")
        more = json.loads(self.up("-o", "json").stdout)
        self.assertEqual(len(more["order"]), len(ROLES) - 2)
        self.assertTrue(all(row["ready"] for row in self.status().values()))

    def test_a_role_that_dies_takes_the_start_back(self) -> None:
        failed = self.up(stub="risk=die:3 relay-execution=slow:50", expect=1)
        self.assertIn("risk did not become ready: exit 3", failed.stderr)
        self.assertIn("the stub dies, as it was told", failed.stderr)
        for pid in self.pids():
            self.assertFalse(lives(pid))
        self.assertIsNone(self.supervisor())
        self.assertNotIn("execution", self.notes("start"))
        self.up()

    def test_a_role_that_is_never_ready_takes_the_start_back_in_time(self) -> None:
        failed = self.up("--set", "roles.start_timeout_s=1", stub="strategy=never", expect=1)
        self.assertIn("strategy did not become ready: not ready within 1 s, it says: starting slowly", failed.stderr)
        for pid in self.pids():
            self.assertFalse(lives(pid))

    def test_all_that_is_amiss_is_told_at_once_and_nothing_starts(self) -> None:
        base = free_base_port()
        with socket.socket() as venue, socket.socket() as risk:
            for taken, port in ((venue, 9100), (risk, 5557)):
                taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                taken.bind(("127.0.0.1", base + port))
                taken.listen()
            refused = self.stoa("up", "--base-port", str(base), environment_name="development")
        self.assertEqual(refused.returncode, 1)
        self.assertIn(f"port {base + 9100} of venue is taken by process {os.getpid()}", refused.stderr)
        self.assertIn(f"port {base + 5557} of risk is taken by process {os.getpid()}", refused.stderr)
        self.assertIn("nothing was started", refused.stderr)
        self.assertFalse((self.data / "stub.log").exists())

    def test_an_engine_on_the_same_data_is_named(self) -> None:
        engine = self.ready(self.data)
        refused = self.up(expect=1)
        self.assertIn(f"the journal is in use by process {engine.pid}", refused.stderr)

    def test_a_data_directory_too_deep_for_sockets_is_refused(self) -> None:
        self.data = self.dir / ("d" * 90)
        refused = self.up(expect=1)
        self.assertRegex(refused.stderr, r"names of sockets would have \d+ bytes, the system takes 107")

    def test_a_dry_run_shows_the_plan_and_starts_nothing(self) -> None:
        plan = json.loads(self.up("--dry-run", "-o", "json").stdout)
        self.assertEqual([role["role"] for role in plan], ROLES)
        self.assertEqual(set(plan[-2]["after"]), AFTER["gateway"])
        self.assertFalse(self.data.exists())

    def test_two_starts_at_once_make_one_platform(self) -> None:
        command = [str(program()), "up", "--data", str(self.data), "--env", "testing"]
        both = [
            subprocess.Popen(command, env=self.variables("all=slow:50"), stdout=subprocess.PIPE,
                             stderr=subprocess.PIPE, text=True)
            for _ in range(2)
        ]  # fmt: skip
        for process in both:
            out, err = process.communicate(timeout=30)
            self.assertEqual(process.returncode, 0, out + err)
        self.assertEqual(sorted(self.notes("start")), sorted(ROLES))


class Stop(PlatformCase):
    def test_roles_stop_in_reverse(self) -> None:
        self.up()
        report = self.down()
        stopped = self.notes("stop")
        self.assertEqual(sorted(stopped), sorted(ROLES))
        for role, before in AFTER.items():
            for other in before:
                self.assertLess(stopped.index(role), stopped.index(other), f"{other} before {role}")
        self.assertEqual(len(report["order"]), len(ROLES))
        for pid in self.pids():
            self.assertFalse(lives(pid))
        left = {path.name for path in (self.data / "run").iterdir()}
        self.assertEqual(left, {"supervisor.json", "supervisor.lock", "supervisor.sock.lock"})

    def test_down_without_a_platform_is_no_error(self) -> None:
        done = self.stoa("down")
        self.assertEqual(done.returncode, 0)
        self.assertIn("nothing runs", done.stdout)
        self.assertFalse(self.data.exists())

    def test_a_role_that_takes_no_sigterm_is_killed_with_all_it_started(self) -> None:
        self.up(stub="venue=hang,child")
        group = self.status()["venue"]["pid"]
        report = self.down("--timeout", "1")
        self.assertTrue(report["ok"])
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit() and lives(int(entry.name)):
                with contextlib.suppress(OSError):
                    self.assertNotEqual(os.getpgid(int(entry.name)), group, "a child of the venue is left")

    def test_force_kills_at_once(self) -> None:
        self.up(stub="all=hang")
        report = self.down("--force")
        self.assertLess(report["took_ms"], 5_000)
        self.assertEqual(self.notes("stop"), [])
        for pid in self.pids():
            self.assertFalse(lives(pid))

    def test_a_foreground_platform_ends_with_ctrl_c_and_its_roles_with_it(self) -> None:
        process = subprocess.Popen(
            [str(program()), "up", "--foreground", "--data", str(self.data), "--env", "testing"],
            env=self.variables(""), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        wait_for("ten roles", lambda: (self.data / "stub.log").exists() and len(self.notes("ready")) == 10)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)
        self.assertEqual(process.returncode, 0, out + err)
        self.assertEqual(sorted(self.notes("stop")), sorted(ROLES))

    def test_roles_of_a_foreground_platform_end_when_it_is_killed(self) -> None:
        process = subprocess.Popen(
            [str(program()), "up", "--foreground", "--data", str(self.data), "--env", "testing"],
            env=self.variables(""), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        wait_for("ten roles", lambda: (self.data / "stub.log").exists() and len(self.notes("ready")) == 10)
        process.kill()
        process.wait()
        wait_for("no role", lambda: not any(lives(pid) for pid in self.pids()))


class Keep(PlatformCase):
    def test_a_crash_is_started_again_and_counted(self) -> None:
        self.up(stub="venue=once:50")
        wait_for("a second start", lambda: self.notes("ready").count("venue") == 2)
        row = wait_for("ready again", lambda: (r := self.status()["venue"])["state"] == "ready" and r)
        self.assertEqual(row["restarts"], 1)
        self.assertRegex(row["last_exit"], r"^exit 1 at 20")
        self.assertEqual(self.notes("start").count("execution"), 1, "others stay")

    def test_a_role_that_crashes_for_ever_is_given_up_loudly(self) -> None:
        self.up("--set", "roles.restart_max=1", stub="venue=crash:500")
        row = wait_for("given up", lambda: (r := self.status()["venue"])["state"] == "failed" and r, 20)
        self.assertIn("after 1 restarts", row["last_error"])
        log = self.stoa("logs", "supervisor", "--level", "error", "-o", "json").stdout
        self.assertEqual(json.loads(log.splitlines()[-1])["event"], "role_given_up")
        self.assertEqual(self.stoa("health").returncode, 3)

    def test_a_killed_role_comes_back(self) -> None:
        self.up()
        old = self.status()["risk"]["pid"]
        os.kill(old, signal.SIGKILL)
        row = wait_for("a new one", lambda: (r := self.status()["risk"])["ready"] and r["pid"] != old and r)
        self.assertIn("signal 9 (SIGKILL)", row["last_exit"])

    def test_a_silent_role_is_ended_and_started_again(self) -> None:
        self.up("--set", "roles.watchdog_s=1", stub="risk=silent:100")
        wait_for("a second start", lambda: self.notes("start").count("risk") >= 2)
        self.assertIn("no sign of life for 1 s", self.stoa("logs", "supervisor").stdout)

    def test_restart_replaces_one_role_and_no_other(self) -> None:
        self.up()
        before = {role: row["pid"] for role, row in self.status().items()}
        done = self.stoa("restart", "risk")
        self.assertEqual(done.returncode, 0, done.stderr)
        after = {role: row["pid"] for role, row in self.status().items()}
        self.assertEqual([role for role in ROLES if before[role] != after[role]], ["risk"])

    def test_restart_all_replaces_every_role(self) -> None:
        self.up()
        before = {row["pid"] for row in self.status().values()}
        done = self.stoa("restart", "--all")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertFalse(before & {row["pid"] for row in self.status().values()})

    def test_a_hand_over_puts_a_second_process_in_the_place_of_the_first(self) -> None:
        # The stub does not end by itself once it is relieved, so that it is ended for it.
        self.up("--set", "roles.stop_timeout_s=1")
        before = self.status()
        done = self.stoa("restart", "relay-signal", "--hand-over")
        self.assertEqual(done.returncode, 0, done.stderr)
        after = self.status()
        self.assertEqual([role for role in ROLES if before[role]["pid"] != after[role]["pid"]], ["relay-signal"])
        pids = (before["relay-signal"]["pid"], after["relay-signal"]["pid"])
        self.assertRegex(done.stdout, rf"relay-signal +handed over +[0-9.]+ ms +\(pid {pids[0]} -> {pids[1]}\)")
        self.assertEqual(after["relay-signal"]["restarts"], 0)
        self.assertFalse(lives(pids[0]))
        self.assertEqual((self.data / "run" / "relay-signal.pid").read_text().split()[::2], [str(pids[1]), "ready"])
        self.assertFalse((self.data / "run" / "relay-signal.next.pid").exists())

    def test_a_successor_that_dies_leaves_the_relay_as_it_was(self) -> None:
        self.up(stub="relay-signal=heir:7")
        before = {role: row["pid"] for role, row in self.status().items()}
        done = self.stoa("restart", "relay-signal", "--hand-over")
        self.assertEqual(done.returncode, 1, done.stdout)
        self.assertIn("relay-signal was not handed over: exit 7", done.stderr)
        self.assertIn("the stub takes nothing over", done.stderr)
        self.assertEqual({role: row["pid"] for role, row in self.status().items()}, before)

    def test_only_relays_are_handed_over(self) -> None:
        self.up()
        for words in (["venue"], ["--all"], ["relay-market", "relay-signal"]):
            done = self.stoa("restart", *words, "--hand-over")
            self.assertEqual(done.returncode, 2, words)
            self.assertIn("relay-market, relay-signal, relay-execution", done.stderr)
        done = self.stoa("restart", "relay-market", "--hand-over", "--dry-run")
        self.assertEqual((done.returncode, done.stdout), (0, "would hand over relay-market\n"))

    def test_roles_outlive_a_killed_supervisor_and_are_taken_over(self) -> None:
        self.up()
        before = {role: row["pid"] for role, row in self.status().items()}
        supervisor = self.supervisor()
        assert supervisor is not None
        os.kill(supervisor, signal.SIGKILL)
        wait_for("its end", lambda: not lives(supervisor))
        self.assertEqual(self.status()["venue"]["state"], "lost")
        self.assertIn("runs already", self.up().stdout)
        self.assertEqual({role: row["pid"] for role, row in self.status().items()}, before)
        os.kill(before["venue"], signal.SIGKILL)
        wait_for("a new venue", lambda: (r := self.status()["venue"])["ready"] and r["pid"] != before["venue"])
        self.down()
        self.assertEqual(sorted(self.notes("stop")), sorted(ROLES))

    def test_down_stops_roles_whose_supervisor_was_killed(self) -> None:
        self.up()
        supervisor = self.supervisor()
        assert supervisor is not None
        os.kill(supervisor, signal.SIGKILL)
        wait_for("its end", lambda: not lives(supervisor))
        report = self.down()
        self.assertTrue(report["ok"])
        self.assertEqual(sorted(self.notes("stop")), sorted(ROLES))


class Beside(PlatformCase):
    """A second process of a role, as the deploy plane asks for it at the supervisor's socket."""

    def ask(self, words: str) -> dict[str, Any]:
        with socket.socket(socket.AF_UNIX) as control:
            control.settimeout(10)
            control.connect(str(self.data / "run" / "supervisor.sock"))
            control.sendall(words.encode() + b"\n")
            return json.loads(control.makefile().readline())

    def risk(self) -> dict[str, Any]:
        return next(row for row in self.ask("status")["roles"] if row["role"] == "risk")

    def stand(self) -> dict[str, Any]:
        done = self.ask(f"beside-start risk colour=green release=2.0.0 program={STUB}")
        self.assertTrue(done["ok"], done)
        return wait_for("risk.green", lambda: (b := self.risk().get("beside")) and b["ready"] and b)

    def test_it_stands_beside_is_promoted_and_is_what_a_crash_restarts(self) -> None:
        self.up()
        blue = self.risk()["pid"]
        green = self.stand()
        self.assertEqual((green["instance"], green["release"]), ("risk.green", "2.0.0"))
        self.assertTrue(lives(green["pid"]))
        self.assertEqual(self.risk()["pid"], blue)
        self.assertTrue((self.data / "log" / "risk.green.log").is_file())
        row = self.status()["risk"]
        self.assertEqual([each["instance"] for each in row["instances"]], ["risk", "risk.green"])
        self.assertTrue(self.ask("beside-promote risk colour=green")["ok"])
        row = self.risk()
        self.assertEqual((row["pid"], row["colour"], row["release"]), (green["pid"], "green", "2.0.0"))
        self.assertEqual((row["beside"]["pid"], row["beside"]["colour"]), (blue, "blue"))
        os.kill(green["pid"], signal.SIGKILL)
        again = wait_for("a new green", lambda: (r := self.risk())["ready"] and r["pid"] != green["pid"] and r)
        self.assertEqual((again["colour"], again["release"]), ("green", "2.0.0"))
        words = Path(f"/proc/{again['pid']}/cmdline").read_text().split("\0")
        self.assertEqual(words[words.index("--colour") + 1], "green")
        self.assertNotIn("--beside", words)
        self.assertTrue(lives(blue), "the other one stays warm")
        self.assertTrue(self.ask("beside-stop risk")["ok"])
        wait_for("its end", lambda: not lives(blue) and self.risk().get("beside") is None)
        self.down()

    def test_one_that_dies_is_told_with_its_last_lines_and_not_started_again(self) -> None:
        self.up(stub="risk.green=die:3")
        self.assertTrue(self.ask(f"beside-start risk colour=green release=2.0.0 program={STUB}")["ok"])
        gone = wait_for("its end", lambda: (b := self.risk()["beside"])["state"] == "failed" and b)
        self.assertIn("exit 3", gone["last_exit"])
        self.assertIn("the stub dies, as it was told", gone["last_exit"])
        self.assertEqual(self.notes("start").count("risk.green"), 1)
        self.assertTrue(self.status()["risk"]["ready"])

    def test_a_supervisor_that_was_killed_finds_both_and_their_builds_again(self) -> None:
        self.up()
        blue = self.risk()["pid"]
        green = self.stand()["pid"]
        self.assertTrue(self.ask("beside-promote risk colour=green")["ok"])
        supervisor = self.supervisor()
        assert supervisor is not None
        os.kill(supervisor, signal.SIGKILL)
        wait_for("its end", lambda: not lives(supervisor))
        self.up()
        row = self.risk()
        self.assertEqual((row["pid"], row["release"], row["beside"]["pid"]), (green, "2.0.0", blue))
        self.assertEqual(self.risk()["beside"]["state"], "ready")
        self.down()
        self.assertFalse(lives(green) or lives(blue))
        self.up()
        row = self.risk()
        self.assertEqual((row["colour"], row["release"]), ("green", "2.0.0"), "what led leads again")

    def test_down_ends_both_when_the_supervisor_is_gone(self) -> None:
        self.up()
        green = self.stand()["pid"]
        supervisor = self.supervisor()
        assert supervisor is not None
        os.kill(supervisor, signal.SIGKILL)
        wait_for("its end", lambda: not lives(supervisor))
        self.down()
        self.assertFalse(lives(green))


class Look(PlatformCase):
    def test_logs_of_all_roles_are_one_stream(self) -> None:
        self.up("--log-level", "info")
        text = self.stoa("logs", "-n", "1000").stdout
        for role in ROLES:
            self.assertRegex(text, rf"info +{role} +starting")
        def told() -> list[dict[str, Any]]:
            return [json.loads(line) for line in self.stoa("logs", "supervisor", "-o", "json").stdout.splitlines()]

        # A thread of its own writes the log: the last line may come after the answer.
        wait_for("the end of the start is in the log", lambda: told()[-1]["event"] == "operation_done", 30)
        lines = told()
        for line in lines:
            self.assertEqual((line["service"], line["env"]), ("supervisor", "testing"))
            self.assertTrue(re.fullmatch(r"\d+\.\d+\.\d+.*", line["version"]))

    def test_logs_follow_through_a_turn(self) -> None:
        self.up()
        follower = subprocess.Popen(
            [str(program()), "logs", "venue", "-f", "-o", "json", "--data", str(self.data), "--env", "testing"],
            env=self.variables(""), stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        self.addCleanup(follower.wait)
        self.addCleanup(follower.kill)
        assert follower.stdout is not None
        self.assertEqual(json.loads(follower.stdout.readline())["event"], "starting")
        done = self.stoa("maintenance", "archive")
        self.assertEqual(done.returncode, 0, done.stderr)
        seen = [json.loads(follower.stdout.readline())["event"] for _ in range(2)]
        self.assertEqual(seen, ["ready", "reopened"])
        follower.stdout.close()

    def test_a_deaf_role_keeps_its_log_and_its_life(self) -> None:
        self.up(stub="venue=deaf")
        pid = self.status()["venue"]["pid"]
        self.assertEqual(self.stoa("maintenance", "archive").returncode, 0)
        self.assertTrue(lives(pid))
        self.assertTrue(list((self.data / "log" / "archive").glob("venue.log.*.zst")))

    def test_maintenance_drops_archives_only_past_their_time(self) -> None:
        self.up()
        self.stoa("maintenance", "archive")
        kept = self.stoa("maintenance", "clean")
        self.assertIn("nothing to do", kept.stdout)
        asked = json.loads(self.stoa("maintenance", "clean", "--keep-days", "0", "--dry-run", "-o", "json").stdout)
        self.assertEqual(len(asked["actions"]), len(ROLES))
        self.assertEqual(len(list((self.data / "log" / "archive").iterdir())), len(ROLES))
        self.stoa("maintenance", "clean", "--keep-days", "0")
        self.assertEqual(list((self.data / "log" / "archive").iterdir()), [])

    def test_health_waits_until_a_role_is_back(self) -> None:
        self.up(stub="venue=once:10")
        done = self.stoa("health", "venue", "--wait", "--timeout", "20", "-o", "json")
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertTrue(json.loads(done.stdout)["ready"])
        self.down()
        late = self.stoa("health", "--wait", "--timeout", "0")
        self.assertEqual(late.returncode, 7)
        self.assertEqual(self.stoa("health").returncode, 3)

    def test_health_watch_tells_each_change(self) -> None:
        self.up()
        watch = subprocess.Popen(
            [str(program()), "health", "venue", "--watch", "-o", "json", "--data", str(self.data), "--env", "testing"],
            env=self.variables(""), stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        self.addCleanup(watch.wait)
        self.addCleanup(watch.kill)
        assert watch.stdout is not None
        self.assertEqual(json.loads(watch.stdout.readline())["health"], "ready")
        self.down()
        change = json.loads(watch.stdout.readline())
        self.assertEqual((change["health"], change["before"]), ("down", "ready"))
        watch.stdout.close()

    def test_a_role_that_answers_shows_its_rate(self) -> None:
        self.base = str(free_base_port())
        done = self.stoa("up", "--base-port", self.base, stub="all=http", environment_name="development")
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        row = self.status()["venue"]
        self.assertTrue(row["answers"])
        self.assertEqual((row["messages_per_second"], row["lag"]), (12.5, 7))
        os.kill(row["pid"], signal.SIGSTOP)
        try:
            hung = self.status()["venue"]
        finally:
            os.kill(row["pid"], signal.SIGCONT)
        self.assertFalse(hung["answers"])
        self.assertEqual(hung["note"], "no answer within 200 ms")

    def test_the_daily_report_counts_what_the_logs_say(self) -> None:
        self.up(stub="venue=once:10")
        wait_for("a second start", lambda: self.notes("ready").count("venue") == 2)
        self.stoa("maintenance", "archive")
        report = json.loads(self.stoa("report", "daily", "-o", "json").stdout)
        self.assertEqual(report["restarts"], 1)
        self.assertEqual({"venue": 1}, {r["role"]: r["restarts"] for r in report["roles"] if r["restarts"]})
        self.assertEqual(report["roles_total"], len(ROLES))


if __name__ == "__main__":
    unittest.main()
