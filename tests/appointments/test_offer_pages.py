"""The pages of offers of the waiting list, through Django's request handling, on the local DynamoDB."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from django.test import Client
from pytest_django.fixtures import Settings

from appointments import services
from appointments.domain import Appointment
from appointments.waiting_list import services as waiting_list
from appointments.waiting_list.domain import WaitingEntry, WaitingStatus, Wanted
from appointments.waiting_list.tokens import offer_path, offer_url, parse_offer_link
from common import clock
from common.identity.verification import Staff
from tests.appointments.factories import MONDAY, NOW, at, book, booked_ids

pytestmark = [pytest.mark.store, pytest.mark.usefixtures("empty_tables")]


class Clock:
    """A clock that a test sets."""

    now = NOW


@pytest.fixture(autouse=True)
def time_of_test(monkeypatch: pytest.MonkeyPatch, settings: Settings) -> Clock:
    settings.PUBLIC_PAGE_RATE = "none"
    settings.CLINIC_DOCTORS = ["Dr. Rodríguez"]
    of_test = Clock()
    monkeypatch.setattr(clock, "now", lambda: of_test.now)
    return of_test


@pytest.fixture
def entry() -> WaitingEntry:
    """Somebody to whom a freed time is offered."""
    booked = book()
    wanted = Wanted(
        patient_name="Beto Luna",
        patient_email="beto@email.com",
        doctor_name="Rodríguez",
        first=MONDAY,
        last=MONDAY,
    )
    added = waiting_list.add_entry(wanted=wanted, now=NOW)
    services.cancel_appointment(appointment_id=booked.id, caller=Staff(), now=NOW)
    return waiting_list.get_entry(entry_id=added.id)


def stored(entry: WaitingEntry) -> WaitingEntry:
    return waiting_list.get_entry(entry_id=entry.id)


def booked() -> list[Appointment]:
    return [services.get_appointment(appointment_id=each) for each in booked_ids()]


def test_page_shows_the_time_and_changes_nothing(client: Client, entry: WaitingEntry) -> None:
    path = offer_path(entry)
    assert offer_url(entry).endswith(path)
    for suffix in ("", "/aceptar", "/rechazar", "/salir"):
        response = client.get(path + suffix)
        page = response.content.decode()
        assert response.status_code == 200
        assert response["Referrer-Policy"] == "no-referrer"
        assert "lunes 23 de noviembre" in page
        assert f"{path}/aceptar" in page
        assert "Beto" not in page
    assert stored(entry) == entry


def test_accepting_books_and_shows_the_appointment(client: Client, entry: WaitingEntry) -> None:
    response = client.post(f"{offer_path(entry)}/aceptar", follow=True)

    assert "Listo: reservaste el turno" in response.content.decode()
    assert [each.starts_at for each in booked()] == [at("10:00")]
    again = client.post(f"{offer_path(entry)}/aceptar")
    assert again.status_code == 303
    assert len(booked_ids()) == 1
    assert "Ya reservaste este turno" in client.get(offer_path(entry)).content.decode()


def test_refusing_says_that_the_patient_still_waits(client: Client, entry: WaitingEntry) -> None:
    page = client.post(f"{offer_path(entry)}/rechazar", follow=True).content.decode()
    assert "Seguís en la lista" in page
    assert stored(entry).status is WaitingStatus.WAITING
    response = client.post(f"{offer_path(entry)}/aceptar")
    assert response.status_code == 409
    assert "ya no está reservado para vos" in response.content.decode()


def test_leaving_ends_the_wait(client: Client, entry: WaitingEntry) -> None:
    page = client.post(f"{offer_path(entry)}/salir", follow=True).content.decode()
    assert "Ya no estás en la lista de espera" in page
    assert stored(entry).status is WaitingStatus.WITHDRAWN


def test_lapsed_offer_says_so(client: Client, entry: WaitingEntry, time_of_test: Clock) -> None:
    time_of_test.now = NOW + timedelta(hours=1)
    assert "ya no está reservado" in client.get(offer_path(entry)).content.decode()
    assert client.post(f"{offer_path(entry)}/aceptar").status_code == 409
    assert booked() == []


@pytest.mark.parametrize("token", ["x", "a" * 2000])
def test_wrong_link_says_what_to_do(client: Client, token: str) -> None:
    assert parse_offer_link(token) is None
    response = client.post(f"/espera/{token}/aceptar")
    assert response.status_code == 404
    assert "copialo entero" in response.content.decode()


def test_link_of_an_entry_that_is_gone_says_so(client: Client, entry: WaitingEntry) -> None:
    for other in (
        replace(entry, id="999999"),
        replace(entry, created_at=datetime(2098, 1, 1, tzinfo=NOW.tzinfo)),
    ):
        assert client.get(offer_path(other)).status_code == 410
