"""Compare the tables before and after a migration: nothing may be lost, and nothing may get worse."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from maintenance.inspection import Inspection
from maintenance.inspection.findings import TWO_STARTS, UNREADABLE, UNREADABLE_DOCTOR_DAY, WRONG_KEY

NEVER_MORE = (UNREADABLE, WRONG_KEY, TWO_STARTS, UNREADABLE_DOCTOR_DAY)
"""What a migration may repair and never cause. It may reveal others: an appointment that can be read now
may overlap another one."""
MAX_NAMED = 10


@dataclass(frozen=True, slots=True)
class IntegrityReport:
    """The tables before and after a migration."""

    before: Inspection
    after: Inspection

    def violations(self) -> list[str]:
        """Return what a migration must not do and did; an empty list if all is well."""
        return [*self._lost_records(), *self._more_findings()]

    def as_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {
            "violations": self.violations(),
            "before": _as_dict(self.before),
            "after": _as_dict(self.after),
        }

    def lines(self) -> Iterator[str]:
        """Yield the report for people: each number that changed."""
        before, after = _numbers(self.before), _numbers(self.after)
        for name in sorted({*before, *after}):
            old, new = before.get(name, 0), after.get(name, 0)
            yield f"  {name:<50} {old:>9,} -> {new:,}" if old != new else f"  {name:<50} {old:>9,}"

    def _lost_records(self) -> Iterator[str]:
        for table, ids in self.before.record_ids.items():
            lost = sorted(ids - self.after.record_ids[table])
            if lost:
                named = ", ".join(lost[:MAX_NAMED]) + (" …" if len(lost) > MAX_NAMED else "")
                yield f"{len(lost)} records of {table} are gone: {named}"

    def _more_findings(self) -> Iterator[str]:
        for kind in NEVER_MORE:
            before, after = _count(self.before, kind.code), _count(self.after, kind.code)
            if after > before:
                yield f"there are {after} {kind.meaning}; before there were {before}"


def _count(inspection: Inspection, code: str) -> int:
    return sum(finding.count for finding in inspection.findings if finding.kind.code == code)


def _numbers(inspection: Inspection) -> dict[str, int]:
    numbers = {
        f"{table}: {kind}": statistics.count
        for table, content in inspection.tables.items()
        for kind, statistics in content.kinds.items()
    }
    for finding in inspection.findings:
        numbers[f"{finding.table}: {finding.kind.code} ({finding.kind.severity})"] = finding.count
    return numbers


def _as_dict(inspection: Inspection) -> dict[str, Any]:
    return {
        **inspection.statistics(),
        "findings": [finding.as_dict() for finding in inspection.findings],
    }
