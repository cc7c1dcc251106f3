import pathlib
import tempfile
import unittest

import check_layers

CMAKE = """\
# base < model < {bus, book}
#      < oms < cli < apps
stoa_folder(base LINK fmt::fmt)
stoa_folder(model DEPENDS base)
stoa_folder(bus DEPENDS base)
stoa_folder(book DEPENDS model)  # DEPENDS oms, in a comment
stoa_folder(oms DEPENDS book LINK z TEST_LINK q)
stoa_folder(cli DEPENDS oms bus)
target_link_libraries(stoa PRIVATE stoa_cli fmt::fmt)
"""


class Layers(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = pathlib.Path(folder.name)
        self.write("src/CMakeLists.txt", CMAKE)

    def write(self, name: str, text: str) -> None:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def findings_for(self, name: str, text: str) -> list[str]:
        self.write(name, text)
        return check_layers.check(self.root)[0]

    def assert_fine(self, name: str, text: str) -> None:
        self.assertEqual(self.findings_for(name, text), [])

    def assert_finding(self, name: str, text: str, words: str) -> None:
        findings = self.findings_for(name, text)
        self.assertEqual(len(findings), 1, findings)
        self.assertIn(words, findings[0])

    def test_the_arrow_line_may_run_over_lines(self):
        self.assertEqual(check_layers.read_layers(CMAKE),
                         [{"base"}, {"model"}, {"bus", "book"}, {"oms"}, {"cli"}, {"apps"}])

    def test_a_tree_without_arrows_is_an_error(self):
        with self.assertRaises(check_layers.LayersError):
            check_layers.read_layers("stoa_folder(base)\n")

    def test_a_folder_named_twice_is_an_error(self):
        with self.assertRaises(check_layers.LayersError):
            check_layers.read_layers("# base < model < base\n")

    def test_a_folder_sees_itself_and_all_that_it_links_to_its_left(self):
        self.assert_fine("src/oms/a.cc", '#include "oms/a.h"\n#include "book/b.h"\n#include "base/c.h"\n')

    def test_a_folder_does_not_see_to_its_right(self):
        self.assert_finding("src/base/a.cc", '#include "model/a.h"\n', "src/base/a.cc:1: base may not include model")

    def test_folders_in_one_brace_do_not_see_each_other(self):
        self.assert_finding("src/bus/a.h", '#include "book/a.h"\n', "bus may not include book")

    def test_tests_obey_too(self):
        self.assert_finding("src/book/a_test.cc", '#include "oms/a.h"\n', "book may not include oms")

    def test_subfolders_obey_their_top_folder(self):
        self.assert_finding("src/book/matching/a.h", '#include "oms/a.h"\n', "book may not include oms")

    def test_an_include_to_the_left_needs_the_link(self):
        self.assert_finding("src/oms/a.h", '#include "bus/a.h"\n', "does not link stoa_bus")

    def test_links_through_another_target_count(self):
        self.assert_fine("src/apps/main.cc", '#include "base/a.h"\n#include "bus/a.h"\n')

    def test_a_link_to_the_right_is_refused(self):
        self.assert_finding("src/CMakeLists.txt", CMAKE.replace("base LINK", "base DEPENDS model LINK"),
                            "stoa_base links stoa_model")

    def test_a_link_inside_a_brace_is_refused(self):
        self.assert_finding("src/CMakeLists.txt", CMAKE.replace("bus DEPENDS base", "bus DEPENDS book"),
                            "stoa_bus links stoa_book")

    def test_a_target_outside_the_arrows_is_refused(self):
        self.assert_finding("src/CMakeLists.txt", CMAKE + "stoa_folder(other)\n", "target other is not in the arrow")

    def test_a_folder_outside_the_arrows_is_refused(self):
        self.assert_finding("src/other/a.h", "", "folder other is not in the arrow line")

    def test_third_party_stands_in_angle_brackets(self):
        self.assert_fine("src/base/a.h", "#include <fmt/format.h>\n#include <vector>\n")
        self.assert_finding("src/base/a.h", '#include "fmt/format.h"\n', "not a folder of src/")

    def test_ours_stands_in_quotes(self):
        self.assert_finding("src/model/a.h", "#include <base/a.h>\n", "write it in quotes")

    def test_a_relative_include_is_refused(self):
        self.assert_finding("src/model/a.cc", '#include "a.h"\n', "must start at src/")
        self.assert_finding("src/model/a.cc", '#include "base/../model/a.h"\n', "must start at src/")

    def test_an_include_by_macro_is_refused(self):
        self.assert_finding("src/model/a.cc", "#include WHATEVER\n", "include by macro")

    def test_comments_and_raw_strings_include_nothing(self):
        self.assert_fine("src/base/a.cc", '/*\n#include "oms/a.h"\n*/\n// #include "oms/a.h"\n'
                         'auto s = R"(\n#include "oms/a.h"\n)";\n')

    def test_the_line_number_counts_through_comments(self):
        self.assert_finding("src/base/a.cc", '/*\n\n*/\n  #  include "oms/a.h"\n', "src/base/a.cc:4:")

    def test_benches_see_everything_of_ours_but_only_quoted(self):
        self.assert_fine("bench/a.cc", '#include "oms/a.h"\n#include "bench/flow.h"\n#include <benchmark/benchmark.h>\n')
        self.assert_finding("bench/a.cc", '#include "benchmark/benchmark.h"\n', "not ours")


if __name__ == "__main__":
    unittest.main()
