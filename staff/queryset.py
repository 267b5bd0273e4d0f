"""A queryset whose records come from a `RecordSource`, and which refuses everything else.

Django's admin needs nothing from a model but a queryset. Building one (`filter`, `order_by`, slices)
is plain Python and stays Django's. Running one is done here, in `_fetch_all` and `read_page`. All
public methods that are not in `SUPPORTED_METHODS` raise an error that names them, those of later
versions of Django included. `RecordQuery` can't be compiled, so no other way leads to SQL.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import islice
from typing import Any, NoReturn, Self, override

from django.db import DEFAULT_DB_ALIAS
from django.db.models import Model, QuerySet
from django.db.models.sql import Query
from django.utils.translation import gettext_lazy as _

from common.errors import RuleError
from common.timestamps import MAX_INSTANT, MIN_INSTANT
from staff.record_filter import Condition, RecordFilter, UnsupportedQueryError, parse_query
from staff.sources import BATCH_SIZE, RecordReader, RecordSource

SUPPORTED_METHODS = frozenset(
    {
        "all", "as_manager", "complex_filter", "count", "distinct", "exists", "filter", "first",
        "get", "iterator", "last", "none", "order_by", "reverse", "using",
    }
)  # fmt: skip
"""The public methods that work as Django documents them."""

UNSUPPORTED_OPERATORS = {"__and__": "&", "__or__": "|", "__xor__": "^"}
"""The operators of a queryset. They would join conditions, but not the texts of two searches."""

MAX_RECORDS_READ = 5_000
"""How many records one page or action may read."""


class TooManyRecordsError(RuleError):
    """An action or a page would read more than `MAX_RECORDS_READ` records."""

    code = "too_many_records"
    text = _("That is more than %(limit)s records. Please narrow it down with a filter.")


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordPage[M: Model]:
    """One page of a list in the admin.

    Attributes:
        records: The records of the page.
        has_next: Whether more records follow.
        stopped_after: After how many records a search stopped early; else None.
        stopped_at: The instant, as stored, at which a list stopped early; else None.

    """

    records: list[M]
    has_next: bool
    stopped_after: int | None = None
    stopped_at: str | None = None


class RecordQuery(Query):
    """Django's query, which can't be compiled to SQL."""

    @override
    def get_compiler(self, *_args: Any, **_kwargs: Any) -> NoReturn:
        assert self.model is not None
        raise UnsupportedQueryError(self.model, "SQL")


class RecordQuerySet[M: Model](QuerySet[M]):
    """The records of a model that has a `source`."""

    def __init__(
        self, model: Any = None, query: Query | None = None, using: Any = None, hints: Any = None
    ) -> None:
        super().__init__(model, query or RecordQuery(model), using, hints)
        self.search_text = ""
        self.start_instant = ""
        self.searches_dni = False
        self.hidden: tuple[str, str] | None = None

    def _clone(self) -> Self:
        clone: Self = super()._clone()  # type: ignore[misc]  # the stubs don't know it
        clone.search_text, clone.start_instant = self.search_text, self.start_instant
        clone.searches_dni, clone.hidden = self.searches_dni, self.hidden
        return clone

    @property
    def source(self) -> RecordSource[M]:
        """The source of the records."""
        source: RecordSource[M] = self.model.source  # type: ignore[attr-defined]  # every Record has it
        return source

    # --- Supported methods

    def search(self, text: str, *, searches_dni: bool = False) -> Self:
        """Return the records that have this id, this e-mail address, or all these words.

        Args:
            text: What to search.
            searches_dni: Whether an identity number finds its records, too.

        """
        if self.search_text:
            raise UnsupportedQueryError(self.model, "search() after search()")
        found = self._require_unsliced("search()").all()
        found.search_text = text.strip()
        found.searches_dni = searches_dni
        return found

    def hiding(self, field: str, value: str) -> Self:
        """Return the records without those that have this value; one that is asked for by id stays."""
        shown = self._require_unsliced("hiding()").all()
        shown.hidden = (field, value)
        return shown

    def starting_at(self, instant: str) -> Self:
        """Return the records from this instant on, in the list's order; it is as stored."""
        if self.start_instant:
            raise UnsupportedQueryError(self.model, "starting_at() after starting_at()")
        found = self._require_unsliced("starting_at()").all()
        found.start_instant = instant
        return found

    def read_page(self, start: int, size: int) -> RecordPage[M]:
        """Return `size` records from index `start` on.

        Raises:
            TooManyRecordsError: the page is too far down.

        """
        record_filter = self._require_unsliced("read_page()")._record_filter()  # noqa: SLF001 -- of this class
        if start + size > MAX_RECORDS_READ:
            raise TooManyRecordsError(limit=MAX_RECORDS_READ)
        stop = start + size + 1
        reader = RecordReader(self.source)
        found = list(islice(self._matches(record_filter, reader, stop), start, stop))
        return RecordPage(
            records=found[:size],
            has_next=len(found) > size,
            stopped_after=reader.stopped_after,
            stopped_at=reader.stopped_at,
        )

    def _require_unsliced(self, method: str) -> Self:
        if self.query.is_sliced:
            raise UnsupportedQueryError(self.model, f"{method} after a slice")
        return self

    def _fetch_all(self) -> None:
        if self._result_cache is None:
            self._result_cache = self._read_all()

    @override
    def iterator(self, chunk_size: int | None = None) -> Iterator[M]:
        """Yield the records; all of them are read before the first is yielded."""
        return iter(self._read_all())

    @override
    def count(self) -> int:
        """Return how many records there are, by reading all of them."""
        self._fetch_all()
        return len(self)

    @override
    def exists(self) -> bool:
        """Whether there is a record."""
        return bool(self._result_cache) or bool(self[:1])

    def _read_all(self) -> list[M]:
        record_filter = self._record_filter()
        reader = RecordReader(self.source, reads_all=True)
        low, high = self.query.low_mark, self.query.high_mark
        stop = MAX_RECORDS_READ + 1 if high is None else high
        records = list(islice(self._matches(record_filter, reader, stop), low, stop))
        if len(records) > MAX_RECORDS_READ:
            raise TooManyRecordsError(limit=MAX_RECORDS_READ)
        if reader.stopped_after is not None:
            raise TooManyRecordsError(limit=reader.stopped_after)
        return records

    def _record_filter(self) -> RecordFilter:
        """Return what the query asks for.

        Raises:
            UnsupportedQueryError: no index serves one of its conditions, or its order.

        """
        if self.db != DEFAULT_DB_ALIAS:
            raise UnsupportedQueryError(self.model, f"the database {self.db}")
        record_filter = _with_stored_values(
            parse_query(self.query, search_text=self.search_text, start_instant=self.start_instant),
            email_field=self.source.email_field,
        )
        record_filter = replace(record_filter, searches_dni=self.searches_dni, hidden=self.hidden)
        key = self.model._meta.pk.attname
        supported = self.source.conditions | {key, f"{key}__in"}
        for condition in record_filter.conditions:
            if condition.name not in supported:
                raise UnsupportedQueryError(self.model, f"filter({condition.name}=…)")
        order = record_filter.order
        if order and order.removeprefix("-") not in self.source.sort_fields:
            raise UnsupportedQueryError(self.model, f"an order by {order}: no index serves it")
        return record_filter

    def _matches(
        self, record_filter: RecordFilter, reader: RecordReader[M], stop: int
    ) -> Iterator[M]:
        if record_filter.is_empty:
            return iter(())
        if (ids := record_filter.requested_ids(self.model._meta.pk.attname)) is not None:
            return self._find_by_ids(ids, record_filter)
        if record_filter.search_text:
            return reader.search(record_filter)
        # Of hidden records nobody knows how many there are: a short batch would need a second one.
        is_short = stop < BATCH_SIZE and record_filter.hidden is None
        return reader.read_records(record_filter, first_batch=stop if is_short else BATCH_SIZE)

    def _find_by_ids(self, ids: list[str], record_filter: RecordFilter) -> Iterator[M]:
        found = (self.source.find_by_id(record_id) for record_id in ids)
        records = [each for each in found if each is not None and record_filter.matches(each)]
        if order := record_filter.order:
            field = order.removeprefix("-")
            records.sort(key=lambda record: getattr(record, field), reverse=order.startswith("-"))
        return iter(records)

    # --- Private methods of Django that lead to SQL

    def _insert(self, *_args: Any, **_kwargs: Any) -> NoReturn:
        raise UnsupportedQueryError(self.model, "_insert()")

    def _update(self, *_args: Any, **_kwargs: Any) -> NoReturn:
        raise UnsupportedQueryError(self.model, "_update()")

    def _raw_delete(self, *_args: Any, **_kwargs: Any) -> NoReturn:
        raise UnsupportedQueryError(self.model, "_raw_delete()")


