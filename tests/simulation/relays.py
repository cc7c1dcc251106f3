#!/usr/bin/env python3
"""Every relay handed over to a successor while orders flow: nothing refused, nothing lost, and how long it took.

    ./dev sim relays --hand-overs 10 --rate 200
    ./dev sim relays --hand-overs 100 --relay relay-execution --relay relay-market

Two pauses are told of each: that of the relay itself (its log says how long nobody placed messages), and the longest
time without an order taken around it, next to what such a stretch shows when nothing is handed over.

Exit 3: an order was refused, lost, doubled or invented because of a hand-over, or one was held longer than two seconds.
"""

from __future__ import annotations

import argparse
import bisect
import json
import random
import sys
import time
from pathlib import Path
from typing import Any

from market_watch import MarketWatch
from running import Load, RolesShape, audit, end_on_signals
from stoa_process import ROOT, run_program, wait_for

RELAYS = ("relay-execution", "relay-market", "relay-signal")
HOLD_MAX_MS = 2_000  # longer, and the hand-over is to be given up instead


def hand_over(running: RolesShape, relay: str) -> dict[str, Any]:
    """One relay goes; its successor has its listener, its log and its subscribers' places."""
    before = running.roles()[relay].pid
    at_ns = time.time_ns()
    done = run_program("restart", relay, "--hand-over", "--data", running.data, seconds=60)
    took_ms = (time.time_ns() - at_ns) / 1e6
    after = wait_for(
        "every role is ready", lambda: (found := running.roles()) and all(r.ready for r in found.values()) and found
    )[relay].pid
    return {
        "relay": relay,
        "at_ms": at_ns // 10**6,
        "took_ms": round(took_ms, 1),
        "exit": done.returncode,
        "said": (done.stdout + done.stderr).strip()[-400:],
        "changed": after != before,
    }


def paused_ms(running: RolesShape, relay: str, known: int) -> float | None:
    """What the successor says of its own pause; `known` lines about earlier ones are passed over."""
    lines = pauses_in_log(running, relay)
    return lines[known] if len(lines) > known else None


def pauses_in_log(running: RolesShape, relay: str) -> list[float]:
    log = running.data / "log" / f"{relay}.log"
    if not log.exists():
        return []
    events = (json.loads(line) for line in log.read_text().splitlines() if '"relay_taken_over"' in line)
    return [event["paused_us"] / 1e3 for event in events]


def share(sorted_values: list[float], part: float) -> float:
    return sorted_values[min(int(part * len(sorted_values)), len(sorted_values) - 1)] if sorted_values else 0.0


def quiet_pauses(moments: list[int], until: int, width: int) -> list[float]:
    """The longest silence of every stretch of `width` before the first hand-over, a new one each tenth of a second."""
    begin = moments[0] if moments else until
    return sorted(longest_silence(moments, at, at + width) for at in range(begin, until - width, 100))


def longest_silence(moments: list[int], begin: int, end: int) -> int:
    first = max(bisect.bisect_left(moments, begin) - 1, 0)
    last = bisect.bisect_right(moments, end)
    seen = moments[first : last + 1]
    return max((b - a for a, b in zip(seen, seen[1:])), default=0)


