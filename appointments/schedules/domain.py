"""Professionals, special days, and the schedule that they make. Pure: no I/O, no clock, no Django."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from zoneinfo import ZoneInfo

from appointments.domain import AppointmentKind, TimeInterval, doctor_key
from appointments.opening_hours import OpeningHours
from common.text import split_words

DEFAULT_DURATION_MINUTES = 30
SPECIALTY_STEM_LENGTH = 6
"""`cardiología` and `cardióloga` share so many letters."""
_UNNAMED = frozenset({"la", "el", "con", "de", "del", "lic", "licenciada", "licenciado"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Leave:
    """Days on which a professional doesn't work, the first and the last included."""

    first: date
    last: date
    reason: str = ""

    def includes(self, day: date) -> bool:
        """Whether the professional is away on this day."""
        return self.first <= day <= self.last


@dataclass(frozen=True, slots=True, kw_only=True)
class Professional:
    """Somebody who has appointments.

    Attributes:
        name: The name with its title; appointments are stored under it, so it never changes.
        specialty: What customers may ask for instead of the name.
        aliases: Other names that customers say.
        hours: Their weekly hours; None if they are those of the clinic.
        leave: When they are away.
        durations: The minutes of a type of appointment, for those that have an own length.
        accepts_new_patients: Whether somebody may book by voice who never had an appointment with them.
        feed_nonce: A random text of which the address of their calendar feed is made; "" if they have none.
        created_at: When they were stored; None if they come from the settings.
        updated_at: Their version; None if they come from the settings.

    """

    name: str
    specialty: str = ""
    aliases: tuple[str, ...] = ()
    hours: OpeningHours | None = None
    leave: tuple[Leave, ...] = ()
    durations: Mapping[AppointmentKind, int] = field(default_factory=dict)
    accepts_new_patients: bool = True
    feed_nonce: str = field(default="", repr=False)
    created_at: datetime | None = None
    updated_at: datetime | None = None

    @property
    def id(self) -> str:
        """The name without title, accents and capitals: two spellings of a name are one professional."""
        return "-".join(doctor_key(self.name).split())

    def duration_of(self, kind: AppointmentKind) -> int:
        """Return how many minutes an appointment of this type has, unless somebody says otherwise."""
        return self.durations.get(kind, DEFAULT_DURATION_MINUTES)

    def is_away(self, day: date) -> bool:
        """Whether they are on leave on this day."""
        return any(leave.includes(day) for leave in self.leave)


@dataclass(frozen=True, slots=True, kw_only=True)
class SpecialDay:
    """A day that staff opened or closed, whatever the calendar of holidays says."""

    day: date
    is_open: bool
    reason: str = ""
    created_at: datetime | None = None
    updated_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkingHours:
    """When one professional works: weekly hours without the days on which they don't."""

    weekly: OpeningHours
    is_day_off: Callable[[date], bool]

    def intervals_on(self, day: date, time_zone: ZoneInfo) -> list[TimeInterval]:
        """Return the intervals of a local day in which they work, in order."""
        return [] if self.is_day_off(day) else self.weekly.intervals_on(day, time_zone)


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """Everything that says when there can be appointments.

    Attributes:
        professionals: In the order of their names. If there are none, any name is a professional's.
        opening_hours: The clinic's weekly hours, of those who have no own.
        special_days: The days that staff opened or closed.
        holiday_name: Returns the name of a public holiday, or None.

    """

    professionals: tuple[Professional, ...]
    opening_hours: OpeningHours
    special_days: Mapping[date, SpecialDay]
    holiday_name: Callable[[date], str | None]

    def closure_on(self, day: date) -> str | None:
        """Return why the clinic is closed all day, perhaps "", or None if it isn't."""
        special = self.special_days.get(day)
        if special is None:
            return self.holiday_name(day)
        return None if special.is_open else special.reason

    def professional(self, name: str) -> Professional | None:
        """Return the professional under whose stored name an appointment is, or None."""
        key = doctor_key(name)
        return next((each for each in self.professionals if doctor_key(each.name) == key), None)

    def hours_of(self, name: str) -> WorkingHours:
        """Return when somebody works; who isn't a professional has the clinic's hours."""
        professional = self.professional(name) or Professional(name=name)
        return WorkingHours(
            weekly=professional.hours or self.opening_hours,
            is_day_off=lambda day: self.closure_on(day) is not None or professional.is_away(day),
        )

    def find_by_name(self, name: str) -> list[Professional]:
        """Return the professionals that `name` may refer to.

        That is the one who is stored under it, whatever aliases others have; else those whose name or
        alias has the same words; else those whose name or one of whose aliases contains all its words.
        """
        if stored := self.professional(name):
            return [stored]
        searched = _name_words(name)
        if not searched:
            return []
        names = {
            each.id: [*map(_name_words, (each.name, *each.aliases))] for each in self.professionals
        }
        exact = [each for each in self.professionals if searched in names[each.id]]
        return exact or [
            each
            for each in self.professionals
            if any(searched <= words for words in names[each.id])
        ]

    def find_by_specialty(self, text: str) -> list[Professional]:
        """Return the professionals whose specialty `text` names: `cardiólogo`, `una dermatóloga`."""
        stems = {_stem(word) for word in split_words(text) if len(word) >= SPECIALTY_STEM_LENGTH}
        return [
            each
            for each in self.professionals
            if stems & {_stem(word) for word in split_words(each.specialty)}
        ]


def _name_words(name: str) -> frozenset[str]:
    return frozenset(doctor_key(name).split()) - _UNNAMED


def _stem(word: str) -> str:
    return word[:SPECIALTY_STEM_LENGTH]


def iter_days(first: date, last: date) -> Iterator[date]:
    """Yield the days from `first` to `last`, both included."""
    for ordinal in range(first.toordinal(), last.toordinal() + 1):
        yield date.fromordinal(ordinal)


def sort_professionals(professionals: Sequence[Professional]) -> tuple[Professional, ...]:
    """Return the professionals in the order of their names, without titles."""
    return tuple(sorted(professionals, key=lambda each: each.id))
