"""A platform under test as its clients and its operator see it: `stoa up`, or the one process of `stoa run engine`.

Both look alike here: roles with process ids that can be killed, a port for orders, an end. What is started is ended by
its own id, and its folder goes with it.
"""

from __future__ import annotations

import argparse
import contextlib
import http.client
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "integration"))

from stoa_process import Client, environment, program, run_program, wait_for  # noqa: E402

# Room for a load of thousands of orders a second and for hours of paper losses.
SETTINGS = {
    "limits.max_order_rate": "1000000",
    "limits.max_open_orders": "5000",
    "limits.max_daily_loss": "100000000",
    "limits.max_position_notional": "100000000",
    "limits.max_gross_exposure": "100000000",
    "paper.initial_cash": "100000000",
    "roles.restart_max": "1000",  # a campaign kills more often than a fault would
    "roles.restart_pause_max_s": "0",
}
DEFAULT_PORTS = (5555, 5556, 5557, 5558, 8001, 8002, 8003, 8080, 9100)
SHIFTS_TRIED = 5
READY_SECONDS = 60.0


def tool(name: str) -> Path:
    """A program of the tests; it lies beside the program under test."""
    return program().parent / name


def any_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


def free_shift() -> int:
    """A number that, added to every default port, gives ports that nobody has."""
    choice = random.SystemRandom()
    for _ in range(200):
        shift = choice.randrange(10_000, 22_000)
        try:
            for port in DEFAULT_PORTS:
                with socket.socket() as probe:
                    probe.bind(("127.0.0.1", port + shift))
        except OSError:
            continue
        return shift
    raise RuntimeError("no free ports at one distance from the defaults")


def known_settings() -> list[str]:
    """SETTINGS as flags, without keys that this build lacks."""
    shown = json.loads(run_program("config", "show", "--env", "testing", "-o", "json").stdout)
    known = {each["key"] for each in shown["settings"]}
    return [word for key, value in SETTINGS.items() if key in known for word in ("--set", f"{key}={value}")]


@dataclass(frozen=True)
class RoleState:
    """One process, as the operator's tools show it."""

    name: str
    pid: int | None
    ready: bool
    ready_since_ns: int
    port: int
    status: str = ""


