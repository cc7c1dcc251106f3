"""Every golden message decodes to its stated meaning and back, and everything else is refused where it is wrong."""

from __future__ import annotations

import json
import unittest
from dataclasses import replace

import golden

from stoa import native
from stoa.crc32c import crc32c
from stoa.native import ErrorKind, Message, TokenAmount, Value


def trade(**fields: object) -> Value:
    return Value.of("Trade", instrument=1, taker_side="sell", px=6_183_763_000_000, qty=50_000, **fields)


def message(*values: Value, domain: str = "market", flags: int = 0) -> Message:
    return Message(domain, 5, flags, 7, 1_723_161_601_439_378_285, values)


class ChecksumTest(unittest.TestCase):
    def test_it_is_the_one_of_iscsi(self) -> None:
        # RFC 3720, appendix B.4, and the usual check value.
        self.assertEqual(crc32c(b"123456789"), 0xE3069283)
        self.assertEqual(crc32c(bytes(32)), 0x8A9136AA)
        self.assertEqual(crc32c(b"\xff" * 32), 0x62A8AB43)
        self.assertEqual(crc32c(bytes(range(32))), 0x46DD794E)
        self.assertEqual(crc32c(b""), 0)

    def test_it_goes_on_from_any_place(self) -> None:
        data = bytes(range(40))
        for cut in range(len(data) + 1):
            self.assertEqual(crc32c(data[cut:], crc32c(data[:cut])), crc32c(data))


