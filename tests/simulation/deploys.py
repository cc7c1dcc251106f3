#!/usr/bin/env python3
"""Whole deployments there and back while orders flow, with whoever drives them killed at every step.

    ./dev sim deploys --deploys 20 --rate 200
    ./dev sim deploys --deploys 2 --kills

Exit 3: an order was lost, doubled, refused or invented because of a deployment, or one did not end as it should.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tools"))

import release  # noqa: E402
from running import Load, RolesShape, audit, percentile, run_campaign  # noqa: E402
from stoa_process import program, run_program, wait_for  # noqa: E402

# Short waits: what is looked for is the switch, not patience.
QUICK = {
    "catch_up_steady_s": 1,
    "shadow_outputs": 0,
    "soak_s": 3,
    "soak_requests": 0,
    "warm_s": 1,
}


class Platform:
    """`stoa up` with two releases of the program under test."""

    def __init__(self, running: RolesShape, roles: list[str]) -> None:
        self.running = running
        self.roles = [word for role in roles for word in ("--role", role)]
        for name in ("one", "two"):
            folder = release.make(program(), running.dir / "built", name)
            self.stoa("release", "add", folder)

    def stoa(self, *words: str | Path, expect: tuple[int, ...] = (0,), seconds: float = 180) -> str:
        done = run_program(*words, "--data", self.running.data, "--env", "testing", seconds=seconds)
        if done.returncode not in expect:
            raise AssertionError(f"stoa {' '.join(map(str, words))}: {done.returncode}\n{done.stdout}{done.stderr}")
        return done.stdout

    def words(self, name: str, **more: int) -> list[str]:
        settings = [word for key, value in (QUICK | more).items() for word in ("--with", f"{key}={value}")]
        return ["deploy", "start", name, *self.roles, *settings, "--wait", "-o", "json"]

    def deploy(self, name: str, **more: int) -> dict[str, Any]:
        return json.loads(self.stoa(*self.words(name, **more)))

    def status(self) -> dict[str, Any]:
        done = run_program("deploy", "status", "--data", self.running.data, "--env", "testing", "-o", "json")
        return json.loads(done.stdout) or {}

    def builds(self) -> dict[str, str]:
        """The release that each role runs, as the supervisor says."""
        rows = json.loads((self.running.data / "run" / "supervisor.json").read_text())["roles"]
        return {row["role"]: row["release"] for row in rows}

    def killed_at(self, name: str, records: int) -> str:
        """Starts one and kills the hub that drives it once so many records are written; what it was at."""
        wait_for("the hub", lambda: self.running.roles()["hub"].ready, 60)
        words = [word for word in self.words(name) if word != "--wait"]
        begun = json.loads(self.stoa(*words))["id"]

        def far_enough() -> bool:
            status = self.status()
            return status["plan"]["id"] == begun and (
                len(status["records"]) >= records or status["outcome"] != "running")

        wait_for(f"{records} records", far_enough, 120)
        at = self.status()["step"]
        self.running.kill("hub")
        over = wait_for("its end", lambda: (s := self.status())["outcome"] != "running" and s, 180)
        if over["outcome"] != "committed":
            raise AssertionError(f"killed at {at}: {over['outcome']} {over['failure']}")
        return at


def kills(platform: Platform) -> list[str]:
    """The hub is killed behind each record in turn, and the one behind it goes on. Answers where it was killed."""
    steps: list[str] = []
    names = ("two", "one")
    for records in range(1, 100):
        at = platform.killed_at(names[len(steps) % 2], records)
        if not at:
            return steps
        steps.append(at)
    return steps


def campaign(options: argparse.Namespace) -> dict[str, Any]:
    roles = options.role or ["execution", "risk", "strategy"]
    failures: list[str] = []
    holds: list[float] = []
    whole: list[float] = []
    back: list[float] = []
    killed: list[str] = []
    with RolesShape() as running:
        running.start()
        platform = Platform(running, roles)
        load = Load(running, "load", rate=options.rate, seed=options.seed)
        try:
            done = [platform.deploy(("one", "two")[number % 2]) for number in range(options.deploys)]
            if options.kills:
                killed = kills(platform)
            # A person takes one back in its soak.
            words = [word for word in platform.words("one", soak_s=120) if word != "--wait"]
            platform.stoa(*words)
            wait_for("the soak", lambda: platform.status()["step"] == "soak", 120)
            returned = json.loads(platform.stoa("deploy", "abort", "--wait", "-o", "json", expect=(8,)))
            account = load.finish()
        finally:
            load.end()
        builds = platform.builds()
        running.stop()
        found = audit(running, load.told)
    account.pop("by_second")
    for number, each in enumerate(done):
        if each["outcome"] != "committed":
            failures.append(f"deployment {number + 1}: {each}")
        for switched in each["switched"]:
            holds.append(switched["hold_ms"])
            whole.append(switched["whole_ms"])
    back = [each["whole_ms"] for each in returned["switched"] if each["back"]]
    if returned["outcome"] != "rolled_back" or len(back) != len(roles):
        failures.append(f"rollback: {returned}")
    failures += [f"{name}: {e['count']}, first {e['first']}" for name, e in found["found"].items() if e["count"]]
    for name in ("refused", "unknown", "unsent", "unavailable", "connects_refused", "lines_lost", "unresolved",
                 "slower_than_2s"):
        if account[name]:
            failures.append(f"{name}: {account[name]}")
    if account["acknowledged"] == 0:
        failures.append("no order was acknowledged: nothing is proven")
    return {
        "deploys": options.deploys,
        "roles": roles,
        "rate": options.rate,
        "seed": options.seed,
        "switches": len(holds),
        "hold_ms": {"p50": percentile(holds, 0.5), "p99": percentile(holds, 0.99), "max": max(holds, default=-1)},
        "whole_ms": {"p50": percentile(whole, 0.5), "p99": percentile(whole, 0.99), "max": max(whole, default=-1)},
        "rollback_ms": sum(back),
        "killed_at": killed,
        "builds": builds,
        "load": account,
        "audit": found,
        "failures": failures,
    }


def table(report: dict[str, Any]) -> str:
    load, hold, whole = report["load"], report["hold_ms"], report["whole_ms"]
    return "\n".join([
        f"{report['deploys']} deployments of {', '.join(report['roles'])} at {report['rate']:g} orders/s, "
        f"{report['switches']} switches, seed {report['seed']}",
        f"nobody led for: p50 {hold['p50']} ms, p99 {hold['p99']} ms, max {hold['max']} ms",
        f"order to open: p50 {whole['p50']} ms, p99 {whole['p99']} ms, max {whole['max']} ms",
        f"rollback of all roles: {report['rollback_ms']:.1f} ms from order to open",
        f"driver killed at: {', '.join(report['killed_at']) or 'never'}",
        f"orders: {load['due']} due, {load['acknowledged']} acknowledged, refused {load['refused'] or 0}, "
        f"unknown {load['unknown']}, 503 {load['unavailable']}, held over 2 s {load['slower_than_2s']}",
        f"lost, doubled or invented: {report['audit']['faults']}",
    ])


def parser() -> argparse.ArgumentParser:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--deploys", type=int, default=20)
    options.add_argument("--role", action="append", choices=("execution", "risk", "strategy", "gateway"))
    options.add_argument("--rate", type=float, default=200)
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--kills", action="store_true", help="also kill the driver behind every record")
    options.add_argument("--json", type=Path)
    return options


def main() -> int:
    return run_campaign(parser().parse_args(), campaign, table)


if __name__ == "__main__":
    sys.exit(main())
