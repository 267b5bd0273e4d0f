"""What an appointment is, what may become of it, and which times are free. Pure.

Theory. Instants are aware, and all arithmetic is done on instants, so that a night on which the
clocks change needs no thought; the clinic's time zone only says which local day an instant is on.
A `DoctorDay` holds the times that are taken of one doctor on one such day. An appointment over
midnight is held by both its days, so two appointments that overlap always meet in at least one day.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from types import MappingProxyType
from zoneinfo import ZoneInfo

from common.identity.verification import Caller, matches_identity, normalized_name
from common.partial_updates import UNSET, Unset
from common.timestamps import next_version

SHORTEST_MIN = 5
LONGEST_MIN = 480
MAX_NOTES_LENGTH = 1000
TITLES = frozenset({"dr", "dra", "doctor", "doctora"})


class AppointmentKind(StrEnum):
    """What an appointment is for, as it is stored under `type`."""

    CONSULTATION = "consultation"
    FOLLOW_UP = "follow-up"
    EMERGENCY = "emergency"
    ROUTINE = "routine"


class AppointmentStatus(StrEnum):
    """How far an appointment has come, as it is stored."""

    SCHEDULED = "scheduled"
    CONFIRMED = "confirmed"
    CANCELLED = "cancelled"
    COMPLETED = "completed"


MOVES: Mapping[AppointmentStatus, frozenset[AppointmentStatus]] = MappingProxyType(
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
"""What an appointment may become next."""

OPEN = frozenset({AppointmentStatus.SCHEDULED, AppointmentStatus.CONFIRMED})
"""The statuses in which an appointment may still be moved, and holds its time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """The time from `start` up to, but without, `end`."""

    start: datetime
    end: datetime

    def overlaps(self, other: "Span") -> bool:
        """Whether the two share any time. Touching ends don't."""
        return self.start < other.end and other.start < self.end


@dataclass(frozen=True, slots=True, kw_only=True)
class Appointment:
    """An appointment as it is at one moment; `updated_at` is its version.

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
    created_at: datetime | None = None
    updated_at: datetime | None = None

    @property
    def span(self) -> Span:
        """The time it takes."""
        return span_of(self.starts_at, self.duration_min)

    @property
    def holds_its_time(self) -> bool:
        """Whether nobody else can have its time."""
        return self.status in OPEN

    def may_become(self, status: AppointmentStatus) -> bool:
        """Whether `status` may follow the present one."""
        return status in MOVES[self.status]

    def belongs_to(self, caller: Caller) -> bool:
        """Whether `caller` may see and change it."""
        return matches_identity(caller, name=self.patient_name)

    def moved(self, starts_at: datetime) -> "Appointment":
        """Return it at another time."""
        return replace(self, starts_at=starts_at)

    def becoming(self, status: AppointmentStatus) -> "Appointment":
        """Return it with another status."""
        return replace(self, status=status)

    def renewed(self, *, now: datetime) -> "Appointment":
        """Return it as a new version."""
        return replace(self, updated_at=next_version(self.updated_at, now))


@dataclass(frozen=True, slots=True, kw_only=True)
class AppointmentChanges:
    """What staff may change of an appointment; what isn't given stays."""

    patient_name: str | Unset = UNSET
    patient_email: str | Unset = UNSET
    doctor_name: str | Unset = UNSET
    starts_at: datetime | Unset = UNSET
    duration_min: int | Unset = UNSET
    kind: AppointmentKind | Unset = UNSET
    status: AppointmentStatus | Unset = UNSET
    notes: str | Unset = UNSET


@dataclass(frozen=True, slots=True, kw_only=True)
class AppointmentQuery:
    """Which appointments are listed. Dates are the clinic's days, both ends included."""

    day: date | None = None
    date_from: date | None = None
    date_to: date | None = None
    doctor_name: str | None = None
    patient_email: str | None = None
    status: AppointmentStatus | None = None
    latest_first: bool = False


def span_of(starts_at: datetime, duration_min: int) -> Span:
    """Return the span that begins at `starts_at`, in UTC."""
    start = starts_at.astimezone(UTC)
    return Span(start=start, end=start + timedelta(minutes=duration_min))


# --- Doctors


def doctor_key(name: str) -> str:
    """Return `name` without title, accents, capitals and punctuation: one doctor, one key."""
    return " ".join(word for word in normalized_name(name) if word not in TITLES)


def doctors_meant(said: str, known: Sequence[str]) -> list[str]:
    """Return the known doctors who may be meant: by the whole name, or else by words of it."""
    words = set(doctor_key(said).split())
    keys = {name: set(doctor_key(name).split()) for name in known}
    whole = [name for name, key in keys.items() if key == words]
    return whole or [name for name, key in keys.items() if words and words <= key]


# --- Days of the clinic


def day_of(instant: datetime, zone: ZoneInfo) -> date:
    """Return the clinic's day on which `instant` is."""
    return instant.astimezone(zone).date()


def days_of(span: Span, zone: ZoneInfo) -> list[date]:
    """Return the clinic's days that `span` touches."""
    first, last = day_of(span.start, zone), day_of(span.end - timedelta.resolution, zone)
    return [first + timedelta(days=n) for n in range((last - first).days + 1)]


def span_of_day(day: date, zone: ZoneInfo) -> Span:
    """Return the clinic's `day`: 24 hours, or 23 or 25 when the clocks change."""
    return Span(
        start=_local(day, time.min, zone), end=_local(day + timedelta(days=1), time.min, zone)
    )


def _local(day: date, at: time, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, at, tzinfo=zone).astimezone(UTC)


# --- What is taken and what is free


@dataclass(frozen=True, slots=True, kw_only=True)
class DoctorDay:
    """The times that are taken of one doctor on one of the clinic's days.

    `revision` counts the changes; 0 means that nothing is stored yet.
    """

    doctor: str
    day: date
    taken: Mapping[str, Span] = field(default_factory=dict)
    revision: int = 0

    def is_free(self, span: Span, *, except_for: str | None = None) -> bool:
        """Whether nobody but appointment `except_for` has any of `span`."""
        return not any(
            other.overlaps(span) for holder, other in self.taken.items() if holder != except_for
        )

    def without(self, appointment_id: str) -> "DoctorDay":
        """Return the day with that appointment's time given back."""
        rest = {holder: span for holder, span in self.taken.items() if holder != appointment_id}
        return replace(self, taken=rest)

    def having(self, appointment_id: str, span: Span) -> "DoctorDay":
        """Return the day with `span` taken by that appointment."""
        return replace(self, taken={**self.taken, appointment_id: span})


def rewritten(
    days: Iterable[DoctorDay], appointment: Appointment, zone: ZoneInfo
) -> list[DoctorDay]:
    """Return the days as they are once `appointment` is stored, wherever and with whom it was before."""
    touched = set(days_of(appointment.span, zone)) if appointment.holds_its_time else set()
    doctor = doctor_key(appointment.doctor_name)
    cleared = [day.without(appointment.id) for day in days]
    return [
        day.having(appointment.id, appointment.span)
        if day.doctor == doctor and day.day in touched
        else day
        for day in cleared
    ]


def all_free(days: Iterable[DoctorDay], span: Span, *, except_for: str | None = None) -> bool:
    """Whether `span` is free on all of `days`."""
    return all(day.is_free(span, except_for=except_for) for day in days)
