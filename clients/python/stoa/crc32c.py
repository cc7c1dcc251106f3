"""CRC-32C (Castagnoli, as iSCSI), in plain Python."""

from __future__ import annotations

import struct

_POLYNOMIAL = 0x82F63B78  # reflected
_ALL_BITS = 0xFFFFFFFF


def _tables() -> list[list[int]]:
    """`tables[k][b]`: what byte b does to the checksum when k more bytes follow it."""
    first = []
    for byte in range(256):
        crc = byte
        for _ in range(8):
            crc = (crc >> 1) ^ (_POLYNOMIAL if crc & 1 else 0)
        first.append(crc)
    tables = [first]
    for _ in range(7):
        before = tables[-1]
        tables.append([(crc >> 8) ^ first[crc & 0xFF] for crc in before])
    return tables


_T0, _T1, _T2, _T3, _T4, _T5, _T6, _T7 = _tables()
_TWO_WORDS = struct.Struct("<II")


def crc32c(data: bytes | bytearray | memoryview, begin: int = 0) -> int:
    """The checksum of `data`; `begin` is the finished checksum of what stands before it."""
    crc = begin ^ _ALL_BITS
    whole = len(data) & ~7
    for low, high in _TWO_WORDS.iter_unpack(memoryview(data)[:whole]):
        low ^= crc
        crc = (
            _T7[low & 0xFF]
            ^ _T6[low >> 8 & 0xFF]
            ^ _T5[low >> 16 & 0xFF]
            ^ _T4[low >> 24]
            ^ _T3[high & 0xFF]
            ^ _T2[high >> 8 & 0xFF]
            ^ _T1[high >> 16 & 0xFF]
            ^ _T0[high >> 24]
        )
    for byte in data[whole:]:
        crc = (crc >> 8) ^ _T0[(crc ^ byte) & 0xFF]
    return crc ^ _ALL_BITS
