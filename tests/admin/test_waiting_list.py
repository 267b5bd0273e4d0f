"""The admin pages and the REST API of the waiting list."""

from datetime import date, timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils.timezone import localdate
from pytest_django.fixtures import Settings

from appointments.waiting_list import services
from appointments.waiting_list.domain import WaitingStatus
from appointments.waiting_list.models import WaitingItem
from appointments.waiting_list.repository import PARTITION, PREFIX
from common import clock
from common.identity.verification import Staff
from notifications.services import list_messages_of
from tests.admin.conftest import errors, messages, open_form
from tests.admin.test_schedules import book
from tests.appointments.factories import CLINIC

pytestmark = [
    pytest.mark.store,
    pytest.mark.django_db,
    pytest.mark.usefixtures("empty_tables"),
]

LIST = "/admin/appointments/waitingentry/"
REST = "/waiting-list"


def next_week() -> date:
    return localdate(timezone=CLINIC) + timedelta(days=7)


def fields(**changes: Any) -> dict[str, Any]:
    day = next_week().isoformat()
    return {
        "patient_name": "Beto Luna",
        "patient_email": "beto@email.com",
        "doctor_name": "Gómez",
        "first": day,
        "last": day,
        "kind": "consultation",
        **changes,
    }


def add(client: Client, **changes: Any) -> Any:
    form = open_form(client, f"{LIST}add/")
    return client.post(f"{LIST}add/", {**form, **fields(**changes)}, follow=True)


def test_reception_adds_changes_and_takes_off(reception: Client) -> None:
    add(reception, dni="45678901")
    [entry] = services.list_entries()
    assert (entry.doctor_name, entry.dni) == ("Dra. Gómez", "45678901")
    assert "Dra. Gómez" in reception.get(LIST).content.decode()

    url = f"{LIST}{entry.id}/change/"
    form = open_form(reception, url)
    assert "dni" not in form
    reception.post(url, {**form, "day_part": "morning"})
    changed = services.get_entry(entry_id=entry.id)
    assert (str(changed.day_part), changed.dni) == ("morning", "45678901")
    assert "patient_name" in errors(reception.post(url, {**form, "patient_name": "Otro"}))

    data = {"action": "withdraw", "_selected_action": [entry.id]}
    page = reception.post(LIST, data, follow=True)
    assert "Quitado de la lista de espera: 1" in messages(page)
    assert services.get_entry(entry_id=entry.id).status is WaitingStatus.WITHDRAWN
    assert reception.get(f"{LIST}{entry.id}/delete/").status_code == 403


def test_offered_time_is_shown(reception: Client) -> None:
    import appointments.services  # noqa: PLC0415 -- the name is that of the package here

    booked = book(next_week())
    add(reception)
    appointments.services.cancel_appointment(
        appointment_id=booked.id, caller=Staff(), now=clock.now()
    )
    page = reception.get(LIST).content.decode()
    assert "Horario ofrecido" in page
    assert "con Dra. Gómez, reservado hasta" in page


def test_unreadable_entry_does_not_hide_the_others(reception: Client) -> None:
    add(reception)
    add(reception, patient_name="Caro Paz")
    unreadable = next(each for each in services.list_entries() if each.patient_name != "Caro Paz")
    item = WaitingItem.get(PARTITION, f"{PREFIX}{unreadable.id}").serialize()
    WaitingItem.call_api("PutItem", Item=item | {"content": {"S": "{}"}})

    page = reception.get(LIST)
    assert page.status_code == 200
    assert "Caro Paz" in page.content.decode()
    assert reception.get(f"{LIST}{unreadable.id}/change/").status_code == 302
    assert add(reception, patient_name="Dani Gil").status_code == 200
    assert len(services.list_entries()) == 2


def test_email_of_an_offer_links_to_the_waiting_entry(
    reception: Client, settings: Settings
) -> None:
    import appointments.services  # noqa: PLC0415 -- the name is that of the package here

    settings.EMAIL_FROM = "turnos@example.com"
    booked = book(next_week())
    add(reception)
    appointments.services.cancel_appointment(
        appointment_id=booked.id, caller=Staff(), now=clock.now()
    )
    [entry] = services.list_entries()
    [message] = list_messages_of(record_type="waiting-entry", record_id=entry.id)

    url = f"{LIST}{entry.id}/change/"
    page = reception.get("/admin/notifications/message/").content.decode()
    assert f'<a href="{url}">{entry.id}</a>' in page
    assert f'/admin/appointments/appointment/{booked.id}/change/">{booked.id}</a>' in page
    assert "Turno ofrecido" in page
    assert reception.get(url).status_code == 200
    assert message.event == "offer"


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"doctor_name": "House"}, "doctor_name"),
        ({"last": "2020-01-01"}, "last"),
        ({"first": "2190-01-01", "last": "2190-01-01"}, "first"),
        ({"patient_name": "1"}, "patient_name"),
    ],
)
def test_wrong_value_is_shown_at_its_field(
    reception: Client, changes: dict[str, Any], field: str
) -> None:
    assert field in errors(add(reception, **changes))
    assert services.list_entries() == []


def test_viewer_changes_nothing(viewer: Client) -> None:
    assert viewer.get(LIST).status_code == 200
    assert viewer.get(f"{LIST}add/").status_code == 403


# --- REST


def body(**changes: Any) -> dict[str, Any]:
    day = next_week().isoformat()
    return {
        "patientName": "Beto Luna",
        "patientEmail": "beto@email.com",
        "doctorName": "Gómez",
        "dateFrom": day,
        "dateTo": day,
        "partOfDay": "morning",
        "dni": "45678901",
        **changes,
    }


def post(client: Client, path: str = REST, **changes: Any) -> Any:
    return client.post(path, body(**changes), content_type="application/json")


def test_rest_adds_lists_and_withdraws(reception: Client) -> None:
    added = post(reception)
    assert added.status_code == 201
    entry = added.json()["data"]
    assert (entry["doctorName"], entry["partOfDay"]) == ("Dra. Gómez", "morning")
    assert (entry["dni"], entry["status"], entry["offer"]) == ("******01", "waiting", None)
    assert post(reception).json()["data"]["id"] == entry["id"]

    listed = reception.get(REST).json()
    assert listed["data"] == [entry]
    assert listed["message"] == "Retrieved 1 waiting patient successfully"
    one = reception.get(f"{REST}/{entry['id']}")
    assert one.json()["data"] == entry

    path = f"{REST}/{entry['id']}"
    stale = reception.delete(path, headers={"If-Match": '"2020-01-01T00:00:00.000Z"'})
    assert stale.status_code == 412
    assert reception.delete(path, headers={"If-Match": one["ETag"]}).status_code == 200
    assert reception.get(path).json()["data"]["status"] == "withdrawn"


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"doctorName": "House"}, 422),
        ({"dateTo": "2020-01-01"}, 400),
        ({"dateFrom": "2020-01-01", "dateTo": "2020-01-02"}, 422),
        ({"patientEmail": "x"}, 400),
        ({"partOfDay": "siesta"}, 400),
    ],
)
def test_rest_refuses_a_wrong_value(
    reception: Client, changes: dict[str, Any], status: int
) -> None:
    assert post(reception, **changes).status_code == status
    assert services.list_entries() == []


def test_rest_needs_a_role(client: Client, viewer: Client) -> None:
    assert client.get(REST).status_code == 401
    assert viewer.get(REST).status_code == 200
    assert post(viewer).status_code == 403
    assert viewer.get(f"{REST}/999999").json()["error"]["code"] == "waiting_entry_not_found"
