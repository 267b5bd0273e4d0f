"""Streams that the service or the network cuts."""

import asyncio

import pytest

from tests.sonic import frames
from tests.sonic.conftest import ConnectTo, StartPeer
from tests.sonic.failures import failure_of
from tests.sonic.peer import PeerStream, Script
from tests.sonic.scripts import HELLO
from voice.sonic.errors import TransportCode, TransportError

pytestmark = pytest.mark.wire


async def reset(stream: PeerStream) -> None:
    stream.reset()


async def reset_without_error(stream: PeerStream) -> None:
    stream.reset(0)


async def hard_goodbye(stream: PeerStream) -> None:
    stream.connection.goodbye(code=1)


async def goodbye_to_this_stream(stream: PeerStream) -> None:
    stream.connection.goodbye(last_stream_id=0)


async def goodbye_and_hang_up(stream: PeerStream) -> None:
    stream.connection.goodbye()
    stream.connection.transport.close()


async def hang_up(stream: PeerStream) -> None:
    stream.connection.transport.close()


async def abort(stream: PeerStream) -> None:
    stream.connection.abort()


async def break_http2(stream: PeerStream) -> None:
    data_on_stream_zero = b"\x00\x00\x01" + b"\x00\x00" + b"\x00\x00\x00\x00" + b"x"
    stream.connection.transport.write(data_on_stream_zero)


LOSSES = [
    reset, reset_without_error, hard_goodbye, goodbye_to_this_stream, goodbye_and_hang_up,
    hang_up, abort, break_http2,
]  # fmt: skip


@pytest.mark.parametrize("lose", LOSSES)
async def test_stream_lost_in_the_middle_is_an_error(
    lose: Script, peer_with: StartPeer, transport_to: ConnectTo
) -> None:
    async def script(stream: PeerStream) -> None:
        stream.head()
        await stream.payload()
        await stream.send_event_frame(b'{"n":1}')
        await stream.payload()
        await lose(stream)

    peer = await peer_with(script)
    stream = await transport_to(peer.url).open()
    await stream.send(HELLO)
    assert await stream.receive() == b'{"n":1}'
    await stream.send(HELLO)
    async with asyncio.timeout(60):
        with pytest.raises(TransportError) as caught:
            await stream.receive()
        assert (caught.value.code, caught.value.retryable) == (TransportCode.STREAM_LOST, True)
        with pytest.raises(TransportError, match="stream_lost"):
            await stream.send(HELLO)
        await stream.close()


@pytest.mark.parametrize("lose", LOSSES)
async def test_stream_lost_before_the_response_is_an_error(
    lose: Script, peer_with: StartPeer, transport_to: ConnectTo
) -> None:
    async def script(stream: PeerStream) -> None:
        await stream.payload()
        await lose(stream)

    peer = await peer_with(script)
    failure = await failure_of(transport_to(peer.url))
    assert (failure.code, failure.retryable) == (TransportCode.STREAM_LOST, True)


async def test_payloads_before_the_loss_are_received(
    peer_with: StartPeer, transport_to: ConnectTo
) -> None:
    async def script(stream: PeerStream) -> None:
        stream.head()
        await stream.payload()
        await stream.send_bytes(frames.event(b'{"n":1}') + frames.event(b'{"n":2}'))
        stream.reset()

    peer = await peer_with(script)
    stream = await transport_to(peer.url).open()
    await stream.send(HELLO)
    assert [await stream.receive(), await stream.receive()] == [b'{"n":1}', b'{"n":2}']
    with pytest.raises(TransportError, match="stream_lost"):
        await stream.receive()


async def test_graceful_goaway_lets_the_stream_finish(
    peer_with: StartPeer, transport_to: ConnectTo
) -> None:
    async def script(stream: PeerStream) -> None:
        stream.head()
        stream.connection.goodbye(last_stream_id=stream.stream_id)
        while (payload := await stream.payload()) is not None:
            await stream.send_event_frame(payload)
        stream.end()

    peer = await peer_with(script)
    transport = transport_to(peer.url)
    stream = await transport.open()
    for _ in range(3):
        await stream.send(HELLO)
        assert await stream.receive() == HELLO
    await stream.end_input()
    assert await stream.receive() is None
    await (await transport.open()).close()
    assert peer.connection_count == 2  # the next stream does not go where it is not wanted
