"""The transport does what a call needs, over real sockets and TLS, on both event loops."""

import asyncio
import copy
import os
import socket
import stat
import threading
from collections.abc import Callable
from contextlib import AsyncExitStack, suppress
from pathlib import Path

import pytest
from h2.settings import SettingCodes
from smithy_core import URI
from smithy_http import tuples_to_fields
from smithy_http.aio import HTTPRequest

from tests.sonic import frames
from tests.sonic.conftest import SECRET, ConnectTo, StartPeer
from tests.sonic.peer import PeerStream
from voice.sonic.errors import TransportCode, TransportError
from voice.sonic.http2 import Http2Client
from voice.sonic.http2_stream import STREAM_WINDOW_BYTES, RequestBody
from voice.sonic.transport import BedrockTransport, PayloadStream

pytestmark = pytest.mark.wire

HELLO = b'{"event":{}}'


async def echo(stream: PeerStream) -> None:
    """Answer every payload with itself; end when the client does."""
    stream.head()
    while (payload := await stream.payload()) is not None:
        await stream.tell(payload)
    stream.end()


async def listen(stream: PeerStream) -> None:
    """Say nothing but the head."""
    stream.head()
    await stream.until_gone()


async def until(condition: Callable[[], object]) -> None:
    """Let the loop run until ``condition`` holds, for a few seconds at most."""
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110 -- lets the loop run, and waits for no time
            await asyncio.sleep(0)


def numbered(count: int) -> list[bytes]:
    return [b'{"n":%d}' % number for number in range(count)]


