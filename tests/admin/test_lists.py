"""Lists of orders and appointments in the admin."""

import html
import re
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import batched
from typing import Any

import pytest
from django.test import Client
from django.utils.timezone import localdate

from appointments import repository as appointments_repository
from appointments.admin import AppointmentAdmin
from appointments.domain import Appointment, AppointmentKind, AppointmentStatus
from common import clock
from common.dynamodb.transactions import MAX_WRITES
from common.timestamps import to_iso
from orders import repository
from orders.domain import Order, OrderItem, OrderStatus, assign_item_ids
from tests.admin.conftest import APPOINTMENTS, DOCTORS, ORDERS, Requests, messages

pytestmark = [pytest.mark.store, pytest.mark.django_db]

CONVERSATIONS = "/admin/conversations/conversation/"
MOST_REQUESTS = 8


def listed_ids(page: Any) -> list[str]:
    return [record.id for record in page.context["cl"].result_list]


def store_orders(count: int) -> None:
    now = clock.now()
    statuses = list(OrderStatus)
    item = OrderItem(name="Producto", quantity=1, price=Decimal("10.00"))
    made = [
        Order(
            id=str(1000 + n),
            customer_name=f"Cliente {n}",
            customer_email=f"cliente{n}@email.com",
            items=assign_item_ids([item]),
            total=Decimal("10.00"),
            status=statuses[n % len(statuses)],
            created_at=now - timedelta(minutes=n),
            updated_at=now,
        )
        for n in range(count)
    ]
    assert repository.add_orders(made)


# --- Requests


@pytest.mark.parametrize(
    "url",
    [
        ORDERS,
        f"{ORDERS}?status=pending",
        f"{ORDERS}?days=7",
        f"{ORDERS}?days=7&status=shipped",
        f"{ORDERS}?o=6",
        f"{ORDERS}?q=1003",
        f"{ORDERS}?q=cliente3@email.com",
        f"{ORDERS}?q=cliente",
        APPOINTMENTS,
        f"{APPOINTMENTS}?day=today",
        f"{APPOINTMENTS}?day=coming",
        f"{APPOINTMENTS}?status=scheduled",
        f"{APPOINTMENTS}?doctor_name=Dr.+Sosa",
        f"{APPOINTMENTS}?doctor_name=Dr.+Sosa&status=scheduled&day=week",
    ],
)
def test_first_page_needs_few_requests_and_no_scan(
    demo: datetime, reception: Client, requests: Requests, url: str
) -> None:
    store_orders(60)
    requests.names.clear()

    assert reception.get(url).status_code == 200
    assert len(requests) <= MOST_REQUESTS
    assert set(requests.names) <= {"Query", "GetItem"}


# --- Filters with few matches


@pytest.fixture
def many_of_one_doctor(empty_tables: str, monkeypatch: pytest.MonkeyPatch) -> list[Appointment]:
    """Store 300 appointments of one doctor, only the two earliest cancelled; a page shows one."""
    monkeypatch.setattr(AppointmentAdmin, "list_per_page", 1)
    now = clock.now()
    statuses = {298: AppointmentStatus.CANCELLED, 299: AppointmentStatus.CANCELLED}
    made = [
        Appointment(
            id=str(1000 + n),
            patient_name=f"Paciente {n}",
            patient_email=f"paciente{n}@email.com",
            doctor_name=DOCTORS[2],
            starts_at=now - timedelta(hours=n),
            duration_min=30,
            kind=AppointmentKind.ROUTINE,
            status=statuses.get(n, AppointmentStatus.SCHEDULED),
        )
        for n in range(300)
    ]
    for some in batched(made, MAX_WRITES):
        assert appointments_repository.add_appointments(some, [])
    return made


FEW = f"{APPOINTMENTS}?doctor_name=Dr.+Sosa&status=cancelled&day=all"


def link_on(page: Any) -> str:
    [message] = messages(page)
    found = re.search(r'href="(.*?)"', message)
    assert found
    return APPOINTMENTS + html.unescape(found[1])


def test_list_with_few_matches_stops_and_can_be_continued(
    many_of_one_doctor: list[Appointment], reception: Client, requests: Requests
) -> None:
    requests.names.clear()
    first = reception.get(FEW)

    assert len(requests) <= MOST_REQUESTS
    assert listed_ids(first) == []
    assert "0 turnos hasta acá" in first.content.decode()
    requests.names.clear()
    second = reception.get(link_on(first))
    assert len(requests) <= MOST_REQUESTS
    assert listed_ids(second) == ["1298"]
    assert "Más de 1 turnos" in second.content.decode()
    assert listed_ids(reception.get(f"{link_on(first)}&p=2")) == ["1299"]


