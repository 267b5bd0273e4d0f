"""The budget of minutes, as one process counts it, in virtual time."""

import asyncio
from collections import Counter
from collections.abc import Mapping
from datetime import datetime

import pytest

from common import clock
from common.errors import UnavailableError
from conversations.model_usage import ModelUsage, UsageLimits
from tests.calls.harness import in_virtual_time
from voice.calls.model_budget import COUNT_INTERVAL_S, WRITE_TIMEOUT_S, ModelBudget

pytestmark = pytest.mark.pure

HOME, OFFICE = "192.0.2.1", "192.0.2.2"


class Store:
    """The counts of all processes, in memory."""

    def __init__(self) -> None:
        self.seconds: Counter[str] = Counter()
        self.is_down = False
        self.delay_s = 0.0
        self.writes = 0

    async def read_usage(self, *, address: str, now: datetime) -> ModelUsage:
        return self._usage([address])

    async def add_usage(
        self, *, seconds_by_address: Mapping[str, int], now: datetime
    ) -> ModelUsage:
        """Add seconds; as on a thread, a write that has started is completed."""
        self.writes += 1
        return await asyncio.shield(self._add(seconds_by_address))

    async def _add(self, seconds_by_address: Mapping[str, int]) -> ModelUsage:
        await asyncio.sleep(self.delay_s)
        usage = self._usage(seconds_by_address)  # raises while the store is down
        self.seconds.update(seconds_by_address)
        return self._usage(usage.by_address)

    def _usage(self, addresses: Mapping[str, int] | list[str]) -> ModelUsage:
        if self.is_down:
            raise UnavailableError(reason="timeout")
        total = self.seconds.total()
        return ModelUsage(
            by_address={each: self.seconds[each] for each in addresses}, day=total, month=total
        )


class Caller:
    """A call that counts how often it was asked to end."""

    def __init__(self, address: str = HOME) -> None:
        self.address = address
        self.endings = 0

    def end_for_budget(self) -> None:
        self.endings += 1


def budget_of(store: Store, **limits: int) -> ModelBudget:
    values = {"address_day": 0, "day": 0, "month": 0, **limits}
    return ModelBudget(UsageLimits(**values), store, now=clock.now)


@in_virtual_time
async def test_active_and_ended_calls_are_counted_in_seconds() -> None:
    store = Store()
    budget = budget_of(store, day=100)
    long, short = Caller(), Caller(OFFICE)
    budget.call_started(long)
    budget.call_started(short)
    await asyncio.sleep(5.5)
    budget.call_ended(short)
    await asyncio.sleep(2 * COUNT_INTERVAL_S)
    assert store.seconds == {HOME: 30, OFFICE: 5}
    budget.call_ended(long)
    await budget.close()
    assert store.seconds == {HOME: 35, OFFICE: 5}


@in_virtual_time
async def test_calls_of_an_address_without_budget_end_and_none_begins() -> None:
    store = Store()
    budget = budget_of(store, address_day=1)
    guest, other = Caller(), Caller(OFFICE)
    store.seconds[HOME] = 50  # by another process
    assert await budget.has_budget(HOME)
    budget.call_started(guest)
    budget.call_started(other)
    await asyncio.sleep(COUNT_INTERVAL_S + 1)
    assert (guest.endings, other.endings) == (1, 0)
    assert not await budget.has_budget(HOME)
    assert await budget.has_budget(OFFICE)
    budget.call_ended(guest)
    budget.call_ended(other)
    await budget.close()


@in_virtual_time
async def test_warning_comes_before_the_budget_is_used_up(
    caplog: pytest.LogCaptureFixture,
) -> None:
    store = Store()
    budget = budget_of(store, day=1)
    store.seconds[HOME] = 47
    assert await budget.has_budget(OFFICE)
    assert not caplog.messages
    store.seconds[HOME] = 48
    for _ in range(2):
        assert await budget.has_budget(OFFICE)
    assert caplog.messages == ["model budget nearly used"]
    store.seconds[HOME] = 60
    assert not await budget.has_budget(OFFICE)


@in_virtual_time
async def test_store_that_does_not_answer_refuses_nobody_and_loses_nothing() -> None:
    store = Store()
    budget = budget_of(store, month=1)
    call = Caller()
    store.is_down = True
    assert await budget.has_budget(HOME)
    budget.call_started(call)
    await asyncio.sleep(2 * COUNT_INTERVAL_S + 1)
    store.is_down = False
    budget.call_ended(call)
    await budget.close()
    assert store.seconds == {HOME: 31}


@in_virtual_time
async def test_slow_write_is_counted_once_and_no_other_begins_beside_it() -> None:
    store = Store()
    budget = budget_of(store, day=100)
    call = Caller()
    store.delay_s = 2.5 * COUNT_INTERVAL_S
    budget.call_started(call)
    await asyncio.sleep(2 * COUNT_INTERVAL_S + 1)
    assert (store.writes, store.seconds) == (1, {})
    store.delay_s = 0
    await asyncio.sleep(2 * COUNT_INTERVAL_S)
    assert (store.writes, store.seconds) == (2, {HOME: 55})
    budget.call_ended(call)
    await budget.close()
    assert store.seconds == {HOME: 61}


@in_virtual_time
async def test_slow_write_that_fails_after_its_call_is_stored_once() -> None:
    store = Store()
    budget = budget_of(store, day=100)
    call = Caller()
    store.delay_s, store.is_down = 1.5 * COUNT_INTERVAL_S, True
    budget.call_started(call)
    await asyncio.sleep(COUNT_INTERVAL_S + 1)
    budget.call_ended(call)
    await asyncio.sleep(COUNT_INTERVAL_S + WRITE_TIMEOUT_S)
    assert store.writes == 1
    store.delay_s = 0
    await asyncio.sleep(WRITE_TIMEOUT_S)
    assert (store.writes, store.seconds) == (2, {})  # both have failed
    store.is_down = False
    await asyncio.sleep(COUNT_INTERVAL_S)
    assert store.seconds == {HOME: 16}
    await budget.close()
    assert store.seconds == {HOME: 16}


@in_virtual_time
async def test_close_waits_a_while_for_a_slow_write() -> None:
    store = Store()
    budget = budget_of(store, day=100)
    call = Caller()
    store.delay_s = WRITE_TIMEOUT_S + 1
    budget.call_started(call)
    await asyncio.sleep(COUNT_INTERVAL_S + 2)
    budget.call_ended(call)
    await budget.close()
    assert store.seconds == {HOME: 15}
    await asyncio.sleep(2)
    assert store.seconds == {HOME: 17}


@in_virtual_time
async def test_close_gives_up_what_a_store_that_hangs_cannot_store() -> None:
    store = Store()
    budget = budget_of(store, day=100)
    call = Caller()
    store.delay_s = 10 * COUNT_INTERVAL_S
    budget.call_started(call)
    await asyncio.sleep(COUNT_INTERVAL_S + 2)
    budget.call_ended(call)
    await budget.close()
    assert store.writes == 1


@in_virtual_time
async def test_nothing_is_counted_without_limits() -> None:
    store = Store()
    store.is_down = True
    budget = budget_of(store)
    call = Caller()
    budget.call_started(call)
    assert await budget.has_budget(HOME)
    budget.call_ended(call)
    await budget.close()
    assert not store.seconds
