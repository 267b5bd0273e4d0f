"""`manage.py send_messages`: send the e-mails of the outbox."""

import logging
import signal
import threading
import time
from argparse import ArgumentParser
from collections import Counter
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils.module_loading import import_string

from common import clock
from common.errors import UnavailableError
from notifications.domain import MessageStatus
from notifications.sending import send_due_messages
from notifications.transport import UnreachableError

logger = logging.getLogger(__name__)

TASK_INTERVAL_S = 30.0
LONGEST_PAUSE_S = 60.0


class Command(BaseCommand):
    help = (
        "Sends the e-mails of the outbox, and adds reminders to it. Runs until SIGTERM or Ctrl-C, which let it "
        "finish the e-mail that it sends. Any number of these may run at once."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--once", action="store_true", help="Send what is due, then end.")

    def handle(self, *_args: Any, once: bool, **_options: Any) -> None:
        if not settings.EMAIL_FROM or not settings.EMAIL_URL:
            raise CommandError("Set EMAIL_FROM and EMAIL_URL: see docs/notifications.md.")
        stopping = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stopping.set())
        if once:
            self._send_once(stopping)
        else:
            _send_until(stopping)

    def _send_once(self, stopping: threading.Event) -> None:
        try:
            _run_tasks()
            outcomes = send_due_messages(clock.now, is_stopping=stopping.is_set)
        except UnreachableError as error:
            raise CommandError(f"The mail server can't be reached ({error}).") from None
        except UnavailableError as error:
            raise CommandError(error.message) from None
        self.stdout.write(_summary(outcomes))


def _send_until(stopping: threading.Event) -> None:
    logger.info("worker started")
    pause_s = settings.EMAIL_POLL_S
    tasks_due_at = time.monotonic()
    while not stopping.is_set():
        try:
            if time.monotonic() >= tasks_due_at:
                _run_tasks()
                tasks_due_at = time.monotonic() + TASK_INTERVAL_S
            send_due_messages(clock.now, is_stopping=stopping.is_set)
            pause_s = settings.EMAIL_POLL_S
        except (UnreachableError, UnavailableError) as error:
            pause_s = min(2 * pause_s, max(LONGEST_PAUSE_S, settings.EMAIL_POLL_S))
            logger.warning("e-mails not sent", extra={"error": str(error), "pause_s": pause_s})
        stopping.wait(pause_s)
    logger.info("worker stopped")


def _run_tasks() -> None:
    """Do what belongs to sending: a task that has a bug doesn't stop the others, nor the e-mails."""
    for path in settings.NOTIFICATION_TASKS:
        try:
            import_string(path)(clock.now())
        except UnavailableError:
            raise
        except Exception:
            logger.exception("task failed", extra={"task": path})


def _summary(outcomes: Counter[MessageStatus]) -> str:
    counts = [f"{outcomes[status]} {status.value}" for status in MessageStatus if outcomes[status]]
    return ", ".join(counts) or "Nothing to send."
