"""What the assistant knows about the business, as the prompts say it in Spanish."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby

from appointments.opening_hours import MINUTES_PER_DAY, OpeningHours

MAX_DOCTORS_LENGTH = 300
"""How many characters of the prompt the names of the professionals may have."""
CATALOGUE_PRICES = "los da la herramienta desde el catálogo; poné 0 en cada uno"
DEFAULT_EMERGENCY = "llame ya al 107 o vaya a la guardia más cercana"
"""What a customer with an emergency is told to do, unless staff write something else."""
TAKES_MESSAGES = " o dejar un mensaje"
_WEEKDAYS = ("lunes", "martes", "miércoles", "jueves", "viernes", "sábado", "domingo")
_ALL_DAY = ((0, MINUTES_PER_DAY),)


@dataclass(frozen=True, slots=True, kw_only=True)
class Business:
    """The facts of a business; an empty one is unknown.

    Attributes:
        name: The name under which the assistant presents itself.
        doctors: The professionals; if their names are too long, the prompt has none of them, and the
            tools name those there are.
        opening_hours: When there are appointments.
        address: Street, number and town.
        phone: The number of the business.
        handover: The number for customers who want a person; else `phone` is it.
        has_catalogue: Whether the prices of orders come from the catalogue.
        takes_messages: Whether the assistant offers to take a message for the staff.
        emergency: What a customer with an emergency is told to do.
        notes: Further facts, as sentences.
        personas: The assistant's name by the voice that speaks; else the voice is its name.

    """

    name: str
    opening_hours: OpeningHours
    doctors: Sequence[str] = ()
    address: str = ""
    phone: str = ""
    handover: str = ""
    has_catalogue: bool = False
    takes_messages: bool = True
    emergency: str = ""
    notes: str = ""
    personas: Mapping[str, str] = field(default_factory=dict)

    def prompt_values(self) -> dict[str, str]:
        """Return the values of the prompts' placeholders."""
        doctors = _join(self.doctors)
        return {
            "business": self.name,
            "doctors": doctors if len(doctors) <= MAX_DOCTORS_LENGTH else "",
            "prices": CATALOGUE_PRICES if self.has_catalogue else "",
            "opening_hours": describe_opening_hours(self.opening_hours),
            "address": self.address.rstrip("."),
            "phone": self.phone,
            "contact": self._contact(),
            "person": self._contact() + (TAKES_MESSAGES if self.takes_messages else ""),
            "emergency": self.emergency or DEFAULT_EMERGENCY,
            "notes": self.notes.rstrip("."),
        }

    def _contact(self) -> str:
        """Return how a customer reaches a person at once."""
        if number := self.handover or self.phone:
            return f"puede llamar al {number}"
        return f"puede llamar por teléfono o escribir a {self.name}"


def describe_opening_hours(opening_hours: OpeningHours) -> str:
    """Return the hours in words: "de lunes a viernes de 8 a 20; el sábado de 9:30 a 13"."""
    week = zip(_WEEKDAYS, opening_hours.by_weekday, strict=True)
    groups = [
        ([day for day, _ in days], hours)
        for hours, days in groupby(week, key=lambda day: _merge(day[1]))
    ]
    return "; ".join(
        f"{_describe_days(days)} {_describe_intervals(hours)}" for days, hours in groups if hours
    )


def _merge(intervals: Sequence[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    """Return the intervals of a day, those that touch or overlap as one."""
    merged: list[tuple[int, int]] = []
    for opens, closes in intervals:
        if merged and opens <= merged[-1][1]:
            first, last = merged.pop()
            merged.append((first, max(last, closes)))
        else:
            merged.append((opens, closes))
    return tuple(merged)


def _describe_days(days: Sequence[str]) -> str:
    match days:
        case [day]:
            return f"el {day}"
        case [first, second]:
            return f"el {first} y el {second}"
        case _ if len(days) == len(_WEEKDAYS):
            return "todos los días"
        case _:
            return f"de {days[0]} a {days[-1]}"


def _describe_intervals(intervals: Sequence[tuple[int, int]]) -> str:
    if intervals == _ALL_DAY:
        return "las 24 horas"
    return _join(
        [f"de {_describe_time(opens)} a {_describe_time(closes)}" for opens, closes in intervals]
    )


def _describe_time(minute: int) -> str:
    hour, minutes = divmod(minute, 60)
    return f"{hour}:{minutes:02}" if minutes else str(hour)


def _join(parts: Sequence[str]) -> str:
    """Return the parts as a list in a sentence: "a, b y c"."""
    return " y ".join(filter(None, (", ".join(parts[:-1]), *parts[-1:])))
