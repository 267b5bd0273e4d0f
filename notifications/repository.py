"""All reads and writes of messages. Domain values go in and come out."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from pynamodb.expressions.condition import Condition

from common.dynamodb.index_queries import EARLIEST, LATEST, IndexQuery, read_page
from common.dynamodb.paging import Page
from common.dynamodb.transactions import Transaction
from common.timestamps import to_iso
from notifications.domain import ID_SEPARATOR, UNFINISHED, Message, MessageStatus
from notifications.models import MessageItem

IS_NEW = "the message is new"
IS_UNCHANGED = "the message is unchanged"


def find_message(message_id: str) -> Message | None:
    """Return the message by a consistent read, or None."""
    parts = message_id.split(ID_SEPARATOR)
    if len(parts) != len(("type", "id", "event", "version")):
        return None
    try:
        item = MessageItem.get(*MessageItem.key_of(*parts), consistent_read=True)
    except MessageItem.DoesNotExist:
        return None
    return message_from_item(item)


def list_of_record(record_type: str, record_id: str) -> list[Message]:
    """Return all messages of a record, the oldest first."""
    partition, _ = MessageItem.key(f"{record_type}-{record_id}")
    in_partition = MessageItem.sk.startswith(MessageItem.SK_PREFIX)
    found = MessageItem.query(partition, in_partition, consistent_read=True)
    return sorted(map(message_from_item, found), key=lambda each: (each.created_at, each.id))


def list_messages(
    statuses: Collection[MessageStatus],
    *,
    oldest_first: bool = False,
    limit: int,
    cursor: str | None = None,
) -> Page[Message]:
    """Return up to `limit` messages by due time.

    Raises:
        InvalidCursorError: the cursor isn't one of ours.

    """
    query = _index_query(statuses, last=LATEST, oldest_first=oldest_first)
    return read_page(query, MessageItem, limit=limit, cursor=cursor).map(message_from_item)


def list_due(*, now: datetime, limit: int) -> list[Message]:
    """Return up to `limit` unfinished messages that a worker has to look at, the longest due first."""
    query = _index_query(UNFINISHED, last=to_iso(now), oldest_first=True)
    page = read_page(query, MessageItem, limit=limit, cursor=None)
    return [message_from_item(item) for item in page.items]


def _index_query(
    statuses: Collection[MessageStatus], *, last: str, oldest_first: bool
) -> IndexQuery:
    return IndexQuery(
        table=MessageItem,
        index="StatusDateIndex",
        partitions=[_stored_status(status) for status in statuses],
        first=EARLIEST,
        last=last,
        ascending=oldest_first,
    )


def add_to(transaction: Transaction, message: Message) -> None:
    """Add a new message to the transaction that stores what it is about."""
    is_new = MessageItem.pk.does_not_exist()
    transaction.put_item(_to_item(message), condition=is_new, name=IS_NEW)


def add_message(message: Message) -> bool:
    """Store a new message; return False if there is one with its id."""
    transaction = Transaction()
    add_to(transaction, message)
    return transaction.try_commit()


def replace_message(before: Message, after: Message) -> bool:
    """Store the message that replaces the one read before; return False if another has replaced it."""
    transaction = Transaction()
    transaction.update_item(_to_item(after), condition=_is_unchanged(before), name=IS_UNCHANGED)
    return transaction.try_commit()


def _is_unchanged(message: Message) -> Condition:
    condition: Condition = MessageItem.updated_at == message.updated_at
    return condition


def _stored_status(status: MessageStatus) -> str:
    return f"{MessageItem.STATUS_PREFIX}{status.value}"


def _to_item(message: Message) -> MessageItem:
    key = MessageItem.key_of(message.record_type, message.record_id, message.event, message.version)
    return MessageItem(
        *key,
        record_type=message.record_type,
        record_id=message.record_id,
        event=message.event,
        version=message.version,
        recipient=message.recipient,
        content=dict(message.content) or None,
        status=_stored_status(message.status),
        due_at=message.due_at,
        attempts=message.attempts,
        resends=message.resends or None,
        error=message.error or None,
        created_at=message.created_at,
        updated_at=message.updated_at,
        sent_at=message.sent_at,
        expires_at=message.expires_at,
    )


def message_from_item(item: MessageItem) -> Message:
    """Return the message that an item stores."""
    return Message(
        record_type=item.record_type,
        record_id=item.record_id,
        event=item.event,
        version=item.version,
        recipient=item.recipient,
        content=item.content or {},
        status=MessageStatus(item.status.removeprefix(MessageItem.STATUS_PREFIX)),
        due_at=item.due_at,
        attempts=int(item.attempts),
        resends=int(item.resends or 0),
        error=item.error or "",
        created_at=item.created_at,
        updated_at=item.updated_at,
        sent_at=item.sent_at,
    )


def message_from_raw(item: Mapping[str, Any]) -> Message:
    """Return the message that an item in DynamoDB JSON stores.

    Raises:
        ValueError, TypeError: the item stores none.

    """
    return message_from_item(MessageItem.from_raw_data(dict(item)))


def uncertain_raw(item: Mapping[str, Any], error: str, *, now: datetime) -> dict[str, Any] | None:
    """Return an item in DynamoDB JSON with its unfinished message as uncertain.

    Return None if the item stores no message, one that is finished, or one that can't be read.
    """
    if not item["PK"]["S"].startswith(f"{MessageItem.key_prefix}#"):
        return None
    try:
        message = message_from_raw(item)
        if message.status not in UNFINISHED:
            return None
        uncertain = message.uncertain(error, now=now)
    except (ValueError, TypeError, AttributeError):  # an attribute is missing, or of another type
        return None
    return {**item, **_to_item(uncertain).to_dynamodb_dict()}
