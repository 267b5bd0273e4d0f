"""The services of orders for staff, on the local DynamoDB."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from common.errors import DomainError, InvalidFieldError, StaleVersionError
from common.identity.verification import Staff
from orders import demo, repository, services
from orders.domain import Order, OrderChanges, OrderItem, OrderStatus
from orders.errors import (
    EmptyOrderError,
    OrderAlreadyCancelledError,
    OrderNotCancellableError,
    OrderNotFoundError,
    OrderPackedError,
    OrderStatusError,
    TotalMismatchError,
)

pytestmark = [pytest.mark.store, pytest.mark.usefixtures("empty_tables")]

NOW = datetime(2099, 11, 22, 15, tzinfo=UTC)
LATER = NOW + timedelta(minutes=5)
ITEMS = [OrderItem(name="Producto Z", quantity=3, price=Decimal("0.10"))]


@pytest.fixture(autouse=True)
def demo_orders(empty_tables: str) -> None:
    demo.seed(now=NOW)


def update(
    order_id: str,
    *,
    unchanged_since: datetime | None = None,
    sees_dni: bool = True,
    **changes: Any,
) -> Order:
    return services.update_order(
        order_id=order_id,
        changes=OrderChanges(**changes),
        unchanged_since=unchanged_since,
        sees_dni=sees_dni,
        now=LATER,
    )


def test_update_changes_provided_fields_only() -> None:
    before = services.get_order(order_id="1")

    after = update("1", customer_name=" Juan  Paz ", dni=None, tracking_number="")

    assert services.get_order(order_id="1") == after
    assert (after.customer_name, after.dni, after.tracking_number) == ("Juan Paz", None, None)
    assert (after.items, after.total, after.created_at) == (
        before.items,
        before.total,
        before.created_at,
    )
    assert after.updated_at == LATER


def test_update_of_items_recalculates_total() -> None:
    assert update("1", items=ITEMS).total == Decimal("0.30")
    with pytest.raises(TotalMismatchError):
        update("1", items=ITEMS, total=Decimal("0.31"))
    with pytest.raises(EmptyOrderError):
        update("1", items=[])


@pytest.mark.parametrize("order_id", ["3", "4", "5"])
def test_update_of_items_after_shipping_is_refused(order_id: str) -> None:
    before = services.get_order(order_id=order_id)

    with pytest.raises(OrderPackedError):
        update(order_id, items=ITEMS)
    assert update(order_id, items=before.items, dni="1").items == before.items


def test_shipped_order_without_tracking_number_gets_one() -> None:
    shipped = update("2", status=OrderStatus.SHIPPED)
    delivered = update("2", status=OrderStatus.DELIVERED)

    assert shipped.tracking_number is not None
    assert shipped.tracking_number.startswith("TRK")
    assert delivered.tracking_number == shipped.tracking_number


def test_shipped_order_keeps_given_tracking_number() -> None:
    assert update("2", status=OrderStatus.SHIPPED, tracking_number="X1").tracking_number == "X1"
    assert services.get_order(order_id="1").tracking_number == "TRK123456789"


# --- Updates without a difference


WITHOUT_DIFFERENCE: dict[str, Callable[[Order], dict[str, Any]]] = {
    "empty": lambda _: {},
    "status": lambda order: {"status": order.status},
    "other spelling": lambda order: {
        "customer_name": f"  {order.customer_name} ",
        "customer_email": order.customer_email.upper(),
    },
    "whole": lambda order: {
        "customer_name": order.customer_name,
        "customer_email": order.customer_email,
        "items": list(order.items),
        "total": order.total,
        "status": order.status,
        "estimated_delivery": order.estimated_delivery,
        "tracking_number": order.tracking_number,
        "dni": order.dni,
    },
}


@pytest.mark.parametrize("order_id", ["1", "2", "3", "4"])
@pytest.mark.parametrize("changes", WITHOUT_DIFFERENCE.values(), ids=WITHOUT_DIFFERENCE)
def test_update_without_difference_writes_nothing(
    order_id: str, changes: Callable[[Order], dict[str, Any]]
) -> None:
    before = services.get_order(order_id=order_id)

    assert update(order_id, **changes(before)) == before
    assert services.get_order(order_id=order_id) == before


def test_update_with_difference_stores_new_version() -> None:
    before = services.get_order(order_id="2")

    after = update("2", dni="1")
    assert after == replace(before, dni="1", updated_at=LATER)
    assert services.get_order(order_id="2") == after


def test_update_without_difference_still_checks_version() -> None:
    stale = services.get_order(order_id="1").updated_at - timedelta(seconds=1)

    with pytest.raises(StaleVersionError):
        update("1", unchanged_since=stale)


def test_stored_total_stays_until_items_change() -> None:
    """The earlier system may have calculated it otherwise: another name must not change it."""
    stored = replace(services.get_order(order_id="1"), total=Decimal("60.00"))
    repository.update_order(stored, unchanged_since=stored.updated_at)

    assert update("1") == stored
    assert update("1", dni="1", total=Decimal("60.00")).total == Decimal("60.00")
    with pytest.raises(TotalMismatchError):
        update("1", dni="2", total=Decimal("67.48"))
    assert update("1", items=ITEMS).total == Decimal("0.30")


def test_removed_tracking_number_is_not_assigned_again() -> None:
    assert update("3", tracking_number="").tracking_number is None
    assert update("3", dni="1").tracking_number is None


# --- Cancelling, by cancel_order and by update_order


def cancel(order_id: str, *, unchanged_since: datetime | None = None) -> Order:
    return services.cancel_order(
        order_id=order_id, caller=Staff(), unchanged_since=unchanged_since, now=LATER
    )


def cancel_by_update(order_id: str, *, unchanged_since: datetime | None = None) -> Order:
    return update(order_id, status=OrderStatus.CANCELLED, unchanged_since=unchanged_since)


type Cancel = Callable[..., Order]
each_way_to_cancel = pytest.mark.parametrize("cancel", [cancel, cancel_by_update])


@each_way_to_cancel
@pytest.mark.parametrize("order_id", ["1", "2"])
def test_cancel_before_shipping_succeeds_once(cancel: Cancel, order_id: str) -> None:
    before = services.get_order(order_id=order_id)

    cancelled = cancel(order_id, unchanged_since=before.updated_at)
    assert cancelled == replace(before, status=OrderStatus.CANCELLED, updated_at=LATER)
    with pytest.raises(OrderAlreadyCancelledError):
        cancel(order_id)
    assert services.get_order(order_id=order_id) == cancelled


@each_way_to_cancel
@pytest.mark.parametrize(
    ("order_id", "error"),
    [
        ("3", OrderNotCancellableError),
        ("4", OrderNotCancellableError),
        ("5", OrderAlreadyCancelledError),
        ("999", OrderNotFoundError),
    ],
)
def test_cancel_is_refused_with_same_error_each_way(
    cancel: Cancel, order_id: str, error: type[DomainError]
) -> None:
    before = services.list_orders().items

    with pytest.raises(error):
        cancel(order_id)
    assert services.list_orders().items == before


@each_way_to_cancel
def test_cancel_of_another_version_is_refused(cancel: Cancel) -> None:
    read = services.get_order(order_id="2").updated_at
    changed = update("2", dni="1")

    with pytest.raises(StaleVersionError) as caught:
        cancel("2", unchanged_since=read)
    assert caught.value.data == {"current_version": changed.updated_at}
    assert services.get_order(order_id="2") == changed


def test_cancel_with_other_changes_follows_same_rule() -> None:
    with pytest.raises(OrderNotCancellableError):
        update("3", status=OrderStatus.CANCELLED, dni="1")
    updated = update("5", status=OrderStatus.CANCELLED, dni="1")
    assert (updated.status, updated.dni) == (OrderStatus.CANCELLED, "1")


def test_masked_dni_with_cancel_is_ignored() -> None:
    masked: dict[str, Any] = {"status": OrderStatus.CANCELLED, "dni": "******78"}

    assert update("1", **masked, sees_dni=False).status is OrderStatus.CANCELLED
    with pytest.raises(OrderAlreadyCancelledError):
        update("1", **masked, sees_dni=False)


@pytest.mark.parametrize("status", [OrderStatus.PENDING, OrderStatus.SHIPPED])
def test_update_of_final_status_is_refused(status: OrderStatus) -> None:
    with pytest.raises(OrderStatusError) as caught:
        update("4", status=status)

    assert caught.value.data == {"status": "delivered", "wanted": status.value, "allowed": []}
    assert update("4", status=OrderStatus.DELIVERED).status is OrderStatus.DELIVERED


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"customer_email": "x"}, "customer_email"),
        ({"tracking_number": "x" * 41}, "tracking_number"),
        ({"tracking_number": "a\nb"}, "tracking_number"),
        ({"dni": "nada"}, "dni"),
        ({"dni": "1" * 16}, "dni"),
        ({"dni": "12x34"}, "dni"),
        ({"dni": "**99"}, "dni"),
        ({"items": [OrderItem(name="A" * 501, quantity=1, price=Decimal(1))]}, "items.0.name"),
    ],
    ids=["email", "long", "lines", "letters", "digits", "mixed", "mask", "name"],
)
def test_update_with_invalid_field_is_refused_by_field(changes: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidFieldError) as caught:
        update("1", **changes)
    assert caught.value.data == {"field": field}


def test_stale_update_or_delete_is_refused_with_current_version() -> None:
    read = services.get_order(order_id="1").updated_at
    first = update("1", unchanged_since=read, dni="1")

    for stale_operation in (
        lambda: update("1", unchanged_since=read, dni="2"),
        lambda: services.delete_order(order_id="1", unchanged_since=read, now=LATER),
    ):
        with pytest.raises(StaleVersionError) as caught:
            stale_operation()
        assert caught.value.data == {"current_version": first.updated_at}
    assert services.get_order(order_id="1") == first


def test_deleted_order_is_not_found() -> None:
    read = services.get_order(order_id="1").updated_at
    services.delete_order(order_id="1", unchanged_since=read, now=LATER)

    for operation in (
        lambda: services.delete_order(order_id="1", now=LATER),
        lambda: update("1", dni="1"),
    ):
        with pytest.raises(OrderNotFoundError):
            operation()
    assert [order.id for order in services.list_orders().items] == ["2", "3", "5", "4"]
