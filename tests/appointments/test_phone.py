"""The telephone number of a patient: one form in the store, masked by permission in REST, admin and CSV."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client

import appointments.services
from appointments.domain import AppointmentChanges
from common.errors import InvalidFieldError
from common.identity.errors import PhoneHiddenError
from tests.admin.conftest import errors, open_form
from tests.appointments.factories import NOW, book

pytestmark = [pytest.mark.store, pytest.mark.django_db, pytest.mark.usefixtures("empty_tables")]

STORED = "+5491145551234"
ADMIN = "/admin/appointments/appointment/"
type LogIn = Callable[..., Client]


@pytest.fixture
def log_in(client: Client) -> LogIn:
    def logged_in(*codenames: str) -> Client:
        user = User.objects.create_user("recepción", is_staff=True)
        names = [*codenames, "view_appointment", "change_appointment"]
        user.user_permissions.set(Permission.objects.filter(codename__in=names))
        client.force_login(user)
        return client

    return logged_in


def change(client: Client, appointment_id: str, phone: str | None) -> Any:
    return client.patch(
        f"/appointments/{appointment_id}",
        {"phone": phone},
        content_type="application/json",
        headers={"If-Match": "*"},
    )


def test_number_is_stored_in_one_form() -> None:
    assert book(phone="011 15-4555-1234").phone == STORED
    assert book("11:00", phone="  ").phone is None
    with pytest.raises(InvalidFieldError) as refused:
        book("12:00", phone="4555")
    assert refused.value.data["field"] == "phone"


def test_masked_number_keeps_the_stored_one() -> None:
    booked = book(phone=STORED)

    def update(phone: str | None, *, sees_phone: bool = False) -> str | None:
        changes = AppointmentChanges(phone=phone)
        now = NOW + timedelta(minutes=1)
        return appointments.services.update_appointment(
            appointment_id=booked.id, changes=changes, sees_phone=sees_phone, now=now
        ).phone

    assert update("***********34") == STORED
    for guess in ("+5491145559999", STORED, None):
        with pytest.raises(PhoneHiddenError):
            update(guess)
    assert update("011 4555 9999", sees_phone=True) == "+541145559999"
    assert update("", sees_phone=True) is None


@pytest.mark.parametrize(("codenames", "shown"), [((), "***********34"), (("view_phone",), STORED)])
def test_rest_and_admin_show_it_by_permission(
    log_in: LogIn, codenames: tuple[str, ...], shown: str
) -> None:
    booked = book(phone=STORED)
    staff = log_in(*codenames)
    is_hidden = shown != STORED

    assert staff.get(f"/appointments/{booked.id}").json()["data"]["phone"] == shown
    pages = [
        staff.get(f"{ADMIN}{booked.id}/change/"),
        staff.get(f"{ADMIN}calendar/day/?date={NOW.date() + timedelta(days=1)}"),
        staff.get(f"/admin/patient/?appointment={booked.id}"),
    ]
    for page in pages:
        assert shown in page.content.decode()
        assert (STORED in page.content.decode()) is not is_hidden
    exported = staff.post(
        f"{ADMIN}?day=all", {"action": "export_csv", "_selected_action": booked.id}
    )
    text = b"".join(exported.streaming_content).decode()  # type: ignore[attr-defined]  # a streaming response
    assert (STORED in text) is not is_hidden
    assert shown in text


def test_rest_changes_it_only_with_the_permission(log_in: LogIn) -> None:
    booked = book(phone=STORED)
    staff = log_in()
    refused = change(staff, booked.id, "11 4555-9999")
    assert refused.status_code == 403
    assert refused.json()["error"]["code"] == "permission_denied"
    assert change(staff, booked.id, "***********34").status_code == 200

    user = User.objects.get(username="recepción")
    user.user_permissions.add(Permission.objects.get(codename="view_phone"))
    assert change(staff, booked.id, "4555").status_code == 400
    answer = change(staff, booked.id, "11 4555-9999")
    assert answer.json()["data"]["phone"] == "+541145559999"
    assert change(staff, booked.id, None).json()["data"]["phone"] is None


def test_admin_form_refuses_what_is_no_number(log_in: LogIn) -> None:
    booked = book(phone=STORED)
    staff = log_in("view_phone")
    form = open_form(staff, f"{ADMIN}{booked.id}/change/")
    assert form["phone"] == STORED
    response: Any = staff.post(f"{ADMIN}{booked.id}/change/", {**form, "phone": "nada"})
    assert "phone" in errors(response)
    staff.post(f"{ADMIN}{booked.id}/change/", {**form, "phone": "11 4555 9999"})
    stored = appointments.services.get_appointment(appointment_id=booked.id)
    assert stored.phone == "+541145559999"
