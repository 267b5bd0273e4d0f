"""Callers don't set prices (issue 14, row 16)."""

from decimal import Decimal
from typing import Any

import pytest
from pytest_django.fixtures import Settings

import orders.demo
import orders.services
from common.dynamodb.paging import Page
from common.errors import InvalidFieldError
from common.identity.verification import Caller, Customer
from orders import product_repository, product_services
from orders.domain import Order, OrderChanges, OrderItem, OrderStatus
from orders.errors import (
    CatalogueFullError,
    ProductAmbiguousError,
    ProductUnknownError,
    TotalMismatchError,
)
from orders.products import Product
from tests.security.test_floods import NOW

pytestmark = [pytest.mark.store, pytest.mark.usefixtures("empty_tables")]

CALLER = Customer(name="Eva Luna", call_id="call-1", address="192.0.2.1")


@pytest.fixture
def catalogue(settings: Settings, empty_tables: str) -> None:
    settings.ORDER_CATALOGUE = "required"
    orders.demo.seed_products(now=NOW)


def place(
    *items: tuple[str, int, str],
    total: str | None = None,
    caller: Caller | None = CALLER,
    token: str = "1",
    is_dry_run: bool = False,
) -> Order:
    return orders.services.place_order(
        customer_name="Eva Luna",
        customer_email="eva@mail.com",
        items=[OrderItem(name=name, quantity=n, price=Decimal(price)) for name, n, price in items],
        total=None if total is None else Decimal(total),
        token=token,
        caller=caller,
        is_dry_run=is_dry_run,
        now=NOW,
    )


@pytest.mark.usefixtures("catalogue")
@pytest.mark.parametrize("is_dry_run", [True, False])
def test_product_and_price_come_from_the_catalogue(is_dry_run: bool) -> None:
    order = place(("notebooks", 2, "0.01"), ("mouse", 1, "0"), total="0.02", is_dry_run=is_dry_run)
    assert [(item.name, item.price) for item in order.items] == [
        ("Notebook", Decimal("990.00")),
        ("Mouse", Decimal("10.00")),
    ]
    assert order.total == Decimal("1990.00")
    assert not order.needs_review


@pytest.mark.usefixtures("catalogue")
def test_what_is_not_sold_is_not_ordered() -> None:
    with pytest.raises(ProductUnknownError) as unknown:
        place(("Nave espacial", 1, "1"))
    assert unknown.value.data["products"] == list(orders.demo.PRODUCTS)[:5]
    with pytest.raises(ProductAmbiguousError) as ambiguous:
        place(("producto", 1, "1"))
    assert ambiguous.value.data["products"] == list(orders.demo.PRODUCTS)[:4]
    assert "Producto A, Producto B, Producto C, Producto D" in ambiguous.value.message
    mouse = next(each for each in product_services.all_products() if each.name == "Mouse")
    product_services.change_product(product_id=mouse.id, is_offered=False, now=NOW)
    with pytest.raises(ProductUnknownError):
        place(("mouse", 1, "10"))


@pytest.mark.usefixtures("catalogue")
def test_other_total_is_refused_where_nothing_is_read_back(settings: Settings) -> None:
    settings.CONFIRM_CHANGES = False
    with pytest.raises(TotalMismatchError) as refused:
        place(("mouse", 2, "0.01"), total="0.02")
    assert refused.value.data["expected"] == "20.00"
    assert place(("mouse", 2, "10"), total="20").total == Decimal("20.00")


@pytest.mark.usefixtures("catalogue")
def test_staff_and_programs_set_prices() -> None:
    order = place(("Servicio técnico", 1, "0"), caller=None)
    assert (order.total, order.needs_review) == (Decimal("0.00"), False)


@pytest.mark.usefixtures("catalogue")
def test_repeated_request_returns_its_order_after_a_change_of_price() -> None:
    placed = place(("mouse", 1, "10"))
    mouse = next(each for each in product_services.all_products() if each.name == "Mouse")
    product_services.change_product(product_id=mouse.id, price=Decimal(12), now=NOW)
    assert place(("mouse", 1, "10")) == placed
    assert place(("mouse", 1, "10"), token="2").total == Decimal("12.00")


