"""A queryset whose records come from a source of ours, and that refuses what the source lacks.

Theory. Django's admin asks nothing of a model but a queryset. Building one (`filter`, `order_by`,
slices) is plain Python and stays Django's; running one is ours, in `_fetch_all` and `page`. All
public methods that aren't in `SERVED` are replaced by a refusal that names them, those of later
versions of Django included; and `RecordQuery` refuses to be compiled, so SQL can't be reached even
by a way that nobody has thought of.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import islice
from typing import Any, NoReturn, Protocol, Self, override, runtime_checkable

from django.db import DEFAULT_DB_ALIAS
from django.db.models import Model, QuerySet
from django.db.models.sql import Query
from django.utils.translation import gettext_lazy as _

from common.dynamodb.paging import Page, Position
from common.errors import RuleError
from common.identity.verification import normalized_name
from common.ids import is_id
from common.timestamps import MAX_INSTANT, MIN_INSTANT
from staff.record_filter import Condition, RecordFilter, UnsupportedQueryError, parse_query

SERVED = frozenset(
    {
        "all", "as_manager", "complex_filter", "count", "distinct", "exists", "filter", "first",
        "get", "iterator", "last", "none", "order_by", "reverse", "using",
    }
)  # fmt: skip
"""The public methods that work as Django documents them."""

OPERATORS = {"__and__": "&", "__or__": "|", "__xor__": "^"}
"""The operators of a queryset, none of which works: they join conditions, but not the words searched for."""

READ_AT_MOST = 5_000
"""How many records one page or action may read; a list can't be longer without being cut off."""

SEARCH_AT_MOST = 2_000
"""How many records, the newest first, are looked through for words."""

BATCH = 100


class TooManyRecordsError(RuleError):
    """An action or a page would read more than is reasonable."""

    code = "too_many_records"
    text = _("That is more than %(limit)s records. Please narrow it down with a filter.")


class Source[M: Model](Protocol):
    """Where the records of a model are. `page` must keep the wish's conditions and order."""

    conditions: frozenset[str]
    """The conditions that an index serves, as one would write them for `filter()`."""
    orders: frozenset[str]
    """The fields by which an index sorts."""

    @property
    def email(self) -> str | None:
        """The field that holds an e-mail address, and has an index, if there is one."""
        ...

    def one(self, record_id: str) -> M | None:
        """Return the record, or None."""
        ...

    def page(self, wish: RecordFilter, *, cursor: str | None, limit: int) -> Page[M]:
        """Return up to `limit` records. Of limits in time it may keep no more than their days."""
        ...

    def text(self, record: M) -> str:
        """Return the words by which the record may be found."""
        ...


