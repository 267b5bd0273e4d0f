"""Entries of the waiting list as values: their states and transitions, and which times fit them. Pure."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, fields, replace
from datetime import date, datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from appointments.domain import AppointmentKind, DayPart, Hold, TimeInterval, doctor_key
from common.timestamps import next_version, to_iso

MAX_OPEN_ENTRIES = 300
MAX_REFUSED = 20
"""So many times that a patient did not want are remembered."""
MAX_REPLACED = 20
"""So many replaced offers are remembered until the worker passes their times on."""


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
class Wanted:
    """Who waits for what.

    Attributes:
        patient_name: The patient.
        patient_email: Where offers are sent.
        dni: The patient's identity number, or None.
        doctor_name: The stored name of the professional they want; "" for any.
        specialty: The specialty they want, if no professional is named; "" for any.
        first: The first local day that suits them.
        last: The last one.
        day_part: The part of the day that suits them; None: any.
        kind: What the appointment is for.

    """

    patient_name: str
    patient_email: str
    dni: str | None = None
    doctor_name: str = ""
    specialty: str = ""
    first: date
    last: date
    day_part: DayPart | None = None
    kind: AppointmentKind = AppointmentKind.CONSULTATION


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitingEntry(Wanted):
    """One version of an entry; `updated_at` identifies the version.

    Attributes:
        id: Six digits.
        status: The state.
        offer: The last offer; it holds a time only in the state `OFFERED`, and only until `held_until`.
        replaced_offers: Earlier offers that lapsed and were replaced by another one before the worker passed
            their times on, oldest first.
        refused: The times that they did not want, by `time_key`, so that none is offered twice.
        appointment_id: What they booked, in the state `BOOKED`.
        created_at: When they began to wait: who waits longer goes first.
        updated_at: The version.

    """

    id: str
    status: WaitingStatus = WaitingStatus.WAITING
    offer: Offer | None = None
    replaced_offers: tuple[Offer, ...] = ()
    refused: tuple[str, ...] = ()
    appointment_id: str | None = None
    created_at: datetime
    updated_at: datetime

    @classmethod
    def new(cls, wanted: Wanted, *, entry_id: str, now: datetime) -> "WaitingEntry":
        """Return the entry of a patient who begins to wait."""
        return cls(id=entry_id, created_at=now, updated_at=now, **_fields_of(wanted))

    @property
    def wanted(self) -> Wanted:
        """Who waits for what, without the state."""
        return Wanted(**_fields_of(self))

    def with_wanted(self, wanted: Wanted, *, now: datetime) -> "WaitingEntry":
        """Return the entry of the same place in the list for something else."""
        version = next_version(self.updated_at, now)
        return replace(self, updated_at=version, **_fields_of(wanted))

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
        unanswered = [each.time_key for each in self._unanswered_offers()]
        return tuple(dict.fromkeys((*self.refused, *unanswered)))

    def _unanswered_offers(self) -> tuple[Offer, ...]:
        """Return the last offer if the patient has not answered it."""
        if self.status is not WaitingStatus.OFFERED or self.offer is None:
            return ()
        return (self.offer,)

    def oldest_unanswered_offer(self) -> Offer | None:
        """Return the first offer whose time is still to be booked or passed on, or None."""
        return next(iter((*self.replaced_offers, *self._unanswered_offers())), None)

    def offered(
        self, freed: FreedTime, duration_min: int, *, held_until: datetime, now: datetime
    ) -> "WaitingEntry":
        """Return the entry with a time offered.

        The time of a lapsed offer counts as refused, and the offer is remembered, so that its time can still
        be passed on.
        """
        number = 1 if self.offer is None else self.offer.number + 1
        lapsed = self._unanswered_offers()
        replaced = [each for each in (*self.replaced_offers, *lapsed) if each.starts_at > now]
        offer = Offer(
            number=number,
            doctor_name=freed.doctor_name,
            starts_at=freed.starts_at,
            duration_min=duration_min,
            held_until=held_until,
        )
        return self._became(
            WaitingStatus.OFFERED,
            now=now,
            offer=offer,
            replaced_offers=tuple(replaced[-MAX_REPLACED:]),
            refused=self._refused_keys()[-MAX_REFUSED:],
        )

    def waiting_again(self, *, is_refused: bool = True, now: datetime) -> "WaitingEntry":
        """Return the entry without its offered time, which isn't offered to it again if it `is_refused`."""
        refused = self._refused_keys()[-MAX_REFUSED:] if is_refused else self.refused
        return self._became(WaitingStatus.WAITING, now=now, refused=refused)

    def without_replaced_offer(self, offer: Offer, *, now: datetime) -> "WaitingEntry":
        """Return the entry without a replaced offer, whose time is passed on."""
        rest = tuple(each for each in self.replaced_offers if each != offer)
        return replace(self, replaced_offers=rest, updated_at=next_version(self.updated_at, now))

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


def _fields_of(wanted: Wanted) -> dict[str, Any]:
    """Return the fields that say who waits for what."""
    return {each.name: getattr(wanted, each.name) for each in fields(Wanted)}


def order_candidates(
    entries: Iterable[WaitingEntry], *, except_for: Collection[str], today: date, now: datetime
) -> list[WaitingEntry]:
    """Return those to whom a time may be offered, in the order in which they are asked.

    Those with a lapsed offer come last: they did not answer, and others have had no offer yet.

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