def campaign(options: argparse.Namespace) -> dict[str, Any]:
    choice = random.Random(options.seed)
    relays = tuple(options.relay or RELAYS)
    with RolesShape("--set", "log.level=info") as running:
        running.start()
        load = Load(running, "load", rate=options.rate, seed=options.seed)
        watch = MarketWatch(running.port)
        watch.start()
        try:
            time.sleep(options.quiet)  # a stretch without a hand-over, to compare with
            quiet_until = time.time_ns() // 10**6
            done = []
            for number in range(options.hand_overs):
                relay = relays[number % len(relays)]
                known = len(pauses_in_log(running, relay))
                done.append(hand_over(running, relay))
                done[-1]["relay_paused_ms"] = paused_ms(running, relay, known)
                time.sleep(choice.uniform(0.3, 1.0))  # a random moment; no check rests on it
            seen = watch.stop()
            account = load.finish()
        finally:
            load.end()
        running.stop()
        moments = load.acknowledged_ms()
        for each in done:
            each["pause_ms"] = longest_silence(moments, each["at_ms"], each["at_ms"] + int(each["took_ms"]) + 1_000)
        found = audit(running, load.told)
    account.pop("by_second")
    width = int(share(sorted(e["took_ms"] for e in done), 0.5)) + 1_000
    quiet = quiet_pauses(moments, quiet_until, width)
    failures = [f"hand-over of {e['relay']}: exit {e['exit']}, {e['said']}" for e in done if e["exit"] != 0 or not e["changed"]]
    failures += [f"{e['relay']} paused orders for {e['pause_ms']} ms" for e in done if e["pause_ms"] > HOLD_MAX_MS]
    failures += [f"{name}: {e['count']}, first {e['first']}" for name, e in found["found"].items() if e["count"]]
    for name in ("refused", "unknown", "unsent", "unavailable", "connects_refused", "lines_lost", "unresolved"):
        if account[name]:
            failures.append(f"{name}: {account[name]}")
    if seen["gaps_untold"]:
        failures.append(f"{seen['gaps_untold']} gaps of the market untold, first {seen['first_gap_untold']}")
    if account["acknowledged"] == 0:
        failures.append("no order was acknowledged: nothing is proven")
    return {
        "hand_overs": len(done),
        "rate": options.rate,
        "seed": options.seed,
        "each": done,
        "longest_pause_ms": max((e["pause_ms"] for e in done), default=0),
        "quiet_pause_ms": {"stretches": len(quiet), "p50": share(quiet, 0.5), "p99": share(quiet, 0.99)},
        "load": account,
        "market": seen,
        "audit": found,
        "failures": failures,
    }


def table(report: dict[str, Any]) -> str:
    load = report["load"]
    lines = [f"{report['hand_overs']} hand-overs at {report['rate']:g} orders/s, seed {report['seed']}", ""]
    lines.append(f"{'ms: p50 / p99 / max':<18}{'count':>6}{'took':>22}{'relay paused':>24}{'no order taken':>24}")
    for relay in RELAYS:
        each = [e for e in report["each"] if e["relay"] == relay]
        if each:
            told = (sorted(e[key] for e in each if e[key] is not None) for key in ("took_ms", "relay_paused_ms", "pause_ms"))
            took, paused, silent = (
                f"{share(values, 0.5):.1f} / {share(values, 0.99):.1f} / {share(values, 1):.1f}" for values in told
            )
            lines.append(f"{relay:<18}{len(each):>6}{took:>22}{paused:>24}{silent:>24}")
    lines += [
        "",
        "no order taken in a stretch as long without a hand-over, ms: "
        f"p50 {report['quiet_pause_ms']['p50']}, p99 {report['quiet_pause_ms']['p99']}",
        f"orders: {load['due']} due, {load['acknowledged']} acknowledged, refused {load['refused'] or 0}, unknown {load['unknown']}, "
        f"503 {load['unavailable']}, held over 2 s {load['slower_than_2s']}; p50 {load['p50_us']} us, p99 {load['p99_us']} us, "
        f"max {load['max_us']} us",
        f"lost, doubled or invented: {report['audit']['faults']}; market gaps untold {report['market']['gaps_untold']}",
        *(f"FAULT {failure}" for failure in report["failures"]),
    ]
    return "\n".join(lines)


def parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hand-overs", type=int, default=12, help="how many, over the three relays in turn (default 12)")
    parser.add_argument("--relay", action="append", choices=RELAYS, help="only this one; may be repeated")
    parser.add_argument("--quiet", type=float, default=4, help="seconds before the first, to compare with (default 4)")
    parser.add_argument("--rate", type=float, default=200, help="orders per second (default 200)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, default=ROOT / "bench" / "results" / "relays.json", help="account as JSON")
    return parser


def main() -> int:
    end_on_signals()
    options = parser().parse_args()
    report = campaign(options)
    print(table(report))
    options.out.write_text(json.dumps(report, indent=1) + "\n")
    return 3 if report["failures"] else 0


if __name__ == "__main__":
    sys.exit(main())
