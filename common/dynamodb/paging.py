"""Pages of a list that others write to while it is read. Pure.

Theory. A page ends at a place in the order of time, not at a count: the instant of its last record,
and which records of that very instant were shown already. What is stored before that place later on
isn't shown again and shifts nothing; what is stored behind it is shown when its turn comes. A list
merged from several partitions of an index needs one key a partition only where instants are equal;
so a record that moves to another partition between two pages (an order that is shipped) is neither
shown twice nor lost, unless another one has the very same millisecond.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from common.errors import InvalidCursorError


@dataclass(frozen=True, slots=True, kw_only=True)
class Page[T]:
    """Some records, and the cursor with which the next page begins; None if this is the last."""

    items: list[T]
    cursor: str | None = None

    def each[R](self, change: Callable[[T], R]) -> "Page[R]":
        """Return the page with each of its records changed into another form."""
        return Page(items=[change(item) for item in self.items], cursor=self.cursor)

    @property
    def reached(self) -> str | None:
        """The instant up to which it was read, as stored; None if this is the last."""
        return None if self.cursor is None else Position.of(self.cursor).at


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """A place in a list: the instant `at`, as stored, and the last key shown there, by partition."""

    at: str
    after: Mapping[str, str] = field(default_factory=dict)

    def cursor(self) -> str:
        """Return the place as text. It shows keys: seal it before it leaves the house."""
        return json.dumps([self.at, dict(self.after)], separators=(",", ":"))

    @classmethod
    def of(cls, cursor: str) -> "Position":
        """Return the place that `cursor` is.

        Raises:
            InvalidCursorError: it isn't one of ours.

        """
        try:
            at, after = json.loads(cursor)
        except (TypeError, ValueError) as error:
            raise InvalidCursorError from error
        if not isinstance(at, str) or not isinstance(after, dict):
            raise InvalidCursorError
        return cls(at=at, after=after)

    def moved_to(self, at: str, partition: str, key: str) -> "Position":
        """Return the place behind one more record."""
        before = self.after if at == self.at else {}
        return Position(at=at, after={**before, partition: key})


START = Position(at="")
"""Before everything, in either order."""
