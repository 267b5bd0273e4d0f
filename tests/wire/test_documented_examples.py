"""docs/wire.md says what travels; here every example of it is sent."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from conversations.domain import Speaker
from tests.wire.samples import READY
from voice.wire import messages as m
from voice.wire.binary import BinaryWire, server_event
from voice.wire.client import ClientFrames, read
from voice.wire.legacy import LegacyWire

pytestmark = pytest.mark.pure

PAGE = (Path(__file__).parents[2] / "docs" / "wire.md").read_text(encoding="utf-8")


def examples() -> list[list[dict[str, Any]]]:
    """The page's five JSON blocks: binary up and down, resumed, events up and down."""
    blocks = re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)
    return [[json.loads(line) for line in block.splitlines()] for block in blocks]


def caption(speaker: Speaker, stage: m.Stage, segment: int, text: str) -> m.Caption:
    return m.Caption(speaker=speaker, stage=stage, turn=1, segment=segment, text=text, position=0)


HOLA = "¡Hola!"
SAID: list[m.ServerMessage] = [
    READY,
    caption(Speaker.USER, m.Stage.SPOKEN, 1, "Hola"),
    caption(Speaker.ASSISTANT, m.Stage.PLANNED, 2, HOLA),
    caption(Speaker.ASSISTANT, m.Stage.SPOKEN, 2, HOLA),
    m.ToolStarted(tool_use_id="t1", name="consultarOrder"),
    m.ToolFinished(tool_use_id="t1", name="consultarOrder", outcome=m.Outcome.OK, duration_ms=12),
    m.TurnFinished(
        turn=1,
        latency=m.TurnLatency(
            first_audio_ms=310.5, model_ms=296.0, tool_ms=12.0, server_ms=2.5, hearing_ms=1804.2
        ),
    ),
    m.Interrupted(turn=1, generation=1),
    m.AssistantPhase(phase=m.Phase.AWAY),
    m.AssistantPhase(phase=m.Phase.BACK),
    m.Moving(resume_after_ms=500),
    m.CallError(
        code="throttled",
        message="Todas las líneas están ocupadas. Probá de nuevo en un momento.",
        retryable=True,
        retry_after_s=20.0,
    ),
    m.CallEnded(reason=m.EndReason.CLIENT),
]


def test_the_binary_wire_hears_its_examples() -> None:
    client, wire = ClientFrames(), BinaryWire()
    heard = [heard.word for event in examples()[0] for heard in wire.decode(client.event(**event))]
    assert heard == [
        m.StartCall(input_rate_hz=16000, ticket="…", voice="lupe", language="es"),
        m.CustomerText(text="Consulta el pedido número 1 con DNI 12345678"),
        m.ReplyHeard(position=48000, after_ms=83.2, rtt_ms=1.9),
        m.EndCall(),
    ]


def frames(side: str) -> list[bytes]:
    """The page's whole frames of one side."""
    (block,) = re.findall(r"```hex\n(.*?)```", PAGE, re.DOTALL)
    lines = (line.split() for line in block.splitlines())
    return [bytes.fromhex("".join(line[2:])) for line in lines if line[0] == side]


def test_the_binary_wire_hears_its_frames() -> None:
    heard = [heard for frame in frames("client") for heard in BinaryWire().decode(frame)]
    assert heard == [
        m.Heard(m.CustomerAudio(pcm=b"\1\0\2\0"), 5),
        m.Heard(m.Played(sequence=9, generation=2, position=48000)),
        m.Heard(m.Ping(payload=b"42")),
        m.Heard(m.ResumeCall(token="3f2a.zG0kq8", wanted=10, generation=2, position=48000)),
    ]


def test_the_clients_frames_are_the_documented_ones() -> None:
    client = ClientFrames()
    client.sequence, client.position = 5, 512
    assert frames("client") == [
        client.audio(b"\1\0\2\0"),
        client.played(sequence=9, generation=2, position=48000),
        client.ping(b"42"),
        client.resume("3f2a.zG0kq8", wanted=10, generation=2, position=48000),
    ]


def test_the_binary_wire_says_its_frames() -> None:
    speech = m.SpeechChunk(generation=2, position=48000, pcm=b"\1\0\2\0", first=True, turn=1)
    said = [
        m.Numbered(speech, 11),
        m.Numbered(m.Received(sequence=5, position=514)),
        m.Numbered(m.Flush(generation=3), 12),
        m.Numbered(m.Pong(payload=b"42")),
    ]
    sent = [frame for each in said for frame in BinaryWire().encode(each, time_ms=1000)]
    assert sent == frames("server")


def test_the_binary_wire_says_its_examples() -> None:
    assert [server_event(message) for message in SAID] == examples()[1]


def test_the_binary_wire_says_its_example_of_coming_back() -> None:
    resumed = m.CallResumed(ready=READY, wanted=0, generation=0, position=0)
    (frame,) = BinaryWire().encode(m.Numbered(resumed), time_ms=0)
    assert isinstance(frame, bytes)
    assert [read(frame).event] == examples()[2]


def test_the_events_wire_hears_its_examples() -> None:
    wire = LegacyWire()
    heard = [heard.word for event in examples()[3] for heard in wire.decode(json.dumps(event))]
    assert heard == [m.StartCall(greet=False), m.CustomerAudio(pcm=b"\1\0\2\0"), m.EndCall()]


def test_the_events_wire_says_its_examples() -> None:
    result = {"promptName": "p", "contentName": "block-2", "content": {"ok": True}}
    said: list[m.ServerMessage] = [
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
        for message in said
        for frame in wire.encode(m.Numbered(message), time_ms=1690000000000)
    ]
    assert [json.loads(frame) for frame in frames] == examples()[4]
