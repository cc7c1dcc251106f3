"""Reads a journal from its files, as docs/formats/journal.md says; writes nothing and takes no lock.

    for lsn, epoch, payload in Journal("data").records(from_lsn=1000):
        ...

A record may be read before it is durable, as by any reader beside a running writer.
"""

from __future__ import annotations

import contextlib
import errno
import mmap
import re
import struct
from collections.abc import Container, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from stoa.crc32c import crc32c

VERSION = 1
HEADER_BYTES = 128
FOOTER_BYTES = 64
RECORD_HEAD_BYTES = 16
PAYLOAD_BYTES_MAX = 1 << 20
SEGMENT_BYTES_MAX = 1 << 40
SECTOR_BYTES = 512
CURSOR_BYTES = 32
CHECKPOINT_HEAD_BYTES = 64

_SEGMENT_NAME = re.compile(r"\d{20}\.seg")
_CHECKPOINT_NAME = re.compile(r"\d{20}\.ckpt")
_CURSOR_NAME = re.compile(r".*\.cursor")
_HEADER = struct.Struct("<8sIIQQQI80sI")
_FOOTER = struct.Struct("<8sQQQQI16sI")
_RECORD_HEAD = struct.Struct("<IIQ")
_CHECKPOINT = struct.Struct("<8sIIQQIIQQII")
_CURSOR = struct.Struct("<8sIIQII")
_LENGTH_BITS = (1 << 24) - 1
_SYNC_POINT = 1 << 24
_NOT_ZERO = re.compile(rb"[^\0]")
_CHUNK_BYTES = 1 << 20
_ZEROS = bytes(_CHUNK_BYTES)


@dataclass(frozen=True, slots=True)
class Damage:
    """What is wrong and where: byte `offset` of file `segment`, at the record that `lsn` is due (0: no record's)."""

    segment: str
    offset: int
    lsn: int
    what: str

    def __str__(self) -> str:
        return f"{self.segment}: byte {self.offset}, lsn {self.lsn}: {self.what}"


class JournalError(ValueError):
    """The journal cannot be read on from here."""

    def __init__(self, damage: Damage) -> None:
        super().__init__(str(damage))
        self.damage = damage


class Record(NamedTuple):
    """One record of the log, with the epoch of its writer (0 where nobody fences)."""

    lsn: int
    epoch: int
    payload: bytes


@dataclass(frozen=True, slots=True)
class Header:
    """The first bytes of a segment; `seed` is their checksum, with which those of its records begin."""

    segment_bytes: int
    first_lsn: int
    epoch: int
    previous_chain: int
    seed: int


@dataclass(frozen=True, slots=True)
class Footer:
    """What a sealed segment says of itself; `end_offset` is the byte behind its last record."""

    records: int
    first_lsn: int
    last_lsn: int
    end_offset: int
    chain: int


@dataclass(slots=True)
class SegmentReport:
    """What `verify` read of a segment; `torn_tail_bytes` lie behind the end of a write that nobody acknowledged."""

    name: str
    records: int = 0
    last_lsn: int = 0
    sealed: bool = False
    end_offset: int = 0
    torn_tail_bytes: int = 0
    payload_bytes: int = 0


@dataclass(slots=True)
class Report:
    """What `verify` saw of a journal."""

    segments: list[SegmentReport] = field(default_factory=list)
    checkpoints: int = 0
    cursors: int = 0
    damage: list[Damage] = field(default_factory=list)

    @property
    def intact(self) -> bool:
        return not self.damage

    @contextlib.contextmanager
    def noting_damage(self) -> Iterator[None]:
        """Goes on behind damage; of one file only the first is noted."""
        try:
            yield
        except JournalError as error:
            if not self.damage or self.damage[-1].segment != error.damage.segment:
                self.damage.append(error.damage)

    @property
    def records(self) -> int:
        return sum(segment.records for segment in self.segments)

    @property
    def payload_bytes(self) -> int:
        return sum(segment.payload_bytes for segment in self.segments)


# One segment


