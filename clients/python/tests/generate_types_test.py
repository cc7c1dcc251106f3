"""The tables in use are those of the page, and a page that contradicts itself is refused."""

from __future__ import annotations

import unittest

import generate_types


class GenerateTypesTest(unittest.TestCase):
    def setUp(self) -> None:
        self.page = generate_types.PAGE.read_text(encoding="utf-8")

    def test_the_tables_are_what_the_page_says(self) -> None:
        made = generate_types.module_text(*generate_types.read_page(self.page))
        self.assertTrue(
            generate_types.TARGET.read_text(encoding="utf-8") == made,
            "native_types.py is stale: run clients/python/generate_types.py",
        )

    def test_a_page_that_contradicts_itself_is_refused(self) -> None:
        for before, after, why in (
            ("| 4 | 1 | taker_side |", "| 5 | 1 | taker_side |", "taker_side is at 5"),
            ("### 1 Trade, 40 bytes", "### 1 Trade, 48 bytes", "type 1:"),
            ("### 3 BookSnapshot, 40 + n × 16", "### 3 BookSnapshot, 40 + n × 24", "type 3:"),
            ("| 4 | 1 | taker_side | u8, `Trade.taker_side`", "| 4 | 1 | taker_side | u9", "no such kind of field: u9"),
            ("| `Trade.taker_side` | 0 buy", "| `Trade.taker_site` | 0 buy", "no enumeration Trade.taker_side"),
            ("0 buy · 1 sell", "0 buy · sell", "cannot be read"),
            ("### 2 Quote, 56 bytes", "### Quote", "Trade: 2 tables"),
        ):
            with self.subTest(why):
                self.assertIn(before, self.page)
                with self.assertRaisesRegex(generate_types.PageError, why):
                    generate_types.read_page(self.page.replace(before, after, 1))


if __name__ == "__main__":
    unittest.main()