async def test_payloads_travel_both_ways_and_the_end_is_clean(
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


async def test_the_service_may_go_on_after_the_input_has_ended(
    peer_with: StartPeer, transport_to: ConnectTo
) -> None:
    async def script(stream: PeerStream) -> None:
        stream.head()
        assert await stream.payload() is None
        for payload in numbered(3):
            await stream.tell(payload)
        stream.end()

    peer = await peer_with(script)
    stream = await transport_to(peer.url).open()
    await stream.end_input()
    await stream.end_input()
    assert [await stream.receive() for _ in range(4)] == [*numbered(3), None]


async def test_the_service_may_wait_for_events_before_it_answers(
    peer_with: StartPeer, transport_to: ConnectTo
) -> None:
    async def script(stream: PeerStream) -> None:
        for _ in range(20):
            await stream.payload()
        stream.head()
        await stream.tell(HELLO)
        stream.end()

    peer = await peer_with(script)
    stream = await transport_to(peer.url).open()
    for payload in numbered(20):
        await stream.send(payload)
    assert await stream.receive() == HELLO


async def test_the_request_names_the_model_and_the_place(
    peer_with: StartPeer, transport_to: ConnectTo
) -> None:
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


async def test_every_frame_is_signed_in_a_chain_that_ends_with_an_empty_one(
    peer_with: StartPeer, transport_to: ConnectTo
) -> None:
    peer = await peer_with(echo)
    stream = await transport_to(peer.url).open()
    for payload in numbered(3):
        await stream.send(payload)
    await stream.end_input()
    while await stream.receive() is not None:
        pass
    (heard,) = peer.streams
    authorization = heard.headers["authorization"]
    scope = authorization.split("Credential=")[1].split(",")[0].partition("/")[2]
    previous = authorization.split("Signature=")[1]
    assert scope.split("/")[1:] == ["us-east-1", "bedrock", "aws4_request"]
    assert [bool(frame.payload) for frame in heard.frames] == [True, True, True, False]
    for frame in heard.frames:
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
async def test_payloads_of_every_size_arrive_whole(
    size: int, peer_with: StartPeer, transport_to: ConnectTo
) -> None:
    peer = await peer_with(echo)
    stream = await transport_to(peer.url).open()
    payload = bytes(range(256)) * (size // 256 + 1)
    sending = asyncio.gather(stream.send(payload[:size]), stream.receive())
    async with asyncio.timeout(10):
        assert (await sending)[1] == payload[:size]


async def test_a_frame_that_comes_byte_by_byte_is_read_whole(
    peer_with: StartPeer, transport_to: ConnectTo
) -> None:
    async def script(stream: PeerStream) -> None:
        stream.head()
        for byte in frames.event(HELLO) * 2:
            await stream.say(bytes([byte]))
        stream.end()

    peer = await peer_with(script)
    stream = await transport_to(peer.url).open()
    assert [await stream.receive() for _ in range(3)] == [HELLO, HELLO, None]


# Cancelling.


async def test_a_cancelled_receive_loses_nothing(
    peer_with: StartPeer, transport_to: ConnectTo
) -> None:
    gate = asyncio.Event()

    async def script(stream: PeerStream) -> None:
        stream.head()
        await gate.wait()
        for payload in numbered(2):
            await stream.tell(payload)
        stream.end()

    peer = await peer_with(script)
    stream = await transport_to(peer.url).open()
    for _ in range(3):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.02):
                await stream.receive()
    gate.set()
    assert [await stream.receive() for _ in range(3)] == [*numbered(2), None]


async def test_a_receive_cancelled_before_the_response_loses_nothing(
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
    await stream.tell(payload)
    await stream.until_gone()


@pytest.mark.parametrize("at", [0, 1, 3, 4, 7, 8, 11, 12, 40, 90, len(frames.event(HELLO)) - 1])
async def test_a_receive_cancelled_within_a_frame_loses_nothing(
    at: int, peer_with: StartPeer, transport_to: ConnectTo
) -> None:
    gate = asyncio.Event()
    frame = frames.event(HELLO)

    async def script(stream: PeerStream) -> None:
        stream.head()
        await stream.say(frame[:at])
        await gate.wait()
        await stream.say(frame[at:] + frame)
        stream.end()

    peer = await peer_with(script)
    stream = await transport_to(peer.url).open()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await stream.receive()
    gate.set()
    assert [await stream.receive() for _ in range(3)] == [HELLO, HELLO, None]


async def test_a_send_cancelled_while_it_waits_resets_the_stream(
    peer_with: StartPeer, transport_to: ConnectTo
) -> None:
    peer = await peer_with(listen, reads=False)
    stream = await transport_to(peer.url).open()

    async def flood() -> None:
        while True:
            await stream.send(bytes(20_000))

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.2):
            await flood()
    with pytest.raises(TransportError, match="stream_lost"):
        await stream.receive()
    await until(lambda: peer.streams[0].gone)


async def test_an_open_that_is_cancelled_leaves_no_stream(transport_to: ConnectTo) -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        transport = transport_to(f"https://localhost:{mute.getsockname()[1]}")
        before = asyncio.all_tasks()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await transport.open()
        await until(lambda: asyncio.all_tasks() == before)
        async with asyncio.timeout(1):
            await transport.close()


# Flow control.


async def test_a_slow_service_holds_the_sender_back(
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

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.5):
            await flood()
    # What is out is what HTTP/2 allowed: 65,535 bytes, at about 2 KB each.
    assert 20 < sent < 50


async def test_a_sender_held_back_goes_on_when_the_service_reads(
    peer_with: StartPeer, transport_to: ConnectTo
) -> None:
    peer = await peer_with(echo, reads=False)
    stream = await transport_to(peer.url).open()
    sending = asyncio.gather(*(stream.send(bytes(1_000)) for _ in range(100)))
    receiving = asyncio.gather(*[receive_many(stream, 100)])
    await until(lambda: peer.streams and len(peer.streams[0].frames) > 20)
    assert not sending.done()
    (connection,) = peer.connections
    for stream_id in (None, 1):
        connection.h2.increment_flow_control_window(1_000_000, stream_id)
    connection.flush()
    async with asyncio.timeout(5):
        await sending
        assert await receiving == [[bytes(1_000)] * 100]


async def receive_many(stream: PayloadStream, count: int) -> list[bytes | None]:
    return [await stream.receive() for _ in range(count)]


async def test_a_slow_reader_holds_the_service_back(
    peer_with: StartPeer, transport_to: ConnectTo
) -> None:
    said = 0

    async def script(stream: PeerStream) -> None:
        nonlocal said
        stream.head()
        while True:
            await stream.tell(bytes(30_000))
            said += 1

    peer = await peer_with(script)
    stream = await transport_to(peer.url).open()
    await stream.receive()
    await settled(lambda: said)
    frame_bytes = len(frames.event(bytes(30_000)))
    assert said * frame_bytes <= STREAM_WINDOW_BYTES + 70_000 + frame_bytes
    for _ in range(100):  # and lets it go on as it reads
        await stream.receive()
    stalled = said
    await settled(lambda: said)
    assert said > stalled - 100 + 50


async def settled(value: Callable[[], object]) -> None:
    """Wait until ``value`` no longer changes."""
    before = None
    while before != (before := value()):  # noqa: ASYNC110 -- it waits for nothing to happen
        await asyncio.sleep(0.1)


async def test_a_reader_that_stops_does_not_hold_up_other_streams(
    peer_with: StartPeer, transport_to: ConnectTo
) -> None:
    async def script(stream: PeerStream) -> None:
        stream.head()
        first = await stream.payload()
        assert first is not None
        while first == b"flood":
            await stream.tell(bytes(30_000))
        await stream.tell(first)
        await stream.until_gone()

    peer = await peer_with(script)
    transport = transport_to(peer.url, max_streams_per_connection=8)
    for _ in range(7):
        lazy = await transport.open()
        await lazy.send(b"flood")
    stream = await transport.open()
    await stream.send(HELLO)
    async with asyncio.timeout(10):
        assert await stream.receive() == HELLO
    assert peer.connection_count == 1


async def test_a_sender_waits_when_the_network_takes_nothing_and_goes_on_after(
    peer_with: StartPeer, transport_to: ConnectTo
) -> None:
    async def count(stream: PeerStream) -> None:
        stream.head()
        heard = 0
        while await stream.payload() is not None:
            heard += 1
        await stream.tell(b"%d" % heard)
        stream.end()

    roomy = {SettingCodes.INITIAL_WINDOW_SIZE: 2**30}
    peer = await peer_with(count, settings=roomy, connection_room_bytes=2**30)
    transport = transport_to(peer.url)
    await transport.warm()
    stream = await transport.open()
    (connection,) = peer.connections
    connection.transport.pause_reading()
    async with asyncio.timeout(20), asyncio.TaskGroup() as tasks:
        sending = tasks.create_task(send_many(stream, bytes(900_000), 12))
        await settled(lambda: sending)
        assert not sending.done()
        connection.transport.resume_reading()
    await stream.end_input()
    assert await stream.receive() == b"12"


async def send_many(stream: PayloadStream, payload: bytes, count: int) -> None:
    for _ in range(count):
        await stream.send(payload)


async def test_nothing_can_be_sent_after_the_input_has_ended(
    peer_with: StartPeer, transport_to: ConnectTo
) -> None:
    peer = await peer_with(echo)
    stream = await transport_to(peer.url).open()
    await stream.end_input()
    assert await stream.receive() is None
    with pytest.raises(TransportError, match="stream_lost"):
        await stream.send(HELLO)


# Connections.


async def exchange(transport: BedrockTransport, payload: bytes) -> bytes | None:
    stream = await transport.open()
    await stream.send(payload)
    answer = await stream.receive()
    await stream.end_input()
    assert await stream.receive() is None
    await stream.close()
    return answer


async def test_a_hundred_and_twenty_streams_share_a_few_connections(
    peer_with: StartPeer, transport_to: ConnectTo
) -> None:
    peer = await peer_with(echo)
    transport = transport_to(peer.url, max_streams_per_connection=50)
    streams = await asyncio.gather(*(transport.open() for _ in range(120)))
    for number, stream in enumerate(streams):
        await stream.send(b"%d" % number)
    answers = [await stream.receive() for stream in streams]
    assert answers == [b"%d" % number for number in range(120)]
    assert peer.connection_count == 3
    await asyncio.gather(*(stream.close() for stream in streams))
    await until(lambda: len(peer.connections) == 1)


async def test_the_services_limit_of_streams_is_honoured(
    peer_with: StartPeer, transport_to: ConnectTo
) -> None:
    peer = await peer_with(echo, settings={SettingCodes.MAX_CONCURRENT_STREAMS: 2})
    transport = transport_to(peer.url)
    streams = await asyncio.gather(*(transport.open() for _ in range(5)))
    for stream in streams:
        await stream.send(HELLO)
        assert await stream.receive() == HELLO
    assert peer.connection_count == 3


async def test_a_service_that_allows_no_stream_is_a_failed_connection(
    peer_with: StartPeer, transport_to: ConnectTo
) -> None:
    peer = await peer_with(echo, settings={SettingCodes.MAX_CONCURRENT_STREAMS: 0})
    with pytest.raises(TransportError) as caught:
        await transport_to(peer.url).open()
    assert caught.value.code is TransportCode.CONNECT_FAILED


async def test_a_connection_that_has_gone_is_replaced(
    peer_with: StartPeer, transport_to: ConnectTo
) -> None:
    peer = await peer_with(echo)
    transport = transport_to(peer.url)
    assert await exchange(transport, HELLO) == HELLO
    peer.connections[0].abort()
    await until(lambda: not peer.connections)
    assert await exchange(transport, HELLO) == HELLO
    assert peer.connection_count == 2


async def test_warming_up_opens_the_connection_that_the_stream_then_uses(
    peer_with: StartPeer, transport_to: ConnectTo
) -> None:
    peer = await peer_with(echo)
    transport = transport_to(peer.url)
    await transport.warm()
    await transport.warm()
    assert peer.connection_count == 1
    assert await exchange(transport, HELLO) == HELLO
    assert peer.connection_count == 1


async def test_nothing_waits_for_nagle(peer_with: StartPeer, transport_to: ConnectTo) -> None:
    peer = await peer_with(echo)
    await transport_to(peer.url).warm()
    (options,) = [options for is_ours, options in sockets_of(peer.port) if is_ours]
    assert options["nodelay"]
    assert options["keepalive"]


def sockets_of(port: int) -> list[tuple[bool, dict[str, int]]]:
    """List this process's connections with that port: whether it is ours, and its options."""
    found = []
    for number in our_sockets():
        with socket.socket(fileno=os.dup(number)) as each, suppress(OSError):
            if each.family == socket.AF_INET and port in (
                each.getpeername()[1],
                each.getsockname()[1],
            ):
                options = {
                    "nodelay": each.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY),
                    "keepalive": each.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE),
                }
                found.append((each.getpeername()[1] == port, options))
    return found


