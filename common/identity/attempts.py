"""Failed identity checks of one subject, and when they lock it. Pure; see `common.identity.lockout`."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from common.timestamps import truncate_to_ms


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedAttempts:
    """The failed identity checks of one subject.

    Attributes:
        subject: A kind and an id: "order#123456", "appointment#123456" or "call#…".
        failures: How many checks failed.
        expires_at: When they no longer count.
        locked_at: When the last failure locked the subject; None if it is not locked.

    """

    subject: str
    failures: int = 0
    expires_at: datetime | None = None
    locked_at: datetime | None = None

    def is_active(self, now: datetime) -> bool:
        """Whether they still count. DynamoDB deletes expired items hours late."""
        return self.expires_at is not None and self.expires_at > now

    def is_locked(self, now: datetime) -> bool:
        """Whether the subject is locked now."""
        return self.locked_at is not None and self.is_active(now)

    def with_failure(self, *, limit: int, minutes: int, now: datetime) -> "FailedAttempts":
        """Return the attempts with one more failure, which expire `minutes` from now."""
        failures = (self.failures if self.is_active(now) else 0) + 1
        return FailedAttempts(
            subject=self.subject,
            failures=failures,
            expires_at=now + timedelta(minutes=minutes),
            locked_at=truncate_to_ms(now) if failures >= limit else None,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class IdentityLock:
    """A lock on a record or a call. `kind` is "order", "appointment" or "call"."""

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
