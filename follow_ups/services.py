"""Leave, find and complete follow-ups. The voice tool and the staff pages use these functions.

All of them block on DynamoDB and raise `UnavailableError` if it does not answer, besides what their
docstrings list. Every `unchanged_since` is the `updated_at` that the caller saw: if the follow-up has
changed since, `StaleVersionError` is raised and nothing is written.
"""

from collections.abc import Collection
from dataclasses import replace
from datetime import datetime

from common.contact import clean_email, clean_name, clean_phone, clean_text
from common.creations.limits import check_limits, count_creation
from common.dynamodb.paging import Page
from common.dynamodb.retries import refuse_if_stale
from common.errors import InvalidFieldError
from common.identity.lockout import hash_text
from common.identity.verification import Caller, Customer
from common.timestamps import next_version, truncate_to_ms
from follow_ups import repository
from follow_ups.domain import MAX_MESSAGE_LENGTH, MAX_NOTE_LENGTH, FollowUp, FollowUpStatus
from follow_ups.errors import ContactMissingError, FollowUpNotFoundError


def leave_follow_up(  # noqa: PLR0913 -- the parts of a message, by keyword
    *,
    customer_name: str,
    message: str,
    phone: str = "",
    email: str = "",
    caller: Caller | None = None,
    token: str,
    is_dry_run: bool = False,
    now: datetime,
) -> FollowUp:
    """Store a message for the staff and return it.

    Args:
        customer_name: Who asks.
        message: What the customer wants.
        phone: The number to call.
        email: The address to write to. One of the two is needed.
        caller: The customer of a call; None if staff or a program write it down.
        token: Identifies the attempts of one request: all of them store one follow-up. It must also
            name the client, so that nobody can guess another's.
        is_dry_run: Whether to check only, and store nothing.
        now: The current instant.

    Raises:
        ContactMissingError: there is neither a phone number nor an e-mail address.
        InvalidFieldError: a value can't be stored.
        TooManyCreationsError: the call, contact, address or day has reached its limit.

    """
    now = truncate_to_ms(now)
    follow_up = FollowUp(
        id=hash_text(f"follow_ups:{token}"),
        customer_name=clean_name(customer_name, field="customer_name"),
        message=clean_text(message, field="message", max_length=MAX_MESSAGE_LENGTH),
        phone=clean_phone(phone, field="phone") if phone.strip() else "",
        email=clean_email(email, field="customer_email") if email.strip() else "",
        call_id=caller.call_id if isinstance(caller, Customer) else None,
        created_at=now,
        updated_at=now,
    )
    if not follow_up.message:
        raise InvalidFieldError(field="message")
    if not follow_up.contact:
        raise ContactMissingError
    if (earlier := repository.find_follow_up(follow_up.id)) is not None:
        return earlier
    if is_dry_run:
        check_limits(caller, email=follow_up.contact, now=now)
        return follow_up
    count_creation(caller, email=follow_up.contact, now=now)
    repository.add_follow_up(follow_up)
    return follow_up


def get_follow_up(*, follow_up_id: str, now: datetime) -> FollowUp:
    """Return the follow-up with this id.

    Raises:
        FollowUpNotFoundError: there is none, or it has expired.

    """
    follow_up = repository.find_follow_up(follow_up_id)
    if follow_up is None or follow_up.expires_at <= now:
        raise FollowUpNotFoundError
    return follow_up


def list_follow_ups(
    *,
    statuses: Collection[FollowUpStatus] = tuple(FollowUpStatus),
    oldest_first: bool = False,
    created_from: datetime | None = None,
    now: datetime,
    limit: int = 20,
    cursor: str | None = None,
) -> Page[FollowUp]:
    """Return a page of follow-ups by time of creation, without the expired ones."""
    page = repository.list_follow_ups(
        statuses,
        created_from=created_from,
        oldest_first=oldest_first,
        limit=limit,
        cursor=cursor,
    )
    return Page(items=[each for each in page.items if each.expires_at > now], cursor=page.cursor)


def change_follow_up(
    *,
    follow_up_id: str,
    status: FollowUpStatus | None = None,
    note: str | None = None,
    by: str,
    unchanged_since: datetime | None = None,
    now: datetime,
) -> FollowUp:
    """Change the status or the note of a follow-up, as the user `by`, and return it.

    A change without a difference writes nothing.

    Raises:
        FollowUpNotFoundError: there is none.
        InvalidFieldError: the note can't be stored.
        StaleVersionError: somebody else changed it.

    """
    before = get_follow_up(follow_up_id=follow_up_id, now=now)
    refuse_if_stale(before.updated_at, unchanged_since)
    version = next_version(before.updated_at, now)
    after = before if status is None else before.with_status(status, by=by, at=version)
    if note is not None:
        cleaned = clean_text(note, field="note", max_length=MAX_NOTE_LENGTH)
        after = replace(after, note=cleaned)
    if after == before:
        return before
    after = replace(after, updated_at=version)
    repository.replace_follow_up(before, after)
    return after


def delete_follow_up(
    *, follow_up_id: str, unchanged_since: datetime | None = None, now: datetime
) -> None:
    """Delete a follow-up.

    Raises:
        FollowUpNotFoundError: there is none.
        StaleVersionError: somebody else changed it.

    """
    follow_up = get_follow_up(follow_up_id=follow_up_id, now=now)
    refuse_if_stale(follow_up.updated_at, unchanged_since)
    repository.delete_follow_up(follow_up)
