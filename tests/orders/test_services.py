"""The services of orders for customers, on the local DynamoDB."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from common.errors import (
    DomainError,
    IdempotencyConflictError,
    IdentityMissingError,
    InvalidFieldError,
    StaleVersionError,
)
from common.identity.verification import Caller, Customer, Staff
from orders import demo, models, repository, services
from orders.domain import Order, OrderItem, OrderStatus
from orders.errors import (
    EmptyOrderError,
    OrderAlreadyCancelledError,
    OrderNotCancellableError,
    OrderNotFoundError,
    TotalMismatchError,
)
from tests.fixtures.dynamodb import raw_item

pytestmark = [pytest.mark.store, pytest.mark.usefixtures("empty_tables")]

NOW = datetime(2099, 11, 22, 15, 0, 0, 123456, tzinfo=UTC)
LATER = NOW + timedelta(minutes=5)
JUAN = Customer(name="Juan Pérez")


def place(**changes: Any) -> Order:
    order: dict[str, Any] = {
        "customer_name": "María García",
        "customer_email": "maria@email.com",
        "items": [
            OrderItem(name="Producto A", quantity=2, price=Decimal("25.99")),
            OrderItem(name="Producto B", quantity=1, price=Decimal("0.10")),
        ],
        "total": None,
        "token": "call-1/tool-1",
        "now": NOW,
    }
    return services.place_order(**(order | changes))


# --- Placing


def test_placed_order_is_stored_as_returned() -> None:
    placed = place(dni="23.456.789")

    assert services.get_order(order_id=placed.id) == placed
    assert placed.id.isdecimal()
    assert placed.total == Decimal("52.08")
    assert placed.status is OrderStatus.PENDING
    assert placed.dni == "23456789"
    assert [item.id for item in placed.items] == ["1", "2"]
    assert placed.estimated_delivery == placed.created_at + timedelta(days=5)
    assert placed.created_at == NOW.replace(microsecond=123000)


@pytest.mark.parametrize(
    ("dni", "stored"), [("1" * 15, "1" * 15), ("1-2.3 4", "1234"), ("", None), (None, None)]
)
def test_dni_is_stored_as_digits(dni: str | None, stored: str | None) -> None:
    assert place(dni=dni).dni == stored


def test_money_is_stored_as_decimal_number() -> None:
    prices = ["0.10", "0.20", "25.99"]
    items = [OrderItem(name="A", quantity=1, price=Decimal(p)) for p in prices]
    placed = place(items=items)

    raw = raw_item(models.Order, placed.id)
    assert raw["total"] == {"N": "26.29"}
    assert [item["M"]["price"]["N"] for item in raw["items"]["L"]] == ["0.1", "0.2", "25.99"]


@pytest.mark.parametrize("total", [Decimal("52.08"), Decimal("52.080"), None])
def test_place_with_right_or_no_total_succeeds(total: Decimal | None) -> None:
    assert place(total=total).total == Decimal("52.08")


def test_place_with_wrong_total_is_refused_with_right_total() -> None:
    with pytest.raises(TotalMismatchError) as caught:
        place(total=Decimal("52.09"))

    assert caught.value.data == {"expected": "52.08", "given": "52.09"}
    assert "$\N{NO-BREAK SPACE}52,08" in caught.value.message
    assert services.list_orders().items == []


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"customer_name": " "}, "customer_name"),
        ({"customer_email": "maria"}, "customer_email"),
        ({"dni": "******78"}, "dni"),
        ({"dni": "12x34"}, "dni"),
        ({"dni": "1" * 16}, "dni"),
        ({"items": [OrderItem(name="A", quantity=0, price=Decimal(1))]}, "items.0.quantity"),
        ({"items": [OrderItem(name="A", quantity=1, price=Decimal(1))] * 101}, "items"),
        ({"items": [OrderItem(name="A", quantity=2, price=Decimal("9999999999.99"))]}, "total"),
    ],
)
def test_place_with_invalid_field_is_refused_by_field(
    changes: dict[str, object], field: str
) -> None:
    with pytest.raises(InvalidFieldError) as caught:
        place(**changes)

    assert caught.value.data == {"field": field}


def test_place_without_items_is_refused() -> None:
    with pytest.raises(EmptyOrderError):
        place(items=[])


def test_place_with_same_token_places_one_order() -> None:
    first = place()

    assert place(now=LATER) == first
    assert services.list_orders().items == [first]


def test_repeated_place_returns_current_version() -> None:
    placed = place()
    cancelled = services.cancel_order(order_id=placed.id, caller=Staff(), now=LATER)

    assert place(now=LATER) == cancelled


def test_place_with_token_of_another_order_is_refused() -> None:
    place()

    with pytest.raises(IdempotencyConflictError):
        place(customer_name="Ana Martínez")


@pytest.mark.parametrize("total", [Decimal("52.08"), Decimal(3)])
def test_place_with_same_token_and_other_total_is_conflict(total: Decimal) -> None:
    placed = place()

    with pytest.raises(IdempotencyConflictError):
        place(total=total)
    assert services.list_orders().items == [placed]


def test_place_with_equal_total_in_other_notation_is_same_request() -> None:
    placed = place(total=Decimal("52.08"))

    assert place(total=Decimal("52.080")) == placed
    with pytest.raises(IdempotencyConflictError):
        place()


def test_place_after_refused_total_can_reuse_token() -> None:
    for _ in range(2):
        with pytest.raises(TotalMismatchError):
            place(total=Decimal(3))

    assert place(total=Decimal("52.08")).total == Decimal("52.08")


def test_repeated_place_of_deleted_order_creates_nothing() -> None:
    placed = place()
    models.Order(*models.Order.key(placed.id)).delete()

    with pytest.raises(OrderNotFoundError):
        place()
    assert services.list_orders().items == []


def test_concurrent_attempts_of_one_request_return_one_order() -> None:
    with ThreadPoolExecutor(20) as threads:
        orders = list(threads.map(lambda _: place(), range(20)))

    assert len({order.id for order in orders}) == 1
    assert services.list_orders().items == [orders[0]]


def test_concurrent_requests_with_one_token_place_one_order() -> None:
    def attempt(number: int) -> Order | None:
        try:
            return place(customer_email=f"c{number}@email.com")
        except IdempotencyConflictError:
            return None

    with ThreadPoolExecutor(20) as threads:
        placed = [order for order in threads.map(attempt, range(20)) if order]

    assert services.list_orders().items == placed
    assert len(placed) == 1


# --- Looking up and cancelling


def seed() -> None:
    demo.seed(now=NOW)


def test_look_up_by_name_or_dni_returns_order() -> None:
    seed()

    for caller in [Customer(dni="12345678"), JUAN, Customer(name="JUAN PEREZ", dni="")]:
        assert services.look_up_order(order_id="1", caller=caller, now=NOW).total == Decimal(
            "67.48"
        )


def test_look_up_of_foreign_and_missing_order_raise_same_error() -> None:
    seed()

    def error_of(order_id: str, caller: Caller) -> tuple[object, ...]:
        with pytest.raises(OrderNotFoundError) as caught:
            services.look_up_order(order_id=order_id, caller=caller, now=NOW)
        error = caught.value
        return type(error), error.code, error.message, error.data | {"order_id": "…"}

    stranger = Customer(name="Ana Martínez")
    assert error_of("1", stranger) == error_of("999", stranger) == error_of("999", JUAN)


@pytest.mark.parametrize("operation", [services.look_up_order, services.cancel_order])
def test_caller_without_identity_is_refused_before_any_read(
    operation: Callable[..., Order],
) -> None:
    for order_id in ["1", "999"]:
        with pytest.raises(IdentityMissingError):
            operation(order_id=order_id, caller=Customer(), now=NOW)


@pytest.mark.parametrize("order_id", ["", "1#1", "x" * 3000, "uno", "1 "])
def test_look_up_of_malformed_id_is_not_found(order_id: str) -> None:
    seed()

    with pytest.raises(OrderNotFoundError):
        services.look_up_order(order_id=order_id, caller=Staff(), now=NOW)


def test_customer_cancels_own_order() -> None:
    seed()

    cancelled = services.cancel_order(order_id="2", caller=JUAN, now=LATER)

    assert cancelled.status is OrderStatus.CANCELLED
    assert services.get_order(order_id="2") == cancelled


def test_cancel_of_foreign_order_changes_nothing() -> None:
    seed()
    before = services.get_order(order_id="2")

    with pytest.raises(OrderNotFoundError):
        services.cancel_order(order_id="2", caller=Customer(name="Ana"), now=LATER)
    assert services.get_order(order_id="2") == before


@pytest.mark.parametrize(
    ("order_id", "error"),
    [
        ("3", OrderNotCancellableError),
        ("4", OrderNotCancellableError),
        ("5", OrderAlreadyCancelledError),
        ("999", OrderNotFoundError),
    ],
)
def test_cancel_in_final_or_shipped_status_is_refused(
    order_id: str, error: type[DomainError]
) -> None:
    seed()

    with pytest.raises(error):
        services.cancel_order(order_id=order_id, caller=Staff(), now=LATER)


def test_concurrent_cancels_of_one_order_succeed_once() -> None:
    seed()

    def cancel(_: int) -> bool:
        try:
            services.cancel_order(order_id="2", caller=JUAN, now=LATER)
        except OrderAlreadyCancelledError:
            return False
        return True

    with ThreadPoolExecutor(12) as threads:
        assert list(threads.map(cancel, range(12))).count(True) == 1


def test_update_of_changed_order_raises_stale_version() -> None:
    seed()
    read = services.get_order(order_id="2")
    services.cancel_order(order_id="2", caller=Staff(), now=NOW)

    stale = replace(read, tracking_number="TRK1")
    with pytest.raises(StaleVersionError):
        repository.update_order(stale, unchanged_since=read.updated_at)
    assert services.get_order(order_id="2").tracking_number is None


def test_update_of_deleted_order_does_not_recreate_it() -> None:
    seed()
    read = services.get_order(order_id="2")
    models.Order(*models.Order.key("2")).delete()

    with pytest.raises(StaleVersionError):
        repository.update_order(read, unchanged_since=read.updated_at)
    with pytest.raises(OrderNotFoundError):
        services.get_order(order_id="2")


# --- Listing


def test_list_contains_all_statuses_newest_first() -> None:
    seed()

    assert [order.id for order in services.list_orders().items] == ["1", "2", "3", "5", "4"]


@pytest.mark.parametrize(("limit", "ids"), [(1, ["1"]), (4, ["1", "2", "3", "5"])])
def test_list_ends_at_limit(limit: int, ids: list[str]) -> None:
    seed()

    assert [order.id for order in services.list_orders(limit=limit).items] == ids


def test_list_contains_no_idempotency_tokens() -> None:
    placed = place()

    assert services.list_orders().items == [placed]


# --- Demo data


def test_seed_of_filled_table_changes_nothing() -> None:
    assert demo.seed(now=NOW) == 5
    before = services.list_orders().items

    assert demo.seed(now=LATER) == 0
    assert services.list_orders().items == before


def test_fresh_seed_replaces_all_records() -> None:
    seed()
    place()

    assert demo.seed(now=LATER, fresh=True) == 5
    assert len(services.list_orders().items) == 5


def test_demo_order_1_is_the_specified_example() -> None:
    seed()
    order = services.get_order(order_id="1")

    assert order.customer_email == "juan.perez@email.com"
    assert (order.items[0].name, order.items[0].quantity) == ("Producto A", 2)
    assert order.items[0].price == Decimal("25.99")
    assert order.total == Decimal("67.48")
    assert order.tracking_number == "TRK123456789"
    assert order.dni == "12345678"
    assert order.estimated_delivery == NOW.replace(microsecond=123000) + timedelta(days=4)
