"""Bookings by voice that wait for their patient's confirmation, on the local DynamoDB and a mail server."""

import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.conf import settings
from django.test import Client
from django.utils.module_loading import import_string
from icalendar import Calendar as CalendarFile
from pytest_django.fixtures import Settings

from appointments import models, repository, services
from appointments.domain import (
    Appointment,
    AppointmentChanges,
    AppointmentStatus,
    ReservationEnd,
)
from appointments.errors import SlotTakenError
from appointments.links import services as links
from appointments.links.tokens import link_path, link_token
from appointments.mail_events import MailEvent
from appointments.reminders import enqueue_reminders, forget_decisions
from appointments.reservations import end_reservations
from appointments.waiting_list import services as waiting_list
from appointments.waiting_list.domain import WaitingStatus, Wanted
from common import clock
from common.creations.errors import TooManyCreationsError
from common.errors import BusyError, ConflictError
from common.identity.verification import Customer, Staff
from common.record_changes import EXPIRY, LINK, REST
from common.timestamps import truncate_to_ms
from notifications import repository as messages
from notifications.domain import Message, MessageStatus
from notifications.sending import send_due_messages
from notifications.services import list_messages_of
from notifications.transport import UnreachableError
from tests.appointments.factories import ANA, LATER, MONDAY, NOW, TUESDAY, at, book, booked_ids
from tests.fixtures.mail_server import MailServer

pytestmark = [pytest.mark.store, pytest.mark.usefixtures("empty_tables")]

WAIT = timedelta(minutes=120)
END = truncate_to_ms(NOW) + WAIT
MINUTE = timedelta(minutes=1)
AFTER_END = END + MINUTE
CALLER = Customer(name="Ana Martínez", dni="45678901", call_id="call-1", address="192.0.2.1")
CANCELLED = AppointmentStatus.CANCELLED


@pytest.fixture(autouse=True)
def clinic(settings: Settings, mail_server: MailServer) -> None:
    assert mail_server.port
    settings.CLINIC_DOCTORS = ["Dr. Rodríguez", "Dra. Gómez"]
    settings.CLINIC_OPENING_HOURS = "Mon-Sun 08:00-20:00"
    settings.WAITING_HOLD_MINUTES = 60
    settings.SITE_URL = "http://testserver"
    settings.VOICE_BOOKING_HOLD_MINUTES = WAIT / MINUTE


def reserve(start: str = "10:00", *, now: datetime = NOW, is_sent: bool = True) -> Appointment:
    """Return an appointment that is booked by voice; its e-mail has left if `is_sent`."""
    reserved = book(start, caller=CALLER, now=now, token=f"{start} {now}")
    if is_sent:
        send_due_messages(lambda: now)
    return reserved


def stored(appointment: Appointment) -> Appointment:
    return services.get_appointment(appointment_id=appointment.id)


def events_of(appointment: Appointment) -> list[str]:
    messages = list_messages_of(record_type="appointment", record_id=appointment.id)
    return [each.event for each in messages]


def waiting_ends() -> list[ReservationEnd]:
    return repository.list_ended_reservations(now=NOW + timedelta(days=365), limit=100)


# --- What is reserved


def test_booking_by_voice_is_reserved_until_its_end() -> None:
    reserved = reserve()

    assert (reserved.status, reserved.reserved_until) == (AppointmentStatus.SCHEDULED, END)
    assert stored(reserved) == reserved
    assert booked_ids() == {reserved.id}
    assert waiting_ends() == [ReservationEnd(appointment_id=reserved.id, until=END)]
    with pytest.raises(SlotTakenError):
        book(patient_name="Luis Paz", patient_email="luis@email.com")


@pytest.mark.parametrize(
    "arguments", [{"caller": None}, {"caller": Staff()}, {"caller": None, "origin": REST}]
)
def test_booking_by_others_counts_at_once(arguments: dict[str, Any]) -> None:
    booked = book(**arguments)

    assert booked.reserved_until is None
    assert events_of(booked) == ["booked"]
    assert waiting_ends() == []


