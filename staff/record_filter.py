"""Read what Django's admin asks for from the query it builds, and refuse what isn't understood.

Django builds a `sql.Query` in plain Python and compiles it to SQL when it runs. Here it is parsed
instead: conditions on the model's own fields joined by AND, and an order by one field. Everything
else is refused by name, so that no part of a query is ignored without notice.
"""

import operator
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from django.db.models import F, Model
from django.db.models.expressions import Col, OrderBy
from django.db.models.sql import Query
from django.db.models.sql.where import AND, WhereNode

LOOKUPS: dict[str, Callable[[Any, Any], bool]] = {
    "exact": operator.eq,
    "in": lambda value, values: value in values,
    "gte": operator.ge,
    "gt": operator.gt,
    "lt": operator.lt,
    "lte": operator.le,
}


class UnsupportedQueryError(NotImplementedError):
    """A part of Django's ORM that records don't support. It is a bug, not a mistake of staff."""

    def __init__(self, model: type[Model], feature: str) -> None:
        super().__init__(f"{model._meta.label} isn't in SQL and doesn't support {feature}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """A condition on one field, e.g. `starts_at`, `gte` and an instant."""

    field: str
    lookup: str
    value: Any

    @property
    def name(self) -> str:
        """The condition as a keyword of `filter()`, e.g. `starts_at__gte`."""
        return self.field if self.lookup == "exact" else f"{self.field}__{self.lookup}"

    def matches(self, record: Model) -> bool:
        """Whether `record` meets the condition."""
        value = getattr(record, self.field)
        return value is not None and LOOKUPS[self.lookup](value, self.value)


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordFilter:
    """Which records to read, and in which order.

    Attributes:
        conditions: All of them must be met.
        order: The name of a field, with "-" for descending, or "".
        search_text: What staff typed into the search field, or "".
        searches_dni: Whether it may be an identity number.
        hidden: A field and its value: records that have it are left out of the list.
        start_instant: The instant, as stored, at which to start in the list's order, or "".
        is_empty: Whether no record matches, as in `none()`.

    """

    conditions: tuple[Condition, ...] = ()
    order: str = ""
    search_text: str = ""
    searches_dni: bool = False
    hidden: tuple[str, str] | None = None
    start_instant: str = ""
    is_empty: bool = False

    def matches(self, record: Model) -> bool:
        """Whether `record` meets all conditions."""
        return all(condition.matches(record) for condition in self.conditions)

    def value_of(self, name: str) -> Any:
        """Return the value of the condition with this name, or None."""
        return next((c.value for c in self.conditions if c.name == name), None)

    def requested_ids(self, key: str) -> list[str] | None:
        """Return the ids that a condition on the field `key` names, or None if there is none."""
        one, several = self.value_of(key), self.value_of(f"{key}__in")
        if one is None and several is None:
            return None
        return [str(value) for value in dict.fromkeys([one] if several is None else several)]


def parse_query(query: Query, *, search_text: str, start_instant: str) -> RecordFilter:
    """Return the filter that `query` describes.

    Raises:
        UnsupportedQueryError: the query has a part that isn't supported.

    """
    model = _model_of(query)
    _refuse_unsupported_parts(query, model)
    if query.is_empty():
        return RecordFilter(is_empty=True)
    return RecordFilter(
        conditions=tuple(_parse_conditions(query.where, query, model)),
        order=_parse_order(query, model),
        search_text=search_text,
        start_instant=start_instant,
    )


def _model_of(query: Query) -> type[Model]:
    assert query.model is not None
    return query.model


def _refuse_unsupported_parts(query: Query, model: type[Model]) -> None:
    parts = {
        "annotations": query.annotations,
        "combined queries": query.combinator,
        "extra()": query.extra,
        "grouping": query.group_by,
        "locks": query.select_for_update,
        "select_related()": query.select_related,
        "distinct() on fields": query.distinct_fields,
    }
    for name, is_used in parts.items():
        if is_used:
            raise UnsupportedQueryError(model, name)


def _parse_conditions(node: WhereNode, query: Query, model: type[Model]) -> Iterator[Condition]:
    if node.negated or (node.connector != AND and len(node.children) > 1):
        raise UnsupportedQueryError(model, "negated or alternative conditions (~Q, Q | Q)")
    for child in node.children:
        if isinstance(child, WhereNode):
            yield from _parse_conditions(child, query, model)
        else:
            yield _parse_lookup(child, query, model)


def _parse_lookup(lookup: Any, query: Query, model: type[Model]) -> Condition:
    field = getattr(lookup, "lhs", None)
    if not isinstance(field, Col) or field.alias != query.get_initial_alias():
        raise UnsupportedQueryError(model, f"conditions on anything but own fields: {lookup!r}")
    name = field.target.attname
    if lookup.lookup_name not in LOOKUPS:
        raise UnsupportedQueryError(model, f"{name}__{lookup.lookup_name}")
    if hasattr(lookup.rhs, "resolve_expression"):
        raise UnsupportedQueryError(model, f"{name} compared with an expression or a query")
    return Condition(field=name, lookup=lookup.lookup_name, value=lookup.rhs)


def _parse_order(query: Query, model: type[Model]) -> str:
    parts = query.order_by or (query.default_ordering and model._meta.ordering) or ()
    names = [_order_name(part, model) for part in parts]
    key = {"pk", model._meta.pk.name}
    # A key in second place would only order records of one instant, which the index does.
    names = [*names[:1], *(name for name in names[1:] if name.removeprefix("-") not in key)]
    if len(names) > 1:
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