@runtime_checkable
class SearchesText[M: Model](Protocol):
    """A source that finds words by a way of its own, since they don't stand in its records."""

    def saying(self, words: str, wish: RecordFilter) -> tuple[Sequence[M], int | None]:
        """Return the records, and after how many things looked at it gave up, if it did."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordPage[M: Model]:
    """Some records of a list, and whether more follow.

    Where it isn't known, because reading on would have cost too much: after how many records a search
    gave up, or at which instant a list did.
    """

    records: list[M]
    more: bool
    stopped_after: int | None = None
    stopped_at: str | None = None


class RecordQuery(Query):
    """Django's query, without the way to SQL."""

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
        self.words = ""
        self.begins_at = ""

    def _clone(self) -> Self:
        clone: Self = super()._clone()  # type: ignore[misc]  # the stubs don't know it
        clone.words, clone.begins_at = self.words, self.begins_at
        return clone

    @property
    def source(self) -> Source[M]:
        """Where the records are."""
        source: Source[M] = self.model.source  # type: ignore[attr-defined]  # every Record has it
        return source

    # --- What is served

    def matching(self, words: str) -> Self:
        """Return the records that have this id, this e-mail address, or all these words."""
        if self.words:
            raise UnsupportedQueryError(self.model, "matching() after matching()")
        found = self._whole("matching()").all()
        found.words = words.strip()
        return found

    def beginning_at(self, instant: str) -> Self:
        """Return the records from the first of this instant, as stored, on, in whichever order."""
        if self.begins_at:
            raise UnsupportedQueryError(self.model, "beginning_at() after beginning_at()")
        found = self._whole("beginning_at()").all()
        found.begins_at = instant
        return found

    def page(self, start: int, size: int) -> RecordPage[M]:
        """Return the records from the `start`th on, and whether there are more than these."""
        wish = self._whole("page()")._wish()  # noqa: SLF001 -- our own
        if start + size > READ_AT_MOST:
            raise TooManyRecordsError(limit=READ_AT_MOST)
        stop = start + size + 1
        search = _Search(_Walk(self.source), wish)
        found = list(islice(self._matching(wish, search, stop), start, stop))
        return RecordPage(
            records=found[:size],
            more=len(found) > size,
            stopped_after=search.stopped_after,
            stopped_at=search.walk.stopped_at,
        )

    def _whole(self, what: str) -> Self:
        if self.query.is_sliced:
            raise UnsupportedQueryError(self.model, f"{what} after a slice")
        return self

    def _fetch_all(self) -> None:
        if self._result_cache is None:
            self._result_cache = self._rows()

    @override
    def iterator(self, chunk_size: int | None = None) -> Iterator[M]:
        """Yield the records; they are read as for a list."""
        return iter(self._rows())

    @override
    def count(self) -> int:
        """Return how many there are, by reading them: pages don't need it."""
        self._fetch_all()
        return len(self)

    @override
    def exists(self) -> bool:
        """Whether there is one."""
        return bool(self._result_cache) or bool(self[:1])

    def _rows(self) -> list[M]:
        wish = self._wish()
        search = _Search(_Walk(self.source, to_the_end=True), wish)
        low, high = self.query.low_mark, self.query.high_mark
        stop = READ_AT_MOST + 1 if high is None else high
        rows = list(islice(self._matching(wish, search, stop), low, stop))
        if len(rows) > READ_AT_MOST:
            raise TooManyRecordsError(limit=READ_AT_MOST)
        if search.stopped_after is not None:
            raise TooManyRecordsError(limit=search.stopped_after)
        return rows

    def _wish(self) -> RecordFilter:
        if self.db != DEFAULT_DB_ALIAS:
            raise UnsupportedQueryError(self.model, f"the database {self.db}")
        wish = parse_query(self.query, words=self.words, begins_at=self.begins_at)
        wish = _as_stored(wish, self.source.email)
        key = self.model._meta.pk.attname
        served = self.source.conditions | {key, f"{key}__in"}
        for condition in wish.conditions:
            if condition.name not in served:
                raise UnsupportedQueryError(self.model, f"filter({condition.name}=…)")
        if wish.order and wish.order.removeprefix("-") not in self.source.orders:
            raise UnsupportedQueryError(self.model, f"an order by {wish.order}: no index serves it")
        return wish

    def _matching(self, wish: RecordFilter, search: "_Search[M]", stop: int) -> Iterator[M]:
        if wish.none_at_all:
            return iter(())
        if (ids := wish.ids(self.model._meta.pk.attname)) is not None:
            return self._by_id(ids, wish)
        if wish.words:
            return search.results()
        return search.walk.records(wish, batch=min(stop, BATCH))

    def _by_id(self, ids: list[str], wish: RecordFilter) -> Iterator[M]:
        found = (self.source.one(record_id) for record_id in ids)
        admitted = [record for record in found if record is not None and wish.admits(record)]
        if wish.order:
            field, falling = wish.order.removeprefix("-"), wish.order.startswith("-")
            admitted.sort(key=lambda record: getattr(record, field), reverse=falling)
        return iter(admitted)

    # --- What isn't: Django's own ways to SQL, behind the public ones

    def _insert(self, *_args: Any, **_kwargs: Any) -> NoReturn:
        raise UnsupportedQueryError(self.model, "_insert()")

    def _update(self, *_args: Any, **_kwargs: Any) -> NoReturn:
        raise UnsupportedQueryError(self.model, "_update()")

    def _raw_delete(self, *_args: Any, **_kwargs: Any) -> NoReturn:
        raise UnsupportedQueryError(self.model, "_raw_delete()")


