"""What staff do with orders, on the stand-in."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from common.errors import InvalidFieldError, StaleVersionError
from orders import demo, services
from orders.domain import Order, OrderChanges, OrderItem, OrderStatus
from orders.errors import (
    EmptyOrderError,
    OrderNotFoundError,
    OrderPackedError,
    OrderStatusError,
    TotalMismatchError,
)

pytestmark = [pytest.mark.store, pytest.mark.usefixtures("empty_tables")]

NOW = datetime(2026, 11, 22, 15, tzinfo=UTC)
LATER = NOW + timedelta(minutes=5)
ITEMS = [OrderItem(name="Producto Z", quantity=3, price=Decimal("0.10"))]


@pytest.fixture(autouse=True)
def demo_orders(empty_tables: str) -> None:
    demo.seed(now=NOW)


def update(order_id: str, *, unchanged_since: datetime | None = None, **changes: Any) -> Order:
    return services.update_order(
        order_id=order_id,
        changes=OrderChanges(**changes),
        unchanged_since=unchanged_since,
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
        ({"items": [OrderItem(name="A" * 501, quantity=1, price=Decimal(1))]}, "items.0.name"),
    ],
    ids=["email", "long", "lines", "words", "digits", "name"],
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
