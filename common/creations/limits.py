"""Limit how many orders and appointments callers create by voice.

Whoever calls may order and book without an account, so one call could fill a doctor's week. Each creation
is counted for the call, and on the day for the contact (the e-mail address), the network address, and all
callers together. At a limit nothing more is created there; staff are not limited.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta

from django.conf import settings

from common.creations import repository
from common.creations.errors import TooManyCreationsError
from common.dynamodb.retries import retry_on_conflict
from common.identity.lockout import hash_address, hash_text
from common.identity.verification import Caller, Customer
from common.ids import is_id

COUNTED_FOR = timedelta(days=2)
"""A call is shorter than a day, and a day is over after one."""


def check_limits(caller: Caller | None, *, email: str, now: datetime) -> None:
    """Raise `TooManyCreationsError` if the caller may create nothing more; count nothing."""
    if isinstance(caller, Customer):
        limits = _limits(caller, email, now)
        _refuse_at_limit(repository.read_counts(limits), limits)


def count_creation(caller: Caller | None, *, email: str, now: datetime) -> None:
    """Count what a customer is about to create; staff, and programs (None), aren't counted.

    Raises:
        TooManyCreationsError: one of the limits is reached.

    """
    if not isinstance(caller, Customer):
        return
    limits = _limits(caller, email, now)

    def attempt() -> None:
        counts = repository.read_counts(limits)
        _refuse_at_limit(counts, limits)
        repository.add_one(counts, expires_at=now + COUNTED_FOR)

    retry_on_conflict(attempt)


def _refuse_at_limit(counts: Mapping[str, int], limits: Mapping[str, int]) -> None:
    for subject, count in counts.items():
        if count >= limits[subject]:
            raise TooManyCreationsError(limited=subject.partition("-")[0])


def _limits(customer: Customer, email: str, now: datetime) -> dict[str, int]:
    """Return the limit of each subject: contacts and addresses as hashes, all but calls by day."""
    day = f"{now:%Y%m%d}"
    limits = {
        f"contact-{day}-{hash_text(email)}": settings.VOICE_CREATIONS_PER_CONTACT,
        f"all-{day}": settings.VOICE_CREATIONS_PER_DAY,
    }
    if customer.call_id and is_id(customer.call_id):
        limits[f"call-{customer.call_id}"] = settings.VOICE_CREATIONS_PER_CALL
    if customer.address:
        limits[f"address-{day}-{hash_address(customer.address)}"] = (
            settings.VOICE_CREATIONS_PER_ADDRESS
        )
    return limits
