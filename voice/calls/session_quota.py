"""The sessions of this process in one Region, within the limit that all processes share.

Each open session is leased in the calls' table (`conversations.session_leases`). If DynamoDB does not
answer, sessions are opened without a lease: the service itself still refuses what is over the account's
quota, and a call must not end because a table is slow.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import datetime
from typing import Any

from common.dynamodb.client import run_in_thread
from common.errors import BusyError, UnavailableError
from conversations import services
from conversations.session_leases import LEASE_LIFETIME, SessionLeases, limit_for_new_calls
from voice import metrics

logger = logging.getLogger(__name__)

RENEWAL_S = LEASE_LIFETIME.total_seconds() / 3
STORE_TIMEOUT_S = 2.0
WITHOUT_STORE_S = 10.0
"""For how long no lease is requested after DynamoDB has not answered."""


type LeaseSessions = Callable[..., Awaitable[SessionLeases]]


async def lease_in_thread(**arguments: Any) -> SessionLeases:
    """Call `conversations.services.lease_sessions` on a thread."""
    return await run_in_thread(services.lease_sessions, **arguments)


class SessionQuota:
    """Counts the sessions of this process in a Region, and leases them."""

    def __init__(
        self,
        region: str,
        *,
        quota: int,
        process_id: str,
        lease: LeaseSessions,
        now: Callable[[], datetime],
    ) -> None:
        self.region = region
        self.opened = 0
        """The sessions of this process that are open or about to be."""
        self.used_share = 0.0
        """Which share of the sessions for new calls all processes use, as it was stored last."""
        self._quota = quota
        self._process_id = process_id
        self._lease = lease
        self._now = now
        self._leased = 0
        """What is stored, as far as it is known."""
        self._waiting = 0
        self._without_store_until = 0.0
        self._writing = asyncio.Lock()
        self._changed = asyncio.Event()
        self._renewal: asyncio.Task[None] | None = None

    async def acquire(self, *, is_new_call: bool) -> bool:
        """Count a session that is about to be opened; return False if there is none left.

        New calls leave some free for the rotation of live ones.
        """
        if is_new_call:
            async with self._writing:
                granted = await self._request(1, limit_for_new_calls(self._quota))
        else:
            granted = await self._acquire_for_live_call()
        if granted:
            self._start_renewal()
        return granted

    def release(self) -> None:
        """Uncount a session that is over; the lease follows soon."""
        self.opened -= 1
        self._changed.set()

    async def close(self) -> None:
        """End the lease of this process."""
        if self._renewal is not None:
            self._renewal.cancel()
            await asyncio.wait({self._renewal})
            self._renewal = None
        if self._leased:
            self.opened = 0
            await self._write_lease()

    async def _acquire_for_live_call(self) -> bool:
        """Count a session; those who wait at the same time, as after a failure, share one request."""
        self._waiting += 1
        try:
            async with self._writing:
                if self._leased > self.opened:  # requested for several, or just freed
                    self.opened += 1
                    return True
                if self._waiting > 1 and await self._request(self._waiting, self._quota):
                    return True
                return await self._request(1, self._quota)
        finally:
            self._waiting -= 1

    async def _request(self, sessions: int, limit: int) -> bool:
        """Lease so many more sessions, and count one of them; return False if they do not all fit."""
        granted = await self._lease_more(sessions, limit)
        if granted:
            self.opened += 1
        return granted

    async def _lease_more(self, sessions: int, limit: int) -> bool:
        if _monotonic() < self._without_store_until:
            return True
        try:
            await self._call_store(requested=sessions, limit=limit)
        except BusyError as error:
            if error.data.get("reason") == "contention":
                return False
            return self._continue_without_store(error)
        except (UnavailableError, TimeoutError) as error:
            return self._continue_without_store(error)
        return self._leased > self.opened

    def _continue_without_store(self, error: Exception) -> bool:
        self._without_store_until = _monotonic() + WITHOUT_STORE_S
        self.used_share = 0.0  # unknown: no call ends for a share that may be out of date
        fields = {"region": self.region, "error": str(error) or "timed out"}
        logger.warning("session opened without lease", extra=fields)
        return True

    async def _call_store(self, *, requested: int, limit: int) -> SessionLeases:
        async with asyncio.timeout(STORE_TIMEOUT_S):
            leases = await self._lease(
                region=self.region,
                process_id=self._process_id,
                opened=self.opened,
                requested=requested,
                limit=limit,
                now=self._now(),
            )
        self._leased = leases.leased_by(self._process_id, now=self._now())
        used = leases.used(self._now())
        self.used_share = used / max(1, limit_for_new_calls(self._quota))
        metrics.SESSION_QUOTA_USED.labels(self.region).set(100 * used / self._quota)
        return leases

    # --- Renewal

    def _start_renewal(self) -> None:
        if self._renewal is None or self._renewal.done():
            self._renewal = asyncio.create_task(  # noqa: TID251 -- it outlives the call; close() awaits it
                self._renew_while_leased()
            )

    async def _renew_while_leased(self) -> None:
        """Store the lease after each change, and in time, until nothing is leased."""
        while self.opened or self._leased:
            with suppress(TimeoutError):
                async with asyncio.timeout(RENEWAL_S):
                    await self._changed.wait()
            self._changed.clear()
            async with self._writing:
                await self._write_lease()
        self.used_share = 0.0
        metrics.SESSION_QUOTA_USED.labels(self.region).set(0)  # those who have sessions report it

    async def _write_lease(self) -> None:
        try:
            await self._call_store(requested=0, limit=self._quota)
        except (UnavailableError, TimeoutError) as error:
            fields = {"region": self.region, "error": str(error) or "timed out"}
            logger.warning("session lease not renewed", extra=fields)
            self.used_share = 0.0  # unknown


def _monotonic() -> float:
    return asyncio.get_running_loop().time()
