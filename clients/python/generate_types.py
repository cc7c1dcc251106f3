#!/usr/bin/env python3
"""Writes stoa/native_types.py from the tables of docs/formats/native.md.

generate_types.py           writes it
generate_types.py --check   exit 3 when it is not what the page says
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from stoa.schema import Field, Kind, MessageType

HERE = Path(__file__).resolve().parent
PAGE = HERE.parents[1] / "docs" / "formats" / "native.md"
TARGET = HERE / "stoa" / "native_types.py"

_SIZE = r"(?P<size>\d+)(?: \+ n × (?P<item_size>\d+))?"
_HEADING = re.compile(rf"### (?P<number>\d+) (?P<name>\w+), {_SIZE} bytes")
_SIZE_CELL = re.compile(_SIZE)
_ENUM_KIND = re.compile(r"u8, `(?P<enum>[\w .]+)`")
_ENUM_VALUE = re.compile(r"(?P<value>\d+) (?P<name>\w+)")


class PageError(ValueError):
    """The page says something that this reader does not understand."""


@dataclass
class _Section:
    """A message as it is being read."""

    number: int
    name: str
    size: int
    item_size: int
    tables: list[list[Field]] = field(default_factory=list)


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip().strip("|").split("|")]


def _rows(lines: list[str], first: int) -> Iterator[list[str]]:
    """The cells of the table whose head is at `first`."""
    for line in lines[first + 2 :]:
        if not line.startswith("|"):
            return
        yield _cells(line)


def _field(cells: list[str]) -> Field:
    at, size, name, kind = cells[:4]
    named = _ENUM_KIND.fullmatch(kind)
    if named:
        return Field(int(at), int(size), name, Kind.ENUM, named["enum"])
    try:
        return Field(int(at), int(size), name, Kind(kind))
    except ValueError:
        raise PageError(f"field {name}: no such kind of field: {kind}") from None


def _check_table(what: str, fields: list[Field], size: int) -> None:
    """Every byte belongs to exactly one field."""
    end = 0
    for one in fields:
        if one.at != end:
            raise PageError(f"{what}: {one.name} is at {one.at}, but the field before it ends at {end}")
        end += one.size
    if end != size:
        raise PageError(f"{what}: its fields end at {end}, not at {size}")


def read_page(text: str) -> tuple[list[MessageType], dict[str, dict[int, str]]]:
    """Messages in the order of the page, and the names of each enumeration by value."""
    lines = text.splitlines()
    overview: dict[int, tuple[str, str, int, int]] = {}
    sections: list[_Section] = []
    enums: dict[str, dict[int, str]] = {}
    for number, line in enumerate(lines):
        heading = _HEADING.fullmatch(line)
        if heading:
            sections.append(
                _Section(int(heading["number"]), heading["name"], int(heading["size"]), int(heading["item_size"] or 0))
            )
        elif line.startswith("| type | message | domain |"):
            for cells in _rows(lines, number):
                size = _SIZE_CELL.fullmatch(cells[3])
                if size is None:
                    raise PageError(f"type {cells[0]}: no size: {cells[3]}")
                overview[int(cells[0])] = (cells[1], cells[2], int(size["size"]), int(size["item_size"] or 0))
        elif line.startswith("| at | size | field | kind |") and sections:
            sections[-1].tables.append([_field(cells) for cells in _rows(lines, number)])
        elif line.startswith("| enumeration | values |"):
            for name, values in _rows(lines, number):
                found = [_ENUM_VALUE.fullmatch(value.strip()) for value in values.split("·")]
                enums[name.strip("`")] = {int(one["value"]): one["name"] for one in found if one}
                if None in found:
                    raise PageError(f"enumeration {name}: cannot be read: {values}")
    types = [_message(section, overview) for section in sections]
    missing = overview.keys() - {one.number for one in types}
    if missing:
        raise PageError(f"types without a table: {sorted(missing)}")
    for one in types:
        for row in (*one.fields, *one.item_fields):
            if row.kind is Kind.ENUM and row.enum not in enums:
                raise PageError(f"{one.name}.{row.name}: no enumeration {row.enum}")
    return types, enums


def _message(section: _Section, overview: dict[int, tuple[str, str, int, int]]) -> MessageType:
    name, domain, size, item_size = overview.get(section.number, ("", "", 0, 0))
    if (section.name, section.size, section.item_size) != (name, size, item_size):
        raise PageError(f"type {section.number}: the list of messages does not say what its own heading says")
    if len(section.tables) != (2 if item_size else 1):
        raise PageError(f"{name}: {len(section.tables)} tables")
    _check_table(name, section.tables[0], size)
    item_fields: tuple[Field, ...] = ()
    if item_size:
        _check_table(f"{name} item", section.tables[1], item_size)
        item_fields = tuple(section.tables[1])
    return MessageType(section.number, name, domain, size, tuple(section.tables[0]), item_size, item_fields)


def _field_text(one: Field, indent: str) -> str:
    enum = f', "{one.enum}"' if one.enum else ""
    return f'{indent}Field({one.at}, {one.size}, "{one.name}", Kind.{one.kind.name}{enum}),\n'


def _fields_text(fields: tuple[Field, ...]) -> str:
    return "        (\n" + "".join(_field_text(one, " " * 12) for one in fields) + "        ),\n"


def module_text(types: list[MessageType], enums: dict[str, dict[int, str]]) -> str:
    """The generated module."""
    text = '"""Made from docs/formats/native.md by generate_types.py; changes here are lost."""\n\n'
    text += "from stoa.schema import Field, Kind, MessageType\n\n"
    text += "TYPES: tuple[MessageType, ...] = (\n"
    for one in types:
        text += f'    MessageType(\n        {one.number},\n        "{one.name}",\n        "{one.domain}",\n'
        text += f"        {one.size},\n{_fields_text(one.fields)}"
        if one.item_size:
            text += f"        {one.item_size},\n{_fields_text(one.item_fields)}"
        text += "    ),\n"
    text += ")\n\nENUMS: dict[str, dict[int, str]] = {\n"
    for name, values in enums.items():
        text += f'    "{name}": {{\n'
        text += "".join(f'        {value}: "{word}",\n' for value, word in values.items()) + "    },\n"
    return text + "}\n"


def main() -> int:
    parser = argparse.ArgumentParser(description="Write the message tables from the page")
    parser.add_argument("--check", action="store_true", help="write nothing; exit 3 when they differ")
    options = parser.parse_args()
    text = module_text(*read_page(PAGE.read_text(encoding="utf-8")))
    if not options.check:
        TARGET.write_text(text, encoding="utf-8")
        return 0
    if TARGET.read_text(encoding="utf-8") == text:
        return 0
    print(f"{TARGET.name} is stale: run clients/python/generate_types.py", file=sys.stderr)
    return 3


if __name__ == "__main__":
    sys.exit(main())
