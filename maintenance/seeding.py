"""Store sample records, and delete them again.

Records are written in batches, without conditions: their ids belong to the sample alone. Calendar days
belong to others, too, so each is written on the condition that nobody has changed it. A sample
appointment whose time somebody else has booked is stored as cancelled.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from itertools import batched, groupby
from zoneinfo import ZoneInfo

from appointments.domain import Appointment, AppointmentStatus, CalendarDay, CalendarKind
from appointments.repository import (
    appointment_from_raw,
    appointment_to_raw,
    calendar_day_key,
    calendar_day_to_raw,
)
from common.dynamodb.bulk import BulkClient, Item, Key
from common.errors import BusyError
from maintenance.calendar_days import DayId, days_of, stored_day
from maintenance.inspection.kinds import APPOINTMENT, ORDER
from maintenance.sample_data import SampleOptions, sample_appointments, sample_orders
from maintenance.tables import TableNames
from orders.repository import order_to_raw

BATCH_SIZE = 200
DAYS_PER_TRANSACTION = 50
MAX_ATTEMPTS = 10

type OnItem = Callable[[int], None]
type Bookings = dict[DayId, dict[str, Appointment]]
"""By calendar day, the appointments to book there, by id."""


class Seeder:
    """Stores and deletes the sample records of some options."""

    def __init__(self, client: BulkClient, tables: TableNames, options: SampleOptions) -> None:
        self._client, self._tables, self._options = client, tables, options

    @property
    def _time_zone(self) -> ZoneInfo:
        return self._options.time_zone

    def store(self, *, orders: int, appointments: int, on_item: OnItem) -> int:
        """Store so many orders and appointments; return how many times were booked by others."""
        items = map(order_to_raw, sample_orders(self._options, orders))
        for stored in self._client.put_many(self._tables["orders"], items):
            on_item(stored)
        taken = 0
        for batch in batched(sample_appointments(self._options, appointments), BATCH_SIZE):
            taken += self._store_appointments(batch)
            on_item(len(batch))
        return taken

    def delete(self, *, orders: int, appointments: int, on_item: OnItem) -> None:
        """Delete so many orders and appointments, with their bookings."""
        keys = (self._key(ORDER.model.key_prefix, each) for each in range(1, orders + 1))
        for deleted in self._client.delete_many(self._tables["orders"], keys):
            on_item(deleted)
        numbers = range(1, appointments + 1)
        for batch in batched(numbers, BATCH_SIZE):
            appointment_keys = [self._key(APPOINTMENT.model.key_prefix, each) for each in batch]
            self._book({}, self._read_appointments(appointment_keys))
            for deleted in self._client.delete_many(self._tables["appointments"], appointment_keys):
                on_item(deleted)

    def _key(self, prefix: str, number: int) -> Key:
        key = f"{prefix}#{self._options.record_id(number)}"
        return key, key

    def _store_appointments(self, appointments: Sequence[Appointment]) -> int:
        """Book appointments and store them; return how many could not be booked."""
        wanted: Bookings = defaultdict(dict)
        for appointment in appointments:
            for day in days_of(appointment, self._time_zone):
                wanted[day][appointment.id] = appointment
        stored = self._read_appointments([APPOINTMENT.model.key(each.id) for each in appointments])
        refused = self._book(wanted, stored)
        items = (
            appointment_to_raw(
                appointment.with_status(AppointmentStatus.CANCELLED)
                if appointment.id in refused
                else appointment
            )
            for appointment in appointments
        )
        sum(self._client.put_many(self._tables["appointments"], items))
        return len(refused)

    def _read_appointments(self, keys: Iterable[Key]) -> list[Appointment]:
        """Return the appointments under these keys that are stored and can be read."""
        items = self._client.get_many(self._tables["appointments"], keys).values()
        return [appointment_from_raw(item) for item in items if not APPOINTMENT.problems(item)]

    def _book(self, wanted: Bookings, stored: Iterable[Appointment]) -> set[str]:
        """Write the calendar days; return the ids of appointments whose times others have booked.

        Args:
            wanted: The bookings to write.
            stored: The appointments as they are stored now, whose bookings end.

        """
        outdated: dict[DayId, set[str]] = defaultdict(set)
        for appointment in stored:
            for day in days_of(appointment, self._time_zone):
                outdated[day].add(appointment.id)
        refused: set[str] = set()
        # Doctors' days first: whom a doctor can't see isn't booked in the patient's day either.
        by_kind = groupby(sorted({*wanted, *outdated}), key=lambda day: day[0].kind)
        for _, days_of_kind in by_kind:
            for days in batched(days_of_kind, DAYS_PER_TRANSACTION):
                remaining = {
                    day: {each: a for each, a in wanted.get(day, {}).items() if each not in refused}
                    for day in days
                }
                refused |= self._write_days(days, remaining, outdated)
        return refused

    def _write_days(
        self, days: Sequence[DayId], wanted: Bookings, outdated: dict[DayId, set[str]]
    ) -> set[str]:
        table = self._tables["appointments"]
        keys = {day: calendar_day_key(*day) for day in days}
        for _ in range(MAX_ATTEMPTS):
            items = self._client.get_many(table, keys.values())
            refused: set[str] = set()
            writes = []
            for day, key in keys.items():
                before = stored_day(day, items.get(key))
                after, taken = _with_bookings(before, wanted.get(day, {}), outdated[day])
                refused |= taken
                if after.bookings != before.bookings:
                    writes.append(_put_if_unchanged(table, before, after))
            if not writes or not self._client.transact(writes):
                return refused
        raise BusyError(reason="contention")


def _with_bookings(
    day: CalendarDay, wanted: dict[str, Appointment], outdated: set[str]
) -> tuple[CalendarDay, set[str]]:
    """Return a day with bookings added and outdated ones removed, and the ids that didn't fit."""
    refused = set()
    after = day
    for appointment_id in {*outdated, *wanted}:
        after = after.without_booking(appointment_id)
    for appointment in wanted.values():
        is_patients = day.calendar.kind is CalendarKind.PATIENT  # the sample may overlap there
        if is_patients or after.is_free(appointment.interval):
            after = after.with_booking(appointment.id, appointment.interval)
        else:
            refused.add(appointment.id)
    return replace(after, revision=day.revision + 1), refused


def _put_if_unchanged(table: str, before: CalendarDay, after: CalendarDay) -> Item:
    put: Item = {"TableName": table, "Item": calendar_day_to_raw(after)}
    if before.revision:
        put["ConditionExpression"] = "revision = :revision"
        put["ExpressionAttributeValues"] = {":revision": {"N": str(before.revision)}}
    else:
        put["ConditionExpression"] = "attribute_not_exists(PK)"
    return {"Put": put}
