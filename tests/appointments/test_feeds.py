"""Calendar feeds, through Django's request handling, on the local DynamoDB."""

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import icalendar
import pytest
from django.test import Client
from pytest_django.fixtures import Settings

from appointments import services
from appointments.domain import AppointmentChanges, AppointmentStatus
from appointments.feeds.addresses import feed_url, is_feed_signature
from appointments.feeds.services import DAYS_AHEAD, DAYS_BACK, list_feed_appointments
from appointments.schedules.domain import Professional
from appointments.schedules.services import (
    get_professional,
    set_feed_nonce,
    update_professional,
)
from common import clock
from common.identity.verification import Staff
from common.site_address import site_url
from tests.appointments.factories import MONDAY, NOW, at, book

pytestmark = [pytest.mark.store, pytest.mark.usefixtures("empty_tables")]


@pytest.fixture(autouse=True)
def clinic(monkeypatch: pytest.MonkeyPatch, settings: Settings) -> None:
    settings.CLINIC_DOCTORS = ["Dr. Rodríguez", "Dra. Gómez"]
    settings.BOOKING_HORIZON_DAYS = 200
    settings.PUBLIC_PAGE_RATE = "none"
    monkeypatch.setattr(clock, "now", lambda: NOW)


def feed_path(nonce: str = "n1", professional_id: str = "rodriguez") -> str:
    """Give the professional a feed; return its path."""
    professional = set_feed_nonce(professional_id=professional_id, nonce=nonce, now=NOW)
    url = feed_url(professional)
    assert url is not None
    assert url.startswith(site_url())
    return url.removeprefix(site_url())


def events(client: Client, path: str) -> list[Any]:
    response = client.get(path)
    assert response.status_code == 200
    assert response["Content-Type"] == "text/calendar; charset=utf-8"
    calendar = icalendar.Calendar.from_ical(response.content)
    return list(calendar.walk("VEVENT"))


def test_feed_has_the_open_appointments_of_its_professional(client: Client) -> None:
    path = feed_path()
    booked, confirmed, cancelled = book("10:00"), book("11:00"), book("12:00")
    book("15:00", doctor_name="Dra. Gómez")
    services.update_appointment(
        appointment_id=confirmed.id,
        changes=AppointmentChanges(status=AppointmentStatus.CONFIRMED),
        now=NOW,
    )
    services.cancel_appointment(appointment_id=cancelled.id, caller=Staff(), now=NOW)

    found = events(client, path)

    assert [each["dtstart"].dt for each in found] == [at("10:00"), at("11:00")]
    assert [each["duration"].dt for each in found] == [timedelta(minutes=30)] * 2
    assert [str(each["status"]) for each in found] == ["TENTATIVE", "CONFIRMED"]
    assert booked.id in str(found[0]["summary"])
    assert "confirmado" in str(found[1]["summary"])


def test_feed_says_nothing_of_patients(client: Client) -> None:
    path = feed_path()
    book(notes="alergia a la penicilina")
    content = client.get(path).content.decode()
    for secret in ("Ana", "Mart", "ana@email", "45678901", "alergia"):
        assert secret not in content


def test_unchanged_feed_is_not_sent_again(client: Client) -> None:
    path = feed_path()
    booked = book()
    first = client.get(path)

    again = client.get(path, headers={"If-None-Match": first["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert again["ETag"] == first["ETag"]

    services.cancel_appointment(appointment_id=booked.id, caller=Staff(), now=NOW)
    changed = client.get(path, headers={"If-None-Match": first["ETag"]})
    assert changed.status_code == 200
    assert changed["ETag"] != first["ETag"]
    assert changed["Cache-Control"] == "private, no-cache"
    assert changed["Referrer-Policy"] == "no-referrer"


def test_renewed_or_ended_feed_leaves_the_old_address_empty(client: Client) -> None:
    old = feed_path("n1")
    new = feed_path("n2")
    assert client.get(old).status_code == 404
    assert client.get(new).status_code == 200
    set_feed_nonce(professional_id="rodriguez", nonce="", now=NOW)
    assert client.get(new).status_code == 404
    assert feed_url(get_professional(professional_id="rodriguez")) is None


def test_feed_is_not_found_with_a_wrong_signature_or_name(client: Client) -> None:
    path = feed_path()
    other = feed_path(professional_id="gomez")
    signature = path.rpartition("/")[2]
    for wrong in (
        path.replace(signature, "0" * 40 + ".ics"),
        f"/agenda/gomez/{signature}",
        f"/agenda/nobody/{signature}",
    ):
        response = client.get(wrong)
        assert response.status_code == 404
    assert client.get(other).status_code == 200
    assert client.post(path).status_code == 405


def test_professional_without_a_feed_has_no_valid_signature() -> None:
    assert not is_feed_signature(Professional(name="Dr. Sosa"), "")


def test_change_of_a_professional_leaves_the_feed() -> None:
    feed_path("n1")
    before = get_professional(professional_id="rodriguez")
    changed = update_professional(
        professional=replace(before, specialty="Clínica", feed_nonce=""), now=NOW
    )
    assert changed.feed_nonce == "n1"
    assert get_professional(professional_id="rodriguez") == changed


def test_feed_has_a_bounded_window_of_days() -> None:
    book()  # on the day after the current one
    professional = get_professional(professional_id="rodriguez")

    def shown_on(day: date) -> int:
        now = at("12:00", day)
        return len(list_feed_appointments(professional=professional, now=now))

    assert shown_on(MONDAY - timedelta(days=DAYS_AHEAD)) == 1
    assert shown_on(MONDAY - timedelta(days=DAYS_AHEAD + 1)) == 0
    assert shown_on(MONDAY + timedelta(days=DAYS_BACK)) == 1
    assert shown_on(MONDAY + timedelta(days=DAYS_BACK + 1)) == 0


def test_feed_reads_pages_until_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    for clock_text in ("10:00", "11:00", "12:00"):
        book(clock_text)
    monkeypatch.setattr("appointments.feeds.services._PAGE_SIZE", 1)
    professional = get_professional(professional_id="rodriguez")
    found = list_feed_appointments(professional=professional, now=NOW)
    assert [each.starts_at for each in found] == [at("10:00"), at("11:00"), at("12:00")]
    monkeypatch.setattr("appointments.feeds.services.MAX_APPOINTMENTS", 2)
    assert list_feed_appointments(professional=professional, now=NOW) == found[:2]
