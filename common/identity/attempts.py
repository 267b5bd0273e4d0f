"""Failed identity checks of one subject, and when they limit it. Pure; see `common.identity.lockout`."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from common.timestamps import truncate_to_ms

MAX_DELAY_S = 30


class SubjectKind(StrEnum):
    """Whose failures are counted together."""

    CALL = "call"
    ADDRESS = "address"
    NAME = "name"
    ORDER = "order"
    APPOINTMENT = "appointment"
    CONTACT = "contact"


@dataclass(frozen=True, slots=True)
class AttemptLimit:
    """So many failures limit a subject, until `minutes` after the last of them."""

    failures: int
    minutes: int


type AttemptLimits = Mapping[SubjectKind, AttemptLimit]


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedAttempts:
    """The failed identity checks of one subject.

    Attributes:
        subject: A kind and an id: "order#123456", "appointment#123456" or "call#…".
        failures: How many checks failed.
        expires_at: When they no longer count.
        locked_at: When the last failure reached the limit; None if it isn't reached.

    """

    subject: str
    failures: int = 0
    expires_at: datetime | None = None
    locked_at: datetime | None = None

    @property
    def kind(self) -> SubjectKind:
        """The kind of the subject."""
        return SubjectKind(self.subject.partition("#")[0])

    def is_active(self, now: datetime) -> bool:
        """Whether they still count. DynamoDB deletes expired items hours late."""
        return self.expires_at is not None and self.expires_at > now

    def is_locked(self, now: datetime) -> bool:
        """Whether the subject has reached its limit now."""
        return self.locked_at is not None and self.is_active(now)

    def delay_s(self, limit: AttemptLimit, now: datetime) -> float:
        """Return how long the next attempt must wait: 1, 2, 4 seconds after each failure at the limit.

        The delay grows to `MAX_DELAY_S` and no further, so that nobody can keep the owner out.
        """
        if not self.is_locked(now) or self.expires_at is None:
            return 0.0
        last_failure = self.expires_at - timedelta(minutes=limit.minutes)
        exponent = min(self.failures - limit.failures, 10)
        delay = timedelta(seconds=min(2**exponent, MAX_DELAY_S))
        return max(0.0, (last_failure + delay - now).total_seconds())

    def with_failure(self, limit: AttemptLimit, *, now: datetime) -> "FailedAttempts":
        """Return the attempts with one more failure."""
        failures = (self.failures if self.is_active(now) else 0) + 1
        return FailedAttempts(
            subject=self.subject,
            failures=failures,
            expires_at=now + timedelta(minutes=limit.minutes),
            locked_at=truncate_to_ms(now) if failures >= limit.failures else None,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class IdentityLock:
    """A subject that has reached its limit; `kind` is a `SubjectKind`."""

    id: str
    kind: str
    subject: str
    failures: int
    locked_at: datetime
    until: datetime

    @classmethod
    def from_attempts(cls, attempts: FailedAttempts) -> "IdentityLock | None":
        """Return the lock of these attempts, or None."""
        if attempts.locked_at is None or attempts.expires_at is None:
            return None
        kind, _, subject = attempts.subject.partition("#")
        return cls(
            id=attempts.subject,
            kind=kind,
            subject=subject,
            failures=attempts.failures,
            locked_at=attempts.locked_at,
            until=attempts.expires_at,
        )