def padded(size: int) -> int:
    """The next multiple of 8."""
    return (size + 7) & ~7


class _Found(NamedTuple):
    """A whole record: its place, the eight bytes that the chain takes, and what it says."""

    lsn: int
    begin: int
    end: int  # behind its padding
    sync_point: bool
    chained: bytes
    payload: bytes


class Segment:
    """One open segment. Raises JournalError when its header or footer cannot be believed."""

    def __init__(self, path: Path) -> None:
        self.name = path.name
        self.named_lsn = int(path.stem)
        with path.open("rb") as file:
            size = file.seek(0, 2)
            if size < HEADER_BYTES:
                raise self.damage(size, self.named_lsn, "the file ends inside its header")
            self._bytes = mmap.mmap(file.fileno(), size, prot=mmap.PROT_READ)
        try:
            self.header = self._read_header()
        except JournalError:
            self.close()
            raise

    def close(self) -> None:
        self._bytes.close()

    def damage(self, offset: int, lsn: int, what: str) -> JournalError:
        return JournalError(Damage(self.name, offset, lsn, what))

    def _read_header(self) -> Header:
        raw = self._bytes[:HEADER_BYTES]
        magic, version, header_bytes, segment_bytes, first_lsn, epoch, chain, reserved, seed = _HEADER.unpack(raw)
        if magic != b"STOAJRNL":
            raise self.damage(0, self.named_lsn, "not the header of a segment")
        if crc32c(raw[:-4]) != seed:
            raise self.damage(0, self.named_lsn, "the checksum of the header does not fit")
        if version != VERSION or header_bytes != HEADER_BYTES:
            raise self.damage(0, self.named_lsn, "a version of the format that this reader does not know")
        if any(reserved) or segment_bytes % 4096 or not 0 < segment_bytes <= SEGMENT_BYTES_MAX or first_lsn == 0:
            raise self.damage(0, self.named_lsn, "the header has an impossible field")
        if first_lsn != self.named_lsn:
            raise self.damage(0, self.named_lsn, "the header has another first lsn than the name")
        if segment_bytes != len(self._bytes):
            raise self.damage(len(self._bytes), self.named_lsn, "the file does not have the size that its header names")
        return Header(segment_bytes, first_lsn, epoch, chain, seed)

    @property
    def records_end(self) -> int:
        """Where the footer begins, which no record may reach into."""
        return self.header.segment_bytes - FOOTER_BYTES

    def footer(self) -> Footer | None:
        """None while the segment is not sealed."""
        at = self.records_end
        raw = self._bytes[at:]
        if not any(raw):
            return None
        magic, records, first_lsn, last_lsn, end_offset, chain, reserved, checksum = _FOOTER.unpack(raw)
        if magic != b"STOASEAL":
            raise self.damage(at, 0, "not the footer of a segment")
        if crc32c(raw[:-4], self.header.seed) != checksum:
            raise self.damage(at, 0, "the checksum of the footer does not fit")
        fits = (
            records > 0
            and first_lsn == self.header.first_lsn
            and last_lsn == first_lsn + records - 1
            and end_offset <= at
            and not any(reserved)
        )
        if not fits:
            raise self.damage(at, 0, "the footer has an impossible field")
        return Footer(records, first_lsn, last_lsn, end_offset, chain)

    def record_at(self, at: int, lsn: int | None = None) -> _Found | None:
        """The whole record at `at`, of `lsn` where one is named."""
        if at + RECORD_HEAD_BYTES > self.records_end:
            return None
        word, checksum, found_lsn = _RECORD_HEAD.unpack_from(self._bytes, at)
        length = word & _LENGTH_BITS
        end = at + padded(RECORD_HEAD_BYTES + length)
        if word >> 25 or length > PAYLOAD_BYTES_MAX or end > self.records_end or found_lsn == 0:
            return None
        if lsn is not None and lsn != found_lsn:
            return None
        payload_end = at + RECORD_HEAD_BYTES + length
        payload = self._bytes[at + RECORD_HEAD_BYTES : payload_end]
        head = _RECORD_HEAD.pack(word, 0, found_lsn)
        if crc32c(payload, crc32c(head, self.header.seed)) != checksum or any(self._bytes[payload_end:end]):
            return None
        return _Found(found_lsn, at, end, bool(word & _SYNC_POINT), _RECORD_HEAD.pack(word, checksum, 0)[:8], payload)

    def next_not_zero(self, begin: int, end: int) -> int | None:
        """The first byte that is not zero in [begin, end)."""
        while begin < end:
            size = min(_CHUNK_BYTES, end - begin)
            chunk = self._bytes[begin : begin + size]
            if chunk != _ZEROS[:size]:
                found = _NOT_ZERO.search(chunk)
                return begin + found.start() if found else None
            begin += size
        return None

    def written_end(self, begin: int) -> int:
        """The first multiple of 8 at or behind `begin` from which on all is zero, up to the footer."""
        end = self.records_end
        while end > begin:
            size = min(_CHUNK_BYTES, end - begin)
            kept = self._bytes[end - size : end].rstrip(b"\0")
            if kept:
                return padded(end - size + len(kept))
            end -= size
        return begin


