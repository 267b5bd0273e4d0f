"""Where the records of a model come from, and how lists and searches read them.

A list reads a source page by page. A page that is short but not the last one has cost as many
requests as a page may cost (`common.dynamodb.index_queries`), because few records match the filter.
A list in the admin stops there, and links to the rest. An action or an export needs all records and
reads on.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Protocol, runtime_checkable

from django.db.models import Model

from common.dynamodb.paging import Page, Position
from common.ids import is_id
from common.text import split_words
from staff.record_filter import Condition, RecordFilter

MAX_RECORDS_SEARCHED = 2_000
"""How many records, in the list's order, a search by words reads."""

DNI = re.compile(r"\d{7,8}")
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
            yield from (
                record
                for record in page.items
                if all(each.matches(record) for each in unchecked)
                and not _is_hidden(record, record_filter)
            )
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
        if record_filter.searches_dni and DNI.fullmatch(dni := _digits(text)):
            return self._search_dni(dni, record_filter)
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

    def _search_dni(self, dni: str, record_filter: RecordFilter) -> Iterator[M]:
        return self._read_searched(record_filter, lambda each: _digits(_dni_of(each)) == dni)

    def _search_terms(self, terms: tuple[str, ...], record_filter: RecordFilter) -> Iterator[M]:
        """Yield the records whose text has all of these words."""
        source = self._source
        return self._read_searched(
            record_filter, lambda each: set(terms) <= set(split_words(source.search_text(each)))
        )

    def _read_searched(
        self, record_filter: RecordFilter, is_match: Callable[[M], bool]
    ) -> Iterator[M]:
        for number, record in enumerate(self.read_records(record_filter, first_batch=BATCH_SIZE)):
            if number == MAX_RECORDS_SEARCHED:
                self.stopped_after = number
                return
            if is_match(record):
                yield record


def _is_hidden(record: Model, record_filter: RecordFilter) -> bool:
    if record_filter.hidden is None:
        return False
    field, value = record_filter.hidden
    return bool(getattr(record, field) == value)


def _digits(text: str) -> str:
    """Return an identity number without points and blanks; "" if it has anything else."""
    digits = re.sub(r"[.\s-]", "", text)
    return digits if digits.isdecimal() else ""


def _dni_of(record: Model) -> str:
    return str(getattr(record, "dni", "") or "")


def _conditions_to_check(conditions: Sequence[Condition]) -> list[Condition]:
    """Return the conditions that a source may not have met: repeated ones, and limits of instants."""
    first: dict[str, Condition] = {}
    repeated = [each for each in conditions if first.setdefault(each.name, each) is not each]
    limits = [each for each in first.values() if each.lookup not in {"exact", "in"}]
    return [*repeated, *limits]
