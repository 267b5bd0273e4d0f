"""The worker against a real SMTP server: what is sent, what is tried again, and what is not."""

import socket
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta
from email.message import EmailMessage

import pytest
from pytest_django.fixtures import Settings

from appointments import services
from appointments.domain import AppointmentChanges
from notifications.domain import LEASE, Message, MessageStatus
from notifications.repository import replace_message
from notifications.sending import send_due_messages
from notifications.services import list_messages, list_messages_of, send_again
from notifications.transport import UnreachableError
from tests.appointments.factories import ANA, LATER, NOW, at, book
from tests.fixtures.mail_server import DISCONNECT, MailServer

pytestmark = [pytest.mark.store, pytest.mark.usefixtures("empty_tables")]

SENT, WAITING, FAILED = MessageStatus.SENT, MessageStatus.WAITING, MessageStatus.FAILED
UNCERTAIN, OBSOLETE = MessageStatus.UNCERTAIN, MessageStatus.OBSOLETE


def send(now: datetime = NOW) -> Counter[MessageStatus]:
    return send_due_messages(lambda: now)


def only_message() -> Message:
    [message] = list_messages().items
    return message


@pytest.fixture
def unreachable(settings: Settings, mail_server: MailServer) -> Iterator[None]:
    """The settings name a port on which nothing listens while the test runs."""
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))  # bound, and not listening: nobody else gets the port
        mailers = mail_server.mailer
        mailers["default"]["OPTIONS"]["port"] = reserved.getsockname()[1]
        settings.MAILERS = mailers
        yield


def test_message_is_sent_once(mail_server: MailServer) -> None:
    booked = book()

    assert send() == {SENT: 1}
    assert send(NOW + 2 * LEASE) == {}

    [mail] = mail_server.accepted
    message = only_message()
    assert mail["To"] == "ana@email.com"
    assert mail["From"] == "Clínica Ñandú <turnos@example.com>"
    assert mail["Message-ID"] == message.message_id("example.com")
    assert mail["Auto-Submitted"] == "auto-generated"
    assert (message.status, message.sent_at) == (SENT, booked.created_at)


def test_subject_with_accents_arrives_as_written(mail_server: MailServer) -> None:
    book(doctor_name="Dra. Nuñez Ibáñez")
    send()

    assert mail_server.subjects() == [
        "Tu turno con Dra. Nuñez Ibáñez: lunes 23 de noviembre a las 10:00"
    ]


def test_messages_of_many_appointments_go_over_one_connection(mail_server: MailServer) -> None:
    recipients = {f"p{hour}@email.com" for hour in range(8, 12)}
    for hour in range(8, 12):
        book(f"{hour:02}:00", patient_email=f"p{hour}@email.com")

    assert send() == {SENT: len(recipients)}
    assert {mail["To"] for mail in mail_server.accepted} == recipients
    assert mail_server.connections == 1


def test_two_workers_send_each_message_once(mail_server: MailServer) -> None:
    for hour in range(8, 14):
        book(f"{hour:02}:00")

    with ThreadPoolExecutor(4) as workers:
        outcomes = [each.result(60) for each in [workers.submit(send) for _ in range(4)]]

    assert sum(outcomes, Counter()) == {SENT: 6}
    assert len({mail["Message-ID"] for mail in mail_server.accepted}) == 6
    assert len(mail_server.accepted) == 6


def test_unreachable_server_lets_messages_wait_longer_each_time(
    unreachable: None, mail_server: MailServer, settings: Settings
) -> None:
    book()
    now, pauses = NOW, []
    for _ in range(3):
        with pytest.raises(UnreachableError):
            send(now)
        message = only_message()
        assert (message.status, message.error) == (WAITING, "ConnectionRefusedError")
        assert send(message.due_at - timedelta(seconds=1)) == {}
        pauses.append(message.due_at - now)
        now = message.due_at

    assert pauses[0] < pauses[1] < pauses[2]
    settings.MAILERS = mail_server.mailer
    assert send(now) == {SENT: 1}
    assert len(mail_server.accepted) == 1


def test_unreachable_server_costs_one_message_an_attempt(
    unreachable: None,
) -> None:
    book("10:00")
    book("11:00")
    with pytest.raises(UnreachableError):
        send()

    assert sorted(each.attempts for each in list_messages().items) == [0, 1]


def test_message_fails_after_the_last_attempt_and_can_be_sent_again(
    mail_server: MailServer, settings: Settings
) -> None:
    settings.EMAIL_MAX_ATTEMPTS = 2
    mail_server.recipient_reply = lambda _address: "451 try again later"
    book()

    assert send() == {WAITING: 1}
    assert send(only_message().due_at) == {FAILED: 1}
    assert only_message().error == "recipient refused: 451"
    assert send(NOW + timedelta(hours=12)) == {}

    mail_server.recipient_reply = lambda _address: None
    send_again(message_id=only_message().id, now=LATER)
    assert send(LATER) == {SENT: 1}


@pytest.mark.parametrize(
    ("reply", "status"), [("451 later", WAITING), ("550 no such user", FAILED)]
)
def test_reply_to_the_recipient_decides(
    reply: str, status: MessageStatus, mail_server: MailServer
) -> None:
    mail_server.recipient_reply = lambda address: reply if address == "ana@email.com" else None
    book()
    book("11:00", patient_email="luis@email.com")

    assert send() == {status: 1, SENT: 1}
    assert [mail["To"] for mail in mail_server.accepted] == ["luis@email.com"]


@pytest.mark.parametrize(("reply", "status"), [("452 full", WAITING), ("554 spam", FAILED)])
def test_reply_to_the_text_decides(
    reply: str, status: MessageStatus, mail_server: MailServer
) -> None:
    mail_server.data_reply = lambda _mail: reply
    book()

    assert send() == {status: 1}
    assert only_message().error == f"SMTPDataError: {reply[:3]}"


