"""Texts that reorder or hide characters: refused where they come in, shown harmless where they are stored."""

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client

from appointments import repository as appointments_repository
from appointments.domain import Appointment, AppointmentKind, AppointmentStatus
from common import clock
from orders import repository as orders_repository
from orders.domain import Order, OrderItem, OrderStatus
from tests.admin.conftest import LogIn, errors, open_form
from tests.admin.stored_calls import add_tool_call, add_utterances, open_call

pytestmark = [pytest.mark.store, pytest.mark.django_db, pytest.mark.usefixtures("empty_tables")]

OVERRIDE, ZERO_WIDTH, BELL = "\N{RIGHT-TO-LEFT OVERRIDE}", "\N{ZERO WIDTH SPACE}", "\a"
HIDDEN = (OVERRIDE, ZERO_WIDTH, BELL)
SIGN = "\N{REPLACEMENT CHARACTER}"
NAME = f"Ana {OVERRIDE}zíD{ZERO_WIDTH}{BELL}"
SHOWN = f"Ana {SIGN}zíD{SIGN}{SIGN}"
SENTENCE = "Hay caracteres que no se ven en este dato"


@pytest.fixture
def staff(log_in: LogIn) -> Client:
    return log_in("supervisor")


@pytest.fixture
def earlier_records() -> None:
    """Store records as they were before such characters were refused, and a call."""
    now = clock.now()
    item = OrderItem(id="1", name=NAME, quantity=1, price=Decimal(1), description=f"{NAME}\n{NAME}")
    order = Order(
        id="7",
        customer_name=NAME,
        customer_email="ana@correo.com",
        items=(item,),
        total=Decimal(1),
        status=OrderStatus.PENDING,
        created_at=now,
        updated_at=now,
    )
    appointment = Appointment(
        id="8",
        patient_name=NAME,
        patient_email="ana@correo.com",
        doctor_name=NAME,
        starts_at=now + timedelta(minutes=1),
        duration_min=30,
        kind=AppointmentKind.ROUTINE,
        status=AppointmentStatus.SCHEDULED,
        notes=NAME,
        created_at=now,
        updated_at=now,
    )
    assert orders_repository.add_orders([order])
    assert appointments_repository.add_appointments([appointment], [])
    open_call("c1", started_at=now)
    add_utterances("c1", NAME, NAME, at=now)
    add_tool_call("c1", "t1", "crearOrder", at=now, outcome="ok", customerName=NAME, x=[NAME])


PAGES = [
    "/admin/",
    "/admin/orders/order/",
    "/admin/orders/order/7/change/",
    "/admin/orders/order/7/delete/",
    "/admin/appointments/appointment/?day=all",
    "/admin/appointments/appointment/8/change/",
    "/admin/conversations/conversation/c1/change/",
    "/admin/conversations/toolrun/",
]


@pytest.mark.parametrize("path", PAGES)
def test_page_shows_each_stored_character_in_its_order(
    staff: Client, earlier_records: None, path: str
) -> None:
    page = staff.get(path).content.decode()
    assert not any(character in page for character in HIDDEN)
    if "delete" not in path:
        assert SHOWN in page


@pytest.mark.parametrize(
    "path",
    ["/admin/orders/order/", "/admin/appointments/appointment/", "/admin/conversations/toolrun/"],
)
def test_export_has_no_hidden_characters(staff: Client, earlier_records: None, path: str) -> None:
    chosen = {"action": "export_csv", "_selected_action": ["7", "8", "c1:t1"]}
    response: Any = staff.post(path, chosen)
    text = b"".join(response.streaming_content).decode("utf-8-sig")
    assert SHOWN in text
    assert not any(character in text for character in HIDDEN)


def test_form_leaves_a_text_that_staff_did_not_change(staff: Client, earlier_records: None) -> None:
    url = "/admin/orders/order/7/change/"
    assert staff.post(url, open_form(staff, url) | {"tracking_number": "T1"}).status_code == 302
    order = orders_repository.get_order("7")
    assert order is not None
    assert (order.customer_name, order.tracking_number) == (NAME, "T1")


@pytest.mark.parametrize("character", HIDDEN)
def test_admin_refuses_hidden_characters_by_field(staff: Client, character: str) -> None:
    url = "/admin/appointments/appointment/add/"
    form = open_form(staff, url) | {
        "patient_name": "Ana Díaz",
        "patient_email": "ana@correo.com",
        "doctor_name": "Dra. Gómez",
        "starts_at_0": "10/03/2099",
        "starts_at_1": "10:00",
        "notes": f"Trae{character} estudios",
    }
    refused = errors(staff.post(url, form))
    assert list(refused) == ["notes"]
    if character != BELL:
        assert refused["notes"][0].startswith(SENTENCE)


@pytest.mark.parametrize("field", ["patientName", "notes", "doctorName"])
@pytest.mark.parametrize("character", HIDDEN)
def test_rest_refuses_hidden_characters_by_field(staff: Client, field: str, character: str) -> None:
    body = {
        "patientName": "Ana Díaz",
        "patientEmail": "ana@correo.com",
        "doctorName": "Dra. Gómez",
        "date": datetime(2099, 3, 10, 13, tzinfo=UTC).isoformat(),
        "notes": "Trae estudios",
    }
    body[field] += f"{character}."
    response = staff.post(
        "/appointments", json.dumps(body), "application/json", headers={"accept-language": "es"}
    )
    assert response.status_code == 422
    assert list(response.json()["error"]["details"]) == [field]
    assert response.json()["error"]["message"].startswith(SENTENCE)


ACCENTED = "El correo tiene un acento"


@pytest.mark.parametrize("email", ["josé@correo.com", "peña@correo.com", "jose\u0301@correo.com"])
def test_accent_in_an_address_is_named(staff: Client, email: str) -> None:
    order = {"customerName": "José Peña", "customerEmail": email}
    order_items = [{"name": "Producto A", "quantity": 1, "price": 1}]
    response = staff.post(
        "/orders",
        json.dumps({**order, "items": order_items}),
        "application/json",
        headers={"accept-language": "es"},
    )
    [sentence] = response.json()["error"]["details"]["customerEmail"]
    assert sentence.startswith(ACCENTED)
    url = "/admin/orders/order/add/"
    form = open_form(staff, url) | {"customer_email": email}
    [shown] = errors(staff.post(url, form))["customer_email"]
    assert shown.startswith(ACCENTED)


def test_accents_behind_the_at_sign_are_accepted(staff: Client) -> None:
    order = {"customerName": "José Peña", "customerEmail": "jose@peña.com.ar"}
    items = [{"name": "Producto A", "quantity": 1, "price": 1}]
    body = json.dumps({**order, "items": items})
    assert staff.post("/orders", body, "application/json").status_code == 201


def test_body_with_a_byte_order_mark_is_read(staff: Client) -> None:
    order = {"customerName": "Ana Díaz", "customerEmail": "ana@correo.com"}
    items = [{"name": "Producto A", "quantity": 1, "price": 1}]
    body = json.dumps({**order, "items": items}).encode("utf-8-sig")
    assert body.startswith(b"\xef\xbb\xbf")
    assert staff.post("/orders", body, "application/json").status_code == 201
    assert staff.post("/orders", b"\xef\xbb\xbf" + body, "application/json").status_code == 400