def our_sockets() -> list[int]:
    """List the file descriptors of this process that are sockets."""
    found = []
    for number in [int(path.name) for path in Path("/proc/self/fd").iterdir()]:
        with suppress(OSError):  # the one that listed them is gone
            if stat.S_ISSOCK(os.fstat(number).st_mode):
                found.append(number)
    return found


def http_client(ca_file: Path) -> Http2Client:
    return Http2Client(
        ca_file=ca_file,
        connect_timeout_s=5,
        header_timeout_s=5,
        idle_timeout_s=5,
        close_timeout_s=1,
        max_streams_per_connection=1,
    )


async def test_a_copy_of_the_http_client_is_the_http_client(ca_file: Path) -> None:
    client = http_client(ca_file)
    assert copy.deepcopy(client) is client


async def test_a_request_that_cannot_be_sent_leaves_nobody_waiting(
    peer_with: StartPeer, ca_file: Path
) -> None:
    peer = await peer_with(echo)
    client = http_client(ca_file)
    body = RequestBody()
    request = HTTPRequest(
        destination=URI(host="localhost", port=peer.port),
        method="POST",
        fields=tuples_to_fields([("x-odd", "line\r\nbreak")]),
        body=body,  # type: ignore[arg-type]  # no body the SDK knows, and that is meant
    )
    with pytest.raises(ValueError, match="line break"):
        await client.send(request)
    with pytest.raises(TransportError, match="no stream was opened"):
        await body.write(b"frame")
    await client.close()


