#!/usr/bin/env python3
"""clang-tidy 19 and clang's own warnings over every source of a build folder, remembered per source.

A source that passed is not looked at again while the command line, .clang-tidy, the tools, the system's libraries and
every one of our files that it includes are byte for byte the same. Sources that failed are always looked at again.

The path-sensitive analyzer takes most of the time, and four fifths of a test's to walk through gtest: only --deep runs it,
which `./dev ci` does.
"""

import concurrent.futures
import hashlib
import json
import os
import pathlib
import re
import shlex
import subprocess
import sys
import time
import typing

import tree

_INCLUDE = re.compile(rb'^[ \t]*#[ \t]*include[ \t]*"([^"\n]+)"', re.M)
_DROP_WITH_VALUE = {"-o", "-MF", "-MT", "-MQ"}
_DROP = {"-c", "-MD", "-MMD"}
# Tests and benches show faults by failing; there a missing include or an optional read under ASSERT is not one.
_SPARED_CHECKS = ",".join(f"-{check}" for check in (
    "clang-analyzer-*", "misc-include-cleaner", "misc-const-correctness", "bugprone-unchecked-optional-access",
    "bugprone-exception-escape", "bugprone-unused-local-non-trivial-variable", "performance-*", "concurrency-mt-unsafe"))
_NO_ANALYZER = "-clang-analyzer-*"
_SPARED = re.compile(r"_test\.cc$|^(bench|tests|fuzz)/")


def without_output(words: list[str]) -> list[str]:
    """The compiler command from the compiler on: no ccache in front, no output and no dependency file."""
    first = next(i for i, word in enumerate(words) if re.search(r"clang(\+\+)?(-\d+)?$", word))
    result, skip = [], False
    for word in words[first:]:
        if skip:
            skip = False
        elif word in _DROP_WITH_VALUE:
            skip = True
        elif word not in _DROP:
            result.append(word)
    return result


class Work(typing.NamedTuple):
    path: pathlib.Path
    stamp: pathlib.Path
    extra: list[str]
    command: dict


class Tree:
    """Contents of our own files and what they include, each read once."""

    def __init__(self, root: pathlib.Path):
        self.root = root
        self._known: dict[pathlib.Path, tuple[str, list[pathlib.Path]]] = {}

    def _look(self, path: pathlib.Path) -> tuple[str, list[pathlib.Path]]:
        if path not in self._known:
            data = path.read_bytes()
            found = []
            for match in _INCLUDE.findall(data):
                for base in (self.root / "src", self.root):
                    candidate = base / os.fsdecode(match)
                    if candidate.is_file():
                        found.append(candidate)
                        break
            self._known[path] = (hashlib.sha256(data).hexdigest(), found)
        return self._known[path]

    def key_of(self, path: pathlib.Path) -> list[str]:
        """Names and hashes of the source and of all that it includes of ours."""
        seen: dict[pathlib.Path, str] = {}
        todo = [path]
        while todo:
            file = todo.pop()
            if file not in seen:
                digest, found = self._look(file)
                seen[file] = digest
                todo += found
        return sorted(f"{file.relative_to(self.root)} {digest}" for file, digest in seen.items())


def tool_state(root: pathlib.Path, tidy: str) -> str:
    """What the verdict depends on besides our sources."""
    version = subprocess.run([tidy, "--version"], capture_output=True, text=True, check=True).stdout
    try:
        packages = subprocess.run(["dpkg-query", "-W", "-f=${Package} ${Version}\n", "lib*-dev", "clang*-19"],
                                  capture_output=True, text=True).stdout
    except FileNotFoundError:
        packages = ""
    return "\n".join([version, packages, (root / ".clang-tidy").read_text()])


