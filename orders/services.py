"""What can be done with orders. The three doors (REST, staff, voice) call these and nothing below.

All are synchronous and wait for DynamoDB. The time and the token come from the door. Each raises
`UnavailableError` when DynamoDB doesn't serve, besides what its docstring names.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal

from common.contact import clean_email, clean_name
from common.errors import IdentityMissingError, InvalidFieldError
from common.idempotency import Claim, claim
from common.identity import Caller, digits, says_something
from common.ids import speakable_id
from common.instants import to_ms
from common.races import settle
from orders import repository
from orders.domain import (
    DELIVERY_TIME,
    MAX_ITEMS,
    MAX_TOTAL,
    Order,
    OrderItem,
    OrderStatus,
    faulty_field,
    numbered,
    total_of,
)
from orders.errors import (
    EmptyOrderError,
    OrderAlreadyCancelledError,
    OrderNotCancellableError,
    OrderNotFoundError,
    TotalMismatchError,
)


def list_orders(*, limit: int = 100) -> list[Order]:
    """Return up to `limit` orders, the newest first."""
    return repository.newest_orders(limit)


def get_order(*, order_id: str) -> Order:
    """Return an order, for somebody who may see all.

    Raises:
        OrderNotFoundError: there is none.

    """
    order = repository.order_by_id(order_id)
    if order is None:
        raise OrderNotFoundError(order_id=order_id)
    return order


def look_up_order(*, order_id: str, caller: Caller) -> Order:
    """Return the caller's order.

    Raises:
        IdentityMissingError: the caller gave neither name nor identity number.
        OrderNotFoundError: there is none, or it isn't theirs.

    """
    if not says_something(caller):
        raise IdentityMissingError
    order = get_order(order_id=order_id)
    if not order.belongs_to(caller):
        raise OrderNotFoundError(order_id=order_id)
    return order


def cancel_order(*, order_id: str, caller: Caller, now: datetime) -> Order:
    """Cancel the caller's order, if it hasn't left the house, and return it.

    Raises:
        IdentityMissingError, OrderNotFoundError: as for looking it up.
        OrderAlreadyCancelledError: it was cancelled before.
        OrderNotCancellableError: it has left the house.
        StaleVersionError: others kept changing it.

    """

    def attempt() -> Order:
        order = look_up_order(order_id=order_id, caller=caller)
        _refuse_unless_cancellable(order)
        cancelled = order.becoming(OrderStatus.CANCELLED, now=now)
        repository.change_order(cancelled, unchanged_since=order.updated_at)
        return cancelled

    return settle(attempt)


def _refuse_unless_cancellable(order: Order) -> None:
    if order.status is OrderStatus.CANCELLED:
        raise OrderAlreadyCancelledError(order_id=order.id)
    if not order.may_become(OrderStatus.CANCELLED):
        raise OrderNotCancellableError(order_id=order.id, status=order.status.value)


def place_order(  # noqa: PLR0913 -- an order has that many parts, all named
    *,
    customer_name: str,
    customer_email: str,
    items: Sequence[OrderItem],
    total: Decimal | None,
    dni: str | None = None,
    token: str,
    now: datetime,
) -> Order:
    """Place a new order and return it; the same token again returns what it became since.

    `total` is what the customer was told, if they were told; it must be what the items cost.

    Raises:
        EmptyOrderError, InvalidFieldError, TotalMismatchError: it can't be an order.
        IdempotencyConflictError: the token came with another order before.
        OrderNotFoundError: the token's order was deleted meanwhile.

    """
    order = Order(
        id="",
        customer_name=clean_name(customer_name, field="customer_name"),
        customer_email=clean_email(customer_email, field="customer_email"),
        items=_checked(items),
        total=_agreed_total(items, total),
        status=OrderStatus.PENDING,
        created_at=to_ms(now),
        updated_at=to_ms(now),
        estimated_delivery=to_ms(now + DELIVERY_TIME),
        dni=digits(dni or "") or None,
    )
    request = {"name": customer_name, "email": customer_email, "items": str(items), "dni": dni}
    this_request = claim(token=token, request=request, now=now)
    return settle(lambda: _place(order, this_request))


def _place(order: Order, this_request: Claim) -> Order:
    if made := repository.order_made_by(this_request):
        return get_order(order_id=made)
    placed = replace(order, id=speakable_id())
    repository.add_order(placed, this_request)
    return placed


def _checked(items: Sequence[OrderItem]) -> tuple[OrderItem, ...]:
    if not items:
        raise EmptyOrderError
    if len(items) > MAX_ITEMS:
        raise InvalidFieldError(field="items")
    if field := faulty_field(items):
        raise InvalidFieldError(field=field)
    return numbered(items)


def _agreed_total(items: Sequence[OrderItem], said: Decimal | None) -> Decimal:
    total = total_of(items)
    if total > MAX_TOTAL:
        raise InvalidFieldError(field="total")
    if said is not None and said != total:
        raise TotalMismatchError(expected=str(total), given=str(said))
    return total
