"""The binary wire: frames to messages and back, and what it refuses."""

import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voice.wire import messages as m
from voice.wire.binary import HEADER, MAX_PAYLOAD_BYTES, BinaryWire, FrameType
from voice.wire.client import ClientFrames, read

pytestmark = pytest.mark.pure


def frame(kind: int, payload: bytes = b"", *, sequence: int = 0) -> bytes:
    return HEADER.pack(kind, 0, 0, sequence, 0, 0) + payload


def refusal(data: bytes | str, wire: BinaryWire | None = None) -> m.WireError:
    with pytest.raises(m.WireError) as caught:
        (wire or BinaryWire()).decode(data)
    return caught.value


def test_a_client_frame_reads_as_what_it_says() -> None:
    client, wire = ClientFrames(), BinaryWire()
    frames = [
        client.event(type="start", inputSampleRateHz=8000),
        client.audio(b"\1\0\2\0"),
        client.event(type="text", text=" Hola "),
        client.played(sequence=7, generation=2, position=480),
        client.ping(b"now"),
        client.event(type="end"),
    ]
    assert [word for data in frames for word in wire.decode(data)] == [
        m.StartCall(input_rate_hz=8000),
        m.CustomerAudio(pcm=b"\1\0\2\0"),
        m.CustomerText(text="Hola"),
        m.Played(sequence=7, generation=2, position=480),
        m.Ping(payload=b"now"),
        m.EndCall(),
    ]


def test_a_rate_written_with_a_point_is_a_whole_number() -> None:
    (word,) = BinaryWire().decode(
        frame(FrameType.EVENT, b'{"type":"start","inputSampleRateHz":8e3}')
    )
    assert word == m.StartCall(input_rate_hz=8000)
    assert isinstance(word.input_rate_hz, int)


def test_a_start_without_a_rate_means_16_khz() -> None:
    assert BinaryWire().decode(ClientFrames().event(type="start")) == [m.StartCall()]


@pytest.mark.parametrize(
    ("data", "code", "close_code"),
    [
        ("text", "bad_frame", 1008),
        (b"", "bad_frame", 1008),
        (b"\1" * (HEADER.size - 1), "bad_frame", 1008),
        (frame(99), "bad_frame", 1008),
        (frame(FrameType.AUDIO_OUT), "bad_frame", 1008),
        (frame(FrameType.AUDIO_IN, bytes(MAX_PAYLOAD_BYTES + 1)), "frame_too_big", 1009),
        (frame(FrameType.AUDIO_IN, b"\1\0\2"), "odd_audio", None),
        (frame(FrameType.EVENT, b"{"), "bad_event", 1008),
        (frame(FrameType.EVENT, b"\xff\xfe"), "bad_event", 1008),
        (frame(FrameType.EVENT, b"[1]"), "bad_event", 1008),
        (frame(FrameType.EVENT, b"[" * 60_000), "bad_event", 1008),
        (frame(FrameType.EVENT, rb'{"type": "text", "text": "\ud800"}'), "bad_event", None),
        (frame(FrameType.EVENT, b'{"type": "sing"}'), "unknown_event", None),
        (frame(FrameType.EVENT, b"{}"), "unknown_event", None),
        (frame(FrameType.EVENT, b'{"type": "text"}'), "bad_event", None),
        (frame(FrameType.EVENT, b'{"type": "text", "text": "  "}'), "bad_event", None),
        (frame(FrameType.EVENT, b'{"type": "text", "text": 5}'), "bad_event", None),
        (
            frame(FrameType.EVENT, b'{"type": "start", "inputSampleRateHz": 44100}'),
            "bad_event",
            None,
        ),
        (frame(FrameType.EVENT, b'{"type": "start", "inputSampleRateHz": []}'), "bad_event", None),
    ],
)
def test_a_broken_frame_is_refused_with_its_reason(
    data: bytes | str, code: str, close_code: int | None
) -> None:
    error = refusal(data)
    assert (error.code, error.close_code) == (code, close_code)


def test_the_largest_frame_passes() -> None:
    (word,) = BinaryWire().decode(frame(FrameType.AUDIO_IN, bytes(MAX_PAYLOAD_BYTES)))
    assert word == m.CustomerAudio(pcm=bytes(MAX_PAYLOAD_BYTES))


def test_the_longest_text_passes_and_one_character_more_does_not() -> None:
    client, wire = ClientFrames(), BinaryWire()
    longest = "á" * m.MAX_TEXT_CHARACTERS
    assert wire.decode(client.event(type="text", text=longest)) == [m.CustomerText(text=longest)]
    assert refusal(client.event(type="text", text=longest + "á"), wire).code == "text_too_long"


def test_a_gap_is_the_clients_own_drop_and_passes() -> None:
    wire = BinaryWire()
    wire.decode(frame(FrameType.AUDIO_IN, sequence=0))
    assert wire.decode(frame(FrameType.AUDIO_IN, sequence=5)) == [m.CustomerAudio(pcm=b"")]


