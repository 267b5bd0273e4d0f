"""The fault matrix: each test is a row with what the customer notices and how long it took.

    row("throttled at open", "a moment longer until the assistant listens", within_s=5)
    async with row.measured(): ...

`make faults` prints all rows as a table; a row that exceeds its time limit fails. `make test`, which runs
four files at a time on machines with other work, allows ten times the limit.
"""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.reports import FAULT_ROW

TIME_FACTOR = float(os.environ.get("FAULT_TIME_FACTOR") or 10)


@dataclass(slots=True)
class Row:
    """One row of the matrix."""

    request: pytest.FixtureRequest
    fault: str = ""
    experience: str = ""
    kept: str = ""
    within_s: float = 0.0
    took_s: float = field(default=-1.0)

    def __call__(self, fault: str, experience: str, *, kept: str, within_s: float) -> None:
        """Describe the row: `kept` is what is not lost, `within_s` the time limit."""
        self.fault, self.experience, self.kept, self.within_s = fault, experience, kept, within_s

    @contextmanager
    def measured(self) -> Iterator[None]:
        """Measure from the fault until the call works again."""
        began = time.monotonic()
        yield
        self.took_s = time.monotonic() - began

    def close(self) -> None:
        """Record the row; fail if it took too long."""
        assert self.took_s >= 0, "the row was never measured"
        cells = (self.fault, self.experience, self.kept, self.within_s, round(self.took_s, 2))
        self.request.node.user_properties.append((FAULT_ROW, cells))
        assert self.took_s <= self.within_s * TIME_FACTOR, f"took {self.took_s:.2f} s"


def refuse(status: int, code: str) -> dict[str, Any]:
    return {"status": status, "code": code, "message": "A fault on command."}
