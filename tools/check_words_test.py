import unittest

import check_words


class Words(unittest.TestCase):
    def count(self, text: str, name: str = "src/a.cc") -> int:
        return len(check_words.check_text(name, text))

    def test_an_open_end_needs_its_decision(self):
        self.assertEqual(self.count("// TO" "DO: later\n"), 1)
        self.assertEqual(self.count("// TO" "DO(decision-0012): when the venue answers\n"), 0)
        self.assertEqual(self.count("# FIX" "ME\n", "a.sh"), 1)

    def test_paths_of_a_workplace_are_found(self):
        for path in ("/wo" "rk/main", "/ro" "ot/.cache", "../sha" "red/notes.md"):
            self.assertEqual(self.count(f"see {path}\n", "docs/a.md"), 1, path)

    def test_recordings_and_suites_beside_the_tree_are_known(self):
        self.assertEqual(self.count("../shared/data and ../shared/suites/fix\n", "docs/a.md"), 0)

    def test_words_that_only_look_alike_pass(self):
        self.assertEqual(self.count("net/work /workers /rooted to_do\n", "docs/a.md"), 0)

    def test_registry_hosts_are_found(self):
        self.assertEqual(self.count('"resolved": "https://registry.npm' 'js.org/x"\n', "package-lock.json"), 1)

    def test_banned_spellings_are_found_in_identifiers(self):
        for word in ("order_cancelled", "isCancelled", "amend_order", "AmendOrder", "cummulative_qty"):
            self.assertEqual(self.count(f"int {word} = 0;\n"), 1, word)

    def test_other_spellings_pass(self):
        self.assertEqual(self.count("bool canceled = cancellation_count > 0; int commended = 0;\n"), 0)

    def test_wire_texts_and_comments_may_spell_as_their_venue_does(self):
        self.assertEqual(self.count('if (text == "CANCELLED") return kCanceled;  // ORDER_CANCELLED at the venue\n'), 0)

    def test_a_line_can_be_allowed(self):
        self.assertEqual(self.count("int cancelled = 0;  // words: allow, the library's own name\n"), 0)

    def test_the_line_number_counts_through_block_comments(self):
        self.assertIn("src/a.cc:3:", check_words.check_text("src/a.cc", "/*\n*/\nint cancelled;\n")[0])


if __name__ == "__main__":
    unittest.main()
