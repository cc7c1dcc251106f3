"""Whoever drives a deployment is killed at every step of it, and whoever comes behind goes on or goes back."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import signal
import socket
import subprocess
from typing import Any

from deploy_platform import OVER_SECONDS, Platform, faults_of
from running import Load, RolesShape, audit
from stoa_process import environment, program, wait_for

KILLED = -signal.SIGKILL


def places(records: list[dict[str, Any]]) -> list[str]:
    """Where a driver may die in a deployment that wrote these: before and behind each record, and behind an action.

    What lies behind the end of a step is before the beginning of the next.
    """
    acts = ("start", "switch", "stop", "back", "clear")
    found = []
    for record in records:
        kind, step = record["kind"], record.get("step", "")
        name = f"{kind} {step}".strip()
        if kind != "begun":
            found.append(f"unwritten {name}")
        if kind != "over":
            found.append(f"written {name}")
        if kind == "begun" and step.split()[0] in acts:
            found.append(f"done {step}")
    return found


class CommandDrives:
    """No hub runs: the command drives the deployment itself."""

    name = "command"

    def __init__(self, platform: Platform) -> None:
        self.platform = platform

    def die(self, place: str, words: list[str] | None = None) -> None:
        """Drives it, or begins with `words`, until it is killed at `place`."""
        words = words or ["deploy", "resume"]
        process = self.platform.begin(*words, fail_point=f"{place}:kill")
        try:
            out, err = process.communicate(timeout=OVER_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            raise AssertionError(f"{words} goes on for ever instead of passing {place}") from None
        if process.returncode != KILLED:
            raise AssertionError(f"{words} did not pass {place}: {process.returncode}\n{out}{err}")

    def go_on(self, words: list[str] | None = None) -> None:
        done = self.platform.run(*(words or ["deploy", "resume"]))
        if done.returncode == 5 and "it is committed" in done.stderr:
            done = self.platform.run("deploy", "resume")  # too late to abort
        if done.returncode not in (0, 8):
            raise AssertionError(f"{words}: {done.returncode} {done.stderr}")

    def end(self) -> None:
        """Nothing of it stays."""


class HubDrives:
    """The hub does, started by hand so that it can be told where to die."""

    name = "hub"

    def __init__(self, platform: Platform) -> None:
        self.platform = platform
        self._hub: subprocess.Popen[bytes] | None = None

    def _start(self, place: str = "") -> subprocess.Popen[bytes]:
        running = self.platform.running
        more = {"STOA_FAILPOINT": f"{place}:kill"} if place else {}
        with (running.dir / "hub.by-hand.log").open("ab") as log:
            self._hub = subprocess.Popen(
                [program(), "run", "hub", "--data", running.data, "--base-port", str(running.shift), *running.flags],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=environment() | more,
            )
        return self._hub

    def _ask(self, hub: subprocess.Popen[bytes], words: list[str]) -> None:
        """Once it answers; what it says when it dies of it does not matter."""
        path = self.platform.running.data / "run" / "hub.sock"

        def answers() -> bool:
            with socket.socket(socket.AF_UNIX) as one, contextlib.suppress(OSError):
                one.connect(str(path))
                return True
            return hub.poll() is not None

        wait_for("the hub answers", answers, 60)

        def taken() -> bool:
            done = self.platform.run(*words)
            return done.returncode == 0 or hub.poll() is not None or "it is committed" in done.stderr

        wait_for("it is taken", taken, 60)

    def die(self, place: str, words: list[str] | None = None) -> None:
        hub = self._start(place)
        if words:
            self._ask(hub, words)
        try:
            code = hub.wait(OVER_SECONDS)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"the hub goes on for ever instead of passing {place}: {self.platform.status()}") from None
        if code != KILLED:
            raise AssertionError(f"the hub did not pass {place}: {code}")

    def go_on(self, words: list[str] | None = None) -> None:
        hub = self._start()
        if words:
            self._ask(hub, words)
        self.platform.until_over()
        self.end()

    def end(self) -> None:
        if self._hub is not None and self._hub.poll() is None:
            self._hub.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._hub.wait(30)
            if self._hub.poll() is None:
                self._hub.kill()
                self._hub.wait(10)
        self._hub = None


Drives = CommandDrives | HubDrives


def ended(platform: Platform, id_: str, outcome: str, wanted: str) -> None:
    """It is over as it should be, nobody holds its lock, and one process of each role is left, of the right build."""
    status = platform.status()
    if (status["plan"]["id"], status["outcome"], status["driven"]) != (id_, outcome, False):
        raise AssertionError(f"deployment {id_} should be {outcome}: {status}")
    wait_for("one process of each role", platform.stands_alone, 60)
    builds = platform.builds()
    if any(builds[role] != wanted for role in platform.roles):
        raise AssertionError(f"{wanted or 'the first build'} should run: {builds}")


def die_everywhere(drives: Drives, name: str, pattern: list[str]) -> int:
    """One deployment of `name`, whose driver is killed at each place in turn. Answers how often."""
    platform = drives.platform
    words = platform.words(name)
    before = platform.newest()
    began = False
    for place in pattern:
        drives.die(place, None if began else words)
        began = platform.newest() != before
    drives.go_on()
    ended(platform, platform.newest(), "committed", name)
    return len(pattern)


def die_everywhere_back(drives: Drives, name: str, pattern: list[str]) -> int:
    """The same of its way back, from its soak on."""
    platform = drives.platform
    wanted = platform.builds()[platform.roles[0]]
    soak = next(place for place in pattern if place.startswith("written begun soak"))
    drives.die(soak, platform.words(name, soak_s=600))
    way = pattern[pattern.index(soak) + 1 :]
    asked = False
    for place in way:
        drives.die(place, None if asked else ["deploy", "abort"])
        asked = platform.status()["going_back"]
    drives.go_on()
    ended(platform, platform.newest(), "rolled_back", wanted)
    return len(way) + 1


def die_once(drives: Drives, name: str, place: str, back: bool) -> None:
    """A deployment whose driver is killed at one place; then it is resumed, or taken back."""
    platform = drives.platform
    wanted = platform.builds()[platform.roles[0]]
    before = platform.newest()
    drives.die(place, platform.words(name))
    if platform.newest() == before:
        return  # it died before the first record
    drives.go_on(["deploy", "abort"] if back else None)
    # Behind its commit there is nothing to abort, and it goes on.
    outcome = platform.status()["outcome"]
    if outcome not in (("rolled_back", "committed") if back else ("committed",)):
        raise AssertionError(f"killed at {place}: {platform.status()}")
    ended(platform, platform.newest(), outcome, name if outcome == "committed" else wanted)


def pattern_of(platform: Platform, name: str) -> list[str]:
    """The places of a deployment that goes well."""
    return places(_run(platform, name)["records"])


def pattern_back(platform: Platform, name: str) -> list[str]:
    """And of one that is taken back in its soak."""
    interrupted(platform, name, back=True)
    return places(platform.status()["records"])


def _run(platform: Platform, name: str) -> dict[str, Any]:
    platform.stoa(*platform.words(name))
    return platform.status()


def two_at_once(platform: Platform, name: str) -> str:
    """Several are begun at once: one goes on and the others are told who has the lock. It is bound to its holder's life.

    Answers what one of them was told.
    """
    wanted = platform.builds()[platform.roles[0]]
    begun = [platform.begin(*platform.words(name, soak_s=600)) for _ in range(4)]
    try:
        wait_for("three are refused", lambda: sum(each.poll() is not None for each in begun) == 3, OVER_SECONDS)
        holder = next(each for each in begun if each.poll() is None)
        for each in begun:
            if each is holder:
                continue
            err = each.stderr.read()
            if each.returncode != 5 or "another deployment is under way" not in err:
                raise AssertionError(f"refused with {each.returncode}: {err}")
        platform.until(platform.step("soak"))
        id_ = platform.newest()
        late = platform.run(*platform.words(name))
        if late.returncode != 5 or f"(process {holder.pid})" not in late.stderr:
            raise AssertionError(f"refused with {late.returncode}: {late.stderr}")
        os.kill(holder.pid, signal.SIGSTOP)
        stopped = platform.run("deploy", "abort")
        if stopped.returncode != 5 or f"(process {holder.pid})" not in stopped.stderr:
            raise AssertionError(f"one that is stopped has its lock: {stopped.returncode} {stopped.stderr}")
        holder.kill()
        holder.wait(30)
        free = platform.run(*platform.words(name))
        if free.returncode != 5 or "was interrupted" not in free.stderr:
            raise AssertionError(f"one that is dead has none: {free.returncode} {free.stderr}")
        platform.stoa("deploy", "abort", expect=(8,))
        ended(platform, id_, "rolled_back", wanted)
        return late.stderr.strip()
    finally:
        for each in begun:
            if each.poll() is None:
                each.kill()
            each.communicate(timeout=30)


def interrupted(platform: Platform, name: str, back: bool) -> str:
    """Ctrl-C leaves it where it stands, and says how to go on. Answers what it said."""
    wanted = platform.builds()[platform.roles[0]]
    process = platform.begin(*platform.words(name, soak_s=600))
    try:
        platform.until(platform.step("soak"))
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
    finally:
        if process.poll() is None:
            process.kill()
            process.wait(10)
    said = err.strip().splitlines()[-1]
    if process.returncode != 1 or "stoa deploy resume" not in said:
        raise AssertionError(f"Ctrl-C: {process.returncode} {err}")
    id_ = platform.newest()
    if back:
        platform.stoa("deploy", "abort", expect=(8,))
        ended(platform, id_, "rolled_back", wanted)
    else:
        # promote ends the soak: whoever asks takes the place of who drove it.
        platform.stoa("deploy", "promote")
        ended(platform, id_, "committed", name)
    return said


def supervised_hub_dies(platform: Platform, name: str, step: str) -> None:
    """SIGKILL from outside; the supervisor starts another hub, which goes on."""
    running = platform.running
    wait_for("the hub", lambda: running.roles()["hub"].ready, 60)
    id_ = json.loads(platform.stoa(*platform.words(name, catch_up_steady_s=1, soak_s=1), "-o", "json"))["id"]
    wait_for(step, lambda: (s := platform.status())["step"] == step or s["outcome"] != "running", OVER_SECONDS)
    running.kill("hub")
    platform.until_over()
    ended(platform, id_, "committed", name)


ONLY = ("gateway", "strategy")  # what they wait for comes along: every role but the hub
STEPS_OF_HUB = ("start", "switch", "soak", "warm")


def campaign(options: argparse.Namespace) -> dict[str, Any]:
    """Every death there is, under load; ends in the account."""
    told: dict[str, Any] = {"deaths": 0, "deployments": 0}
    failures: list[str] = []
    drives: Drives | None = None

    def other(platform: Platform) -> str:
        return "one" if platform.builds()[platform.roles[0]] == "two" else "two"

    with RolesShape(only=ONLY) as running:
        running.start()
        load = Load(running, "load", rate=options.rate, seed=options.seed)
        try:
            platform = Platform(running, options.role or ["execution"])
            forth = pattern_of(platform, "two")
            back = pattern_back(platform, "one")
            for drives in (CommandDrives(platform), HubDrives(platform)):
                told["deaths"] += die_everywhere(drives, other(platform), forth)
                told["deaths"] += die_everywhere_back(drives, other(platform), back)
                each = forth if options.kills == "all" else forth[:: len(forth) // 4]
                for place in each:
                    for abort in (False, True):
                        die_once(drives, other(platform), place, abort)
                        told["deaths"] += 1
                drives.end()
            interrupted(platform, other(platform), back=False)
            told["second"] = two_at_once(platform, other(platform))
            running.ask_for("hub")
            for step in STEPS_OF_HUB:
                supervised_hub_dies(platform, other(platform), platform.step(step))
                told["deaths"] += 1
            told["deployments"] = len(json.loads(platform.stoa("deploy", "history", "-o", "json")))
            account = load.finish()
        finally:
            load.end()
            if drives is not None:
                drives.end()
        running.stop()
        found = audit(running, load.told)
    account.pop("by_second")
    failures += faults_of(account, found)
    return told | {"places": len(set(forth + back)), "load": account, "audit": found, "failures": failures}


def table(report: dict[str, Any]) -> str:
    load = report["load"]
    return "\n".join([
        f"{report['deaths']} deaths of whoever drove, at {report['places']} places, in {report['deployments']} deployments: "
        "each was resumed or taken back",
        f"a second one at once: {report['second']}",
        f"orders: {load['due']} due, {load['acknowledged']} acknowledged, refused {load['refused'] or 0}, "
        f"unknown {load['unknown']}, 503 {load['unavailable']}, held over 2 s {load['slower_than_2s']}; "
        f"lost, doubled or invented: {report['audit']['faults']}",
    ])
