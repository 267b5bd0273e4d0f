"""Connections are shared, replaced and closed; nothing is left behind."""

import asyncio
import copy
import os
import socket
import stat
import threading
from contextlib import AsyncExitStack, suppress
from pathlib import Path

import pytest
from h2.settings import SettingCodes
from smithy_core import URI
from smithy_http import tuples_to_fields
from smithy_http.aio import HTTPRequest

from tests.sonic.conftest import ConnectTo, StartPeer
from tests.sonic.peer import PeerStream
from tests.sonic.scripts import HELLO, echo, listen, until, wait_until_unchanged
from voice.sonic.errors import TransportCode, TransportError
from voice.sonic.http2 import Http2Client
from voice.sonic.interfaces import PayloadStream
from voice.sonic.sdk_bodies import RequestBody
from voice.sonic.transport import BedrockTransport

pytestmark = pytest.mark.wire


async def exchange(transport: BedrockTransport, payload: bytes) -> bytes | None:
    stream = await transport.open()
    await stream.send(payload)
    answer = await stream.receive()
    await stream.end_input()
    assert await stream.receive() is None
    await stream.close()
    return answer


async def test_many_streams_share_a_few_connections(
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


async def test_service_limit_of_streams_is_respected(
    peer_with: StartPeer, transport_to: ConnectTo
) -> None:
    peer = await peer_with(echo, settings={SettingCodes.MAX_CONCURRENT_STREAMS: 2})
    transport = transport_to(peer.url)
    streams = await asyncio.gather(*(transport.open() for _ in range(5)))
    for stream in streams:
        await stream.send(HELLO)
        assert await stream.receive() == HELLO
    assert peer.connection_count == 3


async def test_service_without_streams_fails_to_connect(
    peer_with: StartPeer, transport_to: ConnectTo
) -> None:
    peer = await peer_with(echo, settings={SettingCodes.MAX_CONCURRENT_STREAMS: 0})
    with pytest.raises(TransportError) as caught:
        await transport_to(peer.url).open()
    assert caught.value.code is TransportCode.CONNECT_FAILED


async def test_lost_connection_is_replaced(peer_with: StartPeer, transport_to: ConnectTo) -> None:
    peer = await peer_with(echo)
    transport = transport_to(peer.url)
    assert await exchange(transport, HELLO) == HELLO
    peer.connections[0].abort()
    await until(lambda: not peer.connections)
    assert await exchange(transport, HELLO) == HELLO
    assert peer.connection_count == 2


async def test_warm_opens_the_connection_of_the_first_stream(
    peer_with: StartPeer, transport_to: ConnectTo
) -> None:
    peer = await peer_with(echo)
    transport = transport_to(peer.url)
    await transport.warm()
    await transport.warm()
    assert peer.connection_count == 1
    assert await exchange(transport, HELLO) == HELLO
    assert peer.connection_count == 1


async def test_socket_has_nodelay_and_keepalive(
    peer_with: StartPeer, transport_to: ConnectTo
) -> None:
    peer = await peer_with(echo)
    await transport_to(peer.url).warm()
    (options,) = [options for is_client, options in sockets_of(peer.port) if is_client]
    assert options["nodelay"]
    assert options["keepalive"]


def sockets_of(port: int) -> list[tuple[bool, dict[str, int]]]:
    """Return this process's connections with that port: whether it is the client's, and its options."""
    found = []
    for number in socket_numbers():
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


def socket_numbers() -> list[int]:
    """Return the file descriptors of this process that are sockets."""
    found = []
    for number in [int(path.name) for path in Path("/proc/self/fd").iterdir()]:
        with suppress(OSError):  # the one that listed them is gone
            if stat.S_ISSOCK(os.fstat(number).st_mode):
                found.append(number)
    return found


def http_client(ca_file: Path) -> Http2Client:
    return Http2Client(
        ca_file=ca_file,
        connect_timeout_s=60,
        header_timeout_s=60,
        idle_timeout_s=60,
        close_timeout_s=1,
        max_streams_per_connection=1,
    )


async def test_copy_of_http_client_is_the_same_object(ca_file: Path) -> None:
    client = http_client(ca_file)
    assert copy.deepcopy(client) is client


async def test_invalid_request_fails_its_writers(peer_with: StartPeer, ca_file: Path) -> None:
    peer = await peer_with(echo)
    client = http_client(ca_file)
    body = RequestBody()
    request = HTTPRequest(
        destination=URI(host="localhost", port=peer.port),
        method="POST",
        fields=tuples_to_fields([("x-odd", "line\r\nbreak")]),
        body=body,  # type: ignore[arg-type]  # not a body that the SDK knows, on purpose
    )
    with pytest.raises(ValueError, match="line break"):
        await client.send(request)
    with pytest.raises(TransportError, match="no stream was opened"):
        await body.write(b"frame")
    await client.close()


async def test_request_without_duplex_body_is_refused(ca_file: Path) -> None:
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


async def test_unread_data_of_closed_streams_is_returned(
    peer_with: StartPeer, transport_to: ConnectTo
) -> None:
    async def script(stream: PeerStream) -> None:
        stream.head()
        while True:
            await stream.send_event_frame(bytes(30_000))

    peer = await peer_with(script)
    transport = transport_to(peer.url, max_streams_per_connection=2)
    for _ in range(8):  # each leaves up to 2 MiB unread, where a connection has room for 4
        stream = await transport.open()
        async with asyncio.timeout(60):
            await stream.accepted()
        await wait_until_unchanged(lambda: peer.connections[0].h2.outbound_flow_control_window)
        await stream.close()
    assert peer.connection_count == 1


async def test_closed_stream_is_reset(peer_with: StartPeer, transport_to: ConnectTo) -> None:
    peer = await peer_with(listen)
    stream = await transport_to(peer.url).open()
    await stream.close()
    await until(lambda: peer.streams[0].gone)


async def test_close_is_idempotent(peer_with: StartPeer, transport_to: ConnectTo) -> None:
    peer = await peer_with(listen)
    transport = transport_to(peer.url)
    stream = await transport.open()
    for _ in range(2):
        await stream.close()
        await transport.close()
    for attempt in (stream.receive, transport.open, transport.warm):
        with pytest.raises(TransportError):
            await attempt()


async def test_stream_closes_in_time_if_the_service_is_blocked(
    peer_with: StartPeer, transport_to: ConnectTo
) -> None:
    peer = await peer_with(listen, reads=False)
    stream = await transport_to(peer.url, close_timeout_s=0.2).open()
    async with asyncio.timeout(60), AsyncExitStack() as stack:
        tasks = await stack.enter_async_context(asyncio.TaskGroup())
        stuck = tasks.create_task(swallow(stream))
        await wait_until_unchanged(lambda: stream)
        await stream.close()
        assert await stuck == TransportCode.STREAM_LOST


async def swallow(stream: PayloadStream) -> TransportCode:
    while True:
        try:
            await stream.send(bytes(20_000))
        except TransportError as error:
            return error.code


async def test_transport_closes_in_time_without_an_answer(
    peer_with: StartPeer, transport_to: ConnectTo
) -> None:
    peer = await peer_with(listen)
    transport = transport_to(peer.url, close_timeout_s=0.2)
    stream = await transport.open()
    peer.connections[0].transport.pause_reading()
    async with asyncio.timeout(60):
        await transport.close()
    with pytest.raises(TransportError, match="stream_lost"):
        await stream.receive()


async def test_close_ends_a_waiting_receive(peer_with: StartPeer, transport_to: ConnectTo) -> None:
    peer = await peer_with(listen)
    stream = await transport_to(peer.url).open()

    async def reason() -> TransportCode:
        with pytest.raises(TransportError) as caught:
            await stream.receive()
        return caught.value.code

    async with asyncio.timeout(60), asyncio.TaskGroup() as tasks:
        waiting = tasks.create_task(reason())
        await until(lambda: peer.streams)
        await stream.close()
    assert waiting.result() is TransportCode.STREAM_LOST