@pytest.mark.parametrize(
    ("name", "value"), [("VOICE_BOOKING_HOLD_MINUTES", 0), ("EMAIL_FROM", ""), ("SITE_URL", "")]
)
def test_booking_by_voice_counts_at_once_where_nothing_is_confirmed(
    settings: Settings, name: str, value: object
) -> None:
    setattr(settings, name, value)
    assert reserve(is_sent=False).reserved_until is None
    assert waiting_ends() == []


def test_booking_that_starts_before_the_end_counts_at_once() -> None:
    now = at("10:00") - WAIT
    assert reserve("10:00", now=now).reserved_until is None
    before = reserve("11:00", now=at("11:00") - WAIT - timedelta(milliseconds=1))
    assert before.reserved_until == at("11:00") - timedelta(milliseconds=1)


def test_dry_run_shows_the_end_and_stores_nothing() -> None:
    shown = book(caller=CALLER, is_dry_run=True)
    assert shown.reserved_until == END
    assert waiting_ends() == []


def test_retried_booking_returns_the_same_reservation() -> None:
    first = book(caller=CALLER, token="one")
    second = book(caller=CALLER, token="one", now=LATER)
    assert second == first
    assert len(waiting_ends()) == 1


def test_reserved_bookings_count_for_the_limits(settings: Settings) -> None:
    settings.VOICE_CREATIONS_PER_CALL = 2
    reserve("10:00")
    reserve("11:00")
    with pytest.raises(TooManyCreationsError):
        reserve("12:00")


def test_row_that_an_older_server_cancelled_is_not_reserved() -> None:
    reserved = reserve()
    row = models.Appointment.find(reserved.id)
    assert row is not None
    row.update(actions=[models.Appointment.status.set("cancelled")])  # `reservedUntil` stays

    assert not stored(reserved).is_reserved
    assert end_reservations(AFTER_END) == 0
    assert waiting_ends() == []


# --- E-mails


def test_mail_of_a_reservation_says_until_when_and_has_the_link(mail_server: MailServer) -> None:
    reserved = reserve()

    [mail] = mail_server.accepted
    body = mail.get_body(("plain",))
    assert body is not None
    text = body.get_content()
    assert (
        mail["Subject"] == "Confirmá tu turno con Dr. Rodríguez: lunes 23 de noviembre a las 10:00"
    )
    assert "antes del domingo 22 de noviembre a las 14:00" in text
    assert f"/turno/{link_token(reserved)}/confirmar" in text
    [part] = mail.iter_attachments()
    calendar = CalendarFile.from_ical(part.get_content())
    [event] = calendar.walk("VEVENT")
    assert (str(calendar["METHOD"]), str(event["STATUS"])) == ("REQUEST", "TENTATIVE")
    assert event["ATTENDEE"].params["PARTSTAT"] == "TENTATIVE"


def test_reservation_has_no_reminder_until_it_is_confirmed() -> None:
    forget_decisions()
    reserved = reserve("10:00", now=at("09:00", MONDAY) - timedelta(days=1))
    assert enqueue_reminders(at("10:01", MONDAY) - timedelta(days=1)) == 0
    confirm_by_staff(reserved, at("10:02", MONDAY) - timedelta(days=1))
    assert enqueue_reminders(at("10:03", MONDAY) - timedelta(days=1)) == 0  # it was just announced
    assert events_of(reserved) == ["reserved", "booked"]
    forget_decisions()


def test_changed_address_gets_the_link_of_its_own(mail_server: MailServer) -> None:
    reserved = reserve()
    changes = AppointmentChanges(patient_email="otra@email.com")
    changed = services.update_appointment(appointment_id=reserved.id, changes=changes, now=LATER)
    send_due_messages(lambda: LATER)

    assert changed.reserved_until == END
    assert [each["To"] for each in mail_server.accepted] == ["ana@email.com", "otra@email.com"]
    assert events_of(reserved) == ["reserved", "reserved"]


