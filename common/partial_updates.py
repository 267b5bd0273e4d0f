"""Updates of some fields of a record: a field that is not provided keeps its value. Pure."""

from dataclasses import fields
from enum import Enum, auto
from typing import Any, Final


class Unset(Enum):
    """The type of a field that was not provided. None is a value: it clears the field."""

    UNSET = auto()


UNSET: Final = Unset.UNSET


def provided_fields(changes: Any) -> dict[str, Any]:
    """Return the provided fields of a dataclass of changes, by name."""
    values = {field.name: getattr(changes, field.name) for field in fields(changes)}
    return {name: value for name, value in values.items() if value is not UNSET}
