#!/usr/bin/env python3
"""Words that do not belong into tracked files.

- paths of the machine that somebody worked on; beside the tree only ../shared/data and ../shared/suites are known
- open ends (the usual four words) without a decision that they wait for
- host names of package registries: mirrors are a matter of the machine
- spellings of identifiers that the project's vocabulary does not use
A line that must break a rule ends in a comment with `words: allow`, and says why.
"""

import pathlib
import re
import sys

import tree

# Put together from pieces, so that this file passes its own check.
_REGISTRIES = ["registry.npm" "js.org", "registry.yarn" "pkg.com", "npm" "js.com", "deb.deb" "ian.org",
               "security.deb" "ian.org", "py" "pi.org", "files.python" "hosted.org", "crates" ".io",
               "proxy.go" "lang.org", "repo1.maven" ".org"]
_OPEN_ENDS = "|".join(["TO" "DO", "FIX" "ME", "XX" "X", "HA" "CK"])

_TEXT_RULES: list[tuple[re.Pattern[str], str]] = [
    (re.compile(r"(?<![\w.$}])/wo" r"rk(?![\w-])|/ro" r"ot/"), "path of a workplace"),
    (re.compile(r"\.\./sha" r"red(?!/(?:data|suites)\b)"), "path of a workplace"),
    (re.compile(rf"\b(?:{_OPEN_ENDS})\b(?!\(decision-\d{{4}}\))"), "open end without (decision-NNNN)"),
    (re.compile("|".join(re.escape(host) for host in _REGISTRIES)), "host name of a package registry"),
]

# The vocabulary's word for what the banned one means; identifiers only, so wire texts in quotes may differ.
_IDENTIFIER_RULES: list[tuple[re.Pattern[str], str]] = [
    (re.compile(r"cancell(?:ed|ing)", re.I), "one l: canceled, canceling"),
    (re.compile(r"(?:^|_)amend|Amend"), "replace, not amend"),
    (re.compile(r"cummulative", re.I), "cum_qty, cumulative"),
]
_CODE_SUFFIXES = {".h", ".cc", ".cpp", ".py", ".ts", ".tsx", ".mjs", ".js", ".sql"}
_IDENTIFIER = re.compile(r"[A-Za-z_]\w*")
_STRINGS_AND_COMMENTS = re.compile(
    r'//[^\n]*|/\*.*?\*/|R"(?P<tag>[^()\\\s]{0,16})\(.*?\)(?P=tag)"|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.S)
_PYTHON_STRINGS_AND_COMMENTS = re.compile(
    r'""".*?"""|\'\'\'.*?\'\'\'|#[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.S)


def check_text(name: str, text: str) -> list[str]:
    findings = []
    lines = text.splitlines()
    for number, line in enumerate(lines, start=1):
        if "words: allow" in line:
            continue
        for pattern, why in _TEXT_RULES:
            match = pattern.search(line)
            if match:
                findings.append(f"{name}:{number}: {match[0]!r}: {why}")
    suffix = pathlib.PurePath(name).suffix
    if suffix in _CODE_SUFFIXES:
        quoted = _PYTHON_STRINGS_AND_COMMENTS if suffix == ".py" else _STRINGS_AND_COMMENTS
        code = quoted.sub(lambda m: "\n" * m[0].count("\n") or " ", text)
        for number, line in enumerate(code.splitlines(), start=1):
            if "words: allow" in lines[number - 1]:
                continue
            for identifier in _IDENTIFIER.findall(line):
                for pattern, why in _IDENTIFIER_RULES:
                    if pattern.search(identifier):
                        findings.append(f"{name}:{number}: {identifier}: {why}")
    return findings


def main() -> int:
    options = tree.arguments(__doc__).parse_args()
    findings: list[str] = []
    files = tree.tracked_files(options.root)
    for path in files:
        text = tree.text_of(options.root / path)
        if text is not None and "third_party" not in path.parts:
            findings += check_text(path.as_posix(), text)
    return tree.finish("check_words", findings, f"{len(files)} files")


if __name__ == "__main__":
    sys.exit(main())
