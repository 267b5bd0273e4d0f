"""Pages of lists while others write, and their cursors."""

import base64
import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from hypothesis import HealthCheck, Phase, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

import appointments.services
import orders.services
from appointments.domain import AppointmentKind, AppointmentQuery, AppointmentStatus
from common import clock
from common.dynamodb.tables import registered_tables
from common.errors import InvalidCursorError
from common.identity.verification import Staff
from common.rest.cursors import LIFETIME, decrypt_cursor, encrypt_cursor
from orders import repository
from orders.domain import Order, OrderItem, OrderQuery, OrderStatus

pytestmark = [pytest.mark.store, pytest.mark.django_db]

NOW = datetime(2099, 11, 22, 15, tzinfo=UTC)
STATUSES = list(OrderStatus)


def order(number: int, *, minutes: int, status: OrderStatus, email: str = "a@email.com") -> Order:
    item = OrderItem(id="1", name="A", quantity=1, price=Decimal(1))
    made_at = NOW + timedelta(minutes=minutes)
    return Order(
        id=str(number),
        customer_name="Ana",
        customer_email=email,
        items=(item,),
        total=Decimal(1),
        status=status,
        created_at=made_at,
        updated_at=made_at,
    )


def pages(query: OrderQuery, limit: int) -> Iterator[list[Order]]:
    cursor: str | None = None
    while True:
        page = orders.services.list_orders(query=query, cursor=cursor, limit=limit)
        assert len(page.items) <= limit
        yield page.items
        cursor = page.cursor
        if cursor is None:
            return


MINUTES, STATUS = st.integers(0, 4), st.sampled_from(STATUSES)
PROPERTY_SETTINGS = hypothesis_settings(
    max_examples=8,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


def read_while_others_write(
    before: list[Order],
    later_orders: Iterator[Order],
    query: OrderQuery,
    limit: int,
    *,
    changes_status: bool,
) -> None:
    """Read `before` page by page; after each page store one order, and change the status of those read."""
    for table in registered_tables:
        table.delete_all_items()
    repository.add_orders(before)
    seen: list[Order] = []
    for page in pages(query, limit):
        seen += page
        if (later := next(later_orders, None)) is not None:
            repository.add_orders([later])
        if page and changes_status:
            version = page[-1].updated_at
            status = STATUSES[(STATUSES.index(page[-1].status) + 1) % len(STATUSES)]
            moved = replace(page[-1], status=status, updated_at=version + timedelta(minutes=1))
            repository.update_order(moved, unchanged_since=version)

    ids = [each.id for each in seen]
    assert sorted(each for each in ids if int(each) < 100) == sorted(each.id for each in before)
    assert len(set(ids)) == len(ids)
    created = [each.created_at for each in seen]
    assert created == sorted(created, reverse=not query.oldest_first)


@PROPERTY_SETTINGS
@given(
    stored=st.lists(st.tuples(MINUTES, STATUS), min_size=1, max_size=10),
    new=st.lists(st.tuples(MINUTES, STATUS), max_size=6),
    limit=st.integers(1, 4),
    oldest_first=st.booleans(),
)
def test_records_of_one_instant_are_listed_once_during_writes(
    dynamodb: str,
    stored: list[tuple[int, OrderStatus]],
    new: list[tuple[int, OrderStatus]],
    limit: int,
    oldest_first: bool,
) -> None:
    before = [order(n, minutes=at, status=status) for n, (at, status) in enumerate(stored)]
    later_orders = (order(100 + n, minutes=at, status=status) for n, (at, status) in enumerate(new))

    query = OrderQuery(oldest_first=oldest_first)
    read_while_others_write(before, later_orders, query, limit, changes_status=False)


@PROPERTY_SETTINGS
@given(
    stored=st.lists(STATUS, min_size=1, max_size=10),
    new=st.lists(STATUS, max_size=6),
    limit=st.integers(1, 4),
    oldest_first=st.booleans(),
)
def test_record_that_changes_its_status_is_listed_once(
    dynamodb: str,
    stored: list[OrderStatus],
    new: list[OrderStatus],
    limit: int,
    oldest_first: bool,
) -> None:
    before = [order(n, minutes=2 * n, status=status) for n, status in enumerate(stored)]
    later_orders = (
        order(100 + n, minutes=4 * n + 1, status=status) for n, status in enumerate(new)
    )

    query = OrderQuery(oldest_first=oldest_first)
    read_while_others_write(before, later_orders, query, limit, changes_status=True)


@pytest.fixture
def many(empty_tables: str) -> None:
    """Store sixty orders of two customers, half an hour apart, with all statuses in turn."""
    for start in range(0, 60, 20):
        repository.add_orders(
            order(
                n,
                minutes=30 * n,
                status=STATUSES[n % 5],
                email=["a@email.com", "b@email.com"][n % 2],
            )
            for n in range(start, start + 20)
        )


def numbers(query: OrderQuery, limit: int = 7) -> list[int]:
    return [int(each.id) for page in pages(query, limit) for each in page]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        (OrderQuery(), list(range(59, -1, -1))),
        (OrderQuery(oldest_first=True), list(range(60))),
        (OrderQuery(status=OrderStatus.SHIPPED), list(range(57, 0, -5))),
        (OrderQuery(customer_email=" B@Email.com "), list(range(59, 0, -2))),
        (
            OrderQuery(customer_email="b@email.com", status=OrderStatus.PROCESSING),
            list(range(51, 0, -10)),
        ),
        (OrderQuery(customer_email="c@email.com"), []),
        (
            OrderQuery(
                created_from=NOW + timedelta(minutes=60), created_to=NOW + timedelta(minutes=120)
            ),
            [3, 2],
        ),
        (OrderQuery(created_from=NOW + timedelta(days=9)), []),
        (OrderQuery(created_from=NOW, created_to=NOW), []),
    ],
)
@pytest.mark.usefixtures("many")
def test_list_contains_the_matching_records_in_order(
    query: OrderQuery, expected: list[int]
) -> None:
    assert numbers(query) == expected


