#!/usr/bin/env python3
"""Report the branches of pure modules that their own tests leave out.

Usage: make coverage, or scripts/check-coverage.py after `pytest -m pure --cov --cov-context=test`.

`tests/pure-modules.toml` says which test files a module calls its own. Lines that run at import
count as covered. Exit status 1 if a module has less than all its lines and branches covered and is
not listed as incomplete, or if it is listed and complete.
"""

import io
import re
import sys
import tomllib
from pathlib import Path

import coverage

ROOT = Path(__file__).resolve().parent.parent
TABLE = ROOT / "tests" / "pure-modules.toml"
AT_IMPORT = "^$"
"""The context of lines that ran before any test."""


def own_tests(table: str) -> dict[str, list[str]]:
    """Return the test files of each module, by the module's path."""
    modules: dict[str, list[str]] = tomllib.loads(table)["modules"]
    return modules


def known_incomplete(table: str) -> set[str]:
    """Return the modules whose missing branches are accepted for now."""
    return set(tomllib.loads(table).get("incomplete", ()))


def missing(module: str, tests: list[str]) -> tuple[float, str]:
    """Return the percentage that the tests cover, and the lines and branches they do not."""
    measured = coverage.Coverage(data_file=str(ROOT / ".coverage"))
    measured.load()
    report = io.StringIO()
    percent = measured.report(
        morfs=[str(ROOT / module)],
        contexts=[AT_IMPORT, *(f"^{re.escape(test)}::" for test in tests)],
        show_missing=True,
        file=report,
    )
    row = next(line for line in report.getvalue().splitlines() if line.startswith(module))
    return percent, row.partition("%")[2].strip()


def main() -> int:
    """Print one row for each module; return the exit status."""
    table = TABLE.read_text(encoding="utf-8")
    accepted, incomplete = known_incomplete(table), set()
    for module, tests in own_tests(table).items():
        percent, lines = missing(module, tests)
        if lines:
            incomplete.add(module)
        print(f"{percent:6.1f} %  {module:40}  {lines}".rstrip())
    problems = [
        *(f"{module}: not covered by its own tests" for module in sorted(incomplete - accepted)),
        *(
            f"{module}: complete; not incomplete any more"
            for module in sorted(accepted - incomplete)
        ),
    ]
    print("\n".join(problems) or f"complete, except for {len(incomplete)} listed modules")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
