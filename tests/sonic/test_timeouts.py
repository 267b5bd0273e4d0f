"""A service that is silent for too long."""

import asyncio

import pytest

from tests.fixtures.loop_clock import loop_clock
from tests.sonic import frames
from tests.sonic.conftest import ConnectTo, StartPeer
from tests.sonic.failures import failure_of
from tests.sonic.peer import PeerStream
from tests.sonic.scripts import HELLO, silence, until, wait_until_unchanged
from voice.sonic.errors import TransportCode, TransportError

pytestmark = pytest.mark.wire


async def test_service_without_response_times_out(
    peer_with: StartPeer, transport_to: ConnectTo
) -> None:
    peer = await peer_with(silence)
    transport = transport_to(peer.url, header_timeout_s=0.1)
    failure = await failure_of(transport)
    assert (failure.code, failure.retryable) == (TransportCode.HEADER_TIMEOUT, True)


async def test_stream_after_a_timeout_uses_another_connection(
    peer_with: StartPeer, transport_to: ConnectTo
) -> None:
    peer = await peer_with(silence)
    transport = transport_to(peer.url, header_timeout_s=0.1)
    await failure_of(transport)
    await failure_of(transport)
    assert peer.connection_count == 2


async def test_silent_service_times_out(peer_with: StartPeer, transport_to: ConnectTo) -> None:
    async def script(stream: PeerStream) -> None:
        stream.head()
        await stream.until_gone()

    peer = await peer_with(script)
    failure = await failure_of(transport_to(peer.url, idle_timeout_s=0.1))
    assert (failure.code, failure.retryable) == (TransportCode.IDLE_TIMEOUT, True)
    await until(lambda: peer.streams[0].gone)


async def test_service_that_sends_in_time_does_not_time_out(
    peer_with: StartPeer, transport_to: ConnectTo
) -> None:
    turns = asyncio.Semaphore(0)

    async def script(stream: PeerStream) -> None:
        stream.head()
        for _ in range(4):
            await turns.acquire()
            await stream.send_event_frame(HELLO)
        stream.end()

    peer = await peer_with(script)
    with loop_clock() as clock:
        stream = await transport_to(peer.url, idle_timeout_s=100).open()
        await stream.accepted()
        for _ in range(4):
            clock.jump(60)
            turns.release()
            assert await stream.receive() == HELLO
        assert await stream.receive() is None


async def test_unread_stream_does_not_time_out(
    peer_with: StartPeer, transport_to: ConnectTo
) -> None:
    sent = asyncio.Event()

    async def script(stream: PeerStream) -> None:
        stream.head()
        await stream.payload()
        await stream.send_bytes(frames.event(HELLO) * 2)
        sent.set()

    peer = await peer_with(script)
    with loop_clock() as clock:
        stream = await transport_to(peer.url, idle_timeout_s=100).open()
        await stream.send(HELLO)
        await stream.accepted()
        await sent.wait()
        await wait_until_unchanged(lambda: sent)  # what was sent has arrived
        clock.jump(250)
        await wait_until_unchanged(lambda: sent)  # the timers have run
        assert [await stream.receive() for _ in range(2)] == [HELLO] * 2


async def test_service_that_accepts_nothing_times_out(
    peer_with: StartPeer, transport_to: ConnectTo
) -> None:
    async def script(stream: PeerStream) -> None:
        stream.head()
        while not stream.gone:
            await asyncio.sleep(0.02)
            await stream.send_event_frame(HELLO)

    peer = await peer_with(script, reads=False)
    stream = await transport_to(peer.url, idle_timeout_s=0.2).open()
    async with asyncio.timeout(60):
        with pytest.raises(TransportError, match="idle_timeout"):
            await asyncio.gather(*(stream.send(bytes(20_000)) for _ in range(100)))
