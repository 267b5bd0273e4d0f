"""The links in e-mails, and the e-mails that offer freed times, through a real mail server."""

import re
from datetime import timedelta

import pytest
from django.conf import settings as django_settings
from django.test import Client
from django.utils.module_loading import import_string
from pytest_django.fixtures import Settings

from appointments import services
from appointments.domain import AppointmentStatus
from appointments.waiting_list import services as waiting_list
from appointments.waiting_list.domain import WaitingEntry, WaitingStatus, Wanted
from common import clock
from common.identity.verification import Staff
from tests.appointments.factories import LATER, MONDAY, NOW, book
from tests.fixtures.mail_server import MailServer
from tests.notifications.test_emails import send_all, text_of

pytestmark = [pytest.mark.store, pytest.mark.usefixtures("empty_tables")]


@pytest.fixture(autouse=True)
def time_of_test(monkeypatch: pytest.MonkeyPatch, settings: Settings) -> None:
    settings.PUBLIC_PAGE_RATE = "none"
    settings.SITE_URL = "http://testserver"
    settings.WAITING_HOLD_MINUTES = 120
    monkeypatch.setattr(clock, "now", lambda: LATER)


def links_in(text: str) -> list[str]:
    return re.findall(r"http://testserver(/\S+)", text)


def wait(name: str, email: str) -> WaitingEntry:
    wanted = Wanted(patient_name=name, patient_email=email, first=MONDAY, last=MONDAY)
    return waiting_list.add_entry(wanted=wanted, now=NOW)


def test_mail_of_a_booking_has_links_that_work(mail_server: MailServer, client: Client) -> None:
    booked = book()
    [mail] = send_all(mail_server)
    confirm, move, cancel = links_in(text_of(mail))
    assert text_of(mail, "html").count("<li") == 3

    assert client.get(move).status_code == 200
    assert client.post(confirm).status_code == 303
    assert client.post(cancel).status_code == 303

    stored = services.get_appointment(appointment_id=booked.id)
    assert stored.status is AppointmentStatus.CANCELLED
    [cancelled] = send_all(mail_server)
    assert links_in(text_of(cancelled)) == []


def test_freed_time_is_offered_by_mail_and_then_to_the_next(
    mail_server: MailServer, client: Client
) -> None:
    booked = book()
    first, second = wait("Beto Luna", "beto@email.com"), wait("Caro Paz", "caro@email.com")
    send_all(mail_server)
    services.cancel_appointment(appointment_id=booked.id, caller=Staff(), now=LATER)
    offers = [mail for mail in send_all(mail_server) if "Se liberó" in mail["Subject"]]
    holders = {first.patient_email: first, second.patient_email: second}

    [offer] = offers
    assert offer["To"] in holders
    assert "te lo guardamos hasta el" in text_of(offer)
    [path] = links_in(text_of(offer))
    assert client.post(f"{path}/rechazar").status_code == 303
    [next_offer] = send_all(mail_server)
    assert {offer["To"], next_offer["To"]} == {*holders}

    [path] = links_in(text_of(next_offer))
    assert client.post(f"{path}/aceptar").status_code == 303
    holder = waiting_list.get_entry(entry_id=holders[next_offer["To"]].id)
    assert holder.status is WaitingStatus.BOOKED
    [booking] = send_all(mail_server)
    assert "Tu turno quedó reservado" in text_of(booking)


def test_offer_that_lapsed_before_it_was_sent_is_not_sent(
    mail_server: MailServer, settings: Settings
) -> None:
    settings.WAITING_HOLD_MINUTES = 60  # the mails are sent an hour later
    booked, entry = book(), wait("Beto Luna", "beto@email.com")
    services.cancel_appointment(appointment_id=booked.id, caller=Staff(), now=LATER)
    assert all("Se liberó" not in mail["Subject"] for mail in send_all(mail_server))
    later = LATER + timedelta(hours=1)
    assert waiting_list.get_entry(entry_id=entry.id).has_lapsed_offer(now=later)


def cancel_for_two_who_wait() -> tuple[WaitingEntry, WaitingEntry]:
    """Cancel an appointment, and return who is offered its time and who is next."""
    booked = book()
    entries = wait("Beto Luna", "beto@email.com"), wait("Caro Paz", "caro@email.com")
    services.cancel_appointment(appointment_id=booked.id, caller=Staff(), now=LATER)
    first, second = sorted(map(stored, entries), key=lambda each: each.offer is None)
    return first, second


def stored(entry: WaitingEntry) -> WaitingEntry:
    return waiting_list.get_entry(entry_id=entry.id)


@pytest.mark.usefixtures("mail_server")
def test_lapsed_offer_that_was_not_sent_counts_for_nothing() -> None:
    first, second = cancel_for_two_who_wait()
    lapsed_at = LATER + timedelta(hours=2)

    assert waiting_list.continue_offers(lapsed_at - timedelta(seconds=1)) == 0
    assert waiting_list.continue_offers(lapsed_at) == 1

    assert (stored(first).status, stored(first).refused) == (WaitingStatus.WAITING, ())
    assert stored(second) == second
    # The time is free, and is offered to the same patient if it is freed again.
    again = book(token="again", patient_name="Otro", patient_email="o@e.com", now=lapsed_at)
    services.cancel_appointment(appointment_id=again.id, caller=Staff(), now=lapsed_at)
    offer = stored(first).live_offer(now=lapsed_at)
    assert offer is not None
    assert offer.number == 2


def test_lapsed_offer_that_was_sent_goes_to_the_next(mail_server: MailServer) -> None:
    first, second = cancel_for_two_who_wait()
    assert any("Se liberó" in mail["Subject"] for mail in send_all(mail_server))
    lapsed_at = LATER + timedelta(hours=2)

    assert waiting_list.continue_offers(lapsed_at) == 1

    assert len(stored(first).refused) == 1
    assert stored(second).live_offer(now=lapsed_at) is not None


def test_offer_to_a_refused_address_goes_to_the_next_at_once(mail_server: MailServer) -> None:
    first, second = cancel_for_two_who_wait()
    mail_server.recipient_reply = lambda address: (
        "550 No such user" if address == first.patient_email else None
    )
    send_all(mail_server)
    now = LATER + timedelta(hours=1)
    assert stored(first).live_offer(now=now) is not None

    assert waiting_list.continue_offers(now) == 1

    assert stored(first).status is WaitingStatus.WAITING
    assert stored(second).live_offer(now=now) is not None
    assert waiting_list.continue_offers(now) == 0


def test_worker_offers_lapsed_times_to_the_next(settings: Settings) -> None:
    booked, entry = book(), wait("Beto Luna", "beto@email.com")
    services.cancel_appointment(appointment_id=booked.id, caller=Staff(), now=LATER)
    for task in django_settings.NOTIFICATION_TASKS:
        import_string(task)(LATER + timedelta(hours=2))
    assert waiting_list.get_entry(entry_id=entry.id).status is WaitingStatus.WAITING
