"""Failed identity checks of one subject, and what they cost the next attempt."""

from datetime import UTC, datetime, timedelta

import pytest

from common.identity.attempts import (
    AttemptLimit,
    FailedAttempts,
    IdentityLock,
    SubjectKind,
)

pytestmark = pytest.mark.pure

NOW = datetime(2099, 11, 22, 15, tzinfo=UTC)
LIMIT = AttemptLimit(failures=2, minutes=15)
NONE = FailedAttempts(subject="order#1")


def failed(times: int) -> FailedAttempts:
    attempts = NONE
    for _ in range(times):
        attempts = attempts.with_failure(LIMIT, now=NOW)
    return attempts


def test_subject_names_its_kind() -> None:
    assert NONE.kind is SubjectKind.ORDER


def test_attempts_are_limited_from_the_limit_until_they_expire() -> None:
    assert not NONE.is_locked(NOW)
    assert not failed(1).is_locked(NOW)
    assert failed(2).is_locked(NOW)
    assert not failed(2).is_locked(NOW + timedelta(minutes=15))


def test_expired_failures_are_counted_anew() -> None:
    later = NOW + timedelta(minutes=15)

    assert failed(1).with_failure(LIMIT, now=later).failures == 1


@pytest.mark.parametrize(
    ("failures", "seconds"), [(0, 0), (1, 0), (2, 1), (3, 2), (4, 4), (6, 16), (7, 30), (50, 30)]
)
def test_delay_doubles_with_each_failure_up_to_half_a_minute(failures: int, seconds: int) -> None:
    attempts = failed(failures)

    assert attempts.delay_s(LIMIT, NOW) == seconds
    assert attempts.delay_s(LIMIT, NOW + timedelta(seconds=seconds)) == 0


def test_lock_describes_limited_attempts_only() -> None:
    lock = IdentityLock.from_attempts(failed(2))

    assert lock is not None
    assert (lock.id, lock.kind, lock.subject, lock.failures) == ("order#1", "order", "1", 2)
    assert (lock.locked_at, lock.until) == (NOW, NOW + timedelta(minutes=15))
    assert IdentityLock.from_attempts(failed(1)) is None
    assert IdentityLock.from_attempts(NONE) is None
