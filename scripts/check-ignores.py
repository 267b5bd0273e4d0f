#!/usr/bin/env python3
"""Refuse comments that silence a tool without saying which rule and why.

Usage: scripts/check-ignores.py PATH...

The accepted forms are `# noqa: E402 -- why`, `# type: ignore[misc]  # why` and
`# pragma: no cover -- why`.
"""

import io
import re
import sys
import tokenize
from collections.abc import Iterable, Iterator
from pathlib import Path

SILENCER = re.compile(r"#\s*(noqa|type:\s*ignore|pragma:\s*no)\b", re.IGNORECASE)
ACCEPTED = re.compile(
    r"# noqa: [A-Z]+[0-9]+(, [A-Z]+[0-9]+)* -- \S"
    r"|# type: ignore\[[a-z-]+(, ?[a-z-]+)*\]  # \S"
    r"|# pragma: no (cover|branch) -- \S"
)


def unexplained(source: str) -> Iterator[tuple[int, str]]:
    """Yield the line number and the text of each silencing comment without a reason."""
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type != tokenize.COMMENT:
            continue
        for silencer in SILENCER.finditer(token.string):
            if not ACCEPTED.match(token.string, silencer.start()):
                yield token.start[0], token.string


def python_files(paths: Iterable[str]) -> Iterator[Path]:
    """Yield the Python files among and below the paths, in order."""
    for path in map(Path, paths):
        yield from sorted(path.rglob("*.py")) if path.is_dir() else [path]


def main(paths: list[str]) -> int:
    """Check the files; print the problems; return the exit status."""
    problems = [
        f"{file}:{line}: no reason: {comment}"
        for file in python_files(paths)
        for line, comment in unexplained(file.read_text(encoding="utf-8"))
    ]
    print("\n".join(problems), end="\n" if problems else "")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