def test_start_of_a_list_is_shown_and_applies_in_both_orders(
    many_of_one_doctor: list[Appointment], reception: Client
) -> None:
    at = many_of_one_doctor[7].starts_at
    page = reception.get(APPOINTMENTS, {"from": to_iso(at)})

    assert listed_ids(page) == ["1007"]
    assert "desde dónde" in page.content.decode().lower()
    assert listed_ids(reception.get(APPOINTMENTS, {"from": to_iso(at), "o": "2"})) == ["1007"]
    assert reception.get(APPOINTMENTS, {"from": "soon"}).status_code == 302


def test_action_on_all_matches_reads_to_the_end(
    many_of_one_doctor: list[Appointment], reception: Client
) -> None:
    data = {"action": "export_csv", "_selected_action": ["1298"], "select_across": "1"}
    response: Any = reception.post(FEW, {**data, "index": "0"})

    assert b"".join(response.streaming_content).count(b"Cancelado") == 2


def test_text_search_with_two_filters_stops_early(
    many_of_one_doctor: list[Appointment], reception: Client, requests: Requests
) -> None:
    requests.names.clear()
    assert listed_ids(reception.get(f"{FEW}&q=nadie")) == []
    assert len(requests) <= MOST_REQUESTS


# --- Search


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("juan perez", ["1", "2"]),
        ("PÉREZ", ["1", "2"]),
        ("2", ["2"]),
        ("juan.perez@email.com", ["1", "2"]),
        ("producto d", ["3", "4"]),
        ("nadie", []),
        ("'; drop table", []),
        ("producto", ["1", "2", "3", "5", "4"]),
        ("produc", []),  # whole words
        ("producto c", ["2", "5"]),
        ("", ["1", "2", "3", "4"]),
    ],
)
def test_orders_are_found_by_number_email_and_text(
    demo: datetime, reception: Client, typed: str, found: list[str]
) -> None:
    assert listed_ids(reception.get(ORDERS, {"q": typed})) == found


def test_dni_finds_orders_for_those_who_may_see_it(
    demo: datetime, reception: Client, supervisor: Client
) -> None:
    for typed in ("12345678", "12.345.678", "12 345 678"):
        assert listed_ids(supervisor.get(ORDERS, {"q": typed})) == ["1", "2"]
        assert listed_ids(reception.get(ORDERS, {"q": typed})) == []


def test_appointments_are_found_by_patient_and_doctor(demo: datetime, reception: Client) -> None:
    assert listed_ids(reception.get(APPOINTMENTS, {"q": "fernandez luis"})) == ["2"]
    assert listed_ids(reception.get(APPOINTMENTS, {"q": "dra gomez"})) == ["1"]


# --- Filters and order


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"status": "processing"}, ["2"]),
        ({}, ["1", "2", "3", "4"]),
        ({"status": "all"}, ["1", "2", "3", "5", "4"]),
        ({"status": "cancelled"}, ["5"]),
        ({"days": "7"}, ["1", "2", "3"]),
        ({"days": "7", "status": "all"}, ["1", "2", "3", "5"]),
        ({"days": "1"}, []),
        ({"status": "shipped", "days": "7"}, ["3"]),
        ({"o": "6"}, ["4", "3", "2", "1"]),
        ({"o": "-6"}, ["1", "2", "3", "4"]),
        ({"q": "perez", "status": "pending"}, ["1"]),
    ],
)
def test_orders_are_filtered_and_sorted(
    demo: datetime, reception: Client, query: dict[str, str], found: list[str]
) -> None:
    assert listed_ids(reception.get(ORDERS, query)) == found


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"status": "cancelled"}, ["5"]),
        ({}, ["1", "2", "3"]),
        ({"status": "all"}, ["1", "2", "5", "3"]),
        ({"day": "all", "status": "all"}, ["3", "5", "2", "1", "4"]),
        ({"day": "all"}, ["3", "2", "1", "4"]),
        ({"doctor_name": "Dr. Rodríguez"}, ["2"]),
        ({"doctor_name": "Dr. Rodríguez", "status": "confirmed"}, ["2"]),
        ({"day": "coming"}, ["1", "2", "3"]),
        ({"day": "coming", "o": "-2"}, ["3", "2", "1"]),
        ({"day": "today"}, []),
        ({"day": "tomorrow"}, []),
        ({"day": "week"}, []),
    ],
)
def test_appointments_are_filtered_and_sorted(
    demo: datetime, reception: Client, query: dict[str, str], found: list[str]
) -> None:
    assert listed_ids(reception.get(APPOINTMENTS, query)) == found


