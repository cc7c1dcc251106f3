#!/usr/bin/env python3
"""Do the includes below src/ follow the arrows that src/CMakeLists.txt states, and do the link targets agree?

A folder includes itself and the folders to its left; folders inside one brace do not see each other; tests obey too.
Project includes are quoted and start at src/; everything else stands in angle brackets.
"""

import pathlib
import re
import sys

import tree

_INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*(?:(?P<open>["<])(?P<path>[^">\n]*)[">]|(?P<other>\S+))', re.M)
_BLOCK_COMMENT = re.compile(r"/\*.*?\*/", re.S)
_RAW_STRING = re.compile(r'R"(?P<tag>[^()\\\s]{0,16})\(.*?\)(?P=tag)"', re.S)


class LayersError(Exception):
    """The arrow line itself cannot be read."""


def read_layers(cmake_text: str) -> list[frozenset[str]]:
    """The arrow line `base < {a, b} < c`, a set per place. It is a comment that may run over several lines."""
    lines: list[str] = []
    for line in cmake_text.splitlines():
        match = re.match(r"\s*#\s*(.*?)\s*$", line)
        if lines and match and match[1].startswith("<"):
            lines.append(match[1])
        elif lines:
            break
        elif match and re.match(r"base\s*<", match[1]):
            lines.append(match[1])
    if not lines:
        raise LayersError("src/CMakeLists.txt has no comment that starts with `base <`")
    layers = []
    for place in " ".join(lines).split("<"):
        names = frozenset(name.strip() for name in place.strip().strip("{}").split(","))
        if not all(re.fullmatch(r"[a-z][a-z0-9_]*", name) for name in names):
            raise LayersError(f"cannot read `{place.strip()}` in the arrow line of src/CMakeLists.txt")
        layers.append(names)
    every = [name for layer in layers for name in layer]
    if len(every) != len(set(every)):
        raise LayersError("a folder stands twice in the arrow line of src/CMakeLists.txt")
    return layers


def visible(layers: list[frozenset[str]]) -> dict[str, frozenset[str]]:
    """What each folder may include: itself and all to its left."""
    result: dict[str, frozenset[str]] = {}
    left: frozenset[str] = frozenset()
    for layer in layers:
        for name in layer:
            result[name] = left | {name}
        left |= layer
    return result


def read_depends(cmake_text: str) -> dict[str, frozenset[str]]:
    """DEPENDS of each stoa_folder(); `apps` is what the program stoa and its library stoa_apps link."""
    text = re.sub(r"#[^\n]*", "", cmake_text)
    result: dict[str, frozenset[str]] = {}
    for call in re.finditer(r"stoa_folder\(\s*(\w+)([^)]*)\)", text):
        words = call[2].split()
        depends: list[str] = []
        keyword = ""
        for word in words:
            if word in {"DEPENDS", "LINK", "TEST_LINK"}:
                keyword = word
            elif keyword == "DEPENDS":
                depends.append(word)
        result[call[1]] = frozenset(depends)
    for call in re.finditer(r"target_link_libraries\(\s*stoa(?:_apps)?\s([^)]*)\)", text):
        linked = frozenset(w.removeprefix("stoa_") for w in call[1].split() if w.startswith("stoa_") and w != "stoa_apps")
        result["apps"] = result.get("apps", frozenset()) | linked
    return result


def reachable(depends: dict[str, frozenset[str]], folder: str) -> frozenset[str]:
    seen = {folder}
    todo = [folder]
    while todo:
        for name in depends.get(todo.pop(), frozenset()) - seen:
            seen.add(name)
            todo.append(name)
    return frozenset(seen)


def includes(text: str) -> list[tuple[int, str, str]]:
    """Line, kind (`"`, `<` or `` for neither) and path of each include directive outside comments and raw strings."""
    def blank(match: re.Match[str]) -> str:
        return "\n" * match[0].count("\n")
    text = _BLOCK_COMMENT.sub(blank, _RAW_STRING.sub(blank, text))
    return [(text.count("\n", 0, m.start()) + 1, m["open"] or "", m["path"] if m["open"] else m["other"])
            for m in _INCLUDE.finditer(text)]


def check(root: pathlib.Path) -> tuple[list[str], int]:
    cmake_path = root / "src/CMakeLists.txt"
    cmake_text = cmake_path.read_text()
    may_see = visible(read_layers(cmake_text))
    depends = read_depends(cmake_text)
    findings: list[str] = []

    for folder, names in sorted(depends.items()):
        if folder not in may_see:
            findings.append(f"src/CMakeLists.txt: target {folder} is not in the arrow line")
            continue
        for name in sorted(names - may_see[folder] | names & {folder}):
            findings.append(f"src/CMakeLists.txt: stoa_{folder} links stoa_{name}, which is not to its left")

    sources = [p for p in tree.tracked_files(root) if p.suffix in {".h", ".cc", ".cpp", ".inc"}]
    helpers = {"bench", "fuzz", "tests"}
    looked_at = 0
    for path in sources:
        top = path.parts[0]
        if top not in helpers | {"src"} or len(path.parts) < (3 if top == "src" else 2):
            continue
        looked_at += 1
        folder = path.parts[1] if top == "src" else top
        if top == "src" and folder not in may_see:
            findings.append(f"{path}: folder {folder} is not in the arrow line of src/CMakeLists.txt")
            continue
        linked = reachable(depends, folder)
        for line, kind, target in includes((root / path).read_text(errors="replace")):
            where = f"{path}:{line}"
            first = target.split("/", 1)[0]
            if kind == "":
                findings.append(f"{where}: include by macro ({target}) hides what is included")
            elif kind == "<":
                if "/" in target and first in may_see:
                    findings.append(f"{where}: <{target}> is ours: write it in quotes")
            elif "/" not in target or ".." in target.split("/"):
                findings.append(f'{where}: "{target}" must start at src/ (or be in <> when it is not ours)')
            elif top != "src":
                if first not in may_see and first not in helpers:
                    findings.append(f'{where}: "{target}" is not ours: write it in <>')
            elif first not in may_see:
                findings.append(f'{where}: "{target}" is not a folder of src/: write it in <> when it is not ours')
            elif first not in may_see[folder]:
                findings.append(f'{where}: {folder} may not include {first} ("{target}")')
            elif depends and folder in depends and first not in linked:
                findings.append(f'{where}: {folder} includes "{target}" but stoa_{folder} does not link stoa_{first}')
    return findings, looked_at


def main() -> int:
    options = tree.arguments(__doc__).parse_args()
    try:
        findings, looked_at = check(options.root)
    except LayersError as error:
        print(f"check_layers: {error}", file=sys.stderr)
        return 3
    return tree.finish("check_layers", findings, f"{looked_at} files")


if __name__ == "__main__":
    sys.exit(main())