class _Walk[M: Model]:
    """Goes through a source page by page.

    A page that is short and not the last has cost all the requests that a page may cost
    (`common.dynamodb.index_queries`): few records match. There a list's walk stops, and notes where; what must have
    all records goes `to_the_end`.
    """

    def __init__(self, source: Source[M], *, to_the_end: bool = False) -> None:
        self.source = source
        self.to_the_end = to_the_end
        self.stopped_at: str | None = None

    def records(self, wish: RecordFilter, *, batch: int) -> Iterator[M]:
        """Yield the records that match, `batch` of which are read first."""
        checked = _left_to_us(wish.conditions)
        cursor = Position(instant=wish.begins_at).to_cursor() if wish.begins_at else None
        while True:
            page = self.source.page(wish, cursor=cursor, limit=batch)
            yield from (r for r in page.items if all(each.admits(r) for each in checked))
            if page.cursor is None:
                return
            if len(page.items) < batch and not self.to_the_end:
                self.stopped_at = page.next_instant
                return
            cursor, batch = page.cursor, BATCH


class _Search[M: Model]:
    """Finds records by what staff typed: an id, an e-mail address, or else words, by reading."""

    def __init__(self, walk: _Walk[M], wish: RecordFilter) -> None:
        self.walk = walk
        self.source = walk.source
        self.wish = wish
        self.stopped_after: int | None = None

    def results(self) -> Iterator[M]:
        typed = self.wish.words
        if is_id(typed) and (record := self.source.one(typed)) and self.wish.admits(record):
            return iter([record])
        if self.source.email and "@" in typed and " " not in typed:
            email = Condition(field=self.source.email, lookup="exact", value=typed.lower())
            wish = replace(self.wish, conditions=(*self.wish.conditions, email))
            return self.walk.records(wish, batch=BATCH)
        if isinstance(self.source, SearchesText):
            found, self.stopped_after = self.source.saying(typed, self.wish)
            return iter(found)
        return self._by_words(normalized_name(typed))

    def _by_words(self, words: tuple[str, ...]) -> Iterator[M]:
        for looked_at, record in enumerate(self.walk.records(self.wish, batch=BATCH)):
            if looked_at == SEARCH_AT_MOST:
                self.stopped_after = looked_at
                return
            text = normalized_name(self.source.text(record))
            if all(any(part.startswith(word) for part in text) for word in words):
                yield record


def _left_to_us(conditions: Sequence[Condition]) -> list[Condition]:
    """Return the conditions that a source needn't keep: those asked again, and limits within a day."""
    first: dict[str, Condition] = {}
    again = [each for each in conditions if first.setdefault(each.name, each) is not each]
    limits = [each for each in first.values() if each.lookup not in {"exact", "in"}]
    return [*again, *limits]


def _as_stored(wish: RecordFilter, email: str | None) -> RecordFilter:
    stored = tuple(replace(each, value=_value_as_stored(each, email)) for each in wish.conditions)
    return replace(wish, conditions=stored)


def _value_as_stored(condition: Condition, email: str | None) -> Any:
    value = condition.value
    if condition.name == email:
        return value.strip().lower()
    return min(max(value, MIN_INSTANT), MAX_INSTANT) if isinstance(value, datetime) else value


def _refusing(name: str, shown: str) -> Callable[..., NoReturn]:
    def refuse(self: RecordQuerySet[Model], *_args: Any, **_kwargs: Any) -> NoReturn:
        raise UnsupportedQueryError(self.model, shown)

    refuse.__name__ = name
    return refuse


for _name in dir(QuerySet):
    if not _name.startswith("_") and _name not in SERVED and callable(getattr(QuerySet, _name)):
        setattr(RecordQuerySet, _name, _refusing(_name, f"{_name}()"))
for _name, _sign in OPERATORS.items():
    setattr(RecordQuerySet, _name, _refusing(_name, f"two querysets joined by {_sign}"))
