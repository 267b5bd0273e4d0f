"""Streams of payloads over real sockets and TLS, on both event loops."""

import asyncio
import socket

import pytest
from h2.settings import SettingCodes

from tests.sonic import frames
from tests.sonic.conftest import SECRET, ConnectTo, StartPeer
from tests.sonic.peer import PeerConnection, PeerStream
from tests.sonic.scripts import HELLO, echo, listen, until, wait_until_unchanged
from voice.sonic.errors import TransportError
from voice.sonic.http2_stream import STREAM_WINDOW_BYTES
from voice.sonic.transport import PayloadStream

pytestmark = pytest.mark.wire


def numbered(count: int) -> list[bytes]:
    return [b'{"n":%d}' % number for number in range(count)]


async def test_payloads_travel_both_ways_until_a_clean_end(
    peer_with: StartPeer, transport_to: ConnectTo
) -> None:
    peer = await peer_with(echo)
    stream = await transport_to(peer.url).open()
    for payload in numbered(3):
        await stream.send(payload)
        assert await stream.receive() == payload
    await stream.end_input()
    assert await stream.receive() is None
    assert await stream.receive() is None


async def test_service_may_send_after_the_input_ended(
    peer_with: StartPeer, transport_to: ConnectTo
) -> None:
    async def script(stream: PeerStream) -> None:
        stream.head()
        assert await stream.payload() is None
        for payload in numbered(3):
            await stream.send_event_frame(payload)
        stream.end()

    peer = await peer_with(script)
    stream = await transport_to(peer.url).open()
    await stream.end_input()
    await stream.end_input()
    assert [await stream.receive() for _ in range(4)] == [*numbered(3), None]


async def test_service_may_wait_for_events_before_its_response(
    peer_with: StartPeer, transport_to: ConnectTo
) -> None:
    async def script(stream: PeerStream) -> None:
        for _ in range(20):
            await stream.payload()
        stream.head()
        await stream.send_event_frame(HELLO)
        stream.end()

    peer = await peer_with(script)
    stream = await transport_to(peer.url).open()
    for payload in numbered(20):
        await stream.send(payload)
    assert await stream.receive() == HELLO


async def test_request_names_model_and_host(peer_with: StartPeer, transport_to: ConnectTo) -> None:
    peer = await peer_with(echo)
    stream = await transport_to(peer.url).open()
    await stream.send(HELLO)
    await stream.receive()
    headers = peer.streams[0].headers
    assert headers[":method"] == "POST"
    assert headers[":authority"] == f"localhost:{peer.port}"
    assert headers[":path"] == (
        "/model/amazon.nova-2-sonic-v1%3A0/invoke-with-bidirectional-stream"
    )
    assert headers["content-type"] == "application/vnd.amazon.eventstream"
    assert headers["x-amz-content-sha256"] == "STREAMING-AWS4-HMAC-SHA256-EVENTS"


async def test_frames_form_a_signed_chain_with_an_empty_end(
    peer_with: StartPeer, transport_to: ConnectTo
) -> None:
    peer = await peer_with(echo)
    stream = await transport_to(peer.url).open()
    for payload in numbered(3):
        await stream.send(payload)
    await stream.end_input()
    while await stream.receive() is not None:
        pass
    (received,) = peer.streams
    authorization = received.headers["authorization"]
    scope = authorization.split("Credential=")[1].split(",")[0].partition("/")[2]
    previous = authorization.split("Signature=")[1]
    assert scope.split("/")[1:] == ["us-east-1", "bedrock", "aws4_request"]
    assert [bool(frame.payload) for frame in received.frames] == [True, True, True, False]
    for frame in received.frames:
        signature = frames.chunk_signature(
            secret=SECRET,
            timestamp=frames.timestamp(frame.headers[":date"]),
            scope=scope,
            previous=previous,
            date_ms=frame.headers[":date"],
            payload=frame.payload,
        )
        assert frame.headers[":chunk-signature"] == signature
        previous = signature.hex()