async def test_a_request_without_duplex_is_not_for_this_client(ca_file: Path) -> None:
    request = HTTPRequest(
        destination=URI(host="localhost"), method="GET", fields=tuples_to_fields([])
    )
    with pytest.raises(TypeError):
        await http_client(ca_file).send(request)


# Leaving nothing behind.


async def test_two_hundred_streams_leave_nothing_behind(
    peer_with: StartPeer, transport_to: ConnectTo
) -> None:
    peer = await peer_with(echo)
    transport = transport_to(peer.url)
    await exchange(transport, HELLO)
    before = (asyncio.all_tasks(), threading.active_count())
    for number in range(200):
        stream = await transport.open()
        await stream.send(HELLO)
        if number % 2:
            assert await stream.receive() == HELLO
        await stream.close()
    await until(lambda: len(asyncio.all_tasks()) == len(before[0]))
    assert threading.active_count() == before[1]
    assert peer.connection_count == 1
    assert len(sockets_of(peer.port)) == 2  # ours and the peer's
    await transport.close()
    await until(lambda: not sockets_of(peer.port))


async def test_unread_audio_of_closed_streams_does_not_use_up_the_connection(
    peer_with: StartPeer, transport_to: ConnectTo
) -> None:
    async def script(stream: PeerStream) -> None:
        stream.head()
        while True:
            await stream.tell(bytes(30_000))

    peer = await peer_with(script)
    transport = transport_to(peer.url, max_streams_per_connection=2)
    for _ in range(8):  # each leaves up to 2 MiB unread, where a connection has room for 4
        stream = await transport.open()
        async with asyncio.timeout(5):
            await stream.receive()
        await settled(lambda: peer.connections[0].h2.outbound_flow_control_window)
        await stream.close()
    assert peer.connection_count == 1


