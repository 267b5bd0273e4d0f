"""What can be done with orders. The three doors (REST, staff, voice) call these and nothing below.

All are synchronous and wait for DynamoDB. The time and the token come from the door. Each raises
`UnavailableError` when DynamoDB doesn't serve, besides what its docstring names.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from functools import partial
from typing import Any

from common.contact import clean_email, clean_name
from common.dynamodb.paging import Page
from common.dynamodb.retries import refuse_if_stale, retry_on_conflict
from common.errors import IdentityMissingError, InvalidFieldError
from common.idempotency import IdempotentRequest, idempotent_request
from common.identity.lockout import verify_or_count_failure
from common.identity.verification import Caller, mask_dni, offers_proof, parse_dni
from common.ids import speakable_id, tracking_number
from common.money import MAX_AMOUNT
from common.partial_updates import provided_fields
from common.timestamps import truncate_to_ms
from orders import repository
from orders.domain import (
    DELIVERY_TIME,
    MAX_DNI_DIGITS,
    MAX_ITEMS,
    MAX_TRACKING_LENGTH,
    MOVES,
    UNPACKED,
    Order,
    OrderChanges,
    OrderItem,
    OrderQuery,
    OrderStatus,
    faulty_field,
    numbered,
    total_of,
)
from orders.errors import (
    DniHiddenError,
    EmptyOrderError,
    OrderAlreadyCancelledError,
    OrderNotCancellableError,
    OrderNotFoundError,
    OrderPackedError,
    OrderStatusError,
    TotalMismatchError,
)


def list_orders(*, limit: int = 100) -> list[Order]:
    """Return up to `limit` orders, the newest first."""
    return find_orders(query=OrderQuery(), limit=limit).items


def find_orders(*, query: OrderQuery, cursor: str | None = None, limit: int = 100) -> Page[Order]:
    """Return up to `limit` of the orders that match, by the time they were made.

    The page's cursor, given back with the same query, goes on from there, whatever was stored
    meanwhile. It shows keys: a door that hands it out seals it (`common.rest.cursors`). Where both a
    customer and a status are asked for, a page may be short and yet not the last.

    Raises:
        InvalidCursorError: the cursor isn't one of ours.

    """
    return repository.orders_matching(_tidied(query), limit=limit, cursor=cursor)


def count_orders(*, query: OrderQuery, up_to: int = 1000) -> int:
    """Return how many orders match, by counting in the index; `up_to` means that many or more."""
    return repository.number_of_orders(_tidied(query), up_to=up_to)


def _tidied(query: OrderQuery) -> OrderQuery:
    email = query.customer_email
    return query if email is None else replace(query, customer_email=email.strip().lower())


def get_order(*, order_id: str) -> Order:
    """Return an order, for somebody who may see all.

    Raises:
        OrderNotFoundError: there is none.

    """
    order = repository.order_by_id(order_id)
    if order is None:
        raise OrderNotFoundError(order_id=order_id)
    return order


def look_up_order(*, order_id: str, caller: Caller, now: datetime) -> Order:
    """Return the caller's order. Wrong proofs are counted, see `common.identity.lockout`.

    Raises:
        IdentityMissingError: the caller gave neither name nor identity number.
        OrderNotFoundError: there is none, it isn't theirs, or it is locked after wrong proofs.

    """
    if not offers_proof(caller):
        raise IdentityMissingError
    order = repository.order_by_id(order_id)
    proven = order is not None and order.belongs_to(caller)
    may_go_on = verify_or_count_failure(
        caller, kind="order", record_id=order_id, proven=proven, now=now
    )
    if order is None or not may_go_on:
        raise OrderNotFoundError(order_id=order_id)
    return order


def cancel_order(
    *, order_id: str, caller: Caller, unchanged_since: datetime | None = None, now: datetime
) -> Order:
    """Cancel the caller's order, if it hasn't left the house, and return it.

    `unchanged_since` is the `updated_at` on which it was decided; None takes what is there.

    Raises:
        IdentityMissingError, OrderNotFoundError: as for looking it up.
        OrderAlreadyCancelledError: it was cancelled before.
        OrderNotCancellableError: it has left the house.
        StaleVersionError: it was changed since, or others kept changing it.

    """

    def attempt() -> Order:
        order = look_up_order(order_id=order_id, caller=caller, now=now)
        refuse_if_stale(order.updated_at, unchanged_since)
        _refuse_unless_cancellable(order)
        return _change(order, order.becoming(OrderStatus.CANCELLED), now=now)

    return retry_on_conflict(attempt)


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
        total=total_of(items),
        status=OrderStatus.PENDING,
        created_at=truncate_to_ms(now),
        updated_at=truncate_to_ms(now),
        estimated_delivery=truncate_to_ms(now + DELIVERY_TIME),
        dni=_checked_dni(dni),
    )
    request = {
        "name": customer_name,
        "email": customer_email,
        "items": str(items),
        "dni": dni,
        "total": None if total is None else total.normalize(),
    }
    this_request = idempotent_request(token=token, request=request, now=now)
    return retry_on_conflict(lambda: _place(order, total, this_request))


def _place(order: Order, said: Decimal | None, this_request: IdempotentRequest) -> Order:
    # The token is read before the total is judged: another request is told that it is another.
    if made := repository.order_made_by(this_request):
        return get_order(order_id=made)
    placed = replace(order, id=speakable_id(), total=_agreed_total(order.total, said))
    repository.add_order(placed, this_request)
    return placed


# --- What staff do


def update_order(
    *,
    order_id: str,
    changes: OrderChanges,
    unchanged_since: datetime | None = None,
    sees_dni: bool = True,
    now: datetime,
) -> Order:
    """Change some of an order, for staff, and return it; what differs in nothing isn't written.

    Changes that cancel, and nothing else, are the verb `cancel_order`, and refused like it. The
    stored identity number's mask leaves it as it is; any other changes it, which only who sees it
    in full may do (`sees_dni`).
    `unchanged_since` is the `updated_at` on which the change was decided; None takes what is there.

    Raises:
        OrderNotFoundError: there is none.
        StaleVersionError: it was changed since; its data tells the current version.
        DniHiddenError: the identity number is to change, by somebody who doesn't see it.
        OrderStatusError: the status can't follow the present one.
        OrderAlreadyCancelledError, OrderNotCancellableError: it can't be cancelled.
        OrderPackedError: the items are to change, but have left the house.
        EmptyOrderError, InvalidFieldError, TotalMismatchError: it can't be an order.

    """

    def attempt() -> Order:
        before = get_order(order_id=order_id)
        refuse_if_stale(before.updated_at, unchanged_since)
        new = _meant(before, changes, sees_dni=sees_dni)
        if new == {"status": OrderStatus.CANCELLED}:
            _refuse_unless_cancellable(before)
        return _change(before, _changed(before, new), now=now)

    return retry_on_conflict(attempt)


def move_order_status(
    *,
    order_id: str,
    status: OrderStatus,
    unchanged_since: datetime | None = None,
    now: datetime,
) -> Order:
    """Move an order to another status, for staff; raises like `update_order`."""
    changes = OrderChanges(status=status)
    return update_order(
        order_id=order_id, changes=changes, unchanged_since=unchanged_since, now=now
    )


def delete_order(*, order_id: str, unchanged_since: datetime | None = None) -> None:
    """Delete an order, for staff. Its id isn't given again by the request that made it.

    Raises:
        OrderNotFoundError: there is none.
        StaleVersionError: it was changed since; its data tells the current version.

    """

    def attempt() -> None:
        order = get_order(order_id=order_id)
        refuse_if_stale(order.updated_at, unchanged_since)
        repository.delete_order(order, unchanged_since=order.updated_at)

    retry_on_conflict(attempt)


def _meant(before: Order, changes: OrderChanges, *, sees_dni: bool) -> dict[str, Any]:
    """Return what was given of the changes, without a mask that came back."""
    new = provided_fields(changes)
    if "dni" in new and (new["dni"] or None) == mask_dni(before.dni):
        del new["dni"]
    # Even the stored number: an answer would tell who guesses that it is the one.
    if "dni" in new and not sees_dni:
        raise DniHiddenError(permission="orders.view_dni")
    return new


def _changed(before: Order, new: Mapping[str, Any]) -> Order:
    clean = {name: _CLEANED[name](value) for name, value in new.items()}
    said, status = clean.pop("total", None), clean.pop("status", before.status)
    after = replace(before, **clean)
    has_other_items = after.items != before.items
    if has_other_items and before.status not in UNPACKED:
        raise OrderPackedError(order_id=before.id, status=before.status.value)
    # What the earlier system charged stays, whatever its items would come to.
    total = total_of(after.items) if has_other_items else before.total
    return _moved(replace(after, total=_agreed_total(total, said)), status)


def _moved(order: Order, status: OrderStatus) -> Order:
    if status is order.status:
        return order
    if status is OrderStatus.CANCELLED:
        _refuse_unless_cancellable(order)
    if not order.may_become(status):
        allowed = sorted(each.value for each in MOVES[order.status])
        raise OrderStatusError(status=order.status.value, wanted=status.value, allowed=allowed)
    if status is OrderStatus.SHIPPED and not order.tracking_number:
        order = replace(order, tracking_number=tracking_number())
    return order.becoming(status)


# --- One change of an order that is there


def _change(before: Order, after: Order, *, now: datetime) -> Order:
    """Store what an order has become, as a new version; where it is as it was, write nothing."""
    if after == before:
        return before
    after = after.renewed(now=now)
    repository.change_order(after, unchanged_since=before.updated_at)
    return after


# --- What an order may be made of


def _checked(items: Sequence[OrderItem]) -> tuple[OrderItem, ...]:
    if not items:
        raise EmptyOrderError
    if len(items) > MAX_ITEMS:
        raise InvalidFieldError(field="items")
    if field := faulty_field(items):
        raise InvalidFieldError(field=field)
    return numbered(items)


def _agreed_total(total: Decimal, said: Decimal | None) -> Decimal:
    if total > MAX_AMOUNT:
        raise InvalidFieldError(field="total")
    if said is not None and said != total:
        raise TotalMismatchError(expected=str(total), given=str(said))
    return total


def _checked_dni(dni: str | None) -> str | None:
    if not dni:
        return None
    known = parse_dni(dni)
    if known is None or len(known) > MAX_DNI_DIGITS:
        raise InvalidFieldError(field="dni")
    return known


def _checked_tracking_number(said: str | None) -> str | None:
    tidy = (said or "").strip()
    if len(tidy) > MAX_TRACKING_LENGTH or not tidy.isprintable():
        raise InvalidFieldError(field="tracking_number")
    return tidy or None


_CLEANED: Mapping[str, Callable[[Any], Any]] = {
    "customer_name": partial(clean_name, field="customer_name"),
    "customer_email": partial(clean_email, field="customer_email"),
    "items": _checked,
    "total": lambda said: said,
    "status": OrderStatus,
    "estimated_delivery": lambda instant: instant and truncate_to_ms(instant),
    "tracking_number": _checked_tracking_number,
    "dni": _checked_dni,
}
"""What makes each of the changes what is stored, or refuses it."""
