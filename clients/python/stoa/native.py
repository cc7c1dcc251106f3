"""The native wire format: bytes to messages and back, as docs/formats/native.md says.

    message = decode(payload)
    message.body.name, message.body.fields["px"]     # 'Trade', 6183763000000: prices are integers of 1e-8
    to_json(message)                                 # the same text as `stoa journal dump -o json`
"""

from __future__ import annotations

import codecs
import json
import re
import struct
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from stoa.crc32c import crc32c
from stoa.native_types import ENUMS, TYPES
from stoa.schema import Field, Kind, MessageType, array_name

MAGIC = b"STOA"
VERSION = 1
DOMAINS = {1: "market", 2: "signal", 3: "execution", 4: "system"}
HEADER_BYTES = 32
PAYLOAD_BYTES_MAX = 65_540
VALUE_BYTES_MAX = 65_535

FLAG_OUTPUT = 1  # a core derived it from inputs
FLAG_PROBE = 2  # a question, never in a log
FLAG_UNCHECKED = 4  # no checksum

TRACE_TYPE = 106

_ESCAPE = re.compile(r"\\.")
_LONG_ESCAPES = {r"\b": r"\u0008", r"\f": r"\u000c"}  # the program's short ones are \n, \r and \t

_HEADER = struct.Struct("<4sBBBBQqII")
_EXTENDED = 0xFF
_USER_TYPES = range(200, 255)
_E8 = 100_000_000
_BY_NUMBER = {one.number: one for one in TYPES}
_BY_NAME = {one.name: one for one in TYPES}
_ENUM_NUMBERS = {name: {word: value for value, word in values.items()} for name, values in ENUMS.items()}


class ErrorKind(Enum):
    """Why bytes are no message."""

    CUT_SHORT = "message is cut short"
    BAD_MAGIC = "bad magic"
    UNKNOWN_DOMAIN = "unknown domain"
    UNSUPPORTED_VERSION = "unsupported version"
    TOO_LARGE = "message too large"
    CHECKSUM_LEFT_OUT = "checksum required and left out"
    BAD_CHECKSUM = "checksum does not match"
    VALUE_CUT_SHORT = "value is cut short"
    WRONG_DOMAIN = "type not allowed in this domain"
    WRONG_SIZE = "wrong size for its type"
    BAD_ENUMERATOR = "enumerator out of range"
    NO_BODY = "no known body"


class DecodeError(ValueError):
    """These bytes are no message; what follows them in a stream is not to be believed."""

    def __init__(self, kind: ErrorKind, offset: int) -> None:
        super().__init__(f"{kind.value} at {offset}")
        self.kind = kind
        self.offset = offset  # bytes from the start of the message


class NeedMore(DecodeError):
    """The message is not whole yet: ask again when there are `wanted` bytes or more."""

    def __init__(self, have: int, wanted: int) -> None:
        super().__init__(ErrorKind.CUT_SHORT, have)
        self.wanted = wanted


@dataclass(frozen=True, slots=True)
class TokenAmount:
    """An exact amount: `magnitude` in the token's smallest unit, `decimals` digits of it behind the point."""

    magnitude: int
    decimals: int
    negative: bool = False

    def __str__(self) -> str:
        sign = "-" if self.negative else ""
        if self.decimals == 0:
            return f"{sign}{self.magnitude}"
        digits = str(self.magnitude).rjust(self.decimals + 1, "0")
        return f"{sign}{digits[: -self.decimals]}.{digits[-self.decimals :]}"


@dataclass(frozen=True, slots=True)
class Value:
    """One value of a payload; `fields` is None where the type has no name.

    Fields are integers in the units of the page (prices and quantities 1e-8, times ns since 1970), names of
    enumerators, text, bytes, `TokenAmount`, and lists of such dictionaries for the items behind the fixed part.
    """

    type: int
    data: bytes
    fields: Mapping[str, Any] | None = None

    @staticmethod
    def of(name: str, /, **fields: Any) -> Value:
        """A value of a named type; fields that are left out are zero, counts follow from the items."""
        message_type = _BY_NAME[name]
        data = _pack(message_type, fields)
        _, unpacked = _unpack(message_type, data)
        return Value(message_type.number, data, unpacked)

    @property
    def name(self) -> str | None:
        known = _BY_NUMBER.get(self.type)
        return known.name if known else None


