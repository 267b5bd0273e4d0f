"""The pages of links, through Django's request handling, on the local DynamoDB."""

import io
import logging
import logging.config
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from pytest_django.fixtures import Settings

from appointments import services
from appointments.domain import Appointment, AppointmentChanges, AppointmentStatus
from appointments.links import services as link_services
from appointments.links.domain import LinkAction
from appointments.links.tokens import link_path, link_token
from common import clock
from common.identity.verification import Staff
from common.record_changes import LINK
from novasonic.logging import logging_config
from tests.appointments.factories import MONDAY, NOW, at, book, booked_ids

pytestmark = [pytest.mark.store, pytest.mark.usefixtures("empty_tables")]

CONFIRM, CANCEL, MOVE = LinkAction.CONFIRM, LinkAction.CANCEL, LinkAction.MOVE


@pytest.fixture(autouse=True)
def now(monkeypatch: pytest.MonkeyPatch, settings: Settings) -> datetime:
    settings.BOOKING_HORIZON_DAYS = 60
    settings.PUBLIC_PAGE_RATE = "none"
    monkeypatch.setattr(clock, "now", lambda: NOW)
    return NOW


def stored(appointment: Appointment) -> Appointment:
    return services.get_appointment(appointment_id=appointment.id)


def test_page_shows_the_appointment_and_what_can_be_done(client: Client) -> None:
    booked = book()

    response = client.get(link_path(booked), headers={"Accept-Language": "en"})

    page = response.content.decode()
    assert response.status_code == 200
    assert "lunes 23 de noviembre" in page
    assert "10:00" in page
    assert "Dr. Rodríguez" in page
    assert all(link_path(booked, action) in page for action in LinkAction)
    assert "Ana Martínez" not in page
    assert "ana@email.com" not in page


def test_page_is_not_cached_indexed_or_named_to_other_sites(client: Client) -> None:
    response = client.get(link_path(book()))

    assert response["Cache-Control"] == "no-store"
    assert response["Referrer-Policy"] == "no-referrer"
    assert "noindex" in response["X-Robots-Tag"]
    assert not response.cookies


@pytest.mark.parametrize("action", LinkAction)
def test_looking_at_a_page_changes_nothing(client: Client, action: LinkAction) -> None:
    booked = book()
    for method in (client.get, client.head):
        assert method(link_path(booked, action)).status_code == 200
    assert stored(booked) == booked


@pytest.mark.parametrize("method", ["put", "delete", "patch"])
def test_other_methods_are_refused(client: Client, method: str) -> None:
    assert client.generic(method.upper(), link_path(book(), CANCEL)).status_code == 405


def test_posted_confirmation_confirms_and_shows_it(client: Client) -> None:
    booked = book()

    response = client.post(link_path(booked, CONFIRM), follow=True)

    confirmed = stored(booked)
    assert confirmed.status is AppointmentStatus.CONFIRMED
    assert [(each.origin, each.fields) for each in confirmed.changes] == [(LINK, ("status",))]
    assert "Listo: confirmaste tu turno" in response.content.decode()
    # A second tap, of the browser's history or of a scanner that posts, is no error and no change.
    assert client.post(link_path(booked, CONFIRM)).status_code == 303
    assert stored(booked) == confirmed


def test_posted_cancellation_cancels_and_frees_the_time(client: Client) -> None:
    booked = book()

    page = client.post(link_path(booked, CANCEL), follow=True).content.decode()

    assert stored(booked).status is AppointmentStatus.CANCELLED
    assert booked_ids() == set()
    assert "Listo: cancelaste tu turno" in page
    assert link_path(booked, MOVE) not in page


def test_confirmation_of_a_cancelled_appointment_is_refused(client: Client) -> None:
    booked = book()
    client.post(link_path(booked, CANCEL))

    response = client.post(link_path(booked, CONFIRM))

    assert response.status_code == 409
    assert "ya no se puede cambiar" in response.content.decode()


def test_move_offers_free_times_and_moves(client: Client) -> None:
    booked, taken = book("10:00"), book("11:00", patient_name="Luis", patient_email="l@e.com")
    page = client.get(link_path(booked, MOVE)).content.decode()
    assert "2099-11-23T15:00:00.000Z" in page  # 12:00
    assert "2099-11-23T14:00:00.000Z" not in page  # 11:00 is taken

    moved_page = client.post(
        link_path(booked, MOVE), {"start": "2099-11-23T15:00:00.000Z"}, follow=True
    )

    moved = stored(booked)
    assert moved.starts_at == at("12:00")
    assert moved.changes[-1].origin == LINK
    assert booked_ids() == {booked.id, taken.id}
    assert "cambiaste el horario" in moved_page.content.decode()
    assert client.get(link_path(moved)).status_code == 200


