"""Every example in docs/wire.md is decoded or encoded."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from conversations.domain import Speaker, Stage, ToolOutcome
from tests.wire.samples import READY, caption
from voice.customer_errors import call_waiting
from voice.wire import messages as m
from voice.wire.binary import BinaryWire, server_event
from voice.wire.client import ClientFrameEncoder, parse_frame
from voice.wire.legacy import LegacyWire

pytestmark = pytest.mark.pure

PAGE = (Path(__file__).parents[2] / "docs" / "wire.md").read_text(encoding="utf-8")


def examples() -> list[list[dict[str, Any]]]:
    """Return the five JSON blocks: client, server, resumed, legacy client, legacy server."""
    blocks = re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)
    return [[json.loads(line) for line in block.splitlines()] for block in blocks]


GREETING = "¡Hola!"
SERVER_MESSAGES: list[m.ServerMessage] = [
    READY,
    caption(Speaker.USER, Stage.SPOKEN, "Hola", segment=1),
    caption(Speaker.ASSISTANT, Stage.PLANNED, GREETING, segment=2),
    caption(Speaker.ASSISTANT, Stage.SPOKEN, GREETING, segment=2),
    m.ToolStarted(tool_use_id="t1", name="consultarOrder"),
    m.ToolFinished(tool_use_id="t1", name="consultarOrder", outcome=ToolOutcome.OK, duration_ms=12),
    m.TurnFinished(
        turn=1,
        latency=m.TurnLatency(
            first_audio_ms=310.5, model_ms=296.0, tool_ms=12.0, server_ms=2.5, hearing_ms=1804.2
        ),
    ),
    m.ReplyInterrupted(turn=1, generation=1),
    m.AssistantAvailability(phase=m.AssistantPhase.AWAY),
    m.AssistantAvailability(phase=m.AssistantPhase.BACK),
    m.HandoverStarted(resume_after_ms=100),
    call_waiting(retry_after_s=5.0),
    m.CallError(
        code="throttled",
        message="Todas las líneas están ocupadas. Probá de nuevo en un momento.",
        retryable=True,
        retry_after_s=20.0,
    ),
    m.CallEnded(reason=m.EndReason.CLIENT),
]


def test_binary_client_events_are_decoded() -> None:
    client, wire = ClientFrameEncoder(), BinaryWire()
    decoded = [
        inbound.message for event in examples()[0] for inbound in wire.decode(client.event(**event))
    ]
    assert decoded == [
        m.StartCall(input_rate_hz=16000, ticket="…", voice="lupe", language="es"),
        m.CustomerText(text="Consulta el pedido número 1 con DNI 12345678"),
        m.PlaybackStarted(position=48000, after_ms=83.2, rtt_ms=1.9),
        m.EndCall(),
    ]


def frames(side: str) -> list[bytes]:
    """Return the frames that the page shows in hexadecimal, of the client or the server."""
    (block,) = re.findall(r"```hex\n(.*?)```", PAGE, re.DOTALL)
    lines = (line.split() for line in block.splitlines())
    return [bytes.fromhex("".join(line[2:])) for line in lines if line[0] == side]


def test_binary_client_frames_are_decoded() -> None:
    decoded = [inbound for frame in frames("client") for inbound in BinaryWire().decode(frame)]
    assert decoded == [
        m.InboundMessage(m.CustomerAudio(pcm=b"\1\0\2\0"), 5),
        m.InboundMessage(m.ClientAcknowledgement(sequence=9, generation=2, position=48000)),
        m.InboundMessage(m.Ping(payload=b"42")),
        m.InboundMessage(
            m.ResumeCall(token="3f2a.zG0kq8", next_sequence=10, generation=2, position=48000)
        ),
    ]


def test_client_encodes_the_documented_frames() -> None:
    client = ClientFrameEncoder()
    client.sequence, client.position = 5, 512
    assert frames("client") == [
        client.audio(b"\1\0\2\0"),
        client.acknowledgement(sequence=9, generation=2, position=48000),
        client.ping(b"42"),
        client.resume("3f2a.zG0kq8", next_sequence=10, generation=2, position=48000),
    ]


def test_binary_server_frames_are_encoded() -> None:
    speech = m.SpeechChunk(generation=2, position=48000, pcm=b"\1\0\2\0", is_first=True, turn=1)
    messages = [
        m.OutboundMessage(speech, 11),
        m.OutboundMessage(m.ServerAcknowledgement(sequence=5, position=514)),
        m.OutboundMessage(m.Flush(generation=3), 12),
        m.OutboundMessage(m.Pong(payload=b"42")),
    ]
    encoded = [frame for each in messages for frame in BinaryWire().encode(each, time_ms=1000)]
    assert encoded == frames("server")


def test_binary_server_events_are_encoded() -> None:
    assert [server_event(message) for message in SERVER_MESSAGES] == examples()[1]


def test_binary_resumed_event_is_encoded() -> None:
    resumed = m.CallResumed(ready=READY, next_sequence=0, generation=0, position=0)
    (frame,) = BinaryWire().encode(m.OutboundMessage(resumed), time_ms=0)
    assert isinstance(frame, bytes)
    assert [parse_frame(frame).event] == examples()[2]


def test_legacy_client_events_are_decoded() -> None:
    wire = LegacyWire()
    decoded = [
        inbound.message for event in examples()[3] for inbound in wire.decode(json.dumps(event))
    ]
    assert decoded == [m.StartCall(greet=False), m.CustomerAudio(pcm=b"\1\0\2\0"), m.EndCall()]


def test_legacy_server_events_are_encoded() -> None:
    result = {"promptName": "p", "contentName": "block-2", "content": {"ok": True}}
    messages: list[m.ServerMessage] = [
        m.ServiceEvent(source={"toolResult": result}),
        m.CallError(
            code="bad_event",
            message="El servidor no entendió un mensaje de esta página.",
            retryable=False,
        ),
        m.CallEnded(reason=m.EndReason.CLIENT),
    ]
    wire = LegacyWire()
    frames = [
        frame
        for message in messages
        for frame in wire.encode(m.OutboundMessage(message), time_ms=1690000000000)
    ]
    assert [json.loads(frame) for frame in frames] == examples()[4]
