#!/usr/bin/env python3
"""Writes OUT.cc and OUT.S, which carry a list of files inside a program (see cmake/StoaEmbed.cmake)."""

import argparse
import hashlib
import pathlib
import re
import sys

_CONTENT_TYPES = {
    ".html": "text/html; charset=utf-8", ".js": "text/javascript; charset=utf-8",
    ".mjs": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8", ".json": "application/json",
    ".webmanifest": "application/manifest+json", ".svg": "image/svg+xml", ".png": "image/png",
    ".ico": "image/x-icon", ".webp": "image/webp", ".woff2": "font/woff2", ".txt": "text/plain; charset=utf-8",
    ".md": "text/plain; charset=utf-8", ".toml": "application/toml", ".wasm": "application/wasm",
}
_HASHED_NAME = re.compile(r"-[A-Za-z0-9_-]{8,}\.\w+$")


def quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def write_if_changed(path: pathlib.Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists() or path.read_text() != text:
        path.write_text(text)
    else:
        path.touch()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("name", "namespace", "header", "type"):
        parser.add_argument(f"--{name}", required=True)
    for name in ("root", "list", "out"):
        parser.add_argument(f"--{name}", type=pathlib.Path, required=True)
    parser.add_argument("--fields", nargs="+", required=True,
                        choices=["path", "content_type", "etag", "bytes", "immutable"])
    options = parser.parse_args()

    files = sorted(pathlib.Path(line) for line in options.list.read_text().splitlines() if line)
    assembly = ['#if defined(__linux__) && defined(__ELF__)', '.section .note.GNU-stack,"",%progbits', "#endif",
                ".section .rodata"]
    declarations = []
    rows = []
    for index, file in enumerate(files):
        data = file.read_bytes()
        path = "/" + file.relative_to(options.root).as_posix()
        symbol = f"stoa_{options.name}_{index}"
        assembly += [".balign 16", f".global {symbol}", f".hidden {symbol}", f"{symbol}:",
                     f".incbin {quoted(str(file))}", ".byte 0"]
        declarations.append(f"extern const std::uint8_t {symbol}[];  // {path}")
        field = {
            "path": quoted(path),
            "content_type": quoted(_CONTENT_TYPES.get(file.suffix, "application/octet-stream")),
            "etag": quoted(f'"{hashlib.sha256(data).hexdigest()[:20]}"'),
            "bytes": f"{{{symbol}, {len(data)}}}",
            "immutable": "true" if path.startswith("/assets/") and _HASHED_NAME.search(path) else "false",
        }
        members = ", ".join(f".{name} = {field[name]}" for name in options.fields)
        rows.append(f"      {options.type}{{{members}}},")
    source = "\n".join([
        f"// Written by tools/embed.py from {len(files)} files; not for editing.",
        f'#include "{options.header}"', "", "#include <array>", "#include <cstdint>", "#include <span>", "",
        'extern "C" {', *declarations, "}", "", f"namespace {options.namespace} {{", "",
        f"std::span<const {options.type}> {options.name}() noexcept {{",
        f"  static const std::array<{options.type}, {len(files)}> kAll{{{{", *rows, "  }};", "  return kAll;", "}", "",
        f"}}  // namespace {options.namespace}", ""])
    write_if_changed(options.out.with_name(options.out.name + ".cc"), source)
    write_if_changed(options.out.with_name(options.out.name + ".S"), "\n".join(assembly) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
