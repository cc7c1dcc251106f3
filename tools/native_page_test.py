"""Is docs/formats/native.md enough to write a decoder from? This one is: it knows nothing but the page's tables and
rules, reads the bytes of tests/golden and must come to the same meanings and the same refusals as the platform."""

import json
import pathlib
import re
import unittest

REPO = pathlib.Path(__file__).resolve().parent.parent
PAGE = (REPO / "docs/formats/native.md").read_text()
DOMAINS = {1: "market", 2: "signal", 3: "execution", 4: "system"}
HEADER_BYTES = 32
TRACE = 106


class Refused(Exception):
    def __init__(self, answer: str, at: int):
        super().__init__(f"{answer} at {at}")


def rows(text: str) -> list[list[str]]:
    """The cells of the Markdown table rows in a text, headings and rulers left out."""
    cells = [[c.strip() for c in line.strip("|\n").split(" | ")] for line in text.splitlines() if line.startswith("| ")]
    return [row for row in cells if row[0] not in {"at", "type", "enumeration"}]


def fields_of(table: str) -> list[dict]:
    return [{"at": int(row[0]), "size": int(row[1]), "name": row[2], "kind": row[3]} for row in rows(table)]


def read_page() -> tuple[dict, dict]:
    types = {}
    for title, body in re.findall(r"^### (\d+ \w+, [^\n]*) bytes\n(.*?)(?=^### )", PAGE, re.M | re.S):
        number, name, size, item_size = re.fullmatch(r"(\d+) (\w+), (\d+)(?: \+ n × (\d+))?", title).groups()
        head, _, item = body.partition("Each item behind it:")
        types[int(number)] = {"name": name, "size": int(size), "item_size": int(item_size or 0),
                              "fields": fields_of(head), "item_fields": fields_of(item)}
    enums = {}
    for name, values in rows(PAGE.partition("### Enumerations")[2].partition("<!--")[0]):
        enums[name.strip("`")] = [v.split(" ", 1)[1] for v in values.rstrip(" |").split(" · ")]
    return types, enums


TYPES, ENUMS = read_page()


def crc32c(data: bytes) -> int:
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def number(data: bytes, signed: bool = False) -> int:
    return int.from_bytes(data, "little", signed=signed)


def decimal_e8(value: int) -> str:
    whole, fraction = divmod(abs(value), 10**8)
    text = f"{whole}.{fraction:08}".rstrip("0").rstrip(".")
    return ("-" if value < 0 else "") + text


def token_amount(data: bytes) -> str:
    digits, decimals = str(number(data[:32])), data[32]
    if decimals:
        digits = digits.rjust(decimals + 1, "0")
        digits = digits[:-decimals] + "." + digits[-decimals:]
    return ("-" if data[33] else "") + digits


def meaning(kind: str, data: bytes):
    if enum := re.fullmatch(r"u8, `(.*)`", kind):
        return ENUMS[enum[1]][data[0]]
    if kind == "i64, 1e-8":
        return decimal_e8(number(data, signed=True))
    if kind.startswith("i64, ns"):
        return str(number(data, signed=True))
    if kind.startswith("text"):
        return data.split(b"\0")[0].decode()
    if kind == "bytes":
        return data.hex()
    if kind == "token amount":
        return token_amount(data)
    if kind == "u256":
        return str(number(data))
    value = number(data, signed=kind.startswith("i"))
    return value if len(data) <= 4 else str(value)


def words(fields: list[dict], data: bytes) -> dict:
    return {f["name"]: meaning(f["kind"], data[f["at"]:f["at"] + f["size"]]) for f in fields if f["kind"] != "zero"}


def counts(info: dict, data: bytes) -> dict[str, int]:
    return {f["name"]: number(data[f["at"]:f["at"] + f["size"]]) for f in info["fields"]
            if f["kind"] == "u16, items that follow"}


def check_limits(fields: list[dict], data: bytes, at: int) -> None:
    for f in fields:
        if enum := re.fullmatch(r"u8, `(.*)`", f["kind"]):
            if data[f["at"]] >= len(ENUMS[enum[1]]):
                raise Refused("enumerator out of range", at + f["at"])
        elif f["kind"] == "token amount" and data[f["at"] + 33] > 1:
            raise Refused("enumerator out of range", at + f["at"] + 33)


def allowed(domain: int, kind: int) -> bool:
    return 100 <= kind <= 119 or kind in {1: range(1, 20), 2: range(20, 40), 3: range(40, 80), 4: ()}[domain]


def check_value(domain: int, kind: int, data: bytes, at: int) -> None:
    info = TYPES[kind]
    if not allowed(domain, kind):
        raise Refused("type not allowed in this domain", at)
    items = sum(counts(info, data).values()) if len(data) >= info["size"] else 0
    if len(data) != info["size"] + items * info["item_size"]:
        raise Refused("wrong size for its type", at)
    check_limits(info["fields"], data, at)
    for item in range(items):
        begin = info["size"] + item * info["item_size"]
        check_limits(info["item_fields"], data[begin:], at + begin)


