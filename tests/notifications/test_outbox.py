"""Messages are stored with the change that they are about, once, whatever way it comes."""

from datetime import timedelta
from typing import Any

import pytest
from pytest_django.fixtures import Settings

from appointments import repository, services
from appointments.domain import AppointmentChanges, AppointmentStatus
from appointments.errors import SlotTakenError
from common.dynamodb.transactions import Transaction
from common.errors import BusyError, StaleVersionError
from common.identity.verification import Customer, Staff
from notifications.domain import LIFETIME, Message, MessageStatus
from notifications.errors import MessageNotFoundError, MessageUnderWayError
from notifications.models import MessageItem
from notifications.repository import find_message, replace_message
from notifications.services import (
    count_needing_staff,
    enqueue,
    get_message,
    list_messages,
    list_messages_of,
    new_message,
    send_again,
)
from tests.appointments.factories import ANA, LATER, MONDAY, NOW, TUESDAY, at, book

pytestmark = [pytest.mark.store, pytest.mark.usefixtures("empty_tables")]


@pytest.fixture(autouse=True)
def sender(settings: Settings) -> None:
    settings.EMAIL_FROM = "turnos@example.com"


def messages_of(appointment_id: str) -> list[Message]:
    return list_messages_of(record_type="appointment", record_id=appointment_id)


def events_of(appointment_id: str) -> list[str]:
    return [each.event for each in messages_of(appointment_id)]


def test_booking_adds_one_message_to_the_patient() -> None:
    booked = book()

    [message] = messages_of(booked.id)
    assert (message.event, message.recipient) == ("booked", "ana@email.com")
    assert (message.status, message.attempts) == (MessageStatus.WAITING, 0)
    assert message.due_at == booked.created_at


def test_repeated_booking_with_one_token_adds_one_message() -> None:
    first, second = book(token="same"), book(token="same")

    assert first.id == second.id
    assert events_of(first.id) == ["booked"]


def test_refused_booking_adds_none() -> None:
    book()
    with pytest.raises(SlotTakenError):
        book(patient_name="Luis Fernández", token="other")

    assert len(list_messages().items) == 1


def test_dry_run_adds_none() -> None:
    book(is_dry_run=True)

    assert list_messages().items == []


@pytest.mark.parametrize(
    "caller", [ANA, Customer(name="Ana Martínez", dni="45678901", call_id="c"), Staff()]
)
def test_moving_and_cancelling_add_a_message_each(caller: Customer | Staff) -> None:
    booked = book()
    services.reschedule_appointment(
        appointment_id=booked.id, caller=caller, starts_at=at("11:00"), now=LATER
    )
    services.cancel_appointment(
        appointment_id=booked.id, caller=caller, now=LATER + timedelta(minutes=1)
    )

    assert events_of(booked.id) == ["booked", "moved", "cancelled"]


def test_staff_edits_add_messages_for_what_patients_should_know() -> None:
    booked = book()
    edits: list[dict[str, Any]] = [
        {"notes": "Trae estudios"},
        {"status": AppointmentStatus.CONFIRMED},
        {"doctor_name": "Dra. Gómez"},
        {"duration_min": 60},
        {"patient_email": "ana.nueva@email.com"},
        {"status": AppointmentStatus.COMPLETED},
    ]
    for minutes, edit in enumerate(edits, start=1):
        changes = AppointmentChanges(**edit)
        services.update_appointment(
            appointment_id=booked.id, changes=changes, now=NOW + timedelta(minutes=minutes)
        )

    assert events_of(booked.id) == ["booked", "moved", "moved", "booked"]
    assert [each.recipient for each in messages_of(booked.id)][-1] == "ana.nueva@email.com"


def test_change_without_difference_adds_none() -> None:
    booked = book()
    services.reschedule_appointment(
        appointment_id=booked.id, caller=ANA, starts_at=booked.starts_at, now=LATER
    )

    assert events_of(booked.id) == ["booked"]


def test_cancelling_a_past_appointment_adds_none() -> None:
    booked = book()
    services.cancel_appointment(
        appointment_id=booked.id, caller=Staff(), now=booked.starts_at + timedelta(hours=1)
    )

    assert events_of(booked.id) == ["booked"]


def test_without_a_sender_nothing_is_stored(settings: Settings) -> None:
    settings.EMAIL_FROM = ""
    booked = book()

    assert messages_of(booked.id) == []
    assert not enqueue(a_message())


def test_message_and_change_are_stored_together_or_not_at_all() -> None:
    booked = book()
    moved = booked.with_start(at("12:00")).with_new_version(now=LATER)
    message = a_message(record_id=booked.id, event="moved")

    with pytest.raises(StaleVersionError):
        repository.update_appointment(moved, [], messages=[message], unchanged_since=LATER)
    assert events_of(booked.id) == ["booked"]

    assert enqueue(message)
    transaction = Transaction()
    enqueue(message, transaction=transaction)
    with pytest.raises(BusyError):
        transaction.commit(on_conflict=BusyError(reason="contention"))


def test_message_is_added_once_and_expires() -> None:
    message = a_message()

    assert enqueue(message)
    assert not enqueue(message)
    [stored] = list_messages().items
    assert stored == message
    item = MessageItem.get(*MessageItem.key_of("appointment", "1", "offered", "v1"))
    assert item.expires_at == (NOW + LIFETIME).replace(microsecond=0)


def test_messages_are_listed_by_status_and_record() -> None:
    first, second = book(day=MONDAY), book(day=TUESDAY)
    message = messages_of(first.id)[0]
    assert replace_message(message, message.claimed(now=LATER).failed("550", now=LATER))

    assert [each.record_id for each in list_messages(statuses=[MessageStatus.FAILED]).items] == [
        first.id
    ]
    assert [each.record_id for each in list_messages(statuses=[MessageStatus.WAITING]).items] == [
        second.id
    ]
    assert count_needing_staff() == 1


def test_send_again_lets_a_failed_message_wait() -> None:
    [message] = messages_of(book().id)
    failed = message.claimed(now=LATER).failed("550", now=LATER)
    replace_message(message, failed)

    again = send_again(message_id=message.id, now=LATER)

    assert (again.status, again.attempts, again.error) == (MessageStatus.WAITING, 0, "")
    assert get_message(message_id=message.id) == again


def test_send_again_of_one_under_way_or_unknown_is_refused() -> None:
    [message] = messages_of(book().id)
    replace_message(message, message.claimed(now=LATER))

    with pytest.raises(MessageUnderWayError):
        send_again(message_id=message.id, now=LATER)
    for unknown in ("appointment~1~booked~v", "x", "a~b~c~d~e", ""):
        with pytest.raises(MessageNotFoundError):
            send_again(message_id=unknown, now=LATER)


def test_only_one_of_two_changes_of_a_message_is_stored() -> None:
    [message] = messages_of(book().id)

    assert replace_message(message, message.claimed(now=LATER))
    assert not replace_message(message, message.claimed(now=LATER))
    stored = find_message(message.id)
    assert stored is not None
    assert stored.attempts == 1


def a_message(record_id: str = "1", event: str = "offered") -> Message:
    return new_message(
        record_type="appointment",
        record_id=record_id,
        event=event,
        version="v1",
        recipient="ana@email.com",
        now=NOW,
    )