@pytest.mark.parametrize("size", [1, 1_000, 20_000, 999_000])
async def test_payload_of_any_size_arrives_whole(
    size: int, peer_with: StartPeer, transport_to: ConnectTo
) -> None:
    peer = await peer_with(echo)
    stream = await transport_to(peer.url).open()
    payload = bytes(range(256)) * (size // 256 + 1)
    sending = asyncio.gather(stream.send(payload[:size]), stream.receive())
    async with asyncio.timeout(60):
        assert (await sending)[1] == payload[:size]


async def test_frame_received_byte_by_byte_is_decoded(
    peer_with: StartPeer, transport_to: ConnectTo
) -> None:
    async def script(stream: PeerStream) -> None:
        stream.head()
        for byte in frames.event(HELLO) * 2:
            await stream.send_bytes(bytes([byte]))
        stream.end()

    peer = await peer_with(script)
    stream = await transport_to(peer.url).open()
    assert [await stream.receive() for _ in range(3)] == [HELLO, HELLO, None]


# Cancelling.


async def test_cancelled_receive_loses_nothing(
    peer_with: StartPeer, transport_to: ConnectTo
) -> None:
    gate = asyncio.Event()

    async def script(stream: PeerStream) -> None:
        stream.head()
        await gate.wait()
        for payload in numbered(2):
            await stream.send_event_frame(payload)
        stream.end()

    peer = await peer_with(script)
    stream = await transport_to(peer.url).open()
    for _ in range(3):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.02):
                await stream.receive()
    gate.set()
    assert [await stream.receive() for _ in range(3)] == [*numbered(2), None]


async def test_receive_cancelled_before_response_loses_nothing(
    peer_with: StartPeer, transport_to: ConnectTo
) -> None:
    peer = await peer_with(echo_after_first)
    stream = await transport_to(peer.url).open()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.02):
            await stream.receive()
    await stream.send(HELLO)
    assert await stream.receive() == HELLO


async def echo_after_first(stream: PeerStream) -> None:
    payload = await stream.payload()
    assert payload is not None
    stream.head()
    await stream.send_event_frame(payload)
    await stream.until_gone()


@pytest.mark.parametrize("at", [0, 1, 3, 4, 7, 8, 11, 12, 40, 90, len(frames.event(HELLO)) - 1])
async def test_receive_cancelled_within_a_frame_loses_nothing(
    at: int, peer_with: StartPeer, transport_to: ConnectTo
) -> None:
    gate = asyncio.Event()
    frame = frames.event(HELLO)

    async def script(stream: PeerStream) -> None:
        stream.head()
        await stream.send_bytes(frame[:at])
        await gate.wait()
        await stream.send_bytes(frame[at:] + frame)
        stream.end()

    peer = await peer_with(script)
    stream = await transport_to(peer.url).open()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await stream.receive()
    gate.set()
    assert [await stream.receive() for _ in range(3)] == [HELLO, HELLO, None]


async def test_cancelled_send_is_still_sent(peer_with: StartPeer, transport_to: ConnectTo) -> None:
    peer = await peer_with(echo, reads=False)
    stream = await transport_to(peer.url).open()
    sent = 0

    async def flood() -> None:
        nonlocal sent
        while True:
            sent += 1
            await stream.send(b"%020d" % sent * 500)

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.2):
            await flood()
    open_windows(peer.connections[0])
    payloads = await asyncio.wait_for(receive_many(stream, sent), 60)
    assert payloads == [b"%020d" % number * 500 for number in range(1, sent + 1)]


def open_windows(connection: PeerConnection) -> None:
    """Let the client send a lot more."""
    for stream_id in (None, 1):
        connection.h2.increment_flow_control_window(1_000_000, stream_id)
    connection.flush()


async def test_cancelled_open_leaves_no_stream(transport_to: ConnectTo) -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        url = f"https://localhost:{mute.getsockname()[1]}"
        transport = transport_to(url, close_timeout_s=0.2)
        before = asyncio.all_tasks()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await transport.open()
        await until(lambda: asyncio.all_tasks() == before)
        async with asyncio.timeout(30):  # half of the time to connect
            await transport.close()


# Flow control.


