"""The error matrix: whatever goes wrong, the caller learns it, at once and by its right name."""

import asyncio
import json
import socket
from pathlib import Path

import pytest
from smithy_aws_core.identity import AWSCredentialsIdentity, AWSIdentityProperties

from tests.sonic import frames
from tests.sonic.conftest import ConnectTo, StartPeer
from tests.sonic.peer import Certificates, PeerStream, Script
from voice.sonic.credentials import CredentialsResolver
from voice.sonic.errors import TransportCode, TransportError
from voice.sonic.transport import BedrockConfig, BedrockTransport

pytestmark = pytest.mark.wire

HELLO = b'{"event":{}}'


async def failure_of(transport: BedrockTransport) -> TransportError:
    """Open a stream, send one payload, receive until it fails; give the failure."""
    async with asyncio.timeout(5):
        with pytest.raises(TransportError) as caught:
            await converse(transport)
    return caught.value


async def converse(transport: BedrockTransport) -> None:
    stream = await transport.open()
    try:
        await stream.send(HELLO)
        while await stream.receive() is not None:
            pass
    finally:
        await stream.close()


def refusing(status: int, name: str | None, *, message: str = "no", ends: bool = True) -> Script:
    async def script(stream: PeerStream) -> None:
        fields = {"x_amzn_errortype": f"{name}:http://internal.amazon.com/"} if name else {}
        stream.head(status, content_type="application/json", **fields)
        if ends:
            await stream.send_bytes(json.dumps({"message": message}).encode())
            stream.end()

    return script


@pytest.mark.parametrize(
    ("status", "name", "code", "retryable"),
    [
        (400, "ValidationException", TransportCode.VALIDATION, False),
        (400, "ServiceQuotaExceededException", TransportCode.THROTTLED, True),
        (403, "AccessDeniedException", TransportCode.ACCESS_DENIED, False),
        (403, "UnrecognizedClientException", TransportCode.ACCESS_DENIED, False),
        (403, "ExpiredTokenException", TransportCode.ACCESS_DENIED, False),
        (403, None, TransportCode.ACCESS_DENIED, False),
        (404, "ResourceNotFoundException", TransportCode.VALIDATION, False),
        (408, "ModelTimeoutException", TransportCode.MODEL_TIMEOUT, True),
        (418, "TeapotException", TransportCode.UNMODELLED, False),
        (424, "ModelErrorException", TransportCode.MODEL_STREAM, True),
        (429, "ThrottlingException", TransportCode.THROTTLED, True),
        (429, "ModelNotReadyException", TransportCode.MODEL_NOT_READY, True),
        (429, None, TransportCode.THROTTLED, True),
        (500, "InternalServerException", TransportCode.INTERNAL, True),
        (503, "ServiceUnavailableException", TransportCode.SERVICE_UNAVAILABLE, True),
        (504, None, TransportCode.SERVICE_UNAVAILABLE, True),
        (599, None, TransportCode.INTERNAL, True),
    ],
)
async def test_refusal_has_its_code(
    status: int,
    name: str | None,
    code: TransportCode,
    retryable: bool,
    peer_with: StartPeer,
    transport_to: ConnectTo,
) -> None:
    peer = await peer_with(refusing(status, name))
    failure = await failure_of(transport_to(peer.url))
    assert (failure.code, failure.retryable) == (code, retryable)


async def test_refusal_carries_the_service_message(
    peer_with: StartPeer, transport_to: ConnectTo
) -> None:
    peer = await peer_with(refusing(400, "ValidationException", message="no such model"))
    failure = await failure_of(transport_to(peer.url))
    assert failure.message == "no such model"


async def test_refusal_with_content_length_leaves_other_streams_alone(
    peer_with: StartPeer, transport_to: ConnectTo
) -> None:
    body = json.dumps({"message": "no"}).encode()

    async def script(stream: PeerStream) -> None:
        if stream.stream_id > 1:
            fields = {"x_amzn_errortype": "ThrottlingException", "content_length": str(len(body))}
            stream.head(429, **fields)
            await stream.send_bytes(body)
            stream.end()
            return
        stream.head()
        while (payload := await stream.payload()) is not None:
            await stream.send_event_frame(payload)

    peer = await peer_with(script)
    transport = transport_to(peer.url)
    other = await transport.open()
    await other.send(HELLO)
    assert await other.receive() == HELLO
    assert (await failure_of(transport)).code is TransportCode.THROTTLED
    await other.send(HELLO)
    assert await other.receive() == HELLO


