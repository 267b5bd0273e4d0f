"""The start page of the admin: appointments, waiting orders and locks."""

from datetime import UTC, datetime, timedelta

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.test import Client
from django.utils.timezone import localdate

import orders.services
from appointments import repository as appointments_repository
from appointments.domain import Appointment, AppointmentKind, AppointmentStatus
from common import clock
from common.errors import NotFoundError
from common.identity.verification import Customer
from tests.admin.conftest import DOCTORS, LogIn, messages

pytestmark = [pytest.mark.store, pytest.mark.django_db]


def store_appointment(starts_at: datetime, status: AppointmentStatus) -> None:
    appointment = Appointment(
        id="77",
        patient_name="Rosa Díaz",
        patient_email="rosa@email.com",
        doctor_name=DOCTORS[0],
        starts_at=starts_at,
        duration_min=30,
        kind=AppointmentKind.ROUTINE,
        status=status,
    )
    assert appointments_repository.add_appointments([appointment], [])


def test_start_page_shows_appointments_and_waiting_orders(
    demo: datetime, reception: Client
) -> None:
    noon = datetime.combine(localdate(), datetime.min.time(), UTC) + timedelta(hours=15)
    store_appointment(noon, AppointmentStatus.SCHEDULED)
    page = reception.get("/admin/").content.decode()

    assert "Rosa Díaz" in page
    assert "Pedidos para preparar" in page
    assert "/admin/orders/order/1/change/" in page
    assert "/admin/orders/order/3/change/" not in page  # it is shipped


def lock_order(order_id: str) -> None:
    stranger = Customer(name="Nadie Conocido")
    for _ in range(settings.IDENTITY_MAX_ATTEMPTS):
        with pytest.raises(NotFoundError):
            orders.services.look_up_order(order_id=order_id, caller=stranger, now=clock.now())


def test_start_page_shows_a_lock_and_lifts_it(demo: datetime, reception: Client) -> None:
    lock_order("1")
    [lock] = reception.get("/admin/").context["locks"]
    page = reception.post("/admin/locks/lift/", {"lock": lock.id}, follow=True)

    assert messages(page) == ["Desbloqueado: ya se puede volver a intentar."]
    assert page.context["locks"] == []
    juan = Customer(name="Juan Pérez")
    assert orders.services.look_up_order(order_id="1", caller=juan, now=clock.now()).id == "1"

    again = reception.post("/admin/locks/lift/", {"lock": lock.id}, follow=True)
    assert messages(again) == ["Ese bloqueo ya terminó."]


def test_lifting_a_lock_needs_permission_and_a_post(
    demo: datetime, viewer: Client, reception: Client
) -> None:
    lock_order("1")

    assert viewer.post("/admin/locks/lift/", {"lock": "order#1"}).status_code == 403
    assert "locks" not in viewer.get("/admin/").context
    assert reception.get("/admin/locks/lift/").status_code == 405
    assert len(reception.get("/admin/").context["locks"]) == 1


def test_start_page_hides_sections_without_permission(demo: datetime, log_in: LogIn) -> None:
    client = log_in("reception")
    user = User.objects.get(username="reception")
    user.groups.clear()
    page = client.get("/admin/").content.decode()

    assert "Pedidos" not in page
    assert "Turnos" not in page