class GoldenTest(unittest.TestCase):
    def decode(self, entry: golden.Entry) -> Message:
        return native.decode(entry.data, require_checksum=not entry.data[7] & native.FLAG_UNCHECKED)

    def test_every_message_means_what_its_line_says(self) -> None:
        for entry in golden.read("native_messages.txt"):
            with self.subTest(entry.title):
                self.assertEqual(native.to_json(self.decode(entry)), entry.said)

    def test_every_message_of_the_page_has_its_line(self) -> None:
        seen = {self.decode(entry).body.name for entry in golden.read("native_messages.txt")}
        self.assertEqual({one.name for one in native.TYPES} - seen, set())

    def test_every_message_comes_back_from_its_fields(self) -> None:
        for entry in golden.read("native_messages.txt"):
            with self.subTest(entry.title):
                decoded = self.decode(entry)
                built = tuple(
                    Value(value.type, value.data) if value.fields is None else Value.of(value.name, **value.fields)
                    for value in decoded.values
                )
                self.assertEqual(native.encode(replace(decoded, values=built)).hex(), entry.data.hex())

    def test_every_refusal_is_named_at_its_byte(self) -> None:
        seen = set()
        for entry in golden.read("native_refused.txt"):
            with self.subTest(entry.title):
                with self.assertRaises(native.DecodeError) as refused:
                    native.decode(entry.data)
                self.assertEqual(str(refused.exception), entry.said)
                seen.add(refused.exception.kind)
        self.assertEqual(set(ErrorKind) - seen, set())

    def test_a_message_cut_anywhere_asks_for_more(self) -> None:
        for entry in golden.read("native_messages.txt"):
            for cut in range(len(entry.data)):
                with self.assertRaises(native.NeedMore) as refused:
                    native.decode(entry.data[:cut])
                self.assertEqual(refused.exception.offset, cut)
                self.assertEqual(refused.exception.wanted, 32 if cut < 32 else len(entry.data))

    def test_any_flipped_bit_of_a_message_is_seen(self) -> None:
        data = golden.read("native_messages.txt")[0].data
        for bit in range(8 * len(data)):
            flipped = bytearray(data)
            flipped[bit // 8] ^= 1 << bit % 8
            with self.subTest(bit=bit), self.assertRaises(native.DecodeError):
                native.decode(flipped)


class ValueTest(unittest.TestCase):
    def test_bytes_behind_a_message_are_the_next_one(self) -> None:
        one, two = native.encode(message(trade())), native.encode(message(trade(trade_id=8)))
        first = native.decode(one + two)
        self.assertEqual(first.size, len(one))
        self.assertEqual(native.decode((one + two)[first.size :]).body.fields["trade_id"], 8)

    def test_reserved_bytes_are_not_looked_at(self) -> None:
        data = bytearray(trade().data)
        data[5:8] = b"\1\2\3"
        decoded = native.decode(native.encode(message(Value(1, bytes(data)))))
        self.assertEqual(decoded.body.fields, trade().fields)

    def test_both_forms_of_a_value_are_read(self) -> None:
        short = native.encode(message(trade()))
        payload = b"\xff\0\1\x28\0" + short[34:]
        head = short[:24] + len(payload).to_bytes(4, "little")
        long = head + crc32c(payload, crc32c(head)).to_bytes(4, "little") + payload
        self.assertEqual(native.decode(long).values, native.decode(short).values)

    def test_the_first_known_value_is_the_body(self) -> None:
        user, unknown = Value(200, b"u"), Value(150, b"x")
        self.assertEqual(message(unknown, user, trade()).body, trade())
        self.assertEqual(message(unknown, user).body, user)
        self.assertEqual(message(user, trade(), unknown).further, [user, unknown])

    def test_types_without_a_domain_are_skipped(self) -> None:
        for number in (0, 6, 16, 24, 44, 80, 99, 115, 120, 199, 255):
            decoded = native.decode(native.encode(message(trade(), Value(number, b"abc"))))
            self.assertEqual(decoded.further, [Value(number, b"abc")])

    def test_domains_take_their_own_types_and_those_of_the_system(self) -> None:
        for name, domain in (("Trade", "market"), ("SignalEconomics", "signal"), ("Fill", "execution")):
            for other in native.DOMAINS.values():
                data = native.encode(message(Value.of(name), domain=other))
                if other == domain:
                    self.assertEqual(native.decode(data).body.name, name)
                    continue
                with self.assertRaises(native.DecodeError) as refused:
                    native.decode(data)
                self.assertEqual(str(refused.exception), "type not allowed in this domain at 34")
        for domain in native.DOMAINS.values():
            self.assertEqual(native.decode(native.encode(message(Value.of("Gap"), domain=domain))).domain, domain)
            self.assertEqual(native.decode(native.encode(message(Value(254, b""), domain=domain))).body.type, 254)

    def test_without_a_checksum_only_where_none_is_wanted(self) -> None:
        data = native.encode(message(trade(), flags=native.FLAG_UNCHECKED))
        self.assertEqual(data[28:32], bytes(4))
        self.assertEqual(native.decode(data, require_checksum=False).body, trade())
        with self.assertRaises(native.DecodeError) as refused:
            native.decode(data)
        self.assertEqual(refused.exception.kind, ErrorKind.CHECKSUM_LEFT_OUT)
        with self.assertRaises(native.DecodeError) as refused:
            native.decode(data[:28] + b"\1\0\0\0" + data[32:], require_checksum=False)
        self.assertEqual(str(refused.exception), "checksum does not match at 28")

    def test_the_largest_value_fits_and_one_more_byte_does_not(self) -> None:
        data = native.encode(message(Value(200, bytes(65_535))))
        self.assertEqual(len(data), 65_572)
        self.assertEqual(len(native.decode(data).body.data), 65_535)
        for values in ((Value(200, bytes(65_536)),), (Value(200, bytes(65_535)), Value(150, b""))):
            with self.assertRaises(ValueError):
                native.encode(message(*values))

    def test_a_field_that_does_not_fit_is_not_written(self) -> None:
        for fields in (
            {"venue": "x" * 17},
            {"venue": "a\0b"},
            {"up": 256},
            {"nonsense": 1},
        ):
            with self.subTest(fields), self.assertRaises((ValueError, native.struct.error)):
                Value.of("VenueSession", **fields)
        with self.assertRaises(ValueError):
            Value.of("BookDelta", bids=[{"px": 1, "qty": 2}], bid_count=2)


class TextTest(unittest.TestCase):
    def test_decimals_are_short_and_exact(self) -> None:
        for e8, text in (
            (0, "0"),
            (1, "0.00000001"),
            (-1, "-0.00000001"),
            (100_000_000, "1"),
            (-150_000_000, "-1.5"),
            (2**63 - 1, "92233720368.54775807"),
            (-(2**63), "-92233720368.54775808"),
        ):
            self.assertEqual(native.decimal_text(e8), text)

    def test_token_amounts_keep_every_digit(self) -> None:
        for amount, text in (
            (TokenAmount(1_500_000_000_000_000_000, 18), "1.500000000000000000"),
            (TokenAmount(7, 0), "7"),
            (TokenAmount(0, 0), "0"),
            (TokenAmount(0, 2, negative=True), "-0.00"),
            (TokenAmount(5, 3, negative=True), "-0.005"),
            (TokenAmount(2**256 - 1, 0), str(2**256 - 1)),
            (TokenAmount(1, 255), "0." + "0" * 254 + "1"),
        ):
            self.assertEqual(str(amount), text)

    def test_text_ends_at_its_first_zero_and_may_be_foreign(self) -> None:
        self.assertEqual(Value.of("VenueSession", venue="x" * 16).fields["venue"], "x" * 16)
        data = bytearray(Value.of("VenueSession", venue="Zürich").data)
        data[10:12] = b"no"
        decoded = native.decode(native.encode(message(Value(54, bytes(data)), domain="execution")))
        self.assertEqual(decoded.body.fields["venue"], "Zürich")
        for raw, text in (
            (b"a\xffb\0", "a?b"),
            (b"a\xe2\x82b\0", "a??b"),
            (b"\xed\xa0\x80\0", "???"),
            (b"\xf0\x9f\x98\0", "???"),
        ):
            data[: len(raw)] = raw
            decoded = native.decode(native.encode(message(Value(54, bytes(data)), domain="execution")))
            self.assertEqual(decoded.body.fields["venue"].replace("\N{REPLACEMENT CHARACTER}", "?"), text)

    def test_the_json_is_one_line_that_a_json_reader_takes(self) -> None:
        text = native.to_json(message(Value.of("VenueSession", venue='"\\\n\t\x01é'), domain="execution"))
        self.assertNotIn("\n", text)
        self.assertEqual(json.loads(text)["body"]["venue"], '"\\\n\t\x01é')
        text = native.to_json(message(Value.of("VenueSession", venue="\\b\b\f\\"), domain="execution"))
        self.assertIn(r'"venue":"\\b\u0008\u000c\\"', text)

    def test_a_trace_in_front_is_the_body(self) -> None:
        trace = Value.of("TraceContext", flags=1)
        shown = native.to_object(message(trade(), trace, trace))
        self.assertEqual(shown["trace"]["flags"], 1)
        self.assertEqual([value["type"] for value in shown["values"]], ["TraceContext"])
        shown = native.to_object(message(trace, trace, trade()))
        self.assertEqual(shown["type"], "TraceContext")
        self.assertNotIn("trace", shown)
        self.assertEqual([value["type"] for value in shown["values"]], ["TraceContext", "Trade"])


if __name__ == "__main__":
    unittest.main()
