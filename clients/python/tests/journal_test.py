"""Journals built byte by byte from the page are read to their end, and whatever is not whole is found."""

from __future__ import annotations

import contextlib
import io
import struct
import tempfile
import unittest
from pathlib import Path
from unittest import mock

import journal_builder
from journal_builder import Builder

from stoa import __main__ as command
from stoa import native
from stoa.crc32c import crc32c
from stoa.journal import Damage, Journal, JournalError, read_checkpoint, read_cursor


class JournalCase(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.dir = Path(folder.name)

    def journal(self, builder: Builder) -> Journal:
        return Journal(builder.write(self.dir))

    def damage(self, builder: Builder) -> list[tuple[str, int, int]]:
        """Where `verify` finds something wrong: first lsn of the segment, byte, lsn."""
        found = self.journal(builder).verify().damage
        return [(one.segment.lstrip("0").removesuffix(".seg"), one.offset, one.lsn) for one in found]


def segment_of(*payloads: bytes, sync_points: str = "", **options: int) -> Builder:
    """One segment; `sync_points` has a letter for each record, x where one is set."""
    builder = Builder(**options)
    for number, payload in enumerate(payloads):
        builder.append(payload, sync_points[number : number + 1] == "x")
    return builder


def three_segments() -> Builder:
    builder = Builder(epoch=2)
    for payload in (b"one", b"two", b"three"):
        builder.append(payload, True)
    builder.roll()
    builder.append(b"four", True)
    builder.append(b"", False)
    builder.roll(epoch=7)
    builder.append(b"six", True)
    return builder


class ReadingTest(JournalCase):
    def test_records_come_in_order_with_their_epochs(self) -> None:
        journal = self.journal(three_segments())
        self.assertEqual(
            list(journal),
            [(1, 2, b"one"), (2, 2, b"two"), (3, 2, b"three"), (4, 2, b"four"), (5, 2, b""), (6, 7, b"six")],
        )

    def test_reading_begins_at_any_lsn(self) -> None:
        journal = self.journal(three_segments())
        for lsn in range(1, 8):
            self.assertEqual([record.lsn for record in journal.records(lsn)], list(range(max(lsn, 1), 7)))

    def test_the_oldest_segment_may_be_gone(self) -> None:
        builder = three_segments()
        del builder.files[journal_builder.name(1)]
        journal = self.journal(builder)
        self.assertEqual([record.lsn for record in journal], [4, 5, 6])
        self.assertTrue(journal.verify().intact)

    def test_verify_counts_what_is_there(self) -> None:
        report = self.journal(three_segments()).verify()
        self.assertEqual((report.intact, report.records, report.payload_bytes), (True, 6, 18))
        self.assertEqual(
            [(one.records, one.last_lsn, one.sealed, one.end_offset) for one in report.segments],
            [(3, 3, True, 200), (2, 5, True, 168), (1, 6, False, 152)],
        )

    def test_a_folder_without_segments_is_no_journal(self) -> None:
        with self.assertRaises(FileNotFoundError):
            list(Journal(self.dir))

    def test_other_files_are_not_looked_at(self) -> None:
        builder = segment_of(b"a")
        builder.files |= {name: bytearray(b"?") for name in ("checkpoint.tmp", "next.prepared", "writer.lock", "1.seg")}
        self.assertTrue(self.journal(builder).verify().intact)

    def test_a_sealed_newest_segment_is_read(self) -> None:
        builder = segment_of(b"a", b"b")
        builder.seal()
        self.assertEqual(len(list(self.journal(builder))), 2)

    def test_a_segment_without_a_record_is_empty(self) -> None:
        self.assertEqual(list(self.journal(Builder())), [])


class DamageTest(JournalCase):
    def test_every_flipped_bit_is_found_or_changes_no_record(self) -> None:
        """Sealed: everything is found. Unsealed: also a bit in the last record, which is a torn tail then."""
        for sealed in (True, False):
            builder = segment_of(b"first", bytes(40), b"third", sync_points="xxx")
            if sealed:
                builder.seal()
            whole = [(number, payload) for number, payload in enumerate((b"first", bytes(40), b"third"), 1)]
            last = builder.at - 24
            for byte in (*range(builder.at + 16), 2048, *range(4096 - 64, 4096)):
                for bit in range(8):
                    builder.data[byte] ^= 1 << bit
                    journal = self.journal(builder)
                    report = journal.verify()
                    builder.data[byte] ^= 1 << bit
                    with self.subTest(sealed=sealed, byte=byte, bit=bit):
                        if sealed or byte < last or byte >= 4096 - 64:
                            self.assertFalse(report.intact)
                            continue
                        self.assertTrue(report.intact)
                        records = [(record.lsn, record.payload) for record in journal] if bit == 0 else None
                        torn = byte < builder.at
                        self.assertEqual(report.records, 2 if torn else 3)
                        self.assertGreater(report.segments[0].torn_tail_bytes, 0)
                        if records is not None:
                            self.assertEqual(records, whole[:2] if torn else whole)

    def test_damage_is_said_once_and_where(self) -> None:
        for number, at, expected in (
            (1, 0, ("1", 0, 1)),
            (1, 130, ("1", 128, 1)),
            (1, 199, ("1", 176, 3)),
            (1, 200, ("1", 200, 0)),
            (1, 4032, ("1", 4032, 0)),
            (4, 30, ("4", 0, 4)),
            (4, 4095, ("4", 4032, 0)),
        ):
            builder = three_segments()
            builder.files[journal_builder.name(number)][at] ^= 1
            with self.subTest(number=number, at=at):
                self.assertEqual(self.damage(builder), [expected])

    def test_records_before_the_damage_are_read(self) -> None:
        builder = three_segments()
        builder.files[journal_builder.name(4)][150] ^= 1
        seen = []
        with self.assertRaises(JournalError) as refused:
            for record in self.journal(builder):
                seen.append(record.lsn)
        self.assertEqual(seen, [1, 2, 3])
        self.assertEqual((refused.exception.damage.offset, refused.exception.damage.lsn), (128, 4))

    def test_a_segment_that_is_missing_leaves_a_gap(self) -> None:
        builder = three_segments()
        del builder.files[journal_builder.name(4)]
        self.assertEqual(self.damage(builder), [("6", 0, 4)])

    def test_a_segment_of_another_journal_is_found_by_its_chain(self) -> None:
        builder = three_segments()
        stranger = segment_of(b"four", b"", lsn=4, epoch=2, chain=1)
        stranger.seal()
        builder.files[journal_builder.name(4)] = stranger.data
        self.assertEqual(self.damage(builder), [("4", 0, 4), ("6", 0, 6)])

    def test_an_old_segment_needs_its_footer(self) -> None:
        builder = three_segments()
        builder.files[journal_builder.name(4)][-64:] = bytes(64)
        self.assertEqual(self.damage(builder), [("4", 168, 6)])

    def test_a_footer_that_says_something_else_is_found(self) -> None:
        for change, expected in (
            ({"records": 4}, (200, 4)),  # a record that is not there: where it should be
            ({"records": 2}, (4032, 4)),
            ({"end_offset": 208}, (4032, 4)),
            ({"chain": 0}, (4032, 4)),
            ({"first_lsn": 2}, (4032, 0)),
        ):
            builder = segment_of(b"one", b"two", b"three")
            said = {"records": 3, "first_lsn": 1, "end_offset": 200, "chain": builder.chain} | change
            builder.data[-64:] = journal_builder.footer(builder.seed, **said)
            with self.subTest(change):
                self.assertEqual(self.damage(builder), [("1", *expected)])

    def test_a_header_that_fits_its_checksum_may_still_be_impossible(self) -> None:
        for at, value in ((8, 2), (12, 64), (16, 8192), (24, 9), (44, 1), (48, 1), (123, 1)):
            builder = segment_of(b"one")
            builder.data[at : at + 4 if at < 100 else at + 1] = value.to_bytes(4 if at < 100 else 1, "little")
            builder.data[124:128] = struct.pack("<I", crc32c(builder.data[:124]))
            with self.subTest(at=at):
                self.assertEqual(len(self.damage(builder)), 1)

    def test_a_file_of_another_size_is_damage(self) -> None:
        for size in (0, 127, 128, 4088, 8192):
            builder = segment_of(b"one")
            builder.files[journal_builder.name(1)] = (builder.data + bytes(4096))[:size]
            with self.subTest(size=size):
                self.assertEqual(self.damage(builder), [("1", size, 1)])


class TailTest(JournalCase):
    """The table of "What a start does", step 4: three records, the second cannot be read, and what is behind it."""

    def tail(self, builder: Builder, at: int) -> int | None:
        """Torn bytes, or None for damage at `at`, lsn 2."""
        report = self.journal(builder).verify()
        if report.intact:
            self.assertEqual(report.records, 1)
            return report.segments[0].torn_tail_bytes
        self.assertEqual([(one.offset, one.lsn) for one in report.damage], [(at, 2)])
        return None

    def test_nothing_whole_behind_it_is_torn(self) -> None:
        builder = segment_of(b"one", b"two")
        builder.data[152] ^= 1
        self.assertEqual(self.tail(builder, 152), 24)

    def test_a_sync_point_behind_it_is_damage(self) -> None:
        builder = segment_of(b"one", bytes(2000), b"three", sync_points="--x")
        builder.data[152:168] = bytes(16)
        self.assertIsNone(self.tail(builder, 152))

    def test_its_own_lsn_in_another_place_is_damage(self) -> None:
        builder = segment_of(b"one", b"two")
        builder.data[2048:2072] = builder.data[152:176]
        builder.data[152:176] = bytes(24)
        self.assertIsNone(self.tail(builder, 152))

    def test_without_a_sync_point_a_zero_sector_makes_it_a_tear(self) -> None:
        builder = segment_of(b"one", b"\1" * 1500, b"three")
        builder.data[152] ^= 1
        self.assertIsNone(self.tail(builder, 152))
        for begin, torn in ((512, True), (1024, True), (516, False), (508, False)):
            kept = bytes(builder.data)
            builder.data[begin : begin + 512] = bytes(512)
            with self.subTest(begin=begin):
                self.assertEqual(self.tail(builder, 152), builder.at - 152 if torn else None)
            builder.data[:] = kept

    def test_of_the_sector_in_which_the_log_ends_the_rest_counts(self) -> None:
        for until, torn in ((1024, True), (1016, False)):
            builder = segment_of(b"\1" * 500, b"\1" * 1500, b"three")
            builder.data[648:until] = bytes(until - 648)
            with self.subTest(until=until):
                self.assertEqual(self.tail(builder, 648), builder.at - 648 if torn else None)

    def test_records_of_another_segment_are_no_witnesses(self) -> None:
        builder = segment_of(b"one")
        other = segment_of(b"one", b"two", b"three", sync_points="xxx", epoch=1)
        builder.data[512:536] = other.data[176:200]
        self.assertEqual(self.tail(builder, 152), 536 - 152)


class BesideTest(JournalCase):
    def test_a_checkpoint_is_read(self) -> None:
        path = self.dir / "00000000000000000005.ckpt"
        raw = journal_builder.checkpoint(5, b"state", epoch=3, chain=9)
        path.write_bytes(raw)
        one = read_checkpoint(path)
        self.assertEqual((one.lsn, one.epoch, one.chain, one.state), (5, 3, 9, b"state"))
        for bit in range(8 * len(raw)):
            flipped = bytearray(raw)
            flipped[bit // 8] ^= 1 << bit % 8
            path.write_bytes(flipped)
            with self.subTest(bit=bit), self.assertRaises(JournalError):
                read_checkpoint(path)
        for other in (raw[:-1], raw + b"?", raw[:63], b""):
            path.write_bytes(other)
            with self.assertRaises(JournalError):
                read_checkpoint(path)

    def test_a_cursor_is_read(self) -> None:
        path = self.dir / "backup.cursor"
        raw = journal_builder.cursor(41)
        path.write_bytes(raw)
        self.assertEqual(read_cursor(path), 41)
        for bit in range(8 * len(raw)):
            flipped = bytearray(raw)
            flipped[bit // 8] ^= 1 << bit % 8
            path.write_bytes(flipped)
            with self.subTest(bit=bit), self.assertRaises(JournalError):
                read_cursor(path)

    def test_they_must_belong_to_the_log(self) -> None:
        builder = three_segments()
        journal = self.journal(builder)
        for name, raw, expected in (
            (f"{6:020}.ckpt", journal_builder.checkpoint(6, b"s", chain=builder.chain), None),
            (f"{6:020}.ckpt", journal_builder.checkpoint(6, b"s", chain=builder.chain ^ 1), 6),
            (f"{7:020}.ckpt", journal_builder.checkpoint(7, b"s", chain=builder.chain), 7),
            ("a.cursor", journal_builder.cursor(6), None),
            ("a.cursor", journal_builder.cursor(7), 7),
            ("a.cursor", b"", 0),
        ):
            (self.dir / name).write_bytes(raw)
            with self.subTest(name=name, expected=expected):
                self.assertEqual([one.lsn for one in journal.verify().damage], [] if expected is None else [expected])
            (self.dir / name).unlink()


class CommandTest(JournalCase):
    def run_command(self, *arguments: str) -> tuple[int, str, str]:
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            with mock.patch("sys.argv", ["stoa", *arguments, str(self.dir)]):
                code = command.main()
        return code, out.getvalue(), err.getvalue()

    def test_a_data_directory_will_do(self) -> None:
        segment_of(b"a").write(self.dir / "wal")
        self.assertEqual(self.run_command("verify")[0], 0)

    def test_dump_writes_messages_and_ends_at_what_is_none(self) -> None:
        gap = native.encode(native.Message("execution", 1, 0, 1, 2, (native.Value.of("Gap", first_missing=3),)))
        segment_of(gap, gap, b"no message", gap).write(self.dir)
        code, out, err = self.run_command("dump", "--from", "2")
        self.assertEqual(code, 3)
        self.assertEqual(
            out,
            '{"lsn":"2","message":{"type":"Gap","domain":"execution","source":1,"sequence":"1","timestamp_ns":"2",'
            '"body":{"source":0,"first_missing":"3","last_missing":"0","ts_seen":"0"}}}\n',
        )
        self.assertIn("lsn 3: no message: message is cut short at 10", err)
        self.assertEqual(self.run_command("dump", "--to", "2")[0], 0)

    def test_verify_exits_as_the_program_does(self) -> None:
        self.assertEqual(self.run_command("verify")[0], 1)
        builder = segment_of(b"a")
        builder.write(self.dir)
        self.assertEqual(self.run_command("verify")[0], 0)
        builder.data[0] ^= 1
        builder.write(self.dir)
        code, out, _ = self.run_command("verify")
        self.assertEqual(code, 3)
        self.assertIn('"damage":[{"segment":"00000000000000000001.seg","offset":0,"lsn":"1","what":', out)
        self.assertEqual(str(Damage("a.seg", 1, 2, "wrong")), "a.seg: byte 1, lsn 2: wrong")


if __name__ == "__main__":
    unittest.main()
