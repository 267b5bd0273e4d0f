"""Limit how often callers may fail to prove who they are.

Each failure is counted for the call, for the network address it comes from, for the name that was said,
and for the record. What a count does at its limit depends on what it counts:

- **Call, address**: nobody can be verified from there for a while. The caller is told so.
- **Name**: one name that is tried on many records is no longer enough by itself.
- **Record**: its owner isn't locked out. But the name alone is no longer enough, and each further
  failure makes the next attempt wait longer, up to half a minute.

So whoever guesses locks out themselves, not the owner. Nothing that a caller is told depends on whether
the record exists, except a success: failures on a record that doesn't exist are counted in the same way.
A name that is only near, without another factor, isn't counted: it is no guess.
"""

import logging
import math
import threading
from collections import OrderedDict
from datetime import datetime, timedelta

from django.conf import settings
from django.utils.crypto import salted_hmac

from common.dynamodb.retries import retry_on_conflict
from common.errors import BusyError, IdentityMissingError, NotFoundError, UnavailableError
from common.identity import repository
from common.identity.attempts import (
    AttemptLimit,
    AttemptLimits,
    IdentityLock,
    SubjectKind,
)
from common.identity.errors import (
    AttemptsExceededError,
    AttemptTooSoonError,
    SecondFactorNeededError,
)
from common.identity.names import letters_of
from common.identity.verification import (
    Caller,
    Customer,
    Factor,
    FactorRule,
    Owner,
    Staff,
    Verification,
    missing_factors,
    verify,
)
from common.ids import is_id
from common.networks import network_of

logger = logging.getLogger(__name__)

MAX_LOCKS = 100
MAX_REMEMBERED_ADDRESSES = 4_096
KNOWN_RENEWALS = 30
"""In how many parts of `KNOWN_CALLER_DAYS` a known address is stored once, each day of 30 days."""
LOCKING = frozenset({SubjectKind.CALL, SubjectKind.ADDRESS})
RECORDS = frozenset({SubjectKind.ORDER, SubjectKind.APPOINTMENT, SubjectKind.CONTACT})

recorded_until: OrderedDict[str, datetime] = OrderedDict()
"""Until when addresses, as hashes, are known by what this process has stored lately."""
_recorded_lock = threading.Lock()


def verify_or_count_failure(
    caller: Caller,
    *,
    kind: SubjectKind,
    record_id: str,
    owner: Owner | None,
    rule: FactorRule,
    now: datetime,
) -> bool:
    """Return whether `caller` may access the record; if what they say is wrong, count a failure.

    Args:
        caller: Who asks; staff always may.
        kind: The kind of record.
        record_id: Its id, as the caller gave it.
        owner: What the record says of its owner; None if there is no such record.
        rule: Which factors are needed.
        now: The current instant.

    Raises:
        IdentityMissingError: the caller offers no factor that the rule begins with.
        SecondFactorNeededError: the caller must offer another factor beside the name.
        AttemptsExceededError: too many failures in this call or from this address.
        AttemptTooSoonError: too many failures for this record a moment ago.

    """
    if isinstance(caller, Staff):
        return owner is not None
    _require_factors(caller, rule)
    subjects = _subjects(caller, kind, record_id)
    is_verified = retry_on_conflict(lambda: _verify_once(caller, subjects, owner, rule, now))
    if is_verified and caller.address:
        _record_known_address(caller.address, now)
    return is_verified


def _require_factors(customer: Customer, rule: FactorRule) -> None:
    missing = missing_factors(customer, rule)
    if Factor.NAME in missing:
        raise IdentityMissingError
    if missing:
        raise SecondFactorNeededError(accepts=list(missing))


def _verify_once(
    customer: Customer, subjects: list[str], owner: Owner | None, rule: FactorRule, now: datetime
) -> bool:
    before = repository.failed_attempts(subjects)
    limits = _limits()
    limited = [attempts for attempts in before if attempts.is_locked(now)]
    for attempts in limited:
        if attempts.kind in LOCKING and attempts.expires_at is not None:
            minutes = math.ceil((attempts.expires_at - now).total_seconds() / 60)
            raise AttemptsExceededError(minutes=minutes)
    if limited:
        rule = rule.stricter()
        _require_factors(customer, rule)
    delay_s = max([a.delay_s(limits[a.kind], now) for a in limited if a.kind in RECORDS], default=0)
    if delay_s > 0:
        raise AttemptTooSoonError(seconds=math.ceil(delay_s))
    result = Verification.CONTRADICTED if owner is None else verify(customer, owner, rule)
    if result is Verification.CONTRADICTED and before:
        repository.replace_attempts(
            {each: each.with_failure(limits[each.kind], now=now) for each in before}
        )
    return result is Verification.VERIFIED


def _limits() -> AttemptLimits:
    own = AttemptLimit(settings.IDENTITY_MAX_ATTEMPTS, settings.IDENTITY_LOCK_MINUTES)
    shared_minutes = settings.IDENTITY_CALLER_LOCK_MINUTES
    return {
        SubjectKind.CALL: own,
        SubjectKind.ORDER: own,
        SubjectKind.APPOINTMENT: own,
        SubjectKind.CONTACT: own,
        SubjectKind.NAME: AttemptLimit(settings.IDENTITY_NAME_MAX_ATTEMPTS, shared_minutes),
        SubjectKind.ADDRESS: AttemptLimit(settings.IDENTITY_ADDRESS_MAX_ATTEMPTS, shared_minutes),
    }


def _subjects(customer: Customer, kind: SubjectKind, record_id: str) -> list[str]:
    """Return the subjects whose failures count; names and addresses as hashes."""
    ids = {
        kind: record_id,
        SubjectKind.CALL: customer.call_id or "",
        SubjectKind.ADDRESS: hash_address(customer.address) if customer.address else "",
        SubjectKind.NAME: hash_text(letters_of(customer.name)) if customer.name else "",
    }
    return [f"{subject}#{value}" for subject, value in ids.items() if is_id(value)]


def hash_address(address: str) -> str:
    """Return a hash of the network that an address belongs to: an IPv6 prefix, an IPv4 address."""
    return hash_text(network_of(address).removesuffix("/32"))


def is_known_address(address: str, *, now: datetime) -> bool:
    """Whether somebody was verified from this address in the last `KNOWN_CALLER_DAYS`, or almost."""
    until = repository.known_until(hash_address(address)) if settings.KNOWN_CALLER_DAYS else None
    return until is not None and until > now


def _record_known_address(address: str, now: datetime) -> None:
    """Store that a caller was verified, unless this process has lately done so for the address.

    The tool call doesn't fail if that fails.
    """
    if not settings.KNOWN_CALLER_DAYS:
        return
    address_hash = hash_address(address)
    lifetime = timedelta(days=settings.KNOWN_CALLER_DAYS)
    recorded = recorded_until.get(address_hash)
    if recorded is not None and now + lifetime - recorded < lifetime / KNOWN_RENEWALS:
        return
    try:
        repository.record_known_address(address_hash, until=now + lifetime)
    except (UnavailableError, BusyError):
        logger.warning("known address not stored")
        return
    with _recorded_lock:
        recorded_until[address_hash] = now + lifetime
        recorded_until.move_to_end(address_hash)
        if len(recorded_until) > MAX_REMEMBERED_ADDRESSES:
            recorded_until.popitem(last=False)


def hash_text(value: str) -> str:
    """Return a keyed hash of a name or an address, under which it is counted."""
    return salted_hmac("common.identity", value, algorithm="sha256").hexdigest()[:32]


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