async def test_refusal_without_end_of_body_is_reported(
    peer_with: StartPeer, transport_to: ConnectTo
) -> None:
    peer = await peer_with(refusing(429, "ThrottlingException", ends=False))
    failure = await failure_of(transport_to(peer.url, header_timeout_s=0.2))
    assert failure.code is TransportCode.THROTTLED


async def test_refusal_that_awaits_the_request_end_is_reported(
    peer_with: StartPeer, transport_to: ConnectTo
) -> None:
    async def script(stream: PeerStream) -> None:
        stream.head(429, x_amzn_errortype="ThrottlingException")
        await stream.payload()
        assert await stream.payload() is None
        stream.end()

    peer = await peer_with(script)
    assert (await failure_of(transport_to(peer.url))).code is TransportCode.THROTTLED


async def test_sender_gets_the_refusal(peer_with: StartPeer, transport_to: ConnectTo) -> None:
    peer = await peer_with(refusing(400, "ValidationException", message="no such model"))
    stream = await transport_to(peer.url).open()
    async with asyncio.timeout(5):
        with pytest.raises(TransportError, match="no such model"):
            await asyncio.gather(*(stream.send(bytes(20_000)) for _ in range(100)))
    with pytest.raises(TransportError, match="no such model"):
        await stream.receive()


async def test_sender_gets_the_in_stream_exception(
    peer_with: StartPeer, transport_to: ConnectTo
) -> None:
    peer = await peer_with(answering(frames.exception("validationException", "bad order")))
    stream = await transport_to(peer.url).open()

    async def speak() -> None:
        while True:
            await stream.send(HELLO)

    async with asyncio.timeout(5):
        told = await asyncio.gather(speak(), stream.receive(), return_exceptions=True)
    assert [str(each) for each in told] == ["validation: bad order"] * 2


def answering(data: bytes, *, ends: bool = True) -> Script:
    async def script(stream: PeerStream) -> None:
        stream.head()
        await stream.payload()
        await stream.send_bytes(data)
        if ends:
            stream.end()

    return script


@pytest.mark.parametrize(
    ("name", "code", "retryable"),
    [
        ("validationException", TransportCode.VALIDATION, False),
        ("throttlingException", TransportCode.THROTTLED, True),
        ("modelTimeoutException", TransportCode.MODEL_TIMEOUT, True),
        ("internalServerException", TransportCode.INTERNAL, True),
        ("modelStreamErrorException", TransportCode.MODEL_STREAM, True),
        ("serviceUnavailableException", TransportCode.SERVICE_UNAVAILABLE, True),
        ("accessDeniedException", TransportCode.ACCESS_DENIED, False),  # the SDK: KeyError
        ("somethingNewException", TransportCode.UNMODELLED, False),
    ],
)
async def test_in_stream_exception_has_its_code(
    name: str, code: TransportCode, retryable: bool, peer_with: StartPeer, transport_to: ConnectTo
) -> None:
    peer = await peer_with(answering(frames.exception(name, "no")))
    failure = await failure_of(transport_to(peer.url))
    assert (failure.code, failure.retryable) == (code, retryable)