def get(port: int, path: str, seconds: float = 5.0) -> tuple[int, str] | None:
    """Status and body, or nothing when nobody answers."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=seconds)
    with contextlib.closing(connection), contextlib.suppress(OSError, http.client.HTTPException):
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    return None


def percentile(values: list[Any], part: float) -> Any:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * part))] if ordered else -1


def run_campaign(
    options: argparse.Namespace,
    campaign: Callable[[argparse.Namespace], dict[str, Any]],
    table: Callable[[dict[str, Any]], str],
) -> int:
    """Runs it, prints its table and failures, and keeps the account at --json. 3: something failed."""
    end_on_signals()
    report = campaign(options)
    print(table(report), flush=True)
    if options.json:
        options.json.write_text(json.dumps(report, indent=1) + "\n")
    for failure in report["failures"]:
        print(f"FAILED {failure}", flush=True)
    return 3 if report["failures"] else 0


class Running:
    """Common to both shapes."""

    port: int

    def __init__(self, keep: Path | None = None) -> None:
        self._own = keep is None
        self.dir = keep or Path(tempfile.mkdtemp(prefix="stoa-sim-"))
        self.data = self.dir / "data"

    def roles(self) -> dict[str, RoleState]:
        raise NotImplementedError

    def start(self) -> float:
        """Until orders may come; answers with the seconds that took."""
        raise NotImplementedError

    def stop(self) -> float:
        """In order; answers with the seconds that took."""
        raise NotImplementedError

    def end(self) -> None:
        """Whatever is left of it."""
        raise NotImplementedError

    def told_roles(self) -> dict[str, RoleState]:
        """As whoever started them has written down: costs next to nothing, and asks no role."""
        return self.roles()

    def revive(self, role: str) -> None:
        """After a kill, where nobody else does."""

    def client(self, seconds: float = 15.0) -> Client:
        return Client(self.port, (self.data / "token").read_text().strip(), seconds)

    def kill(self, role: str, number: int = signal.SIGKILL) -> int:
        """Sends it a signal; answers with the process it went to."""
        pid = self.roles()[role].pid
        if pid is None:
            raise AssertionError(f"{role} does not run")
        os.kill(pid, number)
        return pid

    def is_ready(self) -> bool:
        answer = get(self.port, "/ready")
        return answer is not None and answer[0] == 200

    def remove(self) -> None:
        if self._own:
            shutil.rmtree(self.dir, ignore_errors=True)

    def __enter__(self) -> Running:
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self.end()
        finally:
            self.remove()


class EngineShape(Running):
    """`stoa run engine`: one role, which this object starts again itself."""

    def __init__(self, *flags: str, keep: Path | None = None, env: str = "testing") -> None:
        super().__init__(keep)
        self.port = any_port()
        self._flags = [*known_settings(), "--env", env, *flags]
        self._process: subprocess.Popen[bytes] | None = None
        self._ready_since_ns = 0
        self._log = (self.dir / "engine.log").open("ab")

    def start(self) -> float:
        begun = time.monotonic()
        self._process = subprocess.Popen(
            [program(), "run", "engine", "--data", self.data, "--port", str(self.port), *self._flags],
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=self._log,
            env=environment(),
        )
        wait_for("the engine is ready", lambda: self.is_ready() or self._process.poll() is not None, READY_SECONDS)
        if self._process.poll() is not None:
            raise AssertionError(f"the engine ended with {self._process.returncode}, see {self._log.name}")
        self._ready_since_ns = time.time_ns()
        return time.monotonic() - begun

    def roles(self) -> dict[str, RoleState]:
        alive = self._process is not None and self._process.poll() is None
        ready = alive and self.is_ready()
        pid = self._process.pid if alive and self._process else None
        return {"engine": RoleState("engine", pid, ready, self._ready_since_ns, self.port)}

    def revive(self, role: str) -> None:
        if self._process is not None:
            self._process.wait(30)
        self.start()

    def stop(self) -> float:
        begun = time.monotonic()
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
            code = self._process.wait(40)
            if code != 0:
                raise AssertionError(f"the engine ended with {code}")
        return time.monotonic() - begun

    def end(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGCONT)
            self._process.kill()
            self._process.wait(30)
        self._log.close()


class RolesShape(Running):
    """`stoa up`: ten roles under a supervisor; or those of `only` with what they wait for."""

    def __init__(
        self, *flags: str, keep: Path | None = None, env: str = "testing", only: tuple[str, ...] = ()
    ) -> None:
        super().__init__(keep)
        self._only = [word for role in only for word in ("--only", role)]
        self.shift = free_shift()
        self.port = 8080 + self.shift
        # The environment of tests lets the system pick the gateway's port, anew with each of its lives.
        self.flags = [*known_settings(), "--set", "gateway.port=8080", "--env", env, *flags]
        self._seen: set[int] = set()  # process ids that were ours
        self.epochs: dict[str, int] = {}  # newest that a switch of the role was seen to open

    def start(self) -> float:
        begun = time.monotonic()
        for _ in range(SHIFTS_TRIED):
            done = run_program(
                "up", "--data", self.data, "--base-port", str(self.shift), *self._only, *self.flags, seconds=120, cwd=self.dir
            )
            if done.returncode == 0 or "is taken by" not in done.stderr + done.stdout:
                break
            self.shift = free_shift()  # Others that run beside this one took one of its ports meanwhile.
            begun = time.monotonic()
        took = time.monotonic() - begun
        if done.returncode != 0:
            raise AssertionError(f"up: {done.returncode}\n{done.stdout}{done.stderr}")
        self.port = self.roles()["gateway"].port
        wait_for("the gateway is ready", self.is_ready, READY_SECONDS)
        return took

    def roles(self) -> dict[str, RoleState]:
        done = run_program("status", "--data", self.data, "-o", "json")
        with contextlib.suppress(json.JSONDecodeError):
            found = self._read(json.loads(done.stdout))
            with contextlib.suppress(OSError, json.JSONDecodeError):
                told = json.loads((self.data / "run" / "supervisor.json").read_text())
                self._seen |= {told["supervisor"]["pid"]} - {None}  # none once it has ended
            return found
        raise AssertionError(f"status: {done.returncode} {done.stdout}{done.stderr}")

    def _read(self, rows: list[dict[str, Any]]) -> dict[str, RoleState]:
        found = {
            each["role"]: RoleState(
                each["role"],
                each["pid"],
                bool(each["ready"]),
                int(each.get("ready_since_ns") or 0),
                int(each.get("port") or 0),
                str(each.get("status", "")),
            )
            for each in rows
        }
        self._seen |= {each.pid for each in found.values() if each.pid}
        return found

    def told_roles(self) -> dict[str, RoleState]:
        with contextlib.suppress(OSError, json.JSONDecodeError):
            return self._read(json.loads((self.data / "run" / "supervisor.json").read_text())["roles"])
        return {}

    def revive(self, role: str) -> None:
        """The supervisor does; a role that it gave up is asked for again, as a person would."""

    def ask_again(self) -> None:
        run_program("up", "--data", self.data, "--base-port", str(self.shift), *self._only, *self.flags, seconds=120)

    def ask_for(self, role: str) -> None:
        """One more role of a platform that runs."""
        flags = ["--data", self.data, "--base-port", str(self.shift), *self.flags]
        done = run_program("up", "--only", role, *flags, seconds=120)
        if done.returncode != 0:
            raise AssertionError(f"up --only {role}: {done.returncode}\n{done.stdout}{done.stderr}")

    def stop(self) -> float:
        begun = time.monotonic()
        done = run_program("down", "--data", self.data, seconds=120)
        took = time.monotonic() - begun
        if done.returncode != 0:
            raise AssertionError(f"down: {done.returncode}\n{done.stdout}{done.stderr}")
        return took

    def end(self) -> None:
        if not (self.data / "run").is_dir():
            return
        with contextlib.suppress(AssertionError, OSError, subprocess.TimeoutExpired):
            for role in self.roles().values():
                if role.pid:
                    os.kill(role.pid, signal.SIGCONT)
        with contextlib.suppress(OSError, subprocess.TimeoutExpired):
            run_program("down", "--force", "--data", self.data, seconds=60)
        for pid in sorted(self._seen):
            if self._is_ours(pid):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)

    def _is_ours(self, pid: int) -> bool:
        """Still the process that the status named: ids are used again."""
        try:
            command = Path(f"/proc/{pid}/cmdline").read_bytes()
        except OSError:
            return False
        return str(self.data).encode() in command


def end_on_signals() -> None:
    """Ctrl-C and SIGTERM leave through `with`, so that nothing stays behind; also when started in the background."""
    signal.signal(signal.SIGINT, lambda *_: sys.exit(130))
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))


def make(engine: bool, *flags: str, keep: Path | None = None, env: str = "testing") -> Running:
    return EngineShape(*flags, keep=keep, env=env) if engine else RolesShape(*flags, keep=keep, env=env)


class Load:
    """`stoa_load` beside a platform."""

    def __init__(self, running: Running, name: str, *, rate: float, seed: int, seconds: float = 0, **more: Any) -> None:
        self.told = running.dir / f"{name}.ndjson"
        flags = [word for key, value in more.items() for word in (f"--{key}", str(value))]
        self._process = subprocess.Popen(
            [
                tool("stoa_load"),
                *("--port", str(running.port)),
                *("--token-file", running.data / "token"),
                *("--told", self.told),
                *("--rate", str(rate)),
                *("--seconds", str(seconds)),
                *("--seed", str(seed)),
                *("--prefix", name),
                *flags,
            ],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    @property
    def running(self) -> bool:
        return self._process.poll() is None

    @property
    def pid(self) -> int:
        return self._process.pid

    def finish(self, *, early: bool = True, seconds: float = 150.0) -> dict[str, Any]:
        """Its account; `early` ends the flow now."""
        if early and self.running:
            self._process.terminate()
        out, err = self._process.communicate(timeout=seconds)
        if self._process.returncode not in (0, 3):
            raise AssertionError(f"stoa_load: {self._process.returncode} {err}{out}")
        return json.loads(out)

    def end(self) -> None:
        if self.running:
            self._process.kill()
        self._process.wait(10)

    def moments_ms(self, *told: str) -> list[int]:
        """When the client was told one of these of an order; oldest first."""
        moments = []
        if not self.told.exists():
            return moments  # it has only just begun
        with self.told.open() as lines:
            for line in lines:
                if any(f'"told":"{word}"' in line for word in told):
                    moments.append(int(line[8 : line.index(",")]))
        return moments

    def last_ms(self) -> list[int]:
        """When the client was told something, of the newest lines; oldest first."""
        if not self.told.exists():
            return []
        with self.told.open("rb") as lines:
            lines.seek(max(0, self.told.stat().st_size - 200_000))
            text = lines.read().decode(errors="replace").splitlines()[1:-1]
        return [int(line[8 : line.index(",")]) for line in text if '"told":"acknowledged"' in line]

    def acknowledged_ms(self) -> list[int]:
        """When an order was known to be taken."""
        return self.moments_ms("acknowledged", "present")


def audit(running: Running, *told: Path) -> dict[str, Any]:
    """What the audit says of a platform that stands still."""
    flags = [word for path in told for word in ("--told", str(path))]
    done = subprocess.run(
        [tool("stoa_audit"), running.data, "--json", *flags], capture_output=True, text=True, timeout=600, check=False
    )
    if done.returncode not in (0, 3):
        raise AssertionError(f"stoa_audit: {done.returncode} {done.stderr}")
    return json.loads(done.stdout)
