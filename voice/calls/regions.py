"""Where the sessions of calls are opened: in which Region, within the limit of each.

The Regions have an order: the first is the nearest. A session is opened in the first Region that works
and has a session left. A Region in which a session fails is avoided for a while; so a call whose session
is lost or refused continues in the next one, and calls return when the Region works again: at their next
rotation.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable
from typing import Protocol

from voice.calls.session_quota import SessionQuota
from voice.sonic.errors import TransportCode, TransportError
from voice.sonic.interfaces import SonicStream

logger = logging.getLogger(__name__)

AVOIDED_S, LONGEST_AVOIDED_S = 10.0, 160.0
"""For how long a Region is avoided after a failure; twice as long after each further one."""
FORGIVEN_S = 300.0
"""After so long without a failure, the next one counts as the first."""

NOT_OF_THE_REGION = frozenset(
    {
        TransportCode.VALIDATION,
        TransportCode.CREDENTIALS_MISSING,
        TransportCode.MODEL_TIMEOUT,
        TransportCode.IDLE_TIMEOUT,
        TransportCode.BAD_FRAME,
    }
)
"""Failures that would occur in any Region."""


class RegionTransport(Protocol):
    """Opens streams in one Region; see `voice.sonic.transport.BedrockTransport`."""

    async def open_stream(
        self,
        *,
        on_lost: Callable[[TransportError], None] | None = None,
        on_close: Callable[[], None] | None = None,
    ) -> SonicStream:
        """Open a stream. Raises TransportError."""

    async def warm(self) -> None:
        """Connect. Raises TransportError."""

    async def close(self) -> None:
        """Close every stream and connection."""


class Region:
    """One Region: its transport, its sessions, and whether it works."""

    def __init__(self, name: str, transport: RegionTransport, quota: SessionQuota) -> None:
        self.name = name
        self.transport = transport
        self.quota = quota
        self.avoided_until = 0.0
        self._failed_at = float("-inf")
        self._failures = 0

    def is_avoided(self, now: float) -> bool:
        """Whether a session has failed here lately."""
        return now < self.avoided_until

    def avoid(self, *, now: float) -> bool:
        """Avoid the Region for a while, as a session has failed; return whether it was not avoided yet."""
        is_first = not self.is_avoided(now)
        if is_first:  # many sessions that fail at once are one failure
            if now - self._failed_at > FORGIVEN_S:
                self._failures = 0
            self.avoided_until = now + min(AVOIDED_S * 2**self._failures, LONGEST_AVOIDED_S)
            self._failures += 1
        self._failed_at = now
        return is_first


class RegionPool:
    """The Regions of this process, the nearest first."""

    def __init__(self, regions: Iterable[Region]) -> None:
        self.regions = tuple(regions)

    def in_order(self) -> list[Region]:
        """Return the Regions in the order in which they are tried: avoided ones last."""
        now = _now()
        return sorted(self.regions, key=lambda region: max(0.0, region.avoided_until - now))

    def works_somewhere(self) -> bool:
        """Whether there is a Region that is not avoided."""
        return any(not region.is_avoided(_now()) for region in self.regions)

    def used_share(self) -> float:
        """Return which share of its sessions for new calls the Region has in use that has most left."""
        return min((region.quota.used_share for region in self.regions), default=0.0)

    def failed(self, region: Region, error: TransportError) -> None:
        """Avoid a Region for a while, unless the failure would occur in any Region."""
        if error.code not in NOT_OF_THE_REGION and region.avoid(now=_now()):
            fields = {"region": region.name, "code": error.code.value}
            logger.warning("region failed", extra=fields)

    async def reserve_for_new_call(self) -> "CallTransport | None":
        """Return the transport of a new call, with its first session reserved; None if all are in use."""
        for region in self.in_order():
            if await region.quota.acquire(is_new_call=True):
                return CallTransport(self, reserved=region)
        return None

    async def warm(self) -> None:
        """Connect to all Regions. Raises TransportError if none can be reached."""
        errors = await asyncio.gather(
            *(region.transport.warm() for region in self.regions), return_exceptions=True
        )
        failures = [error for error in errors if error is not None]
        for error in failures:
            if not isinstance(error, TransportError):
                raise error
        if len(failures) == len(self.regions):
            raise failures[0]

    async def close(self) -> None:
        """Close all streams and connections, and end the leases."""
        await asyncio.gather(*(region.transport.close() for region in self.regions))
        await asyncio.gather(*(region.quota.close() for region in self.regions))


class CallTransport:
    """Opens the sessions of one call, each in the Region that is best at that moment."""

    def __init__(self, pool: RegionPool, *, reserved: Region | None = None) -> None:
        self._pool = pool
        self._reserved = reserved

    async def open_stream(self) -> SonicStream:
        """Open a stream in the first Region that works and has a session left.

        Raises:
            TransportError: `throttled` if all sessions of all Regions are in use, or what the last
                Region failed with.

        """
        failure: TransportError | None = None
        for region in self._candidates():
            if not await self._acquire(region):
                continue
            try:
                return await self._open_in(region)
            except TransportError as error:
                self._pool.failed(region, error)
                failure = error
        raise failure or TransportError(
            TransportCode.THROTTLED, "all sessions of the account's quota are in use"
        )

    def may_open_elsewhere(self, error: TransportError) -> bool:
        """Whether another Region may accept the session that failed with `error`."""
        return error.code not in NOT_OF_THE_REGION and self._pool.works_somewhere()

    def release(self) -> None:
        """Give back a reserved session that was never opened."""
        if self._reserved is not None:
            self._reserved.quota.release()
            self._reserved = None

    def _candidates(self) -> list[Region]:
        regions = self._pool.in_order()
        if self._reserved is not None:
            regions.remove(self._reserved)
            regions.insert(0, self._reserved)
        return regions

    async def _acquire(self, region: Region) -> bool:
        if region is self._reserved:
            self._reserved = None
            return True
        return await region.quota.acquire(is_new_call=False)

    async def _open_in(self, region: Region) -> SonicStream:
        """Open a stream in a Region in which a session is counted for it."""
        try:
            stream = await region.transport.open_stream(
                on_lost=lambda error: self._pool.failed(region, error),
                on_close=region.quota.release,
            )
        except BaseException:
            region.quota.release()
            raise
        logger.info("session opened", extra={"region": region.name})
        return stream


def _now() -> float:
    return asyncio.get_running_loop().time()
