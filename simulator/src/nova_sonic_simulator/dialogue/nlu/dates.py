"""Finds days: "mañana", "el viernes", "el 27 de noviembre", "dentro de dos semanas", "27/11".

A day is always in the future: "el viernes" is the next Friday after today, "el 27" the next 27th, "27 de
noviembre" that day of this year or the next. `times` has already removed "la mañana". Grammars are tried
at each token in the order of their list, the most specific first.
"""

import calendar
from collections.abc import Callable, Sequence
from datetime import date, timedelta

from nova_sonic_simulator.dialogue.nlu.tokens import (
    Token,
    contains,
    matches,
    number_at,
    skip,
    without,
    word_at,
    words,
)

WEEKDAYS = words("lunes martes miercoles jueves viernes sabado domingo")
MONTHS = words(
    "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre"
)
MONTH_NUMBERS = {word: number for number, word in enumerate(MONTHS, start=1)} | {"setiembre": 9}
FIRST = words("primero 1ro 1")
DAYS_IN = {"dia": 1, "dias": 1, "semana": 7, "semanas": 7}
NEXT_WEEK = ("semana que viene", "proxima semana", "semana proxima", "semana siguiente")

NAMED_DAYS = {
    "navidad": (12, 25),
    "nochebuena": (12, 24),
    "ano nuevo": (1, 1),
    "fin de ano": (12, 31),
    "dia del trabajador": (5, 1),
    "dia de la inmaculada": (12, 8),
}
LEAP_YEAR = 2028

# A day, and the index after its tokens.
_Found = tuple[date, int] | None


def find_day(
    tokens: Sequence[Token], today: date, *, day_is_expected: bool = False
) -> tuple[date | None, list[Token]]:
    """Return the last day in `tokens`, and the tokens with gaps in place of days.

    Args:
        tokens: The utterance.
        today: The current date.
        day_is_expected: Whether a day was asked for, so that a bare "el 27" is one.
    """
    grammars = [*_GRAMMARS, _bare_day] if day_is_expected else _GRAMMARS
    left, day, index = list(tokens), None, 0
    while index < len(left):
        found = _first(grammars, left, index, today)
        if found is not None:
            day, end = found
            left = without(left, index, end)
        index += 1
    return day, left


def names_no_day(tokens: Sequence[Token]) -> bool:
    """Return whether "31 de febrero" or "40 de mayo" names a day that no year has."""
    for index in range(len(tokens)):
        day, month = number_at(tokens, index), MONTH_NUMBERS.get(word_at(tokens, index + 2))
        if day and month and word_at(tokens, index + 1) in {"de", "del"}:
            last = calendar.monthrange(LEAP_YEAR, month)[1]
            if not 1 <= int(day[:4]) <= last:
                return True
    return False


def _named(tokens: Sequence[Token], index: int, today: date) -> _Found:
    """Match "Navidad" and other days that have a name."""
    for phrase, (month, day) in NAMED_DAYS.items():
        if matches(tokens, index, phrase):
            return _at(_next_of_year(month, str(day), today), index + len(phrase.split()))
    return None


_Grammar = Callable[[Sequence[Token], int, date], _Found]


def _first(
    grammars: Sequence[_Grammar], tokens: Sequence[Token], index: int, today: date
) -> _Found:
    for grammar in grammars:
        found = grammar(tokens, index, today)
        if found is not None:
            return found
    return None


def _near(tokens: Sequence[Token], index: int, today: date) -> _Found:
    """Match "hoy", "mañana", "pasado mañana", and days that are past."""
    if matches(tokens, index, "pasado manana"):
        return today + timedelta(days=2), index + 2
    if word_at(tokens, index) == "manana" and word_at(tokens, index - 1) != "la":
        return today + timedelta(days=1), index + 1
    if word_at(tokens, index) == "hoy":
        return today, index + 1
    return _past(tokens, index, today)


def _past(tokens: Sequence[Token], index: int, today: date) -> _Found:
    """Match "ayer", "anteayer" and "el lunes pasado", so that the customer can be told."""
    word = word_at(tokens, index)
    if word in {"ayer", "anteayer", "antier"}:
        return today - timedelta(days=1 if word == "ayer" else 2), index + 1
    if word in WEEKDAYS and word_at(tokens, index + 1) == "pasado":
        days = (today.weekday() - WEEKDAYS.index(word)) % 7 or 7
        return today - timedelta(days=days), index + 2
    return None


def _ahead(tokens: Sequence[Token], index: int, today: date) -> _Found:
    """Match "dentro de dos semanas", "en 3 días", "en un mes"."""
    in_eight = matches(tokens, index, "de * en") and number_at(tokens, index + 3) == "8"
    if in_eight and word_at(tokens, index + 1) == "hoy":
        return today + timedelta(days=7), index + 4
    if in_eight and word_at(tokens, index + 1) in WEEKDAYS:
        wanted = WEEKDAYS.index(word_at(tokens, index + 1))
        return today + timedelta(days=((wanted - today.weekday()) % 7 or 7) + 7), index + 4
    start = next((n for p, n in (("dentro de", 2), ("en", 1)) if matches(tokens, index, p)), 0)
    if not start:
        return None
    index += start
    count = 1 if word_at(tokens, index) in {"un", "una"} else int(number_at(tokens, index)[:4] or 0)
    unit = word_at(tokens, index + 1)
    if count and unit in DAYS_IN:
        return today + timedelta(days=count * DAYS_IN[unit]), index + 2
    if count and unit in {"mes", "meses"}:
        return _months_later(today, count), index + 2
    return None


