"""Change the transition tables of the call engine, one row at a time: for each change a test must fail.

usage: mutate-call-tables.py

Each row is removed, and then led to another phase. The tests are those of the engine's behaviour. Two
are left out: the one that compares the turn's table row by row, and the random walks, which take long.
Prints the changes that no test noticed; the exit status is 1 if there are any. Takes some minutes.
"""

import multiprocessing
import os
import sys
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from voice.calls.engine import state  # noqa: E402 -- after the path

TABLES: dict[str, Any] = {
    "call": state.CALL_TRANSITIONS,
    "sessions": state.SESSION_TRANSITIONS,
    "turn": state.TURN_TRANSITIONS,
}
PYTEST_OPTIONS = [
    "tests/calls/engine",
    "--ignore=tests/calls/engine/test_engine_properties.py",
    "--deselect=tests/calls/engine/test_turn.py::test_turn_in_each_phase_advances",
    "--exitfirst",
    "--quiet",
    "-pno:cacheprovider",
    "-pno:randomly",
    "-mpure and not slow",
]
PROCESSES = 2

type Row = tuple[str, str, str, str | None]
"""A table, a phase, a trigger, and the phase it leads to instead; None removes the row."""


def mutations() -> Iterator[Row]:
    """Return all changes."""
    for table, transitions in TABLES.items():
        for phase, rows in transitions.items():
            for trigger, target in rows.items():
                yield table, phase, trigger, None
                others = [other for other in transitions if other not in {phase, target}]
                yield table, phase, trigger, others[0]


def apply(row: Row) -> None:
    """Change a table of this process."""
    table, phase, trigger, target = row
    rows = TABLES[table][phase]
    if target is None:
        del rows[trigger]
    else:
        rows[trigger] = target


def run_tests() -> pytest.ExitCode | int:
    """Run the tests in this process, without output."""
    with (
        Path(os.devnull).open("w", encoding="utf-8") as nowhere,
        redirect_stdout(nowhere),
        redirect_stderr(nowhere),
    ):
        return pytest.main(PYTEST_OPTIONS)


def is_noticed(row: Row) -> bool:
    """Return whether a test fails with this change. It runs in a process of its own."""
    apply(row)
    return run_tests() is pytest.ExitCode.TESTS_FAILED


def main() -> int:
    """Print what no test noticed; return the exit status."""
    os.chdir(ROOT)
    if run_tests() is not pytest.ExitCode.OK:  # it also imports everything, once for all processes
        print("the tests fail without a change", file=sys.stderr)
        return 2
    rows = list(mutations())
    unnoticed = 0
    with multiprocessing.get_context("fork").Pool(PROCESSES, maxtasksperchild=1) as pool:
        for row, noticed in zip(rows, pool.imap(is_noticed, rows, chunksize=1), strict=True):
            if not noticed:
                unnoticed += 1
                table, phase, trigger, target = row
                how = "removed" if target is None else f"leads to {target}"
                print(f"not noticed: {table}: {phase}, {trigger}: {how}", flush=True)
    print(f"{len(rows)} changes of {len(rows) // 2} rows, {unnoticed} not noticed")
    return 1 if unnoticed else 0


if __name__ == "__main__":
    sys.exit(main())
