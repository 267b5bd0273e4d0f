"""The real SDK, with our own HTTP/2 client, against the simulator process; requests are signed."""

import json
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from typing import Any

import pytest
from smithy_aws_core.identity import AWSCredentialsIdentity

from nova_sonic_simulator.testing import RunningSimulator
from voice.sonic.credentials import FrozenIdentity
from voice.sonic.errors import TransportCode, TransportError
from voice.sonic.events import (
    AudioContentStart,
    AudioInput,
    AudioOutput,
    CompletionEnd,
    ContentEnded,
    OutputEvent,
    PromptStart,
    Role,
    SessionStart,
    SpokenText,
    ToolSpec,
    ToolUse,
    UserText,
)
from voice.sonic.protocol import SonicProtocol
from voice.sonic.transport import BedrockConfig, BedrockTransport, PayloadStream

pytestmark = pytest.mark.wire

MODEL = "amazon.nova-2-sonic-v1:0"
QUESTION = "Consulta el pedido número 1 con DNI 12345678"
ORDER = {"id": "1", "statusText": "en camino", "customerName": "Juan Pérez", "items": []}

type MakeTransport = Callable[..., BedrockTransport]


@pytest.fixture
async def transport_for(simulator: RunningSimulator) -> AsyncIterator[MakeTransport]:
    async with AsyncExitStack() as stack:

        def make(*, secret: str = "local", model_id: str = MODEL) -> BedrockTransport:
            config = BedrockConfig(
                header_timeout_s=15.0,
                region="us-east-1",
                model_id=model_id,
                endpoint_url=simulator.url,
                ca_file=simulator.ca_file,
            )
            identity = AWSCredentialsIdentity(access_key_id="local", secret_access_key=secret)
            transport = BedrockTransport(config, FrozenIdentity(identity))
            stack.push_async_callback(transport.close)
            return transport

        yield make


class Session:
    """A protocol core and a stream, connected as a call connects them."""

    def __init__(self, stream: PayloadStream) -> None:
        self.stream = stream
        self.core = SonicProtocol()
        self.received: list[OutputEvent] = []

    async def flush(self) -> None:
        for payload in self.core.payloads_to_send():
            await self.stream.send(payload)

    async def open(self) -> None:
        schema = '{"type": "object"}'
        tool = ToolSpec(name="consultarOrder", description="Consulta", input_schema=schema)
        self.core.send(SessionStart(max_tokens=1024, top_p=0.9, temperature=0.7))
        self.core.send(
            PromptStart(prompt_name="p", voice_id="carlos", output_rate_hz=24000, tools=(tool,))
        )
        self.core.send_text(
            content_name="s", role=Role.SYSTEM, text="Sos un asistente.", interactive=False
        )
        microphone = {"prompt_name": "p", "content_name": "m"}
        self.core.send(AudioContentStart(**microphone, input_rate_hz=16000))
        self.core.send(AudioInput(**microphone, pcm=bytes(1024)))
        await self.flush()

    async def next(self) -> OutputEvent | None:
        while not (events := self.core.events_received()):
            payload = await self.stream.receive()
            if payload is None:
                self.core.receive_eof()
                return None
            self.core.receive_payload(payload)
        # The simulator puts one event into each payload.
        (event,) = events
        self.received.append(event)
        return event

    async def until(self, kind: type, **fields: Any) -> Any:
        while (event := await self.next()) is not None:
            is_match = all(getattr(event, name) == value for name, value in fields.items())
            if isinstance(event, kind) and is_match:
                return event
        raise AssertionError(f"the stream ended without {kind.__name__}")


async def test_typed_question_is_answered_from_the_tool_result(
    transport_for: MakeTransport,
) -> None:
    stream = await transport_for().open()
    session = Session(stream)
    await session.open()
    session.core.send_text(content_name="t", role=Role.USER, text=QUESTION, interactive=True)
    await session.flush()
    assert (await session.until(UserText)).text == QUESTION
    use = await session.until(ToolUse)
    assert use.name == "consultarOrder"
    assert json.loads(use.content) == {"orderId": "1", "dni": "12345678"}
    session.core.send_tool_result(
        content_name="r", tool_use_id=use.tool_use_id, result={"ok": True, "order": ORDER}
    )
    await session.flush()
    assert "en camino" in (await session.until(SpokenText)).text
    assert session.core.close() == ()
    await session.flush()
    await session.until(CompletionEnd)
    assert await session.next() is None
    await stream.close()
    audio = b"".join(event.pcm for event in session.received if isinstance(event, AudioOutput))
    assert len(audio) > 24000
    assert [event.stop_reason for event in session.received if isinstance(event, ContentEnded)][
        -1
    ] == ("END_TURN")


async def test_error_of_the_service_about_an_event_is_raised(
    transport_for: MakeTransport,
) -> None:
    stream = await transport_for().open()
    await stream.send(b'{"event":{"promptEnd":{"promptName":"p"}}}')
    with pytest.raises(TransportError) as caught:
        await stream.receive()
    assert caught.value.code is TransportCode.VALIDATION
    assert "Invalid input request" in caught.value.message


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"secret": "other"}, TransportCode.ACCESS_DENIED),
        ({"model_id": "amazon.nova-9-sonic-v1:0"}, TransportCode.VALIDATION),
    ],
)
async def test_error_of_the_service_about_a_stream_is_raised(
    transport_for: MakeTransport, options: dict[str, str], code: TransportCode
) -> None:
    stream = await transport_for(**options).open()
    with pytest.raises(TransportError) as caught:
        await stream.receive()
    assert caught.value.code is code
    await stream.close()
