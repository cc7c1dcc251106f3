#!/usr/bin/env python3
"""Whole deployments of two really different builds, there and back, while orders flow.

    ./dev sim deploys --switches 30 --rollbacks 3
    ./dev sim deploys --switches 1000 --rollbacks 200 --rate 2000 --feed 20 --out deploys.json
    ./dev sim deploys --kills all

Exit 3: an order was lost, doubled, refused or invented because of a deployment, or one did not end as it should.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any

import deploy_kills
from deploy_platform import Platform, faults_of
from running import Load, RolesShape, audit, percentile, run_campaign
from stoa_process import wait_for

ROLES = ["execution", "risk", "strategy"]
COLD_SECONDS = 30.0
WARM_SECONDS_P99 = 1.0


def spread(values: list[float]) -> dict[str, float]:
    return {"count": len(values)} | {
        name: round(percentile(values, part), 2) for name, part in (("p50", 0.5), ("p99", 0.99), ("max", 1.0))
    }


def opened_ns(status: dict[str, Any], step: str) -> list[int]:
    """When each role's new epoch was opened, as the log says."""
    return [int(record["info"]["open_ns"]) for record in status["records"]
            if record["kind"] == "ended" and record.get("step", "").startswith(step) and "open_ns" in record.get("info", {})]


def served_ms(load: Load, since_ns: int) -> int:
    """When a client was first answered behind that moment, on the same clock."""
    return wait_for("an order is answered", lambda: next((ms for ms in load.last_ms() if ms * 1_000_000 > since_ns), 0), 60)


def warm_rollback(platform: Platform, load: Load, name: str) -> dict[str, Any]:
    """Taken back in its soak: from the command until a client is answered by what ran before."""
    platform.stoa(*platform.words(name, soak_s=600))
    platform.until(platform.step("soak"))
    begun = time.time_ns()
    platform.stoa("deploy", "abort", "--wait", expect=(8,))
    ended = time.time_ns()
    status = platform.status()
    opened = opened_ns(status, "back")
    if status["outcome"] != "rolled_back" or len(opened) != len(platform.roles):
        raise AssertionError(f"rollback: {status}")
    return {
        "open_ms": (max(opened) - begun) / 1e6,
        "served_ms": served_ms(load, max(opened)) - begun / 1e6,
        "over_ms": (ended - begun) / 1e6,
    }


def cold_rollback(platform: Platform, load: Load, name: str) -> dict[str, Any]:
    """Taken back when it is committed and the process of before is gone."""
    done = platform.deploy(name)
    if done["outcome"] != "committed" or not platform.stands_alone():
        raise AssertionError(f"deployment: {done}")
    begun = time.time_ns()
    back = json.loads(platform.stoa("deploy", "rollback", "--wait", "-o", "json"))
    opened = opened_ns(platform.status(), "switch")
    if back["outcome"] != "committed" or len(opened) != len(platform.roles):
        raise AssertionError(f"rollback: {back}")
    return {"open_ms": (max(opened) - begun) / 1e6, "served_ms": served_ms(load, max(opened)) - begun / 1e6}


