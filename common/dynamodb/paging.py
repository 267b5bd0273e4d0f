"""Pages of a list that others write to while a client reads it. Pure.

A page ends at a position in time, not at a count: the instant of its last record, and the keys of
the records of that instant which were shown already. A record that is stored later with an earlier
instant shifts nothing; one with a later instant appears when the list reaches it. A list merged
from several partitions of an index needs one key per partition, and only where instants are equal.
So a record that moves to another partition between two pages (an order that is shipped) is neither
repeated nor lost, unless another record has the same millisecond.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from common.errors import InvalidCursorError


@dataclass(frozen=True, slots=True, kw_only=True)
class Page[T]:
    """Some records of a list, and the cursor of the next page; None if this is the last."""

    items: list[T]
    cursor: str | None = None

    def map[R](self, convert: Callable[[T], R]) -> "Page[R]":
        """Return the page with each record converted."""
        return Page(items=[convert(item) for item in self.items], cursor=self.cursor)

    @property
    def next_instant(self) -> str | None:
        """The instant, as stored, at which the next page begins; None if this is the last."""
        return None if self.cursor is None else Position.from_cursor(self.cursor).instant


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """A position in a list.

    Attributes:
        instant: The instant of the last record before it, as stored.
        last_keys: The key of the last record of that instant, by partition.

    """

    instant: str
    last_keys: Mapping[str, str] = field(default_factory=dict)

    def to_cursor(self) -> str:
        """Return the position as text. It contains keys: encrypt it before a client gets it."""
        return json.dumps([self.instant, dict(self.last_keys)], separators=(",", ":"))

    @classmethod
    def from_cursor(cls, cursor: str) -> "Position":
        """Return the position that `cursor` names.

        Raises:
            InvalidCursorError: `to_cursor` did not make it.

        """
        try:
            instant, last_keys = json.loads(cursor)
        except (TypeError, ValueError) as error:
            raise InvalidCursorError from error
        if not isinstance(instant, str) or not isinstance(last_keys, dict):
            raise InvalidCursorError
        return cls(instant=instant, last_keys=last_keys)

    def after(self, *, instant: str, partition: str, key: str) -> "Position":
        """Return the position behind one more record."""
        last_keys = self.last_keys if instant == self.instant else {}
        return Position(instant=instant, last_keys={**last_keys, partition: key})


START = Position(instant="")
"""The position before all records, in either order."""
