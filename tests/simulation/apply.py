#!/usr/bin/env python3
"""A configuration brought to a platform from nothing, changed and rolled back; then with processes killed in the middle.

    ./dev sim apply
    ./dev sim apply --kills 200 --seed 7 --out apply.json

Killed is any role, the hub among them, the supervisor, or the command itself, at a random moment of an apply that has
begun and is not over. Whatever comes of that apply, the next one has to end well, and then each role says that it runs
with the revision that is wanted. Exit 3: one did not.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

from running import Running, get, percentile, run_campaign
from stoa_process import environment, program, run_program, wait_for

SPACE = "dev"
EVERY_ROLE = "environment"
# A unit, a key of it, values to choose from, how often. One role each, then three, then all.
CHANGES = (
    ("limits", "limits.max_open_orders", range(100, 100_000), 1),
    ("risk", "risk.max_drawdown_percent", range(5, 100), 1),
    ("gateway", "gateway.hold_max_ms", range(1_000, 9_000), 1),
    ("venue", "sim.order_latency_us", range(100, 10_000), 1),
    ("environment", "relay.subscribers_max", range(40, 4_000), 2),
    (EVERY_ROLE, "log.level", ("error", "warn", "info", "debug"), 2),
)
QUICK = ("--pauses", "1,2,4", "--health-wait", "60")
OTHERS = ("command", "supervisor")
TRIES = 50  # an apply may be over before its moment has come


class Platform(Running):
    """What a hub's space is applied to; nothing runs until the first apply."""

    def __init__(self) -> None:
        super().__init__()
        self.flags = ["--data", str(self.data), "--env", "development"]
        self._seen: set[int] = set()

    def stoa(self, *words: str, expect: tuple[int, ...] = (0,)) -> str:
        done = run_program(*words, *self.flags, seconds=300, cwd=self.dir)
        if done.returncode not in expect:
            raise AssertionError(f"stoa {' '.join(words)}: {done.returncode}\n{done.stdout}{done.stderr}")
        return done.stdout

    def apply(self, *, expect: tuple[int, ...] = (0,)) -> tuple[float, str]:
        begun = time.monotonic()
        said = self.stoa("config", "apply", SPACE, "--base-port", "any", *QUICK, expect=expect)
        self.note_pids()
        return time.monotonic() - begun, said

    def begin_apply(self) -> subprocess.Popen[str]:
        words = ["config", "apply", SPACE, "--base-port", "any", *QUICK, *self.flags]
        return subprocess.Popen(
            [program(), *words], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment(), cwd=self.dir
        )

    def status(self) -> list[dict[str, Any]]:
        done = run_program("status", *self.flags, "-o", "json")  # ends with 3 while some role is down
        return json.loads(done.stdout)

    def note_pids(self) -> None:
        self._seen |= {row["pid"] for row in self.status() if row["pid"]} | {self.supervisor()}

    def supervisor(self) -> int:
        return json.loads((self.data / "run" / "supervisor.json").read_text())["supervisor"]["pid"] or 0

    def pids(self) -> dict[str, int]:
        return {row["role"]: row["pid"] for row in self.status()}

    def faults(self) -> list[str]:
        """Where what a role says differs from what is wanted."""
        live = json.loads(self.stoa("config", "status", SPACE, "-o", "json"))["live"]
        found = []
        for row in self.status():
            told = get(row["port"], "/health/live")
            said = json.loads(told[1]) if told and told[0] == 200 else {}
            wanted = live["digests"][row["role"]]
            if said.get("config_digest") != wanted:
                found.append(f"{row['role']} says {said.get('config_digest')}, {live['name']} wants {wanted}")
        done = run_program("config", "drift", SPACE, *self.flags)
        if done.returncode != 0:
            found.append(f"drift: {done.returncode} {done.stdout}{done.stderr}")
        return found

    def change(self, unit: str, key: str, value: int | str) -> None:
        self.stoa("config", "set", SPACE, unit, f"{key}={value}")

    def end(self) -> None:
        if not (self.data / "run").is_dir():
            return
        run_program("down", "--force", *self.flags, seconds=120)
        for pid in self._seen - {0}:
            try:
                mine = str(self.data).encode() in Path(f"/proc/{pid}/cmdline").read_bytes()
            except OSError:
                continue
            if mine:
                os.kill(pid, signal.SIGKILL)


def times(platform: Platform) -> dict[str, Any]:
    """How long each kind of apply takes on a platform that nobody disturbs."""
    seconds: dict[str, float] = {}
    seconds["from nothing"], _ = platform.apply()
    before = platform.pids()
    seconds["again"], said = platform.apply()
    if "nothing to restart" not in said or platform.pids() != before:
        raise AssertionError(f"a second apply did something: {said}")
    platform.change("limits", "limits.max_open_orders", 77)
    seconds["one role"], said = platform.apply()
    moved = [role for role, pid in platform.pids().items() if before[role] != pid]
    if moved != ["execution"]:
        raise AssertionError(f"restarted {moved}: {said}")
    platform.change(EVERY_ROLE, "log.level", "warn")
    seconds["every role"], _ = platform.apply()
    platform.stoa("config", "rollback", SPACE, "1")
    seconds["rollback of every role"], said = platform.apply()
    if "the last ones first" not in said:
        raise AssertionError(f"not in reverse order: {said}")
    return {"seconds": seconds, "roles": len(before), "faults": platform.faults()}


