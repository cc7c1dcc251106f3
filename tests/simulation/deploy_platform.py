"""A platform with releases to deploy, for the drivers of whole deployments."""

from __future__ import annotations

import contextlib
import hashlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tools"))

import release  # noqa: E402
from running import RolesShape, tool  # noqa: E402
from stoa_process import environment, program, run_program, wait_for  # noqa: E402

# Short waits: what is looked for is the switch, not patience.
QUICK = {
    "catch_up_steady_s": 0,
    "shadow_outputs": 0,
    "soak_s": 0,
    "soak_requests": 0,
    "warm_s": 0,
    "latency_floor_us": 60_000_000,  # a busy machine is as slow under either build
}
OVER_SECONDS = 120


def settings(**wanted: int) -> list[str]:
    return [word for key, value in wanted.items() for word in ("--with", f"{key}={value}")]


class Platform:
    """`stoa up` with two releases: `one` is the program under test, `two` the same under another version."""

    def __init__(self, running: RolesShape, roles: list[str]) -> None:
        self.running = running
        self.roles = roles
        self.digests: dict[str, tuple[str, str]] = {}  # version and digest of each release
        for name, built in (("one", program()), ("two", tool("stoa_next"))):
            self.add(release.make(built, running.dir / "built", name))

    def add(self, folder: Path) -> None:
        self.stoa("release", "add", folder)
        manifest = json.loads((folder / "manifest.json").read_text())
        self.digests[manifest["name"]] = (manifest["version"], manifest["files"]["stoa"])

    def step(self, name: str) -> str:
        """As a deployment of these roles names it."""
        return f"{name} {self.roles[0]}" if len(self.roles) == 1 else name

    def add_faulty(self, name: str, fail_point: str) -> None:
        """A release whose processes start with a fail point armed: a build that really behaves worse."""
        folder = release.make(program(), self.running.dir / "built", name)
        (folder / "stoa").rename(folder / "stoa.real")
        (folder / "stoa").write_text(
            f'#!/bin/sh\nSTOA_FAILPOINT="{fail_point}" exec "$(dirname "$0")/stoa.real" "$@"\n'
        )
        (folder / "stoa").chmod(0o755)
        manifest = json.loads((folder / "manifest.json").read_text())
        manifest["files"] = {
            file: hashlib.sha256((folder / file).read_bytes()).hexdigest() for file in ("stoa", "stoa.real")
        }
        (folder / "manifest.json").write_text(json.dumps(manifest, indent=1) + "\n")
        self.add(folder)

    def run(self, *words: str | Path, seconds: float = 180) -> subprocess.CompletedProcess[str]:
        return run_program(*words, "--data", self.running.data, "--env", "testing", seconds=seconds)

    def stoa(self, *words: str | Path, expect: tuple[int, ...] = (0,), seconds: float = 180) -> str:
        done = self.run(*words, seconds=seconds)
        if done.returncode not in expect:
            raise AssertionError(f"stoa {' '.join(map(str, words))}: {done.returncode}\n{done.stdout}{done.stderr}")
        return done.stdout

    def begin(self, *words: str, fail_point: str = "") -> subprocess.Popen[str]:
        """A command that goes on by itself."""
        more = {"STOA_FAILPOINT": fail_point} if fail_point else {}
        return subprocess.Popen(
            [program(), *words, "--data", self.running.data, "--env", "testing"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment() | more,
        )

    def words(self, name: str, **more: int) -> list[str]:
        roles = [word for role in self.roles for word in ("--role", role)]
        return ["deploy", "start", name, *roles, *settings(**(QUICK | more))]

    def deploy(self, name: str, **more: int) -> dict[str, Any]:
        return json.loads(self.stoa(*self.words(name, **more), "--wait", "-o", "json"))

    def status(self) -> dict[str, Any]:
        """Of the newest deployment; empty while there is none."""
        return json.loads(self.run("deploy", "status", "-o", "json").stdout) or {}

    def newest(self) -> str:
        """The id of the newest deployment; empty: there is none."""
        return self.status().get("plan", {}).get("id", "")

    def until(self, step: str) -> dict[str, Any]:
        """Its status at that step."""
        return wait_for(step, lambda: (s := self.status()).get("step") == step and s, OVER_SECONDS)

    def until_over(self) -> dict[str, Any]:
        return wait_for("its end", lambda: (s := self.status()).get("outcome") != "running" and s, OVER_SECONDS)

    def supervised(self) -> list[dict[str, Any]]:
        """Every role as the supervisor says."""
        with contextlib.suppress(json.JSONDecodeError):
            return json.loads((self.running.data / "run" / "supervisor.json").read_text())["roles"]
        return []

    def builds(self) -> dict[str, str]:
        """The release that each role runs."""
        return {row["role"]: row["release"] for row in self.supervised()}

    def stands_alone(self) -> bool:
        """No role has a second process."""
        rows = self.supervised()
        return bool(rows) and all(not row.get("beside") for row in rows)


def faults_of(account: dict[str, Any], found: dict[str, Any]) -> list[str]:
    """What a client or the audit saw that no deployment may cause."""
    faults = [f"{name}: {e['count']}, first {e['first']}" for name, e in found["found"].items() if e["count"]]
    for name in ("refused", "unknown", "unsent", "unavailable", "connects_refused", "lines_lost", "unresolved",
                 "slower_than_2s"):
        if account[name]:
            faults.append(f"{name}: {account[name]}")
    if account["acknowledged"] == 0:
        faults.append("no order was acknowledged: nothing is proven")
    return faults