@pytest.mark.parametrize(
    ("items", "needs_review"),
    [
        ([("Notebook", 1, "0.01")], True),
        ([("Lápiz", 1, "0.99")], True),
        ([("Lápiz", 1, "1")], False),
        ([("Notebook", 10_000, "101")], True),
        ([("Notebook", 1, "1000000")], False),
        ([("Notebook", 1, "1000000.01")], True),
    ],
)
def test_suspicious_order_is_to_be_confirmed_without_a_catalogue(
    items: list[tuple[str, int, str]], needs_review: bool
) -> None:
    order = place(*items)
    assert order.needs_review is needs_review
    assert orders.services.get_order(order_id=order.id).needs_review is needs_review
    assert not place(*items, caller=None, token="2").needs_review


def test_limits_of_review_can_be_switched_off(settings: Settings) -> None:
    settings.ORDER_REVIEW_ABOVE = settings.ORDER_REVIEW_BELOW = 0
    assert not place(("Notebook", 10_000, "900000")).needs_review
    assert not place(("Notebook", 1, "0"), token="2").needs_review


@pytest.mark.parametrize(
    "changes",
    [OrderChanges(needs_review=False), OrderChanges(status=OrderStatus.PROCESSING)],
)
def test_staff_confirm_an_order(changes: OrderChanges) -> None:
    order = place(("Notebook", 1, "0.01"))
    unrelated = OrderChanges(tracking_number="T1")
    changed = orders.services.update_order(order_id=order.id, changes=unrelated, now=NOW)
    assert changed.needs_review
    confirmed = orders.services.update_order(order_id=order.id, changes=changes, now=NOW)
    assert not confirmed.needs_review
    assert not orders.services.get_order(order_id=order.id).needs_review


def test_import_adds_and_changes_products() -> None:
    added, changed = product_services.import_products(
        [("Mouse", Decimal(10)), ("Remera", Decimal(5))], now=NOW
    )
    assert ([each.name for each in added], changed) == (["Mouse", "Remera"], [])
    added, changed = product_services.import_products(
        [("MOUSES", Decimal(10)), ("Remera", Decimal(5)), ("Gorra", Decimal(3))], now=NOW
    )
    assert ([each.name for each in added], [each.name for each in changed]) == (
        ["Gorra"],
        ["MOUSES"],
    )
    assert [each.name for each in product_services.all_products()] == ["MOUSES", "Remera", "Gorra"]


@pytest.mark.parametrize(
    ("name", "price", "field"),
    [("de la", "3", "name"), ("x" * 121, "3", "name"), ("Gorra", "-1", "price")],
)
def test_import_with_a_wrong_entry_stores_nothing(name: str, price: str, field: str) -> None:
    product_services.add_product(name="Mouse", price=Decimal(10), now=NOW)
    entries = [("Remera", Decimal(5)), ("Mouse", Decimal(12)), (name, Decimal(price))]
    with pytest.raises(InvalidFieldError) as refused:
        product_services.import_products(entries, now=NOW)
    assert refused.value.data["field"] == field
    stored = {each.name: each.price for each in product_services.all_products()}
    assert stored == {"Mouse": Decimal(10)}


def test_last_of_entries_with_the_same_words_counts() -> None:
    entries = [("Mouse", Decimal(10)), ("Remera", Decimal(5)), ("mouses", Decimal(12))]
    added, changed = product_services.import_products(entries, now=NOW)
    assert ([(each.name, each.price) for each in added], changed) == (
        [("mouses", Decimal(12)), ("Remera", Decimal(5))],
        [],
    )
    assert product_services.all_products() == added


def test_import_beyond_the_limit_stores_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(product_services, "MAX_PRODUCTS", 2)
    full = [("Mouse", Decimal(10)), ("Remera", Decimal(5))]
    product_services.import_products(full, now=NOW)
    with pytest.raises(CatalogueFullError):
        product_services.import_products([*full, ("Gorra", Decimal(3))], now=NOW)
    _, changed = product_services.import_products([("Mouse", Decimal(11))], now=NOW)
    assert [each.price for each in changed] == [Decimal(11)]
    assert len(product_services.all_products()) == 2


@pytest.mark.usefixtures("catalogue")
def test_import_reads_the_catalogue_once(monkeypatch: pytest.MonkeyPatch) -> None:
    reads = 0
    list_products = product_repository.list_products

    def count(**arguments: Any) -> Page[Product]:
        nonlocal reads
        reads += 1
        return list_products(**arguments)

    monkeypatch.setattr(product_repository, "list_products", count)
    added, changed = product_services.import_products(
        [("Gorra", Decimal(3)), ("Media", Decimal(2)), ("Mouse", Decimal(11))], now=NOW
    )
    assert (len(added), len(changed), reads) == (2, 1, 1)
