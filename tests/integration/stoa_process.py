"""Starts the real program, talks to it and ends it; shared by the integration tests.

STOA_PROGRAM names the program (default: build/release/stoa, else build/dev/stoa). Nothing here waits for a length of
time: `wait_for` looks for a condition until a deadline. Every process is ended by its own id, and every folder is
temporary.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
import unittest
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote, urlencode

ROOT = Path(__file__).resolve().parents[2]
RECORDINGS = Path(os.environ.get("STOA_RECORDINGS", ROOT.parent / "shared" / "data"))
START_SECONDS = 60.0  # a start may fill a segment with zeros on a busy disk
STOP_SECONDS = 30.0
TERMINAL = frozenset({"filled", "canceled", "rejected", "expired"})
UNSETTLED = frozenset({"pending_new", "in_doubt"})

T = TypeVar("T")


def program() -> Path:
    """The program under test."""
    named = os.environ.get("STOA_PROGRAM")
    candidates = [Path(named)] if named else [ROOT / "build" / kind / "stoa" for kind in ("release", "dev")]
    for candidate in candidates:
        if candidate.is_file():
            return candidate.resolve()
    raise FileNotFoundError(f"no program to test: {', '.join(map(str, candidates))}; build it or set STOA_PROGRAM")


def wait_for(what: str, look: Callable[[], T | None], seconds: float = 10.0) -> T:
    """The first answer of `look` that is true; fails after `seconds`."""
    deadline = time.monotonic() + seconds
    while True:
        found = look()
        if found:
            return found
        if time.monotonic() > deadline:
            raise AssertionError(f"not seen within {seconds:g} s: {what}")
        time.sleep(0.005)


def e8(text: str) -> int:
    """A decimal of the API as an integer of 1e-8; refuses what does not fit eight decimals."""
    scaled = Decimal(text).scaleb(8)
    if scaled != int(scaled):
        raise ValueError(f"more than eight decimals: {text}")
    return int(scaled)


def environment() -> dict[str, str]:
    """Ours without settings of the program, so that a test does what it says."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("STOA_") and name != "CI"}
    return kept | {"NO_COLOR": "1"}


def run_program(*arguments: str | Path, seconds: float = 60.0, **options: Any) -> subprocess.CompletedProcess[str]:
    """Runs the program to its end."""
    command = [str(program()), *map(str, arguments)]
    options.setdefault("env", environment())
    return subprocess.run(command, capture_output=True, text=True, timeout=seconds, check=False, **options)


@dataclass(frozen=True)
class Reply:
    """An answer of the API."""

    status: int
    body: Any
    headers: dict[str, str]

    @property
    def code(self) -> str | None:
        return self.body.get("code") if isinstance(self.body, dict) else None


class Client:
    """One HTTP connection; one thread. Lost connections show as OSError or HTTPException."""

    def __init__(self, port: int, token: str | None, seconds: float = 15.0) -> None:
        self.token = token
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=seconds)

    def close(self) -> None:
        self._connection.close()

    def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        raw: bytes | None = None,
        headers: dict[str, str] | None = None,
        token: str | None = None,
    ) -> Reply:
        shown = self.token if token is None else token
        sent = {"Authorization": f"Bearer {shown}"} if shown else {}
        payload = raw if raw is not None else None if body is None else json.dumps(body).encode()
        if payload is not None:
            sent["Content-Type"] = "application/json"
        try:
            self._connection.request(method, path, payload, sent | (headers or {}))
            answer = self._connection.getresponse()
            content = answer.read()
        except (OSError, http.client.HTTPException):
            self._connection.close()  # what was on its way is lost; the next call begins anew
            raise
        is_json = "json" in (answer.headers.get("Content-Type") or "")
        return Reply(answer.status, json.loads(content) if is_json else content.decode(), dict(answer.headers))

    def get(self, path: str, **query: Any) -> Reply:
        return self.call("GET", path + (f"?{urlencode(query)}" if query else ""))

    def ok(self, method: str, path: str, body: Any = None) -> Any:
        """The body of an answer that must be 200 or 201."""
        reply = self.call(method, path, body)
        if reply.status not in (200, 201):
            raise AssertionError(f"{method} {path}: {reply.status} {reply.body}")
        return reply.body

    def place(self, client_order_id: str, **order: str) -> Reply:
        return self.call("POST", "/api/v1/orders", {"client_order_id": client_order_id, **order})

    def order(self, client_order_id: str) -> Reply:
        return self.call("GET", f"/api/v1/orders/{quote(client_order_id)}")

    def pages(self, path: str, key: str, *, limit: int = 1000, **query: Any) -> list[dict[str, Any]]:
        """Every item of a list, over all of its pages."""
        items: list[dict[str, Any]] = []
        cursor: str | None = None
        while True:
            page = self.get(path, limit=limit, **query, **({"cursor": cursor} if cursor else {}))
            if page.status != 200:
                raise AssertionError(f"GET {path}: {page.status} {page.body}")
            items += page.body[key]
            cursor = page.body["next_cursor"]
            if cursor is None:
                return items


