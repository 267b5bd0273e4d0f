"""Limit how often callers may fail to prove who they are.

Each failure is counted twice: per record, so that nobody tries names on one order from many calls,
and per call, so that nobody tries one name on many orders. A count expires some minutes after its
last failure. When it reaches its limit it becomes a lock, which expires some minutes later, whatever
the caller says until then.

A locked record is reported as not found, even to its owner: a caller must not learn that a guess was
right. Failures on a record that does not exist are counted in the same way.
"""

from datetime import datetime

from django.conf import settings

from common.dynamodb.retries import retry_on_conflict
from common.errors import NotFoundError
from common.identity import repository
from common.identity.attempts import IdentityLock
from common.identity.verification import Caller, Staff
from common.ids import is_id

MAX_LOCKS = 100


def verify_or_count_failure(
    caller: Caller, *, kind: str, record_id: str, is_match: bool, now: datetime
) -> bool:
    """Return whether `caller` may access the record; if not, count a failure.

    Args:
        caller: Who asks; staff always may.
        kind: The kind of record, "order" or "appointment".
        record_id: Its id, as the caller gave it.
        is_match: Whether the record exists and the caller's name or number is that of its owner.
        now: The current instant.

    """
    if isinstance(caller, Staff):
        return is_match
    subjects = [f"{kind}#{record_id}"] if is_id(record_id) else []
    if caller.call_id and is_id(caller.call_id):
        subjects.append(f"call#{caller.call_id}")
    return retry_on_conflict(lambda: _verify_once(subjects, is_match=is_match, now=now))


def _verify_once(subjects: list[str], *, is_match: bool, now: datetime) -> bool:
    before = [repository.failed_attempts(subject) for subject in subjects]
    if any(attempts.is_locked(now) for attempts in before):
        return False
    if not is_match and before:
        limit, minutes = settings.IDENTITY_MAX_ATTEMPTS, settings.IDENTITY_LOCK_MINUTES
        repository.replace_attempts(
            {each: each.with_failure(limit=limit, minutes=minutes, now=now) for each in before}
        )
    return is_match


# --- For staff


def identity_locks(*, now: datetime) -> list[IdentityLock]:
    """Return the active locks, the latest first, at most `MAX_LOCKS`."""
    locked = repository.locked_attempts(MAX_LOCKS)
    locks = [IdentityLock.from_attempts(attempts) for attempts in locked if attempts.is_locked(now)]
    return [lock for lock in locks if lock is not None]


def lift_identity_lock(*, lock_id: str) -> None:
    """Delete the failures behind a lock, so that callers may try again.

    Raises:
        NotFoundError: there is no such lock.

    """
    if not repository.delete_attempts(lock_id):
        raise NotFoundError(lock_id=lock_id)