@pytest.mark.parametrize(
    ("text", "retryable"),
    [
        ("InternalErrorCode=531::RST_STREAM closed stream. HTTP/2 error code: NO_ERROR", True),
        ("InternalErrorCode=532::Timed out waiting for audio bytes", True),
        ("System instability detected. Please retry your request.", True),
        ("Invalid input request, please fix your input and try again.", False),
        ("InternalErrorCode=533::something else", False),
    ],
)
async def test_transient_validation_error_is_retryable(
    text: str, retryable: bool, peer_with: StartPeer, transport_to: ConnectTo
) -> None:
    peer = await peer_with(answering(frames.exception("validationException", text)))
    failure = await failure_of(transport_to(peer.url))
    assert (failure.code, failure.retryable) == (TransportCode.VALIDATION, retryable)
    assert text in failure.message


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("InternalFailure", TransportCode.INTERNAL),
        ("SomethingNew", TransportCode.UNMODELLED),
    ],
)
async def test_error_message_has_its_code(
    name: str, code: TransportCode, peer_with: StartPeer, transport_to: ConnectTo
) -> None:
    peer = await peer_with(answering(frames.error(name, "boom")))
    failure = await failure_of(transport_to(peer.url))
    assert failure.code is code
    assert "boom" in failure.message


def spoiled(data: bytes) -> bytes:
    return data[:-1] + bytes([data[-1] ^ 1])


@pytest.mark.parametrize(
    ("data", "code"),
    [
        pytest.param(spoiled(frames.event(HELLO)), TransportCode.BAD_FRAME, id="bad checksum"),
        pytest.param(b"\x7f" + bytes(20), TransportCode.BAD_FRAME, id="too large"),
        pytest.param(b"\x00\x00\x00\x0f" + bytes(20), TransportCode.BAD_FRAME, id="too small"),
        pytest.param(
            frames.build({":message-type": "event", ":event-type": "chunk"}, b"{}"),
            TransportCode.BAD_FRAME,
            id="no bytes",
        ),
        pytest.param(
            frames.build({":message-type": "event", ":event-type": "chunk"}, b"{not json"),
            TransportCode.BAD_FRAME,
            id="no json",
        ),
        pytest.param(
            frames.build({":message-type": "event"}, b"{}"), TransportCode.BAD_FRAME, id="no type"
        ),
        pytest.param(
            frames.build({":message-type": "letter"}, b"{}"), TransportCode.BAD_FRAME, id="odd type"
        ),
        pytest.param(frames.event(HELLO)[:40], TransportCode.STREAM_LOST, id="cut"),
        pytest.param(frames.event(HELLO)[:3], TransportCode.STREAM_LOST, id="cut early"),
        pytest.param(frames.event(HELLO)[:-2], TransportCode.STREAM_LOST, id="cut late"),
    ],
)
async def test_invalid_frame_is_a_bad_frame(
    data: bytes, code: TransportCode, peer_with: StartPeer, transport_to: ConnectTo
) -> None:
    peer = await peer_with(answering(data))
    failure = await failure_of(transport_to(peer.url))
    assert (failure.code, failure.retryable) == (code, True)


async def test_unknown_event_type_is_ignored(peer_with: StartPeer, transport_to: ConnectTo) -> None:
    novelty = frames.build({":message-type": "event", ":event-type": "novelty"}, b"{}")
    peer = await peer_with(answering(novelty + frames.event(HELLO)))
    stream = await transport_to(peer.url).open()
    await stream.send(HELLO)
    assert await stream.receive() == HELLO
    assert await stream.receive() is None


async def test_failed_stream_never_ends_cleanly(
    peer_with: StartPeer, transport_to: ConnectTo
) -> None:
    peer = await peer_with(answering(frames.exception("validationException", "no")))
    stream = await transport_to(peer.url).open()
    await stream.send(HELLO)
    for _ in range(2):
        with pytest.raises(TransportError, match="validation"):
            await stream.receive()


# Lost streams.


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
    async with asyncio.timeout(5):
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


# Time.


async def silence(stream: PeerStream) -> None:
    await stream.until_gone()


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
    assert peer.streams[0].gone


async def test_service_that_sends_in_time_does_not_time_out(
    peer_with: StartPeer, transport_to: ConnectTo
) -> None:
    async def script(stream: PeerStream) -> None:
        stream.head()
        for _ in range(4):
            await asyncio.sleep(0.1)  # time itself is what is tested
            await stream.send_event_frame(HELLO)
        stream.end()

    peer = await peer_with(script)
    stream = await transport_to(peer.url, idle_timeout_s=0.3).open()
    for _ in range(4):
        assert await stream.receive() == HELLO
    assert await stream.receive() is None


