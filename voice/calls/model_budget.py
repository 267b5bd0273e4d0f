"""The budget of minutes of the model: per network address, and for all calls of a day and a month.

All processes share the counts, in the calls' table. What calls use is added every
`COUNT_INTERVAL_S`, so the budget may be exceeded by that long. A caller whose budget is used up gets no
new call, and the assistant ends the calls that are active. If DynamoDB does not answer, calls are
accepted: what they use is counted later.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import datetime
from itertools import batched
from typing import Protocol

from common.dynamodb.client import run_in_thread
from common.errors import BusyError, UnavailableError
from conversations import services
from conversations.model_usage import ModelUsage, UsageLimits
from voice import metrics

logger = logging.getLogger(__name__)

COUNT_INTERVAL_S = 15.0
READ_TIMEOUT_S = 1.0
WRITE_TIMEOUT_S = 5.0
NEARLY_USED_SHARE = 0.8
"""From which share of the budget on a warning is logged; terraform/monitoring.tf has an alarm at it."""


class BudgetedCall(Protocol):
    """A call whose use of the model is counted."""

    address: str

    def end_for_budget(self) -> None:
        """Say goodbye, as the budget is used up."""


class UsageStore(Protocol):
    """Where the usage is counted for all processes."""

    async def read_usage(self, *, address: str, now: datetime) -> ModelUsage:
        """Return the usage of an address and of all calls. Raises UnavailableError."""

    async def add_usage(
        self, *, seconds_by_address: Mapping[str, int], now: datetime
    ) -> ModelUsage:
        """Add seconds, and return the sums. Raises UnavailableError or BusyError."""


class DynamoDBUsageStore:
    """Counts in the calls' table, on threads."""

    async def read_usage(self, *, address: str, now: datetime) -> ModelUsage:
        """Return the usage of an address and of all calls."""
        return await run_in_thread(services.get_model_usage, address=address, now=now)

    async def add_usage(
        self, *, seconds_by_address: Mapping[str, int], now: datetime
    ) -> ModelUsage:
        """Add seconds, and return the sums."""
        return await run_in_thread(
            services.add_model_usage, seconds_by_address=seconds_by_address, now=now
        )


class ModelBudget:
    """Counts how long the calls of this process use the model, and ends those without budget."""

    def __init__(
        self, limits: UsageLimits, store: UsageStore, *, now: Callable[[], datetime]
    ) -> None:
        self._limits = limits
        self._store = store
        self._now = now
        self._counted_to: dict[BudgetedCall, float] = {}
        self._uncounted_s: Counter[str] = Counter()
        """Seconds by address that are not stored yet."""
        self._is_nearly_used = False
        self._task: asyncio.Task[None] | None = None
        self._write: asyncio.Task[None] | None = None
        """The latest write; while the store is slow, it outlives the wait for it."""

    async def has_budget(self, address: str) -> bool:
        """Whether a call from this address may use the model now."""
        if not self._limits.are_set:
            return True
        try:
            async with asyncio.timeout(READ_TIMEOUT_S):
                usage = await self._store.read_usage(address=address, now=self._now())
        except (UnavailableError, TimeoutError):
            logger.warning("model usage not read")
            return True
        self._observe(usage)
        exhausted = usage.exhausted_addresses(self._limits)
        self._end_calls_of(exhausted)
        return address not in exhausted

    def call_started(self, call: BudgetedCall) -> None:
        """Count a call from now on."""
        if not self._limits.are_set:
            return
        self._counted_to[call] = _monotonic()
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(  # noqa: TID251 -- it outlives the call; close() awaits it
                self._count_while_active()
            )

    def call_ended(self, call: BudgetedCall) -> None:
        """Count a call to now; what it has used is stored soon."""
        if call in self._counted_to:
            self._count(call)
            del self._counted_to[call]

    async def close(self) -> None:
        """Store what is not stored yet."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})
            self._task = None
        await self._store_usage()

    def _count(self, call: BudgetedCall) -> None:
        now = _monotonic()
        seconds = int(now - self._counted_to[call])
        self._uncounted_s[call.address] += seconds
        self._counted_to[call] += seconds

    async def _count_while_active(self) -> None:
        while self._counted_to or self._uncounted_s or not self._is_write_done:
            await asyncio.sleep(COUNT_INTERVAL_S)
            for call in self._counted_to:
                self._count(call)
            await self._store_usage()

    async def _store_usage(self) -> None:
        """Store the seconds by address; those that could not be stored are stored the next time.

        No write begins before the one before has ended: it may still be counted.
        """
        await self._wait_for_write()
        self._uncounted_s = +self._uncounted_s  # without addresses that have no seconds
        for batch in batched(tuple(self._uncounted_s.items()), services.MAX_USAGE_ADDRESSES):
            if not self._is_write_done:
                return
            self._uncounted_s -= Counter(dict(batch))
            self._write = asyncio.create_task(  # noqa: TID251 -- a slow one outlives the wait for it
                self._add_usage(dict(batch))
            )
            await self._wait_for_write()

    @property
    def _is_write_done(self) -> bool:
        return self._write is None or self._write.done()

    async def _wait_for_write(self) -> None:
        if self._write is None:
            return
        done, _ = await asyncio.wait({self._write}, timeout=WRITE_TIMEOUT_S)
        if not done:
            logger.warning("model usage write is slow")

    async def _add_usage(self, seconds: Mapping[str, int]) -> None:
        """Store seconds by address; if that fails, they are stored the next time."""
        try:
            usage = await self._store.add_usage(seconds_by_address=seconds, now=self._now())
        except (UnavailableError, BusyError):
            logger.warning("model usage not stored")
            self._uncounted_s.update(seconds)
        else:
            self._observe(usage)
            self._end_calls_of(usage.exhausted_addresses(self._limits))

    def _end_calls_of(self, addresses: frozenset[str]) -> None:
        for call in [each for each in self._counted_to if each.address in addresses]:
            call.end_for_budget()

    def _observe(self, usage: ModelUsage) -> None:
        share = usage.used_share(self._limits)
        metrics.MODEL_BUDGET_USED.set(100 * share)
        if share >= NEARLY_USED_SHARE and not self._is_nearly_used:
            logger.warning("model budget nearly used", extra={"percent": round(100 * share)})
        self._is_nearly_used = share >= NEARLY_USED_SHARE


def _monotonic() -> float:
    return asyncio.get_running_loop().time()
