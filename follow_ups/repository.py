"""All reads and writes of follow-ups. Domain values go in and come out."""

from collections.abc import Collection
from datetime import datetime

from pynamodb.expressions.condition import Condition

from common.dynamodb.index_queries import LATEST, IndexQuery, read_page
from common.dynamodb.paging import Page
from common.dynamodb.transactions import Transaction
from common.errors import StaleVersionError
from common.ids import is_id
from common.timestamps import MIN_INSTANT, to_iso
from follow_ups.domain import FollowUp, FollowUpStatus
from follow_ups.models import FollowUpItem

IS_NEW = "the follow-up is new"
IS_UNCHANGED = "the follow-up is unchanged"


def find_follow_up(follow_up_id: str) -> FollowUp | None:
    """Return the follow-up by a consistent read, or None."""
    item = FollowUpItem.find(follow_up_id) if is_id(follow_up_id) else None
    return None if item is None else follow_up_from_item(item)


def list_follow_ups(
    statuses: Collection[FollowUpStatus],
    *,
    created_from: datetime | None = None,
    oldest_first: bool = False,
    limit: int,
    cursor: str | None = None,
) -> Page[FollowUp]:
    """Return up to `limit` follow-ups by time of creation.

    Raises:
        InvalidCursorError: the cursor isn't one of ours.

    """
    query = IndexQuery(
        table=FollowUpItem,
        index="CallIndex",
        partitions=[_kind(status) for status in statuses],
        first=to_iso(created_from or MIN_INSTANT),
        last=LATEST,
        ascending=oldest_first,
    )
    return read_page(query, FollowUpItem, limit=limit, cursor=cursor).map(follow_up_from_item)


def add_follow_up(follow_up: FollowUp) -> bool:
    """Store a new follow-up; return False if there is one with its id."""
    transaction = Transaction()
    transaction.put_item(
        _to_item(follow_up), condition=FollowUpItem.pk.does_not_exist(), name=IS_NEW
    )
    return transaction.try_commit()


def replace_follow_up(before: FollowUp, after: FollowUp) -> None:
    """Store the follow-up that replaces the one read before.

    Raises:
        StaleVersionError: somebody else changed or deleted it since.

    """
    transaction = Transaction()
    transaction.update_item(_to_item(after), condition=_is_unchanged(before), name=IS_UNCHANGED)
    transaction.commit(on_conflict=StaleVersionError())


def delete_follow_up(follow_up: FollowUp) -> None:
    """Delete the follow-up.

    Raises:
        StaleVersionError: somebody else changed or deleted it since.

    """
    transaction = Transaction()
    item = FollowUpItem(*FollowUpItem.key(follow_up.id))
    transaction.delete_item(item, condition=_is_unchanged(follow_up), name=IS_UNCHANGED)
    transaction.commit(on_conflict=StaleVersionError())


def _is_unchanged(follow_up: FollowUp) -> Condition:
    condition: Condition = FollowUpItem.updated_at == follow_up.updated_at
    return condition


def _kind(status: FollowUpStatus) -> str:
    return f"{FollowUpItem.KIND_PREFIX}{status.value}"


def _to_item(follow_up: FollowUp) -> FollowUpItem:
    return FollowUpItem(
        *FollowUpItem.key(follow_up.id),
        kind=_kind(follow_up.status),
        customer_name=follow_up.customer_name,
        phone=follow_up.phone or None,
        email=follow_up.email or None,
        message=follow_up.message,
        call_id=follow_up.call_id,
        done_by=follow_up.done_by or None,
        note=follow_up.note or None,
        created_at=follow_up.created_at,
        updated_at=follow_up.updated_at,
        expires_at=follow_up.expires_at,
    )


def follow_up_from_item(item: FollowUpItem) -> FollowUp:
    """Return the follow-up that an item stores."""
    return FollowUp(
        id=item.pk.partition("#")[2],
        customer_name=item.customer_name,
        phone=item.phone or "",
        email=item.email or "",
        message=item.message,
        call_id=item.call_id,
        status=FollowUpStatus(item.kind.removeprefix(FollowUpItem.KIND_PREFIX)),
        done_by=item.done_by or "",
        note=item.note or "",
        created_at=item.created_at,
        updated_at=item.updated_at,
    )
