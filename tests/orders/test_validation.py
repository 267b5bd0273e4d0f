from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given

from common.money import MAX_AMOUNT
from orders.domain import MAX_QUANTITY, OrderItem
from orders.validation import find_invalid_item_field
from tests.orders.factories import ITEM, VALID_ITEMS

pytestmark = pytest.mark.pure


@given(VALID_ITEMS)
def test_valid_items_have_no_invalid_field(items: list[OrderItem]) -> None:
    assert find_invalid_item_field(items) is None


@pytest.mark.parametrize("ids", [["", ""], ["2", ""], ["", "1", ""], ["SKU-7", "", "2", ""]])
def test_items_with_distinct_or_no_ids_are_valid(ids: list[str]) -> None:
    assert find_invalid_item_field([replace(ITEM, id=each) for each in ids]) is None


def test_duplicate_item_id_is_reported_on_second_item() -> None:
    items = [replace(ITEM, id=each) for each in ("", "2", "", "2")]

    assert find_invalid_item_field(items) == "items.3.id"


@pytest.mark.parametrize(
    ("quantity", "price"),
    [(1, "0"), (MAX_QUANTITY, "0.01"), (1, str(MAX_AMOUNT)), (1, "2.50"), (1, "3")],
)
def test_item_at_its_limits_is_valid(quantity: int, price: str) -> None:
    item = OrderItem(name="A", quantity=quantity, price=Decimal(price))

    assert find_invalid_item_field([item]) is None


@pytest.mark.parametrize(
    ("name", "quantity", "price", "field"),
    [
        (" ", 1, "1", "name"),
        ("A\u202eB", 1, "1", "name"),
        ("A\u200b", 1, "1", "name"),
        ("A", 0, "1", "quantity"),
        ("A", MAX_QUANTITY + 1, "1", "quantity"),
        ("A", 1, "-0.01", "price"),
        ("A", 1, "0.001", "price"),
        ("A", 1, str(MAX_AMOUNT + Decimal("0.01")), "price"),
        ("A", 1, "NaN", "price"),
        ("A", 1, "Infinity", "price"),
    ],
)
def test_invalid_item_is_reported_by_position_and_field(
    name: str, quantity: int, price: str, field: str
) -> None:
    invalid = OrderItem(name=name, quantity=quantity, price=Decimal(price))

    assert find_invalid_item_field([ITEM, invalid]) == f"items.1.{field}"
