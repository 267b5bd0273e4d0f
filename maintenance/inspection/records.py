"""What is odd about orders, appointments and their bookings, and calls."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from appointments import repository as appointment_repository
from appointments.domain import Appointment, Calendar, CalendarDay, TimeInterval
from common.dynamodb.bulk import key_of
from common.timestamps import from_iso, to_iso
from conversations.domain import heartbeat_deadline
from maintenance.calendar_days import DayId, days_of
from maintenance.inspection.findings import (
    LOST_CALL,
    ORPHANED_BOOKING,
    ORPHANED_CALL_ITEM,
    OVERLAPPING_APPOINTMENTS,
    TOTAL_DIFFERS,
    TWO_STARTS,
    UNBOOKED_APPOINTMENT,
    UNNORMALIZED_EMAIL,
    UNSORTABLE_INSTANT,
    FindingCollector,
)
from maintenance.inspection.kinds import APPOINTMENT, ORDER
from orders.domain import calculate_total
from orders.repository import order_from_raw

type Item = Mapping[str, Any]


def text_of(item: Item, name: str) -> str | None:
    """Return a text attribute, or None if there is none of this name."""
    value: str | None = item.get(name, {}).get("S")
    return value


class OrderInspector:
    """Collects what is odd about readable orders, and their statistics."""

    def __init__(self, findings: FindingCollector) -> None:
        self.by_status: dict[str, int] = defaultdict(int)
        self.total = Decimal(0)
        self._findings = findings

    def add(self, item: Item) -> None:
        """Inspect one order."""
        order = order_from_raw(item)
        self.by_status[order.status.value] += 1
        self.total += order.total
        if calculate_total(order.items) != order.total:
            self._findings.add("orders", TOTAL_DIFFERS, ORDER.model.key(order.id)[0])
        check_email("orders", item, "customerEmail", self._findings)
        instants = ("createdAt", "updatedAt", "estimatedDelivery")
        check_instants("orders", item, instants, self._findings)


class AppointmentInspector:
    """Collects what is odd about readable appointments and calendar days, and their statistics."""

    def __init__(self, findings: FindingCollector, time_zone: ZoneInfo, now: datetime) -> None:
        self.by_status: dict[str, int] = defaultdict(int)
        self.upcoming = 0
        self._findings, self._time_zone, self._now = findings, time_zone, now
        self._open: dict[str, Appointment] = {}
        self._bookings: dict[DayId, Mapping[str, TimeInterval]] = {}

    def add(self, item: Item) -> None:
        """Inspect one appointment."""
        appointment = appointment_repository.appointment_from_raw(item)
        self.by_status[appointment.status.value] += 1
        if appointment.is_open:
            self.upcoming += appointment.starts_at > self._now
            self._open[appointment.id] = appointment
        if starts_differ(item, appointment):
            self._findings.add("appointments", TWO_STARTS, APPOINTMENT.model.key(appointment.id)[0])
        check_email("appointments", item, "patientEmail", self._findings)
        instants = ("date", "appointmentDate", "createdAt", "updatedAt")
        check_instants("appointments", item, instants, self._findings)

    def add_calendar_day(self, item: Item) -> None:
        """Remember the bookings of a doctor's or patient's day."""
        day = appointment_repository.calendar_day_from_raw(item)
        self._bookings[day.calendar, day.day] = day.bookings

    def finish(self) -> None:
        """Compare all appointments with all bookings."""
        by_doctor: dict[str, list[tuple[TimeInterval, str]]] = defaultdict(list)
        for appointment in self._open.values():
            doctor = Calendar.of_doctor(appointment.doctor_name).key
            by_doctor[doctor].append((appointment.interval, appointment.id))
            if not self._is_booked(appointment):
                key = APPOINTMENT.model.key(appointment.id)[0]
                self._findings.add("appointments", UNBOOKED_APPOINTMENT, key)
        for booked in by_doctor.values():
            for first, second in overlapping_pairs(booked):
                self._findings.add(
                    "appointments", OVERLAPPING_APPOINTMENTS, f"appointments {first} and {second}"
                )
        for (calendar, day), bookings in self._bookings.items():
            for appointment_id, interval in bookings.items():
                if not self._is_booking_of(appointment_id, calendar, interval):
                    key = appointment_repository.calendar_day_key(calendar, day)[0]
                    example = f"{key}: appointment {appointment_id}"
                    self._findings.add("appointments", ORPHANED_BOOKING, example)

    def _is_booking_of(
        self, appointment_id: str, calendar: Calendar, interval: TimeInterval
    ) -> bool:
        appointment = self._open.get(appointment_id)
        return (
            appointment is not None
            and appointment.interval == interval
            and calendar in appointment.calendars
        )

    def _is_booked(self, appointment: Appointment) -> bool:
        return all(
            self._bookings.get(day, {}).get(appointment.id) == appointment.interval
            for day in days_of(appointment, self._time_zone)
        )


def starts_differ(item: Item, appointment: Appointment) -> bool:
    """Whether `date` isn't the start by which the indexes sort."""
    text = text_of(item, "date")
    return text is not None and from_iso(text) != appointment.starts_at