def test_connection_lost_after_the_text_is_uncertain_and_not_sent_again(
    mail_server: MailServer,
) -> None:
    def accept_and_disconnect(mail: EmailMessage) -> str:
        mail_server.accepted.append(mail)
        return DISCONNECT

    mail_server.data_reply = accept_and_disconnect
    book()

    assert send() == {UNCERTAIN: 1}
    assert send(NOW + 2 * LEASE) == {}
    assert len(mail_server.accepted) == 1


def test_connection_lost_before_the_text_is_tried_again(mail_server: MailServer) -> None:
    mail_server.recipient_reply = lambda _address: DISCONNECT
    book()
    with pytest.raises(UnreachableError):
        send()

    message = only_message()
    assert message.status is WAITING
    mail_server.recipient_reply = lambda _address: None
    assert send(message.due_at) == {SENT: 1}


def test_worker_that_ended_before_the_text_lets_the_message_wait(mail_server: MailServer) -> None:
    book()
    message = only_message()
    assert replace_message(message, message.claimed(now=NOW))

    assert send(NOW + LEASE - timedelta(seconds=1)) == {}
    assert send(NOW + LEASE) == {SENT: 1}


def test_worker_that_ended_with_the_text_leaves_the_message_uncertain(
    mail_server: MailServer,
) -> None:
    book()
    message = only_message()
    claimed = message.claimed(now=NOW)
    assert replace_message(message, claimed)
    assert replace_message(claimed, claimed.sending(now=NOW))

    assert send(NOW + LEASE - timedelta(seconds=1)) == {}
    assert send(NOW + LEASE) == {UNCERTAIN: 1}
    assert mail_server.accepted == []
    send_again(message_id=message.id, now=NOW + LEASE)
    assert send(NOW + LEASE) == {SENT: 1}
    assert mail_server.accepted[0]["Message-ID"] == message.message_id("example.com")


def test_messages_that_are_not_true_any_more_are_not_sent(mail_server: MailServer) -> None:
    moved, cancelled, deleted, changed = (
        book(clock) for clock in ("09:00", "10:00", "11:00", "12:00")
    )
    services.reschedule_appointment(
        appointment_id=moved.id, caller=ANA, starts_at=at("15:00"), now=LATER
    )
    services.cancel_appointment(appointment_id=cancelled.id, caller=ANA, now=LATER)
    services.delete_appointment(appointment_id=deleted.id, now=LATER)
    changes = AppointmentChanges(patient_email="nueva@email.com")
    services.update_appointment(appointment_id=changed.id, changes=changes, now=LATER)

    assert send(LATER) == {OBSOLETE: 4, SENT: 3}
    assert sorted(subject.partition(" con ")[0] for subject in mail_server.subjects()) == [
        "Se canceló tu turno",
        "Tu turno",
        "Tu turno cambió: Dr. Rodríguez, lunes 23 de noviembre a las 15:00",
    ]


def test_late_message_of_an_appointment_that_has_started_is_not_sent(
    mail_server: MailServer,
) -> None:
    booked = book()

    assert send(booked.starts_at) == {OBSOLETE: 1}


def test_error_of_one_message_does_not_stop_the_others(mail_server: MailServer) -> None:
    broken, good = book("10:00"), book("11:00")
    [message] = list_messages_of(record_type="appointment", record_id=broken.id)
    assert replace_message(message, replace(message, content={}))

    assert send() == {WAITING: 1, SENT: 1}
    [message] = list_messages_of(record_type="appointment", record_id=broken.id)
    assert message.error == "not rendered: KeyError"
    [message] = list_messages_of(record_type="appointment", record_id=good.id)
    assert message.status is SENT


def test_stopping_worker_finishes_the_message_it_sends(mail_server: MailServer) -> None:
    book("10:00")
    book("11:00")

    outcomes = send_due_messages(lambda: NOW, is_stopping=lambda: bool(mail_server.accepted))

    assert outcomes == {SENT: 1}
    assert send() == {SENT: 1}


def test_message_sent_again_by_staff_has_a_message_id_of_its_own(mail_server: MailServer) -> None:
    book()
    send()
    send_again(message_id=only_message().id, now=LATER)

    assert send(LATER) == {SENT: 1}
    first, second = mail_server.accepted
    assert first["Message-ID"] != second["Message-ID"]


def test_patient_with_a_name_like_an_address_is_greeted_without(mail_server: MailServer) -> None:
    book(patient_name="Gane en www.estafa.example")
    book("11:00", patient_name="Ana María O'Higgins-Núñez")
    send()

    texts = [mail.as_string() for mail in mail_server.accepted]
    greetings = [body.get_content() for body in map(plain_body, mail_server.accepted)]
    assert not any("estafa" in each for each in [*texts, *greetings])
    assert any("Hola, Ana María O'Higgins-Núñez:" in each for each in greetings)


def plain_body(mail: EmailMessage) -> EmailMessage:
    body = mail.get_body(("plain",))
    assert isinstance(body, EmailMessage)
    return body


def test_logs_mask_addresses(mail_server: MailServer, caplog: pytest.LogCaptureFixture) -> None:
    mail_server.recipient_reply = lambda address: f"550 {address} is unknown"
    book()
    with caplog.at_level("INFO", logger="notifications"):
        send()

    [record] = [each for each in caplog.records if each.name == "notifications.sending"]
    assert record.levelname == "ERROR"
    assert record.message == "message failed"
    assert vars(record)["recipient"] == "a***@email.com"
    assert "ana@" not in str(vars(record))
