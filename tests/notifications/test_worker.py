"""`manage.py send_messages` as a process: it is killed, stopped, and run beside others."""

import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from email.message import EmailMessage
from pathlib import Path

import pytest
from django.conf import settings as django_settings
from django.core.management import CommandError, call_command
from pytest_django.fixtures import Settings

from common import clock
from notifications.domain import LEASE, Message, MessageStatus
from notifications.sending import send_due_messages
from notifications.services import list_messages
from tests.appointments.factories import CLINIC, book
from tests.fixtures.mail_server import OK, MailServer
from tests.webhooks.factories import Received, Receiver, add_endpoint, running_receiver
from webhooks.domain import DeliveryStatus
from webhooks.sending import deliver_due

pytestmark = [pytest.mark.store, pytest.mark.usefixtures("empty_tables")]

ROOT = Path(__file__).parents[2]
GENEROUS_S = 250
"""Covers the start of a process on a busy machine."""


@contextmanager
def worker(port: int, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    environ = {
        **os.environ,
        "DYNAMODB_ENDPOINT_URL": str(django_settings.DYNAMODB_ENDPOINT_URL),
        "EMAIL_FROM": "turnos@example.com",
        "EMAIL_URL": f"smtp://127.0.0.1:{port}?tls=none",
        "EMAIL_POLL_S": "0.1",
        "WEBHOOK_POLL_S": "0.1",
        "WEBHOOK_LOCAL_RECEIVERS": "true",
        "DJANGO_SECRET_KEY": django_settings.SECRET_KEY,  # the secrets of webhooks are encrypted with it
        "LOGLEVEL": "INFO",
        "LOG_FORMAT": "json",
        "DJANGO_SETTINGS_MODULE": "novasonic.settings",
    }
    command = [sys.executable, "manage.py", "send_messages", *arguments]
    with subprocess.Popen(
        command,
        cwd=ROOT,
        env=environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def book_next_week(count: int) -> None:
    """Book appointments by this machine's clock, which the process reads."""
    now = clock.now()
    day = now.astimezone(CLINIC).date() + timedelta(days=7)
    for hour in range(8, 8 + count):
        book(f"{hour:02}:00", day, now=now, token=f"{hour}")


def by_status() -> dict[MessageStatus, list[Message]]:
    found: dict[MessageStatus, list[Message]] = {}
    for message in list_messages().items:
        found.setdefault(message.status, []).append(message)
    return found


def after_the_lease() -> datetime:
    return clock.now() + LEASE + timedelta(minutes=1)


def test_messages_are_sent_exactly_once_though_the_worker_is_killed(
    mail_server: MailServer,
) -> None:
    book_next_week(5)
    with worker(mail_server.port, "--once") as process:

        def kill_at_the_third(_mail: EmailMessage) -> str:
            if len(mail_server.accepted) == 2:
                process.kill()  # SIGKILL: the mail is there, and nobody marks it
                process.wait(GENEROUS_S)
            return OK

        mail_server.data_reply = kill_at_the_third
        process.wait(GENEROUS_S)
        assert process.returncode == -signal.SIGKILL

    mail_server.data_reply = lambda _mail: OK
    send_due_messages(after_the_lease)
    send_due_messages(after_the_lease)

    message_ids = [mail["Message-ID"] for mail in mail_server.accepted]
    assert len(message_ids) == len(set(message_ids)) == 5
    statuses = by_status()
    assert len(statuses[MessageStatus.SENT]) == 4
    [uncertain] = statuses[MessageStatus.UNCERTAIN]
    assert uncertain.message_id("example.com") in message_ids


@pytest.fixture
def receiver(settings: Settings) -> Iterator[Receiver]:
    settings.WEBHOOK_LOCAL_RECEIVERS = True
    with running_receiver() as receiver:
        yield receiver


def test_what_a_killed_worker_did_not_finish_is_sent_by_the_next(
    mail_server: MailServer, receiver: Receiver
) -> None:
    killed = threading.Event()

    def answer_after_the_kill(_request: Received) -> int:
        assert killed.wait(GENEROUS_S)
        return 204

    add_endpoint(receiver, now=clock.now())
    receiver.answer = answer_after_the_kill
    book_next_week(1)
    with socket.create_server(("127.0.0.1", 0)) as silent:  # it accepts, and never greets
        silent.settimeout(GENEROUS_S)
        with worker(silent.getsockname()[1]) as process:
            connection, _ = silent.accept()
            assert receiver.is_contacted.wait(GENEROUS_S)
            assert [*by_status()] == [MessageStatus.CLAIMED]
            process.kill()
            process.wait(GENEROUS_S)
            killed.set()
            connection.close()

    receiver.wait_for(1)
    assert send_due_messages(clock.now) == {}
    assert send_due_messages(after_the_lease) == {MessageStatus.SENT: 1}
    assert deliver_due(after_the_lease) == {DeliveryStatus.DELIVERED: 1}
    assert send_due_messages(after_the_lease) == deliver_due(after_the_lease) == {}
    assert len(mail_server.accepted) == 1
    first, second = receiver.requests
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    assert first.body == second.body


def test_running_worker_sends_what_comes_and_stops_cleanly_at_sigterm(
    mail_server: MailServer,
) -> None:
    with worker(mail_server.port) as process:
        assert process.stdout is not None
        while "worker started" not in (line := process.stdout.readline()):
            assert line, "the worker ended"
        book_next_week(1)
        lines = ""
        while "message sent" not in lines or "worker pass finished" not in lines:
            line = process.stdout.readline()
            assert line, "the worker ended"
            lines += line
        process.send_signal(signal.SIGTERM)
        rest = process.stdout.read()
        assert process.wait(GENEROUS_S) == 0

    assert "worker stopped" in rest
    assert "ana@email.com" not in rest
    assert len(mail_server.accepted) == 1


@pytest.fixture
def signal_handlers() -> Iterator[None]:
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.usefixtures("signal_handlers")
def test_bug_of_the_loop_ends_the_worker_with_its_threads(settings: Settings) -> None:
    settings.NOTIFICATION_TASKS = None  # not iterable: an error that the loop doesn't expect
    settings.EMAIL_FROM, settings.WEBHOOK_POLL_S = "", 0.05

    with pytest.raises(TypeError):
        call_command("send_messages")

    assert not [each for each in threading.enumerate() if each.name.startswith("webhook")]


def test_worker_without_settings_says_which_are_needed(settings: Settings) -> None:
    settings.EMAIL_FROM, settings.EMAIL_URL = "turnos@example.com", ""
    with pytest.raises(CommandError, match="Set EMAIL_FROM and EMAIL_URL"):
        call_command("send_messages", "--once")