# --- Confirmed


def confirm_by_link(reserved: Appointment, now: datetime) -> None:
    links.confirm_by_link(token=link_token(reserved), now=now)


def confirm_by_staff(reserved: Appointment, now: datetime) -> None:
    changes = AppointmentChanges(status=AppointmentStatus.CONFIRMED)
    services.update_appointment(appointment_id=reserved.id, changes=changes, now=now)


@pytest.mark.parametrize("confirm", [confirm_by_link, confirm_by_staff])
def test_confirmed_reservation_is_an_ordinary_appointment(
    confirm: Callable[[Appointment, datetime], None], mail_server: MailServer
) -> None:
    reserved = reserve()
    confirm(reserved, LATER)

    assert end_reservations(AFTER_END) == 0
    send_due_messages(lambda: AFTER_END)
    confirmed = stored(reserved)
    assert (confirmed.status, confirmed.reserved_until) == (AppointmentStatus.CONFIRMED, None)
    assert booked_ids() == {reserved.id}
    assert events_of(reserved) == ["reserved", "booked"]
    assert mail_server.subjects()[1:] == [
        "Tu turno con Dr. Rodríguez: lunes 23 de noviembre a las 10:00"
    ]
    assert waiting_ends() == []


def test_page_of_the_link_says_until_when_and_confirms(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clock, "now", lambda: LATER)
    reserved = reserve()
    page = client.get(link_path(reserved)).content.decode()
    assert "falta confirmarlo antes del domingo 22 de noviembre a las 14:00" in page

    response = client.post(f"{link_path(reserved)}/confirmar", follow=True)
    assert "Listo: confirmaste tu turno." in response.content.decode()
    assert "falta confirmarlo" not in response.content.decode()
    assert stored(reserved).status is AppointmentStatus.CONFIRMED


def test_move_by_link_confirms_and_move_by_voice_does_not(mail_server: MailServer) -> None:
    moved = services.reschedule_appointment(
        appointment_id=reserve().id, caller=ANA, starts_at=at("12:00", TUESDAY), now=LATER
    )
    assert moved.reserved_until == END
    send_due_messages(lambda: LATER)
    body = mail_server.accepted[-1].get_body(("plain",))
    assert body is not None
    assert (
        "Todavía falta confirmarlo: usá el enlace de abajo antes del domingo 22 de noviembre a las 14:00: si no, "
        "se cancela." in body.get_content()
    )

    links.move_by_link(token=link_token(moved), starts_at=at("15:00", TUESDAY), now=LATER + MINUTE)
    assert stored(moved).reserved_until is None
    assert end_reservations(AFTER_END) == 0
    assert stored(moved).status is AppointmentStatus.SCHEDULED
    assert events_of(moved) == ["reserved", "moved", "moved"]


@pytest.mark.parametrize(("start", "is_reserved"), [("14:00", False), ("14:30", True)])
def test_move_to_before_the_end_makes_it_ordinary(start: str, *, is_reserved: bool) -> None:
    today = NOW.date()
    assert at("14:00", today) < END < at("14:30", today)
    moved = services.reschedule_appointment(
        appointment_id=reserve().id, caller=Staff(), starts_at=at(start, today), now=LATER
    )
    assert moved.is_reserved is is_reserved


def move(
    appointment: Appointment, starts_at: datetime, now: datetime, **arguments: Any
) -> Appointment:
    arguments = {"caller": CALLER} | arguments
    return services.reschedule_appointment(
        appointment_id=appointment.id, starts_at=starts_at, now=now, **arguments
    )