def _months_later(today: date, count: int) -> date:
    year, month = divmod(today.month - 1 + count, 12)
    year, month = today.year + year, month + 1
    return date(year, month, min(today.day, calendar.monthrange(year, month)[1]))


def _weekday(tokens: Sequence[Token], index: int, today: date) -> _Found:
    """Match "viernes", "viernes 27 de noviembre", "viernes 27", "viernes de la semana que viene"."""
    if word_at(tokens, index) not in WEEKDAYS:
        return None
    dated = skip(tokens, index + 1, ("el", "dia"))
    if exact := _dated(tokens, dated, today):
        return exact
    wanted = WEEKDAYS.index(word_at(tokens, index))
    if _is_next_week(tokens, index):
        monday = today + timedelta(days=7 - today.weekday())
        return monday + timedelta(days=wanted), index + 1
    days = (wanted - today.weekday()) % 7 or (0 if _is_this(tokens, index) else 7)
    return today + timedelta(days=days), index + 1


def _is_next_week(tokens: Sequence[Token], index: int) -> bool:
    return contains(tokens[max(0, index - 6) : index + 8], *NEXT_WEEK)


def _is_this(tokens: Sequence[Token], index: int) -> bool:
    return word_at(tokens, index - 1) in {"este", "hoy"}


def _of_month(tokens: Sequence[Token], index: int, today: date) -> _Found:
    """Match "27 de noviembre", "27 de noviembre de 2026", "primero de diciembre"."""
    day = number_at(tokens, index) or ("1" if word_at(tokens, index) in FIRST else "")
    month = MONTH_NUMBERS.get(word_at(tokens, index + 2))
    if not day or not month or word_at(tokens, index + 1) not in {"de", "del"}:
        return None
    after = skip(tokens, index + 3, ("de", "del"))
    year = number_at(tokens, after)
    if len(year) == 4:
        return _at(_checked(int(year), month, day), after + 1)
    return _at(_next_of_year(month, day, today), index + 3)


def _slashed(tokens: Sequence[Token], index: int, today: date) -> _Found:
    """Match "27/11", "27/11/2026", "27-11-2026", "2026-11-27" and "27 del 11"."""
    first, second, third = (number_at(tokens, index + step) for step in (0, 2, 4))
    joint, next_joint = (_joint(tokens, index + step) for step in (1, 3))
    if not first or not second or not joint:
        return None
    if third and joint == next_joint and len(first) == 4:
        return _at(_checked(int(first), int(second[:4]), third), index + 5)
    # "12-3-45" may be three digits of something else; "12/3/45" may not.
    if third and joint == next_joint and len(third) in ({4} if joint == "-" else {2, 4}):
        year = int(third) + (2000 if len(third) == 2 else 0)
        return _at(_checked(year, int(second[:4]), first), index + 5)
    # "16-30" alone is more often a time.
    return _at(_next_of_year(int(second[:4]), first, today), index + 3) if joint != "-" else None


def _joint(tokens: Sequence[Token], index: int) -> str:
    if index < len(tokens) and tokens[index].plain in {"/", "-", "del"}:
        return tokens[index].plain
    return ""


def _numbered(tokens: Sequence[Token], index: int, today: date) -> _Found:
    """Match "el día 27" and "para el 27", with or without a month."""
    for phrase in ("dia", "para el", "del dia", "el dia"):
        if matches(tokens, index, phrase):
            return _dated(tokens, index + len(phrase.split()), today)
    return None


def _bare_day(tokens: Sequence[Token], index: int, today: date) -> _Found:
    return _dated(tokens, index + 1, today) if matches(tokens, index, "el") else None


def _dated(tokens: Sequence[Token], index: int, today: date) -> _Found:
    """Match a day by its number, with month and year if given."""
    if word_at(tokens, index + 1) in {"de", "del"} and word_at(tokens, index + 2) in MONTH_NUMBERS:
        return _of_month(tokens, index, today)
    return _slashed(tokens, index, today) or _plain_number(tokens, index, today)


def _plain_number(tokens: Sequence[Token], index: int, today: date) -> _Found:
    day = number_at(tokens, index)
    if not day or len(day) > 2 or word_at(tokens, index + 1) in {"horas", "hs", "h", "y", "menos"}:
        return None
    this_month = _checked(today.year, today.month, day)
    if this_month and this_month >= today:
        return this_month, index + 1
    later = _months_later(today.replace(day=1), 1)
    return _at(_checked(later.year, later.month, day), index + 1)


def _next_of_year(month: int, day: str, today: date) -> date | None:
    found = _checked(today.year, month, day)
    if found is None or found < today:
        return _checked(today.year + 1, month, day) or found
    return found


def _checked(year: int, month: int, day: str) -> date | None:
    if len(day) > 2 or not (1 <= month <= 12 and 2000 <= year <= 2199):
        return None
    if not 1 <= int(day) <= calendar.monthrange(year, month)[1]:
        return None
    return date(year, month, int(day))


def _at(day: date | None, end: int) -> _Found:
    return None if day is None else (day, end)


_GRAMMARS: list[_Grammar] = [_near, _ahead, _weekday, _named, _of_month, _slashed, _numbered]
