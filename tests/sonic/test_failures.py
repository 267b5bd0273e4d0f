"""The error matrix of a request: each refusal and each exception has its own code."""

import asyncio
import json

import pytest

from tests.sonic import frames
from tests.sonic.conftest import ConnectTo, StartPeer
from tests.sonic.failures import failure_of
from tests.sonic.peer import PeerStream
from tests.sonic.scripts import HELLO, answering, refusing
from voice.sonic.errors import TransportCode, TransportError

pytestmark = pytest.mark.wire


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
    async with asyncio.timeout(60):
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

    async with asyncio.timeout(60):
        told = await asyncio.gather(speak(), stream.receive(), return_exceptions=True)
    assert [str(each) for each in told] == ["validation: bad order"] * 2


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
