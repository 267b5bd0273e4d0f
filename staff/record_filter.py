"""What Django's admin wishes to see, read from the query it builds; what isn't understood is refused.

Django builds a `sql.Query` in plain Python and would compile it to SQL only when it is run. Here it
is read instead: conditions joined by AND on the model's own fields, one order, nothing else. Each
thing beyond that is refused by name, so that nothing is ever left out of an answer in silence.
"""

import operator
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from django.db.models import F, Model
from django.db.models.expressions import Col, OrderBy
from django.db.models.sql import Query
from django.db.models.sql.where import AND, WhereNode

TESTS: dict[str, Callable[[Any, Any], bool]] = {
    "exact": operator.eq,
    "in": lambda value, wanted: value in wanted,
    "gte": operator.ge,
    "gt": operator.gt,
    "lt": operator.lt,
    "lte": operator.le,
}


class UnsupportedQueryError(NotImplementedError):
    """A part of Django's ORM that the records don't have. A fault of ours, never the staff's."""

    def __init__(self, model: type[Model], what: str) -> None:
        super().__init__(f"{model._meta.label} isn't in SQL and doesn't support {what}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """One thing that must hold, e.g. `starts_at`, `gte`, an instant."""

    field: str
    lookup: str
    value: Any

    @property
    def name(self) -> str:
        """As one would write it for `filter()`."""
        return self.field if self.lookup == "exact" else f"{self.field}__{self.lookup}"

    def admits(self, record: Model) -> bool:
        """Whether `record` fulfils it."""
        value = getattr(record, self.field)
        return value is not None and TESTS[self.lookup](value, self.value)


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordFilter:
    """Which records, in what order. `order` is a field, "-" before it for falling, or "".

    `begins_at` is the instant, as stored, from which on the list is gone through in its order; or "".
    """

    conditions: tuple[Condition, ...] = ()
    order: str = ""
    words: str = ""
    begins_at: str = ""
    none_at_all: bool = False

    def admits(self, record: Model) -> bool:
        """Whether `record` fulfils all conditions."""
        return all(condition.admits(record) for condition in self.conditions)

    def value(self, name: str) -> Any:
        """Return what the condition of that name wants, or None where there is none."""
        return next((c.value for c in self.conditions if c.name == name), None)

    def ids(self, key: str) -> list[str] | None:
        """Return the ids that are asked for, or None if it isn't ids that are asked for."""
        one, some = self.value(key), self.value(f"{key}__in")
        if one is None and some is None:
            return None
        return [str(value) for value in dict.fromkeys([one] if some is None else some)]


def parse_query(query: Query, *, words: str, begins_at: str) -> RecordFilter:
    """Return what `query` wishes for.

    Raises:
        UnsupportedQueryError: it wishes for something that isn't understood.

    """
    model = _model(query)
    _refuse_extras(query, model)
    if query.is_empty():
        return RecordFilter(none_at_all=True)
    conditions = tuple(_conditions(query.where, query, model))
    order = _order(query, model)
    return RecordFilter(conditions=conditions, order=order, words=words, begins_at=begins_at)


def _model(query: Query) -> type[Model]:
    assert query.model is not None
    return query.model


def _refuse_extras(query: Query, model: type[Model]) -> None:
    extras = {
        "annotations": query.annotations,
        "combined queries": query.combinator,
        "extra()": query.extra,
        "grouping": query.group_by,
        "locks": query.select_for_update,
        "select_related()": query.select_related,
        "distinct() on fields": query.distinct_fields,
    }
    for what, is_wanted in extras.items():
        if is_wanted:
            raise UnsupportedQueryError(model, what)


def _conditions(node: WhereNode, query: Query, model: type[Model]) -> Iterator[Condition]:
    if node.negated or (node.connector != AND and len(node.children) > 1):
        raise UnsupportedQueryError(model, "negated or alternative conditions (~Q, Q | Q)")
    for child in node.children:
        if isinstance(child, WhereNode):
            yield from _conditions(child, query, model)
        else:
            yield _condition(child, query, model)


def _condition(lookup: Any, query: Query, model: type[Model]) -> Condition:
    field = getattr(lookup, "lhs", None)
    if not isinstance(field, Col) or field.alias != query.get_initial_alias():
        raise UnsupportedQueryError(model, f"conditions on anything but own fields: {lookup!r}")
    name = field.target.attname
    if lookup.lookup_name not in TESTS:
        raise UnsupportedQueryError(model, f"{name}__{lookup.lookup_name}")
    if hasattr(lookup.rhs, "resolve_expression"):
        raise UnsupportedQueryError(model, f"{name} compared with an expression or a query")
    return Condition(field=name, lookup=lookup.lookup_name, value=lookup.rhs)


def _order(query: Query, model: type[Model]) -> str:
    wanted = query.order_by or (query.default_ordering and model._meta.ordering) or ()
    names = [_order_name(part, model) for part in wanted]
    key = {"pk", model._meta.pk.name}
    names = [*names[:1], *(name for name in names[1:] if name.removeprefix("-") not in key)]
    if len(names) > 1:  # a key that comes second would only break ties, which the index does
        raise UnsupportedQueryError(model, f"an order by several fields: {', '.join(names)}")
    name = names[0] if names else ""
    return name if query.standard_ordering or not name else _reversed(name)


def _order_name(part: object, model: type[Model]) -> str:
    match part:
        case str():
            return part
        case OrderBy(expression=F() as field):
            name = str(field.name)  # type: ignore[attr-defined]  # the stubs don't know it
            return f"-{name}" if part.descending else name
        case _:
            raise UnsupportedQueryError(model, f"an order by {part!r}")


def _reversed(name: str) -> str:
    return name.removeprefix("-") if name.startswith("-") else f"-{name}"