@pytest.mark.parametrize("spelling", ["rodriguez", "Dr. Rodríguez"])
def test_doctor_filter_accepts_other_spellings(
    demo: datetime, reception: Client, spelling: str
) -> None:
    assert listed_ids(reception.get(APPOINTMENTS, {"doctor_name": spelling})) == ["2"]


def test_unknown_doctor_in_the_url_shows_an_error(demo: datetime, reception: Client) -> None:
    page = reception.get(APPOINTMENTS, {"doctor_name": "Dr. Nadie"}, follow=True)

    (message,) = messages(page)
    assert message.startswith("No sé con qué profesional es el turno. Están: Dr. Rodríguez, ")


def test_appointments_of_any_day_have_a_url(demo: datetime, reception: Client) -> None:
    day = localdate() + timedelta(days=10)

    assert listed_ids(reception.get(APPOINTMENTS, {"day": day.isoformat()})) == ["2"]


def test_sorting_by_a_column_without_index_shows_a_warning(
    demo: datetime, reception: Client
) -> None:
    page = reception.get(ORDERS, {"o": "2"})

    assert messages(page) == ["La lista no se puede ordenar por esa columna."]
    assert listed_ids(page) == ["1", "2", "3", "4"]


@pytest.mark.parametrize(
    "query",
    ["status=lost", "days=3", "days=x", "created_at__gte=x", "p=7"],
)
def test_url_with_invalid_filters_redirects_to_the_list(
    demo: datetime, reception: Client, query: str
) -> None:
    page = reception.get(f"{ORDERS}?{query}")

    assert (page.status_code, page.headers["location"]) in [(302, f"{ORDERS}?e=1"), (302, ORDERS)]


@pytest.mark.parametrize("query", ["total=5", "customer_name__icontains=a", "lines__name=a", "x=1"])
def test_url_with_a_filter_without_index_is_refused(
    demo: datetime, reception: Client, query: str
) -> None:
    assert reception.get(f"{ORDERS}?{query}").status_code == 400


@pytest.mark.parametrize("day", ["2026-13-01", "yesterday", "9999-12-31", "0001-01-01"])
def test_invalid_day_redirects_to_the_list(demo: datetime, reception: Client, day: str) -> None:
    assert reception.get(APPOINTMENTS, {"day": day}).status_code == 302


@pytest.mark.parametrize("offset", ["Z", "+03:00", "-03:00"])
@pytest.mark.parametrize("instant", ["0001-01-01T00:00:00", "9999-12-31T23:59:59"])
@pytest.mark.parametrize(
    ("path", "field"),
    [(ORDERS, "created_at"), (APPOINTMENTS, "starts_at"), (CONVERSATIONS, "started_at")],
)
def test_ends_of_the_calendar_are_accepted_as_instants(
    demo: datetime, reception: Client, path: str, field: str, instant: str, offset: str
) -> None:
    for name in (f"{field}__gte", f"{field}__lt"):
        assert reception.get(path, {name: instant + offset}).status_code == 200
    assert reception.get(path, {"from": instant + offset}).status_code in {200, 302}


# --- Pages


def test_pages_have_no_gap_and_no_repetition(empty_tables: str, reception: Client) -> None:
    store_orders(60)
    everything = {"status": "all"}
    pages = [reception.get(ORDERS, {**everything, "p": str(number)}) for number in (1, 2, 3)]

    assert [len(listed_ids(page)) for page in pages] == [25, 25, 10]
    assert [record for page in pages for record in listed_ids(page)] == [
        str(1000 + n) for n in range(60)
    ]
    assert "Más de 25 pedidos" in pages[0].content.decode()
    assert "Más de 50 pedidos" in pages[1].content.decode()
    assert "60 pedidos" in pages[2].content.decode()
    assert reception.get(ORDERS, {**everything, "p": "4"}).status_code == 302


@pytest.mark.parametrize(("count", "pages"), [(25, 1), (26, 2)])
def test_exactly_full_page_has_no_next_one(
    empty_tables: str, reception: Client, count: int, pages: int
) -> None:
    store_orders(count)

    page = reception.get(ORDERS, {"status": "all"})
    assert page.context["cl"].paginator.num_pages == pages