async def test_closing_a_stream_tells_the_service(
    peer_with: StartPeer, transport_to: ConnectTo
) -> None:
    peer = await peer_with(listen)
    stream = await transport_to(peer.url).open()
    await stream.close()
    await until(lambda: peer.streams[0].gone)


async def test_closing_twice_is_closing_once(peer_with: StartPeer, transport_to: ConnectTo) -> None:
    peer = await peer_with(listen)
    transport = transport_to(peer.url)
    stream = await transport.open()
    for _ in range(2):
        await stream.close()
        await transport.close()
    for attempt in (stream.receive, transport.open, transport.warm):
        with pytest.raises(TransportError):
            await attempt()


async def test_a_stream_closes_in_time_when_the_service_reads_nothing(
    peer_with: StartPeer, transport_to: ConnectTo
) -> None:
    peer = await peer_with(listen, reads=False)
    stream = await transport_to(peer.url, close_timeout_s=0.2).open()
    async with asyncio.timeout(5), AsyncExitStack() as stack:
        tasks = await stack.enter_async_context(asyncio.TaskGroup())
        stuck = tasks.create_task(swallow(stream))
        await settled(lambda: stream)
        await stream.close()
        assert await stuck == TransportCode.STREAM_LOST


async def swallow(stream: PayloadStream) -> TransportCode:
    while True:
        try:
            await stream.send(bytes(20_000))
        except TransportError as error:
            return error.code


async def test_a_transport_closes_in_time_when_the_service_does_not_answer(
    peer_with: StartPeer, transport_to: ConnectTo
) -> None:
    peer = await peer_with(listen)
    transport = transport_to(peer.url, close_timeout_s=0.2)
    stream = await transport.open()
    peer.connections[0].transport.pause_reading()
    async with asyncio.timeout(3):
        await transport.close()
    with pytest.raises(TransportError, match="stream_lost"):
        await stream.receive()


async def test_a_receive_that_waits_is_told_of_the_close(
    peer_with: StartPeer, transport_to: ConnectTo
) -> None:
    peer = await peer_with(listen)
    stream = await transport_to(peer.url).open()

    async def reason() -> TransportCode:
        with pytest.raises(TransportError) as caught:
            await stream.receive()
        return caught.value.code

    async with asyncio.timeout(3), asyncio.TaskGroup() as tasks:
        waiting = tasks.create_task(reason())
        await until(lambda: peer.streams)
        await stream.close()
    assert waiting.result() is TransportCode.STREAM_LOST
