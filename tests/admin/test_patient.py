"""The patient's file: found by e-mail address or DNI through indexes, as far as the role may see."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client

import appointments.repository
import orders.repository
from appointments.domain import Appointment, AppointmentKind, AppointmentStatus
from common import clock
from common.record_changes import ChangeOrigin, ChangeWay, RecordChange
from orders.domain import Order, OrderItem, OrderStatus, assign_item_ids
from tests.admin.conftest import APPOINTMENTS, ORDERS, Requests
from tests.admin.stored_calls import add_tool_call, end_call, open_call

pytestmark = [pytest.mark.store, pytest.mark.django_db, pytest.mark.usefixtures("empty_tables")]

FILE = "/admin/patient/"
DNI = "30111222"


def store_appointment(number: int, *, now: datetime, **fields: Any) -> None:
    booked = Appointment(
        **{
            "id": str(500_000 + number),
            "patient_name": "Rosa Díaz",
            "patient_email": "rosa@email.com",
            "doctor_name": "Dra. Gómez",
            "starts_at": now + timedelta(days=number),
            "duration_min": 30,
            "kind": AppointmentKind.CONSULTATION,
            "status": AppointmentStatus.SCHEDULED,
            "updated_at": now,
            **fields,
        }
    )
    assert appointments.repository.add_appointments([booked], [])


def store_order(number: int, *, now: datetime, **fields: Any) -> None:
    items = assign_item_ids([OrderItem(name="Yerba", quantity=2, price=Decimal(10))])
    order = Order(
        **{
            "id": str(600_000 + number),
            "customer_name": "Rosa Díaz",
            "customer_email": "rosa@email.com",
            "items": items,
            "total": Decimal(20),
            "status": OrderStatus.PENDING,
            "created_at": now,
            "updated_at": now,
            **fields,
        }
    )
    assert orders.repository.add_orders([order])


@pytest.fixture
def rosa(empty_tables: str) -> datetime:
    """A patient with two appointments and an order, made by calls of which one is stored; and somebody else."""
    now = clock.now()
    made = {
        call: (RecordChange(at=now, origin=ChangeOrigin(way=ChangeWay.VOICE, call_id=call)),)
        for call in ("stored-call", "deleted-call")
    }
    store_appointment(1, now=now, dni=DNI, changes=made["stored-call"])
    store_appointment(-1, now=now, status=AppointmentStatus.COMPLETED, changes=made["deleted-call"])
    store_appointment(2, now=now, patient_email="otra@email.com", dni=DNI, notes="Por DNI")
    store_appointment(3, now=now, patient_name="Juan Paz", patient_email="juan@email.com")
    store_order(1, now=now)
    open_call("stored-call", started_at=now)
    add_tool_call(
        "stored-call", "t1", "crearTurno", at=now, outcome="ok", record="appointment:500001"
    )
    end_call("stored-call", at=now)
    return now


def find(client: Client, contact: str) -> str:
    return client.post(FILE, {"contact": contact}).content.decode()


@pytest.mark.usefixtures("rosa")
def test_email_finds_appointments_orders_and_calls(supervisor: Client) -> None:
    page = find(supervisor, " Rosa@Email.com ")
    for text in ("Rosa Díaz", "/500001/change/", "/499999/change/", "/600001/change/", "2 × Yerba"):
        assert text in page, text
    assert "stored-call/change/" in page
    assert "deleted-call" not in page
    assert "Juan Paz" not in page
    assert "Por DNI" not in page


@pytest.mark.usefixtures("rosa")
def test_dni_finds_records_of_other_addresses(supervisor: Client) -> None:
    page = find(supervisor, "30.111.222")
    assert "Por DNI" in page
    assert "/500001/change/" in page
    assert "/600001/change/" not in page


@pytest.mark.usefixtures("rosa")
def test_record_opens_the_file_by_both_contacts(supervisor: Client) -> None:
    page = supervisor.get(f"{FILE}?appointment=500001").content.decode()
    assert "Por DNI" in page
    assert "/600001/change/" in page
    assert DNI in page
    assert "Por DNI" not in supervisor.get(f"{FILE}?order=600001").content.decode()


@pytest.mark.usefixtures("rosa")
def test_without_the_permission_no_dni_is_searched_or_shown(reception: Client) -> None:
    assert "Escribí un correo electrónico completo." in find(reception, DNI)
    page = reception.get(f"{FILE}?appointment=500001").content.decode()
    assert "******22" in page
    assert DNI not in page
    assert "Por DNI" not in page


@pytest.mark.usefixtures("rosa")
def test_sections_follow_permissions(client: Client) -> None:
    user = User.objects.create_user("depósito", is_staff=True)
    client.force_login(user)
    assert client.get(FILE).status_code == 403
    user.user_permissions.add(Permission.objects.get(codename="view_order"))
    page = find(client, "rosa@email.com")
    assert "/600001/change/" in page
    assert "/500001/change/" not in page
    assert "stored-call" not in page
    assert client.get(f"{FILE}?appointment=500001").status_code == 403


@pytest.mark.usefixtures("rosa")
def test_file_costs_few_requests_and_no_scan(supervisor: Client, requests: Requests) -> None:
    supervisor.get(f"{FILE}?appointment=500001")
    requests.names.clear()

    supervisor.get(f"{FILE}?appointment=500001")
    assert len(requests) <= 6
    assert "Scan" not in requests.names


@pytest.mark.parametrize("contact", ["", "rosa", "rosa@", "12", "x" * 255, "ró@email.com"])
def test_malformed_contact_is_refused_at_the_field(supervisor: Client, contact: str) -> None:
    response: Any = supervisor.post(FILE, {"contact": contact})
    assert response.status_code == 200
    if contact != "12":
        assert response.context["form"].errors["contact"]
    assert not response.context.get("coming")


def test_nothing_found_and_no_such_record_are_said(supervisor: Client) -> None:
    assert "No hay nada guardado con ese dato." in find(supervisor, "nadie@email.com")
    assert supervisor.get(f"{FILE}?order=999999").status_code == 404
    assert supervisor.get(FILE).status_code == 200


def test_only_the_latest_are_shown(supervisor: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("novasonic.patient_page.MAX_RECORDS", 2)
    now = clock.now()
    store_appointment(1, now=now)
    store_appointment(2, now=now)
    assert "Se muestran solo" not in find(supervisor, "rosa@email.com")
    store_appointment(3, now=now)
    page = find(supervisor, "rosa@email.com")
    assert "Se muestran solo los últimos 2." in page
    assert "/500001/change/" not in page


@pytest.mark.usefixtures("rosa")
def test_file_is_linked_from_records_and_conversation(supervisor: Client) -> None:
    for url, target in (
        (f"{APPOINTMENTS}500001/change/", "appointment=500001"),
        (f"{ORDERS}600001/change/", "order=600001"),
        ("/admin/conversations/conversation/stored-call/change/", "appointment=500001"),
        ("/admin/", ""),
    ):
        page = supervisor.get(url).content.decode()
        assert f'href="{FILE}{"?" if target else ""}{target}"' in page, url
