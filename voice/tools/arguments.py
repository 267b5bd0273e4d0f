"""Read the arguments of a tool call as models really send them.

A model sends `null` or `""` for what it doesn't know, a number as text, a list as JSON text, a Spanish
word for an English code, a unit beside a number, an argument that nobody declared. What it clearly means
is read; anything else is invalid, under the name of the parameter as it is declared.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from pydantic_core import from_json

from appointments.domain import DayPart
from appointments.spoken_forms import parse_duration, parse_kind
from common.money import MAX_AMOUNT, parse_amount, round_to_cent, without_float_noise
from common.spoken_numbers import parse_whole_number
from common.text import fold

BYTE_ORDER_MARK = "\ufeff"
PLACEHOLDERS = frozenset(
    {
        "", "null", "none", "nil", "undefined", "unknown", "n/a", "na", "-", "?", "...", "string",
        "no", "ninguno", "ninguna", "desconocido", "desconocida", "no especificado", "sin especificar",
        "no informado", "no informa", "no provisto",
    }
)  # fmt: skip
"""Texts that a model sends for a value it doesn't have."""
_LOCAL_TIME = re.compile(
    r"(?P<date>\d{4}-\d{1,2}-\d{1,2}|\d{4}/\d{1,2}/\d{1,2}|\d{1,2}[/-]\d{1,2}[/-]\d{4})"
    r"(?:\s*[t,]\s*|\s+(?:a las?\s+)?)"
    r"(?P<hour>\d{1,2})(?::(?P<minute>\d{2}))?\s*(?:h|hs|hrs|horas)?\.?"
)
_LOCAL_DAY = re.compile(r"\d{4}[-/]\d{1,2}[-/]\d{1,2}|\d{1,2}[/-]\d{1,2}[/-]\d{4}", re.ASCII)
_LONG_DECIMAL = re.compile(r"\d{1,12}\.\d{4,40}", re.ASCII)
_QUANTITY_AND_NAME = re.compile(r"(?P<quantity>\d{1,5}|\w+)\s+(?:x\s+|de\s+)?(?P<name>\S.*)")


@dataclass(frozen=True, slots=True)
class ServiceField:
    """Marks the parameter of a field that the service names differently: `newDate` is its `date`."""

    name: str


def load_arguments(text: str) -> Any:
    """Return the JSON value of a tool call's arguments, also if it was encoded twice.

    Raises:
        ValueError: the text isn't JSON.

    """
    value = from_json(text.strip().removeprefix(BYTE_ORDER_MARK) or "{}", allow_inf_nan=False)
    return from_json(value, allow_inf_nan=False) if isinstance(value, str) else value


def match_parameters(
    given: Mapping[str, Any], declared: Mapping[str, str]
) -> tuple[dict[str, Any], list[str]]:
    """Return the given arguments under the names of their parameters, and the names of the others.

    Arguments without a value are left out, so that optional ones get their default and required ones
    are missing.

    Args:
        given: The model's arguments.
        declared: The parameter by each name it may have, in the form of `simplify_name`.

    """
    matched: dict[str, Any] = {}
    unknown = []
    for name, value in given.items():
        parameter = declared.get(simplify_name(name))
        if parameter is None:
            unknown.append(name)
        elif not is_absent(value):
            matched.setdefault(parameter, value)
    return matched, unknown


def simplify_name(name: str) -> str:
    """Return a parameter's name without capitals and separators: `order_id` is `orderId`."""
    return re.sub(r"[^a-z0-9]", "", fold(name))


def is_absent(value: object) -> bool:
    """Whether a model sends `value` for "I don't know"."""
    return value is None or (isinstance(value, str) and fold(value.strip()) in PLACEHOLDERS)


# --- Values of parameters. Each returns the value that Pydantic then validates.


