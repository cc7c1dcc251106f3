#!/usr/bin/env python3
"""Does the platform stay as it is? Moderate load for minutes or hours, every role's size sampled, slopes fitted.

    ./dev sim soak --minutes 60 --rate 200

Writes one line per role and sample to --csv and the picture of it to --svg. Exit 3: something grows, or was lost.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import sys
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

from chart import Panel, Series, write_svg
from running import Load, Running, audit, end_on_signals, make
from stoa_process import ROOT

MIB = 1 << 20
TICKS = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")
# What may grow by an hour, per role, behind the warm-up; logs and journals are to grow, at a rate that is shown.
RSS_SLOPE_MAX = 48 * MIB  # per hour; below it a fit over minutes cannot tell growth from noise
FILES_SLOPE_MAX = 6.0  # descriptors per hour
RSS_MAX = 1024 * MIB
FILES_MAX = 512
SHORT_RUN_S = 600.0  # a fit over less is told and not judged


def sample_process(pid: int) -> dict[str, float] | None:
    """Resident bytes, open descriptors, threads and CPU seconds of a process; nothing once it is gone."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        files = len(os.listdir(f"/proc/{pid}/fd"))
    except OSError:
        return None
    return {
        "rss": int(stat[21]) * PAGE,
        "files": files,
        "threads": int(stat[17]),
        "cpu_s": (int(stat[11]) + int(stat[12])) / TICKS,
    }


def bytes_below(folder: Path, *patterns: str) -> int:
    total = 0
    for pattern in patterns:
        for path in folder.glob(pattern):
            try:
                total += path.stat().st_size
            except OSError:
                pass  # rotated meanwhile
    return total


def slope_per_hour(points: list[tuple[float, float]]) -> float:
    """Of the least-squares line through (seconds, value)."""
    if len(points) < 3:
        return 0.0
    mean_t = sum(t for t, _ in points) / len(points)
    mean_v = sum(v for _, v in points) / len(points)
    spread = sum((t - mean_t) ** 2 for t, _ in points)
    return 3600 * sum((t - mean_t) * (v - mean_v) for t, v in points) / spread if spread else 0.0


