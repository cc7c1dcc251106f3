#!/usr/bin/env python3
"""A role switched to a second process and back while orders flow: what it costs, and what became of the orders.

    ./dev sim switches --switches 50 --rate 200 --role execution

Exit 3: an order was lost, doubled, refused or invented because of a switch, or held longer than two seconds.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from running import Load, RolesShape, audit, get, percentile, run_campaign, tool
from stoa_process import environment, program, wait_for

HOLD_MAX_MS = 2_000
COLOURS = ("blue", "green")


def services(running: RolesShape, role: str) -> dict[str, dict[str, Any]]:
    """Who is in the registry for a role, by instance."""
    found = {}
    for path in (running.data / "run" / "services").glob(f"{role}.*.json"):
        with contextlib.suppress(OSError, json.JSONDecodeError):
            entry = json.loads(path.read_text())
            found[entry["instance"]] = entry
    return found


def place_of(running: RolesShape, role: str, instance: str) -> dict[str, Any] | None:
    """What /status of one process says of the switch."""
    entry = services(running, role).get(instance)
    if entry is None:
        return None
    port = int(entry["endpoints"]["health"].rsplit(":", 1)[1])
    answer = get(port, "/status")
    if answer is None:
        return None
    status = json.loads(answer[1])
    place = status.get("switch")
    # One that still reads the log knows neither epoch nor leader. The gateway's answer has no state.
    return place if place and status.get("state", "ready") == "ready" else None


def places(running: RolesShape, role: str) -> dict[str, dict[str, Any]]:
    """The same of all, by colour."""
    found = {}
    for instance in services(running, role):
        if place := place_of(running, role, instance):
            found[place["colour"]] = place
    return found


def place(running: RolesShape, role: str, colour: str) -> dict[str, Any]:
    """That of one, which may be moving to another port at the moment."""
    return wait_for(f"{colour} tells its place", lambda: places(running, role).get(colour), 20)


class Beside:
    """`stoa run ROLE --beside`, started by hand."""

    def __init__(self, running: RolesShape, role: str, colour: str, *, fail_point: str = "", plain: bool = False) -> None:
        more = {"STOA_FAILPOINT": fail_point} if fail_point else {}
        beside = ["--colour", colour] if plain else ["--beside", "--colour", colour]
        self._log = (running.dir / f"{role}.{colour}.log").open("ab")
        self.log = Path(self._log.name)
        self.process = subprocess.Popen(
            [
                *(program(), "run", role, *beside, "--release", f"test-{colour}"),
                *("--data", running.data, "--base-port", str(running.shift), *running.flags),
            ],
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=self._log,
            env=environment() | more,
        )

    @property
    def alive(self) -> bool:
        return self.process.poll() is None

    def end(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.process.pid, signal.SIGCONT)
        if self.alive:
            self.process.kill()
        self.process.wait(10)
        self._log.close()

    def __enter__(self) -> Beside:
        return self

    def __exit__(self, *_: object) -> None:
        self.end()


def follows(running: RolesShape, role: str, colour: str) -> bool:
    """It has read the log to its end and follows."""
    told = places(running, role).get(colour)
    return told is not None and told["mode"] == "following" and int(told["lag_records"]) < 1_000


def newest_epoch(running: RolesShape, role: str) -> int:
    """As those who are there know it, or an order before this one saw it: /status is a moment behind."""
    told = wait_for("somebody tells the epoch", lambda: places(running, role), 20)
    return max([running.epochs.get(role, 0), *(each["epoch"] for each in told.values())])


def order(running: RolesShape, role: str, to: str, epoch: int = 0, **more: Any) -> dict[str, Any]:
    """Tells the log that `to` is to lead, and waits for what becomes of it."""
    epoch = epoch or newest_epoch(running, role) + 1
    flags = []
    for key, value in more.items():
        flags += [f"--{key.replace('_', '-')}"] if value is True else [f"--{key.replace('_', '-')}", str(value)]
    done = subprocess.run(
        [tool("stoa_switch"), running.data, "--role", role, "--to", to, "--epoch", str(epoch), *flags],
        capture_output=True, text=True, timeout=60, check=False,
    )
    if done.returncode not in (0, 3):
        raise AssertionError(f"stoa_switch: {done.returncode} {done.stderr}")
    report = json.loads(done.stdout) | {"wanted": epoch, "to": to}
    running.epochs[role] = max(running.epochs.get(role, 0), report["epoch"])
    return report


def campaign(options: argparse.Namespace) -> dict[str, Any]:
    choice = random.Random(options.seed)
    failures: list[str] = []
    with RolesShape() as running:
        running.start()
        load = Load(running, "load", rate=options.rate, seed=options.seed)
        with Beside(running, options.role, "green") as green:
            try:
                wait_for("green follows", lambda: follows(running, options.role, "green") or not green.alive, 60)
                done = []
                for number in range(options.switches):
                    to = COLOURS[(number + 1) % 2]
                    done.append(order(running, options.role, to))
                    time.sleep(choice.uniform(0.1, 0.5))  # a random moment; no check rests on it
                after = places(running, options.role)
                # The stretch without a switch, to compare with.
                account = load.finish()
            finally:
                load.end()
            if not green.alive:
                failures.append(f"green ended with {green.process.returncode}: {green.log.read_text()[-600:]}")
            if options.switches % 2 == 1:
                order(running, options.role, "blue")
        running.stop()
        found = audit(running, load.told)
    account.pop("by_second")
    failures += [f"switch {i + 1} to {e['to']}: opened by {e['holder'] or 'nobody'}: {e}" for i, e in enumerate(done)
                 if e["holder"] != e["to"] or e["epoch"] != e["wanted"]]
    failures += [f"{name}: {e['count']}, first {e['first']}" for name, e in found["found"].items() if e["count"]]
    failures += [f"{colour}: {place['difference']}" for colour, place in after.items() if place["difference"]]
    for name in ("refused", "unknown", "unsent", "unavailable", "connects_refused", "lines_lost", "unresolved", "slower_than_2s"):
        if account[name]:
            failures.append(f"{name}: {account[name]}")
    if account["acknowledged"] == 0:
        failures.append("no order was acknowledged: nothing is proven")
    holds = [e["close_to_decided_us"] for e in done]
    whole = [e["order_to_open_us"] for e in done]
    return {
        "switches": len(done),
        "role": options.role,
        "rate": options.rate,
        "seed": options.seed,
        "hold_us": {"p50": percentile(holds, 0.5), "p99": percentile(holds, 0.99), "max": max(holds, default=-1)},
        "order_to_open_us": {"p50": percentile(whole, 0.5), "p99": percentile(whole, 0.99), "max": max(whole, default=-1)},
        "compared": {colour: int(place["compared"]) for colour, place in after.items()},
        "load": account,
        "audit": found,
        "each": done,
        "failures": failures,
    }


def table(report: dict[str, Any]) -> str:
    load = report["load"]
    hold, whole = report["hold_us"], report["order_to_open_us"]
    return "\n".join([
        f"{report['switches']} switches of {report['role']} at {report['rate']:g} orders/s, seed {report['seed']}",
        f"close to the first decision of the new leader: p50 {hold['p50']} us, p99 {hold['p99']} us, max {hold['max']} us",
        f"order to the open epoch: p50 {whole['p50']} us, p99 {whole['p99']} us, max {whole['max']} us",
        f"orders: {load['due']} due, {load['acknowledged']} acknowledged, refused {load['refused'] or 0}, unknown {load['unknown']}, "
        f"503 {load['unavailable']}, held over 2 s {load['slower_than_2s']}; p50 {load['p50_us']} us, p99 {load['p99_us']} us, "
        f"max {load['max_us']} us",
        f"outputs compared {report['compared']}; lost, doubled or invented: {report['audit']['faults']}",
    ])


def parser() -> argparse.ArgumentParser:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--switches", type=int, default=50)
    options.add_argument("--role", default="execution", choices=("execution", "risk", "strategy", "gateway"))
    options.add_argument("--rate", type=float, default=200)
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--json", type=Path)
    return options


def main() -> int:
    return run_campaign(parser().parse_args(), campaign, table)


if __name__ == "__main__":
    sys.exit(main())
