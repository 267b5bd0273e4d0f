"""The report of a soak test."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from tests.fixtures.processes import open_files, resident_bytes, threads
from tests.fixtures.site import Site
from tests.soak.callers import Account


@dataclass(frozen=True, slots=True)
class Footprint:
    """Resources of the server process."""

    megabytes: float
    files: int
    threads: int
    tasks: int
    calls: int

    @classmethod
    def of(cls, site: Site) -> "Footprint":
        """Read the figures from the kernel and from /metrics."""
        pid = site.process.pid
        figures = dict(line.rsplit(" ", 1) for line in site.metrics() if line[0] != "#")
        tasks, calls = (int(float(figures[name])) for name in ("nova_tasks", "nova_calls"))
        return cls(
            round(resident_bytes(pid) / 2**20, 1), open_files(pid), threads(pid), tasks, calls
        )


def report(
    title: str,
    accounts: Sequence[Account],
    faults: Counter[str],
    before: Footprint,
    after: Footprint,
) -> str:
    endings = Counter(
        each.ending + (f" ({each.complaint})" if each.complaint else "") for each in accounts
    )
    counts = {
        "calls": len(accounts),
        "typed": sum(len(each.typed) for each in accounts),
        "numbers spoken": sum(len(each.spoken) for each in accounts),
        "tool calls": sum(len(each.tools) for each in accounts),
        "drops": sum(each.drops for each in accounts),
        "reloads": sum(each.reloads for each in accounts),
    }
    return "\n".join(
        [
            title,
            *(f"  {name:16}{count}" for name, count in counts.items()),
            f"  endings         {dict(endings)}",
            f"  faults          {dict(faults)}",
            f"  before          {before}",
            f"  after           {after}",
        ]
    )
