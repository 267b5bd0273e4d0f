"""Spanish phrases for days, times, money and lists."""

from collections.abc import Sequence
from datetime import date, datetime, time
from decimal import Decimal

from nova_sonic_simulator.dialogue.nlu.tokens import fold, words

WEEKDAYS = words("lunes martes miércoles jueves viernes sábado domingo")
MONTHS = words(
    "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre"
)


def day_words(day: date) -> str:
    """Return "viernes 27 de noviembre"."""
    return f"{WEEKDAYS[day.weekday()]} {day.day} de {MONTHS[day.month - 1]}"


def hour_words(at: time) -> str:
    """Return "a las 15:30", "a la 1:00"."""
    article = "la" if at.hour == 1 else "las"
    return f"a {article} {at.hour}:{at.minute:02}"


def money_words(amount: Decimal) -> str:
    """Return "$1.234,50"."""
    english = f"{amount:,.2f}"
    return "$" + english.translate(str.maketrans(",.", ".,"))


def listed(parts: Sequence[str], joint: str = "y") -> str:
    """Return "a, b y c"; "e" replaces "y" before the sound of an i."""
    if len(parts) < 2:
        return "".join(parts)
    if joint == "y" and fold(parts[-1]).startswith(("i", "hi")):
        joint = "e"
    return f"{', '.join(parts[:-1])} {joint} {parts[-1]}"


def parse_instant(text: object) -> datetime | None:
    """Return the instant of an ISO text, or None if it is not one."""
    try:
        return datetime.fromisoformat(str(text))
    except ValueError:
        return None