async def test_unread_stream_does_not_time_out(
    peer_with: StartPeer, transport_to: ConnectTo
) -> None:
    peer = await peer_with(answering(frames.event(HELLO) * 2, ends=False))
    stream = await transport_to(peer.url, idle_timeout_s=0.2).open()
    await stream.send(HELLO)
    await stream.accepted()
    await asyncio.sleep(0.5)  # time itself is what is tested
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
    async with asyncio.timeout(5):
        with pytest.raises(TransportError, match="idle_timeout"):
            await asyncio.gather(*(stream.send(bytes(20_000)) for _ in range(100)))


# Connecting.


async def test_closed_port_fails_to_connect(transport_to: ConnectTo) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        failure = await failure_of(transport_to(f"https://localhost:{port}"))
    assert (failure.code, failure.retryable) == (TransportCode.CONNECT_FAILED, True)


async def test_unknown_host_fails_to_connect(transport_to: ConnectTo) -> None:
    failure = await failure_of(transport_to("https://nowhere.invalid"))
    assert failure.code in {TransportCode.CONNECT_FAILED, TransportCode.CONNECT_TIMEOUT}


async def test_peer_without_handshake_times_out(transport_to: ConnectTo) -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        port = mute.getsockname()[1]
        failure = await failure_of(transport_to(f"https://localhost:{port}", connect_timeout_s=0.1))
    assert (failure.code, failure.retryable) == (TransportCode.CONNECT_TIMEOUT, True)


async def test_hundred_callers_wait_for_a_dead_service_together(transport_to: ConnectTo) -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        transport = transport_to(
            f"https://localhost:{mute.getsockname()[1]}", connect_timeout_s=0.2
        )
        async with asyncio.timeout(2):
            results = await asyncio.gather(
                *(transport.open() for _ in range(100)), return_exceptions=True
            )
    codes = [result.code for result in results if isinstance(result, TransportError)]
    assert codes == [TransportCode.CONNECT_TIMEOUT] * 100


async def test_service_without_settings_times_out(
    peer_with: StartPeer, transport_to: ConnectTo
) -> None:
    peer = await peer_with(silence, greets=False)
    failure = await failure_of(transport_to(peer.url, connect_timeout_s=0.2))
    assert failure.code is TransportCode.CONNECT_TIMEOUT


async def test_untrusted_certificate_is_not_retryable(
    peer_with: StartPeer, transport_to: ConnectTo, tmp_path: Path
) -> None:
    peer = await peer_with(silence)
    Certificates().write_ca(str(tmp_path / "other.pem"))
    failure = await failure_of(transport_to(peer.url, ca_file=tmp_path / "other.pem"))
    assert (failure.code, failure.retryable) == (TransportCode.CONNECT_FAILED, False)


