"""Types and lengths of appointments as people and models write them: `consulta`, `30 minutos`. Pure."""

import re
from collections.abc import Mapping
from types import MappingProxyType

from appointments.domain import AppointmentKind
from common.spoken_numbers import parse_whole_number
from common.text import fold

_KIND_WORDS: Mapping[str, AppointmentKind] = MappingProxyType(
    {
        "consultation": AppointmentKind.CONSULTATION,
        "consult": AppointmentKind.CONSULTATION,
        "consulta": AppointmentKind.CONSULTATION,
        "consultas": AppointmentKind.CONSULTATION,
        "visita": AppointmentKind.CONSULTATION,
        "follow": AppointmentKind.FOLLOW_UP,
        "followup": AppointmentKind.FOLLOW_UP,
        "seguimiento": AppointmentKind.FOLLOW_UP,
        "control": AppointmentKind.FOLLOW_UP,
        "reconsulta": AppointmentKind.FOLLOW_UP,
        "emergency": AppointmentKind.EMERGENCY,
        "emergencia": AppointmentKind.EMERGENCY,
        "urgent": AppointmentKind.EMERGENCY,
        "urgente": AppointmentKind.EMERGENCY,
        "urgencia": AppointmentKind.EMERGENCY,
        "guardia": AppointmentKind.EMERGENCY,
        "routine": AppointmentKind.ROUTINE,
        "rutina": AppointmentKind.ROUTINE,
        "chequeo": AppointmentKind.ROUTINE,
        "checkup": AppointmentKind.ROUTINE,
    }
)
"""The type that a word names, in the form of `fold`."""
_UNITS: Mapping[str, int] = MappingProxyType(
    {
        **dict.fromkeys(("m", "min", "mins", "minuto", "minutos", "minute", "minutes"), 1),
        **dict.fromkeys(("h", "hs", "hora", "horas", "hour", "hours"), 60),
    }
)
_FRACTIONS: Mapping[str, int] = MappingProxyType(
    {
        "media hora": 30,
        "cuarto de hora": 15,
        "un cuarto de hora": 15,
        "tres cuartos de hora": 45,
        "half an hour": 30,
    }
)
_ISO_DURATION = re.compile(r"pt(?:(?P<hours>\d{1,2})h)?(?:(?P<minutes>\d{1,3})m)?")
_CLOCK = re.compile(r"(?P<hours>\d{1,2}):(?P<minutes>[0-5]\d)(?::00)?(?:\s*(?:h|hs))?")
_LENGTH = re.compile(r"(?P<number>\d+|[a-z ]+?)\s*(?P<unit>[a-z]+)\.?(?P<half> y media)?")
MAX_TEXT_LENGTH = 60


def parse_kind(text: str) -> AppointmentKind | None:
    """Return the type of appointment that `text` names, or None if it names none or several."""
    kinds = {_KIND_WORDS[word] for word in re.findall(r"[a-z]+", fold(text)) if word in _KIND_WORDS}
    # "Control de rutina" and "consulta de control" name the special one.
    special = kinds - {AppointmentKind.CONSULTATION}
    if special == {AppointmentKind.FOLLOW_UP, AppointmentKind.ROUTINE}:
        special = {AppointmentKind.ROUTINE}
    named = special or kinds
    return named.pop() if len(named) == 1 else None


def parse_duration(text: str) -> int | None:
    """Return the minutes that `text` means, or None: `30 minutos`, `media hora`, `1:30`, `PT45M`."""
    text = " ".join(fold(text[:MAX_TEXT_LENGTH]).split())
    if text.isdecimal() and text.isascii():
        return int(text)
    if text in _FRACTIONS:
        return _FRACTIONS[text]
    if match := _ISO_DURATION.fullmatch(text) or _CLOCK.fullmatch(text):
        return 60 * int(match["hours"] or 0) + int(match["minutes"] or 0)
    match = _LENGTH.fullmatch(text)
    if match is None or match["unit"] not in _UNITS:
        return None
    number = parse_whole_number(match["number"])
    half = _UNITS[match["unit"]] // 2 if match["half"] else 0
    return None if number is None else number * _UNITS[match["unit"]] + half
