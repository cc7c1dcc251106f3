"""The smaller checks: documents, unused files, licences, totals."""

import hashlib
import pathlib
import tarfile
import tempfile
import unittest

import check_docs
import check_licences
import check_unused
import package
import test_totals


class Checks(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = pathlib.Path(folder.name)

    def write(self, name: str, text: str = "") -> None:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def test_a_link_to_nowhere_is_found(self):
        self.write("docs/b.md", "# The part: one\n")
        self.write("docs/a.md", "[x](b.md) [y](b.md#the-part-one) [z](../docs/) `[no](gone.md)`\n")
        page = pathlib.Path("docs/a.md")
        self.assertEqual(check_docs.check_page(self.root, page), [])
        self.write("docs/a.md", "\n[x](gone.md)\n[y](b.md#the-part-two)\n```\n[no](gone.md)\n```\n")
        self.assertEqual(check_docs.check_page(self.root, page),
                         ["docs/a.md:2: gone.md leads nowhere", "docs/a.md:3: b.md#the-part-two: no such heading"])

    def test_files_that_nothing_uses_are_found(self):
        self.write("src/base/a.h", '#include "base/a.h"\n')
        self.write("src/base/b.h")
        self.write("src/base/b.cc", '#include "base/b.h"\n')
        self.write("web/src/main.tsx", 'import { x } from "./lib/used";\n')
        self.write("web/src/lib/used.ts")
        self.write("web/src/lib/spare.ts")
        self.write("web/src/lib/spare_test.ts", 'import { x } from "./spare";\n')
        self.write("docs/README.md", "[a](page.md)\n")
        self.write("README.md", "[docs](docs/README.md)\n")
        self.write("docs/page.md")
        self.write("docs/lost.md")
        self.assertEqual([f.split(":", 1)[0] for f in check_unused.check(self.root)[0]],
                         ["docs/lost.md", "src/base/a.h", "web/src/lib/spare.ts"])

    def test_a_library_without_its_line_in_notice_is_found(self):
        self.write("CMakeLists.txt", "find_package(fmt REQUIRED)\nfind_package(ZLIB)  # find_package(Other)\n")
        self.write("NOTICE", "- fmt (fmt): MIT\n")
        self.assertEqual(check_licences.check(self.root), ["NOTICE: find_package(ZLIB) is not listed"])
        self.write("NOTICE", "- fmt (fmt): MIT\n- zlib (ZLIB): GPL-3.0-only\n")
        self.assertEqual(check_licences.check(self.root),
                         ["NOTICE: ZLIB has licence GPL-3.0-only, which is not one that we ship"])

    def test_totals_add_up_over_the_runners(self):
        self.write("ctest.xml", '<testsuite tests="10" failures="1" disabled="1" skipped="2"><testcase/></testsuite>')
        self.write("web.xml", '<testsuites tests="5" failures="0" errors="1"><testsuite tests="5" failures="0" '
                   'errors="1" skipped="1"/></testsuites>')
        self.write("tools.xml", '<testsuite tests="3" failures="0" skipped="0"/>')
        self.assertEqual(test_totals.totals(self.root), (6 + 3 + 3, 2, 4))

    def test_a_result_that_cannot_be_read_is_a_failure(self):
        self.write("ctest.xml", "<testsuite")
        self.assertEqual(test_totals.totals(self.root), (0, 1, 0))

    def test_the_same_release_packs_to_the_same_bytes(self):
        for paper in package.PAPERS:
            self.write(paper, paper)
        self.write("stoa", "program")
        archive = package.pack(self.root, self.root / "stoa", self.root / "out", "1.2.3", 1_700_000_000)
        again = package.pack(self.root, self.root / "stoa", self.root / "again", "1.2.3", 1_700_000_000)
        self.assertEqual(archive.read_bytes(), again.read_bytes())
        digest = archive.with_name(archive.name + ".sha256").read_text().split()[0]
        self.assertEqual(digest, hashlib.sha256(archive.read_bytes()).hexdigest())
        with tarfile.open(archive) as members:
            program = next(m for m in members if m.name.endswith("/bin/stoa"))
            self.assertEqual((program.mode, len(members.getnames())), (0o755, 1 + len(package.PAPERS)))


if __name__ == "__main__":
    unittest.main()