def test_booking_moved_from_before_the_end_to_a_later_day_is_reserved() -> None:
    near = book(starts_at=at("13:00", NOW.date()), caller=CALLER)
    assert not near.is_reserved
    shown = move(near, at("10:00", TUESDAY), LATER, is_dry_run=True)
    assert (shown.reserved_until, waiting_ends()) == (truncate_to_ms(LATER) + WAIT, [])

    far = move(near, at("10:00", TUESDAY), LATER)
    assert far.reserved_until == truncate_to_ms(LATER) + WAIT
    send_due_messages(lambda: LATER)
    assert events_of(far) == ["booked", "moved"]
    assert end_reservations(LATER + WAIT + MINUTE) == 1
    assert stored(far).status is CANCELLED


def test_reservation_moved_to_before_its_end_and_back_is_reserved() -> None:
    near = move(reserve(), at("13:00", NOW.date()), LATER)
    assert not near.is_reserved
    again = truncate_to_ms(LATER + MINUTE) + WAIT
    back = move(near, at("10:00"), LATER + MINUTE)

    assert stored(back).reserved_until == again
    assert end_reservations(AFTER_END) == 0  # the link is in an e-mail that waits
    assert waiting_ends() == [ReservationEnd(appointment_id=back.id, until=again)]


def test_moved_appointment_is_not_reserved_if_it_needs_no_confirmation() -> None:
    today = NOW.date()
    by_staff = book(starts_at=at("13:00", today))
    assert not move(by_staff, at("10:00", TUESDAY), LATER).is_reserved

    by_voice = book(starts_at=at("13:30", today), caller=CALLER)
    assert not move(by_voice, at("13:30", today), LATER).changes[
        1:
    ]  # its own time: nothing changes
    links.move_by_link(token=link_token(by_voice), starts_at=at("11:00", TUESDAY), now=LATER)
    assert not move(by_voice, at("12:00", TUESDAY), LATER + MINUTE).is_reserved

    confirmed = book(starts_at=at("12:30", today), caller=CALLER)
    confirm_by_staff(confirmed, LATER)
    assert not move(confirmed, at("13:00", TUESDAY), LATER).is_reserved

    moved_by_staff = book(starts_at=at("13:00", today), caller=CALLER)
    assert not move(moved_by_staff, at("14:00", TUESDAY), LATER, caller=Staff()).is_reserved


def test_cancelled_or_deleted_reservation_is_not_ended_again(mail_server: MailServer) -> None:
    first, second = reserve("10:00"), reserve("11:00")
    services.cancel_appointment(appointment_id=first.id, caller=ANA, now=LATER)
    services.delete_appointment(appointment_id=second.id, now=LATER)

    assert end_reservations(AFTER_END) == 0
    assert events_of(first) == ["reserved", "cancelled"]
    assert waiting_ends() == []


# --- Not confirmed


def test_reservation_waits_to_its_end_and_is_cancelled_after_it(mail_server: MailServer) -> None:
    reserved = reserve()
    assert end_reservations(END - timedelta(milliseconds=1)) == 0
    assert stored(reserved) == reserved

    assert end_reservations(AFTER_END) == 1
    assert end_reservations(AFTER_END + MINUTE) == 0
    send_due_messages(lambda: AFTER_END)
    cancelled = stored(reserved)
    assert (cancelled.status, cancelled.reserved_until) == (CANCELLED, None)
    assert cancelled.changes[-1].origin == EXPIRY
    assert booked_ids() == set()
    assert waiting_ends() == []
    assert mail_server.subjects()[1:] == [
        "No se confirmó tu turno con Dr. Rodríguez del lunes 23 de noviembre a las 10:00"
    ]
    [part] = mail_server.accepted[-1].iter_attachments()
    assert part.get_param("method") == "CANCEL"
    book(patient_name="Luis Paz", patient_email="luis@email.com")  # its time is free


def test_worker_has_the_task_that_ends_reservations() -> None:
    forget_decisions()
    reserved = reserve()
    for path in settings.NOTIFICATION_TASKS:
        import_string(path)(AFTER_END)
    forget_decisions()

    assert events_of(reserved) == ["reserved", "lapsed"]