@dataclass(slots=True)
class _Walk:
    """A segment being read from its first record to the first that is not whole."""

    segment: Segment
    at: int
    lsn: int  # due at `at`
    chain: int  # after the record before

    @staticmethod
    def through(segment: Segment) -> _Walk:
        return _Walk(segment, HEADER_BYTES, segment.header.first_lsn, segment.header.previous_chain)

    def __iter__(self) -> Iterator[Record]:
        while found := self.segment.record_at(self.at, self.lsn):
            self.at = found.end
            self.lsn += 1
            self.chain = crc32c(found.chained, self.chain)
            yield Record(found.lsn, self.segment.header.epoch, found.payload)

    def end(self, newest: bool) -> int:
        """Checks what is behind the last record; returns the bytes of a torn tail."""
        footer = self.segment.footer()
        if footer is not None:
            self._check_footer(footer)
            return 0
        if not newest:
            raise self._damage("an old segment has no footer")
        return self._tail()

    def _check_footer(self, footer: Footer) -> None:
        if footer.last_lsn >= self.lsn:
            what = f"the record cannot be read, yet the footer promises records up to lsn {footer.last_lsn}"
            raise self._damage(what)
        if (footer.last_lsn, footer.end_offset, footer.chain) != (self.lsn - 1, self.at, self.chain):
            what = "the footer ends with another record, byte or chain than the records"
            raise self.segment.damage(self.segment.records_end, self.lsn, what)
        spoilt = self.segment.next_not_zero(self.at, self.segment.records_end)
        if spoilt is not None:
            raise self.segment.damage(spoilt, 0, "the unused space is not zero")

    def _damage(self, what: str) -> JournalError:
        return self.segment.damage(self.at, self.lsn, what)

    def _tail(self) -> int:
        """The rules of "What a start does", step 4."""
        torn_end = written = self.segment.written_end(self.at)
        first = None
        for found in self._whole_behind(written):
            if found.sync_point:
                raise self._damage(
                    f"the record cannot be read, yet the record {found.lsn} at byte {found.begin} is whole and was "
                    "written after this one was durable"
                )
            if found.lsn == self.lsn:
                raise self._damage(f"the record is whole in another place, at byte {found.begin}")
            first = first or found
            torn_end = max(torn_end, found.end)  # a record's last bytes may be zeros
        if first is not None and not self._has_zero_sector(first.begin):
            raise self._damage(f"the record cannot be read, yet the record {first.lsn} behind it is whole")
        return torn_end - self.at

    def _whole_behind(self, end: int) -> Iterator[_Found]:
        """Whole records with the lsn that is due or a higher one."""
        at: int | None = self.at
        while (at := self.segment.next_not_zero(at, end)) is not None:
            at &= ~7
            found = self.segment.record_at(at)
            if found and found.lsn >= self.lsn:
                yield found
            at += 8

    def _has_zero_sector(self, end: int) -> bool:
        """Is a sector before `end` still zero? Of the one in which the log ends, what is behind the end counts."""
        sectors = range(self.at // SECTOR_BYTES * SECTOR_BYTES, end - SECTOR_BYTES + 1, SECTOR_BYTES)
        return any(self.segment.next_not_zero(max(at, self.at), at + SECTOR_BYTES) is None for at in sectors)


@dataclass(frozen=True, slots=True)
class _Due:
    """With what the next segment has to go on, as a footer says."""

    lsn: int
    chain: int

    @staticmethod
    def behind(segment: Segment) -> _Due | None:
        """None where no footer can be believed: then nothing is known of the next segment."""
        try:
            footer = segment.footer()
        except JournalError:
            return None
        return _Due(footer.last_lsn + 1, footer.chain) if footer else None


def _check_name(path: Path, due: _Due | None) -> None:
    if due and int(path.stem) != due.lsn:
        raise JournalError(Damage(path.name, 0, due.lsn, "the records before this segment are missing"))


def _check_chain(segment: Segment, due: _Due | None) -> None:
    if due and segment.header.previous_chain != due.chain:
        raise segment.damage(0, segment.header.first_lsn, "the segment does not continue the one before it")


# Checkpoints and cursors


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A saved state, after the record `lsn`; `chain` tells whose log it is of."""

    lsn: int
    epoch: int
    chain: int
    state: bytes


def read_checkpoint(path: Path) -> Checkpoint:
    """Raises JournalError when not every byte can be believed."""
    raw = path.read_bytes()

    def damage(offset: int, what: str) -> JournalError:
        return JournalError(Damage(path.name, offset, int(path.stem), what))

    if len(raw) < CHECKPOINT_HEAD_BYTES:
        raise damage(0, "the file ends inside its header")
    magic, version, header_bytes, lsn, epoch, chain, reserved, state_bytes, more, state_crc, header_crc = (
        _CHECKPOINT.unpack_from(raw)
    )
    if magic != b"STOACKPT":
        raise damage(0, "not a checkpoint")
    if crc32c(raw[:60]) != header_crc:
        raise damage(0, "the checksum of the header does not fit")
    if version != VERSION or header_bytes != CHECKPOINT_HEAD_BYTES or reserved or more:
        raise damage(0, "a version of the format that this reader does not know")
    if lsn != int(path.stem):
        raise damage(0, "the header has another lsn than the name")
    if len(raw) != CHECKPOINT_HEAD_BYTES + state_bytes:
        raise damage(0, "the file does not have the size that its header names")
    state = raw[CHECKPOINT_HEAD_BYTES:]
    if crc32c(state) != state_crc:
        raise damage(0, "the checksum of the state does not fit")
    return Checkpoint(lsn, epoch, chain, state)


def read_cursor(path: Path) -> int:
    """The lsn up to which everything has been dealt with; raises JournalError when it cannot be believed."""
    raw = path.read_bytes()

    def damage(what: str) -> JournalError:
        return JournalError(Damage(path.name, 0, 0, what))

    if len(raw) != CURSOR_BYTES:
        raise damage("not the size of a cursor")
    magic, version, reserved, lsn, more, checksum = _CURSOR.unpack(raw)
    if magic != b"STOACURS" or crc32c(raw[:28]) != checksum:
        raise damage("not a cursor, or its checksum does not fit")
    if version != VERSION or reserved or more:
        raise damage("a version of the format that this reader does not know")
    return lsn


# The journal


class Journal:
    """A journal's directory, or a data directory with the journal in `wal`; files are opened when they are read."""

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)
        if (self.path / "wal").is_dir():
            self.path /= "wal"

    def segment_paths(self) -> list[Path]:
        """The segments, oldest first; raises FileNotFoundError when there are none, which no journal is."""
        found = self._paths(_SEGMENT_NAME)
        if not found:
            raise FileNotFoundError(errno.ENOENT, "no segments in it", str(self.path))
        return found

    def checkpoint_paths(self) -> list[Path]:
        """The checkpoints, oldest first."""
        return self._paths(_CHECKPOINT_NAME)

    def cursor_paths(self) -> list[Path]:
        return self._paths(_CURSOR_NAME)

    def _paths(self, pattern: re.Pattern[str]) -> list[Path]:
        return sorted(path for path in self.path.iterdir() if pattern.fullmatch(path.name))

    def __iter__(self) -> Iterator[Record]:
        return self.records()

    def records(self, from_lsn: int = 1) -> Iterator[Record]:
        """The records from `from_lsn` or the oldest on, to the newest that is whole now.

        Raises JournalError at damage, after the records before it. A torn tail is the end and no damage.
        """
        paths = self.segment_paths()
        first = max((number for number, path in enumerate(paths) if int(path.stem) <= from_lsn), default=0)
        due: _Due | None = None
        for path in paths[first:]:
            _check_name(path, due)
            with contextlib.closing(Segment(path)) as segment:
                _check_chain(segment, due)
                walk = _Walk.through(segment)
                yield from (record for record in walk if record.lsn >= from_lsn)
                walk.end(newest=path == paths[-1])
                due = _Due.behind(segment)

    def verify(self) -> Report:
        """Reads everything and says what is wrong and where, once for each file; changes nothing."""
        report = Report()
        chains: dict[int, int] = {}  # after the records that checkpoints name
        named = [int(path.stem) for path in self.checkpoint_paths()]
        self._verify_segments(report, frozenset(named), chains)
        last_lsn = report.segments[-1].last_lsn if report.segments else 0
        for path in self.checkpoint_paths():
            report.checkpoints += 1
            with report.noting_damage():
                _check_checkpoint(path, last_lsn, chains)
        for path in self.cursor_paths():
            report.cursors += 1
            with report.noting_damage():
                _check_cursor(path, last_lsn)
        return report

    def _verify_segments(self, report: Report, wanted: Container[int], chains: dict[int, int]) -> None:
        paths = self.segment_paths()
        due: _Due | None = None
        for path in paths:
            seen = SegmentReport(path.name, last_lsn=int(path.stem) - 1)
            report.segments.append(seen)
            with report.noting_damage():
                _check_name(path, due)
            before, due = due, None
            with report.noting_damage():
                segment = Segment(path)
                due = _Due.behind(segment)
                if path == paths[0]:  # a checkpoint may stand just before the oldest record that is left
                    chains[segment.header.first_lsn - 1] = segment.header.previous_chain
                with contextlib.closing(segment):
                    with report.noting_damage():
                        _check_chain(segment, before)
                    _verify_records(segment, path == paths[-1], seen, wanted, chains)


