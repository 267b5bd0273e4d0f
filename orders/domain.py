"""Orders as values: statuses and their transitions, items and totals.

Pure: no I/O, no clock, no Django. Money is `Decimal`, to the cent. Instants are aware.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from itertools import count
from types import MappingProxyType

from common.identity.verification import Owner
from common.money import CENT
from common.partial_updates import UNSET, Unset
from common.record_changes import RecordChange
from common.timestamps import next_version

MAX_QUANTITY = 10_000
MAX_ITEMS = 100
MAX_TEXT_LENGTH = 500
MAX_TRACKING_LENGTH = 40
DELIVERY_TIME = timedelta(days=5)


class OrderStatus(StrEnum):
    """The status of an order, as it is stored."""

    PENDING = "pending"
    PROCESSING = "processing"
    SHIPPED = "shipped"
    DELIVERED = "delivered"
    CANCELLED = "cancelled"


TRANSITIONS: Mapping[OrderStatus, frozenset[OrderStatus]] = MappingProxyType(
    {
        OrderStatus.PENDING: frozenset({OrderStatus.PROCESSING, OrderStatus.CANCELLED}),
        OrderStatus.PROCESSING: frozenset({OrderStatus.SHIPPED, OrderStatus.CANCELLED}),
        OrderStatus.SHIPPED: frozenset({OrderStatus.DELIVERED}),
        OrderStatus.DELIVERED: frozenset(),
        OrderStatus.CANCELLED: frozenset(),
    }
)
"""By status, those that may follow it. A shipped order can no longer be cancelled."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderItem:
    """One product of an order; `price` is the price of one unit."""

    name: str
    quantity: int
    price: Decimal
    id: str = ""
    description: str = ""

    @property
    def amount(self) -> Decimal:
        """The price of all units."""
        return self.quantity * self.price


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """One version of an order; `updated_at` identifies the version."""

    id: str
    customer_name: str
    customer_email: str
    items: tuple[OrderItem, ...]
    total: Decimal
    status: OrderStatus
    created_at: datetime
    updated_at: datetime
    estimated_delivery: datetime | None = None
    tracking_number: str | None = None
    dni: str | None = None
    needs_review: bool = False
    """Whether staff must confirm it, because a caller said its prices or it is large."""
    changes: tuple[RecordChange, ...] = field(default=(), compare=False, repr=False)
    """The latest changes by voice and REST."""

    @property
    def has_editable_items(self) -> bool:
        """Whether the items, and with them the total, may still change."""
        return self.status in {OrderStatus.PENDING, OrderStatus.PROCESSING}

    def can_become(self, status: OrderStatus) -> bool:
        """Whether `status` may follow the current status."""
        return status in TRANSITIONS[self.status]

    def with_status(self, status: OrderStatus) -> "Order":
        """Return the order with another status."""
        return replace(self, status=status)

    def with_new_version(self, *, now: datetime) -> "Order":
        """Return the order with a later `updated_at`."""
        return replace(self, updated_at=next_version(self.updated_at, now))

    @property
    def owner(self) -> Owner:
        """What the order says of its customer."""
        return Owner(name=self.customer_name, dni=self.dni, email=self.customer_email)


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderChanges:
    """The fields of an order that staff may change; those left `UNSET` stay as they are.

    `total` is the total the caller expects: it is compared with the items and never stored.
    """

    customer_name: str | Unset = UNSET
    customer_email: str | Unset = UNSET
    items: Sequence[OrderItem] | Unset = UNSET
    total: Decimal | Unset | None = UNSET
    status: OrderStatus | Unset = UNSET
    estimated_delivery: datetime | Unset | None = UNSET
    tracking_number: str | Unset | None = UNSET
    dni: str | Unset | None = UNSET
    needs_review: bool | Unset = UNSET


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderQuery:
    """Which orders a list shows: created from `created_from` on and before `created_to`."""

    status: OrderStatus | None = None
    customer_email: str | None = None
    dni: str | None = None
    created_from: datetime | None = None
    created_to: datetime | None = None
    oldest_first: bool = False


def calculate_total(items: Iterable[OrderItem]) -> Decimal:
    """Return the price of all items together, to the cent."""
    return sum((item.amount for item in items), Decimal(0)).quantize(CENT)


def assign_item_ids(items: Iterable[OrderItem]) -> tuple[OrderItem, ...]:
    """Return the items, each with an id: those without get "1", "2" and so on, skipping ids in use."""
    all_items = tuple(items)
    used = {item.id for item in all_items}
    unused = (number for number in map(str, count(1)) if number not in used)
    return tuple(item if item.id else replace(item, id=next(unused)) for item in all_items)
