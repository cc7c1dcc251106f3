"""A WebSocket client of the market channels: every jump of a sequence must be told."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import socket
import struct
import threading
import time
from typing import Any

SYMBOLS = ("BTCUSDT", "ETHUSDT", "SOLUSDT")
LEVELS = 50
CHANNELS = [f"{kind}.{symbol}" for kind in ("book", "trades") for symbol in SYMBOLS]


class Lost(Exception):
    """The connection is gone."""


class Frames:
    """Text frames of one WebSocket connection."""

    def __init__(self, port: int, stopping: threading.Event) -> None:
        self._stopping = stopping
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=0.5)
        self._bytes = b""
        key = base64.b64encode(os.urandom(16)).decode()
        self._socket.sendall(
            f"GET /ws/v1 HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
        )
        while b"\r\n\r\n" not in self._bytes:
            self._more()
        head, self._bytes = self._bytes.split(b"\r\n\r\n", 1)
        if not head.startswith(b"HTTP/1.1 101"):
            raise Lost(head.decode(errors="replace"))

    def close(self) -> None:
        self._socket.close()

    def send(self, message: Any) -> None:
        self._send(1, json.dumps(message).encode())

    def receive(self) -> Any:
        while True:
            kind, payload = self._frame()
            if kind == 1:
                return json.loads(payload)
            if kind == 8:
                raise Lost("closed")
            if kind == 9:
                self._send(10, payload)

    def _send(self, kind: int, payload: bytes) -> None:
        size = len(payload)
        head = struct.pack("!BB", 0x80 | kind, 0x80 | size) if size < 126 else struct.pack("!BBH", 0x80 | kind, 254, size)
        self._socket.sendall(head + bytes(4) + payload)  # a mask of zeros leaves the payload as it is

    def _frame(self) -> tuple[int, bytes]:
        head = self._take(2)
        size = head[1] & 127
        if size == 126:
            (size,) = struct.unpack("!H", self._take(2))
        elif size == 127:
            (size,) = struct.unpack("!Q", self._take(8))
        return head[0] & 15, self._take(size)

    def _take(self, count: int) -> bytes:
        while len(self._bytes) < count:
            self._more()
        taken, self._bytes = self._bytes[:count], self._bytes[count:]
        return taken

    def _more(self) -> None:
        while not self._stopping.is_set():
            with contextlib.suppress(TimeoutError):  # silence is no end: it is measured
                received = self._socket.recv(1 << 16)
                if not received:
                    raise Lost("end of stream")
                self._bytes += received
                return
        raise Lost("stopped")


class MarketWatch(threading.Thread):
    """Follows books and trades until told to stop, over any number of connections."""

    def __init__(self, port: int) -> None:
        super().__init__(name="market-watch", daemon=True)
        self._port = port
        self._stopping = threading.Event()
        self.messages = 0
        self.snapshots = 0
        self.connections = 0
        self.trades = 0
        self.missed_told = 0
        self.untold: list[str] = []
        self.untold_ms: list[int] = []
        self.crossed: list[str] = []
        self.stale_told = 0
        self.longest_live_silence_s = 0.0

    def stop(self) -> dict[str, Any]:
        self._stopping.set()
        self.join(10)
        return {
            "messages": self.messages,
            "connections": self.connections,
            "snapshots": self.snapshots,
            "trades": self.trades,
            "trades_missed_and_told": self.missed_told,
            "book_states_told_not_live": self.stale_told,
            "longest_silence_of_a_live_book_s": round(self.longest_live_silence_s, 3),
            "gaps_untold": len(self.untold),
            "first_gap_untold": self.untold[0] if self.untold else "",
            "books_crossed": len(self.crossed),
            "first_book_crossed": self.crossed[0] if self.crossed else "",
        }

    def run(self) -> None:
        while not self._stopping.is_set():
            frames = None
            with contextlib.suppress(OSError, Lost):
                frames = Frames(self._port, self._stopping)
                frames.send({"op": "subscribe", "channels": CHANNELS})
                self.connections += 1
                self._follow(frames)
            if frames is not None:
                frames.close()
            self._stopping.wait(0.1)

    def _follow(self, frames: Frames) -> None:
        last: dict[str, int] = {}
        books: dict[str, tuple[dict[str, str], dict[str, str]]] = {}
        live: dict[str, float] = {}  # when a book that says that it is live last spoke
        newest: dict[str, int] = {}  # trade ids
        while not self._stopping.is_set():
            message = frames.receive()
            channel = message.get("channel")
            if channel not in CHANNELS:
                continue
            self.messages += 1
            snapshot = message["type"] == "snapshot"
            if snapshot:
                self.snapshots += 1
            elif message["prev_seq"] != last.get(channel) or message["seq"] != message["prev_seq"] + 1:
                self._note(f"{channel}: {message['prev_seq']} to {message['seq']} behind {last.get(channel)}")
            last[channel] = message["seq"]
            data = message["data"]
            if channel.startswith("book."):
                self._book(channel, data, snapshot, books, live)
            else:
                self._trades(channel, data, snapshot, newest)

    def _note(self, what: str) -> None:
        self.untold.append(what)
        self.untold_ms.append(time.time_ns() // 10**6)

    def _book(self, channel: str, data: Any, snapshot: bool, books: Any, live: dict[str, float]) -> None:
        bids, asks = books.setdefault(channel, ({}, {}))
        if snapshot:
            bids.clear()
            asks.clear()
        for side, levels in ((bids, data["bids"]), (asks, data["asks"])):
            for price, quantity in levels:
                side[price] = quantity
                if quantity == "0":
                    del side[price]
        # What falls out of the best fifty is not told any more, as docs/api.md says.
        for side, best_first in ((bids, True), (asks, False)):
            for price in sorted(side, key=float, reverse=best_first)[LEVELS:]:
                del side[price]
        if data["state"] == "live":
            now = time.monotonic()
            self.longest_live_silence_s = max(self.longest_live_silence_s, now - live.get(channel, now))
            live[channel] = now
            if bids and asks and max(map(float, bids)) >= min(map(float, asks)):
                self.crossed.append(f"{channel} at {data['ts_ns']}")
        else:
            self.stale_told += 1
            live.pop(channel, None)

    def _trades(self, channel: str, data: Any, snapshot: bool, newest: dict[str, int]) -> None:
        self.missed_told += int(data.get("missed", 0))
        ids = [int(trade["trade_id"]) for trade in data["trades"]]
        if snapshot:
            ids.reverse()
        else:
            self.trades += len(ids)
            if ids and ids[0] <= newest.get(channel, 0):
                self._note(f"{channel}: trade {ids[0]} again, behind {newest[channel]}")
        if ids:
            newest[channel] = ids[-1]
