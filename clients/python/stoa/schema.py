"""What the tables of docs/formats/native.md say, as values; native_types.py is made of these."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Kind(Enum):
    """How the bytes of a field are read."""

    U8 = "u8"
    U16 = "u16"
    U32 = "u32"
    U64 = "u64"
    I32 = "i32"
    I64 = "i64"
    E8 = "i64, 1e-8"
    TIME = "i64, ns UTC since 1970"
    TEXT = "text, zero-padded"
    ENUM = "u8, `Message.field`"
    COUNT = "u16, items that follow"
    U256 = "u256"
    TOKEN = "token amount"
    BYTES = "bytes"
    ZERO = "zero"


@dataclass(frozen=True, slots=True)
class Field:
    """One row of a table; `at` and `size` are bytes from the start of the value or item."""

    at: int
    size: int
    name: str
    kind: Kind
    enum: str = ""  # for Kind.ENUM: a key of ENUMS


@dataclass(frozen=True, slots=True)
class MessageType:
    """One message: its fixed part of `size` bytes, and items of `item_size` bytes where a count asks for them."""

    number: int
    name: str
    domain: str
    size: int
    fields: tuple[Field, ...]
    item_size: int = 0
    item_fields: tuple[Field, ...] = ()

    @property
    def counts(self) -> tuple[str, ...]:
        """The fields that count items, in the order in which the items lie."""
        return tuple(field.name for field in self.fields if field.kind is Kind.COUNT)


def array_name(count: str) -> str:
    """What the items are called that a field counts: `bid_count` tells of `bids`."""
    return count.removesuffix("_count") + "s"
