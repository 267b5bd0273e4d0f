"""Failed attempts to prove who one is, and when they add up to a lock. Pure; `common.identity.lockout` has the theory."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from common.timestamps import truncate_to_ms


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempts:
    """Failures to prove something of one subject, and until when they count."""

    subject: str
    failures: int = 0
    expires_at: datetime | None = None
    locked_at: datetime | None = None

    def counts(self, now: datetime) -> bool:
        """Whether they aren't over yet. DynamoDB deletes what has expired hours late."""
        return self.expires_at is not None and self.expires_at > now

    def locks(self, now: datetime) -> bool:
        """Whether nothing is proven any more, for now."""
        return self.locked_at is not None and self.counts(now)

    def after_failure(self, *, limit: int, minutes: int, now: datetime) -> "Attempts":
        """Return them with one failure more."""
        failures = (self.failures if self.counts(now) else 0) + 1
        return Attempts(
            subject=self.subject,
            failures=failures,
            expires_at=now + timedelta(minutes=minutes),
            locked_at=truncate_to_ms(now) if failures >= limit else None,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class IdentityLock:
    """Something that is refused for now. `kind` is "order", "appointment" or "call"."""

    id: str
    kind: str
    subject: str
    failures: int
    locked_at: datetime
    until: datetime

    @classmethod
    def of(cls, attempts: Attempts) -> "IdentityLock | None":
        """Return the lock that these attempts made, or None."""
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