class Engine:
    """`stoa run engine` on a data folder, from its start to its end."""

    def __init__(self, data: Path, *flags: str | Path, output: Path, environment_name: str = "development") -> None:
        self.data = data
        self._out_path, self._err_path = output / "stdout", output / "stderr"
        command = [str(program()), "run", "engine", "--data", str(data), "--env", environment_name, "--port", "0"]
        with self._out_path.open("w") as out, self._err_path.open("w") as err:
            self._process = subprocess.Popen(
                [*command, *map(str, flags)], stdout=out, stderr=err, stdin=subprocess.DEVNULL, env=environment()
            )
        self.port = 0
        self.token = ""

    @property
    def stdout(self) -> str:
        return self._out_path.read_text()

    @property
    def stderr(self) -> str:
        return self._err_path.read_text()

    @property
    def running(self) -> bool:
        return self._process.poll() is None

    @property
    def pid(self) -> int:
        return self._process.pid

    def wait_ready(self, seconds: float = START_SECONDS) -> Engine:
        """Returns when orders may come."""
        url = wait_for("the engine's URL", lambda: self._url() or self._ended(), seconds)
        if not isinstance(url, re.Match):
            raise AssertionError(f"the engine ended with {self._process.returncode}:\n{self.stderr}{self.stdout}")
        self.port, self.token = int(url[1]), url[2]
        wait_for("/ready", self._is_ready, seconds)
        return self

    def client(self) -> Client:
        return Client(self.port, self.token)

    def wait(self, seconds: float) -> int:
        """The exit code, once it has ended by itself."""
        return self._process.wait(seconds)

    def stop(self) -> int:
        """Asks it to end, as a supervisor does."""
        if self.running:
            self._process.send_signal(signal.SIGTERM)
        return self._process.wait(STOP_SECONDS)

    def kill(self) -> None:
        """Ends it between any two instructions."""
        if self.running:
            self._process.kill()
        self._process.wait(STOP_SECONDS)

    def report(self) -> dict[str, Any]:
        """What a run with `-o json` says at its end."""
        return json.loads(self.stdout)

    def _url(self) -> re.Match[str] | None:
        return re.search(r"http://127\.0\.0\.1:(\d+)/#token=(\S+)", self.stdout + self.stderr)

    def _ended(self) -> bool:
        return not self.running

    def _is_ready(self) -> bool:
        if not self.running:
            raise AssertionError(f"the engine ended with {self._process.returncode}:\n{self.stderr}{self.stdout}")
        client = Client(self.port, None, 5)
        with contextlib.closing(client), contextlib.suppress(OSError, http.client.HTTPException):
            return client.get("/ready").status == 200
        return False


class Case(unittest.TestCase):
    """A test with a folder of its own; engines that it starts do not outlive it."""

    def setUp(self) -> None:
        self.dir = Path(tempfile.mkdtemp(prefix="stoa-test-"))
        self.addCleanup(shutil.rmtree, self.dir, ignore_errors=True)
        self._engines = 0

    def start(self, data: Path, *flags: str | Path, **options: Any) -> Engine:
        """An engine that has been started; it may not be ready yet."""
        self._engines += 1
        output = self.dir / f"engine-{self._engines}"
        output.mkdir()
        engine = Engine(data, *flags, output=output, **options)
        self.addCleanup(engine.kill)
        return engine

    def ready(self, data: Path, *flags: str | Path, **options: Any) -> Engine:
        return self.start(data, *flags, **options).wait_ready()

    def finish(self, data: Path, *flags: str | Path, seconds: float = 120.0) -> dict[str, Any]:
        """Runs an engine that ends by itself; returns its report."""
        engine = self.start(data, *flags, "-o", "json")
        code = engine.wait(seconds)
        self.assertEqual(code, 0, engine.stderr)
        return engine.report()

    def verify_journal(self, data: Path) -> dict[str, Any]:
        done = run_program("journal", "verify", data, "-o", "json")
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return json.loads(done.stdout)

    def verify_replay(self, data: Path) -> dict[str, Any]:
        """Every decision of the log, derived again and compared."""
        done = run_program("replay", "verify", "--data", data, "-o", "json")
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        report = json.loads(done.stdout)
        self.assertEqual(report["mismatches"], 0, report["first_mismatch"])
        self.assertGreater(report["outputs_compared"], 0)
        return report


def segments(data: Path) -> dict[str, bytes]:
    """The log's files by name."""
    return {path.name: path.read_bytes() for path in sorted((data / "wal").glob("*.seg"))}


def dump(data: Path, *types: str) -> Iterator[dict[str, Any]]:
    """Records of a log, oldest first: {"lsn", "message": {"type", "body", …}}."""
    wanted = [word for name in types for word in ("--type", name)]
    done = run_program("journal", "dump", data, *wanted, "-o", "json", seconds=120)
    if done.returncode != 0:
        raise AssertionError(f"journal dump: {done.returncode} {done.stderr}")
    for line in done.stdout.splitlines():
        yield json.loads(line)
