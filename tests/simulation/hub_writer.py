"""A person who changes the configuration while its hub dies: what was told as kept is in the log, once."""

from __future__ import annotations

import json
import threading
from collections import Counter
from typing import Any

from running import Running
from stoa_process import run_program, wait_for


class HubWriter:
    """Changes one key of the space `dev` over and over, each time for a reason of its own, while it is entered."""

    def __init__(self, running: Running) -> None:
        self._running = running
        self._kept: list[str] = []
        self._doubtful: list[str] = []
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def __enter__(self) -> HubWriter:
        self._stopping.clear()
        self._thread = threading.Thread(target=self._write, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        if self._thread is not None:
            self._thread.join(60)

    def keeps_another(self, seconds: float) -> None:
        """Returns once a change that was made from here on was kept."""
        before = len(self._kept) + 1  # one may be on its way
        wait_for("a change of the configuration is kept", lambda: len(self._kept) > before, seconds)

    def account(self) -> dict[str, Any]:
        """Of a platform that stands still: what was told, and what the log says of it."""
        written = len(self._kept) + len(self._doubtful)
        revisions = self._config("rev", "list", "dev", "--limit", str(written + 10)).get("revisions", [])
        found = Counter(each["reason"] for each in revisions)
        verified = self._config("audit", "verify")
        return {
            "kept": len(self._kept),
            "doubtful": len(self._doubtful),
            "doubtful_there": sum(reason in found for reason in self._doubtful),
            "lost": [reason for reason in self._kept if not found[reason]],
            "doubled": [reason for reason in self._kept + self._doubtful if found[reason] > 1],
            "intact": bool(verified.get("intact")),
            "records": verified.get("records", 0),
        }

    def _write(self) -> None:
        while not self._stopping.is_set():
            number = len(self._kept) + len(self._doubtful) + 1
            reason = f"change-{number}"
            done = run_program(
                *("config", "set", "dev", "limits", f"limits.max_order_rate={1_000 + number}"),
                *("--reason", reason, "--data", self._running.data, "--env", "testing"),
            )
            (self._kept if done.returncode == 0 else self._doubtful).append(reason)

    def _config(self, *words: str) -> dict[str, Any]:
        done = run_program("config", *words, "--data", self._running.data, "--env", "testing", "-o", "json")
        if done.returncode not in (0, 3):
            raise AssertionError(f"config {words}: {done.returncode} {done.stdout}{done.stderr}")
        return json.loads(done.stdout)


def hub_faults(account: dict[str, Any]) -> list[str]:
    faults = [f"hub: {name} {account[name][:3]}, {len(account[name])} in all" for name in ("lost", "doubled") if account[name]]
    if not account["intact"]:
        faults.append("hub: its log is not what was written")
    if account["kept"] == 0:
        faults.append("hub: no change was kept: nothing is proven")
    return faults