@dataclass(frozen=True, slots=True)
class Message:
    """A message; `values` in the order in which they lie in the payload."""

    domain: str
    source: int
    flags: int
    sequence: int
    timestamp_ns: int  # UTC since 1970
    values: tuple[Value, ...]
    size: int = 0  # bytes it took; the next message of a stream begins behind them

    @property
    def body(self) -> Value:
        """The first value of a known type, else the first of a user's."""
        return self.values[self._body_index()]

    @property
    def further(self) -> list[Value]:
        """All values but the body."""
        body = self._body_index()
        return [value for index, value in enumerate(self.values) if index != body]

    def _body_index(self) -> int:
        for index, value in enumerate(self.values):
            if value.fields is not None:
                return index
        return next(index for index, value in enumerate(self.values) if value.type in _USER_TYPES)


# Decoding


def decode(data: bytes | memoryview, *, require_checksum: bool = True) -> Message:
    """The message at the start of `data`; bytes behind it are left alone (`Message.size` tells where they begin).

    Raises NeedMore when the bytes end before the message does, else DecodeError with kind and byte.
    """
    if len(data) < HEADER_BYTES:
        raise NeedMore(len(data), HEADER_BYTES)
    magic, domain, version, source, flags, sequence, timestamp_ns, payload_bytes, checksum = _HEADER.unpack_from(data)
    if magic != MAGIC:
        raise DecodeError(ErrorKind.BAD_MAGIC, 0)
    if domain not in DOMAINS:
        raise DecodeError(ErrorKind.UNKNOWN_DOMAIN, 4)
    if version != VERSION:
        raise DecodeError(ErrorKind.UNSUPPORTED_VERSION, 5)
    if payload_bytes > PAYLOAD_BYTES_MAX:
        raise DecodeError(ErrorKind.TOO_LARGE, 24)
    size = HEADER_BYTES + payload_bytes
    if len(data) < size:
        raise NeedMore(len(data), size)
    message = bytes(data[:size])
    _check_checksum(message, flags, checksum, require_checksum)
    values = tuple(_values(message, DOMAINS[domain]))
    if not any(value.fields is not None or value.type in _USER_TYPES for value in values):
        raise DecodeError(ErrorKind.NO_BODY, HEADER_BYTES)
    return Message(DOMAINS[domain], source, flags, sequence, timestamp_ns, values, size)


def _check_checksum(message: bytes, flags: int, checksum: int, require_checksum: bool) -> None:
    if flags & FLAG_UNCHECKED:
        if require_checksum:
            raise DecodeError(ErrorKind.CHECKSUM_LEFT_OUT, 7)
        expected = 0
    else:
        expected = _checksum(message)
    if checksum != expected:
        raise DecodeError(ErrorKind.BAD_CHECKSUM, 28)


def _checksum(message: bytes) -> int:
    return crc32c(message[HEADER_BYTES:], crc32c(message[:28]))


def _values(message: bytes, domain: str) -> Iterator[Value]:
    at = HEADER_BYTES
    while at < len(message):
        number, begin, end = _frame(message, at)
        data = message[begin:end]
        known = _BY_NUMBER.get(number)
        if known is None:
            yield Value(number, data)
        else:
            if known.domain not in (domain, "system"):
                raise DecodeError(ErrorKind.WRONG_DOMAIN, begin)
            yield Value(number, data, _fields(known, data, begin))
        at = end


def _frame(message: bytes, at: int) -> tuple[int, int, int]:
    """Type of the value whose first byte is at `at`, and where its data begins and ends."""
    head = message[at : at + 5]
    if head[0] == _EXTENDED:
        whole = len(head) == 5 and head[1] == 0
        number, length, begin = (head[2], head[3] | head[4] << 8, at + 5) if whole else (0, 0, len(message) + 1)
    else:
        whole = len(head) >= 2
        number, length, begin = (head[0], head[1], at + 2) if whole else (0, 0, len(message) + 1)
    if begin + length > len(message):
        raise DecodeError(ErrorKind.VALUE_CUT_SHORT, at)
    return number, begin, begin + length


def _fields(message_type: MessageType, data: bytes, at: int) -> dict[str, Any]:
    """The fields of a value that must be whole; `at` is its place in the message, for errors."""
    size, counts = message_type.size, 0
    if len(data) >= size:
        count_fields = [field for field in message_type.fields if field.kind is Kind.COUNT]
        counts = sum(int.from_bytes(data[field.at : field.at + field.size], "little") for field in count_fields)
    if len(data) != size + counts * message_type.item_size:
        raise DecodeError(ErrorKind.WRONG_SIZE, at)
    bad_byte, fields = _unpack(message_type, data)
    if bad_byte is not None:
        raise DecodeError(ErrorKind.BAD_ENUMERATOR, at + bad_byte)
    return fields


