#!/usr/bin/env python3
"""What goes wrong at a start or in a request is said: what, where, how to mend it; and nothing is left behind."""

from __future__ import annotations

import gzip
import json
import os
import pwd
import re
import socket
import stat
import subprocess
import unittest
from pathlib import Path

from stoa_process import Case, Engine, environment, program, run_program, segments

SEGMENT_HEADER_BYTES = 64
NORMAL = {"symbol": "BTCUSDT", "side": "buy", "type": "limit", "quantity": "0.001", "price": "57000"}


class StartTest(Case):
    def refused(self, *flags: str | Path, code: int, data: Path | None = None, says: tuple[str, ...]) -> str:
        """A start that must not happen; returns what it said."""
        folder = data or self.dir / "data"
        engine = self.start(folder, *flags)
        self.assertEqual(engine.wait(60), code, engine.stderr + engine.stdout)
        text = engine.stderr
        for word in says:
            self.assertIn(word, text)
        self.assertNotIn("token=", engine.stdout)
        return text

    def assert_nothing_made(self, data: Path | None = None) -> None:
        self.assertFalse((data or self.dir / "data").exists(), "a start that failed left a data folder")

    # --- data folder

    def test_a_file_in_the_way_of_the_data_folder(self) -> None:
        data = self.dir / "data"
        data.write_text("mine")
        self.refused(code=1, says=(str(data),))
        self.assertEqual(data.read_text(), "mine")

    @unittest.skipUnless(os.geteuid() == 0, "needs root, to run as another user")
    def test_a_data_folder_that_cannot_be_written(self) -> None:
        nobody = pwd.getpwnam("nobody")
        self.dir.chmod(0o755)
        locked = self.dir / "locked"
        locked.mkdir(mode=0o755)
        done = run_program(
            "run", "engine", "--data", locked / "data", "--port", "0", "--env", "development",
            user=nobody.pw_uid, group=nobody.pw_gid, extra_groups=[],
        )  # fmt: skip
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertIn(str(locked), done.stderr)
        self.assertRegex(done.stderr, "(?i)permission denied")
        self.assertEqual(list(locked.iterdir()), [])

    def test_a_data_folder_that_another_engine_uses(self) -> None:
        data = self.dir / "data"
        first = self.ready(data)
        text = self.refused(code=1, data=data, says=("in use", str(data)))
        self.assertIn(str(first.pid), text)
        client = first.client()
        self.assertEqual(client.get("/ready").status, 200, "the first engine minds")
        client.close()

    def test_a_token_that_others_can_read(self) -> None:
        data = self.dir / "data"
        data.mkdir()
        token = data / "token"
        token.write_text("0123456789abcdef0123456789abcdef\n")
        token.chmod(0o644)
        self.refused(code=1, says=(str(token), "chmod 600"))
        token.chmod(0o600)
        self.assertEqual(self.ready(data).token, "0123456789abcdef0123456789abcdef")

    def test_a_token_is_made_for_the_owner_only(self) -> None:
        data = self.dir / "data"
        self.ready(data)
        self.assertEqual(stat.S_IMODE((data / "token").stat().st_mode), 0o600)
        self.assertEqual(sorted(path.name for path in data.iterdir()), ["token", "wal"])

    def test_a_port_that_is_taken(self) -> None:
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            port = taken.getsockname()[1]
            done = run_program("run", "engine", "--data", self.dir / "data", "--port", port)
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertIn(str(port), done.stderr)
        self.assertIn("port", done.stderr)

    # --- configuration and flags

    def test_an_unknown_key_names_its_line_and_the_nearest(self) -> None:
        config = self.dir / "mine.toml"
        config.write_text("[market]\nseed = 4\n\n[gateway]\nprot = 8081\n")
        self.refused("--config", config, code=2, says=(f"{config}:5", "prot", "gateway.port"))
        self.assert_nothing_made()

    def test_values_that_are_out_of_range_or_of_another_type(self) -> None:
        config = self.dir / "mine.toml"
        config.write_text('[gateway]\nport = "many"\n\n[wal]\nsync = "sometimes"\n')
        self.refused("--config", config, code=2, says=(f"{config}:2", f"{config}:5", "always"))
        self.assert_nothing_made()

    def test_flags_that_cannot_be(self) -> None:
        for flags, says in (
            (("--speed", "fast"), "--speed"),
            (("--speed", "0"), "--speed"),
            (("--speed", "-1"), "--speed"),
            (("--duration", "soon"), "--duration"),
            (("--seed", "1.5"), "--seed"),
            (("--market-source", "moon"), "--market-source"),
            (("--sync", "never"), "--sync"),
            (("--port", "65536"), "--port"),
            (("--colour",), "--colour"),
        ):
            with self.subTest(flags=flags):
                self.refused(*flags, code=2, says=(says,))
                self.assert_nothing_made()

    # --- recordings

    def test_a_recording_that_is_not_there(self) -> None:
        absent = self.dir / "absent.gz"
        text = self.refused("--recording", absent, "--speed", "max", code=1, says=(str(absent),))
        self.assertRegex(text, "(?i)no such file")

    def test_recordings_that_are_none(self) -> None:
        good = gzip.compress(b"1723161253937085768 {}\n" * 2000)
        files = {
            "truncated.gz": good[: len(good) // 2],
            "garbage.gz": b"\x1f\x8b" + bytes(range(256)) * 8,
            "text.gz": b"this is no recording\n",
            "lines.gz": gzip.compress(b"no time and no frame\n"),
            "empty.gz": b"",
        }
        for name, content in files.items():
            with self.subTest(recording=name):
                file = self.dir / name
                file.write_bytes(content)
                engine = self.start(self.dir / f"data-{name}", "--recording", file, "--speed", "max", "--exit-when-done")
                self.assertEqual(engine.wait(60), 1, engine.stderr + engine.stdout)
                self.assertIn(name, engine.stderr)

    # --- damaged logs

    def traded(self) -> tuple[Path, str, list[str]]:
        """A log with orders in it, its segment, and what was acknowledged."""
        data = self.dir / "data"
        engine = self.ready(data)
        client = engine.client()
        ids = [f"kept-{i}" for i in range(20)]
        for client_order_id in ids:
            self.assertEqual(client.place(client_order_id, **NORMAL).status, 201)
        client.close()
        self.kill_hard(engine)
        (name,) = segments(data)
        return data, name, ids

    @staticmethod
    def kill_hard(engine: Engine) -> None:
        engine.kill()

    def test_damage_in_the_middle_is_named_and_nothing_is_cut(self) -> None:
        data, name, _ = self.traded()
        file = data / "wal" / name
        content = bytearray(file.read_bytes())
        at = SEGMENT_HEADER_BYTES + 900  # inside one of the first records
        content[at] ^= 0x40
        file.write_bytes(content)

        text = self.refused(code=1, data=data, says=(name,))
        offset = re.search(r"byte (\d+)", text)
        self.assertIsNotNone(offset, text)
        self.assertLessEqual(int(offset[1]), at)
        self.assertRegex(text, r"lsn \d+")
        self.assertEqual(file.read_bytes(), bytes(content), "a refused start changed the log")

        verify = run_program("journal", "verify", data, "-o", "json")
        self.assertEqual(verify.returncode, 3, verify.stderr)
        (damage,) = json.loads(verify.stdout)["damage"]
        self.assertEqual(damage["segment"].rsplit("/", 1)[-1], name)
        self.assertLessEqual(damage["offset"], at)

    def test_a_torn_tail_is_cut_and_loses_nothing_acknowledged(self) -> None:
        data, name, ids = self.traded()
        file = data / "wal" / name
        content = bytearray(file.read_bytes())
        end = len(content.rstrip(b"\0"))
        content[end : end + 40] = bytes((7 * i + 1) % 256 for i in range(40))  # the start of a write that never ended
        file.write_bytes(content)
        engine = self.ready(data)
        client = engine.client()
        for client_order_id in ids:
            self.assertEqual(client.order(client_order_id).status, 200, client_order_id)
        client.close()
        self.assertEqual(engine.stop(), 0)
        self.assertTrue(self.verify_journal(data)["intact"])
        self.verify_replay(data)

    def test_a_journal_that_is_none(self) -> None:
        (self.dir / "empty").mkdir()
        self.assertEqual(run_program("journal", "verify", self.dir / "empty").returncode, 1)
        self.assertIn(run_program("journal", "verify", self.dir / "absent").returncode, (1, 2))

    # --- ends

    def test_an_interrupted_start_leaves_nothing_running(self) -> None:
        """SIGTERM at once: the engine ends, and the next one starts on what it left."""
        data = self.dir / "data"
        early = subprocess.Popen(
            [str(program()), "run", "engine", "--data", str(data), "--port", "0", "--env", "development"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment(),
        )  # fmt: skip
        early.terminate()
        early.wait(30)
        self.ready(data)


class RequestTest(Case):
    def setUp(self) -> None:
        super().setUp()
        self.engine = self.ready(self.dir / "data")
        self.client = self.engine.client()
        self.addCleanup(self.client.close)

    def test_requests_that_make_no_order(self) -> None:
        orders = "/api/v1/orders"
        body = json.dumps(NORMAL).encode()
        huge = b'{"symbol":"' + b"x" * 70_000 + b'"}'
        cases: list[tuple[str, int, str | None, dict[str, object]]] = [
            ("no JSON", 400, "malformed_json", {"raw": b'{"symbol":'}),
            ("no UTF-8", 400, "malformed_json", {"raw": b'{"symbol":"\xff\xfe"}'}),
            ("an array", 400, "bad_field", {"raw": b"[1,2]"}),
            ("too large", 413, "body_too_large", {"raw": huge}),
            ("no side", 400, "missing_field", {"body": {k: v for k, v in NORMAL.items() if k != "side"}}),
            ("a field too many", 400, "unknown_field", {"body": NORMAL | {"leverage": "5"}}),
            ("an unknown symbol", 404, "unknown_symbol", {"body": NORMAL | {"symbol": "XYZUSDT"}}),
            ("an unknown side", 400, "bad_field", {"body": NORMAL | {"side": "hold"}}),
            ("a wrong id", 400, "bad_field", {"body": NORMAL | {"client_order_id": "a b"}}),
            ("a long id", 400, "bad_field", {"body": NORMAL | {"client_order_id": "x" * 37}}),
        ]
        numbers = ("NaN", "Infinity", "-Infinity", "1e3", "0x10", "", " 1", "1,5", "0", "-1", "1.123456789", "9" * 30)
        cases += [(f"quantity {n!r}", 400, "bad_field", {"body": NORMAL | {"quantity": n}}) for n in numbers]
        cases += [("a bare NaN", 400, "malformed_json", {"raw": body.replace(b'"0.001"', b"NaN")})]
        for name, status, code, request in cases:
            with self.subTest(name):
                reply = self.client.call("POST", orders, **request)  # type: ignore[arg-type]
                self.assertEqual((reply.status, reply.code), (status, code), reply.body)
                self.assertTrue(reply.body["detail"])
        listed = self.client.pages(orders, "orders")
        self.assertEqual([order for order in listed if order["source"] == "api"], [])

    def test_changing_calls_need_the_token(self) -> None:
        for token, code in (("", "token_missing"), ("f" * 64, "token_wrong")):
            for method, path in (
                ("POST", "/api/v1/orders"),
                ("DELETE", "/api/v1/orders"),
                ("POST", "/api/v1/risk/kill"),
                ("PUT", "/api/v1/risk/limits"),
                ("POST", "/api/v1/strategies/mm_btc:stop"),
            ):
                with self.subTest(path=path, code=code):
                    reply = self.client.call(method, path, {}, token=token)
                    self.assertEqual((reply.status, reply.code), (401, code))
        self.assertFalse(self.client.ok("GET", "/api/v1/risk")["kill_switch"]["active"])

    def test_requests_for_what_is_not_there(self) -> None:
        for method, path, status, code in (
            ("GET", "/api/v1/book/XYZUSDT", 404, "unknown_symbol"),
            ("GET", "/api/v1/orders/nobody", 404, "unknown_order"),
            ("POST", "/api/v1/strategies/nobody:stop", 404, "unknown_strategy"),
            ("GET", "/api/v1/nothing", 404, "not_found"),
            ("DELETE", "/api/v1/account", 405, "method_not_allowed"),
            ("GET", "/api/v1/orders?limit=0", 400, "bad_parameter"),
            ("GET", "/api/v1/orders?limit=1001", 400, "bad_parameter"),
            ("GET", "/api/v1/orders?status=maybe", 400, "bad_parameter"),
        ):
            with self.subTest(path=path):
                reply = self.client.call(method, path)
                self.assertEqual((reply.status, reply.code), (status, code), reply.body)

    def test_a_foreign_host_is_turned_away(self) -> None:
        reply = self.client.call("GET", "/api/v1/account", headers={"Host": "evil.example"})
        self.assertEqual((reply.status, reply.code), (421, "misdirected"))

    def test_refusals_of_the_gate_carry_their_code(self) -> None:
        for change, code in (
            ({"price": "30000"}, "PriceBand"),
            ({"price": "57000.005"}, "TickSize"),
            ({"quantity": "0.0000101"}, "LotSize"),
            ({"quantity": "0.00001"}, "MinNotional"),
            ({"quantity": "9"}, "MaxOrderNotional"),
        ):
            with self.subTest(code=code):
                reply = self.client.call("POST", "/api/v1/orders", NORMAL | change)
                self.assertEqual((reply.status, reply.code), (422, code), reply.body)
                self.assertEqual(reply.body["order"]["status"], "rejected")
                self.assertEqual(reply.body["order"]["code"], code)


if __name__ == "__main__":
    unittest.main()