class Soak:
    def __init__(self, running: Running, options: argparse.Namespace) -> None:
        self._running = running
        self._options = options
        self._samples: dict[str, list[dict[str, float]]] = defaultdict(list)
        self._disk: list[dict[str, float]] = []
        self._pids: dict[str, list[int]] = defaultdict(list)

    def run(self) -> dict[str, Any]:
        options = self._options
        self._running.start()
        load = Load(self._running, "soak", rate=options.rate, seed=options.seed)
        begun = time.monotonic()
        try:
            while (elapsed := time.monotonic() - begun) < options.minutes * 60:
                self._sample(elapsed)
                if not load.running:
                    break
                time.sleep(max(0.0, begun + elapsed + options.every - time.monotonic()))
            account = load.finish()
        finally:
            load.end()
        self._running.stop()
        found = audit(self._running, load.told)
        self._write_csv()
        write_svg(options.svg, self._title(account), self._panels(account["by_second"]))
        return {
            "minutes": round(elapsed / 60, 2),
            "rate": options.rate,
            "seed": options.seed,
            "samples": len(self._disk),
            "slopes": self._slopes(),
            "disk": self._disk[-1] if self._disk else {},
            "load": {key: value for key, value in account.items() if key != "by_second"},
            "audit": found,
            "failures": self._judge(account, found),
        }

    def _sample(self, elapsed: float) -> None:
        for name, role in self._running.roles().items():
            seen = sample_process(role.pid) if role.pid else None
            if seen is None:
                continue
            if role.pid not in self._pids[name]:
                self._pids[name].append(role.pid)
            self._samples[name].append({"t": elapsed} | seen)
        data = self._running.data
        self._disk.append(
            {
                "t": elapsed,
                "execution log": bytes_below(data / "wal", "*.seg"),
                "checkpoints": bytes_below(data / "wal", "*.ckpt"),
                "venue": bytes_below(data / "venue", "*/*.seg"),
                "role logs": bytes_below(data, "log/*.log") + bytes_below(data.parent, "*.log"),
            }
        )

    def _warm(self, points: list[dict[str, float]]) -> list[dict[str, float]]:
        """Without the first third, at most ten minutes: caches and lists fill."""
        if not points:
            return []
        start = min(600.0, points[-1]["t"] / 3)
        return [point for point in points if point["t"] >= start]

    def _slopes(self) -> dict[str, dict[str, float]]:
        slopes = {}
        for name, points in self._samples.items():
            warm = self._warm(points)
            if not warm:
                continue
            cpu = warm[-1]["cpu_s"] - warm[0]["cpu_s"]
            slopes[name] = {
                "rss_now_mib": round(warm[-1]["rss"] / MIB, 1),
                "rss_mib_per_hour": round(slope_per_hour([(p["t"], p["rss"]) for p in warm]) / MIB, 2),
                "files_now": warm[-1]["files"],
                "files_per_hour": round(slope_per_hour([(p["t"], p["files"]) for p in warm]), 2),
                "cpu_ratio": round(cpu / max(warm[-1]["t"] - warm[0]["t"], 1e-9), 4),
                "processes": len(self._pids[name]),
            }
        return slopes

    def _judge(self, account: dict[str, Any], found: dict[str, Any]) -> list[str]:
        faults = []
        long_enough = bool(self._disk) and self._disk[-1]["t"] >= SHORT_RUN_S
        for name, slope in self._slopes().items():
            if slope["processes"] > 1:
                faults.append(f"{name} was restarted: {slope['processes']} processes")
            if max(point["rss"] for point in self._samples[name]) > RSS_MAX:
                faults.append(f"{name} took more than {RSS_MAX // MIB} MiB")
            if max(point["files"] for point in self._samples[name]) > FILES_MAX:
                faults.append(f"{name} had more than {FILES_MAX} files open")
            if long_enough and slope["rss_mib_per_hour"] * MIB > RSS_SLOPE_MAX:
                faults.append(f"{name} grows by {slope['rss_mib_per_hour']} MiB/hour")
            if long_enough and slope["files_per_hour"] > FILES_SLOPE_MAX:
                faults.append(f"{name} opens {slope['files_per_hour']} files/hour and keeps them")
        faults += [f"{name}: {each['count']}, first {each['first']}" for name, each in found["found"].items() if each["count"]]
        if account["unresolved"] or account["unknown"]:
            faults.append(f"{account['unknown']} answers lost without a kill, {account['unresolved']} never resolved")
        if account["refused"]:
            faults.append(f"refused without a kill: {account['refused']}")
        if not self._samples:
            faults.append("no role was seen")
        return faults

    def _title(self, account: dict[str, Any]) -> str:
        return (
            f"{account['seconds'] / 60:.0f} minutes at {self._options.rate:g} orders/s, simulated market: "
            f"{account['acknowledged']:,} orders acknowledged, p50 {account['p50_us'] / 1000:.1f} ms, "
            f"p99 {account['p99_us'] / 1000:.1f} ms"
        )

    def _panels(self, by_second: list[dict[str, float]]) -> list[Panel]:
        def per_role(value: Any) -> list[Series]:
            return [Series(name, [(p["t"] / 60, value(p)) for p in points]) for name, points in self._samples.items()]

        cpu = []
        for name, points in self._samples.items():
            pairs = zip(points, points[1:])
            cpu.append(
                Series(name, [(b["t"] / 60, 100 * (b["cpu_s"] - a["cpu_s"]) / (b["t"] - a["t"])) for a, b in pairs])
            )
        disk = [
            Series(name, [(p["t"] / 60, p[name] / MIB) for p in self._disk])
            for name in ("execution log", "checkpoints", "venue", "role logs")
            if any(p[name] for p in self._disk)
        ]
        step = max(1, len(by_second) // 400)
        latency = [
            Series(
                name,
                [
                    (i / 60, max(each[key] for each in by_second[i : i + step]) / 1000)
                    for i in range(0, len(by_second), step)
                ],
            )
            for name, key in (("p50", "p50_us"), ("p99", "p99_us"))
        ]
        return [
            Panel("Resident memory", "MiB", per_role(lambda p: p["rss"] / MIB)),
            Panel("Open descriptors", "count", per_role(lambda p: p["files"])),
            Panel("CPU", "% of one core", cpu),
            Panel("On disk", "MiB", disk),
            Panel("Order to acknowledgement", "ms", latency),
        ]

    def _write_csv(self) -> None:
        with self._options.csv.open("w", newline="") as out:
            writer = csv.writer(out)
            writer.writerow(["t_s", "what", "rss_bytes", "open_files", "threads", "cpu_s", "disk_bytes"])
            for name, points in self._samples.items():
                for p in points:
                    writer.writerow([f"{p['t']:.1f}", name, p["rss"], p["files"], p["threads"], f"{p['cpu_s']:.2f}", ""])
            for p in self._disk:
                for name, value in p.items():
                    if name != "t":
                        writer.writerow([f"{p['t']:.1f}", name, "", "", "", "", int(value)])


def table(report: dict[str, Any]) -> str:
    lines = [
        f"{report['minutes']} minutes, {report['rate']:g} orders/s, {report['samples']} samples",
        "",
        f"{'role':<16}{'MiB':>8}{'MiB/hour':>10}{'files':>7}{'files/hour':>12}{'CPU':>8}",
    ]
    for name, each in report["slopes"].items():
        lines.append(
            f"{name:<16}{each['rss_now_mib']:>8}{each['rss_mib_per_hour']:>10}{each['files_now']:>7}"
            f"{each['files_per_hour']:>12}{each['cpu_ratio']:>8.1%}"
        )
    load = report["load"]
    lines += [
        "",
        f"orders: {load['due']} due, {load['acknowledged']} acknowledged, {load['unknown']} unknown, refused {load['refused'] or 'none'}; "
        f"p50 {load['p50_us']} us, p99 {load['p99_us']} us, max {load['max_us']} us",
        f"audit: {report['audit']['records']} records, {report['audit']['fills']} fills, faults {report['audit']['faults']}",
        "",
    ]
    judged = report["minutes"] * 60 >= SHORT_RUN_S
    good = "flat, nothing lost" if judged else "nothing lost; too short a run to judge whether anything grows"
    return "\n".join(lines + ([f"FAULT {each}" for each in report["failures"]] or [good]))


def main() -> int:
    end_on_signals()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--rate", type=float, default=200, help="orders per second (default 200)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--every", type=float, default=5, metavar="SECONDS", help="between samples (default 5)")
    parser.add_argument("--engine", action="store_true", help="of `stoa run engine`")
    parser.add_argument("--env", default="testing", help="environment of the platform; development runs three strategies too")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="handed on to the program")
    parser.add_argument("--csv", type=Path, default=ROOT / "bench" / "results" / "soak.csv")
    parser.add_argument("--svg", type=Path, default=ROOT / "docs" / "soak.svg")
    parser.add_argument("--out", type=Path, default=ROOT / "bench" / "results" / "soak.json")
    options = parser.parse_args()
    settings = [word for each in options.set for word in ("--set", each)]
    with make(options.engine, *settings, env=options.env) as running:
        report = Soak(running, options).run()
    print(table(report))
    options.out.write_text(json.dumps(report, indent=1) + "\n")
    return 3 if report["failures"] else 0


if __name__ == "__main__":
    sys.exit(main())
