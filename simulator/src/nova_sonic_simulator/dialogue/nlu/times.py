"""Finds times of day: "a las tres y media de la tarde", "15:30", "las 16-30", "15 horas".

An hour must be marked as one: "a las" before it, "horas" or a part of the day after it, or a colon in it.
Bare numbers are times only if a time was asked for. Without a part of the day, hours from one to seven are
in the afternoon. "Y cuarto" and "menos cuarto" are matched as words, before "cuarto" is read as a number.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import time

from nova_sonic_simulator.dialogue.nlu.tokens import (
    GAP,
    Kind,
    Token,
    matches,
    number_at,
    skip,
    without,
    word_at,
    words,
)

#: Stands in place of "de la tarde".
PART_OF_DAY = Token(Kind.GAP, "part of day", "")
FIRST_MORNING_HOUR = 8
MORNING = words("manana madrugada am")
AFTERNOON = words("tarde noche pm")
HOUR_WORDS = words("hora horas hs h hrs")
ABOUT_LAS = ("a eso de las", "cerca de las", "a partir de las", "a las", "alas", "las", "tipo")
ABOUT_LA = ("a la", "la")
AFTER_HOURS = (*HOUR_WORDS, "en", "punto", "minutos", "del", "mediodia")
FRACTIONS = {"media": 30, "cuarto": 15}
# Nouns after a number that make "las" or "la" an article.
NOT_HOURS = words("cita citas turno turnos unidad unidades vez veces opcion semana semanas")


@dataclass(frozen=True, slots=True)
class _Hour:
    """An hour as said, before the part of the day is applied, and the index after its tokens."""

    hour: int
    minute: int
    end: int


def find_time(
    tokens: Sequence[Token], *, hour_is_expected: bool = False
) -> tuple[time | None, list[Token]]:
    """Return the last time in `tokens`, and the tokens with gaps in place of times.

    The last one counts because people correct themselves ("a las diez, no, a las once").
    """
    left, afternoon = _part_of_day(list(tokens))
    found, rest = _last_hour(left, afternoon=afternoon)
    if found is None and hour_is_expected:
        found, rest = _bare_hour(left, afternoon=afternoon)
    return found, rest


def _last_hour(tokens: list[Token], *, afternoon: bool | None) -> tuple[time | None, list[Token]]:
    found, index = None, 0
    while index < len(tokens):
        hour = _hour_at(tokens, index)
        if hour is None:
            index += 1
        else:
            found = _on_the_clock(hour, afternoon=afternoon)
            tokens = without(tokens, index, hour.end)
            index += 1
    return found, tokens


def _hour_at(tokens: Sequence[Token], index: int) -> _Hour | None:
    if tokens[index].plain == "mediodia":
        return _Hour(12, 0, index + 1)
    anchored = _after_anchor(tokens, index)
    if anchored:
        return _with_minutes(tokens, anchored)
    if tokens[index].kind is Kind.CLOCK:
        return _with_minutes(tokens, index)
    if number_at(tokens, index):
        return _before_its_sign(tokens, index)
    return None


def _before_its_sign(tokens: Sequence[Token], index: int) -> _Hour | None:
    """Match "15 horas" and "5 y media (de la tarde)", marked after the number."""
    hour = _with_minutes(tokens, index)
    if hour is None or word_at(tokens, index + 1) in HOUR_WORDS[1:]:
        return hour
    return hour if tokens[hour.end : hour.end + 1] == [PART_OF_DAY] else None


def _after_anchor(tokens: Sequence[Token], index: int) -> int:
    """Return the index of the hour announced by the words at `index`, or 0."""
    for phrase in ABOUT_LAS:
        if matches(tokens, index, phrase):
            start = skip(tokens, index + len(phrase.split()), ("hora", "horas"))
            return start if _begins_hour(tokens, start) else 0
    for phrase in ABOUT_LA:
        start = index + len(phrase.split())
        if matches(tokens, index, phrase) and _is_one(tokens, start):
            return start
    # "A la 11" is how speech recognition writes "a las once".
    slurred = matches(tokens, index, "a la") and _begins_hour(tokens, index + 2)
    return index + 2 if slurred else 0


def _begins_hour(tokens: Sequence[Token], index: int) -> bool:
    if index >= len(tokens) or word_at(tokens, index + 1) in NOT_HOURS:
        return False
    numeric = tokens[index].kind in {Kind.NUMBER, Kind.DECIMAL, Kind.CLOCK}
    return numeric and not _is_no_clock(tokens[index])


def _is_no_clock(token: Token) -> bool:
    return _clock_figures(token) is None


def _is_one(tokens: Sequence[Token], index: int) -> bool:
    one = word_at(tokens, index) == "una" or number_at(tokens, index) == "1"
    clock = index < len(tokens) and tokens[index].plain.startswith(("1:", "1."))
    return (one or clock) and word_at(tokens, index + 1) not in NOT_HOURS


def _clock_figures(token: Token) -> tuple[int, int | None] | None:
    """Return hour and minute of "15", "1530", "15:30" or "15.30"; None if it is no time."""
    plain = "1" if token.plain == "una" else token.plain
    hour, separator, minute = plain.replace(".", ":").partition(":")
    if not separator and len(hour) in {3, 4}:
        hour, minute = hour[:-2], hour[-2:]
    if not hour.isdecimal() or len(hour) > 2 or int(hour) > 23 or int(minute or 0) > 59:
        return None
    return int(hour), int(minute) if minute else None


def _with_minutes(tokens: Sequence[Token], index: int) -> _Hour | None:
    figures = _clock_figures(tokens[index])
    if figures is None:
        return None
    hour, minute = figures
    index = skip(tokens, index + 1, ())
    if minute is None:
        hour, minute, index = _said_minutes(tokens, index, hour)
    return _Hour(hour, minute, skip(tokens, index, AFTER_HOURS))


def _said_minutes(tokens: Sequence[Token], index: int, hour: int) -> tuple[int, int, int]:
    """Match what follows the hour: "y media", "menos cuarto", "y diez", "00", "-30"."""
    joint = word_at(tokens, index)
    said = FRACTIONS.get(word_at(tokens, index + 1)) or _minutes(number_at(tokens, index + 1))
    if joint == "menos" and said and hour:
        return hour - 1, 60 - said, index + 2
    if joint == "y" and said:
        return hour, said, index + 2
    minute, end = _minute_figures(tokens, index)
    return hour, minute, end


def _minutes(figures: str) -> int | None:
    return int(figures) if figures and len(figures) <= 2 and int(figures) < 60 else None


def _minute_figures(tokens: Sequence[Token], start: int) -> tuple[int, int]:
    """Match the minutes of "15, 00", "16-30" and "14, 0-0": two digits, perhaps apart."""
    figures, index = "", start
    while index < len(tokens) and len(figures) < 2:
        token = tokens[index]
        if token.kind is Kind.NUMBER and word_at(tokens, index + 1) not in {"de", "del"}:
            figures += token.plain
        elif not (token.kind is Kind.PAUSE or token.plain in {"-", ":"}):
            break
        index += 1
    minute = _minutes(figures) if len(figures) == 2 else None
    return (0, start) if minute is None else (minute, index)


def _part_of_day(tokens: list[Token]) -> tuple[list[Token], bool | None]:
    """Remove "de la tarde", "por la mañana", "pm"; return whether it is the afternoon."""
    for index in range(len(tokens)):
        for phrase in ("de la *", "por la *", "a la *", "en la *", "del *", "*"):
            length = len(phrase.split())
            said = word_at(tokens, index + length - 1)
            if matches(tokens, index, phrase) and _names_part(said, alone=length == 1):
                return [*tokens[:index], PART_OF_DAY, *tokens[index + length :]], said in AFTERNOON
    return tokens, None


def _names_part(word: str, *, alone: bool) -> bool:
    # "Mañana" alone is tomorrow, "tarde" alone may be "más tarde".
    return word in {"am", "pm"} if alone else word in {*MORNING, *AFTERNOON}


def _on_the_clock(hour: _Hour, *, afternoon: bool | None) -> time:
    is_afternoon = hour.hour < FIRST_MORNING_HOUR if afternoon is None else afternoon
    later = is_afternoon and 1 <= hour.hour < 12
    return time(hour.hour + 12 if later else hour.hour, hour.minute)


def _bare_hour(tokens: list[Token], *, afternoon: bool | None) -> tuple[time | None, list[Token]]:
    """Match a bare number as the answer to "¿a qué hora?"."""
    for index, token in enumerate(tokens):
        numeric = token.kind in {Kind.NUMBER, Kind.DECIMAL} or token.plain == "una"
        hour = _with_minutes(tokens, index) if numeric else None
        if hour is not None and word_at(tokens, index - 1) not in {"el", "dia", "turno", "cita"}:
            rest = [*tokens[:index], GAP, *tokens[hour.end :]]
            return _on_the_clock(hour, afternoon=afternoon), rest
    return None, tokens