def read_whole_number(value: object) -> object:
    """Return the number that a text in digits or words is; `2.0` is 2."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if not isinstance(value, str) or value.strip().lstrip("+-").isdecimal():
        return value
    if re.fullmatch(r"\d+[.,]0+", value.strip()):
        return int(re.split(r"[.,]", value.strip())[0])
    is_spoken = not any(c.isdigit() for c in value)
    number = parse_whole_number(value) if is_spoken else None
    return value if number is None else number


def read_price(value: object) -> object:
    """Return the amount of a text such as `$ 1.234,56`, or of a number, without its float noise."""
    if isinstance(value, str):
        amount = parse_amount(value)
        return value if amount is None else amount
    if isinstance(value, float):
        return without_float_noise(Decimal(str(value)))
    return value


def read_total(value: object) -> object:
    """Return the amount as `read_price` does, rounded to the cent: models add with floats.

    An amount over the limit stays as it is, for the validation to refuse.
    """
    amount = read_price(value)
    if isinstance(amount, str) and _LONG_DECIMAL.fullmatch(amount):
        amount = Decimal(amount)
    if isinstance(amount, float | Decimal):
        exact = Decimal(str(amount))
        return round_to_cent(exact) if exact.is_finite() and abs(exact) <= MAX_AMOUNT else amount
    return amount


def read_local_time(value: object) -> datetime:
    """Return a day and a time, naive unless an offset is given: `2026-11-27T15:00:00`, `27/11/2026 15`.

    Raises:
        ValueError: it is something else: a number, a day without a time.

    """
    text = value.strip() if isinstance(value, str) else ""
    if match := _LOCAL_TIME.fullmatch(text.lower()):
        year, month, day = _parse_day(match["date"])
        return datetime(year, month, day, int(match["hour"]), int(match["minute"] or 0))  # noqa: DTZ001 -- the clinic's time zone is added later
    if ":" in text or "T" in text:
        return datetime.fromisoformat(text)
    raise ValueError("not a day and a time like 2026-11-27T15:00:00")


def read_local_day(value: object) -> date:
    """Return a day, of a text that may also have a time: `2026-11-27`, `27/11/2026`.

    Raises:
        ValueError: it is something else.

    """
    text = value.strip().lower() if isinstance(value, str) else ""
    if _LOCAL_DAY.fullmatch(text):
        return date(*_parse_day(text))
    return read_local_time(value).date()


def read_day_part(value: object) -> object:
    """Return the part of the day that a text names in Spanish or English."""
    if not isinstance(value, str):
        return value
    parts = (_DAY_PARTS.get(name) for name in re.findall(r"[a-z]+", fold(value)))
    return next(filter(None, parts), value)


_DAY_PARTS: Mapping[str, DayPart] = {
    **dict.fromkeys(("manana", "mananas", "morning"), DayPart.MORNING),
    **dict.fromkeys(("tarde", "tardes", "siesta", "afternoon"), DayPart.AFTERNOON),
    **dict.fromkeys(("noche", "noches", "evening", "night"), DayPart.EVENING),
}


def _parse_day(text: str) -> tuple[int, int, int]:
    parts = [int(part) for part in re.split(r"[/-]", text)]
    year, month, day = parts if parts[0] > 31 else reversed(parts)
    return year, month, day


def read_kind(value: object) -> object:
    """Return the type of appointment that a text names in Spanish or English."""
    kind = parse_kind(value) if isinstance(value, str) else None
    return value if kind is None else kind


def read_duration(value: object) -> object:
    """Return the minutes that a text or a whole float means: `30 minutos`, `media hora`."""
    minutes = parse_duration(value) if isinstance(value, str) else None
    return read_whole_number(value) if minutes is None else minutes


def read_text(value: object) -> object:
    """Return a whole number as its digits: models send `1`, and even `1.0`, for `"1"`."""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return value


def read_list(value: object) -> object:
    """Return the list that a JSON text contains; a single object is a list of one."""
    if isinstance(value, str):
        text = value.strip()
        if text.startswith(("[", "{")):
            try:
                value = from_json(text, allow_inf_nan=False)
            except ValueError:
                return value
        else:
            value = [text]
    return [value] if isinstance(value, Mapping) else value


def read_item(value: object, declared: Mapping[str, str]) -> object:
    """Return the fields of a product; a text is its name, with or without a quantity: `2 teclados`."""
    if isinstance(value, str):
        return _read_item_text(value.strip())
    return match_parameters(value, declared)[0] if isinstance(value, Mapping) else value


def _read_item_text(text: str) -> dict[str, Any]:
    if match := _QUANTITY_AND_NAME.fullmatch(text):
        quantity = read_whole_number(match["quantity"])
        if isinstance(quantity, int) or str(quantity).isdecimal():
            return {"quantity": quantity, "name": match["name"]}
    return {"name": text}