@pytest.mark.usefixtures("empty_tables")
def test_appointments_are_listed_by_day_doctor_patient_and_status() -> None:
    made = [
        appointments.services.book_appointment(
            patient_name="Ana Gil",
            patient_email=f"p{n % 2}@email.com",
            doctor_name=["Dr. Sosa", "Dra. Gómez"][n % 3 % 2],
            starts_at=NOW + timedelta(days=1 + n // 4, hours=n % 4),
            duration_min=30,
            kind=AppointmentKind.ROUTINE,
            token=str(n),
            now=NOW,
        )
        for n in range(12)
    ]
    gone = appointments.services.cancel_appointment(
        appointment_id=made[3].id, caller=Staff(), now=NOW
    )
    made[3] = gone

    def found(limit: int = 2, **query: Any) -> list[str]:
        ids, cursor = [], None
        while True:
            page = appointments.services.list_appointments(
                query=AppointmentQuery(**query), cursor=cursor, limit=limit
            )
            ids += [each.id for each in page.items]
            cursor = page.cursor
            if cursor is None:
                return ids

    ids = [each.id for each in made]
    tuesday = (NOW + timedelta(days=2)).date()
    assert found() == ids
    assert found(latest_first=True) == ids[::-1]
    assert found(day=tuesday) == ids[4:8]
    assert found(date_from=tuesday) == ids[4:]
    assert found(date_to=tuesday) == ids[:8]
    assert found(patient_email="P1@email.com") == ids[1::2]
    assert found(doctor_name="Dr. Sosa") == [a.id for a in made if a.doctor_name == "Dr. Sosa"]
    assert found(doctor_name="Dr. Nadie") == []
    assert found(status=AppointmentStatus.CANCELLED) == [gone.id]
    mixed = found(
        doctor_name=gone.doctor_name,
        patient_email=gone.patient_email,
        status=AppointmentStatus.CANCELLED,
    )
    assert mixed == [gone.id]


# --- Over REST


def test_pages_over_rest_contain_the_whole_list(rest: Client) -> None:
    seen: list[str] = []
    cursor: str | None = ""
    while cursor is not None:
        body = rest.get("/orders", {"limit": "2", "cursor": cursor}).json()
        assert len(body["data"]) <= 2
        seen += [each["id"] for each in body["data"]]
        cursor = body["next"]

    assert seen == ["1", "2", "3", "5", "4"]


def first_cursor(rest: Client, path: str = "/orders?limit=2") -> str:
    cursor: str = rest.get(path).json()["next"]
    return cursor


def test_cursor_reveals_nothing(rest: Client) -> None:
    cursor = first_cursor(rest, "/orders?customerEmail=juan.perez@email.com&limit=1")
    plain = base64.urlsafe_b64decode(cursor)

    for secret in (b"ORDER", b"juan", b"202", b"processing"):
        assert secret not in plain


def test_cursor_can_be_used_with_another_limit(rest: Client) -> None:
    cursor = first_cursor(rest)

    assert len(rest.get("/orders", {"limit": "5", "cursor": cursor}).json()["data"]) == 3


@pytest.mark.parametrize(
    "path",
    ["/orders?status=pending", "/orders?ordering=createdAt", "/appointments?limit=2"],
)
def test_cursor_of_another_list_is_refused(rest: Client, path: str) -> None:
    separator = "&" if "?" in path else "?"

    response = rest.get(f"{path}{separator}cursor={first_cursor(rest)}")

    assert response.status_code == 400
    assert response.json()["error"]["code"] == "invalid_cursor"


@pytest.mark.parametrize("forged", ["x", "gAAAAA", "é", "a" * 4096, '["2026",{}]', "%00"])
def test_forged_cursor_is_refused(rest: Client, forged: str) -> None:
    response = rest.get("/orders", {"cursor": forged})

    assert response.status_code == 400
    assert response.json()["error"]["code"] in {"invalid_cursor", "invalid"}


def test_altered_cursor_is_refused(rest: Client) -> None:
    cursor = first_cursor(rest)
    for place in (0, 12, 40, len(cursor) // 2, len(cursor) - 6):
        other = "A" if cursor[place] != "A" else "B"
        altered = cursor[:place] + other + cursor[place + 1 :]
        assert rest.get("/orders", {"limit": "2", "cursor": altered}).status_code == 400


def test_cursor_expires_after_a_day() -> None:
    now = clock.now()
    sealed = encrypt_cursor(json.dumps(["at", {}]), scope="/orders", now=now)

    assert decrypt_cursor(sealed, scope="/orders", now=now + LIFETIME) == '["at", {}]'
    with pytest.raises(InvalidCursorError):
        decrypt_cursor(sealed, scope="/orders", now=now + LIFETIME + timedelta(seconds=2))


@pytest.mark.parametrize("cursor", ["", "[]", "{}", '["x"]', "[1,{}]", '["x",[]]', "null", "5"])
@pytest.mark.usefixtures("empty_tables")
def test_services_refuse_an_invalid_cursor(cursor: str) -> None:
    with pytest.raises(InvalidCursorError):
        orders.services.list_orders(query=OrderQuery(), cursor=cursor)
