"""What an inspection can find, how bad it is, and what to do about it."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

MAX_EXAMPLES = 10


class Severity(StrEnum):
    """How bad a finding is. Only a note leaves a command's exit status at 0."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class FindingKind:
    """One kind of oddity."""

    code: str
    severity: Severity
    meaning: str
    remedy: str

    @property
    def is_problem(self) -> bool:
        """Whether something must be done about it."""
        return self.severity is not Severity.NOTE


_CONVERT = (
    "Run scripts/run-migration.sh, or with --only 0001_earlier_system if it was applied; what it can't "
    "convert, it lists."
)
_WRITE_DAYS = "Run scripts/run-migration.sh --only 0002_doctor_days, which writes the days anew."

UNREADABLE = FindingKind(
    "unreadable", Severity.ERROR, "records that the server can't read", _CONVERT
)
WRONG_KEY = FindingKind(
    "wrong_key",
    Severity.ERROR,
    "records whose keys don't belong to their ids",
    "Write each under its right key, and delete it under the wrong one.",
)
UNSORTABLE_INSTANT = FindingKind(
    "unsortable_instant",
    Severity.WARNING,
    "instants in another form than 2026-11-23T13:00:00.000Z, which lists sort wrong",
    _CONVERT,
)
UNNORMALIZED_EMAIL = FindingKind(
    "unnormalized_email",
    Severity.WARNING,
    "e-mail addresses with capitals or spaces, which a search by address doesn't find",
    _CONVERT,
)
TOTAL_DIFFERS = FindingKind(
    "total_differs",
    Severity.NOTE,
    "orders whose total isn't that of their items; the earlier system calculated it",
    "None needed: the total is calculated again when the items change.",
)
TWO_STARTS = FindingKind(
    "two_starts",
    Severity.ERROR,
    "appointments whose `date` and `appointmentDate` differ",
    _CONVERT,
)
OVERLAPPING_APPOINTMENTS = FindingKind(
    "overlapping_appointments",
    Severity.ERROR,
    "pairs of open appointments of one doctor at one time",
    "Move or cancel one of each pair.",
)
UNBOOKED_APPOINTMENT = FindingKind(
    "unbooked_appointment",
    Severity.ERROR,
    "open appointments without a booking in the day of their doctor or patient, which others can book over",
    _WRITE_DAYS,
)
ORPHANED_BOOKING = FindingKind(
    "orphaned_booking",
    Severity.WARNING,
    "bookings in a doctor's or patient's day that no appointment has, which block the time",
    _WRITE_DAYS,
)
UNREADABLE_DOCTOR_DAY = FindingKind(
    "unreadable_doctor_day",
    Severity.ERROR,
    "doctor's or patient's days that the server can't read, on which nobody can book",
    "Delete them and run scripts/run-migration.sh --only 0002_doctor_days.",
)
ORPHANED_CALL_ITEM = FindingKind(
    "orphaned_call_item",
    Severity.WARNING,
    "utterances, tool calls and checkpoints of conversations that don't exist",
    "None needed: DynamoDB deletes them at their expiry.",
)
LOST_CALL = FindingKind(
    "lost_call",
    Severity.NOTE,
    "conversations that count as live, with a customer, and whose server is silent",
    "None needed: they are shown as lost, and DynamoDB deletes them at their expiry.",
)
LONG_EXPIRED = FindingKind(
    "long_expired",
    Severity.WARNING,
    "items that expired more than two days ago and are still there",
    "See that expiry by `expiresAt` is on: python manage.py create_tables.",
)
LARGE_ITEM = FindingKind(
    "large_item",
    Severity.WARNING,
    "items of more than 300 KB; DynamoDB refuses more than 400",
    "Shorten them before they can't be changed any more.",
)
UNKNOWN_ITEM = FindingKind(
    "unknown_item",
    Severity.NOTE,
    "items of no kind that this version knows",
    "None needed, unless something else writes to the table.",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One kind of oddity in one table.

    Attributes:
        table: The table's label.
        kind: What was found.
        count: How often.
        examples: Keys of the first ones, with details, without what customers said of themselves.

    """

    table: str
    kind: FindingKind
    count: int
    examples: Sequence[str]

    def as_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {
            "table": self.table,
            "code": self.kind.code,
            "severity": self.kind.severity.value,
            "count": self.count,
            "meaning": self.kind.meaning,
            "remedy": self.kind.remedy,
            "examples": list(self.examples),
        }


class FindingCollector:
    """Counts findings, and keeps the first examples of each kind."""

    def __init__(self) -> None:
        self._counts: dict[tuple[str, FindingKind], int] = defaultdict(int)
        self._examples: dict[tuple[str, FindingKind], list[str]] = defaultdict(list)

    def add(self, table: str, kind: FindingKind, example: str) -> None:
        """Count one finding."""
        self._counts[table, kind] += 1
        if len(self._examples[table, kind]) < MAX_EXAMPLES:
            self._examples[table, kind].append(example)

    def findings(self) -> list[Finding]:
        """Return all findings, the worst first."""
        order = list(Severity)
        found = [
            Finding(table=table, kind=kind, count=count, examples=self._examples[table, kind])
            for (table, kind), count in self._counts.items()
        ]
        return sorted(found, key=lambda f: (order.index(f.kind.severity), f.table, f.kind.code))