def test_a_step_back_is_refused() -> None:
    wire = BinaryWire()
    wire.decode(frame(FrameType.AUDIO_IN, sequence=5))
    assert refusal(frame(FrameType.AUDIO_IN, sequence=5), wire).code == "out_of_order"


def test_the_sequence_goes_on_past_its_end() -> None:
    wire = BinaryWire()
    wire._next_in = 2**32 - 1
    wire.decode(frame(FrameType.AUDIO_IN, sequence=2**32 - 1))
    assert wire.decode(frame(FrameType.AUDIO_IN, sequence=0))


@given(st.binary(max_size=64))
def test_no_frame_does_worse_than_a_wire_error(data: bytes) -> None:
    with contextlib.suppress(m.WireError):
        BinaryWire().decode(data)


LATENCY = m.TurnLatency(first_audio_ms=10.04, model_ms=8, tool_ms=1.5, server_ms=0.504)
EVENTS = [
    (
        m.CallReady(call_id="c", input_rate_hz=16000, output_rate_hz=24000, voice="carlos"),
        {
            "type": "ready",
            "callId": "c",
            "inputSampleRateHz": 16000,
            "outputSampleRateHz": 24000,
            "voice": "carlos",
        },
    ),
    (
        m.Caption(
            speaker=m.Speaker.ASSISTANT,
            stage=m.Stage.PLANNED,
            turn=1,
            segment=2,
            text="¿Sí?",
            position=480,
        ),
        {
            "type": "caption",
            "role": "assistant",
            "stage": "planned",
            "turn": 1,
            "segment": 2,
            "text": "¿Sí?",
            "position": 480,
        },
    ),
    (
        m.Interrupted(turn=1, generation=3),
        {"type": "interrupted", "turn": 1, "generation": 3},
    ),
    (
        m.ToolStarted(tool_use_id="t", name="crearOrder"),
        {"type": "tool", "phase": "started", "toolUseId": "t", "name": "crearOrder"},
    ),
    (
        m.ToolFinished(tool_use_id="t", name="n", outcome=m.Outcome.REFUSED, duration_ms=4),
        {
            "type": "tool",
            "phase": "finished",
            "toolUseId": "t",
            "name": "n",
            "outcome": "refused",
            "durationMs": 4,
        },
    ),
    (
        m.TurnFinished(turn=2, latency=LATENCY),
        {
            "type": "turn",
            "phase": "finished",
            "turn": 2,
            "latency": {"firstAudioMs": 10.04, "modelMs": 8, "toolMs": 1.5, "serverMs": 0.5},
        },
    ),
    (
        m.TurnFinished(turn=2, latency=None),
        {"type": "turn", "phase": "finished", "turn": 2, "latency": None},
    ),
    (
        m.CallError(code="c", message="Ay", retryable=True),
        {"type": "error", "code": "c", "message": "Ay", "retryable": True},
    ),
    (m.CallEnded(reason=m.EndReason.CLIENT), {"type": "ended", "reason": "client"}),
]


@pytest.mark.parametrize(("message", "event"), EVENTS)
def test_an_event_is_json(message: m.ServerMessage, event: dict[str, object]) -> None:
    (data,) = BinaryWire().encode(message, time_ms=5)
    assert isinstance(data, bytes)
    received = read(data)
    assert (received.kind, json.loads(received.payload)) == (FrameType.EVENT, event)


def test_speech_carries_generation_position_and_place_in_the_reply() -> None:
    chunk = m.SpeechChunk(generation=2, position=960, pcm=b"\1\0", first=True, last=True)
    (data,) = BinaryWire().encode(chunk, time_ms=2**32 + 7)
    assert HEADER.unpack_from(data) == (FrameType.AUDIO_OUT, 3, 2, 0, 960, 7)  # type: ignore[arg-type]
    assert data[HEADER.size :] == b"\1\0"


def test_the_sequence_counts_audio_flushes_and_events_but_no_pongs() -> None:
    wire = BinaryWire()
    words = [
        m.SpeechChunk(generation=0, position=0, pcm=b""),
        m.Pong(payload=b"x"),
        m.Flush(generation=1),
        m.Interrupted(turn=1, generation=1),
    ]
    frames = [read(data) for word in words for data in wire.encode(word, time_ms=0)]  # type: ignore[arg-type]
    assert [(got.kind.name, got.sequence) for got in frames] == [
        ("AUDIO_OUT", 0),
        ("PONG", 0),
        ("FLUSH", 1),
        ("EVENT", 2),
    ]


def test_the_services_own_events_have_no_place_here() -> None:
    assert BinaryWire().encode(m.ServiceEvent(source={"usageEvent": {}}), time_ms=0) == []
