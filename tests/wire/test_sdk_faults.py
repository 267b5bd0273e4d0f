"""Faults on command as the real SDK meets them, over the transport that production uses."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import pytest
from smithy_aws_core.identity import AWSCredentialsIdentity

from nova_sonic_simulator.testing import RunningSimulator
from support.events import closing, opening, raw, typed
from voice.sonic.credentials import FrozenIdentity
from voice.sonic.errors import TransportCode, TransportError
from voice.sonic.transport import BedrockConfig, BedrockTransport, PayloadStream

pytestmark = pytest.mark.wire


@asynccontextmanager
async def transport_to(
    running: RunningSimulator, *, patience_s: float = 10.0
) -> AsyncIterator[BedrockTransport]:
    config = BedrockConfig(
        region="us-east-1",
        model_id="amazon.nova-2-sonic-v1:0",
        endpoint_url=running.url,
        ca_file=running.ca_file,
        connect_timeout_s=patience_s,
        header_timeout_s=patience_s,
        idle_timeout_s=patience_s,
    )
    identity = AWSCredentialsIdentity(access_key_id="local", secret_access_key="local")
    async with AsyncExitStack() as stack:
        transport = BedrockTransport(config, FrozenIdentity(identity))
        stack.push_async_callback(transport.close)
        yield transport


async def greet(stream: PayloadStream) -> None:
    for event in (*opening(), *typed("t1", "Hola")):
        await stream.send(raw(event))


async def hear_out(stream: PayloadStream) -> int:
    """Receive to the end of the stream; return how many events came."""
    count = 0
    while await stream.receive() is not None:
        count += 1
    return count


async def converse(transport: BedrockTransport) -> int:
    """Say hello on a new stream and receive to its end; return how many events came."""
    stream = await transport.open()
    await greet(stream)
    return await hear_out(stream)


MID_SPEECH = "out:audioOutput"


@pytest.mark.parametrize(
    ("at", "action", "code"),
    [
        ("connect", {"kind": "abort"}, TransportCode.CONNECT_FAILED),
        ("connect", {"kind": "hang"}, TransportCode.CONNECT_TIMEOUT),
        ("open", {"kind": "refuse", "status": 429, "code": "ThrottlingException"},
         TransportCode.THROTTLED),
        ("open", {"kind": "refuse", "status": 500, "code": "InternalFailure"},
         TransportCode.INTERNAL),
        ("open", {"kind": "hang"}, TransportCode.HEADER_TIMEOUT),
        ("open", {"kind": "abort"}, TransportCode.STREAM_LOST),
        ("open", {"kind": "reset"}, TransportCode.STREAM_LOST),
        (MID_SPEECH, {"kind": "hang"}, TransportCode.IDLE_TIMEOUT),
        (MID_SPEECH, {"kind": "abort"}, TransportCode.STREAM_LOST),
        (MID_SPEECH, {"kind": "reset"}, TransportCode.STREAM_LOST),
        (MID_SPEECH, {"kind": "reset", "code": 0}, TransportCode.STREAM_LOST),
        (MID_SPEECH, {"kind": "goaway", "code": 2, "hard": True}, TransportCode.STREAM_LOST),
        (MID_SPEECH, {"kind": "exception", "type": "modelStreamErrorException"},
         TransportCode.MODEL_STREAM),
        (MID_SPEECH, {"kind": "exception", "type": "brandNewException"},
         TransportCode.UNMODELLED),
        (MID_SPEECH, {"kind": "error", "code": "Unheard"}, TransportCode.UNMODELLED),
        (MID_SPEECH, {"kind": "truncate"}, TransportCode.STREAM_LOST),
        (MID_SPEECH, {"kind": "corrupt"}, TransportCode.BAD_FRAME),
    ],
    ids=str,
)  # fmt: skip
async def test_a_fault_has_its_own_code(
    clean_simulator: RunningSimulator, at: str, action: dict[str, Any], code: TransportCode
) -> None:
    await clean_simulator.command("fault", at=at, action=action)
    patience_s = 0.5 if action["kind"] == "hang" else 10.0
    async with transport_to(clean_simulator, patience_s=patience_s) as transport:
        with pytest.raises(TransportError) as caught:
            await converse(transport)
    assert caught.value.code is code


async def test_an_end_nobody_asked_for_looks_like_an_end(clean_simulator: RunningSimulator) -> None:
    await clean_simulator.inject_fault(MID_SPEECH, "end")
    async with transport_to(clean_simulator) as transport:
        assert await converse(transport) > 3


async def test_an_unknown_event_and_a_graceful_goaway_end_nothing(
    clean_simulator: RunningSimulator,
) -> None:
    await clean_simulator.inject_fault(MID_SPEECH, "send", event={"event": {"userSpeechEnd": {}}})
    await clean_simulator.inject_fault(MID_SPEECH, "goaway", nth=2)
    async with transport_to(clean_simulator) as transport:
        stream = await transport.open()
        await greet(stream)
        received = [await stream.receive() for _ in range(20)]
        assert b'{"event":{"userSpeechEnd":{}}}' in received
        for event in closing():
            await stream.send(raw(event))
        await stream.end_input()
        await hear_out(stream)
        second = await transport.open()
        await greet(second)
        assert await second.receive() is not None