def _unpack(message_type: MessageType, data: bytes) -> tuple[int | None, dict[str, Any]]:
    """The fields, or the first byte whose value no enumerator has."""
    fixed = _LAYOUTS[message_type.number]
    bad_byte, fields = fixed.unpack(data, 0)
    at = message_type.size
    for count in message_type.counts:
        items = []
        for _ in range(fields.get(count, 0)):
            bad_in_item, item = _ITEM_LAYOUTS[message_type.number].unpack(data, at)
            if bad_byte is None:
                bad_byte = bad_in_item
            items.append(item)
            at += message_type.item_size
        fields[array_name(count)] = items
    return bad_byte, fields


# Fields


def _text(raw: bytes) -> str:
    return raw.split(b"\0", 1)[0].decode("utf-8", "stoa_every_byte")


def _replace_every_byte(error: UnicodeError) -> tuple[str, int]:
    """One U+FFFD for each byte that belongs to no character; Python's own handler writes fewer."""
    assert isinstance(error, UnicodeDecodeError)
    return "\N{REPLACEMENT CHARACTER}" * (error.end - error.start), error.end


codecs.register_error("stoa_every_byte", _replace_every_byte)


def _token(raw: bytes) -> TokenAmount:
    return TokenAmount(int.from_bytes(raw[:32], "little"), raw[32], raw[33] == 1)


def _pack_text(text: str, size: int) -> bytes:
    raw = text.encode()
    if len(raw) > size or b"\0" in raw:
        raise ValueError(f"no text of at most {size} bytes: {text!r}")
    return raw


def _pack_bytes(raw: bytes, size: int) -> bytes:
    if len(raw) != size:
        raise ValueError(f"{len(raw)} bytes, not {size}")
    return raw


def _pack_token(amount: TokenAmount) -> bytes:
    return amount.magnitude.to_bytes(32, "little") + bytes([amount.decimals, int(amount.negative)]) + bytes(6)


_PLAIN_FORMATS = {
    Kind.U8: "B",
    Kind.U16: "H",
    Kind.U32: "I",
    Kind.U64: "Q",
    Kind.I32: "i",
    Kind.I64: "q",
    Kind.E8: "q",
    Kind.TIME: "q",
    Kind.ENUM: "B",
    Kind.COUNT: "H",
}
_READ: dict[Kind, Callable[[bytes], Any]] = {
    Kind.TEXT: _text,
    Kind.U256: lambda raw: int.from_bytes(raw, "little"),
    Kind.TOKEN: _token,
}


class _Layout:
    """The fields of a fixed part or of an item, as a struct."""

    def __init__(self, fields: tuple[Field, ...]) -> None:
        self._fields = [field for field in fields if field.kind is not Kind.ZERO]
        self._struct = struct.Struct("<" + "".join(self._format(field) for field in fields))
        for field in fields:
            if field.kind in _PLAIN_FORMATS and struct.calcsize("<" + _PLAIN_FORMATS[field.kind]) != field.size:
                raise ValueError(f"{field.name}: {field.kind.value} is not {field.size} bytes")

    @staticmethod
    def _format(field: Field) -> str:
        return f"{field.size}x" if field.kind is Kind.ZERO else _PLAIN_FORMATS.get(field.kind, f"{field.size}s")

    def unpack(self, data: bytes, at: int) -> tuple[int | None, dict[str, Any]]:
        """The fields, and the first byte of `data` whose value no enumerator has."""
        bad_byte = None
        fields: dict[str, Any] = {}
        for field, raw in zip(self._fields, self._struct.unpack_from(data, at), strict=True):
            value = raw
            if field.kind is Kind.ENUM:
                value = ENUMS[field.enum].get(raw)
                if value is None and bad_byte is None:
                    bad_byte = at + field.at
            elif field.kind in _READ:
                value = _READ[field.kind](raw)
                if field.kind is Kind.TOKEN and raw[33] > 1 and bad_byte is None:
                    bad_byte = at + field.at + 33
            fields[field.name] = value
        return bad_byte, fields

    def pack(self, values: Mapping[str, Any]) -> bytes:
        strangers = values.keys() - {field.name for field in self._fields}
        if strangers:
            raise ValueError(f"no such fields: {', '.join(sorted(strangers))}")
        return self._struct.pack(*(self._raw(field, values.get(field.name)) for field in self._fields))

    @staticmethod
    def _raw(field: Field, value: Any) -> Any:
        if value is None:
            return 0 if field.kind in _PLAIN_FORMATS else b""
        if field.kind is Kind.ENUM:
            return _ENUM_NUMBERS[field.enum][value]
        if field.kind is Kind.TEXT:
            return _pack_text(value, field.size)
        if field.kind is Kind.TOKEN:
            return _pack_token(value)
        if field.kind is Kind.U256:
            return value.to_bytes(32, "little")
        return _pack_bytes(value, field.size) if field.kind is Kind.BYTES else value


