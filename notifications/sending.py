"""The worker: claim messages that are due, render them, send them, and store what became of them.

Two workers never send one message: each change of a message is conditional on the version that was read,
so one of two claims fails. A message is marked as `sending` before anything is transferred. If the worker
ends before that mark, the message is tried again when its lease is over. If it ends after it, nobody
knows whether the mail server accepted it: the message becomes `uncertain`, and staff decide.
"""

import logging
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from datetime import datetime
from functools import cache
from typing import Any, Self

from django.conf import settings
from django.utils import translation
from django.utils.module_loading import import_string

from common.errors import UnavailableError
from common.timestamps import truncate_to_ms
from notifications import repository
from notifications.domain import (
    NEEDS_STAFF,
    UNDER_WAY,
    Message,
    MessageStatus,
    mask_address,
)
from notifications.mail import Mail, Renderer
from notifications.transport import (
    Connection,
    OutcomeUnknownError,
    RefusedError,
    TransportError,
    UnreachableError,
    open_connection,
)

logger = logging.getLogger(__name__)

BATCH_SIZE = 25
WORKER_ENDED = "the worker ended while it was sending"
LANGUAGE = "es"

type Clock = Callable[[], datetime]


def send_due_messages(
    clock: Clock, *, is_stopping: Callable[[], bool] = lambda: False
) -> Counter[MessageStatus]:
    """Send the messages that are due, and return how many got which status.

    Args:
        clock: Returns the current time.
        is_stopping: Whether to stop after the message that is being sent.

    Raises:
        UnreachableError: the mail server can't be reached. The message that was to be sent waits.
        UnavailableError: DynamoDB doesn't respond. A message that was claimed is tried again later.

    """
    outcomes: Counter[MessageStatus] = Counter()
    with _Sender(clock) as sender:
        while due := repository.list_due(now=truncate_to_ms(clock()), limit=BATCH_SIZE):
            changed = 0
            for message in due:
                if is_stopping():
                    return outcomes
                if (status := sender.work_on(message)) is not None:
                    outcomes[status] += 1
                    changed += 1
            if not changed:  # other workers have them, or the index is behind
                break
    return outcomes


class _Sender:
    """Works on one message at a time, over one connection that is opened when it is needed."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._open = ExitStack()
        self._connection: Connection | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self._disconnect()

    def work_on(self, message: Message) -> MessageStatus | None:
        """Send a message that is due; return its new status, or None if another worker has it."""
        if message.status is MessageStatus.SENDING:  # and its lease is over
            return self._store(message, message.uncertain(WORKER_ENDED, now=self._now()))
        claimed = message.claimed(now=self._now())
        if self._store(message, claimed) is None:
            return None
        try:
            mail = render(claimed, self._now())
        except UnavailableError:
            raise
        except Exception as error:  # a bug with one message must not stop the others
            logger.exception("message not rendered", extra=_log_fields(claimed))
            return self._postpone(claimed, f"not rendered: {type(error).__name__}")
        if mail is None:
            return self._store(claimed, claimed.obsolete(now=self._now()))
        return self._send(claimed, mail)

    def _send(self, claimed: Message, mail: Mail) -> MessageStatus | None:
        try:
            connection = self._connected()
        except UnreachableError as error:
            self._postpone(claimed, str(error))
            raise
        sending = claimed.sending(now=self._now())
        if self._store(claimed, sending) is None:
            return None  # the lease was over
        try:
            connection.send(sending, mail)
        except RefusedError as error:
            return self._store(sending, sending.failed(str(error), now=self._now()))
        except OutcomeUnknownError as error:
            self._disconnect()
            return self._store(sending, sending.uncertain(str(error), now=self._now()))
        except TransportError as error:
            self._disconnect()
            status = self._postpone(sending, str(error))
            if isinstance(error, UnreachableError):
                raise
            return status
        return self._store(sending, sending.sent(now=self._now()))

    def _connected(self) -> Connection:
        if self._connection is None:
            self._connection = self._open.enter_context(open_connection())
        return self._connection

    def _disconnect(self) -> None:
        self._connection = None
        self._open.close()

    def _postpone(self, message: Message, error: str) -> MessageStatus | None:
        attempts = settings.EMAIL_MAX_ATTEMPTS
        return self._store(
            message, message.postponed(error, max_attempts=attempts, now=self._now())
        )

    def _store(self, before: Message, after: Message) -> MessageStatus | None:
        """Store a change and return the new status, or None if another worker has changed the message."""
        if not repository.replace_message(before, after):
            if before.status in UNDER_WAY:
                logger.warning("message lease lost", extra=_log_fields(before))
            return None
        if after.status not in UNDER_WAY:
            level = logging.ERROR if after.status in NEEDS_STAFF else logging.INFO
            logger.log(level, f"message {after.status.value}", extra=_log_fields(after))  # noqa: G004 -- one of seven words
        return after.status

    def _now(self) -> datetime:
        return truncate_to_ms(self._clock())


def render(message: Message, now: datetime) -> Mail | None:
    """Return the mail of a message; None if what it says is no longer true.

    Raises:
        UnavailableError: what it is about can't be read.

    """
    renderer = _renderer(settings.EMAIL_RENDERERS[message.record_type])
    with translation.override(LANGUAGE):
        return renderer(message, now)


@cache
def _renderer(path: str) -> Renderer:
    renderer: Renderer = import_string(path)
    return renderer


def _log_fields(message: Message) -> Mapping[str, Any]:
    return {
        "message_id": message.id,
        "recipient": mask_address(message.recipient),
        "attempts": message.attempts,
        "error": message.error,
    }
