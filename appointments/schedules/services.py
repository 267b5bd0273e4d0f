"""The schedule, and the changes that supervisors make to it.

As long as no professional is stored, those of the settings `CLINIC_DOCTORS` and `CLINIC_OPENING_HOURS`
are valid. The first change of one stores all of them.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, datetime

from appointments import clinic
from appointments.errors import (
    DoctorNotFoundError,
    LastProfessionalError,
    ProfessionalExistsError,
    ProfessionalNotFoundError,
)
from appointments.schedules import repository
from appointments.schedules.cache import Stored, shared_cache
from appointments.schedules.domain import (
    Professional,
    Schedule,
    SpecialDay,
    iter_days,
    sort_professionals,
)
from appointments.schedules.holidays import holiday_name
from appointments.schedules.validation import clean_professional, clean_special_day
from common.contact import clean_name
from common.dynamodb.retries import refuse_if_stale
from common.timestamps import next_version, truncate_to_ms


def current_schedule() -> Schedule:
    """Return the schedule, as it was a few seconds ago at most (`cache.MAX_AGE_S`)."""
    return _schedule(shared_cache.get())


def last_read_schedule() -> Schedule:
    """Return the schedule as this process read it last, without a request to DynamoDB."""
    return _schedule(shared_cache.peek() or ([], []))


def stored_schedule() -> Schedule:
    """Return the schedule as it is stored now, for who edits it."""
    return _schedule(repository.read_all())


def _schedule(stored: Stored) -> Schedule:
    professionals, days = stored
    return Schedule(
        professionals=sort_professionals(professionals) or _initial_professionals(),
        opening_hours=clinic.opening_hours(),
        special_days={each.day: each for each in days},
        holiday_name=holiday_name,
    )


def _initial_professionals() -> tuple[Professional, ...]:
    return tuple(Professional(name=name) for name in clinic.initial_doctors())


def resolve_doctor(name: str) -> str:
    """Return the name under which the doctor that `name` refers to is stored.

    If there are no professionals, any name with more than a title is a doctor's.

    Raises:
        InvalidFieldError: it can't be a name.
        DoctorNotFoundError: it refers to no professional, or to more than one.

    """
    cleaned = clean_name(name, field="doctor_name")
    return resolve_professional(current_schedule(), cleaned).name


def resolve_professional(schedule: Schedule, name: str) -> Professional:
    """Return the professional that `name` refers to.

    Raises:
        DoctorNotFoundError: it refers to none, or to more than one; it names those who match the name,
            or else the specialty, or else all.

    """
    everybody = schedule.professionals
    if not Professional(name=name).id:
        raise DoctorNotFoundError(doctors=[each.name for each in everybody])
    if not everybody:
        return Professional(name=name)
    matches = schedule.find_by_name(name)
    if len(matches) == 1:
        return matches[0]
    candidates = matches or schedule.find_by_specialty(name) or everybody
    raise DoctorNotFoundError(doctors=[each.name for each in candidates])


# --- Professionals


def get_professional(*, professional_id: str) -> Professional:
    """Return the professional with this id.

    Raises:
        ProfessionalNotFoundError: nobody has it.

    """
    return _find(stored_schedule(), professional_id)


def _find(schedule: Schedule, professional_id: str) -> Professional:
    for professional in schedule.professionals:
        if professional.id == professional_id:
            return professional
    raise ProfessionalNotFoundError(professional_id=professional_id)


def add_professional(*, professional: Professional, now: datetime) -> Professional:
    """Store a new professional and return them.

    Raises:
        InvalidFieldError: a field isn't valid.
        ProfessionalExistsError: there is one with this name, perhaps in another spelling.

    """
    schedule = stored_schedule()
    added = clean_professional(professional, others=schedule.professionals)
    if any(each.id == added.id for each in schedule.professionals):
        raise ProfessionalExistsError(name=added.name)
    added = replace(added, created_at=truncate_to_ms(now), updated_at=truncate_to_ms(now))
    _store([added, *_unstored(schedule.professionals, now)])
    return added


def update_professional(
    *,
    professional: Professional,
    unchanged_since: datetime | None = None,
    now: datetime,
) -> Professional:
    """Store the changed professional, whose name stays, and return them.

    Args:
        professional: The professional with all fields as they are to be; their feed stays.
        unchanged_since: The `updated_at` that the caller saw; None for any version.
        now: The current time.

    Raises:
        ProfessionalNotFoundError: nobody has this name.
        StaleVersionError: they have another version.
        InvalidFieldError: a field isn't valid.

    """
    schedule = stored_schedule()
    before = _find(schedule, professional.id)
    refuse_if_stale(before.updated_at, unchanged_since)
    others = [each for each in schedule.professionals if each.id != before.id]
    wanted = replace(professional, name=before.name, feed_nonce=before.feed_nonce)
    return _store_changed(before, clean_professional(wanted, others=others), others, now)


def set_feed_nonce(*, professional_id: str, nonce: str, now: datetime) -> Professional:
    """Give a professional's calendar feed a new address, or end it with "", and return the professional.

    Raises:
        ProfessionalNotFoundError: nobody has this id.
        StaleVersionError: somebody else changes the professional at this moment.

    """
    schedule = stored_schedule()
    before = _find(schedule, professional_id)
    others = [each for each in schedule.professionals if each.id != before.id]
    return _store_changed(before, replace(before, feed_nonce=nonce), others, now)


def _store_changed(
    before: Professional, changed: Professional, others: Iterable[Professional], now: datetime
) -> Professional:
    after = replace(changed, created_at=before.created_at, updated_at=before.updated_at)
    if after == before:
        return before
    after = replace(
        after,
        created_at=before.created_at or truncate_to_ms(now),
        updated_at=next_version(before.updated_at, now),
    )
    versions = {repository.sort_key(after): before.updated_at}
    _store([after, *_unstored(others, now)], versions)
    return after


def delete_professional(
    *, professional_id: str, unchanged_since: datetime | None = None, now: datetime
) -> None:
    """Delete a professional. Their appointments stay.

    Raises:
        ProfessionalNotFoundError: nobody has this id.
        StaleVersionError: they have another version, or somebody else who was to remain is deleted.
        LastProfessionalError: there is nobody else.

    """
    schedule = stored_schedule()
    professional = _find(schedule, professional_id)
    refuse_if_stale(professional.updated_at, unchanged_since)
    others = [each for each in schedule.professionals if each.id != professional_id]
    if not others:
        raise LastProfessionalError
    stored = (each for each in others if each.updated_at is not None)
    repository.delete(professional, new=_unstored(others, now), remaining=next(stored, None))
    shared_cache.clear()


def _unstored(professionals: Iterable[Professional], now: datetime) -> list[Professional]:
    """Return those who come from the settings, as they are to be stored."""
    at = truncate_to_ms(now)
    return [
        replace(each, created_at=at, updated_at=at)
        for each in professionals
        if each.updated_at is None
    ]


def _store(
    values: Iterable[Professional | SpecialDay],
    versions: dict[str, datetime | None] | None = None,
) -> None:
    repository.store(values, versions=versions or {})
    shared_cache.clear()


# --- Special days


def set_special_day(
    *,
    day: date,
    is_open: bool,
    reason: str,
    unchanged_since: datetime | None = None,
    now: datetime,
) -> SpecialDay:
    """Open or close a day, whatever the calendar of holidays says, and return it.

    Args:
        day: The local day.
        is_open: Whether there are appointments, in the weekly hours of that weekday.
        reason: Why, as customers hear it; for example the holiday's name.
        unchanged_since: The `updated_at` that the caller saw; None for any version.
        now: The current time.

    Raises:
        InvalidFieldError: a field isn't valid.
        StaleVersionError: it has another version.

    """
    before = stored_schedule().special_days.get(day)
    refuse_if_stale(before.updated_at if before else None, unchanged_since)
    wanted = clean_special_day(SpecialDay(day=day, is_open=is_open, reason=reason))
    if before and (before.is_open, before.reason) == (wanted.is_open, wanted.reason):
        return before
    version = before.updated_at if before else None
    after = replace(
        wanted,
        created_at=before.created_at if before else truncate_to_ms(now),
        updated_at=next_version(version, now),
    )
    _store([after], {repository.sort_key(after): version})
    return after


def remove_special_day(*, day: date, unchanged_since: datetime | None = None) -> None:
    """Let the calendar of holidays decide about a day again. If it does already, nothing happens.

    Raises:
        StaleVersionError: the day has another version.

    """
    before = stored_schedule().special_days.get(day)
    refuse_if_stale(before.updated_at if before else None, unchanged_since)
    if before is not None:
        repository.delete(before)
        shared_cache.clear()


@dataclass(frozen=True, slots=True, kw_only=True)
class CalendarEntry:
    """A public holiday, a day that staff opened or closed, or both.

    `special` is None if only the calendar of holidays names the day; `holiday` if only staff do.
    """

    day: date
    holiday: str | None
    special: SpecialDay | None

    @property
    def is_open(self) -> bool:
        """Whether there are appointments."""
        return self.special is not None and self.special.is_open

    @property
    def reason(self) -> str:
        """Why it is in the calendar: as staff wrote, or the holiday's name."""
        return (self.special.reason if self.special else "") or self.holiday or ""


def get_calendar_entry(*, day: date) -> CalendarEntry | None:
    """Return the holiday or special day on this day, or None."""
    return _entry(stored_schedule(), day)


def list_calendar_entries(*, first: date, last: date) -> list[CalendarEntry]:
    """Return the holidays and special days from `first` to `last`, in order."""
    schedule = stored_schedule()
    entries = (_entry(schedule, day) for day in iter_days(first, last))
    return [entry for entry in entries if entry is not None]


def _entry(schedule: Schedule, day: date) -> CalendarEntry | None:
    holiday, special = schedule.holiday_name(day), schedule.special_days.get(day)
    if holiday is None and special is None:
        return None
    return CalendarEntry(day=day, holiday=holiday, special=special)
