"""Changes of part of a record: what isn't given stays, and None may be given. Pure."""

from dataclasses import fields
from enum import Enum, auto
from typing import Any, Final


class Unset(Enum):
    """The type of what wasn't given, apart from None, which says "nothing of it"."""

    UNSET = auto()


UNSET: Final = Unset.UNSET


def provided_fields(changes: Any) -> dict[str, Any]:
    """Return the fields of a dataclass of changes that were given, by name."""
    values = {each.name: getattr(changes, each.name) for each in fields(changes)}
    return {name: value for name, value in values.items() if value is not UNSET}
