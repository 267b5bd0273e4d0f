"""Add messages to the outbox, find them, and send them again.

All functions block on DynamoDB and raise `UnavailableError` if it does not answer.
"""

from collections.abc import Collection, Mapping
from datetime import datetime

from django.conf import settings

from common.dynamodb.paging import Page
from common.dynamodb.transactions import Transaction
from common.errors import StaleVersionError
from common.timestamps import truncate_to_ms
from notifications import repository
from notifications.domain import NEEDS_STAFF, UNDER_WAY, Message, MessageStatus
from notifications.errors import MessageNotFoundError, MessageUnderWayError


def are_emails_sent() -> bool:
    """Whether customers get e-mails: there is a sender's address."""
    return bool(settings.EMAIL_FROM)


def new_message(  # noqa: PLR0913 -- the parts of a message, by keyword
    *,
    record_type: str,
    record_id: str,
    event: str,
    version: str,
    recipient: str,
    content: Mapping[str, str] | None = None,
    due_at: datetime | None = None,
    now: datetime,
) -> Message:
    """Return a message that isn't stored yet.

    Args:
        record_type: The kind of record; the setting `EMAIL_RENDERERS` names its renderer.
        record_id: The record's id.
        event: What happened; the renderer knows it.
        version: Tells two events of this kind apart; the same event must always have the same version.
        recipient: The address it goes to.
        content: What the renderer can't read from the record.
        due_at: When to send it; by default at once.
        now: The current time.

    """
    now = truncate_to_ms(now)
    return Message(
        record_type=record_type,
        record_id=record_id,
        event=event,
        version=version,
        recipient=recipient,
        content=content or {},
        due_at=truncate_to_ms(due_at or now),
        created_at=now,
        updated_at=now,
    )


def enqueue(message: Message, *, transaction: Transaction | None = None) -> bool:
    """Add a message to the outbox, once; return False if it is there, or if no e-mails are sent.

    Args:
        message: What `new_message` returned.
        transaction: The transaction that stores what the message is about. The message is then stored
            if and only if that is, and a message that is there makes its commit fail. None to store
            it now.

    """
    if not are_emails_sent():
        return False
    if transaction is None:
        return repository.add_message(message)
    repository.add_to(transaction, message)
    return True


def get_message(*, message_id: str) -> Message:
    """Return the message with this id.

    Raises:
        MessageNotFoundError: there is none.

    """
    message = repository.find_message(message_id)
    if message is None:
        raise MessageNotFoundError
    return message


def list_messages_of(*, record_type: str, record_id: str) -> list[Message]:
    """Return all messages of a record, the oldest first."""
    return repository.list_of_record(record_type, record_id)


def list_messages(
    *,
    statuses: Collection[MessageStatus] = tuple(MessageStatus),
    oldest_first: bool = False,
    limit: int = 20,
    cursor: str | None = None,
) -> Page[Message]:
    """Return a page of messages by due time; of those that are finished, when that was."""
    return repository.list_messages(statuses, oldest_first=oldest_first, limit=limit, cursor=cursor)


def count_needing_staff(*, limit: int = 100) -> int:
    """Return how many messages failed or are uncertain, at most `limit`."""
    return len(repository.list_messages(NEEDS_STAFF, limit=limit).items)


def send_again(*, message_id: str, now: datetime) -> Message:
    """Let the worker send a message at once, also one that was sent or failed, and return it.

    Raises:
        MessageNotFoundError: there is none.
        MessageUnderWayError: a worker is sending it.
        StaleVersionError: it changed meanwhile.

    """
    message = get_message(message_id=message_id)
    if message.status in UNDER_WAY:
        raise MessageUnderWayError
    waiting = message.sent_again(now=truncate_to_ms(now))
    if not repository.replace_message(message, waiting):
        raise StaleVersionError
    return waiting