async def test_sender_waits_for_a_slow_service(
    peer_with: StartPeer, transport_to: ConnectTo
) -> None:
    peer = await peer_with(listen, reads=False)
    stream = await transport_to(peer.url).open()
    sent = 0

    async def flood() -> None:
        nonlocal sent
        while True:
            await stream.send(bytes(1_000))
            sent += 1

    async with asyncio.TaskGroup() as tasks:
        flooding = tasks.create_task(flood())
        await until(lambda: sent > 20)
        await wait_until_unchanged(lambda: sent)
        flooding.cancel()
    # What is out is what HTTP/2 allowed: 65,535 bytes, at about 2 KB each.
    assert 20 < sent < 50


async def test_waiting_sender_continues_when_the_service_reads(
    peer_with: StartPeer, transport_to: ConnectTo
) -> None:
    peer = await peer_with(echo, reads=False)
    stream = await transport_to(peer.url).open()
    sending = asyncio.gather(*(stream.send(bytes(1_000)) for _ in range(100)))
    receiving = asyncio.gather(*[receive_many(stream, 100)])
    await until(lambda: peer.streams and len(peer.streams[0].frames) > 20)
    assert not sending.done()
    open_windows(peer.connections[0])
    async with asyncio.timeout(60):
        await sending
        assert await receiving == [[bytes(1_000)] * 100]


async def receive_many(stream: PayloadStream, count: int) -> list[bytes | None]:
    return [await stream.receive() for _ in range(count)]


async def test_stream_without_receiver_stops_the_service(
    peer_with: StartPeer, transport_to: ConnectTo
) -> None:
    sent = 0

    async def script(stream: PeerStream) -> None:
        nonlocal sent
        stream.head()
        for _ in range(200):
            await stream.send_event_frame(bytes(30_000))
            sent += 1
        stream.end()

    peer = await peer_with(script)
    stream = await transport_to(peer.url).open()
    await stream.accepted()
    await wait_until_unchanged(lambda: sent)
    frame_bytes = len(frames.event(bytes(30_000)))
    assert 0 < sent * frame_bytes <= STREAM_WINDOW_BYTES + 70_000 + frame_bytes
    assert await receive_many(stream, 201) == [bytes(30_000)] * 200 + [None]


async def test_stream_without_receiver_does_not_stop_others(
    peer_with: StartPeer, transport_to: ConnectTo
) -> None:
    async def script(stream: PeerStream) -> None:
        stream.head()
        first = await stream.payload()
        assert first is not None
        while first == b"flood":
            await stream.send_event_frame(bytes(30_000))
        await stream.send_event_frame(first)
        await stream.until_gone()

    peer = await peer_with(script)
    transport = transport_to(peer.url, max_streams_per_connection=8)
    for _ in range(7):
        unread = await transport.open()
        await unread.send(b"flood")
    stream = await transport.open()
    await stream.send(HELLO)
    async with asyncio.timeout(60):
        assert await stream.receive() == HELLO
    assert peer.connection_count == 1


async def test_sender_waits_while_the_network_is_blocked(
    peer_with: StartPeer, transport_to: ConnectTo
) -> None:
    async def counting(stream: PeerStream) -> None:
        stream.head()
        count = 0
        while await stream.payload() is not None:
            count += 1
        await stream.send_event_frame(b"%d" % count)
        stream.end()

    large_windows = {SettingCodes.INITIAL_WINDOW_SIZE: 2**30}
    peer = await peer_with(counting, settings=large_windows, connection_window_bytes=2**30)
    transport = transport_to(peer.url)
    await transport.warm()
    stream = await transport.open()
    (connection,) = peer.connections
    connection.transport.pause_reading()
    async with asyncio.timeout(60), asyncio.TaskGroup() as tasks:
        sending = tasks.create_task(send_many(stream, bytes(900_000), 12))
        await wait_until_unchanged(lambda: sending)
        assert not sending.done()
        connection.transport.resume_reading()
    await stream.end_input()
    assert await stream.receive() == b"12"


async def send_many(stream: PayloadStream, payload: bytes, count: int) -> None:
    for _ in range(count):
        await stream.send(payload)


async def test_send_after_the_end_raises_stream_lost(
    peer_with: StartPeer, transport_to: ConnectTo
) -> None:
    peer = await peer_with(echo)
    stream = await transport_to(peer.url).open()
    await stream.end_input()
    assert await stream.receive() is None
    with pytest.raises(TransportError, match="stream_lost"):
        await stream.send(HELLO)
