"""Reminders by the time that is passed in: once for each start, and none for what is cancelled."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from pytest_django.fixtures import Settings

from appointments import models, repository, services
from appointments.reminders import enqueue_reminders, forget_decisions
from notifications.sending import send_due_messages
from notifications.services import list_messages_of
from tests.appointments.factories import ANA, LATER, MONDAY, NOW, TUESDAY, at, book
from tests.fixtures.mail_server import MailServer

pytestmark = [pytest.mark.store, pytest.mark.usefixtures("empty_tables", "mail_server")]

DAY_BEFORE = at("10:00", MONDAY)
MINUTE = timedelta(minutes=1)


@pytest.fixture(autouse=True)
def new_process() -> Iterator[None]:
    forget_decisions()
    yield
    forget_decisions()


def reminders_of(appointment_id: str) -> list[str]:
    messages = list_messages_of(record_type="appointment", record_id=appointment_id)
    return [each.version for each in messages if each.event == "reminder"]


def test_reminder_is_sent_the_day_before_once(mail_server: MailServer) -> None:
    book(day=TUESDAY)
    send_due_messages(lambda: NOW)
    mail_server.accepted.clear()

    assert enqueue_reminders(DAY_BEFORE - MINUTE) == 0
    assert enqueue_reminders(DAY_BEFORE) == 1
    assert enqueue_reminders(DAY_BEFORE + MINUTE) == 0
    forget_decisions()  # as another worker
    assert enqueue_reminders(DAY_BEFORE + 2 * MINUTE) == 0
    send_due_messages(lambda: DAY_BEFORE + 2 * MINUTE)

    [mail] = mail_server.accepted
    assert mail["Subject"] == (
        "Recordatorio: tu turno con Dr. Rodríguez es el martes 24 de noviembre a las 10:00"
    )
    assert list(mail.iter_attachments()) == []


def test_late_worker_still_reminds_before_the_start_and_not_after() -> None:
    first, second = book("10:00", TUESDAY), book("12:00", TUESDAY)

    assert enqueue_reminders(at("11:00", TUESDAY)) == 1
    assert reminders_of(first.id) == []
    assert len(reminders_of(second.id)) == 1


def test_cancelled_appointment_has_no_reminder(mail_server: MailServer) -> None:
    before, after = book("10:00", TUESDAY), book("11:00", TUESDAY)
    services.cancel_appointment(appointment_id=before.id, caller=ANA, now=LATER)
    assert enqueue_reminders(at("11:00", MONDAY)) == 1
    services.cancel_appointment(appointment_id=after.id, caller=ANA, now=at("11:00", MONDAY))
    send_due_messages(lambda: at("11:01", MONDAY))

    assert not any("Recordatorio" in subject for subject in mail_server.subjects())


def test_moved_appointment_is_reminded_by_its_new_time(mail_server: MailServer) -> None:
    wednesday = TUESDAY + timedelta(days=1)
    booked = book(day=TUESDAY)
    assert enqueue_reminders(DAY_BEFORE) == 1
    services.reschedule_appointment(
        appointment_id=booked.id, caller=ANA, starts_at=at("15:00", wednesday), now=DAY_BEFORE
    )
    send_due_messages(lambda: DAY_BEFORE + MINUTE)
    assert not any("Recordatorio" in subject for subject in mail_server.subjects())

    assert enqueue_reminders(at("14:59", TUESDAY)) == 0
    assert enqueue_reminders(at("15:00", TUESDAY)) == 1
    send_due_messages(lambda: at("15:01", TUESDAY))
    assert mail_server.subjects()[-1].endswith("miércoles 25 de noviembre a las 15:00")


def test_appointment_booked_or_moved_within_the_hours_has_no_reminder() -> None:
    booked = book(now=DAY_BEFORE + MINUTE, day=TUESDAY)
    earlier = book("18:00", TUESDAY + timedelta(days=3))
    services.reschedule_appointment(
        appointment_id=earlier.id,
        caller=ANA,
        starts_at=at("17:00", TUESDAY),
        now=at("18:00", MONDAY),
    )

    assert enqueue_reminders(at("18:01", MONDAY)) == 0
    assert reminders_of(booked.id) == reminders_of(earlier.id) == []


def test_reminder_hours_are_a_setting(settings: Settings) -> None:
    book(day=TUESDAY)
    settings.EMAIL_REMINDER_HOURS = 0
    assert enqueue_reminders(DAY_BEFORE) == 0
    settings.EMAIL_REMINDER_HOURS = 2
    assert enqueue_reminders(at("07:59", TUESDAY)) == 0
    assert enqueue_reminders(at("08:00", TUESDAY)) == 1


def test_earlier_systems_appointment_is_reminded() -> None:
    booked = book(day=TUESDAY)
    row = repository.appointment_to_raw(booked)
    del row["createdAt"]
    del row["updatedAt"]
    models.Appointment.call_api("PutItem", Item=row)

    assert enqueue_reminders(DAY_BEFORE) == 1


def test_more_appointments_than_a_page_are_reminded(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("appointments.reminders.PAGE_SIZE", 2)
    for hour in range(9, 14):
        book(f"{hour:02}:00", TUESDAY)

    assert enqueue_reminders(at("14:00", MONDAY)) == 5
