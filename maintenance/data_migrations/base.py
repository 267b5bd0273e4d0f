"""What a data migration is: a plan of changes to single items, made from what is stored.

A migration is a subclass of `Migration` in a module of its own, listed in `MIGRATIONS` of this package.
Its `plan` reads items and yields changes; it writes nothing. `maintenance.migrating` writes each change
on the condition that the item is still as the plan saw it, and then plans again, until nothing is left to
change. Therefore:

- A plan must be empty once its changes are applied. A record that can't be migrated is reported as a
  problem, and not changed.
- A migration that was interrupted resumes by being planned again.
- Servers may go on writing meanwhile: what they changed is planned again.
"""

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import ClassVar, Protocol
from zoneinfo import ZoneInfo

from common.dynamodb.bulk import Item, Key, key_of


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemChange:
    """One item before and after; None where it doesn't exist.

    Attributes:
        table: The table's label.
        before: The item as the plan saw it.
        after: The item to store, under the same key.
        reason: What the change is for, in a few words; reports count changes by it.

    """

    table: str
    before: Item | None
    after: Item | None
    reason: str

    @property
    def key(self) -> Key:
        """PK and SK of the item."""
        item = self.after if self.before is None else self.before
        assert item is not None
        return key_of(item)


class Source(Protocol):
    """Reads the items of all tables, by the tables' labels."""

    def scan(self, table: str) -> Iterable[Item]:
        """Yield all items of a table."""

    def get_many(self, table: str, keys: Iterable[Key]) -> dict[Key, Item]:
        """Return the items with these keys; those that don't exist are absent."""


@dataclass(slots=True)
class Report:
    """What a plan found besides the changes. Texts name records by their keys, not by customers.

    Attributes:
        problems: Records that people must correct.
        repairs: How often each doubtful value was repaired, and how.

    """

    problems: list[str] = field(default_factory=list)
    repairs: Counter[str] = field(default_factory=Counter)

    def add_problem(self, text: str) -> None:
        """Report a record that people must correct."""
        self.problems.append(text)


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """What a plan may use: it reads no clock and no settings."""

    source: Source
    now: datetime
    time_zone: ZoneInfo
    doctors: Sequence[str] = ()


class Migration(ABC):
    """One data migration."""

    name: ClassVar[str]
    """A number and a name, such as 0001_earlier_system: never changed once it was released."""
    description: ClassVar[str]

    @abstractmethod
    def plan(self, context: Context, report: Report) -> Iterator[ItemChange]:
        """Yield the changes that are left to make."""
