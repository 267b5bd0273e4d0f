"""Appointments as values: statuses and their transitions, time intervals, doctors and their days.

Pure: no I/O, no clock, no Django. Instants are aware, and all arithmetic is done on instants, so that
a change to or from daylight saving time needs no special case; the clinic's time zone only decides on
which local day an instant is.

An appointment is booked in two calendars, its doctor's and its patient's. A `CalendarDay` holds the
bookings of one calendar on one local day. An appointment that crosses midnight is booked on both its
days, so two appointments of one doctor or patient that overlap always share a `CalendarDay`.
"""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from types import MappingProxyType
from zoneinfo import ZoneInfo

from common.identity.verification import Owner
from common.partial_updates import UNSET, Unset
from common.record_changes import MAX_CHANGES, ChangeWay, RecordChange
from common.text import split_words
from common.timestamps import next_version

MIN_DURATION_MINUTES = 5
MAX_DURATION_MINUTES = 480
MAX_NOTES_LENGTH = 1000
FIRST_DAY, LAST_DAY = date(1900, 1, 1), date(2200, 12, 31)
"""The days that can have appointments. At the ends of the calendar a day has no neighbour."""
TITLES = frozenset({"dr", "dra", "doctor", "doctora"})


class AppointmentKind(StrEnum):
    """What an appointment is for, as it is stored under `type`."""

    CONSULTATION = "consultation"
    FOLLOW_UP = "follow-up"
    EMERGENCY = "emergency"
    ROUTINE = "routine"


class AppointmentStatus(StrEnum):
    """The status of an appointment, as it is stored."""

    SCHEDULED = "scheduled"
    CONFIRMED = "confirmed"
    CANCELLED = "cancelled"
    COMPLETED = "completed"


TRANSITIONS: Mapping[AppointmentStatus, frozenset[AppointmentStatus]] = MappingProxyType(
    {
        AppointmentStatus.SCHEDULED: frozenset(
            {
                AppointmentStatus.CONFIRMED,
                AppointmentStatus.CANCELLED,
                AppointmentStatus.COMPLETED,
            }
        ),
        AppointmentStatus.CONFIRMED: frozenset(
            {AppointmentStatus.CANCELLED, AppointmentStatus.COMPLETED}
        ),
        AppointmentStatus.CANCELLED: frozenset(),
        AppointmentStatus.COMPLETED: frozenset(),
    }
)
"""By status, those that may follow it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeInterval:
    """The time from `start` up to, but not including, `end`."""

    start: datetime
    end: datetime

    @classmethod
    def starting_at(cls, start: datetime, duration_min: int) -> "TimeInterval":
        """Return the interval of `duration_min` minutes that starts at `start`, in UTC."""
        start = start.astimezone(UTC)
        return cls(start=start, end=start + timedelta(minutes=duration_min))

    @classmethod
    def of_day(cls, day: date, time_zone: ZoneInfo) -> "TimeInterval":
        """Return a local day, in UTC: 24 hours, or 23 or 25 when the clocks change."""
        return cls(
            start=_local_midnight(day, time_zone),
            end=_local_midnight(day + timedelta(days=1), time_zone),
        )

    def overlaps(self, other: "TimeInterval") -> bool:
        """Whether the two share any time. Two that only touch don't."""
        return self.start < other.end and other.start < self.end