def campaign(options: argparse.Namespace) -> dict[str, Any]:
    roles = options.role or ROLES
    failures: list[str] = []
    done: list[dict[str, Any]] = []
    warm: list[dict[str, Any]] = []
    cold: list[dict[str, Any]] = []
    begun = time.monotonic()
    with RolesShape("--set", f"market.speed={options.feed}") as running:
        running.start()
        platform = Platform(running, roles)
        wait_for("the hub", lambda: running.roles()["hub"].ready, 60)
        load = Load(running, "load", rate=options.rate, seed=options.seed)
        names = ("two", "one")
        try:
            while sum(len(each["switched"]) for each in done) < options.switches:
                name = names[len(done) % 2]
                done.append(platform.deploy(name, shadow_outputs=options.shadow, soak_s=1))
                if done[-1]["outcome"] != "committed":
                    failures.append(f"deployment {len(done)}: {done[-1]}")
                    break
            other = names[len(done) % 2]
            for _ in range(options.rollbacks):
                warm.append(warm_rollback(platform, load, other))
            for _ in range(options.cold):
                cold.append(cold_rollback(platform, load, other))
            account = load.finish()
        finally:
            load.end()
        running.stop()
        found = audit(running, load.told)
    account.pop("by_second")
    switched = [each for deployment in done for each in deployment["switched"]]
    failures += faults_of(account, found)
    report = {
        "seconds": round(time.monotonic() - begun, 1),
        "deploys": len(done),
        "roles": roles,
        "rate": options.rate,
        "feed": options.feed,
        "seed": options.seed,
        "builds": platform.digests,
        "switches": len(switched),
        "hold_ms": spread([each["hold_ms"] for each in switched]),
        "whole_ms": spread([each["whole_ms"] for each in switched]),
        "warm_rollback_ms": {name: spread([each[name] for each in warm]) for name in ("open_ms", "served_ms", "over_ms")},
        "cold_rollback_ms": {name: spread([each[name] for each in cold]) for name in ("open_ms", "served_ms")},
        "load": account,
        "audit": found,
        "failures": failures,
    }
    if cold and report["cold_rollback_ms"]["served_ms"]["max"] > COLD_SECONDS * 1e3:
        failures.append(f"a cold rollback took {report['cold_rollback_ms']['served_ms']['max']} ms")
    if options.strict and warm and report["warm_rollback_ms"]["served_ms"]["p99"] > WARM_SECONDS_P99 * 1e3:
        failures.append(f"p99 of warm rollbacks: {report['warm_rollback_ms']['served_ms']['p99']} ms")
    return report


def table(report: dict[str, Any]) -> str:
    load, warm, cold = report["load"], report["warm_rollback_ms"], report["cold_rollback_ms"]

    def row(what: str, each: dict[str, float]) -> str:
        return f"  {what:<44}{each['count']:>6}{each['p50']:>11.2f}{each['p99']:>11.2f}{each['max']:>11.2f}"

    return "\n".join([
        f"{report['deploys']} deployments of {', '.join(report['roles'])} at {report['rate']:g} orders/s, feed "
        f"{report['feed']}, seed {report['seed']}, {report['seconds']} s",
        *(f"  build {name}  {version}  {digest}" for name, (version, digest) in report["builds"].items()),
        f"  {'ms':<44}{'count':>6}{'p50':>11}{'p99':>11}{'max':>11}",
        row("switch: nobody led", report["hold_ms"]),
        row("switch: order to open", report["whole_ms"]),
        row("warm rollback: command to the last role open", warm["open_ms"]),
        row("warm rollback: command to an order served", warm["served_ms"]),
        row("warm rollback: command to its end", warm["over_ms"]),
        row("cold rollback: command to an order served", cold["served_ms"]),
        f"  orders: {load['due']} due, {load['acknowledged']} acknowledged, refused {load['refused'] or 0}, "
        f"unknown {load['unknown']}, 503 {load['unavailable']}, held over 2 s {load['slower_than_2s']}; "
        f"p50 {load['p50_us']} us, p99 {load['p99_us']} us, max {load['max_us']} us",
        f"  lost, doubled or invented: {report['audit']['faults']}; outputs compared {report['audit']['outputs_compared']}",
    ])


def parser() -> argparse.ArgumentParser:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--switches", type=int, default=30, help="of roles; a deployment switches each of its roles")
    options.add_argument("--rollbacks", type=int, default=3, help="of a deployment in its soak, warm")
    options.add_argument("--cold", type=int, default=1, help="of committed ones")
    options.add_argument("--role", action="append", choices=("execution", "risk", "strategy", "gateway"))
    options.add_argument("--rate", type=float, default=200)
    options.add_argument("--feed", default="1", help="pace of the market: a multiple of real time")
    options.add_argument("--shadow", type=int, default=200, help="outputs found equal before each switch")
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--strict", action="store_true", help="a p99 of warm rollbacks above 1 s fails")
    options.add_argument("--kills", choices=("some", "all"), help="instead: whoever drives dies at every step")
    options.add_argument("--out", "--json", dest="json", type=Path, help="the whole report")
    return options


def main() -> int:
    options = parser().parse_args()
    if options.kills:
        return run_campaign(options, deploy_kills.campaign, deploy_kills.table)
    return run_campaign(options, campaign, table)


if __name__ == "__main__":
    sys.exit(main())
