"""What an order is, what may become of it, and what it costs. Pure.

Money is `Decimal`, to the cent. Instants are aware.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from itertools import count
from types import MappingProxyType

from common.identity.verification import Caller, matches_identity
from common.money import CENT, MAX_AMOUNT
from common.partial_updates import UNSET, Unset
from common.timestamps import next_version

MAX_QUANTITY = 10_000
MAX_ITEMS = 100
MAX_TEXT_LENGTH = 500
MAX_TRACKING_LENGTH = 40
MAX_DNI_DIGITS = 15
DELIVERY_TIME = timedelta(days=5)


class OrderStatus(StrEnum):
    """How far an order has come, as it is stored."""

    PENDING = "pending"
    PROCESSING = "processing"
    SHIPPED = "shipped"
    DELIVERED = "delivered"
    CANCELLED = "cancelled"


MOVES: Mapping[OrderStatus, frozenset[OrderStatus]] = MappingProxyType(
    {
        OrderStatus.PENDING: frozenset({OrderStatus.PROCESSING, OrderStatus.CANCELLED}),
        OrderStatus.PROCESSING: frozenset({OrderStatus.SHIPPED, OrderStatus.CANCELLED}),
        OrderStatus.SHIPPED: frozenset({OrderStatus.DELIVERED}),
        OrderStatus.DELIVERED: frozenset(),
        OrderStatus.CANCELLED: frozenset(),
    }
)
"""What an order may become next. What has left the house can't be cancelled."""


FINAL = frozenset(status for status, following in MOVES.items() if not following)
"""The statuses that nothing follows."""

UNPACKED = frozenset({OrderStatus.PENDING, OrderStatus.PROCESSING})
"""The statuses in which the items of an order, and so its total, may still change."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderItem:
    """One line of an order; `price` is for one piece."""

    name: str
    quantity: int
    price: Decimal
    id: str = ""
    description: str = ""

    @property
    def amount(self) -> Decimal:
        """What the line costs."""
        return self.quantity * self.price


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """An order as it is at one moment; `updated_at` is its version."""

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

    def may_become(self, status: OrderStatus) -> bool:
        """Whether `status` may follow the present one."""
        return status in MOVES[self.status]

    def becoming(self, status: OrderStatus) -> "Order":
        """Return the order with another status."""
        return replace(self, status=status)

    def renewed(self, *, now: datetime) -> "Order":
        """Return the order as a new version."""
        return replace(self, updated_at=next_version(self.updated_at, now))

    def belongs_to(self, caller: Caller) -> bool:
        """Whether `caller` may see and change it."""
        return matches_identity(caller, name=self.customer_name, dni=self.dni)


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderChanges:
    """What staff may change of an order; what isn't given stays.

    `total` is what the caller believes it to be: it is checked against the items, not stored.
    """

    customer_name: str | Unset = UNSET
    customer_email: str | Unset = UNSET
    items: Sequence[OrderItem] | Unset = UNSET
    total: Decimal | Unset | None = UNSET
    status: OrderStatus | Unset = UNSET
    estimated_delivery: datetime | Unset | None = UNSET
    tracking_number: str | Unset | None = UNSET
    dni: str | Unset | None = UNSET


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderQuery:
    """Which orders are listed: of a status, of a customer, made from an instant on, before another."""

    status: OrderStatus | None = None
    customer_email: str | None = None
    created_from: datetime | None = None
    created_to: datetime | None = None
    oldest_first: bool = False


def total_of(items: Iterable[OrderItem]) -> Decimal:
    """Return what the items cost together, to the cent."""
    return sum((item.amount for item in items), Decimal(0)).quantize(CENT)


def numbered(items: Iterable[OrderItem]) -> tuple[OrderItem, ...]:
    """Return the items with ids, where they have none: from "1" on, but for those that are used."""
    known = tuple(items)
    used = {item.id for item in known}
    unused = (number for number in map(str, count(1)) if number not in used)
    return tuple(item if item.id else replace(item, id=next(unused)) for item in known)


def faulty_field(items: Iterable[OrderItem]) -> str | None:
    """Return the path of the first field that no item may have, e.g. "items.0.price", or None."""
    seen: set[str] = set()
    for position, item in enumerate(items):
        if item.id in seen:
            return f"items.{position}.id"
        seen |= {item.id} - {""}
        if not item.name.strip() or len(item.name) > MAX_TEXT_LENGTH:
            return f"items.{position}.name"
        if len(item.description) > MAX_TEXT_LENGTH:
            return f"items.{position}.description"
        if not 1 <= item.quantity <= MAX_QUANTITY:
            return f"items.{position}.quantity"
        if not _is_price(item.price):
            return f"items.{position}.price"
    return None


def _is_price(amount: Decimal) -> bool:
    return amount.is_finite() and 0 <= amount <= MAX_AMOUNT and amount == amount.quantize(CENT)
