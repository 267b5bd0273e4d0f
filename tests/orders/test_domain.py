from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import product

import pytest
from hypothesis import given

from orders.domain import Order, OrderItem, OrderStatus, assign_item_ids, calculate_total
from tests.orders.factories import ITEM, VALID_ITEMS

pytestmark = pytest.mark.pure

NOW = datetime(2099, 11, 22, 15, tzinfo=UTC)
ORDER = Order(
    id="1",
    customer_name="Juan Pérez",
    customer_email="juan.perez@email.com",
    items=(ITEM,),
    total=Decimal("51.98"),
    status=OrderStatus.PENDING,
    created_at=NOW,
    updated_at=NOW,
    dni="12345678",
)


@given(VALID_ITEMS)
def test_total_is_sum_of_item_amounts_to_the_cent(items: list[OrderItem]) -> None:
    cents = sum(item.quantity * int(item.price * 100) for item in items)

    assert calculate_total(items) == Decimal(cents) / 100
    assert calculate_total(items).as_tuple().exponent == -2


@given(VALID_ITEMS)
def test_valid_items_without_ids_are_numbered_from_one(items: list[OrderItem]) -> None:
    assert [item.id for item in assign_item_ids(items)] == [str(n + 1) for n in range(len(items))]


def test_item_id_that_exists_is_unchanged() -> None:
    with_id = OrderItem(id="SKU-7", name="A", quantity=1, price=Decimal(1))

    assert [item.id for item in assign_item_ids([ITEM, with_id])] == ["1", "SKU-7"]


@pytest.mark.parametrize(
    ("ids_before", "ids_after"),
    [
        (["2", ""], ["2", "1"]),
        (["", "1", ""], ["2", "1", "3"]),
        (["SKU-7", "", "2", ""], ["SKU-7", "1", "2", "3"]),
    ],
)
def test_item_id_in_use_is_not_assigned_again(ids_before: list[str], ids_after: list[str]) -> None:
    items = [replace(ITEM, id=each) for each in ids_before]

    assert [item.id for item in assign_item_ids(items)] == ids_after


ALLOWED = {
    ("pending", "processing"),
    ("pending", "cancelled"),
    ("processing", "shipped"),
    ("processing", "cancelled"),
    ("shipped", "delivered"),
}


@pytest.mark.parametrize(("before", "after"), list(product(OrderStatus, OrderStatus)))
def test_status_change_is_allowed_only_by_transition_table(
    before: OrderStatus, after: OrderStatus
) -> None:
    order = ORDER.with_status(before)

    assert order.can_become(after) is ((before.value, after.value) in ALLOWED)


def test_changed_order_has_new_version() -> None:
    later = NOW + timedelta(minutes=1)
    changed = ORDER.with_status(OrderStatus.SHIPPED).with_new_version(now=later)

    assert (changed.status, changed.updated_at) == (OrderStatus.SHIPPED, later)
    assert (ORDER.status, ORDER.updated_at) == (OrderStatus.PENDING, NOW)


def test_order_owner_has_name_dni_and_email() -> None:
    owner = ORDER.owner

    assert (owner.name, owner.dni, owner.email, owner.code) == (
        ORDER.customer_name,
        "12345678",
        ORDER.customer_email,
        None,
    )


@pytest.mark.parametrize("status", OrderStatus)
def test_items_are_editable_until_the_order_is_shipped(status: OrderStatus) -> None:
    expected = status in {OrderStatus.PENDING, OrderStatus.PROCESSING}
    assert replace(ORDER, status=status).has_editable_items is expected