def test_time_that_was_not_confirmed_goes_to_the_waiting_list() -> None:
    reserve()
    wanted = Wanted(
        patient_name="Beto Luna",
        patient_email="beto@email.com",
        doctor_name="Rodríguez",
        first=MONDAY,
        last=MONDAY,
    )
    entry = waiting_list.add_entry(wanted=wanted, now=NOW)
    end_reservations(AFTER_END)

    offered = waiting_list.get_entry(entry_id=entry.id)
    assert offered.status is WaitingStatus.OFFERED
    assert offered.offer is not None
    assert offered.offer.starts_at == at("10:00")


def test_reservation_that_cannot_be_read_does_not_stop_others(
    caplog: pytest.LogCaptureFixture,
) -> None:
    broken, other = reserve("10:00"), reserve("11:00")
    row = models.Appointment.find(broken.id)
    assert row is not None
    row.update(actions=[models.Appointment.type.set("unknown")])

    with caplog.at_level(logging.ERROR, "appointments.reservations"):
        assert end_reservations(AFTER_END) == 1
    assert stored(other).status is CANCELLED
    assert [each.message for each in caplog.records] == ["reservation not ended"]


# --- The link came late, or not at all


def test_reservation_waits_as_long_as_its_mail_does(mail_server: MailServer) -> None:
    reserved = reserve(is_sent=False)
    assert end_reservations(AFTER_END) == 0
    extended = stored(reserved)
    assert extended.reserved_until == AFTER_END + timedelta(minutes=30)
    assert [each.until for each in waiting_ends()] == [extended.reserved_until]

    send_due_messages(lambda: AFTER_END + 20 * MINUTE)
    assert end_reservations(AFTER_END + 31 * MINUTE) == 0  # the patient has had eleven minutes
    assert end_reservations(AFTER_END + 49 * MINUTE) == 0
    assert end_reservations(AFTER_END + 51 * MINUTE) == 1
    assert stored(reserved).status is CANCELLED


def test_reservation_whose_mail_waits_to_its_start_becomes_ordinary() -> None:
    now = at("10:00") - WAIT - MINUTE
    reserved = reserve(now=now, is_sent=False)
    assert end_reservations(at("09:58")) == 0
    assert end_reservations(at("09:59") + timedelta(seconds=1)) == 0

    assert stored(reserved).reserved_until is None
    assert stored(reserved).status is AppointmentStatus.SCHEDULED
    assert waiting_ends() == []


def messages_of(appointment: Appointment) -> list[Message]:
    return list_messages_of(record_type="appointment", record_id=appointment.id)


@pytest.mark.parametrize(
    ("reply", "attempts"), [("550 no such user", 12), ("450 unknown domain", 1)]
)
def test_reservation_ends_if_its_mail_was_refused(
    reply: str, attempts: int, mail_server: MailServer, settings: Settings
) -> None:
    settings.EMAIL_MAX_ATTEMPTS = attempts
    mail_server.recipient_reply = lambda _address: reply
    reserved = reserve()
    assert [each.status for each in messages_of(reserved)] == [MessageStatus.FAILED]

    assert end_reservations(AFTER_END) == 1
    assert stored(reserved).status is CANCELLED
    assert events_of(reserved) == ["reserved"]  # another one would fail as well


def test_reservation_waits_if_the_mail_server_was_away_for_all_attempts(
    settings: Settings,
) -> None:
    settings.EMAIL_MAX_ATTEMPTS = 1
    settings.MAILERS["default"]["OPTIONS"]["port"] = 1
    reserved = reserve(is_sent=False)
    with pytest.raises(UnreachableError):
        send_due_messages(lambda: NOW)
    assert [each.status for each in messages_of(reserved)] == [MessageStatus.FAILED]

    assert end_reservations(AFTER_END) == 0
    assert stored(reserved).reserved_until == AFTER_END + timedelta(minutes=30)