def _with_stored_values(record_filter: RecordFilter, *, email_field: str | None) -> RecordFilter:
    """Return the filter with its values as they are stored: e-mails in lower case, instants limited."""

    def stored_value(condition: Condition) -> Any:
        value = condition.value
        if condition.name == email_field:
            return value.strip().lower()
        return min(max(value, MIN_INSTANT), MAX_INSTANT) if isinstance(value, datetime) else value

    conditions = tuple(replace(each, value=stored_value(each)) for each in record_filter.conditions)
    return replace(record_filter, conditions=conditions)


def _unsupported(name: str, description: str) -> Callable[..., NoReturn]:
    def refuse(self: RecordQuerySet[Model], *_args: Any, **_kwargs: Any) -> NoReturn:
        raise UnsupportedQueryError(self.model, description)

    refuse.__name__ = name
    return refuse


for _name in dir(QuerySet):
    if (
        not _name.startswith("_")
        and _name not in SUPPORTED_METHODS
        and callable(getattr(QuerySet, _name))
    ):
        setattr(RecordQuerySet, _name, _unsupported(_name, f"{_name}()"))
for _name, _sign in UNSUPPORTED_OPERATORS.items():
    setattr(RecordQuerySet, _name, _unsupported(_name, f"two querysets joined by {_sign}"))
