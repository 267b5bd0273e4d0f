"""What staff do with orders, on the stand-in."""

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


def test_what_is_given_changes_and_the_rest_stays() -> None:
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


def test_new_items_have_a_new_total() -> None:
    assert update("1", items=ITEMS).total == Decimal("0.30")
    with pytest.raises(TotalMismatchError):
        update("1", items=ITEMS, total=Decimal("0.31"))
    with pytest.raises(EmptyOrderError):
        update("1", items=[])


@pytest.mark.parametrize("order_id", ["3", "4", "5"])
def test_items_that_have_left_the_house_stay(order_id: str) -> None:
    before = services.get_order(order_id=order_id)

    with pytest.raises(OrderPackedError):
        update(order_id, items=ITEMS)
    assert update(order_id, items=before.items, dni="1").items == before.items


def test_an_order_goes_its_way_and_is_given_a_tracking_number() -> None:
    shipped = services.move_order_status(order_id="2", status=OrderStatus.SHIPPED, now=LATER)
    delivered = services.move_order_status(order_id="2", status=OrderStatus.DELIVERED, now=LATER)

    assert shipped.tracking_number is not None
    assert shipped.tracking_number.startswith("TRK")
    assert delivered.tracking_number == shipped.tracking_number


def test_a_tracking_number_that_is_given_is_kept() -> None:
    assert update("2", status=OrderStatus.SHIPPED, tracking_number="X1").tracking_number == "X1"
    assert services.get_order(order_id="1").tracking_number == "TRK123456789"


# --- What changes nothing


NOTHING: dict[str, Callable[[Order], dict[str, Any]]] = {
    "nothing": lambda _: {},
    "status": lambda order: {"status": order.status},
    "other words": lambda order: {
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
@pytest.mark.parametrize("changes", NOTHING.values(), ids=NOTHING)
def test_what_changes_nothing_writes_nothing(
    order_id: str, changes: Callable[[Order], dict[str, Any]]
) -> None:
    before = services.get_order(order_id=order_id)

    assert update(order_id, **changes(before)) == before
    assert services.get_order(order_id=order_id) == before


def test_what_changes_something_is_a_new_version() -> None:
    before = services.get_order(order_id="2")

    after = update("2", dni="1")
    assert after == replace(before, dni="1", updated_at=LATER)
    assert services.get_order(order_id="2") == after


def test_what_changes_nothing_is_still_held_to_the_version() -> None:
    stale = services.get_order(order_id="1").updated_at - timedelta(seconds=1)

    with pytest.raises(StaleVersionError):
        update("1", unchanged_since=stale)


def test_a_total_that_the_earlier_system_charged_stays_until_the_items_change() -> None:
    """It may have reckoned otherwise; who changes a name doesn't change what was paid."""
    charged = replace(services.get_order(order_id="1"), total=Decimal("60.00"))
    repository.change_order(charged, unchanged_since=charged.updated_at)

    assert update("1") == charged
    assert update("1", dni="1", total=Decimal("60.00")).total == Decimal("60.00")
    with pytest.raises(TotalMismatchError):
        update("1", dni="2", total=Decimal("67.48"))
    assert update("1", items=ITEMS).total == Decimal("0.30")


def test_a_parcel_is_numbered_when_it_is_shipped_and_not_anew_by_later_changes() -> None:
    assert update("3", tracking_number="").tracking_number is None
    assert update("3", dni="1").tracking_number is None


# --- Cancelling is one verb


def cancel(order_id: str, *, unchanged_since: datetime | None = None) -> Order:
    return services.cancel_order(
        order_id=order_id, caller=Staff(), unchanged_since=unchanged_since, now=LATER
    )


def cancel_by_update(order_id: str, *, unchanged_since: datetime | None = None) -> Order:
    return update(order_id, status=OrderStatus.CANCELLED, unchanged_since=unchanged_since)


def cancel_by_move(order_id: str, *, unchanged_since: datetime | None = None) -> Order:
    return services.move_order_status(
        order_id=order_id,
        status=OrderStatus.CANCELLED,
        unchanged_since=unchanged_since,
        now=LATER,
    )


type Cancel = Callable[..., Order]
each_way_to_cancel = pytest.mark.parametrize("cancel", [cancel, cancel_by_update, cancel_by_move])


@each_way_to_cancel
@pytest.mark.parametrize("order_id", ["1", "2"])
def test_what_is_in_the_house_is_cancelled_once(cancel: Cancel, order_id: str) -> None:
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
def test_what_cannot_be_cancelled_is_refused_alike(
    cancel: Cancel, order_id: str, error: type[DomainError]
) -> None:
    before = services.list_orders()

    with pytest.raises(error):
        cancel(order_id)
    assert services.list_orders() == before


@each_way_to_cancel
def test_another_version_is_not_cancelled(cancel: Cancel) -> None:
    read = services.get_order(order_id="2").updated_at
    changed = update("2", dni="1")

    with pytest.raises(StaleVersionError) as caught:
        cancel("2", unchanged_since=read)
    assert caught.value.data == {"current_version": changed.updated_at}
    assert services.get_order(order_id="2") == changed


def test_cancelling_among_other_changes_is_refused_for_the_same_reason() -> None:
    with pytest.raises(OrderNotCancellableError):
        update("3", status=OrderStatus.CANCELLED, dni="1")
    whole = update("5", status=OrderStatus.CANCELLED, dni="1")
    assert (whole.status, whole.dni) == (OrderStatus.CANCELLED, "1")


def test_a_mask_beside_a_cancellation_does_not_count() -> None:
    masked: dict[str, Any] = {"status": OrderStatus.CANCELLED, "dni": "******78"}

    assert update("1", **masked, sees_dni=False).status is OrderStatus.CANCELLED
    with pytest.raises(OrderAlreadyCancelledError):
        update("1", **masked, sees_dni=False)


@pytest.mark.parametrize("status", [OrderStatus.PENDING, OrderStatus.SHIPPED])
def test_what_is_final_stays(status: OrderStatus) -> None:
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
    ids=["email", "long", "lines", "words", "digits", "mixed", "mask", "name"],
)
def test_what_no_order_can_have_is_refused_by_field(changes: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidFieldError) as caught:
        update("1", **changes)
    assert caught.value.data == {"field": field}


def test_the_second_of_two_who_read_the_same_is_told_the_version_now() -> None:
    read = services.get_order(order_id="1").updated_at
    first = update("1", unchanged_since=read, dni="1")

    for late in (
        lambda: update("1", unchanged_since=read, dni="2"),
        lambda: services.delete_order(order_id="1", unchanged_since=read),
    ):
        with pytest.raises(StaleVersionError) as caught:
            late()
        assert caught.value.data == {"current_version": first.updated_at}
    assert services.get_order(order_id="1") == first


def test_what_is_deleted_is_gone() -> None:
    read = services.get_order(order_id="1").updated_at
    services.delete_order(order_id="1", unchanged_since=read)

    for verb in (lambda: services.delete_order(order_id="1"), lambda: update("1", dni="1")):
        with pytest.raises(OrderNotFoundError):
            verb()
    assert [order.id for order in services.list_orders()] == ["2", "3", "5", "4"]
