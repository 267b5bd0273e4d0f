"""`manage.py send_messages`: send the e-mails of the outbox, and post events to webhooks.

E-mails are sent one after the other. Webhooks have threads of their own: a slow receiver delays no e-mail.
"""

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
from notifications.services import are_emails_sent
from notifications.transport import UnreachableError
from webhooks.domain import DeliveryStatus
from webhooks.sending import Dispatcher, Outcomes, deliver_due

logger = logging.getLogger(__name__)

TASK_INTERVAL_S = 30.0
REPORT_INTERVAL_S = 60.0
"""How often a working worker says so; an alarm notices when it does not."""
LONGEST_PAUSE_S = 60.0


class Command(BaseCommand):
    help = (
        "Sends the e-mails of the outbox, adds reminders to it, and posts events to webhooks. Runs until SIGTERM "
        "or Ctrl-C, which let it finish what it sends. Any number of these may run at once."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--once", action="store_true", help="Send what is due, then end.")

    def handle(self, *_args: Any, once: bool, **_options: Any) -> None:
        if are_emails_sent() and not settings.EMAIL_URL:
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
            delivered = deliver_due(clock.now, is_stopping=stopping.is_set)
            outcomes = _send_emails(stopping)
        except UnreachableError as error:
            raise CommandError(f"The mail server can't be reached ({error}).") from None
        except UnavailableError as error:
            raise CommandError(error.message) from None
        self.stdout.write(_summary(outcomes, delivered))


def _send_until(stopping: threading.Event) -> None:
    webhooks = threading.Thread(target=_deliver_until, args=(stopping,), name="webhooks")
    webhooks.start()
    try:
        _send_emails_until(stopping)
    finally:  # a bug ends the process, so that it is started again
        stopping.set()
        webhooks.join()
    logger.info("worker stopped")


def _send_emails_until(stopping: threading.Event) -> None:
    logger.info("worker started")
    pause_s = settings.EMAIL_POLL_S
    tasks_due_at = report_due_at = time.monotonic()
    while not stopping.is_set():
        try:
            if time.monotonic() >= tasks_due_at:
                _run_tasks()
                tasks_due_at = time.monotonic() + TASK_INTERVAL_S
            _send_emails(stopping)
            pause_s = settings.EMAIL_POLL_S
            if time.monotonic() >= report_due_at:
                logger.info("worker pass finished")
                report_due_at = time.monotonic() + REPORT_INTERVAL_S
        except (UnreachableError, UnavailableError) as error:
            pause_s = min(2 * pause_s, max(LONGEST_PAUSE_S, settings.EMAIL_POLL_S))
            logger.warning("e-mails not sent", extra={"error": str(error), "pause_s": pause_s})
        stopping.wait(pause_s)


def _send_emails(stopping: threading.Event) -> Counter[MessageStatus]:
    if not are_emails_sent():
        return Counter()
    return send_due_messages(clock.now, is_stopping=stopping.is_set)


def _deliver_until(stopping: threading.Event) -> None:
    pause_s = settings.WEBHOOK_POLL_S
    with Dispatcher(clock.now, is_stopping=stopping.is_set) as dispatcher:
        while not stopping.is_set():
            try:
                dispatcher.start()
                pause_s = settings.WEBHOOK_POLL_S
            except UnavailableError as error:
                pause_s = min(2 * pause_s, max(LONGEST_PAUSE_S, settings.WEBHOOK_POLL_S))
                extra = {"error": str(error), "pause_s": pause_s}
                logger.warning("webhooks not delivered", extra=extra)
            except Exception:
                logger.exception("webhook worker failed")
            stopping.wait(pause_s)


def _run_tasks() -> None:
    """Do what belongs to sending: a task that has a bug doesn't stop the others, nor the e-mails."""
    for path in settings.NOTIFICATION_TASKS:
        try:
            import_string(path)(clock.now())
        except UnavailableError:
            raise
        except Exception:
            logger.exception("task failed", extra={"task": path})


def _summary(outcomes: Counter[MessageStatus], delivered: Outcomes) -> str:
    counts = [f"{outcomes[status]} {status.value}" for status in MessageStatus if outcomes[status]]
    counts += [
        f"{delivered[status]} webhooks {status.value}"
        for status in DeliveryStatus
        if delivered[status]
    ]
    return ", ".join(counts) or "Nothing to send."
