#!/usr/bin/env python3
"""Is there a file that nothing uses?

header       no other file includes it
page module  no other file of web/ names it
tool         nothing names it (the tests of tools/ do not count)
document     no other page links to it
"""

import pathlib
import re
import sys

import tree

def _is_page_module(path: pathlib.Path) -> bool:
    stem = path.name.split(".", 1)[0]
    return (path.parts[:2] == ("web", "src") and path.suffix in {".ts", ".tsx", ".css"}
            and not re.search(r"(_test|\.test)\.tsx?$|\.d\.ts$", path.name) and stem != "main")


def check(root: pathlib.Path) -> tuple[list[str], int]:
    texts: dict[pathlib.Path, str] = {}
    for path in tree.tracked_files(root):
        text = tree.text_of(root / path)
        if text is not None:
            texts[path] = text
    findings = []

    included = {path for text_path, text in texts.items() for path in
                (p for p in re.findall(r'^\s*#\s*include\s*"([^"]+)"', text, re.M)
                 if f"src/{p}" != text_path.as_posix() and p != text_path.as_posix())}
    generated_for = "\n".join(t for p, t in texts.items() if p.name == "CMakeLists.txt" or p.suffix == ".cmake")
    page_texts = {p: t for p, t in texts.items() if p.parts[0] == "web"}
    for path in texts:
        name = path.as_posix()
        if path.suffix == ".h" and path.parts[0] in {"src", "bench", "fuzz", "tests"}:
            include = name.removeprefix("src/")
            if include not in included and include not in generated_for:
                findings.append(f"{name}: no file includes it")
        elif _is_page_module(path):
            stem = path.name.split(".", 1)[0]
            pattern = re.compile(rf"""["'./]{re.escape(stem)}(?:\.\w+)?["']""")
            if not any(pattern.search(t) for p, t in page_texts.items() if p != path and "_test." not in p.name):
                findings.append(f"{name}: no module of the page imports it")
        elif path.parts[0] == "tools" and path.suffix == ".py" and not path.name.endswith("_test.py"):
            pattern = re.compile(rf"\b{re.escape(path.stem)}\b")
            if not any(pattern.search(t) for p, t in texts.items()
                       if p != path and not p.name.endswith("_test.py") and p.suffix != ".md"):
                findings.append(f"{name}: nothing calls it")
        elif path.suffix == ".md" and path.parts[0] == "docs":
            if not any(path.name in t for p, t in texts.items() if p != path):
                findings.append(f"{name}: no page leads to it")
    return findings, len(texts)


def main() -> int:
    options = tree.arguments(__doc__).parse_args()
    findings, looked_at = check(options.root)
    return tree.finish("check_unused", findings, f"{looked_at} files")


if __name__ == "__main__":
    sys.exit(main())