def overlapping_pairs(booked: list[tuple[TimeInterval, str]]) -> Iterator[tuple[str, str]]:
    """Yield the ids of each appointment that starts during another one, with that other one's."""
    latest: tuple[TimeInterval, str] | None = None
    for interval, appointment_id in sorted(booked, key=lambda each: (each[0].start, each[1])):
        if latest is not None and latest[0].overlaps(interval):
            yield latest[1], appointment_id
        if latest is None or interval.end > latest[0].end:
            latest = (interval, appointment_id)


def overlapping_bookings(day: CalendarDay) -> Iterator[tuple[str, str]]:
    """Yield the ids of each booking of a calendar day that starts during another one."""
    return overlapping_pairs([(interval, each) for each, interval in day.bookings.items()])


class CallInspector:
    """Collects what is odd about conversations and the items of their calls."""

    def __init__(self, findings: FindingCollector, now: datetime) -> None:
        self.live = 0
        self.ended = 0
        self._findings, self._now = findings, now
        self._conversations: set[str] = set()
        self._parts: dict[str, str] = {}

    def add(self, item: Item) -> None:
        """Inspect one conversation."""
        pk = key_of(item)[0]
        self._conversations.add(pk)
        if text_of(item, "live") is None:
            self.ended += 1
            return
        self.live += 1
        is_left = text_of(item, "leftAt") is not None
        if not is_left and from_iso(item["aliveAt"]["S"]) < heartbeat_deadline(self._now):
            self._findings.add("calls", LOST_CALL, pk)

    def add_part(self, item: Item) -> None:
        """Remember an utterance, a tool call or a checkpoint, unless it has expired anyway."""
        if expires_at(item, default=self._now) >= self._now:
            pk, sk = key_of(item)
            self._parts.setdefault(pk, sk)

    def finish(self) -> None:
        """Compare the parts with the conversations."""
        for pk, sk in self._parts.items():
            if pk not in self._conversations:
                self._findings.add("calls", ORPHANED_CALL_ITEM, f"{pk} {sk}")


def expires_at(item: Item, *, default: datetime) -> datetime:
    """Return when an item expires; `default` if it never does."""
    seconds = item.get("expiresAt", {}).get("N")
    if seconds is None:
        return default
    return datetime.fromtimestamp(float(seconds), tz=default.tzinfo)


def check_email(table: str, item: Item, name: str, findings: FindingCollector) -> None:
    """Report an e-mail address that isn't in the form in which lists search it."""
    email = text_of(item, name)
    if email is not None and email != email.strip().lower():
        findings.add(table, UNNORMALIZED_EMAIL, key_of(item)[0])


def check_instants(
    table: str, item: Item, names: tuple[str, ...], findings: FindingCollector
) -> None:
    """Report instants that can be read but are not in the form that sorts by time."""
    for name in names:
        text = text_of(item, name)
        if text is not None and to_iso(from_iso(text)) != text:
            findings.add(table, UNSORTABLE_INSTANT, f"{key_of(item)[0]}: {name} is {text}")


LONG_AGO = timedelta(days=2)
"""How late DynamoDB may delete expired items: "typically within two days"."""
