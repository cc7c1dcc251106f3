#!/usr/bin/env python3
"""Question: what does it cost that every role is a process of its own? Budget: health under 10 ms at p99.

Both shapes of the platform in turn, on one machine and in one run, simulated market, durable log:
  start and stop     how long `stoa up` and `stoa down` take, and the one process of `stoa run engine`
  acknowledgement    HTTP order to 201 from the moment it was due (stoa_load), at several rates
  health             GET /health of every role while orders flow, a new connection each
Everything that was acknowledged is audited before a figure is printed. `--smoke` takes tiny inputs.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "simulation"))

from running import Load, Running, audit, end_on_signals, get, make  # noqa: E402


def spread(values: list[float]) -> dict[str, float]:
    ordered = sorted(values)
    return {
        "p50": round(ordered[len(ordered) // 2], 2),
        "p99": round(ordered[min(len(ordered) - 1, len(ordered) * 99 // 100)], 2),
        "max": round(ordered[-1], 2),
        "count": len(ordered),
    }


def start_and_stop(engine: bool, runs: int) -> dict[str, Any]:
    """On a fresh data directory each time, as the first start is the slowest."""
    starts, stops = [], []
    for _ in range(runs):
        with make(engine) as running:
            starts.append(1000 * running.start())
            stops.append(1000 * running.stop())
    return {"start_ms": spread(starts), "stop_ms": spread(stops)}


def probe(running: Running, load: Load) -> dict[str, dict[str, float]]:
    """Milliseconds of GET /health by role, for as long as the load runs."""
    ports = {role.name: role.port for role in running.roles().values() if role.port}
    took: dict[str, list[float]] = {name: [] for name in ports}
    while load.running:
        for name, port in ports.items():
            begun = time.perf_counter()
            answer = get(port, "/health")
            took[name].append(1000 * (time.perf_counter() - begun))
            if answer is None or answer[0] != 200:
                raise SystemExit(f"{name} is not healthy under load: {answer}")
    return {name: spread(values) for name, values in took.items() if values}


def under_load(engine: bool, rates: list[float], seconds: float) -> dict[str, Any]:
    found: dict[str, Any] = {"rates": {}, "health_ms": {}}
    with make(engine) as running:
        running.start()
        told = []
        for number, rate in enumerate(rates):
            load = Load(running, f"rate{number}", rate=rate, seed=number, seconds=seconds)
            account = load.finish(early=False)
            told.append(load.told)
            found["rates"][f"{rate:g}"] = {
                key: account[key] for key in ("due", "acknowledged", "unknown", "p50_us", "p99_us", "p999_us", "max_us", "refused")
            }
        load = Load(running, "probed", rate=rates[0], seed=99, seconds=seconds)
        found["health_ms"] = probe(running, load)
        load.finish(early=False)
        told.append(load.told)
        running.stop()
        found["audit"] = audit(running, *told)
        if found["audit"]["faults"]:
            raise SystemExit(f"the audit found faults: {found['audit']}")
    return found


def print_table(results: dict[str, Any]) -> None:
    print(f"{'':<34}" + "".join(f"{shape:>26}" for shape in results))

    def row(name: str, cells: list[str]) -> None:
        print(f"{name:<34}" + "".join(f"{cell:>26}" for cell in cells))

    for key in ("start_ms", "stop_ms"):
        row(f"{key}: p50 / max", [f"{each[key]['p50']:.0f} / {each[key]['max']:.0f}" for each in results.values()])
    for rate in next(iter(results.values()))["rates"]:
        cells = [each["rates"][rate] for each in results.values()]
        row(f"{rate} orders/s, us: p50 / p99", [f"{cell['p50_us']} / {cell['p99_us']}" for cell in cells])
        row("  acknowledged of due", [f"{cell['acknowledged']} of {cell['due']}" for cell in cells])
    for shape, each in results.items():
        for role, cell in each["health_ms"].items():
            print(f"/health of {shape} {role}, ms: p50 {cell['p50']}, p99 {cell['p99']}, max {cell['max']} ({cell['count']} probes)")
    print("checksum:", sum(each["audit"]["orders"] for each in results.values()), "orders accepted and audited")


def main() -> int:
    end_on_signals()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--smoke", action="store_true", help="tiny inputs")
    parser.add_argument("--runs", type=int, default=10, help="starts and stops (default 10)")
    parser.add_argument("--seconds", type=float, default=20, help="of load at each rate (default 20)")
    parser.add_argument("--rates", default="200,1000,2000", help="orders per second (default 200,1000,2000)")
    parser.add_argument("--out", type=Path, help="the account as JSON")
    options = parser.parse_args()
    if options.smoke:
        options.runs, options.seconds, options.rates = 1, 1.0, "100"
    rates = [float(rate) for rate in options.rates.split(",")]
    results = {
        name: start_and_stop(engine, options.runs) | under_load(engine, rates, options.seconds)
        for name, engine in {"run engine": True, "up": False}.items()
    }
    print_table(results)
    if options.out:
        options.out.write_text(json.dumps(results, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