def values_of(domain: int, message: bytes) -> list[tuple[int, int, bytes]]:
    """(type, where its bytes begin, its bytes), each checked before the next is looked at."""
    values, at = [], HEADER_BYTES
    while at < len(message):
        head, kind, size = 2, message[at], message[at + 1] if at + 1 < len(message) else None
        if size is None:
            raise Refused("value is cut short", at)
        if kind == 0xFF:
            if size != 0 or at + 5 > len(message):
                raise Refused("value is cut short", at)
            head, kind, size = 5, message[at + 2], number(message[at + 3:at + 5])
        if at + head + size > len(message):
            raise Refused("value is cut short", at)
        values.append((kind, at + head, message[at + head:at + head + size]))
        if kind in TYPES:
            check_value(domain, kind, values[-1][2], at + head)
        at += head + size
    return values


def show_value(kind: int, data: bytes) -> dict:
    if kind not in TYPES:
        return {"body_hex": data.hex()}
    info = TYPES[kind]
    body = words(info["fields"], data)
    at = info["size"]
    for name, count in counts(info, data).items():
        body[name.removesuffix("_count") + "s"] = [
            words(info["item_fields"], data[at + i * info["item_size"]:]) for i in range(count)]
        at += count * info["item_size"]
    return {"body": body}


def name_of(kind: int):
    return TYPES[kind]["name"] if kind in TYPES else kind


def decode(data: bytes, wants_checksum: bool) -> dict:
    if len(data) < HEADER_BYTES:
        raise Refused("message is cut short", len(data))
    domain, version, source, flags = data[4:8]
    payload_bytes, crc = number(data[24:28]), number(data[28:32])
    if data[:4] != b"STOA":
        raise Refused("bad magic", 0)
    if domain not in DOMAINS:
        raise Refused("unknown domain", 4)
    if version != 1:
        raise Refused("unsupported version", 5)
    if payload_bytes > 65_540:
        raise Refused("message too large", 24)
    if len(data) < HEADER_BYTES + payload_bytes:
        raise Refused("message is cut short", len(data))
    message = data[:HEADER_BYTES + payload_bytes]
    if flags & 4 and wants_checksum:
        raise Refused("checksum required and left out", 7)
    if crc != (0 if flags & 4 else crc32c(message[:28] + message[HEADER_BYTES:])):
        raise Refused("checksum does not match", 28)
    values = values_of(domain, message)
    known = [v for v in values if v[0] in TYPES] + [v for v in values if 200 <= v[0] <= 254]
    if not known:
        raise Refused("no known body", HEADER_BYTES)
    body = known[0]

    shown = {"type": name_of(body[0]), "domain": DOMAINS[domain], "source": source}
    shown |= {name: True for bit, name in ((1, "output"), (2, "probe"), (4, "unchecked")) if flags & bit}
    shown |= {"sequence": str(number(data[8:16])), "timestamp_ns": str(number(data[16:24], signed=True))}
    shown |= show_value(body[0], body[2])
    others = [v for v in values if v is not body]
    trace = next((v for v in others if v[0] == TRACE), None)
    if trace and body[0] != TRACE:
        shown["trace"] = show_value(*trace[::2])["body"]
        others.remove(trace)
    if others:
        shown["values"] = [{"type": name_of(kind)} | show_value(kind, value) for kind, _, value in others]
    return shown


def entries(file: str) -> list[list[str]]:
    """The paragraphs of a golden file as lines, its first comment left out."""
    return [p.splitlines() for p in (REPO / "tests/golden" / file).read_text().split("\n\n")[1:]]


class NativePage(unittest.TestCase):
    def test_a_decoder_written_from_it_understands_every_golden_message(self):
        for name, *hex_lines, meant in entries("native_messages.txt"):
            with self.subTest(name):
                shown = decode(bytes.fromhex("".join(hex_lines)), wants_checksum=False)
                self.assertEqual(json.dumps(shown, separators=(",", ":"), ensure_ascii=False), meant)
        self.assertGreaterEqual(len(entries("native_messages.txt")), len(TYPES))

    def test_a_decoder_written_from_it_refuses_for_the_same_reason_at_the_same_byte(self):
        for why, answer, *hex_lines in entries("native_refused.txt"):
            with self.subTest(why), self.assertRaises(Refused) as refused:
                decode(bytes.fromhex("".join(hex_lines)), wants_checksum=True)
            self.assertEqual(str(refused.exception), answer.strip(), why)


if __name__ == "__main__":
    unittest.main()
