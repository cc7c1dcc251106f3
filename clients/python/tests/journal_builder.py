"""Writes journals byte by byte, as docs/formats/journal.md describes them."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from pathlib import Path

from stoa.crc32c import crc32c

SYNC_POINT = 1 << 24


def header(segment_bytes: int, first_lsn: int, epoch: int, previous_chain: int) -> bytes:
    raw = b"STOAJRNL" + struct.pack("<IIQQQI", 1, 128, segment_bytes, first_lsn, epoch, previous_chain) + bytes(80)
    return raw + struct.pack("<I", crc32c(raw))


def record(seed: int, lsn: int, payload: bytes, sync_point: bool = False) -> bytes:
    word = len(payload) | (SYNC_POINT if sync_point else 0)
    checksum = crc32c(payload, crc32c(struct.pack("<IIQ", word, 0, lsn), seed))
    raw = struct.pack("<IIQ", word, checksum, lsn) + payload
    return raw + bytes(-len(raw) % 8)


def footer(seed: int, records: int, first_lsn: int, end_offset: int, chain: int) -> bytes:
    raw = b"STOASEAL" + struct.pack("<QQQQI", records, first_lsn, first_lsn + records - 1, end_offset, chain)
    raw += bytes(16)
    return raw + struct.pack("<I", crc32c(raw, seed))


def checkpoint(lsn: int, state: bytes, epoch: int = 0, chain: int = 0) -> bytes:
    raw = b"STOACKPT" + struct.pack("<IIQQIIQQI", 1, 64, lsn, epoch, chain, 0, len(state), 0, crc32c(state))
    return raw + struct.pack("<I", crc32c(raw)) + state


def cursor(lsn: int) -> bytes:
    raw = b"STOACURS" + struct.pack("<IIQI", 1, 0, lsn, 0)
    return raw + struct.pack("<I", crc32c(raw))


def name(first_lsn: int) -> str:
    return f"{first_lsn:020}.seg"


@dataclass
class Builder:
    """A journal in memory: file names and their bytes; `lsn` is the next record's."""

    segment_bytes: int = 4096
    epoch: int = 0
    lsn: int = 1
    chain: int = 0
    files: dict[str, bytearray] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._begin()

    def _begin(self) -> None:
        self.first_lsn = self.lsn
        self.data = bytearray(self.segment_bytes)
        self.data[:128] = header(self.segment_bytes, self.lsn, self.epoch, self.chain)
        self.seed = crc32c(self.data[:124])
        self.at = 128
        self.files[name(self.lsn)] = self.data

    def append(self, payload: bytes, sync_point: bool = False) -> int:
        """Writes a record; returns the byte where it begins."""
        begin = self.at
        raw = record(self.seed, self.lsn, payload, sync_point)
        self.data[begin : begin + len(raw)] = raw
        self.at += len(raw)
        self.chain = crc32c(raw[:8], self.chain)
        self.lsn += 1
        return begin

    def seal(self) -> None:
        self.data[-64:] = footer(self.seed, self.lsn - self.first_lsn, self.first_lsn, self.at, self.chain)

    def roll(self, epoch: int | None = None) -> None:
        """Seals the segment and begins the next."""
        self.seal()
        self.epoch = self.epoch if epoch is None else epoch
        self._begin()

    def write(self, folder: Path) -> Path:
        folder.mkdir(exist_ok=True)
        for file_name, data in self.files.items():
            (folder / file_name).write_bytes(data)
        return folder
