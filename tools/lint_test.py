"""`./dev lint` over a tiny tree: clean it passes, and each planted fault fails it by name."""

import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest

REPO = pathlib.Path(__file__).resolve().parent.parent
NEEDED = ["clang++-19", "clang-tidy-19", "clang-format-19", "cmake", "ninja"]
CMAKE = """\
cmake_minimum_required(VERSION 3.25)
project(tiny LANGUAGES CXX)
set(CMAKE_CXX_STANDARD 23)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
list(APPEND CMAKE_MODULE_PATH ${CMAKE_SOURCE_DIR}/cmake)
include(StoaOptions)
add_library(tiny src/base/a.cc src/model/b.cc)
target_link_libraries(tiny PRIVATE stoa_flags)
"""
HEADER = """\
#pragma once

namespace stoa {

[[nodiscard]] int twice(int number);

}  // namespace stoa
"""
BASE = """\
#include "base/a.h"

namespace stoa {

int twice(int number) { return 2 * number; }

}  // namespace stoa
"""
MODEL = """\
#include "base/a.h"

namespace stoa {

int four_times(int number);
int four_times(int number) { return twice(twice(number)); }

}  // namespace stoa
"""


@unittest.skipUnless(all(map(shutil.which, NEEDED)), "clang 19's tools are missing: ./dev setup installs them")
class Lint(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.folder.cleanup)
        cls.root = pathlib.Path(cls.folder.name) / "tiny"
        shutil.copytree(REPO / "tools", cls.root / "tools", ignore=shutil.ignore_patterns("__pycache__", "node"))
        shutil.copytree(REPO / "cmake", cls.root / "cmake")
        for name in ("dev", "CMakePresets.json", ".clang-format", ".clang-tidy", "NOTICE"):
            shutil.copy(REPO / name, cls.root / name)
        (cls.root / ".ci").mkdir()
        shutil.copy(REPO / ".ci/run", cls.root / ".ci/run")
        cls.write("CMakeLists.txt", CMAKE)
        cls.write("src/CMakeLists.txt", "# base < model < apps\nstoa_folder(base)\nstoa_folder(model DEPENDS base)\n")

    @classmethod
    def write(cls, name: str, text: str) -> None:
        path = cls.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def setUp(self):
        self.write("src/base/a.h", HEADER)
        self.write("src/base/a.cc", BASE)
        self.write("src/model/b.cc", MODEL)

    def lint(self) -> tuple[int, str]:
        done = subprocess.run(["./dev", "lint"], cwd=self.root, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              env={**os.environ, "XDG_CACHE_HOME": str(self.root.parent / "cache")})
        return done.returncode, done.stdout + done.stderr

    def assert_fails(self, stage: str, *words: str) -> None:
        code, output = self.lint()
        self.assertNotEqual(code, 0, output)
        self.assertIn(f"lint failed: {stage}\n", output)
        for word in words:
            self.assertIn(word, output)

    def test_a_clean_tree_passes_and_is_remembered(self):
        code, output = self.lint()
        self.assertEqual(code, 0, output)
        code, output = self.lint()
        self.assertEqual(code, 0, output)
        self.assertIn("0 sources looked at, 2 unchanged", output)

    def test_an_include_against_the_arrows_fails(self):
        self.write("src/base/a.h", HEADER.replace("namespace stoa {\n", '#include "model/c.h"\n\nnamespace stoa {\n', 1))
        self.write("src/model/c.h", "#pragma once\n")
        self.addCleanup((self.root / "src/model/c.h").unlink)
        code, output = self.lint()
        self.assertNotEqual(code, 0)
        self.assertIn("base may not include model", output)

    def test_a_compiler_warning_fails(self):
        self.write("src/model/b.cc", MODEL.replace("{ return", "{\n  const long spare = number;\n  return").replace(
            "number)); }", "number));\n}"))
        self.assert_fails("tidy", "clang-diagnostic-unused-variable", "src/model/b.cc:7:")

    def test_a_warning_in_a_header_is_seen_although_no_source_changed(self):
        self.assertEqual(self.lint()[0], 0)
        self.write("src/base/a.h", HEADER.replace("}  //", "inline long wide(unsigned long number) { return number; }"
                                                  "\n\n}  //", 1))
        self.assert_fails("tidy", "clang-diagnostic-sign-conversion", "src/base/a.h:7:")

    def test_a_misformatted_file_fails(self):
        self.write("src/base/a.cc", BASE.replace("{ return 2", "{return  2"))
        self.assert_fails("format", "src/base/a.cc: not formatted")

    def test_an_open_end_fails(self):
        self.write("src/base/a.cc", BASE.replace("\nint", "\n// TO" "DO: more\nint"))
        self.assert_fails("text", "src/base/a.cc:5:")


if __name__ == "__main__":
    unittest.main()