def test_link_of_before_the_move_says_to_use_the_newer_message(client: Client) -> None:
    booked = book()
    services.reschedule_appointment(
        appointment_id=booked.id, caller=Staff(), starts_at=at("12:00"), now=NOW
    )

    for response in (client.get(link_path(booked)), client.post(link_path(booked, CANCEL))):
        assert response.status_code == 410
        assert "nuestro mensaje más nuevo" in response.content.decode()
    assert stored(booked).is_open


def test_link_is_useless_after_a_change_of_the_address(client: Client) -> None:
    booked = book()
    services.update_appointment(
        appointment_id=booked.id,
        changes=AppointmentChanges(patient_email="otra@email.com"),
        now=NOW,
    )
    assert client.post(link_path(booked, CANCEL)).status_code == 410
    assert stored(booked).is_open


def test_move_to_a_time_that_was_taken_meanwhile_is_refused(client: Client) -> None:
    booked = book()
    book("12:00", patient_name="Luis", patient_email="l@e.com")

    response = client.post(link_path(booked, MOVE), {"start": "2099-11-23T15:00:00.000Z"})

    assert response.status_code == 409
    page = response.content.decode()
    assert 'role="alert"' in page
    assert "2099-11-23T15:30:00.000Z" in page  # other times are offered at once
    assert stored(booked) == booked


@pytest.mark.parametrize("start", ["", "mañana", "2099-11-23T15:00", "0001-01-01T00:00:00+14:00"])
def test_move_without_a_time_asks_for_one(client: Client, start: str) -> None:
    booked = book()
    response = client.post(link_path(booked, MOVE), {"start": start})
    assert response.status_code == 422
    assert "Elegí uno de los horarios" in response.content.decode()


def test_expired_link_says_so(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    booked = book()
    monkeypatch.setattr(clock, "now", lambda: booked.starts_at)

    response = client.post(link_path(booked, CANCEL))

    assert response.status_code == 410
    assert "venció" in response.content.decode()
    assert stored(booked).is_open


@pytest.mark.parametrize("token", ["x", "x.y", "a" * 2000])
def test_wrong_link_says_what_to_do(client: Client, token: str) -> None:
    for path in (f"/turno/{token}", f"/turno/{token}/mover"):
        response = client.get(path)
        assert response.status_code == 404
        assert "copialo entero" in response.content.decode()


def test_address_that_asks_too_often_is_refused(client: Client, settings: Settings) -> None:
    settings.PUBLIC_PAGE_RATE = "3/min"
    path = link_path(book())
    statuses = [client.get(path).status_code for _ in range(4)]
    assert statuses == [200, 200, 200, 429]
    assert client.post(f"{path}/cancelar").status_code == 429
    assert int(client.get(path)["Retry-After"]) > 0


def test_log_does_not_show_the_token(client: Client) -> None:
    stream = io.StringIO()
    config = logging_config("INFO", "json")
    configurator = logging.config.DictConfigurator(config)
    formatter: Any = configurator.configure_formatter(config["formatters"]["structured"])
    handler = logging.StreamHandler(stream)
    handler.setFormatter(formatter)
    logger = logging.getLogger("django.request")
    logger.addHandler(handler)
    try:
        token = link_token(book())
        assert client.post(f"/turno/{token}/mover", {"start": ""}).status_code == 422
        assert client.get(f"/turno/x{token}").status_code == 404
    finally:
        logger.removeHandler(handler)
    assert stream.getvalue().count("/turno/…") == 2
    assert token not in stream.getvalue()


def test_times_to_move_are_whole_days_and_go_on_at_the_next_one() -> None:
    booked = book(duration_min=60)

    first = link_services.find_times_to_move(appointment=booked, now=NOW)
    assert first.next_day is not None
    second = link_services.find_times_to_move(appointment=booked, first=first.next_day, now=NOW)

    assert sum(len(times) for _, times in first.days) >= link_services.ENOUGH_TIMES
    assert [day for day, _ in first.days][-1] + timedelta(days=1) <= second.days[0][0]
    shown = [start for _, times in (*first.days, *second.days) for start in times]
    assert shown == sorted(set(shown))
    assert first.days[0][0] in (MONDAY, MONDAY - timedelta(days=1))


def test_times_to_move_end_at_the_horizon(settings: Settings) -> None:
    settings.BOOKING_HORIZON_DAYS = 1
    found = link_services.find_times_to_move(appointment=book(), now=NOW)
    assert found.next_day is None


def test_token_is_of_one_version_of_the_bound_fields() -> None:
    booked = book()
    assert link_token(booked) == link_token(stored(booked))
