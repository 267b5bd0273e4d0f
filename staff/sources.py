"""Where the records of a model come from, and how lists and searches read them.

A list reads a source page by page. A page that is short but not the last one has cost as many
requests as a page may cost (`common.dynamodb.index_queries`), because few records match the filter.
A list in the admin stops there, and links to the rest. An action or an export needs all records and
reads on.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Protocol, runtime_checkable

from django.db.models import Model

from common.dynamodb.paging import Page, Position
from common.ids import is_id
from common.text import split_words
from staff.record_filter import Condition, RecordFilter

MAX_RECORDS_SEARCHED = 2_000
"""How many records, in the list's order, a search by words reads."""

BATCH_SIZE = 100
"""How many records one page of a source has when more than a list's page is read."""


class RecordSource[M: Model](Protocol):
    """Reads the records of a model from services."""

    conditions: frozenset[str]
    """The conditions that an index serves, as keywords of `filter()`."""
    sort_fields: frozenset[str]
    """The fields by which an index sorts."""

    @property
    def email_field(self) -> str | None:
        """The field with an e-mail address that an index serves, or None."""
        ...

    def find_by_id(self, record_id: str) -> M | None:
        """Return the record, or None."""
        ...

    def read_page(self, record_filter: RecordFilter, *, cursor: str | None, limit: int) -> Page[M]:
        """Return up to `limit` records that meet the filter's conditions, in its order.

        Conditions on instants may be met to the day only: the reader checks them again.
        """
        ...

    def search_text(self, record: M) -> str:
        """Return the text in which a search by words looks."""
        ...


@runtime_checkable
class FullTextSource[M: Model](Protocol):
    """A source that searches for words itself, because its records don't contain the text."""

    def search(self, text: str, record_filter: RecordFilter) -> tuple[Sequence[M], int | None]:
        """Return the records found, and after how many texts the search stopped, if it did."""
        ...


class RecordReader[M: Model]:
    """Reads the records of a source for one list, action or export.

    Attributes:
        reads_all: Whether to read on after a page that was short because few records match.
        stopped_at: The instant, as stored, at which `read_records` stopped early; else None.
        stopped_after: After how many records or texts `search` stopped early; else None.

    """

    def __init__(self, source: RecordSource[M], *, reads_all: bool = False) -> None:
        self._source = source
        self.reads_all = reads_all
        self.stopped_at: str | None = None
        self.stopped_after: int | None = None

    def read_records(self, record_filter: RecordFilter, *, first_batch: int) -> Iterator[M]:
        """Yield the matching records; the first request to the source asks for `first_batch`."""
        unchecked = _conditions_to_check(record_filter.conditions)
        start, limit = record_filter.start_instant, first_batch
        cursor = Position(instant=start).to_cursor() if start else None
        while True:
            page = self._source.read_page(record_filter, cursor=cursor, limit=limit)
            yield from (r for r in page.items if all(each.matches(r) for each in unchecked))
            if page.cursor is None:
                return
            if len(page.items) < limit and not self.reads_all:
                self.stopped_at = page.next_instant
                return
            cursor, limit = page.cursor, BATCH_SIZE

    def search(self, record_filter: RecordFilter) -> Iterator[M]:
        """Yield the matching records with the filter's text: an id, an e-mail address, or words."""
        source, text = self._source, record_filter.search_text
        if is_id(text) and (record := source.find_by_id(text)) and record_filter.matches(record):
            return iter([record])
        if source.email_field and "@" in text and " " not in text:
            email = Condition(field=source.email_field, lookup="exact", value=text.lower())
            conditions = (*record_filter.conditions, email)
            return self.read_records(
                replace(record_filter, conditions=conditions), first_batch=BATCH_SIZE
            )
        if isinstance(source, FullTextSource):
            found, self.stopped_after = source.search(text, record_filter)
            return iter(found)
        return self._search_terms(split_words(text), record_filter)

    def _search_terms(self, terms: tuple[str, ...], record_filter: RecordFilter) -> Iterator[M]:
        """Yield the records whose text has a word with each of the terms at its start."""
        for number, record in enumerate(self.read_records(record_filter, first_batch=BATCH_SIZE)):
            if number == MAX_RECORDS_SEARCHED:
                self.stopped_after = number
                return
            text = split_words(self._source.search_text(record))
            if all(any(part.startswith(term) for part in text) for term in terms):
                yield record


def _conditions_to_check(conditions: Sequence[Condition]) -> list[Condition]:
    """Return the conditions that a source may not have met: repeated ones, and limits of instants."""
    first: dict[str, Condition] = {}
    repeated = [each for each in conditions if first.setdefault(each.name, each) is not each]
    limits = [each for each in first.values() if each.lookup not in {"exact", "in"}]
    return [*repeated, *limits]
