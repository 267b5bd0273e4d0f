"""Validation of single fields: each function returns the value as it is stored, or raises.

A field that can't be stored raises `InvalidFieldError`, whose `data["field"]` is the field's path,
e.g. "items.0.price".
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from functools import partial
from typing import Any

from common.contact import clean_dni, clean_email, clean_name
from common.errors import InvalidFieldError
from common.money import CENT, MAX_AMOUNT
from common.text import has_hidden_characters
from common.timestamps import truncate_to_ms
from orders.domain import (
    MAX_ITEMS,
    MAX_QUANTITY,
    MAX_TEXT_LENGTH,
    MAX_TRACKING_LENGTH,
    OrderItem,
    OrderQuery,
    OrderStatus,
    assign_item_ids,
)
from orders.errors import EmptyOrderError


def clean_items(items: Sequence[OrderItem]) -> tuple[OrderItem, ...]:
    """Return the items, each with an id.

    Raises:
        EmptyOrderError: there are no items.
        InvalidFieldError: there are too many, or a field of one of them isn't valid.

    """
    if not items:
        raise EmptyOrderError
    if len(items) > MAX_ITEMS:
        raise InvalidFieldError(field="items")
    if field := find_invalid_item_field(items):
        raise InvalidFieldError(field=field)
    return assign_item_ids(items)


def find_invalid_item_field(items: Sequence[OrderItem]) -> str | None:
    """Return the path of the first field that isn't valid, e.g. "items.0.price", or None."""
    seen_ids: set[str] = set()
    for position, item in enumerate(items):
        if item.id in seen_ids:
            return f"items.{position}.id"
        seen_ids |= {item.id} - {""}
        is_named = item.name.strip() and len(item.name) <= MAX_TEXT_LENGTH
        if not is_named or has_hidden_characters(item.name):
            return f"items.{position}.name"
        has_hidden = has_hidden_characters(item.description, allowed="\n\r\t")
        if len(item.description) > MAX_TEXT_LENGTH or has_hidden:
            return f"items.{position}.description"
        if not 1 <= item.quantity <= MAX_QUANTITY:
            return f"items.{position}.quantity"
        if not is_valid_price(item.price):
            return f"items.{position}.price"
    return None


def is_valid_price(price: Decimal) -> bool:
    """Whether it is an amount to the cent, not negative and not above the maximum."""
    return price.is_finite() and 0 <= price <= MAX_AMOUNT and price == price.quantize(CENT)


def clean_tracking_number(tracking_number: str | None) -> str | None:
    """Return the tracking number without surrounding spaces, or None if it is empty."""
    stripped = (tracking_number or "").strip()
    if len(stripped) > MAX_TRACKING_LENGTH or not stripped.isprintable():
        raise InvalidFieldError(field="tracking_number")
    return stripped or None


def clean_estimated_delivery(instant: datetime | None) -> datetime | None:
    """Return the instant in UTC, to the millisecond."""
    return None if instant is None else truncate_to_ms(instant)


def clean_query(query: OrderQuery) -> OrderQuery:
    """Return the query with the e-mail address as it is stored."""
    email = query.customer_email
    return query if email is None else replace(query, customer_email=email.strip().lower())


_CLEANERS: Mapping[str, Callable[[Any], Any]] = {
    "customer_name": partial(clean_name, field="customer_name"),
    "customer_email": partial(clean_email, field="customer_email"),
    "items": clean_items,
    "total": lambda total: total,
    "status": OrderStatus,
    "estimated_delivery": clean_estimated_delivery,
    "tracking_number": clean_tracking_number,
    "dni": clean_dni,
    "needs_review": bool,
}


def clean_changes(changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return the changed fields of an order, each as it is stored.

    Raises:
        EmptyOrderError, InvalidFieldError: a value can't be stored.

    """
    return {name: _CLEANERS[name](value) for name, value in changes.items()}
