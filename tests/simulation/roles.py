#!/usr/bin/env python3
"""kill -9 (or SIGSTOP) of one role after the other under load: what was acknowledged is there, once, and all come back.

    ./dev sim roles --kills 50 --rate 200 --seed 3           kills roles of `stoa up` at random
    ./dev sim roles --kills 10 --stop 5                      stops them for five seconds instead
    ./dev sim roles --engine --kills 10                      the same against `stoa run engine`

Prints a table and writes the whole account to --out. Exit 3: something was lost, doubled, invented or did not come back.
"""

from __future__ import annotations

import argparse
import bisect
import contextlib
import json
import os
import random
import signal
import sys
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hub_writer import HubWriter, hub_faults
from market_watch import MarketWatch
from running import Load, RoleState, Running, audit, end_on_signals, get, make
from stoa_process import ROOT, wait_for

BACK_SECONDS = 60.0
LOSS_METRICS = (
    "stoa_log_gap_records_total",
    "stoa_log_duplicate_records_total",
    "stoa_relay_dropped_records_total",
    "stoa_relay_conflated_records_total",
    "stoa_relay_evictions_total",
    "stoa_relay_refused_total",
)


class Campaign:
    """One platform, one client, many kills."""

    def __init__(self, running: Running, options: argparse.Namespace) -> None:
        self._running = running
        self._options = options
        self._random = random.Random(options.seed)
        self._kills: list[dict[str, Any]] = []
        self._failures: list[str] = []
        self._hub = HubWriter(running)

    def run(self) -> dict[str, Any]:
        options = self._options
        started = self._running.start()
        load = Load(self._running, "load", rate=options.rate, seed=options.seed)
        watch = MarketWatch(self._running.port)
        watch.start()
        try:
            names = [name for name in self._running.roles() if not options.role or name in options.role]
            for number in range(options.kills):
                name = self._random.choice(names) if options.random else names[number % len(names)]
                with self._hub if name == "hub" else contextlib.nullcontext():
                    self._kill_one(name)
                if not load.running:
                    self._failures.append("the load ended by itself")
                    break
            self._await_acknowledgement(load)
            seen = watch.stop()
            # Clients first: what they do not know they ask for while the platform stands.
            account = load.finish()
        finally:
            load.end()
        relays = self._relay_metrics()
        stopped = self._running.stop()
        self._note_silences(load.acknowledged_ms())
        self._count_by_kill("refused", load.moments_ms("refused"))
        self._count_by_kill("gaps_untold", watch.untold_ms)
        found = audit(self._running, load.told)
        hub = self._hub.account() if any(kill["role"] == "hub" for kill in self._kills) else None
        account.pop("by_second")
        return {
            "shape": "engine" if options.engine else "roles",
            "seed": options.seed,
            "rate": options.rate,
            "signal": f"SIGSTOP for {options.stop:g} s" if options.stop else "SIGKILL",
            "kills": len(self._kills),
            "start_s": round(started, 3),
            "stop_s": round(stopped, 3),
            "roles": self._by_role(),
            "load": account,
            "market": seen,
            "relays": relays,
            "audit": found,
            "hub": hub,
            "failures": self._failures + self._judge(account, seen, found) + (hub_faults(hub) if hub else []),
            "each": self._kills,
        }

    def _kill_one(self, name: str) -> None:
        time.sleep(self._random.uniform(0.2, self._options.pause))  # a random moment; no check rests on it
        before = wait_for("every role is ready", lambda: self._all_ready(self._running.roles), BACK_SECONDS)[name]
        # A gateway may say ready and take no order yet; only one that takes orders is worth a kill.
        at_ns = time.time_ns()
        os.kill(before.pid, signal.SIGSTOP if self._options.stop else signal.SIGKILL)
        kill = {"role": name, "at_ns": at_ns, "ready_ms": None}
        self._kills.append(kill)
        if self._options.stop:
            time.sleep(self._options.stop)
            with contextlib.suppress(ProcessLookupError):  # its supervisor may have lost patience
                os.kill(before.pid, signal.SIGCONT)
        else:
            self._running.revive(name)

        def back() -> bool:
            # Asking each role takes a processor from those that are to come back; the next kill asks them.
            roles = self._all_ready(self._running.roles if self._options.stop else self._running.told_roles)
            if not roles:
                return False
            role = roles[name]
            if role.pid == before.pid:  # stopped and continued
                kill["ready_ms"] = (time.time_ns() - at_ns) / 1e6
                return bool(self._options.stop)
            kill["ready_ms"] = (role.ready_since_ns - at_ns) / 1e6
            return role.ready_since_ns > at_ns

        try:
            wait_for(f"{name} is back", back, BACK_SECONDS)
        except AssertionError as error:
            states = {role.name: (role.ready, role.status) for role in self._running.roles().values()}
            self._failures.append(f"kill {len(self._kills)}: {error}; {states}")
            ask_again = getattr(self._running, "ask_again", None)
            if ask_again:
                ask_again()
            return
        if name == "hub":
            try:
                self._hub.keeps_another(BACK_SECONDS)
            except AssertionError as error:
                self._failures.append(f"kill {len(self._kills)}: {error}")

    @staticmethod
    def _all_ready(look: Callable[[], dict[str, RoleState]]) -> dict[str, RoleState] | None:
        roles = look()
        return roles if roles and all(role.ready and role.pid for role in roles.values()) else None

    def _await_acknowledgement(self, load: Load) -> None:
        """The last kill's outage is over when an order is taken again."""
        since = time.time_ns() // 10**6
        with contextlib.suppress(AssertionError):
            wait_for("an order is taken", lambda: any(t >= since for t in load.acknowledged_ms()[-3:]), 30)
            return
        self._failures.append("no order was taken within 30 s of the last return")

    def _note_silences(self, moments: list[int]) -> None:
        """The longest stretch without an acknowledged order from a kill to the next one."""
        ends = [kill["at_ns"] for kill in self._kills[1:]] + [time.time_ns()]
        for kill, end in zip(self._kills, ends):
            at = kill["at_ns"] // 10**6
            first = max(bisect.bisect_left(moments, at) - 1, 0)
            last = bisect.bisect_right(moments, end // 10**6)
            seen = moments[first : last + 1]
            kill["silence_ms"] = max((b - a for a, b in zip(seen, seen[1:])), default=None)

    def _count_by_kill(self, key: str, moments: list[int]) -> None:
        """How many of these moments lie between each kill and the next."""
        ends = [kill["at_ns"] for kill in self._kills[1:]] + [time.time_ns()]
        for kill, end in zip(self._kills, ends):
            kill[key] = bisect.bisect(moments, end // 10**6) - bisect.bisect(moments, kill["at_ns"] // 10**6)

    def _relay_metrics(self) -> dict[str, dict[str, float]]:
        """What the relays counted of losses, in their own words, since each began."""
        found: dict[str, dict[str, float]] = {}
        for role in self._running.roles().values():
            answer = get(role.port, "/metrics") if role.name.startswith("relay-") else None
            if answer is None or answer[0] != 200:
                continue
            for line in answer[1].splitlines():
                name, _, value = line.rpartition(" ")
                if any(name.startswith(word) for word in LOSS_METRICS) and ("_refused_" not in name or float(value)):
                    found.setdefault(role.name, {})[name] = float(value)
        return found

    def _by_role(self) -> dict[str, dict[str, Any]]:
        by_role: dict[str, list[dict[str, Any]]] = defaultdict(list)
        for kill in self._kills:
            by_role[kill["role"]].append(kill)
        return {name: {"kills": len(kills), "refused": sum(kill["refused"] for kill in kills)} | _spread(kills, "ready_ms") | _spread(kills, "silence_ms") for name, kills in sorted(by_role.items())}

    def _judge(self, account: dict[str, Any], seen: dict[str, Any], found: dict[str, Any]) -> list[str]:
        faults = [f"{name}: {each['count']}, first {each['first']}" for name, each in found["found"].items() if each["count"]]
        if account["unresolved"]:
            faults.append(f"{account['unresolved']} orders never resolved")
        if account["acknowledged"] == 0 or found["acknowledged"] == 0:
            faults.append("no order was acknowledged: nothing is proven")
        if seen["gaps_untold"]:
            behind = sorted({kill["role"] for kill in self._kills if kill["gaps_untold"]})
            faults.append(f"{seen['gaps_untold']} gaps of the market untold, behind {behind}, first {seen['first_gap_untold']}")
        if seen["books_crossed"]:
            faults.append(f"{seen['books_crossed']} crossed books, first {seen['first_book_crossed']}")
        if seen["messages"] == 0:
            faults.append("the market client saw nothing")
        return faults


def _spread(kills: list[dict[str, Any]], key: str) -> dict[str, float | None]:
    values = sorted(kill[key] for kill in kills if kill[key] is not None)
    if not values:
        return {f"{key}_p50": None, f"{key}_max": None}
    return {f"{key}_p50": round(values[len(values) // 2], 1), f"{key}_max": round(values[-1], 1)}


def table(report: dict[str, Any]) -> str:
    load, found = report["load"], report["audit"]
    lines = [
        f"{report['kills']} x {report['signal']}, seed {report['seed']}, {report['rate']:g} orders/s offered, "
        f"start {report['start_s']} s, stop {report['stop_s']} s",
        "",
        f"{'role':<16}{'kills':>6}{'back p50 ms':>13}{'max ms':>10}{'no order taken p50 ms':>23}{'max ms':>10}{'refused':>9}",
    ]
    for name, each in report["roles"].items():
        cells = [each["ready_ms_p50"], each["ready_ms_max"], each["silence_ms_p50"], each["silence_ms_max"]]
        text = ["-" if cell is None else f"{cell:.0f}" for cell in cells]
        lines.append(f"{name:<16}{each['kills']:>6}{text[0]:>13}{text[1]:>10}{text[2]:>23}{text[3]:>10}{each['refused']:>9}")
    refused = ", ".join(f"{count} {code}" for code, count in load["refused"].items()) or "none"
    lines += [
        "",
        f"orders: {load['due']} due, {load['sent']} sent, {load['acknowledged']} acknowledged at once, {load['unknown']} unknown "
        f"(then {load['resolved_present']} there, {load['resolved_placed']} placed, {load['resolved_absent']} not there, "
        f"{load['unresolved']} open), {load['unsent']} given up unsent",
        f"refused: {refused}; 503: {load['unavailable']}, connections refused {load['connects_refused']}, "
        f"lost {load['lines_lost']}, time-outs {load['time_outs']}",
        f"latency: p50 {load['p50_us']} us, p99 {load['p99_us']} us, max {load['max_us']} us; held over 2 s: {load['slower_than_2s']}; "
        f"longest silence {load['longest_silence_ms']} ms",
        f"market: {report['market']['messages']} messages, {report['market']['connections']} connections, "
        f"gaps untold {report['market']['gaps_untold']}, crossed {report['market']['books_crossed']}, trades missed and told "
        f"{report['market']['trades_missed_and_told']}",
        f"audit: {found['records']} records, {found['orders']} orders, {found['acknowledged']} acknowledged, {found['fills']} fills, "
        f"{found['outputs_compared']} outputs derived again; faults {found['faults']}",
    ]
    for relay, counted in report["relays"].items():
        told = ", ".join(f"{name.removeprefix('stoa_').split('{')[0]} {value:g}" for name, value in counted.items() if value)
        lines.append(f"{relay} counted: {told or 'no gap, no duplicate, nothing dropped or conflated'}")
    if found["venue_has_log"]:
        lines.append(
            f"venue: {found['venue_accepted']} accepted, {found['venue_trades']} trades, "
            f"{found['venue_trades_behind']} behind the log's end"
        )
    if report["hub"]:
        hub = report["hub"]
        lines.append(
            f"hub: {hub['kept']} changes of the configuration kept, {hub['doubtful']} in doubt (then {hub['doubtful_there']} there), "
            f"lost {len(hub['lost'])}, doubled {len(hub['doubled'])}; {hub['records']} records {'intact' if hub['intact'] else 'DAMAGED'}"
        )
    lines += ["", *(f"FAULT {failure}" for failure in report["failures"])] if report["failures"] else [
        "nothing lost, doubled or invented"
    ]
    return "\n".join(lines)


def parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=18, help="how many (default 18)")
    parser.add_argument("--rate", type=float, default=200, help="orders per second (default 200)")
    parser.add_argument("--seed", type=int, default=1, help="of the flow, the choice and the moments (default 1)")
    parser.add_argument("--stop", type=float, default=0, metavar="SECONDS", help="SIGSTOP so long instead of kill -9")
    parser.add_argument("--random", action="store_true", help="any role each time, instead of each in turn")
    parser.add_argument("--role", action="append", help="only this one (may be repeated)")
    parser.add_argument("--pause", type=float, default=1.5, help="most seconds between a return and the next kill")
    parser.add_argument("--engine", action="store_true", help="against `stoa run engine`")
    parser.add_argument("--keep", type=Path, help="folder to leave everything in (default: nothing is left)")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="handed on to the program")
    parser.add_argument("--out", type=Path, default=ROOT / "bench" / "results" / "roles_kills.json", help="account as JSON")
    return parser


def run(options: argparse.Namespace) -> dict[str, Any]:
    if options.keep:
        options.keep.mkdir(parents=True, exist_ok=True)
    settings = [word for each in options.set for word in ("--set", each)]
    with make(options.engine, *settings, keep=options.keep) as running:
        return Campaign(running, options).run()


def main() -> int:
    end_on_signals()
    options = parser().parse_args()
    report = run(options)
    print(table(report))
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(report, indent=1) + "\n")
    return 3 if report["failures"] else 0


if __name__ == "__main__":
    sys.exit(main())