_LAYOUTS = {one.number: _Layout(one.fields) for one in TYPES}
_ITEM_LAYOUTS = {one.number: _Layout(one.item_fields) for one in TYPES if one.item_size}


# Encoding


def encode(message: Message) -> bytes:
    """The message's bytes; the short form of a value where it fits, a checksum unless its flag says otherwise."""
    payload = b"".join(_framed(value) for value in message.values)
    if len(payload) > PAYLOAD_BYTES_MAX:
        raise ValueError(f"{len(payload)} bytes of payload, at most {PAYLOAD_BYTES_MAX} fit")
    domain = next(number for number, name in DOMAINS.items() if name == message.domain)

    def header(checksum: int) -> bytes:
        return _HEADER.pack(
            MAGIC,
            domain,
            VERSION,
            message.source,
            message.flags,
            message.sequence,
            message.timestamp_ns,
            len(payload),
            checksum,
        )

    checksum = 0 if message.flags & FLAG_UNCHECKED else _checksum(header(0) + payload)
    return header(checksum) + payload


def _framed(value: Value) -> bytes:
    size = len(value.data)
    if size <= 0xFF and value.type != _EXTENDED:
        return bytes([value.type, size]) + value.data
    if size > VALUE_BYTES_MAX:
        raise ValueError(f"a value of {size} bytes, at most {VALUE_BYTES_MAX} fit")
    return bytes([_EXTENDED, 0, value.type]) + size.to_bytes(2, "little") + value.data


def _pack(message_type: MessageType, values: Mapping[str, Any]) -> bytes:
    fixed = dict(values)
    items = b""
    for count in message_type.counts:
        behind = fixed.pop(array_name(count), [])
        if fixed.setdefault(count, len(behind)) != len(behind):
            raise ValueError(f"{count} is {fixed[count]}, but there are {len(behind)}")
        items += b"".join(_ITEM_LAYOUTS[message_type.number].pack(item) for item in behind)
    return _LAYOUTS[message_type.number].pack(fixed) + items


# JSON


def to_json(message: Message) -> str:
    """One line, as `stoa journal dump -o json` writes it."""
    text = json.dumps(to_object(message), separators=(",", ":"), ensure_ascii=False)
    return _ESCAPE.sub(lambda escape: _LONG_ESCAPES.get(escape[0], escape[0]), text)


def to_object(message: Message) -> dict[str, Any]:
    """What `to_json` writes, before it is text."""
    body = message.body
    shown: dict[str, Any] = {"type": body.name or body.type, "domain": message.domain, "source": message.source}
    for name, flag in (("output", FLAG_OUTPUT), ("probe", FLAG_PROBE), ("unchecked", FLAG_UNCHECKED)):
        if message.flags & flag:
            shown[name] = True
    shown |= {"sequence": str(message.sequence), "timestamp_ns": str(message.timestamp_ns)}
    shown |= _value_object(body)
    others = message.further
    trace = next((index for index, value in enumerate(others) if value.type == TRACE_TYPE != body.type), None)
    if trace is not None:
        shown["trace"] = _value_object(others.pop(trace))["body"]
    if others:
        shown["values"] = [{"type": value.name or value.type} | _value_object(value) for value in others]
    return shown


def _value_object(value: Value) -> dict[str, Any]:
    if value.fields is None:
        return {"body_hex": value.data.hex()}
    message_type = _BY_NUMBER[value.type]
    shown = _fields_object(message_type.fields, value.fields)
    for count in message_type.counts:
        name = array_name(count)
        shown[name] = [_fields_object(message_type.item_fields, item) for item in value.fields[name]]
    return {"body": shown}


def _fields_object(fields: tuple[Field, ...], values: Mapping[str, Any]) -> dict[str, Any]:
    return {field.name: _shown(field.kind, values[field.name]) for field in fields if field.kind is not Kind.ZERO}


def _shown(kind: Kind, value: Any) -> Any:
    if kind is Kind.E8:
        return decimal_text(value)
    if kind is Kind.BYTES:
        return value.hex()
    if kind in (Kind.U64, Kind.I64, Kind.TIME, Kind.U256, Kind.TOKEN):
        return str(value)
    return value


def decimal_text(e8: int) -> str:
    """An integer of 1e-8 as a decimal in its shortest exact form."""
    whole, part = divmod(abs(e8), _E8)
    digits = f"{part:08}".rstrip("0")
    return ("-" if e8 < 0 else "") + str(whole) + (f".{digits}" if digits else "")
