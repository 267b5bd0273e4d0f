"""Placement of sessions over Regions, and the quota that the processes share."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from common import clock
from common.errors import BusyError, UnavailableError
from conversations import repository
from conversations.session_leases import LEASE_LIFETIME, SessionLeases
from tests.calls import virtual_time
from voice.calls.regions import AVOIDED_S, FORGIVEN_S, CallTransport, Region, RegionPool
from voice.calls.session_quota import RENEWAL_S, SessionQuota, lease_in_thread
from voice.sonic.errors import TransportCode, TransportError

NEAR, FAR = "us-east-1", "us-west-2"


class Store:
    """The leases of all processes, in memory."""

    def __init__(self) -> None:
        self.leases: dict[str, SessionLeases] = {}
        self.failure: Exception | None = None
        self.requests = 0

    async def lease(self, *, region: str, **arguments: Any) -> SessionLeases:
        self.requests += 1
        await asyncio.sleep(0)  # as on a thread: others go on meanwhile
        if self.failure is not None:
            raise self.failure
        leases = self.leases.get(region, SessionLeases())
        self.leases[region] = leases.renewed(**arguments)
        return self.leases[region]

    def used(self, region: str = NEAR) -> int:
        return self.leases.get(region, SessionLeases()).used(clock.now())


class Transport:
    """Opens streams that do nothing; `refuses` is raised instead."""

    def __init__(self) -> None:
        self.refuses: TransportError | None = None
        self.opened: list[tuple[Callable[[TransportError], None], Callable[[], None]]] = []
        self.is_closed = False

    async def open_stream(self, *, on_lost: Any = None, on_close: Any = None) -> Any:
        if self.refuses is not None:
            raise self.refuses
        self.opened.append((on_lost, on_close))
        return SimpleNamespace()

    async def warm(self) -> None:
        if self.refuses is not None:
            raise self.refuses

    async def close(self) -> None:
        self.is_closed = True


class Pool(RegionPool):
    """A pool of Regions on in-memory transports."""

    def __init__(self, store: Store, quota: int, process_id: str, names: tuple[str, ...]) -> None:
        self.transports = {name: Transport() for name in names}
        super().__init__(
            Region(
                name,
                transport,
                SessionQuota(
                    name, quota=quota, process_id=process_id, lease=store.lease, now=clock.now
                ),
            )
            for name, transport in self.transports.items()
        )

    def opened(self) -> list[int]:
        return [len(transport.opened) for transport in self.transports.values()]


@asynccontextmanager
async def running_pool(
    store: Store | None = None, *, quota: int = 3, names: tuple[str, ...] = (NEAR, FAR)
) -> AsyncIterator[Pool]:
    pool = Pool(store or Store(), quota, "process", names)
    try:
        yield pool
    finally:
        await pool.close()


async def new_call(pool: Pool) -> CallTransport:
    transport = await pool.reserve_for_new_call()
    assert transport is not None
    return transport


def error(code: TransportCode = TransportCode.STREAM_LOST) -> TransportError:
    return TransportError(code, "a fault")


async def test_new_calls_fill_the_nearest_region_first_then_are_busy() -> None:
    async with running_pool() as pool:
        for _ in range(4):
            await (await new_call(pool)).open_stream()
        assert pool.opened() == [2, 2]
        assert await pool.reserve_for_new_call() is None


async def test_live_call_uses_the_headroom_then_another_region_then_is_refused() -> None:
    async with running_pool() as pool:
        call = await new_call(pool)
        for _ in range(6):
            await call.open_stream()
        assert pool.opened() == [3, 3]
        with pytest.raises(TransportError) as refusal:
            await call.open_stream()
        assert refusal.value.code is TransportCode.THROTTLED


async def test_closed_stream_and_unused_reservation_free_their_sessions() -> None:
    store = Store()
    async with running_pool(store, quota=2, names=(NEAR,)) as pool:
        await (await new_call(pool)).open_stream()
        assert await pool.reserve_for_new_call() is None
        pool.transports[NEAR].opened[0][1]()
        call = await new_call(pool)
        call.release()
        call.release()
        assert pool.regions[0].quota.opened == 0
        await new_call(pool)
        assert store.used() == 1
    assert store.used() == 0


@pytest.mark.parametrize("code", [TransportCode.STREAM_LOST, TransportCode.THROTTLED])
async def test_session_lost_in_a_region_continues_in_another(code: TransportCode) -> None:
    async with running_pool() as pool:
        call = await new_call(pool)
        await call.open_stream()
        pool.transports[NEAR].opened[0][0](error(code))
        assert call.may_open_elsewhere(error(code))
        await call.open_stream()
        assert pool.opened() == [1, 1]


async def test_region_that_cannot_be_reached_is_passed_over_at_once() -> None:
    async with running_pool() as pool:
        pool.transports[NEAR].refuses = error(TransportCode.CONNECT_FAILED)
        call = await new_call(pool)
        await call.open_stream()
        assert pool.opened() == [0, 1]
        assert [region.quota.opened for region in pool.regions] == [0, 1]
        pool.transports[FAR].refuses = error(TransportCode.CONNECT_TIMEOUT)
        with pytest.raises(TransportError):
            await call.open_stream()
        assert not call.may_open_elsewhere(error())


async def test_error_that_any_region_would_give_keeps_the_region() -> None:
    async with running_pool() as pool:
        call = await new_call(pool)
        await call.open_stream()
        pool.transports[NEAR].opened[0][0](error(TransportCode.VALIDATION))
        assert not call.may_open_elsewhere(error(TransportCode.VALIDATION))
        await call.open_stream()
        assert pool.opened() == [2, 0]


@pytest.mark.pure
def test_region_is_avoided_longer_after_each_failure_until_it_is_forgiven() -> None:
    region = Region(NEAR, Transport(), None)  # type: ignore[arg-type]  # not used here
    now = 100.0
    for avoided_s in (AVOIDED_S, 2 * AVOIDED_S, 4 * AVOIDED_S):
        assert region.avoid(now=now)
        assert not region.avoid(now=now)
        assert region.is_avoided(now + avoided_s - 0.1)
        assert not region.is_avoided(now + avoided_s)
        now += avoided_s
    region.avoid(now=now + FORGIVEN_S + 1)
    assert region.avoided_until == now + FORGIVEN_S + 1 + AVOIDED_S


async def test_pool_is_ready_if_one_region_can_be_reached() -> None:
    async with running_pool() as pool:
        pool.transports[NEAR].refuses = error(TransportCode.CONNECT_FAILED)
        await pool.warm()
        pool.transports[FAR].refuses = error(TransportCode.CONNECT_TIMEOUT)
        with pytest.raises(TransportError) as failure:
            await pool.warm()
        assert failure.value.code is TransportCode.CONNECT_FAILED
    assert all(transport.is_closed for transport in pool.transports.values())


@pytest.mark.parametrize(
    ("failure", "is_opened"),
    [
        (UnavailableError(reason="unreachable"), True),
        (BusyError(reason="too_many_waiting"), True),
        (BusyError(reason="contention"), False),
    ],
)
async def test_session_is_opened_without_lease_only_if_the_store_is_down(
    failure: Exception, is_opened: bool
) -> None:
    store = Store()
    store.failure = failure
    async with running_pool(store, names=(NEAR,)) as pool:
        assert (await pool.reserve_for_new_call() is not None) is is_opened
        if is_opened:
            await new_call(pool)
            assert store.requests == 1  # it is not asked again at once
        store.failure = None


async def test_sessions_that_are_lost_at_once_share_one_request() -> None:
    store = Store()
    async with running_pool(store, quota=20) as pool:
        calls = [await new_call(pool) for _ in range(10)]
        for call in calls:
            await call.open_stream()
        pool.transports[NEAR].opened[0][0](error())
        before = store.requests
        await asyncio.gather(*(call.open_stream() for call in calls))
        assert pool.opened() == [10, 10]
        assert store.requests - before <= 2
        assert store.used(FAR) == 10


async def test_sessions_that_do_not_all_fit_are_leased_as_far_as_they_fit() -> None:
    store = Store()
    async with running_pool(store, quota=3, names=(NEAR,)) as pool:
        calls = [CallTransport(pool) for _ in range(5)]
        opened = await asyncio.gather(
            *(call.open_stream() for call in calls), return_exceptions=True
        )
        assert sum(isinstance(each, TransportError) for each in opened) == 2
        assert store.used() == 3


async def test_session_of_a_live_call_takes_the_place_of_a_freed_one() -> None:
    store = Store()
    async with running_pool(store, quota=2, names=(NEAR,)) as pool:
        call = await new_call(pool)
        await call.open_stream()
        before = store.requests
        pool.transports[NEAR].opened[0][1]()
        await call.open_stream()
        assert store.requests == before
        assert pool.regions[0].quota.opened == 1


def test_lease_is_renewed_while_sessions_are_open_and_ends_after_them() -> None:
    store = Store()

    async def scenario() -> None:
        async with running_pool(store, names=(NEAR,)) as pool:
            call = await new_call(pool)
            await asyncio.sleep(3.5 * RENEWAL_S)
            assert store.requests == 4
            call.release()
            await asyncio.sleep(0.1)
            assert store.requests == 5
            assert store.leases[NEAR].by_process == {}
            await asyncio.sleep(10 * RENEWAL_S)
            assert store.requests == 5

    virtual_time.run(scenario())


@pytest.mark.store
@pytest.mark.usefixtures("empty_tables")
async def test_two_processes_share_the_stored_quota() -> None:
    def pool_of(process_id: str) -> RegionPool:
        quota = SessionQuota(
            NEAR, quota=4, process_id=process_id, lease=lease_in_thread, now=clock.now
        )
        return RegionPool([Region(NEAR, Transport(), quota)])

    first, second = pool_of("first"), pool_of("second")
    admitted = [await pool.reserve_for_new_call() for pool in (first, second, first, second)]
    assert [transport is not None for transport in admitted] == [True, True, True, False]
    leases = repository.session_leases(NEAR)
    assert leases.used(clock.now()) == 3
    assert leases.used(clock.now() + LEASE_LIFETIME + timedelta(seconds=1)) == 0
    await first.close()
    assert await second.reserve_for_new_call() is not None
    await second.close()
    assert repository.session_leases(NEAR).used(clock.now()) == 0
