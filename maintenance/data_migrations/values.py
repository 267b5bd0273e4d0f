"""Convert values in the forms of the owner's earlier system into those that the models read. Pure.

The earlier system's servers, in TypeScript and Python, stored what they had: numbers as text or as
floats, local times without a time zone, dates without a time, statuses in any case.
"""

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any
from zoneinfo import ZoneInfo

from common.dynamodb.bulk import Item
from common.money import CENT, MAX_AMOUNT
from common.timestamps import MAX_INSTANT, MIN_INSTANT, to_iso

MIN_MILLISECOND_DIGITS = 12
"""Shorter numbers count seconds since 1970."""
MAX_FLOAT_ERROR = Decimal("0.0005")
_COUNT_SINCE_1970 = re.compile(r"[0-9]{9,14}", re.ASCII)
_DECIMAL_COMMA = re.compile(r"[0-9]+,[0-9]{1,2}", re.ASCII)


class ConversionError(ValueError):
    """A value can't be converted; its text says why, without the value."""


def scalar(value: Mapping[str, Any] | None) -> str | None:
    """Return the text of an attribute that is a text or a number; None if it is absent or empty.

    Raises:
        ConversionError: it is neither.

    """
    if value is None or "NULL" in value:
        return None
    [(kind, content)] = value.items()
    if kind not in {"S", "N"}:
        raise ConversionError(f"has the type {kind}")
    return content.strip() or None


def instant(text: str, time_zone: ZoneInfo) -> str:
    """Return an instant in the stored form.

    Args:
        text: ISO 8601 with or without an offset, a date alone, or a number since 1970. A time without an
            offset is the clinic's, and a date alone is its midnight there.
        time_zone: The clinic's time zone.

    Raises:
        ConversionError: it is none of these, or no stored instant may be then.

    """
    moment = _since_1970(text) if _COUNT_SINCE_1970.fullmatch(text) else _from_iso(text)
    if not MIN_INSTANT.year <= moment.year <= MAX_INSTANT.year:
        raise ConversionError("is too far away")
    if moment.tzinfo is None:
        moment = _at_the_clinic(moment, time_zone)
    return to_iso(moment)


def _since_1970(text: str) -> datetime:
    unit_ms = 1 if len(text) >= MIN_MILLISECOND_DIGITS else 1000
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=int(text) * unit_ms)


def _from_iso(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        raise ConversionError("is no date") from None


def _at_the_clinic(local: datetime, time_zone: ZoneInfo) -> datetime:
    moment = local.replace(tzinfo=time_zone)
    if moment.astimezone(UTC).astimezone(time_zone).replace(tzinfo=None) != local:
        raise ConversionError("is a local time that the change of the clocks left out")
    return moment


def amount(text: str) -> str:
    """Return an amount of money to the cent, from a number that may have been a float.

    Raises:
        ConversionError: it is no amount, or it isn't clear which one: 1,234 and 1.234 may be thousands.

    """
    value = _number(text.replace(",", ".") if _DECIMAL_COMMA.fullmatch(text) else text)
    if not 0 <= value <= MAX_AMOUNT:
        raise ConversionError("is no amount of money")
    rounded = value.quantize(CENT)
    if abs(value - rounded) > MAX_FLOAT_ERROR:
        raise ConversionError("has fractions of a cent")
    return f"{rounded:f}"


def _number(text: str) -> Decimal:
    try:
        value = Decimal(text)
    except InvalidOperation:
        raise ConversionError("is no number") from None
    if not value.is_finite():
        raise ConversionError("is no number")
    return value


def whole_number(text: str) -> str:
    """Return a whole number, from a text or a float such as 30.0.

    Raises:
        ConversionError: it is none.

    """
    value = _number(text)
    if abs(value) > MAX_AMOUNT or value != value.to_integral_value():
        raise ConversionError("is no whole number")
    return str(int(value))


def is_same(first: Mapping[str, Any], second: Mapping[str, Any]) -> bool:
    """Whether two attributes are equal; DynamoDB returns the number 25.90 as 25.9."""
    if first.keys() == second.keys() == {"N"}:
        return Decimal(first["N"]) == Decimal(second["N"])
    return first == second


def code(text: str, codes: Mapping[str, str]) -> str:
    """Return the code that a text means; capitals, spaces and underscores make no difference.

    Args:
        text: Such as "Follow_Up".
        codes: The codes by what the earlier system may have stored, in lower case with hyphens.

    Raises:
        ConversionError: it means none.

    """
    found = codes.get("-".join(text.lower().replace("_", " ").replace("-", " ").split()))
    if found is None:
        raise ConversionError(f"is {text!r}")
    return found


def listed_items(value: Mapping[str, Any]) -> list[Item]:
    """Return the entries of a list of maps, which may have been stored as JSON text.

    Raises:
        ConversionError: it is no such list.

    """
    if "S" in value:
        try:
            entries = json.loads(value["S"], parse_float=str, parse_int=str)
        except ValueError:
            raise ConversionError("is no list") from None
        if not isinstance(entries, list) or not all(isinstance(each, dict) for each in entries):
            raise ConversionError("is no list of items")
        return [
            {name: {"S": str(each)} for name, each in entry.items() if each is not None}
            for entry in entries
        ]
    entries = value.get("L")
    if entries is None or not all("M" in each for each in entries):
        raise ConversionError("is no list of items")
    return [dict(each["M"]) for each in entries]
