"""Shapes of JSON values, to declare what the fields of an event may contain.

A shape is a function that accepts a JSON value or raises RefusedError. Objects of shapes are shapes, so
an event's shape is declared the way AWS's tables list its fields.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any, Never

from nova_sonic_simulator.protocol.chunks import Failure
from nova_sonic_simulator.protocol.errors import INVALID_INPUT, RefusedError

type Shape = Callable[[Any], object]


def refuse(failure: Failure, reason: str) -> Never:
    """Raise RefusedError; `reason` is for the log only."""
    raise RefusedError(failure, reason)


def strict_json(text: str | bytes, failure: Failure) -> Any:
    """Parse strict JSON: no NaN, valid UTF-8, bounded nesting."""
    try:
        decoded = text.decode() if isinstance(text, bytes) else text
        return json.loads(decoded, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise RefusedError(failure, "not JSON") from error


def _no_constant(name: str) -> Never:
    raise ValueError(name)


def object_with(
    required: Mapping[str, Shape], optional: Mapping[str, Shape] | None = None
) -> Shape:
    """Return the shape of an object with these fields and no others."""
    known = {**required, **(optional or {})}

    def check(value: Any) -> None:
        if not isinstance(value, dict):
            refuse(INVALID_INPUT, "not an object")
        if missing := required.keys() - value.keys():
            refuse(INVALID_INPUT, f"missing {sorted(missing)}")
        for name, inner in value.items():
            if name not in known:
                refuse(INVALID_INPUT, f"unknown field {name[:40]!r}")
            known[name](inner)

    return check


def one_of(*allowed: object) -> Shape:
    """Return the shape of a value out of an enumeration."""

    def check(value: Any) -> None:
        # Types are compared too: in Python True == 1 and 1.0 == 1.
        if not any(value == item and type(value) is type(item) for item in allowed):
            refuse(INVALID_INPUT, f"not one of {allowed}")

    return check


def number(low: float, high: float, *, whole: bool = False) -> Shape:
    """Return the shape of a number in a closed range."""
    kinds = (int,) if whole else (int, float)

    def check(value: Any) -> None:
        if type(value) not in kinds or not low <= value <= high:
            refuse(INVALID_INPUT, f"not a number from {low} to {high}")

    return check


def list_of(shape: Shape) -> Shape:
    """Return the shape of a list."""

    def check(value: Any) -> None:
        if not isinstance(value, list):
            refuse(INVALID_INPUT, "not a list")
        for item in value:
            shape(item)

    return check


def any_text(value: Any) -> None:
    """Accept any string."""
    if not isinstance(value, str):
        refuse(INVALID_INPUT, "not a string")


def any_name(value: Any) -> None:
    """Accept any non-empty string."""
    if not isinstance(value, str) or not value:
        refuse(INVALID_INPUT, "not a name")


def any_flag(value: Any) -> None:
    """Accept true or false."""
    if not isinstance(value, bool):
        refuse(INVALID_INPUT, "not true or false")
