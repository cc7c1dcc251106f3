"""`python3 -m stoa dump DIR` and `python3 -m stoa verify DIR`.

exit  0 done, 1 could not look, 2 usage, 3 damage found
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path
from typing import Any

from stoa import native
from stoa.journal import Journal, JournalError, Report


def line_of(lsn: int, payload: bytes) -> str:
    """A record as `stoa journal dump -o json` writes it."""
    message = native.decode(payload)
    return f'{{"lsn":"{lsn}","message":{native.to_json(message)}}}'


def dump(journal: Journal, from_lsn: int, to_lsn: int | None) -> int:
    try:
        for record in journal.records(from_lsn):
            if to_lsn is not None and record.lsn > to_lsn:
                break
            try:
                print(line_of(record.lsn, record.payload))
            except native.DecodeError as error:
                print(f"{journal.path}: lsn {record.lsn}: no message: {error}", file=sys.stderr)
                return 3
    except JournalError as error:
        print(f"{journal.path}: {error}", file=sys.stderr)
        return 3
    return 0


def report_object(report: Report) -> dict[str, Any]:
    """The keys of `stoa journal verify -o json`."""
    with_records = [one for one in report.segments if one.records]
    return {
        "intact": report.intact,
        "records": report.records,
        "payload_bytes": report.payload_bytes,
        "first_lsn": str(with_records[0].last_lsn - with_records[0].records + 1 if with_records else 0),
        "last_lsn": str(with_records[-1].last_lsn if with_records else 0),
        "checkpoints": report.checkpoints,
        "cursors": report.cursors,
        "segments": [
            {
                "name": one.name,
                "records": one.records,
                "last_lsn": str(one.last_lsn),
                "sealed": one.sealed,
                "end_offset": one.end_offset,
                "torn_tail_bytes": one.torn_tail_bytes,
            }
            for one in report.segments
        ],
        "damage": [
            {"segment": one.segment, "offset": one.offset, "lsn": str(one.lsn), "what": one.what}
            for one in report.damage
        ],
    }


def verify(journal: Journal) -> int:
    report = journal.verify()
    print(json.dumps(report_object(report), separators=(",", ":")))
    return 0 if report.intact else 3


def main() -> int:
    parser = argparse.ArgumentParser(prog="python3 -m stoa", description="Read a stoa journal; change nothing")
    verbs = parser.add_subparsers(dest="verb", required=True)
    dumper = verbs.add_parser("dump", help="write the records as JSON, one line each")
    dumper.add_argument("--from", dest="from_lsn", metavar="LSN", type=int, default=1, help="first record")
    dumper.add_argument("--to", dest="to_lsn", metavar="LSN", type=int, help="last record")
    verifier = verbs.add_parser("verify", help="check every record")
    for verb in (dumper, verifier):
        verb.add_argument("dir", type=Path, help="journal or data directory")
    options = parser.parse_args()
    journal = Journal(options.dir)
    try:
        return dump(journal, options.from_lsn, options.to_lsn) if options.verb == "dump" else verify(journal)
    except BrokenPipeError:  # the reader of our output has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except OSError as error:
        print(f"{options.dir}: {error.strerror}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
