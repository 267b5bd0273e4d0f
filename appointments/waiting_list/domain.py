"""Entries of the waiting list as values: their states and transitions, and which times fit them. Pure."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from enum import StrEnum
from types import MappingProxyType

from appointments.domain import AppointmentKind, DayPart, Hold, TimeInterval, doctor_key
from common.timestamps import next_version, to_iso

MAX_OPEN_ENTRIES = 300
MAX_REFUSED = 20
"""So many times that a patient did not want are remembered."""


class WaitingStatus(StrEnum):
    """The state of an entry, as it is stored."""

    WAITING = "waiting"
    OFFERED = "offered"
    """A time is held for the patient, until the hold ends."""
    BOOKED = "booked"
    WITHDRAWN = "withdrawn"


TRANSITIONS: Mapping[WaitingStatus, frozenset[WaitingStatus]] = MappingProxyType(
    {
        WaitingStatus.WAITING: frozenset({WaitingStatus.OFFERED, WaitingStatus.WITHDRAWN}),
        WaitingStatus.OFFERED: frozenset(
            {
                WaitingStatus.WAITING,  # refused, or the hold ended
                WaitingStatus.OFFERED,  # the hold ended, and another time was freed
                WaitingStatus.BOOKED,
                WaitingStatus.WITHDRAWN,
            }
        ),
        WaitingStatus.BOOKED: frozenset(),
        WaitingStatus.WITHDRAWN: frozenset(),
    }
)
"""By state, those that may follow it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FreedTime:
    """A time of a professional that is free again."""

    doctor_name: str
    starts_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """A time that is held for the patient of an entry.

    Attributes:
        number: 1 for the first offer of the entry; links name it.
        doctor_name: The stored name of the professional.
        starts_at: The start.
        duration_min: The length in minutes.
        held_until: When the hold ends.

    """

    number: int
    doctor_name: str
    starts_at: datetime
    duration_min: int
    held_until: datetime

    @property
    def interval(self) -> TimeInterval:
        """The time that is held."""
        return TimeInterval.starting_at(self.starts_at, self.duration_min)

    @property
    def hold(self) -> Hold:
        """The hold that reserves the time."""
        return Hold(interval=self.interval, until=self.held_until)

    @property
    def time_key(self) -> str:
        """A text that is the same for the same time of the same professional."""
        return time_key(FreedTime(doctor_name=self.doctor_name, starts_at=self.starts_at))


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitingEntry:
    """One version of an entry; `updated_at` identifies the version.

    Attributes:
        id: Six digits.
        patient_name: The patient.
        patient_email: Where offers are sent.
        dni: The patient's identity number, or None.
        doctor_name: The stored name of the professional they want; "" for any.
        specialty: The specialty they want, if no professional is named; "" for any.
        first: The first local day that suits them.
        last: The last one.
        day_part: The part of the day that suits them; None: any.
        kind: What the appointment is for.
        status: The state.
        offer: The last offer; it holds a time only in the state `OFFERED`, and only until `held_until`.
        refused: The times that they did not want, by `time_key`, so that none is offered twice.
        appointment_id: What they booked, in the state `BOOKED`.
        created_at: When they began to wait: who waits longer goes first.
        updated_at: The version.

    """

    id: str
    patient_name: str
    patient_email: str
    dni: str | None = None
    doctor_name: str = ""
    specialty: str = ""
    first: date
    last: date
    day_part: DayPart | None = None
    kind: AppointmentKind = AppointmentKind.CONSULTATION
    status: WaitingStatus = WaitingStatus.WAITING
    offer: Offer | None = None
    refused: tuple[str, ...] = ()
    appointment_id: str | None = None
    created_at: datetime
    updated_at: datetime

    @property
    def is_open(self) -> bool:
        """Whether the patient still waits, or has been offered a time."""
        return bool(TRANSITIONS[self.status])

    def can_become(self, status: WaitingStatus) -> bool:
        """Whether `status` may follow the current state."""
        return status in TRANSITIONS[self.status]

    def live_offer(self, *, now: datetime) -> Offer | None:
        """Return the offer whose time is held now, or None."""
        if self.status is not WaitingStatus.OFFERED or self.offer is None:
            return None
        return self.offer if self.offer.held_until > now else None

    def is_past(self, *, today: date) -> bool:
        """Whether the last day that suits the patient has passed; `today` is a local day."""
        return self.last < today

    def has_lapsed_offer(self, *, now: datetime) -> bool:
        """Whether a time was offered, and the hold ended without an answer."""
        return self.status is WaitingStatus.OFFERED and self.live_offer(now=now) is None

    def is_waiting(self, *, now: datetime) -> bool:
        """Whether a time may be offered now."""
        return self.status is WaitingStatus.WAITING or self.has_lapsed_offer(now=now)

    def fits(self, freed: FreedTime, local_start: datetime, specialists: Collection[str]) -> bool:
        """Whether the patient wants a time, and did not refuse it before.

        Args:
            freed: The time.
            local_start: Its start in the clinic's time zone.
            specialists: The stored names of the professionals of the specialty that the entry names.

        """
        if time_key(freed) in self._refused_keys():
            return False
        if not self.first <= local_start.date() <= self.last:
            return False
        if self.day_part is not None and not self.day_part.includes(local_start.hour):
            return False
        if self.doctor_name:
            return doctor_key(self.doctor_name) == doctor_key(freed.doctor_name)
        return not self.specialty or freed.doctor_name in specialists

    def _refused_keys(self) -> tuple[str, ...]:
        """Return the refused times, each once, with the one of an offer that nobody answered."""
        unanswered: tuple[str, ...] = ()
        if self.status is WaitingStatus.OFFERED and self.offer is not None:
            unanswered = (self.offer.time_key,)
        return tuple(dict.fromkeys((*self.refused, *unanswered)))

    def offered(
        self, freed: FreedTime, duration_min: int, *, held_until: datetime, now: datetime
    ) -> "WaitingEntry":
        """Return the entry with a time offered; that of a lapsed offer counts as refused."""
        number = 1 if self.offer is None else self.offer.number + 1
        offer = Offer(
            number=number,
            doctor_name=freed.doctor_name,
            starts_at=freed.starts_at,
            duration_min=duration_min,
            held_until=held_until,
        )
        return self._became(
            WaitingStatus.OFFERED, now=now, offer=offer, refused=self._refused_keys()[-MAX_REFUSED:]
        )

    def waiting_again(self, *, is_refused: bool = True, now: datetime) -> "WaitingEntry":
        """Return the entry without its offered time, which isn't offered to it again if it `is_refused`."""
        refused = self._refused_keys()[-MAX_REFUSED:] if is_refused else self.refused
        return self._became(WaitingStatus.WAITING, now=now, refused=refused)

    def booked(self, appointment_id: str, *, now: datetime) -> "WaitingEntry":
        """Return the entry of a patient who accepted the offer."""
        return self._became(WaitingStatus.BOOKED, now=now, appointment_id=appointment_id)

    def withdrawn(self, *, now: datetime) -> "WaitingEntry":
        """Return the entry of a patient who waits no longer."""
        return self._became(WaitingStatus.WITHDRAWN, now=now)

    def _became(self, status: WaitingStatus, *, now: datetime, **changes: object) -> "WaitingEntry":
        assert self.can_become(status)
        version = next_version(self.updated_at, now)
        return replace(self, status=status, updated_at=version, **changes)  # type: ignore[arg-type]  # fields of the class


def order_candidates(
    entries: Iterable[WaitingEntry], *, except_for: Collection[str], today: date, now: datetime
) -> list[WaitingEntry]:
    """Return those to whom a time may be offered, in the order in which they are asked.

    Those with a lapsed offer come last: a new offer replaces the lapsed one, whose time the worker then
    can't pass on. Without a worker nobody else ends lapsed offers, so they are not left out.

    Args:
        entries: All entries, who waits longest first.
        except_for: The ids of those to leave out.
        today: The local day; who wanted a day before it is left out.
        now: The current time.

    """
    eligible = [
        each
        for each in entries
        if each.id not in except_for and each.is_waiting(now=now) and not each.is_past(today=today)
    ]
    return sorted(eligible, key=lambda each: each.has_lapsed_offer(now=now))


def time_key(freed: FreedTime) -> str:
    """Return a text that is the same for the same time of the same professional."""
    return f"{doctor_key(freed.doctor_name)} {to_iso(freed.starts_at)}"
