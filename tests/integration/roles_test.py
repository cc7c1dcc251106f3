#!/usr/bin/env python3
"""A dozen kills under load in well under a minute, and what the client of it must be able to say afterwards.

The long form is `./dev sim roles`.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "simulation"))

import relays  # noqa: E402
import roles  # noqa: E402
from running import EngineShape, Load, audit, get, tool  # noqa: E402
from stoa_process import wait_for  # noqa: E402

ORDER = {"symbol": "BTCUSDT", "side": "buy", "type": "limit", "quantity": "0.001", "price": "60000"}


class RolesTest(unittest.TestCase):
    def _campaign(self, *words: str) -> dict[str, Any]:
        report = roles.run(roles.parser().parse_args([*words, "--rate", "100", "--pause", "0.6"]))
        print(roles.table(report), flush=True)
        self.assertFalse(report["failures"], "\n".join(report["failures"]))
        return report

    def test_one_process_killed_under_load_loses_nothing(self) -> None:
        report = self._campaign("--engine", "--kills", "4", "--seed", "2")
        self.assertGreater(report["audit"]["acknowledged"], 50)

    def test_every_role_killed_under_load_comes_back_and_nothing_is_lost(self) -> None:
        report = self._campaign("--kills", "10", "--seed", "2")
        self.assertEqual(len(report["roles"]), 10)
        self.assertGreater(report["audit"]["acknowledged"], 50)
        self.assertTrue(report["audit"]["venue_has_log"])
        self.assertGreater(report["hub"]["kept"], 1)

    def test_each_relay_is_handed_over_under_load_and_nobody_notices(self) -> None:
        report = relays.campaign(relays.parser().parse_args(["--hand-overs", "3", "--rate", "100", "--seed", "2"]))
        print(relays.table(report), flush=True)
        self.assertFalse(report["failures"], "\n".join(report["failures"]))
        self.assertEqual([each["relay"] for each in report["each"]], list(relays.RELAYS))
        self.assertGreater(report["audit"]["acknowledged"], 50)

    def test_who_hangs_up_on_a_gateway_that_stands_still_has_placed_nothing(self) -> None:
        with EngineShape() as running:
            running.start()
            token = (running.data / "token").read_text().strip()
            pid = running.roles()["engine"].pid

            def post(line: socket.socket, name: str) -> None:
                body = json.dumps(ORDER | {"client_order_id": name})
                line.sendall(
                    f"POST /api/v1/orders HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {token}\r\n"
                    f"Content-Length: {len(body)}\r\n\r\n{body}".encode()
                )

            def dropped() -> bool:
                return "\nstoa_gateway_hung_up_requests_total 2\n" in get(running.port, "/metrics")[1]

            # One connection that it knows, and one that it has not accepted yet.
            with socket.create_connection(("127.0.0.1", running.port), 20) as known:
                post(known, "in-time")
                self.assertTrue(known.recv(4096).startswith(b"HTTP/1.1 201"))
                os.kill(pid, signal.SIGSTOP)
                wait_for("it stands still", lambda: Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "T")
                post(known, "late-1")
                with socket.create_connection(("127.0.0.1", running.port), 20) as unseen:
                    post(unseen, "late-2")
            os.kill(pid, signal.SIGCONT)
            wait_for("both are dropped", dropped, 30)
            answers = [get(running.port, f"/api/v1/orders/{name}")[0] for name in ("in-time", "late-1", "late-2")]
            self.assertEqual(answers, [200, 404, 404])
            running.stop()

    def test_an_order_that_was_told_and_is_not_in_the_log_is_found(self) -> None:
        with EngineShape() as running:
            running.start()
            load = Load(running, "load", rate=200, seed=3, seconds=1)
            account = load.finish(early=False)
            running.stop()
            self.assertGreater(account["acknowledged"], 100)
            self.assertEqual(audit(running, load.told)["faults"], 0)
            with load.told.open("a") as out:
                out.write('{"t_ms":1,"order":"nobody-1","told":"acknowledged","cl_ord_id":"T-5"}\n')
            found = audit(running, load.told)
            self.assertEqual(found["found"]["lost_order"], {"count": 1, "first": "nobody-1"})

    def test_the_load_accounts_for_every_order_and_for_a_port_where_nobody_is(self) -> None:
        with EngineShape() as running:
            running.start()
            load = Load(running, "load", rate=300, seed=4, seconds=1)
            account = load.finish(early=False)
            refused = sum(account["refused"].values())
            self.assertEqual(account["due"], account["acknowledged"] + refused + account["unknown"] + account["unsent"])
            told = [json.loads(line) for line in load.told.read_text().splitlines()]
            first = [each for each in told if each["told"] in ("acknowledged", "refused", "unsent")]
            self.assertEqual(len({each["order"] for each in first}), account["due"])
            self.assertGreater(account["cancels"], 10)
            self.assertEqual(get(running.port, "/ready")[0], 200)
            # Killed in the flow: what it asked for meanwhile is found out or stays unknown, never counted as done.
            load = Load(running, "late", rate=300, seed=5, settle=1, patience=1)
            while not load.told.exists() or load.told.stat().st_size < 1_000:
                self.assertTrue(load.running)
            running.kill("engine")
            account = load.finish()
            self.assertGreater(account["acknowledged"], 0)
            self.assertEqual(
                account["unknown"], account["unresolved"], "with nobody there, no order can have been found out"
            )

    def test_the_load_says_that_no_gateway_is_there(self) -> None:
        with tempfile.NamedTemporaryFile("w") as token:
            token.write("nobody")
            token.flush()
            command = [tool("stoa_load"), "--port", "9", "--token-file", token.name, "--wait", "0.1"]
            load = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        self.assertIn("named no prices", load.stderr)
        self.assertEqual(load.returncode, 1)


if __name__ == "__main__":
    unittest.main()