def test_reservation_waits_if_its_mail_is_uncertain() -> None:
    reserved = reserve(is_sent=False)
    [message] = messages_of(reserved)
    claimed = message.claimed(now=NOW)
    assert messages.replace_message(message, claimed)
    assert messages.replace_message(claimed, claimed.sending(now=NOW))  # and the worker ends here
    send_due_messages(lambda: NOW + 11 * MINUTE)
    assert [each.status for each in messages_of(reserved)] == [MessageStatus.UNCERTAIN]

    assert end_reservations(AFTER_END) == 0
    assert stored(reserved).is_reserved


def test_appointment_that_has_started_is_not_cancelled() -> None:
    reserved = reserve()
    assert end_reservations(at("10:00")) == 0

    started = stored(reserved)
    assert (started.status, started.reserved_until) == (AppointmentStatus.SCHEDULED, None)
    assert events_of(reserved) == ["reserved"]
    assert waiting_ends() == []


def test_reservations_count_once_no_email_is_sent_any_more(settings: Settings) -> None:
    reserved = reserve()
    settings.EMAIL_FROM = ""
    assert end_reservations(AFTER_END) == 0

    assert (stored(reserved).status, stored(reserved).reserved_until) == (
        AppointmentStatus.SCHEDULED,
        None,
    )
    assert waiting_ends() == []


def test_late_mail_and_page_name_no_time_that_has_passed(
    client: Client, monkeypatch: pytest.MonkeyPatch, mail_server: MailServer
) -> None:
    reserved = reserve(is_sent=False)
    send_due_messages(lambda: END - MINUTE)
    body = mail_server.accepted[0].get_body(("plain",))
    assert body is not None
    assert "antes del domingo 22 de noviembre a las 14:29: si no, se cancela" in body.get_content()

    monkeypatch.setattr(clock, "now", lambda: AFTER_END)
    page = client.get(link_path(reserved)).content.decode()
    assert "falta confirmarlo cuanto antes: si no, se cancela" in page


def test_reservation_waits_while_the_mail_server_is_away(settings: Settings) -> None:
    settings.MAILERS["default"]["OPTIONS"]["port"] = 1
    reserved = reserve(is_sent=False)
    with pytest.raises(UnreachableError):
        send_due_messages(lambda: NOW)
    assert end_reservations(AFTER_END) == 0
    assert stored(reserved).is_reserved


# --- Races


def race(*runs: Callable[[], object]) -> list[object]:
    """Call all at once; return their results, None for a conflict."""

    def caught(run: Callable[[], object]) -> object:
        try:
            return run()
        except (ConflictError, BusyError):
            return None

    with ThreadPoolExecutor(len(runs)) as pool:
        return list(pool.map(caught, runs))


def test_confirmation_and_expiry_at_once_have_one_winner() -> None:
    for start in ("09:00", "10:00"):
        reserved = reserve(start)
        race(
            lambda: confirm_by_link(reserved, AFTER_END),  # noqa: B023 -- they end before the next one
            lambda: end_reservations(AFTER_END),
            lambda: confirm_by_staff(reserved, AFTER_END),  # noqa: B023 -- they end before the next one
            lambda: end_reservations(AFTER_END),
        )
        status, changes = stored(reserved).status, stored(reserved).changes
        is_cancelled = status is CANCELLED
        assert is_cancelled is (reserved.id not in booked_ids())
        assert is_cancelled is (EXPIRY in {each.origin for each in changes})
        last = "lapsed" if is_cancelled else "booked"
        assert events_of(reserved) == ["reserved", last]
        assert end_reservations(AFTER_END + MINUTE) == 0
        assert LINK not in {each.origin for each in changes} or not is_cancelled


def test_workers_end_each_reservation_once() -> None:
    reserved = [reserve(start) for start in ("09:00", "10:00")]
    counts = race(*[lambda: end_reservations(AFTER_END)] * 3)

    assert sum(count for count in counts if isinstance(count, int)) == 2
    for each in reserved:
        assert stored(each).status is CANCELLED
        assert events_of(each) == [MailEvent.RESERVED, MailEvent.LAPSED]
