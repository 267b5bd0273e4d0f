from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.identity.verification import Caller, Customer, Staff
from common.money import MAX_AMOUNT
from orders.domain import (
    MAX_QUANTITY,
    Order,
    OrderItem,
    OrderStatus,
    faulty_field,
    numbered,
    total_of,
)

pytestmark = pytest.mark.pure

NOW = datetime(2099, 11, 22, 15, tzinfo=UTC)
ITEM = OrderItem(name="Producto A", quantity=2, price=Decimal("25.99"))
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
ITEMS = st.builds(
    OrderItem,
    name=st.just("A"),
    quantity=st.integers(1, MAX_QUANTITY),
    price=st.decimals(0, 10_000, places=2),
)


@given(st.lists(ITEMS, max_size=8))
def test_the_total_is_the_sum_of_the_lines_to_the_cent(items: list[OrderItem]) -> None:
    cents = sum(item.quantity * int(item.price * 100) for item in items)

    assert total_of(items) == Decimal(cents) / 100
    assert total_of(items).as_tuple().exponent == -2


@given(st.lists(ITEMS, max_size=8))
def test_good_items_have_no_fault_and_get_numbers(items: list[OrderItem]) -> None:
    assert faulty_field(items) is None
    assert [item.id for item in numbered(items)] == [str(n + 1) for n in range(len(items))]


def test_an_id_that_an_item_has_is_kept() -> None:
    given_id = OrderItem(id="SKU-7", name="A", quantity=1, price=Decimal(1))

    assert [item.id for item in numbered([ITEM, given_id])] == ["1", "SKU-7"]


@pytest.mark.parametrize(
    ("given_ids", "ids"),
    [
        (["2", ""], ["2", "1"]),
        (["", "1", ""], ["2", "1", "3"]),
        (["SKU-7", "", "2", ""], ["SKU-7", "1", "2", "3"]),
    ],
)
def test_an_id_that_is_used_is_given_to_no_other_item(given_ids: list[str], ids: list[str]) -> None:
    items = [replace(ITEM, id=each) for each in given_ids]

    assert faulty_field(items) is None
    assert [item.id for item in numbered(items)] == ids


def test_an_id_that_two_items_have_is_the_seconds_fault() -> None:
    items = [replace(ITEM, id=each) for each in ("", "2", "", "2")]

    assert faulty_field(items) == "items.3.id"


@pytest.mark.parametrize(
    ("quantity", "price"),
    [(1, "0"), (MAX_QUANTITY, "0.01"), (1, str(MAX_AMOUNT)), (1, "2.50"), (1, "3")],
)
def test_the_limits_of_an_item_are_inside(quantity: int, price: str) -> None:
    assert faulty_field([OrderItem(name="A", quantity=quantity, price=Decimal(price))]) is None


@pytest.mark.parametrize(
    ("name", "quantity", "price", "field"),
    [
        (" ", 1, "1", "name"),
        ("A", 0, "1", "quantity"),
        ("A", MAX_QUANTITY + 1, "1", "quantity"),
        ("A", 1, "-0.01", "price"),
        ("A", 1, "0.001", "price"),
        ("A", 1, str(MAX_AMOUNT + Decimal("0.01")), "price"),
        ("A", 1, "NaN", "price"),
        ("A", 1, "Infinity", "price"),
    ],
)
def test_a_faulty_item_is_named_by_place_and_field(
    name: str, quantity: int, price: str, field: str
) -> None:
    bad = OrderItem(name=name, quantity=quantity, price=Decimal(price))

    assert faulty_field([ITEM, bad]) == f"items.1.{field}"


ALLOWED = {
    ("pending", "processing"),
    ("pending", "cancelled"),
    ("processing", "shipped"),
    ("processing", "cancelled"),
    ("shipped", "delivered"),
}


@pytest.mark.parametrize(("before", "after"), list(product(OrderStatus, OrderStatus)))
def test_an_order_moves_only_as_the_table_says(before: OrderStatus, after: OrderStatus) -> None:
    order = ORDER.becoming(before)

    assert order.may_become(after) is ((before.value, after.value) in ALLOWED)


def test_a_change_is_a_new_version() -> None:
    later = NOW + timedelta(minutes=1)
    changed = ORDER.becoming(OrderStatus.SHIPPED).renewed(now=later)

    assert (changed.status, changed.updated_at) == (OrderStatus.SHIPPED, later)
    assert (ORDER.status, ORDER.updated_at) == (OrderStatus.PENDING, NOW)


@pytest.mark.parametrize(
    ("caller", "theirs"),
    [
        (Staff(), True),
        (Customer(dni="12.345.678"), True),
        (Customer(name="juan perez"), True),
        (Customer(name="Ana Martínez"), False),
        (Customer(), False),
    ],
)
def test_an_order_belongs_to_who_proves_it(caller: Caller, theirs: bool) -> None:
    assert ORDER.belongs_to(caller) is theirs
