"""How often callers may fail to prove who they are, and what is locked because they failed too often.

Theory. Failures are counted twice: by record, so that nobody tries names on one order from many
calls, and by call, so that nobody tries one name on many orders. A count ends some minutes after
its last failure; at its limit it is a lock, and ends some minutes later, whatever is said meanwhile.
A locked record answers like one that isn't there, even to its owner: who asks must not learn that
they guessed right. A record that doesn't exist is counted like one that does.
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
    caller: Caller, *, kind: str, record_id: str, proven: bool, now: datetime
) -> bool:
    """Whether `caller` may go on to the record, and count it if they may not.

    `proven` says that the record is there and that what the caller says of themselves fits it.
    """
    if isinstance(caller, Staff):
        return proven
    subjects = [f"{kind}#{record_id}"] if is_id(record_id) else []
    if caller.call_id and is_id(caller.call_id):
        subjects.append(f"call#{caller.call_id}")
    return retry_on_conflict(lambda: _verify_or_count_failure(subjects, proven=proven, now=now))


def _verify_or_count_failure(subjects: list[str], *, proven: bool, now: datetime) -> bool:
    so_far = [repository.attempts_on(subject) for subject in subjects]
    if any(attempts.locks(now) for attempts in so_far):
        return False
    if not proven and so_far:
        limit, minutes = settings.IDENTITY_MAX_ATTEMPTS, settings.IDENTITY_LOCK_MINUTES
        repository.count_failures(
            {
                before: before.after_failure(limit=limit, minutes=minutes, now=now)
                for before in so_far
            }
        )
    return proven


# --- What staff do


def identity_locks(*, now: datetime) -> list[IdentityLock]:
    """Return what is locked now, the latest first; at most a hundred."""
    locked = repository.locked_attempts(MAX_LOCKS)
    locks = [IdentityLock.of(attempts) for attempts in locked if attempts.locks(now)]
    return [lock for lock in locks if lock is not None]


def lift_identity_lock(*, lock_id: str) -> None:
    """Forget the failures behind a lock, so that callers may try again.

    Raises:
        NotFoundError: there is no such lock.

    """
    if not repository.forget_attempts(lock_id):
        raise NotFoundError(lock_id=lock_id)