def _local_midnight(day: date, time_zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time.min, tzinfo=time_zone).astimezone(UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Appointment:
    """One version of an appointment; `updated_at` identifies the version.

    The earlier system's appointments have neither `created_at` nor `updated_at`.
    """

    id: str
    patient_name: str
    patient_email: str
    doctor_name: str
    starts_at: datetime
    duration_min: int
    kind: AppointmentKind
    status: AppointmentStatus
    notes: str = ""
    dni: str | None = None
    phone: str | None = None
    """The patient's telephone number in the form of E.164."""
    code: str | None = None
    """What the patient tells to cancel or move it, if the setting `APPOINTMENT_PROOF` is `code`."""
    reserved_until: datetime | None = field(default=None, repr=False)
    """Until when the patient has to confirm it, or it is cancelled; None: it needs no confirmation.

    Only a scheduled appointment is reserved.
    """
    created_at: datetime | None = None
    updated_at: datetime | None = None
    changes: tuple[RecordChange, ...] = field(default=(), compare=False, repr=False)
    """The latest changes by voice and REST."""

    @property
    def interval(self) -> TimeInterval:
        """The time from start to end."""
        return TimeInterval.starting_at(self.starts_at, self.duration_min)

    @property
    def calendars(self) -> tuple["Calendar", ...]:
        """The calendars in which its time is booked, while it is open."""
        return (
            Calendar.of_doctor(self.doctor_name),
            Calendar.of_patient(self.patient_name, self.patient_email),
        )

    @property
    def is_open(self) -> bool:
        """Whether it may still change, and its time is booked for it: not cancelled, not completed."""
        return self.status in {AppointmentStatus.SCHEDULED, AppointmentStatus.CONFIRMED}

    @property
    def is_reserved(self) -> bool:
        """Whether its time is only reserved: it is cancelled unless the patient confirms it."""
        return self.reserved_until is not None

    @property
    def lacks_confirmation(self) -> bool:
        """Whether it was booked by voice, and nobody has confirmed it or changed it by the link in its e-mail.

        A creation that the full history has no place for counts as one by voice.
        """
        if self.status is not AppointmentStatus.SCHEDULED:
            return False
        if any(each.origin.way is ChangeWay.LINK for each in self.changes):
            return False
        creations = [each.origin.way for each in self.changes if not each.fields]
        return ChangeWay.VOICE in creations or (not creations and len(self.changes) == MAX_CHANGES)

    def can_become(self, status: AppointmentStatus) -> bool:
        """Whether `status` may follow the current status."""
        return status in TRANSITIONS[self.status]

    def with_status(self, status: AppointmentStatus) -> "Appointment":
        """Return the appointment with another status, which ends a reservation."""
        return replace(self, status=status, reserved_until=None)

    def reserved_no_later_than_start(self) -> "Appointment":
        """Return the appointment, as an ordinary one if its reservation would end when it starts or later."""
        is_late = self.reserved_until is not None and self.reserved_until >= self.starts_at
        return replace(self, reserved_until=None) if is_late else self

    def with_start(self, starts_at: datetime) -> "Appointment":
        """Return the appointment with another start and the same duration."""
        return replace(self, starts_at=starts_at)

    def with_new_version(self, *, now: datetime) -> "Appointment":
        """Return the appointment with a later `updated_at`."""
        return replace(self, updated_at=next_version(self.updated_at, now))

    @property
    def owner(self) -> Owner:
        """What the appointment says of its patient."""
        return Owner(name=self.patient_name, dni=self.dni, email=self.patient_email, code=self.code)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReservationEnd:
    """The time at which somebody has to look whether a reserved appointment was confirmed."""

    appointment_id: str
    until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class AppointmentChanges:
    """The fields of an appointment that staff may change; those left `UNSET` stay as they are."""

    patient_name: str | Unset = UNSET
    patient_email: str | Unset = UNSET
    doctor_name: str | Unset = UNSET
    starts_at: datetime | Unset = UNSET
    duration_min: int | Unset = UNSET
    kind: AppointmentKind | Unset = UNSET
    status: AppointmentStatus | Unset = UNSET
    notes: str | Unset = UNSET
    dni: str | Unset | None = UNSET
    phone: str | Unset | None = UNSET


@dataclass(frozen=True, slots=True, kw_only=True)
class AppointmentQuery:
    """Which appointments a list shows. Dates are local days of the clinic, both ends included."""

    day: date | None = None
    date_from: date | None = None
    date_to: date | None = None
    doctor_name: str | None = None
    patient_email: str | None = None
    dni: str | None = None
    status: AppointmentStatus | None = None
    latest_first: bool = False


# --- Free times


class DayPart(StrEnum):
    """A part of a day, as people name it."""

    MORNING = "morning"
    AFTERNOON = "afternoon"
    EVENING = "evening"

    def includes(self, hour: int) -> bool:
        """Whether a local hour is in this part."""
        first, end = _DAY_PART_HOURS[self]
        return first <= hour < end


_DAY_PART_HOURS: Mapping[DayPart, tuple[int, int]] = {
    DayPart.MORNING: (0, 12),
    DayPart.AFTERNOON: (12, 20),
    DayPart.EVENING: (20, 24),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class FreeStart:
    """A time at which a professional has no appointment; the instant is in the clinic's zone."""

    doctor_name: str
    starts_at: datetime
    duration_min: int


# --- Doctors


def doctor_key(name: str) -> str:
    """Return a doctor's name without title, accents, capitals and punctuation.

    Two spellings of one doctor have the same key: "Dr. Rodríguez" and "doctor rodriguez".
    """
    return " ".join(word for word in split_words(name) if word not in TITLES)


# --- Local days


def local_day(instant: datetime, time_zone: ZoneInfo) -> date:
    """Return the local day on which `instant` is."""
    return instant.astimezone(time_zone).date()


def exists_on_clock(instant: datetime) -> bool:
    """Whether a local time exists: when the clocks go forward, those that they skip don't.

    The time must have its zone; an instant in UTC, or with an offset, always exists.
    """
    round_trip = instant.astimezone(UTC).astimezone(instant.tzinfo)
    return round_trip.replace(tzinfo=None) == instant.replace(tzinfo=None)


def local_days(interval: TimeInterval, time_zone: ZoneInfo) -> list[date]:
    """Return the local days that share time with `interval`, in order."""
    first = local_day(interval.start, time_zone)
    last = local_day(interval.end - timedelta.resolution, time_zone)
    return [first + timedelta(days=n) for n in range((last - first).days + 1)]


# --- Calendars


class CalendarKind(StrEnum):
    """Whose time a calendar holds."""

    DOCTOR = "doctor"
    PATIENT = "patient"


@dataclass(frozen=True, slots=True, order=True)
class Calendar:
    """The calendar of one doctor or patient; two spellings of one name have the same calendar."""

    kind: CalendarKind
    key: str

    @classmethod
    def of_doctor(cls, name: str) -> "Calendar":
        """Return a doctor's calendar."""
        return cls(CalendarKind.DOCTOR, doctor_key(name))

    @classmethod
    def of_patient(cls, name: str, email: str) -> "Calendar":
        """Return a patient's calendar. Its key is a hash, because keys are no place for personal data.

        A family may share an e-mail address, so the name belongs to the key.
        """
        identity = f"{''.join(split_words(name))}|{email.lower()}"
        return cls(CalendarKind.PATIENT, hashlib.sha256(identity.encode()).hexdigest()[:32])


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """A time that is reserved for one who may book it until `until`; then it is free again by itself."""

    interval: TimeInterval
    until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class CalendarDay:
    """The bookings of one calendar on one local day.

    `bookings` maps appointment ids to their intervals, and `holds` the ids of entries of the waiting list to
    the times that are reserved for them. `revision` counts the stored changes; 0 means that nothing is
    stored yet.
    """

    calendar: Calendar
    day: date
    bookings: Mapping[str, TimeInterval] = field(default_factory=dict)
    holds: Mapping[str, Hold] = field(default_factory=dict)
    revision: int = 0

    def is_free(self, interval: TimeInterval, *, except_for: str | None = None) -> bool:
        """Whether no booking but that of appointment `except_for`, and no hold, overlaps `interval`."""
        return not any(
            booked.overlaps(interval)
            for appointment_id, booked in self.bookings.items()
            if appointment_id != except_for
        ) and not any(hold.interval.overlaps(interval) for hold in self.holds.values())

    def with_live_holds(self, *, now: datetime) -> "CalendarDay":
        """Return the day without the holds that have ended."""
        live = {entry_id: hold for entry_id, hold in self.holds.items() if hold.until > now}
        return replace(self, holds=live)

    def with_hold(self, entry_id: str, hold: Hold) -> "CalendarDay":
        """Return the day with a time reserved for that entry of the waiting list."""
        return replace(self, holds={**self.holds, entry_id: hold})

    def without_hold(self, entry_id: str) -> "CalendarDay":
        """Return the day without what is reserved for that entry."""
        rest = {other: hold for other, hold in self.holds.items() if other != entry_id}
        return replace(self, holds=rest)

    def with_booking(self, appointment_id: str, interval: TimeInterval) -> "CalendarDay":
        """Return the day with `interval` booked for that appointment."""
        return replace(self, bookings={**self.bookings, appointment_id: interval})

    def without_booking(self, appointment_id: str) -> "CalendarDay":
        """Return the day without that appointment's booking."""
        rest = {other: booked for other, booked in self.bookings.items() if other != appointment_id}
        return replace(self, bookings=rest)


def is_free_on_all(
    days: Iterable[CalendarDay], interval: TimeInterval, *, except_for: str | None = None
) -> bool:
    """Whether `interval` is free on each of `days`; see `CalendarDay.is_free`."""
    return all(day.is_free(interval, except_for=except_for) for day in days)


def update_bookings(
    days: Iterable[CalendarDay], appointment: Appointment, time_zone: ZoneInfo
) -> list[CalendarDay]:
    """Return `days` with the booking that `appointment` has now, in place of any it had before.

    A cancelled or completed appointment has no booking.

    Args:
        days: All calendar days on which the appointment was booked or is to be booked.
        appointment: The appointment as it is to be stored.
        time_zone: The clinic's time zone.

    """
    calendars = appointment.calendars
    booked_days = local_days(appointment.interval, time_zone) if appointment.is_open else []
    updated = []
    for calendar_day in days:
        other_bookings = calendar_day.without_booking(appointment.id)
        is_booked = calendar_day.calendar in calendars and calendar_day.day in booked_days
        updated.append(
            other_bookings.with_booking(appointment.id, appointment.interval)
            if is_booked
            else other_bookings
        )
    return updated
