"""The REST API of appointments, through Django's request handling, on the local DynamoDB."""

from datetime import UTC, datetime

import pytest
from django.core.management import call_command
from django.test import Client
from pytest_django.fixtures import Settings

from appointments import demo, services

pytestmark = [pytest.mark.store, pytest.mark.usefixtures("empty_tables")]

NOW = datetime(2099, 11, 22, 15, tzinfo=UTC)


@pytest.fixture
def rest(client: Client, settings: Settings) -> Client:
    settings.API_OPEN_READS = True
    demo.seed(now=NOW)
    return client


def test_list_returns_appointments_latest_first(rest: Client) -> None:
    body = rest.get("/appointments").json()

    assert body["success"] is True
    assert body["message"] == "Retrieved 5 appointments successfully"
    assert [appointment["id"] for appointment in body["data"]] == ["3", "5", "2", "1", "4"]


def test_list_of_one_day_returns_its_appointments(rest: Client) -> None:
    body = rest.get("/appointments?date=2099-12-01").json()

    assert body["message"] == "Retrieved 1 appointment successfully"
    assert [appointment["id"] for appointment in body["data"]] == ["1"]


def test_list_of_day_without_appointments_is_empty(rest: Client) -> None:
    body = rest.get("/appointments?date=2030-01-01").json()

    assert body == {
        "success": True,
        "data": [],
        "message": "Retrieved 0 appointments successfully",
        "next": None,
    }


def test_appointment_has_the_specified_shape(rest: Client) -> None:
    assert rest.get("/appointments/2").json() == {
        "success": True,
        "message": "Appointment retrieved successfully",
        "data": {
            "id": "2",
            "patientName": "Luis Fernández",
            "patientEmail": "luis.fernandez@email.com",
            "dni": "******90",
            "phone": "**********23",
            "doctorName": "Dr. Rodríguez",
            "date": "2099-12-02T19:30:00.000Z",
            "duration": 30,
            "type": "follow-up",
            "notes": "",
            "status": "confirmed",
            "reservedUntil": None,
            "createdAt": "2099-11-22T15:00:00.000Z",
            "updatedAt": "2099-11-22T15:00:00.000Z",
        },
    }


@pytest.mark.parametrize(
    "date",
    ["mañana", "2099-13-01", "01/12/2099", "2099-12-01T10:00", "1899-12-31", "9999-12-31"],
)
def test_invalid_date_returns_400_naming_it(rest: Client, date: str) -> None:
    response = rest.get("/appointments", {"date": date})

    assert response.status_code == 400
    error = response.json()["error"]
    assert error["code"] == "invalid"
    assert list(error["details"]) == ["date"]


def test_empty_date_is_ignored(rest: Client) -> None:
    assert len(rest.get("/appointments?date=").json()["data"]) == 5


def test_unknown_appointment_returns_404_with_its_id(rest: Client) -> None:
    response = rest.get("/appointments/999")

    assert response.status_code == 404
    assert response.json()["error"]["code"] == "appointment_not_found"
    assert response.json()["error"]["details"] == {"appointmentId": "999"}


def test_anonymous_read_is_refused_by_default(client: Client, settings: Settings) -> None:
    settings.API_OPEN_READS = False

    assert client.get("/appointments").status_code == 401


def test_seed_command_can_be_repeated(capsys: pytest.CaptureFixture[str]) -> None:
    for stored in (5, 0):
        call_command("seed_appointments")
        assert f"{stored} appointments stored." in capsys.readouterr().out
    assert len(services.list_appointments().items) == 5
