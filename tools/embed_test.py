"""stoa_embed(): the program gets the files' bytes, and a file that changes or appears reaches the next build."""

import pathlib
import shutil
import subprocess
import tempfile
import unittest

REPO = pathlib.Path(__file__).resolve().parent.parent
CMAKE = """\
cmake_minimum_required(VERSION 3.25)
project(tiny LANGUAGES CXX)
set(CMAKE_CXX_STANDARD 23)
include(cmake/StoaEmbed.cmake)
add_executable(tiny main.cc)
target_include_directories(tiny PRIVATE ${CMAKE_SOURCE_DIR}/src)
stoa_embed_page(tiny)
"""
HEADER = """\
#pragma once
#include <cstdint>
#include <span>
#include <string_view>
namespace stoa::gateway {
struct PageAsset {
  std::string_view path;
  std::string_view content_type;
  std::string_view etag;
  std::span<const std::uint8_t> bytes;
  bool immutable;
};
std::span<const PageAsset> page_assets() noexcept;
}  // namespace stoa::gateway
"""
MAIN = """\
#include <iostream>
#include "gateway/page_assets.h"
int main() {
  for (const auto& asset : stoa::gateway::page_assets()) {
    std::cout << asset.path << '|' << asset.content_type << '|' << asset.etag.size() << '|' << asset.immutable << '|';
    std::cout.write(reinterpret_cast<const char*>(asset.bytes.data()), static_cast<std::streamsize>(asset.bytes.size()));
    std::cout << '\\n';
  }
}
"""


@unittest.skipUnless(shutil.which("cmake") and shutil.which("ninja"), "cmake or ninja is missing: ./dev setup")
class Embed(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = pathlib.Path(folder.name)
        shutil.copytree(REPO / "cmake", self.root / "cmake")
        (self.root / "tools").mkdir()
        shutil.copy(REPO / "tools/embed.py", self.root / "tools")
        for name, text in (("CMakeLists.txt", CMAKE), ("main.cc", MAIN), ("src/gateway/page_assets.h", HEADER)):
            self.write(name, text)

    def write(self, name: str, text: str) -> None:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def built(self) -> list[str]:
        if not (self.root / "build/build.ninja").exists():
            subprocess.run(["cmake", "-G", "Ninja", "-B", "build"], cwd=self.root, check=True, capture_output=True)
        subprocess.run(["cmake", "--build", "build"], cwd=self.root, check=True, capture_output=True)
        return subprocess.run([self.root / "build/tiny"], check=True, capture_output=True, text=True).stdout.splitlines()

    def test_without_a_page_the_program_says_how_to_build_one(self):
        lines = self.built()
        self.assertTrue(lines[0].startswith("/index.html|text/html; charset=utf-8|22|0|<!doctype html>"), lines[0])
        self.assertIn("./dev run", "\n".join(lines))

    def test_a_page_that_appears_and_changes_is_taken_up(self):
        self.built()
        self.write("web/dist/index.html", "<p>one")
        self.write("web/dist/assets/index-D3adBe3f.js", "let x")
        self.write("web/dist/assets/index-D3adBe3f.js.map", "{}")
        self.assertEqual(self.built(), ["/assets/index-D3adBe3f.js|text/javascript; charset=utf-8|22|1|let x",
                                        "/index.html|text/html; charset=utf-8|22|0|<p>one"])
        self.write("web/dist/index.html", "<p>another")
        self.assertEqual(self.built()[1], "/index.html|text/html; charset=utf-8|22|0|<p>another")


if __name__ == "__main__":
    unittest.main()
