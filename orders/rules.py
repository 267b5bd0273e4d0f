"""Business rules of orders: what the status of an order allows, and which total is right."""

from decimal import Decimal

from common.errors import InvalidFieldError
from common.money import MAX_AMOUNT
from orders.domain import TRANSITIONS, Order, OrderStatus
from orders.errors import (
    OrderAlreadyCancelledError,
    OrderNotCancellableError,
    OrderPackedError,
    OrderStatusError,
    TotalMismatchError,
)


def ensure_cancellable(order: Order) -> None:
    """Raise unless the order can be cancelled.

    Raises:
        OrderAlreadyCancelledError: it is cancelled.
        OrderNotCancellableError: it is shipped or delivered.

    """
    if order.status is OrderStatus.CANCELLED:
        raise OrderAlreadyCancelledError(order_id=order.id)
    if not order.can_become(OrderStatus.CANCELLED):
        raise OrderNotCancellableError(order_id=order.id, status=order.status.value)


def ensure_items_editable(order: Order) -> None:
    """Raise `OrderPackedError` unless the items of the order may still change."""
    if not order.has_editable_items:
        raise OrderPackedError(order_id=order.id, status=order.status.value)


def ensure_total(total: Decimal, *, stated: Decimal | None) -> None:
    """Raise unless `total` can be stored and is what the caller stated, if they stated any.

    Raises:
        InvalidFieldError: it is above the maximum.
        TotalMismatchError: the caller stated another one.

    """
    if total > MAX_AMOUNT:
        raise InvalidFieldError(field="total")
    if stated is not None and stated != total:
        raise TotalMismatchError(expected=str(total), given=str(stated))


def is_review_needed(order: Order, *, total_above: int, price_below: int) -> bool:
    """Whether staff must confirm an order that a caller placed: it is large, or a price is too low.

    A limit of 0 is none.
    """
    is_large = total_above > 0 and order.total > total_above
    return is_large or any(item.price < price_below for item in order.items)


def change_status(order: Order, status: OrderStatus) -> Order:
    """Return the order with a status that may follow the current one, or is the current one.

    Raises:
        OrderAlreadyCancelledError, OrderNotCancellableError: it can't be cancelled.
        OrderStatusError: another status can't follow.

    """
    if status is order.status:
        return order
    if status is OrderStatus.CANCELLED:
        ensure_cancellable(order)
    if not order.can_become(status):
        allowed = sorted(each.value for each in TRANSITIONS[order.status])
        raise OrderStatusError(status=order.status.value, wanted=status.value, allowed=allowed)
    return order.with_status(status)