async def test_private_certificate_without_its_ca_is_refused(
    peer_with: StartPeer,
    transport_to: ConnectTo,
    ca_file: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AWS_CA_BUNDLE", str(ca_file))  # is for others, and not looked at
    peer = await peer_with(silence)
    failure = await failure_of(transport_to(peer.url, ca_file=None))
    assert (failure.code, failure.retryable) == (TransportCode.CONNECT_FAILED, False)


async def test_missing_ca_file_is_named(
    peer_with: StartPeer, transport_to: ConnectTo, tmp_path: Path
) -> None:
    peer = await peer_with(silence)
    failure = await failure_of(transport_to(peer.url, ca_file=tmp_path / "missing.pem"))
    assert failure.code is TransportCode.CONNECT_FAILED
    assert "missing.pem" in failure.message


async def test_service_without_http2_fails_to_connect(
    peer_with: StartPeer, transport_to: ConnectTo
) -> None:
    peer = await peer_with(silence, alpn=("http/1.1",), greets=False)
    failure = await failure_of(transport_to(peer.url))
    assert failure.code is TransportCode.CONNECT_FAILED


async def test_plain_http_endpoint_is_not_retryable(transport_to: ConnectTo) -> None:
    failure = await failure_of(transport_to("http://localhost:1"))
    assert (failure.code, failure.retryable) == (TransportCode.CONNECT_FAILED, False)


@pytest.mark.parametrize("url", ["https://", "localhost:8443", "https://local host"])
async def test_invalid_endpoint_fails_at_once(url: str, transport_to: ConnectTo) -> None:
    async with asyncio.timeout(2):
        with pytest.raises(TransportError):
            await transport_to(url).warm()
        await failure_of(transport_to(url))


async def test_hangup_before_settings_fails_to_connect(
    peer_with: StartPeer, transport_to: ConnectTo
) -> None:
    peer = await peer_with(silence, greets=False)
    opening = asyncio.ensure_future(transport_to(peer.url).open())  # noqa: TID251 -- awaited below
    async with asyncio.timeout(5):
        while not peer.connections:  # noqa: ASYNC110 -- lets the loop run
            await asyncio.sleep(0)
        peer.connections[0].abort()
        with pytest.raises(TransportError) as caught:
            await opening
    assert caught.value.code is TransportCode.CONNECT_FAILED


# Before the call.


class NeverThere(CredentialsResolver):
    """Credentials that nobody ever brings."""

    async def get_identity(self, *, properties: AWSIdentityProperties) -> AWSCredentialsIdentity:
        await asyncio.Event().wait()
        raise AssertionError


async def test_slow_credentials_are_retryable(peer_with: StartPeer, ca_file: Path) -> None:
    peer = await peer_with(silence)
    config = BedrockConfig(
        header_timeout_s=15.0,
        region="us-east-1",
        model_id="m",
        endpoint_url=peer.url,
        ca_file=ca_file,
        connect_timeout_s=0.1,
    )
    transport = BedrockTransport(config, NeverThere())
    with pytest.raises(TransportError) as caught:
        await transport.open()
    assert (caught.value.code, caught.value.retryable) == (TransportCode.CREDENTIALS_MISSING, True)


async def test_refused_credentials_are_looked_up_again(peer_with: StartPeer, ca_file: Path) -> None:
    class Counting(CredentialsResolver):
        forgotten = 0

        async def invalidate(self) -> None:
            self.forgotten += 1

    peer = await peer_with(refusing(403, "ExpiredTokenException"))
    config = BedrockConfig(
        region="us-east-1",
        model_id="m",
        header_timeout_s=15.0,
        endpoint_url=peer.url,
        ca_file=ca_file,
    )
    credentials = Counting()
    transport = BedrockTransport(config, credentials)
    assert (await failure_of(transport)).code is TransportCode.ACCESS_DENIED
    assert credentials.forgotten == 1
    await transport.close()


async def test_request_cancelled_while_prepared_opens_no_stream(
    peer_with: StartPeer, transport_to: ConnectTo
) -> None:
    peer = await peer_with(silence)
    transport = transport_to(peer.url, header_timeout_s=0)
    await transport.warm()
    with pytest.raises(TransportError, match="header_timeout"):
        await transport.open()
    before = asyncio.all_tasks()
    async with asyncio.timeout(5):
        while len(asyncio.all_tasks()) > len(before):  # noqa: ASYNC110 -- lets the loop run
            await asyncio.sleep(0)
    assert not peer.streams


async def test_missing_credentials_fail_before_the_request(
    peer_with: StartPeer, ca_file: Path
) -> None:
    class NoCredentials:
        def get_credentials(self) -> None:
            return None

    peer = await peer_with(silence)
    config = BedrockConfig(
        region="us-east-1",
        model_id="m",
        header_timeout_s=15.0,
        endpoint_url=peer.url,
        ca_file=ca_file,
    )
    transport = BedrockTransport(config, CredentialsResolver(NoCredentials))
    for attempt in (transport.open, transport.warm):
        async with asyncio.timeout(2):
            with pytest.raises(TransportError) as caught:
                await attempt()
        assert caught.value.code is TransportCode.CREDENTIALS_MISSING
        assert not caught.value.retryable
    assert not peer.connections
    await transport.close()