class Kills:
    def __init__(self, platform: Platform, seed: int) -> None:
        self.platform = platform
        self.random = random.Random(seed)
        self.rounds: list[dict[str, Any]] = []
        self.apply_s = 1.0  # of an apply that nobody disturbs, as the first ones were

    def kill(self, victim: str, command: subprocess.Popen[str]) -> bool:
        """False: it does not run at the moment."""
        pid = command.pid if victim == "command" else self.platform.supervisor()
        if victim not in OTHERS:
            pid = self.platform.pids()[victim] or 0
        try:
            os.kill(pid, signal.SIGKILL) if pid else None
        except ProcessLookupError:
            return False
        return pid != 0

    def one(self, victim: str) -> bool:
        """False: the apply was over, or the victim was not there, before it could be killed."""
        weights = [weight for *_, weight in CHANGES]
        unit, key, values, _ = self.random.choices(CHANGES, weights)[0]
        self.platform.change(unit, key, self.random.choice(values))
        command = self.platform.begin_apply()
        assert command.stdout is not None
        said = ""
        while "wave 1 of" not in said:
            line = command.stdout.readline()
            if not line:
                break
            said += line
        whole = key == "log.level"
        # A moment, not a wait for something: where in the apply the kill falls is what varies.
        time.sleep(self.random.random() * self.apply_s * (0.8 if whole else 0.08))
        hit = command.poll() is None and self.kill(victim, command)
        said += command.communicate(timeout=300)[0]
        healed_s, healed = self.platform.apply(expect=(0, 1, 2, 3, 5))
        ok = healed.rstrip().endswith(": ok")
        faults = [] if ok else [f"the next apply: {healed}"]
        if ok:
            faults = self.platform.faults()
        if hit or faults:
            self.rounds.append({
                "victim": victim, "whole": whole, "exit": command.returncode, "healed_s": round(healed_s, 3),
                "restarted": healed.count(", try "), "faults": faults,
            })
        if faults:
            self.rounds[-1]["said"] = said
        return hit

    def run(self, kills: int, victims: list[str]) -> None:
        for number in range(kills):
            victim = victims[number % len(victims)] if number < len(victims) else self.random.choice(victims)
            if not any(self.one(victim) for _ in range(TRIES)):
                raise AssertionError(f"{victim} was not killed in the middle of any of {TRIES} applies")
            last = self.rounds[-1]
            print(f"{number + 1:4} {victim:16} apply ended with {last['exit']:3}, "
                  f"the next one in {last['healed_s']:5.1f} s{'  FAULT' if last['faults'] else ''}", flush=True)


def campaign(options: argparse.Namespace) -> dict[str, Any]:
    failures: list[str] = []
    with Platform() as platform:
        report: dict[str, Any] = {"seed": options.seed, "kills": options.kills}
        if options.times:
            report |= times(platform)
        else:
            began = time.monotonic()
            platform.apply()
            report |= {"seconds": {"from nothing": time.monotonic() - began}, "roles": len(platform.pids())}
            report["faults"] = platform.faults()
        failures += report["faults"]
        seconds = report["seconds"]
        for kind, bound in (("from nothing", 30.0), ("one role", 5.0)):
            if seconds.get(kind, 0.0) > bound and options.strict:
                failures.append(f"{kind}: {seconds[kind]:.1f} s, the bound is {bound:g} s")
        kills = Kills(platform, options.seed)
        kills.apply_s = seconds.get("every role", seconds["from nothing"])
        kills.run(options.kills, options.victim or [*platform.pids(), *OTHERS])
        report["rounds"] = kills.rounds
        failures += [f"{each['victim']}: {fault}" for each in kills.rounds for fault in each["faults"]]
        chain = platform.stoa("config", "audit", "verify", expect=(0, 3)).strip()
        report["audit"] = chain.splitlines()
        if "each behind the one before" not in chain:
            failures.append(chain)
        if failures:
            kept = Path(tempfile.mkdtemp(prefix="stoa-apply-logs-"))
            for log in (platform.data / "log").glob("*.log"):
                (kept / log.name).write_bytes(log.read_bytes())
            print(f"logs: {kept}", flush=True)
    return report | {"failures": failures}


def table(report: dict[str, Any]) -> str:
    lines = [f"{report['roles']} roles, seed {report['seed']}"]
    lines += [f"{kind:24} {seconds:6.2f} s" for kind, seconds in report["seconds"].items()]
    rounds = report["rounds"]
    if rounds:
        healed = [each["healed_s"] for each in rounds]
        lines.append(f"{len(rounds)} kills: " + ", ".join(
            f"{victim} {count}" for victim, count in Counter(each["victim"] for each in rounds).most_common()))
        lines.append("the apply itself ended with: " + ", ".join(
            f"{code} {count} times" for code, count in Counter(each["exit"] for each in rounds).most_common()))
        lines.append(f"the next apply: p50 {percentile(healed, 0.5):.1f} s, p99 {percentile(healed, 0.99):.1f} s, "
                     f"max {max(healed):.1f} s; not as wanted behind it: {sum(bool(each['faults']) for each in rounds)}")
    lines += report["audit"]
    return "\n".join(lines)


def parser() -> argparse.ArgumentParser:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--kills", type=int, default=0)
    options.add_argument("--victim", action="append", help="a role, supervisor or command; else all of them")
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--no-times", dest="times", action="store_false", help="only the kills")
    options.add_argument("--strict", action="store_true", help="fail past 30 s from nothing, or 5 s for one role")
    options.add_argument("--out", dest="json", type=Path, help="the account as JSON")
    return options


def main() -> int:
    return run_campaign(parser().parse_args(), campaign, table)


if __name__ == "__main__":
    sys.exit(main())
