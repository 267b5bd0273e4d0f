"""The shared limit of Nova Sonic sessions in one Region: which process may have how many open.

AWS limits the sessions of an account in each Region. All processes share the limit, so each leases the
sessions that it opens. A lease ends by itself if the process does not renew it, for it may have died.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from math import ceil
from types import MappingProxyType

LEASE_LIFETIME = timedelta(seconds=30)
"""How long a lease is valid without being renewed."""
HEADROOM = 0.1
"""The share of the sessions that new calls leave free: live calls need a second one to rotate."""


def limit_for_new_calls(quota: int) -> int:
    """Return how many sessions new calls may bring a Region to; all are for live calls."""
    return quota - min(max(1, ceil(HEADROOM * quota)), quota - 1)


@dataclass(frozen=True, slots=True)
class SessionLease:
    """The sessions that one process has leased."""

    sessions: int
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class SessionLeases:
    """All leases in one Region, by the ids of the processes."""

    version: int = 0
    """Counts the changes; 0 if nothing is stored."""
    by_process: Mapping[str, SessionLease] = field(default_factory=lambda: MappingProxyType({}))

    def valid(self, now: datetime) -> dict[str, SessionLease]:
        """Return the leases that have not expired."""
        return {name: lease for name, lease in self.by_process.items() if lease.expires_at > now}

    def used(self, now: datetime) -> int:
        """Return how many sessions are leased."""
        return sum(lease.sessions for lease in self.valid(now).values())

    def leased_by(self, process_id: str, *, now: datetime) -> int:
        """Return how many sessions a process has leased."""
        lease = self.valid(now).get(process_id)
        return 0 if lease is None else lease.sessions

    def renewed(
        self, process_id: str, *, opened: int, requested: int, limit: int, now: datetime
    ) -> "SessionLeases":
        """Return the leases after a process has renewed its own.

        Args:
            process_id: The process.
            opened: The sessions that it has open. They are leased whatever the limit says, as they exist.
            requested: How many more it requests; it gets all of them or none.
            limit: How many sessions all processes together may lease.
            now: The current time.

        """
        leases = self.valid(now)
        leases.pop(process_id, None)
        others = sum(lease.sessions for lease in leases.values())
        sessions = opened + (requested if others + opened + requested <= limit else 0)
        if sessions:
            leases[process_id] = SessionLease(sessions, now + LEASE_LIFETIME)
        return SessionLeases(self.version + 1, leases)
