"""The operations on orders, called by the REST API, the admin and the voice tools.

All are synchronous and wait for DynamoDB. The caller passes the time and the idempotency token.
Besides the errors in its docstring, each may raise `UnavailableError` if DynamoDB fails.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.conf import settings

from common.contact import clean_dni, clean_email, clean_name
from common.creations.limits import check_limits, count_creation
from common.dynamodb.paging import Page
from common.dynamodb.retries import refuse_if_stale, retry_on_conflict
from common.idempotency import IdempotentRequest, idempotent_request
from common.identity.attempts import SubjectKind
from common.identity.hidden_fields import check_hidden_change
from common.identity.lockout import verify_or_count_failure
from common.identity.own_records import Contact, find_own_records
from common.identity.verification import Caller, Customer, FactorRule, factors_to_ask_for
from common.ids import record_ids_for, speakable_id, tracking_number
from common.partial_updates import provided_fields
from common.record_changes import ChangeOrigin, changed_fields, origin_of, with_change
from common.timestamps import truncate_to_ms
from orders import repository
from orders.domain import (
    DELIVERY_TIME,
    Order,
    OrderChanges,
    OrderItem,
    OrderQuery,
    OrderStatus,
    calculate_total,
)
from orders.errors import CustomerNotFoundError, OrderNotFoundError
from orders.product_services import price_items
from orders.rules import (
    change_status,
    ensure_cancellable,
    ensure_items_editable,
    ensure_total,
    is_review_needed,
)
from orders.validation import clean_changes, clean_items, clean_query
from orders.webhook_events import deletion_events, events_about
from webhooks.services import writes_about

ALL_ORDERS = OrderQuery()
MAX_OWN_READ = 25
MAX_OWN = 3
"""So many of their orders a customer is told."""


def list_orders(
    *, query: OrderQuery = ALL_ORDERS, cursor: str | None = None, limit: int = 100
) -> Page[Order]:
    """Return up to `limit` orders that match `query`, in order of creation.

    The page's cursor, passed with the same query, returns the next page, whatever was stored
    meanwhile. It contains keys: encrypt it before it leaves the server (`common.rest.cursors`).
    A query for both a customer and a status may return a short page that isn't the last one.

    Raises:
        InvalidCursorError: the cursor wasn't made by this list.

    """
    return repository.list_orders(clean_query(query), limit=limit, cursor=cursor)


def get_order(*, order_id: str) -> Order:
    """Return the order with this id. For callers who may see every order.

    Raises:
        OrderNotFoundError: no order has this id.

    """
    order = repository.get_order(order_id)
    if order is None:
        raise OrderNotFoundError(order_id=order_id)
    return order


def look_up_order(*, order_id: str, caller: Caller, now: datetime) -> Order:
    """Return the caller's order. Failed identity checks are counted (`common.identity.lockout`).

    Args:
        order_id: The order's number; a customer's may have any form (`common.ids.parse_record_ids`).
        caller: Who asks.
        now: The current time.

    Raises:
        IdentityMissingError: the caller gave neither a name nor an identity number.
        SecondFactorNeededError, AttemptsExceededError, AttemptTooSoonError: too many failed before.
        OrderNotFoundError: no order has this id, it isn't the caller's, or the name is only near;
            `data["ask_for"]` lists other factors that the caller could offer.

    """
    ids = record_ids_for(order_id, caller)
    order = next(filter(None, map(repository.get_order, ids)), None)
    is_verified = verify_or_count_failure(
        caller,
        kind=SubjectKind.ORDER,
        record_id=order.id if order else ids[-1],
        owner=order.owner if order else None,
        rule=FactorRule.NAME_OR_DNI,
        now=now,
    )
    if order is None or not is_verified:
        raise OrderNotFoundError(
            order_id=order_id, ask_for=factors_to_ask_for(caller, FactorRule.NAME_OR_DNI)
        )
    return order


def list_own_orders(*, caller: Customer, now: datetime) -> list[Order]:
    """Return the caller's latest orders, at most `MAX_OWN`.

    Args:
        caller: Who asks: name, and identity number or whole e-mail address.
        now: The current time.

    Raises:
        ContactNeededError: the caller gave neither an identity number nor an e-mail address.
        IdentityMissingError, AttemptsExceededError, AttemptTooSoonError: as in `look_up_order`.
        CustomerNotFoundError: nobody of this name has an order under this contact.

    """

    def find(contact: Contact) -> list[Order]:
        query = OrderQuery(dni=contact.dni, customer_email=contact.email)
        return repository.list_orders(query, limit=MAX_OWN_READ).items

    found = find_own_records(caller, find, lambda each: each.owner, now=now)
    if not found:
        raise CustomerNotFoundError
    return found[:MAX_OWN]


def place_order(  # noqa: PLR0913 -- the fields of an order, all keyword-only
    *,
    customer_name: str,
    customer_email: str,
    items: Sequence[OrderItem],
    total: Decimal | None,
    dni: str | None = None,
    token: str,
    caller: Caller | None = None,
    origin: ChangeOrigin | None = None,
    is_dry_run: bool = False,
    now: datetime,
) -> Order:
    """Place an order and return it; with a token used before, return the order it created.

    Args:
        customer_name: The customer's name.
        customer_email: The customer's e-mail address.
        items: What is ordered. With ORDER_CATALOGUE=required, a customer's items get the names and
            prices of the catalogue.
        total: The total the customer was told, or None; it must be the price of the items.
        dni: The customer's identity number, or None.
        token: The idempotency token, the same for each attempt of one request.
        caller: The customer who places it, whose orders are limited; None or staff aren't limited.
        origin: For the record's history; by default the call of `caller`.
        is_dry_run: Whether only to check, and to return the order that would be placed, without an id.
        now: The current time.

    Raises:
        EmptyOrderError, InvalidFieldError, TotalMismatchError: a field isn't valid.
        IdempotencyConflictError: the token was used for another order.
        OrderNotFoundError: the order that the token created was deleted.
        ProductUnknownError, ProductAmbiguousError: as `product_services.price_items`.
        TooManyCreationsError: the caller has reached a limit of `common.creations.limits`.

    """
    is_priced = isinstance(caller, Customer) and settings.ORDER_CATALOGUE == "required"
    stated_items = items
    if is_priced:
        items = price_items(clean_items(items))
    order = Order(
        id="",
        customer_name=clean_name(customer_name, field="customer_name"),
        customer_email=clean_email(customer_email, field="customer_email"),
        items=clean_items(items),
        total=calculate_total(items),
        status=OrderStatus.PENDING,
        created_at=truncate_to_ms(now),
        updated_at=truncate_to_ms(now),
        estimated_delivery=truncate_to_ms(now + DELIVERY_TIME),
        dni=clean_dni(dni),
        changes=with_change((), origin or origin_of(caller), at=truncate_to_ms(now)),
    )
    if isinstance(caller, Customer):
        order = replace(order, needs_review=_needs_review(order))
    content = {
        "name": customer_name,
        "email": customer_email,
        "items": str(stated_items),
        "dni": dni,
        "total": None if total is None else total.normalize(),
    }
    request = idempotent_request(token=token, request=content, now=now)
    # The customer is told the catalogue's total before confirming, and not what they said.
    stated_total = None if is_priced and settings.CONFIRM_CHANGES else total
    return retry_on_conflict(
        lambda: _place_order(
            order, request, caller, stated_total=stated_total, is_dry_run=is_dry_run
        )
    )


def _needs_review(order: Order) -> bool:
    return is_review_needed(
        order,
        total_above=settings.ORDER_REVIEW_ABOVE,
        price_below=settings.ORDER_REVIEW_BELOW,
    )


def _place_order(
    order: Order,
    request: IdempotentRequest,
    caller: Caller | None,
    *,
    stated_total: Decimal | None,
    is_dry_run: bool,
) -> Order:
    # The token is checked before the total, so that the same token with another total is an
    # idempotency conflict whether that total is right or wrong.
    if created_id := repository.get_created_order_id(request):
        return get_order(order_id=created_id)
    ensure_total(order.total, stated=stated_total)
    check_or_count = check_limits if is_dry_run else count_creation
    check_or_count(caller, email=order.customer_email, now=request.received_at)
    if is_dry_run:
        return order
    placed = replace(order, id=speakable_id())
    writes = writes_about(events_about(None, placed), now=request.received_at)
    repository.add_order(placed, request, writes=writes)
    return placed


def cancel_order(
    *,
    order_id: str,
    caller: Caller,
    unchanged_since: datetime | None = None,
    is_dry_run: bool = False,
    now: datetime,
) -> Order:
    """Cancel the caller's order, unless it is shipped, and return it.

    Args:
        order_id: The order to cancel.
        caller: Who cancels it.
        unchanged_since: The `updated_at` that the caller saw, or None to cancel any version.
        is_dry_run: Whether only to check, and to return the order as it would be.
        now: The current time.

    Raises:
        IdentityMissingError, OrderNotFoundError and the others of `look_up_order`.
        OrderAlreadyCancelledError: it is cancelled.
        OrderNotCancellableError: it is shipped or delivered.
        StaleVersionError: it has another version, or every attempt met a concurrent change.

    """

    def attempt() -> Order:
        order = look_up_order(order_id=order_id, caller=caller, now=now)
        refuse_if_stale(order.updated_at, unchanged_since)
        ensure_cancellable(order)
        cancelled = order.with_status(OrderStatus.CANCELLED)
        return (
            cancelled
            if is_dry_run
            else _store_changes(order, cancelled, origin_of(caller), now=now)
        )

    return retry_on_conflict(attempt)


# --- For staff


def update_order(
    *,
    order_id: str,
    changes: OrderChanges,
    unchanged_since: datetime | None = None,
    sees_dni: bool = True,
    origin: ChangeOrigin | None = None,
    now: datetime,
) -> Order:
    """Change fields of an order and return it; if nothing differs, nothing is written.

    A change of the status to cancelled and of nothing else is checked like `cancel_order`.

    Args:
        order_id: The order to change.
        changes: The fields to change. The masked form of the stored identity number changes nothing.
        unchanged_since: The `updated_at` that the caller saw, or None to change any version.
        sees_dni: Whether the caller may see identity numbers in full, and so may change one.
        origin: For the record's history; None for changes in the admin, which has its own.
        now: The current time.

    Raises:
        OrderNotFoundError: no order has this id.
        StaleVersionError: it has another version, named in `data["current_version"]`.
        DniHiddenError: the changes include an identity number, and `sees_dni` is false.
        OrderStatusError: the status can't follow the current one.
        OrderAlreadyCancelledError, OrderNotCancellableError: it can't be cancelled.
        OrderPackedError: the items can no longer change.
        EmptyOrderError, InvalidFieldError, TotalMismatchError: a field isn't valid.

    """

    def attempt() -> Order:
        order = get_order(order_id=order_id)
        refuse_if_stale(order.updated_at, unchanged_since)
        provided = check_hidden_change(
            provided_fields(changes), "dni", order.dni, is_visible=sees_dni
        )
        if provided == {"status": OrderStatus.CANCELLED}:
            ensure_cancellable(order)
        return _store_changes(order, _apply_changes(order, provided), origin, now=now)

    return retry_on_conflict(attempt)


def _apply_changes(order: Order, provided: Mapping[str, Any]) -> Order:
    values = clean_changes(provided)
    stated_total = values.pop("total", None)
    status = values.pop("status", order.status)
    if status is not order.status:  # staff have looked at it
        values.setdefault("needs_review", False)
    changed = replace(order, **values)
    if changed.items != order.items:
        ensure_items_editable(order)
        # Only changed items get a new total: an order of the earlier system keeps what it charged.
        changed = replace(changed, total=calculate_total(changed.items))
    ensure_total(changed.total, stated=stated_total)
    is_being_shipped = status is OrderStatus.SHIPPED and status is not order.status
    changed = change_status(changed, status)
    if is_being_shipped and not changed.tracking_number:
        changed = replace(changed, tracking_number=tracking_number())
    return changed


def delete_order(*, order_id: str, unchanged_since: datetime | None = None, now: datetime) -> None:
    """Delete an order. The request that created it can't create it again.

    Raises:
        OrderNotFoundError: no order has this id.
        StaleVersionError: it has another version, named in `data["current_version"]`.

    """

    def attempt() -> None:
        order = get_order(order_id=order_id)
        refuse_if_stale(order.updated_at, unchanged_since)
        writes = writes_about(deletion_events(order), now=now)
        repository.delete_order(order, unchanged_since=order.updated_at, writes=writes)

    retry_on_conflict(attempt)


def _store_changes(
    before: Order, after: Order, origin: ChangeOrigin | None, *, now: datetime
) -> Order:
    """Store `after` as a new version and return it; if it equals `before`, write nothing."""
    if after == before:
        return before
    after = after.with_new_version(now=now)
    changed = changed_fields(before, after)
    changes = with_change(before.changes, origin, changed=changed, at=after.updated_at)
    after = replace(after, changes=changes)
    writes = writes_about(events_about(before, after), now=now)
    repository.update_order(after, unchanged_since=before.updated_at, writes=writes)
    return after
