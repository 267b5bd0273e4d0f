"""One pass through all items of all tables: statistics, and what is odd about them."""

from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from common.dynamodb.bulk import key_of
from common.dynamodb.items import ContentDigest, item_bytes
from maintenance.inspection.findings import (
    LARGE_ITEM,
    LONG_EXPIRED,
    UNKNOWN_ITEM,
    UNREADABLE,
    UNREADABLE_DOCTOR_DAY,
    WRONG_KEY,
    Finding,
    FindingCollector,
)
from maintenance.inspection.kinds import (
    APPOINTMENT,
    CALENDAR_DAYS,
    CHECKPOINT,
    CONVERSATION,
    KINDS,
    ORDER,
    TOOL_CALL,
    UTTERANCE,
    ItemKind,
    kind_of,
)
from maintenance.inspection.records import (
    LONG_AGO,
    AppointmentInspector,
    CallInspector,
    OrderInspector,
    expires_at,
    text_of,
)

type Item = Mapping[str, Any]

LARGE_BYTES = 300 * 1024
UNKNOWN = "unknown"
RECORD_PREFIXES = tuple(f"{kind.model.key_prefix}#" for kind in (ORDER, APPOINTMENT))


@dataclass(slots=True)
class KindStatistics:
    """How many items of one kind a table has, and how large they are."""

    count: int = 0
    bytes: int = 0
    largest_bytes: int = 0

    def add(self, size: int) -> None:
        """Count one item of this size."""
        self.count += 1
        self.bytes += size
        self.largest_bytes = max(self.largest_bytes, size)


@dataclass(slots=True)
class TableStatistics:
    """What one table contains, by kinds of items."""

    kinds: dict[str, KindStatistics] = field(default_factory=lambda: defaultdict(KindStatistics))
    content: ContentDigest = field(default_factory=ContentDigest)

    @property
    def count(self) -> int:
        """How many items there are."""
        return sum(kind.count for kind in self.kinds.values())

    @property
    def bytes(self) -> int:
        """How many bytes they are, about."""
        return sum(kind.bytes for kind in self.kinds.values())

    def as_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {
            "items": self.count,
            "bytes": self.bytes,
            "digest": self.content.hexdigest(),
            "kinds": {
                name: {"count": k.count, "bytes": k.bytes, "largestBytes": k.largest_bytes}
                for name, k in sorted(self.kinds.items())
            },
        }


class Inspection:
    """Statistics and findings; add every item of every table, then call `finish` once.

    Args:
        now: The current time.
        time_zone: The clinic's time zone, which decides on which day an appointment is.

    """

    def __init__(self, *, now: datetime, time_zone: ZoneInfo) -> None:
        self.tables: dict[str, TableStatistics] = defaultdict(TableStatistics)
        self.record_ids: dict[str, set[str]] = defaultdict(set)
        """The ids of all orders and appointments, readable or not, by table."""
        self._now = now
        self._findings = FindingCollector()
        self._orders = OrderInspector(self._findings)
        self._appointments = AppointmentInspector(self._findings, time_zone, now)
        self._calls = CallInspector(self._findings, now)
        self._inspectors: dict[ItemKind, Callable[[Item], None]] = {
            ORDER: self._orders.add,
            APPOINTMENT: self._appointments.add,
            **dict.fromkeys(CALENDAR_DAYS, self._appointments.add_calendar_day),
            CONVERSATION: self._calls.add,
            UTTERANCE: self._calls.add_part,
            TOOL_CALL: self._calls.add_part,
            CHECKPOINT: self._calls.add_part,
        }

    @property
    def findings(self) -> list[Finding]:
        """What was found, the worst first."""
        return self._findings.findings()

    def add(self, table: str, item: Item) -> None:
        """Inspect one item of the table with this label."""
        kind = kind_of(table, item)
        size = item_bytes(item)
        statistics = self.tables[table]
        statistics.kinds[kind.name if kind else UNKNOWN].add(size)
        statistics.content.add(item)
        key = " ".join(dict.fromkeys(key_of(item)))
        if size > LARGE_BYTES:
            self._findings.add(table, LARGE_ITEM, f"{key}: {size:,} bytes")
        if expires_at(item, default=self._now) < self._now - LONG_AGO:
            self._findings.add(table, LONG_EXPIRED, key)
        if kind is not None:
            self._inspect(table, kind, item, key)
        elif key.startswith(RECORD_PREFIXES):  # with another sort key than a record has
            self._findings.add(table, WRONG_KEY, key)
        else:
            self._findings.add(table, UNKNOWN_ITEM, key)

    def finish(self) -> None:
        """Compare the items with each other, once all were added."""
        for label in KINDS:
            self.tables.setdefault(label, TableStatistics())
        self._appointments.finish()
        self._calls.finish()

    def statistics(self) -> dict[str, Any]:
        """Return plain values for JSON: tables, and what the business asks about them."""
        return {
            "tables": {label: table.as_dict() for label, table in sorted(self.tables.items())},
            "orders": {
                "byStatus": dict(sorted(self._orders.by_status.items())),
                "total": str(self._orders.total),
            },
            "appointments": {
                "byStatus": dict(sorted(self._appointments.by_status.items())),
                "upcoming": self._appointments.upcoming,
            },
            "conversations": {"live": self._calls.live, "ended": self._calls.ended},
        }

    def _inspect(self, table: str, kind: ItemKind, item: Item, key: str) -> None:
        if kind in {ORDER, APPOINTMENT}:
            record_id = key_of(item)[0].partition("#")[2]
            self.record_ids[table].add(record_id)
            if text_of(item, "id") not in {record_id, None}:
                self._findings.add(table, WRONG_KEY, f"{key}: id is {text_of(item, 'id')}")
        if problems := kind.problems(item):
            finding = UNREADABLE_DOCTOR_DAY if kind in CALENDAR_DAYS else UNREADABLE
            self._findings.add(table, finding, f"{key}: {', '.join(problems)}")
        elif inspect := self._inspectors.get(kind):
            inspect(item)