def main() -> int:
    parser = tree.arguments(__doc__)
    parser.add_argument("--build", type=pathlib.Path, required=True, help="folder with compile_commands.json")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 2)
    parser.add_argument("--cache", type=pathlib.Path, default=pathlib.Path(
        os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache") / "stoa" / "tidy")
    parser.add_argument("--tidy", default="clang-tidy-19")
    parser.add_argument("--deep", action="store_true", help="the analyzer looks at tests and benches too")
    parser.add_argument("--fix", action="store_true", help="let clang-tidy mend what it can; one source at a time")
    parser.add_argument("only", nargs="*", help="look only at sources whose path contains one of these")
    options = parser.parse_args()
    root = options.root.resolve()
    options.cache.mkdir(parents=True, exist_ok=True)

    ours = Tree(root)
    state = tool_state(root, options.tidy)
    work: list[Work] = []
    remembered = 0
    commands = json.loads((options.build / "compile_commands.json").read_text())
    for command in commands:
        path = pathlib.Path(command["directory"], command["file"]).resolve()
        if not path.is_relative_to(root) or path.is_relative_to(options.build.resolve()) or "build" in path.relative_to(
                root).parts or path.suffix not in {".cc", ".cpp"}:
            continue
        name = path.relative_to(root).as_posix()
        if options.only and not any(part in name for part in options.only):
            continue
        words = without_output(shlex.split(command["command"]))
        # The same tree at another place is the same tree.
        spared = bool(_SPARED.search(name)) and not options.deep
        key = "\n".join([state, str(spared), str(options.deep), shlex.join(words).replace(str(root), "."), *ours.key_of(path)])
        stamp = options.cache / hashlib.sha256(key.encode()).hexdigest()
        if stamp.exists():
            stamp.touch()
            remembered += 1
        else:
            extra = [] if options.deep else [f"--checks={_SPARED_CHECKS if spared else _NO_ANALYZER}"]
            work.append(Work(path, stamp, extra, {**command, "command": shlex.join(words)}))

    database = options.build / "tidy"
    database.mkdir(exist_ok=True)
    (database / "compile_commands.json").write_text(json.dumps([item.command for item in work]))

    fix = ["--fix", "--fix-errors", "--format-style=file"] if options.fix else []

    def look(item: Work) -> tuple[pathlib.Path, float, str]:
        start = time.monotonic()
        done = subprocess.run(
            [options.tidy, "-p", str(database), "--quiet", "--use-color=0", *item.extra, *fix, str(item.path)],
            capture_output=True, text=True)
        output = done.stdout.strip()
        if done.returncode == 0 and not options.fix:
            item.stamp.touch()
        elif not output:
            output = done.stderr.strip() or f"{options.tidy} ended with {done.returncode}"
        return item.path, time.monotonic() - start, output if done.returncode != 0 else ""

    failed = 0
    slowest: list[tuple[float, str]] = []
    # Sources that take longest tend to be the largest: start with them, so that no core idles at the end.
    work.sort(key=lambda item: -item.path.stat().st_size)
    with concurrent.futures.ThreadPoolExecutor(1 if options.fix else options.jobs) as pool:
        for future in concurrent.futures.as_completed([pool.submit(look, item) for item in work]):
            path, seconds, output = future.result()
            slowest.append((seconds, path.relative_to(root).as_posix()))
            if output:
                failed += 1
                print(output.replace(f"{root}/", ""), flush=True)
    if sum(seconds for seconds, _ in slowest) > 60:
        for seconds, name in sorted(slowest, reverse=True)[:5]:
            print(f"tidy: {seconds:5.1f} s {name}")
    forget_old(options.cache)
    looked_at = f"{len(work)} sources looked at, {remembered} unchanged since they passed"
    print(f"tidy: {looked_at}, {failed} with findings")
    return 3 if failed else 0


def forget_old(cache: pathlib.Path, days: int = 30) -> None:
    limit = time.time() - days * 86400
    for stamp in cache.iterdir():
        if stamp.stat().st_mtime < limit:
            stamp.unlink(missing_ok=True)


if __name__ == "__main__":
    sys.exit(main())