def _verify_records(
    segment: Segment, newest: bool, seen: SegmentReport, wanted: Container[int], chains: dict[int, int]
) -> None:
    """Reads a segment to its end and fills in what was seen, also when the end is damage."""
    walk = _Walk.through(segment)
    for record in walk:
        seen.records += 1
        seen.payload_bytes += len(record.payload)
        if record.lsn in wanted:
            chains[record.lsn] = walk.chain
    seen.last_lsn = walk.lsn - 1
    seen.end_offset = walk.at
    seen.sealed = segment.footer() is not None
    seen.torn_tail_bytes = walk.end(newest)


def _check_checkpoint(path: Path, last_lsn: int, chains: dict[int, int]) -> None:
    one = read_checkpoint(path)
    if one.lsn > last_lsn:
        raise JournalError(Damage(path.name, 0, one.lsn, f"it lies behind the end of the log, lsn {last_lsn}"))
    if chains.get(one.lsn, one.chain) != one.chain:
        raise JournalError(Damage(path.name, 0, one.lsn, "it belongs to another log: its chain does not fit"))


def _check_cursor(path: Path, last_lsn: int) -> None:
    lsn = read_cursor(path)
    if lsn > last_lsn:
        raise JournalError(Damage(path.name, 0, lsn, f"it lies behind the end of the log, lsn {last_lsn}"))
