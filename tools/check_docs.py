#!/usr/bin/env python3
"""Do links between the Markdown pages lead somewhere: the file and, where one is named, the heading?"""

import pathlib
import re
import sys

import tree

_FENCE = re.compile(r"^(```|~~~).*?^\1", re.M | re.S)
_CODE = re.compile(r"`[^`\n]*`")
_LINK = re.compile(r"!?\[[^\]]*\]\(<?([^)\s>]+)>?(?:\s+\"[^\"]*\")?\)")
_HEADING = re.compile(r"^#{1,6}\s+(.*?)\s*#*\s*$", re.M)


def anchor(heading: str) -> str:
    heading = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).replace("`", "")
    return re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-")


def check_page(root: pathlib.Path, page: pathlib.Path) -> list[str]:
    def blank(match: re.Match[str]) -> str:
        return "\n" * match[0].count("\n")
    text = _CODE.sub(blank, _FENCE.sub(blank, (root / page).read_text()))
    findings = []
    for match in _LINK.finditer(text):
        target, _, wanted = match[1].partition("#")
        if re.match(r"[a-z]+:", match[1]):
            continue
        where = f"{page}:{text.count(chr(10), 0, match.start()) + 1}"
        file = root / page if not target else root / target.lstrip("/") if target.startswith("/") else (
            root / page.parent / target)
        if not file.exists():
            findings.append(f"{where}: {match[1]} leads nowhere")
        elif wanted and file.suffix == ".md":
            headings = {anchor(h) for h in _HEADING.findall(_FENCE.sub(blank, file.read_text()))}
            if wanted not in headings:
                findings.append(f"{where}: {match[1]}: no such heading")
    return findings


def main() -> int:
    options = tree.arguments(__doc__).parse_args()
    pages = [p for p in tree.tracked_files(options.root) if p.suffix == ".md" and "third_party" not in p.parts]
    findings = [finding for page in pages for finding in check_page(options.root, page)]
    return tree.finish("check_docs", findings, f"{len(pages)} pages")


if __name__ == "__main__":
    sys.exit(main())
