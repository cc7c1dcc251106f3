#!/usr/bin/env python3
"""What every process tells of itself: probes in one form, and metrics in which promtool finds nothing to say."""

from __future__ import annotations

import http.client
import json
import shutil
import subprocess
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "simulation"))

from running import RolesShape  # noqa: E402
from stoa_process import Case, run_program  # noqa: E402

PROBES = ("/livez", "/readyz", "/startupz", "/health/live", "/health/ready", "/health/startup", "/health", "/ready")
SUMMARY = (
    "messages_per_second", "active_connections", "avg_latency_us", "p99_latency_us", "total_messages",
    "memory_usage_bytes",
)  # fmt: skip
PROCESS = (
    "process_cpu_seconds_total", "process_resident_memory_bytes", "process_virtual_memory_bytes", "process_open_fds",
    "process_max_fds", "process_start_time_seconds", "process_threads",
)  # fmt: skip


class Answer:
    def __init__(self, port: int, path: str, accept: str = "*/*") -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        try:
            connection.request("GET", path, headers={"Accept": accept})
            reply = connection.getresponse()
            self.status = reply.status
            self.type = reply.headers["Content-Type"]
            self.cache = reply.headers["Cache-Control"]
            self.text = reply.read().decode()
        finally:
            connection.close()

    def json(self) -> dict:
        return json.loads(self.text)


class HealthTest(Case):
    def check_process(self, port: int, service: str) -> None:
        """Everything that docs/health.md promises of the process at `port`, which is ready."""
        for path in PROBES:
            with self.subTest(service=service, path=path):
                answer = Answer(port, f"{path}?verbose")
                body = answer.json()
                self.assertEqual(answer.status, 200, answer.text)
                self.assertEqual(answer.type, "application/health+json")
                self.assertEqual(answer.cache, "no-store")
                self.assertIn(body["status"], ("pass", "warn"))
                self.assertEqual(body["service"], service)
                self.assertTrue(body["ready"])
                self.assertLess(body["checks"]["loop:heartbeat"][0]["observedValue"], 10_000)
        self.assertEqual(Answer(port, "/status").status, 200)
        self.assertEqual(Answer(port, "/readyz?verbos").status, 400)
        self.check_metrics(port, service)

    def check_metrics(self, port: int, service: str) -> None:
        text = Answer(port, "/metrics").text
        series = {line.split("{")[0].split(" ")[0] for line in text.splitlines() if not line.startswith("#")}
        for name in ("stoa_build_info", "stoa_up_since_timestamp_seconds", *PROCESS):
            self.assertIn(name, series, service)
        self.assertIn(f'service="{service}"', text)
        families = {line.split(" ")[2] for line in text.splitlines() if line.startswith("# TYPE ")}
        page = (Path(__file__).resolve().parents[2] / "docs/health.md").read_text()
        unexplained = sorted(name for name in families if f"| `{name}` |" not in page)
        self.assertEqual(unexplained, [], f"docs/health.md does not explain these figures of {service}")
        body = Answer(port, "/metrics", "application/json").json()
        self.assertEqual(body.keys() & set(SUMMARY), set(SUMMARY))
        self.assertGreater(body["memory_usage_bytes"], 1_000_000)
        if shutil.which("promtool") is None:
            print(f"promtool is not installed (Debian: prometheus): the metrics of {service} are not linted")
            return
        done = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, text=True, check=False)
        self.assertEqual((done.returncode, done.stdout + done.stderr), (0, ""), service)

    def test_the_engine_tells_of_itself(self) -> None:
        engine = self.ready(self.dir / "data")
        self.check_process(engine.port, "engine")

    @unittest.skipUnless(shutil.which("promtool"), "promtool is not installed (Debian: prometheus)")
    def test_promtool_would_find_a_fault(self) -> None:
        bad = "# TYPE stoa_orders counter\nstoa_orders 1\n"
        done = subprocess.run(["promtool", "check", "metrics"], input=bad, capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 3)

    def test_every_role_tells_of_itself(self) -> None:
        with RolesShape() as running:
            running.start()
            done = run_program("discovery", "list", "--data", running.data, "-o", "json")
            self.assertEqual(done.returncode, 0, done.stderr)
            instances = json.loads(done.stdout)["instances"]
            self.assertEqual({each["service"] for each in instances}, set(running.roles()))
            for each in instances:
                port = int(each["endpoints"]["health"].rsplit(":", 1)[1])
                self.check_process(port, each["service"])
            done = run_program("discovery", "resolve", "risk", "--data", running.data)
            self.assertRegex(done.stdout, r"^risk\S* health 127\.0\.0\.1:\d+\n")


if __name__ == "__main__":
    unittest.main()
